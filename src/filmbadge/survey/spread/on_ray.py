"""The third door: workers on a cluster of Ray. It reaches the machines of the same survey, and no host that is surveyed.

Ray keeps what is larger than 100 KB in a store that it shares with other processes, and may write it to a disk. A secret is
smaller and stands alone, and so it travels from the memory of one process to that of another.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import platform
import re
import secrets
import shutil
import tempfile
import threading
import warnings
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NamedTuple, Protocol

from filmbadge.survey.examine import SurveyError
from filmbadge.survey.spread.messages import MOST_SECRET, WorkerLost
from filmbadge.version import RELEASE

LOCAL, WITHOUT_TOKEN = "local", "--without-token"
STORE = (
    80 << 20
)  # bytes of the store of an instance of our own: Ray takes no less, and a third of the memory where it may
JOIN = 120.0  # seconds that joining a cluster may take, and then the start of all workers
SILENT = 180.0  # seconds without an answer. Ray itself gives a machine up after a minute or so
AGAIN = 0.5  # seconds between attempts to reach a worker that is cut off
END = 10.0  # seconds that an end may take


class About(NamedTuple):
    """What a worker says of itself before it is told anything."""

    address: str
    release: str
    python: str
    guarded: bool  # its cluster asks for a token


class Exchanging(Protocol):
    async def exchange(self, order: bytes, secret: bytes) -> tuple[bytes, bytes]: ...


class Asking:
    """One worker, in a process that Ray starts. An order that comes twice is obeyed once: a machine may be cut off for a while."""

    def __init__(self) -> None:
        self._number = 0
        self._answer: asyncio.Task[tuple[bytes, bytes]] | None = None
        self._work: Exchanging | None = None

    async def about(self) -> About:
        import ray
        from ray._private.authentication.authentication_utils import is_token_auth_enabled

        return About(ray.util.get_node_ip_address(), RELEASE, platform.python_version(), is_token_auth_enabled())

    async def exchange(self, number: int, order: bytes, secret: bytes) -> tuple[bytes, bytes]:
        """Orders are numbered from 1. The answer to the last one can be asked for again."""
        if number != self._number or self._answer is None:
            self._number, self._answer = number, asyncio.create_task(self._exchange(order, secret))
        return await asyncio.shield(self._answer)

    async def _exchange(self, order: bytes, secret: bytes) -> tuple[bytes, bytes]:
        from filmbadge.survey.spread.work import Work

        try:
            self._work = self._work or Work()
            report, told = await self._work.exchange(order, secret)
        except Exception as error:  # Ray writes what an exception says into files
            raise RuntimeError(type(error).__name__) from None
        if len(told) > MOST_SECRET:
            raise RuntimeError("its secret is too long")
        return report, told


class Worker:
    """A worker, as the coordinator sees it."""

    def __init__(self, cluster: Cluster, actor: Any, name: str) -> None:
        self.name = name
        self._cluster, self._actor, self._number = cluster, actor, 0

    async def exchange(self, order: bytes, secret: bytes) -> tuple[bytes, bytes]:
        """Raises WorkerLost."""
        assert len(secret) <= MOST_SECRET
        self._number += 1
        try:
            async with asyncio.timeout(SILENT):
                return await self._exchange(order, secret)
        except TimeoutError:
            raise WorkerLost(f"{self.name} gave no answer for {SILENT:.0f} seconds") from None

    async def _exchange(self, order: bytes, secret: bytes) -> tuple[bytes, bytes]:
        from ray import exceptions as of_ray

        while True:
            answers = self._actor.exchange.options(num_returns=2).remote(self._number, order, secret)
            try:
                report, told = await asyncio.gather(*map(_awaited, answers))
                return report, told
            except of_ray.RayTaskError as error:
                raise WorkerLost(f"{self.name} failed ({error.cause})") from None
            except of_ray.ActorDiedError:
                raise WorkerLost(f"{self.name} has ended: its process or its machine is gone") from None
            except of_ray.RayError:  # the worker may have heard us or not: ask it again
                await asyncio.sleep(AGAIN)
            except Exception as error:  # of the connection to the cluster: there are many kinds
                raise WorkerLost(
                    f"{self.name} cannot be reached: the connection to the cluster broke ({type(error).__name__})"
                ) from None

    async def end(self) -> None:
        await self._cluster.end(self._actor)


class Cluster:
    """A cluster that was joined. The end of its last worker leaves it."""

    def __init__(self, aside: Aside, leave: Callable[[], None]) -> None:
        self._aside, self._leave = aside, leave
        self._actors: list[Any] = []

    async def workers(self, count: int | None, *, without_token: bool) -> Sequence[Worker]:
        """Starts them. Raises SurveyError, and then they are ended. None is told anything before all are found fit."""
        import ray

        try:
            cores = int((await self._aside.call(ray.cluster_resources)).get("CPU", 0))
            count = count or cores
            if not 0 < count <= cores:
                raise SurveyError(
                    f"the cluster has {cores} cores, one for each worker: give fewer --workers, or start more nodes"
                )
            place = ray.remote(num_cpus=1, max_restarts=0, max_task_retries=0, scheduling_strategy="SPREAD")(Asking)
            self._actors = [place.remote() for _ in range(count)]
            addresses = await self._fit(without_token)
        except BaseException:
            await self._end_all()
            raise
        named = enumerate(zip(self._actors, addresses, strict=True), 1)
        return [Worker(self, actor, f"worker {number} at {address}") for number, (actor, address) in named]

    async def _fit(self, without_token: bool) -> list[str]:
        """The address of each worker. Raises SurveyError."""
        from ray import exceptions as of_ray

        try:
            async with asyncio.timeout(JOIN):
                all_about = await asyncio.gather(*(_awaited(actor.about.remote()) for actor in self._actors))
        except TimeoutError:
            raise SurveyError(
                f"the cluster did not start {len(self._actors)} workers within {JOIN:.0f} seconds: its cores are taken, or its nodes are gone;"
                " give fewer --workers, or see what `ray status` says on its head"
            ) from None
        except of_ray.RayError as error:
            if "No module named" in str(error):
                raise SurveyError(
                    f"a node of the cluster lacks filmbadge: install 'filmbadge[ray]' {RELEASE} there, for the Python that runs Ray"
                ) from None
            raise SurveyError(f"a worker cannot start on the cluster ({_first_line(error)})") from None
        for at, release, python, guarded in (About(*about) for about in all_about):
            if (release, python.split(".")[:2]) != (RELEASE, platform.python_version().split(".")[:2]):
                raise SurveyError(
                    f"the node {at} has filmbadge {release} on Python {python}, and here it is {RELEASE} on {platform.python_version()}:"
                    " install the same on all of them"
                )
            if not guarded and not without_token:
                raise SurveyError(
                    f"the cluster asks nobody for a token, so whoever reaches it could run programs on it: set RAY_AUTH_MODE=token where"
                    f" its nodes are started, or say {WITHOUT_TOKEN}"
                )
        return [about[0] for about in all_about]

    async def end(self, actor: Any) -> None:
        import ray

        if actor in self._actors:
            self._actors.remove(actor)
            with suppress(Exception):
                gone = _awaited(actor.about.remote())
                await self._aside.call(partial(ray.kill, actor, no_restart=True), END)
                async with asyncio.timeout(END):
                    await gone
        if not self._actors:
            await self._end_all()

    async def _end_all(self) -> None:
        self._actors.clear()
        with suppress(Exception):
            await self._aside.call(self._leave, END)


class Start:
    """Starts workers at a place: `local`, or ray://HOST:PORT."""

    def __init__(self, where: str, *, without_token: bool) -> None:
        self._where, self._without_token = where, without_token

    async def __call__(self, workers: int | None) -> Sequence[Worker]:
        """Raises SurveyError."""
        aside = Aside()
        leave = await (self._begin_one(aside, workers) if self._where == LOCAL else self._join(aside))
        return await Cluster(aside, leave).workers(workers, without_token=self._without_token)

    async def _begin_one(self, aside: Aside, workers: int | None) -> Callable[[], None]:
        """An instance of our own. Its folder and its token go with it."""
        folder = Path(tempfile.mkdtemp(prefix="filmbadge-"))
        os.environ.update(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=secrets.token_hex(32))
        ray = _imported()

        def leave() -> None:
            ray.shutdown()
            shutil.rmtree(folder, ignore_errors=True)

        try:
            await aside.call(
                partial(
                    ray.init,
                    num_cpus=workers or os.cpu_count(),
                    include_dashboard=False,
                    object_store_memory=STORE,
                    _node_ip_address="127.0.0.1",
                    _temp_dir=str(folder),
                    _system_config={"automatic_object_spilling_enabled": False},
                    **_QUIET,
                ),
                JOIN,
            )
        except Exception as error:
            leave()
            raise SurveyError(f"Ray cannot be started on this machine ({_first_line(error)})") from None
        return leave

    async def _join(self, aside: Aside) -> Callable[[], None]:
        if not self._without_token:
            if not _has_token():
                raise SurveyError(
                    "there is no token for the cluster: copy ~/.ray/auth_token from its head, or name its file in RAY_AUTH_TOKEN_PATH"
                )
            os.environ["RAY_AUTH_MODE"] = "token"
        ray = _imported()
        try:
            await aside.call(partial(ray.init, self._where, **_QUIET), JOIN)
        except ConnectionAbortedError:
            raise SurveyError(
                f"the head at {self._where} answers, and did not let this survey in: where its machine is busy, try once more"
            ) from None
        except (ConnectionError, TimeoutError):
            raise SurveyError(
                f"no cluster of Ray answers at {self._where}: is its head up, and may this machine reach it?"
            ) from None
        except Exception as error:
            raise SurveyError(f"{self._where} cannot be joined ({_first_line(error)})") from None
        return ray.shutdown  # type: ignore[no-any-return]


