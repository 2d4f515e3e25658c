"""Hosts that hang, babble, hang up or lie are survived within their bounds, with a reason."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from dataclasses import replace

import msgspec
import pytest

from filmbadge.ask import web
from filmbadge.ask.decoder import elements
from filmbadge.ask.dimse import census, command, pdu
from filmbadge.ask.dimse import identify as dimse
from filmbadge.ask.dimse.command import Command
from filmbadge.ask.wire.contact import Contact
from filmbadge.catalogue.dicom import STUDY_ROOT_FIND, VERIFICATION
from filmbadge.judge.ladder import place
from filmbadge.model import Cause, Depth, DimseFacts, OutcomeKind, Reason, Rung
from filmbadge.scope import LOOPBACK
from support.hanging import HANGS
from support.loopback import Handler, caps, contact, dialer, listening, run

HOSTILE = replace(LOOPBACK, caps=caps(idle_seconds=0.5, received_bytes=200_000))
HUGE = b"\x02\x00\xff\xff\xff\xff"
ACCEPT = pdu.associate(
    pdu.ASSOCIATE_AC,
    pdu.Associate(
        "ANY-SCP",
        "FILMBADGE",
        tuple(pdu.Context(number, "", ("1.2.840.10008.1.2",)) for number in (1, 3, 5)),
    ),
)


def says(*words: bytes) -> Handler:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        for word in words:
            writer.write(word)
        await reader.read()

    return handler


async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def close_at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    return


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(10)
    writer.transport.abort()


async def half_a_pdu(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(ACCEPT[:40])
    await writer.drain()


async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for byte in ACCEPT:
        writer.write(bytes([byte]))
        await asyncio.sleep(0.05)


async def flood_of_data(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(65536)
    writer.write(ACCEPT)
    while True:
        writer.write(pdu.header(pdu.P_DATA, 60_000) + b"\0\0\xea\x5c\x03\x00" + bytes(59_994))
        await writer.drain()


def response(number: int, status: int, uid: bytes | None = None) -> bytes:
    """A response to C-FIND, in implicit VR."""
    said = Command(command.C_FIND_RSP, number, STUDY_ROOT_FIND, status, uid is not None)
    row = None if uid is None else elements.encode([(elements.STUDY_UID, uid)], explicit=False)
    return pdu.data(3, command.encode(said), row, 16384)


ECHOED = pdu.data(1, command.encode(Command(command.C_ECHO_RSP, 1, VERIFICATION, 0)), None, 16384)
ANSWERS = (ACCEPT, ECHOED, response(2, 0xFF00, b"1.2") + response(2, 0), pdu.RELEASE_RESPONSE)


async def a_byte_at_a_time(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A slow loris: it associates as it should, and never ends its answer."""
    await reader.read(65536)
    writer.write(ACCEPT)
    for byte in pdu.header(pdu.P_DATA, 60_000) + bytes(60_000):
        writer.write(bytes([byte]))
        await asyncio.sleep(0.05)


