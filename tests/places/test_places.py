"""All sources together: the first answer is the field's, others stand behind it, and nothing is guessed."""

from __future__ import annotations

from pathlib import Path

from filmbadge.model import NOWHERE, Said
from filmbadge.places import PACKAGED, load
from filmbadge.places.source import Used

HEAD = "# date: 2026-11-20\nnetwork,country,operator\n"


def test_without_a_source_nothing_is_said() -> None:
    for address in ("127.0.0.1", "::1", "10.0.0.1", "192.0.2.1", "2001:db8::1", "pacs.example", ""):
        assert PACKAGED.of(address) is NOWHERE


def test_the_package_says_a_country_and_its_version_for_its_date() -> None:
    (used,) = PACKAGED.used
    assert (used.name, used.kind, used.date) == ("iptocc", "package", "")
    assert used.version
    place = PACKAGED.of("8.8.8.8")  # looked up in the package, and not asked
    assert place.country == (Said("US", f"iptocc {used.version}", ""),)
    assert not place.network


def test_sources_that_disagree_are_all_told_and_the_first_comes_first(tmp_path: Path) -> None:
    first, second = tmp_path / "a.csv", tmp_path / "b.csv"
    first.write_text(HEAD + "8.8.0.0/16,,Hospital\n")
    second.write_text(HEAD + "8.0.0.0/8,DE,Clinic\n")
    place = load([first, second]).of("8.8.8.8")
    assert [said.value for said in place.country] == ["DE", "US"]
    assert place.countries == ("DE", "US")
    assert [(said.value, said.source) for said in place.operator] == [("Hospital", "a.csv"), ("Clinic", "b.csv")]
    assert place.network == "8.8.0.0/16"


def test_what_was_used_is_named_with_a_digest(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(HEAD + "127.0.0.0/8,DE,\n")
    before = load([path])
    assert before.used[0] == Used("a.csv", "csv", date="2026-11-20", digest=before.used[0].digest)
    assert len(before.used[0].digest) == 64
    path.write_text(HEAD + "127.0.0.0/8,US,\n")
    assert load([path]).digest != before.digest != PACKAGED.digest
    assert load([]) is PACKAGED
