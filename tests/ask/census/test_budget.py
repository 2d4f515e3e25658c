"""What a budget allows, and that a script ends with it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from filmbadge.ask.census.budget import Spent, within
from filmbadge.ask.census.source import Steps
from filmbadge.ask.wire.throttle import Throttle
from filmbadge.model import Doubt, DoubtCode
from filmbadge.scope import Budget, ConnectionLimits


def test_each_bound_ends_it() -> None:
    now = [100.0]
    spent = Spent(Budget(questions=2, minutes=1.5, received_bytes=1000), lambda: now[0])
    spent.asked()
    spent.received(999)
    now[0] += 89
    early = spent.ended
    assert early is None
    now[0] += 1
    assert spent.ended == Doubt(DoubtCode.BUDGET_TIME, {"seconds": 90})
    spent.received(1)
    assert spent.ended == Doubt(DoubtCode.BUDGET_BYTES, {"bytes": 1000})
    spent.asked()
    assert spent.ended == Doubt(DoubtCode.BUDGET_QUESTIONS, {"questions": 2})


def test_a_script_ends_with_the_budget_or_by_itself() -> None:
    answers: list[int] = []

    def script(questions: int) -> Steps[None]:
        for number in range(questions):
            answer = yield number
            answers.append(answer)

    def asked(questions: int) -> tuple[int, list[Doubt]]:
        spent, ended = Spent(Budget(questions=3)), list[Doubt]()
        asking = within(spent, script(questions), ended.append)
        with suppress(StopIteration):
            number = next(asking)
            while True:
                spent.asked()
                number = asking.send(10 * number)
        return spent.questions, ended

    assert asked(2) == (2, [])
    assert asked(9) == (3, [Doubt(DoubtCode.BUDGET_QUESTIONS, {"questions": 3})])
    assert answers == [0, 10, 0, 10, 20]


def test_an_answer_of_all_may_cost_a_bounded_time_and_what_bytes_are_left() -> None:
    pace, budget = Throttle(), Budget(received_bytes=10_000_000, whole=1000, whole_seconds=2)
    spent = Spent(budget, caps=ConnectionLimits(received_bytes=8_000_000), pace=pace)
    assert spent.affords == 1000  # nothing tells the time of a row
    pace.answered("few", 0.1, 0.5, matches=10)
    assert spent.affords == 1000
    pace.answered("many", 0.1, 0.5, matches=500)
    assert spent.affords == 2000  # in two seconds
    pace.answered("slow", 0.1, 5.0, matches=500)
    assert spent.affords == 1000
    pace.answered("fast", 0.001, 0.001, matches=1000)
    spent.received(100_000)
    spent.rows += 500  # of 200 bytes
    assert spent.affords == 19_800  # two and a half times as many bytes are left
    tight = Spent(replace(budget, received_bytes=1 << 40), caps=ConnectionLimits(received_bytes=1_000_000), pace=pace)
    assert tight.affords == int(0.8 * 1_000_000 / 256)
