"""A replay archive: answers every C-FIND with the same stream of made-up studies, faster than any client reads.

It accepts what is proposed, echoes message ids, answers C-ECHO and releases. The records are those of `hospital.py`, with
`--ids ssn` of patients as a hospital has them. Each response holds the same 376 bytes of data set, and is 488 bytes on the
wire, as one PDU for the command and one for the data set. It looks at two keys. Study Instance UIDs bring their studies.
With `--days`, the studies are spread evenly over so many days up to today, and a range of Study Dates brings those of its
days. Elsewhere it brings all.

Serves one association that asked something, says what it sent as JSON on stdout, and ends; or stays. Standard library
only, and no code of Filmbadge: it is the other side.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import socket
import struct
import sys
import time
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from functools import partial
from typing import BinaryIO

import hospital

DATA_SET, RECORD = 376, 488  # bytes of the data set, and of one response on the wire

IMPLICIT, EXPLICIT = b"1.2.840.10008.1.2", b"1.2.840.10008.1.2.1"
STUDY_ROOT_FIND = b"1.2.840.10008.5.1.4.1.2.2.1"
C_FIND_RQ, C_ECHO_RQ = 0x0020, 0x0030
PENDING, SUCCESS = 0xFF00, 0x0000
SILENT_SECONDS = 120.0

Item = tuple[int, bytes]


def command(field: int, sop_class: bytes, message_id: int, status: int, *, has_data_set: bool) -> bytes:
    """A response's command set."""
    uid = sop_class + b"\0" * (len(sop_class) % 2)
    values = [
        (0x0002, uid),
        (0x0100, struct.pack("<H", field | 0x8000)),
        (0x0120, struct.pack("<H", message_id)),
        (0x0800, struct.pack("<H", 1 if has_data_set else 0x0101)),
        (0x0900, struct.pack("<H", status)),
    ]
    body = b"".join(struct.pack("<HHI", 0, tag, len(value)) + value for tag, value in values)
    return struct.pack("<HHII", 0, 0, 4, len(body)) + body


def p_data(context: int, control: int, fragment: bytes) -> bytes:
    return struct.pack(">BxIIBB", 4, len(fragment) + 6, len(fragment) + 2, context, control) + fragment


class Responses:
    """The responses of one block of studies, in one transfer syntax."""

    def __init__(self, give: hospital.Give, records: int, *, explicit: bool) -> None:
        head = p_data(1, 3, command(C_FIND_RQ, STUDY_ROOT_FIND, 1, PENDING, has_data_set=True))
        rows = hospital.Rows(hospital.explicit if explicit else hospital.implicit, DATA_SET, give, records)
        self._head = len(head)
        self._block = hospital.Block(rows, head + p_data(1, 2, bytes(DATA_SET))[:-DATA_SET])
        assert self._block.length == RECORD

    def stream(
        self, wanted: range, calendar: hospital.Calendar | None, context: int, sop_class: bytes, message_id: int
    ) -> Iterator[memoryview]:
        """The pending responses to one query. Each piece must be sent before the next one is asked for."""
        head = p_data(context, 3, command(C_FIND_RQ, sop_class, message_id, PENDING, has_data_set=True))
        assert len(head) == self._head, "another length of SOP class"
        for at, byte in enumerate(head):
            self._block.write(at, byte)
        self._block.write(self._head + 10, context)
        for number, rows in hospital.blocks(wanted):
            block = self._block.turn(number)
            if calendar is not None:
                self._block.date(calendar.block(number))
            yield memoryview(block)[rows.start * RECORD : rows.stop * RECORD]


