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

if TYPE_CHECKING:
    from filmbadge.ask.targets.lists import Target, TargetError, Targets
    from filmbadge.ask.targets.lists import parse as parse_target
    from filmbadge.ask.targets.lists import read as read_targets
    from filmbadge.keep.reader import Dataset, NotASurvey
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
    from filmbadge.survey.engine import Survey
    from filmbadge.survey.examine import SurveyError, check
    from filmbadge.version import RELEASE as __version__

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


_OTHERWISE = {"parse_target": "parse", "read_targets": "read", "load_scope": "load", "__version__": "RELEASE"}


def __getattr__(name: str) -> Any:
    """Each is imported when it is first asked for: pyarrow and duckdb take 90 MB, and who starts the command may end it at once."""
    if name not in __all__:
        raise AttributeError(f"module 'filmbadge' has no attribute {name!r}")
    return getattr(_module(name), _OTHERWISE.get(name, name))


def _module(name: str) -> Any:
    if name in ("Target", "TargetError", "Targets", "parse_target", "read_targets"):
        from filmbadge.ask.targets import lists

        return lists
    if name in ("Dataset", "NotASurvey"):
        from filmbadge.keep import reader

        return reader
    if name in ("LOOPBACK", "ConnectionLimits", "RateLimits", "Scope", "ScopeError", "load_scope", "loopback"):
        from filmbadge import scope

        return scope
    if name == "Survey":
        from filmbadge.survey import engine

        return engine
    if name in ("SurveyError", "check"):
        from filmbadge.survey import examine

        return examine
    from filmbadge import model, version

    return version if name == "__version__" else model
