"""The servers of a world: what the instrument and other clients see of each behaviour."""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv4Network
from threading import Event, Thread
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, StoragePresentationContexts, build_role, evt
from pynetdicom.sop_class import (
    CTImageStorage,
    StudyRootQueryRetrieveInformationModelGet,
)

from filmbadge.ask.decoder import elements
from filmbadge.ask.dimse import command, pdu
from filmbadge.ask.dimse.association import DRAIN_BYTES
from filmbadge.ask.dimse.command import Command
from filmbadge.ask.targets.lists import parse
from filmbadge.catalogue.dicom import EXPLICIT_LITTLE, STUDY_ROOT_FIND
from filmbadge.loops import new_event_loop
from filmbadge.model import Depth, Reason, Rung
from filmbadge.rehearse import serve as serving
from filmbadge.rehearse.contents import Contents, Part
from filmbadge.rehearse.scp import Acceptor, Host
from filmbadge.rehearse.serve import CannotServe, Ports, Site, serve
from filmbadge.rehearse.world import (
    ALWAYS,
    Archive,
    AtCap,
    CountKeys,
    Flood,
    Get,
    Manner,
    Rows,
    Tls,
    Web,
    World,
)
from filmbadge.scope import loopback
from filmbadge.survey import examine
from support import archives
from support.hanging import HANGS

NETWORK = IPv4Network("127.91.0.0/24")
TODAY = datetime.now(UTC).date().toordinal()
ORTHANC = ("1.2.276.0.7230010.3.0.3.6.7", "OFFIS_DCMTK_367")


def contents(studies: int, undated: int = 0, *, online: bool = False) -> Contents:
    """Studies of the last years, of 30 images each on average; a quarter of them is not online."""
    nearline = 0 if online else studies // 4
    return Contents(
        f"2.25.77{studies}",
        nearline=Part(nearline, nearline * 30),
        online=Part(studies - nearline, (studies - nearline) * 30),
        undated=undated,
        patients=studies // 2,
        first_day=TODAY - 3000,
        days=3000,
    )


def web(**more: Any) -> Archive:
    return replace(Archive("", contents=contents(103, online=True), manner=Manner.NOTHING), **more)


