"""Judges what a survey kept once more, without asking anybody: with the same judge, the verdicts are the same."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from filmbadge.catalogue.digest import digest
from filmbadge.conclude.review import review
from filmbadge.judge import archives
from filmbadge.judge.findings import findings
from filmbadge.keep import files, judged, kept, parts, whole
from filmbadge.keep.batch import Rows, judge_rows
from filmbadge.keep.files import Damaged
from filmbadge.keep.judged import Judge, Judged
from filmbadge.keep.reader import Dataset, NotASurvey, NotJudged, read_manifest
from filmbadge.keep.schema import FACTS, OF_HOSTS, REVIEWS, place, review_row
from filmbadge.keep.writer import write, write_reviews
from filmbadge.model import NOWHERE, Place, Refusal, Total
from filmbadge.places import PACKAGED, Places
from filmbadge.places.source import Used
from filmbadge.version import RELEASE


def judge(places: Places = PACKAGED) -> Judge:
    """The judge that this version is, with these places."""
    return Judge(RELEASE, FACTS, digest(), places.digest, places.used)


def judge_again(directory: Path, places: Places = PACKAGED) -> int:
    """Judges all that was kept, into `judged/N/`, and returns N. Raises Refusal."""
    read_manifest(directory)
    try:
        lock = parts.Lock(directory)
    except BlockingIOError:
        raise Refusal(f"{directory} is being written by another process") from None
    try:
        return _into_folder(directory, places)
    except OSError as error:
        raise Refusal(f"{directory} cannot be written ({error.strerror or type(error).__name__})") from None
    finally:
        lock.close()


def _into_folder(directory: Path, places: Places) -> int:
    number = _next(directory)
    shutil.rmtree(judged.folder(directory, number), ignore_errors=True)  # of a judgement that was broken off
    judged.write(directory, number, Judged(judge(places), datetime.now(UTC), state="judging"))
    last = 0
    for table in (*OF_HOSTS, REVIEWS):
        files.make_folder(table.folder(directory, number))
    for last, rows in _rows(directory, places):
        for table in OF_HOSTS:
            if rows[table.name]:
                write(table.folder(directory, number), last, table, rows[table.name])
    dataset = Dataset(directory, number)
    write_reviews(REVIEWS.folder(directory, number), last + 1, review(dataset))
    dataset.renew()
    dataset.require_whole()  # else totals of what is left would be told as those of the survey
    conclude(dataset, dataset.totals(), places)
    return number


def _next(directory: Path) -> int:
    """The number after the last: one that was broken off is made again, one that is damaged stays as it is."""
    for number in judged.numbers(directory):
        try:
            said = judged.read(directory, number, older=True)
        except Damaged:
            return number + 1
        if said is not None and said.state != "judging":
            return number + 1
    return 1


def conclude(dataset: Dataset, totals: tuple[Total, ...], places: Places = PACKAGED) -> None:
    """All is judged: `judged.json` says by whom, how much, and the totals. From now on readers take it."""
    assert isinstance(dataset.judged, int)
    made = whole.listed(dataset.directory, dataset.judged)
    done = Judged(judge(places), datetime.now(UTC), dataset.counts(judged=True), totals, parts=made)
    judged.write(dataset.directory, dataset.judged, done)


def opened(directory: Path) -> Dataset:
    """The survey with its newest judgement. One that holds facts only is judged here, and nothing is written."""
    try:
        return Dataset(directory)
    except NotJudged:
        told = read_manifest(directory)
        if told.dataset >= whole.SINCE and told.state != "running":
            raise  # it was judged, and that is lost
        return _in_memory(directory)


def today(directory: Path) -> Dataset:
    """The survey as this version judges it: nothing is written. Where addresses stand stays as it was said. Raises Refusal."""
    kept = opened(directory)
    kept.require_whole()
    said = kept.said
    if said is None or (said.judge.version, said.judge.facts, said.judge.catalogue) == (RELEASE, FACTS, digest()):
        return kept
    return _in_memory(directory, _AsSaid(kept))


class _AsSaid(Places):
    """Places as an older judgement has them."""

    def __init__(self, dataset: Dataset) -> None:
        rows = dataset.rows("SELECT DISTINCT address, place FROM endpoints WHERE place IS NOT NULL")
        self._said = {str(row["address"]): place(row) for row in rows}
        super().__init__()

    def of(self, address: str) -> Place:
        return self._said.get(address, NOWHERE)


def _in_memory(directory: Path, places: Places = PACKAGED) -> Dataset:
    tables = {table.name: [table.arrow.empty_table()] for table in OF_HOSTS}
    for _, rows in _rows(directory, places):
        for table in OF_HOSTS:
            tables[table.name].append(table.filled(rows[table.name]))
    made = {name: pa.concat_tables(found) for name, found in tables.items()}
    found = review(Dataset(directory, made | {REVIEWS.name: REVIEWS.arrow.empty_table()}))
    reviews = REVIEWS.filled([review_row(one, datetime.now(UTC)) for one in found])
    return Dataset(directory, made | {REVIEWS.name: reviews})


def _rows(directory: Path, places: Places) -> Iterator[tuple[int, Rows]]:
    """What is judged, by table, for each part of what was observed, and under its number."""
    for number, path in kept.observed(directory).items():
        rows: Rows = {table.name: [] for table in OF_HOSTS}
        for visit in kept.visits(directory, number, path):
            host = archives.judge(visit.address, visit.observations, visit.links, visit.name, visit.fault, places)
            judge_rows(rows, host, visit.target, findings(host), visit.at)
        yield number, rows


def placed_by(directory: Path) -> tuple[Used, ...]:
    """The sources by which the newest judgement placed addresses. Empty where there is none, or by an older version."""
    try:
        number = judged.newest(directory, older=True)
        said = None if number is None else judged.read(directory, number, older=True)
    except (Damaged, OSError):
        return ()  # whoever reads the survey says so
    return () if said is None else said.judge.places


def ready(directory: Path, places: Places = PACKAGED) -> int:
    """The judgement that a survey goes on with: its newest where this judge made it, else a new one of all it kept."""
    try:
        newest = Dataset(directory)
        newest.require_whole()
    except NotASurvey:
        return judge_again(directory, places)
    number = newest.judged
    assert isinstance(number, int)
    said = newest.said
    return number if said is not None and said.judge == judge(places) else judge_again(directory, places)
