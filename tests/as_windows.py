"""The command as it would run on Windows, as far as Linux can play that: as_windows.py ARGUMENTS.

What Windows lacks is taken away, and the loop is asyncio's, which reads and connects as Windows' does: what comes is
fed to a protocol in pieces that fit its buffer, an address has as many fields as its family wants, a refused signal
handler is an error. The rest of Windows cannot be seen from here: that is for the unit tests on Windows itself.
"""

from __future__ import annotations

import asyncio
import importlib
import signal
import socket
import sys
from types import ModuleType
from typing import Any

ABSENT = ("uvloop", "fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "readline")
COMMANDS = ("check", "rehearse", "report", "scope", "survey")


def take_away() -> None:
    """Others' modules are loaded before: they have a Windows side of their own, which has no place on Linux."""
    for command in COMMANDS:
        importlib.import_module(f"filmbadge.cli.{command}")
    # Which of these it takes, Python chooses by the platform when they are loaded.
    for module in ("connection", "popen_spawn_posix", "resource_tracker"):
        importlib.import_module(f"multiprocessing.{module}")
    import fcntl

    for name in [name for name in sys.modules if name.partition(".")[0] == "filmbadge"]:
        del sys.modules[name]
    for name in ABSENT:
        sys.modules[name] = None  # type: ignore[assignment]  # then its import fails
    for holder, name in ((socket, "TCP_QUICKACK"), (signal, "SIGHUP"), (signal, "SIGALRM"), (signal, "SIGKILL")):
        delattr(holder, name)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell lets what it runs in the background ignore it
    sys.modules["msvcrt"] = runtime(fcntl)
    sys.platform = "win32"


def runtime(fcntl: ModuleType) -> ModuleType:
    """What is used of msvcrt. It reports a lock that another holds as PermissionError."""
    made: Any = ModuleType("msvcrt")

    def locking(descriptor: int, mode: int, _: int) -> None:
        try:
            fcntl.flock(descriptor, mode)
        except BlockingIOError:
            raise PermissionError(13, "Permission denied") from None

    made.LK_NBLCK, made.locking = fcntl.LOCK_EX | fcntl.LOCK_NB, locking
    made.SEM_NOGPFAULTERRORBOX, made.SetErrorMode = 2, lambda mode: 0
    return made  # type: ignore[no-any-return]


def make_loop_alike() -> None:
    """asyncio/proactor_events.py and Modules/overlapped.c are what it is like."""
    loop: Any = asyncio.SelectorEventLoop
    transport: Any = asyncio.selector_events._SelectorSocketTransport  # type: ignore[attr-defined]
    connect = loop.sock_connect

    async def sock_connect(self: Any, sock: socket.socket, address: tuple[Any, ...]) -> Any:
        assert len(address) == (4 if sock.family == socket.AF_INET6 else 2)
        return await connect(self, sock, address)

    def refuse(*_: Any) -> None:
        raise NotImplementedError

    def read(self: Any) -> None:
        try:
            data = self._sock.recv(65536)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._force_close(error)
            return
        if data:
            asyncio.protocols._feed_data_to_buffered_proto(self._protocol, data)  # type: ignore[attr-defined]
        else:
            self._read_ready__on_eof()

    loop.sock_connect, loop.add_signal_handler, transport._read_ready__get_buffer = sock_connect, refuse, read


if __name__ == "__main__":
    take_away()
    make_loop_alike()
    importlib.import_module("filmbadge.cli").main()
