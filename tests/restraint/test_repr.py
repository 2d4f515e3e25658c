"""Whatever sees data while it works may be put into a log by its `repr`: none tells what it saw."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
from typing import Any, get_type_hints

import msgspec
import pytest

import filmbadge.ask
import filmbadge.identifiers
from filmbadge.ask import decoder
from filmbadge.ask.decoder import pure
from filmbadge.ask.key import RunKey
from filmbadge.ask.personal.inspector import ValueInspector
from filmbadge.ask.personal.progress import ProfileProgress
from filmbadge.catalogue.kinds import ATTRIBUTES
from filmbadge.identifiers.checks import passes
from filmbadge.model import Kind
from support.studies import record, written

ROOMS = (filmbadge.ask, filmbadge.identifiers)
MODULES = [
    importlib.import_module(m.name) for room in ROOMS for m in pkgutil.walk_packages(room.__path__, f"{room.__name__}.")
]
OWN = [
    kind
    for module in MODULES
    for _, kind in inspect.getmembers(module, inspect.isclass)
    if kind.__module__ == module.__name__ and (dataclasses.is_dataclass(kind) or issubclass(kind, msgspec.Struct))
]
SECRETS = ("Müller", "M\\xfcller", "536-90", "2.25.12345", "cough", "bytes, secret")


def shows_fields(kind: type[Any]) -> bool:
    """Whether its `repr` is the one that lists the fields."""
    if dataclasses.is_dataclass(kind):
        return hasattr(kind.__repr__, "__wrapped__")  # as `dataclass` makes it
    return inspect.getattr_static(kind, "__repr__") is inspect.getattr_static(msgspec.Struct, "__repr__")


def could_hold_a_value(kind: type[Any]) -> set[str]:
    shown = {f.name for f in dataclasses.fields(kind) if f.repr} if dataclasses.is_dataclass(kind) else None
    return {
        f"{kind.__name__}.{name}"
        for name, hint in get_type_hints(kind).items()
        if (shown is None or name in shown)
        and any(word in str(hint) for word in ("bytes", "str", "Any", "object", "Value"))
    }


# Text and bytes that are ours, or that a service says of itself before it gives a record.
SAFE = {
    "Associate.called", "Associate.calling", "Associate.implementation_uid", "Associate.implementation_version", "Associate.stored",
    "Context.abstract", "Context.transfer", "_Agreed.accepted", "_Agreed.syntaxes",  # an association's
    "Echo.sop_class", "Form.accept", "Form.wildcard",  # questions, in our words
    "Scheme.id", "Scheme.name", "Scheme.shape", "Scheme.issuers", "Scheme.example", "Scheme.counter_example", "Scheme.written",
    "Scheme.module", "Pass.scheme", "PageMarks.product", "PagesProgress.viewer",  # the catalogue's words
    "Request.accept", "Request.into", "Request.path", "Contact.name", "Origin.name", "Target.host", "Place.host", "Place.path",
    "End.cut", "Told.digest", "Told.dropped", "Told.notes",  # paths that the catalogue asks for, and who was named
}  # fmt: skip


def test_no_field_that_a_repr_shows_could_hold_a_value() -> None:
    found = {field for kind in OWN if shows_fields(kind) for field in could_hold_a_value(kind)}
    assert found == SAFE


@pytest.mark.parametrize("explicit", [True, False])
def test_what_looked_at_a_record_does_not_show_it(explicit: bool) -> None:
    raw, key = written(record(), explicit), RunKey(b"16 bytes, secret")
    noticed, tally, reader = ProfileProgress(key), decoder.Tally(key, keep=5), decoder.Reader([1])
    plain, slow = pure.Tally(key, keep=5), pure.Reader([1])
    noticed.row(raw, explicit)
    noticed.part(raw, explicit)
    tally.add(raw, explicit)
    plain.add(raw, explicit)
    look = ValueInspector()
    look.take([(a.tag, "Müller 536-90-4399") for a in ATTRIBUTES], set(Kind))
    held = {name: value for name, value in vars(noticed).items() if name in ("drawn", "seen")}
    assert held["drawn"] == [b"2.25.12345"], "it saw the record"
    made = (noticed, noticed.patients, tally, tally.uids, plain, plain.uids, reader, slow, look, key)
    shown = repr((*made, passes("536-90-4399"), noticed.profile()))
    assert not [secret for secret in SECRETS if secret in shown]
