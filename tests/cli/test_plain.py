"""A terminal that lacks some of our signs gets others that read the same, from the real command too."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from rich.cells import cell_len
from rich.console import RenderableType
from rich.segment import Segment
from rich.table import Table

import filmbadge.tell.language
from filmbadge.cli.console import _Console
from filmbadge.cli.plain import _ERRORS, fitted, plain
from filmbadge.compare.surveys import compare
from filmbadge.keep.reader import Dataset
from filmbadge.model import Depth, OrthancFacts
from filmbadge.tell import card, listing, terminal
from filmbadge.tell.compare import terminal as compared
from filmbadge.tell.compare.document import document
from filmbadge.tell.words import Words
from support import many, twice
from support.factories import ORTHANC_REALM, host, web
from support.folders import finished

FILMBADGE = str(Path(sys.executable).with_name("filmbadge"))
WORDS = Words()
ENCODINGS = ("ascii", "latin-1", "cp1252", "cp437", "utf-8")
SCOPE = (
    'schema = "filmbadge.scope/1"\nnetworks = ["127.0.0.0/24"]\ndepth = "ask"\nexpires = 2099-12-31\n[authority]\n'
    'who = "Universitätsklinikum Łódź, 放射線科 – “MR”"\nreference = "r"\nbasis = "owner"\ncontact = "c"\n'
)
# Terminals: by Python's own variable, and by a locale that is not taken for UTF-8.
TERMINALS: Mapping[str, Mapping[str, str]] = {
    **{name: {"PYTHONIOENCODING": name} for name in ("ascii", "latin-1", "cp1252")},
    "C": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "C, taken for UTF-8": {"LC_ALL": "C"},
}


def written(thing: RenderableType, encoding: str, width: int = 80) -> str:
    raw = io.BytesIO()
    console = _Console(file=io.TextIOWrapper(raw, encoding=encoding, errors=_ERRORS, write_through=True))
    console.width = width
    console.print(thing)
    return raw.getvalue().decode(encoding)


@pytest.mark.parametrize(
    ("text", "ascii_", "latin"),
    [
        ("≥ 24.3 M", ">= 24.3 M", ">= 24.3 M"),
        ("3 × F", "3 x F", "3 × F"),
        ("“a login” – ‘x’…", "\"a login\" - 'x'...", "\"a login\" - 'x'..."),
        ("OPEN · grade F", "OPEN - grade F", "OPEN · grade F"),
        ("Köln, Łódź, Straße", "Koln, Lodz, Strasse", "Köln, Lódz, Straße"),
        ("放射線科", "????", "????"),
        ("12\u202f345", "12 345", "12 345"),
        ("\ud800", "?", "?"),
    ],
)
def test_signs_that_a_terminal_lacks_read_the_same(text: str, ascii_: str, latin: str) -> None:
    assert plain(text, "ascii") == ascii_
    assert plain(text, "latin-1") == latin


@given(st.text(), st.sampled_from(ENCODINGS))
def test_any_text_can_be_written(text: str, encoding: str) -> None:
    made = plain(text, encoding)
    assert made.encode(encoding).decode(encoding) == made
    kept = "".join(sign for sign in text if plain(sign, encoding) == sign)
    assert plain(kept, encoding) == kept


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_columns_stay_below_each_other(encoding: str) -> None:
    table = Table(box=None)
    for name in ("first", "second"):
        table.add_column(name)
    table.add_row("≥ 24…", "|")
    table.add_row("放射線科", "|")
    table.add_row("Straße, ≥ 1", "|")
    table.add_row("a longer first cell", "|")
    lines = written(table, encoding).splitlines()[1:]
    assert len({cell_len(line[: line.index("|")]) for line in lines}) == 1


def test_no_sign_is_cut_off_to_make_room() -> None:
    segments = [Segment("≥≥≥ 12,345\n"), Segment("≥ 1"), Segment("  "), Segment("2\n")]
    assert "".join(segment.text for segment in fitted(segments, "ascii", 80)) == ">=>=>= 12,345\n>= 1 2\n"


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, RenderableType]:
    """What each command shows on a terminal."""
    folder = tmp_path_factory.mktemp("told")
    report = many.document(folder, {"DE": (7, 2), "US": (3, 1)})
    archives = [structs.replace(one, counts=dict(one.counts)) for one in report.archives]
    for archive, how in zip(archives, ("estimated", "unknown"), strict=False):
        archive.counts["studies"] = structs.replace(
            archive.counts["studies"], value=24_312_233 if how == "estimated" else None, how=how, at_least=24_312_233
        )
    report = structs.replace(report, archives=tuple(archives))
    locked = host("192.0.2.7", web(OrthancFacts(status=401, realm=ORTHANC_REALM)))
    checked = card.document("192.0.2.7", Depth.COUNT, locked, [], WORDS)
    before, after = (Dataset(one) for one in twice.twice(folder))
    changes = document([before, after], [compare(before, after)], WORDS)
    return {
        "check": card.render(checked, WORDS),
        "list": listing.Listing(listing.lines(report, opened=False, words=WORDS), WORDS),
        "summary": terminal.render(report, WORDS),
        "compare": compared.render(changes, WORDS),
    }


@pytest.mark.parametrize("width", [60, 80, 100])
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
@pytest.mark.parametrize("command", ["check", "list", "summary", "compare"])
def test_no_line_is_wider_than_the_terminal(
    told: Mapping[str, RenderableType], command: str, encoding: str, width: int
) -> None:
    lines = written(told[command], encoding, width).splitlines()
    assert lines
    assert [line for line in lines if cell_len(line) > width] == []


@pytest.mark.parametrize(
    ("line", "fitted_"),
    [
        ("a line that is cut a…", "a line that is cut..."),
        ("a word more with ≥ 12", "a word more with >=\n12"),
        ("  a paragraph → that", "  a paragraph -> that"),
        ("1      ≥ 12       345", "1      >= 12      345"),
        ("1                ≥ 12", "1               >= 12"),
    ],
)
def test_a_line_that_fits_fits_in_plain_signs_too(line: str, fitted_: str) -> None:
    assert "".join(segment.text for segment in fitted([Segment(line)], "ascii", 21)) == fitted_


@given(st.text(st.sampled_from("ab  ≥…→"), min_size=1, max_size=20))
def test_no_letter_of_a_line_is_lost(text: str) -> None:
    made = "".join(segment.text for segment in fitted([Segment(text)], "ascii", cell_len(text)))
    if not text.rstrip().endswith("…"):
        assert made.split() == plain(text, "ascii").split()


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_card_of_an_archive_with_a_login_is_shown(encoding: str) -> None:
    locked = host("192.0.2.7", web(OrthancFacts(status=401, realm=ORTHANC_REALM)))
    made = card.document("192.0.2.7", Depth.COUNT, locked, [], WORDS)
    said = " ".join(written(card.render(made, WORDS), encoding, 200).split())
    assert ORTHANC_REALM in said
    assert "?" not in said.replace("? ", "")


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    there = tmp_path_factory.mktemp("terminal")
    (there / "scope.toml").write_text(SCOPE, encoding="utf-8")
    finished(there / "survey")
    return there


def command(here: Path, terminal: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    known = {name: value for name, value in os.environ.items() if name not in ("LANG", "LC_ALL", "LC_CTYPE")}
    return subprocess.run(
        [FILMBADGE, *arguments], capture_output=True, cwd=here, check=False, env=known | dict(TERMINALS[terminal])
    )


@pytest.mark.parametrize("terminal", TERMINALS)
def test_the_command_ends_as_ever(here: Path, terminal: str) -> None:
    told = command(here, terminal, "scope", "check", "scope.toml")
    assert (told.returncode, told.stderr) == (0, b"")
    encoding = {"C": "ascii", "C, taken for UTF-8": "utf-8"}.get(terminal, terminal)
    assert b"Universit" in told.stdout
    told.stdout.decode(encoding)


@pytest.mark.parametrize("terminal", ["ascii", "C"])
@pytest.mark.parametrize(
    ("arguments", "code"), [(("--help",), 0), (("report", "survey"), 0), (("report", "Łódź–“x”"), 2), (("chęck",), 2)]
)
def test_help_reports_and_refusals_are_ascii_there(
    here: Path, terminal: str, arguments: tuple[str, ...], code: int
) -> None:
    told = command(here, terminal, *arguments)
    assert told.returncode == code
    assert (told.stdout + told.stderr).isascii()
    assert b"Traceback" not in told.stderr
    assert b"\\u" not in told.stderr


def test_json_is_utf_8_whatever_the_terminal_is(here: Path) -> None:
    told = command(here, "ascii", "report", "survey", "--json", "-")
    plain_one = command(here, "C, taken for UTF-8", "report", "survey", "--json", "-")
    assert told.stdout == plain_one.stdout
    assert json.loads(told.stdout.decode("utf-8"))["schema"].startswith("filmbadge.report/")


def test_every_sign_of_ours_has_another_that_reads_the_same() -> None:
    """All that we say stands in the catalogue of words, in English."""
    said = (Path(filmbadge.tell.language.__file__).parent / "locale" / "filmbadge.pot").read_text(encoding="utf-8")
    signs = {sign for sign in said if not sign.isascii()}
    assert "≥" in signs
    assert {sign for sign in signs if plain(sign, "ascii") == "?"} == set()
