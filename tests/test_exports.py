"""The public surface: small, complete, documented."""

from __future__ import annotations

import inspect
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import filmbadge
from filmbadge.ask.dimse import association
from filmbadge.ask.wire import http
from support import loopback


def test_the_surface_is_there() -> None:
    assert len(set(filmbadge.__all__)) == len(filmbadge.__all__)
    assert all(hasattr(filmbadge, name) for name in filmbadge.__all__)


def test_nothing_else_is_public() -> None:
    public = {
        name for name, value in vars(filmbadge).items() if not name.startswith("_") and not inspect.ismodule(value)
    }
    assert public == {"TYPE_CHECKING", "Any"}  # each name is imported when it is asked for
    with pytest.raises(AttributeError, match="Surveys"):
        filmbadge.Surveys  # noqa: B018


@pytest.mark.real
def test_asking_loads_no_library_for_keeping() -> None:
    check = "filmbadge.cli.run(['check', '127.0.0.1:9', '--json'])"
    code = f"import filmbadge.cli, sys, os; sys.stdout = open(os.devnull, 'w'); code = {check}; " + (
        "print(code, {'pyarrow', 'duckdb'} & set(sys.modules), file=sys.__stdout__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "0 set()\n"


def test_what_can_be_called_is_documented() -> None:
    callables = [getattr(filmbadge, name) for name in filmbadge.__all__ if callable(getattr(filmbadge, name))]
    bare = [thing.__name__ for thing in callables if not (inspect.getdoc(thing) or "").strip()]
    assert bare == []


def test_the_package_is_typed_and_knows_its_version() -> None:
    package = Path(filmbadge.__file__).parent
    project = tomllib.loads((package.parents[1] / "pyproject.toml").read_text())["project"]
    assert (package / "py.typed").is_file()
    assert filmbadge.__version__ == project["version"]


def test_archives_are_told_the_version() -> None:
    series = ".".join(filmbadge.__version__.split(".")[:2])
    assert f"Filmbadge/{series} (" in http.USER_AGENT
    assert "FILMBADGE_" + series.replace(".", "_") == association.IMPLEMENTATION_VERSION
    assert len(association.IMPLEMENTATION_VERSION) <= 16  # PS3.7 D.3.3.2
    page = (Path(__file__).parents[1] / "docs/restraint.md").read_text(encoding="utf-8")
    assert f"`{association.IMPLEMENTATION_VERSION}`" in page
    assert f"`{http.USER_AGENT}`" in page


def test_a_program_can_check_a_host() -> None:
    host, journal = loopback.run(filmbadge.check(filmbadge.LOOPBACK, filmbadge.parse_target("127.0.0.1:9")))
    assert host.judged[0].verdict.rung is filmbadge.Rung.SILENT
    assert len(journal) == 1
