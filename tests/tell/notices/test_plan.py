"""Who is written to, about what, and when: never twice about the same, and never on what is not proven."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from filmbadge.model import OrthancFacts, Refusal
from filmbadge.tell.notices.contacts import Contacts
from filmbadge.tell.notices.ledger import Kind, Told
from filmbadge.tell.notices.plan import LEAST_DAYS, Fate, Mail, Plan, State, plan
from filmbadge.tell.view import ArchiveView
from support.factories import EMPTY, admitted, dimse, web
from support.written import BEGAN, contacts, view
from tell.notices.test_ledger import ROW

TODAY = date(2026, 11, 26)
ROWS = ("192.0.2.0/24,,Klinik,pacs@klinik.test,,,,,", "198.51.100.0/24,,Praxis,pacs@praxis.test,,,,,")


@pytest.fixture
def table(tmp_path: Path) -> Contacts:
    return contacts(tmp_path, *ROWS)


def told(archive: ArchiveView, table: Contacts, kind: Kind = Kind.FIRST, days: int = 0) -> Told:
    """A row that was written so many days before the first of these surveys began."""
    contact = table.of(archive.id.rpartition(":")[0])
    assert contact is not None
    return replace(
        ROW,
        kind=kind,
        recipient=contact.id,
        archive=archive.id,
        endpoints=" ".join(archive.endpoints),
        day=BEGAN.date() - timedelta(days),
        began=BEGAN - timedelta(days + 1),
    )


def planned(
    archives: Sequence[ArchiveView],
    table: Contacts,
    rows: Sequence[Told] = (),
    fates: Mapping[str, Fate] | None = None,
    today: date = TODAY,
) -> Plan:
    return plan(archives, table, rows, fates or {}, began=BEGAN, today=today)


def the_one(made: Plan) -> Mail:
    (mail,) = made.mails
    return mail


def fate(archive: ArchiveView, state: State, *now: ArchiveView) -> dict[str, Fate]:
    return dict.fromkeys(archive.endpoints, Fate(state, tuple(url for one in now for url in one.endpoints)))


def test_one_letter_to_each_recipient_with_all_its_archives(table: Contacts) -> None:
    archives = [view(address) for address in ("192.0.2.7", "198.51.100.1", "192.0.2.9", "203.0.113.1")]
    made = planned(archives, table)
    assert [(mail.contact.name, mail.kind, [one.id for one in mail.archives]) for mail in made.mails] == [
        ("Klinik", Kind.FIRST, ["192.0.2.7:4242", "192.0.2.9:4242"]),
        ("Praxis", Kind.FIRST, ["198.51.100.1:4242"]),
    ]
    assert [one.id for one in made.without_contact] == ["203.0.113.1:4242"]


def test_rows_that_name_one_mailbox_are_one_recipient(tmp_path: Path) -> None:
    table = contacts(tmp_path, ROWS[0], "198.51.100.0/24,,Klinik (Praxis),PACS@klinik.test,,,,,")
    assert len(the_one(planned([view("192.0.2.7"), view("198.51.100.1")], table)).archives) == 2


def test_nobody_is_written_to_about_a_decoy_or_an_archive_that_gives_nothing(table: Contacts) -> None:
    decoy = replace(view("192.0.2.7"), decoy=("it answers as honeypot software does",))
    shut = view("192.0.2.8", dimse(replace(admitted(), accepted=False)))
    empty, locked = (
        view("192.0.2.9", dimse(admitted(EMPTY))),
        view("192.0.2.10", web(OrthancFacts(status=401, is_orthanc=True, version="1.0"))),
    )
    made = planned([decoy, shut, empty, locked], table)
    assert (made.mails, made.without_contact) == ([], [])


def test_the_same_survey_tells_nobody_twice_however_late_it_is(table: Contacts) -> None:
    archive = view("192.0.2.7")
    row = replace(told(archive, table), began=BEGAN, day=TODAY)
    for today in (TODAY, TODAY + timedelta(1000)):
        made = planned([archive], table, [row], today=today)
        assert (made.mails, made.told) == ([], 1)


@pytest.mark.parametrize("days", [0, 1, 53, 54, 55, 500])
def test_a_reminder_when_a_later_survey_still_finds_it_and_not_too_early(days: int, table: Contacts) -> None:
    archive = view("192.0.2.7")
    made = planned([archive], table, [told(archive, table, days=days)])
    since = (TODAY - BEGAN.date()).days + days
    if since < LEAST_DAYS or not days:
        assert (made.mails, made.told) == ([], 1)
    else:
        assert the_one(made).kind is Kind.REMINDER


def test_a_reminder_holds_all_that_is_open_and_a_new_archive_alone_is_a_first_letter(table: Contacts) -> None:
    old, late, new = (view(f"192.0.2.{n}") for n in (7, 8, 9))
    rows = [told(old, table, days=80), told(late, table, days=3)]
    reminder = the_one(planned([old, late, new], table, rows))
    assert (reminder.kind, len(reminder.again), reminder.new) == (Kind.REMINDER, 2, [new])
    first = the_one(planned([late, new], table, rows[1:]))
    assert (first.kind, first.archives) == (Kind.FIRST, [new])


def test_thanks_for_what_is_shown_to_be_closed_and_once(table: Contacts) -> None:
    archive = view("192.0.2.7")
    row = told(archive, table, days=9)
    mail = the_one(planned([], table, [row], fate(archive, State.CLOSED)))
    assert (mail.kind, mail.closed) == (Kind.THANKS, [row])
    thanked = replace(row, kind=Kind.THANKS)
    assert planned([], table, [row, thanked], fate(archive, State.CLOSED)).mails == []


@pytest.mark.parametrize("fates", [True, False])
def test_neither_reminder_nor_thanks_where_nothing_is_shown(fates: bool, table: Contacts) -> None:
    archive = view("192.0.2.7")
    made = planned([], table, [told(archive, table, days=80)], fate(archive, State.UNKNOWN) if fates else None)
    assert (made.mails, made.not_known) == ([], 1)


def test_an_archive_that_opened_again_is_told_as_a_new_one(table: Contacts) -> None:
    archive = view("192.0.2.7")
    rows = [told(archive, table, days=300), told(archive, table, Kind.THANKS, days=100)]
    assert the_one(planned([archive], table, rows)).kind is Kind.FIRST


def test_one_that_moved_is_followed_and_one_that_lost_a_port_too(table: Contacts) -> None:
    was, now = view("192.0.2.7"), view("192.0.2.77")
    row = told(was, table, days=80)
    mail = the_one(planned([now], table, [row], fate(was, State.OPEN, now)))
    assert [(one.archive.id, one.last) for one in mail.again] == [("192.0.2.77:4242", row)]
    less = replace(was, id="192.0.2.7:8042", endpoints=("http://192.0.2.7:8042",))
    assert the_one(planned([less], table, [row])).kind is Kind.REMINDER


def test_what_is_closed_at_one_of_its_ways_only_is_not_thanked_for(table: Contacts) -> None:
    archive = view("192.0.2.7")
    one, other = archive.endpoints
    fates = {one: Fate(State.CLOSED), other: Fate(State.UNKNOWN)}
    assert planned([], table, [told(archive, table, days=80)], fates).mails == []


def test_another_contact_for_the_same_archive_is_told_for_the_first_time(table: Contacts, tmp_path: Path) -> None:
    archive = view("192.0.2.7")
    other = contacts(tmp_path, "192.0.2.0/24,,Klinik,office@klinik.test,,,,,")
    assert the_one(planned([archive], other, [told(archive, table, days=1)])).kind is Kind.FIRST


def test_no_letter_is_older_than_its_survey(table: Contacts) -> None:
    with pytest.raises(Refusal, match="no letter about it can be dated 2026-11-19"):
        planned([view("192.0.2.7")], table, today=BEGAN.date() - timedelta(1))


def test_parts_of_an_archive_that_was_told_are_not_told_again(table: Contacts) -> None:
    one, other = view("192.0.2.7"), view("192.0.2.8")
    row = replace(told(one, table), endpoints=" ".join((*one.endpoints, *other.endpoints)))
    for fates in ({}, fate(one, State.OPEN, one)):
        made = planned([one, other], table, [row], fates)
        assert (made.mails, made.told) == ([], 2)


def test_archives_that_became_one_are_not_thanked_for_nor_told_too_early(table: Contacts) -> None:
    one, other = view("192.0.2.7"), view("192.0.2.8")
    both = replace(one, endpoints=(*one.endpoints, *other.endpoints))
    for days in ((500, 0), (0, 500)):
        rows = [told(archive, table, days=n) for archive, n in zip((one, other), days, strict=True)]
        made = planned([both], table, rows, fate(one, State.CLOSED) | fate(other, State.OPEN, both))
        assert (made.mails, made.told, made.not_known) == ([], 1, 0)


def test_another_archive_at_its_address_gets_a_first_letter_and_no_reminder(table: Contacts) -> None:
    was, now = view("192.0.2.7"), view("192.0.2.7")
    made = planned([now], table, [told(was, table, days=80)], fate(was, State.REPLACED))
    assert (the_one(made).kind, the_one(made).again, made.not_known) == (Kind.FIRST, [], 1)


def test_no_thanks_where_a_told_way_in_is_not_in_the_comparison(table: Contacts) -> None:
    archive = view("192.0.2.7")
    row = told(archive, table)
    row = replace(row, endpoints=f"{row.endpoints} http://192.0.2.7:8099")
    closed = fate(archive, State.CLOSED)
    made = planned([], table, [row], closed)
    assert (made.mails, made.not_known) == ([], 1)
    made = planned([], table, [row], closed | {"http://192.0.2.7:8099": Fate(State.CLOSED)})
    assert the_one(made).kind is Kind.THANKS