# An archive, its rung, and why; then how many studies it says or shows. A bound is negative.
SEEN: dict[str, tuple[Archive, Rung, Reason | None, int | None]] = {
    "delivers": (Archive("", contents=contents(103), get=Get.DELIVERS), Rung.DELIVERS, None, 103),
    "refuses": (Archive("", contents=contents(103), get=Get.REFUSES), Rung.OFFERS, None, 103),
    "fails": (Archive("", contents=contents(103), get=Get.FAILS), Rung.OFFERS, None, 103),
    "implicit": (Archive("", contents=contents(103), explicit=False, get=Get.DELIVERS), Rung.DELIVERS, None, 103),
    "undated": (Archive("", contents=contents(103, 13)), Rung.DISCLOSES, None, 103),
    "signal": (Archive("", contents=contents(903, 33), cap=100), Rung.DISCLOSES, None, -870),
    "silent": (
        Archive("", contents=contents(903, 33), cap=100, at_cap=AtCap.SILENT),
        Rung.DISCLOSES, None, -870,
    ),
    "too many": (Archive("", contents=contents(903, 33), cap=100, at_cap=AtCap.REFUSES), Rung.DISCLOSES, None, -870),
    "prefixes": (Archive("", contents=contents(903, 33), cap=100, uid_wildcards=True), Rung.DISCLOSES, None, 903),
    "narrow": (Archive("", contents=contents(203), widest=31), Rung.DISCLOSES, None, -203),
    "bounded": (Archive("", contents=contents(203), unbounded=False), Rung.DISCLOSES, None, -203),
    "instances": (
        Archive("", contents=contents(23), rows=Rows.INSTANCES, count_keys=CountKeys.ABSENT),
        Rung.DISCLOSES, None, 23,
    ),
    "collapses": (Archive("", contents=replace(contents(53), series=(2, 3), spread=0.5), count_keys=CountKeys.COLLAPSE), Rung.DISCLOSES, None, 53),
    "nested": (Archive("", contents=contents(53), nested=True, data_after_cancel=True), Rung.DISCLOSES, None, 53),
    "called": (Archive("", contents=contents(53), called="A"), Rung.SPEAKS, Reason.REJECTED, None),
    "calling": (Archive("", contents=contents(53), callers=frozenset("A")), Rung.SPEAKS, Reason.REJECTED, None),
    "aborts": (
        Archive("", contents=contents(53), aborts_queries=True, implementation=ORTHANC),
        Rung.ADMITS, Reason.FIND_ABORTED, None,
    ),
    "busy": (Archive("", contents=contents(53), busy=ALWAYS), Rung.SPEAKS, Reason.REJECTED, None),
    "exhausted": (Archive("", contents=contents(53), exhausted=ALWAYS), Rung.ADMITS, Reason.FIND_FAILED, None),
    "hangs up": (Archive("", contents=contents(53), answers=1, get=Get.DELIVERS), Rung.DELIVERS, None, 53),
    "tls": (Archive("", contents=contents(53), tls=Tls.NEW, get=Get.DELIVERS), Rung.DELIVERS, None, 53),
    "old tls": (Archive("", contents=contents(53), tls=Tls.OLD), Rung.DISCLOSES, None, 53),
    "client certificate": (
        Archive("", contents=contents(53), tls=Tls.CLIENT_CERTIFICATE),
        Rung.LISTENING, Reason.CLIENT_CERTIFICATE, None,
    ),
    "ssh": (Archive("", manner=Manner.SSH), Rung.LISTENING, Reason.NOT_IMAGING, None),
    "garbage": (Archive("", manner=Manner.GARBAGE), Rung.LISTENING, None, None),
    "4 GiB": (Archive("", manner=Manner.HUGE_PDU), Rung.LISTENING, None, None),
    "closes": (Archive("", manner=Manner.CLOSES), Rung.LISTENING, None, None),
    "http": (Archive("", manner=Manner.HTTP), Rung.LISTENING, Reason.NOT_IMAGING, None),
    "rest": (web(rest=True, web=Web.EXPLORER), Rung.DISCLOSES, None, 103),
    "rest, login": (web(rest=False), Rung.SPEAKS, Reason.LOGIN, None),
    "dicomweb": (web(dicomweb="/dicom-web"), Rung.OFFERS, None, 103),
    "wado": (web(dicomweb="/dicom-web", delivers_web=True), Rung.DELIVERS, None, 103),
    "pages": (web(contents=contents(703, online=True), dicomweb="/rs", web_cap=100, warns=True), Rung.OFFERS, None, 703),
    "qido, silent": (web(contents=contents(703, online=True), dicomweb="/dicom-web", web_cap=101), Rung.OFFERS, None, -703),
    "https": (web(dicomweb="/dicom-web", web_tls=True), Rung.OFFERS, None, 103),
    "viewer": (web(web=Web.VIEWER, dicomweb="/dicom-web"), Rung.OFFERS, None, 103),
    "viewer alone": (web(web=Web.VIEWER), Rung.ADMITS, None, None),
    "files": (web(web=Web.DICOM_FILES), Rung.DELIVERS, None, None),
    "other files": (web(web=Web.FILES), Rung.LISTENING, None, None),
    "401": (web(login=True), Rung.LISTENING, Reason.NOT_IMAGING, None),
}  # fmt: skip


def world(*held: Archive) -> World:
    placed = (replace(one, addresses=(NETWORK[n + 1],)) for n, one in enumerate(held))
    return World("test", tuple(placed), (NETWORK,))


def port_of(site: Site, archive: Archive) -> int:
    ports = Ports(
        (site.dimse_ports[0], site.dimse_ports[1]), site.dimse_tls_ports[0], site.web_ports[0], site.web_tls_ports[0]
    )
    port = ports.of_dimse(archive) or ports.of_web(archive)
    assert port is not None
    return port


