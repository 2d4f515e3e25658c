"""Mutations of the corpus, without a fuzzer: python fuzz/mutate.py SECONDS [FOLDER]. For the sanitized build (`fuzz/sanitize`).

A stream that breaks the decoder is written into the folder, for fuzz/corpus. Also where it ends the process, as a
sanitizer does: so a child does the work, and the parent knows what it had in hand.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import random
import sys
import time
from pathlib import Path

import target

EDGES: tuple[bytes, ...] = (
    b"\x00",
    b"\x01",
    b"\x7f",
    b"\x80",
    b"\xff",
    b"\xff\xff\xff\xff",
    b"\x00\x01\x00\x00",
    b"\xfe\xff\x00\xe0",
)
EDGES += (
    b"\\",
    b"=",
    b"^",
    b"-",
    b".",
    b" ",
    b"\n",
    b"0",
    b"9",
    b"A",
    b"\x1b",
    b"536-90-4399",
    b"TEST",
    b"XXX",
    b"1.2.",
    b'"',
    b"{",
    b"]}",
    b"null",
    b"12",
    b'"Value"',
)
CORPUS = [path.read_bytes() for path in sorted((Path(__file__).parent / "corpus").iterdir())]


def mutated(chance: random.Random) -> bytes:
    """One stream of the corpus, or two joined, with a few bytes replaced, taken out or put in."""
    data = bytearray(chance.choice(CORPUS))
    if chance.random() < 0.3:
        data += chance.choice(CORPUS)[1:]
    for _ in range(chance.randrange(8)):
        at, size = chance.randrange(len(data) + 1), chance.randrange(5)
        data[at : at + size] = chance.choice((b"", chance.randbytes(size), chance.choice(EDGES)))
    return bytes([chance.randrange(256)]) + bytes(data[1:])


def throw(seed: int, seconds: float, hand: mmap.mmap) -> None:
    """Streams for so long. The one that is tried lies in the hand, after its length."""
    chance, end, streams = random.Random(seed), time.monotonic() + seconds, 0
    while time.monotonic() < end:
        data = mutated(chance)
        hand.seek(0)
        hand.write(len(data).to_bytes(4, "big") + data)
        target.one(data)
        streams += 1
    print(f"{streams:,} streams in {seconds:g} s, seed {seed}: nothing found", flush=True)


def main(seconds: float, folder: Path) -> int:
    """0, or 1 if a stream was found."""
    seed, hand = random.randrange(1 << 32), mmap.mmap(-1, 1 << 20)
    if (child := os.fork()) == 0:
        try:
            throw(seed, seconds, hand)
        except BaseException:
            sys.excepthook(*sys.exc_info())
            sys.stderr.flush()
            os._exit(1)
        os._exit(0)
    if os.waitpid(child, 0)[1] == 0:
        return 0
    stream = hand[4 : 4 + int.from_bytes(hand[:4], "big")]
    path = folder / f"found-{hashlib.sha256(stream).hexdigest()[:12]}"
    path.write_bytes(stream)
    print(f"seed {seed}: a stream that breaks the decoder is in {path}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), Path(sys.argv[2] if len(sys.argv) > 2 else ".")))
