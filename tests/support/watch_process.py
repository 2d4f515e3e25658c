"""The dashboard as a process, with a browser and archives, in a network that only they share."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from support import archives
from support.browser import FLAGS
from support.hanging import HANGS

_NEW_NETWORK = 0x40000000  # CLONE_NEWNET
BIN = str(Path(sys.executable).with_name("filmbadge"))


@dataclass(frozen=True)
class Dashboard:
    directory: Path
    process: subprocess.Popen[str]
    address: str


@contextmanager
def elsewhere() -> Iterator[None]:
    """What is started inside shares a network with nothing but loopback. A browser looks whether IPv6 leads anywhere: nobody hears it there."""
    system = ctypes.CDLL(None, use_errno=True)
    here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        assert system.unshare(_NEW_NETWORK) == 0, os.strerror(ctypes.get_errno())
        try:
            subprocess.run(["ip", "link", "set", "lo", "up"], check=True, timeout=HANGS)
            yield
        finally:
            assert system.setns(here, _NEW_NETWORK) == 0
    finally:
        os.close(here)


@contextmanager
def dashboard(directory: Path, *options: str) -> Iterator[Dashboard]:
    """`filmbadge watch`, when it listens."""
    command = [BIN, "watch", "--dir", str(directory), *options]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            said = process.stderr.readline()
            assert said.startswith("Open http"), said + process.stderr.read()
            yield Dashboard(directory, process, said.split()[1])
        finally:
            process.terminate()
            process.wait(HANGS)


@contextmanager
def chromium() -> Iterator[Browser]:
    """In the network of this thread."""
    with sync_playwright() as playwright:
        flags = [flag.replace("~NOTFOUND", "~NOTFOUND, EXCLUDE 127.0.0.1") for flag in FLAGS]
        started = playwright.chromium.launch(executable_path=archives.program("chromium"), args=flags)
        yield started
        started.close()


def troubled(tab: Page) -> list[str]:
    """What goes wrong on a page from now on."""
    trouble: list[str] = []
    tab.on("console", lambda message: trouble.append(message.text) if message.type == "error" else None)
    tab.on("pageerror", lambda error: trouble.append(str(error)))
    return trouble