class Archive:
    """Serves associations, one after another."""

    def __init__(self, records: int, *, only: str = "", days: int = 0, ids: str = hospital.PLAIN) -> None:
        self._records, self._ids = records, ids
        self._calendar = hospital.Calendar(records, days) if days else None
        self._syntaxes = {"explicit": [EXPLICIT], "implicit": [IMPLICIT]}.get(only, [EXPLICIT, IMPLICIT])
        self._responses: dict[bytes, Responses] = {}

    def _accepted(self, syntaxes: Iterable[bytes]) -> None:
        """Make the responses in these transfer syntaxes, which takes a second each, before the clock runs."""
        for syntax in {*syntaxes} - {*self._responses}:
            give = partial(hospital.elements, ids=self._ids)
            self._responses[syntax] = Responses(give, self._records, explicit=syntax == EXPLICIT)

    def serve(self, connection: socket.socket) -> dict[str, object]:
        """One association. Seconds run from its request to its release, so a client's start-up costs it nothing."""
        connection.settimeout(SILENT_SECONDS)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        queries = responses = 0
        released = False
        contexts: dict[int, bytes] = {}
        started = ended = time.perf_counter()
        waiting: dict[int, Item] = {}
        used = b""
        with connection, connection.makefile("rb") as reader:
            while True:
                kind, body = _unit(reader)
                ended = time.perf_counter()
                if kind == 1:
                    reply, contexts = _accept(body, self._syntaxes)
                    self._accepted(contexts.values())
                    started = time.perf_counter()
                    connection.sendall(reply)
                elif kind == 4:
                    for context, control, fragment in _values(body):
                        if control & 1:
                            field, message_id, sop_class = _request(fragment)
                            if field == C_ECHO_RQ:
                                connection.sendall(_final(context, field, sop_class, message_id))
                            elif field == C_FIND_RQ:
                                waiting[context] = message_id, sop_class
                        elif control & 2 and context in waiting:
                            message_id, sop_class = waiting.pop(context)
                            used = contexts[context]
                            wanted = self._wanted(fragment, explicit=used == EXPLICIT)
                            for records in wanted:
                                dates = self._calendar if self._ids == hospital.SSN else None
                                made = self._responses[used]
                                for piece in made.stream(records, dates, context, sop_class, message_id):
                                    connection.sendall(piece)
                            connection.sendall(_final(context, C_FIND_RQ, sop_class, message_id))
                            queries, responses = queries + 1, responses + sum(map(len, wanted))
                elif kind == 5:
                    released = True
                    connection.sendall(struct.pack(">BxI4x", 6, 4))
                    break
                else:  # the end, or an abort
                    break
        syntax = {IMPLICIT: "implicit", EXPLICIT: "explicit"}.get(used, "")
        return {
            "queries": queries,
            "responses": responses,
            "seconds": ended - started,
            "released": released,
            "syntax": syntax,
        }

    def _wanted(self, identifier: bytes, *, explicit: bool) -> list[range]:
        """The records whose UIDs are asked for; else those of the days that are asked for."""
        if numbers := hospital.named(identifier):
            return [range(number, number + 1) for number in numbers]
        dates = re.search(rb"\x08\x00\x20\x00" + (rb"DA.." if explicit else rb"...."), identifier, re.DOTALL)
        asked = re.match(rb"(\d{8})?(-?)(\d{8})?", identifier[dates.end() :]) if dates and self._calendar else None
        if asked is None or not asked[0] or self._calendar is None:
            return [range(self._records)]
        low, high = (_day(text) if text else None for text in (asked[1], asked[3]))
        return [self._calendar.studies(low, high if asked[2] else low)]


def _day(text: bytes) -> date:
    return datetime.strptime(text.decode(), "%Y%m%d").date()


def final_size() -> int:
    """Bytes of the response that ends a query."""
    return len(_final(1, C_FIND_RQ, STUDY_ROOT_FIND, 1))


def _final(context: int, field: int, sop_class: bytes, message_id: int) -> bytes:
    return p_data(context, 3, command(field, sop_class, message_id, SUCCESS, has_data_set=False))


def _unit(reader: BinaryIO) -> tuple[int, bytes]:
    head = reader.read(6)
    if len(head) < 6:
        return 0, b""
    kind, length = struct.unpack(">BxI", head)
    if length > 1 << 20:
        return 0, b""
    return kind, reader.read(length)


