"""A real Orthanc that was open to a stranger on a network: what `verify` says after it was closed, or was not.

The archive and who asks it are in two network namespaces.
"""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from support import archives
from support.archives import program, running
from support.documents import matches
from support.hanging import HANGS
from support.network import Apart, apart

FILMBADGE = str(Path(sys.executable).with_name("filmbadge"))
DICOM, HTTP, ELSEWHERE = 4801, 4802, 4803
OPEN: dict[str, object] = {
    "HttpPort": HTTP, "DicomPort": DICOM, "RemoteAccessAllowed": True, "AuthenticationEnabled": False,
    "DicomAlwaysAllowFind": True, "Plugins": [],
}  # fmt: skip
POSTS = """import sys, urllib.request
with urllib.request.urlopen(urllib.request.Request(sys.argv[1], open(sys.argv[2], "rb").read(), method="POST")) as answer:
    assert answer.status == 200
"""
SCOPE = """schema = "filmbadge.scope/1"
networks = ["192.0.2.1/32"]
depth = "count"
expires = 2099-12-31
confirm = ["I hold this permission until 2099-12-31"]
[authority]
who = "the test suite"
reference = "T-17"
basis = "owner"
contact = "tests"
[ports]
dimse = [104]
dimse_tls = []
web = [8080]
web_tls = []
[pace]
per_host = 10
archive_share = 0.5
"""


class World(NamedTuple):
    apart: Apart
    folder: Path
    scope: Path
    before: Path  # of a check
    survey: Path

    @property
    def asked(self) -> str:
        return f"{self.apart.inside.address}:{DICOM},{HTTP},{ELSEWHERE}"

    def ask(self, *arguments: str, code: int = 0) -> bytes:
        """What the command prints to a stranger."""
        command = self.apart.outside.command(FILMBADGE, *arguments)
        done = subprocess.run(command, cwd=self.folder, capture_output=True, timeout=HANGS, check=False)
        assert done.returncode == code, done.stderr.decode()
        return done.stdout


@contextmanager
def orthanc(apart: Apart, folder: Path, **settings: object) -> Iterator[None]:
    """With what it holds, on the ports that it has by these settings."""
    told = {**OPEN, "StorageDirectory": str(folder / "db"), "IndexDirectory": str(folder / "db"), **settings}
    (folder / "orthanc.json").write_text(json.dumps(told))
    ports = [told["DicomPort"]] if told.get("DicomServerEnabled", True) else []
    ports += [told["HttpPort"]] if told.get("HttpServerEnabled", True) else []
    with running(apart.inside.command(program("Orthanc"), "orthanc.json"), folder, *(int(str(port)) for port in ports)):
        yield


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("verify")
    (folder / "scope.toml").write_text(SCOPE)
    file = next(path for path in archives.wheel_files() if path.name == "CT_small.dcm")
    with apart() as made:
        world = World(made, folder, folder / "scope.toml", folder / "before.json", folder / "survey")
        with orthanc(made, folder):
            made.outside.run(sys.executable, "-c", POSTS, f"http://{made.inside.address}:{HTTP}/instances", str(file))
            world.before.write_bytes(world.ask("check", world.asked, "--scope", "scope.toml", "--json"))
            world.ask("survey", "scope.toml", world.asked, "--out", "survey")
        yield world


def verify(world: World, *, before: Path | None = None, code: int = 0) -> dict[str, Any]:
    """The document. It matches its schema."""
    asked = ("verify", str(before or world.before), world.asked, "--scope", "scope.toml", "--json")
    told: dict[str, Any] = json.loads(world.ask(*asked, code=code))
    matches(told, "verify")
    return told


def states(told: dict[str, Any]) -> list[str]:
    assert [way["port"] for way in told["ways"]] == [DICOM, HTTP]
    return [way["state"] for way in told["ways"]]


@contextmanager
def filtered(world: World, ports: str) -> Iterator[None]:
    """A firewall of the archive's machine, that drops what comes to these ports."""
    table, rules = "verify", world.folder / "rules"
    rules.write_text(f"""add table inet {table}
add chain inet {table} input {{ type filter hook input priority 0; }}
add rule inet {table} input tcp dport {{ {ports} }} drop
""")
    world.apart.inside.run(program("nft"), "-f", str(rules))
    try:
        yield
    finally:
        world.apart.inside.run(program("nft"), "delete", "table", "inet", table)


