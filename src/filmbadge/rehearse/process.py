"""A world in a process of its own, which holds its servers and its truth. The survey's process is told neither.

The survey is told the place of the world. It gets the truth when it asks for it, and it asks when its survey is written.
The process of the world ends when the survey's process ends, however that ends: the pipe between them closes.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from threading import Thread
from typing import Any, Protocol

from filmbadge import interruption
from filmbadge.loops import new_event_loop
from filmbadge.model import Refusal
from filmbadge.rehearse.build import build
from filmbadge.rehearse.serve import Site, serve
from filmbadge.rehearse.world import Place, Truth, World
from filmbadge.rehearse.worldfile import read

_LATER = "later"
ENDING = 10  # seconds that it may take to end, before it is killed


class Pipe(Protocol):
    """One end of a pipe between two processes: systems have different types for it."""

    def send(self, obj: Any, /) -> None: ...

    def recv(self) -> Any: ...

    def close(self) -> None: ...


class WorldEnded(Refusal):
    """The process of the world ended early. The text is one line for the user."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a surveyor is told of a world."""

    site: Site
    depth: str
    places: tuple[Place, ...]  # who has its networks; empty: nobody says
    again: bool = False  # it is to be surveyed once more, some time later


@dataclass(frozen=True, slots=True)
class Standing:
    """A world that stands."""

    told: Told
    _pipe: Pipe

    def later(self) -> None:
        """Lets time go by: now the world stands as it is later, at the same place. Raises WorldEnded."""
        _received(self._pipe, _LATER)

    def truth(self) -> tuple[Truth, float]:
        """The truth, and the CPU time that the world took so far, in seconds. Raises WorldEnded."""
        answer = _received(self._pipe, "truth")
        assert isinstance(answer, tuple)
        return answer


@contextmanager
def stand(world: str, scale: float, seed: int) -> Iterator[Standing]:
    """Serves a world, a name or the path of a file, until the context ends. Raises Refusal where it cannot."""
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=_serve, args=(theirs, world, scale, seed), daemon=True, name="world"
    )
    with interruption.unheard([signal.SIGINT]):
        process.start()
    theirs.close()
    try:
        told = _received(ours)
        assert isinstance(told, Told)
        yield Standing(told, ours)
    finally:
        ours.close()
        process.join(ENDING)
        if process.is_alive():
            process.kill()
            process.join()


def _received(pipe: Pipe, question: str = "") -> object:
    try:
        if question:
            pipe.send(question)
        answer: object = pipe.recv()
    except (EOFError, OSError):
        raise WorldEnded("the process that serves the world ended early") from None
    if isinstance(answer, str):
        raise Refusal(answer)
    return answer


def _serve(pipe: Pipe, name: str, scale: float, seed: int) -> None:
    """The work of the world's process. A text on the pipe says why there is no world."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the survey takes its leave first
    try:
        world = build(read(name), scale, seed)
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(_stand(pipe, world, seed))
    except Refusal as refusal:
        with suppress(OSError):
            pipe.send(str(refusal))


async def _stand(pipe: Pipe, world: World, seed: int) -> None:
    loop, go_on = asyncio.get_running_loop(), asyncio.Event()
    async with serve(world, seed) as site:
        Thread(target=_answer, args=(pipe, world, partial(loop.call_soon_threadsafe, go_on.set)), daemon=True).start()
        pipe.send(Told(site, str(world.depth), world.places, again=world.later is not None))
        await go_on.wait()
    assert world.later is not None
    async with serve(world.later, seed, site):
        pipe.send(None)
        await loop.create_future()


def _answer(pipe: Pipe, world: World, go_on: Callable[[], object]) -> None:
    """Tells the truth when asked. Ends the whole process when the pipe closes, whatever its servers are doing."""
    try:
        while True:
            if pipe.recv() == _LATER:
                go_on()
            else:
                pipe.send((world.truth(), time.process_time()))
    except (EOFError, OSError):
        os._exit(0)
