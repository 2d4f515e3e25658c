"""What became of each way in that was open, from records alone: nobody is asked."""

from __future__ import annotations

from itertools import product

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from filmbadge.compare.asked import Heard
from filmbadge.compare.closure import (
    NETWORK,
    PROOFS,
    THIS_MACHINE,
    Before,
    Closure,
    Limit,
    Result,
    State,
    Unproven,
    closure,
    heard,
    known,
    worst,
)
from filmbadge.compare.records import CLOSED_BY, By
from filmbadge.model import (
    Abort,
    Archive,
    Cause,
    Counters,
    Depth,
    DimseFacts,
    Endpoint,
    Host,
    Identity,
    JudgedEndpoint,
    Observation,
    OrthancFacts,
    Outcome,
    OutcomeKind,
    PageFacts,
    Product,
    Protocol,
    Reason,
    Rejection,
    Rung,
    Verdict,
)
from support.factories import ADDRESS, DISCLOSED, admitted, dimse, host, reported, web

DICOM, WEB = Endpoint(ADDRESS, 4242, Protocol.DIMSE), Endpoint(ADDRESS, 8042, Protocol.HTTP)
OPENED = Heard(Rung.DISCLOSES, Reason.RECORDS, conclusive=True)
REFUSED, NOBODY = Outcome(OutcomeKind.REFUSED), Outcome(OutcomeKind.NO_ANSWER)
REJECTS = DimseFacts(called="ANY-SCP", valid_pdu=True, rejection=Rejection(1, 1, 3))
FULL = DimseFacts(called="ANY-SCP", valid_pdu=True, rejection=Rejection(2, 3, 1))  # congestion
OPEN = host(ADDRESS, dimse(admitted(DISCLOSED)), web(reported()))


def before(seen: Host = OPEN, depth: Depth = Depth.COUNT, seen_from: str = NETWORK) -> Before:
    judged = {one.observation.endpoint: heard(one) for one in seen.judged}
    archives = tuple(known(archive, judged) for archive in seen.archives)
    return Before(seen.address, depth, judged, archives, seen_from)


def after(
    *seen: Observation, was: Before | None = None, depth: Depth = Depth.COUNT, seen_from: str = NETWORK
) -> Closure:
    return closure(was or before(), host(ADDRESS, *seen), depth, seen_from)


def states(found: Closure) -> list[State]:
    return [way.state for way in found.ways]


def refused(port: int) -> Observation:
    return dimse(None, port=port, stop=REFUSED)


def judged(verdict: Verdict, endpoint: Endpoint = DICOM, name: str = "") -> JudgedEndpoint:
    seen = dimse(None, port=endpoint.port)
    seen = msgspec.structs.replace(seen, endpoint=endpoint)
    return JudgedEndpoint(seen, verdict, Product(name))


def one_way(verdict: Verdict, *, depth: Depth = Depth.COUNT, name: str = "") -> Closure:
    """One way was open to depth `count`; now it has this verdict, whatever a judge would make of it."""
    was = Before(ADDRESS, Depth.COUNT, {DICOM: OPENED}, (), NETWORK)
    return closure(was, Host(ADDRESS, (judged(verdict, name=name),), ()), depth, NETWORK)


def test_both_ways_refused_is_closed() -> None:
    """A port that refuses is known in DIMSE alone: it was not asked in HTTP."""
    found = after(refused(4242), refused(8042), refused(104))
    assert (found.result, states(found), found.limits) == (Result.CLOSED, [State.REFUSED, State.REFUSED], ())
    assert [other.endpoint.port for other in found.others] == [104]


def test_one_way_that_is_still_open_is_open() -> None:
    found = after(dimse(admitted(DISCLOSED)), refused(8042))
    assert (found.result, states(found)) == (Result.OPEN, [State.STILL_OPEN, State.REFUSED])


def test_a_host_that_answers_nowhere_is_not_reachable_and_not_closed() -> None:
    silent = [dimse(None, port=port, stop=NOBODY) for port in (4242, 8042, 104)]
    found = after(*silent)
    assert found.result is Result.INCONCLUSIVE
    assert {way.unproven for way in found.ways} == {Unproven.NOT_REACHABLE}


