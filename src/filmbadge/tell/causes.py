"""Words for what ended a conversation and for what leaves a number in doubt. Records hold codes and numbers only."""

from __future__ import annotations

from filmbadge.model import Doubt, DoubtCode

_DOUBTS = {
    DoubtCode.CUT_OFF: "an answer of {rows:,} rows looks like a limit of the archive",
}


def doubt(found: Doubt) -> str:
    """A clause for one doubt."""
    return _DOUBTS[found.code].format(**found.numbers)
