"""The commands, one file each. A command parses, calls and renders; nothing else."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, requires, version

from cyclopts import App, CycloptsError

from filmbadge import interruption
from filmbadge.cli import misuse
from filmbadge.cli.codes import DONE, INCOMPLETE, REFUSED
from filmbadge.cli.console import complain, open_standard_streams, out, settle_standard_streams
from filmbadge.model import Refusal
from filmbadge.texts import where
from filmbadge.version import RELEASE


def versions() -> str:
    """What a report of a fault must say: the release, the core of the decoder, and what it runs on."""
    from filmbadge.ask.decoder import CORE
    from filmbadge.ask.wire.dialer import TLS_LIBRARY

    below = [re.match(r"[\w.-]+", line) for line in requires("filmbadge") or ()]
    libraries = [f"{name.group()} {_version(name.group())}" for name in below if name is not None]
    runs_on = f"Python {sys.version.split()[0]} on {sys.platform}, {TLS_LIBRARY}"
    return "\n".join((f"filmbadge {RELEASE}, {CORE} core", runs_on, *libraries))


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:  # Windows has no uvloop
        return "missing"


app = App(
    name="filmbadge",
    help="Finds medical image archives that answer strangers, and counts what they would give away, without keeping any patient's data.",
    help_epilogue="Exit codes: 0 done; 1 done, and --fail-on or --fail-on-grade was reached (rehearse: measured differs from truth; verify: still open, moved, or a signature is not genuine; compare: what --fail-on names changed); 2 usage or scope refused; 3 incomplete.",
    version=versions,
    version_flags=["--version", "-V"],
    help_format="plaintext",
    console=out,
    result_action="return_value",
    suppress_keyboard_interrupt=False,
)
# Commands are imported by name: pyarrow and duckdb take 90 MB, and a check needs neither.
for place, does in (
    ("check:check", "Check one archive: how open it is, why, and how much it would give away."),
    ("survey:survey", "Survey many hosts under one scope, into a folder of Parquet tables."),
    ("judge:judge", "Judge once more what a survey kept, with today's catalogue. Asks nobody."),
    ("report:report", "Tell what a survey found. Without an option, a summary on the terminal."),
    ("compare:compare", "Tell what changed between surveys: archives that are new, gone, closed, still open or moved."),
    (
        "verify:verify",
        "Prove that what was open is closed: ask again every way in that was open, and tell what each answers now.",
    ),
    ("notices:notices", "Write letters to those who run open archives. Nothing is sent."),
    ("remedy:remedy", "Write the files that close an archive: configuration, certificates, steps and tests."),
    ("feed:feed", "Write what is wrong, finding by finding, in a format that other tools take."),
    (
        "forget:forget",
        "Delete a survey's folder, and write a receipt that holds no address. Blocks of the disk are not overwritten.",
    ),
    ("optout:optout", "Leave an address or a network alone from now on: adds a line to a list of opt-outs."),
    ("scope:app", "Write a scope file, or explain one."),
    ("watch:watch", "Keep looking under your scopes, show what changed in a browser, and tell people."),
    ("rehearse:rehearse", "Survey a synthetic world on loopback and compare what was measured with its truth."),
):
    app.command(f"filmbadge.cli.{place}", name=place.partition(":")[0], help=does)


def run(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code. Bad input gives one line on stderr, and code 2."""
    try:
        result = app(arguments, exit_on_error=False, print_error=False)
    except BaseException as error:
        if interruption.is_behind(error):
            what = str(error) if isinstance(error, KeyboardInterrupt) else ""
            return complain(": ".join(filter(None, (interruption.SAID, what))), INCOMPLETE)
        return _refused(error)
    return result if isinstance(result, int) else DONE


def _refused(error: BaseException) -> int:
    """Raises the error, where it is not for the user."""
    if isinstance(error, CycloptsError):
        return complain(misuse.told(error), REFUSED)
    if isinstance(error, Refusal):
        return complain(str(error), REFUSED)
    if isinstance(error, BrokenPipeError):
        sys.stderr.close()
        return DONE
    if isinstance(error, OSError) and error.filename is not None:  # of a path that was named
        return complain(f"{os.fsdecode(error.filename)} cannot be used: {error.strerror}", REFUSED)
    raise error


def main() -> None:
    """Runs `run`. An unforeseen error is reported by type and place only: its text could hold an archive's value."""
    sys.unraisablehook = lambda _: None
    open_standard_streams()
    try:
        code = run()
    except Exception as error:
        code = complain(f"our own error, please report it: {where(error)}", INCOMPLETE)
    interruption.over()
    settle_standard_streams()
    sys.exit(code)
