"""What a clinic feels of a census: how long its own small questions take, on a real Orthanc, while we count.

A clinical client asks for one patient's studies and fetches one image, each over a new association, as a workstation
does. Beside it runs nothing; our census at the pace of a scope that says nothing of it, over and over; or DCMTK's
findscu, which takes the whole archive at once.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path

import common
from common import BenchError
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage
from pynetdicom import AE, build_role, evt
from pynetdicom.sop_class import (
    StudyRootQueryRetrieveInformationModelFind as FIND,
)
from pynetdicom.sop_class import (
    StudyRootQueryRetrieveInformationModelGet as GET,
)

from support.archives import orthanc, without_delay

STUDIES_A_PATIENT = 3
THINK_SECONDS = 0.1
PERCENTILES = (50, 90, 99)
OPEN = {"DicomAlwaysAllowFind": True, "DicomAlwaysAllowGet": True}
FINDSCU = ("findscu", "-q", "-S", "-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID", "-k", "StudyDate",
           "-k", "NumberOfStudyRelatedInstances")  # fmt: skip


@dataclass
class Column:
    """What the clinic felt beside one load."""

    who: str
    find_ms: tuple[float, ...]  # at PERCENTILES
    get_ms: tuple[float, ...]
    asked: int
    censuses: int
    per_second: float  # studies counted, while it ran


def image(number: int) -> bytes:
    """One image: a study of its own, three to a patient, spread over ten years."""
    held = Dataset()
    held.file_meta = FileMetaDataset()
    held.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    held.file_meta.MediaStorageSOPClassUID = held.SOPClassUID = SecondaryCaptureImageStorage
    held.StudyInstanceUID = f"2.25.7.{number}"
    held.SeriesInstanceUID = f"2.25.7.{number}.1"
    held.file_meta.MediaStorageSOPInstanceUID = held.SOPInstanceUID = f"2.25.7.{number}.1.1"
    held.PatientID = f"BENCH{number // STUDIES_A_PATIENT}"
    held.PatientName = f"Bench^{number // STUDIES_A_PATIENT}"
    held.StudyDate = f"{date(2026, 1, 1) - timedelta(days=number * 7919 % 3650):%Y%m%d}"
    held.Modality = "OT"
    held.Rows = held.Columns = 64
    held.BitsAllocated = held.BitsStored = 8
    held.HighBit, held.PixelRepresentation, held.SamplesPerPixel = 7, 0, 1
    held.PhotometricInterpretation = "MONOCHROME2"
    held.PixelData = bytes(64 * 64)
    out = io.BytesIO()
    held.save_as(out, enforce_file_format=True)
    return out.getvalue()


def load(port: int, studies: int) -> None:
    def post(number: int) -> None:
        request = urllib.request.Request(f"http://127.0.0.1:{port}/instances", image(number), method="POST")
        with urllib.request.urlopen(request, timeout=60) as answer:
            answer.read()

    with ThreadPoolExecutor(4) as pool:
        for done, _ in enumerate(pool.map(post, range(studies)), 1):
            if done % 2000 == 0:
                common.say(f"gentle: {done:,} studies stored")


def clinic(port: int, patient: int) -> tuple[float, float]:
    """One small query and one small retrieval, each over a new association. Returns their seconds."""
    query = Dataset()
    query.QueryRetrieveLevel = "STUDY"
    query.PatientID = f"BENCH{patient}"
    query.StudyInstanceUID = ""
    wanted = Dataset()
    wanted.QueryRetrieveLevel = "IMAGE"
    number = patient * STUDIES_A_PATIENT
    wanted.StudyInstanceUID = f"2.25.7.{number}"
    wanted.SeriesInstanceUID = f"2.25.7.{number}.1"
    wanted.SOPInstanceUID = f"2.25.7.{number}.1.1"
    stored: list[int] = []

    def took(event: evt.Event) -> int:
        stored.append(len(event.request.DataSet.getvalue()))
        return 0x0000

    def find() -> int:
        entity = AE("CLINIC")
        entity.add_requested_context(FIND)
        association = entity.associate("127.0.0.1", port, evt_handlers=[(evt.EVT_CONN_OPEN, without_delay)])
        found = sum(status.Status == 0xFF00 for status, _ in association.send_c_find(query, FIND))
        association.release()
        return found

    def get() -> int:
        entity = AE("CLINIC")
        entity.add_requested_context(GET)
        entity.add_requested_context(SecondaryCaptureImageStorage)
        association = entity.associate(
            "127.0.0.1",
            port,
            ext_neg=[build_role(SecondaryCaptureImageStorage, scp_role=True)],
            evt_handlers=[(evt.EVT_CONN_OPEN, without_delay), (evt.EVT_C_STORE, took)],
        )
        for _ in association.send_c_get(wanted, GET):
            pass
        association.release()
        return len(stored)

    return _timed(find, STUDIES_A_PATIENT), _timed(get, 1)


def _timed(work: Callable[[], int], expected: int) -> float:
    started = time.perf_counter()
    if (got := work()) != expected:
        raise BenchError(f"the clinic got {got} of {expected}")
    return time.perf_counter() - started


@contextmanager
def over_and_over(command: list[str], counted: Callable[[str], int]) -> Iterator[list[int]]:
    """A load beside the clinic: one run of a command after the other. Yields what each counted."""
    found: list[int] = []
    stop = threading.Event()
    failed: list[str] = []
    running: list[subprocess.Popen[str]] = []

    def work() -> None:
        while not stop.is_set():
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            running[:] = [process]
            out, complaint = process.communicate()
            if not stop.is_set():
                if process.returncode:
                    failed.append(f"{command[0]} ended with {process.returncode}: {complaint[-300:]}")
                    return
                found.append(counted(out))

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield found
    finally:
        stop.set()
        for process in running:
            process.terminate()
        thread.join()
    if failed:
        raise BenchError(failed[0])


def scope(folder: Path) -> Path:
    """All of loopback, at the pace that a scope has if it names none."""
    path = folder / "scope.toml"
    path.write_text(
        'schema = "filmbadge.scope/1"\nnetworks = ["127.0.0.0/8"]\ndepth = "count"\nexpires = 2099-12-31\n'
        '[authority]\nwho = "the benchmark"\nreference = "none"\nbasis = "owner"\ncontact = "none"\n'
    )
    return path


def column(who: str, dicom: int, studies: int, questions: int, patients: int, scope: Path) -> Column:
    finds, gets = [], []
    with ExitStack() as stack:
        found: list[int] = []
        if who == "filmbadge":
            ours = [
                str(Path(sys.executable).with_name("filmbadge")),
                "check",
                f"127.0.0.1:{dicom}",
                "--json",
                "--scope",
                str(scope),
            ]
            found = stack.enter_context(over_and_over(ours, _studies))
        elif who == "findscu":
            found = stack.enter_context(over_and_over([*FINDSCU, "127.0.0.1", str(dicom)], lambda _: studies))
        started = time.perf_counter()
        for turn in range(questions):
            find, get = clinic(dicom, turn * 31 % patients)
            finds.append(find)
            gets.append(get)
            time.sleep(THINK_SECONDS)
        while who != "nothing" and not found:  # at least one whole census, and the clinic goes on meanwhile
            find, get = clinic(dicom, len(finds) * 31 % patients)
            finds.append(find)
            gets.append(get)
            time.sleep(THINK_SECONDS)
        seconds = time.perf_counter() - started
    if any(count != studies for count in found):
        raise BenchError(f"{who} counted {found}, not {studies}")
    return Column(who, _percentiles(finds), _percentiles(gets), len(finds), len(found), sum(found) / seconds)


def _studies(out: str) -> int:
    found = json.loads(out)["archives"][0]["counts"]["studies"]
    return int(found["value"] or found["at_least"] or 0)  # a round number of studies may be a limit of the archive


def _percentiles(seconds: list[float]) -> tuple[float, ...]:
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    return tuple(round(1000 * cuts[p - 1], 1) for p in PERCENTILES)


def columns(studies: int, questions: int) -> list[Column]:
    """Each load in turn, and the idle archive before and after, which shows the noise."""
    studies -= studies % STUDIES_A_PATIENT
    with tempfile.TemporaryDirectory() as name, orthanc(Path(name), load=False, **OPEN) as served:
        load(served.http, studies)
        patients = studies // STUDIES_A_PATIENT
        for patient in range(3):
            clinic(served.dicom, patient)  # warm
        found = []
        allowed = scope(Path(name))
        for who in ("nothing", "filmbadge", "findscu", "nothing"):
            found.append(column(who, served.dicom, studies, questions, patients, allowed))
            common.say(f"gentle: beside {who}: find {found[-1].find_ms} ms, get {found[-1].get_ms} ms")
    return found


def options(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--studies", type=int, default=10_000)
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--quick", action="store_true", help="900 studies, 20 questions")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    if chosen.quick:
        chosen.studies, chosen.questions = min(chosen.studies, 900), min(chosen.questions, 20)
    return chosen


def main() -> None:
    chosen = options()
    common.enter()
    try:
        found = columns(chosen.studies, chosen.questions)
    except BenchError as error:
        sys.exit(str(error))
    print(
        json.dumps({"bench": "gentle", "columns": [asdict(one) for one in found]}, indent=2)
        if chosen.json
        else table(found)
    )


def table(found: list[Column]) -> str:
    """Milliseconds as a Markdown table."""
    head = [
        "beside",
        *(f"find p{p}" for p in PERCENTILES),
        *(f"get p{p}" for p in PERCENTILES),
        "asked",
        "censuses",
        "studies/s",
    ]
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    for one in found:
        cells = [
            one.who,
            *map(str, one.find_ms),
            *map(str, one.get_ms),
            str(one.asked),
            str(one.censuses),
            common.number(one.per_second) if one.per_second else "0",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
