"""What the scopes of the dashboard name: whatever is surveyed, or was. Nothing is sent there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Generic, TypeVar

from filmbadge.netlists import OPTED_OUT
from filmbadge.scope import Scope, ScopeError, surveyed

T = TypeVar("T")
_Mark = tuple[int, int, int]


class Unchanged(Generic[T]):
    """What was read of a file. It is read again where it changed, or a file that it names. Any thread may ask."""

    def __init__(self, read: Callable[[Path], T], named: Callable[[Path, T], Iterable[Path]] = lambda *_: ()) -> None:
        self._read, self._named = read, named
        self._held: dict[Path, tuple[dict[Path, _Mark | None], T]] = {}

    def __call__(self, path: Path) -> T:
        """Raises what `read` raises; then nothing is held of it."""
        held = self._held.get(path)
        if held is None or any(_mark(one) != mark for one, mark in held[0].items()):
            self._held.pop(path, None)
            before = _mark(path)
            found = self._read(path)
            marks = {one: _mark(one) for one in self._named(path, found)}
            held = self._held[path] = {**marks, path: before}, found
        return held[1]


def lists_of(path: Path, scope: Scope) -> tuple[Path, ...]:
    """The files that a scope file stands on."""
    return path.parent / OPTED_OUT, *(Path(name) for name, _ in scope.lists)


class Surveyed:
    """Called: the scopes that there are now. Any thread may call it."""

    def __init__(self, directory: Path) -> None:
        self._folder = directory / "scopes"
        self._read = Unchanged(surveyed, lists_of)

    def __call__(self) -> tuple[Scope, ...]:
        found = []
        for path in sorted(self._folder.glob("*.toml")):
            with suppress(ScopeError):  # it names nothing that could be read; its page says why
                found.append(self._read(path))
        return tuple(found)


def _mark(path: Path) -> _Mark | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