async def matches_without_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Each is another study, and no cancel is heard."""
    await reader.read(65536)
    writer.write(ACCEPT)
    await reader.read(65536)
    for number in range(100_000):
        writer.write(response(1, 0xFF00, b"1.2.%d" % number))
        await writer.drain()


@pytest.mark.parametrize(
    ("handler", "rung", "why", "cause"),
    [
        (hang, Rung.LISTENING, Reason.NOT_IMAGING, Cause.IDLE_LIMIT),
        (close_at_once, Rung.LISTENING, Reason.NOT_IMAGING, None),
        (reset, Rung.LISTENING, Reason.NOT_IMAGING, None),
        (half_a_pdu, Rung.LISTENING, Reason.NOT_IMAGING, None),
        (drip, Rung.LISTENING, Reason.NOT_IMAGING, Cause.TIME_LIMIT),
        (says(bytes(range(90, 250))), Rung.LISTENING, Reason.NOT_IMAGING, Cause.SPOKE_OTHER),
        (says(HUGE), Rung.LISTENING, Reason.NOT_IMAGING, Cause.PDU_TOO_LONG),
        (says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), Rung.LISTENING, Reason.NOT_IMAGING, Cause.SPOKE_HTTP),
        (says(b"SSH-2.0-OpenSSH_9.2\r\n"), Rung.LISTENING, Reason.NOT_IMAGING, Cause.SPOKE_SSH),
        (says(b"\x15\x03\x03\0\x02\x02\x28"), Rung.LISTENING, Reason.NOT_IMAGING, Cause.SPOKE_TLS),
        (says(ACCEPT), Rung.ADMITS, Reason.FIND_BROKE_OFF, Cause.IDLE_LIMIT),
        (says(ACCEPT, b"\x04\x00\xff\xff\xff\xff"), Rung.ADMITS, Reason.FIND_BROKE_OFF, Cause.IDLE_LIMIT),
        (says(ACCEPT, b"\x05\x00\xff\xff\xff\xff"), Rung.ADMITS, Reason.FIND_BROKE_OFF, Cause.PDU_TOO_LONG),
        (says(ACCEPT, b"\x63\x00\0\0\0\0"), Rung.ADMITS, Reason.FIND_BROKE_OFF, Cause.UNKNOWN_PDU),
        (a_byte_at_a_time, Rung.ADMITS, Reason.FIND_BROKE_OFF, Cause.TIME_LIMIT),
        (flood_of_data, Rung.ADMITS, Reason.FIND_BROKE_OFF, Cause.BYTE_LIMIT),
        (says(pdu.reject(2, 3, 2)), Rung.SPEAKS, Reason.REJECTED, Cause.REJECTED),
        (says(pdu.abort(2, 1)), Rung.SPEAKS, Reason.ABORTED, Cause.ABORTED),
    ],
)
def test_a_hostile_dicom_peer(handler: Handler, rung: Rung, why: Reason, cause: Cause | None) -> None:
    async def work() -> None:
        lasts = 0.6 if cause is Cause.TIME_LIMIT else HANGS  # near only where it is waited for
        there, rows = contact(replace(HOSTILE, caps=replace(HOSTILE.caps, seconds=lasts)))
        async with listening(handler) as port:
            seen = await dimse.ask(there, port, Depth.COUNT)
        verdict = place(seen)
        assert (verdict.rung, verdict.why) == (rung, why)
        assert seen.stop.cause is cause
        assert verdict.stop in (seen.stop, None)
        assert len(rows) <= 2  # one that hung up is asked once more
        assert all(row.stop.ending is not OutcomeKind.OWN_ERROR and (row.received or 0) < 2_000_000 for row in rows)

    run(work())


def until(bytes_said: int) -> Handler:
    """Answers as an open archive with one study, and resets the connection after so many bytes."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        left = bytes_said
        for answer in ANSWERS:
            await reader.read(65536)
            writer.write(answer[:left])
            left -= len(answer)
            if left <= 0:
                break
        # With no time to linger the kernel says RST.
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return handler


def test_a_reset_at_any_byte_has_a_reason() -> None:
    async def work() -> None:
        there, rows = contact(HOSTILE)
        places = range(0, len(b"".join(ANSWERS)) + 1, 3)
        for at in places:
            async with listening(until(at)) as port:
                seen = await dimse.ask(there, port, Depth.ASK)
            assert place(seen).rung in (Rung.LISTENING, Rung.SPEAKS, Rung.ADMITS, Rung.DISCLOSES)
            # Where the echo was answered, and is not asked again, its script answers another question than ours.
            broken = (OutcomeKind.RESET, OutcomeKind.CLOSED, OutcomeKind.BROKEN)
            assert seen.stop.ending in (*broken, OutcomeKind.COMPLETED)
        assert len(rows) <= 3 * len(places)

    run(work())


