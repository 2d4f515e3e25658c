"""Reads a small JSON body of a response, and the numbers in it."""

from __future__ import annotations

from typing import Any

import msgspec

from filmbadge.ask.wire.http import Response
from filmbadge.ask.wire.json_array import BOM

_ANYTHING = msgspec.json.Decoder(Any)


def decoded(response: Response, decoder: msgspec.json.Decoder[Any] = _ANYTHING) -> Any:
    """The JSON value of a whole 200 response. None if it holds no JSON, or none of the decoder's type."""
    if response.status != 200 or response.cut:
        return None
    try:
        return decoder.decode(response.body.removeprefix(BOM))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def whole_number(value: object) -> int | None:
    """A count, or None: negative numbers, and numbers that JSON cannot carry exactly, are no counts."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else None
