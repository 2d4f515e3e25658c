"""What is published, and the workflows that test and publish it, say the same as the project."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.hanging import HANGS

ROOT = Path(__file__).resolve().parent.parent
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
VERSION = "Programming Language :: Python :: "


def workflow(name: str) -> dict[Any, Any]:
    read: dict[Any, Any] = yaml.safe_load((ROOT / f".github/workflows/{name}.yml").read_text(encoding="utf-8"))
    return read


def job(name: str, of: str = "test") -> dict[str, Any]:
    found: dict[str, Any] = workflow(of)["jobs"][name]
    return found


def commands(of: dict[str, Any]) -> list[str]:
    return [step["run"] for step in of["steps"] if "run" in step]


def test_classifiers_name_the_pythons_that_are_tested() -> None:
    named = [one.removeprefix(VERSION) for one in PROJECT["project"]["classifiers"] if one.startswith(VERSION + "3.")]
    assert named == PYTHONS
    assert PROJECT["project"]["requires-python"] == f">={PYTHONS[0]}"
    wheels = [f"cp{python.replace('.', '')}-*" for python in PYTHONS]
    assert PROJECT["tool"]["cibuildwheel"]["build"].split() == wheels


def test_unit_tests_run_on_every_system_and_python() -> None:
    unit = job("unit")
    assert unit["strategy"]["matrix"]["os"] == ["ubuntu-latest", "macos-latest", "windows-latest"]
    assert unit["strategy"]["matrix"]["python"] == PYTHONS
    assert unit["runs-on"] == "${{ matrix.os }}"
    assert commands(unit)[-1] == 'python -m pytest -m "not real"'


def test_both_cores_are_tested_on_every_python() -> None:
    core = job("core")
    assert core["strategy"]["matrix"] == {"core": ["pure", "compiled"], "python": PYTHONS}
    assert core["env"] == {"FILMBADGE_CORE": "${{ matrix.core }}"}
    assert commands(core)[-1] == 'python -m pytest -m "not real"'


@pytest.mark.parametrize(("name", "target"), [("whole", "test"), ("wheel", "wheel")])
def test_the_whole_run_and_the_wheel_are_targets_of_make(name: str, target: str) -> None:
    assert commands(job(name))[-1] == f"make {target}"
    assert f"\n{target}:\n" in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_a_tag_publishes_what_was_tried() -> None:
    publish = workflow("publish")
    assert publish[True] == {"push": {"tags": ["v*"]}}  # YAML 1.1 reads `on` as true
    jobs = publish["jobs"]
    assert jobs["publish"]["needs"] == ["smoke"]
    assert jobs["smoke"]["needs"] == ["sdist", "wheels"]
    assert "filmbadge rehearse hospital" in commands(jobs["smoke"])
    assert jobs["smoke"]["strategy"]["matrix"]["python"] == PYTHONS
    assert {name for name, one in jobs.items() if "permissions" in one} == {"publish"}
    assert jobs["publish"]["permissions"] == {"id-token": "write"}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_are_allowed_little(path: Path) -> None:
    read = workflow(path.stem)
    assert read["permissions"] == {"contents": "read"}
    for one in read["jobs"].values():
        assert one["timeout-minutes"] <= 90
        for step in one["steps"]:
            assert ("uses" in step) != ("run" in step)
            assert re.fullmatch(r"[\w-]+/[\w-]+@(v\d[\d.]*|release/v1)", step.get("uses", "a/b@v1"))
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False
            files = re.findall(r"-r (\S+)", step.get("run", ""))
            assert all((ROOT / file).is_file() for file in files)


def test_locks_name_no_address() -> None:
    for lock in (ROOT / "requirements").iterdir():
        assert "://" not in lock.read_text(encoding="utf-8")


def test_what_the_locks_leave_out_is_not_installed() -> None:
    left_out = re.findall(r"^([\w-]+);", (ROOT / "requirements/without.in").read_text(encoding="utf-8"), re.MULTILINE)
    assert left_out
    for name in left_out:
        with pytest.raises(metadata.PackageNotFoundError):
            metadata.version(name)


def test_only_windows_does_without_uvloop() -> None:
    assert "uvloop>=0.23; sys_platform != 'win32'" in PROJECT["project"]["dependencies"]
    for lock in ("run", "dev"):
        text = (ROOT / f"requirements/{lock}.txt").read_text(encoding="utf-8")
        assert re.search(r"^uvloop==\S+ ; sys_platform != 'win32' \\$", text, re.MULTILINE)


# The first version without the advisories that were known, of each library that reads what a stranger wrote, or renders it.
FLOORS = {
    "cryptography": (50,),  # CVE-2026-26007, CVE-2026-34073, CVE-2026-39892, CVE-2026-69247
    "duckdb": (1, 4, 2),  # CVE-2024-41672, CVE-2025-64429
    "h11": (0, 16),  # CVE-2025-43859
    "jinja2": (3, 1, 6),  # CVE-2024-56201, CVE-2024-56326, CVE-2025-27516
    "pyarrow": (23, 0, 1),  # CVE-2023-47248, CVE-2024-52338, CVE-2026-25087
}


def floors(requirements: list[str]) -> dict[str, tuple[int, ...]]:
    pairs = (re.match(r"([\w-]+)>=([\d.]+)", one) for one in requirements)
    return {pair[1]: tuple(map(int, pair[2].split("."))) for pair in pairs if pair is not None}


def test_no_library_may_be_older_than_its_last_advisory() -> None:
    declared = floors(PROJECT["project"]["dependencies"])
    assert len(declared) == len(PROJECT["project"]["dependencies"])  # each has a floor
    assert {name: declared[name] for name, floor in FLOORS.items() if declared[name] < floor} == {}
    assert floors(PROJECT["build-system"]["requires"])["setuptools"] >= (78, 1, 1)  # CVE-2025-47273


@pytest.mark.parametrize("lock", ["run", "dev"])
def test_no_lock_is_below_a_floor(lock: str) -> None:
    text = (ROOT / f"requirements/{lock}.txt").read_text(encoding="utf-8")
    locked = {
        m[1]: tuple(map(int, m[2].split("."))) for m in re.finditer(r"^([\w-]+)==(\d+(?:\.\d+)*)", text, re.MULTILINE)
    }
    declared = floors(PROJECT["project"]["dependencies"])
    assert {name: floor for name, floor in declared.items() if locked[name] < floor} == {}


def test_fragments_of_the_changelog_are_named_so_that_they_can_be_sorted() -> None:
    fragments = [path for path in (ROOT / "changelog.d").iterdir() if path.name != "README.md"]
    assert [
        path.name for path in fragments if not re.fullmatch(r"[a-z0-9-]+\.(added|changed|fixed)\.md", path.name)
    ] == []
    assert all(path.read_text(encoding="utf-8").strip() for path in fragments)


def tracked() -> list[str]:
    """Every file that git keeps, or is about to keep."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return sorted(name for name in listed if (ROOT / name).is_file())


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source archive, built from what git keeps and from nothing else that lies about."""
    if not (ROOT / ".git").exists():
        pytest.skip("this is no checkout: there is nothing to compare the archive with")
    source, made = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    for name in tracked():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, source / name)
    build = f"from setuptools.build_meta import build_sdist; build_sdist({str(made)!r})"
    subprocess.run([sys.executable, "-c", build], cwd=source, check=True, capture_output=True, timeout=HANGS)
    (archive,) = made.iterdir()
    return archive


@pytest.mark.real
def test_the_source_archive_holds_all_that_git_keeps(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        held = {one.name.partition("/")[2] for one in archive if one.isfile()}
    made = {name for name in held if name.startswith("src/filmbadge.egg-info/")} | {"PKG-INFO", "setup.cfg"}
    assert sorted(held - made) == tracked()


@pytest.mark.real
def test_the_wheel_of_the_source_archive_has_the_compiled_core_and_no_source_of_it(sdist: Path, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--disable-pip-version-check",
        "--no-index",
        "--no-deps",
    ]
    command += ["--no-build-isolation", "--wheel-dir", str(tmp_path), str(sdist)]
    subprocess.run(command, check=True, capture_output=True, timeout=HANGS)
    (wheel,) = tmp_path.iterdir()
    with zipfile.ZipFile(wheel) as held:
        names = held.namelist()
    assert [name for name in names if re.fullmatch(r"filmbadge/ask/decoder/compiled\..*\.(so|pyd)", name)] != []
    assert [name for name in names if name.endswith((".c", ".h")) or not name.startswith("filmbadge")] == []
