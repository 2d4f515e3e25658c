"""`filmbadge rehearse`"""

from __future__ import annotations

import csv
import dataclasses
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from filmbadge.ask.targets.lists import read
from filmbadge.cli.codes import DONE, FOUND
from filmbadge.cli.console import err, note, put_json, run_loop
from filmbadge.cli.progress import watched
from filmbadge.cli.rehearsed import show
from filmbadge.compare.surveys import compare as compared
from filmbadge.keep.reader import Dataset
from filmbadge.model import Depth, Refusal
from filmbadge.places import PACKAGED, Places, load
from filmbadge.rehearse import compare
from filmbadge.rehearse.compare import Rehearsal
from filmbadge.rehearse.process import Standing, Told, stand
from filmbadge.rehearse.world import CELLS, Place
from filmbadge.scope import Scope, loopback
from filmbadge.survey.engine import Survey
from filmbadge.tell.words import Words

if sys.platform != "win32":
    import resource

BEFORE, AFTER = "before", "after"  # folders of a world that is surveyed twice
# Hosts in hand. Synthetic archives answer at once, so more of them would be no faster, and each takes some megabytes.
OPEN_AT_ONCE = 64


def rehearse(
    world: str = "hospital",
    /,
    *,
    scale: float = 1.0,
    seed: int = 1,
    out: Path | None = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Survey a synthetic world on loopback and compare what was measured with its truth.

    Parameters
    ----------
    world
        The world: hospital, region, greenbone-2019, review-2019, or the path of a world file. Some are surveyed twice.
    scale
        Multiplies what its archives hold, and in some worlds how many there are.
    seed
        Makes another world of the same kind.
    out
        Keep the survey in this folder, for filmbadge report. Of a world that is surveyed twice, both: in before and after.
    json
        Print one JSON document on stdout instead of the table.
    """
    if not 0 < scale <= 1000:
        raise Refusal("--scale must be above 0 and at most 1000")
    with ExitStack() as stack:
        temporary = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="filmbadge-")))
        standing = stack.enter_context(stand(world, scale, seed))
        rehearsal = _rehearse(standing, scale, seed, out or temporary / "survey", temporary)
    if json:
        put_json(rehearsal)
    else:
        show(rehearsal)
        if out:
            note(f"Kept in {out}. {_next(out, twice=bool(rehearsal.changes))}")
    return DONE if rehearsal.agree else FOUND


def _next(out: Path, *, twice: bool) -> str:
    if twice:
        return f"What changed: filmbadge compare {out / BEFORE} {out / AFTER}"
    return f"A page of it: filmbadge report {out} --html report.html"


def _rehearse(standing: Standing, scale: float, seed: int, directory: Path, temporary: Path) -> Rehearsal:
    """Surveys a world. The surveyor is told the place of the world, and nothing else, until the survey is written."""
    started, cpu = time.perf_counter(), time.process_time()
    twice, depth = standing.told.again, Depth(standing.told.depth)
    dataset = _survey(standing, seed, directory / BEFORE if twice else directory, temporary)
    totals, outcomes, by_country = dataset.totals(), dataset.outcomes(), dataset.by_country()
    by_year = dataset.by_year()
    second = None
    if twice:
        standing.later()
        later = _survey(standing, seed, directory / AFTER, temporary)
        second = later.totals(), later.outcomes(), compared(dataset, later)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    truth, world_cpu = standing.truth()
    measured = {row.country or "": {cell: getattr(row, cell) for cell in CELLS} for row in by_country}
    why = Words().doubts
    rehearsal = Rehearsal(
        world=truth.world,
        about=truth.about,
        agree=False,
        seconds=round(seconds, 3),
        depth=str(depth),
        scale=scale,
        seed=seed,
        rows=compare.rows(truth, totals, outcomes, depth, why),
        countries=compare.countries(truth, measured, depth, why),
        years=compare.years(truth, by_year),
        survey_cpu_seconds=round(cpu, 3),
        world_cpu_seconds=round(world_cpu, 3),
        survey_peak_bytes=_peak(),
    )
    if second is not None and truth.later is not None:
        totals, outcomes, found = second
        rows = compare.rows(truth.later, totals, outcomes, depth, why)
        rehearsal = msgspec.structs.replace(rehearsal, later=rows, changes=compare.changes(truth, found))
    return msgspec.structs.replace(rehearsal, agree=all(f.agrees for f in rehearsal.figures if f.compared))


def _survey(standing: Standing, seed: int, directory: Path, temporary: Path) -> Dataset:
    scope = _scope(standing.told)
    targets = [str(network) for network in standing.told.site.networks]
    places = _places(standing.told.places, temporary / "places.csv")
    run_loop(watched(Survey(scope, read(targets, scope, seed=seed), targets, directory, places=places), err, Words()))
    return Dataset(directory)


def _scope(told: Told) -> Scope:
    """As deep as the world says. Patience and limits are those of any scope."""
    site, ours = told.site, loopback("the rehearsal itself, which serves these archives")
    return dataclasses.replace(
        ours,
        pace=dataclasses.replace(ours.pace, open_at_once=OPEN_AT_ONCE),
        networks=site.networks,
        depth=Depth(told.depth),
        dimse_ports=site.dimse_ports,
        dimse_tls_ports=site.dimse_tls_ports,
        web_ports=site.web_ports,
        web_tls_ports=site.web_tls_ports,
    )


def _places(rows: Sequence[Place], path: Path) -> Places:
    """Who has the networks of the world, as a table of a user's."""
    if not rows:
        return PACKAGED
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(Place.__struct_fields__)
        writer.writerows(msgspec.structs.astuple(row) for row in rows)
    return load([path])


def _peak() -> int | None:
    """The most memory that this process had, in bytes."""
    if sys.platform != "win32":
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    else:  # noqa: RET505
        return None
