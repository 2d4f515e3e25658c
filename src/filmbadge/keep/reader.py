"""Opens a survey's folder: SQL views over its tables, the hosts already done, and the totals."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import duckdb
import pyarrow as pa

from filmbadge import interruption
from filmbadge.keep import judged, manifest, parts, totals, upgrade, version_2, views, whole, years
from filmbadge.keep.by_hand import WHAT
from filmbadge.keep.files import Damaged, shown
from filmbadge.keep.judged import Judged
from filmbadge.keep.kept import observed
from filmbadge.keep.manifest import Alike, CountryRow, Manifest, grouping
from filmbadge.keep.schema import JOURNAL, LINKS, OBSERVATIONS, OF_HOSTS, REVIEWS, TABLES, VERSION, Table
from filmbadge.keep.years import YearRow, YearsKnown
from filmbadge.model import ByHand, Refusal, Total
from filmbadge.texts import printable

_AT_ONCE = 1 << 14  # rows that are taken at once where there may be millions


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
        self._asked = judged
        self._held: set[str] = set()
        self._ready: set[str] = set()
        self._summed: tuple[Manifest, totals.Totals] | None = None
        self._tables: dict[str, pa.Table | parts.Together] = {}
        self._read()
        self._sql = duckdb.connect(
            ":memory:", config={"threads": 1, "default_block_size": 16384}
        )  # one thread scans parts: see `Together`
        self._register(*TABLES)
        self._execute(views.archives())
        self.hold("archives")  # DuckDB binds each view as it makes it: over these rows that takes half the time
        self._execute(views.views())
        for setting in (
            "autoinstall_known_extensions=false",
            "autoload_known_extensions=false",
            "enable_external_access=false",
            "lock_configuration=true",
        ):
            self._sql.execute(f"SET {setting}")

    def renew(self) -> None:
        """Takes in the links, reviews and connections that were kept since. Raises NotASurvey."""
        self._forget_held()
        self._load(JOURNAL, LINKS, REVIEWS)
        self._register(JOURNAL, LINKS, REVIEWS)

    def hold(self, *views: str) -> None:
        """Keeps the rows of views, until the dataset is renewed: many questions are asked of them."""
        for view in views:
            if view not in self._held:
                self._execute(f"CREATE TEMP TABLE {view} AS FROM main.{view}")  # it is found before the view
                self._held.add(view)

    def fill(self, table: str, names: list[str]) -> None:
        """Puts these in the place of what the table holds."""
        self._execute(f"DELETE FROM {table}")
        self._execute(f"INSERT INTO {table} SELECT unnest(?::VARCHAR[])", names)

    def review(self, found: Mapping[str, ByHand]) -> list[str]:
        """Puts what persons found out in the place of tags and operators. Returns the archives that are not in the survey.

        A name is an archive's id, or one of its endpoints. Archives that are one have the same. Raises Refusal where two
        names of one archive are said to be different things.
        """
        self._forget_held()
        named, alike = self._names()
        first: dict[str, str] = {}
        for name in filter(named.__contains__, found):
            other = first.setdefault(named[name], name)
            if found[other] != found[name]:
                raise Refusal(
                    f"the rows of {other} and of {name} are about one archive, and say different things: keep one"
                )
        self._execute("DELETE FROM by_hand")
        for name, said in found.items():
            decoy = [str(tag) for tag in WHAT[said.what]] if said.what else None
            for one in sorted(alike.get(named.get(name, ""), ())):
                self._execute("DELETE FROM by_hand WHERE archive = ?", one)
                row = (one, said.what, decoy, said.operator or None, said.who, said.day)
                self._execute("INSERT INTO by_hand VALUES (?, ?, ?, ?, ?, ?)", *row)
        return [name for name in found if name not in named]

    def _names(self) -> tuple[dict[str, str], dict[str, list[str]]]:
        """The archive that each name leads to, and of each archive all ids that it has, where several are one."""
        named: dict[str, str] = {}
        alike: dict[str, list[str]] = {}
        for row in self.rows("SELECT id, archive, endpoints FROM names JOIN archives_known USING (id)"):
            alike.setdefault(row["archive"], []).append(row["id"])
            ways = [way for url in row["endpoints"] for way in (url, url.partition("://")[2])]
            named |= dict.fromkeys((row["id"], *ways), row["archive"])
        return named, alike

    def _forget_held(self) -> None:
        for view in self._held:
            self._sql.execute(f"DROP TABLE temp.{view}")
        self._held.clear()
        self._summed = None

    def by_hand(self) -> dict[str, ByHand]:
        """By the id of an archive."""
        rows = self.rows("FROM by_hand")
        return {row["archive"]: ByHand(row["what"], row["who"], row["day"], row["operator"] or "") for row in rows}

    def _read(self) -> None:
        self.manifest = read_manifest(self.directory)
        try:
            self.judged = self._newest() if self._asked is None else self._asked
            if self.manifest.dataset >= whole.SINCE:
                number = self.judged if isinstance(self.judged, int) else None
                whole.require(self.directory, self.manifest, number, self.said)
            self._last = max(observed(self.directory), default=0)  # a survey may go on to write while tables are listed
        except Damaged as error:
            raise NotASurvey(str(error)) from None
        except OSError as error:
            raise self._unreadable(error) from None
        self._load(*TABLES)

    def _load(self, *tables: Table) -> None:
        """Tables as they are kept now."""
        for table in tables:
            try:
                self._tables[table.name] = self._table(table)
            except Damaged as error:
                raise NotASurvey(str(error)) from None
            except (pa.ArrowException, OSError) as error:
                raise self._unreadable(error) from None

    def _register(self, *tables: Table) -> None:
        for table in tables:
            self._sql.register(views.name_of(table), self._tables[table.name])

    def _unreadable(self, error: Exception) -> NotASurvey:
        interruption.require_none(error)
        return NotASurvey(f"{shown(self.directory)}: a part file cannot be read ({type(error).__name__})")

    @cached_property
    def said(self) -> Judged | None:
        """`judged.json` of the judgement that is read. Raises NotASurvey where it is damaged."""
        if not isinstance(self.judged, int):
            return None
        try:
            return judged.read(self.directory, self.judged, older=self._older)
        except Damaged as error:
            raise NotASurvey(str(error)) from None

    @property
    def _older(self) -> bool:
        return self.manifest.dataset < whole.SINCE

    def _newest(self) -> int:
        """Raises NotJudged, and Damaged."""
        number = judged.newest(self.directory, older=self._older)
        if number is None:
            where = shown(self.directory)
            raise NotJudged(
                f"{where} holds what was observed, and no judgement of it in judged: filmbadge judge {where}"
            )
        return number

    def _table(self, table: Table) -> pa.Table | parts.Together:
        if not table.judged and self.manifest.dataset == 2:
            return version_2.table(self.directory, table)
        if isinstance(self.judged, Mapping) and table.judged:
            return self.judged[table.name]
        folder = table.folder(self.directory, self.judged if isinstance(self.judged, int) else 0)
        found = parts.numbered(self.directory, folder)
        if table in OF_HOSTS:
            done = observed(self.directory)
            found = {number: path for number, path in found.items() if number in done and number <= self._last}
        if table is OBSERVATIONS:
            found = {number: path for number, path in found.items() if number <= self._last}
        if table is REVIEWS:
            found = dict(list(found.items())[-1:])
        return parts.together(self.directory, found.values(), table.arrow) if found else table.arrow.empty_table()

    def require_whole(self) -> None:
        """Raises NotASurvey where part files are missing: what they held would be told as zero."""
        asked = "SELECT (SELECT count(*) FROM observations) - (SELECT count(*) FROM endpoints_rows) n"
        lost = "SELECT count(*) n FROM endpoints_rows WHERE archive <> '' AND archive NOT IN (SELECT id FROM archives_rows)"
        if self.rows(asked)[0]["n"] or self.rows(lost)[0]["n"] or self._less_than_was_kept():
            raise NotASurvey(
                f"{shown(self.directory)}: part files are missing; its tables hold less than {manifest.NAME} says"
            )

    def _less_than_was_kept(self) -> bool:
        kept = dict(self.manifest.kept) if self.manifest.state != "running" else {}
        if self.said is not None:
            kept |= self.said.counts
        now = self.counts(judged=False) | self.counts(judged=True)
        return any(now[table] < count for table, count in kept.items())

    def counts(self, *, judged: bool) -> dict[str, int]:
        """Rows of the tables of facts, or of those that were judged, as they are kept."""
        return {table.name: self._tables[table.name].num_rows for table in TABLES if table.judged is judged}

    def rows(self, sql: str, *parameters: object) -> list[dict[str, Any]]:
        """The result of a query, a dict a row. Raises NotASurvey where a part file is damaged."""
        with self._reading():
            self._make_ready(sql)
            answer = self._execute(sql, *parameters)
            names = [column[0] for column in answer.description or ()]
            return [dict(zip(names, map(_printable, row), strict=True)) for row in answer.fetchall()]

    def _make_ready(self, sql: str) -> None:
        """Makes the tables that a query may name. Most are never asked for, and each takes time to make."""
        for name in views.READY:
            if name in sql and name not in self._ready:
                self._execute(views.ready(name))
                self._ready.add(name)

    def _execute(self, sql: str, *parameters: object) -> duckdb.DuckDBPyConnection:
        with self._reading():
            return self._sql.execute(sql, list(parameters))

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except (duckdb.IOException, duckdb.InvalidInputException, pa.ArrowException, OSError) as error:
            raise self._unreadable(error) from None
        except RuntimeError as error:
            interruption.require_none(error)
            raise

    def done(self) -> Iterator[str]:
        """Targets that were asked with an outcome, and need not be again. None, where all were asked and none answered."""
        if self.manifest.state == "nothing-reached":
            return iter(())
        unknown = "SELECT target FROM endpoints WHERE rung IS NULL"
        return self._targets(f"SELECT DISTINCT target FROM endpoints_rows WHERE target NOT IN ({unknown})")

    def asked(self) -> set[str]:
        """Targets that were asked, also those of which nothing could be found out."""
        return set(self._targets("SELECT DISTINCT target FROM endpoints_rows"))

    def _targets(self, sql: str) -> Iterator[str]:
        """Some at a time, as there may be millions. They are read to their end before another query."""
        with self._reading():
            answer = self._execute(sql)
            while some := answer.fetchmany(_AT_ONCE):
                yield from (printable(str(target)) for (target,) in some)

    def outcomes(self) -> dict[str, int]:
        """Endpoints by rung."""
        return totals.outcomes(self)

    def connections(self) -> int:
        return int(str(self.rows("SELECT count(port) n FROM journal")[0]["n"]))

    def lookups(self) -> int | None:
        """Names that were looked up. None if it was not kept, as by older versions."""
        if self.manifest.dataset != VERSION:
            return None
        return self._tables[JOURNAL.name].num_rows - self.connections()

    def journal_digest(self) -> tuple[int, str]:
        """The number of rows of the journal, and the SHA-256 of all of them, whatever their order."""
        (row,) = self.rows("FROM journal_digest")
        return int(row["rows"]), str(row["sha256"])

    def last_asked(self) -> datetime | None:
        """When the last connection or look-up of the journal was begun. None if there was none."""
        at = cast("datetime | None", self.rows("SELECT max(started_at) latest FROM journal")[0]["latest"])
        return None if at is None else at.replace(tzinfo=UTC)

    def _totals(self, told: Manifest | None) -> totals.Totals:
        """Made once for each manifest, until the dataset is renewed: rows, countries and years stand on the same sums."""
        asked = told or self.manifest
        if self._summed is None or self._summed[0] is not asked:
            self._summed = asked, totals.Totals(self, asked)
        return self._summed[1]

    def totals(self, told: Manifest | None = None) -> tuple[Total, ...]:
        """The quantities of a survey, each with its origin. What is unknown for one open archive is unknown in total.

        `told` is what is known of the survey as a whole; without it, survey.json.
        """
        return tuple(self._totals(told).each())

    def by_country(self, told: Manifest | None = None) -> tuple[CountryRow, ...]:
        """The quantities of each country, as `totals`: the most open archives first, and last the row without a country."""
        return tuple(self._totals(told).countries())

    def by_year(self, told: Manifest | None = None) -> tuple[YearRow, ...]:
        """Studies of the open archives by the year of their exam, ascending; last those of which no year is known.

        No row: of no open archive is anything known. `years_known` says of how many it is.
        """
        return self._totals(told).years()

    def years_known(self) -> YearsKnown:
        """Of how many open archives the years of exam are known."""
        return years.known(self)

    def alike(self) -> tuple[Alike, ...]:
        """Archives of one network that show the same and may be one machine, the largest groups first."""
        return totals.alike(self)

    def undecided(self) -> list[str]:
        """The targets that were asked, and of which we could not find out whether they are archives, or open."""
        return totals.undecided(self)

    def unreached(self) -> bool:
        """Whether hosts were asked, and none of them gave any answer."""
        return totals.unreached(self)

    def grouping(self) -> str:
        """A digest of which endpoints are which archive, of the open archives in the totals."""
        found = self.rows("SELECT endpoints FROM counted WHERE open")
        return grouping(cast("list[str]", row["endpoints"]) for row in found)


def _printable(value: Any) -> Any:
    """A value of a column. Somebody else may have written it."""
    if isinstance(value, str):
        return printable(value)
    return [_printable(one) for one in value] if isinstance(value, list) else value


@contextmanager
def telling(directory: Path) -> Iterator[None]:
    """Raises NotASurvey where the folder holds what no version wrote: it has right digests, and may be anybody's."""
    try:
        yield
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError, duckdb.Error) as error:
        interruption.require_none(error)
        frame = traceback.extract_tb(error.__traceback__)[-1]
        why = f"{type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}"
        raise NotASurvey(f"{shown(directory)} holds what this version cannot tell ({why})") from None


def read_manifest(directory: Path) -> Manifest:
    """Raises NotASurvey."""
    try:
        return upgrade.manifest(directory)
    except FileNotFoundError:
        raise NotASurvey(f"{shown(directory)} holds no survey (no {manifest.NAME})") from None
    except Damaged as error:
        raise NotASurvey(str(error)) from None
    except upgrade.Newer as error:
        raise NotASurvey(f"{shown(directory / manifest.NAME)} has dataset {error}") from None
    except (OSError, ValueError, RecursionError):  # ValueError: not ours, or not UTF-8
        raise NotASurvey(f"{shown(directory / manifest.NAME)} is not a survey of this version") from None
