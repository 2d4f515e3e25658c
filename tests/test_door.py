"""One door asks, and one listens and tells. These tests fail when somebody cuts another."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "filmbadge"
DOOR = SOURCE / "ask" / "wire" / "dialer.py"
SECOND = SOURCE / "watch" / "door.py"  # of the dashboard: it reaches nobody who is surveyed (tests/watch/test_door.py)
BIN = Path(sys.executable).parent

# What opens a connection, looks up a name or starts a program, under whatever object it is reached.
OPENERS = frozenset(
    [
        "connect",
        "connect_ex",
        "create_connection",
        "create_unix_connection",
        "create_datagram_endpoint",
        "open_connection",
        "open_unix_connection",
        "sock_connect",
        "sock_sendto",
        "start_tls",
        "getaddrinfo",
        "gethostbyname",
        "getnameinfo",
        "gethostbyaddr",
        "urlopen",
        "subprocess_exec",
        "subprocess_shell",
        "create_subprocess_exec",
        "create_subprocess_shell",
        "system",
        "popen",
        "posix_spawn",
        "execv",
        "execve",
        "fork",
        "__import__",
        "import_module",
    ]
)
BARE = OPENERS - {"system", "connect", "fork"} | {"eval", "exec"}
HARMLESS = {("duckdb", "connect"), ("sqlite3", "connect")}
BANNED = (
    "import socket",
    "from socket import socket",
    "import ssl",
    "import subprocess",
    "import http.client",
    "import urllib.request",
    "import aiohttp",
    "import httpx",
    "import requests",
    "import pynetdicom",
    "import asyncio\nasyncio.open_connection",
    "from asyncio import open_connection",
    "import ctypes",
    "import pycares",
    "import aiodns",
    "import uvicorn",
    "import apprise",
    "import ray",
)


def openers(source: str) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr in OPENERS:
            owner = node.value.id if isinstance(node.value, ast.Name) else ""
            if (owner, node.attr) not in HARMLESS:
                found.append(f"line {node.lineno}: .{node.attr}")
        elif isinstance(node, ast.Name) and node.id in BARE:
            found.append(f"line {node.lineno}: {node.id}")
    return found


def test_only_the_dialer_calls_what_opens_a_connection() -> None:
    found = {str(path): openers(path.read_text()) for path in SOURCE.rglob("*.py") if path not in {DOOR, SECOND}}
    assert {path: calls for path, calls in found.items() if calls} == {}


def test_the_second_door_connects_nothing_itself() -> None:
    """It hands libraries what was looked up, and listens. What these connect, its audit hook allows or not."""
    text = SECOND.read_text()
    tree = ast.parse(text)
    assert {found.split(".")[-1] for found in openers(text)} == {"getaddrinfo"}
    assert _used(tree, "socket") == {
        "AF_INET", "AF_INET6", "AI_NUMERICHOST", "EAI_FAIL", "EAI_NONAME", "IPPROTO_IPV6", "IPPROTO_TCP", "IPV6_V6ONLY", "SOCK_STREAM", "SOL_SOCKET",
        "SO_REUSEADDR", "gaierror", "getaddrinfo", "gethostname", "socket",
    }  # fmt: skip
    assert _used(tree, "ssl") == {"PROTOCOL_TLS_SERVER", "SSLContext", "TLSVersion"}
    assert _used(tree, "uvicorn") == {"Config", "Server"}
    assert _used(tree, "apprise") == {"Apprise", "AppriseAsset"}
    assert _used(tree, "requests") == {"Response", "Session", "exceptions"}


def _used(tree: ast.AST, module: str) -> set[str]:
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == module
    }


def test_the_servers_of_a_world_have_contexts_that_cannot_connect() -> None:
    tree = ast.parse((SOURCE / "rehearse" / "tls.py").read_text())
    assert _used(tree, "ssl") == {
        "CERT_REQUIRED", "MemoryBIO", "PROTOCOL_TLS_SERVER", "SSLContext", "SSLError", "SSLWantReadError", "TLSVersion",
    }  # fmt: skip
    made = [
        node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "ssl.SSLContext"
    ]
    assert [ast.unparse(node) for node in made] == ["ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)"]


def test_only_a_world_and_workers_are_processes_of_their_own() -> None:
    """Nothing else that asks may start one: it could hold a socket that the dialer knows nothing of. A worker asks by a dialer, under a lease."""
    starts = {
        path.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("*.py") if "multiprocessing" in path.read_text()
    }
    assert starts == {"rehearse/process.py", "survey/spread/processes.py"}


def test_the_search_for_openers_finds_them() -> None:
    assert openers(DOOR.read_text())
    assert openers("loop.create_connection(P, host, port)")
    assert openers("getattr(x, 'y'); __import__('socket')")
    assert not openers("duckdb.connect(':memory:')")


@pytest.mark.parametrize("line", BANNED)
def test_the_linter_refuses_a_second_door(line: str) -> None:
    def lint(name: str) -> str:
        command = [str(BIN / "ruff"), "check", "--select", "TID251", "--stdin-filename", name, "-"]
        return subprocess.run(command, input=line + "\n", capture_output=True, text=True, cwd=ROOT, check=False).stdout

    assert "TID251" in lint("src/filmbadge/ask/pages/another.py")
    assert "TID251" in lint("src/filmbadge/watch/alerts/another.py")
    assert "TID251" not in lint("src/filmbadge/ask/wire/dialer.py")
    assert "TID251" not in lint("src/filmbadge/watch/door.py")


@pytest.mark.parametrize(
    ("room", "line", "contract"),
    [
        ("judge/ladder.py", "import socket", "Only the dialer may hold a socket"),
        ("ask/wire/http.py", "import http.client", "Only the dialer may hold a socket"),
        (
            "tell/words.py",
            "import filmbadge.ask.wire.dialer",
            "Tell, judge, keep, conclude and compare never reach the wire",
        ),
        ("judge/ladder.py", "import filmbadge.ask.dimse.identify", "Floors"),
        ("rehearse/world.py", "import filmbadge.ask.dimse.identify", "Rehearse borrows the encoders"),
        ("ask/dimse/association.py", "import filmbadge.ask.wire.dialer", "Conversations know"),
        ("watch/alerts/alerts.py", "import requests", "Only the second door listens or sends"),
        ("watch/door.py", "import filmbadge.ask.wire.contact", "The dashboard asks nobody"),
    ],
)
def test_the_layers_refuse_it_too(tmp_path: Path, room: str, line: str, contract: str) -> None:
    shutil.copytree(SOURCE, tmp_path / "filmbadge", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    victim = tmp_path / "filmbadge" / room
    victim.write_text(victim.read_text() + f"\n{line}\n")
    done = subprocess.run(
        [str(BIN / "lint-imports"), "--no-cache"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    broken = [text for text in done.stdout.splitlines() if " BROKEN" in text]
    assert done.returncode != 0
    assert any(text.startswith(contract) for text in broken), done.stdout


def test_every_floor_has_a_place_in_the_contract() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    which = (
        "Only the dialer may hold a socket",
        "Only the second door listens or sends, and only one file starts processes",
    )
    socketless = [module for c in contracts if c["name"] in which for module in c["source_modules"]]
    names = {"filmbadge." + ".".join(p.relative_to(SOURCE).with_suffix("").parts) for p in SOURCE.rglob("*.py")}
    names = {name.removesuffix(".__init__") for name in names}
    covered = {name for name in names if any(name == s or name.startswith(s + ".") for s in socketless)}
    assert (
        names - covered
        == {
            "filmbadge",
            "filmbadge.ask",
            "filmbadge.ask.wire",
            "filmbadge.ask.errors",
            "filmbadge.ask.wire.dialer",
            "filmbadge.watch",
            "filmbadge.watch.door",
            "filmbadge.watch.surveys",
            "filmbadge.watch.surveys.processes",
        }
        & names
    )
