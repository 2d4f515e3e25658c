"""A name server on loopback, at the address that this namespace's resolv.conf has."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

_A, _NOT_THERE = 1, 3  # RFC 1035 3.2.2, 4.1.1


@contextmanager
def name_server(known: Mapping[str, str] | None) -> Iterator[list[str]]:
    """Knows these names and their IPv4 addresses. None: it never answers. Gives the names that it was asked for."""
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
        address = known.get(name) if kind == _A else None
        answer = b"" if address is None else b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + socket.inet_aton(address)
        code = 0 if name in known else _NOT_THERE
        head = question[:2] + bytes([0x81, 0x80 | code]) + b"\0\1" + bytes([0, bool(answer)]) + bytes(4)
        held.sendto(head + question[12:end] + answer, asker)
