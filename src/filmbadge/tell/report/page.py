"""A survey as one self-contained HTML page. It fetches nothing, and runs no script."""

from __future__ import annotations

from collections.abc import Iterator

from filmbadge.model import Depth, Total
from filmbadge.tell.language import N_
from filmbadge.tell.report import archives, family, grades
from filmbadge.tell.report.charts import Chart, Row, at_least, charts, places, public, wrong
from filmbadge.tell.summary import (
    ReportDocument,
    alike,
    asked,
    figures,
    incomplete,
    left_out,
    nothing_found,
    unasked,
    undecided_by_country,
)
from filmbadge.tell.words import Words

_UNDECIDED = 40  # hosts
# What stands below the headline of who asked, by whose leave and when. The rest stands with the method.
_BYLINE = (N_("Scope"), N_("Authority"), N_("Reference"), N_("Contact"), N_("Dates"), N_("For whom"))
# The figures of the first screen: the first of these that are known.
_FIRST = ("archives_open", "patients", "images", "images_retrievable", "studies", "ssn_records", "series", "archives")
_MOST = 4


def render(report: ReportDocument, words: Words) -> str:
    """The page as text."""
    known = report.state != "nothing-reached" and not unasked(report)
    facts, first = list(_facts(report, words)), set(map(words.say, _BYLINE))
    return family.render(
        words,
        "page.jinja",
        kicker=family.kicker(words.say("Filmbadge survey"), report.evidence.scope, report.level, words),
        headline=headline(report, words),
        lead=list(_lead(report, words)),
        warnings=list(incomplete(report.state, report.rows, words)) if known else [],
        byline=[fact for fact in facts if fact[0] in first],
        facts=[fact for fact in facts if fact[0] not in first],
        figures=list(_figures(report, words)) if known and archives_found(report) else [],
        totals=_totals(report, words) if known and archives_found(report) else None,
        places=places(report, words) if archives_found(report) else None,
        charts=list(charts(report, words)) if known else [],
        wrong=wrong(report, words),
        unmeasured=list(_unmeasured(report, words)),
        method=list(_method(words)),
        restraint=[*words.not_tried(Depth(report.depth)), words.say("Nothing was written to any archive, no password was tried, and every value of a patient was forgotten where it was read. An image was begun at depth prove alone, and dropped unread.")],
        about=family.about(report.evidence, report.version, words),
        **_archives(report, words),
    )  # fmt: skip


def _rows(report: ReportDocument) -> dict[str, Total]:
    return {row.quantity: row for row in report.rows}


def archives_found(report: ReportDocument) -> int:
    return at_least(_rows(report)["archives"])


def headline(report: ReportDocument, words: Words) -> str:
    rows = _rows(report)
    found, opened = rows["archives"], rows["archives_open"]
    all_, n = at_least(found), at_least(opened)
    if unasked(report):
        return words.say("No host was asked yet, so nothing is known")
    if not all_:
        return nothing_found(report, words)
    if public(report) and not n:
        return words.say("Of {n:,} or more imaging archives, fewer are open than are told in public, or none", n=all_)
    if not n and opened.measured is None:
        return words.many(
            "The one imaging archive that was found was not seen open, and we do not know enough to call it closed",
            "None of the {n:,} imaging archives found was seen open, and we do not know enough to call all of them closed",
            all_,
        )
    if not n:
        return words.many(
            "The one imaging archive that was found gives no patient's record to strangers",
            "None of the {n:,} imaging archives found gives patients' records to strangers",
            all_,
        )
    if found.measured is not None and opened.measured is not None:
        return words.many(
            "{n:,} of {all:,} imaging archives gives patients' records to anybody who asks",
            "{n:,} of {all:,} imaging archives give patients' records to anybody who asks",
            n,
            all=all_,
        ) if all_ > 1 else words.say("The one imaging archive that was found gives patients' records to anybody who asks")  # fmt: skip
    if found.measured is not None:
        return words.many(
            "At least {n:,} of {all:,} imaging archives gives patients' records to anybody who asks",
            "At least {n:,} of {all:,} imaging archives give patients' records to anybody who asks",
            n,
            all=all_,
        )
    if opened.measured is not None:
        return words.many(
            "{n:,} of {all:,} or more imaging archives gives patients' records to anybody who asks",
            "{n:,} of {all:,} or more imaging archives give patients' records to anybody who asks",
            n,
            all=all_,
        )
    return words.many(
        "At least {n:,} of {all:,} or more imaging archives gives patients' records to anybody who asks",
        "At least {n:,} of {all:,} or more imaging archives give patients' records to anybody who asks",
        n,
        all=all_,
    )


