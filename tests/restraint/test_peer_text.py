"""What a peer says of itself stands where `docs/restraint.md` says, in its clean form, and nowhere else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import pyarrow.parquet as pq
import pytest

from filmbadge import texts
from filmbadge.model import Depth
from filmbadge.tell.feeds.formats import FormatName
from support import archives, hostile_folder, talkative
from support.hostile_folder import ran, unsafe
from support.name_server import name_server

MARK = re.compile(r"(?i)QZ\d{3}XJ")
OBSERVED = "observations.observation"
DOCUMENTS = {"check.json", "report.json", "report.html", "terminal"}
# What the words of the table mean for the places that are searched here.
PLACES = {
    texts.CARD: {"check.json tls"},
    texts.NAMES: {"archives.names"},
    texts.HINTS: {"archives.hints", *DOCUMENTS},
    texts.REASON: {"endpoints.said", *DOCUMENTS},
    texts.PRODUCT: {
        "archives.product",
        "archives.product_version",
        "endpoints.product",
        "endpoints.toolkit",
        "feed",
        *DOCUMENTS,
    },
    texts.FEEDS: {"feed"},
}
# A realm that Orthanc's login has is a word of the catalogue. A SOP class is digits and dots, and these have letters.
NOT_SAID = {"OrthancFacts.realm", "Proof.sop_class"}


@dataclass
class Seen:
    """Every text that was found with a mark in it: the mark, the place and the text."""

    found: list[tuple[str, str, str]]

    def take(self, place: str, text: str) -> None:
        self.found += [(mark.upper(), place, text) for mark in set(MARK.findall(text))]

    def document(self, place: str, document: object, within: str = "") -> None:
        if isinstance(document, dict):
            for name, value in document.items():
                self.take(place, name)
                self.document(place, value, "tls" if name == "tls" else within)
        elif isinstance(document, list):
            for value in document:
                self.document(place, value, within)
        elif isinstance(document, str):
            self.take(f"{place} {within}".strip(), document)


def asked(folder: Path, place: talkative.Place, depths: list[str]) -> Seen:
    """Every command at every depth; all that is left behind is gone through."""
    seen = Seen([])
    (folder / "reports").mkdir()
    for depth in depths:
        extra = place.scope() + "\n[ask]\nreverse_names = true\n"
        scope = str(archives.scope_file(folder, depth=depth, extra=extra))
        for form in ((), ("--json",)):
            said = ran("check", "127.0.0.1", "--scope", scope, *form)
            assert said.code in (0, 3) and not said.err, said.err
            assert not unsafe(said.out) | unsafe(said.err)
            if form:
                seen.document("check.json", json.loads(said.out))
            else:
                seen.take("terminal", said.out)
    survey, page, document = folder / "survey", folder / "reports" / "r.html", folder / "reports" / "r.json"
    formats: tuple[str, ...] = get_args(FormatName) if len(depths) > 1 else ("intelmq",)  # it has every text
    feeds = {name: folder / "reports" / name for name in formats}
    commands: tuple[tuple[str, ...], ...] = (
        ("survey", scope, "127.0.0.1", "--out", str(survey)),
        ("report", str(survey), "--html", str(page), "--json", str(document)),
        ("report", str(survey)),
        *(
            ("feed", str(survey), "--format", name, "--contact", "cert@example.org", "--out", str(path))
            for name, path in feeds.items()
        ),
        ("judge", str(survey)),
        ("survey", scope, "127.0.0.1", "--out", str(survey), "--resume"),
    )
    for arguments in commands:
        said = ran(*arguments)
        assert said.code in (0, 3), said.err
        assert not unsafe(said.out) | unsafe(said.err)
        seen.take("terminal", said.out)
        seen.take("stderr", said.err)
    seen.take("report.html", page.read_text())
    assert not unsafe(page.read_text())
    assert f"<{hostile_folder.MARK}" not in page.read_text()
    for path in feeds.values():
        for line in path.read_text().splitlines():
            assert not unsafe(line)
            seen.take("feed", line)
    seen.document("report.json", json.loads(document.read_text()))
    for path in survey.rglob("*.json"):
        seen.document(path.name, json.loads(path.read_text()))
    for path in survey.rglob("*.parquet"):
        for row in pq.read_table(path).to_pylist():
            for column, value in row.items():
                seen.document(f"{path.parent.name}.{column}", value if isinstance(value, str | list) else str(value))
    return seen


@pytest.fixture(params=talkative.VARIANTS)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, talkative.Said, talkative.Place]]:
    said = talkative.Said(talkative.VARIANTS[request.param])
    called = said("Observation.reverse_name")[:40].split(" ")[0].replace(".", "")
    with name_server({"1.0.0.127.in-addr.arpa": called}), talkative.world(said, tmp_path) as place:
        yield request.param, said, place


REFUSED = ("ansi", "lines", "nul")  # a reference with control characters is none


def test_what_a_peer_says_stands_where_the_table_says(
    world: tuple[str, talkative.Said, talkative.Place], tmp_path: Path
) -> None:
    variant, said, place = world
    seen = asked(tmp_path, place, [str(depth) for depth in Depth] if variant == "plain" else ["prove"])
    strays, reached = [], set()
    for mark, where, text in seen.found:
        field = said.fields[mark]
        allowed = (
            {OBSERVED}.union(*(PLACES[words] for words in texts.PEER[field].shown)) if field in texts.PEER else set()
        )
        strays += [] if where in allowed else [(field, where)]
        reached |= {field} if where == OBSERVED else set()
        assert not unsafe(text) and talkative.TAIL not in text.upper()
    assert sorted(set(strays)) == []
    if variant != "too long":  # what is longer than a page is read of none
        most = texts.PEER.keys() - NOT_SAID - (set() if variant == "plain" else {"Fingerprint.version"})
        if variant in REFUSED:
            most -= {"ConfiguredRoot.host", "ConfiguredRoot.path"}
        assert reached >= most, "each of them was said, and kept"
