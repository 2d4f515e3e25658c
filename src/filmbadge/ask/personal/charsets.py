"""Decodes bytes under a Specific Character Set, PS3.5 6.1 and PS3.3 C.12.1.1.2.

No error here holds the bytes it read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_DEFAULT = "ascii"
_UNREAD = re.compile("[\ud800-\udfff\x1b]")
# Maps a Specific Character Set, with or without code extensions, to Python's name.
_ONE = {
    "": _DEFAULT, "6": _DEFAULT, "100": "latin-1", "101": "iso8859-2", "109": "iso8859-3", "110": "iso8859-4", "144": "iso8859-5",
    "127": "iso8859-6", "126": "iso8859-7", "138": "iso8859-8", "148": "iso8859-9", "203": "iso8859-15",
    "13": "shift_jis", "166": "tis-620", "192": "utf-8",
    "87": "iso2022_jp", "159": "iso2022_jp_2", "149": "euc_kr", "58": "gb2312",
}  # fmt: skip
_NAMED = {"GB18030": "gb18030", "GBK": "gbk", "UTF-8": "utf-8", "UTF8": "utf-8"}
# Maps an escape sequence to the codec of the bytes after it, PS3.3 Tables C.12-3 and C.12-4.
_ESCAPES = {
    b"(B": _DEFAULT, b"(J": "shift_jis", b")I": "shift_jis", b"-A": "latin-1", b"-B": "iso8859-2", b"-C": "iso8859-3",
    b"-D": "iso8859-4", b"-L": "iso8859-5", b"-G": "iso8859-6", b"-F": "iso8859-7", b"-H": "iso8859-8", b"-M": "iso8859-9",
    b"-b": "iso8859-15", b"-T": "tis-620", b"$B": "jis", b"$@": "jis", b"$(D": "jis2", b"$)C": "euc_kr", b"$)A": "gb2312",
}  # fmt: skip


def codecs(declared: Sequence[str]) -> tuple[str, ...]:
    """The codecs of the values of Specific Character Set, in their order, without those that do not exist."""
    found = (_codec(name) for name in declared or ("",))
    return tuple(dict.fromkeys(name for name in found if name is not None))


def _codec(term: str) -> str | None:
    name = term.strip().upper()
    if name in _NAMED:
        return _NAMED[name]
    tail = name.replace("-", "_").replace("2022", "").removeprefix("ISO").replace("_", " ").replace("IR", " ").strip()
    return _ONE.get(tail)


def text(raw: bytes, declared: Sequence[str]) -> str:
    """The text in the first of these codecs that reads the bytes.

    ASCII reads the same in all of them, and also where none is known. Bytes that nothing reads come as they are, with a
    lone surrogate for each byte outside of ASCII: equal values stay equal, and `readable` tells them apart.
    """
    escaped = b"\x1b" in raw
    if raw.isascii() and not escaped:
        return raw.decode("ascii")
    for name in declared or (_DEFAULT,):
        try:
            return _escaped(raw, name) if escaped else raw.decode(name)
        except (ValueError, LookupError):
            continue  # the exception holds the bytes, so it is not passed on
    return raw.decode("ascii", "surrogateescape")


def readable(text: str) -> bool:
    """Whether a text is one, and not bytes that no declared character set reads."""
    return _UNREAD.search(text) is None


def _escaped(raw: bytes, first: str) -> str:
    """Decodes ISO 2022 piece by piece, each in the codec that its escape sequence names. Raises ValueError."""
    head, *pieces = raw.split(b"\x1b")
    made = [head.decode(first)]
    g1 = first
    for piece in pieces:
        escape = next((e for e in (piece[:3], piece[:2]) if e in _ESCAPES), None)
        if escape is None:
            raise ValueError
        name, rest = _ESCAPES[escape], piece[len(escape) :]
        if name in ("jis", "jis2"):
            whole = b"\x1b" + piece + b"\x1b(B"
            made.append(whole.decode("iso2022_jp" if name == "jis" else "iso2022_jp_2"))
            continue
        if escape[:1] in b"-)" or escape[:2] == b"$)":
            g1 = name
        made.append(rest.decode(g1 if name == _DEFAULT else name))
    return "".join(made)
