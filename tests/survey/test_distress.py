"""An archive that showed distress is left alone, over every protocol, and what was not asked is unknown."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from filmbadge.ask.decoder import elements
from filmbadge.ask.dimse import command, pdu
from filmbadge.ask.dimse.command import Command
from filmbadge.ask.targets.lists import parse
from filmbadge.ask.wire import throttle
from filmbadge.catalogue.dicom import STUDY_ROOT_FIND, VERIFICATION
from filmbadge.model import (
    Cause,
    Depth,
    DicomWebFacts,
    DimseFacts,
    Doubt,
    DoubtCode,
    Host,
    JournalRow,
    Outcome,
    OutcomeKind,
    Reason,
)
from filmbadge.scope import LOOPBACK
from filmbadge.survey.examine import examine
from support.http_site import http, serving
from support.loopback import HERE, Handler, caps, dialer, listening, run

ACCEPT = pdu.associate(
    pdu.ASSOCIATE_AC,
    pdu.Associate("A", "B", tuple(pdu.Context(number, "", ("1.2.840.10008.1.2",)) for number in (1, 3, 5))),
)
ECHOED = pdu.data(1, command.encode(Command(command.C_ECHO_RSP, 1, VERIFICATION, 0)), None, 16384)
ROW = elements.encode([(elements.STUDY_UID, b"1.2")], explicit=False)
FOUND = pdu.data(3, command.encode(Command(command.C_FIND_RSP, 2, STUDY_ROOT_FIND, 0xFF00, True)), ROW, 16384)
ENDED = pdu.data(3, command.encode(Command(command.C_FIND_RSP, 2, STUDY_ROOT_FIND, 0)), None, 16384)
CONGESTED = pdu.reject(2, 3, 1)  # transient, PS3.8 Table 9-21

JSON = "Content-Type: application/dicom+json"
STUDY = {"0020000D": {"vr": "UI", "Value": ["1.2.3"]}}
NOT_FOUND = http("404 Not Found")

DISTRESS = Outcome(OutcomeKind.SPARED, Cause.DISTRESS)
LEFT_ALONE = (Doubt(DoubtCode.BROKE_OFF, stop=DISTRESS),)


@pytest.fixture(autouse=True)
def no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which is asked for after a sign of distress."""
    monkeypatch.setattr(throttle, "DISTRESS_SECONDS", 0.0)


def dicom(*, associations: int) -> Handler:
    """Gives one record, and is congested after so many associations."""
    left = associations

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal left
        left -= 1
        for answer in (ACCEPT, ECHOED, FOUND + ENDED, pdu.RELEASE_RESPONSE) if left >= 0 else (CONGESTED,):
            await reader.read(65536)
            writer.write(answer)
        await reader.read()

    return handler


def qido(path: str) -> bytes:
    """Gives one record, and has too much to do for a list of them."""
    if not path.startswith("/dicom-web/studies"):
        return NOT_FOUND
    if "limit=500" in path and "StudyInstanceUID" not in path:
        return http("429 Too Many Requests")
    return http(f"200 OK\r\n{JSON}", json.dumps([] if "StudyInstanceUID" in path else [STUDY]).encode())


def examined(dimse: list[Handler], web: list[Handler], *, web_first: bool = False) -> tuple[Host, list[JournalRow]]:
    """One host with these ports, at depth `prove`. Named ports are asked in their order, others DIMSE first."""

    async def work() -> tuple[Host, list[JournalRow]]:
        async with AsyncExitStack() as stack:
            listeners = [stack.enter_async_context(listening(handler)) for handler in (*dimse, *web)]
            ports = tuple([await port for port in listeners])
            dimse_ports, web_ports = ports[: len(dimse)], ports[len(dimse) :]
            scope = replace(
                LOOPBACK,
                dimse_ports=dimse_ports,
                dimse_tls_ports=(),
                web_ports=web_ports,
                web_tls_ports=(),
                caps=caps(idle_seconds=1),
            )
            door, rows = dialer(scope)
            named = ":" + ",".join(map(str, (*web_ports, *dimse_ports))) if web_first else ""
            return await examine(door, parse(f"{HERE}{named}"), Depth.PROVE), rows

    return run(work())


def test_after_distress_in_dimse_the_web_is_left_alone() -> None:
    """Three archives in DIMSE are congested when they are counted; a fourth is reached by DICOMweb alone."""
    host, rows = examined([dicom(associations=1) for _ in range(3)], [serving(qido)])
    questions = [row.question.split()[:2] for row in rows]
    assert questions == [["dimse", "ask"]] * 3 + [["http", "ask"]] + [["dimse", "census"]] * 3
    (web,) = (facts for j in host.judged if (facts := j.observation.get(DicomWebFacts)) is not None)
    assert web.census is not None and web.profile is not None and web.proof is not None
    assert not web.census.complete and not web.profile.complete and not web.proof.bytes
    assert len(host.archives) == 4
    for archive in host.archives:
        assert archive.open
        assert (archive.counts.studies.value, archive.counts.studies.at_least) == (None, 1)
    assert host.archives[3].counts.studies.doubts == LEFT_ALONE


def test_after_distress_on_the_web_dimse_is_left_alone() -> None:
    """DIMSE is counted first, as an archive of its own, and not looked at further once DICOMweb had too much to do."""
    host, rows = examined([dicom(associations=9)], [serving(qido) for _ in range(3)], web_first=True)
    assert [row.question for row in rows[-3:]] == ["http profile QIDO-RS"] * 3
    assert not [row for row in rows if row.question.startswith(("dimse profile", "dimse instance"))]
    (dimse,) = (f for j in host.judged if (f := j.observation.get(DimseFacts)) is not None)
    assert dimse.profile is not None and dimse.profile.doubts == LEFT_ALONE
    assert len(host.archives) == 4
    for archive in host.archives:
        assert archive.open and archive.counts.studies.value is None and archive.counts.studies.at_least == 1


def test_ports_that_were_still_to_be_asked_are_unknown_and_not_silent() -> None:
    host, rows = examined([dicom(associations=0) for _ in range(4)], [serving(qido)])
    assert [row.question.split()[1] for row in rows] == ["ask"] * 3
    verdicts = [judged.verdict for judged in host.judged]
    assert [verdict.why for verdict in verdicts] == [Reason.REJECTED] * 3 + [Reason.SPARED] * 2
    assert all(verdict.rung is None and verdict.stop == DISTRESS for verdict in verdicts[3:])
    assert not any(verdict.conclusive for verdict in verdicts)
