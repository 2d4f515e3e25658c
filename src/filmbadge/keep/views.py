"""The SQL of a survey: views over its rows, and the tables that are ready to be read. It stands in `sql/`, one file a table."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any, Protocol

Rows = list[dict[str, Any]]


class Tables(Protocol):
    """The views of a dataset."""

    def rows(self, sql: str, *parameters: object) -> Rows: ...

    def hold(self, *views: str) -> None: ...

    def fill(self, table: str, names: list[str]) -> None: ...

    def grouping(self) -> str: ...


@cache
def views() -> str:
    """The views, as SQL. Tables named `..._rows`, `archives_parts`, `observations`, `links` and `journal` must be there."""
    return _read("views.sql")


def _read(name: str) -> str:
    return (files("filmbadge.keep") / "sql" / name).read_text(encoding="utf-8")
