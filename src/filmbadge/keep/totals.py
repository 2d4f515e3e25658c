"""The totals of a survey: each quantity with its origin, and with what keeps it from being all.

A total is a number only if nothing is missing: every open archive's number is known, every host was asked and gave a
conclusive answer, and archives were compared with each other. Else it is a bound, with the reasons.

The SQL stands in `sql/views.sql`, where a user can run it too. Here its rows become totals.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import NamedTuple

import msgspec

from filmbadge.keep import retrievable, years
from filmbadge.keep.manifest import Alike, CountryRow, Manifest, PatientIds
from filmbadge.keep.overlaps import Overlaps, bounded, without
from filmbadge.keep.schema import decode_doubts
from filmbadge.keep.views import Rows, Tables
from filmbadge.keep.years import YearRow
from filmbadge.model import Depth, Doubt, DoubtCode, Kind, Provenance, Total

PATIENT_IDS = (
    "patient_ids"  # distinct in all open archives: what tells them apart is in no table, so a survey says it itself
)
RETRIEVABLE = "images_retrievable"  # what strangers get at once, by C-GET or WADO
QUANTITIES = (
    "archives",
    "archives_open",
    "hosts_undecided",
    "decoys",
    "countries",
    "patients",
    PATIENT_IDS,
    "studies",
    "series",
    "images",
    RETRIEVABLE,
    "ssn_records",
    "http_viewers",
    *(f"kind:{kind}" for kind in Kind),
)
COUNTRIES = "countries"
# In what older versions judged a reason may be missing.
_WITHOUT_A_REASON = {RETRIEVABLE: Doubt(DoubtCode.NEEDS_PROVE)}
_COUNTED = ("archives", "archives_open", "decoys", "http_viewers")
_OF_EACH_ARCHIVE = ("patients",)  # added up by definition: whoever is in two archives is in the sum twice

NOT_ENDED = Total(PATIENT_IDS, None, Provenance.UNKNOWN, doubts=(Doubt(DoubtCode.SURVEY_NOT_ENDED),))
_NO_IDS = Total(PATIENT_IDS, None, Provenance.UNKNOWN, doubts=(Doubt(DoubtCode.NEEDS_PROFILE),))
_OTHERWISE = Total(PATIENT_IDS, None, Provenance.UNKNOWN, doubts=(Doubt(DoubtCode.GROUPED_OTHERWISE),))

_TIMES = 2  # of two ways into one archive, the one that shows fewer studies shows at least half of them


class Place(NamedTuple):
    """A part of a survey: all of it, or the hosts of one country. No country: hosts that no source attributes."""

    whole: bool
    country: str | None


WHOLE = Place(True, None)


class Gaps(NamedTuple):
    """What is not known of the hosts of a survey: none of it is zero."""

    unasked: int = 0
    silent: int = 0  # hosts that were asked, if not one of them gave an answer
    archives: int = 0  # hosts of which we could not find out whether an archive is there
    opened: int = 0  # hosts of which we could not find out that, or whether it is open
    viewers: int = 0  # hosts of which we could not find out whether a stranger is shown a viewer
    compared: bool = True  # archives of different hosts were compared, and those that are one are one row

    def doubts(self, undecided: int) -> tuple[Doubt, ...]:
        """Why a number is no more than a lower bound. `undecided` is how many hosts may yet belong to it."""
        hosts = {
            DoubtCode.HOSTS_UNASKED: self.unasked,
            DoubtCode.NOTHING_REACHED: self.silent,
            DoubtCode.HOSTS_UNDECIDED: undecided,
        }
        found = [Doubt(code, {"hosts": n}) for code, n in hosts.items() if n]
        return tuple(found if self.compared else [*found, Doubt(DoubtCode.NOT_COMPARED)])


def gaps(tables: Tables, manifest: Manifest) -> Gaps:
    _hold(tables)
    (row,) = tables.rows(
        "SELECT (SELECT count(DISTINCT target) FROM endpoints_rows) asked, (SELECT count(*) FROM reached) reached,"
        " (SELECT count(DISTINCT target) FROM maybe_archives) maybe, (SELECT count(DISTINCT target) FROM undecided) opened,"
        " (SELECT count(DISTINCT target) FROM maybe_viewers) viewers, (SELECT count(*) FROM archives) archives"
    )
    return Gaps(
        unasked=max(0, manifest.hosts - row["asked"]),
        silent=0 if row["reached"] else row["asked"],
        archives=row["maybe"],
        opened=row["opened"],
        viewers=row["viewers"],
        compared=manifest.state in ("done", "nothing-reached") or manifest.compared or row["archives"] < 2,
    )


def _hold(tables: Tables) -> None:
    tables.hold("heard", "archives")


def undecided(tables: Tables) -> list[str]:
    """The targets that were asked, and of which we could not find out whether they are archives, or open."""
    _hold(tables)
    return [str(row["target"]) for row in tables.rows("SELECT DISTINCT target FROM undecided ORDER BY target")]


def unreached(tables: Tables) -> bool:
    """Whether hosts were asked, and none gave any answer: that says as much of our own line as of them."""
    tables.hold("heard")
    (row,) = tables.rows("SELECT (SELECT count(*) FROM heard) asked, (SELECT count(*) FROM reached) reached")
    return bool(row["asked"]) and not row["reached"]


def outcomes(tables: Tables) -> dict[str, int]:
    """Endpoints by rung; `unknown` where we could not find out."""
    tables.hold("heard")
    found = tables.rows("SELECT coalesce(rung, 'unknown') rung, endpoints FROM by_rung")
    return {str(row["rung"]): int(row["endpoints"]) for row in found}


def alike(tables: Tables) -> tuple[Alike, ...]:
    """Archives of one network that show the same, the largest groups first. What was shown to be two is left out."""
    _hold(tables)
    rows = tables.rows(
        "SELECT network, len(archives) n, open, studies, archives FROM alike ORDER BY n DESC, network, shows"
    )
    joined = {str(pair[end]) for pair in tables.rows("FROM alike_pairs") for end in ("one", "other")} if rows else set()
    found = ((row, sum(name in joined for name in row["archives"])) for row in rows)
    return tuple(
        Alike(str(row["network"]), n, bool(row["open"]), row["studies"] if row["open"] else None)
        for row, n in found
        if n
    )


class Totals:
    """What a survey adds up to. `manifest` has its state, its depth and what the run found out of patients' ids."""

    def __init__(self, tables: Tables, manifest: Manifest) -> None:
        self._tables, self._manifest = tables, manifest
        self._gaps = gaps(tables, manifest)
        self._unsure = list(_unsure(tables, self._gaps))
        tables.fill("unsure", self._unsure)
        self._members = {(str(row["quantity"]), _place(row)): row for row in tables.rows("FROM member_sums")}
        self._amounts: dict[tuple[str, Place], Rows] = {}
        for row in tables.rows("FROM amount_sums ORDER BY how"):
            self._amounts.setdefault((str(row["quantity"]), _place(row)), []).append(row)
        self._overlaps = Overlaps(tables)

    def each(self) -> Iterator[Total]:
        """The quantities of the survey."""
        for quantity in QUANTITIES:
            if quantity == COUNTRIES:
                yield self._countries()
            elif quantity == PATIENT_IDS:
                yield self._patient_ids(self._manifest.patient_ids)
            elif quantity == "hosts_undecided":
                yield self._undecided()
            else:
                undecided = {"http_viewers": self._gaps.viewers, "archives": self._gaps.archives}
                undecided["decoys"] = self._gaps.archives
                yield self._total(quantity, WHOLE, self._gaps.doubts(undecided.get(quantity, self._gaps.opened)))

    def _undecided(self) -> Total:
        """Hosts of which we could not find out enough. Those that were not asked may be such too."""
        total = Total("hosts_undecided", self._gaps.opened, Provenance.COUNTED)
        doubts = self._gaps._replace(compared=True).doubts(0)
        return bounded(total, at_least=self._gaps.opened, doubts=doubts) if doubts else total

    def countries(self) -> Iterator[CountryRow]:
        """A row for each country with archives or with hosts that could not be concluded, the most open archives first,
        and of these the most studies.

        The row without a country has what no source attributes. Hosts that could not be concluded are no doubt about the
        cells: they stand in a column of their own.
        """
        rows = self._tables.rows("SELECT country, count(DISTINCT target) n FROM undecided GROUP BY country")
        hosts = {Place(False, row["country"]): int(row["n"]) for row in rows}
        places = {place for _, place in self._members if not place.whole} | hosts.keys()
        found = [self._country(place, hosts.get(place, 0)) for place in places]
        yield from sorted(
            found,
            key=lambda row: (row.country is None, -_least(row.archives_open), -_least(row.studies), row.country or ""),
        )

    def years(self) -> tuple[YearRow, ...]:
        """Studies of the open archives by the year of their exam, each archive and what archives share once."""
        return years.by_year(self._tables, self._overlaps, more=bool(self._gaps.doubts(self._gaps.opened)))

    def _country(self, place: Place, undecided: int) -> CountryRow:
        cells = {q: self._total(q, place, self._gaps.doubts(0)) for q in CountryRow.quantities()}
        return CountryRow(place.country, undecided, **cells)

    def _total(self, quantity: str, place: Place, doubts: tuple[Doubt, ...]) -> Total:
        if quantity == RETRIEVABLE and not Depth(self._manifest.scope.depth).reaches(Depth.PROVE):
            return Total(quantity, None, Provenance.UNKNOWN, doubts=(Doubt(DoubtCode.NEEDS_PROVE),))
        if quantity in _COUNTED:
            return self._count(quantity, place, doubts)
        return self._sum(quantity, place, doubts)

    def _count(self, quantity: str, place: Place, doubts: tuple[Doubt, ...]) -> Total:
        row = self._members.get((quantity, place), {"n": 0, "sure": 0})
        total = Total(quantity, int(row["n"]), Provenance.COUNTED)
        if doubts:
            total = bounded(total, at_least=int(row["sure"]), doubts=doubts)
        return self._overlaps.bounded(total, self._among(quantity, place))

    def _among(self, quantity: str, place: Place) -> frozenset[str]:
        return self._overlaps.among(quantity, *(() if place.whole else (place.country,)))

    def _countries(self) -> Total:
        """How many countries the open archives stand in, each by the first source that says one."""
        rows = self._tables.rows("SELECT id, country, country_said IS NULL older FROM counted WHERE open")
        if any(row["older"] for row in rows):
            return Total(COUNTRIES, None, Provenance.UNKNOWN, doubts=(Doubt(DoubtCode.NO_COUNTRY_DATA),))
        stands = {str(row["id"]): row["country"] for row in rows}
        # Of several ways in that may be one archive, nobody knows which country is the archive's.
        perhaps = (overlap.archives for overlap in self._overlaps.of(stands.keys(), once=False))
        split = [archives for archives in perhaps if len({stands[name] for name in archives}) > 1]
        unsure = {name for names in (self._unsure, *split) for name in names}
        doubts = self._gaps.doubts(self._gaps.opened)
        if unplaced := sum(country is None for country in stands.values()):
            doubts += (Doubt(DoubtCode.NOT_ATTRIBUTED, {"archives": unplaced}),)
        if split:
            doubts += (Doubt(DoubtCode.PERHAPS_ONE, {"archives": sum(map(len, split))}),)
        total = Total(COUNTRIES, len({*stands.values()} - {None}), Provenance.COUNTED)
        sure = len({country for name, country in stands.items() if name not in unsure} - {None})
        return bounded(total, at_least=sure, doubts=doubts) if doubts else total

    def _patient_ids(self, found: PatientIds | None) -> Total:
        if not Depth(self._manifest.scope.depth).reaches(Depth.PROFILE):
            return _NO_IDS
        if found is None:
            return NOT_ENDED
        if found.grouping != self._tables.grouping():
            return _OTHERWISE
        return _lowered(found.total, self._gaps.doubts(self._gaps.opened))

    def _sum(self, quantity: str, place: Place, doubts: tuple[Doubt, ...]) -> Total:
        groups = self._amounts.get((quantity, place), [])
        parts = {str(g["how"]): int(g["total"] or 0) for g in groups if g["how"] != Provenance.UNKNOWN}
        unknown = next((g for g in groups if g["how"] == Provenance.UNKNOWN), None)
        sure = sum(int(g["sure"] or 0) for g in groups)
        total = _known(quantity, parts, groups, sure)
        if quantity == RETRIEVABLE and Provenance.ESTIMATED in parts:
            total = self._by_draws(total, place)
        if unknown is not None:
            doubts += decode_doubts(unknown["doubts"]) or (
                _WITHOUT_A_REASON.get(quantity, Doubt(DoubtCode.NEEDS_PROFILE)),
            )
            total = bounded(total, unknown_archives=int(unknown["n"]), at_least=sure, doubts=doubts)
            counts = {"bounded_archives": int(unknown["bounded"]), "dated_archives": int(unknown["dated"])}
            total = msgspec.structs.replace(total, **counts)
        elif doubts:
            total = _of_the_decided(total, bounded(total, at_least=sure, doubts=doubts))
        return self._once(total, self._among("archives_open", place))

    def _by_draws(self, total: Total, place: Place) -> Total:
        """The total with the interval that the draws of all archives together give."""
        here = "" if place.whole else " AND country IS NOT DISTINCT FROM ?"
        rows = self._tables.rows(
            f"SELECT {RETRIEVABLE} n, {RETRIEVABLE}_doubts doubts, {RETRIEVABLE}_low low, {RETRIEVABLE}_high high, images, images_low,"
            f" images_high FROM counted WHERE open AND {RETRIEVABLE} IS NOT NULL{here} ORDER BY id",
            *([] if place.whole else [place.country]),
        )
        found = [(row, retrievable.draw(row)) for row in rows]
        rest = [row for row, draw in found if draw is None]
        low, high = (sum(int(row["n"] if row[end] is None else row[end]) for row in rest) for end in ("low", "high"))
        return retrievable.with_interval(total, [draw for _, draw in found if draw], low=low, high=high)

    def _once(self, total: Total, opened: frozenset[str]) -> Total:
        """What archives that overlap hold is counted once, or the total is between two bounds."""
        for overlap in self._overlaps.of(opened, once=total.quantity not in _OF_EACH_ARCHIVE):
            total = without(total, overlap, self._overlaps.sizes(total.quantity, overlap.archives))
        return total