@pytest.fixture(scope="module")
def checked() -> dict[str, Any]:
    """All archives, each checked as `filmbadge check` does, at the same time."""
    there = world(*(row[0] for row in SEEN.values()))

    async def check() -> list[Any]:
        async with serve(there, 1) as site:
            scope = replace(loopback("the test"), depth=Depth.PROVE)
            targets = [f"{archive.addresses[0]}:{port_of(site, archive)}" for archive in there.archives]
            return await asyncio.gather(*(examine.check(scope, parse(target)) for target in targets))

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return dict(zip(SEEN, (host for host, _ in runner.run(check())), strict=True))


@pytest.mark.parametrize("name", SEEN)
def test_the_instrument_sees_each_behaviour(checked: dict[str, Any], name: str) -> None:
    archive, rung, why, studies = SEEN[name]
    host = checked[name]
    verdict = max((judged.verdict for judged in host.judged), key=lambda one: one.rung.height)
    assert verdict.rung is rung, verdict
    assert why is None or verdict.why is why, verdict
    if why in (Reason.CLIENT_CERTIFICATE, Reason.NOT_IMAGING, Reason.FIND_ABORTED):
        assert verdict.conclusive
    if studies is None:
        return
    counts = host.archives[0].counts
    if studies < 0:
        assert (counts.studies.value, counts.studies.at_least) == (None, -studies)
        return
    assert counts.studies.value == studies
    assert counts.images.value == archive.contents.images_in_all


@contextmanager
def served(*held: Archive) -> Iterator[tuple[World, Site]]:
    """A world in a thread of its own, so that other clients can ask it."""
    there, ready, over, sites = world(*held), Event(), Event(), list[Site]()

    async def run() -> None:
        async with serve(there, 1) as site:
            sites.append(site)
            ready.set()
            await asyncio.get_running_loop().run_in_executor(None, over.wait)

    def main() -> None:
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(run())

    thread = Thread(target=main)
    thread.start()
    try:
        assert ready.wait(HANGS)
        yield there, sites[0]
    finally:
        over.set()
        thread.join()


