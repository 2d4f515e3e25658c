"""`filmbadge compare`"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from filmbadge.cli.codes import DONE, FOUND
from filmbadge.cli.console import LevelChoice, json_bytes, put_json, require_writable, show, write_files
from filmbadge.cli.reviewed import review_all
from filmbadge.compare.records import ChangeKind, Comparison
from filmbadge.compare.surveys import compare as compared
from filmbadge.conclude.again import today
from filmbadge.keep.files import Damaged, real
from filmbadge.keep.reader import Dataset, telling
from filmbadge.model import Refusal
from filmbadge.tell.compare import page, terminal
from filmbadge.tell.compare.document import ComparisonDocument
from filmbadge.tell.compare.document import document as made
from filmbadge.tell.compare.readers import at_level
from filmbadge.tell.levels import Level, named
from filmbadge.tell.notices import ledger
from filmbadge.tell.notices.helped import Helped, helped
from filmbadge.tell.notices.helped import whole as all_together
from filmbadge.tell.words import Words
from filmbadge.texts import printable

_FAILS = {"new": (ChangeKind.NEW,), "worse": (ChangeKind.NEW, ChangeKind.WORSE)}


def compare(
    old: Path,
    new: Path,
    /,
    *newer: Path,
    html: str | None = None,
    json: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    for_: Annotated[LevelChoice, Parameter(name="--for")] = "authority",
    told: Path | None = None,
    reviewed: Path | None = None,
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
    html
        Write one self-contained page to this file, or into this folder under a name that says whom it is for.
    json
        Write one JSON document to this file or folder; - is stdout.
    for_
        Who reads it. public: no archive can be told from it, and no address is in it. owner: one operator's archives only.
    told
        The folder of the letters of filmbadge notices: tell what became of the archives that were told of.
    reviewed
        A CSV file (archive, what, by, when, operator) of what persons found out: it overrides our tags and the operator.
    fail_on
        new: exit code 1 if an archive is newly open. worse: also if an open archive gives away more than before.
    """
    words, level = Words(), Level(for_)
    whole = _compared([old, new, *newer], told, reviewed, words)
    document = at_level(whole, level, words)
    name = document.surveys[-1].name
    files: list[tuple[Path, bytes]] = []
    if html is not None:
        files.append((named(html, f"{name}.compared", level, ".html"), page.render(document, words).encode()))
    if json is not None and json != "-":
        files.append((named(json, f"{name}.compared", level, ".json"), json_bytes(document)))
    require_writable(*(path for path, _ in files), read=(reviewed, told and told / ledger.NAME))
    try:
        write_files((path, data, f" (level {level})") for path, data in files)
    finally:
        if json == "-":
            put_json(document)
        elif not files:
            show(terminal.render(document, words))
    failing = fail_on is not None and whole.steps[-1].count(*_FAILS[fail_on])
    return FOUND if failing else DONE


def _compared(folders: Sequence[Path], letters: Path | None, reviewed: Path | None, words: Words) -> ComparisonDocument:
    """All of them, the oldest first. Raises Refusal."""
    given = [_opened(folder) for folder in folders]
    review_all(given, reviewed)
    if len({real(dataset.directory) for dataset in given}) < len(given):
        raise Refusal("one folder is given twice: a survey is compared with another one")
    ordered = sorted(given, key=lambda dataset: dataset.manifest.started)
    pairs = []
    for before, after in pairwise(ordered):
        with telling(after.directory):
            pairs.append(compared(before, after))
    with telling(ordered[-1].directory):
        told = None if letters is None else _became(letters, ordered, pairs)
        return made(ordered, pairs, words, helped=told, reordered=ordered != given)


def _became(letters: Path, ordered: Sequence[Dataset], pairs: Sequence[Comparison]) -> tuple[Helped, ...]:
    """From the oldest survey to the newest. Raises Refusal."""
    try:
        told = ledger.read(letters)
    except Damaged as error:
        raise Refusal(str(error)) from None
    if not told:
        raise Refusal(f"{printable(str(letters))} holds no {ledger.NAME}, or nobody was told yet")
    across = pairs[0] if len(pairs) == 1 else compared(ordered[0], ordered[-1])
    rows = helped(told, across.changes, ordered[-1].manifest.started)
    whole = all_together(rows)
    return rows if whole is None else (*rows, whole)


def _opened(folder: Path) -> Dataset:
    with telling(folder):
        return today(folder)
