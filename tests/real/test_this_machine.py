"""An archive that is asked from its own machine, and from another: a real Orthanc, as Debian ships it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from filmbadge.cli.codes import INCOMPLETE, REFUSED
from support.archives import filmbadge, orthanc, program, scope_file, wheel_files
from support.hanging import HANGS
from support.network import Apart, Side, apart

BIN = str(Path(sys.executable).with_name("filmbadge"))
STRANGER = ("stranger", "anybody")


def checked(side: Side, *arguments: str) -> tuple[int, str, str]:
    command = side.command(BIN, "check", *arguments)
    done = subprocess.run(command, capture_output=True, text=True, timeout=HANGS, check=False, stdin=subprocess.DEVNULL)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


def document(side: Side, *arguments: str) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(checked(side, *arguments, "--json")[1])
    return said


def test_from_its_own_machine_it_is_open_to_that_and_has_no_grade(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    with orthanc(tmp_path) as served:
        target = f"127.0.0.1:{served.dicom},{served.http}"
        said = json.loads(filmbadge("check", target, "--json"))
        card = filmbadge("check", target, "--html", str(page))
        filmbadge("check", target, "--fail-on-grade", "B", code=INCOMPLETE)
        filmbadge("check", target, "--fail-on", "discloses", code=1)
        allowed = json.loads(filmbadge("check", target, "--json", "--scope", str(scope_file(tmp_path))))
        named = json.loads(filmbadge("check", target, "--json", "--owner", "the test suite"))
    (archive,) = said["archives"]
    assert (said["seen_from"], archive["open"], archive["rung"], archive["grade"]) == (
        "this-machine",
        True,
        "discloses",
        None,
    )
    assert archive["grade_why"] == ["it was asked from its own machine, and a grade is about the network"]
    assert all(finding["grade"] is None for finding in archive["findings"])
    assert "filmbadge check ADDRESS:" in said["ask_the_network"]
    assert card.splitlines()[-1] == f"{target}: gives records to programs on this machine."
    told = [line for line in card.lower().splitlines() if "strangers on the network" not in line]
    assert not [line for line in told if any(word in line for word in STRANGER)]
    assert "gives records to programs on this machine" in page.read_text()
    # Who wrote a scope asks as anybody would; an owner's word says whose it is, and not where it is asked from.
    assert (allowed["seen_from"], allowed["archives"][0]["grade"]) == ("network", "F")
    assert (named["seen_from"], named["archives"][0]["grade"]) == ("this-machine", None)


@pytest.fixture
def sides() -> Any:
    with apart() as two:
        yield two


def test_its_network_address_tells_another_story_to_each_side(tmp_path: Path, sides: Apart) -> None:
    """Orthanc with nothing set refuses whoever does not come from 127.0.0.1: by its address, from its own machine too."""
    address = sides.inside.address
    (tmp_path / "orthanc.json").write_text(
        json.dumps({"StorageDirectory": "db", "IndexDirectory": "db", "Plugins": []})
    )
    scope = tmp_path / "scope.toml"
    filmbadge("scope", "new", str(scope), address, "--who", "the suite", "--reference", "none", "--contact", "tests")
    command = sides.inside.command(program("Orthanc"), "orthanc.json")
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            sides.inside.run("sh", "-c", "until curl -sf http://127.0.0.1:8042/system >/dev/null; do :; done")
            sides.inside.run("curl", "-sf", "--data-binary", f"@{wheel_files()[0]}", "http://127.0.0.1:8042/instances")
            home = document(sides.inside, "127.0.0.1")
            own = document(sides.inside, f"{address}:4242,8042")
            outside = document(sides.outside, f"{address}:4242,8042", "--scope", str(scope))
            code, _, error = checked(sides.outside, f"{address}:8042")
        finally:
            process.terminate()
            process.wait(HANGS)
    assert (home["seen_from"], home["archives"][0]["open"]) == ("this-machine", True)
    assert (own["seen_from"], own["archives"][0]["open"], own["archives"][0]["grade"]) == ("this-machine", False, None)
    assert f"filmbadge check {address}:4242,8042" in own["ask_the_network"]
    assert (outside["seen_from"], outside["archives"][0]["open"]) == ("network", False)
    assert outside["archives"][0]["grade"] is not None
    assert outside["ask_the_network"] == ""
    assert (code, "filmbadge scope new" in error) == (REFUSED, True)
