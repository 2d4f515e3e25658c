"""What an instrument said of a made-up archive, beside the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import permutations

from filmbadge.model import Appearance, Archive, Count, Host, Kind, OutcomeKind, Provenance, Reason, Rung, Total
from support.misleading.holdings import Truth
from support.misleading.kinds import Place

QUANTITIES = ("studies", "series", "images", "patients", "ssn")


class Mark(IntEnum):
    RIGHT = 0  # all is known and true
    HONEST = 1  # nothing is false, something is unknown
    MISSED = 2  # an interval of 95 % does not hold the truth: that may happen one time in twenty
    COINCIDENCE = 3  # it is false, and nobody could have told
    WRONG = 4


@dataclass
class Judgement:
    mark: Mark = Mark.RIGHT
    said: list[str] = field(default_factory=list)
    intervals: int = 0  # of estimated numbers
    missed: int = 0  # of these, intervals that do not hold the truth

    def note(self, mark: Mark, words: str) -> None:
        self.mark = max(self.mark, mark)
        self.said.append(f"{mark.name} {words}" if mark else words)


def judge(place: Place, host: Host) -> Judgement:
    """Of one address."""
    noted = Judgement()
    opened = [archive for archive in host.archives if archive.open]
    _rungs(noted, place.union, host, opened)
    shown = opened or list(host.archives)
    if len(opened) == len(place.truths) > 1:
        pairings = (_paired(place.truths, order) for order in permutations(opened))
        best = min(pairings, key=lambda paired: paired.mark)
        noted.mark, noted.said = max(noted.mark, best.mark), noted.said + best.said
    elif place.union.open is not False or any(_known(archive) for archive in shown):
        _counts(noted, place.union, shown)
        if len(opened) != len(place.truths) and opened:
            noted.note(Mark.HONEST, f"{len(opened)} archives, and there are {len(place.truths)}")
    if place.union.personal and opened:
        _personal(noted, opened[0])
    if place.union.coincidence and noted.mark is Mark.WRONG:
        noted.mark = Mark.COINCIDENCE
    return noted


def _paired(truths: Sequence[Truth], opened: Sequence[Archive]) -> Judgement:
    """Several archives at one address: nobody says which of them is which."""
    noted = Judgement()
    for said, archive in zip(truths, opened, strict=True):
        _counts(noted, said, [archive])
    return noted


def judge_totals(places: Sequence[Place], rows: Sequence[Total]) -> Judgement:
    """Of a whole survey. Archives that may be called open or not make a range."""
    noted = Judgement()
    said = {row.quantity: row for row in rows}
    may = [truth for place in places for truth in place.truths if truth.open is not False]
    must = [truth for truth in may if truth.open]
    _total(noted, said["archives_open"], len(must), len(may))
    for quantity in ("studies", "series", "images"):
        if any(getattr(place.union, quantity) is None for place in places if place.union.open is not False):
            continue
        ends = [_ends(getattr(place.union, quantity)) for place in places if place.union.open is not False]
        low = sum(
            low
            for place, (low, _) in zip((p for p in places if p.union.open is not False), ends, strict=True)
            if place.union.open
        )
        _total(noted, said[quantity], low, sum(high for _, high in ends))
    return noted


def _total(noted: Judgement, said: Total, low: int, high: int) -> None:
    true = f"{said.quantity}, truth {low}" + ("" if low == high else f" to {high}")
    if said.measured is None:
        least = said.at_least or 0
        noted.note(Mark.HONEST if least <= high else Mark.WRONG, f">= {least} {true}")
    elif said.low is not None and said.high is not None:
        held = said.low <= high and said.high >= low
        noted.note(Mark.HONEST if held else Mark.MISSED, f"~{said.measured} [{said.low}, {said.high}] {true}")
    else:
        noted.note(Mark.RIGHT if low <= said.measured <= high else Mark.WRONG, f"{said.measured} {said.how} {true}")


def _ends(number: int | tuple[int, int]) -> tuple[int, int]:
    return (number, number) if isinstance(number, int) else number


def _rungs(noted: Judgement, said: Truth, host: Host, opened: Sequence[Archive]) -> None:
    met = [one.verdict for one in host.judged if one.verdict.rung is not Rung.SILENT]
    rungs = ",".join(f"{verdict.rung} ({verdict.why})" for verdict in met)
    sure = host.fault is None and all(one.verdict.conclusive for one in host.judged)
    ours = [one.verdict.stop.error for one in host.judged if one.verdict.why is Reason.OWN_ERROR and one.verdict.stop]
    if ours or (host.fault is not None and host.fault.ending is OutcomeKind.OWN_ERROR):
        noted.note(Mark.WRONG, f"our own error {ours or host.fault}")
    if host.fault is not None:
        noted.note(Mark.HONEST, f"fault {host.fault.ending} {host.fault.error}")
    if said.open is True and not opened:
        noted.note(Mark.WRONG if sure else Mark.HONEST, f"open, called {rungs}{', conclusive' if sure else ''}")
    elif said.open is False and opened:
        noted.note(Mark.WRONG, f"not open, called {rungs}")
    else:
        noted.note(Mark.RIGHT, rungs)


def _counts(noted: Judgement, said: Truth, archives: Sequence[Archive]) -> None:
    for quantity in QUANTITIES:
        true = getattr(said, quantity)
        if true is None or (quantity != "studies" and not any(archive.open for archive in archives)):
            continue
        counts = [a.ssn_records if quantity == "ssn" else getattr(a.counts, quantity) for a in archives]
        if counts:
            mark, words = _count(true, counts)
            noted.intervals += "[" in words
            noted.missed += mark is Mark.MISSED
            noted.note(mark, f"{quantity} {words}")


def _count(true: int | tuple[int, int], counts: Sequence[Count]) -> tuple[Mark, str]:
    low, high = _ends(true)
    if any(count.value is None for count in counts):
        least = sum(map(_sure, counts))
        return (Mark.HONEST, f">= {least}") if least <= high else (Mark.WRONG, f">= {least}, truth {true}")
    number = sum(count.value or 0 for count in counts)
    how = "+".join(sorted({str(count.how) for count in counts}))
    if any(count.how is Provenance.ESTIMATED for count in counts):
        least, most = (sum(_end(count, end) for count in counts) for end in ("low", "high"))
        held = least <= high and most >= low
        words = f"~{number} [{least}, {most}]"
        return (Mark.HONEST, words) if held else (Mark.MISSED, f"{words}, truth {true}")
    if low <= number <= high:
        return Mark.RIGHT, f"{number} {how}"
    return Mark.WRONG, f"{number} {how}, truth {true}"


def _end(count: Count, which: str) -> int:
    end = getattr(count, which)
    return int(end if end is not None else count.value or 0)


def _sure(count: Count) -> int:
    """What is said to be there at least."""
    if count.value is not None and count.how is not Provenance.ESTIMATED:
        return count.value
    return count.at_least or 0


def _known(archive: Archive) -> bool:
    return archive.counts.studies.value is not None or bool(archive.counts.studies.at_least)


def _personal(noted: Judgement, archive: Archive) -> None:
    looks = {found.kind: found.looks for found in archive.kinds or ()}
    asked = [looks.get(kind) for kind in (Kind.PATIENT_NAME, Kind.PATIENT_ID)]
    if archive.kinds and Appearance.PERSONAL not in asked:
        noted.note(Mark.WRONG, f"real people are among them, and they look {' and '.join(map(str, asked))}")
