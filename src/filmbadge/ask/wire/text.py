"""What an archive says about itself, made safe to keep and to print."""

from __future__ import annotations

import re

_UNPRINTABLE = re.compile(r"[^ -~]")


def clean(raw: bytes, limit: int) -> str:
    """What an archive says about itself: printable ASCII, bounded."""
    text = raw[:limit].decode("ascii", "replace").strip(" \0")
    return text if text.isascii() and text.isprintable() else _UNPRINTABLE.sub("?", text)
