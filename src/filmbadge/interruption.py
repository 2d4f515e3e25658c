"""Ctrl-C, and the signals that ask a command to end. Each is a KeyboardInterrupt, whatever a library makes of it on the way.

A signal may come while Python runs below a library: DuckDB then raises an error of its own, and others swallow it. So it is
remembered that it came.
"""

from __future__ import annotations

import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

ENDS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
SAID, CODE = "interrupted", 3  # what a command says then, and its exit code
_BY_DUCKDB = "Query interrupted"  # a bare RuntimeError of this text, where its query was interrupted
_came: list[int] = []


def heard() -> tuple[signal.Signals, ...]:
    """Those that this process does not ignore. `nohup` and a shell's background have it ignore some."""
    return tuple(one for one in ENDS if signal.getsignal(one) != signal.SIG_IGN)


def listen() -> None:
    """From now on each of them raises KeyboardInterrupt, and is remembered."""
    for one in heard():
        signal.signal(one, _stop)


def over() -> None:
    """The command is done, and its exit code stands: none of them changes that."""
    for one in ENDS:
        signal.signal(one, signal.SIG_IGN)


@contextmanager
def unheard(ends: Iterable[signal.Signals] = ENDS) -> Iterator[None]:
    """What is started meanwhile ignores these signals, from its first instruction.

    A terminal sends Ctrl-C to the whole group, and `timeout` and systemd send the others so.
    """
    before = {one: signal.signal(one, signal.SIG_IGN) for one in ends}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def is_behind(error: BaseException) -> bool:
    """Whether an error is no more than what a library made of an interruption."""
    return (
        bool(_came)
        or isinstance(error, KeyboardInterrupt)
        or (type(error) is RuntimeError and str(error) == _BY_DUCKDB)
    )


def require_none(error: BaseException | None = None) -> None:
    """Raises KeyboardInterrupt if there was one, or if one is behind the error."""
    if _came or (error is not None and is_behind(error)):
        raise KeyboardInterrupt from None


def _stop(number: int, _: Any) -> None:
    _came.append(number)
    raise KeyboardInterrupt
