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


def fitted(segments: Iterable[Segment], encoding: str, width: int) -> Iterator[Segment]:
    """Segments of whole lines, in signs that the encoding has. A line that fitted the width fits it still.

    A sign that needs more cells takes them from the next blanks of its line, so that columns stay below each other.
    """
    line: list[Segment] = []
    for segment in segments:
        if segment.control:
            line.append(segment)
            continue
        for piece in _PIECES.findall(segment.text):
            if piece == "\n":
                yield from _line(line, encoding, width)
                yield Segment(piece, segment.style)
                line = []
            else:
                line.append(Segment(piece, segment.style))
    yield from _line(line, encoding, width)


def _line(pieces: list[Segment], encoding: str, width: int) -> list[Segment]:
    owed, made = 0, []
    for piece in pieces:
        text = piece.text
        if piece.control:
            made.append(piece)
            continue
        if text.startswith("  "):
            new = " " * max(1, len(text) - owed)
            owed -= len(text) - len(new)
        else:
            new = plain(text, encoding)
            owed += cell_len(new) - cell_len(text)
        made.append(Segment(new, piece.style))
    over = _cells(made) - width
    return _shorter(made, over, width) if 0 < over <= owed else made


def _shorter(pieces: list[Segment], over: int, width: int) -> list[Segment]:
    """Without the cells that are too many: from the blanks that stand last, or of a text that is cut, or on a line more."""
    for n in reversed(range(1, len(pieces))):
        text = pieces[n].text
        if text.startswith(" ") and not pieces[n].control:
            least = 0 if n == len(pieces) - 1 else 2
            taken = min(over, max(0, len(text) - least))
            pieces[n] = Segment(text[taken:], pieces[n].style)
            over -= taken
    if over <= 0:
        return pieces
    last = max(n for n, piece in enumerate(pieces) if piece.text.strip() and not piece.control)
    if pieces[last].text.endswith("..."):
        return _cut(pieces[: last + 1], over)
    left = [n for n, piece in enumerate(pieces) if piece.text == " " and _cells(pieces[:n]) <= width]
    if not left:
        return pieces
    indent = len(pieces[0].text) - len(pieces[0].text.lstrip(" "))
    return [*pieces[: left[-1]], Segment("\n" + " " * indent), *pieces[left[-1] + 1 :]]


def _cut(pieces: list[Segment], over: int) -> list[Segment]:
    """Cells are taken from before the dots at the end."""
    taken = over + 3
    while taken > 0 and pieces:
        text, style = pieces[-1].text, pieces[-1].style
        pieces[-1:] = [Segment(text[:-taken], style)] if len(text) > taken else []
        taken -= len(text)
    return [*pieces, Segment("..."[: 3 - max(0, taken)], style)]


def _cells(pieces: Iterable[Segment]) -> int:
    return sum(cell_len(piece.text) for piece in pieces if not piece.control)


def _instead(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_sign, error.object[error.start : error.end])), error.end


def _sign(sign: str) -> str:
    """A letter without its accents, a sign that reads the same, or a question mark: always ASCII."""
    parts = "".join(part for part in normalize("NFKD", sign) if not combining(part)).translate(_SIGNS)
    return parts if parts and parts.isascii() and parts.isprintable() else INSTEAD


codecs.register_error(_ERRORS, _instead)
