"""What a budget allows, and that a script ends with it."""

from __future__ import annotations

from contextlib import suppress

from filmbadge.ask.census.budget import Spent, within
from filmbadge.ask.census.source import Steps
from filmbadge.model import Doubt, DoubtCode
from filmbadge.scope import Budget


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