def start(where: str, *, without_token: bool = False) -> Start:
    """`where`: `local`, or ray://HOST:PORT. `without_token`: a cluster that asks for none is joined too.

    Raises SurveyError before anything is written.
    """
    if where != LOCAL and not re.fullmatch(r"ray://[^/\s:]+:\d{1,5}", where):
        raise SurveyError(f"--on takes {LOCAL} or ray://HOST:PORT, such as ray://10.0.0.1:10001")
    if find_spec("ray") is None:
        raise SurveyError(_MISSING)
    return Start(where, without_token=without_token)


_MISSING = "--on needs Ray: pip install 'filmbadge[ray]'"
_QUIET: dict[str, Any] = {"log_to_driver": False, "logging_level": "CRITICAL"}  # the terminal is ours


def _imported() -> Any:
    """Ray, which reports nothing to its makers. Raises SurveyError."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    warnings.filterwarnings("ignore", module=r"ray\.")  # it warns of many small messages
    try:
        import ray
    except ImportError:
        raise SurveyError(_MISSING) from None
    return ray


def _has_token() -> bool:
    """Where Ray looks for one."""
    named = os.environ.get("RAY_AUTH_TOKEN_PATH")
    return bool(os.environ.get("RAY_AUTH_TOKEN")) or Path(named or Path.home() / ".ray" / "auth_token").is_file()


async def _awaited(answer: Awaitable[Any]) -> Any:
    return await answer


class Aside:
    """A thread for calls that block. It ends with the process: Linux ends what Ray starts with the thread that started it."""

    def __init__(self) -> None:
        self._calls: SimpleQueue[Callable[[], None]] = SimpleQueue()
        threading.Thread(target=self._work, daemon=True, name="ray").start()

    def _work(self) -> None:
        while True:
            self._calls.get()()

    async def call(self, function: Callable[[], Any], seconds: float = JOIN) -> Any:
        """Nobody waits for it longer than so. Raises TimeoutError."""
        loop, returned = asyncio.get_running_loop(), concurrent.futures.Future[Any]()

        def work() -> None:
            try:
                returned.set_result(function())
            except BaseException as error:
                returned.set_exception(error)

        self._calls.put(work)
        async with asyncio.timeout(seconds):
            return await asyncio.shield(asyncio.wrap_future(returned, loop=loop))


def _first_line(error: BaseException) -> str:
    lines = (line.strip() for line in str(error).splitlines())
    return next(filter(None, lines), type(error).__name__)[:200]
