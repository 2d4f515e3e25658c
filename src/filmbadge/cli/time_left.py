"""How long a survey will still take. Pure: whoever uses it brings the clock.

What is left goes in two parts: hosts that wait are begun at some rate, and hosts in hand come to their ends. A few hosts take
most of the time, those with a large census above all, so a mean says little. From the hosts that are done, and from how long
others are in hand already, comes the share S(u) of hosts that take longer than u seconds (Kaplan and Meier 1958: a host in hand is
an observation that is not over). Beyond what was seen, a host that took u so far takes as long again with a probability of a half.

So x seconds from now m(x) hosts are expected to be left: those that wait, S(age + x) / S(age) for each that is in hand, and r times the
integral of S for those that are begun until then at the rate r. Hosts end independently of each other, so nobody is left with the probability
exp(-m(x)), and where k are expected they are k and twice its root, more or less. The rate is that of the later half of this run, and while
all hands are busy no more than hands by the mean time of a host. Right after a survey is resumed it is that of the runs before.

Where one large archive may take a minute or a day, nobody can tell when the last host is done. So an estimate says for which share of all hosts
it holds: the largest for which its interval is narrow. If it is narrow for none, there is no estimate.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

_STEP = 1.1  # from one class of durations to the next
_EDGES = tuple(0.05 * _STEP**n for n in range(190))  # seconds; the last is at 38 days
_LAST = len(_EDGES) - 1
_UNSEEN = 0.5  # hosts that would take longer than all that were seen
_FEW = 10  # hosts, of which a rate says little
_TAIL = 1.5  # of Pareto's law, for what takes longer than all that ended
_NARROW = 1.3  # times the middle, to which an estimate's interval may reach
_SHARES = (1.0, 0.99, 0.95, 0.9)  # of all hosts: for which of them an estimate is looked for


class Estimate(NamedTuple):
    seconds: float
    share: float  # of all hosts that are done by then; 1: all


class TimeLeft:
    """Is told of hosts that are done, and estimates how long the others take. All times are seconds by one clock."""

    def __init__(self, total: int, done: int, now: float, *, rate_before: float = 0.0) -> None:
        """`done` in earlier runs, which did `rate_before` hosts a second (0: not known)."""
        self._total = total
        self._waiting = total - done
        self._started = now
        self._rate_before = rate_before
        self._took = [0.0] * len(_EDGES)  # hosts that are done, by how long they took
        self._done = 0
        self._begun: deque[tuple[float, int]] = deque()  # when, and how many were begun by then
        self._hands = 0
        self._apart = 0.0  # by which share of each other two ways to know the rate differ
        self._halved = now + 30.0  # seconds of a run, after which what was seen first begins to count less

    def host_done(self, took: float) -> None:
        self._done += 1
        self._took[_class(took)] += 1

    def left(self, now: float, ages: Sequence[float]) -> Estimate | None:
        """None: nobody can tell. `ages`: how long each host in hand is there."""
        self._note(now, len(ages))
        waiting = max(0, self._waiting - self._done - len(ages))
        curve = _Curve(self._took, ages)
        rate = self._rate(now, ages, curve) if waiting else 0.0
        if waiting and not rate:
            return None
        left = _Left(curve, ages, waiting, rate)
        doubt = self._doubt() if waiting else 0.0
        for share in _SHARES:
            most = (1 - share) * self._total
            if share < 1 and (most < 1 or waiting + len(ages) <= most):
                return None
            low, middle, high = (left.until(some) for some in _around(most))
            wrong = min(middle, waiting / rate if waiting else 0.0) * doubt
            if high + wrong <= _NARROW * middle + 2 and middle <= _NARROW * max(0.0, low - wrong) + 2:
                return Estimate(middle, share)
        return None

    def _note(self, now: float, in_hand: int) -> None:
        self._hands = max(self._hands, in_hand)
        if len(self._begun) > 1 and now - self._begun[-2][0] < (now - self._started) / 400:
            self._begun.pop()  # what is remembered does not grow with the survey
        self._begun.append((now, self._done + in_hand))
        if now >= self._halved:
            self._took = [some / 2 for some in self._took]
            self._halved = now + (now - self._started)
        half = (self._started + now) / 2
        while len(self._begun) > 2 and self._begun[1][0] <= half:
            self._begun.popleft()

    def _rate(self, now: float, ages: Sequence[float], curve: _Curve) -> float:
        """Hosts that are begun in a second."""
        since, begun = self._begun[0]
        more = self._done + len(ages) - begun
        if self._done < _FEW or more < _FEW:
            return self._rate_before
        measured = more / max(now - since, 1e-9)
        self._apart = 0.0
        if len(ages) < self._hands:
            return measured
        bound = self._hands / curve.mean
        self._apart = abs(bound - measured) / (bound + measured)
        return min(bound, (bound + measured) / 2)

    def _doubt(self) -> float:
        """By which share of itself the rate may be wrong: by chance, two standard deviations; and by what changed while it was measured."""
        (since, first), (now, last) = self._begun[0], self._begun[-1]
        if last - first < _FEW:
            return 0.15  # of the runs before
        half, some = next(one for one in self._begun if one[0] >= (since + now) / 2)
        before, after = (some - first) / max(half - since, 1e-9), (last - some) / max(now - half, 1e-9)
        return max(2 / math.sqrt(last - first), self._apart, abs(before - after) / (before + after))


def _class(seconds: float) -> int:
    return min(bisect_right(_EDGES, seconds), _LAST)


def _around(most: float) -> tuple[float, float, float]:
    """How many are expected when so many are left: nine times in ten more, as often more as fewer, one time in ten more."""
    if most < 1:
        return -math.log(0.1), math.log(2), -math.log(0.9)
    return most + 2 * math.sqrt(most), most, max(math.log(2), most - 2 * math.sqrt(most))


class _Left:
    """How many hosts are expected to be left at some time."""

    def __init__(self, curve: _Curve, ages: Sequence[float], waiting: int, rate: float) -> None:
        self._curve, self._rate = curve, rate
        alike: dict[int, list[float]] = {}
        for age in ages:
            alike.setdefault(_class(age), []).append(age)
        means = [(sum(some) / len(some), len(some)) for some in alike.values()]
        self._there = [(age, n / curve.share(age)) for age, n in means]
        self._begin = waiting / rate if waiting else 0.0

    def at(self, x: float) -> float:
        integral, begin = self._curve.integral, self._begin
        old = sum(weight * self._curve.share(age + x) for age, weight in self._there)
        return self._rate * max(0.0, begin - x) + old + self._rate * (integral(x) - integral(x - begin))

    def until(self, most: float) -> float:
        """Seconds until fewer are left."""
        low, high = 0.0, 1.0
        while self.at(high) > most and high < _EDGES[-1]:
            low, high = high, 2 * high
        for _ in range(16):
            middle = (low + high) / 2
            low, high = (middle, high) if self.at(middle) > most else (low, middle)
        return high


class _Curve:
    """S(u), straight between the edges of classes."""

    def __init__(self, took: Sequence[float], ages: Sequence[float]) -> None:
        held = [0] * len(_EDGES)
        for age in ages:
            held[_class(age)] += 1
        at_risk, share, last = sum(took) + len(ages) + _UNSEEN, 1.0, 0
        self._shares = [1.0] * len(_EDGES)
        for n, ended in enumerate(took):
            if ended:
                share *= 1 - ended / (at_risk - held[n])
                last = n
            at_risk -= ended + held[n]
            self._shares[n] = share
        for n in range(last + 1, len(_EDGES)):
            self._shares[n] = share * (_EDGES[last] / _EDGES[n]) ** _TAIL
        self._integrals = [_EDGES[0] * (1 + self._shares[0]) / 2]
        for n in range(1, len(_EDGES)):
            width = _EDGES[n] - _EDGES[n - 1]
            self._integrals.append(self._integrals[-1] + width * (self._shares[n - 1] + self._shares[n]) / 2)
        seen = max([last, *(n for n, some in enumerate(held) if some)])
        self.mean = self._integrals[seen]  # of hosts, up to the longest that was seen

    def share(self, seconds: float) -> float:
        return self._between(self._shares, seconds, 1.0)

    def integral(self, seconds: float) -> float:
        """Of S from 0."""
        return self._between(self._integrals, seconds, 0.0)

    @staticmethod
    def _between(values: Sequence[float], seconds: float, first: float) -> float:
        if seconds <= 0:
            return first
        n = bisect_right(_EDGES, seconds)
        if n > _LAST:
            return values[-1]
        low, before = (_EDGES[n - 1], values[n - 1]) if n else (0.0, first)
        return before + (values[n] - before) * (seconds - low) / (_EDGES[n] - low)
