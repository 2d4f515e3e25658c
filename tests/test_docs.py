"""The documentation tells the truth: generated parts are current, links resolve, documents match their schemas."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from support.documents import matches, only_document
from support.hanging import HANGS

ROOT = Path(__file__).resolve().parent.parent
FILMBADGE = Path(sys.executable).with_name("filmbadge")
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


def filmbadge(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """The installed command, in a process of its own."""
    command = [str(FILMBADGE), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=HANGS, stdin=subprocess.DEVNULL)


def test_generated_files_are_current() -> None:
    command = [sys.executable, str(ROOT / "scripts/generate_docs.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=HANGS)
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
def test_check_prints_its_schema() -> None:
    done = filmbadge("check", "127.0.0.1:1", "--json")
    assert done.returncode == 0, done.stderr
    matches(only_document(done.stdout), "check")


@pytest.mark.real
def test_a_document_of_another_kind_does_not_match() -> None:
    done = filmbadge("check", "127.0.0.1:1", "--json")
    with pytest.raises(jsonschema.ValidationError):
        matches(only_document(done.stdout), "survey")
