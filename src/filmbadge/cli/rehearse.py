"""`filmbadge rehearse`"""

from __future__ import annotations

import dataclasses
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.table import Table
from rich.text import Text

from filmbadge.ask.targets.lists import read
from filmbadge.cli.codes import DONE, FOUND
from filmbadge.cli.console import note, put_json, run_loop
from filmbadge.cli.console import out as stdout
from filmbadge.cli.survey import watched
from filmbadge.keep.reader import Dataset
from filmbadge.model import Depth, Refusal
from filmbadge.rehearse.compare import Rehearsal, Row, compare
from filmbadge.rehearse.hospital import WORLDS
from filmbadge.rehearse.serve import serve
from filmbadge.rehearse.world import World
from filmbadge.scope import ConnectionLimits, loopback
from filmbadge.survey.engine import Survey
from filmbadge.tell.words import Words


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
        The world: hospital.
    scale
        Multiplies what its archives hold.
    seed
        Makes another world of the same kind.
    out
        Keep the survey in this folder, for filmbadge report.
    json
        Print one JSON document on stdout instead of the table.
    """
    maker = WORLDS.get(world)
    if maker is None:
        raise Refusal(f"no world is called '{world}'; there is: {', '.join(WORLDS)}")
    if not 0 < scale <= 1000:
        raise Refusal("--scale must be above 0 and at most 1000")
    with ExitStack() as stack:
        kept = out or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="filmbadge-"))) / "survey"
        rehearsal = run_loop(_rehearse(maker(scale, seed), seed, kept))
    if json:
        put_json(rehearsal)
    else:
        stdout.print(_table(rehearsal))
        if out:
            note(f"Kept in {out}. A page of it: filmbadge report {out} --html report.html")
    return DONE if rehearsal.agree else FOUND


async def _rehearse(world: World, seed: int, directory: Path) -> Rehearsal:
    """Surveys a served world. The surveyor is told the place of the world, and nothing else."""
    started = time.perf_counter()
    async with serve(world, seed) as site:
        scope = dataclasses.replace(
            loopback("the rehearsal itself, which serves these archives"),
            networks=site.networks,
            depth=Depth.PROFILE,
            dimse_ports=site.dimse_ports,
            dimse_tls_ports=site.dimse_tls_ports,
            web_ports=site.web_ports,
            web_tls_ports=site.web_tls_ports,
            caps=ConnectionLimits(connect_seconds=2, idle_seconds=1.5, seconds=600, received_bytes=1 << 30),
        )
        targets = [str(network) for network in site.networks]
        await watched(Survey(scope, read(targets, scope, seed=seed), targets, directory))
    dataset = Dataset(directory)
    return compare(
        world.name,
        world.truth(),
        dataset.totals(),
        dataset.outcomes(),
        depth=str(scope.depth),
        seconds=time.perf_counter() - started,
        why=Words().doubts,
    )


def _table(rehearsal: Rehearsal) -> Table:
    verdict = "agree" if rehearsal.agree else "DIFFER"
    table = Table(
        title=f"{rehearsal.world}: truth and measurement {verdict} ({rehearsal.seconds:.1f} s, depth {rehearsal.depth})",
        title_justify="left",
        box=None,
        padding=(0, 1),
    )
    for column in ("quantity", "truth", "measured", "how", ""):
        table.add_column(column, justify="right" if column in ("truth", "measured") else "left")
    for row in rehearsal.rows:
        if row.compared:
            mark = Text("equal", "green") if row.measured == row.truth else Text("DIFFERS", "bold red")
        else:
            mark = Text(_not_compared(row), "dim")
        bound = "≥ " if row.at_least is not None else ""
        value = "-" if row.measured is None else f"{bound}{row.measured:,}"
        table.add_row(row.quantity, f"{row.truth:,}", value, row.how, mark)
    return table


def _not_compared(row: Row) -> str:
    if row.measured is None:
        return f"not measured: {row.why}"
    ends = "" if row.low is None or row.high is None else f"; 95 %: {row.low:,} to {row.high:,}"
    return f"not compared: it is estimated{ends}"
