"""A DIMSE archive of a few studies whose manners a test changes. One association after the other, on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from filmbadge.ask.decoder import elements
from filmbadge.ask.dimse import command, pdu
from filmbadge.ask.dimse.command import Command
from filmbadge.catalogue.dicom import IMPLICIT_LITTLE, PATIENT_ROOT_FIND, STUDY_ROOT_FIND, VERIFICATION
from support.loopback import listening

SUCCESS, PENDING = 0x0000, 0xFF00
Keys = dict[int, bytes]


@dataclass(frozen=True)
class Study:
    uid: bytes
    age: int = 0  # days
    series: tuple[int, ...] = (3,)  # images of each

    @property
    def day(self) -> bytes:
        return f"{today() - timedelta(self.age):%Y%m%d}".encode()


def today() -> date:
    return datetime.now(UTC).date()


def studies(*ages: int) -> tuple[Study, ...]:
    return tuple(Study(b"1.2.826.0.1.77.%d" % (n + 1), age) for n, age in enumerate(ages))


def days(key: bytes) -> int | None:
    """Days that a closed range of dates spans. None for a key without a range."""
    first, dash, last = key.partition(b"-")
    if not dash or len(first) != 8 or len(last) != 8:
        return None
    begin, end = (datetime.strptime(one.decode(), "%Y%m%d").replace(tzinfo=UTC) for one in (first, last))
    return (end - begin).days + 1


@dataclass
class Peer:
    """An archive. A subclass changes one manner; `asked` and `associations` say what it was asked."""

    held: Sequence[Study] = ()
    models: tuple[str, ...] = (VERIFICATION, STUDY_ROOT_FIND, PATIENT_ROOT_FIND)
    associations: int = 0
    asked: list[Keys] = field(default_factory=list)
    released: int = 0

    # Manners that a subclass changes.

    def accepts(self, unit: pdu.Associate) -> bytes:
        """The answer to an A-ASSOCIATE-RQ; no bytes: it hangs up."""
        taken = [
            pdu.Context(c.id, "", (IMPLICIT_LITTLE,), 0 if c.abstract in self.models else 3) for c in unit.contexts
        ]
        return pdu.associate(pdu.ASSOCIATE_AC, pdu.Associate("A", "B", tuple(taken), 16384, "1.2.3.4", "PEER"))

    def matching(self, keys: Keys) -> tuple[Sequence[Study], int]:
        """The studies that match, and the final status."""
        first, dash, last = keys.get(elements.STUDY_DATE, b"").partition(b"-")
        uid, fits = keys.get(elements.STUDY_UID, b""), list(self.held)
        if first or last:
            fits = [s for s in fits if (first or b"0") <= s.day <= (last or (b"9" if dash else first))]
        return [s for s in fits if uid in (b"", s.uid)], SUCCESS

    def rows(self, keys: Keys) -> tuple[list[bytes], int]:
        found, status = self.matching(keys)
        return [self.row(study, row, keys) for study in found for row in _levels(study, keys)], status

    def row(self, study: Study, row: Keys, keys: Keys) -> bytes:
        known = {
            elements.STUDY_UID: study.uid,
            elements.STUDY_DATE: study.day,
            elements.SERIES_IN_STUDY: b"%d" % len(study.series),
            elements.IMAGES_IN_STUDY: b"%d" % sum(study.series),
            elements.QUERY_LEVEL: keys.get(elements.QUERY_LEVEL, b""),
            **row,
        }
        return encoded((tag, value) for tag, value in known.items() if tag in keys)

    def answer(self, context: int, request: Command, keys: Keys) -> bytes:
        """All bytes of the answer to one C-FIND."""
        rows, status = self.rows(keys)
        return b"".join(respond(context, request, PENDING, row) for row in rows) + respond(context, request, status)

    def hangs_up(self, request: Command) -> bytes | None:
        """Last bytes after the answer to this request, before it closes. None: it goes on."""
        return None

    # The rest is the protocol.

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.associations += 1
        said: Command | None = None
        while True:
            kind, length = pdu.HEADER.unpack(await reader.readexactly(pdu.HEADER.size))
            body = await reader.readexactly(length)
            if kind == pdu.ASSOCIATE_RQ:
                writer.write(words := self.accepts(pdu.parse_associate(body)))
                if not words or words[0] != pdu.ASSOCIATE_AC:
                    return
            elif kind == pdu.RELEASE_RQ:
                self.released += 1
                writer.write(pdu.RELEASE_RESPONSE)
                return
            elif kind != pdu.P_DATA:
                return
            for context, control, fragment in pdu.parse_data(body) if kind == pdu.P_DATA else ():
                if control & pdu.COMMAND:
                    said = command.parse(fragment)
                    if said.has_data_set or said.field == command.C_CANCEL_RQ:
                        continue
                assert said is not None
                writer.write(self.reply(context, said, fragment))
                if (last := self.hangs_up(said)) is not None:
                    writer.write(last)
                    return

    def reply(self, context: int, request: Command, fragment: bytes) -> bytes:
        if request.field == command.C_ECHO_RQ:
            return respond(context, request, SUCCESS)
        held = [
            (tag, fragment[at : at + length]) for _, tag, at, length, _ in elements.headers(fragment, explicit=False)
        ]
        keys = {tag: value.strip(b"\0 ") for tag, value in held}
        self.asked.append(keys)
        return self.answer(context, request, keys)


def _levels(study: Study, keys: Keys) -> Iterable[Keys]:
    level, wanted = keys.get(elements.QUERY_LEVEL), keys.get(elements.SERIES_UID, b"")
    if level == b"STUDY":
        yield {}
        return
    for number, images in enumerate(study.series, 1):
        series = study.uid + b".%d" % number
        if wanted not in (b"", series):
            continue
        if level == b"SERIES":
            yield {elements.SERIES_UID: series}
        else:
            for image in range(1, images + 1):
                yield {elements.SERIES_UID: series, elements.INSTANCE_UID: series + b".%d" % image}


def encoded(row: Iterable[tuple[int, bytes]]) -> bytes:
    return elements.encode(sorted(row), explicit=False)


def respond(context: int, request: Command, status: int, row: bytes | None = None) -> bytes:
    sop_class = request.affected_class
    response = Command(request.field | 0x8000, request.message_id, sop_class, status, row is not None)
    return pdu.data(context, command.encode(response), row, 16384)


@asynccontextmanager
async def serving(peer: Peer) -> AsyncIterator[int]:
    """The port of this archive."""
    async with listening(peer.handle) as port:
        yield port
