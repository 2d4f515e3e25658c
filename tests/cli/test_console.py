"""What a command asks of the person at the terminal."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from select import select

import pytest

from filmbadge.interruption import CODE
from support.hanging import HANGS

if sys.platform != "win32":
    import pty

# Another thread takes the signal, when the first one waits for a line: so no read of its own is broken off. It is like this too
# for the signal that comes just before the read, and that no test can hit.
ASKS = """
import signal, threading, time
from filmbadge import interruption
from filmbadge.cli import console

def take():
    asked.wait()
    time.sleep(0.1)  # nothing tells that it reads
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)

asked = threading.Event()
interruption.listen()
threading.Thread(target=take, daemon=True).start()
asked.set()
try:
    print(repr(console.line_of_input("Well?")))
except KeyboardInterrupt:
    raise SystemExit(interruption.CODE)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="a terminal of its own")
def test_ctrl_c_is_heard_while_somebody_is_asked() -> None:
    process, terminal = pty.fork()
    if not process:
        os.execv(sys.executable, [sys.executable, "-c", ASKS])
    with suppress(OSError):  # the other end is closed
        while True:
            assert select([terminal], [], [], HANGS)[0], "it heard nothing"
            os.read(terminal, 4096)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == CODE
