"""Mutations of the corpus, without a fuzzer: python fuzz/mutate.py SECONDS. For the sanitized build (`fuzz/sanitize`)."""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

import target

EDGES = (b"\x00", b"\x01", b"\x7f", b"\x80", b"\xff", b"\xff\xff\xff\xff", b"\x00\x01\x00\x00", b"\xfe\xff\x00\xe0")
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


def main(seconds: float) -> None:
    seed, end, streams = random.randrange(1 << 32), time.monotonic() + seconds, 0
    chance = random.Random(seed)
    while time.monotonic() < end:
        data = mutated(chance)
        try:
            target.one(data)
        except BaseException:
            Path("broken-stream").write_bytes(data)
            print(f"seed {seed}, stream {streams}: in the file broken-stream")
            raise
        streams += 1
    print(f"{streams:,} streams in {seconds:g} s, seed {seed}: nothing found")


if __name__ == "__main__":
    main(float(sys.argv[1]))
