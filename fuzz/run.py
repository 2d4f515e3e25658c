"""Coverage-guided fuzzing of the reader: python fuzz/run.py fuzz/corpus -max_total_time=300

Needs atheris (.venv/bin/uv pip install --group fuzz). What it finds goes into fuzz/corpus, which the tests replay.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["filmbadge.ask"]):
    import target

if __name__ == "__main__":
    atheris.Setup(sys.argv, target.one)
    atheris.Fuzz()