def _place(row: Mapping[str, object]) -> Place:
    country = row["country"]
    return Place(bool(row["whole"]), None if country is None else str(country))


def _least(total: Total) -> int:
    return (total.at_least or 0) if total.measured is None else total.measured


def _known(quantity: str, parts: dict[str, int], groups: Rows, sure: int) -> Total:
    """The sum of what is known, as if that were all."""
    estimated = Provenance.ESTIMATED in parts
    low, high = _ends(groups) if estimated else (None, None)
    how = Provenance(next(iter(parts), Provenance.COUNTED))
    if len(parts) > 1:  # a sum is no better than the worst of its parts
        how = Provenance.ESTIMATED if estimated else Provenance.MIXED
    return Total(
        quantity,
        sum(parts.values()),
        how,
        parts if len(parts) > 1 else {},
        at_least=sure if estimated else None,
        low=low,
        high=high,
    )


def _lowered(total: Total, doubts: tuple[Doubt, ...]) -> Total:
    """A total to which more may belong."""
    if not doubts:
        return total
    sure = total.measured if total.how is Provenance.COUNTED else total.at_least
    bound = bounded(total, at_least=sure or 0, doubts=doubts + total.doubts, unknown_archives=total.unknown_archives)
    return _of_the_decided(total, bound)


