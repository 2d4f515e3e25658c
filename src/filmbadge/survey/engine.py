"""Many hosts at once, under one scope's pace, into one dataset."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Protocol

import msgspec

from filmbadge.ask.targets.lists import NOTHING_DONE, Done, Target, Targets, asked_of
from filmbadge.conclude.again import conclude, judge, opened, ready
from filmbadge.conclude.review import review as all_together
from filmbadge.judge.findings import findings
from filmbadge.keep import contents, files, judged, manifest, whole
from filmbadge.keep.judged import Judged
from filmbadge.keep.manifest import Manifest, PatientIds, ScopeAsUsed, State
from filmbadge.keep.reader import Dataset, NotASurvey, telling
from filmbadge.keep.schema import VERSION
from filmbadge.keep.writer import Writer
from filmbadge.model import Archive, Depth, Host, JournalRow
from filmbadge.netlists import plain_network
from filmbadge.places import PACKAGED, Places
from filmbadge.scope import Intervals, Scope, ends
from filmbadge.survey import review
from filmbadge.survey.askers import Asker, Asks, Here, Tables
from filmbadge.survey.examine import BrokenOff, Sketches, SurveyError
from filmbadge.survey.spread.ledger import NAME, Ledger
from filmbadge.texts import printable
from filmbadge.version import RELEASE

_FOUND = "SELECT rung, country, count(*)::BIGINT n FROM archives WHERE rung IS NOT NULL GROUP BY ALL"


class Watcher(Protocol):
    """Is told how far a survey got."""

    def host_done(self, host: Host) -> None:
        """One more is done. Of a host that a worker asked, nothing is told but its address and its archives."""


@dataclass
class Survey:
    """What is to be asked, and where it is kept."""

    scope: Scope
    targets: Targets
    named: Sequence[str]  # the targets as the user wrote them
    directory: Path
    resume: bool = False
    places: Places = PACKAGED  # where addresses stand
    asks: Asks = Here  # who asks

    def __post_init__(self) -> None:
        self._digest = self.targets.told.digest or self.targets.digest
        self.total = len(self.targets)  # hosts to ask; of them those that were asked before they opted out
        self._before: Done = NOTHING_DONE  # in the runs that this one resumes
        self.sketches = Sketches()  # 2 KiB an open archive, and 8 for its patients; in memory only
        self._patient_ids: PatientIds | None = None
        self._sources: tuple[str, ...] | None = ()  # our own addresses in the runs that ended; None: not known of each
        self._to_review = True
        self._reviewed: Dataset | None = None  # all that was kept, once it was reviewed
        self._compared = False
        self.hosts_done = 0
        self._asker: Asker | None = None
        self.shared_before = False  # workers asked, in the last of the runs before
        self.rate_before = 0.0  # hosts a second, in the runs before
        self.found_before: list[dict[str, Any]] = []  # archives by rung and country, in the runs before
        self._seconds = 0.0  # of the runs before
        self._begun = datetime.now(UTC)
        self.unanswered = False  # hosts were asked in the runs that this one resumes, and none gave any answer
        self.narrowed = 0  # files and folders that others could read, and can no longer
        self._started = datetime.now(UTC)
        self._why: BaseException | None = None  # why it could not write what it found
        self._found: object = None  # what was there before
        try:
            there = list(self.directory.iterdir()) if self.directory.is_dir() else None
            file = self.directory.exists() and there is None
        except OSError as error:
            raise SurveyError(f"{str(self.directory)[:80]} cannot be read ({error.strerror})") from None
        if there and self.directory / manifest.NAME in there:
            if not self.resume:
                raise SurveyError(
                    f"{self.directory} already holds a survey: go on with --resume, or choose another --out"
                )
            self._take_up()
        elif self.resume:
            raise SurveyError(f"{self.directory} holds no survey to resume")
        elif file or there:
            raise SurveyError(f"{self.directory} is not an empty folder: choose another --out")

    def _take_up(self) -> None:
        try:
            with telling(self.directory):
                self._found = self._there()
                dataset = opened(self.directory)
                self._before = Done.of(dataset.done())
                self.hosts_done = len(self._before)
                self.found_before = dataset.rows(_FOUND)
                self.total += len(self._before) - asked_of(self.targets, self._before)
                self.unanswered = bool(self._before) and dataset.unreached()
        except NotASurvey as error:
            raise SurveyError(str(error)) from None
        last = dataset.last_asked()
        if last is not None and datetime.now(UTC) < last:  # an expiry that is judged by this clock would not hold
            raise SurveyError(
                f"{self.directory} holds a connection of {last:%Y-%m-%d %H:%M:%S} UTC, which is still to come by this"
                " machine's clock: set the clock right"
            )
        before, now = dataset.manifest, self._manifest("running")
        if before.dataset != VERSION:
            raise SurveyError(f"{self.directory} was begun by an older version: it can be read, and not resumed")
        self._to_review = before.state not in ("done", "nothing-reached") or not self._before
        if not self._to_review:
            self._patient_ids = before.patient_ids
        if _who_and_how_deep(before.scope) != _who_and_how_deep(now.scope):
            raise SurveyError(
                f"{self.directory} was begun under another scope, or with other --depth, --ports or --aet: only its expiry, pace,"
                " caps and census may have changed, and exclusions may have been added"
            )
        if back := _given_back(before.scope, self.scope):
            raise SurveyError(
                f"{self.directory} was begun under a scope that excluded {back}: exclusions may be added, and none taken away"
            )
        if (before.targets, before.digest) != (now.targets, now.digest):
            raise SurveyError(
                f"{self.directory} was begun with other targets: {' '.join(before.targets) or 'the whole scope'}"
            )
        self._started = before.started
        self.shared_before = before.shared
        self._sources = before.sources
        self._seconds = before.seconds
        if before.state == "running" and before.begun is not None and last is not None:  # it was killed
            self._seconds += max(0.0, (last - before.begun).total_seconds())
        self.rate_before = self.hosts_done / self._seconds if self._seconds > 0 else 0.0

    async def run(self, watcher: Watcher) -> Manifest:
        """Ask all hosts that are not done. On cancellation all is flushed, and the manifest says `interrupted`."""
        loop, broken = asyncio.get_running_loop(), asyncio.Future[OSError]()
        writer = self._writer = self._begin(lambda error: _settle(loop, broken, error))
        self._watcher = watcher
        try:
            async with asyncio.TaskGroup() as group:
                watch = group.create_task(_raise(broken))
                await self._ask(writer, watch)
        except* OSError as errors:
            self._why = _first(errors)  # closing tries once more
        except* SurveyError as errors:  # its asker has nobody left to ask by, for example
            self._why = _first(errors)
        finally:
            ended = self._close(writer)
        if isinstance(self._why, SurveyError):  # of who asks
            raise self._why if self._asker is None else BrokenOff(str(self._why))
        if self._why is not None:
            raise self._broken_off(self._why)
        return ended

    @property
    def waits(self) -> float:
        """Seconds in which workers of the run before may still ask, whose end nobody saw: this run begins after them."""
        with (
            Ledger(self.directory / NAME, self.scope.pace, shared=True)
            if self.shared_before
            else nullcontext() as ledger
        ):
            return 0.0 if ledger is None else ledger.wait()

    async def _ask(self, writer: Writer, watch: asyncio.Task[None]) -> None:
        if self.asks is Here:
            await asyncio.sleep(self.waits)
        async with self.asks(self, self.resume) as asker:
            self._asker = asker
            try:
                await asker.ask_all()
                await self._review(asker, writer)
            finally:
                watch.cancel()  # whoever asks leaves in order, also where the disk is full by now
                if self._sources is not None:
                    self._sources = tuple(sorted({*self._sources, *asker.sources}))

    @property
    def done(self) -> Done:
        return self._before

    @property
    def in_hand(self) -> Mapping[Target, float]:
        """Hosts that are being asked, since when by the event loop's clock."""
        return {} if self._asker is None else self._asker.in_hand

    @property
    def took(self) -> float:
        """Seconds, of the host that the watcher is told of."""
        return 0.0 if self._asker is None else self._asker.took

    def journal(self, row: JournalRow) -> None:
        self._writer.journal(row)

    def keep(self, host: Host, target: Target) -> None:
        self._writer.host(host, str(target), findings(host))
        self._count(host)

    def take(self, tables: Tables) -> None:
        self._writer.take(tables)

    def count(self, address: str, archives: tuple[Archive, ...]) -> None:
        self._count(Host(address, (), archives))

    def _count(self, host: Host) -> None:
        self._to_review, self._compared, self._patient_ids = True, False, None
        self.hosts_done += 1
        self._watcher.host_done(host)

    def _begin(self, failed: Callable[[OSError], None]) -> Writer:
        """Opens the folder to write, and lets nobody else."""
        writer = None
        try:
            files.make_folder(self.directory)
            self.narrowed = contents.narrow(self.directory)
            self._judged = ready(self.directory, self.places) if self.resume else 1
            writer = Writer(self.directory, self._judged, failed)
            if self._there() != self._found:
                raise SurveyError(f"{self.directory} was written by another process since we looked: start once more")
            manifest.write(self.directory, self._manifest("running", self._before_this_run()))
            begun = whole.listed(self.directory, self._judged)
            judged.write(
                self.directory,
                self._judged,
                Judged(judge(self.places), datetime.now(UTC), state="surveying", parts=begun),
            )
        except BaseException as error:
            if writer is not None:
                writer.unlock()
            if isinstance(error, BlockingIOError):
                raise SurveyError(f"{self.directory} is being written by another process") from None
            if isinstance(error, OSError):
                raise SurveyError(f"{self.directory} cannot be written ({_named(error)})") from None
            raise
        return writer

    def _there(self) -> object:
        """What another process changes that surveys into the folder: the manifest, and the parts of the facts."""
        try:
            return manifest.read_bytes(self.directory), whole.listed(self.directory)
        except FileNotFoundError:
            return None

    def _broken_off(self, error: BaseException) -> BrokenOff:
        return BrokenOff(
            f"{self.directory} could not be written ({_named(error)}): the survey was broken off. What was flushed is kept;"
            " go on with --resume"
        )

    async def _review(self, asker: Asker, writer: Writer) -> None:
        """Once all hosts are asked. Not again where nothing was asked since the last time."""
        if self._to_review and self.hosts_done == self.total:
            writer.flush()
            dataset = Dataset(self.directory, self._judged)
            writer.links(await review.compare(dataset, asker.sketch, self.sketches.studies))
            self._conclude_all(dataset, writer)
            if self.scope.depth.reaches(Depth.PROFILE):
                people, resumed = self.sketches.patients, bool(self._before)
                self._patient_ids = review.patient_ids(dataset, people, resumed=resumed)
            self._to_review, self._compared, self._reviewed = False, True, dataset

    def _conclude_all(self, dataset: Dataset, writer: Writer) -> None:
        """What all archives show together, once their links are kept. The dataset has it then."""
        dataset.renew()
        writer.reviews(all_together(dataset))
        dataset.renew()

    def _close(self, writer: Writer) -> Manifest:
        try:
            writer.flush()
            dataset = self._reviewed or Dataset(self.directory, self._judged)
            if self._to_review:  # it ends early: what is known of all archives together is judged all the same
                links, self._compared = review.known(dataset, self.sketches.studies)
                writer.links(links)
                self._conclude_all(dataset, writer)
            ended = self._manifest(self._state(dataset), dataset)
            manifest.write(self.directory, ended)
            conclude(dataset, ended.rows, self.places)
        except OSError as error:
            raise self._broken_off(error) from None
        except NotASurvey as error:
            raise BrokenOff(f"{error}; what was flushed is kept") from None
        finally:
            writer.unlock()
        return ended

    def _before_this_run(self) -> Dataset | None:
        with suppress(NotASurvey):
            return Dataset(self.directory) if self.resume else None
        return None

    def _state(self, dataset: Dataset) -> State:
        if self.hosts_done != self.total or self._to_review:
            return "interrupted"
        return "nothing-reached" if dataset.unreached() else "done"

    def _manifest(self, state: State, dataset: Dataset | None = None) -> Manifest:
        """`dataset`: what is kept, if anything is."""
        told = Manifest(
            version=RELEASE,
            dataset=VERSION,
            state=state,
            scope=_as_used(self.scope),
            targets=tuple(map(printable, self.named)),
            digest=self._digest,
            seed=self.targets.seed,
            hosts=self.total,
            hosts_done=self.hosts_done,
            started=self._started,
            ended=None if state == "running" else datetime.now(UTC),
            outcomes={},
            connections=0,
            rows=(),
            patient_ids=self._patient_ids,
            compared=self._compared,
            parts=whole.listed(self.directory),
            begun=self._begun,
            seconds=self._seconds + (0.0 if state == "running" else (datetime.now(UTC) - self._begun).total_seconds()),
            dropped=dict(self.targets.told.dropped),
            opted_out=len(self.scope.opted_out),
            sources=None if state == "running" else self._sources,  # a run that is killed leaves none
            shared=self.asks is not Here,
        )
        if dataset is None:
            return told
        return msgspec.structs.replace(
            told,
            outcomes=dataset.outcomes(),
            connections=dataset.connections(),
            lookups=dataset.lookups(),
            rows=dataset.totals(told),
            by_country=dataset.by_country(told),
            alike=dataset.alike(),
            kept=dataset.counts(judged=False) if state != "running" else {},
        )


