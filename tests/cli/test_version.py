"""`filmbadge --version` says what a report of a fault needs."""

from __future__ import annotations

import os
import platform
import ssl
import subprocess
import sys
from importlib.metadata import version

import pytest

from filmbadge.ask.decoder import CORE
from filmbadge.cli import run


def test_it_says_the_core_and_the_versions_that_matter(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    said = capfd.readouterr().out
    first, second, *others = said.splitlines()
    assert first == f"filmbadge {version('filmbadge')}, {CORE} core"
    assert platform.python_version() in second and ssl.OPENSSL_VERSION in second
    for library in ("cryptography", "jinja2", "h11", "msgspec", "pyarrow", "duckdb"):
        assert f"{library} {version(library)}" in others


@pytest.mark.real
@pytest.mark.parametrize("core", ["pure", "compiled"])
def test_it_says_the_core_that_is_used(core: str) -> None:
    command = [sys.executable, "-m", "filmbadge", "--version"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env=os.environ | {"FILMBADGE_CORE": core}
    )
    assert done.stdout.startswith(f"filmbadge {version('filmbadge')}, {core} core\n")
