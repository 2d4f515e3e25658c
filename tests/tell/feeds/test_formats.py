"""What is true of every format."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
from msgspec.structs import replace

from filmbadge.tell.feeds import feed, xarf
from filmbadge.tell.feeds.feed import Tlp
from filmbadge.tell.feeds.formats import FormatName, chosen, markdown
from filmbadge.tell.words import Words
from support.events import FEED, events, later, open_archive
from support.factories import survey

WORDS = Words()
FORMATS: tuple[FormatName, ...] = get_args(FormatName)


def made(name: FormatName) -> str:
    return b"".join(chosen(name).write(events(), FEED, WORDS)).decode()


@pytest.mark.parametrize("name", FORMATS)
def test_one_id_stands_in_every_format(name: FormatName) -> None:
    text = made(name)
    told = [event for event in events() if event.finding.id in text]
    assert len(told) == (xarf.told(events()) if name == "xarf" else len(events()))


@pytest.mark.parametrize("name", FORMATS)
def test_a_second_export_is_the_same(name: FormatName) -> None:
    assert made(name) == made(name)


@pytest.mark.parametrize("name", FORMATS)
def test_the_level_and_the_marking_stand_in_it(name: FormatName) -> None:
    assert "authority" in made(name)
    assert "TLP:AMBER+STRICT" in made(name)


@pytest.mark.parametrize("name", FORMATS)
def test_no_sign_steers_a_terminal(name: FormatName) -> None:
    assert all(sign.isprintable() or sign in "\r\n" for sign in made(name))


@pytest.mark.parametrize("name", FORMATS)
def test_nothing_found_is_no_error(name: FormatName) -> None:
    assert b"".join(chosen(name).write([], FEED, WORDS)) is not None


def test_ids_of_findings_hang_on_no_date() -> None:
    first, second = ([event.finding.id for event in events(pair)] for pair in (open_archive(), later(open_archive())))
    assert first == second
    assert len(set(first)) == len(first)


def test_texts_of_a_scope_are_cleaned(tmp_path: Path) -> None:
    kept = survey(tmp_path)
    scope = replace(kept.scope, name="a\x1b[31m", authority="b\n", reference="c\u202e", contact="d@example.org\x00")
    made = feed.of_survey(replace(kept, scope=scope, version="0.1\x07"), "authority", Tlp.AMBER)
    assert (made.survey, made.authority, made.reference, made.version) == ("a?[31m", "b?", "c?", "0.1?")
    assert made.sender is not None
    assert made.sender.contact == "d@example.org"


def test_the_table_of_names_has_every_finding() -> None:
    assert markdown().count("\n") == 2 + len({event.finding.code for event in events()})
