"""The progress of a survey, on stderr: lines that stay in place on a terminal, elsewhere a line a minute. And in a file, for a program."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import msgspec
from rich.console import Console
from rich.live import Live

from filmbadge.ask.targets.lists import Target
from filmbadge.cli.asking import drawn
from filmbadge.cli.time_left import Estimate, TimeLeft
from filmbadge.keep import files
from filmbadge.model import Host, Rung
from filmbadge.survey.engine import Survey
from filmbadge.tell.progress import ProgressDocument
from filmbadge.tell.words import Words

EVERY_SECONDS = 60.0  # a line, where nobody sees it move
_REFRESH_SECONDS = 1.0
_COUNTRIES = 8  # that have the most archives are named
_LONG = 120.0  # seconds that a host is in hand before it is worth saying


class Asked(Protocol):
    """What is watched of a survey."""

    total: int
    hosts_done: int
    rate_before: float

    @property
    def took(self) -> float: ...

    @property
    def in_hand(self) -> Mapping[Target, float]: ...


class Progress:
    """What is known of a survey that is under way. Pure: whoever uses it brings the clock."""

    def __init__(self, asked: Asked, words: Words, now: float, before: Found | None = None) -> None:
        """`before`: what earlier runs found."""
        self._asked, self._words = asked, words
        self._left = TimeLeft(asked.total, asked.hosts_done, now, rate_before=asked.rate_before)
        self._found = before or Found()
        self._recent: list[tuple[float, int]] = [(now, asked.hosts_done)]

    def host_done(self, host: Host) -> None:
        self._left.host_done(self._asked.took)
        for archive in host.archives:
            self._found.add(archive.rung, next(iter(archive.place.countries), None))

    def lines(self, now: float) -> list[str]:
        """How far it is, what was found by rung, and by country. Lines of which nothing is known are left out."""
        ages = [now - since for since in self._asked.in_hand.values()]
        parts = [self._how_far(), self._rate(now), self._when(self._left.left(now, ages), ages)]
        return [", ".join(filter(None, parts)), *filter(None, (self._rungs(), self._countries()))]

    def document(self, now: float) -> ProgressDocument:
        return ProgressDocument(
            pid=os.getpid(),
            at=datetime.now(UTC),
            hosts=self._asked.total,
            hosts_done=self._asked.hosts_done,
            archives={str(rung): self._found.rungs[rung] for rung in Rung if self._found.rungs[rung]},
            lines=tuple(self.lines(now)),
        )

    def _how_far(self) -> str:
        return self._words.many(
            "{done:,} of {n:,} host", "{done:,} of {n:,} hosts", self._asked.total, done=self._asked.hosts_done
        )

    def _rate(self, now: float) -> str:
        """Over the last minute, or since this run began."""
        self._recent.append((now, self._asked.hosts_done))
        while len(self._recent) > 2 and self._recent[1][0] <= now - EVERY_SECONDS:
            self._recent.pop(0)
        since, done = self._recent[0]
        seconds = now - since
        rate = (self._asked.hosts_done - done) / seconds if seconds > 0 else 0.0
        return self._words.say("{rate}/s", rate=f"{rate:,.0f}" if rate >= 10 else f"{rate:.1f}")

    def _when(self, estimate: Estimate | None, ages: Sequence[float]) -> str:
        left = self._asked.total - self._asked.hosts_done
        if not left:
            return self._words.say("comparing archives")
        if estimate is None:
            longest = max(ages, default=0.0)
            if longest < _LONG or left > len(ages):
                return ""
            return self._words.say("the last for {time} so far", time=self._words.duration(longest))
        time = self._words.duration(max(1.0, estimate.seconds))
        if estimate.share == 1:
            return self._words.say("about {time} left", time=time)
        return self._words.say("about {time} to {share:.0%}", time=time, share=estimate.share)

    def _rungs(self) -> str:
        found = [(rung, self._found.rungs[rung]) for rung in reversed(Rung) if self._found.rungs[rung]]
        total = self._words.many("{n:,} archive", "{n:,} archives", sum(n for _, n in found))
        if not found:
            return total
        return f"{total}: " + ", ".join(
            self._words.say("{rung} {n:,}", n=n, rung=self._words.name(rung)) for rung, n in found
        )

    def _countries(self) -> str:
        most = self._found.countries.most_common(_COUNTRIES)
        told = [f"{country} {n:,}" for country, n in most]
        if more := len(self._found.countries) - len(most):
            told.append(self._words.many("{n:,} more country", "{n:,} more countries", more))
        return self._words.say("in {countries}", countries=", ".join(told)) if told else ""


class Found:
    """Archives by rung and by country."""

    def __init__(self) -> None:
        self.rungs: Counter[Rung] = Counter()
        self.countries: Counter[str] = Counter()

    def add(self, rung: Rung, country: str | None, archives: int = 1) -> None:
        self.rungs[rung] += archives
        if country is not None:
            self.countries[country] += archives


async def watched(plan: Survey, console: Console, words: Words, file: Path | None = None) -> None:
    """Runs a survey and shows its progress; in a file too, where one is given."""
    before = Found()
    for archive in plan.found_before:
        before.add(Rung(archive["rung"]), archive["country"], archive["n"])
    progress, over = Progress(plan, words, asyncio.get_running_loop().time(), before), asyncio.Event()
    shown = _on_terminal(progress, console) if console.is_terminal else _by_minute(progress, console)
    show = asyncio.create_task(shown)
    told = asyncio.create_task(_into_file(progress, file, over)) if file is not None else None
    try:
        await plan.run(progress)
    finally:
        over.set()
        show.cancel()
        with suppress(asyncio.CancelledError):
            await show
        if told is not None:
            await told


async def _on_terminal(progress: Progress, console: Console) -> None:
    clock = asyncio.get_running_loop().time
    with Live(console=console, transient=True, auto_refresh=False) as live:
        while True:
            live.update(drawn(progress.lines(clock()), console.width), refresh=True)
            await asyncio.sleep(_REFRESH_SECONDS)


async def _by_minute(progress: Progress, console: Console) -> None:
    clock = asyncio.get_running_loop().time
    while True:
        await asyncio.sleep(EVERY_SECONDS)
        console.print("; ".join(progress.lines(clock())), soft_wrap=True)


async def _into_file(progress: Progress, file: Path, over: asyncio.Event) -> None:
    """Each second, and once it is over. A disk that is full, or a folder that vanished, ends no survey: it tells nothing then."""
    while True:
        last, raw = over.is_set(), msgspec.json.encode(progress.document(asyncio.get_running_loop().time()))
        with suppress(OSError):  # a disk may be slow, and nobody is to wait for it
            await asyncio.to_thread(files.write, file, raw)
        if last:
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(over.wait(), _REFRESH_SECONDS)
