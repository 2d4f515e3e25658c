"""`filmbadge scope`"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from filmbadge.ask.targets.lists import TargetError, parse, ports_of
from filmbadge.cli.codes import DONE, REFUSED
from filmbadge.cli.console import DepthChoice, command, complain, note, out
from filmbadge.model import Depth, Refusal
from filmbadge.netlists import is_network, network_of_text
from filmbadge.scope import (
    Basis,
    Network,
    Scope,
    ScopeError,
    Statement,
    load,
    statement_fault,
    template,
    title_fault,
    usual_depth,
    written,
)
from filmbadge.scope import parse as parse_scope
from filmbadge.tell.scope import explain
from filmbadge.tell.words import Words
from filmbadge.texts import printable

MOST_DAYS = 365
USUAL_DAYS = 90

app = App(name="scope", help="Write a scope file, or explain one.")


@app.command
def new(
    file: Path,
    /,
    *addresses: str,
    who: str | None = None,
    reference: str | None = None,
    contact: str | None = None,
    basis: Basis | None = None,
    depth: DepthChoice | None = None,
    days: int | None = None,
    ports: str | None = None,
    aet: Annotated[tuple[str, ...], Parameter(negative="", show_default=False)] = (),
) -> int:
    """Write a scope file: a complete one, or without addresses and options a commented one to fill in.

    Parameters
    ----------
    file
        Where to write it. An existing file is never overwritten.
    addresses
        Addresses and networks that may be asked, and names of hosts that a viewer's page may name.
    who
        Who allowed it, by name and office.
    reference
        The contract, ticket or mandate.
    contact
        Where an operator reaches you.
    basis
        owner: the archives are yours; mandate: their owner gave you one; research: neither. Default: owner.
    depth
        How far to climb. Default: profile for an owner, else ask.
    days
        How many days it holds, today not counted, at most 365; the last day ends at midnight UTC. Default: 90.
    ports
        The ports to ask, such as 104,8042. Default: the usual ones.
    aet
        An AE title that the owner gave. May be given several times.
    """
    stated = {"who": who, "reference": reference, "contact": contact}
    if is_network(str(file)):
        raise Refusal(f"the file comes first: {line_to_type('FILE', (str(file), *addresses), **stated)}")
    if not addresses and not any((*stated.values(), basis, depth, days, ports, aet)):
        text = template(printable(str(file)), _today())
        create(file, text)
        note(f"Wrote {file}. Fill in what says TODO, then: {command('scope', 'check', str(file))}")
        return DONE
    missing = [f"--{name}" for name, value in stated.items() if value is None]
    if not addresses or missing:
        lacking = " and ".join(filter(None, ("ADDRESS" if not addresses else "", ", ".join(missing))))
        raise Refusal(f"{lacking} must be given too: {line_to_type(str(file), addresses, **stated)}")
    if days is not None and not 1 <= days <= MOST_DAYS:
        raise Refusal(f"--days is 1 to {MOST_DAYS}, and not {days}")
    statement = Statement(who or "", reference or "", contact or "", basis or "owner")
    how_deep = Depth(depth) if depth else usual_depth(statement.basis)
    until = _today() + timedelta(days=days or USUAL_DAYS)
    text, scope = composed(file, addresses, statement, how_deep, until, () if ports is None else ports_of(ports), aet)
    create(file, text)
    check_it, example = command("scope", "check", str(file)), command("check", addresses[0], "--scope", str(file))
    if scope.addresses()[0].size + scope.addresses()[1].size > 1:
        example = command("survey", str(file), "--out", "FOLDER")
    note(
        f"Wrote {file}: basis {statement.basis}, depth {how_deep}, until {until:%Y-%m-%d} UTC. What it allows: {check_it}."
        f" To ask: {example}"
    )
    return DONE


@app.command
def check(file: Path, /) -> int:
    """Explain in words what a survey under this scope would do, or name all that is wrong with it. Sends nothing.

    Parameters
    ----------
    file
        The scope file.
    """
    try:
        out.print(explain(load(file), Words()), soft_wrap=True)
    except ScopeError as error:
        for fault in error.faults:
            complain(fault, REFUSED)
        return REFUSED
    return DONE


def composed(
    file: Path,
    addresses: Sequence[str],
    statement: Statement,
    depth: Depth,
    until: date,
    ports: Sequence[int] = (),
    called: Sequence[str] = (),
) -> tuple[str, Scope]:
    """The text of a scope file, and the scope that it is. Writes nothing. Raises Refusal for what such a file may not say."""
    for name in ("who", "reference", "contact"):
        if fault := statement_fault(getattr(statement, name)):
            raise Refusal(f"--{name} {fault}")
    for title in called:
        if fault := title_fault(title):
            raise Refusal(f"--aet: {fault}")
    shown = printable(str(file))
    places = [_placed(text) for text in addresses]
    names = [place for place in places if isinstance(place, str)]
    networks = [place for place in places if not isinstance(place, str)]
    if not networks:
        raise Refusal(f"a name alone allows nothing: add its address, or the network of it, to {', '.join(names)}")
    text = written(shown, until, statement, networks, depth, names=names, ports=ports, called=called)
    try:
        return text, parse_scope(text, shown, folder=file.parent, beside=True)
    except ScopeError as error:
        raise Refusal(f"this would be no scope, and was not written: {error.faults[0]}") from None


def _placed(text: str) -> Network | str:
    """A network, or the name of a host."""
    try:
        return network_of_text(text)
    except ValueError as error:
        if "/" in text and "://" not in text:
            raise TargetError(f"{text!r} is not a network: {error}") from None
    target = parse(text)
    if target.ports:
        listed = ",".join(map(str, target.ports))
        raise TargetError(f"{text}: a scope has its ports by themselves: {target.host} --ports {listed}")
    return str(target.host)


def create(file: Path, text: str) -> None:
    """A new file. Raises Refusal where there is one, or where it cannot be written."""
    try:
        handle = file.open("x", encoding="utf-8")
        try:
            with handle:
                handle.write(text)
        except OSError:
            file.unlink()  # a full disk: what is half there would keep the next try from writing
            raise
    except FileExistsError:
        raise Refusal(f"{file} exists; it is not overwritten: choose another name") from None
    except OSError as error:
        raise Refusal(f"{file} cannot be written: {error.strerror}") from None


def line_to_type(file: str, addresses: Sequence[str], *more: str, **stated: str | None) -> str:
    """The command that writes a scope. What is not known stands in it as a TODO, which it refuses."""
    unknown = {"who": "TODO-who-allowed-it", "reference": "TODO-contract-or-ticket", "contact": "TODO-your-address"}
    options = [part for name, todo in unknown.items() for part in (f"--{name}", stated.get(name) or todo)]
    return command("scope", "new", file, *(addresses or ("ADDRESS",)), *options, *more)


def _today() -> date:
    return datetime.now(UTC).date()
