"""Decides who is written to now, and about what. Pure: a survey, the contacts and what was told before go in, letters come out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple

from filmbadge.model import Refusal
from filmbadge.tell.notices.contacts import Contact, Contacts
from filmbadge.tell.notices.ledger import Kind, Told
from filmbadge.tell.view import ArchiveView

LEAST_DAYS = 60  # between two letters about one archive: what Artemis keeps for its gravest reports


class State(StrEnum):
    """What became of an archive that was told, as a later survey shows it."""

    OPEN = "open"
    CLOSED = "closed"  # proven
    REPLACED = "replaced"  # likely: another archive stands at its address, and this one is gone
    UNKNOWN = "unknown"  # gone, not asked, or not conclusive: nobody is written to


class Fate(NamedTuple):
    state: State
    now: tuple[str, ...] = ()  # its endpoints in the later survey, if it is open there


class Again(NamedTuple):
    """An archive that was told before, and is still open."""

    archive: ArchiveView
    last: Told


@dataclass
class Mail:
    """One letter to one recipient, still without words."""

    contact: Contact
    new: list[ArchiveView] = field(default_factory=list)
    again: list[Again] = field(default_factory=list)
    closed: list[Told] = field(default_factory=list)
    before: list[Told] = field(default_factory=list)  # all that this recipient was told, the oldest first

    @property
    def kind(self) -> Kind:
        return Kind.REMINDER if self.again else Kind.FIRST if self.new else Kind.THANKS

    @property
    def archives(self) -> list[ArchiveView]:
        """Those that are open, which the letter is about."""
        return [*(one.archive for one in self.again), *self.new]

    def in_words(self, view: Callable[[ArchiveView], ArchiveView]) -> Mail:
        """The same with other views of its archives, such as in another language."""
        again = [Again(view(one.archive), one.last) for one in self.again]
        return replace(self, new=list(map(view, self.new)), again=again)


@dataclass
class Plan:
    mails: list[Mail] = field(default_factory=list)
    without_contact: list[ArchiveView] = field(default_factory=list)
    told: int = 0  # archives that were told before, and for which nothing is due yet
    not_known: int = 0  # archives that were told before, of which this survey does not show what became of them


def plan(
    archives: Iterable[ArchiveView],
    contacts: Contacts,
    told: Sequence[Told],
    fates: Mapping[str, Fate],
    *,
    began: datetime,
    today: date,
    least_days: int = LEAST_DAYS,
) -> Plan:
    """Who is written to, about archives that are open and likely no decoys. `fates` says what became of an endpoint that was open in an older survey; `began` is when this one began.

    Without fates an archive is found again by an endpoint of its own. Then nothing is known to be closed.
    Raises Refusal where the letters would be older than the survey that they tell.
    """
    if today < began.date():
        raise Refusal(f"the survey began on {began.date()}: no letter about it can be dated {today}")
    made = Plan()
    open_now = [archive for archive in archives if archive.open and not archive.decoy]
    history = _by_recipient(told)
    for contact, held in _grouped(open_now, contacts, made).items():
        rows = history.pop(contact.id, [])
        _write(made, Mail(contact, before=rows), held, fates, (began, today, least_days))
    for recipient, rows in history.items():
        found = contacts.with_id(recipient)
        if found is not None:
            _write(made, Mail(found, before=rows), [], fates, (began, today, least_days))
    return made


def address(archive: ArchiveView) -> str:
    """Its IP address."""
    return archive.id.rpartition(":")[0]


def _grouped(archives: Iterable[ArchiveView], contacts: Contacts, made: Plan) -> dict[Contact, list[ArchiveView]]:
    """Archives by recipient. Rows that name one recipient are one, with what the first says."""
    found: dict[str, tuple[Contact, list[ArchiveView]]] = {}
    for archive in archives:
        contact = contacts.of(address(archive), archive.place.operator or "")
        if contact is None:
            made.without_contact.append(archive)
        else:
            found.setdefault(contact.id, (contact, []))[1].append(archive)
    return dict(found.values())


def _by_recipient(told: Iterable[Told]) -> dict[str, list[Told]]:
    found: dict[str, list[Told]] = {}
    for row in told:
        found.setdefault(row.recipient, []).append(row)
    return found


def _write(
    made: Plan,
    mail: Mail,
    held: Sequence[ArchiveView],
    fates: Mapping[str, Fate],
    when: tuple[datetime, date, int],
) -> None:
    began, today, least_days = when
    found = list(_last(mail.before, held, fates))
    last = dict(sorted(found, key=lambda pair: pair[1].day))  # of several that became one, the newest row
    late: list[Again] = []
    for archive in held:
        row = last.get(archive.id)
        if row is None:
            mail.new.append(archive)
        else:
            due = row.began < began and row.day < began.date() and (today - row.day).days >= least_days
            (mail.again if due else late).append(Again(archive, row))
    made.told += len(late)
    found_again = {row.archive for _, row in found}
    for row in _open_threads(mail.before):
        if row.archive in found_again or row.began >= began:
            continue
        if _fate(row, fates).state is State.CLOSED:
            mail.closed.append(row)
        else:
            made.not_known += 1
    if mail.again:  # one letter has all archives of its recipient that are open
        mail.again.extend(late)
        made.told -= len(late)
    if mail.new or mail.again or mail.closed:
        made.mails.append(mail)


def _open_threads(rows: Sequence[Told]) -> Iterator[Told]:
    """The last row about each archive that was not thanked for."""
    found = {row.archive: row for row in rows}
    return (row for row in found.values() if row.kind is not Kind.THANKS)


def _last(rows: Sequence[Told], held: Sequence[ArchiveView], fates: Mapping[str, Fate]) -> Iterator[tuple[str, Told]]:
    """Archives that are open now, each with the last row about it.

    One that was told may be several now, and several may be one. What moved is followed: another may stand where it was.
    """
    ways = {endpoint: archive.id for archive in held for endpoint in archive.endpoints}
    for row in _open_threads(rows):
        fate = _fate(row, fates)
        now, then = fate.now, () if fate.state is State.REPLACED else row.endpoints.split()
        moved = any(url in ways for url in now) and not {*now} & {*then}
        for archive in dict.fromkeys(ways[url] for url in (now if moved else (*now, *then)) if url in ways):
            yield archive, row


def _fate(row: Told, fates: Mapping[str, Fate]) -> Fate:
    """An archive is closed if it is at each endpoint that was told. One of which nothing is known may still be open."""
    then = row.endpoints.split()
    found = [fates[url] for url in then if url in fates]
    closed = found[0] if found and len(found) == len(then) else Fate(State.UNKNOWN)
    return next((fate for fate in found if fate.state is not State.CLOSED), closed)
