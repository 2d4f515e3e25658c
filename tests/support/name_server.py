"""A name server on loopback, at the address that this namespace's resolv.conf has."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

_A, _PTR, _NOT_THERE = 1, 12, 3  # RFC 1035 3.2.2, 4.1.1


@contextmanager
def name_server(known: Mapping[str, str] | None) -> Iterator[list[str]]:
    """Knows these names and their IPv4 addresses, and below in-addr.arpa the names of addresses, parted by blanks.

    None: it never answers. Gives the names that it was asked for.
    """
    asked: list[str] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as held:
        held.bind(("127.0.0.1", 53))
        serving = threading.Thread(target=_serve, args=(held, known, asked))
        serving.start()
        try:
            yield asked
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
                last.sendto(b"", held.getsockname())
            serving.join()


def _serve(held: socket.socket, known: Mapping[str, str] | None, asked: list[str]) -> None:
    while True:
        question, asker = held.recvfrom(4096)
        if not question:
            return
        labels, at = [], 12
        while size := question[at]:
            labels.append(question[at + 1 : at + 1 + size].decode().lower())
            at += 1 + size
        name, kind, end = ".".join(labels), int.from_bytes(question[at + 1 : at + 3]), at + 5
        asked.append(name)
        if known is None:
            continue
        reverse = name.endswith(".arpa")
        told = known.get(name, "").split(" ") if name in known and kind == (_PTR if reverse else _A) else []
        answers = [_record(kind, _labels(one) if reverse else socket.inet_aton(one)) for one in told]
        code = 0 if name in known else _NOT_THERE
        head = question[:2] + bytes([0x81, 0x80 | code]) + b"\0\1" + bytes([0, len(answers)]) + bytes(4)
        held.sendto(head + question[12:end] + b"".join(answers), asker)


def _record(kind: int, data: bytes) -> bytes:
    """An answer to the question, for a minute."""
    return b"\xc0\x0c" + kind.to_bytes(2) + b"\0\1\0\0\0\x3c" + len(data).to_bytes(2) + data


def _labels(name: str) -> bytes:
    return b"".join(bytes([len(label)]) + label for label in name.encode("utf-8", "surrogatepass").split(b".")) + b"\0"