def test_matches_without_end_are_no_count() -> None:
    async def work() -> None:
        there, rows = contact(
            replace(LOOPBACK, caps=caps(seconds=60.0, received_bytes=200_000))
        )  # bytes come first, however slow the machine
        async with listening(until(1 << 20)) as port:
            seen = await dimse.ask(there, port, Depth.COUNT)
        assert place(seen).rung is Rung.DISCLOSES
        async with listening(matches_without_end) as port:
            endpoint = msgspec.structs.replace(seen.endpoint, port=port)
            asked = seen.get(DimseFacts)
            assert asked is not None
            learned = await census.count(there, msgspec.structs.replace(seen, endpoint=endpoint), asked)
        assert not learned.whole
        counted = learned.seen.get(DimseFacts)
        assert counted is not None and counted.census is not None
        assert not counted.census.complete
        assert counted.census.doubts[0].stop == rows[-1].stop
        assert rows[-1].stop.ending is OutcomeKind.BYTE_CAP
        assert (rows[-1].received or 0) < 1_000_000

    run(work())


def test_ipv6() -> None:
    async def work() -> None:
        door, rows = dialer(HOSTILE)
        async with listening(says(pdu.reject(1, 1, 7)), "::1") as port:
            seen = await dimse.ask(Contact(door, await door.resolve("::1")), port, Depth.ASK)
        assert place(seen).rung is Rung.SPEAKS
        assert rows[0].address == "::1"

    run(work())


def http(head: str, body: bytes = b"") -> bytes:
    return f"HTTP/1.1 {head}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


SYSTEM = {"Version": "1.12.1", "ApiVersion": 18, "DicomAet": "ORTHANC", "DicomPort": 4242}


@pytest.mark.parametrize(
    ("handler", "rung"),
    [
        (hang, Rung.LISTENING),
        (close_at_once, Rung.LISTENING),
        (reset, Rung.LISTENING),
        (says(b"SSH-2.0-x\r\n"), Rung.LISTENING),
        (says(b"HTTP/1.1 200 OK\r\n" + b"A" * 40_000), Rung.LISTENING),
        (says(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n" + bytes(150_000)), Rung.LISTENING),
        (says(http("200 OK", b"<html>one page for every path</html>")), Rung.LISTENING),
        (says(http("200 OK", b'{"Version": "1"}')), Rung.LISTENING),
        (says(http("200 OK", b"[" * 60_000)), Rung.LISTENING),
        (says(http("200 OK", b'{"Version": "\xff"}')), Rung.LISTENING),
        (says(http("301 Moved\r\nLocation: http://192.0.2.1/system")), Rung.LISTENING),
        (says(http('401 Unauthorized\r\nWWW-Authenticate: Basic realm="Router"')), Rung.LISTENING),
        (says(http('401 Unauthorized\r\nWWW-Authenticate: Basic realm="Orthanc Secure Area"')), Rung.SPEAKS),
        (says(http("200 OK", json.dumps(SYSTEM).encode())), Rung.ADMITS),
    ],
)
def test_a_hostile_web_peer(handler: Handler, rung: Rung) -> None:
    """The last one answers /system to /statistics as well: no counter, so not open."""

    async def work() -> None:
        there, rows = contact(HOSTILE)
        async with listening(handler) as port:
            seen = await web.visit(there, port, Depth.COUNT)
        assert place(seen).rung is rung
        assert all(row.stop.ending is not OutcomeKind.OWN_ERROR for row in rows)

    run(work())


def test_a_title_that_is_hung_up_on_keeps_what_was_proven() -> None:
    """The first association was rejected in DICOM; a hang-up at the second does not make it no imaging service."""

    async def work() -> None:
        calls = 0

        async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal calls
            calls += 1
            await reader.read(65536)
            if calls == 1:
                writer.write(pdu.reject(1, 1, 7))
                await reader.read()

        there, rows = contact(replace(HOSTILE, called_titles=("LABQR",)))
        async with listening(handler) as port:
            seen = await dimse.ask(there, port, Depth.COUNT)
        assert (place(seen).rung, place(seen).why) == (Rung.SPEAKS, Reason.REJECTED)
        assert len(rows) == 3

    run(work())
