"""What a remedy does: a stranger's check of a real archive before and after it, and what an own device still gets."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filmbadge.catalogue.remedies import Measured, remedies
from filmbadge.model import Reason
from filmbadge.tell import remedy
from filmbadge.tell.words import Words
from support import archives
from support.certificates import Pair
from support.network import Apart, Side

DEVICE, ARCHIVE = "WORKSTATION", "ARCHIVE"  # AE titles
USER, PASSWORD = "lab", "only-for-this-test"
DICOM, WEB = 4242, 8042
STUDY = "QueryRetrieveLevel=STUDY"
_CONFIRMED = (
    "I hold this permission until 2099-12-31",
    *(f"pace.{name}, and I answer for it" for name in ("overall is 5000", "per_network is 5000", "per_host is 1000")),
)
_SCOPE = f"""schema = "filmbadge.scope/1"
networks = ["192.0.2.0/28", "2001:db8::/64"]
depth = "count"
expires = 2099-12-31
confirm = {json.dumps(_CONFIRMED)}
[authority]
who = "the test suite"
reference = "none"
basis = "owner"
contact = "tests"
[ae_titles]
called = ["{ARCHIVE}"]
[pace]
overall = 5000
per_network = 5000
per_host = 1000
"""


@dataclass(frozen=True)
class Seen:
    """What a check says of one port."""

    rung: str | None
    grade: str | None  # of the archive that it belongs to; none: it belongs to no archive
    why: Reason
    codes: tuple[int, ...]
    conclusive: bool
    open: bool
    encryption: str

    @property
    def place(self) -> str:
        return f"{self.rung} {self.grade or '-'}"

    @property
    def shown(self) -> str:
        return " ".join([self.why, *map(str, self.codes)])


@dataclass(frozen=True)
class Stranger:
    """Who asks from outside, under a scope file."""

    side: Side
    scope: Path

    def asks(self, address: str, *ports: int) -> dict[int, Seen]:
        """`filmbadge check`, as a user runs it."""
        command = str(Path(sys.executable).with_name("filmbadge"))
        host = f"[{address}]" if ":" in address else address
        target = f"{host}:{','.join(map(str, ports))}"
        document = json.loads(self.side.run(command, "check", target, "--scope", str(self.scope), "--json"))
        assert not document["fault"], document["fault"]
        return {end["port"]: _seen(end, document) for end in document["endpoints"]}


def stranger(machines: Apart, directory: Path) -> Stranger:
    (directory / "scope.toml").write_text(_SCOPE)
    return Stranger(machines.outside, directory / "scope.toml")


def _seen(end: dict[str, Any], document: dict[str, Any]) -> Seen:
    host = f"[{end['address']}]" if ":" in end["address"] else end["address"]
    way = f"{end['protocol']}://{host}:{end['port']}"
    none: dict[str, Any] = {"grade": None, "open": False}
    of = next((archive for archive in document["archives"] if way in archive["endpoints"]), none)
    why = Reason(end["why"])
    return Seen(end["rung"], of["grade"], why, tuple(end["codes"]), end["conclusive"], of["open"], end["encryption"])


def proves(row: str, before: Seen, after: Seen, allowed: str, *, opened: bool = True) -> None:
    """The catalogue says of this row what was seen just now, and no more. `opened`: a check called it open before."""
    catalogued = remedies()[row]
    assert before.open is opened
    assert not after.open
    assert any(then.why is after.why and then.codes in ((), after.codes) for then in catalogued.then)
    assert catalogued.measured == Measured(before.place, after.place, after.shown, allowed, after.conclusive)


def typed(row: str, put: Mapping[str, str] | None = None, *, ports: tuple[int, ...] = (DICOM, WEB)) -> str:
    """What a row says to type, with what its user puts in: values for the words in capitals, and files and ports of the test."""
    numbers = {"ports": ", ".join(map(str, ports)), "dicom": str(DICOM), "web": str(WEB)}
    lines = "\n".join(remedy.step(row, Words(), "", numbers).type)
    return replaced(lines, {"NAME": USER, "PASSWORD": PASSWORD, "AE-TITLE": DEVICE, **(put or {})})


def replaced(lines: str, put: Mapping[str, str]) -> str:
    for word, value in put.items():
        lines = lines.replace(word, value)
    return lines


def settings(row: str) -> dict[str, Any]:
    """What a row says to write into the configuration of Orthanc."""
    read: dict[str, Any] = json.loads("{" + typed(row).rstrip(",") + "}")
    return read


@contextmanager
def orthanc(inside: Side, directory: Path, *rows: dict[str, Any]) -> Iterator[None]:
    """Orthanc as an open archive, with other settings over these: the same database, whenever it starts again."""
    configuration = {
        "StorageDirectory": str(directory / "db"),
        "IndexDirectory": str(directory / "db"),
        "DicomAet": ARCHIVE,
        "DicomPort": DICOM,
        "HttpPort": WEB,
        "RemoteAccessAllowed": True,
        "AuthenticationEnabled": False,
        "DicomAlwaysAllowFind": True,
        "DicomAlwaysAllowGet": True,
        "Plugins": [],
    }
    for row in rows:
        configuration |= row
    (directory / "orthanc.json").write_text(json.dumps(configuration))
    ports = [WEB, *([DICOM] if configuration.get("DicomServerEnabled", True) else [])]
    with archives.running(inside.command(archives.program("Orthanc"), "orthanc.json"), directory, *ports):
        yield


def studies() -> list[Path]:
    """Two small files that every program can read, each of a study of its own."""
    return [path for path in archives.wheel_files() if path.name in ("CT_small.dcm", "MR_small.dcm")]


def load(inside: Side, files: Sequence[Path]) -> None:
    """Store files in an open Orthanc."""
    for path in files:
        inside.run("curl", "-sf", "--data-binary", f"@{path}", f"http://127.0.0.1:{WEB}/instances")


def finds(side: Side, address: str, port: int, called: str = ARCHIVE, tls: Pair | None = None) -> list[str]:
    """The studies that DCMTK's findscu is told of, with a client certificate or in plain. It must succeed."""
    secured = ["+tls", str(tls.key), str(tls.certificate), "--ignore-peer-cert"] if tls else []
    ask = ["-S", "-k", STUDY, "-k", "StudyInstanceUID", "-aet", DEVICE, "-aec", called]
    said = side.run("sh", "-c", 'exec findscu -v "$@" 2>&1', "sh", *ask, *secured, address, str(port)).splitlines()
    return [
        line.split("[")[1].split("]")[0].strip("\0")
        for line in said
        if line.endswith("StudyInstanceUID") and "[" in line
    ]


