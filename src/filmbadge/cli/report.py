"""`filmbadge report`"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import RenderableType

from filmbadge.cli import grades
from filmbadge.cli.codes import DONE
from filmbadge.cli.console import (
    GradeChoice,
    LevelChoice,
    Out,
    json_bytes,
    put,
    require_writable,
    show,
    write_files,
)
from filmbadge.cli.reviewed import review
from filmbadge.conclude.again import opened
from filmbadge.keep.reader import Dataset, telling
from filmbadge.keep.views import script
from filmbadge.model import Refusal
from filmbadge.tell import listing, summary, terminal
from filmbadge.tell import pdf as paper
from filmbadge.tell.levels import Level, at_level, named
from filmbadge.tell.report import page
from filmbadge.tell.summary import ReportDocument
from filmbadge.tell.words import Words

_STDOUT = "-"
_Render = Callable[[ReportDocument], bytes]


def report(
    directory: Path,
    /,
    *,
    html: Out | None = None,
    pdf: Out | None = None,
    list_: Annotated[bool, Parameter(name="--list", negative="")] = False,
    open_: Annotated[bool, Parameter(name="--open", negative="")] = False,
    csv: Annotated[Out | None, Parameter(allow_leading_hyphen=True)] = None,
    jsonl: Annotated[Out | None, Parameter(allow_leading_hyphen=True)] = None,
    json: Annotated[Out | None, Parameter(allow_leading_hyphen=True)] = None,
    sql: Path | None = None,
    for_: Annotated[LevelChoice, Parameter(name="--for")] = "authority",
    reviewed: Path | None = None,
    fail_on_grade: GradeChoice | None = None,
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
    list_
        Print a line for each archive instead of the summary, the open ones first.
    open_
        List open archives only, with --list, --csv and --jsonl.
    csv
        Write the list for a spreadsheet to this file or folder; - is stdout.
    jsonl
        Write the list to this file or folder, a JSON object a line; - is stdout.
    json
        Write one JSON document to this file or folder; - is stdout.
    sql
        Write SQL to this file that opens the survey in your own DuckDB.
    for_
        Who reads it. public: no archive can be told from it, and no address is in it. owner: one operator's archives only.
    reviewed
        A CSV file (archive, what, by, when, operator) of what persons found out: it overrides our tags and the operator.
    fail_on_grade
        Exit with 1 when an archive has this grade or a worse one, and with 3 when that cannot be known of all.
    """
    words, level = Words(), Level(for_)
    kinds: tuple[tuple[Out | None, str, _Render], ...] = (
        (html, ".html", lambda told: page.render(told, words).encode()),
        (pdf, ".pdf", lambda told: page.render(told, words).encode()),
        (csv, ".csv", lambda told: listing.csv(listing.lines(told, opened=open_, words=words))),
        (jsonl, ".jsonl", lambda told: listing.jsonl(listing.lines(told, opened=open_, words=words))),
        (json, ".json", json_bytes),
    )
    asked = [(to, suffix, render) for to, suffix, render in kinds if to is not None]
    _require_sense(list_=list_, open_=open_, csv=csv, jsonl=jsonl, outs=[to for to, _, _ in asked])
    queries = [] if sql is None else [(sql, script(directory).encode(), "")]
    if queries and not asked and not list_ and fail_on_grade is None:
        with telling(directory):
            Dataset(directory).require_whole()
        require_writable(sql, read=[reviewed])
        write_files(queries)
        return DONE
    with telling(directory):
        dataset = _whole(directory)
        review(dataset, reviewed)
        document = at_level(summary.document(dataset, words), level, words)
        places = [_where(to, document, level, suffix) for to, suffix, _ in asked]
        require_writable(sql, *places, read=[reviewed])
        made = [(to, suffix, render(document)) for to, (_, suffix, render) in zip(places, asked, strict=True)]
        drawn: RenderableType | None = None
        if list_:
            drawn = listing.Listing(listing.lines(document, opened=open_, words=words), words)
        elif not made and sql is None:
            drawn = terminal.render(document, words)
        code = graded(dataset, fail_on_grade) if fail_on_grade else DONE
        del dataset, document  # the layout of a PDF needs the memory
        files = [(to, paper.pdf(data.decode()) if suffix == ".pdf" else data) for to, suffix, data in made]
    printed = [data for to, data in files if to is None]
    try:
        write_files([*queries, *((to, data, f" (level {level})") for to, data in files if to is not None)])
    finally:
        if printed:
            put(printed)
        if drawn is not None:
            show(drawn)
    return code


def graded(dataset: Dataset, fail_on_grade: GradeChoice) -> int:
    """The exit code of a survey by the grades of its archives, decoys left out."""
    found = [row["grade"] for row in dataset.rows("SELECT DISTINCT grade FROM counted")]
    return grades.code(found, fail_on_grade, sure=dataset.manifest.complete)


def read(directory: Path, words: Words) -> ReportDocument:
    """All that a survey found out. Raises NotASurvey."""
    return summary.document(_whole(directory), words)


def _whole(directory: Path) -> Dataset:
    dataset = opened(directory)
    dataset.require_whole()
    return dataset


def _require_sense(*, list_: bool, open_: bool, csv: Out | None, jsonl: Out | None, outs: list[Out]) -> None:
    """Raises Refusal where an option would do nothing, or two documents would mix on stdout."""
    if open_ and not (list_ or csv or jsonl):
        raise Refusal("--open says what is in a list: add --list, --csv FILE or --jsonl FILE")
    if outs.count(Out(_STDOUT)) + list_ > 1:
        raise Refusal("only one document can go to stdout: give the others a file")


def _where(to: Out, document: ReportDocument, level: Level, suffix: str) -> Path | None:
    """None: stdout."""
    return None if to == _STDOUT else named(to, document.evidence.scope, level, suffix)
