"""Finds medical image archives that answer strangers, and counts what they would give away.

    scope = filmbadge.load_scope(Path("scope.toml"))            # raises ScopeError
    host, journal = await filmbadge.check(scope, filmbadge.parse_target("pacs.example:104"))
    host.archives[0].open, host.archives[0].counts.studies

A whole survey is a `Survey`, and what it kept is read through a `Dataset`. Whoever imports this package has no core dumps any more:
see `filmbadge.dumps`.
"""

import filmbadge.dumps  # noqa: F401

# isort: split
from typing import TYPE_CHECKING, Any

from filmbadge.ask.targets.lists import Target, TargetError, Targets
from filmbadge.ask.targets.lists import parse as parse_target
from filmbadge.ask.targets.lists import read as read_targets
from filmbadge.model import (
    Archive,
    Count,
    Counts,
    Depth,
    Endpoint,
    Host,
    JournalRow,
    JudgedEndpoint,
    Observation,
    Product,
    Provenance,
    Reason,
    Rung,
    Total,
    Verdict,
)
from filmbadge.scope import LOOPBACK, ConnectionLimits, RateLimits, Scope, ScopeError, loopback
from filmbadge.scope import load as load_scope
from filmbadge.version import RELEASE as __version__

if TYPE_CHECKING:
    from filmbadge.keep.reader import Dataset, NotASurvey
    from filmbadge.survey.engine import Survey
    from filmbadge.survey.examine import SurveyError, check

__all__ = [
    "LOOPBACK",
    "Archive",
    "ConnectionLimits",
    "Count",
    "Counts",
    "Dataset",
    "Depth",
    "Endpoint",
    "Host",
    "JournalRow",
    "JudgedEndpoint",
    "NotASurvey",
    "Observation",
    "Product",
    "Provenance",
    "RateLimits",
    "Reason",
    "Rung",
    "Scope",
    "ScopeError",
    "Survey",
    "SurveyError",
    "Target",
    "TargetError",
    "Targets",
    "Total",
    "Verdict",
    "__version__",
    "check",
    "load_scope",
    "loopback",
    "parse_target",
    "read_targets",
]


def __getattr__(name: str) -> Any:
    """What needs pyarrow and duckdb is imported when it is first asked for: they take 90 MB."""
    if name in ("Dataset", "NotASurvey"):
        from filmbadge.keep import reader

        return getattr(reader, name)
    if name == "Survey":
        from filmbadge.survey.engine import Survey

        return Survey
    if name in ("SurveyError", "check"):
        from filmbadge.survey import examine

        return getattr(examine, name)
    raise AttributeError(f"module 'filmbadge' has no attribute {name!r}")