def _of_the_decided(known: Total, bound: Total) -> Total:
    """The bound with the interval of `known`, where nothing else is in doubt than hosts that could not be concluded."""
    if {doubt.code for doubt in bound.doubts} - {DoubtCode.WIDE_INTERVAL} != {DoubtCode.HOSTS_UNDECIDED}:
        return bound
    return msgspec.structs.replace(bound, low=known.low, high=known.high)


def _ends(groups: Rows) -> tuple[int | None, int | None]:
    """The interval of a sum, as if all estimates in it erred alike."""
    low, high = ([g[end] for g in groups] for end in ("low", "high"))
    if None in low or None in high:
        return None, None
    return sum(map(int, low)), sum(map(int, high))


def _unsure(tables: Tables, gaps: Gaps) -> Iterator[str]:
    """Archives that may yet turn out to be another way into one, or copies that are bait: no lower bound has them."""
    if not gaps.compared:
        yield from _maybe_another(tables)
    if gaps.unasked or not gaps.compared:
        for row in tables.rows(
            "SELECT id FROM counted WHERE configuration IN"
            " (SELECT configuration FROM counted WHERE configuration <> '' GROUP BY 1 HAVING count(*) > 1)"
        ):
            yield str(row["id"])


def _maybe_another(tables: Tables) -> Iterator[str]:
    """Of archives whose sizes allow that they are one, all but the largest."""
    rows = tables.rows(
        "SELECT id, studies FROM counted WHERE open AND studies_how IN ('counted', 'reported') ORDER BY studies DESC, id"
    )
    for larger, smaller in pairwise(rows):
        if smaller["studies"] * _TIMES >= larger["studies"]:
            yield str(smaller["id"])
