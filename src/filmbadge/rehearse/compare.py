"""Compares truth with measurement."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Literal

import msgspec
from msgspec import Struct

from filmbadge.model import Depth, Doubt, DoubtCode, Provenance, Rung, Total

_AT_COUNT = ("archives", "archives_open", "decoys", "studies", "series", "images", "http_viewers")
# What leaves everybody in doubt, however well they ask.
_ALWAYS = {DoubtCode.HOSTS_UNDECIDED, DoubtCode.PERHAPS_ONE}
_AT_PROFILE = (*_AT_COUNT, "patients", "patient_ids", "ssn_records")


class Row(Struct, frozen=True, omit_defaults=False):
    quantity: str
    truth: int
    measured: int | None
    how: Provenance
    compared: bool  # False: this depth or this version does not measure it
    why: str = ""  # why it was not measured, in words
    doubts: tuple[Doubt, ...] = ()  # why it was not measured, in codes
    low: int | None = None  # lower end of an estimate; an estimate is not compared
    high: int | None = None
    at_least: int | None = None  # some hosts do not let anybody find out enough, so `measured` is a lower bound


class Rehearsal(Struct, frozen=True):
    world: str
    agree: bool
    seconds: float
    depth: str
    rows: tuple[Row, ...]
    schema: Literal["filmbadge.rehearsal/1"] = "filmbadge.rehearsal/1"


def compare(
    world: str,
    truth: Mapping[str, int],
    totals: Iterable[Total],
    rungs: Mapping[str, int],
    *,
    depth: str,
    seconds: float,
    why: Callable[[Iterable[Doubt]], str],
) -> Rehearsal:
    """One row per quantity. A quantity that this depth measures must be known and equal.

    Some hosts of a world leave everybody in doubt. Where they alone make a total a lower bound, the bound must be equal.
    Other quantities are shown as unknown. `why` puts doubts into words.
    """
    measured = {total.quantity: total for total in totals}
    rows = []
    for quantity, true in truth.items():
        if quantity.startswith("rung:"):
            rows.append(Row(quantity, true, rungs.get(quantity.removeprefix("rung:"), 0), Provenance.COUNTED, True))
            continue
        total = measured.get(quantity) or Total(quantity, None, Provenance.UNKNOWN)
        found, how = _found(total)
        due = quantity in _AT_COUNT
        if Depth(depth).reaches(Depth.PROFILE):
            due = quantity in _AT_PROFILE or quantity.startswith("kind:")
        if Provenance.ESTIMATED in (total.how, *total.parts):
            due = False
        row = Row(quantity, true, found, how, due, why(total.doubts), total.doubts, total.low, total.high)
        rows.append(msgspec.structs.replace(row, at_least=total.at_least if total.measured is None else None))
    for rung, n in rungs.items():
        if f"rung:{rung}" not in truth and rung != Rung.SILENT:
            rows.append(Row(f"rung:{rung}", 0, n, Provenance.COUNTED, True))
    agree = all(row.measured == row.truth for row in rows if row.compared)
    return Rehearsal(world, agree, round(seconds, 3), depth, tuple(rows))


def _found(total: Total) -> tuple[int | None, Provenance]:
    """What was measured, and how: also where only hosts that leave everybody in doubt make it a lower bound."""
    if total.measured is not None or not {doubt.code for doubt in total.doubts} <= _ALWAYS:
        return total.measured, total.how
    how = Provenance.MIXED if len(total.parts) > 1 else Provenance(next(iter(total.parts), Provenance.COUNTED))
    return total.at_least, how
