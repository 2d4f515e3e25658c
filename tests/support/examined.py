"""A process that is looked through after it asked an archive: `python -m support.examined`.

It reads one order a line from its input, as JSON, and answers each with one line. It knows no marker. Its orders are:

- `check`: ask a target, as `filmbadge check` does, and hold all that came of it.
- `plant`: keep markers in places where values could be left. They come with their bits turned over.
- `drop`: read texts in a charset, and free them. They come with their bits turned over.
- `look`: write the contents of every object that is reached into a file, for another process to search.
"""

from __future__ import annotations

import asyncio
import datetime
import functools
import gc
import json
import sys
import types
from array import array
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from filmbadge.ask.targets.lists import parse
from filmbadge.ask.wire import dialer, throttle
from filmbadge.loops import new_event_loop
from filmbadge.model import Depth, JournalRow
from filmbadge.scope import load, narrowed
from filmbadge.survey import examine
from filmbadge.tell import card
from filmbadge.tell.words import Words

SHORTEST = 8  # bytes: what is shorter is no marker
BETWEEN = b"\0\n\0"
rooms: dict[int, object] = {}  # every buffer into which a line received, from its first byte on
held: list[object] = []
until: list[Until] = []


class Until:
    """Calls `then` once each word was said as often as is wanted, by either side, and the words in this order."""

    def __init__(self, words: list[tuple[str, int]], then: Callable[[], object]) -> None:
        self._words = [(word.encode("latin-1"), times) for word, times in words]
        self._then = then
        self._times, self._before = 0, b""

    def hear(self, data: bytes) -> None:
        if not self._words:
            return
        word, times = self._words[0]
        data = self._before + data
        self._before = data[len(data) - len(word) + 1 :]  # the word may have begun
        self._times += data.count(word)
        if self._times >= times:
            del self._words[0]
            self._times, self._before = 0, b""
            if not self._words:
                self._then()


def watch() -> None:
    """Keep the lines' buffers, so that they can be looked at when their lines are gone. Hear what is said."""
    kind: Any = dialer._Line
    get, updated, send = kind.get_buffer, kind.buffer_updated, kind.send

    def get_buffer(line: dialer._Line, sizehint: int) -> memoryview:
        room: memoryview = get(line, sizehint)
        rooms[id(room.obj)] = room.obj
        return room

    def buffer_updated(line: dialer._Line, nbytes: int) -> None:
        for one in until:
            one.hear(bytes(line._room[line._filled : line._filled + nbytes]))
        updated(line, nbytes)

    def sends(line: dialer._Line, data: bytes) -> None:
        for one in until:
            one.hear(data)
        send(line, data)

    throttle.DISTRESS_SECONDS = 0.02  # archives here hang up on purpose
    kind.get_buffer = get_buffer
    kind.buffer_updated = buffer_updated
    kind.send = sends


async def check(order: dict[str, Any]) -> dict[str, object]:
    """Ask one host. With `until`, the user interrupts when these words were said. It looks around while all of it is there."""
    allowed = narrowed(load(Path(order["scope"])), Depth(order["depth"]))
    rows: list[JournalRow] = []
    target = parse(order["target"])
    door = dialer.Dialer(allowed, rows.append, {str(target.host): target.ports})
    sketches = examine.Sketches()
    task = asyncio.ensure_future(examine.examine(door, target, allowed.depth, sketches))
    until[:] = [Until(order["until"], task.cancel)] if "until" in order else []
    await asyncio.wait([task])
    host = None if task.cancelled() else task.result()
    until.clear()
    del task  # one that was cancelled holds the frames in which it was
    document = card.document(order["target"], allowed.depth, host, rows, Words()) if host is not None else None
    held.append((door, sketches, rows, host, document))
    said: dict[str, object] = {"ends": [str(row.stop.ending) for row in rows]}
    said["archives"] = msgspec.to_builtins(document.archives) if document is not None else None
    if order.get("collects"):
        gc.collect()
    return said | (look(order["into"]) if order.get("looks", True) else {})


def plant(turned: list[str]) -> dict[str, object]:
    """One marker in each place. What held it before is gone when this is over."""
    for number, place in enumerate(PLACES.values()):
        place(bytes(255 - byte for byte in bytes.fromhex(turned[number])))
    return {"places": list(PLACES)}


def drop(turned: list[str], charset: str) -> dict[str, object]:
    texts = [bytes(255 - byte for byte in bytes.fromhex(one)).decode(charset) for one in turned]
    return {"dropped": len(texts)}


class _Slotted:
    __slots__ = ("value",)
    value: str


def _frame(value: bytes) -> None:
    def waits() -> Iterator[None]:
        local = bytes(value)
        yield
        del local

    running = waits()
    next(running)
    held.append(running)


def _closure(value: bytes) -> None:
    held.append(lambda: len(value))


