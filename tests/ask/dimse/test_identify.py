"""How `ask` goes from question to question, and when it stops asking."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import date
from typing import Any

import pytest

from filmbadge.ask.decoder import elements
from filmbadge.ask.dimse.association import Answer
from filmbadge.ask.dimse.identify import IdentifyProgress, _search, windows
from filmbadge.ask.dimse.profile import profile
from filmbadge.ask.dimse.prove import prove
from filmbadge.ask.learned import Learned
from filmbadge.ask.wire.contact import Contact
from filmbadge.catalogue.dicom import STUDY_ROOT_FIND
from filmbadge.model import DimseFacts, Observation
from support import factories
from support.loopback import contact, run

Probe = Callable[[Contact, Observation, DimseFacts], Coroutine[Any, Any, Learned]]

TODAY = date(2026, 11, 22)
SUCCESS, UNABLE, NO_RESOURCES = 0x0000, 0xC000, 0xA700


def search(*answers: Answer) -> tuple[list[bytes], IdentifyProgress, bool]:
    """The date keys that were asked, until the search ends."""
    notes, asked = IdentifyProgress(), []
    searching = _search(STUDY_ROOT_FIND, notes, windows(TODAY))
    try:
        query = next(searching)
        for answer in answers:
            assert query.cancel_after == 1
            asked.append(dict(query.keys)[elements.STUDY_DATE])
            query = searching.send(answer)
    except StopIteration as end:
        return asked, notes, end.value
    raise AssertionError(f"it would ask on, after {asked}")


def test_the_first_match_ends_it() -> None:
    asked, notes, answered = search(Answer(SUCCESS), Answer(0xFE00, 1, True))
    assert len(asked) == 2
    assert answered
    assert [find.matches for find in notes.finds] == [0, 1]


def test_an_empty_archive_is_asked_for_everything_in_the_end() -> None:
    asked, _, answered = search(*[Answer(SUCCESS)] * 7)
    assert asked[-1] == b""
    assert answered


@pytest.mark.parametrize("status", [UNABLE, 0xA900, 0x0110])
def test_an_archive_that_refuses_a_range_is_asked_without_one(status: int) -> None:
    asked, notes, answered = search(Answer(status), Answer(0xFE00, 1, True))
    assert asked[1] == b""
    assert answered
    assert notes.finds[-1].matches == 1


def test_a_model_that_refuses_everything_did_not_answer() -> None:
    asked, _, answered = search(Answer(0x0122), Answer(0x0122))
    assert len(asked) == 2
    assert not answered


def test_an_archive_in_distress_is_asked_no_further() -> None:
    asked, _, answered = search(Answer(NO_RESOURCES))
    assert len(asked) == 1
    assert answered


@pytest.mark.parametrize("probe", [profile, prove])
def test_an_archive_that_showed_distress_in_its_census_is_asked_no_more(probe: Probe) -> None:
    there, journal = contact()
    for _ in range(3):
        there.pace.distressed()
    facts = factories.admitted(factories.DISCLOSED)
    found = run(probe(there, factories.dimse(facts), facts)).seen.get(DimseFacts)
    assert not journal
    assert found is not None
    kept = found.profile or found.proof
    assert kept is not None and "distress" in repr(kept)
