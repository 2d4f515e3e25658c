"""Depth `prove` on real archives: the head of one image, counted and dropped; and on peers that go on."""

from __future__ import annotations

import asyncio
import fcntl
import termios
from pathlib import Path

import pytest

from filmbadge.ask.decoder import elements
from filmbadge.ask.dimse import association, command, pdu, prove
from filmbadge.ask.dimse.command import Command
from filmbadge.ask.targets.lists import parse
from filmbadge.catalogue.dicom import EXPLICIT_LITTLE, STUDY_ROOT_FIND, VERIFICATION
from filmbadge.judge.ladder import place
from filmbadge.model import Depth, DimseFacts, Endpoint, Find, Observation, Outcome, OutcomeKind, Protocol, Rung
from filmbadge.survey.examine import examine
from support import archives
from support.factories import AT
from support.loopback import HERE, contact, dialer, listening, run

CT = "1.2.840.10008.5.1.4.1.1.2"


def test_orthanc_hands_images_out(tmp_path: Path) -> None:
    with archives.orthanc(tmp_path, DicomAlwaysAllowFind=True, DicomAlwaysAllowGet=True) as served:
        target = f"127.0.0.1:{served.dicom}"
        card = archives.check(target, "--depth", "prove", "--owner", "the test suite")
        shallower = archives.check(target)
    (endpoint,) = card["endpoints"]
    assert endpoint["rung"] == "delivers"
    assert "bytes of an image to a program on this machine, dropped unread" in endpoint["reason"]
    assert card["archives"][0]["counts"]["studies"]["at_least"] == served.truth.studies  # some have no date
    # Question, census, kinds; an instance and an image of each study that was drawn, for it says of none whether it can be had.
    assert card["connections"] in range(3 + 2 * 1, 3 + 2 * 5 + 1)
    assert "5 of 5 images drawn by lot came" in card["archives"][0]["images_retrievable"]["why"]
    assert card["bytes_received"] < 1_000_000
    assert shallower["endpoints"][0]["rung"] == "discloses"  # nothing is retrieved unless it is asked for


def test_orthanc_that_gives_records_but_no_images(tmp_path: Path) -> None:
    with archives.orthanc(tmp_path, DicomAlwaysAllowFind=True, DicomAlwaysAllowGet=False) as served:
        card = archives.check(f"127.0.0.1:{served.dicom}", "--depth", "prove", "--owner", "the test suite")
    assert card["endpoints"][0]["rung"] == "offers"  # it accepts C-GET and the class, and aborts when it is asked
    assert "and did not send it" in card["endpoints"][0]["reason"]
    assert card["archives"][0]["open"] is True


def test_dcmqrscp(tmp_path: Path) -> None:
    with archives.dcmqrscp(tmp_path) as served:
        scope = archives.scope_file(tmp_path, depth="prove", extra='ae_titles.called = ["LABQR"]')
        card = archives.check(f"127.0.0.1:{served.dicom}", "--scope", str(scope))
    assert card["endpoints"][0]["rung"] == "delivers"


def test_qrscp(tmp_path: Path) -> None:
    with archives.qrscp(tmp_path) as served:
        card = archives.check(f"127.0.0.1:{served.dicom}", "--depth", "prove", "--owner", "the test suite")
    assert card["endpoints"][0]["rung"] == "delivers"


def accept(request: bytes) -> bytes:
    """Every context, with its first transfer syntax."""
    asked = pdu.parse_associate(request[6:])
    contexts = tuple(pdu.Context(c.id, "", c.transfer[:1]) for c in asked.contexts)
    return pdu.associate(pdu.ASSOCIATE_AC, pdu.Associate("A", "B", contexts))


