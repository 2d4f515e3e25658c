"""Loads and validates `fingerprints.toml`."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import Literal

import msgspec


class Example(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    uid: str
    version: str
    is_: str = msgspec.field(name="is")


class Toolkit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    is_: str = msgspec.field(name="is")
    uid: str
    version: str
    grade: Literal["S", "D"]
    example: Example

    def match(self, uid: str, version: str) -> str:
        """The name this row gives to an implementation, or nothing."""
        one, two = re.fullmatch(self.uid, uid), re.fullmatch(self.version, version)
        if one is None or two is None:
            return ""
        return self.is_.format(**one.groupdict(), **two.groupdict())


class Fingerprints(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    toolkit: tuple[Toolkit, ...]


@cache
def fingerprints() -> Fingerprints:
    raw = files("filmbadge.catalogue").joinpath("fingerprints.toml").read_bytes()
    return msgspec.toml.decode(raw, type=Fingerprints)


def toolkit_of(uid: str, version: str) -> str:
    """The toolkit that an association's implementation items name, or nothing."""
    return next((name for row in fingerprints().toolkit if (name := row.match(uid, version))), "")
