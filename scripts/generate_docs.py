"""Writes what the documentation takes from the code: tables of docs/*.md, docs/survey.sql, docs/schemas/*.json, the man page and completions.

With --check nothing is written: files that differ are named, and the exit code is 1.
"""

from __future__ import annotations

import sys
from pathlib import Path

import manual
import msgspec
import scale

from filmbadge import texts
from filmbadge.catalogue import kinds
from filmbadge.keep import schema
from filmbadge.keep.forget import Receipt
from filmbadge.keep.judged import Judged
from filmbadge.keep.manifest import Manifest
from filmbadge.keep.views import script
from filmbadge.rehearse.compare import Rehearsal
from filmbadge.tell import remedy
from filmbadge.tell.card import CheckDocument
from filmbadge.tell.compare.document import ComparisonDocument
from filmbadge.tell.feeds import formats
from filmbadge.tell.listing import ListLine
from filmbadge.tell.progress import ProgressDocument
from filmbadge.tell.proof.document import VerifyDocument
from filmbadge.tell.rejudged import JudgeDocument
from filmbadge.tell.summary import ReportDocument

ROOT = Path(__file__).resolve().parent.parent
# The head of these pages is written by hand and kept; what is below the mark is made here.
TABLES = {
    Path("docs/dataset.md"): ("<!-- generated from filmbadge.keep.schema: do not edit below -->\n", schema.markdown),
    Path("docs/feeds.md"): (
        "<!-- generated from filmbadge.tell.feeds.formats: do not edit below -->\n",
        formats.markdown,
    ),
    Path("docs/kinds.md"): ("<!-- generated from filmbadge.catalogue.kinds: do not edit below -->\n", kinds.markdown),
    Path("docs/remedies.md"): ("<!-- generated from filmbadge.tell.remedy: do not edit below -->\n", remedy.markdown),
    Path("docs/scale.md"): ("<!-- generated from scripts/scale.py: do not edit below -->\n", scale.markdown),
    Path("docs/restraint.md"): ("<!-- generated from filmbadge.texts: do not edit below -->\n", texts.markdown),
}
SCHEMAS = {
    "filmbadge.check-1.json": CheckDocument,
    "filmbadge.comparison-1.json": ComparisonDocument,
    "filmbadge.forget-1.json": Receipt,
    "filmbadge.judge-1.json": JudgeDocument,
    "filmbadge.judged-1.json": Judged,
    "filmbadge.progress-1.json": ProgressDocument,
    "filmbadge.rehearsal-1.json": Rehearsal,
    "filmbadge.list-1.json": ListLine,
    "filmbadge.report-2.json": ReportDocument,
    "filmbadge.survey-1.json": Manifest,
    "filmbadge.verify-1.json": VerifyDocument,
}


def generated(root: Path) -> dict[Path, str]:
    """Every generated file and what should stand in it."""
    wanted: dict[Path, str] = {}
    for page, (mark, table) in TABLES.items():
        head, found, _ = (root / page).read_text(encoding="utf-8").partition(mark)
        if not found:
            sys.exit(f"{page} has no line: {mark.strip()}")
        wanted[page] = head + mark + table()
    for name, document in SCHEMAS.items():
        made = {"$schema": "https://json-schema.org/draft/2020-12/schema", **msgspec.json.schema(document)}
        text = msgspec.json.format(msgspec.json.encode(made), indent=2).decode()
        wanted[Path("docs/schemas") / name] = text + "\n"
    wanted[Path("docs/survey.sql")] = script(Path("out/demo"))
    wanted |= manual.files()
    return wanted


def main(arguments: list[str]) -> int:
    if arguments not in ([], ["--check"]):
        print("usage: generate_docs.py [--check]", file=sys.stderr)
        return 2
    wanted = generated(ROOT)
    stale = [p for p, text in wanted.items() if not (ROOT / p).is_file() or (ROOT / p).read_text("utf-8") != text]
    left_over = [p.relative_to(ROOT) for p in (ROOT / "docs/schemas").glob("*.json") if p.name not in SCHEMAS]
    if arguments:
        for path in stale:
            print(f"{path} differs from the code: run scripts/generate_docs.py", file=sys.stderr)
        for path in left_over:
            print(f"{path} is not made by scripts/generate_docs.py: remove it", file=sys.stderr)
        return 1 if stale or left_over else 0
    for path in stale:
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(wanted[path], encoding="utf-8")
        print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
