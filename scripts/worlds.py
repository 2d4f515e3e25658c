"""Has the instrument check archives that mislead, and prints what it said: .venv/bin/python scripts/worlds.py

Without options it checks six worlds of 60 archives, drawn at random. Ends with 1 if anything that it said was false.
It runs in a network of its own, in which only loopback exists.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from support import isolation

isolation.enter()

from support.loopback import run  # noqa: E402
from support.misleading.judgement import Mark  # noqa: E402
from support.misleading.kinds import kinds  # noqa: E402
from support.misleading.worlds import ARCHIVES, Checked, drawn, surveyed, table, world  # noqa: E402


def tell(done: Checked, quiet: bool) -> None:
    if not quiet or done.judgement.mark > Mark.HONEST:
        print(done, flush=True)


def survey(seed: int, worlds: int, archives: int) -> int:
    results: list[Checked] = []
    false = 0
    for n in range(worlds):
        with tempfile.TemporaryDirectory() as folder:
            each, totals = run(surveyed(seed + n, archives, Path(folder) / "survey"))
        for one in each:
            tell(one, quiet=True)
        print(f"{totals.mark.name:7} totals of world {seed + n}: {'; '.join(totals.said)}", flush=True)
        results += each
        false += totals.mark is Mark.WRONG
    print(table(results))
    return bool(false) or any(one.judgement.mark is Mark.WRONG for one in results)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--worlds", type=int, default=6, help="how many worlds")
    parser.add_argument("--archives", type=int, default=ARCHIVES, help="archives in each")
    parser.add_argument("--seed", type=int, default=1, help="of the first world; others follow")
    parser.add_argument("--kinds", nargs="*", metavar="TEXT", help="each kind whose name holds this, instead of worlds")
    parser.add_argument("--each", type=int, default=1, help="how many of each kind")
    parser.add_argument("--survey", action="store_true", help="survey each world whole, and judge its totals too")
    parser.add_argument("--quiet", action="store_true", help="only what is false, and the table")
    asked = parser.parse_args()
    if asked.kinds is not None:
        wanted = [name for name in kinds() if not asked.kinds or any(text in name for text in asked.kinds)]
        rounds = [[(name, asked.seed + n) for name in wanted for n in range(asked.each)]]
    else:
        rounds = [drawn(asked.seed + n, asked.archives) for n in range(asked.worlds)]
    results: list[Checked] = []
    if asked.survey:
        return survey(asked.seed, asked.worlds, asked.archives)
    for one in rounds:
        began = time.monotonic()
        results += (checked := run(world(one, lambda done: tell(done, asked.quiet))))
        print(f"{len(checked)} archives in {time.monotonic() - began:.0f} s", file=sys.stderr)
    print(table(results))
    return any(one.judgement.mark is Mark.WRONG for one in results)


if __name__ == "__main__":
    sys.exit(main())