def _lead(report: ReportDocument, words: Words) -> Iterator[str]:
    """What the headline means, for somebody who reads no further."""
    if report.state == "nothing-reached":
        yield words.say(
            "No host gave any answer. That may lie at our own line. What was not reached is not safe, it is unknown."
        )
    elif not archives_found(report):
        if report.hosts_done and not public(report):
            yield words.many(
                "{n:,} host was asked, and it showed no service that holds medical images.",
                "{n:,} hosts were asked, and none of them showed a service that holds medical images.",
                report.hosts_done,
            )
    elif at_least(_rows(report)["archives_open"]):
        yield words.say(
            "An imaging archive holds X-rays, scans and the records that belong to them. An open one gives them to whoever knows its address: it asks for no password, and nothing was broken into to find it."
        )


def _facts(report: ReportDocument, words: Words) -> Iterator[tuple[str, str]]:
    """Who asked, by whose leave, and when."""
    yield from family.facts(report.evidence, report.level, words)
    yield words.say("Dates"), words.span(report.started, report.ended)
    yield words.say("What was done"), asked(report, words)


def _figures(report: ReportDocument, words: Words) -> Iterator[family.Figure]:
    """Four at most. A figure is a number or a bound; what has neither stands in the table below."""
    shown = {total.quantity: (label, total) for label, total in figures(report)}
    known = [q for q in _FIRST if q in shown and (shown[q][1].measured is not None or at_least(shown[q][1]))]
    if not at_least(shown["archives_open"][1]):
        known = [q for q in ("archives", "archives_open") if q in known]
    for quantity in known[:_MOST]:
        label, total = shown[quantity]
        opened = quantity == "archives_open" and bool(at_least(total))
        alone = _ONE if quantity == "archives_open" and total.measured == 1 else _ALONE.get(quantity, label)
        yield family.Figure(words.figure(total), words.say(alone), words.origin(total), opened)


# A label that stands alone.
_ALONE = {"archives_open": N_("archives open to strangers")}
_ONE = N_("archive open to strangers")


def _totals(report: ReportDocument, words: Words) -> Chart:
    blank = words.say("not told")
    told = [(words.say(label), words.figure(total), words.origin(total)) for label, total in figures(report)]
    hidden = ", ".join(label for label, value, _ in told if value == blank)
    left_out = [words.say("Not told, since it would tell of single archives: {what}.", what=hidden)] if hidden else []
    return Chart(
        "totals",
        words.say("All figures"),
        words.say("What was found, and how each figure was got"),
        (words.say("what"), words.say("figure")),
        tuple(Row(label, (value,), notes=(origin,)) for label, value, origin in told if value != blank),
        notes=words.say("how it was got"),
        after=(*left_out, *alike(report, words)),
    )


def _archives(report: ReportDocument, words: Words) -> dict[str, object]:
    """The tables of archives, and the cards of the open ones where there are not too many."""
    numbered = list(enumerate(report.archives, 1))
    opened = [(n, one) for n, one in numbered if one.open and not one.decoy]
    in_cards = len(opened) <= archives.MOST_CARDS
    return {
        "grades": grades.grades(report, words),
        "archives_title": _graded(report, words),
        "in_cards": in_cards,
        "on_paper": archives.MOST_ON_PAPER,
        "opened": [archives.row(one, n, words, card=in_cards) for n, one in opened],
        "in_full": [archives.card(one, n, words) for n, one in opened] if in_cards else [],
        "to_close": [] if in_cards else _ways_to_close(report, words),
        "opened_caption": words.say("Open archives, the one with most studies first. “≥” is a lower bound."),
        "guarded": [archives.row(one, n, words) for n, one in numbered if not one.open and not one.decoy],
        "guarded_caption": words.say("Archives that gave no records, and why each way in ended where it did."),
        "decoys": [archives.row(one, n, words) for n, one in numbered if one.decoy],
        "decoys_caption": words.say("Likely decoys and demonstrations, with why we think so."),
    }