def _slot(value: bytes) -> None:
    slotted = _Slotted()
    slotted.value = value.decode()
    held.append(slotted)


def _error(value: bytes) -> None:
    try:
        raise ValueError(value.decode())
    except ValueError as error:
        held.append(error)


def _traceback(value: bytes) -> None:
    def fails(text: str) -> None:
        raise ValueError(len(text))

    try:
        fails(value.decode())
    except ValueError as error:
        held.append(error)


@functools.lru_cache
def _cached(text: str) -> int:
    return len(text)


PLACES: dict[str, Callable[[bytes], object]] = {
    "a local of a frame": _frame,
    "a closure": _closure,
    "a slot": _slot,
    "an exception": _error,
    "a frame of a traceback": _traceback,
    "a bytearray": lambda value: held.append(bytearray(b"xx" + value)),
    "a memoryview": lambda value: held.append(memoryview(b"x" + value)[1:]),
    "an array": lambda value: held.append(array("B", value)),
    "a key": lambda value: held.append({value.decode(): 1}),
    "a value in UTF-16": lambda value: held.append({1: [value.decode().encode("utf-16-le")]}),
    "a member of a set": lambda value: held.append((frozenset((value,)),)),
    "a cache": lambda value: _cached(value.decode()),
    "an attribute of a function": lambda value: setattr(_cached, "_note", value),
    "a partial function": lambda value: held.append(functools.partial(print, value)),
    "a buffer of the dialer's": lambda value: rooms.setdefault(0, bytearray(4096 - len(value)) + value),
}  # fmt: skip


def look(into: str) -> dict[str, object]:
    """Write what every object holds into one file, and how each was reached into another."""
    objects, parents = reached()
    labels: list[tuple[int, str]] = []
    at = 0
    with Path(into).open("wb") as out:
        for number, one in enumerate(objects):
            if (held_bytes := contents(one)) is not None and len(held_bytes) >= SHORTEST:
                labels.append((at, " of ".join(_way(number, objects, parents))))
                at += out.write(held_bytes) + out.write(BETWEEN)
    Path(into + ".labels").write_text(json.dumps(labels))
    said: dict[str, object] = {"objects": len(objects), "bytes": at, "buffers": len(rooms)}
    objects.clear()
    gc.collect()  # the look's own garbage, before the next one
    return said


def reached() -> tuple[list[object], array[int]]:
    """Every object that is reached from those that the garbage collector knows, and from the frames of all threads.

    Beside each stands the place of one that led to it, or -1. An object that belongs to nothing, and only waits for the
    collector, is reached too.
    """
    objects: list[object] = []
    parents, seen = array("q"), dict[int, int]()
    own = {id(one) for one in (objects, parents, seen)}

    def take(found: Iterable[object], parent: int) -> None:
        for one in found:
            if (place := seen.get(id(one))) is not None:
                if parents[place] < 0 and parent != place:
                    parents[place] = parent
            elif id(one) not in own and not isinstance(one, types.CodeType):
                seen[id(one)] = len(objects)
                objects.append(one)
                parents.append(parent)

    for frame in sys._current_frames().values():
        above: types.FrameType | None = frame
        while above is not None:
            take(list(above.f_locals.values()), -1)
            above = above.f_back
    take(gc.get_objects(), -1)
    for number, one in enumerate(objects):  # it grows meanwhile
        if not isinstance(one, ATOMS):
            take(gc.get_referents(one), number)
        if isinstance(one, dict):  # the collector steps over keys of text
            take(list(one), number)
    return objects, parents


ATOMS = (str, bytes, int, float, bool, type(None))


def _way(number: int, objects: list[object], parents: array[int]) -> list[str]:
    names: list[str] = []
    while number >= 0 and len(names) < 8:
        names.append(type(objects[number]).__name__)
        number = parents[number]
    return names


def contents(one: object) -> bytes | None:
    """What an object holds itself, as bytes. Text is in UTF-8, and a day as DICOM writes it."""
    if isinstance(one, str):
        try:
            return one.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            return one.encode("utf-8", "surrogatepass")
    if isinstance(one, datetime.date):
        return one.strftime("%Y%m%d").encode()
    if type(one) in _BARE:
        return None
    try:
        with memoryview(one) as view:  # type: ignore[arg-type]
            return bytes(view)
    except (TypeError, ValueError, BufferError):
        if not isinstance(one, memoryview):  # one that was released holds nothing
            _BARE.add(type(one))
        return None


_BARE: set[type] = set()


def main() -> None:
    gc.disable()  # garbage that only the collector would free is looked at too
    watch()
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        for line in sys.stdin:
            order = json.loads(line)
            what = order.pop("do")
            match what:
                case "check":
                    said = runner.run(check(order))
                case "plant":
                    said = plant(order["turned"])
                case "drop":
                    said = drop(order["turned"], order["charset"])
                case _:
                    said = look(order["into"])
            sys.stdout.write(json.dumps(said) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
