"""The scope files of the dashboard: their names, their words, and what is wrong with them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from filmbadge import given
from filmbadge.model import Refusal
from filmbadge.scope import Scope, ScopeError, load
from filmbadge.tell.scope import explain
from filmbadge.tell.words import Words
from filmbadge.texts import printable
from filmbadge.watch.store.surveyed import Unchanged, lists_of
from filmbadge.watch.surveys.runs import SCOPE_NAME
from filmbadge.watch.views.records import ScopeState

FOLDER = "scopes"
_MOST_BYTES = 1 << 20
_LOADED = Unchanged(load, lists_of)


def path_of(directory: Path, name: str) -> Path:
    """Raises Refusal for a name that is none: it becomes a file."""
    if not SCOPE_NAME.fullmatch(name):
        raise Refusal(
            "a scope has a name of at most 40 small letters, digits and hyphens, and begins with a letter or a digit"
        )
    return directory / FOLDER / f"{name}.toml"


def names(directory: Path) -> list[str]:
    """Of all scope files that have a name as they must, sorted."""
    found = (path.stem for path in (directory / FOLDER).glob("*.toml"))
    return sorted(name for name in found if SCOPE_NAME.fullmatch(name))


def text_of(directory: Path, name: str) -> str:
    """Raises LookupError where there is none. Empty: it cannot be read, and its state says why."""
    try:
        return given.read(_there(directory, name), _MOST_BYTES)[:_MOST_BYTES].decode("utf-8", "replace")
    except OSError:
        return ""


def _there(directory: Path, name: str) -> Path:
    """Raises LookupError."""
    if not (SCOPE_NAME.fullmatch(name) and (path := path_of(directory, name)).exists()):
        raise LookupError(f"there is no scope {printable(name)[:40]}")
    return path


def state(directory: Path, name: str, words: Words, now: datetime | None = None) -> ScopeState:
    """What it allows, or why it allows nothing. Raises LookupError."""
    now = now or datetime.now(UTC)
    path = _there(directory, name)
    try:
        scope = _LOADED(path)
        if scope.expires is not None and scope.expires <= now:
            load(path, now)  # says so
    except ScopeError as error:
        return ScopeState(name, faults=tuple(fault.replace(f"{directory}/", "") for fault in error.faults))
    return ScopeState(
        name,
        depth=str(scope.depth),
        authority=scope.authority,
        reference=scope.reference,
        basis=scope.basis or "",
        contact=scope.contact,
        addresses=_addresses(scope),
        expires=scope.expires,
        days_left=None if scope.expires is None else (scope.expires - now) // timedelta(days=1),
        words=tuple(explain(scope, words).splitlines()),
    )


def _addresses(scope: Scope) -> int:
    four, six = scope.addresses()
    return four.size + six.size
