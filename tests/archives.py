"""Real archives on loopback, loaded with the DICOM files inside the pydicom wheel, and the truth about them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
import warnings
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataset import FileDataset
from pynetdicom import AE
from pynetdicom.presentation import build_context

READY_SECONDS = 20
_PORTS = count(4242)
ENVIRONMENT = {**os.environ, "TCP_NODELAY": "1"}  # DCMTK-based programs stall 40 ms a PDU without


def program(name: str) -> str:
    """A program of Debian's. One that is missing fails the test; it is not skipped."""
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")  # Orthanc is a daemon to Debian
    assert found, f"{name} is not installed; `make test` installs it as root"
    return found


@dataclass(frozen=True)
class Truth:
    """What an archive holds, computed from the files it accepted."""

    patients: int
    studies: int
    series: int
    images: int


@cache
def wheel_files() -> tuple[Path, ...]:
    """The DICOM files of the pydicom wheel that have all the UIDs an archive files them under.

    Each instance once: some are there in several encodings, and Orthanc keeps the padding of a patient
    id in RLE files, so that one patient becomes two to it.
    """
    root = Path(pydicom.__file__).parent / "data" / "test_files"
    chosen: dict[str, Path] = {}
    for path in sorted(root.rglob("*")):
        if path.is_file() and (found := _uids(path)) is not None:
            chosen.setdefault(found[-1], path)
    return tuple(chosen.values())


def _read(path: Path) -> FileDataset | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return pydicom.dcmread(path)
        except Exception:  # whatever is wrong with a file that is broken on purpose
            return None


def _uids(path: Path) -> tuple[str, str, str, str] | None:
    read = _read(path)
    if read is None or "TransferSyntaxUID" not in read.file_meta:
        return None
    found = [
        str(read.get(k, "") or "") for k in ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID")
    ]
    return (str(read.get("PatientID", "") or ""), found[3], found[2], found[1]) if all(found) else None


def truth(files: Sequence[Path]) -> Truth:
    uids = [found for path in files if (found := _uids(path)) is not None]
    assert len(uids) == len(files) > 50, "too few files were accepted to prove anything"
    patients, studies, series, images = (len(set(column)) for column in zip(*uids, strict=True))
    return Truth(patients, studies, series, images)


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """Until a port takes connections. There is no event to wait for in another program."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, f"the archive ended at once with {process.returncode}"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError(f"nothing listens on port {port} after {READY_SECONDS} s")


@contextmanager
def running(command: Sequence[str], directory: Path, *ports: int) -> Iterator[subprocess.Popen[bytes]]:
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=directory, stdout=log, stderr=log, env=ENVIRONMENT, start_new_session=True
        )
        try:
            for port in ports:
                wait_for(port, process)
            yield process
        finally:
            os.killpg(process.pid, signal.SIGKILL)  # with its forks
            process.wait()


@dataclass(frozen=True)
class Served:
    dicom: int
    http: int
    truth: Truth


@contextmanager
def orthanc(directory: Path, *, load: bool = True, user: str = "", **settings: object) -> Iterator[Served]:
    """Orthanc on ports of its own, with settings by their names in its configuration."""
    dicom, http = next(_PORTS), next(_PORTS)
    password = "only-for-this-test"
    configuration = {
        "StorageDirectory": str(directory / "db"),
        "IndexDirectory": str(directory / "db"),
        "HttpPort": http,
        "DicomPort": dicom,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": bool(user),
        "RegisteredUsers": {user: password} if user else {},
        "OverwriteInstances": True,
        "Plugins": [],
        **settings,
    }
    (directory / "orthanc.json").write_text(json.dumps(configuration))
    with running([program("Orthanc"), "orthanc.json"], directory, dicom, http):
        accepted = [path for path in wheel_files() if load and _post(http, path, user, password)]
        yield Served(dicom, http, truth(accepted) if load else Truth(0, 0, 0, 0))


def _post(port: int, path: Path, user: str, password: str) -> bool:
    request = urllib.request.Request(f"http://127.0.0.1:{port}/instances", data=path.read_bytes(), method="POST")
    if user:
        request.add_header("Authorization", "Basic " + b64encode(f"{user}:{password}".encode()).decode())
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError:
        return False


def store(port: int, called: str) -> list[Path]:
    """C-STORE the wheel's files, each in its own transfer syntax; returns those that were accepted."""
    files = {path: read for path in wheel_files() if (read := _read(path)) is not None}
    contexts = {
        (str(read.SOPClassUID), str(read.file_meta.TransferSyntaxUID)): build_context(
            str(read.SOPClassUID), str(read.file_meta.TransferSyntaxUID)
        )
        for read in files.values()
    }
    assert len(contexts) <= 128
    accepted = []
    association = AE("LOADER").associate("127.0.0.1", port, ae_title=called, contexts=list(contexts.values()))
    assert association.is_established
    for path in files:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                status = association.send_c_store(path)  # as it is on disk, not decoded and encoded again
            except ValueError:  # no context was accepted for it
                continue
        if status and status.Status == 0x0000:
            accepted.append(path)
    association.release()
    return accepted


