"""One host: a fault of ours stands beside what was seen, and a step that teaches nothing is not taken for ever."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from filmbadge.ask import ways, web
from filmbadge.ask.learned import Learned
from filmbadge.ask.targets.lists import parse
from filmbadge.ask.wire.contact import Contact
from filmbadge.judge.archives import judge
from filmbadge.keep.schema import endpoint_rows
from filmbadge.model import Depth, Host, Observation, OrthancFacts, Outcome, OutcomeKind, Protocol, Rung
from filmbadge.scope import LOOPBACK
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
    assert [(row.get("port"), row.get("rung"), row["why"]) for row in endpoint_rows(host, "t", AT)] == [
        (9, "silent", "port-closed"),
        (None, None, "own-error"),
    ]
    document = card.document("t", Depth.COUNT, host, [], Words())
    assert "KeyError" in document.fault
    assert "could not find out everything" in card._headline(document, Words()).plain


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
    assert sentence in card._headline(document, Words()).plain
    shown = [card._why(endpoint, Words()) for endpoint in document.endpoints]
    assert all(
        why.startswith("cannot tell: ") is not endpoint.conclusive
        for why, endpoint in zip(shown, document.endpoints, strict=True)
    )
