"""One host: a fault of ours stands beside what was seen, and a step that teaches nothing is not taken for ever."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial

import pytest

from filmbadge.ask import ways, web
from filmbadge.ask.dimse import identify
from filmbadge.ask.learned import Learned
from filmbadge.ask.targets.lists import parse
from filmbadge.ask.wire.contact import Contact
from filmbadge.ask.wire.patience import ONE_SYN_SECONDS
from filmbadge.judge.archives import judge
from filmbadge.keep.schema import ENDPOINTS, endpoint_rows
from filmbadge.model import (
    Cause,
    Depth,
    Endpoint,
    Host,
    Observation,
    OrthancFacts,
    Outcome,
    OutcomeKind,
    Protocol,
    Rung,
)
from filmbadge.scope import LOOPBACK, ConnectionLimits, Scope, network_of
from filmbadge.survey.examine import examine
from filmbadge.tell import card
from filmbadge.tell.words import Words
from support.factories import ADDRESS, AT, dimse
from support.http_site import Handler, orthanc, serving
from support.loopback import HERE, caps, dialer, listening, run


def examined(depth: Depth = Depth.COUNT) -> Host:
    """A host with a closed port and an Orthanc's REST."""

    async def work() -> Host:
        async with listening(serving(orthanc)) as port:
            scope = replace(LOOPBACK, dimse_ports=(9,), dimse_tls_ports=(), web_ports=(port,), web_tls_ports=())
            door, _ = dialer(replace(scope, caps=caps(idle_seconds=0.5)))
            return await examine(door, parse(str(HERE)), depth)

    return run(work())


def test_a_fault_of_ours_leaves_what_was_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object, **__: object) -> Observation:
        raise KeyError("a value, perhaps")

    monkeypatch.setattr(web, "identify_either", broken)
    host = examined()
    assert host.fault == Outcome(OutcomeKind.OWN_ERROR, error="KeyError")
    assert [(judged.observation.endpoint.port, judged.verdict.rung) for judged in host.judged] == [(9, Rung.SILENT)]
    rows = ENDPOINTS.filled(list(endpoint_rows(host, "t", AT))).to_pylist()
    assert [(row["port"], row["rung"], row["why"]) for row in rows] == [
        (9, "silent", "port-closed"),
        (None, None, "own-error"),
    ]
    document = card.document("t", Depth.COUNT, host, [], Words())
    assert "KeyError" in document.fault
    assert "could not find out everything" in card.headline(document, Words()).plain


def test_a_step_that_leaves_no_trace_is_a_fault_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[Depth] = []

    async def idle(contact: Contact, seen: Observation, facts: OrthancFacts) -> Learned:
        taken.append(seen.depth)
        return Learned(seen)

    monkeypatch.setitem(ways.FURTHER, (OrthancFacts, Depth.PROFILE), idle)
    host = examined(Depth.PROFILE)
    assert taken == [Depth.PROFILE]
    assert host.fault == Outcome(OutcomeKind.OWN_ERROR, error="RuntimeError")
    assert host.archives[0].counts.studies.value == 3


PORTS = Scope(name="any", networks=()).ports
REJECTED = bytes.fromhex("03000000000400010103")  # A-ASSOCIATE-RJ, permanent, for the calling AE title


