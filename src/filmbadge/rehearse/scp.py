"""A synthetic archive: a DIMSE acceptor (SCP) that behaves like real archives. Loopback only."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Iterator
from typing import cast

from filmbadge.ask.decoder import elements
from filmbadge.ask.dimse import command, pdu
from filmbadge.ask.dimse.command import Command
from filmbadge.ask.errors import WireError
from filmbadge.catalogue import kinds
from filmbadge.catalogue.dicom import (
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    PATIENT_ROOT_FIND,
    STUDY_ROOT_FIND,
    STUDY_ROOT_GET,
    VERIFICATION,
)
from filmbadge.model import Cause
from filmbadge.rehearse import image
from filmbadge.rehearse.answers import CANCELLED, COUNTS, OUT_OF_RESOURCES, SUCCESS, Answer, Question
from filmbadge.rehearse.world import Archive, Get, Manner

BUFFER = 256 * 1024  # bytes that wait to be sent, before an answer pauses
PAUSE = 0.002  # seconds after the first rows of an answer, in which a C-CANCEL may come
DRIP = 1.0  # seconds between two bytes of a peer that sends one now and then
_FIRST_WORDS = {
    Manner.SSH: b"SSH-2.0-OpenSSH_9.2\r\n",
    Manner.GARBAGE: bytes(range(100, 256)),
    Manner.HUGE_PDU: b"\x02\x00\xff\xff\xff\xff",
}
_DRIPS = pdu.header(pdu.ASSOCIATE_AC, 60_000)  # it goes on with zeros
_UIDS = frozenset((elements.STUDY_UID, elements.SERIES_UID, elements.INSTANCE_UID))
_ASKED = _UIDS | COUNTS | kinds.VR.keys() | {
    elements.QUERY_LEVEL, elements.STUDY_DATE, elements.STUDY_TIME, elements.MODALITIES_IN_STUDY, elements.SOP_CLASS,
    elements.INSTANCE_AVAILABILITY,
}  # fmt: skip
_STORAGE = "1.2.840.10008.5.1.4.1.1."
_NOT_AUTHORIZED = 0x0124  # PS3.7 C.4.2.2
_CANNOT_SEND, _SOME_FAILED = 0xA702, 0xB000  # PS3.4 Table C.4-3

BUSY, WRONG_CALLED, WRONG_CALLING = (2, 3, 2), (1, 1, 7), (1, 1, 3)  # PS3.8 Table 9-21


class Host:
    """One machine of a world: an archive, and what it remembers from one connection to the next."""

    def __init__(self, archive: Archive) -> None:
        self.archive = archive
        self.associations = 0
        self.finds = 0


class Acceptor(asyncio.Protocol):
    """One connection to one synthetic archive."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._archive = host.archive
        self._buffer = bytearray()
        self._contexts: dict[int, pdu.Context] = {}
        self._max_pdu = 0
        self._command: Command | None = None  # the request whose identifier is arriving
        self._identifier = bytearray()
        self._cancelled: set[int] = set()
        self._answered = 0  # C-FINDs of this association
        self._paused = self._waiting = False
        self._asked: Question | None = None  # the C-FIND that is being answered
        self._answer: Answer | None = None
        self._blocks: Iterator[bytes | bytearray] = iter(())
        self._block: bytes | bytearray | None = None  # the next one: an answer without another one ends at once
        self._getting: tuple[int, Command] | None = None  # the C-GET whose image is on its way

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(BUFFER)
        if self._archive.manner is Manner.CLOSES:
            self._transport.close()
        elif self._archive.manner is Manner.DRIPS:
            self._drip(0)
        elif words := _FIRST_WORDS.get(self._archive.manner):
            self._transport.write(words)

    def _drip(self, at: int) -> None:
        if not self._transport.is_closing():
            self._transport.write(_DRIPS[at : at + 1] or b"\0")
            asyncio.get_running_loop().call_later(DRIP, self._drip, at + 1)

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        if self._waiting:
            self._waiting = False
            self._go_on()

    def data_received(self, data: bytes) -> None:
        if self._archive.manner is not Manner.ARCHIVE:
            return
        self._buffer += data
        try:
            while len(self._buffer) >= pdu.HEADER.size:
                kind, length = pdu.HEADER.unpack_from(self._buffer)
                end = pdu.HEADER.size + length
                if length > 1 << 20:
                    raise WireError(Cause.PDU_LENGTH, kind, length)
                if len(self._buffer) < end:
                    return
                body = bytes(self._buffer[pdu.HEADER.size : end])
                del self._buffer[:end]
                self._unit(kind, body)
        except WireError:
            self._abort(2, 2)

    def _abort(self, source: int, reason: int = 0) -> None:
        self._transport.write(pdu.abort(source, reason))
        self._transport.close()

    def _unit(self, kind: int, body: bytes) -> None:
        if kind == pdu.ASSOCIATE_RQ:
            self._associate(pdu.parse_associate(body))
        elif kind == pdu.P_DATA and self._contexts:
            for context, control, fragment in pdu.parse_data(body):
                if control & pdu.COMMAND:
                    self._take_command(context, command.parse(fragment))
                elif self._command is not None:
                    self._identifier += fragment
                    if control & pdu.LAST:
                        request, self._command = self._command, None
                        self._operation(context, request, bytes(self._identifier))
        elif kind == pdu.RELEASE_RQ:
            self._transport.write(pdu.RELEASE_RESPONSE)
        elif kind == pdu.ABORT:
            self._transport.close()
        else:
            self._abort(2, 1)  # such as a C-STORE's: another service, PS3.8 Table 9-26

    def _associate(self, asked: pdu.Associate) -> None:
        archive, host = self._archive, self._host
        host.associations += 1
        refusal = None
        if host.associations <= archive.busy:
            refusal = BUSY
        elif archive.called and asked.called != archive.called:
            refusal = WRONG_CALLED
        elif archive.callers is not None and asked.calling not in archive.callers:
            refusal = WRONG_CALLING
        if refusal:
            self._transport.write(pdu.reject(*refusal))
            self._transport.close()
            return
        self._contexts = {context.id: self._agreed(context) for context in asked.contexts}
        stored = [c.abstract for c in asked.contexts if c.abstract.startswith(_STORAGE)] if self._gets else []
        self._max_pdu = asked.max_pdu
        unit = pdu.Associate(
            asked.called, asked.calling, tuple(self._contexts.values()), archive.max_pdu, *archive.implementation,
            tuple(dict.fromkeys(stored)),
        )  # fmt: skip
        self._transport.write(pdu.associate(pdu.ASSOCIATE_AC, unit))

    @property
    def _gets(self) -> bool:
        return self._archive.get is not Get.ABSENT

    def _agreed(self, asked: pdu.Context) -> pdu.Context:
        """The answer to a presentation context, PS3.8 9.3.3.2."""
        archive = self._archive
        known = {VERIFICATION, PATIENT_ROOT_FIND} | ({STUDY_ROOT_FIND} if archive.study_root else set())
        image_of = self._gets and asked.abstract.startswith(_STORAGE)
        if self._gets:
            known.add(STUDY_ROOT_GET)
        ours = (
            {EXPLICIT_LITTLE, IMPLICIT_LITTLE}
            if image_of
            else {EXPLICIT_LITTLE if archive.explicit else IMPLICIT_LITTLE}
        )
        syntax = [one for one in asked.transfer if one in ours]
        result = 0 if (image_of or asked.abstract in known) and syntax else 4 if image_of else 3
        return pdu.Context(asked.id, asked.abstract, tuple(syntax[:1]) or asked.transfer[:1], result)

    def _take_command(self, context: int, asked: Command) -> None:
        if context not in self._contexts or self._contexts[context].result:
            raise WireError(Cause.UNPROPOSED_CONTEXT, context)
        if asked.has_data_set:
            self._command = asked
            self._identifier.clear()
        elif asked.field == command.C_ECHO_RQ:
            self._respond(context, Command(command.C_ECHO_RSP, asked.message_id, VERIFICATION, status=SUCCESS))
        elif asked.field == command.C_CANCEL_RQ:
            self._cancelled.add(asked.message_id)
            self._over_getting(CANCELLED, asked.message_id)
        elif asked.field == command.C_STORE_RSP and self._getting is not None:
            self._over_getting(SUCCESS if asked.status == SUCCESS else _SOME_FAILED, self._getting[1].message_id)

    def _operation(self, context: int, request: Command, identifier: bytes) -> None:
        explicit = self._contexts[context].transfer[:1] == (EXPLICIT_LITTLE,)
        asked = elements.values(identifier, explicit=explicit, wanted=_ASKED)
        keys = {tag: value.strip(b" \0") for tag, value in asked.items()}
        if request.field == command.C_FIND_RQ:
            self._find(Question(keys, context, explicit, request, self._max_pdu))
        elif request.field == command.C_GET_RQ:
            self._get(context, request, keys)
        else:
            self._abort(2, 2)

    def _respond(self, context: int, response: Command) -> None:
        self._transport.write(pdu.data(context, command.encode(response), None, self._max_pdu))

    # C-FIND

    def _find(self, question: Question) -> None:
        archive, host = self._archive, self._host
        host.finds += 1
        if archive.aborts_queries:
            self._abort(0)
        elif archive.answers is not None and self._answered >= archive.answers:
            self._transport.close()
        elif host.finds <= archive.exhausted:
            self._transport.write(question.final(OUT_OF_RESOURCES))
        else:
            self._asked, self._answer = question, Answer(archive, question)
            self._blocks = iter(self._answer)
            self._block = next(self._blocks, None)
            self._go_on()

    def _go_on(self) -> None:
        """Sends one block in each turn of the event loop, so that a C-CANCEL can arrive in between."""
        if self._transport.is_closing() or self._asked is None or self._answer is None:
            return
        block = self._block
        if self._asked.request.message_id in self._cancelled:
            self._end(CANCELLED)
            return
        self._block = next(self._blocks, None)
        if block is not None:
            self._transport.write(block)
        if self._block is None:
            self._end(self._answer.status)
            return
        first, self._answer.begun = not self._answer.begun, True
        if self._paused:
            self._waiting = True
        elif first:
            asyncio.get_running_loop().call_later(PAUSE, self._go_on)
        else:
            asyncio.get_running_loop().call_soon(self._go_on)

    def _end(self, status: int) -> None:
        assert self._asked is not None
        question, self._asked, self._answer, self._block = self._asked, None, None, None
        self._blocks = iter(())
        self._answered += 1
        late = None
        if status == CANCELLED and self._archive.data_after_cancel:
            late = elements.encode([(elements.QUERY_LEVEL, question.level)], explicit=question.explicit)
        self._transport.write(question.final(status, late))

    # C-GET

    def _get(self, context: int, request: Command, keys: dict[int, bytes]) -> None:
        """Sends the one image that was asked for, as a C-STORE over the same association, PS3.4 C.4.3."""
        archive = self._archive
        study, series, instance = (
            keys.get(tag, b"") for tag in (elements.STUDY_UID, elements.SERIES_UID, elements.INSTANCE_UID)
        )
        number = archive.contents.number_of(study)
        storage = b"" if number is None else archive.contents.sop_class(number)
        place = next((c for c in self._contexts.values() if c.abstract.encode() == storage and not c.result), None)
        self._getting = context, request
        if number is None:
            self._over_getting(SUCCESS, request.message_id)
        elif archive.get is Get.REFUSES:
            self._over_getting(_NOT_AUTHORIZED, request.message_id)
        elif archive.get is Get.FAILS or not archive.contents.online_of(number):
            self._over_getting(_CANNOT_SEND, request.message_id)
        elif place is None:
            self._over_getting(_SOME_FAILED, request.message_id)
        else:
            explicit = place.transfer[:1] == (EXPLICIT_LITTLE,)
            content = image.data_set(storage, (study, series, instance), explicit=explicit)
            self._transport.write(pdu.data(place.id, _store(request, storage, instance), content, self._max_pdu))

    def _over_getting(self, status: int, message_id: int) -> None:
        if self._getting is None or self._getting[1].message_id != message_id:
            return
        (context, request), self._getting = self._getting, None
        done = Command(command.C_GET_RSP, message_id, request.affected_class, status)
        self._respond(context, done)


def _store(getting: Command, storage: bytes, instance: bytes) -> bytes:
    """The command set of a C-STORE-RQ, PS3.7 9.3.1.1."""
    parts = (
        (0x0002, storage + b"\0" * (len(storage) % 2)),
        (0x0100, struct.pack("<H", command.C_STORE_RQ)),
        (0x0110, struct.pack("<H", getting.message_id)),
        (0x0700, struct.pack("<H", 0)),
        (0x0800, struct.pack("<H", command.DATA_SET)),
        (0x1000, instance + b"\0" * (len(instance) % 2)),
    )
    body = b"".join(struct.pack("<HHI", 0, tag, len(value)) + value for tag, value in parts)
    return struct.pack("<HHII", 0, 0, 4, len(body)) + body
