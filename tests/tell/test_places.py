"""Where an address stands in words: every source with its date, and no pick between two that disagree."""

from __future__ import annotations

from filmbadge.model import NOWHERE, Hint, HintSource, Place, Said
from filmbadge.tell.places import hint, lines
from filmbadge.tell.words import Words

WORDS = Words()


def test_without_a_source_it_is_not_attributed() -> None:
    assert list(lines(NOWHERE, WORDS)) == ["Country: not attributed"]


def test_each_field_has_its_source_and_date() -> None:
    told = Place(
        "192.0.2.0/24",
        (Said("DE", "a.csv", "2026-11-20"), Said("DE", "iptocc 3.3.170")),
        (Said("64500", "a.csv", "2026-11-20"),),
        operator=(Said("Klinik", "a.csv", "2026-11-20"),),
    )
    assert list(lines(told, WORDS)) == [
        "Country: DE (a.csv of 2026-11-20; iptocc 3.3.170, which does not date its data)",
        "Autonomous system: AS64500; Operator: Klinik (a.csv of 2026-11-20)",
        "Network: 192.0.2.0/24",
    ]


def test_sources_that_disagree_stand_side_by_side() -> None:
    told = Place(country=(Said("DE", "a.csv", "2026-11-20"), Said("US", "b.mmdb", "2026-10-01")))
    assert list(lines(told, WORDS)) == ["Country: DE or US (DE: a.csv of 2026-11-20; US: b.mmdb of 2026-10-01)"]


def test_a_hint_says_that_it_is_no_proof() -> None:
    said = hint(Hint("Klinik", HintSource.ORGANISATION, "http://192.0.2.1:443"), WORDS)
    assert (
        said == "Hint, no proof of who runs it: its certificate is of the organisation “Klinik” (http://192.0.2.1:443)"
    )
