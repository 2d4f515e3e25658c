"""Makes an archive's words about itself safe to keep and to print."""

from __future__ import annotations

from filmbadge.texts import clean

__all__ = ["clean"]
