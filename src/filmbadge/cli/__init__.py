"""The commands. One file each: parse, call, render; nothing else.

Exit codes: 0 done · 1 done, and `--fail-on` was reached (rehearse: measured differs from truth) ·
2 usage or scope refused · 3 incomplete.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.metadata import version

from cyclopts import App, CycloptsError

from filmbadge.ask.targets.lists import TargetError
from filmbadge.cli import check, rehearse, report, scope, survey
from filmbadge.cli.console import Refusal, complain, where
from filmbadge.keep.reader import NotASurvey
from filmbadge.rehearse.serve import CannotServe
from filmbadge.scope import ScopeError
from filmbadge.survey.engine import SurveyError

DONE, FOUND, REFUSED, INCOMPLETE = 0, 1, 2, 3

app = App(
    name="filmbadge",
    help="Finds medical image archives that answer strangers, and counts what they would give away, without keeping any patient's data.",
    help_epilogue="Exit codes: 0 done; 1 done, and --fail-on was reached (rehearse: measured differs from truth); 2 usage or scope refused; 3 incomplete.",
    version=f"filmbadge {version('filmbadge')}",
    help_format="plaintext",
    result_action="return_value",
    suppress_keyboard_interrupt=False,
)
app.command(check.check)
app.command(survey.survey)
app.command(report.report)
app.command(scope.app)
app.command(rehearse.rehearse)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. Bad input is one line on stderr and 2."""
    try:
        result = app(arguments, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        error_line = " ".join(str(error).split())
        return complain(f"{error_line} (filmbadge --help)", REFUSED)
    except (ScopeError, TargetError, NotASurvey, CannotServe, SurveyError, Refusal) as error:
        return complain(str(error), REFUSED)
    except KeyboardInterrupt:
        return complain("interrupted", INCOMPLETE)
    except BrokenPipeError:
        sys.stderr.close()
        return DONE
    return result if isinstance(result, int) else DONE


def main() -> None:
    """What nobody foresaw is told by its type and place: its text could hold what was being looked at."""
    sys.unraisablehook = lambda _: None
    try:
        code = run()
    except Exception as error:
        code = complain(f"our own error, please report it: {where(error)}", INCOMPLETE)
    sys.exit(code)
