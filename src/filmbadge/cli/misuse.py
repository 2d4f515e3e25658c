"""A command line that cannot be understood, in one line that ends with what to type."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import get_args

from cyclopts import (
    CoercionError,
    CycloptsError,
    MissingArgumentError,
    RepeatArgumentError,
    UnknownOptionError,
    UnusedCliTokensError,
)
from cyclopts.exceptions import UnknownCommandError

from filmbadge.cli.console import command


def told(error: CycloptsError) -> str:
    chain = tuple(error.command_chain or ())
    match error:
        case UnknownCommandError():
            return _no_command(error, chain)
        case UnknownOptionError():
            what = _no_option(error)
        case UnusedCliTokensError():
            what = _too_many(error, chain)
        case MissingArgumentError():
            what = _missing(error, chain)
        case CoercionError():
            what = _no_value(error)
        case RepeatArgumentError():
            what = f"{error.token.keyword} is given more than once: give it once"
        case _:
            what = " ".join(str(error).split())
    return f"{what} ({command(*chain, '--help')})"


def _no_command(error: UnknownCommandError, chain: tuple[str, ...]) -> str:
    word = (error.unused_tokens or [""])[0]
    known = [] if error.app is None else [name for name in error.app if not name.startswith("-")]
    if word.startswith("-"):
        return f"there is no option {word}{_near(word, ('--help', '--version'))} ({command(*chain, '--help')})"
    if not chain and _is_a_host(word):
        return f"'{word}' is no command; to check this host: {command('check', word)}"
    if near := get_close_matches(word, known, n=1, cutoff=0.7):
        return f"there is no command '{word}': is it {command(*chain, near[0])}?"
    return f"there is no command '{word}'; these are there: {', '.join(known)} ({command(*chain, '--help')})"


def _is_a_host(word: str) -> bool:
    from filmbadge.ask.targets.lists import TargetError, parse  # slow to load

    try:
        parse(word)
    except TargetError:
        return False
    return "." in word or ":" in word or word == "localhost"


def _no_option(error: UnknownOptionError) -> str:
    word = (error.token.keyword or error.token.value).partition("=")[0]
    names = [name for argument in error.argument_collection for name in argument.names if argument.parse]
    if word in names:
        return f"{word} stands after --, where no option is read: write it before"
    return f"there is no option {word}{_near(word, names)}"


def _too_many(error: UnusedCliTokensError, chain: tuple[str, ...]) -> str:
    more = list(error.unused_tokens or ())
    if chain == ("check",) and all(map(_is_a_host, more)):
        several = command("survey", "SCOPE", "TARGET", *more, "--out", "FOLDER")
        return f"check asks one target, and not {' '.join(more)} too; for several: {several}"
    return f"{' '.join(chain)} has all that it takes, and this is left: {' '.join(more)}"


def _missing(error: MissingArgumentError, chain: tuple[str, ...]) -> str:
    assert error.argument is not None
    name = error.keyword or error.argument.name
    if not name.startswith("-"):
        return f"{' '.join(chain)} needs a {name}"
    if error.keyword is None and not error.argument.tokens:
        typed = [word for word in error.root_input_tokens or () if word.startswith("--")]
        near = get_close_matches(name, typed, n=1)
        return f"{' '.join(chain)} needs {name}" + (f": is it meant by {near[0]}?" if near else "")
    return f"{name} needs a value"


def _no_value(error: CoercionError) -> str:
    name = error.token.keyword if error.token is not None and error.token.keyword else ""
    if not name or error.token is None:
        return " ".join(str(error).split())
    value = error.token.value
    if error.target_type is bool:
        return f"{name} takes no value: write {name} alone"
    if error.target_type is int:
        return f"{name} is a whole number, and not '{value}'"
    if choices := [str(one) for one in get_args(error.target_type)]:
        near = _near(value.lower(), choices)
        return f"{name} cannot be '{value}'{near or ';'} {'Choose' if near else 'choose'} from: {', '.join(choices)}"
    return " ".join(str(error).split())


def _near(word: str, known: Iterable[str]) -> str:
    near = get_close_matches(word, list(known), n=1)
    return f": is it {near[0]}?" if near else ""
