"""`countries.toml`: what the codes of countries mean, where each lies, and whose law of data protection reaches it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from types import MappingProxyType

from msgspec import Struct

from filmbadge.catalogue.load import table


class Law(StrEnum):
    """Whose law of data protection reaches a country."""

    EU = "EU"
    EEA = "EEA"  # with the EU's members
    UK = "UK"
    US = "US"


class Country(Struct, frozen=True, forbid_unknown_fields=True):
    """One row. The file says what each column means."""

    code: str
    name: str
    point: tuple[float, float]  # longitude, latitude, in degrees
    number: int | None = None
    member: frozenset[Law] = frozenset()

    def __post_init__(self) -> None:
        if not (len(self.code) == 2 and self.code.isascii() and self.code.isupper()):
            raise ValueError(f"'{self.code}' is no code of two capital letters")
        if not (abs(self.point[0]) <= 180 and abs(self.point[1]) <= 90):
            raise ValueError(f"'{self.code}' lies outside of the world")


class _Countries(Struct, frozen=True, forbid_unknown_fields=True):
    country: tuple[Country, ...]


@cache
def countries() -> Mapping[str, Country]:
    """By code. Raises CatalogueError."""
    return MappingProxyType({row.code: row for row in table("countries.toml", _Countries).country})


def name(code: str) -> str:
    """In English. A code that no row has stands for itself: registries use some for a region, such as `EU`."""
    row = countries().get(code)
    return code if row is None else row.name
