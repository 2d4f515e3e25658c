"""A made-up archive in DIMSE, written from DICOM PS3.7 and PS3.8 alone. It shares no code with the instrument."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Literal

from support.misleading.index import CHARSET, INSTANCE_UID, LEVEL, SERIES_UID, STUDY_UID, Answer, Index, Refused, Row

VERIFICATION = "1.2.840.10008.1.1"
PATIENT_ROOT, STUDY_ROOT = "1.2.840.10008.5.1.4.1.2.1.1", "1.2.840.10008.5.1.4.1.2.2.1"
IMPLICIT, APPLICATION = "1.2.840.10008.1.2", "1.2.840.10008.3.1.1.1"
REQUEST, ACCEPT, REJECT, DATA, RELEASE, RELEASED, ABORT = range(1, 8)
ECHO, FIND, CANCEL, RESPONSE = 0x0030, 0x0020, 0x0FFF, 0x8000
CHUNK = 64  # rows, after which others have their turn


@dataclass(frozen=True)
class Speech:
    """How an archive speaks DIMSE. The default is as the standard says."""

    models: tuple[str, ...] = (VERIFICATION, STUDY_ROOT, PATIENT_ROOT)
    pending: int = 0xFF00
    final: int = 0x0000  # of an answer that brought something
    cut: int = 0xFE00  # the final status where the archive says that it cut
    last_in_final: bool = False  # the last record comes with the final response
    strays: bool = False  # one more final response, to a message that is over
    ends: Literal["", "closes", "aborts", "releases"] = ""  # after one C-FIND
    ends_after_any: bool = False  # and after a C-ECHO
    accepts_after: float = 0.0  # seconds
    answers_after: float = 0.0  # seconds, each C-FIND
    drops: int = 0  # the first connections, at once
    congested: int = 0  # the first associations: rejected for now
    congested_short: bool = False  # in a unit of 8 bytes
    breaks_after: int | None = None  # rows of an answer, after which the connection ends
    rejects: tuple[int, int, int] | None = None  # result, source, reason, PS3.8 Table 9-21
    fragment: int = 1 << 16  # bytes of a data set in one unit
    unbroken: bool = False  # command and data set in one P-DATA-TF
    implementation: tuple[str, str] = ("1.2.826.0.1.3680043.2.99", "INVENTED_1")
    busy_until: int = 0  # questions that are refused for want of resources, before others are answered
    sop_class: bool = True  # responses name it
    only_under: str = ""  # the query root that brings anything
    other_root: int = 0x0000  # the status under another

    def named(self) -> str:
        turned = [f for f in fields(self) if getattr(self, f.name) != f.default]
        return ", ".join(f"{f.name}={getattr(self, f.name)!r}" for f in turned)


@dataclass
class Dicom:
    """Speaks to who connects."""

    index: Index
    speech: Speech = Speech()
    connections: int = field(default=0, init=False)
    associations: int = field(default=0, init=False)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, first: bytes = b"") -> None:
        self.connections += 1
        if self.connections > self.speech.drops:
            await _Talk(self, reader, writer).run(first)


class _Talk:
    def __init__(self, archive: Dicom, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.archive, self.reader, self.writer = archive, reader, writer
        self.speech = archive.speech
        self.models: dict[int, str] = {}
        self.cancelled: set[int] = set()
        self.answering: asyncio.Task[None] | None = None
        self.over = False
        self.command: dict[int, bytes] = {}
        self.parts = b""

    async def run(self, first: bytes) -> None:
        try:
            while not self.over:
                head = first + await self.reader.readexactly(6 - len(first))
                first = b""
                kind, size = struct.unpack(">BxI", head)
                await self._unit(kind, await self.reader.readexactly(size))
                await self.writer.drain()
        finally:
            if self.answering is not None:
                self.answering.cancel()

    async def _unit(self, kind: int, body: bytes) -> None:
        if kind == REQUEST:
            await asyncio.sleep(self.speech.accepts_after)
            self._associate(body)
        elif kind == DATA:
            for context, control, value in _values(body):
                await self._value(context, control, value)
        elif kind == RELEASE:
            await self._answered()
            self.writer.write(_unit(RELEASED, bytes(4)))
            self.over = True
        else:
            self.over = True

    async def _answered(self) -> None:
        if self.answering is not None:
            await self.answering

    def _associate(self, body: bytes) -> None:
        archive, speech = self.archive, self.speech
        archive.associations += 1
        no = (2, 3, 1) if archive.associations <= speech.congested else speech.rejects
        if no is not None:
            self.writer.write(_unit(REJECT, bytes(no[:2] if speech.congested_short else (0, *no))))
            self.over = True
            return
        out = _item(0x10, APPLICATION.encode())
        for kind, item in _items(body[68:]):
            if kind != 0x20:
                continue
            names = [(sub, value.rstrip(b"\0").decode()) for sub, value in _items(item[4:])]
            model = next(value for sub, value in names if sub == 0x30)
            taken = model in speech.models and (0x40, IMPLICIT) in names
            if taken:
                self.models[item[0]] = model
            out += _item(0x21, bytes((item[0], 0, 0 if taken else 3, 0)) + _item(0x40, IMPLICIT.encode()))
        uid, version = speech.implementation
        user = _item(0x51, struct.pack(">I", 65536)) + _item(0x52, uid.encode()) + _item(0x55, version.encode())
        whole = struct.pack(">Hxx", 1) + body[4:36] + bytes(32) + out + _item(0x50, user)
        self.writer.write(_unit(ACCEPT, whole))

    async def _value(self, context: int, control: int, value: bytes) -> None:
        """One fragment of a message, PS3.8 E.2."""
        self.parts += value
        if not control & 2:
            return
        whole, self.parts = self.parts, b""
        if not control & 1:
            await self._find(context, whole)
            return
        self.command = dict(_elements(whole))
        number = _number(self.command, 0x0110)
        match _number(self.command, 0x0100):
            case 0x0030:
                self._respond(context, number, ECHO | RESPONSE, VERIFICATION, 0)
                if self.speech.ends and self.speech.ends_after_any:
                    await self._end()
            case 0x0FFF:
                self.cancelled.add(_number(self.command, 0x0120))

    async def _find(self, context: int, keys: bytes) -> None:
        await self._answered()
        asked = {tag: value.strip(b"\0 ").decode("latin-1") for tag, value in _elements(keys)}
        number = _number(self.command, 0x0110)
        self.answering = asyncio.create_task(self._answer(context, number, asked))
        if self.speech.ends:
            await self.answering
            await self._end()

    async def _end(self) -> None:
        if self.speech.ends == "aborts":
            self.writer.write(_unit(ABORT, bytes(4)))
        if self.speech.ends == "releases":
            self.writer.write(_unit(RELEASE, bytes(4)))
        self.over = True

    async def _answer(self, context: int, number: int, asked: Mapping[int, str]) -> None:
        speech, index = self.speech, self.archive.index
        await asyncio.sleep(speech.answers_after)
        if self.writer.is_closing():
            return
        question = index.question(asked.get(LEVEL, "STUDY"), asked)
        model = self.models[context]
        if question.number <= speech.busy_until:
            self._respond(context, number, FIND | RESPONSE, model, 0xA700)
            return
        if speech.only_under not in ("", model):
            self._respond(context, number, FIND | RESPONSE, model, speech.other_root)
            return
        try:
            answer = index.answer(question)
        except Refused as no:
            self._respond(context, number, FIND | RESPONSE, model, no.status)
            return
        try:
            await self._give(context, number, model, answer)
        except ConnectionError:  # it had enough
            self.over = True

    async def _give(self, context: int, number: int, model: str, answer: Answer) -> None:
        speech, rows = self.speech, list(answer.rows)
        last = rows.pop() if rows and speech.last_in_final else None
        for n, row in enumerate(rows, 1):
            if speech.breaks_after is not None and n > speech.breaks_after:
                self.writer.close()
                return
            self._respond(context, number, FIND | RESPONSE, model, speech.pending, _encoded(row))
            if n % CHUNK == 0:
                await self.writer.drain()
                await asyncio.sleep(0)
                if number in self.cancelled:
                    self._respond(context, number, FIND | RESPONSE, model, 0xFE00)
                    return
        final = speech.cut if answer.cut else speech.final if answer.rows else 0x0000
        for _ in range(2 if speech.strays else 1):
            self._respond(context, number, FIND | RESPONSE, model, final, None if last is None else _encoded(last))
            last = None
        await self.writer.drain()

    def _respond(
        self, context: int, number: int, kind: int, model: str, status: int, data: bytes | None = None
    ) -> None:
        elements = {
            0x0002: _even(model.encode(), b"\0"),
            0x0100: struct.pack("<H", kind),
            0x0120: struct.pack("<H", number),
            0x0800: struct.pack("<H", 0x0101 if data is None else 1),
            0x0900: struct.pack("<H", status),
        }
        if not self.speech.sop_class:
            del elements[0x0002]
        body = b"".join(map(_element, elements, elements.values()))
        units = [_fragment(context, 3, _element(0x0000, struct.pack("<I", len(body))) + body)]
        if data is not None:
            size = self.speech.fragment
            starts = range(0, max(1, len(data)), size)
            units += [_fragment(context, 2 if at + size >= len(data) else 0, data[at : at + size]) for at in starts]
        together = [b"".join(units)] if self.speech.unbroken else units
        self.writer.write(b"".join(_unit(DATA, unit) for unit in together))


def _unit(kind: int, body: bytes) -> bytes:
    return struct.pack(">BxI", kind, len(body)) + body


def _item(kind: int, body: bytes) -> bytes:
    return struct.pack(">BxH", kind, len(body)) + body


def _items(body: bytes) -> Iterator[tuple[int, bytes]]:
    while len(body) >= 4:
        kind, size = struct.unpack_from(">BxH", body)
        yield kind, body[4 : 4 + size]
        body = body[4 + size :]


def _fragment(context: int, control: int, value: bytes) -> bytes:
    return struct.pack(">IBB", len(value) + 2, context, control) + value


def _values(body: bytes) -> Iterator[tuple[int, int, bytes]]:
    while len(body) >= 6:
        size, context, control = struct.unpack_from(">IBB", body)
        yield context, control, body[6 : 4 + size]
        body = body[4 + size :]


def _element(tag: int, value: bytes) -> bytes:
    return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(value)) + value


def _elements(body: bytes) -> Iterator[tuple[int, bytes]]:
    while len(body) >= 8:
        group, number, size = struct.unpack_from("<HHI", body)
        yield group << 16 | number, body[8 : 8 + size]
        body = body[8 + size :]


def _number(command: Mapping[int, bytes], tag: int) -> int:
    return int.from_bytes(command.get(tag, b""), "little")


def _encoded(row: Row) -> bytes:
    """Implicit VR little endian, PS3.5 A.1."""
    return b"".join(_element(tag, _even(_written(row, tag), b"\0" if tag in _UIDS else b" ")) for tag in sorted(row))


_UIDS = (STUDY_UID, SERIES_UID, INSTANCE_UID)


def _written(row: Row, tag: int) -> bytes:
    return row[tag].encode("utf-8" if "192" in row.get(CHARSET, "") or "UTF" in row.get(CHARSET, "") else "latin-1")


def _even(value: bytes, pad: bytes) -> bytes:
    return value + pad * (len(value) % 2)
