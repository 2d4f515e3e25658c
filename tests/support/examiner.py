"""Looks through a process that asked an archive (`support.examined`), from outside: it knows the markers, and the other does not."""

from __future__ import annotations

import bisect
import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from support.canary import Search, forms

TESTS = Path(__file__).parents[1]
MOST = 64 * 1024 * 1024  # bytes of memory that are searched at once


# Python's own allocator overwrites what it frees, and not what it moves: where a text shrinks, the first copy stays. So all
# comes from that of the C library, which overwrites whatever is freed, moved or not, and keeps nothing aside for later.
OVERWRITES = {"PYTHONMALLOC": "malloc_debug", "GLIBC_TUNABLES": "glibc.malloc.perturb=165:glibc.malloc.tcache_count=0"}


class Examined:
    """One process. `core` is its decoder; with `overwrites` its allocator overwrites all that is freed."""

    def __init__(self, work: Path, search: Search, *, core: str = "", overwrites: bool = False) -> None:
        self.search = search
        self._file = work / f"look-{core or 'compiled'}"
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(TESTS), "FILMBADGE_CORE": core}
        environment |= OVERWRITES if overwrites else {}
        with (work / "stderr").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "support.examined"], cwd=work, env=environment, text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
            )  # fmt: skip

    def __enter__(self) -> Examined:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._process.kill()
        self._process.communicate()

    def order(self, do: str, **more: object) -> dict[str, Any]:
        assert self._process.stdin and self._process.stdout
        print(json.dumps({"do": do, "into": str(self._file), **more}), file=self._process.stdin, flush=True)
        said: dict[str, Any] = json.loads(self._process.stdout.readline())
        return said

    def plant(self, markers: Sequence[str]) -> list[str]:
        """The places in which markers were planted, one in each."""
        places: list[str] = self.order("plant", turned=_turned(markers, "utf-8"))["places"]
        return places

    def drop(self, markers: Sequence[str]) -> None:
        """Let it read texts as a decoder does, and free them."""
        assert self.order("drop", turned=_turned(markers, READ_AS), charset=READ_AS) == {"dropped": len(markers)}

    def found(self) -> dict[str, Counter[str]]:
        """The markers in what the last order wrote, and by which types of objects each was reached."""
        data = self._file.read_bytes()
        found: dict[str, Counter[str]] = {}
        if not (markers := self.search.find(data)):
            return found
        labels = json.loads(Path(f"{self._file}.labels").read_text())
        places = [place for place, _ in labels]
        for marker in markers:
            at = {hit.start() for form in forms(marker) for hit in re.finditer(re.escape(form), data)}
            found[marker] = Counter(labels[bisect.bisect(places, place) - 1][1] for place in at)
        return found

    def left(self) -> dict[str, set[str]]:
        """The markers in the whole memory of the process, freed or not, by the kind of memory."""
        found: dict[str, set[str]] = {}
        for name, data in self._memory():
            if markers := self.search.find(data):
                found.setdefault(name, set()).update(markers)
        return found

    def _memory(self) -> Iterator[tuple[str, bytes]]:
        """All that the process can write to: the heap, the stack, and what was mapped."""
        pid = self._process.pid
        with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
            for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
                where, rights, *_, name = [*line.split(maxsplit=5), ""][:6]
                if not rights.startswith("rw"):
                    continue
                low, high = (int(end, 16) for end in where.split("-"))
                for start in range(low, high, MOST):
                    memory.seek(start)
                    size = min(high, start + MOST + 64) - start
                    yield re.sub(r".*/", "", name.strip()) or "mapped", memory.read(size)


READ_AS = "gb18030"  # whoever reads it makes room for as many characters as there are bytes, and shrinks that


def _turned(markers: Sequence[str], charset: str) -> list[str]:
    return [bytes(255 - byte for byte in marker.encode(charset)).hex() for marker in markers]
