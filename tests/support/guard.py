"""The guard where there is no namespace (`pytest -m "not real"`): this process reaches loopback and nothing else.

Python announces every connection, datagram and look-up of a name to its audit hooks, and what a hook
raises stops it. uvloop calls the system behind Python's back, so its loop is asked before it does. A
program that a test starts is out of reach: a test may start those only that open no connection.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pycares

from support import isolation

HARMLESS = {Path(sys.executable).name, "ruff", "lint-imports", "uname"}  # of programs: Python runs no instrument here
refused: list[str] = []  # also where a test swallowed what was raised
_dialled: list[str] = []
entered = False


class Forbidden(BaseException):
    """Something meant to leave. No `except Exception` takes it for a failed connection."""


def enter() -> None:
    """From now on. An audit hook cannot be taken away again."""
    global entered  # noqa: PLW0603
    entered = True
    sys.addaudithook(_audit)
    pycares.Channel.getaddrinfo = _looking_up(pycares.Channel.getaddrinfo)  # type: ignore[method-assign]
    try:
        import uvloop
    except ImportError:  # there is none for Windows
        return
    for name, host in _LOOP.items():
        setattr(uvloop.Loop, name, _asking(getattr(uvloop.Loop, name), host))


def opened() -> int:
    """How many connections were opened so far: by all of the namespace, or where there is none by this process."""
    return len(_dialled) if entered else isolation.counter("Tcp", "ActiveOpens")


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if (place := _AUDITED.get(event)) is not None:
        _ask(event, arguments[place])
        if event == "socket.connect" and arguments[0].type == socket.SOCK_STREAM:
            _dialled.append(str(arguments[place]))
    elif event == "subprocess.Popen" and "PYTEST_CURRENT_TEST" in os.environ:
        program = arguments[0] or arguments[1][0]
        if Path(os.fsdecode(program)).name not in HARMLESS:
            _refuse(event, program)


def _ask(what: str, host: Any) -> None:
    """Refuse a host that is not on loopback. A path of a Unix socket, or no host at all, leads nowhere else."""
    if isinstance(host, tuple):
        host = host[0]
    elif what in _ADDRESSED:
        return
    if host is not None and not _near(host.decode() if isinstance(host, bytes) else str(host)):
        _refuse(what, host)
    if what == "uvloop.create_connection" and host is not None:
        _dialled.append(str(host))


def _near(host: str) -> bool:
    try:
        return host in ("", "localhost") or ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _refuse(what: str, subject: object) -> None:
    refused.append(f"{what}: {subject!r}")
    raise Forbidden(
        f'{refused[-1]} (outside loopback; with -m "not real" there is no namespace that would hold it back)'
    )


# Where each event holds the address, (host, port) or the path of a Unix socket, or the name that is looked up.
_ADDRESSED = {"socket.connect": 1, "socket.sendto": 1, "socket.sendmsg": 1, "socket.getnameinfo": 0}
_AUDITED = {**_ADDRESSED, "socket.getaddrinfo": 0, "socket.gethostbyname": 0, "socket.gethostbyaddr": 0}

# uvloop's `sock_connect` connects a socket of Python's, which is announced.
_LOOP: dict[str, Callable[..., Any]] = {
    "create_connection": lambda _, host=None, *__, **___: host,
    "create_datagram_endpoint": lambda _, local=None, remote_addr=None, **__: remote_addr,
    "getaddrinfo": lambda host, *_, **__: host,
    "getnameinfo": lambda address, *_: address,
}


def _looking_up(method: Callable[..., Any]) -> Callable[..., Any]:
    def asked(channel: pycares.Channel, host: str, *arguments: Any, **named: Any) -> Any:
        _ask("pycares.getaddrinfo", host)
        return method(channel, host, *arguments, **named)

    return asked


def _asking(method: Callable[..., Any], host: Callable[..., Any]) -> Callable[..., Any]:
    async def asked(loop: asyncio.AbstractEventLoop, *arguments: Any, **named: Any) -> Any:
        _ask(f"uvloop.{method.__name__}", host(*arguments, **named))
        return await method(loop, *arguments, **named)

    return asked
