"""Letters speak six languages: every message is there in each, with the same values, in all its forms, and compiled."""

from __future__ import annotations

import gettext
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cache

import pytest
import translations
from babel import Locale
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

from filmbadge.model import Kind
from filmbadge.tell.language import LETTERS, LOCALE
from filmbadge.tell.remedy import LINES
from filmbadge.tell.words import Words

LANGUAGES = ("de", "es", "fr", "pt", "tr")
NNBSP = "\N{NARROW NO-BREAK SPACE}"
# What is typed, or is a name, stands in each language as it does in English.
NAMES = re.compile(
    r"\b(?:[A-Z]\w*-\w+|\w+\.\w+(?:\.\w+)*|\w*[a-z][A-Z]\w*|[A-Z]{3,}\w*|TLS [\d.]+|IPv\d|Horos|Conquest|Dicoogle|Bonjour|"
    r"nginx|Apache|stunnel|haproxy|dcm4chee|dcmqrscp|pynetdicom|Windows|Linux|Preferences|Listener)\b"
)


@cache
def english() -> Catalog:
    return translations.letters()


@cache
def catalogue(language: str) -> Catalog:
    with (LOCALE / language / "LC_MESSAGES" / f"{LETTERS}.po").open("rb") as file:
        return read_po(file, locale=language, domain=LETTERS)


def forms(said: str | Sequence[str] | None) -> list[str]:
    return [said] if isinstance(said, str) else list(said or ())


def messages() -> Iterator[Message]:
    return (message for message in english() if message.id)


def test_these_are_all_languages() -> None:
    assert sorted(path.parent.parent.name for path in LOCALE.glob(f"*/*/{LETTERS}.po")) == list(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_exists(language: str) -> None:
    translated = catalogue(language)
    missing = []
    for message in messages():
        found = translated.get(forms(message.id)[0], message.context)
        if found is None or found.fuzzy or not all(forms(found.string)) or not forms(found.string):
            missing.append(message.id)
    assert missing == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_values_agree_form_by_form(language: str) -> None:
    """With their format: a number that English parts by thousands is parted here, too."""
    wrong = []
    for message in messages():
        found = catalogue(language).get(forms(message.id)[0], message.context)
        assert found is not None
        for one, original in zip(forms(found.string), forms(message.id), strict=True):
            if sorted(re.findall(r"{.*?}", one)) != sorted(re.findall(r"{.*?}", original)):
                wrong.append((one, original))
    assert wrong == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_plural_forms_are_those_of_the_language(language: str) -> None:
    """One is one, and two and more are many, as CLDR says it of all five."""
    said = catalogue(language)
    assert said.num_plurals == 2
    for message in messages():
        if isinstance(message.id, tuple):
            found = said.get(message.id[0])
            assert found is not None
            assert len(forms(found.string)) == 2
    compiled = gettext.translation(LETTERS, LOCALE, languages=[language])
    one, more = next(message.id for message in messages() if isinstance(message.id, tuple))
    rule = Locale(language).plural_form
    for n in (1, 2, 3, 5, 11, 21, 100, 101, 1000):
        assert compiled.ngettext(one, more, n) == forms(said[one].string)[rule(n) != "one"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_compiled_is_what_is_written(language: str) -> None:
    compiled = gettext.translation(LETTERS, LOCALE, languages=[language])
    for message in messages():
        found = catalogue(language).get(forms(message.id)[0], message.context)
        assert found is not None
        for n, original in zip((1, 2), forms(message.id), strict=False):
            if isinstance(message.id, tuple):
                one, more = message.id
                said = compiled.ngettext(one, more, n)
            elif message.context:
                said = compiled.pgettext(message.context, original)
            else:
                said = compiled.gettext(original)
            assert said == forms(found.string)[n - 1]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_remedy_keeps_every_name_and_announces_what_is_typed(language: str) -> None:
    words = Words(language)
    for line in LINES.values():
        said = words.say(line, ports="104", product="Orthanc")
        assert said.endswith(":") == line.endswith(":"), said
        for name in NAMES.findall(line.replace("{ports}", "").replace("{product}", "")):
            assert name in said, (name, said)


@pytest.mark.parametrize("language", LANGUAGES)
def test_two_messages_are_not_one(language: str) -> None:
    """Kinds of data and months keep apart, or a letter would name one twice."""
    words = Words(language)
    kinds = [words.kind(kind) for kind in Kind]
    assert len(set(kinds)) == len(kinds)
    months = [words.date(datetime(2026, month, 2)) for month in range(1, 13)]
    assert len(set(months)) == 12


@pytest.mark.parametrize(
    ("language", "second", "first", "number", "likely"),
    [
        ("en", "2 March 2026", "1 March 2026", "1,234,567", "likely Orthanc"),
        ("de", "2. März 2026", "1. März 2026", "1.234.567", "wahrscheinlich Orthanc"),
        ("es", "2 de marzo de 2026", "1 de marzo de 2026", f"1{NNBSP}234{NNBSP}567", "probablemente Orthanc"),
        ("fr", "2 mars 2026", "1er mars 2026", f"1{NNBSP}234{NNBSP}567", "probablement Orthanc"),
        ("pt", "2 de março de 2026", "1.º de março de 2026", "1.234.567", "provavelmente Orthanc"),
        ("tr", "2 Mart 2026", "1 Mart 2026", "1.234.567", "büyük olasılıkla Orthanc"),
    ],
)
def test_dates_and_numbers(language: str, second: str, first: str, number: str, likely: str) -> None:
    words = Words(language)
    assert words.date(datetime(2026, 3, 2)) == second
    assert words.date(datetime(2026, 3, 1)) == first
    assert words.number(1234567) == number
    assert words.say("{id}: {what}", id="a", what="b")
    assert words.product("Orthanc", "", False) == likely


def test_what_no_catalogue_of_a_language_has_is_english() -> None:
    """German has a catalogue of letters, and none of the whole program."""
    assert Words("de").say("OPEN") == "OPEN"
    assert Words("de").say("patient name") == "Patientenname"
