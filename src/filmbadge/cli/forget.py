"""`filmbadge forget`"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from filmbadge.cli.codes import DONE
from filmbadge.cli.console import err, line_of_input
from filmbadge.keep.files import real, shown
from filmbadge.keep.forget import Receipt, begin, beside, finish
from filmbadge.model import Refusal


def forget(
    directory: Path, /, *, receipt: Path | None = None, yes: Annotated[bool, Parameter(negative="")] = False
) -> int:
    """Delete a survey's folder, and write a receipt that holds no address. Blocks of the disk are not overwritten.

    Parameters
    ----------
    directory
        The folder that a survey was kept in. Nothing is deleted if something in it is not of a survey.
    receipt
        Where to write the receipt. Default: beside the folder, as NAME.forgotten.json.
    yes
        Delete without asking.
    """
    # `.` cannot be deleted by that name. A link is not resolved: it is refused further down.
    named = directory.name not in ("", "..")
    directory = real(directory.parent) / directory.name if named else real(directory)
    place = receipt or beside(directory)
    if real(place).is_relative_to(real(directory)):
        raise Refusal("the receipt must not stand in the folder that is deleted")
    begun = begin(directory, place)
    if not yes:
        _confirm(directory, begun)
    done = finish(directory, place, begun)
    err.print(
        f"Deleted {done.files} files, {done.bytes:,} bytes. Receipt: {shown(place)}", soft_wrap=True, markup=False
    )
    return DONE


def _confirm(directory: Path, begun: Receipt) -> None:
    """Raises Refusal, unless somebody at a terminal says yes."""
    if not sys.stdin.isatty():
        raise Refusal("forget asks before it deletes, and there is no terminal: say --yes")
    question = f"Delete {shown(directory)} ({begun.files} files, {begun.bytes:,} bytes)? [yes/no]"
    if line_of_input(question).strip() != "yes":
        raise Refusal(f"{shown(directory)} was left as it is")
