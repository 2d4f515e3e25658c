"""The charts of the page of a survey: each has its finding for a title, and says what is not in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec
from markupsafe import Markup

from filmbadge.catalogue.advisories import advisories
from filmbadge.keep.years import YearRow, YearsKnown
from filmbadge.model import FindingCode, Kind, Rung, Total, Transport
from filmbadge.tell.language import N_
from filmbadge.tell.report.family import width
from filmbadge.tell.report.map import Quantity, world
from filmbadge.tell.summary import COUNTRY_LABELS, KindLine, ReportDocument, Step, appearances, countries
from filmbadge.tell.tables import Tally
from filmbadge.tell.words import Words

_REASONS = 8  # of one rung
_FEW = 10  # countries that a sentence counts as few
_BESIDE = 10  # countries beside a map
_YEARS = 20  # the latest, one by one
_ROWS = 20  # of products, and of toolkits


class Row(NamedTuple):
    """One bar. `open` is the share of it that is red, 0 to 100."""

    label: str
    numbers: tuple[str, ...]
    bar: int = 0
    open: int = 0
    detail: str = ""
    notes: tuple[str, ...] = ()
    link: str = ""


class Chart(NamedTuple):
    """`head` names the first column and those of the numbers; `notes` the column behind the bars, if there is one."""

    id: str
    topic: str
    title: str
    head: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    caption: str = ""
    notes: str = ""
    lines: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


class Drawn(NamedTuple):
    """A map with the table beside it."""

    title: str
    map: Markup
    head: tuple[str, str]
    rows: list[tuple[str, str]]
    more: str


class Places(NamedTuple):
    """Maps, and the table by country. Without a source of places, `lines` says so in their place."""

    topic: str
    title: str
    maps: list[Drawn]
    head: list[str]
    rows: list[list[str]]
    caption: str
    lines: list[str]


def at_least(total: Total) -> int:
    """What a total is for sure."""
    return (total.at_least or 0) if total.measured is None else total.measured


def charts(report: ReportDocument, words: Words) -> Iterator[Chart]:
    """In the order of the page, without those that have nothing to show."""
    if report.funnel:
        yield _funnel(report, words)
    if report.kinds:
        yield _kinds(report, words)
    for rows, chart in (
        (report.products, _products),
        (report.toolkits, _toolkits),
        (report.transport, _transport),
        (report.advisories if public(report) else report.products, _advisories),
    ):
        if any(row.archives or row.archives_open for row in rows):
            yield chart(report, words)
    if report.by_year or (not public(report) and any(row.open for row in report.archives)):
        yield _years(report, words)


def public(report: ReportDocument) -> bool:
    """Whether figures are rounded down, and small ones are left out."""
    return report.level == "public"


def figure(report: ReportDocument, n: int, words: Words) -> str:
    """A number of archives, which is a lower bound where it was rounded down."""
    return words.say("≥ {n:,}", n=n) if public(report) else words.number(n)


def places(report: ReportDocument, words: Words) -> Places:
    """Maps, and the table of the survey of 2019, by country."""
    topic, lines = words.say("By country"), countries(report, words, whole=True)
    if not lines and public(report):
        title = words.say("No country has so many open archives that they can be told to anybody")
        return Places(topic, title, [], [], [], "", [])
    if not lines:
        title = words.say("In which countries they stand is unknown")
        why = words.say("No source of places attributes any of these addresses to a country.")
        return Places(topic, title, [], [], [], "", [why])
    caption = words.say(
        "Source: the first source of places that names a country. A study that is open in two countries is in the rows of both, so the rows may add up to more than the totals. Decoys and demonstrations are left out."
    )
    lines, blank = _told(lines, words)
    caption = f"{caption} {blank}".strip()
    drawn = [_drawn(report, quantity, words) for quantity in _MAPS]
    return Places(
        topic, _concentrated(report, words), [one for one in drawn if one.map], lines[0], lines[1:], caption, []
    )


def _told(lines: list[list[str]], words: Words) -> tuple[list[list[str]], str]:
    """The table without the columns that have no figure in any row, and a sentence that names these."""
    none = {words.say("unknown"), words.say("not told")}
    blank = [n for n in range(1, len(lines[0])) if all(line[n] in none for line in lines[1:])]
    kept = [[cell for n, cell in enumerate(line) if n not in blank] for line in lines]
    if not blank:
        return lines, ""
    return kept, words.say("Of no country is known: {columns}.", columns=", ".join(lines[0][n] for n in blank))


_MAPS: dict[Quantity, str] = {"archives_open": N_("Open archives"), "patients": N_("Patients in open archives")}


def _drawn(report: ReportDocument, quantity: Quantity, words: Words) -> Drawn:
    """One map, and beside it the countries with most."""
    rows = [row for row in report.by_country if at_least(getattr(row, quantity))]
    rows.sort(key=lambda row: -at_least(getattr(row, quantity)))
    left = len(rows) - _BESIDE
    return Drawn(
        words.say(_MAPS[quantity]),
        world(report.by_country, quantity, words),
        (words.say("country"), words.say(COUNTRY_LABELS[quantity])),
        [
            (
                words.country(row.country) if row.country else words.say("not attributed"),
                words.figure(getattr(row, quantity)),
            )
            for row in rows[:_BESIDE]
        ],
        words.many("and {n:,} more country", "and {n:,} more countries", left) if left > 0 else "",
    )


def _concentrated(report: ReportDocument, words: Words) -> str:
    """In how few countries more than half of all open archives stand. Of figures that were rounded down nobody can say it."""
    if public(report):
        return words.say("Where open archives stand, as far as it is told")
    known = sorted((at_least(row.archives_open) for row in report.by_country if row.country), reverse=True)
    opened = sum(at_least(row.archives_open) for row in report.by_country)
    if not opened:
        return words.many(
            "Archives stand in {n:,} country, and none was seen open",
            "Archives stand in {n:,} countries, and none was seen open",
            len(known),
        )
    sums = 0
    for n, more in enumerate(known, 1):
        sums += more
        if 2 * sums > opened and n < len(known) and n <= _FEW:
            return words.many(
                "Most open archives stand in {n:,} country", "Most open archives stand in {n:,} countries", n
            )
    stands = sum(bool(n) for n in known)
    if 2 * sums <= opened:
        return words.say("Where most open archives stand is not known")
    return words.many("The open archives stand in {n:,} country", "The open archives stand in {n:,} countries", stands)


def _funnel(report: ReportDocument, words: Words) -> Chart:
    answered = sum(step.endpoints for step in report.funnel if step.rung != Rung.SILENT)
    gave = sum(step.endpoints for step in report.funnel if is_open(step.rung))
    title = words.many(
        "{n:,} of {all:,} endpoints that answered gave records to a stranger",
        "{n:,} of {all:,} endpoints that answered gave records to a stranger",
        gave,
        all=answered,
    )
    if not answered:
        title = words.say("No endpoint answered")
    elif not gave:
        title = words.many(
            "The {n:,} endpoint that answered gave no record to a stranger",
            "None of the {n:,} endpoints that answered gave records to a stranger",
            answered,
        )
    elif gave == answered:
        title = words.many(
            "The one endpoint that answered gave records to a stranger",
            "All {n:,} endpoints that answered gave records to a stranger",
            answered,
        )
    most = max((step.endpoints for step in report.funnel if step.rung != Rung.SILENT), default=0)
    return Chart(
        "funnel",
        words.say("How far a stranger gets"),
        title,
        (words.say("rung"), words.say("endpoints")),
        tuple(_step(step, most, words) for step in report.funnel if step.endpoints),
        words.say(
            "Source: what each endpoint answered, in the last conversation with it. Silent endpoints have no bar."
        ),
        words.say("why they stopped there"),
        (
            words.say(
                "An endpoint is an address, a port and a protocol. Each one stands on one rung of this ladder. From “discloses” on it is open."
            ),
        ),
    )


def _step(step: Step, most: int, words: Words) -> Row:
    left = len(step.reasons) - _REASONS
    reasons = [words.say("{n:,} × {reason}", n=n, reason=reason) for reason, n in step.reasons[:_REASONS]]
    if left > 0:
        reasons.append(words.many("and {n:,} other reason", "and {n:,} other reasons", left))
    return Row(
        words.say(step.rung),
        (words.number(step.endpoints),),
        0 if step.rung == Rung.SILENT else width(step.endpoints, most),
        100 if is_open(step.rung) else 0,
        step.words,
        tuple(reasons),
    )


def is_open(rung: str) -> bool:
    return rung in {known.value for known in Rung if known.open}


def _kinds_title(report: ReportDocument, found: Sequence[KindLine], words: Words) -> str:
    """The finding. One kind leads only where all are known and no other has as many studies. `found` has most first."""
    if not found:
        return words.say("No personal data was found in the archives that were looked at")
    if public(report):
        return words.many(
            "Strangers can read at least {n:,} kind of personal data",
            "Strangers can read at least {n:,} kinds of personal data",
            len(found),
        )
    first = words.kind(Kind(found[0].kind))
    if len(found) == 1:
        return words.say("Strangers can read one kind of personal data: {first}", first=first)
    leads = at_least(found[0].total) > at_least(found[1].total)
    if leads and all(line.total.measured is not None for line in found):
        return words.say(
            "Strangers can read {n:,} kinds of personal data, {first} most of all", n=len(found), first=first
        )
    return words.say("Strangers can read {n:,} kinds of personal data, {first} among them", n=len(found), first=first)


def _kinds(report: ReportDocument, words: Words) -> Chart:
    told = (line for line in report.kinds if line.archives or at_least(line.total))
    found = sorted(told, key=lambda line: -at_least(line.total))
    most = max((at_least(line.total) for line in found), default=0)
    origins = {words.origin(line.total, alone=False) for line in found}
    alike = words.say("Each of these figures: {origin}.", origin=origins.pop()) if len(origins) == 1 else ""
    absent = ", ".join(words.kind(Kind(line.kind)) for line in report.kinds if line.total.measured == 0)
    return Chart(
        "kinds",
        words.say("Kinds of personal data"),
        _kinds_title(report, found, words),
        (words.say("kind"), words.say("studies")),
        tuple(_kind(report, line, most, words, alone=not alike) for line in found),
        words.say(
            "Source: studies of open archives that carry each kind. Values were looked at where they were read, and then forgotten. Archives that gave no answer to the question are not in it."
        ),
        words.say("how it looks, and in how many archives"),
        after=tuple(
            filter(None, (alike, absent and words.say("Looked for and found in none: {kinds}.", kinds=absent)))
        ),
    )


def _kind(report: ReportDocument, line: KindLine, most: int, words: Words, *, alone: bool) -> Row:
    """`alone`: how its figure was got is not the same for all kinds."""
    return Row(
        words.kind(Kind(line.kind)),
        (words.figure(line.total),),
        width(at_least(line.total), most),
        100,
        words.origin(line.total, alone=False) if alone else "",
        (_looks(report, line, words),),
    )


def _looks(report: ReportDocument, line: KindLine, words: Words) -> str:
    if not public(report):
        return appearances(line, words)
    return ", ".join(f"{words.say(look)}: {figure(report, n, words)}" for look, n in line.archives.items())


def _tallies(report: ReportDocument, rows: tuple[Tally, ...], words: Words, unknown: str = "") -> tuple[Row, ...]:
    """Grey is all, red the open ones. What is not known comes last. At level public the open ones alone are told."""
    shown = [row for row in rows if row.archives or row.archives_open]
    shown.sort(key=lambda row: not row.name)
    if public(report):
        most = max((row.archives_open for row in shown), default=0)
        return tuple(
            Row(row.name or unknown, (figure(report, row.archives_open, words),), width(row.archives_open, most), 100)
            for row in shown
        )
    whole = [(row, row.archives or 0) for row in shown]
    most = max((n for _, n in whole), default=0)
    return tuple(
        Row(
            row.name or unknown,
            (words.number(n), words.number(row.archives_open)),
            width(n, most),
            width(row.archives_open, n),
        )
        for row, n in whole
    )


def _columns(report: ReportDocument, first: str, words: Words) -> tuple[str, ...]:
    return (first, words.say("open")) if public(report) else (first, words.say("archives"), words.say("open"))


def _named(rows: tuple[Row, ...], words: Words) -> tuple[tuple[Row, ...], tuple[str, ...]]:
    """The first of them, and a sentence for the rest."""
    left = len(rows) - _ROWS
    if left <= 1:
        return rows, ()
    return (*rows[: _ROWS - 1], rows[-1]), (words.many("{n:,} more is not shown.", "{n:,} more are not shown.", left),)


def _products(report: ReportDocument, words: Words) -> Chart:
    opened = [row for row in report.products if row.archives_open]
    first = next((row for row in opened or report.products if row.name), None)
    bound = public(report)
    title = words.say("The product behind these archives is not known")
    if first is not None and bound:
        title = words.say("Products behind open archives")
    elif first is not None and opened:
        title = words.many(
            "{product} is the most frequent product that is known: {n:,} open archive",
            "{product} is the most frequent product that is known: {n:,} open archives",
            first.archives_open,
            product=first.name,
        )
    elif first is not None:
        title = words.say("{product} is the most frequent product that is known", product=first.name)
    rows, after = _named(_tallies(report, report.products, words, words.say("not known")), words)
    return Chart(
        "products",
        words.say("Products"),
        title,
        _columns(report, words.say("product"), words),
        rows,
        words.say(
            "Source: what an archive says of itself, and its manners. Red: open archives. Not known: it showed no mark of a product that this version of Filmbadge knows."
        ),
        after=after,
    )


def _toolkits(report: ReportDocument, words: Words) -> Chart:
    known = [row for row in report.toolkits if row.name]
    title = words.say("No archive showed the toolkit that it speaks DICOM with")
    if public(report):
        title = words.say("Toolkits that open archives speak DICOM with")
    elif known:
        title = words.many(
            "{n:,} archive showed the toolkit that it speaks DICOM with",
            "{n:,} archives showed the toolkit that they speak DICOM with",
            sum(row.archives or 0 for row in known),
        )
    rows, after = _named(_tallies(report, report.toolkits, words, words.say("not known")), words)
    return Chart(
        "toolkits",
        words.say("Toolkits"),
        title,
        _columns(report, words.say("toolkit"), words),
        rows if known else (),
        words.say("Source: the implementation that a peer names when an association begins (DICOM PS3.7 D.3.3.2)."),
        after=after if known else (),
    )


def _transport(report: ReportDocument, words: Words) -> Chart:
    plain = sum(row.archives or 0 for row in report.transport if row.name == Transport.PLAIN)
    found = sum(row.archives or 0 for row in report.products)
    title = words.many(
        "{n:,} of {all:,} archives can be reached without any encryption",
        "{n:,} of {all:,} archives can be reached without any encryption",
        plain,
        all=found,
    )
    if public(report):
        title = words.say("What connections to open archives showed")
    elif not plain:
        title = words.say("No archive was reached without encryption")
    elif plain == found:
        title = words.many(
            "The one archive can be reached without any encryption",
            "All {n:,} archives can be reached without any encryption",
            found,
        )
    rows = _tallies(report, report.transport, words)
    return Chart(
        "transport",
        words.say("Transport"),
        title,
        _columns(report, words.say("what a connection showed"), words),
        tuple(row._replace(label=words.transport(row.label)) for row in rows),
        words.say(
            "Source: our own connections, measured against DICOM PS3.15 B.12 (BCP 195). An archive may show several of these. What nobody offered us, such as a cipher that we did not ask for, is not in it."
        ),
    )


def _advisories(report: ReportDocument, words: Words) -> Chart:
    n = report.findings.get(FindingCode.ADVISORY, 0)
    title = words.many(
        "{n:,} archive runs a version with a published vulnerability",
        "{n:,} archives run a version with a published vulnerability",
        n,
    )
    if public(report):
        title = words.say("Vulnerabilities that are published of versions in use")
    elif not n:
        title = words.say("No archive showed a version with a published vulnerability")
    rows, head = _tallies(report, report.advisories, words), _columns(report, words.say("advisory"), words)
    return Chart(
        "advisories",
        words.say("Published vulnerabilities"),
        title,
        (head[0], words.say("severity"), *head[1:]),
        tuple(_advisory(row, words) for row in rows),
        words.say(
            "Source: the version that an archive names, against the range that the advisory gives. Nothing was attacked to find it. Archives that do not say their version are not in it."
        ),
    )


def _advisory(row: Row, words: Words) -> Row:
    known = advisories().get(row.label)
    if known is None:
        return row._replace(numbers=("", *row.numbers))
    severity = words.say("not rated in our sources")
    if known.severity is not None:
        severity = words.say("{severity} (CVSS {score:.1f})", severity=words.say(known.severity), score=known.cvss)
    return row._replace(detail=words.advised(row.label), numbers=(severity, *row.numbers), link=known.link)


def _years(report: ReportDocument, words: Words) -> Chart:
    """Studies by the year of exam, the latest years one by one."""
    topic = words.say("Exam dates")
    if not report.by_year:
        why = words.say(
            "No archive was asked for the dates of its studies, or none gave them. So the years are unknown, and none of them is zero."
        )
        return Chart("years", topic, words.say("How old the open studies are is not known"), lines=(why,))
    dated = [row for row in report.by_year if row.year is not None]
    rows = [(str(row.year), row) for row in dated[-_YEARS:]]
    if earlier := dated[:-_YEARS]:
        before = msgspec.structs.replace(earlier[-1], studies=sum(row.studies for row in earlier))
        rows.insert(0, (words.say("{year} and before", year=before.year), before))
    rows += [(words.say("no date, or none that can be"), row) for row in report.by_year if row.year is None]
    most = max((row.studies for _, row in rows), default=0)
    return Chart(
        "years",
        topic,
        words.say("Studies in open archives, by the year of their exam") if public(report) else _aged(dated, words),
        (words.say("year of exam"), words.say("studies")),
        tuple(
            Row(
                label,
                (words.say("≥ {n:,}", n=row.studies) if row.at_least else words.number(row.studies),),
                width(row.studies, most),
                100,
            )
            for label, row in rows
        ),
        _dated(report.years_known, words),
    )


def _dated(known: YearsKnown | None, words: Words) -> str:
    """Of how many archives the years are known. At level public nobody is told."""
    if known is None:
        return words.say("Years with few studies are left out, and figures are rounded down.")
    told = [words.many("Source: the dates of all studies in {n:,} open archive.", "Source: the dates of all studies in {n:,} open archives.", known.whole)]  # fmt: skip
    if known.partly:
        told.append(words.many("Of {n:,} more, only some of the studies were looked at.", "Of {n:,} more, only some of the studies were looked at.", known.partly))  # fmt: skip
    if known.unknown:
        told.append(words.many("Of {n:,} the years are not known, and its studies are not in it.", "Of {n:,} the years are not known, and their studies are not in it.", known.unknown))  # fmt: skip
    return " ".join(told)


def _aged(dated: Sequence[YearRow], words: Words) -> str:
    """From which year on half of all dated studies are."""
    sums, half = 0, sum(row.studies for row in dated) / 2
    for row in reversed(dated):
        sums += row.studies
        if sums >= half:
            return words.say(
                "Half of the dated studies are of {year} or later, the oldest of {first}",
                year=row.year,
                first=dated[0].year,
            )
    return words.say("No study that was looked at has a date")


def wrong(report: ReportDocument, words: Words) -> Chart:
    """What is wrong, and with how many archives."""
    most = max(report.findings.values(), default=0)
    rows = tuple(
        Row(words.finding_title(FindingCode(code)), (figure(report, n, words),), width(n, most))
        for code, n in report.findings.items()
    )
    return Chart(
        "wrong",
        "",
        words.say("What is wrong, and with how many archives"),
        (words.say("finding"), words.say("archives")),
        rows,
        words.say("The gravest first. An archive may be in several rows. Decoys and demonstrations are left out."),
    )
