"""Makes an archive's words about itself safe to keep and to print."""

from __future__ import annotations

import re

_UNPRINTABLE = re.compile(r"[^ -~]")


def clean(raw: bytes, limit: int) -> str:
    """An archive's words about itself, as bounded, printable ASCII."""
    text = raw[:limit].decode("ascii", "replace").strip(" \0")
    return text if text.isascii() and text.isprintable() else _UNPRINTABLE.sub("?", text)
