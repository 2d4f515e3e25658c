"""Kits as they are written: the real product and its real front start with them, strangers stay outside, a device comes in."""

from __future__ import annotations

import re
import stat
import subprocess
import sys
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from ssl import create_default_context

import pydicom
import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, evt

from filmbadge.catalogue.dicom import STUDY_ROOT_FIND, VERIFICATION
from support import archives
from support.archives import check, filmbadge, program, running
from support.hanging import HANGS

CLOSED = {"association-rejected", "login-demanded", "client-certificate-demanded", "port-closed", "not-imaging"}
FILE = (
    Path(pydicom.__file__).parent / "data" / "test_files" / "CT_small.dcm"
)  # in a transfer syntax that storescu sends
STUDY = "1.3.6.1.4.1.5962.1.2.1.20040119072730.12322"
DEVICE = ("--device", "ct1=CT1@127.0.0.1")


def written(out: Path, *arguments: str) -> Path:
    """The folder of the one kit."""
    filmbadge("remedy", *arguments, "--out", str(out))
    return out if (out / "README.md").exists() else next(out.iterdir())


def ready(kit: Path, *arguments: str) -> Path:
    """After `make-certificates.py`. A second run changes nothing, and no key can be read by others."""
    command = [sys.executable, "make-certificates.py", *arguments]
    made = subprocess.run(command, cwd=kit, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    before = held(kit)
    again = subprocess.run(command, cwd=kit, capture_output=True, text=True, check=True)
    assert (again.stdout, held(kit)) == ("", before)
    secret = [path for path in kit.rglob("*") if path.is_file() and b"PRIVATE KEY--" in path.read_bytes()]
    assert {path.name for path in secret} >= {"ca.key", "archive.key", "archive.pem", "ct1.key"}
    assert {
        stat.S_IMODE(path.stat().st_mode) for path in (*secret, kit / "certificates" / "password.txt") if path.exists()
    } == {0o600}
    for path in kit.iterdir():
        if path.is_file() and path.suffix in (".json", ".conf", ".cfg", ".nft", ".yaml"):
            assert not re.search(r"@[A-Z_]+@", path.read_text()), path.name
    for path in kit.glob("*.nft"):
        run("nft", "-c", "-f", path.name, cwd=kit)
    for path in kit.glob("nginx*.conf"):
        run("nginx", "-t", "-c", str(path), cwd=kit)
    for path in kit.glob("haproxy.cfg"):
        run("haproxy", "-c", "-f", path.name, cwd=kit)
    return kit


def held(kit: Path) -> dict[str, bytes]:
    return {str(path.relative_to(kit)): path.read_bytes() for path in kit.rglob("*") if path.is_file()}


def run(*command: str, cwd: Path, code: int = 0) -> str:
    done = subprocess.run(
        [program(command[0]), *command[1:]], cwd=cwd, capture_output=True, text=True, timeout=HANGS, check=False
    )
    assert done.returncode == code, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


@contextmanager
def front(kit: Path, name: str, *ports: int) -> Iterator[None]:
    """One of the fronts of a kit, in the foreground."""
    own = kit.parent / f"run-{name}"
    own.mkdir(exist_ok=True)
    commands = {
        "nginx": ["nginx", "-c", str(kit / name), "-g", f"daemon off; master_process off; pid {own / 'pid'};"],
        "haproxy": ["haproxy", "-db", "-f", str(kit / name)],
        "stunnel": ["sh", "-c", f"{{ echo foreground = yes; cat {kit / name}; }} | exec {program('stunnel')} -fd 0"],
    }
    command = commands[re.split(r"[.-]", name)[0]]
    with running([program(command[0]), *command[1:]], own, *ports):
        yield


def tls(kit: Path, *, name: str = "ct1") -> tuple[str, ...]:
    place = kit / "devices" / name
    return ("--enable-tls", f"{place / name}.key", f"{place / name}.crt", "--add-cert-file", str(place / "ca.crt"))


def device(tool: str, kit: Path, called: str, port: int, *more: str, secured: Sequence[str] = (), code: int = 0) -> str:
    """A tool of DCMTK as the listed device calls it."""
    return run(tool, *secured, "-aet", "CT1", "-aec", called, "127.0.0.1", str(port), *more, cwd=kit, code=code)


def found(kit: Path, called: str, port: int, secured: Sequence[str] = ()) -> str:
    keys = ("-S", "-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID")
    return run("findscu", *secured, "-aet", "CT1", "-aec", called, *keys, "127.0.0.1", str(port), cwd=kit)


def closed(target: str, *arguments: str) -> list[str]:
    """Why each endpoint of a target is closed, which must be proven."""
    card = check(target, *arguments)
    assert [archive["open"] for archive in card["archives"]] == [False] * len(card["archives"])
    assert {e["conclusive"] for e in card["endpoints"]} == {True}
    reasons = [e["why"] for e in card["endpoints"]]
    assert set(reasons) <= CLOSED, reasons
    return reasons


def answer(kit: Path, path: str, password: str = "", port: int = 443) -> int:
    """The status of a page over HTTPS, whose certificate is checked."""
    request = urllib.request.Request(f"https://127.0.0.1:{port}{path}")
    if password:
        request.add_header("Authorization", "Basic " + b64encode(f"clinic:{password}".encode()).decode())
    trust = create_default_context(cafile=str(kit / "devices" / "ct1" / "ca.crt"))
    try:
        with urllib.request.urlopen(request, timeout=HANGS, context=trust) as got:
            return int(got.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_a_fresh_orthanc_starts_closed_and_serves_its_device(tmp_path: Path) -> None:
    told = ("--set", "ARCHIVE=127.0.0.1", "--set", f"STORAGE={tmp_path / 'db'}")
    kit = ready(written(tmp_path / "kit", "--fresh", "orthanc", *DEVICE, *told))
    password = (kit / "certificates" / "password.txt").read_text().strip()
    (tmp_path / "got").mkdir()
    (tmp_path / "run").mkdir()
    with (
        running([program("Orthanc"), str(kit / "orthanc.json")], tmp_path / "run", 2762, 8042),
        front(kit, "nginx.conf", 443),
    ):
        device("echoscu", kit, "ORTHANC", 2762, code=1)
        device("echoscu", kit, "ORTHANC", 2762, secured=("--anonymous-tls", "--ignore-peer-cert"), code=1)
        device("storescu", kit, "ORTHANC", 2762, str(FILE), secured=tls(kit), code=0)
        assert STUDY in found(kit, "ORTHANC", 2762, tls(kit))
        # getscu of Debian 12 speaks no TLS: the gateway that stands beside such a device.
        gateway = f"{{ echo foreground = yes; cat stunnel.conf; }} | exec {program('stunnel')} -fd 0"
        with running(["sh", "-c", f"cd {kit / 'devices' / 'ct1'} && {gateway}"], tmp_path / "got", 11112):
            run(
                "getscu",
                "-S",
                "-aet",
                "CT1",
                "-aec",
                "ORTHANC",
                "-k",
                "QueryRetrieveLevel=STUDY",
                "-k",
                f"StudyInstanceUID={STUDY}",
                "127.0.0.1",
                "11112",
                cwd=tmp_path / "got",
            )
        assert [path for path in (tmp_path / "got").iterdir() if path.name != "log"], "no image came"
        assert [answer(kit, path) for path in ("/", "/dicom-web/studies")] == [401, 401]
        assert [answer(kit, path, password) for path in ("/system", "/dicom-web/studies")] == [200, 200]
        reasons = closed("127.0.0.1:2762,443,8042")
    assert sorted(reasons) == ["client-certificate-demanded", "login-demanded", "login-demanded"]
    # One more device, and all keys stay.
    before = held(kit)
    run(sys.executable, "make-certificates.py", "--device", "mr2=127.0.0.2", cwd=kit)
    after = held(kit)
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {f"devices/mr2/{n}" for n in ("mr2.key", "mr2.crt", "ca.crt", "stunnel.conf")}


def test_an_open_orthanc_is_closed_step_by_step(tmp_path: Path) -> None:
    with archives.orthanc(tmp_path, load=False, DicomAlwaysAllowFind=True) as served:
        device("storescu", tmp_path, "ORTHANC", served.dicom, str(FILE))
        target = f"127.0.0.1:{served.dicom},{served.http}"
        told = ("--set", f"STORAGE={tmp_path / 'db'}", "--set", "TITLE=ORTHANC")
        kit = written(tmp_path / "kits", target, *DEVICE, *told)
    ready(kit)
    (tmp_path / "run").mkdir()
    with running([program("Orthanc"), str(kit / "orthanc.json")], tmp_path / "run", served.dicom, served.http):
        assert sorted(closed(target)) == ["association-rejected", "login-demanded"]
        assert STUDY in found(kit, "ORTHANC", served.dicom)
        with front(kit, "nginx-certificate.conf", 443):
            assert answer(kit, "/") == 400  # no certificate
    with running([program("Orthanc"), str(kit / "orthanc-tls.json")], tmp_path / "run", served.dicom, served.http):
        assert sorted(closed(target)) == ["client-certificate-demanded", "login-demanded"]
        assert STUDY in found(kit, "ORTHANC", served.dicom, tls(kit))


def test_dcmqrscp_lets_its_device_in_alone_and_behind_each_front(tmp_path: Path) -> None:
    scope = ("--scope", str(archives.scope_file(tmp_path, extra='ae_titles.called = ["LABQR"]\n')))
    with archives.dcmqrscp(tmp_path) as served:
        target = f"127.0.0.1:{served.dicom}"
        kit = written(tmp_path / "kits", target, *scope, *DEVICE, "--set", f"STORAGE={tmp_path / 'LABQR'}")
    # What only the owner knows is asked for before anything is made.
    asked = run(sys.executable, "make-certificates.py", cwd=kit, code=1)
    assert "--set TITLE=" in asked
    assert not (kit / "authority").exists()
    ready(kit, "--set", "TITLE=LABQR")
    (tmp_path / "run").mkdir()
    with running([program("dcmqrscp"), "-dhl", "-c", str(kit / "dcmqrscp.cfg")], tmp_path / "run", served.dicom):
        assert closed(target, *scope) == ["association-rejected"]
        assert "StudyInstanceUID" in found(kit, "LABQR", served.dicom)
        for name in ("stunnel.conf", "haproxy.cfg", "nginx-stream.conf"):
            with front(kit, name, 2762):
                # The right titles without a certificate: the front alone is in the way.
                device("echoscu", kit, "LABQR", 2762, secured=("--anonymous-tls", "--ignore-peer-cert"), code=1)
                closed("127.0.0.1:2762")
                assert "StudyInstanceUID" in found(kit, "LABQR", 2762, tls(kit))


def test_a_nameless_archive_on_pynetdicom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With `rsa` for old devices."""
    entity = AE("NAMELESS")
    for uid in (VERIFICATION, STUDY_ROOT_FIND):
        entity.add_supported_context(uid)

    def rows(_: object) -> Iterator[tuple[int, Dataset | None]]:
        row = Dataset()
        row.QueryRetrieveLevel, row.StudyInstanceUID = "STUDY", "1.2.3.4"
        yield 0xFF00, row

    server = entity.start_server(("127.0.0.1", 6199), block=False, evt_handlers=[(evt.EVT_C_FIND, rows)])
    assert server is not None
    try:
        kit = ready(written(tmp_path / "kits", "127.0.0.1:6199", *DEVICE, "--set", "TITLE=NAMELESS"), "--rsa")
        with front(kit, "stunnel.conf", 2762):
            assert closed("127.0.0.1:2762")
            assert "1.2.3.4" in found(kit, "NAMELESS", 2762, tls(kit))
        monkeypatch.syspath_prepend(str(kit))
        from pynetdicom_closed import close  # type: ignore[import-not-found]

        close(entity)
        assert closed("127.0.0.1:6199") == ["association-rejected"]
        assert "1.2.3.4" in found(kit, "NAMELESS", 6199)
    finally:
        server.shutdown()
