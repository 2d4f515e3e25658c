"""What one archive gives away more or less than before, as far as both surveys know it."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

from filmbadge.compare.records import COUNTED, ChangeKind, Difference, Known, Quality
from filmbadge.model import Count, Depth, Kind

# An archive in use grows every day. It gives away more, in the sense of a change, where it holds a tenth more.
GROWN = 0.1


def differences(was: Known, now: Known) -> tuple[Difference, ...]:
    """In the order in which they decide. Both are open."""
    return tuple(_differences(was, now))


def verdict(found: tuple[Difference, ...]) -> ChangeKind:
    """By the first difference that gives away more or less."""
    worse = next((one.worse for one in found if one.worse is not None), None)
    return ChangeKind.STILL_OPEN if worse is None else ChangeKind.WORSE if worse else ChangeKind.BETTER


def _differences(was: Known, now: Known) -> Iterator[Difference]:
    """What only a deeper question shows is compared where both surveys asked as deep."""
    if was.depth is now.depth:
        if was.rung is not now.rung:
            yield Difference(Quality.RUNG, was.rung, now.rung, now.rung.height > was.rung.height)
        if was.grade is not None and now.grade is not None and was.grade is not now.grade:
            yield Difference(Quality.GRADE, was.grade, now.grade, now.grade.height > was.grade.height)
    if was.kinds is not None and now.kinds is not None:
        yield from _kinds(was.kinds, now.kinds)
    if was.depth.reaches(Depth.COUNT) and now.depth.reaches(Depth.COUNT):
        for quality in COUNTED:
            yield from _count(quality, was.counts.get(quality, Count()), now.counts.get(quality, Count()))


def _kinds(was: dict[Kind, bool], now: dict[Kind, bool]) -> Iterator[Difference]:
    """Kinds of which both surveys know whether they are there."""
    both = [kind for kind in Kind if kind in was and kind in now]
    old, new = ([kind for kind in both if side[kind]] for side in (was, now))
    if old != new:
        more, less = {*new} - {*old}, {*old} - {*new}
        yield Difference(Quality.KINDS, " ".join(old), " ".join(new), None if more and less else bool(more))


def _count(quality: Quality, was: Count, now: Count) -> Iterator[Difference]:
    """Numbers differ where no value fits both: of an estimate its whole interval, of a bound all above it."""
    old, new = interval(was), interval(now)
    if old is None or new is None or (old[0] <= new[1] and new[0] <= old[1]):
        return
    more = new[0] > old[1]
    smaller, larger = (old, new) if more else (new, old)
    yield Difference(quality, _said(was), _said(now), more if larger[0] > smaller[1] * (1 + GROWN) else None)


def interval(count: Count) -> tuple[float, float] | None:
    """Where the number lies. None: nothing is known."""
    if count.low is not None and count.high is not None:
        return count.low, count.high
    if count.value is not None:
        return count.value, count.value
    return None if count.at_least is None else (count.at_least, inf)


def _said(count: Count) -> str:
    return str(count.value) if count.value is not None else f"≥ {count.at_least}"
