"""What the scopes of the dashboard name: whatever is surveyed, or was. Nothing is sent there."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from filmbadge.netlists import OPTED_OUT
from filmbadge.scope import Scope, ScopeError, surveyed

_Mark = tuple[int, int, int]


class Surveyed:
    """Called: the scopes that there are now. A file is read again where it changed, or a list that it names. Any thread may call it."""

    def __init__(self, directory: Path) -> None:
        self._folder = directory / "scopes"
        self._held: dict[Path, tuple[dict[Path, _Mark | None], Scope]] = {}

    def __call__(self) -> tuple[Scope, ...]:
        found = []
        for path in sorted(self._folder.glob("*.toml")):
            with suppress(ScopeError):  # it names nothing that could be read; its page says why
                found.append(self._read(path))
        return tuple(found)

    def _read(self, path: Path) -> Scope:
        held = self._held.get(path)
        if held is None or any(_mark(one) != mark for one, mark in held[0].items()):
            before = _mark(path)
            scope = surveyed(path)
            marks = {one: _mark(one) for one in (path.parent / OPTED_OUT, *(Path(name) for name, _ in scope.lists))}
            held = self._held[path] = {**marks, path: before}, scope
        return held[1]


def _mark(path: Path) -> _Mark | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
