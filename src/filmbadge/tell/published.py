"""A survey as anybody may see it: figures of many archives, rounded down together, and nothing that is said of a single one.

The document is made anew, field by field: what no line here puts into it is not in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import TypeVar

import msgspec

from filmbadge.keep.manifest import CountryRow
from filmbadge.keep.years import YearRow
from filmbadge.model import Doubt, DoubtCode, FindingCode, Grade, Provenance, Total, Transport
from filmbadge.tell.evidence import Evidence
from filmbadge.tell.rounding import Each, Figure, Limit, Rule, base_of, keyed, told
from filmbadge.tell.summary import KindLine, ReportDocument
from filmbadge.tell.tables import Tally
from filmbadge.tell.view import ArchiveView
from filmbadge.tell.words import Words

_Row = TypeVar("_Row")
_AMOUNTS = ("patients", "studies", "images", "images_retrievable", "ssn_records")
_OF_OPEN = (
    FindingCode.HANDS_OUT_IMAGES,
    FindingCode.FILE_LISTING,
    FindingCode.PATIENT_LISTING,
    FindingCode.PERSONAL_DATA,
    FindingCode.SSN_RECORDS,
    FindingCode.NATIONAL_IDENTIFIERS,
)
# Every open archive has this one or another of the worst: if all were told, the last could be worked out.
_NEVER_TOLD = FindingCode.DISCLOSES_RECORDS

# These are never told. Of the tables in `_SHORTENED` small rows are left out.
_EVIDENCE = ("sources", "scope", "networks", "names", "authority", "reference", "contact", "expires", "journal")
_BEHIND_TOTALS = ("parts", "unknown_archives", "bounded_archives", "dated_archives", "low", "high", "at_most")
_UNTOLD = (
    "funnel", "archives", "undecided", "lookups", "dropped", "opted_out", "alike", "years_known",
    *(f"{table}.archives" for table in ("products", "toolkits", "transport", "advisories", "by_year")),
    *(f"rows.{name}" for name in ("measured", *_BEHIND_TOTALS)), "by_country.hosts_undecided",
    *(f"evidence.{name}" for name in _EVIDENCE),
)  # fmt: skip
_SHORTENED = ("grades", "findings", "kinds", "by_country", "by_year", "products", "toolkits", "transport", "advisories")

_PARTS = ("products", "toolkits")  # an archive is in one row at most
_SEVERAL = ("transport", "advisories")

_SMALL = Doubt(DoubtCode.WITHHELD)
_Figures = dict[str, Figure]


def published(document: ReportDocument, words: Words) -> ReportDocument:
    """The document at level public."""
    figures, rules = Collected(document).all()
    made = told(figures, rules, keyed(_secret(document)))
    rows = tuple(_total(row.quantity, made.get(row.quantity, 0)) for row in document.rows)
    countries = tuple(_countries(document, made))
    rows = tuple(_total(row.quantity, len(countries)) if row.quantity == "countries" else row for row in rows)
    return ReportDocument(
        version=document.version,
        state=document.state,
        depth=document.depth,
        hosts=made["hosts"] or None,
        hosts_done=made["hosts_done"] or None,
        started=document.started,
        ended=document.ended,
        connections=made["connections"] or None,
        rows=rows,
        kinds=tuple(_kinds(document, made)),
        funnel=(),
        grades={str(Grade.F): made["F"]} if made["F"] else {},
        archives=(),
        findings=_named(made, "finding"),
        by_country=countries,
        by_year=tuple(_years(document, made)),
        products=_tallies(document.products, "products", made),
        toolkits=_tallies(document.toolkits, "toolkits", made),
        transport=_tallies(document.transport, "transport", made),
        advisories=_tallies(document.advisories, "advisories", made),
        words={row.quantity: words.total(row) for row in rows},
        lookups=None,
        opted_out=None,
        years_known=None,
        withheld=_withheld(made, words),
        level="public",
        evidence=Evidence(
            version=document.version, depth=document.depth, started=document.started, ended=document.ended
        ),
    )


def _withheld(made: Mapping[str, int], words: Words) -> dict[str, str]:
    """It says nothing of the survey that its document does not show: what is left out may be there, and may not."""
    small = words.say("rows of few archives are left out, and may be there or not")
    return (
        dict.fromkeys(_UNTOLD, words.say("not told to anybody"))
        | dict.fromkeys(_SHORTENED, small)
        | {name: words.doubt(_SMALL) for name in ("hosts", "hosts_done", "connections") if not made[name]}
    )


def _secret(document: ReportDocument) -> bytes:
    """What only who holds the survey knows. It stays the same however the survey is judged or worded: each lot is drawn once."""
    known = document.evidence.journal
    return sha256(known.sha256.encode() if known else msgspec.json.encode(document)).digest()


class Collected:
    """The figures of a document, and the limits that anybody knows of them."""

    def __init__(self, document: ReportDocument) -> None:
        self._document = document
        self._counted = [archive for archive in document.archives if not archive.decoy]
        self._open = [archive for archive in self._counted if archive.open]
        self._rows = {row.quantity: row for row in document.rows}
        self._figures: _Figures = {}
        self._rules: list[Rule] = []

    def all(self) -> tuple[_Figures, list[Rule]]:
        self._hosts()
        self._archives()
        self._findings()
        self._amounts("", {q: self._rows[q] for q in _AMOUNTS}, "archives_open", self._open)
        self._of_countries()
        self._of_kinds()
        self._of_years()
        self._of_tables()
        return self._figures, self._rules

    def _count(self, name: str, archives: Iterable[ArchiveView], value: int | None = None) -> None:
        ids = tuple(archive.id for archive in archives)
        self._figures[name] = Figure(len(ids) if value is None else value, ids)

    def _amount(self, name: str, total: Total, most: int, members: Iterable[str]) -> None:
        self._figures[name] = Figure(_least(total), tuple(members), base_of(most), most)

    def _within(self, part: str, whole: str, times: int = 1) -> None:
        self._rules.append(Limit((part,), whole, times))

    def _hosts(self) -> None:
        document = self._document
        for name, value in {"hosts": document.hosts, "hosts_done": document.hosts_done}.items():
            self._figures[name] = Figure(value or 0, ("hosts",))
        self._figures["connections"] = Figure(document.connections or 0, ("connections",))
        for quantity in ("hosts_undecided", "decoys", "http_viewers"):
            self._figures[quantity] = Figure(_least(self._rows[quantity]), (quantity,))
        self._within("hosts_done", "hosts")
        self._within("hosts_undecided", "hosts_done")
        self._within("http_viewers", "archives")
        self._within("archives", "hosts_done")  # hardly any host has two, so whoever attacks will reckon with it

    def _archives(self) -> None:
        self._count("archives", self._counted, _least(self._rows["archives"]))
        self._count("archives_open", self._open, _least(self._rows["archives_open"]))
        self._count("F", (archive for archive in self._counted if archive.grade == Grade.F))
        self._within("archives_open", "archives")
        self._within("F", "archives_open")

    def _findings(self) -> None:
        for code in self._document.findings:
            if code != _NEVER_TOLD:
                name = f"finding {code}"
                self._count(name, (a for a in self._counted if any(found.code == code for found in a.findings)))
                self._within(name, "archives_open" if code in _OF_OPEN else "archives")
        self._within(f"finding {FindingCode.PERSONAL_DATA}", "F")

    def _amounts(self, at: str, totals: Mapping[str, Total], count: str, archives: list[ArchiveView]) -> None:
        """What these archives hold. `at` is the country, with a blank behind it, or nothing."""
        most = _most(archives)
        for quantity in _AMOUNTS:
            members = (quantity, *(archive.id for archive in archives))
            self._amount(f"{at}{quantity}", totals[quantity], most[quantity], members)
            self._within(f"{at}{quantity}", count, base_of(most[quantity]))
        for part, whole in (("patients", "studies"), ("studies", "images"), ("ssn_records", "studies")):
            self._within(f"{at}{part}", f"{at}{whole}")
        self._within(f"{at}images_retrievable", f"{at}images")
        self._rules += [Each(f"{at}{quantity}", count) for quantity in ("patients", "studies", "images")]

    def _of_countries(self) -> None:
        countries = [row for row in self._document.by_country if row.country]
        for row in countries:
            there = [archive for archive in self._open if archive.place.country == row.country]
            self._count(f"{row.country} archives_open", there, _least(row.archives_open))
            totals = {q: getattr(row, q) for q in _AMOUNTS}
            self._amounts(f"{row.country} ", totals, f"{row.country} archives_open", there)
        for quantity in ("archives_open", *_AMOUNTS):
            self._rules.append(Limit(tuple(f"{row.country} {quantity}" for row in countries), quantity))

    def _of_kinds(self) -> None:
        for line in self._document.kinds:
            kind, name = line.kind, f"kind {line.kind}"
            holding = [a for a in self._open if _records(a, kind)]
            most = max((_records(archive, kind) for archive in holding), default=1)
            self._amount(name, line.total, most, (kind, *(archive.id for archive in holding)))
            self._within(name, "studies")
            looks = tuple(f"{name} {look}" for look in line.archives)
            for look in line.archives:
                self._count(
                    f"{name} {look}",
                    (a for a in holding if a.kinds and a.kinds[kind].looks == look),
                    line.archives[look],
                )
            self._rules.append(Limit(looks, "archives_open"))

    def _of_years(self) -> None:
        rows = [row for row in self._document.by_year if row.year is not None]
        for row in rows:
            held = {archive.id: n for archive in self._open if (n := _of_year(archive, row.year))}
            members = (f"{row.year}", *held)
            most = max(held.values(), default=1)
            self._figures[f"year {row.year}"] = Figure(row.studies, members, base_of(most), most)
        self._rules.append(Limit(tuple(f"year {row.year}" for row in rows), "studies"))

    def _of_tables(self) -> None:
        for table in (*_PARTS, *_SEVERAL):
            rows: tuple[Tally, ...] = getattr(self._document, table)
            for row in rows:
                self._figures[f"{table} {row.name}"] = Figure(row.archives_open, (table, row.name))
            names = tuple(f"{table} {row.name}" for row in rows if row.name)
            parts = (names,) if table in _PARTS else tuple((name,) for name in names)
            self._rules += [Limit(part, "archives_open") for part in parts]
        for row in self._document.transport:
            code = FindingCode.PLAIN_TRANSPORT if row.name == Transport.PLAIN else row.name
            self._within(f"transport {row.name}", f"finding {code}")


def _most(archives: Sequence[ArchiveView]) -> dict[str, int]:
    """The most that one of these archives adds to each quantity. A part has no more than its whole."""
    most = {q: max((_upper(archive, q) for archive in archives), default=0) for q in _AMOUNTS}
    kinds = max((_records(archive, kind) for archive in archives for kind in archive.kinds or ()), default=0)
    years = max((year.studies for archive in archives if archive.by_year for year in archive.by_year.years), default=0)
    studies = max(most["patients"], most["studies"], most["ssn_records"], kinds, years, 1)
    images = max(most["images"], most["images_retrievable"], studies)
    most |= {"studies": studies, "images": images}
    return {quantity: max(n, 1) for quantity, n in most.items()}


def _upper(archive: ArchiveView, quantity: str) -> int:
    number = archive.counts[quantity] if quantity in archive.counts else getattr(archive, quantity)
    return max(number.value or 0, number.at_least or 0, number.high or 0)


def _records(archive: ArchiveView, kind: str) -> int:
    """How many studies of the archive carry this kind, at most."""
    found = (archive.kinds or {}).get(kind)
    return 0 if found is None else max(found.records or 0, found.at_least or 0, found.high or 0)


def _of_year(archive: ArchiveView, year: int | None) -> int:
    """How many of its studies are of this year."""
    return sum(one.studies for one in archive.by_year.years if one.year == year) if archive.by_year else 0


def _least(total: Total) -> int:
    """At least so many. Of an estimate, what no estimate went into, or the lower end of its interval."""
    if total.measured is None or total.how is Provenance.ESTIMATED:
        return next(
            (n for n in (total.at_least, total.low if total.measured is not None else None) if n is not None), 0
        )
    return total.measured


def _total(quantity: str, figure: int) -> Total:
    doubt = Doubt(DoubtCode.ROUNDED) if figure else _SMALL
    return Total(
        quantity,
        None,
        Provenance.UNKNOWN,
        unknown_archives=None,
        bounded_archives=None,
        dated_archives=None,
        at_least=figure or None,
        doubts=(doubt,),
    )


def _ordered(rows: Iterable[_Row], figure: Callable[[_Row], int], name: Callable[[_Row], str]) -> list[_Row]:
    """By what is published of each, and then by name: the order of the exact figures would tell of them."""
    return sorted(rows, key=lambda row: (-figure(row), name(row)))


def _countries(document: ReportDocument, made: Mapping[str, int]) -> Iterator[CountryRow]:
    shown = [row for row in document.by_country if row.country]
    for row in _ordered(shown, lambda row: made[f"{row.country} archives_open"], lambda row: row.country or ""):
        if made[f"{row.country} archives_open"]:
            cells = {q: _total(q, made.get(f"{row.country} {q}", 0)) for q in CountryRow.quantities()}
            yield CountryRow(row.country, None, **cells)


def _kinds(document: ReportDocument, made: Mapping[str, int]) -> Iterator[KindLine]:
    for line in document.kinds:
        name = f"kind {line.kind}"
        looks = {look: made[f"{name} {look}"] for look in line.archives if made[f"{name} {look}"]}
        if looks or made[name]:
            yield KindLine(line.kind, _total(f"kind:{line.kind}", made[name]), looks)


def _years(document: ReportDocument, made: Mapping[str, int]) -> Iterator[YearRow]:
    for row in document.by_year:
        if row.year is not None and made[f"year {row.year}"]:
            yield YearRow(row.year, made[f"year {row.year}"], None, at_least=True)


def _tallies(rows: Iterable[Tally], table: str, made: Mapping[str, int]) -> tuple[Tally, ...]:
    shown = (Tally(row.name, None, n) for row in rows if row.name and (n := made[f"{table} {row.name}"]))
    return tuple(_ordered(shown, lambda row: row.archives_open, lambda row: row.name))


def _named(made: Mapping[str, int], kind: str) -> dict[str, int]:
    found = [(name.removeprefix(f"{kind} "), n) for name, n in made.items() if n and name.startswith(f"{kind} ")]
    return dict(_ordered(found, lambda row: row[1], lambda row: row[0]))
