"""The documentation tells the truth: generated parts are current, links resolve, documents match their schemas."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

ROOT = Path(__file__).resolve().parent.parent
FILMBADGE = Path(sys.executable).with_name("filmbadge")
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


def filmbadge(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """The installed command, in a process of its own."""
    command = [str(FILMBADGE), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, stdin=subprocess.DEVNULL)


def only_document(text: str) -> Any:
    """The text as one JSON document: json.loads refuses anything before or after it."""
    return json.loads(text)


def matches(document: Any, name: str, number: int = 1) -> None:
    """Fails where a document is not what the committed schema `filmbadge.NAME-NUMBER.json` says."""
    schema = json.loads((ROOT / f"docs/schemas/filmbadge.{name}-{number}.json").read_text(encoding="utf-8"))
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)
    validator.validate(document)
    assert document["schema"] == f"filmbadge.{name}/{number}"


@pytest.fixture(scope="module")
def rehearsed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A small rehearsal: the folder it was kept in, and what the command printed.

    In a smaller one, an archive has a single study without a date, and nobody can show that its answer is whole.
    """
    folder = tmp_path_factory.mktemp("docs") / "survey"
    return folder, filmbadge("rehearse", "hospital", "--scale", "0.2", "--json", "--out", folder)


def test_generated_files_are_current() -> None:
    command = [sys.executable, str(ROOT / "scripts/generate_docs.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_resolve(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    relative = [t.partition("#")[0] for t in targets if not re.match(r"[a-z]+:", t) and not t.startswith("#")]
    missing = [target for target in relative if not (page.parent / target).exists()]
    assert missing == []


def test_links_are_looked_at() -> None:
    assert ROOT / "README.md" in PAGES
    assert "](docs/report.png)" in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.real
def test_rehearse_prints_its_schema(rehearsed: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    _, done = rehearsed
    assert done.returncode == 0, done.stdout + done.stderr
    matches(only_document(done.stdout), "rehearsal")


@pytest.mark.real
def test_survey_json_matches_its_schema(rehearsed: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    folder, _ = rehearsed
    matches(only_document((folder / "survey.json").read_text(encoding="utf-8")), "survey")


@pytest.mark.real
def test_report_prints_its_schema(rehearsed: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    folder, _ = rehearsed
    done = filmbadge("report", folder, "--json", "-")
    assert done.returncode == 0, done.stderr
    matches(only_document(done.stdout), "report", 2)


@pytest.mark.real
def test_check_prints_its_schema() -> None:
    done = filmbadge("check", "127.0.0.1:1", "--json")
    assert done.returncode == 0, done.stderr
    matches(only_document(done.stdout), "check")


@pytest.mark.real
def test_a_document_of_another_kind_does_not_match() -> None:
    done = filmbadge("check", "127.0.0.1:1", "--json")
    with pytest.raises(jsonschema.ValidationError):
        matches(only_document(done.stdout), "survey")