def test_a_port_is_filtered_where_another_one_answers() -> None:
    silent = [dimse(None, port=port, stop=NOBODY) for port in (4242, 8042)]
    found = after(*silent, refused(104))
    assert (found.result, states(found)) == (Result.CLOSED, [State.FILTERED, State.FILTERED])


@pytest.mark.parametrize("facts", [REJECTS, admitted((), None)])
def test_a_permanent_rejection_is_a_proof_and_an_association_that_says_nothing_is_none(facts: DimseFacts) -> None:
    found = after(dimse(facts), refused(8042))
    wanted = Result.CLOSED if facts is REJECTS else Result.INCONCLUSIVE
    assert found.result is wanted


def test_congestion_proves_nothing() -> None:
    found = after(dimse(FULL), refused(8042))
    assert (found.result, found.ways[0].unproven) == (Result.INCONCLUSIVE, Unproven.NO_PROOF)


def test_an_archive_on_another_port_is_moved_and_its_other_way_is_told_by_itself() -> None:
    found = after(refused(4242), refused(8042), dimse(admitted(DISCLOSED), port=4243))
    assert (found.result, states(found)) == (Result.OPEN, [State.MOVED, State.REFUSED])
    assert [one.port for one in found.ways[0].moved_to] == [4243]
    assert found.others == ()


def test_a_way_in_another_protocol_takes_the_place_of_all_that_were_closed() -> None:
    was = before(host(ADDRESS, dimse(admitted(DISCLOSED))))
    found = after(refused(4242), web(reported()), was=was)
    assert (found.result, states(found)) == (Result.OPEN, [State.MOVED])
    assert found.ways[0].moved_to == (WEB,)


def test_another_archive_is_not_the_one_that_moved_and_the_whole_is_not_closed() -> None:
    """They name other products, so nothing says that they are one. Somebody is open there nevertheless."""
    was = before()
    other = msgspec.structs.replace(was.archives[0], identity=Identity((DICOM, WEB), (), "another"), product="another")
    found = after(
        refused(4242), refused(8042), web(reported(), port=8043), was=msgspec.structs.replace(was, archives=(other,))
    )
    assert (found.result, states(found)) == (Result.OPEN, [State.REFUSED, State.REFUSED])
    assert found.limits == (Limit.OTHER_OPEN,)


def test_what_is_new_and_unknown_at_another_port_may_be_the_archive() -> None:
    unknown = dimse(None, port=11112, stop=Outcome(OutcomeKind.IDLE))
    found = after(refused(4242), refused(8042), unknown)
    assert (found.result, found.limits) == (Result.INCONCLUSIVE, (Limit.OTHER_UNDECIDED,))
    was = before(host(ADDRESS, dimse(admitted(DISCLOSED)), web(reported()), unknown))
    assert after(refused(4242), refused(8042), unknown, was=was).result is Result.CLOSED, "it was there before"


def test_an_address_that_was_not_asked_is_not_closed() -> None:
    was = before()
    there = Endpoint("192.0.2.8", 4242, Protocol.DIMSE)
    was = msgspec.structs.replace(was, heard={**was.heard, there: OPENED})
    found = after(refused(4242), refused(8042), was=was)
    assert found.result is Result.INCONCLUSIVE
    assert found.limits == (Limit.ADDRESS_NOT_ASKED,)
    assert found.ways[-1].unproven is Unproven.NOT_ASKED


def test_an_address_of_its_name_that_the_scope_does_not_cover_was_not_asked() -> None:
    asked = msgspec.structs.replace(host(ADDRESS, refused(4242), refused(8042)), unasked=("2001:db8::7",))
    found = closure(before(), asked, Depth.COUNT, NETWORK)
    assert (found.result, found.limits) == (Result.INCONCLUSIVE, (Limit.ADDRESS_NOT_ASKED,))