class Endless:
    """An archive that names one instance, and whose image never ends, whatever it is told."""

    def __init__(self) -> None:
        self.heard: list[int] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(accept(await self._unit(reader)))
        while unit := await self._unit(reader):
            if unit[0] == pdu.RELEASE_RQ:
                writer.write(pdu.RELEASE_RESPONSE)
            if unit[0] == pdu.ABORT:
                self.heard.append(pdu.ABORT)
                return
            for context, control, fragment in pdu.parse_data(unit[6:]) if unit[0] == pdu.P_DATA else ():
                if control & pdu.COMMAND:
                    asked = command.parse(fragment)
                    self.heard.append(asked.field)
                    if asked.field == command.C_ECHO_RQ:
                        echoed = Command(command.C_ECHO_RSP, asked.message_id, VERIFICATION, 0)
                        writer.write(pdu.data(context, command.encode(echoed), None, 16384))
                elif asked.field == command.C_FIND_RQ:
                    writer.write(self._row(context, asked))
                elif asked.field == command.C_GET_RQ:
                    await self._image(context, reader, writer)
                    return

    async def _unit(self, reader: asyncio.StreamReader) -> bytes:
        head = await reader.readexactly(6)
        return head + await reader.readexactly(int.from_bytes(head[2:], "big"))

    def _row(self, context: int, asked: Command) -> bytes:
        keys = [(elements.STUDY_UID, b"1.2"), (elements.SERIES_UID, b"1.2.3"), (elements.INSTANCE_UID, b"1.2.3.4")]
        row = elements.encode([*keys, (elements.SOP_CLASS, CT.encode())], explicit=True)
        pending = Command(command.C_FIND_RSP, asked.message_id, STUDY_ROOT_FIND, 0xFF00, True)
        final = Command(command.C_FIND_RSP, asked.message_id, STUDY_ROOT_FIND, 0xFE00)
        rows = pdu.data(context, command.encode(pending), row, 16384)
        return rows + pdu.data(context, command.encode(final), None, 16384)

    async def _image(self, context: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        listener = asyncio.create_task(self._listen(reader))
        store = Command(command.C_STORE_RQ, 1, CT, None, True)
        writer.write(pdu.data(3, command.encode(store), None, 16384))
        piece = pdu.header(pdu.P_DATA, 16006) + (16002).to_bytes(4, "big") + b"\x03\x00" + bytes(16000)
        # No more may be under way than the instrument reads at once: it would count what the buffers of the system hold, and
        # what comes after an abort would reset the connection before the abort is heard.
        line = writer.get_extra_info("socket")
        try:
            while not listener.done():
                writer.write(piece)
                while any(fcntl.ioctl(line.fileno(), termios.TIOCOUTQ, bytes(4))) and not listener.done():
                    await asyncio.sleep(0)
                await asyncio.sleep(0)
        finally:
            await listener

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        """Until the abort."""
        while unit := await self._unit(reader):
            if unit[0] == pdu.ABORT:
                self.heard.append(pdu.ABORT)
                return
            for _, control, fragment in pdu.parse_data(unit[6:]):
                if control & pdu.COMMAND:
                    self.heard.append(command.parse(fragment).field)


def test_an_image_without_an_end_is_cancelled_then_aborted() -> None:
    async def work() -> None:
        archive = Endless()
        facts = DimseFacts("ANY-SCP", accepted=True, valid_pdu=True, study_root=True, finds=(Find(None, 1, 0xFE00),))
        there, rows = contact()
        async with listening(archive) as port:
            endpoint = Endpoint(str(HERE), port, Protocol.DIMSE)
            before = Observation(
                endpoint=endpoint, at=AT, depth=Depth.PROVE, stop=Outcome(OutcomeKind.COMPLETED), facts=(facts,)
            )
            after = (await prove.prove(there, before, facts)).seen
        proven = after.get(DimseFacts)
        assert proven is not None and proven.proof is not None
        proof = proven.proof
        assert (proof.sop_class, proof.transfer_syntax) == (CT, EXPLICIT_LITTLE)
        assert prove.ENOUGH_BYTES <= proof.bytes < prove.ENOUGH_BYTES + 2 * association.DRAIN_BYTES
        assert archive.heard[-3:] == [command.C_GET_RQ, command.C_CANCEL_RQ, pdu.ABORT]
        assert set(archive.heard) == {command.C_FIND_RQ, command.C_GET_RQ, command.C_CANCEL_RQ, pdu.ABORT}
        assert len(rows) == 2
        assert (rows[1].received or 0) < 900_000
        assert place(after).rung is Rung.DELIVERS

    run(work())


@pytest.mark.parametrize("depth", [Depth.KNOCK, Depth.ASK, Depth.COUNT])
def test_nothing_is_retrieved_below_prove(depth: Depth) -> None:
    async def work() -> None:
        archive = Endless()
        door, _ = dialer()
        async with listening(archive) as port:
            await examine(door, parse(f"{HERE}:{port}"), depth)
        assert set(archive.heard) <= {command.C_ECHO_RQ, command.C_FIND_RQ, command.C_CANCEL_RQ}

    run(work())
