"""The bytes of a file that the user names, in pieces: unpacked where it is gzip, and in UTF-8 whatever its mark says."""

from __future__ import annotations

import codecs
import sys
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from filmbadge import given
from filmbadge.ask.targets.exports.pieces import begun
from filmbadge.ask.targets.exports.seen import End, Fault
from filmbadge.given import PIECE

_UNPACKED_FREE = 64 << 20  # bytes that a file may always unpack to
_MOST_TIMES = 200  # of its size, beyond that: results of scans unpack to 10 to 40 times
_GZIP = b"\x1f\x8b"
_PACKED = {
    b"PK\x03\x04": "zip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\xfd7zXZ\x00": "xz",
    b"BZh": "bzip2",
    b"7z\xbc\xaf": "7z",
    b"PAR1": "Parquet",
}
_MARKS = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


def pieces(argument: str) -> Iterator[bytes]:
    """What a file holds; `-` is standard input. Raises OSError, and AttributeError where there is no standard input."""
    if argument == "-":
        held = getattr(sys.stdin, "buffer", None)
        if held is None:  # a text stream that stands for it
            yield sys.stdin.read().encode()
        else:
            while piece := held.read(PIECE):
                yield piece
        return
    yield from given.pieces(Path(argument))


def unpacked(chunks: Iterable[bytes], end: End) -> Iterator[bytes]:
    """A gzip file unpacked, in pieces; another file as it is. A packed file that is broken off gives what it still holds.

    Raises Fault where it is damaged, unpacks to far more than files of results do, or is packed otherwise.
    """
    head, rest = begun(chunks, 8)
    if not head.startswith(_GZIP):
        for mark, name in _PACKED.items():
            if head.startswith(mark):
                raise Fault(0, f"is a {name} file: unpack it first")
        yield from rest
        return
    read = made = 0
    inflate = zlib.decompressobj(wbits=31)
    held = b""
    for piece in rest:
        read += len(piece)
        held += piece
        while held:
            if inflate.eof:  # another member follows, or the zeros that fill a tape's block
                held = held.lstrip(b"\0")
                if not held:
                    break
                inflate = zlib.decompressobj(wbits=31)
            try:
                out = inflate.decompress(held, PIECE)
            except zlib.error:
                raise Fault(0, "is a damaged gzip file") from None
            held = inflate.unused_data if inflate.eof else inflate.unconsumed_tail
            made += len(out)
            if made > max(_UNPACKED_FREE, read * _MOST_TIMES):
                raise Fault(0, f"unpacks to more than {_MOST_TIMES} times its size: nothing of it is taken")
            if out:
                yield out
    if not inflate.eof:
        if out := inflate.flush():
            yield out
        end.cut = "the end of the gzip file"


def as_utf8(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same text without a byte order mark; UTF-16 becomes UTF-8. Raises Fault for UTF-16 that is broken."""
    head, rest = begun(chunks, 3)
    encoding = _MARKS.get(head[:2])
    skip = 2 if encoding else len(codecs.BOM_UTF8) if head.startswith(codecs.BOM_UTF8) else 0
    decoder = codecs.getincrementaldecoder(encoding)() if encoding else None
    for piece in rest:
        part, skip = piece[skip:], 0
        yield _decoded(decoder, part) if decoder else part
    if decoder:
        yield _decoded(decoder, b"", final=True)


def _decoded(decoder: codecs.IncrementalDecoder, part: bytes, *, final: bool = False) -> bytes:
    try:
        return decoder.decode(part, final).encode()
    except UnicodeError:
        raise Fault(0, "cannot be read as a list of targets: it is broken UTF-16") from None
