"""`filmbadge check`"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, NamedTuple

from cyclopts import Parameter

from filmbadge.ask.targets.lists import Target, TargetError, parse, ports_of
from filmbadge.ask.wire.dialer import own
from filmbadge.cli import ask_scope, grades
from filmbadge.cli.asking import asking
from filmbadge.cli.codes import DONE, FOUND, INCOMPLETE
from filmbadge.cli.console import (
    DepthChoice,
    GradeChoice,
    RungChoice,
    command,
    err,
    put_json,
    reached,
    require_sight,
    require_writable,
    run_loop,
    show,
    write_files,
)
from filmbadge.judge.archives import from_within
from filmbadge.model import Depth, Refusal
from filmbadge.places import load as load_places
from filmbadge.scope import LOOPBACK, Scope, load, loopback, narrowed, title_fault
from filmbadge.survey import examine
from filmbadge.tell import card
from filmbadge.tell.evidence import of_check
from filmbadge.tell.feeds.feed import of_check as feed_of_check
from filmbadge.tell.feeds.sarif import of_host as sarif_of
from filmbadge.tell.levels import Level, named
from filmbadge.tell.words import Words
from filmbadge.version import RELEASE


def check(
    target: str,
    /,
    *,
    scope: Path | None = None,
    owner: str | None = None,
    depth: DepthChoice | None = None,
    ports: str | None = None,
    aet: Annotated[tuple[str, ...], Parameter(negative="", show_default=False)] = (),
    places: Annotated[tuple[Path, ...], Parameter(negative="", show_default=False)] = (),
    fail_on: RungChoice | None = None,
    fail_on_grade: GradeChoice | None = None,
    json: Annotated[bool, Parameter(negative="")] = False,
    sarif: str | None = None,
    html: str | None = None,
) -> int:
    """Check one archive: how open it is, why, and how much it would give away.

    Parameters
    ----------
    target
        HOST, HOST:PORT,PORT or [IPv6]:PORT. Without ports, those of the scope are asked.
    scope
        The scope file that allows it. This machine needs none, down to depth count. At a terminal, another address without one is
        asked about, and a scope file is written.
    owner
        Whose archive answers on this machine, in words: a forwarder may stand between. Needed there for profile and prove.
    depth
        How far to climb, at most as far as the scope allows. Default: as far as the scope allows; count, without a scope.
    ports
        Only these ports of the scope, such as 104,8042. Without a scope: these ports.
    aet
        Only this AE title of the scope. Without a scope: one that the owner gave. May be given several times.
    places
        A CSV or MMDB file that says in which country and network an address is, and whose it is. May be given several times.
    fail_on
        Exit with 1 when an endpoint stands on this rung or higher, such as discloses.
    fail_on_grade
        Exit with 1 when an archive has this grade or a worse one, and with 3 when that cannot be known.
    json
        Print one JSON document on stdout instead of the card.
    sarif
        Write what is wrong to this file or folder too, as a log of SARIF 2.1.0 for a pipeline of those who run the archive.
    html
        Write one self-contained page to this file, or into this folder under a name that says whom it is for.
    """
    allowed, why, where, filed = permission(scope, owner, Depth(depth) if depth else None, target, ports, aet)
    require_sight(fail_on, allowed.depth)
    page = None if html is None else named(html, "check", Level.OWNER, ".html")
    log = None if sarif is None else named(sarif, "check", Level.OWNER, ".sarif")
    require_writable(page, log, read=(scope, *places, *(Path(name) for name, _ in allowed.lists)))
    began = datetime.now(UTC)
    with asking(err, allowed, Words()) as told:
        host, journal, sources = run_loop(examine.checked(allowed, where, load_places(places), told))
    host = host if filed else from_within(host)
    words, proof = Words(within=not filed), of_check(RELEASE, allowed, journal, sources, began, datetime.now(UTC))
    document = card.document(
        target, allowed.depth, host, journal, words, owner=owner or "", depth_from=why, evidence=proof, within=not filed
    )
    files = []
    if log is not None:
        files.append((log, sarif_of(host, feed_of_check(allowed, target, host, words), words)))
    if page is not None:
        from filmbadge.tell.report import single  # what reads a survey is not loaded for a check

        files.append((page, single.render(document, words).encode()))
    try:
        write_files((path, data, f" (level {Level.OWNER})") for path, data in files)
    finally:
        if json:
            put_json(document)
        else:
            show(card.render(document, words))
    verdicts = [judged.verdict for judged in host.judged]
    if any(reached(verdict.rung, fail_on) for verdict in verdicts):
        return FOUND
    opened = any(archive.open for archive in host.archives)
    sure = host.fault is None and all(verdict.conclusive for verdict in verdicts)
    if fail_on_grade is not None:
        return grades.code([archive.grade for archive in host.archives if not archive.decoy], fail_on_grade, sure=sure)
    return DONE if opened or sure else INCOMPLETE


class Allowed(NamedTuple):
    """What a check may do, what its depth comes from, and whom it asks. `filed`: a scope file allows it."""

    scope: Scope
    why: card.DepthFrom
    target: Target
    filed: bool = False


def permission(
    file: Path | None,
    owner: str | None,
    depth: Depth | None,
    target: str,
    ports: str | None = None,
    called: Sequence[str] = (),
) -> Allowed:
    """What a check of `target` may do. Without a file that is this machine, and `owner` says whose, or what the terminal agrees to.

    Raises Refusal where these do not allow it, or contradict each other.
    """
    one, listed = _one_host(target), () if ports is None else ports_of(ports)
    if listed and one.ports:
        raise Refusal(f"ports are named twice, in {target} and with --ports: name them once")
    if file is None and not _at_home(one):
        one = replace(one, ports=one.ports or listed)
        file, owner, listed = ask_scope.scope_for(one, target, depth, called, owner), None, ()
    if file is not None:
        if owner is not None:
            raise Refusal("--owner is for this machine without a scope file: the scope says who allowed it")
        why: card.DepthFrom = "asked" if depth else "scope"
        return Allowed(narrowed(load(file), depth, listed, called), why, one, filed=True)
    home = replace(_here(one, LOOPBACK if owner is None else loopback(owner)), called_titles=_titles(called))
    one = replace(one, ports=one.ports or listed)
    if owner is not None:
        return Allowed(narrowed(home, depth or Depth.COUNT), "asked" if depth else "default", one)
    if depth is not None and depth.reaches(Depth.PROFILE):
        raise Refusal(f'--depth {depth} needs to know whose archive this is: add --owner "who", or --scope FILE')
    return Allowed(narrowed(home, depth), "asked" if depth else "no-statement", one)


def _at_home(target: Target) -> bool:
    """Whether it needs no scope file: what is sent there never leaves this machine."""
    return target.host == "localhost" if isinstance(target.host, str) else own(target.host)


def _here(target: Target, home: Scope) -> Scope:
    """Loopback, and the address of this machine's own that is asked."""
    if isinstance(target.host, str) or home.permits(target.host):
        return home
    return replace(home, networks=(*home.networks, ip_network(target.host)))


def _titles(called: Sequence[str]) -> tuple[str, ...]:
    for fault in filter(None, map(title_fault, called)):
        raise Refusal(f"--aet: {fault}")
    return tuple(title.strip() for title in called)


def _one_host(text: str) -> Target:
    """Raises Refusal, with what to type, for what is none."""
    try:
        return parse(text)
    except TargetError:
        with suppress(OSError, ValueError):
            if Path(text).is_file():
                toml = text.lower().endswith(".toml")
                how = (
                    command("check", "HOST", "--scope", text)
                    if toml
                    else command("survey", "SCOPE", text, "--out", "FOLDER")
                )
                raise Refusal(f"{text} is a file, and check asks one host: {how}") from None
        raise
