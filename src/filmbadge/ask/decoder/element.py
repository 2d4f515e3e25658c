"""One element of the DICOM JSON model, PS3.18 F.2, as text. What is not plain is left to others."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw, Struct

Element = bytes | Raw  # the JSON of one element; empty: the attribute is absent


class Name(Struct, forbid_unknown_fields=True):
    """A person's name in its alphabetic representation alone."""

    Alphabetic: str | None = None

    def __repr__(self) -> str:
        return "<Name>"


class _Element(Struct):
    Value: tuple[Any, ...] = ()

    def __repr__(self) -> str:
        return "<Element>"


_STRINGS = msgspec.json.Decoder(
    msgspec.defstruct("_Strings", [("Value", tuple[str | None, ...], ())], bases=(_Element,))
)
_NAMES = msgspec.json.Decoder(
    msgspec.defstruct("_Names", [("Value", tuple[str | Name | None, ...], ())], bases=(_Element,))
)
_COUNTS = msgspec.json.Decoder(
    msgspec.defstruct("_Counts", [("Value", tuple[str | int | None, ...], ())], bases=(_Element,))
)


def string(element: Element) -> str | None:
    """The text of an element with one string, or without a value. None: somebody else must read it."""
    return _text(_STRINGS, element)


def value(element: Element) -> str | None:
    """As `string`; a person's name is text too."""
    return _text(_NAMES, element)


def count(element: Element) -> str | None:
    """As `string`; a whole number is text too."""
    return _text(_COUNTS, element)


def _text(decoder: msgspec.json.Decoder[Any], element: Element) -> str | None:
    try:
        held = decoder.decode(element).Value if bytes(element) else ()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if len(held) > 1:
        return None
    first = held[0] if held else None
    text = (first.Alphabetic or "").rstrip("=") if isinstance(first, Name) else "" if first is None else str(first)
    return text if text.isascii() else None