def _settle(loop: asyncio.AbstractEventLoop, broken: asyncio.Future[OSError], error: OSError) -> None:
    """From the thread that writes."""

    def tell() -> None:
        if not broken.done():
            broken.set_result(error)

    with suppress(RuntimeError):  # the loop is over
        loop.call_soon_threadsafe(tell)


async def _raise(broken: asyncio.Future[OSError]) -> None:
    raise await broken


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _named(error: BaseException) -> str:
    return getattr(error, "strerror", None) or type(error).__name__


def _who_and_how_deep(scope: ScopeAsUsed) -> ScopeAsUsed:
    """What a resumed survey must share with its beginning; it may go on later, slower or faster."""
    return msgspec.structs.replace(
        scope, name="", expires=None, pace={}, caps={}, census={}, memory={}, exclude=(), opted_out=(), lists={}
    )


def _given_back(before: ScopeAsUsed, now: Scope) -> str:
    """An exclusion of the beginning of a survey that no longer holds; empty if there is none."""
    for version in (4, 6):
        held = Intervals.of([ends(n) for n in map(plain_network, now.exclude) if n.version == version])
        for text in before.exclude:
            try:
                network = plain_network(ip_network(text))
            except ValueError:  # a folder of somebody else
                return printable(text[:80])
            if network.version == version and Intervals((ends(network),)).less(held).size:
                return text
    return ""


def _as_used(scope: Scope) -> ScopeAsUsed:
    return ScopeAsUsed(
        name=scope.name,
        networks=tuple(map(str, scope.networks)),
        exclude=tuple(map(str, scope.exclude)),
        opted_out=tuple(map(str, scope.opted_out)),
        depth=str(scope.depth),
        expires=scope.expires,
        authority=scope.authority,
        reference=scope.reference,
        basis=scope.basis,
        contact=scope.contact,
        called_titles=scope.called_titles,
        dimse_ports=scope.dimse_ports,
        dimse_tls_ports=scope.dimse_tls_ports,
        web_ports=scope.web_ports,
        web_tls_ports=scope.web_tls_ports,
        qido_record=scope.qido_record,
        pace=asdict(scope.pace),
        caps=asdict(scope.caps),
        census=asdict(scope.census),
        names=scope.names,
        memory=asdict(scope.memory),
        reverse_names=scope.reverse_names,
        lists=dict(scope.lists),
        retrievals=asdict(scope.retrievals),
    )