async def mux(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """DICOM that refuses, and an Orthanc's REST, on one port."""
    first = await reader.readexactly(4)
    if first == b"GET ":
        rest = asyncio.StreamReader()
        rest.feed_data(first + await reader.readuntil(b"\r\n\r\n"))
        rest.feed_eof()
        await serving(orthanc, pages=1)(rest, writer)
    else:
        writer.write(REJECTED)


async def rejecting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    if await reader.readexactly(1) == b"\x01":
        writer.write(REJECTED)


async def only_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    first = await reader.readexactly(1)
    if first == b"G":
        rest = asyncio.StreamReader()
        rest.feed_data(first + await reader.readuntil(b"\r\n\r\n"))
        rest.feed_eof()
        await serving(orthanc, pages=1)(rest, writer)
    else:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def sees(handler: Handler, named: bool, dimse: bool = True, http: bool = True) -> list[tuple[Protocol, Rung | None]]:
    """The rungs of one port, in each protocol. If the target does not name it, the scope lists it."""

    async def work() -> Host:
        async with listening(handler) as port:
            scope = replace(
                LOOPBACK,
                dimse_ports=(port,) if dimse else (),
                dimse_tls_ports=(),
                web_ports=(port,) if http else (),
                web_tls_ports=(),
                caps=caps(idle_seconds=0.5),
            )
            return await examine(dialer(scope)[0], parse(f"{HERE}:{port}" if named else str(HERE)), Depth.COUNT)

    return [(judged.observation.endpoint.protocol, judged.verdict.rung) for judged in run(work()).judged]


@pytest.mark.parametrize("named", [True, False])
def test_a_port_that_refuses_in_dicom_and_is_open_in_http_is_open(named: bool) -> None:
    assert sees(mux, named) == [(Protocol.DIMSE, Rung.SPEAKS), (Protocol.HTTP, Rung.DISCLOSES)]


def test_a_port_that_is_listed_for_dicom_alone_is_asked_in_nothing_else_once_it_spoke_dicom() -> None:
    assert sees(mux, named=False, http=False) == [(Protocol.DIMSE, Rung.SPEAKS)]


@pytest.mark.parametrize("named", [True, False])
def test_a_port_that_speaks_dicom_only_is_one_endpoint(named: bool) -> None:
    assert sees(rejecting, named) == [(Protocol.DIMSE, Rung.SPEAKS)]


@pytest.mark.parametrize(("named", "http"), [(True, False), (False, True), (False, False)])
def test_a_port_that_answers_dicom_in_http_is_asked_in_http(named: bool, http: bool) -> None:
    assert sees(only_http, named, http=http) == [(Protocol.HTTP, Rung.DISCLOSES)]


@pytest.mark.parametrize(
    ("endings", "sentence"),
    [
        ((OutcomeKind.NO_ANSWER, OutcomeKind.UNREACHABLE), "not reachable from here, so we cannot tell what is there"),
        ((OutcomeKind.NO_ANSWER, OutcomeKind.REFUSED), "no imaging service found on the ports asked"),
        ((OutcomeKind.IDLE,), "we could not find out everything, so this does not say that it is closed"),
    ],
)
def test_a_card_says_what_silence_means(endings: tuple[OutcomeKind, ...], sentence: str) -> None:
    silent = [dimse(None, port=104 + n, stop=Outcome(ending)) for n, ending in enumerate(endings)]
    document = card.document("t", Depth.COUNT, judge(ADDRESS, silent), [], Words())
    assert sentence in card.headline(document, Words()).plain
    shown = [card.why(endpoint, Words()) for endpoint in document.endpoints]
    assert all(
        why.startswith("cannot tell: ") is not endpoint.conclusive
        for why, endpoint in zip(shown, document.endpoints, strict=True)
    )


class DarkHost:
    """A host at which packets are dropped, but for the connects to `answers`, each of which is answered from a given try on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, answers: dict[int, int], accepted: int = 0) -> None:
        self.asked: list[tuple[int, float]] = []  # port, and how long its connect was to wait
        self._answers, self._accepted = answers, accepted
        monkeypatch.setattr(identify, "identify_either", partial(self._identify, Protocol.DIMSE))
        monkeypatch.setattr(web, "identify_either", partial(self._identify, Protocol.HTTP))

    async def _identify(
        self, protocol: Protocol, contact: Contact, port: int, depth: Depth, **_: object
    ) -> Observation:
        assert contact.connect_seconds is not None
        wait = contact.connect_seconds()
        self.asked.append((port, wait))
        answers = self._answers.get(port, 1 << 20) <= sum(asked == port for asked, _ in self.asked)
        stop = Outcome(OutcomeKind.NO_ANSWER, Cause.CONNECT_LIMIT, {"milliseconds": round(wait * 1000)})
        if answers:
            contact.dialer.patience.answered(network_of(contact.address), port, 0.001, accepted=True)
            stop = Outcome(OutcomeKind.REFUSED)
        return Observation(endpoint=Endpoint(str(contact.address), port, protocol), at=AT, depth=depth, stop=stop)

    def examined(self) -> Host:
        door, _ = dialer(Scope(name="t", networks=LOOPBACK.networks))
        if self._accepted:
            door.patience.answered(network_of(HERE), self._accepted, 0.001, accepted=True)
        return run(examine(door, parse(str(HERE)), Depth.ASK))


def test_a_host_in_a_network_where_nothing_answers_is_asked_once_more_with_all_patience(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dark = DarkHost(monkeypatch, {})
    host = dark.examined()
    assert dark.asked[:13] == [(port, ONE_SYN_SECONDS) for port in PORTS]
    assert dark.asked[13:] == [(PORTS[0], 5.0)]
    waited = {
        judged.observation.endpoint.port: judged.observation.stop.numbers["milliseconds"] for judged in host.judged
    }
    assert waited == dict.fromkeys(PORTS, 800) | {PORTS[0]: 5000}
    assert {judged.verdict.rung for judged in host.judged} == {Rung.SILENT}


def test_a_dark_host_in_a_network_that_answers_is_asked_where_others_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    dark = DarkHost(monkeypatch, {}, accepted=8042)
    dark.examined()
    assert dark.asked[:13] == [(port, 0.5) for port in PORTS]
    assert dark.asked[13:] == [(port, ONE_SYN_SECONDS) for port in (*PORTS[:2], 8042)]


def test_a_host_that_answers_in_the_second_look_only_is_asked_at_every_port_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its first SYN was lost; 8443 is the last port, and is asked a second time too."""
    dark = DarkHost(monkeypatch, {PORTS[0]: 2, 8443: 2})
    host = dark.examined()
    assert [port for port, _ in dark.asked] == [*PORTS, PORTS[0], *PORTS[1:]]
    assert {wait for _, wait in dark.asked[14:]} == {ONE_SYN_SECONDS}
    answered = [j.observation.endpoint.port for j in host.judged if j.observation.stop.ending is OutcomeKind.REFUSED]
    assert sorted(answered) == sorted([PORTS[0], 8443])


def test_a_port_given_up_early_at_a_host_that_answers_is_asked_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    dark = DarkHost(monkeypatch, {port: 1 for port in PORTS if port not in (80, 11112)})
    dark.examined()
    assert [port for port, _ in dark.asked] == [*PORTS, 11112, 80]


def test_what_waited_as_long_as_the_scope_allows_is_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    dark = DarkHost(monkeypatch, {})
    caps_ = replace(ConnectionLimits(), connect_seconds=0.5)
    door, _ = dialer(Scope(name="t", networks=LOOPBACK.networks, caps=caps_))
    run(examine(door, parse(str(HERE)), Depth.ASK))
    assert dark.asked == [(port, 0.5) for port in PORTS]


def test_a_named_port_is_asked_again_in_every_protocol(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that did not answer in DICOM is not asked in HTTP; one that is asked once more is as if it was new."""
    dark = DarkHost(monkeypatch, {})
    door, _ = dialer(Scope(name="t", networks=LOOPBACK.networks))
    run(examine(door, parse(f"{HERE}:7777"), Depth.ASK))
    assert dark.asked == [(7777, ONE_SYN_SECONDS), (7777, 5.0)]
