"""One language to speak in. English stands in the code; every other language is a gettext catalogue in `locale/`.

A sentence is English with its values named in braces: `say("{n:,} of {all:,} hosts", n=5, all=9)`. Whole sentences are
looked up, never parts of them, so that another language can put its words in its own order.

A language has up to two catalogues: `filmbadge`, of all that is said, and `letters`, of what a letter to an operator says.
The second must be complete in each language, so it is kept by itself.
"""

from __future__ import annotations

import gettext
import re
from datetime import UTC, datetime
from pathlib import Path

from filmbadge.texts import printable

DOMAIN = "filmbadge"
LETTERS = "letters"
ENGLISH = "en"
LOCALE = Path(__file__).parent / "locale"


def N_(text: str) -> str:
    """Mark English that stands in a table, so that it gets into the catalogue. `say` looks it up later."""
    return text


def NN_(one: str, more: str) -> tuple[str, str]:
    """Mark a singular and a plural that stand in a table. `many` looks them up later."""
    return one, more


MONTHS = (
    N_("January"), N_("February"), N_("March"), N_("April"), N_("May"), N_("June"),
    N_("July"), N_("August"), N_("September"), N_("October"), N_("November"), N_("December"),
)  # fmt: skip


# Where an archive was asked from its own machine, the sentences are those of strangers with another name in them. English alone
# has this rule: what is said of such an archive goes to whoever typed the command, and to nobody else.
_WITHIN = (
    (re.compile(r"\b([Aa]) stranger's\b"), r"\1 local program's"),
    (re.compile(r"\b([Aa]) stranger\b"), r"\1 program on this machine"),
    (re.compile(r"\bstrangers\b"), "programs on this machine"),
    (re.compile(r"\bStrangers\b"), "Programs on this machine"),
    (re.compile(r"\banybody who asks\b"), "any program on this machine that asks"),
    (re.compile(r"\banybody\b(?! who knows)"), "any program on this machine"),  # who knows a title needs no machine
)


class Language:
    """Looks sentences up in the catalogue of one language."""

    def __init__(self, code: str = ENGLISH, locale: Path = LOCALE, *, within: bool = False) -> None:
        """`within`: what is told was asked from the archive's own machine. Raises FileNotFoundError where there is no catalogue
        for the language."""
        self.code = code
        self.within = within
        self._catalogue = gettext.NullTranslations() if code == ENGLISH else _catalogue(code, locale)
        self._separator = self._catalogue.pgettext("between thousands", ",")

    def say(self, text: str, **values: object) -> str:
        """The sentence in this language, with its values in place."""
        return self._fill(self.named(self._catalogue.gettext(text)), values) if text else ""

    def many(self, one: str, more: str, n: int, **values: object) -> str:
        """The sentence in the form that the number asks for; it names the number `n`."""
        return self._fill(self.named(self._catalogue.ngettext(one, more, n)), {**values, "n": n})

    def number(self, n: int) -> str:
        return f"{int(n):,}".replace(",", self._separator)

    def date(self, at: datetime) -> str:
        """Such as `25 November 2026`, in UTC."""
        at = utc(at)
        text = N_("{day} {month} {year}")
        if at.day == 1:  # some languages write it in another way
            text = self._catalogue.pgettext("on the first of a month", "{day} {month} {year}")
        return self.say(text, day=at.day, month=self.say(MONTHS[at.month - 1]), year=at.year)

    def time(self, at: datetime) -> str:
        return self.say("{date}, {time} UTC", date=self.date(at), time=f"{utc(at):%H:%M}")

    def named(self, text: str) -> str:
        """The sentence with the name of those who asked, before any value is in it."""
        for whom, others in _WITHIN if self.within else ():
            text = whom.sub(others, text)
        return text

    def _fill(self, text: str, values: dict[str, object]) -> str:
        """A value is one clause of a line, whoever wrote it: it brings no line ends, and nothing that steers a terminal."""
        return text.format(**{name: self._value(value) for name, value in values.items()})

    def _value(self, value: object) -> object:
        if type(value) is int:
            return _Number(value, self)
        return printable(value) if isinstance(value, str) else value


class _Number(int):
    """An integer that a sentence writes as its language does, where it asks for thousands by `{n:,}`."""

    def __new__(cls, value: int, language: Language) -> _Number:
        number = super().__new__(cls, value)
        number.language = language
        return number

    language: Language

    def __format__(self, form: str) -> str:
        return self.language.number(self) if form == "," else super().__format__(form)


def _catalogue(code: str, locale: Path) -> gettext.NullTranslations:
    """Both catalogues of a language, as one. Raises FileNotFoundError where it has neither."""
    first, *others = [domain for domain in (DOMAIN, LETTERS) if gettext.find(domain, locale, [code])] or [DOMAIN]
    found = gettext.translation(first, locale, languages=[code])
    for domain in others:
        found.add_fallback(gettext.translation(domain, locale, languages=[code]))
    return found


def utc(at: datetime) -> datetime:
    """Tables keep UTC without saying so."""
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
