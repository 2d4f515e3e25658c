"""`filmbadge compare`"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from filmbadge.cli.codes import DONE, FOUND
from filmbadge.cli.console import json_bytes, note, put_json, show, write_file
from filmbadge.compare.records import ChangeKind
from filmbadge.compare.surveys import compare as compared
from filmbadge.conclude.again import today
from filmbadge.keep.reader import Dataset, telling
from filmbadge.model import Refusal
from filmbadge.tell.compare import terminal
from filmbadge.tell.compare.document import ComparisonDocument, document
from filmbadge.tell.words import Words

_FAILS = {"new": (ChangeKind.NEW,), "worse": (ChangeKind.NEW, ChangeKind.WORSE)}


def compare(
    old: Path,
    new: Path,
    /,
    *newer: Path,
    json: Annotated[Path | None, Parameter(allow_leading_hyphen=True)] = None,
    fail_on: Literal["new", "worse"] | None = None,
) -> int:
    """Tell what changed between surveys: archives that are new, gone, closed, still open, worse, better or moved.

    Only what both surveys asked at a common depth is compared. The rest is named, with the reason. All are judged by
    today's catalogue; nothing is written into their folders.

    Parameters
    ----------
    old
        The folder that a survey was kept in.
    new
        The folder of a later survey.
    newer
        Folders of still later surveys. Then a trend is told too, and each survey is compared with the one before it.
    json
        Write one JSON document to this file; - is stdout.
    fail_on
        new: exit code 1 if an archive is newly open. worse: also if an open archive gives away more than before.
    """
    words = Words()
    told = _told([old, new, *newer], words)
    if json is None:
        show(terminal.render(told, words))
    elif str(json) == "-":
        put_json(told)
    else:
        write_file(json, json_bytes(told))
        note(f"Wrote {json}")
    failing = fail_on is not None and told.steps[-1].count(*_FAILS[fail_on])
    return FOUND if failing else DONE


def _told(folders: Sequence[Path], words: Words) -> ComparisonDocument:
    """All of them, the oldest first. Raises Refusal."""
    given = [_opened(folder) for folder in folders]
    if len({dataset.directory.resolve() for dataset in given}) < len(given):
        raise Refusal("one folder is given twice: a survey is compared with another one")
    ordered = sorted(given, key=lambda dataset: dataset.manifest.started)
    pairs = []
    for before, after in pairwise(ordered):
        with telling(after.directory):
            pairs.append(compared(before, after))
    with telling(ordered[-1].directory):
        return document(ordered, pairs, words, reordered=ordered != given)


def _opened(folder: Path) -> Dataset:
    with telling(folder):
        return today(folder)