GUARDED: dict[str, object] = {
    "DicomAlwaysAllowFind": False, "AuthenticationEnabled": True, "RegisteredUsers": {"lab": "only-for-this-test"},
}  # fmt: skip
CLOSED: dict[str, object] = {
    "DicomAlwaysAllowFind": False, "DicomAlwaysAllowEcho": False, "DicomAlwaysAllowStore": False, "HttpServerEnabled": False,
}  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "wanted", "result", "code"),
    [
        ({}, ["still-open", "still-open"], "open", 1),
        ({"DicomPort": ELSEWHERE, "HttpServerEnabled": False}, ["moved", "refused"], "open", 1),
        (GUARDED, ["query-aborted", "login-demanded"], "closed-as-seen", 3),
        (CLOSED, ["rejected", "refused"], "closed", 0),
    ],
    ids=["open", "moved", "guarded", "closed"],
)  # fmt: skip
def test_each_way_in_is_told_as_what_it_answers(
    world: World, settings: dict[str, object], wanted: list[str], result: str, code: int
) -> None:
    with orthanc(world.apart, world.folder, **settings):
        told = verify(world, code=code)
    assert states(told) == wanted
    assert told["result"] == result
    assert told["seen_from"] == "network"
    assert told["evidence"]["sources"] == ["192.0.2.2"]
    moved = [way["moved_to"] for way in told["ways"]]
    assert moved[0] == ([f"dimse://192.0.2.1:{ELSEWHERE}"] if wanted[0] == "moved" else [])
    if wanted == ["rejected", "refused"]:
        assert told["ways"][0]["now"]["codes"] == [1, 1, 3]
        assert told["before"]["archives"][0]["counts"]["images"]["value"] == 1


def test_an_archive_that_was_ended_is_closed_as_a_survey_knew_it_too_and_somebody_signed(world: World) -> None:
    subprocess.run(
        [program("openssl"), "genpkey", "-algorithm", "ed25519", "-out", "KEY"], cwd=world.folder, check=True
    )
    subprocess.run([program("openssl"), "pkey", "-in", "KEY", "-pubout", "-out", "PUB"], cwd=world.folder, check=True)
    raw = world.ask(
        "verify", "survey", "192.0.2.1", "--scope", "scope.toml", "--json", "--sign", "KEY", "--html", "page.html"
    )
    told = json.loads(raw)
    matches(told, "verify")
    assert (states(told), told["result"], told["before"]["kind"]) == (["refused", "refused"], "closed", "survey")
    assert told["evidence"]["sources"] == ["192.0.2.2"], "refusals name where we asked from"
    page = (world.folder / "page.html").read_text()
    for said in (sha256(raw).hexdigest(), told["signature"]["fingerprint"], "the test suite", told["before"]["evidence"]["journal"]["sha256"]):  # fmt: skip
        assert said in page
    (world.folder / "PROOF.json").write_bytes(raw)
    said = archives.filmbadge("verify", "--signature", "PROOF.json", "--key", "PUB", cwd=world.folder)
    assert "genuine" in said


@pytest.mark.parametrize(
    ("ports", "wanted", "result", "code"),
    [(f"{DICOM}, {HTTP}", "filtered", "closed", 0), ("1-65535", "inconclusive", "inconclusive", 3)],
    ids=["its ports", "all ports"],
)
def test_a_firewall_proves_something_only_where_the_host_answers(
    world: World, ports: str, wanted: str, result: str, code: int
) -> None:
    with orthanc(world.apart, world.folder), filtered(world, ports):
        told = verify(world, code=code)
    assert (set(states(told)), told["result"]) == ({wanted}, result)
    if wanted == "inconclusive":
        assert {way["unproven"] for way in told["ways"]} == {"not-reachable"}


def test_from_its_own_machine_it_is_no_proof_for_the_network(world: World) -> None:
    """A check that names loopback, as if the network had answered there."""
    before = world.folder / "here.json"
    before.write_bytes(world.before.read_bytes().replace(b"192.0.2.1", b"127.0.0.1"))
    told = json.loads(world.ask("verify", "here.json", "127.0.0.1", "--json", code=3))
    assert told["seen_from"] == "this-machine"
    assert [limit["code"] for limit in told["limits"]] == ["standpoint"]
    assert states(told) == ["refused", "refused"]


def test_asked_less_deep_it_says_so(world: World) -> None:
    held = {**json.loads(world.before.read_bytes()), "depth": "profile"}
    path = world.folder / "deeper.json"
    path.write_text(json.dumps(held))
    with orthanc(world.apart, world.folder, **GUARDED):
        told = verify(world, before=path, code=3)
    assert told["depth"] == "count"
    assert {way["unproven"] for way in told["ways"]} == {"less-deep"}
    assert "less-deep" in [limit["code"] for limit in told["limits"]]


def test_an_interrupted_one_writes_nothing(world: World) -> None:
    """Something takes the connection, and never answers."""
    before = world.folder / "here.json"
    before.write_bytes(world.before.read_bytes().replace(b"192.0.2.1", b"127.0.0.1"))
    with socket.create_server(("127.0.0.1", DICOM)) as mute:
        mute.settimeout(HANGS)
        command = [FILMBADGE, "verify", "here.json", "127.0.0.1", "--json", "--html", "half.html"]
        process = subprocess.Popen(command, cwd=world.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        held, _ = mute.accept()
        with held:
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=HANGS)
    assert (process.returncode, out, err) == (3, "", "filmbadge: interrupted\n")
    assert not (world.folder / "half.html").exists()
