"""What a new way in costs: the made-up probe in `new_probe` is added to a copy of the source, which then finds its product.

CONTRIBUTING says how to add one. This holds it to its word.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from filmbadge.judge.archives import judge
from support import archives
from support.http_site import http, serving, visited
from support.loopback import listening, run

SOURCE = Path(__file__).parents[1] / "src"
NEW = Path(__file__).with_name("new_probe")
MOST_FILES = 5

FACTS = '''class LumenFacts(Struct, frozen=True, tag="lumen"):
    """What Lumen's REST says of itself."""

    version: str = ""
    counters: Counters = Counters()


'''
# In each file, what stands there and what takes its place.
LINES = {
    "model.py": [
        ("class PageFacts(", f"{FACTS}class PageFacts("),
        ("| PageFacts\n", "| PageFacts | LumenFacts\n"),
    ],
    "ask/ways.py": [
        ("import dcm4chee, orthanc\n", "import dcm4chee, lumen, orthanc\n"),
        ("PRODUCTS = (\n", "PRODUCTS = (\n    Product(lumen.identify),\n"),
    ],
    "judge/ways/__init__.py": [
        ("import dcm4chee, dicomweb, dimse, orthanc, pages", "import dcm4chee, dicomweb, dimse, lumen, orthanc, pages"),
        ("DimseFacts, Facts, Observation,", "DimseFacts, Facts, LumenFacts, Observation,"),
        ("    PageFacts: pages.WAY,\n", "    PageFacts: pages.WAY,\n    LumenFacts: lumen.WAY,\n"),
    ],
}


def lumen(path: str) -> bytes:
    """The peer."""
    said = {
        "/lumen/about": {"product": "Lumen", "version": "2.1"},
        "/lumen/counters": {"patients": 12, "studies": 34},
    }
    if path not in said:
        return http("404 Not Found")
    return http("200 OK\r\nContent-Type: application/json", json.dumps(said[path]).encode())


def with_the_new_probe(directory: Path) -> Path:
    """A copy of the source to which the probe was added."""
    copy = directory / "src"
    shutil.copytree(SOURCE, copy, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    shutil.copytree(NEW, copy / "filmbadge", dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    for name, changes in LINES.items():
        path = copy / "filmbadge" / name
        text = path.read_text()
        for before, after in changes:
            assert text.count(before) == 1, f"{name}: {before}"
            text = text.replace(before, after)
        path.write_text(text)
    return copy


def changed(copy: Path) -> set[str]:
    """Source files that are new, or not as they were."""
    files = {path.relative_to(copy / "filmbadge") for path in copy.rglob("*.py")}
    return {
        str(name)
        for name in files
        if not (SOURCE / "filmbadge" / name).exists()
        or (SOURCE / "filmbadge" / name).read_bytes() != (copy / "filmbadge" / name).read_bytes()
    }


def surveyed(copy: Path, directory: Path) -> dict[str, Any]:
    """The report of a survey of the peer, made with that copy."""

    async def command(*arguments: str) -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            "import filmbadge.cli; filmbadge.cli.main()",
            *arguments,
            env={**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"},
            stderr=asyncio.subprocess.PIPE,
        )
        _, wrong = await process.communicate()
        assert process.returncode == 0, wrong.decode()

    async def work() -> None:
        async with listening(serving(lumen)) as port:
            ports = f"ports.dimse = []\nports.dimse_tls = []\nports.web = [{port}]\nports.web_tls = []"
            scope = archives.scope_file(directory, extra=ports)
            await command("survey", str(scope), "127.0.0.1", "--out", str(directory / "survey"))
        await command("report", str(directory / "survey"), "--json", str(directory / "report.json"))

    run(work())
    found: dict[str, Any] = json.loads((directory / "report.json").read_text())
    return found


def test_a_new_probe_touches_five_source_files_and_finds_its_product(tmp_path: Path) -> None:
    copy = with_the_new_probe(tmp_path)
    added = {"ask/products/lumen.py", "judge/ways/lumen.py"}
    assert changed(copy) == added | set(LINES)
    assert len(changed(copy)) <= MOST_FILES
    report = surveyed(copy, tmp_path)
    (archive,) = report["archives"]
    assert (archive["product"], archive["product_version"], archive["rung"]) == ("Lumen", "2.1", "discloses")
    rows = {row["quantity"]: (row["measured"], row["how"]) for row in report["rows"]}
    assert (rows["patients"], rows["studies"]) == ((12, "reported"), (34, "reported"))


def test_without_it_the_product_is_no_archive() -> None:
    seen, _ = visited(serving(lumen))
    assert judge("127.0.0.1", [seen]).archives == ()
