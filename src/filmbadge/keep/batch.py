"""Rows for the tables of a survey, as they are gathered between two flushes. Whoever asks gathers them; one process writes them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import pyarrow as pa

from filmbadge.keep.schema import (
    ARCHIVES,
    ENDPOINTS,
    FINDINGS,
    JOURNAL,
    KINDS,
    LINKS,
    OBSERVATIONS,
    TABLES,
    Table,
    Values,
    archive_row,
    endpoint_rows,
    finding_row,
    journal_row,
    kind_rows,
    link_row,
    observation_rows,
)
from filmbadge.model import Finding, Host, JournalRow, Link

Rows = dict[str, list[Values]]  # by table


class Batch:
    """Rows by table, and tables of rows that another process gathered."""

    def __init__(self) -> None:
        self._rows: Rows = {table.name: [] for table in TABLES}
        self._made: dict[str, list[pa.Table]] = defaultdict(list)

    def __len__(self) -> int:
        """Rows in all."""
        made = sum(len(table) for tables in self._made.values() for table in tables)
        return made + sum(map(len, self._rows.values()))

    def journal(self, connection: JournalRow) -> None:
        self._rows[JOURNAL.name].append(journal_row(connection))

    def host(self, host: Host, target: str, findings: Iterable[Finding]) -> None:
        """All that was learned at one host, with what is wrong there."""
        at = datetime.now(UTC)
        self._rows[LINKS.name].extend(link_row(link, target) for link in host.links)
        judge_rows(self._rows, host, target, findings, at)
        self._rows[OBSERVATIONS.name].extend(observation_rows(host, target, at))

    def links(self, links: Iterable[Link]) -> None:
        self._rows[LINKS.name].extend(map(link_row, links))

    def take(self, tables: Mapping[str, pa.Table]) -> None:
        """Rows that another process gathered, with the schema of their tables."""
        for name, rows in tables.items():
            self._made[name].append(rows)

    def of(self, table: Table) -> Batch:
        """Only the rows of one table."""
        kept = Batch()
        kept._rows[table.name] = self._rows[table.name]
        kept._made[table.name] = self._made[table.name]
        return kept

    def add(self, later: Batch) -> None:
        """What was gathered after it."""
        for name, rows in later._rows.items():
            self._rows[name].extend(rows)
        for name, tables in later._made.items():
            self._made[name].extend(tables)

    def tables(self) -> list[Table]:
        """Those that have rows, in the order in which they are written."""
        return [table for table in TABLES if self._rows[table.name] or self._made[table.name]]

    def filled(self, table: Table) -> pa.Table:
        """All rows of a table."""
        made, rows = self._made[table.name], self._rows[table.name]
        if not made:
            return table.filled(rows)
        return pa.concat_tables([*made, table.filled(rows)])


def judge_rows(rows: Rows, host: Host, target: str, findings: Iterable[Finding], at: datetime) -> None:
    """Adds what was judged of one host. `at` is when a fault of ours was met."""
    rows[ENDPOINTS.name].extend(endpoint_rows(host, target, at))
    rows[ARCHIVES.name].extend(map(archive_row, host.archives))
    rows[FINDINGS.name].extend(map(finding_row, findings))
    rows[KINDS.name].extend(row for archive in host.archives for row in kind_rows(archive))