def gets(side: Side, directory: Path, address: str, port: int, study: str, called: str = ARCHIVE) -> int:
    """How many files DCMTK's getscu is given of a study."""
    directory.mkdir()
    ask = ["-S", "-k", STUDY, "-k", f"StudyInstanceUID={study}", "-aet", DEVICE, "-aec", called, "-od", str(directory)]
    side.run("getscu", *ask, address, str(port))
    return len(list(directory.iterdir()))


def status(side: Side, url: str, *options: str) -> int:
    """The HTTP status that curl is answered."""
    return int(side.run("curl", "-sk", "-o", "/dev/null", "-w", "%{http_code}", *options, url))


@contextmanager
def tunnel(side: Side, directory: Path, device: Pair, ends: dict[int, int], address: str) -> Iterator[None]:
    """A workstation's own stunnel: from its ports to TLS ports of the archive, with its certificate. getscu 3.6.7 has no TLS."""
    own = directory / "workstation"
    own.mkdir()
    services = "".join(
        f"[to-{far}]\nclient = yes\naccept = 127.0.0.1:{near}\nconnect = {address}:{far}\n"
        f"cert = {device.certificate}\nkey = {device.key}\n"
        for near, far in ends.items()
    )
    (own / "stunnel.conf").write_text(f"foreground = yes\npid =\n{services}")
    with archives.running(side.command(archives.program("stunnel"), "stunnel.conf"), own, *ends):
        yield