@contextmanager
def dcmqrscp(directory: Path) -> Iterator[Served]:
    """DCMTK's image archive, called LABQR."""
    port = next(_PORTS)
    storage = directory / "LABQR"
    storage.mkdir()
    (directory / "dcmqrscp.cfg").write_text(
        f"NetworkTCPPort = {port}\nMaxPDUSize = 16384\nMaxAssociations = 16\n"
        "HostTable BEGIN\nHostTable END\nVendorTable BEGIN\nVendorTable END\n"
        f"AETable BEGIN\nLABQR {storage} RW (500, 1024mb) ANY\nAETable END\n"
    )
    with running([program("dcmqrscp"), "-c", "dcmqrscp.cfg"], directory, port):
        yield Served(port, 0, truth(store(port, "LABQR")))


@contextmanager
def qrscp(directory: Path) -> Iterator[Served]:
    """pynetdicom's qrscp. It answers with one row per instance."""
    port = next(_PORTS)
    (directory / "instances").mkdir()
    (directory / "qrscp.ini").write_text(
        f"[DEFAULT]\nae_title: QRSCP\nport: {port}\nmax_pdu: 16382\nacse_timeout: 30\ndimse_timeout: 30\n"
        "network_timeout: 30\nbind_address: 127.0.0.1\n"
        f"instance_location: {directory / 'instances'}\ndatabase_location: {directory / 'instances.sqlite'}\n"
    )
    with running([sys.executable, "-m", "pynetdicom", "qrscp", "--config", "qrscp.ini"], directory, port):
        # It answers success to some files that it then fails to file: ask its database, not its word.
        stored = store(port, "QRSCP")
        with closing(sqlite3.connect(directory / "instances.sqlite")) as database:
            filed = {uid for (uid,) in database.execute("SELECT sop_instance_uid FROM instance")}
        yield Served(port, 0, truth([path for path in stored if (uids := _uids(path)) and uids[-1] in filed]))


def filmbadge(*arguments: str, code: int = 0, cwd: Path | None = None, timeout: float = 120) -> str:
    """Run the installed command as a user would; returns its stdout."""
    command = str(Path(sys.executable).with_name("filmbadge"))
    done = subprocess.run([command, *arguments], capture_output=True, text=True, timeout=timeout, cwd=cwd, check=False)
    assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return done.stdout


def check(target: str, *arguments: str) -> dict[str, Any]:
    """`filmbadge check --json` of a target."""
    document: dict[str, Any] = json.loads(filmbadge("check", target, "--json", *arguments))
    return document


def scope_file(directory: Path, *, depth: str = "count", extra: str = "") -> Path:
    """A scope over loopback."""
    path = directory / "scope.toml"
    path.write_text(
        'schema = "filmbadge.scope/1"\nnetworks = ["127.0.0.0/8", "::1/128"]\n'
        f'depth = "{depth}"\nexpires = 2099-12-31\n{extra}\n'
        '[authority]\nwho = "the test suite"\nreference = "none"\nbasis = "owner"\ncontact = "tests"\n'
        "[pace]\noverall = 5000\nper_network = 5000\nper_host = 1000\n"
    )
    return path
