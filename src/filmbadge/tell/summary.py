"""A survey as a document, for `report --json`, for its page and for a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Literal

from msgspec import Struct

from filmbadge.keep.manifest import Alike, CountryRow
from filmbadge.keep.reader import Dataset
from filmbadge.keep.years import YearRow, YearsKnown
from filmbadge.model import Depth, DoubtCode, FindingCode, Kind, Rung, Total
from filmbadge.tell import evidence, tables
from filmbadge.tell.evidence import Evidence
from filmbadge.tell.language import N_
from filmbadge.tell.view import ArchiveView, archive_view
from filmbadge.tell.words import Words, withheld
from filmbadge.texts import clean

LABELS = {
    "archives": N_("imaging archives found"),
    "archives_open": N_("of them open to strangers"),
    "hosts_undecided": N_("hosts of which we could not find out enough"),
    "decoys": N_("likely decoys and demonstrations, counted in no other line"),
    "countries": N_("countries in which the open archives stand"),
    "patients": N_("patients in open archives"),
    "patient_ids": N_("different patient ids in all of them together"),
    "studies": N_("studies in open archives"),
    "series": N_("series in open archives"),
    "images": N_("images in open archives"),
    "images_retrievable": N_("images that strangers get at once"),
    "http_viewers": N_("archives with web pages that need no login, over plain HTTP"),
    "ssn_records": N_("studies that expose a US social security number"),
}
COUNTRY_LABELS = {
    "archives": N_("archives"),
    "archives_open": N_("open"),
    "patients": N_("patients"),
    "studies": N_("studies"),
    "images": N_("images"),
    "images_retrievable": N_("images retrievable"),
    "ssn_records": N_("studies with a US social security number"),
    "http_viewers": N_("web pages over plain HTTP"),
}
_IN_A_TERMINAL = ("archives", "archives_open", "patients", "studies", "images")  # so that a row fits into a line
_TARGET = 653  # characters of a target: a name of 253 and the ports
_PERSONAL = ("ssn_records",)  # shown where somebody looked
_ALWAYS_SHOWN = (Rung.SILENT, Rung.LISTENING, Rung.SPEAKS, Rung.ADMITS, Rung.ANSWERS, Rung.DISCLOSES)


class Step(Struct, frozen=True):
    """One rung of the funnel: endpoints that stopped there, and why."""

    rung: str
    words: str
    endpoints: int
    reasons: tuple[tuple[str, int], ...]


class KindLine(Struct, frozen=True):
    """One kind of personal data in all open archives."""

    kind: str
    total: Total
    archives: dict[str, int]  # open archives by what the values look like


class ReportDocument(Struct, frozen=True):
    version: str
    state: str
    depth: str
    hosts: int | None  # None, as for all numbers of this document: not told to this reader, see `withheld`
    hosts_done: int | None
    started: datetime
    ended: datetime | None
    connections: int | None
    rows: tuple[Total, ...]
    kinds: tuple[KindLine, ...]  # empty where nobody looked
    funnel: tuple[Step, ...]
    # Archives by grade, decoys left out; "none" where we could not find out enough. Empty where nothing was reached.
    grades: dict[str, int]
    archives: tuple[ArchiveView, ...]
    findings: dict[str, int]  # archives by what is wrong with them; decoys are left out
    undecided: tuple[str, ...] = ()  # targets of which we could not find out whether they are archives, or open
    lookups: int | None = None  # of names; None: an older version did not keep it
    by_country: tuple[CountryRow, ...] = ()  # the most open archives first, and last those that no source attributes
    dropped: dict[str, int] = {}  # how much of what the user named was no target, by the reason
    opted_out: int | None = 0  # addresses and networks that operators asked to leave alone
    alike: tuple[Alike, ...] = ()  # archives of one network that may be one machine
    by_year: tuple[YearRow, ...] = ()  # studies of open archives by the year of their exam; empty: nothing is known
    years_known: YearsKnown | None = YearsKnown()  # of how many open archives; None: not told
    # Archives by what they are and have, decoys left out.
    products: tuple[tables.Tally, ...] = ()
    toolkits: tuple[tables.Tally, ...] = ()
    transport: tuple[tables.Tally, ...] = ()
    advisories: tuple[tables.Tally, ...] = ()
    words: dict[str, str] = {}  # each total in words: the figure or bound, how it was got, and why it is no number
    # What this level does not tell, and why: by the name of the field, with that of its table before it. What stands here is
    # null, empty or has rows left out, and is not zero.
    withheld: dict[str, str] = {}
    level: str = "authority"  # who it is for: see `tell.levels`
    evidence: Evidence = Evidence()
    schema: Literal["filmbadge.report/2"] = "filmbadge.report/2"


def document(dataset: Dataset, words: Words) -> ReportDocument:
    """All that a survey found out. Raises NotASurvey where a part file is damaged."""
    manifest, rows = dataset.manifest, dataset.totals()
    archives = tuple(archive_view(archive, group, words) for archive, group in tables.archives(dataset))
    return ReportDocument(
        version=clean(manifest.version, 64),
        state=manifest.state,
        depth=manifest.scope.depth,
        hosts=manifest.hosts,
        hosts_done=len(dataset.asked()),
        started=manifest.started,
        ended=manifest.ended,
        connections=dataset.connections(),
        rows=rows,
        kinds=_kinds(dataset, rows),
        funnel=_funnel(dataset, words),
        grades={} if manifest.state == "nothing-reached" else tables.grades(dataset),
        archives=archives,
        findings=_findings_of(archives),
        undecided=tuple(clean(target, _TARGET) for target in dataset.undecided()),
        lookups=dataset.lookups(),
        by_country=dataset.by_country(),
        dropped=manifest.dropped,
        opted_out=manifest.opted_out,
        alike=dataset.alike(),
        by_year=dataset.by_year(),
        years_known=dataset.years_known(),
        products=tables.tally(dataset, "products"),
        toolkits=tables.tally(dataset, "toolkits"),
        transport=tables.tally(dataset, "transport"),
        advisories=tables.tally(dataset, "advisories"),
        words={row.quantity: words.total(row) for row in rows},
        evidence=evidence.of_survey(manifest, evidence.JournalDigest(*dataset.journal_digest()), manifest.sources),
    )


def _kinds(dataset: Dataset, rows: Sequence[Total]) -> tuple[KindLine, ...]:
    found = tables.appearances(dataset)
    totals = {row.quantity.removeprefix("kind:"): row for row in rows if row.quantity.startswith("kind:")}
    lines = [
        KindLine(kind, total, {str(look): n for look, n in found.get(Kind(kind), {}).items()})
        for kind, total in totals.items()
    ]
    return tuple(lines) if found else ()


def _findings_of(archives: Sequence[ArchiveView]) -> dict[str, int]:
    found = Counter(code for a in archives if not a.decoy for code in {finding.code for finding in a.findings})
    return {code: found[code] for code in FindingCode if code in found}


def _funnel(dataset: Dataset, words: Words) -> tuple[Step, ...]:
    found, steps = tables.stops(dataset), []
    answered = found.keys() - {Rung.SILENT}
    for rung in (*Rung, None):
        reasons: dict[str, int] = {}
        for stop in found.get(rung, ()):
            text = words.common(stop.verdict, stop.protocol)
            reasons[text] = reasons.get(text, 0) + stop.endpoints
        if reasons or (answered and rung in _ALWAYS_SHOWN):
            ordered = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
            name = "unknown" if rung is None else str(rung)
            steps.append(Step(name, words.rung(rung), sum(reasons.values()), tuple(ordered)))
    return tuple(steps)


def figures(report: ReportDocument) -> list[tuple[str, Total]]:
    """The totals to show, each with its label in English. Where no archive is open, nothing is said of what such hold."""
    rows = {row.quantity: row for row in report.rows}
    opened = rows["archives_open"].measured or rows["archives_open"].at_least
    looked = {
        **dict.fromkeys(_PERSONAL, bool(report.kinds)),
        "images_retrievable": Depth(report.depth).reaches(Depth.PROVE),
        "hosts_undecided": bool(rows["hosts_undecided"].measured),
    }
    shown = {q for q, total in rows.items() if opened or total.measured != 0 or q in ("archives", "archives_open")}
    return [(label, rows[q]) for q, label in LABELS.items() if q in shown and looked.get(q, True)]


def countries(report: ReportDocument, words: Words, *, whole: bool) -> list[list[str]]:
    """The table by country, line by line, its head first. Empty where no source attributes anything. `whole`: all columns, and names for codes."""
    if not any(row.country for row in report.by_country):
        return []
    shown = [
        q
        for q in COUNTRY_LABELS
        if (whole or q in _IN_A_TERMINAL)
        and (report.kinds or q not in _PERSONAL)
        and not all(withheld(getattr(row, q)) for row in report.by_country)
    ]
    lines = [[words.say("country"), *(words.say(COUNTRY_LABELS[q]) for q in shown)]]
    for row in report.by_country:
        name = row.country or words.say("not attributed")
        if whole and row.country:
            name = words.country(row.country)
        lines.append([name, *(words.figure(getattr(row, q)) for q in shown)])
    return lines


def undecided_by_country(report: ReportDocument, words: Words) -> str:
    """A line below that table for the hosts that stand in no cell of it. Empty where there are none."""
    hosts = {row.country or words.say("not attributed"): row.hosts_undecided for row in report.by_country}
    if not any(hosts.values()):
        return ""
    where = ", ".join(words.say("{country} {n:,}", country=country, n=n) for country, n in hosts.items() if n)
    return words.say("Hosts of which we could not find out enough stand in no row: {where}.", where=where)


def appearances(line: KindLine, words: Words, level: str = "") -> str:
    """In how many archives a kind looks personal, pseudonymised or synthetic."""
    said = N_("{look}: ≥ {n:,}") if level == "public" else N_("{look}: {n:,}")
    return ", ".join(words.say(said, look=words.say(look), n=n) for look, n in line.archives.items())


def alike(report: ReportDocument, words: Words) -> list[str]:
    """A line for each group of archives that may be one machine."""
    return [
        words.say("{n:,} alike in one network: maybe one ({network})", n=group.archives, network=group.network)
        for group in report.alike
    ]


def unasked(report: ReportDocument) -> bool:
    """Whether no host was asked. At level public nobody is told, as the number is rounded down."""
    return not report.hosts_done and report.level != "public"


def asked(report: ReportDocument, words: Words) -> str:
    """What was done, in one line."""
    depth = words.name(Depth(report.depth))
    if report.hosts is None or report.hosts_done is None or report.connections is None:
        return words.say("How many hosts were asked is not told, depth {depth}", depth=depth)
    if report.level == "public":
        return words.say(
            "At least {done:,} hosts asked, {n:,} connections or more, depth {depth}",
            done=report.hosts_done,
            n=report.connections,
            depth=depth,
        )
    connections = words.many("{n:,} connection", "{n:,} connections", report.connections)
    if report.lookups:
        connections += ", " + words.many("{n:,} look-up of a name", "{n:,} look-ups of names", report.lookups)
    return words.many(
        "{done:,} of {n:,} host asked, {connections}, depth {depth}",
        "{done:,} of {n:,} hosts asked, {connections}, depth {depth}",
        report.hosts,
        done=report.hosts_done,
        connections=connections,
        depth=depth,
    )


def left_out(report: ReportDocument, words: Words) -> Iterator[str]:
    """What was named and not asked, and who asked to be left alone: a sentence for each."""
    if report.opted_out:
        yield words.many(
            "Opted out, and left alone since: {n:,} address or network.",
            "Opted out, and left alone since: {n:,} addresses or networks.",
            report.opted_out,
        )
    if dropped := words.dropped(report.dropped):
        yield f"{dropped[:1].upper()}{dropped[1:]}."


def incomplete(state: str, rows: Iterable[Total], words: Words) -> Iterator[str]:
    """What keeps the survey from being complete, a sentence for each."""
    hosts = {doubt.code: doubt.numbers.get("hosts", 0) for row in rows for doubt in row.doubts}
    if state == "nothing-reached":
        yield words.say(
            "Nothing could be reached: no host gave any answer. That may lie at our own line. What was not reached is unknown."
        )
    elif state != "done":
        yield words.say("This survey is incomplete. What was not asked is not safe, it is unknown.")
    if undecided := hosts.get(DoubtCode.HOSTS_UNDECIDED):
        yield words.many(
            "We could not find out enough of {n:,} host. So figures with ≥ are lower bounds.",
            "We could not find out enough of {n:,} hosts. So figures with ≥ are lower bounds.",
            undecided,
        )


def nothing_found(report: ReportDocument, words: Words) -> str:
    """The headline of a survey that found no archive: only a whole one says so."""
    if report.state == "nothing-reached":
        return words.say("Nothing could be reached")
    archives = next(row for row in report.rows if row.quantity == "archives")
    if withheld(archives):
        return words.say("How many archives are open is not told here: they are too few to hide a single one")
    if archives.measured is None:
        return words.say("No imaging archive was found so far, and there may be some")
    return words.say("No imaging archive was found")
