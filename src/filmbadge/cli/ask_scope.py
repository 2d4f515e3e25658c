"""The shortest lawful way to a check of one address: four questions, what would be done, and a yes.

Nothing is sent and nothing is written before the yes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import get_args

from filmbadge import interruption
from filmbadge.ask.targets.lists import Target, perhaps_with_port
from filmbadge.cli.console import command, err, line_of_input, note
from filmbadge.cli.scope import composed, create, line_to_type
from filmbadge.model import Depth, Refusal
from filmbadge.scope import (
    PERSONAL,
    Address,
    Basis,
    Scope,
    Statement,
    embedded,
    load,
    narrowed,
    statement_fault,
    title_fault,
    usual_depth,
)
from filmbadge.tell.scope import explain
from filmbadge.tell.words import Words

DAYS = 7  # that a scope of one address holds
TRIES = 3
_ANYWHERE = Scope("anywhere", (ip_network("0.0.0.0/0"), ip_network("::/0")))
WITHOUT = "no network outside this machine is allowed without a scope file"
NOTHING = "nothing was sent, and nothing was written"


def scope_for(target: Target, typed: str, depth: Depth | None, called: Sequence[str], owner: str | None) -> Path:
    """A scope file that was just written for one address, by what a person at the terminal said and agreed to.

    `typed`: the target as it was typed. Raises Refusal that says what to type where nobody can be asked, where a file is there
    that allows it, and where the person does not agree.
    """
    meant = perhaps_with_port(typed)
    hint = f" (is {meant} meant?)" if meant else ""
    why = f"{target.host} is out of scope{hint}: {WITHOUT}"
    if isinstance(target.host, str):
        raise Refusal(
            f"{why}, and a scope is made of addresses. Nobody looked this name up: find its address, such as with"
            f" nslookup {target.host}, and then type: {command('check', 'ADDRESS')}"
        )
    if not _ANYWHERE.permits(target.host):
        raise Refusal(f"{target.host} is of no single host{hint}: no scope can allow it")
    for fault in filter(None, map(title_fault, called)):
        raise Refusal(f"--aet: {fault}")
    file, holds = _file_for(target.host, depth, target.ports, called)
    if holds:
        raise Refusal(f"{why}, and {file} is one: {command('check', typed, '--scope', str(file))}")
    if owner is not None or not _somebody_is_there():
        options = [*(("--depth", str(depth)) if depth else ()), *(part for one in called for part in ("--aet", one))]
        options += ["--ports", ",".join(map(str, target.ports))] if target.ports else []
        raise Refusal(f"{why}; write one: {line_to_type(str(file), [str(target.host)], *options, who=owner)}")
    try:
        _agree(target.host, file, depth, target.ports, called)
    except BaseException as error:
        if not interruption.is_behind(error):
            raise
        err.print()
        raise KeyboardInterrupt(NOTHING) from None
    note(f"Wrote {file}. Next time: {command('check', typed, '--scope', str(file))}")
    return file


def _agree(address: Address, file: Path, depth: Depth | None, ports: Sequence[int], called: Sequence[str]) -> None:
    """Asks, and writes the file. Raises Refusal where the answer is not yes."""
    err.print(
        f"Nobody said yet that {address} may be asked. Four questions, and your yes, make a scope file. Ctrl-C ends it.",
        soft_wrap=True,
    )
    bases: tuple[Basis, ...] = PERSONAL if depth is not None and depth.reaches(Depth.PROFILE) else get_args(Basis)
    said = _ask(
        "1 of 4. Is the archive yours (owner), did its owner give you a mandate (mandate), or neither (research)?",
        lambda text: (
            "" if text in bases else f"must be {' or '.join(bases)}" + (f" for depth {depth}" if depth else "")
        ),
    )
    basis = next(one for one in bases if one == said)
    statement = Statement(
        basis=basis,
        who=_ask("2 of 4. Who allowed it, by name and office?", statement_fault),
        reference=_ask("3 of 4. By which contract, ticket or mandate?", statement_fault),
        contact=_ask("4 of 4. Where does an operator reach you, by mail or by telephone?", statement_fault),
    )
    until = datetime.now(UTC).date() + timedelta(days=DAYS)
    behind = [str(one) for one in dict.fromkeys((address, *embedded(address)))]
    text, scope = composed(file, behind, statement, depth or usual_depth(basis), until, ports, called)
    err.print(f"\nThis is what would be done to {address}:\n{explain(scope, Words())}\n", soft_wrap=True)
    if _line(f"Type yes to write {file}, and to ask {address} now:") != "yes":
        raise Refusal(f"not agreed to: {NOTHING}")
    create(file, text)


def _ask(question: str, fault: Callable[[str], str]) -> str:
    """An answer that has no fault. Raises Refusal after a few that have one."""
    for _ in range(TRIES):
        answer = _line(question)
        if not (why := fault(answer)):
            return answer
        err.print(f"That cannot stand in a scope: it {why}", soft_wrap=True)
    raise Refusal(f"{TRIES} answers could not stand in a scope: {NOTHING}")


def _line(question: str) -> str:
    """One line of the person, without the blanks around it. Raises Refusal at the end of input."""
    try:
        typed = line_of_input(question)
    except UnicodeDecodeError:
        return ""
    if not typed:
        err.print()
        raise Refusal(f"the input ended: {NOTHING}")
    return typed.strip()


def _somebody_is_there() -> bool:
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


def _file_for(address: Address, depth: Depth | None, ports: Sequence[int], called: Sequence[str]) -> tuple[Path, bool]:
    """A scope file in this folder that is called after the address, and whether it is there and allows what is asked."""
    stem = str(address).replace(":", "_")  # Windows has no colon in names, and what begins with a dash is an option
    for end in ("", *(f".{number}" for number in range(2, 100))):
        file = Path(f"{stem}{end}.scope.toml")
        if not file.is_symlink() and not file.exists():
            return file, False
        with suppress(Refusal):
            if narrowed(load(file), depth, ports, called).permits(address):
                return file, True
    raise Refusal(f"there are too many files such as {file}: delete those that no longer hold")
