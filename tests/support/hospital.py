"""The synthetic hospital, served for commands that run as processes, under a scope that waits a few seconds."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

from filmbadge.keep.reader import Dataset
from filmbadge.model import Total
from filmbadge.rehearse.build import build
from filmbadge.rehearse.serve import Site, serve
from filmbadge.rehearse.worldfile import read
from support import archives
from support.hanging import HANGS

COMMAND = str(Path(sys.executable).with_name("filmbadge"))


@contextmanager
def world(seed: int = 5, scale: float = 0.1) -> Iterator[Site]:
    """It stands in a thread of its own."""
    up, down = Event(), Event()
    sites: list[Site] = []

    async def stand() -> None:
        async with serve(build(read("hospital"), scale, seed), seed) as site:
            sites.append(site)
            up.set()
            await asyncio.to_thread(down.wait)

    thread = Thread(target=asyncio.run, args=(stand(),))
    thread.start()
    assert up.wait(HANGS)
    try:
        yield sites[0]
    finally:
        down.set()
        thread.join()


def scope_for(site: Site, directory: Path, *, overall: float = 5000, idle: float = 5, depth: str = "count") -> Path:
    path = directory / f"scope-{overall:g}.toml"
    path.write_text(
        f'schema = "filmbadge.scope/1"\nnetworks = ["{site.networks[0]}"]\ndepth = "{depth}"\nexpires = 2099-12-31\n'
        '[authority]\nwho = "the test suite"\nreference = "none"\nbasis = "owner"\ncontact = "tests"\n'
        f"[ports]\ndimse = [{site.dimse_ports[0]}, {site.dimse_ports[1]}]\ndimse_tls = []\nweb = [{site.web_ports[0]}]\nweb_tls = []\n"
        f"[pace]\noverall = {overall}\nper_network = 5000\nper_host = 1000\n[caps]\nidle_seconds = {idle}\n"
    )
    return path


def surveyed(*arguments: str, code: int = 3) -> str:
    """A survey of the whole world. One of its archives is too busy to say whether it is open: that is exit code 3."""
    return archives.filmbadge("survey", *arguments, code=code)


def totals(directory: Path) -> dict[str, Total]:
    return {total.quantity: total for total in Dataset(directory).totals()}


def at_least(total: Total) -> int | None:
    """The figure, or the bound where some host leaves it in doubt."""
    return total.at_least if total.measured is None else total.measured
