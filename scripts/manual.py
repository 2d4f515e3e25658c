"""The man page and the completions of shells, from the definitions of the commands."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

from cyclopts import App, Argument

from filmbadge.cli import app

SHELLS = {"bash": "filmbadge", "zsh": "_filmbadge", "fish": "filmbadge.fish"}  # by what each looks for
EXAMPLES = (
    ("filmbadge check 127.0.0.1", "What programs on this machine get from an archive here."),
    ("filmbadge scope new pacs.toml 192.0.2.7 --who 'St. Mary' --reference IT-12 --contact it@st-mary.example", "A permission for one archive, for 7 days."),
    ("filmbadge check 192.0.2.7 --scope pacs.toml --json > before.json", "What strangers get from it, kept."),
    ("filmbadge verify before.json 192.0.2.7 --scope pacs.toml --html proof.html", "Whether it is closed now."),
)  # fmt: skip
EXITS = (
    ("0", "done; for verify: closed, and proven"),
    ("1", "done, and --fail-on or --fail-on-grade was reached; for verify: still open; for rehearse: measured differs from truth"),
    ("2", "usage, or the scope refused it"),
    ("3", "incomplete, or something could not be found out"),
)  # fmt: skip
FILES = (
    ("SCOPE.toml", "who may be asked, how deep, how fast and until when; filmbadge scope new writes one"),
    ("optout.txt", "addresses to leave alone; read by itself where it stands beside a scope file"),
)


def files() -> dict[Path, str]:
    """Every file that is made here, by its path in the project."""
    made = {Path("packaging/man/filmbadge.1"): manual()}
    for shell, name in SHELLS.items():
        made[Path("packaging/completions") / shell / name] = app.generate_completion(shell=shell).rstrip() + "\n"  # type: ignore[arg-type]
    return made


def manual() -> str:
    """A page of section 1, in the macros of man(7)."""
    lines = [
        '.TH FILMBADGE 1 "" "Filmbadge" "User Commands"',
        ".SH NAME",
        "filmbadge \\- find medical image archives that answer strangers, and measure what they would give away",
        ".SH SYNOPSIS",
        ".B filmbadge",
        ".I COMMAND",
        "[\\fIOPTION\\fR]...",
        ".SH DESCRIPTION",
        _text(app.help or ""),
        ".PP",
        "Only ask archives that are yours, or that you have a mandate for. This machine itself needs no permission; every other address needs a scope file.",
        ".SH COMMANDS",
    ]
    for path, command in commands(app):
        lines += _command(path, command)
    lines += [".SH EXIT STATUS", *_terms(EXITS), ".SH FILES", *_terms(FILES), ".SH EXAMPLES"]
    for line, why in EXAMPLES:
        lines += [".TP", f".B {_text(line)}", _text(why)]
    return "\n".join(lines) + "\n"


def commands(of: App, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], App]]:
    """Every command that does something, with the words that call it, in the order of the help."""
    for name, command in of.resolved_commands().items():
        if name.startswith("-"):
            continue
        if command.default_command is None or any(not n.startswith("-") for n in command.resolved_commands()):
            yield from commands(command, (*above, name))
        else:
            yield (*above, name), command


def _command(path: tuple[str, ...], command: App) -> Iterator[str]:
    arguments = [one for one in command.assemble_argument_collection(parse_docstring=True) if one.show]
    positional = [one for one in arguments if not one.name.startswith("-")]
    words = " ".join(
        f"\\fI{_text(one.name)}\\fR" if one.required else f"[\\fI{_text(one.name)}\\fR]" for one in positional
    )
    yield f".SS {_text(' '.join(('filmbadge', *path)))}"
    yield f".B {_text(' '.join(path))}"
    yield f"{words} [\\fIOPTION\\fR]..." if words else "[\\fIOPTION\\fR]..."
    yield ".PP"
    documented = inspect.getdoc(command.default_command) or command.help or ""
    yield _text(re.split(r"\n\nParameters\n", documented)[0])
    for one in arguments:
        name = "\\fR, \\fB".join(_text(n) for n in one.names if not n.startswith("--no-"))
        yield ".TP"
        yield f"\\fB{name}\\fR {_text(_value(one))}".rstrip()
        yield _text(one.parameter.help or "")


def _value(one: Argument) -> str:
    """What follows an option: one of its choices, or a word for its type."""
    if choices := one.get_choices():
        return f"{{{'|'.join(choices)}}}"
    if one.hint is bool or not one.name.startswith("-"):
        return ""
    named = str(one.hint)
    return next((word for part, word in (("Path", "FILE"), ("int", "N"), ("float", "X")) if part in named), "TEXT")


def _terms(terms: tuple[tuple[str, str], ...]) -> Iterator[str]:
    for term, meaning in terms:
        yield from (".TP", f".B {_text(term)}", _text(meaning))


def _text(text: str) -> str:
    """Text that roff takes as it is: one line, with its hyphens to be copied, and no control at its beginning."""
    joined = " ".join(text.split()).replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{joined}" if joined[:1] in (".", "'") else joined
