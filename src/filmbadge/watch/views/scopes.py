"""Scopes: who may be asked. A form writes the file; it stays a file that a person can read and change."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from secrets import token_hex
from typing import get_args

from msgspec import Struct

from filmbadge.keep import files
from filmbadge.model import Depth, Refusal
from filmbadge.netlists import network_of_text
from filmbadge.scope import (
    Basis,
    Network,
    ScopeError,
    Statement,
    parse,
    statement_fault,
    title_fault,
    usual_depth,
    written,
)
from filmbadge.watch.service import Service
from filmbadge.watch.views import overview, rows, scope_files
from filmbadge.watch.views.asked import Asked
from filmbadge.watch.views.records import Begin, ScopePage, Scopes

_LONGEST_DAYS = 365


class NewScope(Struct, frozen=True):
    """Writes a scope file."""

    name: str
    addresses: str  # addresses and networks, one a line
    who: str
    reference: str
    contact: str
    basis: str = "owner"
    depth: str = ""  # empty: profile for an owner, else ask
    until: str = ""  # a day, YYYY-MM-DD; empty: 90 days
    ports: str = ""  # with commas; empty: the usual ones
    aet: str = ""  # AE titles that the owner gave, with commas


def scopes(asked: Asked) -> Scopes:
    found = overview.states(asked.service)
    warned = sum(one.warned for one in found)
    said = "No scope was written yet" if not found else f"{len(found)} {'scope' if len(found) == 1 else 'scopes'}"
    return Scopes(
        headline=f"{said}, {warned} to look after" if warned else said,
        rows=found,
        today=f"{datetime.now(UTC):%Y-%m-%d}",
    )


def scope(asked: Asked) -> ScopePage:
    """Raises LookupError."""
    service, name = asked.service, asked.path["name"]
    found = overview.state(service, name)
    return ScopePage(
        scope=found,
        headline=f"The scope {name}" + (" allows nothing" if found.faults else ""),
        text=scope_files.text_of(service.directory, name),
        runs=rows.runs(service, "WHERE scope = ? ORDER BY id DESC LIMIT 20", name),
    )


def begin(asked: Asked) -> Begin:
    """The first page of the first run: from nothing to the card of one archive."""
    first = not scope_files.names(asked.service.directory)
    return Begin(headline="Check your archive", first=first)


def write(service: Service, form: NewScope, now: datetime | None = None) -> Path:
    """A new scope file. Raises Refusal: it says the same that `filmbadge scope check` says."""
    now = now or datetime.now(UTC)
    path, text = composed(service, form, now)
    growing = path.with_name(f".{path.name}.{token_hex(4)}.tmp")
    try:
        files.make_folder(path.parent)
        try:
            with growing.open("x", encoding="utf-8") as file:
                growing.chmod(files.FILE)
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            path.hardlink_to(growing)  # all of it or nothing, and over no other one
        finally:
            growing.unlink(missing_ok=True)
    except FileExistsError:
        raise Refusal(f"there is a scope {form.name.strip()} already: choose another name") from None
    except OSError as error:
        raise Refusal(f"the scope cannot be written ({error.strerror})") from None
    return path


def composed(service: Service, form: NewScope, now: datetime) -> tuple[Path, str]:
    """The text of the file, which was read as a scope. Raises Refusal."""
    path = scope_files.path_of(service.directory, form.name.strip())
    statement = Statement(form.who.strip(), form.reference.strip(), form.contact.strip(), _basis(form.basis))
    for name, label in (("who", "who allowed it"), ("reference", "the reference"), ("contact", "the contact")):
        if fault := statement_fault(getattr(statement, name)):
            raise Refusal(f"{label} {fault}")
    text = written(
        path.name,
        _until(form.until, now),
        statement,
        _networks(form.addresses),
        _depth(form, statement.basis),
        ports=_ports(form.ports),
        called=_titles(form.aet),
    )
    try:
        parse(text, path.name, now, folder=path.parent, beside=True)
    except ScopeError as error:
        raise Refusal(str(error.faults[0])) from None
    return path, text


def _basis(text: str) -> Basis:
    for basis in get_args(Basis):
        if basis == text:
            found: Basis = basis
            return found
    raise Refusal("the basis is owner, mandate or research")


def _depth(form: NewScope, basis: Basis) -> Depth:
    if not form.depth:
        return usual_depth(basis)
    try:
        return Depth(form.depth)
    except ValueError:
        raise Refusal(f"the depth is one of {', '.join(Depth)}") from None


def _until(text: str, now: datetime) -> date:
    if not text:
        return now.date() + timedelta(days=90)
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise Refusal("the last day is written as 2026-11-27") from None
    if not now.date() < day <= now.date() + timedelta(days=_LONGEST_DAYS):
        raise Refusal(f"the last day lies ahead, and at most {_LONGEST_DAYS} days")
    return day


def _networks(text: str) -> list[Network]:
    found = []
    for line in text.replace(",", "\n").splitlines():
        if line.strip():
            try:
                found.append(network_of_text(line.strip()))
            except ValueError as error:
                raise Refusal(f"{line.strip()[:60]!r} is no address or network: {error}") from None
    if not found:
        raise Refusal("at least one address or network is needed")
    return found


def _ports(text: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.replace(" ", ",").split(",") if part.strip()]
    if any(not part.isdecimal() or len(part) > 5 or not 0 < int(part) < 65536 for part in parts):
        raise Refusal("ports are numbers from 1 to 65535, with commas between them")
    return tuple(dict.fromkeys(map(int, parts)))


def _titles(text: str) -> tuple[str, ...]:
    found = tuple(title.strip() for title in text.split(",") if title.strip())
    for title in found:
        if fault := title_fault(title):
            raise Refusal(fault)
    return found
