"""What can be done. Each action says in one sentence what it did, and where to go on."""

from __future__ import annotations

from datetime import date

from msgspec import Struct

from filmbadge.model import Refusal
from filmbadge.watch.service import Service
from filmbadge.watch.views import runs, scope_files, scopes
from filmbadge.watch.views.asked import Asked, Done, Nothing


class Start(Struct, frozen=True):
    """Has a survey of this scope begun now."""

    scope: str


class Schedule(Struct, frozen=True):
    """When a scope is surveyed, in UTC: empty, `daily 02:00`, `weekly mon 02:00` or `monthly 1 02:00`."""

    schedule: str = ""


class Accept(Struct, frozen=True):
    """Accepts the risk of an archive until a day (YYYY-MM-DD). It comes back then, or when the archive gets worse."""

    reason: str
    until: str


class First(Struct, frozen=True):
    """One archive: writes its scope."""

    address: str
    who: str
    reference: str
    contact: str
    depth: str = ""
    ports: str = ""
    aet: str = ""
    name: str = ""  # of the scope; empty: made of the address


def start(asked: Asked, form: Start) -> Done:
    scope_files.text_of(asked.service.directory, form.scope)
    number = asked.service.surveys.start(form.scope, asked.who.name)
    return Done(f"The survey of {form.scope} began.", f"/surveys/{number}")


def stop(asked: Asked, _: Nothing) -> Done:
    number = _run(asked)
    killed = asked.service.surveys.stop(number, asked.who.name)
    said = (
        "The survey was ended at once. What was on the disk is kept."
        if killed
        else "The survey was asked to stop. What it asked is kept."
    )
    return Done(said, f"/surveys/{number}")


def resume(asked: Asked, _: Nothing) -> Done:
    number = _run(asked)
    asked.service.surveys.resume(number, asked.who.name)
    return Done("The survey goes on.", f"/surveys/{number}")


def letters(asked: Asked, _: Nothing) -> Done:
    number = _run(asked)
    asked.service.surveys.write_letters(number, asked.who.name)
    return Done("The letters are being written.", f"/surveys/{number}")


def verify(asked: Asked, _: Nothing) -> Done:
    number = _archive(asked)
    asked.service.surveys.verify(number, asked.who.name)
    return Done("The archive is being asked again.", f"/archives/{number}#proofs")


def accept(asked: Asked, form: Accept) -> Done:
    number = _archive(asked)
    try:
        until = date.fromisoformat(form.until)
    except ValueError:
        raise Refusal("the last day is written as 2026-11-27") from None
    asked.service.surveys.accept(number, " ".join(form.reason.split()), asked.who.name, until)
    return Done("The risk was accepted.", f"/archives/{number}#risk")


def withdraw(asked: Asked, _: Nothing) -> Done:
    number = _archive(asked)
    asked.service.surveys.withdraw(number, asked.who.name)
    return Done("The risk is no longer accepted.", f"/archives/{number}#risk")


def write_scope(asked: Asked, form: scopes.NewScope) -> Done:
    scopes.write(asked.service, form)
    return Done("The scope was written.", f"/scopes/{form.name.strip()}")


def schedule(asked: Asked, form: Schedule) -> Done:
    name = asked.path["name"]
    scope_files.text_of(asked.service.directory, name)
    asked.service.surveys.schedule(name, form.schedule.strip(), asked.who.name)
    return Done(
        "The schedule was set." if form.schedule.strip() else "It is surveyed only when somebody asks.",
        f"/scopes/{name}",
    )


def begin(asked: Asked, form: First) -> Done:
    """The first page's form writes the scope of one archive. Its page says what a survey would do, and has the button: nobody is asked before that."""
    named = form.name.strip() or _named(asked.service, form.address)
    scope = scopes.NewScope(
        named, form.address, form.who, form.reference, form.contact, depth=form.depth, ports=form.ports, aet=form.aet
    )
    scopes.write(asked.service, scope)
    return Done("The scope was written. Nobody was asked yet.", f"/scopes/{named}")


def _named(service: Service, address: str) -> str:
    """A name that no scope has yet."""
    letters = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in address.strip().lower())
    base = letters.strip("-")[:30] or "archive"
    taken = {*scope_files.names(service.directory)}
    return next(name for n in range(1, len(taken) + 2) if (name := base if n == 1 else f"{base}-{n}") not in taken)


def _archive(asked: Asked) -> int:
    number: int = asked.path["archive"]
    if asked.service.store.one("SELECT 1 FROM archives WHERE id = ?", number) is None:
        raise LookupError(f"there is no archive {number}")
    return number


def _run(asked: Asked) -> int:
    number: int = asked.path["run"]
    runs.live(asked.service, number)
    return number
