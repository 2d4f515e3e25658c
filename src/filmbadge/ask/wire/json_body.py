"""A small JSON body of a response, and the numbers in it."""

from __future__ import annotations

from typing import Any

import msgspec

from filmbadge.ask.wire.http import Response


def decoded(response: Response) -> Any:
    """What a whole 200 response holds. None where it holds no JSON."""
    try:
        return msgspec.json.decode(response.body) if response.status == 200 and not response.cut else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def whole_number(value: object) -> int | None:
    """A count, or None: negative numbers and those that JSON cannot carry exactly count nothing."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else None
