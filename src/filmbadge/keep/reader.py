"""Opens a survey's folder: SQL views over its tables, the hosts already done, and the totals."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import cast

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds

from filmbadge.keep import judged, manifest, parts, upgrade, version_2
from filmbadge.keep.kept import observed
from filmbadge.keep.manifest import Manifest, PatientIds, grouping
from filmbadge.keep.schema import OF_HOSTS, REVIEWS, TABLES, VERSION, Table, decode_doubts
from filmbadge.model import Depth, Doubt, DoubtCode, Kind, Provenance, Refusal, Total

PATIENT_IDS = (
    "patient_ids"  # distinct in all open archives: what tells them apart is in no table, so a survey says it itself
)
QUANTITIES = (
    "archives",
    "archives_open",
    "decoys",
    "countries",
    "patients",
    PATIENT_IDS,
    "studies",
    "series",
    "images",
    "images_retrievable",
    "ssn_records",
    "http_viewers",
    *(f"kind:{kind}" for kind in Kind),
)
_NOT_MEASURED = {
    "countries": DoubtCode.NO_COUNTRY_DATA,
    "images_retrievable": DoubtCode.NEEDS_PROVE,
}

NOT_ENDED = Total(PATIENT_IDS, None, Provenance.UNKNOWN, doubts=(Doubt(DoubtCode.SURVEY_NOT_ENDED),))
_NO_IDS = Total(PATIENT_IDS, None, Provenance.UNKNOWN, doubts=(Doubt(DoubtCode.NEEDS_PROFILE),))
_OTHERWISE = Total(PATIENT_IDS, None, Provenance.UNKNOWN, doubts=(Doubt(DoubtCode.GROUPED_OTHERWISE),))

_COUNTED = {
    "archives": "counted",
    "archives_open": "counted WHERE open",
    "decoys": "archives WHERE len(decoy) > 0",
    # Archives whose pages a stranger is shown without a login, over plain HTTP.
    "http_viewers": "counted WHERE id IN (SELECT archive FROM endpoints WHERE viewer <> '' AND tls IS NULL)",
}

# What was asked again, because it could not be found out or two targets lead to it, counts once: as known last.
# What a review found to be one archive counts once too: as the archive that the others are the same as.
_VIEWS = {
    "endpoints_known": (
        "SELECT * FROM (SELECT DISTINCT ON (address, port, protocol) * FROM endpoints_rows"
        " ORDER BY address, port, protocol, rung IS NULL, asked_at DESC) AS e WHERE rung IS NOT NULL OR NOT EXISTS"
        " (SELECT 1 FROM endpoints_rows AS later WHERE later.target = e.target AND later.asked_at > e.asked_at"
        " AND later.rung IS NOT NULL)"
    ),
    "archives_known": "SELECT DISTINCT ON (id) * FROM archives_rows ORDER BY id, open DESC, studies DESC NULLS LAST, len(endpoints) DESC",
    "endpoints": (
        "SELECT e.* REPLACE (coalesce(r.same_as, e.archive) AS archive)"
        " FROM endpoints_known e LEFT JOIN reviews r ON r.archive = e.archive"
    ),
    "archives": (
        "SELECT a.* REPLACE (a.endpoints || coalesce(t.endpoints, []) AS endpoints,"
        " list_sort(list_distinct(a.decoy || coalesce(r.decoy, []))) AS decoy)"
        " FROM archives_known a LEFT JOIN reviews r ON r.archive = a.id LEFT JOIN"
        " (SELECT r.same_as, flatten(list(k.endpoints ORDER BY k.id)) AS endpoints FROM reviews r"
        " JOIN archives_known k ON k.id = r.archive WHERE r.same_as IS NOT NULL GROUP BY 1) t ON t.same_as = a.id"
        " WHERE r.same_as IS NULL"
    ),
    "findings": (
        "SELECT f.* REPLACE (coalesce(r.same_as, f.archive) AS archive) FROM (SELECT DISTINCT ON (id) * FROM findings_rows"
        " ORDER BY id) f LEFT JOIN reviews r ON r.archive = f.archive"
    ),
    "kinds": "SELECT DISTINCT ON (archive, kind) * FROM kinds_rows ORDER BY archive, kind, records DESC NULLS LAST",
    # The totals are of these: decoys and demonstrations have a line of their own.
    "counted": "SELECT * FROM archives WHERE len(decoy) = 0",
}


Groups = list[dict[str, object]]


class NotASurvey(Refusal):
    """The folder holds no survey that this version can read. One line, for the user."""


class NotJudged(NotASurvey):
    """The folder holds facts, and nothing that was judged of them. One line, for the user."""


class Dataset:
    """A survey's tables as views: the facts `observations`, `links` and `journal`, and what was judged of them:
    `endpoints`, `archives`, `kinds`, `findings` and `reviews`. Read-only; reaches no other file.

    `judged`: which of the folder's judgements; without it, the newest that is whole. Or tables that are in no folder.
    """

    def __init__(self, directory: Path, judged: int | Mapping[str, pa.Table] | None = None) -> None:
        self.directory = directory
        self.manifest = read_manifest(directory)
        self.judged = _newest(directory) if judged is None else judged
        try:
            self._tables = [self._table(table) for table in TABLES]
        except parts.Damaged as error:
            raise NotASurvey(str(error)) from None
        except (pa.ArrowException, OSError) as error:
            raise NotASurvey(f"{directory}: a part file cannot be read ({type(error).__name__})") from None
        self._sql = duckdb.connect(":memory:")
        for table, rows in zip(TABLES, self._tables, strict=True):
            self._sql.register(f"{table.name}_rows", rows)
            if table.name not in _VIEWS:
                self._sql.execute(f"CREATE VIEW {table.name} AS SELECT * FROM {table.name}_rows")
        for name, select in _VIEWS.items():
            self._sql.execute(f"CREATE VIEW {name} AS {select}")
        for setting in (
            "autoinstall_known_extensions=false",
            "autoload_known_extensions=false",
            "enable_external_access=false",
            "lock_configuration=true",
        ):
            self._sql.execute(f"SET {setting}")

    def _table(self, table: Table) -> pa.Table | ds.Dataset:
        if not table.judged and self.manifest.dataset != VERSION:
            return version_2.table(self.directory, table)
        if isinstance(self.judged, Mapping) and table.judged:
            return self.judged[table.name]
        found = parts.numbered(table.folder(self.directory, self.judged if isinstance(self.judged, int) else 0))
        if table in OF_HOSTS:
            done = observed(self.directory)
            found = {number: path for number, path in found.items() if number in done}
        if table is REVIEWS:
            found = dict(list(found.items())[-1:])
        files = [str(parts.check(path)) for path in found.values()]
        return ds.dataset(files, schema=table.arrow, format="parquet") if files else table.arrow.empty_table()

    def require_whole(self) -> None:
        """Raises NotASurvey where part files are missing: what they held would be told as zero."""
        asked = "SELECT (SELECT count(*) FROM observations) - (SELECT count(*) FROM endpoints_rows) n"
        lost = "SELECT count(*) n FROM endpoints_rows WHERE archive <> '' AND archive NOT IN (SELECT id FROM archives_rows)"
        if self.rows(asked)[0]["n"] or self.rows(lost)[0]["n"] or self._less_than_was_kept():
            raise NotASurvey(
                f"{self.directory}: part files are missing; its tables hold less than {manifest.NAME} says"
            )

    def _less_than_was_kept(self) -> bool:
        kept = dict(self.manifest.kept) if self.manifest.state != "running" else {}
        if isinstance(self.judged, int) and (said := judged.read(self.directory, self.judged)) is not None:
            kept |= said.counts
        now = self.counts(judged=False) | self.counts(judged=True)
        return any(now[table] < count for table, count in kept.items())

    def counts(self, *, judged: bool) -> dict[str, int]:
        """Rows of the tables of facts, or of those that were judged, as they are kept."""
        tables = [table.name for table in TABLES if table.judged is judged]
        return {name: int(str(self.rows(f"SELECT count(*) n FROM {name}_rows")[0]["n"])) for name in tables}

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

    def totals(self, patient_ids: PatientIds | None = None) -> tuple[Total, ...]:
        """The quantities of a survey, each with its origin. What is unknown for one open archive is unknown in total.

        `patient_ids` is what the run found out; without it, what survey.json says of that.
        """
        said = self._patient_ids(patient_ids or self.manifest.patient_ids)
        kinds = self._kinds()
        return tuple(said if quantity == PATIENT_IDS else self._total(quantity, kinds) for quantity in QUANTITIES)

    def _patient_ids(self, found: PatientIds | None) -> Total:
        if not Depth(self.manifest.scope.depth).reaches(Depth.PROFILE):
            return _NO_IDS
        if found is None:
            return NOT_ENDED
        return found.total if found.grouping == self.grouping() else _OTHERWISE

    def grouping(self) -> str:
        """A digest of which endpoints are which archive, of the open archives in the totals."""
        found = self.rows("SELECT endpoints FROM counted WHERE open")
        return grouping(cast("list[str]", row["endpoints"]) for row in found)

    def _total(self, quantity: str, kinds: Mapping[str, Groups]) -> Total:
        if code := _NOT_MEASURED.get(quantity):
            return Total(quantity, None, Provenance.UNKNOWN, doubts=(Doubt(code),))
        if select := _COUNTED.get(quantity):
            return Total(quantity, int(str(self.rows(f"SELECT count(*) n FROM {select}")[0]["n"])), Provenance.COUNTED)
        groups = kinds.get(quantity, []) if quantity.startswith("kind:") else self._quantity(quantity)
        parts = {str(g["how"]): int(str(g["total"] or 0)) for g in groups if g["how"] != Provenance.UNKNOWN}
        unknown = next((g for g in groups if g["how"] == Provenance.UNKNOWN), None)
        known = sum(parts.values())
        if unknown is None:
            low, high = _ends(groups) if Provenance.ESTIMATED in parts else (None, None)
            if len(parts) > 1:
                return Total(quantity, known, Provenance.MIXED, parts, low=low, high=high)
            return Total(quantity, known, Provenance(next(iter(parts), Provenance.COUNTED)), low=low, high=high)
        return Total(
            quantity,
            None,
            Provenance.UNKNOWN,
            parts,
            unknown_archives=int(str(unknown["n"])),
            at_least=known + int(str(unknown["least"] or 0)),
            doubts=decode_doubts(unknown["doubts"]) or (Doubt(DoubtCode.NEEDS_PROFILE),),
        )

    def _quantity(self, quantity: str) -> Groups:
        """By origin: open archives, the sum, a lower bound of the unknown, and a reason."""
        return self.rows(
            f"SELECT {quantity}_how how, count(*) n, sum({quantity}) total, "
            f"sum({quantity}_at_least) least, min({quantity}_doubts) doubts, "
            f"sum(coalesce({quantity}_low, {quantity})) low, sum(coalesce({quantity}_high, {quantity})) high "
            "FROM counted WHERE open GROUP BY 1 ORDER BY 1"
        )

    def _kinds(self) -> dict[str, Groups]:
        """The same for each kind of personal data, by its quantity."""
        found: dict[str, Groups] = {}
        for row in self.rows(
            "SELECT wanted, coalesce(how, 'unknown') how, count(*) n, sum(records) total, "
            "sum(at_least) FILTER (how = 'unknown') least, min(doubts) doubts "
            "FROM (SELECT id FROM counted WHERE open) CROSS JOIN (SELECT unnest(?::VARCHAR[]) wanted) "
            "LEFT JOIN kinds ON archive = id AND kind = wanted GROUP BY 1, 2 ORDER BY 1, 2",
            list(map(str, Kind)),
        ):
            found.setdefault(f"kind:{row['wanted']}", []).append(row)
        return found


def _ends(groups: Groups) -> tuple[int | None, int | None]:
    """The interval of a sum, as if all estimates in it erred alike. Kinds have none."""
    low, high = ([g.get(end) for g in groups] for end in ("low", "high"))
    if None in low or None in high:
        return None, None
    return sum(int(str(n)) for n in low), sum(int(str(n)) for n in high)


def read_manifest(directory: Path) -> Manifest:
    """Raises NotASurvey."""
    try:
        return upgrade.manifest(directory)
    except FileNotFoundError:
        raise NotASurvey(f"{directory} holds no survey (no {manifest.NAME})") from None
    except parts.Damaged as error:
        raise NotASurvey(str(error)) from None
    except upgrade.Newer as error:
        raise NotASurvey(f"{directory} has dataset {error}") from None
    except (OSError, ValueError, RecursionError):  # ValueError: not ours, or not UTF-8
        raise NotASurvey(f"{directory / manifest.NAME} is not a survey of this version") from None


def _newest(directory: Path) -> int:
    """Raises NotJudged."""
    number = judged.newest(directory)
    if number is None:
        raise NotJudged(f"{directory} holds what was observed, and no judgement of it: filmbadge judge {directory}")
    return number
