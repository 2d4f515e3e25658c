"""`filmbadge report`"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from filmbadge.cli.codes import DONE
from filmbadge.cli.console import LevelChoice, json_bytes, note, put_json, show, write_file
from filmbadge.conclude.again import opened
from filmbadge.keep.reader import Dataset, telling
from filmbadge.keep.views import script
from filmbadge.tell import pdf as paper
from filmbadge.tell import summary
from filmbadge.tell.levels import Level, at_level, named
from filmbadge.tell.report import page
from filmbadge.tell.summary import ReportDocument
from filmbadge.tell.words import Words


def report(
    directory: Path,
    /,
    *,
    html: str | None = None,
    pdf: str | None = None,
    json: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    sql: Path | None = None,
    for_: Annotated[LevelChoice, Parameter(name="--for")] = "authority",
) -> int:
    """Tell what a survey found. Without an option, a summary on the terminal.

    Parameters
    ----------
    directory
        The folder that a survey was kept in.
    html
        Write one self-contained page to this file, or into this folder under a name that says whom it is for.
    pdf
        Write the page for paper to this file or folder. It needs filmbadge[pdf].
    json
        Write one JSON document to this file or folder; - is stdout.
    sql
        Write SQL to this file that opens the survey in your own DuckDB.
    for_
        Who reads it. public: no archive can be told from it, and no address is in it. owner: one operator's archives only.
    """
    if sql is not None:
        _write_sql(directory, sql)
        if html is None and pdf is None and json is None:
            return DONE
    words, level = Words(), Level(for_)
    made: list[tuple[Path, bytes]] = []
    with telling(directory):
        document = at_level(read(directory, words), level, words)
        files: tuple[tuple[str | None, str, Callable[[ReportDocument], bytes]], ...] = (
            (html, ".html", lambda told: page.render(told, words).encode()),
            (pdf, ".pdf", lambda told: paper.pdf(page.render(told, words))),
            (None if json == "-" else json, ".json", json_bytes),
        )
        for to, suffix, render in files:
            if to is not None:
                made.append((named(to, document.evidence.scope, level, suffix), render(document)))
        drawn = None if made or json else summary.render(document, words)
    for path, data in made:
        write_file(path, data)
        note(f"Wrote {path} (level {level})")
    if json == "-":
        put_json(document)
    if drawn is not None:
        show(drawn)
    return DONE


def read(directory: Path, words: Words) -> ReportDocument:
    """All that a survey found out. Raises NotASurvey."""
    dataset = opened(directory)
    dataset.require_whole()
    return summary.document(dataset, words)


def _write_sql(directory: Path, to: Path) -> None:
    with telling(directory):
        Dataset(directory).require_whole()
    write_file(to, script(directory).encode())
    note(f"Wrote {to}")