def _items(body: bytes, at: int) -> Iterator[Item]:
    while at + 4 <= len(body):
        kind, length = struct.unpack_from(">BxH", body, at)
        yield kind, body[at + 4 : at + 4 + length]
        at += 4 + length


def _item(kind: int, body: bytes) -> bytes:
    return struct.pack(">BxH", kind, len(body)) + body


def _accept(request: bytes, syntaxes: list[bytes]) -> tuple[bytes, dict[int, bytes]]:
    """An A-ASSOCIATE-AC: of each proposed context the first transfer syntax that we speak."""
    accepted: dict[int, bytes] = {}
    items = [_item(0x10, b"1.2.840.10008.3.1.1.1")]
    for kind, value in _items(request, 68):
        if kind != 0x20:
            continue
        proposed = [content.rstrip(b"\0") for sub, content in _items(value, 4) if sub == 0x40]
        chosen = next((syntax for syntax in proposed if syntax in syntaxes), None)
        if chosen is not None:
            accepted[value[0]] = chosen
        result = 0 if chosen else 4
        items.append(_item(0x21, bytes([value[0], 0, result, 0]) + _item(0x40, chosen or IMPLICIT)))
    user = _item(0x51, struct.pack(">I", 128 * 1024)) + _item(0x52, b"1.2.826.0.1.3680043.10.99999.2")
    items.append(_item(0x50, user))
    body = request[:68] + b"".join(items)
    return struct.pack(">BxI", 2, len(body)) + body, accepted


def _values(body: bytes) -> Iterator[tuple[int, int, bytes]]:
    at = 0
    while at + 6 <= len(body):
        length, context, control = struct.unpack_from(">IBB", body, at)
        yield context, control, body[at + 6 : at + 4 + length]
        at += 4 + length


def _request(fragment: bytes) -> tuple[int, int, bytes]:
    """Command field, message id and SOP class of a request that came in one fragment, as requests do."""
    field, message_id, sop_class, at = 0, 0, b"", 0
    while at + 8 <= len(fragment):
        tag, length = struct.unpack_from("<xxHI", fragment, at)
        value = fragment[at + 8 : at + 8 + length]
        if tag == 0x0002:
            sop_class = value.rstrip(b"\0")
        elif tag == 0x0100:
            field = int.from_bytes(value, "little")
        elif tag == 0x0110:
            message_id = int.from_bytes(value, "little")
        at += 8 + length
    return field, message_id, sop_class


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument(
        "--days", type=int, default=0, help="over which the studies are spread; 0: dates are not looked at"
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--core", type=int)
    parser.add_argument("--only", choices=("explicit", "implicit"), default="", help="speak only this transfer syntax")
    parser.add_argument("--stay", action="store_true", help="serve until it is killed, and say nothing")
    parser.add_argument(
        "--ids", choices=tuple(hospital.MOST), default=hospital.PLAIN, help="what the patients are like"
    )
    options = parser.parse_args()
    if options.records > hospital.MOST[options.ids]:
        parser.error(f"no more than {hospital.MOST[options.ids]:,} records with such ids")
    if options.core is not None:
        os.sched_setaffinity(0, {options.core})
    archive = Archive(options.records, only=options.only, days=options.days, ids=options.ids)
    with socket.create_server((options.host, options.port)) as listener:
        listener.settimeout(SILENT_SECONDS)
        print(json.dumps({"port": listener.getsockname()[1]}), flush=True)
        while True:
            connection, _ = listener.accept()
            try:
                told = archive.serve(connection)
            except OSError as error:
                if options.stay:  # a client may leave while a large answer comes
                    continue
                sys.exit(f"the association broke off: {error}")
            if told["queries"] and not options.stay:
                print(json.dumps(told), flush=True)
                return


if __name__ == "__main__":
    main()
