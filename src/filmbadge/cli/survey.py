"""`filmbadge survey`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from filmbadge.ask.targets.lists import ports_of, read
from filmbadge.cli.codes import DONE, FOUND, INCOMPLETE
from filmbadge.cli.console import (
    DepthChoice,
    GradeChoice,
    RungChoice,
    complain,
    err,
    note,
    put_json,
    reached,
    require_sight,
    require_writable,
    run_loop,
    show,
)
from filmbadge.cli.progress import watched
from filmbadge.cli.report import graded
from filmbadge.conclude.again import placed_by
from filmbadge.keep.reader import Dataset
from filmbadge.model import Depth, Refusal, Rung
from filmbadge.places import load as load_places
from filmbadge.scope import load, narrowed
from filmbadge.survey.askers import Here
from filmbadge.survey.engine import Survey
from filmbadge.survey.examine import BrokenOff
from filmbadge.survey.spread.choose import asks_by
from filmbadge.tell import summary, terminal
from filmbadge.tell.words import Words


def survey(
    scope: Path,
    /,
    *targets: Annotated[str, Parameter(allow_leading_hyphen=True)],
    out: Path,
    resume: Annotated[bool, Parameter(negative="")] = False,
    seed: int = 0,
    depth: DepthChoice | None = None,
    ports: str | None = None,
    aet: Annotated[tuple[str, ...], Parameter(negative="", show_default=False)] = (),
    places: Annotated[tuple[Path, ...], Parameter(negative="", show_default=False)] = (),
    workers: int | None = None,
    on: str | None = None,
    without_token: Annotated[bool, Parameter(negative="")] = False,
    progress: Path | None = None,
    fail_on: RungChoice | None = None,
    fail_on_grade: GradeChoice | None = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Survey many hosts under one scope, into a folder of Parquet tables.

    Parameters
    ----------
    scope
        The scope file: who may be asked, how deep, how fast, until when.
    targets
        Networks, hosts (HOST, HOST:PORT,PORT), files that list them, one a line, or result files of ZMap, masscan, nmap,
        naabu, httpx, RustScan, Shodan, Censys and nuclei; - reads standard input. Without any, the whole scope.
    out
        The folder to keep the survey in. It must be new, or resumed.
    resume
        Go on with the survey in --out; what was asked is not asked again.
    seed
        Changes the order in which addresses are asked.
    depth
        How far to climb, at most as far as the scope allows. Default: as far as the scope allows.
    ports
        Only these ports of the scope, such as 104,8042. A target that names its ports keeps those.
    aet
        Only this AE title of the scope. May be given several times.
    places
        A CSV or MMDB file that says in which country and network an address is, and whose it is. May be given several times.
    workers
        Ask with so many processes of this machine, or with --on of a cluster, at the pace of one.
    on
        Ask with Ray: local, or the address of a cluster, such as ray://192.0.2.1:10001. It needs filmbadge[ray].
    without_token
        With --on: join a cluster that asks for no token. Whoever reaches such a cluster can run programs on it.
    progress
        Write to this file, once a second, how far the survey is: one JSON document, for a program that watches it.
    fail_on
        Exit with 1 when an endpoint stands on this rung or higher, such as discloses.
    fail_on_grade
        Exit with 1 when an archive has this grade or a worse one, and with 3 when that cannot be known of all.
    json
        Print survey.json on stdout instead of the summary.
    """
    allowed = narrowed(load(scope), Depth(depth) if depth else None, () if ports is None else ports_of(ports), aet)
    require_sight(fail_on, allowed.depth)
    lists = (Path(name) for name, _ in allowed.lists)
    require_writable(progress, read=(scope, *lists, *places, *map(Path, targets)))
    if progress is not None and progress.absolute().is_relative_to(out.absolute()):
        raise Refusal(f"{progress} is in the folder of the survey, which holds the survey alone: choose another file")
    where, words = load_places(places), Words()
    asks = asks_by(workers, on, out, places, note, without_token=without_token)
    asked = read(targets, allowed, seed=seed)
    try:
        plan = Survey(allowed, asked, targets, out, resume, where, asks)
        for line in filter(None, (*asked.told.notes, words.dropped(asked.told.dropped))):
            note(line)
        if plan.unanswered:
            note(
                f"None of the {plan.hosts_done} hosts asked so far gave any answer; they are not asked again. If this"
                " machine's network was at fault, survey into a new folder."
            )
        if asks is Here and (wait := plan.waits):
            note(f"Workers of the run before may still ask: nothing is asked for {wait:.0f} s.")
        if resume and placed_by(out) not in ((), where.used):
            note(
                "Addresses were placed by other files before. All that is kept is judged again with those of --places now."
            )
        run_loop(watched(plan, err, words, progress))
    except BrokenOff as error:
        return complain(str(error), INCOMPLETE)
    except KeyboardInterrupt:
        complain(f"interrupted; {plan.hosts_done} hosts are kept in {out}, go on with --resume", INCOMPLETE)
    if plan.narrowed:
        err.print(
            f"Others could read or write {plan.narrowed} files and folders of {out}. Only you can now.",
            soft_wrap=True,
            markup=False,
        )
    dataset = Dataset(out)
    if json:
        put_json(dataset.manifest)
    else:
        show(terminal.render(summary.document(dataset, words), words))
        note(f"Kept in {out}. A page of it: filmbadge report {out} --html report.html")
    outcomes = dataset.manifest.outcomes
    if any(reached(Rung(rung), fail_on) for rung in outcomes if rung != "unknown"):
        return FOUND
    if fail_on_grade is not None:
        return graded(dataset, fail_on_grade)
    return DONE if dataset.manifest.complete else INCOMPLETE
