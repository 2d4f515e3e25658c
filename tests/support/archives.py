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
from pydicom.dataset import Dataset, FileDataset
from pynetdicom import AE, evt
from pynetdicom.presentation import build_context
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind as STUDY_ROOT_FIND

from support.hanging import HANGS

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


def holdings() -> list[dict[str, str]]:
    """What the wheel's files would make an archive hold, for archives that answer from a list."""
    names = ("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
    return [
        {**dict(zip(names, uids, strict=True)), "StudyDate": str(read.get("StudyDate", "") or "")}
        for path in wheel_files()
        if (read := _read(path)) is not None and (uids := _uids(path)) is not None
    ]


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """Until a port takes connections: there is no event to wait for in another program.

    The kernel is asked, not the port. CTN ends at a connection that says nothing, and odil takes one at a time.
    """
    deadline = time.monotonic() + HANGS
    while time.monotonic() < deadline:
        assert process.poll() is None, f"the archive ended at once with {process.returncode}"
        if port in listening(process.pid):
            return
        time.sleep(0.02)
    raise AssertionError(f"nothing listens on port {port} after {HANGS:g} s")


def listening(of: int | None = None) -> set[int]:
    """The TCP ports on which something listens in the network of this process, or of another one, IPv4 and IPv6."""
    tables = [Path(f"/proc/{of or 'thread-self'}/net/{name}").read_text().splitlines()[1:] for name in ("tcp", "tcp6")]
    rows = [line.split() for table in tables for line in table]
    return {int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == "0A"}


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
def orthanc(
    directory: Path, *, load: bool = True, files: Sequence[Path] = (), user: str = "", **settings: object
) -> Iterator[Served]:
    """Orthanc on ports of its own, with settings by their names in its configuration. These files, or all of the wheel's."""
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
        accepted = [path for path in files or wheel_files() if load and _post(http, path, user, password)]
        yield Served(dicom, http, truth(accepted) if load else Truth(0, 0, 0, 0))


@contextmanager
def running_orthanc(directory: Path, **settings: object) -> Iterator[int]:
    """Orthanc's web interface alone, with these settings and no others. Nothing is in it."""
    http = next(_PORTS)
    own = {"StorageDirectory": str(directory / "db"), "IndexDirectory": str(directory / "db"), "HttpPort": http}
    (directory / "orthanc.json").write_text(json.dumps({**own, "Plugins": [], **settings}))
    with running([program("Orthanc"), "orthanc.json"], directory, http):
        yield http


def _post(port: int, path: Path, user: str, password: str) -> bool:
    request = urllib.request.Request(f"http://127.0.0.1:{port}/instances", data=path.read_bytes(), method="POST")
    if user:
        request.add_header("Authorization", "Basic " + b64encode(f"{user}:{password}".encode()).decode())
    try:
        with urllib.request.urlopen(request, timeout=HANGS) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError:
        return False


def store(port: int, called: str, chosen: Sequence[Path] = ()) -> list[Path]:
    """C-STORE files, each in its own transfer syntax; returns those that were accepted. All of the wheel's if none is chosen."""
    files = {path: read for path in chosen or wheel_files() if (read := _read(path)) is not None}
    contexts = {
        (str(read.SOPClassUID), str(read.file_meta.TransferSyntaxUID)): build_context(
            str(read.SOPClassUID), str(read.file_meta.TransferSyntaxUID)
        )
        for read in files.values()
    }
    assert len(contexts) <= 128
    accepted = []
    association = AE("LOADER").associate(
        "127.0.0.1",
        port,
        ae_title=called,
        contexts=list(contexts.values()),
        evt_handlers=[(evt.EVT_CONN_OPEN, without_delay)],
    )
    assert association.is_established
    for path in files:
        _pause(association)
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


def _pause(association: Any) -> None:
    """Wait until the association's own thread waits. It says so a moment too early, and then takes the response away."""
    association._reactor_checkpoint.clear()
    while association.is_alive() and not association._reactor_checkpoint._cond._waiters:
        time.sleep(0.0005)


def without_delay(event: Any) -> None:
    """What TCP_NODELAY in the environment is to DCMTK, for one connection of pynetdicom's."""
    event.assoc.dul.socket.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


@dataclass(frozen=True)
class Peek:
    """What another client than ours is told: about the archive, and by one C-FIND at study level."""

    version: str
    max_pdu: int
    statuses: frozenset[int]
    rows: int
    studies: int


def peek(port: int, called: str = "ANY-SCP", *keys: str) -> Peek:
    """Ask for Study Instance UID and the keys, with pynetdicom."""
    query = Dataset()
    query.QueryRetrieveLevel = "STUDY"
    for key in ("StudyInstanceUID", *keys):
        setattr(query, key, "")
    association = AE("PEEK").associate("127.0.0.1", port, ae_title=called, contexts=[build_context(STUDY_ROOT_FIND)])
    assert association.is_established
    _pause(association)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        answers = [(int(status.Status), row) for status, row in association.send_c_find(query, STUDY_ROOT_FIND)]
        studies = {str(row.get("StudyInstanceUID", "")) for _, row in answers if row is not None}
    peer = association.acceptor
    association.release()
    version = str(peer.implementation_version_name or "")
    return Peek(
        version, peer.maximum_length, frozenset(status for status, _ in answers), len(answers) - 1, len(studies)
    )


@dataclass(frozen=True)
class Matched:
    """What one C-FIND for a Study Date brought."""

    dated: int  # studies
    undated: int
    status: int


def by_date(port: int, called: str, date: str) -> Matched:
    """Ask for the studies of this Study Date, with pynetdicom. It may be no date."""
    undated = {held["StudyInstanceUID"] for held in holdings() if not held["StudyDate"]}
    query, status, found = Dataset(), 0, set[str]()
    query.QueryRetrieveLevel, query.StudyInstanceUID = "STUDY", ""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        query.StudyDate = date
        association = AE("PEEK").associate(
            "127.0.0.1", port, ae_title=called, contexts=[build_context(STUDY_ROOT_FIND)]
        )
        assert association.is_established
        _pause(association)
        for said, row in association.send_c_find(query, STUDY_ROOT_FIND):
            status = int(said.Status)
            found |= {str(row.get("StudyInstanceUID", ""))} if row is not None else set()
    association.release()
    return Matched(len(found - undated), len(found & undated), status)


@contextmanager
def dcmqrscp(directory: Path, *, max_pdu: int = 16384, files: Sequence[Path] = ()) -> Iterator[Served]:
    """DCMTK's image archive, called LABQR."""
    port = next(_PORTS)
    storage = directory / "LABQR"
    storage.mkdir()
    (directory / "dcmqrscp.cfg").write_text(
        f"NetworkTCPPort = {port}\nMaxPDUSize = {max_pdu}\nMaxAssociations = 16\n"
        "HostTable BEGIN\nHostTable END\nVendorTable BEGIN\nVendorTable END\n"
        f"AETable BEGIN\nLABQR {storage} RW (500, 1024mb) ANY\nAETable END\n"
    )
    with running([program("dcmqrscp"), "-c", "dcmqrscp.cfg"], directory, port):
        yield Served(port, 0, truth(store(port, "LABQR", files)))


@contextmanager
def guarded_dcmqrscp(directory: Path, peers: str) -> Iterator[int]:
    """The same and empty, for `peers`: ANY, or `station`, which is another host than this one."""
    port = next(_PORTS)
    (directory / "LABQR").mkdir()
    (directory / "dcmqrscp.cfg").write_text(
        f"NetworkTCPPort = {port}\nMaxPDUSize = 16384\nMaxAssociations = 16\n"
        "HostTable BEGIN\nstation = (STATION, 192.0.2.10, 104)\nHostTable END\nVendorTable BEGIN\nVendorTable END\n"
        f"AETable BEGIN\nLABQR {directory / 'LABQR'} RW (500, 1024mb) {peers}\nAETable END\n"
    )
    with running([program("dcmqrscp"), "-c", "dcmqrscp.cfg"], directory, port):
        yield port


@contextmanager
def qrscp(directory: Path, *, files: Sequence[Path] = ()) -> Iterator[Served]:
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
        stored = store(port, "QRSCP", files)
        with closing(sqlite3.connect(directory / "instances.sqlite")) as database:
            filed = {uid for (uid,) in database.execute("SELECT sop_instance_uid FROM instance")}
        yield Served(port, 0, truth([path for path in stored if (uids := _uids(path)) and uids[-1] in filed]))


# pynetdicom2 0.9.8 encodes a response when it is sent, by when the next row has taken its place: the right number
# of rows, each the last one. This runs tiny-pacs with that one race settled.
SETTLED = """
import sys
from pynetdicom2.dimsemessages import DIMSEMessage
encode = DIMSEMessage.encode
DIMSEMessage.encode = lambda *arguments: iter(list(encode(*arguments)))
from tiny_pacs.__main__ import main
sys.exit(main())
"""


@contextmanager
def tiny_pacs(directory: Path, *, settled: bool, token: str = "", files: Sequence[Path] = ()) -> Iterator[Served]:
    """tiny-pacs, called TINYQR, with its DICOMweb, which wants the token if there is one.

    It has a DIMSE implementation of its own. Loaded when started first.
    """
    port, http = next(_PORTS), next(_PORTS)
    components: dict[str, dict[str, object]] = {
        "Database": {"driver": "sqlite", "db_name": str(directory / "index.sqlite"), "mode": "rwc"},
        "Devices": {"auto_add": True},
        "PACS": {},
        "FileStorage": {"storage_dir": str(directory / "images")},
        "HttpServer": {"host": "127.0.0.1", "port": http},
        "DICOMWeb": {"prefix": "/dicomweb", "auth": "token", "tokens": [token]}
        if token
        else {"prefix": "/dicomweb", "auth": "none"},
    }
    again = (directory / "images").exists()
    (directory / "images").mkdir(exist_ok=True)
    configuration = {
        "components": {name: {"on": True, **settings} for name, settings in components.items()},
        "ae": {"ae_title": ["TINYQR"], "port": port},
    }
    (directory / "tiny.json").write_text(json.dumps(configuration))
    command = [sys.executable, "-c", SETTLED] if settled else [str(Path(sys.executable).with_name("tiny-pacs"))]
    with running([*command, "run", "-c", "tiny.json"], directory, port, http):
        yield Served(
            port, http, Truth(0, 0, 0, 0) if again else truth(store(port, "TINYQR", files or wheel_files()[:60]))
        )


_JARS = (
    *("pixelmed", "hsqldb", "commons-codec", "commons-net", "vecmath"),
    *("jmdns", "slf4j-api", "slf4j-simple", "jaxb-api", "javax.json"),
)


@contextmanager
def pixelmed(directory: Path, *, files: Sequence[Path] = ()) -> Iterator[Served]:
    """PixelMed's server, called PIXELMED. It announces itself by mDNS, which stays on loopback where nothing else is."""
    port, http = next(_PORTS), next(_PORTS)
    (directory / "images").mkdir()
    (directory / "pixelmed.properties").write_text(
        f"Dicom.ListeningPort={port}\nDicom.CalledAETitle=PIXELMED\nDicom.CallingAETitle=PIXELMED\n"
        f"Dicom.PrimaryDeviceType=ARCHIVE\nApplication.DatabaseFileName={directory / 'index'}\n"
        f"Application.SavedImagesFolderName={directory / 'images'}\n"
        f"WebServer.ListeningPort={http}\nWebServer.RootURL=/\n"
    )
    jars = [Path(f"/usr/share/java/{name}.jar") for name in _JARS]
    assert all(jar.exists() for jar in jars), "pixelmed-apps is not installed; `make test` installs it as root"
    options = [
        "-Djava.awt.headless=true",
        "-XX:TieredStopAtLevel=1",  # it runs for seconds
        "-cp",
        ":".join(map(str, jars)),
    ]
    command = [program("java"), *options, "com.pixelmed.server.DicomAndWebStorageServer", "pixelmed.properties"]
    with running(command, directory, port, http):
        yield Served(port, http, truth(store(port, "PIXELMED", files)))


@contextmanager
def ctn(directory: Path, *, max_pdu: int = 16384) -> Iterator[Served]:
    """CTN's simple_storage. It answers any C-FIND with rows that are written in its source, and holds nothing."""
    port = next(_PORTS)
    with running([program("simple_storage"), "-m", str(max_pdu), str(port)], directory, port):
        yield Served(port, 0, Truth(0, 0, 0, 0))


@contextmanager
def _answering(directory: Path, *command: str, options: Sequence[str] = ()) -> Iterator[Served]:
    """An archive that a script makes, from a port and a list of holdings."""
    port = next(_PORTS)
    (directory / "holdings.json").write_text(json.dumps(holdings()))
    with running([*command, str(port), "holdings.json", *options], directory, port):
        yield Served(port, 0, truth(wheel_files()))


@contextmanager
def odil(directory: Path) -> Iterator[Served]:
    """An archive made with odil. It listens for one association at a time, so ask it slowly."""
    script = Path(__file__).parents[1] / "real" / "odil_scp.py"
    with _answering(directory, "/usr/bin/python3", str(script)) as served:
        yield served


@contextmanager
def dcmjs(directory: Path, *, max_pdu: int = 16384) -> Iterator[Served]:
    """An archive made with dcmjs-dimse."""
    script = Path(__file__).parents[1] / "npm" / "scp.js"
    assert (script.parent / "node_modules").exists(), "`make test` installs what tests/npm needs (scripts/npm)"
    with _answering(directory, program("node"), str(script), options=[str(max_pdu)]) as served:
        yield served


def filmbadge(*arguments: str, code: int = 0, cwd: Path | None = None, timeout: float = HANGS) -> str:
    """Run the installed command as a user would; returns its stdout."""
    command = str(Path(sys.executable).with_name("filmbadge"))
    done = subprocess.run([command, *arguments], capture_output=True, text=True, timeout=timeout, cwd=cwd, check=False)
    assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return done.stdout


def check(target: str, *arguments: str, code: int = 0) -> dict[str, Any]:
    """`filmbadge check --json` of a target."""
    document: dict[str, Any] = json.loads(filmbadge("check", target, "--json", *arguments, code=code))
    return document


def scope_file(directory: Path, *, depth: str = "count", extra: str = "", per_host: int = 1000) -> Path:
    """A scope over loopback."""
    path = directory / "scope.toml"
    path.write_text(
        'schema = "filmbadge.scope/1"\nnetworks = ["127.0.0.0/8", "::1/128"]\n'
        f'depth = "{depth}"\nexpires = 2099-12-31\n{extra}\n'
        '[authority]\nwho = "the test suite"\nreference = "none"\nbasis = "owner"\ncontact = "tests"\n'
        f"[pace]\noverall = 5000\nper_network = 5000\nper_host = {per_host}\narchive_share = 1\n"
    )
    return path
