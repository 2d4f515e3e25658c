"""Reads a small JSON body of a response, and the numbers in it."""

from __future__ import annotations

from typing import Any

import msgspec

from filmbadge.ask.wire.http import Response
from filmbadge.ask.wire.json_array import BOM


def decoded(response: Response) -> Any:
    """The JSON value of a whole 200 response. None if it holds no JSON."""
    try:
        return (
            msgspec.json.decode(response.body.removeprefix(BOM))
            if response.status == 200 and not response.cut
            else None
        )
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def whole_number(value: object) -> int | None:
    """A count, or None: negative numbers, and numbers that JSON cannot carry exactly, are no counts."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else None
