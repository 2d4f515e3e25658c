"""Messages as RFC 5322 and RFC 5965 ask for: the standard library reads them back without a defect."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from msgspec.structs import replace

from filmbadge.tell.notices import mail
from filmbadge.tell.notices.contacts import Contact
from filmbadge.tell.notices.letter import Letter, compose
from filmbadge.tell.notices.plan import Mail
from support.written import CONTACT, ENGLISH, SENDER, SURVEY, view
from tell.notices.test_letter import HOSTILE, REFERENCE, TODAY

AT = datetime(2026, 11, 26, 12, tzinfo=UTC)
ID, FIRST = "<fb.1.abc@cert-musterland.test>", "<fb.0.abc@cert-musterland.test>"
REPORT = {"xarf_version": "4.2.0", "type": "open_service", "description": "ü" * 900}


def made(
    contact: Contact = CONTACT, first: str = "", reports: tuple[dict[str, Any], ...] = (REPORT,), archives: int = 1
) -> bytes:
    views = [view(f"192.0.2.{n}") for n in range(1, archives + 1)]
    letter = compose(Mail(contact, views), SENDER, SURVEY, REFERENCE, TODAY, ENGLISH)
    return mail.message(letter, AT, ID, first, reports)


def read(raw: bytes) -> EmailMessage:
    found = message_from_bytes(raw, policy=default)
    assert isinstance(found, EmailMessage)
    for part in found.walk():
        assert part.defects == []
        for header in part.values():
            assert not getattr(header, "defects", ())
    return found


def test_headers() -> None:
    found = read(made())
    assert found["Message-ID"] == ID
    assert found["Date"].datetime == AT
    assert found["From"] == found["Reply-To"] == "CERT Musterland <cert@cert-musterland.test>"
    assert found["To"].addresses[0].display_name == "Klinik Süd"
    assert found["To"].addresses[0].addr_spec == "pacs@klinik.test"
    assert found["Subject"] == f"[{REFERENCE}] Open archive of medical images at 192.0.2.1"
    assert found["Auto-Submitted"] == "auto-generated"
    assert found["In-Reply-To"] is found["References"] is None


def test_a_later_message_refers_to_the_first() -> None:
    found = read(made(first=FIRST))
    assert (found["In-Reply-To"], found["References"]) == (FIRST, FIRST)
    assert found["Subject"].startswith(f"[{REFERENCE}] ")


def test_text_stands_first_then_the_feedback_then_the_reports() -> None:
    found = read(made(reports=(REPORT, REPORT)))
    assert found.get_content_type() == "multipart/report"
    assert found.get_param("report-type") == "feedback-report"
    parts = list(found.iter_parts())
    assert [part.get_content_type() for part in parts] == [
        "text/plain", "message/feedback-report", "application/json", "application/json",
    ]  # fmt: skip
    assert "192.0.2.1" in parts[0].get_content()
    fields = parts[1].get_payload(0)
    assert isinstance(fields, EmailMessage)
    assert (fields["Feedback-Type"], fields["Version"]) == ("xarf", "1")
    assert [part.get_filename() for part in parts[2:]] == ["xarf-1.json", "xarf-2.json"]
    assert json.loads(parts[2].get_payload(decode=True)) == REPORT  # type: ignore[arg-type]


def test_without_reports_it_is_text_alone() -> None:
    found = read(made(reports=()))
    assert found.get_content_type() == "text/plain"
    assert found["Content-Language"] == "en"
    assert REFERENCE in found.get_content()


@pytest.mark.parametrize("archives", [1, 40])
@pytest.mark.parametrize("reports", [(), (REPORT,) * 3])
def test_lines_end_in_crlf_and_are_short(archives: int, reports: tuple[dict[str, Any], ...]) -> None:
    raw = made(archives=archives, reports=reports)
    assert raw.count(b"\n") == raw.count(b"\r\n") == raw.count(b"\r")
    assert max(map(len, raw.split(b"\r\n"))) <= 78
    assert raw.isascii()


def test_the_same_letter_is_the_same_message() -> None:
    assert made() == made()


def named(words: str) -> Letter:
    """A letter from somebody of this name to somebody of the same, with it as its subject."""
    mail = Mail(replace(CONTACT, name=words), [view("192.0.2.1")])
    letter = compose(mail, SENDER._replace(authority=words), SURVEY, REFERENCE, TODAY, ENGLISH)
    return letter._replace(subject=words)


@pytest.mark.parametrize("words", HOSTILE)
def test_nothing_is_injected_into_headers(words: str) -> None:
    raw = mail.message(named(words), AT, ID, "", (REPORT,))
    head = raw.partition(b"\r\n\r\n")[0]
    names = [line.partition(b":")[0] for line in head.split(b"\r\n") if not line.startswith(b" ")]
    assert len(names) == len(set(names)) == 10
    assert b"Bcc" not in names
    found = read(raw)
    assert [one.addr_spec for one in found["To"].addresses] == ["pacs@klinik.test"]


@pytest.mark.parametrize(
    "words",
    [
        "Üniversite Hastanesi " * 10 + "X",
        "東京大学 医学部 附属病院 放射線科 情報システム部 御中 担当者 様",
        "Hôpitaux universitaires de Genève (HUG), service de radiologie, à l'attention du délégué",
        "St. Anna, Radiologie",
        'A "B" \\ C, <x@y.test>; ' * 9 + "D",
        "=?utf-8?q?A?=",
        "A" * 256,
    ],
)
def test_a_name_and_a_subject_come_back_as_they_were_written(words: str) -> None:
    """Read as RFC 5322 and RFC 2047 say. The library's own parser puts blanks between encoded words."""
    raw = mail.message(named(words), AT, ID)
    assert max(map(len, raw.split(b"\r\n"))) <= (78 if " " in words else 300)
    head = raw.partition(b"\r\n\r\n")[0].replace(b"\r\n ", b" ").decode("ascii")
    fields = dict(line.split(": ", 1) for line in head.split("\r\n"))
    for field, mailbox in (("From", SENDER.mailbox), ("Reply-To", SENDER.mailbox), ("To", CONTACT.email)):
        name, _, rest = fields[field].rpartition(" <")
        assert rest == f"{mailbox}>"
        assert not set(name) & set('",;:<>@()[]\\.')  # nothing that needs quotes
        assert str(make_header(decode_header(name.strip()))) == words
    assert str(make_header(decode_header(fields["Subject"]))) == f"[{REFERENCE}] {words}"
