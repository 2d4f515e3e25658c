"""A synthetic archive: a DIMSE acceptor (SCP) that behaves like real archives. Loopback only."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from datetime import date
from typing import cast

from filmbadge.ask.decoder import elements
from filmbadge.ask.dimse import command, pdu
from filmbadge.ask.dimse.command import Command
from filmbadge.ask.errors import WireError
from filmbadge.catalogue import kinds
from filmbadge.catalogue.dicom import EXPLICIT_LITTLE, PATIENT_ROOT_FIND, STUDY_ROOT_FIND, VERIFICATION
from filmbadge.model import Cause
from filmbadge.rehearse.world import Archive, AtCap, CountKeys, Manner, Rows

_FIRST_WORDS = {
    Manner.SSH: b"SSH-2.0-OpenSSH_9.2\r\n",
    Manner.GARBAGE: bytes(range(100, 256)),
    Manner.HUGE_PDU: b"\x02\x00\xff\xff\xff\xff",
}
_HTTP_ANSWER = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_UIDS = frozenset((elements.STUDY_UID, elements.SERIES_UID, elements.INSTANCE_UID))
_COUNTS = frozenset((elements.SERIES_IN_STUDY, elements.IMAGES_IN_STUDY))
_ASKED = _UIDS | _COUNTS | kinds.VR.keys() | {elements.QUERY_LEVEL, elements.STUDY_DATE}

Keys = dict[int, bytes]


class Acceptor(asyncio.Protocol):
    """One connection to one synthetic archive."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._buffer = bytearray()
        self._contexts: dict[int, pdu.Context] = {}
        self._max_pdu = 0
        self._command: Command | None = None
        self._cancelled: set[int] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        if self._archive.manner is Manner.CLOSES:
            self._transport.close()
        elif words := _FIRST_WORDS.get(self._archive.manner):
            self._transport.write(words)

    def data_received(self, data: bytes) -> None:
        if self._archive.manner is Manner.HTTP:
            self._transport.write(_HTTP_ANSWER)
            self._transport.close()
        if self._archive.manner is not Manner.ARCHIVE:
            return
        self._buffer += data
        try:
            while len(self._buffer) >= pdu.HEADER.size:
                kind, length = pdu.HEADER.unpack_from(self._buffer)
                end = pdu.HEADER.size + length
                if len(self._buffer) < end:
                    return
                body = bytes(self._buffer[pdu.HEADER.size : end])
                del self._buffer[:end]
                self._unit(kind, body)
        except WireError:
            self._transport.write(pdu.abort(2, 2))
            self._transport.close()

    def _unit(self, kind: int, body: bytes) -> None:
        if kind == pdu.ASSOCIATE_RQ:
            self._associate(pdu.parse_associate(body))
        elif kind == pdu.P_DATA:
            for context, control, fragment in pdu.parse_data(body):
                if control & pdu.COMMAND:
                    self._command = command.parse(fragment)
                    if not self._command.has_data_set:
                        self._simple(context, self._command)
                elif self._command is not None:
                    self._find(context, self._command, fragment)
        elif kind == pdu.RELEASE_RQ:
            self._transport.write(pdu.RELEASE_RESPONSE)
        elif kind == pdu.ABORT:
            self._transport.close()

    def _associate(self, asked: pdu.Associate) -> None:
        archive = self._archive
        refusal = None
        if archive.busy:
            refusal = (2, 3, 2)
        elif archive.called and asked.called != archive.called:
            refusal = (1, 1, 7)
        elif archive.callers is not None and asked.calling not in archive.callers:
            refusal = (1, 1, 3)
        if refusal:
            self._transport.write(pdu.reject(*refusal))
            self._transport.close()
            return
        known = {VERIFICATION, PATIENT_ROOT_FIND} | ({STUDY_ROOT_FIND} if archive.study_root else set())
        answers = []
        for context in asked.contexts:
            syntax = [s for s in context.transfer if (s == EXPLICIT_LITTLE) == archive.explicit]
            good = context.abstract in known and bool(syntax)
            chosen = tuple(syntax[:1]) or context.transfer[:1]
            answer = pdu.Context(context.id, context.abstract, chosen, 0 if good else 3)
            self._contexts[context.id] = answer
            answers.append(answer)
        self._max_pdu = asked.max_pdu
        unit = pdu.Associate(asked.called, asked.calling, tuple(answers), archive.max_pdu, *archive.implementation)
        self._transport.write(pdu.associate(pdu.ASSOCIATE_AC, unit))

    def _simple(self, context: int, asked: Command) -> None:
        if asked.field == command.C_ECHO_RQ:
            self._respond(context, Command(command.C_ECHO_RSP, asked.message_id, VERIFICATION, status=0))
        elif asked.field == command.C_CANCEL_RQ:
            self._cancelled.add(asked.message_id)

    def _find(self, context: int, asked: Command, identifier: bytes) -> None:
        if self._archive.aborts_queries:
            self._transport.write(pdu.abort(0))
            self._transport.close()
            return
        explicit = self._explicit(context)
        asked_for = elements.values(identifier, explicit=explicit, wanted=_ASKED)
        keys = {tag: value.strip(b" \0") for tag, value in asked_for.items()}
        rows = _answer(self._archive, keys)
        asyncio.get_running_loop().call_soon(self._stream, context, asked, rows, 0)

    def _stream(self, context: int, asked: Command, rows: Iterator[Keys], sent: int) -> None:
        """Sends one row per turn of the event loop, so that a C-CANCEL can arrive in between."""
        if self._transport.is_closing():
            return
        capped = self._archive.cap is not None and sent >= self._archive.cap
        cancelled = asked.message_id in self._cancelled
        row = None if capped or cancelled else next(rows, None)
        response = Command(command.C_FIND_RSP, asked.message_id, asked.affected_class)
        if row is not None:
            self._respond(context, _with(response, 0xFF00, True), self._encode(context, row))
            asyncio.get_running_loop().call_soon(self._stream, context, asked, rows, sent + 1)
        elif cancelled or (capped and self._archive.at_cap is AtCap.SIGNAL and next(rows, None) is not None):
            late = self._encode(context, {}) if self._archive.data_after_cancel else None
            self._respond(context, _with(response, 0xFE00, late is not None), late)
        else:
            self._respond(context, _with(response, 0x0000, False))

    def _encode(self, context: int, row: Keys) -> bytes:
        explicit = self._explicit(context)
        nested = b""
        if self._archive.nested:  # adds Referenced Study Sequence (0008,1110) of undefined length with one empty item
            head = b"\x08\x00\x10\x11" + (b"SQ\0\0" if explicit else b"") + b"\xff" * 4
            nested = head + b"\xfe\xff\x00\xe0" + b"\xff" * 4 + b"\xfe\xff\x0d\xe0" + bytes(4)
            nested += b"\xfe\xff\xdd\xe0" + bytes(4)
        early = [(tag, value) for tag, value in row.items() if tag < 0x00081110]
        late = [(tag, value) for tag, value in row.items() if tag > 0x00081110]
        return elements.encode(early, explicit=explicit) + nested + elements.encode(late, explicit=explicit)

    def _explicit(self, context: int) -> bool:
        if context not in self._contexts:
            raise WireError(Cause.UNPROPOSED_CONTEXT, context)
        return self._contexts[context].transfer[:1] == (EXPLICIT_LITTLE,)

    def _respond(self, context: int, response: Command, data_set: bytes | None = None) -> None:
        self._transport.write(pdu.data(context, command.encode(response), data_set, self._max_pdu))