def test_from_its_own_machine_nothing_is_proven_that_was_open_to_a_network() -> None:
    ports = refused(4242), refused(8042)
    found = after(*ports, seen_from=THIS_MACHINE)
    assert (found.result, found.limits) == (Result.INCONCLUSIVE, (Limit.STANDPOINT,))
    assert after(*ports, was=before(seen_from=THIS_MACHINE), seen_from=THIS_MACHINE).result is Result.CLOSED
    assert after(*ports, was=before(seen_from=THIS_MACHINE)).result is Result.CLOSED


def test_what_kept_us_from_asking_all_keeps_it_from_being_closed() -> None:
    asked = host(ADDRESS, refused(4242), refused(8042))
    broken = msgspec.structs.replace(asked, fault=Outcome(OutcomeKind.OUT_OF_SCOPE, Cause.SCOPE_EXPIRED))
    found = closure(before(), broken, Depth.COUNT, NETWORK)
    assert (found.result, found.limits) == (Result.INCONCLUSIVE, (Limit.BROKE_OFF,))


def test_a_login_of_a_product_with_a_known_account_is_closed_as_far_as_can_be_seen() -> None:
    login = PageFacts(status=401, front=401, realm="a realm", login=True, doors=True)
    found = after(refused(4242), web(login))
    assert (found.result, found.ways[1].state) == (Result.AS_SEEN, State.LOGIN)
    assert found.ways[1].unproven is Unproven.KNOWN_ACCOUNT


def test_an_archive_that_is_empty_and_answers_is_not_closed() -> None:
    empty = OrthancFacts(status=200, is_orthanc=True, version="1.12.1", counters=Counters(0, 0, 0, 0, 0))
    found = after(refused(4242), web(empty))
    assert (found.result, found.ways[1].unproven) == (Result.INCONCLUSIVE, Unproven.EMPTIED)


def test_a_front_that_hangs_up_after_it_asked_for_a_certificate_is_told_as_that() -> None:
    hung = dimse(None, stop=Outcome(OutcomeKind.CLOSED, Cause.CERTIFICATE_ASKED))
    found = after(hung, refused(8042))
    assert (found.result, states(found)) == (Result.CLOSED, [State.CLOSED_AFTER_TLS, State.REFUSED])
    dropped = after(dimse(None, stop=Outcome(OutcomeKind.CLOSED)), refused(8042))
    assert (dropped.result, dropped.ways[0].unproven) == (Result.INCONCLUSIVE, Unproven.NO_PROOF)


REASONS = {
    By.REFUSED: Reason.PORT_CLOSED, By.FILTERED: Reason.FILTERED, By.REJECTED: Reason.REJECTED,
    By.ABORTED: Reason.FIND_ABORTED, By.QUERY_REFUSED: Reason.FIND_FAILED, By.CONTEXT_REFUSED: Reason.CONTEXT_REFUSED,
    By.CLIENT_CERTIFICATE: Reason.CLIENT_CERTIFICATE, By.LOGIN: Reason.LOGIN, By.OTHER_SERVICE: Reason.PAGE,
}  # fmt: skip
CLOSED_RUNGS = [None, *(rung for rung in Rung if not rung.open)]
VERDICTS = some.builds(
    Verdict,
    some.sampled_from([None, *Rung]),
    some.sampled_from(Reason),
    some.lists(some.sampled_from([0, 1, 2, 401, 403, 404]), max_size=3).map(tuple),
    conclusive=some.booleans(),
)


@given(VERDICTS, some.sampled_from(Depth), some.sampled_from(["", "Orthanc"]))
def test_closed_is_only_what_is_proven_and_on_the_list(verdict: Verdict, depth: Depth, name: str) -> None:
    found = one_way(verdict, depth=depth, name=name)
    (way,) = found.ways
    opened = verdict.rung is not None and verdict.rung.open
    assert found.result is way.result
    assert (way.result is Result.OPEN) == opened
    assert (way.state is State.STILL_OPEN) == opened
    if way.result in (Result.CLOSED, Result.AS_SEEN):
        assert verdict.conclusive
        assert heard(judged(verdict)).by in PROOFS
    assert (way.result is Result.CLOSED) == (way.unproven is None and not opened)


