"""Archives that are busy: each is asked again once, later, and its second answer counts if it tells more.

Busy is who said so: by a transient rejection (PS3.8 9.3.4), by "out of resources" (PS3.4 C.4.1.1.4), by 503 (RFC 9110
15.6.4). Until then its host is kept in memory and not written: a survey that is killed asks it again when it is resumed.
Whoever showed distress too often is left alone the second time too.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from filmbadge.ask.targets.lists import Target
from filmbadge.catalogue.dicom import OUT_OF_RESOURCES
from filmbadge.model import DimseFacts, DoubtCode, Host, Observation, PageFacts
from filmbadge.survey.queues import Feeder

AGAIN_SECONDS = 180.0  # after which a busy host is asked again
SOONEST_SECONDS = 5.0  # where no other host is left before that
MOST_WAITING = 500  # hosts in memory; further ones are not asked again

_TRANSIENT = frozenset({(2, 3, 1), (2, 3, 2)})  # result, source, reason: PS3.8 Table 9-21
_UNAVAILABLE = 503


class Waiting(NamedTuple):
    """A host that was busy, what it told, and when it was asked."""

    target: Target
    told: Host
    at: float


class Later:
    """Gives hosts as a `Feeder` does, and among them those that were busy, once each."""

    def __init__(self, feeder: Feeder, until: Callable[[float], Awaitable[bool]]) -> None:
        """`until` waits for a moment of the monotonic clock, and says whether the scope still holds."""
        self._feeder = feeder
        self._until = until
        self._waiting: deque[Waiting] = deque()  # in the order of their moments
        self._second: dict[Target, Host] = {}  # asked for the second time, and what they told the first time
        self._again: set[Target] = set()  # in hand for the second time

    async def next(self) -> Target | None:
        """The host to begin now. None if none is left, or the scope expired."""
        if (due := self._due(AGAIN_SECONDS)) is not None:
            return due
        if (target := await self._feeder.next()) is not None:
            return target
        while self._waiting:
            if (due := self._due(SOONEST_SECONDS)) is not None:
                return due
            if not await self._until(self._waiting[0].at + SOONEST_SECONDS):
                break
        return None

    def _due(self, seconds: float) -> Target | None:
        if not self._waiting or time.monotonic() < self._waiting[0].at + seconds:
            return None
        target, told, _ = self._waiting.popleft()
        self._second[target] = told
        self._again.add(target)
        return target

    def done(self, target: Target) -> None:
        """A host is in hand no more."""
        if target in self._again:
            self._again.discard(target)
        else:
            self._feeder.done(target)

    def settled(self, target: Target) -> None:
        """A host is written: nothing of it waits."""
        self._second.pop(target, None)

    def first(self, target: Target) -> Host | None:
        """What a host told the first time, where this is its second."""
        return self._second.get(target)

    def put(self, target: Target, told: Host) -> bool:
        """Whether the host is asked again: it was busy, this was the first time, and there is room."""
        wanted = target not in self._second and len(self._waiting) < MOST_WAITING and busy(told)
        if wanted:
            self._waiting.append(Waiting(target, told, time.monotonic()))
        return wanted

    def left(self) -> list[tuple[Target, Host]]:
        """Those that were not asked again, because the survey ends before."""
        return [*self._second.items(), *((target, told) for target, told, _ in self._waiting)]


def busy(host: Host) -> bool:
    """Whether an endpoint said that it is too busy for something that is unknown now."""
    return any(
        _short(one.observation) or (not one.verdict.conclusive and _congested(one.observation)) for one in host.judged
    )


def _congested(seen: Observation) -> bool:
    dimse, pages = seen.get(DimseFacts), seen.get(PageFacts)
    if pages is not None and pages.status == _UNAVAILABLE:
        return True
    if dimse is None:
        return False
    rejected = dimse.rejection
    return (rejected is not None and (rejected.result, rejected.source, rejected.reason) in _TRANSIENT) or any(
        find.status == OUT_OF_RESOURCES and not find.matches for find in dimse.finds
    )


def _short(seen: Observation) -> bool:
    """Its census ended for lack of its resources."""
    dimse = seen.get(DimseFacts)
    census = None if dimse is None else dimse.census
    return census is not None and any(
        doubt.code is DoubtCode.STATUS and doubt.numbers.get("status") == OUT_OF_RESOURCES for doubt in census.doubts
    )


def tells_more(second: Host, first: Host) -> bool:
    """Whether what a host told the second time is more, and nothing of it less."""
    one, other = _told(first), _told(second)
    return other != one and all(b >= a for a, b in zip(one, other, strict=True))


def _told(host: Host) -> tuple[int, ...]:
    archives = [archive for archive in host.archives if archive.open]
    return (
        len(archives),
        sum(one.verdict.conclusive for one in host.judged),
        sum(archive.counts.studies.value is not None for archive in archives),
        sum(archive.counts.images.value is not None for archive in archives),
    )
