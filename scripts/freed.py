"""Counts the values that are left in the memory of a process that asked an archive: .venv/bin/python scripts/freed.py

Each row is one process that checked one archive at `profile`. The archive has 6,000 studies; 150 of them hold values that
exist nowhere else. The whole memory of the process that it can write to is searched for them, freed or not; once more where
the allocator overwrites what Python frees. It runs in a network of its own, in which only loopback exists.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from support import isolation

isolation.enter()

from support import archives, canary_many, certificates, tls_front  # noqa: E402
from support.canary import Search  # noqa: E402
from support.canary_many import FIRST, STUDIES, Many  # noqa: E402
from support.examiner import Examined  # noqa: E402

RUNS = 3


def main() -> None:
    many = Many()
    search = Search(many.markers.planted)
    of_all = (len(many.markers.planted), len(many.early), len(many.late))
    print(f"{of_all[0]} values in {STUDIES} records; {of_all[1]} in the first {FIRST}, {of_all[2]} in ASCII after them")
    with (
        tempfile.TemporaryDirectory() as folder,
        canary_many.serving(canary_many.dimse(many)) as dimse,
        canary_many.serving(canary_many.dicomweb(many)) as dicomweb,
        tls_front.relay("127.0.0.1", dimse, certificates.make(Path(folder)).server()) as tls,
    ):
        archives.scope_file(Path(folder), depth="profile")
        for name, port in (("DIMSE", dimse), ("DIMSE over TLS", tls), ("QIDO-RS", dicomweb)):
            for core in ("compiled", "pure"):
                for overwrites in (False, True):
                    rows = [left(Path(folder), search, many, port, core, overwrites) for _ in range(RUNS)]
                    freed = "overwritten" if overwrites else "as it is"
                    print(f"{name}, {core}, freed memory {freed}: {'; '.join(rows)}", flush=True)


def left(folder: Path, search: Search, many: Many, port: int, core: str, overwrites: bool) -> str:
    """Values in all, of the first records, and of those in ASCII after them."""
    with Examined(folder, search, core=core, overwrites=overwrites) as process:
        process.order("check", target=f"127.0.0.1:{port}", scope="scope.toml", depth="profile", looks=False)
        found = set().union(*process.left().values())
    return f"{len(found)} ({len(found & many.early)}, {len(found & many.late)})"


if __name__ == "__main__":
    main()
