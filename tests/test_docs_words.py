"""The documentation names commands and options that exist, and the glossary has each word of the ladders."""

from __future__ import annotations

import re
import shlex
from itertools import takewhile
from pathlib import Path

import pytest

from filmbadge.cli import app
from filmbadge.model import Depth, Grade, Provenance, Rung

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
PROGRAM = r"(?:^|[\s/(])filmbadge (?=[a-z-])"


def command_lines(text: str) -> list[str]:
    """What stands behind `filmbadge` in blocks of shell and in code within a sentence."""
    blocks = re.findall(r"^```(?:sh|console|text)?\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    sentences = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    lines += [" ".join(code.split()) for code in re.findall(r"`([^`]+)`", sentences)]
    return [re.split(PROGRAM, line, maxsplit=1)[1] for line in lines if re.match(r"\S*filmbadge ", line.lstrip("$ "))]


def unknown(line: str) -> list[str]:
    """The command that does not exist, or the options that it does not have."""
    words = list(takewhile(lambda word: word not in {"|", "&&", ";", ">", "||"}, shlex.split(line, comments=True)))
    chain, apps, _ = app.parse_commands(words)
    here = apps[-1]
    if not chain and not words[0].startswith("-"):
        return [words[0]]
    known = {*here.help_flags, *app.version_flags}
    if not words[0].startswith("-") and here.default_command is not None:
        known |= {name for argument in here.assemble_argument_collection() for name in argument.names}
    return [word for word in words if word.startswith("-") and word.partition("=")[0] not in known]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_and_options_exist(page: Path) -> None:
    lines = command_lines(page.read_text(encoding="utf-8"))
    assert {line: wrong for line in lines if (wrong := unknown(line))} == {}


def test_command_lines_are_found() -> None:
    lines = command_lines(
        "See `filmbadge check A\n--json`.\n\n```sh\n$ filmbadge survey \\\n  s.toml --out o/  # why\nls\n```\n"
    )
    assert lines == ["survey    s.toml --out o/  # why", "check A --json"]
    assert len(command_lines((ROOT / "README.md").read_text(encoding="utf-8"))) > 15


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("check A --json", []),
        ("check A --jason", ["--jason"]),
        ("chekc A", ["chekc"]),
        ("scope new f.toml --out x", ["--out"]),
        ("--version", []),
    ],
)
def test_what_does_not_exist_is_named(line: str, wrong: list[str]) -> None:
    assert unknown(line) == wrong


def test_the_glossary_has_each_word() -> None:
    glossary = (ROOT / "docs/glossary.md").read_text(encoding="utf-8")
    words = [word for steps in (Depth, Rung, Provenance, Grade) for word in steps]
    assert [word for word in words if f"`{word}`" not in glossary] == []
