"""`filmbadge notices`"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal

from filmbadge.cli.codes import DONE
from filmbadge.cli.console import note, require_writable, show
from filmbadge.cli.reviewed import review
from filmbadge.compare.records import By, ChangeKind
from filmbadge.compare.surveys import compare
from filmbadge.conclude.again import opened
from filmbadge.keep import manifest
from filmbadge.keep.contents import survey_of
from filmbadge.keep.reader import Dataset, telling
from filmbadge.model import Archive, JudgedEndpoint, Refusal
from filmbadge.tell import tables
from filmbadge.tell.feeds import event, xarf
from filmbadge.tell.feeds.feed import Feed, Tlp
from filmbadge.tell.feeds.feed import sender as feed_sender
from filmbadge.tell.notices import ledger, office, summary
from filmbadge.tell.notices.contacts import Contacts, Role
from filmbadge.tell.notices.letter import Survey
from filmbadge.tell.notices.letters import LEVEL, Writing, letters
from filmbadge.tell.notices.letters import sender as who_writes
from filmbadge.tell.notices.plan import LEAST_DAYS, Fate, State, plan
from filmbadge.tell.pdf import pdf
from filmbadge.tell.view import ArchiveView, archive_view
from filmbadge.tell.words import Words

_STATES = {
    ChangeKind.STILL_OPEN: State.OPEN,
    ChangeKind.WORSE: State.OPEN,
    ChangeKind.BETTER: State.OPEN,
    ChangeKind.MOVED: State.OPEN,
    ChangeKind.CLOSED: State.CLOSED,
}
_Found = tuple[Archive, list[JudgedEndpoint]]


def notices(
    directory: Path,
    /,
    *,
    contacts: Path,
    out: Path,
    language: Literal["auto", "en", "de", "fr", "es", "pt", "tr"] = "auto",
    before: Path | None = None,
    paper: Literal["pdf", "html"] = "pdf",
    sender: str = "",
    reviewed: Path | None = None,
    days: int = LEAST_DAYS,
    day: date | None = None,
) -> int:
    """Write a letter to each operator of open archives: for paper, and as a message. Nothing is sent.

    Parameters
    ----------
    directory
        The folder that a survey was kept in.
    contacts
        A CSV file that says whom to write to, with the columns network, address, operator, name, email, postal, language, role, source, date.
    out
        The folder for the letters. Its told.csv says who was told what, so that nobody is told twice.
    language
        The language of all letters. auto: that of the contact, or of the country.
    before
        The folder of an older survey about which letters were written. It shows which archives were closed since, and thanks for that.
    paper
        The kind of file for paper. pdf needs filmbadge[pdf].
    sender
        Who writes, as 'NAME <MAILBOX>'. Default: who and contact of the survey's scope.
    reviewed
        A CSV file (archive, what, by, when, operator) of what persons found out: it overrides our tags and the operator.
    days
        Least days between two letters about one archive.
    day
        The day that the letters are dated, such as 2026-11-26. Default: today.
    """
    at = _at(day)
    if days < 1:
        raise Refusal("--days must be at least 1")
    require_writable(out / ledger.NAME, out / summary.WITHOUT, read=[contacts, reviewed])
    if survey_of(out / manifest.NAME) is not None:
        raise Refusal(f"{out} is the folder of a survey: choose another one for the letters")
    table = Contacts(contacts)
    with telling(directory):
        dataset = opened(directory)
        dataset.require_whole()
        review(dataset, reviewed)
        each = list(tables.each_alone(dataset))
        found = {archive.id: (archive, group) for archive, group, _ in each}
        known_as = {archive.id: known for archive, _, known in each}
        words = Words()
        views = [archive_view(archive, group, words) for archive, group in found.values()]
    writing = _writing(dataset, found, known_as, at, language, paper, sender)
    with office.opened(out) as folder:
        made = plan(
            views,
            table,
            folder.told,
            {} if before is None else _fates(before, dataset),
            began=dataset.manifest.started,
            today=at.date(),
            least_days=days,
        )
        if made.mails:
            folder.keep(letters(made, writing))
        folder.put(summary.WITHOUT, summary.without_contact(made))
    show(summary.render(made, words))
    note(f"Wrote {len(made.mails)} letter{'' if len(made.mails) == 1 else 's'} into {out}. Nothing was sent.")
    return DONE


def _at(day: date | None) -> datetime:
    now = datetime.now(UTC).replace(microsecond=0)
    return now if day is None else datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


def _fates(before: Path, dataset: Dataset) -> Mapping[str, Fate]:
    """What became of each endpoint that an archive of the older survey had."""
    with telling(before):
        old = opened(before)
        old.require_whole()
        found = compare(old, dataset)
    fates: dict[str, Fate] = {}
    for change in found.changes:
        if change.was is not None:
            now = () if change.now is None else tuple(endpoint.url for endpoint in change.now.identity.endpoints)
            replaced = change.by is By.ANOTHER_ARCHIVE
            fate = Fate(State.REPLACED if replaced else _STATES.get(change.kind, State.UNKNOWN), now)
            fates |= {endpoint.url: fate for endpoint in change.was.identity.endpoints}
    return fates


def _writing(
    dataset: Dataset,
    found: Mapping[str, _Found],
    known_as: Mapping[str, str],
    at: datetime,
    wanted: str,
    paper: str,
    sender: str,
) -> Writing:
    told = dataset.manifest
    scope = told.scope
    writer = who_writes(scope.authority, scope.contact, scope.reference, told.sources or (), sender)
    feed = Feed(
        version=told.version,
        level=LEVEL,
        tlp=Tlp.AMBER_STRICT,
        survey=scope.name,
        depth=scope.depth,
        authority=scope.authority,
        reference=scope.reference,
        sender=feed_sender(writer.mailbox, writer.authority),
    )

    def reports(archives: Sequence[ArchiveView], role: Role) -> Sequence[Mapping[str, Any]]:
        events = (one for archive in archives for one in event.of_archive(*found[archive.id]))
        every = xarf.reports(events, feed, Words())
        return [one for one in every if role is Role.OPERATOR or one["type"] != "exposed_data"]

    return Writing(
        sender=writer,
        survey=Survey(told.started, told.ended, dict(_asked(found)), known_as),
        name=scope.name,
        at=at,
        wanted=wanted,
        paper=pdf if paper == "pdf" else str.encode,
        suffix=f".{paper}",
        view=lambda archive, words: archive_view(*found[archive], words),
        reports=reports,
    )


def _asked(found: Mapping[str, _Found]) -> Iterator[tuple[str, datetime]]:
    for archive, group in found.values():
        yield archive.id, max(judged.observation.at for judged in group)
