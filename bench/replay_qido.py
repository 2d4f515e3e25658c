"""A replay archive that speaks QIDO-RS: answers from prebuilt pages of made-up studies, faster than any client reads.

The records are those of `hospital.py`, about 1,200 bytes of the DICOM JSON model each, with the attributes that dcm4chee
gives of a study. The studies are spread evenly over thirty years up to today. It looks at ranges of Study Dates, at Study
Instance UIDs, at the limit and at the offset, and says the series of one study; what else is asked for, it does not have.
It serves one connection after another until it is killed. Standard library only, and no code of Filmbadge: it is the other
side.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import socket
from collections.abc import Sequence
from contextlib import suppress
from datetime import date, datetime
from functools import partial

import hospital

ROOT = "/dicom-web"
DAYS = 30 * 365
PAGE = 1000  # the most rows of a page
SILENT_SECONDS = 120.0
_LAST = b'"77770010":{"vr":"LO","Value":["REPLAY ARCHIVE 1.0"]}},'
_TARGET = re.compile(rb"GET (\S+) HTTP/1\.1\r\n")


def model(tag: int, vr: str, text: str) -> bytes:
    """One attribute and a comma, PS3.18 F.2. The URL of a study stands beside its UID."""
    texts = [text] if vr in ("LO", "SH") else text.rstrip(" ").split("\\")
    values = [{"Alphabetic": text}] if vr == "PN" else texts
    held = text if vr == "IS" else json.dumps(values, separators=(",", ":"))[1:-1]
    made = f'"{tag:08X}":{{"vr":"{vr}","Value":[{held}]}},' if text else f'"{tag:08X}":{{"vr":"{vr}"}},'
    if tag == hospital.STUDY_UID:
        made += model(0x00081190, "UR", f"http://127.0.0.1:8080{ROOT}/studies/{text}").decode()
        made += model(0x00080056, "CS", "ONLINE").decode() + model(0x00080201, "SH", "-0500").decode()
    return made.encode()


class Archive:
    def __init__(self, studies: int) -> None:
        self._studies = studies
        self._calendar = hospital.Calendar(studies, DAYS)
        self._dated = -1  # the block whose dates are written
        rows = hospital.Rows(model, 0, partial(hospital.elements, ids=hospital.SSN), studies)
        self._block = hospital.Block(rows, b"{", _LAST)

    @property
    def row_bytes(self) -> int:
        return self._block.length

    def serve(self, connection: socket.socket) -> None:
        connection.settimeout(SILENT_SECONDS)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        held = b""
        with connection:
            while True:
                while (end := held.find(b"\r\n\r\n")) < 0:
                    if not (data := connection.recv(65536)):
                        return
                    held += data
                request, held = held[: end + 4], held[end + 4 :]
                target = _TARGET.match(request)
                self._answer(connection, target[1].decode("ascii") if target else "")

    def _answer(self, connection: socket.socket, target: str) -> None:
        path, _, query = target.partition("?")
        keys = dict(part.split("=", 1) for part in query.split("&") if "=" in part)
        first = int(keys.get("offset", 0))
        page = slice(first, first + min(int(keys.get("limit", PAGE)), PAGE))
        if path == f"{ROOT}/studies":
            self._rows(connection, self._wanted(keys)[page])
        elif path.startswith(f"{ROOT}/studies/") and path.endswith("/series"):
            rows = [row for study in hospital.named(path.encode()) for row in _series(study)][page]
            _head(connection, len(rows) + 1 + sum(map(len, rows)) if rows else 2)
            connection.sendall(b"[" + b",".join(rows) + b"]")
        else:
            connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

    def _wanted(self, keys: dict[str, str]) -> Sequence[int]:
        if "StudyInstanceUID" in keys:
            return [study for study in hospital.named(keys["StudyInstanceUID"].encode()) if study < self._studies]
        if "StudyDate" in keys:
            low, _, high = keys["StudyDate"].partition("-")
            return self._calendar.studies(*(_day(text) for text in (low, high or low)))
        return range(self._studies)

    def _rows(self, connection: socket.socket, wanted: Sequence[int]) -> None:
        """Rows end with a comma. The last one's is left out."""
        size = len(wanted) * self.row_bytes
        _head(connection, size + 1 if size else 2)
        connection.sendall(b"[" if size else b"[]")
        for one in [wanted] if isinstance(wanted, range) else [range(study, study + 1) for study in wanted]:
            for number, rows in hospital.blocks(one):
                block = self._block.turn(number)
                if number != self._dated:
                    self._block.date(self._calendar.block(number))
                    self._dated = number
                size -= len(rows) * self.row_bytes
                last = 0 if size else 1
                connection.sendall(memoryview(block)[rows.start * self.row_bytes : rows.stop * self.row_bytes - last])
                if last:
                    connection.sendall(b"]")


def _head(connection: socket.socket, size: int) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/dicom+json\r\nContent-Length: {size}\r\n\r\n"
    connection.send(head.encode(), socket.MSG_MORE)


def _day(text: str) -> date:
    return datetime.strptime(text, "%Y%m%d").date()


def _series(study: int) -> list[bytes]:
    """The series of one study. The first has the images that the others leave."""
    uid = next(str(text) for tag, _, text in hospital.elements(study, hospital.PLAIN) if tag == hospital.STUDY_UID)
    others = hospital.series_of(study) - 1
    images = [hospital.images_of(study) - others, *[1] * others]
    return [
        json.dumps(
            {
                "00080060": {"vr": "CS", "Value": ["CT"]},
                "0020000D": {"vr": "UI", "Value": [uid]},
                "0020000E": {"vr": "UI", "Value": [f"{uid}.{number}"]},
                "00201209": {"vr": "IS", "Value": [count]},
            }
        ).encode()
        for number, count in enumerate(images, 1)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--studies", type=int, default=100_000)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--core", type=int)
    options = parser.parse_args()
    if options.core is not None:
        os.sched_setaffinity(0, {options.core})
    archive = Archive(options.studies)
    with socket.create_server(("127.0.0.1", options.port)) as listener:
        print(json.dumps({"port": listener.getsockname()[1], "row_bytes": archive.row_bytes}), flush=True)
        while True:
            connection, _ = listener.accept()
            with suppress(OSError):
                archive.serve(connection)


if __name__ == "__main__":
    main()
