"""The third door, as far as it can be seen without a cluster."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from ray import exceptions as of_ray

from filmbadge.survey.examine import SurveyError
from filmbadge.survey.spread import on_ray
from filmbadge.survey.spread.messages import MOST_SECRET, WorkerLost


class Work:
    """Says what it was asked, and how often it was asked anything."""

    def __init__(self, secret: bytes = b"") -> None:
        self.orders, self._secret = list[bytes](), secret

    async def exchange(self, order: bytes, secret: bytes) -> tuple[bytes, bytes]:
        self.orders.append(order)
        await asyncio.sleep(0)
        if order == b"fail":
            raise ValueError("a patient's name")
        return order + str(len(self.orders)).encode(), self._secret or secret


def asking(work: Work) -> on_ray.Asking:
    made = on_ray.Asking()
    made._work = work
    return made


def test_an_order_that_comes_twice_is_obeyed_once() -> None:
    work = Work()

    async def told() -> list[tuple[bytes, bytes]]:
        one = asking(work)
        twice = await asyncio.gather(one.exchange(1, b"a", b"s"), one.exchange(1, b"a", b"s"))
        return [*twice, await one.exchange(1, b"a", b"s"), await one.exchange(2, b"b", b"t")]

    assert asyncio.run(told()) == [(b"a1", b"s")] * 3 + [(b"b2", b"t")]
    assert work.orders == [b"a", b"b"]


def test_what_a_fault_says_and_a_long_secret_stay_with_the_worker() -> None:
    for work, order in (Work(), b"fail"), (Work(bytes(MOST_SECRET + 1)), b"a"):
        with pytest.raises(RuntimeError) as raised:
            asyncio.run(asking(work).exchange(1, order, b""))
        assert "patient" not in str(raised.value)
        assert raised.value.__cause__ is None


class Actor:
    """What Ray hands out for a worker: it answers, or raises, one after the other."""

    def __init__(self, *answers: tuple[bytes, bytes] | Exception) -> None:
        self._answers, self.numbers = list(answers), list[int]()

    @property
    def exchange(self) -> Actor:
        return self

    def options(self, *, num_returns: int) -> Actor:
        assert num_returns == 2, "the secret stands alone"
        return self

    def remote(self, number: int, order: bytes, secret: bytes) -> list[asyncio.Future[bytes]]:
        self.numbers.append(number)
        answer, loop = self._answers.pop(0), asyncio.get_running_loop()
        futures: list[asyncio.Future[bytes]] = [loop.create_future() for _ in range(2)]
        for place, future in enumerate(futures):
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer[place])
        return futures


def exchanged(actor: Actor) -> tuple[bytes, bytes]:
    worker = on_ray.Worker(on_ray.Cluster(on_ray.Aside(), lambda: None), actor, "worker 2 at 10.0.0.7")
    return asyncio.run(worker.exchange(b"", b""))


def test_a_worker_that_is_cut_off_for_a_while_is_asked_for_the_same_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_ray, "AGAIN", 0.0)
    actor = Actor(of_ray.ActorUnavailableError("cut", None), (b"report", b"secret"))
    assert exchanged(actor) == (b"report", b"secret")
    assert actor.numbers == [1, 1]


@pytest.mark.parametrize(
    ("error", "why"),
    [(of_ray.ActorDiedError(), "has ended"), (ConnectionError("no way"), "cannot be reached")],
    ids=["killed", "the head is gone"],
)
def test_a_worker_that_is_lost_is_named_in_one_line(error: Exception, why: str) -> None:
    with pytest.raises(WorkerLost, match=rf"^worker 2 at 10\.0\.0\.7 {why}[^\n]+$"):
        exchanged(Actor(error))


@pytest.mark.parametrize("where", ["", "10.0.0.1:10001", "ray://10.0.0.1", "ray://10.0.0.1:x", "http://10.0.0.1:1"])
def test_only_an_address_of_a_cluster_is_taken(where: str) -> None:
    with pytest.raises(SurveyError, match="such as ray://"):
        asyncio.run(on_ray.start(where)(1))


def test_no_cluster_is_joined_without_a_token(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in [name for name in os.environ if name.startswith("RAY_AUTH")]:
        monkeypatch.delenv(name)
    with pytest.raises(SurveyError, match="there is no token"):
        asyncio.run(on_ray.start("ray://127.0.0.1:9")(1))
