"""An error line advises no option that the command which prints it has not."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from filmbadge.cli import app

SOURCE = Path(__file__).parents[2] / "src"
COMMANDS = ("check", "survey", "judge", "report", "compare", "notices", "feed", "forget", "optout", "rehearse")
# What others import too, and only these commands reach.
ONLY = {
    "filmbadge.cli.report": ("report",),
    "filmbadge.tell.levels": ("report", "feed"),
    "filmbadge.scope": ("check",),
    "filmbadge.survey.engine": ("survey",),
    "filmbadge.survey.spread.coordinator": ("survey",),
    "filmbadge.survey.spread.ledger": ("survey",),
    "filmbadge.tell.card": ("check",),
    "filmbadge.tell.listing": ("report",),
}
OPTION = re.compile(r"(?<=\S) --([a-z][a-z-]*)")
COMMAND = re.compile(rf"\b({'|'.join(COMMANDS)})\b")
NO_ADVICE = "before --resume"  # what a doubt stands on


def file_of(module: str) -> Path | None:
    place = SOURCE / module.replace(".", "/")
    return next((path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file()), None)


@cache
def tree(module: str) -> ast.Module:
    path = file_of(module)
    assert path is not None
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imported(module: str) -> frozenset[str]:
    """The modules of ours that a module imports, at its head or later."""
    names = set()
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("filmbadge"):
            names |= {str(node.module), *(f"{node.module}.{name.name}" for name in node.names)}
    return frozenset(name for name in names if file_of(name))


def reached(command: str) -> set[str]:
    found, left = set(), [f"filmbadge.cli.{command}"]
    while left:
        if (module := left.pop()) not in found:
            found.add(module)
            left.extend(imported(module))
    return {module for module in found if command in ONLY.get(module, (command,))}


def said(module: str) -> Iterator[str]:
    """The texts of a module, but for those about it. What is put into one is `_`."""
    about = {id(node.value) for node in ast.walk(tree(module)) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.JoinedStr):
            about |= {id(part) for part in node.values}
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "_" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in about:
            yield node.value


def missing(text: str, command: str) -> list[str]:
    """Options in a text that its command has not: the last one that the text names before, or else the one that prints it."""
    lost = []
    for found in OPTION.finditer(text.replace(NO_ADVICE, "")):
        named = COMMAND.findall(text[: found.start()])
        lost += [found[1]] if found[1] not in options(named[-1] if named else command) else []
    return lost


@cache
def options(command: str) -> set[str]:
    return {name.lstrip("-") for one in app[command].assemble_argument_collection() for name in one.names}


@pytest.mark.parametrize("command", COMMANDS)
def test_what_is_advised_is_there(command: str) -> None:
    parts = ("filmbadge.cli.", "filmbadge.tell.", "filmbadge.scope", "filmbadge.survey.", "filmbadge.keep.forget")
    texts = {text for module in reached(command) if module.startswith(parts) for text in said(module)}
    assert {text: lost for text in texts if (lost := missing(text, command))} == {}


def test_the_test_above_can_fail() -> None:
    assert missing("add --html", "notices") == ["html"]
    assert missing("add --html, as filmbadge report _ --html", "notices") == ["html"]
    assert missing("filmbadge report _ --html", "notices") == []
    assert missing("add --contacts", "notices") == []
