"""What a letter says, in its language: short, facts, one remedy for each product, and how to make sure who writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple

from filmbadge.catalogue.countries import Law, countries
from filmbadge.catalogue.findings import Severity
from filmbadge.model import Appearance, FindingCode, Kind, Provenance
from filmbadge.tell.language import N_, NN_
from filmbadge.tell.notices.contacts import Contact, Role
from filmbadge.tell.notices.ledger import Kind as Letters
from filmbadge.tell.notices.ledger import Told
from filmbadge.tell.notices.plan import Mail, address
from filmbadge.tell.remedy import Step
from filmbadge.tell.view import ArchiveView, FindingView, Number
from filmbadge.tell.words import Words

_PERSONAL = frozenset(map(str, (FindingCode.PERSONAL_DATA, FindingCode.SSN_RECORDS, FindingCode.NATIONAL_IDENTIFIERS)))
_ADVISORY = str(FindingCode.ADVISORY)
_APART = frozenset({_ADVISORY, str(FindingCode.PERSONAL_DATA)})
_GRAVE = (Severity.CRITICAL, Severity.HIGH)  # findings that a letter names
FIGURES = ("patients", "studies", "images")
_PROTOCOLS = {"dimse": "DICOM", "http": "HTTP"}
_NAMED = 6  # addresses in one line
_COMMANDS = 3
_KINDS = 7  # in one letter, so that it stays on one page
_HEADS = {
    Letters.FIRST: NN_("Open archive of medical images at {address}", "{n:,} open archives of medical images"),
    Letters.REMINDER: NN_(
        "Still open: archive of medical images at {address}", "Still open: {n:,} archives of medical images"
    ),
    Letters.THANKS: NN_(
        "Closed now: archive of medical images at {address}", "Closed now: {n:,} archives of medical images"
    ),
}
# No legal advice: where the law stands, and whose business it is to apply it.
_GDPR = N_(
    "Articles 33 and 34 of the General Data Protection Regulation (GDPR) say when a breach of personal data is to be reported to the supervisory authority (within 72 hours of becoming aware of it), and when to the patients."
)
_NIS2 = N_(
    "For health services, Article 23 of the NIS2 Directive has periods of its own: 24 hours, 72 hours and one month."
)
_UK_GDPR = N_(
    "Articles 33 and 34 of the UK GDPR say when a breach of personal data is to be reported to the Information Commissioner (within 72 hours of becoming aware of it), and when to the patients."
)
_HIPAA = N_(
    "The HIPAA rules (45 CFR 164.404 to 164.408) say when a breach of health information is to be reported to the patients and to the Department of Health and Human Services: at most 60 days after it was discovered."
)
_DUTIES: Mapping[Law, str] = {Law.EEA: _GDPR, Law.EU: _NIS2, Law.UK: _UK_GDPR, Law.US: _HIPAA}


class Sender(NamedTuple):
    """Who writes: the authority of the survey, as its scope names it."""

    authority: str
    mailbox: str
    mandate: str  # the scope's own reference; may be empty
    sources: tuple[str, ...] = ()  # addresses that the questions came from; empty: not kept


class Survey(NamedTuple):
    """When it was asked, the survey and each archive; and which of them are one."""

    began: datetime
    ended: datetime | None
    asked: Mapping[str, datetime]  # by id of the archive
    known_as: Mapping[
        str, str
    ] = {}  # by id of the archive: the id that the survey has for it, where it stands at two hosts


class Row(NamedTuple):
    """One archive in the table of a letter."""

    address: str
    ways: str
    product: str
    asked: str
    figures: tuple[str, ...]  # patients, studies, images; empty at an abuse desk
    before: str  # when it was written about last; empty: never
    lines: tuple[str, ...]  # all but the address, for plain text


class Part(NamedTuple):
    """A headline, and what stands below it."""

    title: str
    paragraphs: tuple[str, ...] = ()
    # A sentence each, what is typed, line by line, and that it was not tried
    steps: tuple[tuple[str, tuple[str, ...], str], ...] = ()
    commands: tuple[str, ...] = ()
    enclosed: bool = False  # how to close it, which stands behind the signature on paper


class Letter(NamedTuple):
    kind: Letters
    role: Role
    language: str
    reference: str
    day: str
    subject: str
    sender: Sender
    contact: Contact
    opening: tuple[str, ...]
    heads: tuple[str, ...]  # of the table; empty: there is none
    rows: tuple[Row, ...]
    parts: tuple[Part, ...]
    farewell: str
    behind: str  # on paper, where to look for how to close it; empty: nothing stands there
    labels: tuple[str, ...]  # reference, date
    foot: str  # of every page: the reference, and for whom it is

    @property
    def dated(self) -> bool:
        """Whether the table has a column for the last letter."""
        return any(row.before for row in self.rows)


def compose(mail: Mail, sender: Sender, survey: Survey, reference: str, today: date, words: Words) -> Letter:
    """The letter in the language of `words`."""
    day = words.date(datetime(today.year, today.month, today.day))
    writer = _Writer(mail, sender, survey, reference, words)
    parts = tuple(writer.parts())
    return Letter(
        kind=mail.kind,
        role=mail.contact.role,
        language=words.code,
        reference=reference,
        day=day,
        subject=writer.subject(),
        sender=sender,
        contact=mail.contact,
        opening=tuple(writer.opening()),
        heads=tuple(writer.heads()),
        rows=tuple(map(writer.row, mail.archives)),
        parts=parts,
        farewell=words.say("Yours faithfully,"),
        behind=words.say("More on how to close it is written below the signature.")
        if any(part.enclosed for part in parts)
        else "",
        labels=(
            words.say("{label}: {value}", label=words.say("Reference"), value=reference),
            words.say("{label}: {value}", label=words.say("Date"), value=day),
        ),
        foot=words.say("{reference} · for the addressee alone", reference=reference),
    )


class _Writer:
    """One letter's sentences."""

    def __init__(self, mail: Mail, sender: Sender, survey: Survey, reference: str, words: Words) -> None:
        self._mail, self._sender, self._survey = mail, sender, survey
        self._reference, self._words, self._say = reference, words, words.say
        self._desk = mail.contact.role is Role.DESK
        self._before = {one.archive.id: one.last for one in mail.again}
        self._hosts: dict[str, list[str]] = {}  # of each archive
        for archive in mail.archives:
            self._hosts.setdefault(survey.known_as.get(archive.id, archive.id), []).append(address(archive))
        self._about = [address(archive) for archive in mail.archives] or [_host(row) for row in mail.closed]

    def subject(self) -> str:
        one, more = _HEADS[self._mail.kind]
        n = len(self._hosts or self._mail.closed)
        return self._words.many(one, more, n, address=self._about[0])

    def opening(self) -> Iterator[str]:
        yield self._say("Dear Sir or Madam,")
        if self._mail.archives:
            yield " ".join(self._found())
        if self._mail.closed:
            yield " ".join(self._thanks())

    def _found(self) -> Iterator[str]:
        n = len(self._hosts)
        if self._mail.again:
            written = min(one.last.day for one in self._mail.again)
            yield self._say("We wrote to you on {date}.", date=self._date(written))
            yield self._words.many(
                "The archive of medical images below still answers anybody who asks.",
                "The {n:,} archives of medical images below answer anybody who asks.",
                n,
            )
        else:
            yield self._say("We ask on the internet which archives of medical images answer strangers.")
            yield self._where_it_stands(n)
        for hosts in (hosts for hosts in self._hosts.values() if len(hosts) > 1):
            yield self._say("{addresses} lead to one archive, which counts once.", addresses=self._some(hosts))
        if self._desk:
            yield self._words.many(
                "We do not know who runs it: please pass this letter on to your customer.",
                "We do not know who runs them: please pass this letter on to your customers.",
                n,
            )
        yield self._say("We gave no password, tried none, changed nothing, and kept no data of a patient.")
        if sources := self._sender.sources:
            yield self._say("Our questions came from {addresses}.", addresses=self._some(sources))

    def _where_it_stands(self, n: int) -> str:
        if self._desk:
            return self._words.many(
                "The one below does, and stands in a network that your desk answers for.",
                "The {n:,} below do, and stand in networks that your desk answers for.",
                n,
            )
        return self._words.many(
            "The one below does, and stands at an address of yours.",
            "The {n:,} below do, and stand at addresses of yours.",
            n,
        )

    def _thanks(self) -> Iterator[str]:
        hosts = list(dict.fromkeys(_host(row) for row in self._mail.closed))
        written = min(row.day for row in self._mail.closed)
        n = len(self._mail.closed)
        yield self._words.many(
            "On {date} we wrote to you about an archive of medical images at {addresses}.",
            "On {date} we wrote to you about {n:,} archives of medical images at {addresses}.",
            n,
            date=self._date(written),
            addresses=self._some(hosts),
        )
        yield self._words.many(
            "We asked again on {date}: it no longer gives records to strangers.",
            "We asked again on {date}: they no longer give records to strangers.",
            n,
            date=self._words.date(self._survey.began),
        )
        yield self._say("Thank you.")

    def heads(self) -> Iterator[str]:
        if not self._mail.archives:
            return
        yield self._say("Address")
        yield self._say("Product")
        yield self._say("Asked on")
        if not self._desk:
            yield from (self._say("Patients"), self._say("Studies"), self._say("Images"))
        if self._before:
            yield self._say("Last letter")

    def row(self, archive: ArchiveView) -> Row:
        last = self._before.get(archive.id)
        asked = self._survey.asked.get(archive.id, self._survey.began)
        product = self._words.product(archive.product, archive.product_version, archive.product_firm)
        figures = () if self._desk else tuple(self._figure(archive.counts[name]) for name in FIGURES)
        before = self._date(last.day) if last else ""
        product = product if archive.product else self._say("not known")
        cells = (product, self._words.time(asked), *figures, before)
        return Row(
            address=address(archive),
            ways=", ".join(dict.fromkeys(self._port(url) for url in archive.endpoints)),
            product=product,
            asked=self._words.time(asked),
            figures=figures,
            before=before,
            lines=tuple(
                self._say("{label}: {value}", label=head, value=cell)
                for head, cell in zip(tuple(self.heads())[1:], cells, strict=False)
                if cell
            ),
        )

    def _port(self, url: str) -> str:
        protocol, _, rest = url.partition("://")
        name = _PROTOCOLS.get(protocol, protocol)
        return self._say("{protocol} port {port}", protocol=name, port=rest.rpartition(":")[2])

    def _figure(self, number: Number) -> str:
        if number.value is None:
            return self._say("at least {n:,}", n=number.at_least) if number.at_least else self._say("not known")
        if number.how == Provenance.ESTIMATED:
            return self._say("about {n:,}", n=number.value)
        return self._words.number(number.value)

    def parts(self) -> Iterator[Part]:
        if self._mail.archives:
            yield Part(self._say("What anybody gets"), tuple(self._gets()))
            if not self._desk:
                yield from self._remedies()
        yield Part(self._say("Who writes"), tuple(self._who()))
        if self._mail.archives and not self._desk and (duties := tuple(self._duties())):
            yield Part(self._say("Duties"), (" ".join(duties),))
        yield Part(self._say("If you do not want to be asked"), (self._opt_out(),))

    def _gets(self) -> Iterator[str]:
        """Each finding that is grave enough, and where; then the kinds of data."""
        found: dict[str, list[ArchiveView]] = {}
        for archive in self._mail.archives:
            for finding in archive.findings:
                if self._told(finding) and archive not in found.setdefault(self._sentence(finding), []):
                    found[self._sentence(finding)].append(archive)
        yield from (self._where(sentence, held) for sentence, held in found.items())
        advisories = {
            one.about: None for archive in self._mail.archives for one in archive.findings if one.code == _ADVISORY
        }
        if advisories:
            yield self._say("Published vulnerabilities of the software there: {ids}.", ids=", ".join(advisories))
        if not self._desk and (kinds := self._kinds()):
            yield self._say("Data of persons in the records: {kinds}.", kinds=kinds)

    def _told(self, finding: FindingView) -> bool:
        """Kinds of data and vulnerabilities stand in sentences of their own. A desk is told nothing of what records hold."""
        if finding.code in _APART or (self._desk and finding.code in _PERSONAL):
            return False
        return finding.severity in _GRAVE

    def _sentence(self, finding: FindingView) -> str:
        """One archive has sentences. Of several, a sentence that begins with `it` would not say which."""
        return finding.words if len(self._mail.archives) == 1 else finding.title

    def _where(self, sentence: str, held: Sequence[ArchiveView]) -> str:
        if len(self._mail.archives) == 1:
            return sentence
        if len(held) == len(self._mail.archives):
            return self._say("{finding}: all of them.", finding=sentence)
        return self._say("{finding}: {addresses}.", finding=sentence, addresses=self._some(map(address, held)))

    def _kinds(self) -> str:
        found = {
            kind: None
            for archive in self._mail.archives
            for kind, view in (archive.kinds or {}).items()
            if (view.records or view.at_least) and view.looks != Appearance.SYNTHETIC
        }
        return self._some((self._words.kind(kind) for kind in Kind if kind in found), _KINDS)

    def _remedies(self) -> Iterator[Part]:
        """The first step stands in the letter, if it is the same for all. Archives that are closed in one way share a part."""
        alike: dict[tuple[Step, ...], list[ArchiveView]] = {}
        for archive in self._mail.archives:
            if steps := archive.close_it.steps:
                alike.setdefault(steps, []).append(archive)
        if len(alike) == 1:
            (steps,) = alike
            yield Part(self._say("Close it:"), steps=_typed(steps[:1]))
            yield Part(self._say("Close it further:"), steps=_typed(steps[1:]), enclosed=True)
        else:
            for steps, held in alike.items():
                title = self._say("Close it ({addresses}):", addresses=self._some(map(address, held)))
                yield Part(title, steps=_typed(steps), enclosed=True)
        if commands := self._commands():
            yield Part(self._say("Check again, from outside of your network:"), commands=commands, enclosed=True)

    def _commands(self) -> tuple[str, ...]:
        """A command for each of the first archives."""
        commands = (archive.close_it.check_again for archive in self._mail.archives)
        return tuple(dict.fromkeys(filter(None, commands)))[:_COMMANDS]

    def _who(self) -> Iterator[str]:
        named = {"authority": self._sender.authority, "contact": self._sender.mailbox, "reference": self._reference}
        if self._sender.mandate:
            yield self._say(
                "This letter is from {authority}, whose own reference is {mandate}. To make sure of that, ask {authority} by a way that you find yourself, and name {reference}. Questions reach us at {contact}.",
                **named,
                mandate=self._sender.mandate,
            )
        else:
            yield self._say(
                "This letter is from {authority}. To make sure of that, ask {authority} by a way that you find yourself, and name {reference}. Questions reach us at {contact}.",
                **named,
            )
        contact = self._mail.contact
        if contact.source and contact.date:
            at = datetime.fromisoformat(contact.date)
            yield self._say(
                "We have your address from: {source}, {date}.", source=contact.source, date=self._words.date(at)
            )
        elif contact.source:
            yield self._say("We have your address from: {source}.", source=contact.source)

    def _duties(self) -> Iterator[str]:
        """Each law of the countries that the archives stand in, once."""
        rows = [countries().get(archive.place.country or "") for archive in self._mail.archives]
        laws = {law for row in rows if row is not None for law in row.member}
        told = [self._say(text) for law, text in _DUTIES.items() if law in laws]
        if told:
            yield from told
            yield self._say("Whether they apply here is yours to judge: this is no legal advice.")

    def _opt_out(self) -> str:
        return self._say(
            "Write to {contact} and name the addresses or networks: we leave them alone from then on. That does not close an archive.",
            contact=self._sender.mailbox,
        )

    def _some(self, what: Iterable[str], most: int = _NAMED) -> str:
        """The first of them, and how many more there are."""
        every = list(dict.fromkeys(what))
        named = ", ".join(every[:most])
        more = len(every) - most
        return (
            named if more <= 0 else self._words.many("{some} and {n:,} more", "{some} and {n:,} more", more, some=named)
        )

    def _date(self, day: date) -> str:
        return self._words.date(datetime(day.year, day.month, day.day))


def _typed(steps: Iterable[Step]) -> tuple[tuple[str, tuple[str, ...], str], ...]:
    return tuple((step.words, step.type, step.untried) for step in steps)


def _host(row: Told) -> str:
    return row.archive.rpartition(":")[0]
