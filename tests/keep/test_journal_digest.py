"""Anybody can make the digest of a journal again: the view does, and so do a few lines of Python."""

from __future__ import annotations

from pathlib import Path

from filmbadge.keep.reader import Dataset
from filmbadge.keep.schema import journal_digest
from filmbadge.keep.writer import Writer
from support import factories


def test_a_folder_and_its_rows_have_the_same_digest_in_any_order(tmp_path: Path) -> None:
    factories.survey(tmp_path)
    rows = [factories.connection(), factories.look_up(), factories.connection("2001:db8::1", 104)]
    writer = Writer(tmp_path)
    for row in rows:
        writer.journal(row)
    writer.close()
    assert Dataset(tmp_path).journal_digest() == (3, journal_digest(rows)) == (3, journal_digest(rows[::-1]))
    assert journal_digest(rows[:2]) != journal_digest(rows)


def test_a_journal_without_a_row_has_the_digest_of_nothing(tmp_path: Path) -> None:
    factories.survey(tmp_path)
    assert Dataset(tmp_path).journal_digest() == (0, journal_digest([]))
