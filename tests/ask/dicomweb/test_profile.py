"""A census over QIDO-RS on the wire: the scope's budget and the bounds of a connection, at depths `count` and `profile`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from filmbadge.ask.dicomweb import profile
from filmbadge.model import Census, Depth, DicomWebFacts, Doubt, DoubtCode, JournalRow, OutcomeKind, Profile
from filmbadge.scope import LOOPBACK, Budget, Scope
from support import factories
from support.http_site import http, serving
from support.loopback import caps, contact, listening, run
from support.simulated_archive import Simulated, days
from support.simulated_protocols import OverQido

FACTS = DicomWebFacts("/dicom-web", may_ask=True, records=1)


def counted(
    peer: OverQido, scope: Scope, depth: Depth = Depth.COUNT, pages: int = 1 << 30
) -> tuple[Census, Profile | None, list[str], list[JournalRow]]:
    """What was found, what was asked for, and the connections. The server closes each after so many `pages`."""
    paths: list[str] = []

    def answer(path: str) -> bytes:
        if "offset=" not in path:  # a question about a single study
            return http("200 OK", b"[]")
        status, body, _ = peer.respond(path)
        return http(f"{status} -", body)

    async def work() -> tuple[Census, Profile | None, list[JournalRow]]:
        there, rows = contact(scope)
        async with listening(serving(answer, paths, pages)) as port:
            seen = factories.web(FACTS, port=port, depth=depth)
            learned = await profile.count(there, seen, FACTS)
        facts = learned.seen.get(DicomWebFacts)
        assert facts is not None and facts.census is not None
        return facts.census, facts.profile, rows

    census, kinds, rows = run(work())
    return census, kinds, paths, rows


@pytest.mark.parametrize("depth", [Depth.COUNT, Depth.PROFILE])
@pytest.mark.parametrize("pages", [1, 1 << 30], ids=["a connection for each page", "one connection"])
@pytest.mark.parametrize("questions", [1, 5, 9])
def test_no_more_is_asked_than_the_budget_allows(questions: int, pages: int, depth: Depth) -> None:
    peer = OverQido(Simulated(days("growing", 43, 1), 2))
    census, kinds, paths, _ = counted(peer, replace(LOOPBACK, census=Budget(questions=questions)), depth, pages)
    assert len(paths) <= questions
    assert census.queries <= questions
    if not census.complete:
        assert census.doubts == (Doubt(DoubtCode.BUDGET_QUESTIONS, {"questions": questions}),)
    if depth is Depth.PROFILE:
        assert kinds is not None
        assert Doubt(DoubtCode.BUDGET_QUESTIONS, {"questions": questions}) in kinds.doubts
        assert kinds.deep <= 1


def test_single_studies_are_asked_for_within_the_budget() -> None:
    peer = OverQido(Simulated(days("growing", 43, 1), 2))
    census, kinds, paths, _ = counted(peer, replace(LOOPBACK, census=Budget(questions=30)), Depth.PROFILE)
    assert (census.complete, len(paths)) == (True, 30)
    assert kinds is not None
    assert (kinds.complete, kinds.records, kinds.queries) == (True, 45, 30)
    assert 0 < kinds.deep < 15


def test_a_budget_of_bytes_bounds_what_is_received() -> None:
    peer = OverQido(Simulated(days("growing", 3000, 1)))
    census, _, _, rows = counted(peer, replace(LOOPBACK, census=Budget(received_bytes=300_000)))
    assert census.doubts == (Doubt(DoubtCode.BUDGET_BYTES, {"bytes": 300_000}),)
    page = 500 * len(peer.respond("/studies?limit=1&offset=0")[1])
    assert 300_000 <= sum(row.received or 0 for row in rows) < 300_000 + 2 * page


def test_a_census_goes_on_over_another_connection_before_the_bounds_of_one_are_reached() -> None:
    peer = OverQido(Simulated(days("growing", 3000, 1)))
    census, _, _, rows = counted(peer, replace(LOOPBACK, caps=caps(seconds=60, received_bytes=800_000)))
    assert (census.doubts, census.studies) == ((), 3000)
    assert {row.stop.ending for row in rows} == {OutcomeKind.COMPLETED}
    assert len(rows) > 2
