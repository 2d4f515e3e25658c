"""An archive of so many studies that most are counted without a look at each, in DIMSE and DICOMweb. Some hold markers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from threading import Event, Thread

from filmbadge.ask.decoder import elements
from filmbadge.catalogue.kinds import CHARACTER_SET, VR
from support.canary import Markers
from support.dimse_peer import Keys, Peer, Study, encoded
from support.hanging import HANGS
from support.loopback import Handler
from support.odd_dicomweb import Manners, OddDicomWeb

STUDIES, MARKED = 6000, 40  # one study in so many holds markers
IMAGES, IN_MARKED = 3, 9000  # as the archive says: so studies whose images are asked for by lot are those with markers
FIRST = 5000  # so many records are looked at one by one
NAME, PATIENT, BORN, PHYSICIAN = 0x00100010, 0x00100020, 0x00100030, 0x00080090
PLAIN = b"2.25.1000000000000"  # so the UID of a study without markers begins
_SIGNS = ("BCDFGHJKLMNPQRSTVWXZ", "ÀÉÎÕÜàéîõüñßø")


@dataclass
class Many:
    """The records, which are the same in both protocols."""

    markers: Markers = field(default_factory=lambda: Markers(seed=17))
    studies: list[Study] = field(default_factory=list)
    values: dict[bytes, dict[int, str]] = field(default_factory=dict)
    early: set[str] = field(default_factory=set)  # markers in the records that are looked at one by one
    late: set[str] = field(default_factory=set)  # those in ASCII of the others

    def __post_init__(self) -> None:
        for number in range(STUDIES):
            marked = number % MARKED == 0
            uid = self.markers.uid().encode() if marked else PLAIN + b"%024d" % number
            study = Study(uid, number % 360)
            self.studies.append(study)
            self.values[study.uid] = self._marked(number) if marked else self._plain(number)

    def images(self, uid: bytes) -> int:
        return IMAGES if uid.startswith(PLAIN) else IN_MARKED

    def _plain(self, number: int) -> dict[int, str]:
        return {NAME: f"DOE^{number}", PATIENT: f"MR{number:06}", BORN: "19500512", PHYSICIAN: "ROE^RITA"}

    def _marked(self, number: int) -> dict[int, str]:
        signs = _SIGNS[number // MARKED % 3 == 2]
        before = len(self.markers.planted)
        made = {tag: self.markers.value(VR[tag], signs) for tag in (NAME, BORN, PHYSICIAN)}
        made[PATIENT] = self.markers.digits("999-99-9999") if number // MARKED % 3 else self.markers.word(_SIGNS[0])
        if not signs.isascii():
            made[CHARACTER_SET] = "ISO_IR 100"
        if number < FIRST:
            self.early.update(self.markers.planted[before:])
        elif signs.isascii():
            self.late.update(self.markers.planted[before:])
        return made


@dataclass
class _ManyPeer(Peer):
    many: Many = field(default_factory=Many)

    def row(self, study: Study, row: Keys, keys: Keys) -> bytes:
        known = {
            elements.STUDY_UID: study.uid,
            elements.STUDY_DATE: study.day,
            elements.SERIES_IN_STUDY: b"1",
            elements.IMAGES_IN_STUDY: b"%d" % self.many.images(study.uid),
            elements.QUERY_LEVEL: keys.get(elements.QUERY_LEVEL, b""),
            **row,
        }
        values = self.many.values[study.uid]
        known |= {tag: text.encode("latin-1") for tag, text in values.items()}
        return encoded((tag, value) for tag, value in known.items() if tag in keys or tag == CHARACTER_SET)


class _ManyPages(OddDicomWeb):
    def __init__(self, many: Many) -> None:
        super().__init__(Manners())
        self._many = many

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.readexactly(1) == b"G":  # of GET
            await super().__call__(reader, writer)

    @cached_property
    def _rows(self) -> list[tuple[str, str, dict[str, object]]]:
        return [
            (study.uid.decode(), study.day.decode(), self._row(study, self._many.values[study.uid]))
            for study in self._many.studies
        ]

    def _row(self, study: Study, values: dict[int, str]) -> dict[str, object]:
        row: dict[str, object] = {
            "00080020": {"vr": "DA", "Value": [study.day.decode()]},
            "0020000D": {"vr": "UI", "Value": [study.uid.decode()]},
            "00201206": {"vr": "IS", "Value": [1]},
            "00201208": {"vr": "IS", "Value": [self._many.images(study.uid)]},
        }
        for tag, text in values.items():
            if tag != CHARACTER_SET:  # JSON is in UTF-8
                row[f"{tag:08X}"] = {"vr": VR[tag], "Value": [{"Alphabetic": text} if VR[tag] == "PN" else text]}
        return row

    def _studies(self, asked: dict[str, str], accept: str) -> tuple[int, dict[str, str], bytes]:
        low, _, high = asked.get("StudyDate", "-").partition("-")
        uids = asked.get("StudyInstanceUID", "")
        rows = [
            row for uid, day, row in self._rows if low <= day <= (high or "9") and (not uids or uid in uids.split(","))
        ]
        start, most = int(asked.get("offset", "0")), int(asked.get("limit", "1000"))
        body = json.dumps(rows[start : start + most], ensure_ascii=False).encode()
        return 200, {"Content-Type": "application/dicom+json"}, body


@contextmanager
def serving(handler: Handler) -> Iterator[int]:
    """A server in a thread of its own. Gives its port."""
    up, down = Event(), Event()
    ports: list[int] = []

    async def handled(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handler(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def serve() -> None:
        async with await asyncio.start_server(handled, "127.0.0.1", 0) as server:
            ports.append(server.sockets[0].getsockname()[1])
            up.set()
            await asyncio.to_thread(down.wait)

    thread = Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert up.wait(HANGS)
    try:
        yield ports[0]
    finally:
        down.set()
        thread.join()


def dimse(many: Many) -> Handler:
    return _ManyPeer(many.studies, many=many).handle


def dicomweb(many: Many) -> Handler:
    return _ManyPages(many)


def cutting(port: int, most: int, told: Callable[[bytes], bool]) -> Handler:
    """Hands everything on to a port of 127.0.0.1; after a request that `told` picks it hangs up within the answer."""

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
        left: list[int] = []

        async def ask() -> None:
            while data := await reader.read(65536):
                if told(data) and not left:
                    left.append(most)
                inner_writer.write(data)

        asking = asyncio.ensure_future(ask())
        try:
            while data := await inner_reader.read(1024):
                if left:
                    data, left[0] = data[: left[0]], left[0] - len(data)
                writer.write(data)
                await writer.drain()
                if left and left[0] <= 0:
                    return
        finally:
            asking.cancel()
            inner_writer.close()

    return carry
