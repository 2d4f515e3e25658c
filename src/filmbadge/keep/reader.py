"""Opens a survey's folder: SQL views over its tables, the hosts already done, and the totals."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds

from filmbadge.keep import manifest
from filmbadge.keep.manifest import Manifest
from filmbadge.keep.schema import ARCHIVES, ENDPOINTS, TABLES, VERSION, Table
from filmbadge.keep.writer import part_numbers, part_path
from filmbadge.model import How, Total

QUANTITIES = (
    "archives",
    "archives_open",
    "countries",
    "patients",
    "studies",
    "series",
    "images",
    "images_retrievable",
    "ssn_records",
    "http_viewers",
)
_NOT_MEASURED = {
    "countries": "no country data is read yet",
    "images_retrievable": "needs depth prove",
    "ssn_records": "needs depth profile",
    "http_viewers": "no web viewer is probed yet",
}


# What was asked again, because it could not be found out or two targets lead to it, counts once: as known last.
_VIEWS = {
    "endpoints": (
        "SELECT * FROM (SELECT DISTINCT ON (address, port, protocol) * FROM endpoints_rows"
        " ORDER BY address, port, protocol, rung IS NULL, asked_at DESC) AS e WHERE rung IS NOT NULL OR NOT EXISTS"
        " (SELECT 1 FROM endpoints_rows AS later WHERE later.target = e.target AND later.asked_at > e.asked_at"
        " AND later.rung IS NOT NULL)"
    ),
    "archives": "SELECT DISTINCT ON (id) * FROM archives_rows ORDER BY id, open DESC, studies DESC NULLS LAST",
}


class NotASurvey(Exception):
    """The folder holds no survey that this version can read. One line, for the user."""


class Dataset:
    """A survey's tables as views `endpoints`, `archives`, `kinds` and `journal`. Read-only; reaches no other file."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.manifest = read_manifest(directory)
        self._tables = [_table(directory, table) for table in TABLES]
        self._sql = duckdb.connect(":memory:")
        for table, rows in zip(TABLES, self._tables, strict=True):
            self._sql.register(f"{table.name}_rows", rows)
            self._sql.execute(
                f"CREATE VIEW {table.name} AS {_VIEWS.get(table.name, 'SELECT * FROM ' + table.name + '_rows')}"
            )
        for setting in (
            "autoinstall_known_extensions=false",
            "autoload_known_extensions=false",
            "enable_external_access=false",
            "lock_configuration=true",
        ):
            self._sql.execute(f"SET {setting}")

    def rows(self, sql: str, *parameters: object) -> list[dict[str, object]]:
        """The result of a query, a dict a row. Raises NotASurvey where a part file is damaged."""
        try:
            answer = self._sql.execute(sql, list(parameters))
            names = [column[0] for column in answer.description or ()]
            return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]
        except (duckdb.IOException, duckdb.InvalidInputException, pa.ArrowException, OSError) as error:
            raise NotASurvey(f"{self.directory}: a part file cannot be read ({type(error).__name__})") from None

    def done(self) -> set[str]:
        """Targets that were asked with an outcome, and need not be again."""
        unknown = "SELECT target FROM endpoints WHERE rung IS NULL"
        return self._targets(f"SELECT DISTINCT target FROM endpoints_rows WHERE target NOT IN ({unknown})")

    def asked(self) -> set[str]:
        """Targets that were asked, also those of which nothing could be found out."""
        return self._targets("SELECT DISTINCT target FROM endpoints_rows")

    def _targets(self, sql: str) -> set[str]:
        return {str(row["target"]) for row in self.rows(sql)}

    def outcomes(self) -> dict[str, int]:
        """Endpoints by rung."""
        found = self.rows("SELECT coalesce(rung, 'unknown') rung, count(*) n FROM endpoints GROUP BY 1")
        return {str(row["rung"]): int(str(row["n"])) for row in found}

    def connections(self) -> int:
        return int(str(self.rows("SELECT count(*) n FROM journal")[0]["n"]))

    def totals(self) -> tuple[Total, ...]:
        """The quantities of a survey, each with its origin. What is unknown for one open archive is unknown in total."""
        return tuple(self._total(quantity) for quantity in QUANTITIES)

    def _total(self, quantity: str) -> Total:
        if why := _NOT_MEASURED.get(quantity):
            return Total(quantity, None, How.UNKNOWN, why=why)
        if quantity in ("archives", "archives_open"):
            condition = "open" if quantity == "archives_open" else "true"
            n = self.rows(f"SELECT count(DISTINCT id) n FROM archives WHERE {condition}")[0]["n"]
            return Total(quantity, int(str(n)), How.COUNTED)
        groups = self.rows(
            f"SELECT {quantity}_how how, count(*) n, sum({quantity}) total, "
            f"sum({quantity}_at_least) least, min({quantity}_why) why "
            "FROM archives WHERE open GROUP BY 1 ORDER BY 1"
        )
        parts = {str(g["how"]): int(str(g["total"] or 0)) for g in groups if g["how"] != How.UNKNOWN}
        unknown = next((g for g in groups if g["how"] == How.UNKNOWN), None)
        known = sum(parts.values())
        if unknown is None:
            return Total(quantity, known, " + ".join(parts) or How.COUNTED, parts if len(parts) > 1 else {})
        return Total(
            quantity,
            None,
            How.UNKNOWN,
            parts,
            unknown_archives=int(str(unknown["n"])),
            at_least=known + int(str(unknown["least"] or 0)),
            why=str(unknown["why"]),
        )


def read_manifest(directory: Path) -> Manifest:
    """Raises NotASurvey."""
    try:
        found = manifest.read(directory)
    except FileNotFoundError:
        raise NotASurvey(f"{directory} holds no survey (no {manifest.NAME})") from None
    except (OSError, ValueError, RecursionError):  # ValueError: not ours, or not UTF-8
        raise NotASurvey(f"{directory / manifest.NAME} is not a survey of this version") from None
    if found.dataset != VERSION:
        raise NotASurvey(f"{directory} has dataset version {found.dataset}; this version reads {VERSION}")
    return found


def _table(directory: Path, table: Table) -> pa.Table | ds.Dataset:
    numbers = part_numbers(directory, table)
    if table is ARCHIVES:
        numbers &= part_numbers(directory, ENDPOINTS)
    files = [str(part_path(directory, table, n)) for n in sorted(numbers)]
    return ds.dataset(files, schema=table.arrow, format="parquet") if files else table.arrow.empty_table()
