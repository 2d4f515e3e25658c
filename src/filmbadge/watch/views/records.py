"""What pages show, and the API hands out. Codes and numbers, and beside them the words for both."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from filmbadge.tell.view import ArchiveView
from filmbadge.watch.alerts.alerts import WARNED_BEFORE, Channel


class ScopeState(Struct, frozen=True):
    """One scope file."""

    name: str
    faults: tuple[str, ...] = ()  # why it allows nothing; then all below is empty
    depth: str = ""
    authority: str = ""
    reference: str = ""
    basis: str = ""
    contact: str = ""
    addresses: int = 0
    expires: datetime | None = None
    days_left: int | None = None
    words: tuple[str, ...] = ()  # what a survey under it would do
    schedule: str = ""
    next_due: str | None = None
    running: int | None = None  # its run that goes on now
    last_run: int | None = None  # the last one that was taken in
    archives_open: int | None = None  # accepted risks are left out; null: no survey of it has ended

    @property
    def warned(self) -> bool:
        """It ended, or ends within 14 days."""
        return bool(self.faults) or (self.days_left is not None and self.days_left < WARNED_BEFORE.days)


class Changed(Struct, frozen=True):
    """What became of one archive in one run."""

    run: int
    at: str
    archive: int
    name: str
    kind: str
    likely: bool
    muted: bool
    words: str
    differences: tuple[str, ...]
    grade: str | None
    product: str
    operator: str
    country: str


class Point(Struct, frozen=True):
    """How many archives were open after a run, in all scopes together."""

    run: int
    at: str
    open: int
    new: int
    ended: int  # closed, or gone


class Place(Struct, frozen=True):
    country: str  # ISO 3166-1 alpha-2; empty: not attributed
    name: str
    open: int


class Overview(Struct, frozen=True):
    headline: str
    fault: str  # what keeps the dashboard from going on, such as a full disk; empty: nothing does
    open_now: int  # accepted risks are left out
    muted: int  # open, and their risk was accepted
    archives: int
    unseen: int  # of the open ones: those that the last complete survey could not ask again
    unknown: int  # open once, and not compared since: we do not know
    new: int  # on the last day of surveys of each scope
    closed: int
    gone: int
    worse: int
    since: str | None  # the start of the newest run
    changes: tuple[Changed, ...]
    trend: tuple[Point, ...]
    places: tuple[Place, ...]
    scopes: tuple[ScopeState, ...]
    running: tuple[RunRow, ...]


class RunRow(Struct, frozen=True):
    id: int
    scope: str
    why: str
    by: str
    state: str
    outcome: str | None
    started: str
    ended: str | None
    hosts: int | None
    hosts_done: int | None
    archives: int | None
    archives_open: int | None
    muted: int | None
    baseline: int | None
    said: str
    words: str  # state and outcome


class ArchiveRow(Struct, frozen=True):
    id: int
    scope: str
    name: str
    address: str
    state: str
    state_words: str
    since: str
    rung: str
    grade: str | None
    product: str
    operator: str
    country: str
    country_name: str
    decoy: bool
    muted: bool
    patients: int | None
    studies: int | None
    images: int | None


class Choice(Struct, frozen=True):
    """A value that archives can be filtered by, and how many have it."""

    value: str
    name: str
    archives: int


class Archives(Struct, frozen=True):
    headline: str
    total: int
    first: int  # of the rows, from 1
    rows: tuple[ArchiveRow, ...]
    choices: dict[str, tuple[Choice, ...]]  # by the field that is filtered
    page: int
    pages: int


class Sighting(Struct, frozen=True):
    run: int
    at: str
    outcome: str | None
    open: bool
    rung: str
    grade: str | None
    patients: int | None
    studies: int | None
    images: int | None
    kind: str | None  # of the change in that run
    words: str


class Risk(Struct, frozen=True):
    id: int
    reason: str
    by: str
    accepted_at: str
    until: str
    ended_at: str | None
    ended_why: str | None


class Job(Struct, frozen=True):
    id: int
    kind: str
    state: str
    by: str
    started: str
    ended: str | None
    result: str
    words: str
    said: str


class Letter(Struct, frozen=True):
    reference: str
    number: int
    kind: str
    day: str
    recipient: str
    channel: str


class ArchivePage(Struct, frozen=True):
    row: ArchiveRow
    headline: str
    view: ArchiveView
    history: tuple[Sighting, ...]
    risks: tuple[Risk, ...]
    proofs: tuple[Job, ...]
    letters: tuple[Letter, ...]
    evidence: RunRow  # the run that saw it last
    folder: str
    last_day: str  # until which a risk can be accepted


class Runs(Struct, frozen=True):
    headline: str
    rows: tuple[RunRow, ...]
    scopes: tuple[ScopeState, ...]
    page: int
    pages: int


class Run(Struct, frozen=True):
    row: RunRow
    headline: str
    counts: dict[str, int]  # archives by the kind of change
    changes: tuple[Changed, ...]
    lines: tuple[str, ...]  # its progress in words
    hosts: int
    hosts_done: int
    journal: tuple[tuple[str, str], ...]  # what was sent, by whom, and its digest
    log: tuple[str, ...]  # the last lines that its process wrote
    jobs: tuple[Job, ...]
    letters_ready: bool  # contacts are there
    first_archive: int | None  # where the run saw one archive only: that one


class Live(Struct, frozen=True):
    state: str
    hosts: int
    hosts_done: int
    lines: tuple[str, ...]


class Scopes(Struct, frozen=True):
    headline: str
    rows: tuple[ScopeState, ...]
    today: str


class ScopePage(Struct, frozen=True):
    scope: ScopeState
    headline: str
    text: str
    runs: tuple[RunRow, ...]


class FindingRow(Struct, frozen=True):
    code: str
    severity: str
    title: str
    open: int  # archives that are open now and have it
    archives: int


class Findings(Struct, frozen=True):
    headline: str
    rows: tuple[FindingRow, ...]


class SettingsPage(Struct, frozen=True):
    headline: str
    fault: str  # what keeps messages from going out now; empty: nothing
    channels: tuple[Channel, ...]
    facts: tuple[tuple[str, str], ...]


class Begin(Struct, frozen=True):
    headline: str
    first: bool  # nothing is there yet
