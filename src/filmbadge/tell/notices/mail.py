"""A letter as a message (RFC 5322): plain text first, and a part that programs read (XARF) behind it. Nothing is sent."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from email.header import Header
from email.message import EmailMessage, MIMEPart
from email.policy import SMTP
from email.utils import format_datetime
from hashlib import sha256
from typing import Any, cast

from filmbadge.tell.notices.letter import Letter
from filmbadge.texts import printable
from filmbadge.version import RELEASE

_WIDTH = 72  # characters of a line of text
_HEAD = SMTP.clone(refold_source="none")  # what we fold stays so
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/^_`{|}~ -]+")  # a name that needs no quotes, RFC 5322 3.2.3


def message(
    letter: Letter, at: datetime, message_id: str, first_id: str = "", reports: Sequence[Mapping[str, Any]] = ()
) -> bytes:
    """The message as it would be sent. `first_id` is of the first message to this recipient, where this is not it.

    The structure is that of RFC 5965 with XARF's type of report. Without reports it is text alone.
    """
    made = EmailMessage(policy=_HEAD)
    made["Message-ID"] = message_id
    made["Date"] = format_datetime(at)
    for name in ("From", "Reply-To"):
        _mailbox(made, name, letter.sender.authority, letter.sender.mailbox)
    _mailbox(made, "To", letter.contact.name, letter.contact.email)
    subject = f"[{letter.reference}] {printable(letter.subject)}"
    made.set_raw("Subject", _folded("Subject", subject, subject.isascii() and "=?" not in subject))
    made["Auto-Submitted"] = "auto-generated"  # RFC 3834
    if first_id:
        made["In-Reply-To"] = made["References"] = first_id
    if not reports:
        made.set_content(text(letter), cte="quoted-printable")
        made["Content-Language"] = letter.language
        return made.as_bytes()
    made["Content-Language"] = letter.language
    made["MIME-Version"] = "1.0"
    made.add_header(
        "Content-Type", "multipart/report", **{"report-type": "feedback-report", "boundary": _boundary(message_id)}
    )
    named = {f"xarf-{n}.json" if len(reports) > 1 else "xarf.json": report for n, report in enumerate(reports, 1)}
    for part in (_text(letter), _feedback(), *(_report(report, name) for name, report in named.items())):
        made.attach(cast("EmailMessage", part))  # a part has no MIME-Version of its own
    return made.as_bytes()


def _mailbox(made: EmailMessage, header: str, name: str, mail: str) -> None:
    shown = printable(name)
    folded = _folded(header, shown, bool(_ATOMS.fullmatch(shown)))
    fits = len(header) + len(folded) + len(mail) <= _WIDTH
    made.set_raw(header, f"{folded}{' ' if fits else chr(10) + ' '}<{mail}>")


def _folded(header: str, text: str, plain: bool) -> str:
    """In lines that are short, as it stands or in encoded words (RFC 2047). Where the policy folds, it may lose blanks and quotes."""
    return Header(text, None if plain else "utf-8", header_name=header).encode()


def _boundary(message_id: str) -> str:
    """The same however often the message is made. Text is quoted-printable, so `=_` stands in no line of it (RFC 2045 6.7)."""
    return f"=_{sha256(message_id.encode()).hexdigest()[:24]}"


def _text(letter: Letter) -> MIMEPart:
    part = MIMEPart(policy=SMTP)
    part.set_content(text(letter), cte="quoted-printable")
    return part


def _feedback() -> MIMEPart:
    """RFC 5965 2: fields of a header, as the body of a part."""
    fields, part = MIMEPart(policy=SMTP), MIMEPart(policy=SMTP)
    fields["Feedback-Type"] = "xarf"
    fields["User-Agent"] = f"Filmbadge/{RELEASE}"
    fields["Version"] = "1"
    part["Content-Type"] = "message/feedback-report"
    part.set_payload([fields])
    return part


def _report(report: Mapping[str, Any], name: str) -> MIMEPart:
    part = MIMEPart(policy=SMTP)
    part.set_content(
        json.dumps(report, indent=1).encode(),
        "application",
        "json",
        filename=name,
        disposition="attachment",
        cte="base64",
    )
    part.set_param("name", name)
    return part


def text(letter: Letter) -> str:
    """The letter as plain text."""
    return "\n".join(map(printable, _lines(letter))) + "\n"


def _lines(letter: Letter) -> Iterator[str]:
    for label in letter.labels:
        yield from _wrapped(label)
    for paragraph in letter.opening:
        yield ""
        yield from _wrapped(paragraph)
    for row in letter.rows:
        yield ""
        yield f"* {row.address} ({row.ways})"
        for line in row.lines:
            yield from _wrapped(line, "  ")
    for part in letter.parts:
        yield ""
        yield from _wrapped(part.title)
        for paragraph in part.paragraphs:
            yield from _wrapped(paragraph)
        for sentence, typed, untried in part.steps:
            yield from _wrapped(sentence, "- ")
            yield from (f"    {line}" for line in typed)
            if untried:
                yield from _wrapped(untried, "  ")
        yield from (f"    {command}" for command in part.commands)
    yield ""
    yield letter.farewell
    yield letter.sender.authority


def _wrapped(line: str, before: str = "") -> list[str]:
    """Words stay whole: one that is longer has a line of its own, and can be copied."""
    wrapped = textwrap.wrap(
        line,
        _WIDTH,
        initial_indent=before,
        subsequent_indent=" " * len(before),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return wrapped or [""]
