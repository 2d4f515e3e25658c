"""Makes the letters of a plan: words, paper, message, and the rows of what they tell."""

from __future__ import annotations

import re
from base64 import b32encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import cache
from hashlib import sha256
from typing import Any, NamedTuple

from filmbadge.model import Refusal
from filmbadge.tell.mailbox import is_public, mailbox_in
from filmbadge.tell.notices import mail, paper
from filmbadge.tell.notices.contacts import Contact, Role
from filmbadge.tell.notices.languages import language
from filmbadge.tell.notices.ledger import Channel, Kind, Told
from filmbadge.tell.notices.letter import Letter, Sender, Survey, compose
from filmbadge.tell.notices.office import Made
from filmbadge.tell.notices.plan import Mail, Plan
from filmbadge.tell.view import ArchiveView
from filmbadge.tell.words import Words
from filmbadge.texts import printable

LEVEL = "owner"
_NAMED = re.compile(r"([^<>]*)<([^<>]*)>")
Reports = Callable[[Sequence[ArchiveView], Role], Sequence[Mapping[str, Any]]]  # XARF of archives, for a reader
Paper = Callable[[str], bytes]  # a page of HTML as a file


class Writing(NamedTuple):
    """All that the letters of one run have in common."""

    sender: Sender
    survey: Survey
    name: str  # of the scope
    at: datetime  # when they are written
    wanted: str  # the language, or `auto`
    paper: Paper
    suffix: str  # of a file of paper
    view: Callable[[str, Words], ArchiveView]  # an archive by its id, in a language
    reports: Reports


def sender(authority: str, contact: str, mandate: str, sources: tuple[str, ...] = (), named: str = "") -> Sender:
    """Who writes: `named`, as `NAME <MAILBOX>`, or else who the scope says. Raises Refusal where a reader could ask nobody."""
    if named:
        return Sender(*_named(named), printable(mandate.strip()), sources)
    mailbox = mailbox_in(contact)
    if not authority.strip() or not mailbox:
        raise Refusal(
            "a letter says who writes: name it as --sender 'NAME <MAILBOX>', or in the scope by 'who' and 'contact' in [authority]"
        )
    return Sender(printable(authority.strip()), mailbox, printable(mandate.strip()), sources)


def _named(text: str) -> tuple[str, str]:
    """The name and the mailbox. Raises Refusal."""
    found = _NAMED.fullmatch(text.strip())
    if found is None or not found[1].strip():
        raise Refusal(f"--sender 'NAME <MAILBOX>' says who writes, and this is not written so: {text}")
    if not is_public(found[2].strip()):
        raise Refusal(f"--sender {text}: '{found[2]}' is no e-mail address such as pacs@clinic.test")
    return printable(found[1].strip()), found[2].strip()


def letters(plan: Plan, writing: Writing) -> Iterator[Made]:
    """Each letter with its files."""
    for one in plan.mails:
        yield _made(one, writing)


def _made(one: Mail, writing: Writing) -> Made:
    contact, today = one.contact, writing.at.date()
    reference = one.before[0].reference if one.before else _reference(contact, writing)
    number = 1 + max((row.number for row in one.before), default=0)
    code = language(writing.wanted, contact, one.archives)
    words = _words(code)
    said = one.in_words(lambda archive: writing.view(archive.id, words))
    letter = compose(said, writing.sender, writing.survey, reference, today, words)
    name = f"{today.isoformat()}-{reference}-{number}-{one.kind}-{letter.language}.{LEVEL}"
    message_id = _message_id(one, reference, number, writing)
    files: dict[str, bytes] = {}
    if contact.postal:
        files[name + writing.suffix] = writing.paper(paper.html(letter))
    if contact.email:
        files[name + ".eml"] = mail.message(
            letter, writing.at, message_id, _first_id(one.before), writing.reports(one.archives, contact.role)
        )
    told = _Row(reference, number, letter, _channel(contact), message_id, " ".join(files), writing)
    return Made(files, tuple(told.rows(one, today)))


@cache
def _words(code: str) -> Words:
    try:
        return Words(code)
    except FileNotFoundError:
        raise Refusal(f"letters are not translated into '{code}' yet: choose another --language") from None


class _Row(NamedTuple):
    """What all rows of one letter have in common."""

    reference: str
    number: int
    letter: Letter
    channel: Channel
    message_id: str
    files: str
    writing: Writing

    def rows(self, one: Mail, today: date) -> Iterator[Told]:
        for archive in one.archives:
            kind = Kind.REMINDER if any(archive is again.archive for again in one.again) else Kind.FIRST
            yield self._told(one.contact, kind, archive.id, " ".join(archive.endpoints), archive.grade or "", today)
        for row in one.closed:
            yield self._told(one.contact, Kind.THANKS, row.archive, row.endpoints, row.grade, today)

    def _told(self, contact: Contact, kind: Kind, archive: str, endpoints: str, grade: str, today: date) -> Told:
        return Told(
            reference=self.reference,
            number=self.number,
            kind=kind,
            day=today,
            recipient=contact.id,
            operator=contact.name,
            role=contact.role,
            channel=self.channel,
            language=self.letter.language,
            level=LEVEL,
            archive=archive,
            endpoints=endpoints,
            grade=grade,
            survey=self.writing.name,
            began=self.writing.survey.began,
            message_id=self.message_id,
            files=self.files,
        )


def _channel(contact: Contact) -> Channel:
    if contact.postal and contact.email:
        return Channel.BOTH
    return Channel.PAPER if contact.postal else Channel.EMAIL


def _reference(contact: Contact, writing: Writing) -> str:
    """Such as FB-K3QZ-7MTA: the same for all letters to one recipient."""
    text = "\n".join((writing.sender.authority, writing.sender.mandate, contact.id))
    letters = b32encode(sha256(text.encode()).digest()).decode()
    return f"FB-{letters[:4]}-{letters[4:8]}"


def _message_id(one: Mail, reference: str, number: int, writing: Writing) -> str:
    """Its own for each letter, and the same however often that letter is made."""
    about = [archive.id for archive in one.archives] + [row.archive for row in one.closed]
    text = "\n".join((reference, str(number), writing.survey.began.astimezone(UTC).isoformat(), *sorted(about)))
    domain = writing.sender.mailbox.rpartition("@")[2]
    return f"<{reference.lower()}.{number}.{sha256(text.encode()).hexdigest()[:16]}@{domain}>"


def _first_id(before: Sequence[Told]) -> str:
    """Of the first message; empty where there was none, for a letter on paper has no such number."""
    return next((row.message_id for row in before if row.channel is not Channel.PAPER), "")
