"""Reads a table of the catalogue. A row that is wrong is named."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import TypeVar

import msgspec

T = TypeVar("T")
_PLACE = re.compile(r" - at `\$\.(\w+)\[(\d+)\](?:\.([^`]*))?`")


class CatalogueError(Exception):
    """A file of the catalogue is wrong. One line: the file, the row, and what is wrong with it."""


def table(name: str, kind: type[T]) -> T:
    """A TOML file of the catalogue. Raises CatalogueError."""
    return parse(name, files("filmbadge.catalogue").joinpath(name).read_bytes(), kind)


def parse(name: str, raw: bytes, kind: type[T]) -> T:
    """The same, of bytes. A row's own checks raise ValueError in its `__post_init__`."""
    try:
        return msgspec.toml.decode(raw, type=kind)
    except msgspec.ValidationError as error:
        words = str(error)
        if (place := _PLACE.search(words)) is None:
            raise CatalogueError(f"{name}: {words}") from None
        section, index, field = place.groups()
        row = f"row {int(index) + 1} of [[{section}]]" + (f", {field}" if field else "")
        raise CatalogueError(f"{name}, {row}: {words[: place.start()]}") from None
    except msgspec.DecodeError as error:
        raise CatalogueError(f"{name} is not TOML: {error}") from None


def check_pattern(pattern: str) -> None:
    """Raises ValueError where it is no regular expression."""
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"'{pattern}' is no pattern: {error}") from None
