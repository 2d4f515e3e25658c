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

# Another thread takes the signal while the main thread waits for a line. So the signal breaks off no read, just like one that comes
# right before the read. No test can hit that moment.
ASKS = """
import os, signal, sys, threading, time
from filmbadge import interruption
from filmbadge.cli import console

def take():
    asked.wait()
    time.sleep(0.1)  # nothing tells that it reads
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)

asked = threading.Event()
interruption.listen()
if sys.argv[1:]:
    threading.Thread(target=take, daemon=True).start()
asked.set()
try:
    raise SystemExit(0 if console.line_of_input("Well?") == "yes\\n" and os.get_blocking(0) else 1)
except KeyboardInterrupt:
    raise SystemExit(interruption.CODE if os.get_blocking(0) else 1)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="a terminal of its own")
@pytest.mark.parametrize(("signalled", "code"), [(["signal"], CODE), ([], 0)], ids=["ctrl-c", "an answer"])
def test_a_question_hears_ctrl_c_and_leaves_the_terminal_as_it_was(signalled: list[str], code: int) -> None:
    process, terminal = pty.fork()
    if not process:
        os.execv(sys.executable, [sys.executable, "-c", ASKS, *signalled])
    try:
        if not signalled:
            os.write(terminal, b"yes\n")
        with suppress(OSError):  # the other end is closed
            while select([terminal], [], [], HANGS)[0]:
                os.read(terminal, 4096)
    finally:
        os.close(terminal)  # hangs up, which ends it in any case
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == code
