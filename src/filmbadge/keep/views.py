"""The SQL of a survey: views over its rows, and the tables that are ready to be read. It stands in `sql/`, one file a table."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from filmbadge.keep.schema import ARCHIVES, OF_HOSTS, TABLES, Table

Rows = list[dict[str, Any]]
READY = (
    "totals",
    "by_country",
    "by_network",
    "by_operator",
    "by_product",
    "by_kind",
    "by_year",
    "by_transport",
    "by_rung",
    "by_reason",
    "journal_digest",
)
_SQL = {
    pa.string(): "VARCHAR",
    pa.int64(): "BIGINT",
    pa.int32(): "INTEGER",
    pa.int16(): "SMALLINT",
    pa.float64(): "DOUBLE",
    pa.bool_(): "BOOLEAN",
    pa.timestamp("us"): "TIMESTAMP",
}


class Tables(Protocol):
    """The views of a dataset."""

    def rows(self, sql: str, *parameters: object) -> Rows: ...

    def hold(self, *views: str) -> None: ...

    def fill(self, table: str, names: list[str]) -> None: ...

    def grouping(self) -> str: ...


def archives() -> str:
    """The view `archives` and what it stands on, as SQL. The tables that `name_of` names must be there."""
    return _read("archives")


def views() -> str:
    """The other views, as SQL: they stand on `archives`."""
    return _read("views")


def ready(name: str) -> str:
    """A table that is ready to be read, one of `READY`, as SQL: it stands on the views."""
    return _read(name)


def name_of(table: Table) -> str:
    """The name under which the views find the rows of a table."""
    if table is ARCHIVES:
        return "archives_parts"
    return f"{table.name}_rows" if table.judged else table.name


def script(directory: Path) -> str:
    """All SQL that opens a survey in the user's own DuckDB, from version 1.2 on, with nothing of Filmbadge installed."""
    return "\n".join((_opening(directory), archives(), views(), *map(ready, READY)))


@cache
def _read(name: str) -> str:
    return (files("filmbadge.keep") / "sql" / f"{name}.sql").read_text(encoding="utf-8")


def _opening(directory: Path) -> str:
    folder = directory.as_posix().replace("'", "''")
    return "\n".join((_read("folder").replace("{folder}", folder), *map(_rows_of, TABLES)))


def _rows_of(table: Table) -> str:
    """The rows of all parts that count. A table may have no part at all, so its columns stand here."""
    place = "'/judged/' || getvariable('judgement') || '" if table.judged else "'"
    counts = "true"
    if table in OF_HOSTS:  # a part counts beside the observations of its number
        counts = "number_of(file) IN (SELECT number_of(file) FROM glob(getvariable('survey') || '/observations/part-*.parquet'))"
    elif table.name == "reviews":
        counts = "true QUALIFY row_number() OVER (ORDER BY number_of(file) DESC) = 1"
    columns = ",\n    ".join(f"NULL::{_type(column.type)} AS {column.name}" for column in table.columns)
    kind = "VIEW" if not table.judged else "TABLE"
    return f"""SET VARIABLE {table.name} = (
    SELECT coalesce('FROM read_parquet([' || string_agg(quoted(file), ', ' ORDER BY file) || '], union_by_name = true)', 'SELECT 1 AS nothing WHERE false')
    FROM (SELECT file FROM glob(getvariable('survey') || {place}/{table.name}/part-*.parquet') WHERE {counts})
);
CREATE OR REPLACE {kind} {name_of(table)} AS SELECT * EXCLUDE (nothing) FROM (
    SELECT
    NULL AS nothing,
    {columns}
    WHERE false
    UNION ALL BY NAME FROM query(getvariable('{table.name}'))
);
"""


def _type(kind: pa.DataType) -> str:
    if isinstance(kind, pa.MapType):
        return f"MAP({_type(kind.key_type)}, {_type(kind.item_type)})"
    if isinstance(kind, pa.ListType):
        return f"{_type(kind.value_type)}[]"
    if isinstance(kind, pa.StructType):
        return f"STRUCT({', '.join(_fields(kind))})"
    return _SQL[kind]


def _fields(kind: pa.StructType) -> Iterator[str]:
    for field in kind:
        yield f'"{field.name}" {_type(field.type)}'
