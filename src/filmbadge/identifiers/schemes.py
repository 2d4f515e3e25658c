"""`schemes.toml`: how the numbers of each scheme are written, and how often plain record numbers pass for them."""

from __future__ import annotations

import math
import re
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Literal

from msgspec import Struct

from filmbadge.catalogue.load import parse

US_SSN = "us.ssn"
SIGNS = {"9": "0123456789", "A": "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "?": "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"}


class Rates(Struct, frozen=True, forbid_unknown_fields=True):
    base: float  # share of random strings of the shape that pass
    plain: float  # the same, of digits where the shape takes them
    worst: float  # the highest share that archives of plain record numbers reach, sequential ones for instance


class Scheme(Struct, frozen=True, forbid_unknown_fields=True):
    """One row. The file says what each column means."""

    id: str
    name: str
    shape: str
    issuers: tuple[str, ...]
    example: str
    counter_example: str
    source: Literal["stdnum", "public", "made"]
    rates: Rates
    written: str = ""
    birth: date | None = None
    module: str = ""
    checked: bool = True

    def __post_init__(self) -> None:
        if not set(self.shape) <= set(SIGNS):
            raise ValueError("its shape has other signs than 9, A and ?")
        if self.written and "".join(sign for sign in self.written if sign in SIGNS) != self.shape:
            raise ValueError("it is written in another shape")

    @property
    def country(self) -> str:
        """ISO 3166-1 alpha-2."""
        return self.id[:2].upper()

    @property
    def pattern(self) -> re.Pattern[str]:
        return written_as(self.shape)

    @property
    def dashed(self) -> re.Pattern[str]:
        return written_as(self.written or "!")

    @property
    def odd(self) -> bool:
        """Its separators stand where those of record numbers do not: behind a date, a year, or all but the last sign."""
        groups = [len(group) for group in re.findall(r"[9A?]+", self.written)]
        return len(groups) > 2 or (len(groups) == 2 and groups[0] not in (4, 6, 8))

    def rivals(self, other: Scheme) -> bool:
        """Whether one value can have the shape of both."""
        return len(self.shape) == len(other.shape) and all(
            "?" in (mine, its) or mine == its for mine, its in zip(self.shape, other.shape, strict=True)
        )

    @property
    def room(self) -> float:
        """How many strings have its shape, for each one of digits of that length."""
        return math.prod(len(SIGNS[sign]) / 10 for sign in self.shape)


class Schemes(Struct, frozen=True, forbid_unknown_fields=True):
    scheme: tuple[Scheme, ...]


@cache
def schemes() -> dict[str, Scheme]:
    """The table, by id. Raises CatalogueError."""
    raw = files("filmbadge.identifiers").joinpath("schemes.toml").read_bytes()
    return {row.id: row for row in parse("schemes.toml", raw, Schemes).scheme}


@cache
def written_as(written: str) -> re.Pattern[str]:
    """Matches what is written so: 9 is a digit, A a letter, ? either, and any other sign itself."""
    classes = {"9": "[0-9]", "A": "[A-Z]", "?": "[0-9A-Z]"}
    return re.compile("".join(classes.get(sign, re.escape(sign)) for sign in written))