def _with(response: Command, status: int, has_data_set: bool) -> Command:
    return Command(response.field, response.message_id, response.affected_class, status, has_data_set)


def _answer(archive: Archive, keys: Keys) -> Iterator[Keys]:
    """The rows that answer a C-FIND at its level. They hold only the keys of the request."""
    level = keys.get(elements.QUERY_LEVEL, b"")
    held = archive.contents
    studies = list(held.between(*_ends(keys.get(elements.STUDY_DATE, b""))))
    if times := keys.get(elements.STUDY_TIME):
        low, _, high = times.partition(b"-")
        studies = [n for n in studies if low[:6] <= held.record(n)[elements.STUDY_TIME] <= high[:6]]
    if wanted := keys.get(elements.STUDY_UID):
        uids = {held.number_of(uid) for uid in wanted.split(b"\\")}  # list of UID matching, PS3.4 C.2.2.2.2
        studies = [n for n in studies if n in uids]
    if level == b"STUDY":
        yield from _study_rows(archive, studies, keys)
        return
    for study in studies:
        for index, images in enumerate(held.images(study)):
            series = held.series_uid(study, index)
            if level == b"SERIES":
                yield {
                    elements.QUERY_LEVEL: level,
                    elements.STUDY_UID: held.uid(study),
                    elements.SERIES_UID: series,
                    **_asked(held.series_record(study, index), keys),
                }
            elif level == b"IMAGE" and keys.get(elements.SERIES_UID) in (b"", series):
                for number in range(images):
                    yield {elements.QUERY_LEVEL: level, elements.INSTANCE_UID: series + b".%d" % number}


def _study_rows(archive: Archive, studies: list[int], keys: Keys) -> Iterator[Keys]:
    counting = bool(_COUNTS & keys.keys())
    if counting and archive.count_keys is CountKeys.COLLAPSE:
        studies = studies[:1]
    left_out = _COUNTS if archive.count_keys is CountKeys.ABSENT else frozenset()
    wanted = {**keys, elements.STUDY_UID: b""}
    for study in studies:
        row = _asked(archive.contents.record(study), wanted)
        row = {elements.QUERY_LEVEL: b"STUDY"} | {tag: value for tag, value in row.items() if tag not in left_out}
        images = sum(archive.contents.images(study))
        for _ in range(images if archive.rows is Rows.INSTANCES else 1):
            yield row


def _asked(values: Mapping[int, bytes], keys: Keys) -> Keys:
    """The requested values, and the character set in which they are written."""
    return {tag: value for tag, value in values.items() if tag in keys or tag == kinds.CHARACTER_SET}


def _ends(key: bytes) -> tuple[int | None, int | None]:
    """The days that a study date key asks for, PS3.4 C.2.2.2.5."""
    low, dash, high = key.decode("ascii", "replace").partition("-")
    if not dash:
        high = low
    first, last = (date.fromisoformat(text).toordinal() if text else None for text in (low, high))
    return first, last
