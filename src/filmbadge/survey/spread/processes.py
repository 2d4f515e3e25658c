"""Workers as processes of this machine. They end when this process ends, however that ends: the pipes between them close."""

from __future__ import annotations

import asyncio
import atexit
import gc
import multiprocessing
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from multiprocessing.process import BaseProcess
from typing import Protocol

from filmbadge import interruption
from filmbadge.loops import new_event_loop
from filmbadge.survey.examine import SurveyError
from filmbadge.survey.spread.messages import WorkerLost
from filmbadge.survey.spread.work import Work
from filmbadge.texts import where

END_SECONDS = 10.0  # that a process may take to end, before it is killed
MOST = 256  # processes


OURS = "our own error, please report it: "  # what a worker says, on the pipe, before it ends


class Pipe(Protocol):
    """One end of a pipe between two processes: systems have different types for it."""

    def send_bytes(self, data: bytes, /) -> None: ...

    def recv_bytes(self) -> bytes: ...

    def close(self) -> None: ...


class Process:
    """One worker, as its coordinator reaches it."""

    def __init__(self, number: int, threads: ThreadPoolExecutor) -> None:
        """Starts it. Raises OSError."""
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        self._pipe: Pipe = ours
        self._threads = threads
        self._busy = False
        self._process: BaseProcess = context.Process(target=_work, args=(theirs,), daemon=True, name=f"worker {number}")
        with interruption.unheard():
            self._process.start()
        atexit.register(self._process.kill)  # at its exit, multiprocessing would wait for it by a SIGTERM
        theirs.close()
        self.name = f"worker {number} (process {self._process.pid})"

    async def exchange(self, order: bytes, secret: bytes) -> tuple[bytes, bytes]:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._exchange, order, secret)
        except (EOFError, OSError):
            raise WorkerLost(f"{self.name} ended early") from None

    def _exchange(self, order: bytes, secret: bytes) -> tuple[bytes, bytes]:
        self._busy = True
        self._pipe.send_bytes(order)
        self._pipe.send_bytes(secret)
        report, secret = self._pipe.recv_bytes(), self._pipe.recv_bytes()
        self._busy = False
        if not report:
            raise WorkerLost(f"{self.name} met {secret.decode()}")
        return report, secret

    async def end(self) -> None:
        if self._busy:  # it does not answer, and a thread waits for it
            self._process.kill()
        else:
            self._pipe.close()
        await asyncio.to_thread(self._process.join, END_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            await asyncio.to_thread(self._process.join)
        atexit.unregister(self._process.kill)


async def start(workers: int | None) -> Sequence[Process]:
    """So many processes; without a number, one for each core that we may use. Raises SurveyError."""
    many = workers or cores()
    threads = ThreadPoolExecutor(many, "worker")
    started: list[Process] = []
    try:
        for number in range(1, many + 1):
            started.append(Process(number, threads))  # noqa: PERF401 - those before one that fails are ended
    except OSError as error:
        for one in started:
            await one.end()
        raise SurveyError(f"only {len(started)} of {many} workers could be started ({error.strerror})") from None
    return started


def cores() -> int:
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    else:  # noqa: RET505 - mypy follows a platform by its branches
        return os.cpu_count() or 1


def _work(pipe: Pipe) -> None:
    """The whole of a worker's process."""
    interruption.over()  # the coordinator says when to leave
    gc.set_threshold(100_000, 20, 100)  # thousands of open connections are no garbage
    with asyncio.Runner(loop_factory=new_event_loop) as runner, suppress(asyncio.CancelledError):
        runner.run(_serve(pipe))


async def _serve(pipe: Pipe) -> None:
    """Obeys until the pipe closes. Then nothing more is sent."""
    loop, work = asyncio.get_running_loop(), Work()
    # The loop's own handler, and Python's at the end of a process, would write what an exception says: it may hold anything.
    loop.set_exception_handler(lambda *_: None)
    while True:
        try:
            order, secret = (
                await loop.run_in_executor(None, pipe.recv_bytes),
                await loop.run_in_executor(None, pipe.recv_bytes),
            )
        except (EOFError, OSError):
            await work.abandon()
            return
        try:
            answer = await work.exchange(order, secret)
        except Exception as error:
            answer = b"", f"{OURS}{where(error)}".encode()
        with suppress(OSError):
            for part in answer:
                pipe.send_bytes(part)