def _ways_to_close(report: ReportDocument, words: Words) -> list[archives.Remedies]:
    """What closes them, for each kind of archive once."""
    opened = [one for one in report.archives if one.open and not one.decoy]
    return archives.remedies(opened, words)


def _graded(report: ReportDocument, words: Words) -> str:
    failed, all_ = report.grades.get("F", 0), sum(report.grades.values())
    if failed and public(report):
        return words.say("At least {n:,} archives have the worst grade", n=failed)
    if report.grades.get("none"):
        return words.many(
            "{n:,} of {all:,} archives is known to have the worst grade",
            "{n:,} of {all:,} archives are known to have the worst grade",
            failed,
            all=all_,
        )
    if not failed:
        return words.say("No archive has the worst grade")
    if failed == all_:
        return words.many("The one archive has the worst grade", "All {n:,} archives have the worst grade", all_)
    return words.many(
        "{n:,} of {all:,} archives has the worst grade",
        "{n:,} of {all:,} archives have the worst grade",
        failed,
        all=all_,
    )


def _unmeasured(report: ReportDocument, words: Words) -> Iterator[str]:
    """What could not be measured, and why: a sentence each."""
    yield from incomplete(report.state, report.rows, words)
    if not report.hosts_done and not public(report):
        yield words.say("No host was asked, so nothing is known.")
    if public(report):
        yield words.say(
            "This page is for anybody. So it names no archive, figures are rounded down, and what is small is left out: what is not told here is not zero."
        )
    elif at_least(_rows(report)["archives_open"]):
        yield from _not_known(report, words)
    if report.undecided:
        yield words.say("Hosts of which we do not know whether an archive is there, or whether it is open. They are not safe because of that: {hosts}.", hosts=_undecided(report, words))  # fmt: skip
    if undecided := undecided_by_country(report, words):
        yield undecided
    yield from alike(report, words)
    yield from left_out(report, words)


def _not_known(report: ReportDocument, words: Words) -> Iterator[str]:
    """Figures that are estimates, bounds or unknown. Those with one reason stand in one sentence."""
    bounds: dict[str, list[str]] = {}
    for label, total in figures(report):
        if total.measured is not None and total.low is None:
            continue
        what, figure = words.say(_ALONE.get(total.quantity, label)), words.figure(total)
        why = words.why(total) or words.say("the survey did not find it out")
        if total.measured is not None:
            yield words.say("{what}: {figure} is an estimate.", what=what, figure=figure)
        elif figure == words.say("unknown"):
            yield words.say("{what}: unknown ({why}).", what=what, why=why)
        else:
            bounds.setdefault(why, []).append(f"{what} {figure}")
    for why, those in bounds.items():
        yield words.say("No more than bounds ({why}): {figures}.", why=why, figures="; ".join(those))


def _undecided(report: ReportDocument, words: Words) -> str:
    """The hosts to look at by hand: the first of them."""
    shown, left = report.undecided[:_UNDECIDED], len(report.undecided) - _UNDECIDED
    more = [words.many("{n:,} more", "{n:,} more", left)] if left > 0 else []
    return ", ".join((*shown, *more))


def _method(words: Words) -> Iterator[str]:
    yield words.say(
        "Filmbadge asks each host as any program of a clinic would: over DICOM and over HTTP, on the ports of the scope, without a password. It notes how far a stranger gets, and counts by identifiers of studies, never by names. What only looks closed, because an answer was missing or late, is called unknown."
    )
