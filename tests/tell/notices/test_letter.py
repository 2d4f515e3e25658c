"""What a letter says: its facts, to whom which, and nothing that steers what shows it."""

from __future__ import annotations

import io
import re
from datetime import date

import pytest
from msgspec.structs import replace
from pypdf import PdfReader

from filmbadge.model import Provenance
from filmbadge.tell.language import LETTERS
from filmbadge.tell.notices import paper
from filmbadge.tell.notices.contacts import Contact, Role
from filmbadge.tell.notices.languages import LANGUAGES
from filmbadge.tell.notices.ledger import Kind
from filmbadge.tell.notices.letter import FIGURES, Letter, compose
from filmbadge.tell.notices.mail import text
from filmbadge.tell.notices.plan import Again, Mail
from filmbadge.tell.pdf import pdf
from filmbadge.tell.view import ArchiveView, Number, PlaceView
from filmbadge.tell.words import Words
from support import pseudo
from support.pdf_ua import faults
from support.written import CONTACT, ENGLISH, SENDER, SURVEY, view
from tell.notices.test_ledger import ROW
from tell.test_language import NAMES, _Text, hosts

TODAY = date(2026, 11, 26)
REFERENCE = "FB-2345-ABCD"
ONE = view("192.0.2.7")
DESK = replace(CONTACT, role=Role.DESK, source="RDAP")
_OURS = (
    REFERENCE,
    "CERT Musterland",
    "cert@cert-musterland.test",
    "M-17",
    "Klinik Süd",
    "Am Park",
    "Ort",
    "telephone book",
    "RDAP",
    "filmbadge check",
)


def letter(mail: Mail, words: Words = ENGLISH) -> Letter:
    return compose(mail, SENDER, SURVEY, REFERENCE, TODAY, words)


def said(mail: Mail, words: Words = ENGLISH) -> str:
    """In one line."""
    return " ".join(text(letter(mail, words)).split())


def test_an_archive_at_two_addresses_counts_once_and_the_letter_says_so() -> None:
    mail = Mail(CONTACT, [ONE, view("192.0.2.8"), view("192.0.2.9")])
    known = SURVEY._replace(
        known_as={archive.id: archive.id for archive in mail.archives} | {mail.archives[1].id: ONE.id}
    )
    made = compose(mail, SENDER, known, REFERENCE, TODAY, ENGLISH)
    assert made.subject.startswith("2 open archives")
    assert len(made.rows) == 3
    opening = " ".join(made.opening)
    assert "The 2 below do" in opening
    assert "192.0.2.7, 192.0.2.8 lead to one archive, which counts once." in opening


def of(country: str, archive: ArchiveView = ONE) -> ArchiveView:
    return replace(archive, place=replace(archive.place, country=country))


def test_a_first_letter() -> None:
    found = said(Mail(CONTACT, [ONE]))
    for fact in (
        REFERENCE,
        "26 November 2026",
        "192.0.2.7",
        "DICOM port 4242, HTTP port 8042",
        "Orthanc",
        "20 November 2026, 08:30 UTC",
        "Patients: 3",
        "Studies: 35",
        "Our questions came from 198.51.100.5.",
        "It gives patients' records to anybody who asks.",
        "filmbadge check 192.0.2.7",
        "CERT Musterland",
        "M-17",
        "cert@cert-musterland.test",
        "telephone book, 20 November 2026",
    ):
        assert fact in found, fact


def test_a_reminder_and_thanks_name_the_letter_before() -> None:
    reminder = letter(Mail(CONTACT, again=[Again(ONE, ROW)]))
    assert reminder.kind is Kind.REMINDER
    assert "Still open" in reminder.subject
    assert "We wrote to you on 26 November 2026." in reminder.opening[1]
    assert reminder.rows[0].before == "26 November 2026"
    thanks = letter(Mail(CONTACT, closed=[ROW]))
    assert (thanks.kind, thanks.rows, thanks.heads) == (Kind.THANKS, (), ())
    assert "192.0.2.7" in thanks.subject
    assert "Thank you." in thanks.opening[1]
    assert "filmbadge check" not in text(thanks)


def _number(value: int | None, how: Provenance, at_least: int | None = None) -> Number:
    return replace(ONE.counts["studies"], value=value, how=str(how), at_least=at_least)


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (_number(1200, Provenance.COUNTED), "1,200"),
        (_number(0, Provenance.COUNTED), "0"),
        (_number(1200, Provenance.ESTIMATED), "about 1,200"),
        (_number(None, Provenance.UNKNOWN, 1200), "at least 1,200"),
        (_number(None, Provenance.UNKNOWN), "not known"),
    ],
)
def test_figures_are_bounds_where_they_are_and_unknown_is_never_zero(number: Number, shown: str) -> None:
    archive = replace(ONE, counts=dict.fromkeys(FIGURES, number))
    assert letter(Mail(CONTACT, [archive])).rows[0].figures == (shown, shown, shown)


def test_a_desk_is_asked_to_pass_it_on_and_gets_neither_numbers_nor_kinds() -> None:
    personal = next(hosts())
    archive = view("192.0.2.1", *(judged.observation for judged in personal.judged))
    operator, desk = said(Mail(CONTACT, [archive])), said(Mail(DESK, [archive]))
    for kind in ("patient name", "birth date", "social security", " 35 ", "Patients"):
        assert kind in operator, kind
        assert kind not in desk
    assert "please pass this letter on to your customer" in desk
    assert "please pass this letter on" not in operator