def test_findscu_gets_all_records_of_a_window() -> None:
    with served(Archive("", contents=contents(103, 13))) as (there, site):
        archive = there.archives[0]
        first = datetime.now(UTC).date() - timedelta(days=1000)
        found = subprocess.run(
            [
                archives.program("findscu"), "-v", "-S", "-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyDate={first:%Y%m%d}-",
                "-k", "StudyInstanceUID", "-k", "NumberOfStudyRelatedInstances", "-k", "PatientName",
                str(archive.addresses[0]), str(site.dimse_ports[0]),
            ],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        said = found.stdout + found.stderr
        uids = re.findall(r"\(0020,000d\) UI \[([0-9.]+)\0?\]", said)
        held = archive.contents
        expected = [held.uid(n).decode() for n in held.between(first.toordinal(), None)]
        assert uids == expected
        assert 0 < len(expected) < 90
        images = re.findall(r"\(0020,1208\) IS \[(\d+) *\]", said)
        assert [int(n) for n in images] == [sum(held.images(n)) for n in held.between(first.toordinal(), None)]


def test_getscu_and_pynetdicom_get_one_image(tmp_path: Any) -> None:
    with served(Archive("", contents=contents(103), get=Get.DELIVERS)) as (there, site):
        archive = there.archives[0]
        held = archive.contents
        number = next(
            n for n in range(held.nearline.studies, held.studies) if held.sop_class(n) == CTImageStorage.encode()
        )
        asked = Dataset()
        asked.QueryRetrieveLevel = "IMAGE"
        asked.StudyInstanceUID = held.uid(number).decode()
        asked.SeriesInstanceUID = held.series_uid(number, 0).decode()
        asked.SOPInstanceUID = held.instance_uid(number, 0, 0).decode()
        address, port = str(archive.addresses[0]), site.dimse_ports[0]
        subprocess.run(
            [
                archives.program("getscu"), "-S", "+B", "-od", str(tmp_path), "-k", "QueryRetrieveLevel=IMAGE",
                "-k", f"StudyInstanceUID={asked.StudyInstanceUID}", "-k", f"SeriesInstanceUID={asked.SeriesInstanceUID}",
                "-k", f"SOPInstanceUID={asked.SOPInstanceUID}", address, str(port),
            ],
            check=True, capture_output=True,
        )  # fmt: skip
        assert len(list(tmp_path.iterdir())) == 1

        stored: list[str] = []

        def store(event: Any) -> int:
            stored.append(event.dataset.SOPInstanceUID)
            return 0

        ae = AE()
        ae.add_requested_context(StudyRootQueryRetrieveInformationModelGet)
        for context in StoragePresentationContexts[:60]:
            ae.add_requested_context(context.abstract_syntax)
        ae.add_requested_context(CTImageStorage)
        role = build_role(CTImageStorage, scp_role=True)
        association = ae.associate(address, port, ext_neg=[role], evt_handlers=[(evt.EVT_C_STORE, store)])
        assert association.is_established
        statuses = [
            status.Status for status, _ in association.send_c_get(asked, StudyRootQueryRetrieveInformationModelGet)
        ]
        association.release()
        assert statuses[-1] == 0
        assert stored == [asked.SOPInstanceUID]


class Sent(asyncio.Transport):
    """A line whose peer reads at once: what was sent, and when there is enough of it."""

    def __init__(self, enough: int) -> None:
        super().__init__()
        self.units, self.enough, self.flooding = bytearray(), enough, asyncio.Event()

    def write(self, data: Any) -> None:
        self.units += data
        if len(self.units) >= self.enough:
            self.flooding.set()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def is_closing(self) -> bool:
        return False


def test_a_flood_ends_at_a_cancel() -> None:
    """No row comes after the cancel. On a real line, rows that are under way come too, as they do from real archives."""

    async def flood() -> tuple[Sent, int]:
        line = Sent(enough=4 * DRAIN_BYTES)
        acceptor = Acceptor(Host(Archive("", contents=contents(3), flood=Flood.NEW)))
        acceptor.connection_made(line)
        context = pdu.Context(1, STUDY_ROOT_FIND, (EXPLICIT_LITTLE,))
        acceptor.data_received(pdu.associate(pdu.ASSOCIATE_RQ, pdu.Associate("A", "B", (context,))))
        keys = elements.encode([(elements.QUERY_LEVEL, b"STUDY"), (elements.STUDY_UID, b"")], explicit=True)
        find = command.encode(Command(command.C_FIND_RQ, 1, STUDY_ROOT_FIND, None, True))
        acceptor.data_received(pdu.data(1, find, keys, 16384))
        await asyncio.wait_for(line.flooding.wait(), HANGS)
        before = len(line.units)
        acceptor.data_received(pdu.data(1, command.encode(Command(command.C_CANCEL_RQ, 1)), None, 16384))
        line.flooding.clear()
        await asyncio.wait_for(line.flooding.wait(), HANGS)
        for _ in range(3):
            await asyncio.sleep(0)
        return line, before

    line, before = asyncio.run(flood())
    after = bytes(line.units[before:])
    kind, length = pdu.HEADER.unpack_from(after)
    ((_, control, fragment),) = pdu.parse_data(after[pdu.HEADER.size :])
    assert (kind, length) == (pdu.P_DATA, len(after) - pdu.HEADER.size), "one PDU, and no row before it"
    assert control & pdu.COMMAND
    assert command.parse(fragment).status == 0xFE00


def test_a_world_beyond_loopback_is_not_served() -> None:
    there = World("test", (Archive("", addresses=(IPv4Address("192.0.2.1"),)),), (IPv4Network("192.0.2.0/24"),))

    async def run() -> None:
        async with serve(there, 1):
            pass

    with pytest.raises(CannotServe, match="not of loopback"):
        asyncio.run(run())


def test_a_world_that_needs_too_many_open_files_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "SPARE", 1 << 40)

    async def run() -> None:
        async with serve(world(Archive("")), 1):
            pass

    with pytest.raises(CannotServe, match="open files"):
        asyncio.run(run())