@pytest.mark.parametrize("why", Reason)
def test_it_says_what_a_comparison_of_surveys_says(why: Reason) -> None:
    """But for an archive that is empty, or refuses our queries alone: a survey has nothing more to find in it."""
    for rung, code, conclusive in product(CLOSED_RUNGS, [0, 401, 403], [False, True]):
        verdict = Verdict(rung, why, (code,), conclusive=conclusive)
        by = heard(judged(verdict)).by
        assert (one_way(verdict).result is Result.CLOSED) == (by in CLOSED_BY - {By.EMPTIED, By.CONTEXT_REFUSED})


def test_every_proof_of_a_comparison_has_a_state_here_but_one() -> None:
    assert CLOSED_BY - set(PROOFS) == {By.EMPTIED}


@pytest.mark.parametrize("by", [*PROOFS])
def test_asked_less_deep_only_what_ends_before_any_question_is_a_proof(by: By) -> None:
    verdict = Verdict(Rung.SPEAKS, REASONS[by], conclusive=True)
    # Who lets strangers in, and refuses our queries, may offer others: a worklist, or images by their number.
    proven = Result.AS_SEEN if by is By.CONTEXT_REFUSED else Result.CLOSED
    assert one_way(verdict).result is proven
    found = one_way(verdict, depth=Depth.KNOCK)
    early = by in (By.REFUSED, By.FILTERED, By.REJECTED, By.CONTEXT_REFUSED, By.CLIENT_CERTIFICATE)
    assert found.result is (proven if early else Result.INCONCLUSIVE)
    assert Limit.LESS_DEEP in found.limits


@pytest.mark.parametrize("by", [*PROOFS])
def test_a_title_that_opened_it_must_be_used_again(by: By) -> None:
    """A stranger without it was rejected before, too."""
    was = Before(ADDRESS, Depth.COUNT, {DICOM: OPENED}, (), NETWORK, ("MAINPACS",), (ADDRESS,))
    now = Host(ADDRESS, (judged(Verdict(Rung.SPEAKS, REASONS[by], conclusive=True)),), ())
    without, with_it = (closure(was, now, Depth.COUNT, NETWORK, titles) for titles in ((), ("MAINPACS", "OTHER")))
    assert (with_it.result, with_it.limits) == (Result.AS_SEEN if by is By.CONTEXT_REFUSED else Result.CLOSED, ())
    early = by in (By.REFUSED, By.FILTERED, By.CLIENT_CERTIFICATE)
    assert without.result is (Result.CLOSED if early else Result.INCONCLUSIVE)
    assert without.limits == (Limit.OTHER_TITLE,)


@given(some.lists(some.sampled_from([None, *Result])))
def test_the_whole_is_the_worst_and_of_nothing_it_is_inconclusive(results: list[Result | None]) -> None:
    known_ones = [one for one in results if one is not None]
    found = worst(results)
    assert found in known_ones or (not known_ones and found is Result.INCONCLUSIVE)
    if Result.OPEN in known_ones:
        assert found is Result.OPEN
    assert (found is Result.CLOSED) == (set(known_ones) == {Result.CLOSED})


def test_an_archive_is_known_by_its_open_ways() -> None:
    (archive,) = OPEN.archives
    assert isinstance(archive, Archive)
    assert before().open == (DICOM, WEB)
    assert known(archive, before().heard).ways == (DICOM, WEB)
    aborts = dimse(admitted(()), stop=Outcome(OutcomeKind.ABORTED, Cause.ABORTED, {"source": 0, "reason": 0}))
    assert not before(host(ADDRESS, aborts.with_facts(msgspec.structs.replace(admitted(), abort=Abort(0, 0))))).open


def test_a_silent_port_was_asked_in_whatever_protocol() -> None:
    """A check asks a port of the web in HTTP alone, and a proof asks each port in both."""
    known_before = before()
    silent = msgspec.structs.replace(refused(8080), endpoint=Endpoint(ADDRESS, 8080, Protocol.HTTP))
    (told,) = host(ADDRESS, silent).judged
    known_before.heard[told.observation.endpoint] = heard(told)
    found = closure(known_before, host(ADDRESS, refused(4242), refused(8042), refused(8080)), Depth.COUNT, NETWORK)
    (other,) = (one for one in found.others if one.endpoint.port == 8080)
    assert other.was is not None