@pytest.mark.parametrize(
    ("country", "named"),
    [
        ("DE", {"GDPR", "NIS2"}),
        ("NO", {"GDPR"}),
        ("GB", {"UK GDPR"}),
        ("US", {"HIPAA"}),
        ("BR", set()),
        ("ZZ", set()),
        (None, set()),
    ],
)
def test_duties_by_country(country: str, named: set[str]) -> None:
    found = said(Mail(CONTACT, [of(country)]))
    laws = {law for law in ("UK GDPR", "NIS2", "HIPAA") if law in found}
    laws |= {"GDPR"} if "General Data Protection Regulation" in found else set()
    assert laws == named
    assert ("this is no legal advice" in found) is bool(named)
    assert "GDPR" not in said(Mail(DESK, [of(country)]))


def test_each_law_once_for_archives_in_several_countries() -> None:
    archives = [of(code, view(f"192.0.2.{n}")) for n, code in enumerate(("DE", "FR", "US"), 1)]
    found = said(Mail(CONTACT, archives))
    assert (found.count("General Data Protection"), found.count("HIPAA")) == (1, 1)


def test_many_archives_stand_in_one_letter() -> None:
    archives = [view(f"192.0.2.{n}") for n in range(1, 41)]
    found = letter(Mail(CONTACT, archives))
    assert len(found.rows) == 40
    assert "40 open archives" in found.subject
    assert "Gives records to strangers: all of them." in said(Mail(CONTACT, archives))
    part = said(Mail(CONTACT, [replace(archives[0], findings=()), *archives[1:]]))
    assert "192.0.2.7 and 33 more." in part


def test_no_story_of_an_attack_is_told() -> None:
    for contact in (CONTACT, DESK):
        for mail in (Mail(contact, [ONE]), Mail(contact, again=[Again(ONE, ROW)]), Mail(contact, closed=[ROW])):
            assert not re.search(r"attack|hack|steal|criminal|ransom", said(mail), re.IGNORECASE)


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Words:
    return pseudo.words(tmp_path_factory.mktemp("locale"), LETTERS)


def _typed(made: Letter) -> list[str]:
    """What is typed has no language."""
    return [
        line for part in made.parts for line in (*part.commands, *(one for _, typed, _ in part.steps for one in typed))
    ]


@pytest.mark.parametrize("contact", [CONTACT, DESK], ids=["operator", "desk"])
@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("n", [1, 9])
def test_a_letter_has_no_english_in_another_language(contact: Contact, kind: Kind, n: int, words: Words) -> None:
    every = [
        of(code, view(f"192.0.2.{i + 1}", words=words))
        for i, code in zip(range(n), ["DE", "GB", "US"] * 3, strict=False)
    ]
    last = [replace(ROW, archive=archive.id) for archive in every]
    mail = Mail(contact)
    if kind is Kind.FIRST:
        mail = Mail(contact, every)
    elif kind is Kind.REMINDER:
        mail = Mail(contact, every[:1], [Again(archive, ROW) for archive in every])
    else:
        mail = Mail(contact, closed=last)
    made = letter(mail, words)
    shown = _Text()
    shown.feed(paper.html(made))
    for seen in (text(made), "".join(shown.parts)):
        assert pseudo.english(" ".join(seen.split()), *NAMES, *_OURS, *_typed(made)) == []


HOSTILE = [
    "<script>alert(1)</script>",
    "</style><b>",
    "{{ 7*7 }}",
    "a\u202eb",
    "x\x1b[2Jy",
    "{authority}",
    "a\nBcc: b@c.test",
]


@pytest.mark.parametrize("words", HOSTILE)
def test_what_others_wrote_steers_nothing(words: str) -> None:
    """Contacts refuse most of these; a folder or a scope of somebody else may still hold them."""
    place = PlaceView("DE", None, words, words, words, words, words, words, (), (words,))
    archive = replace(ONE, product=words, product_version=words, place=place)
    contact = Contact(words, "pacs@klinik.test", (words,), source=words)
    sender = SENDER._replace(authority=words, mandate=words)
    made = compose(Mail(contact, [archive]), sender, SURVEY, REFERENCE, TODAY, ENGLISH)
    page = paper.html(made)
    assert "<script" not in page
    assert page.count("</style>") == 1
    assert "{{ 7*7 }}" in page or "{{" not in words
    for shown in (page, text(made)):
        assert "\x1b" not in shown
        assert "\u202e" not in shown
        assert "\nBcc:" not in shown


def test_the_page_fetches_nothing() -> None:
    page = paper.html(letter(Mail(CONTACT, [ONE])))
    assert "default-src 'none'" in page.replace("&#39;", "'")
    assert not re.search(r"https?://(?!192\.0\.2\.)|url\(|@import|<link|<img|<script", page)


@pytest.mark.real  # to find Pango, a program of the system is started
@pytest.mark.parametrize("code", LANGUAGES)
def test_a_letter_about_one_archive_with_all_kinds_of_data_is_signed_on_its_first_page(code: str) -> None:
    words = Words(code)
    host = next(hosts())
    archive = of("DE", view("192.0.2.1", *(judged.observation for judged in host.judged), words=words))
    made = letter(Mail(CONTACT, [archive]), words)
    raw = pdf(paper.html(made))
    first = PdfReader(io.BytesIO(raw)).pages[0].extract_text()
    assert made.farewell in " ".join(first.split())
    assert faults(raw) == []
