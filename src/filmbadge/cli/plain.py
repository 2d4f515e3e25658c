"""Words for a terminal that lacks some of our signs: Latin-1, ASCII, or a code page of Windows.

There is one mechanism, and it stands in the streams: whatever their encoding cannot write is written in ASCII that reads
the same, or as a question mark. So no text, of whatever command, ends in an error or loses what a sign means.
"""

from __future__ import annotations

import codecs
import re
import sys
from collections.abc import Iterable, Iterator
from io import TextIOWrapper
from unicodedata import combining, normalize

from rich.cells import cell_len
from rich.segment import Segment

from filmbadge.texts import INSTEAD

_ERRORS = "filmbadge.plain"
_SIGNS = {
    ord(sign): plain
    for signs, plain in {
        "“”„‟«»″": '"',
        "‘’‚‛‹›′": "'",
        "–—‐‑‒―−": "-",
        "·•": "-",
        "…": "...",
        "×": "x",
        "÷": "/",
        "≥": ">=",
        "≤": "<=",
        "≠": "!=",
        "≈": "~",
        "±": "+/-",
        "→": "->",
        "←": "<-",
        "⁄": "/",
        "ß": "ss",
        "æ": "ae",
        "Æ": "AE",
        "œ": "oe",
        "Œ": "OE",
        "ø": "o",
        "Ø": "O",
        "ı": "i",
        "ł": "l",
        "Ł": "L",
        "đ": "d",
        "Đ": "D",
        "█▉▊▋▌▍▎▏": "#",
        "─━═": "-",
        "│┃║": "|",
        "┌┐└┘├┤┬┴┼╭╮╰╯╔╗╚╝╠╣╦╩╬": "+",
    }.items()
    for sign in signs
}
_PIECES = re.compile(r"\n| {2,}|[^\n ]+| ")


def plain(text: str, encoding: str) -> str:
    """The text with only such signs as the encoding has."""
    return text.encode(encoding, _ERRORS).decode(encoding)


def settle_streams() -> None:
    """From now on stdout and stderr take any text, whatever their encoding lacks."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors=_ERRORS)


def fitted(segments: Iterable[Segment], encoding: str) -> Iterator[Segment]:
    """Segments of whole lines, in signs that the encoding has. A sign that needs more cells takes them from the next blanks
    of its line, so that columns stay below each other."""
    owed = 0
    for segment in segments:
        if segment.control or (segment.text.isascii() and not owed):
            yield segment
            continue
        pieces = []
        for piece in _PIECES.findall(segment.text):
            if piece == "\n":
                owed, made = 0, piece
            elif piece.startswith("  "):
                made = " " * max(1, len(piece) - owed)
                owed -= len(piece) - len(made)
            else:
                made = plain(piece, encoding)
                owed += cell_len(made) - cell_len(piece)
            pieces.append(made)
        yield Segment("".join(pieces), segment.style)


def _instead(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_sign, error.object[error.start : error.end])), error.end


def _sign(sign: str) -> str:
    """A letter without its accents, a sign that reads the same, or a question mark: always ASCII."""
    parts = "".join(part for part in normalize("NFKD", sign) if not combining(part)).translate(_SIGNS)
    return parts if parts and parts.isascii() and parts.isprintable() else INSTEAD


codecs.register_error(_ERRORS, _instead)
