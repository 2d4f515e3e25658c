"""`filmbadge judge`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from filmbadge.cli.codes import DONE
from filmbadge.cli.console import put_json, show
from filmbadge.conclude.again import judge_again
from filmbadge.keep.reader import Dataset, NotASurvey, telling
from filmbadge.places import load
from filmbadge.tell import rejudged
from filmbadge.tell.words import Words


def judge(
    directory: Path,
    /,
    *,
    places: Annotated[tuple[Path, ...], Parameter(negative="", show_default=False)] = (),
    json: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Judge once more what a survey kept, with today's catalogue and places. Asks nobody.

    What was judged before stays in the folder; reports take the newest.

    Parameters
    ----------
    directory
        The folder that a survey was kept in.
    places
        A CSV or MMDB file that says in which country and network an address is, and whose it is. May be given several times.
    json
        Print one JSON document on stdout instead of what changed.
    """
    where = load(places)
    with telling(directory):
        before = _before(directory)
        number = judge_again(directory, where)
        document = rejudged.document(before, Dataset(directory, number))
        drawn = rejudged.render(document, Words())
    if json:
        put_json(document)
    else:
        show(drawn)
    return DONE


def _before(directory: Path) -> Dataset | None:
    """What is lost of an older judgement would be told as a change."""
    try:
        dataset = Dataset(directory)
        dataset.require_whole()
    except NotASurvey:
        return None
    return dataset
