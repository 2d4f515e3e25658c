"""`filmbadge report`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from filmbadge.cli.codes import DONE
from filmbadge.cli.console import json_bytes, note, put_json, show, write_file
from filmbadge.conclude.again import opened
from filmbadge.keep.reader import telling
from filmbadge.tell import summary
from filmbadge.tell.report import page
from filmbadge.tell.words import Words


def report(
    directory: Path,
    /,
    *,
    html: Path | None = None,
    json: Annotated[Path | None, Parameter(allow_leading_hyphen=True)] = None,
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
    """
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
