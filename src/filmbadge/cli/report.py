"""`filmbadge report`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from filmbadge.cli.codes import DONE
from filmbadge.cli.console import json_bytes, note, put_json, show, write_file
from filmbadge.conclude.again import opened
from filmbadge.keep.reader import Dataset, telling
from filmbadge.keep.views import script
from filmbadge.tell import summary
from filmbadge.tell.report import page
from filmbadge.tell.words import Words


def report(
    directory: Path,
    /,
    *,
    html: Path | None = None,
    json: Annotated[Path | None, Parameter(allow_leading_hyphen=True)] = None,
    sql: Path | None = None,
) -> int:
    """Tell what a survey found. Without an option, a summary on the terminal.

    Parameters
    ----------
    directory
        The folder that a survey was kept in.
    html
        Write one self-contained page to this file.
    json
        Write one JSON document to this file; - is stdout.
    sql
        Write SQL to this file that opens the survey in your own DuckDB.
    """
    if sql is not None:
        _write_sql(directory, sql)
        if html is None and json is None:
            return DONE
    words = Words()
    with telling(directory):
        dataset = opened(directory)
        dataset.require_whole()
        document = summary.document(dataset, words)
        drawn = summary.render(document, words)
        made = "" if html is None else page.render(document, words)
    if html is None and json is None:
        show(drawn)
    if html is not None:
        write_file(html, made.encode())
        note(f"Wrote {html}")
    if json is not None and str(json) == "-":
        put_json(document)
    elif json is not None:
        write_file(json, json_bytes(document))
    return DONE


def _write_sql(directory: Path, to: Path) -> None:
    with telling(directory):
        Dataset(directory).require_whole()
    write_file(to, script(directory).encode())
    note(f"Wrote {to}")
