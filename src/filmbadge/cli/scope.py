"""`filmbadge scope`"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from cyclopts import App

from filmbadge.cli.codes import DONE
from filmbadge.cli.console import note, out
from filmbadge.model import Refusal
from filmbadge.scope import load, template
from filmbadge.tell.scope import explain
from filmbadge.tell.words import Words
from filmbadge.texts import printable

app = App(name="scope", help="Write a scope file, or explain one.")


@app.command
def new(file: Path, /) -> int:
    """Write a commented scope file to fill in.

    Parameters
    ----------
    file
        Where to write it. An existing file is never overwritten.
    """
    text = template(printable(str(file)), datetime.now(UTC).date())
    try:
        handle = file.open("x", encoding="utf-8")
        try:
            with handle:
                handle.write(text)
        except OSError:
            file.unlink()  # a full disk: what is half there would keep the next try from writing
            raise
    except FileExistsError:
        raise Refusal(f"{file} exists; it is not overwritten") from None
    except OSError as error:
        raise Refusal(f"{file} cannot be written: {error.strerror}") from None
    note(f"Wrote {file}. Fill in what says TODO, then: filmbadge scope check {file}")
    return DONE


@app.command
def check(file: Path, /) -> int:
    """Explain in words what a survey under this scope would do. Sends nothing.

    Parameters
    ----------
    file
        The scope file.
    """
    out.print(explain(load(file), Words()), soft_wrap=True)
    return DONE
