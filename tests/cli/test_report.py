"""`filmbadge report`: what goes where, in which words, and with which exit code."""

from __future__ import annotations

import csv
import io
import json
import os
import sys
from pathlib import Path

import jsonschema
import msgspec
import pytest

from filmbadge.cli import run
from filmbadge.keep import manifest
from filmbadge.tell.listing import COLUMNS
from support import many

ROOT = Path(__file__).parents[2]
PRIVATE = ("192.0.2", "Clinic", "Carrier", "645", "example.org", "the board", "T-1")


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(many.kept(tmp_path_factory.mktemp("report")).directory)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    return tmp_path


def test_a_folder_gets_files_that_say_their_level(survey: str, here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    outs = ["--html", "out/", "--json", "out/", "--csv", "out/", "--jsonl", "out/"]
    assert run(["report", survey, *outs]) == 0
    names = {f"test.authority.{suffix}" for suffix in ("html", "json", "csv", "jsonl")}
    assert {path.name for path in (here / "out").iterdir()} == names
    said = capfd.readouterr().err
    assert all(f"Wrote out/{name} (level authority)" in said for name in names)
    assert json.loads((here / "out/test.authority.json").read_text())["level"] == "authority"


def test_what_is_for_anybody_names_nobody_in_any_file(
    survey: str, here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["report", survey, "--for", "public", "--html", "out/", "--json", "out/"]) == 0
    assert {path.name for path in (here / "out").iterdir()} == {"survey.public.html", "survey.public.json"}
    assert run(["report", survey, "--for", "public"]) == 0
    told = [capfd.readouterr().out, *(path.read_text() for path in (here / "out").iterdir())]
    assert not [word for word in PRIVATE for text in told if word in text]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ("--html report.public.html", "says public, and this is for authority"),
        ("--for public --csv list.csv", "--for public tells of none"),
        ("--for public --list", "--for public tells of none"),
        ("--for owner", "operators, and none may see those of another"),
        ("--open", "add --list, --csv FILE or --jsonl FILE"),
        ("--json - --csv -", "only one document can go to stdout"),
        ("--json - --list", "only one document can go to stdout"),
        ("--fail-on-grade A", "fail-on-grade"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(
    survey: str, here: Path, arguments: str, why: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["report", survey, *arguments.split()]) == 2
    told = capfd.readouterr()
    assert why in " ".join(told.err.split())
    assert not told.out
    assert not list(here.iterdir())


@pytest.mark.parametrize("name", ["survey.json", "observations/", "judged/list.csv"])
def test_no_output_damages_a_survey(survey: str, here: Path, name: str, capfd: pytest.CaptureFixture[str]) -> None:
    before = {path: path.read_bytes() for path in Path(survey).rglob("*") if path.is_file()}
    (here / "link").symlink_to(survey)
    for folder in (survey, "link"):
        assert run(["report", survey, "--csv", f"{folder}/{name}"]) == 2
        assert run(["feed", survey, "--format", "csv", "--out", f"{folder}/{name}"]) == 2
    assert "choose another file" in capfd.readouterr().err
    assert {path: path.read_bytes() for path in Path(survey).rglob("*") if path.is_file()} == before


def test_the_list_for_a_spreadsheet_is_rfc_4180_and_never_says_zero_for_unknown(
    survey: str, here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["report", survey, "--csv", "-"]) == 0
    text = capfd.readouterr().out
    assert text.count("\r\n") == text.count("\n") == 47
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert tuple(rows[0]) == COLUMNS
    assert [row["open"] for row in rows] == ["yes"] * 34 + ["no"] * 12
    studies = [int(row["studies"]) for row in rows[:34]]
    assert studies == sorted(studies, reverse=True)
    assert {(row["studies"], row["studies_at_least"]) for row in rows[34:]} == {("", "")}
    assert rows[0]["worst"] == "discloses-records"
    assert rows[0]["level"] == "authority"


def test_a_line_of_the_list_is_an_object_of_its_schema(
    survey: str, here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    schema = json.loads((ROOT / "docs/schemas/filmbadge.list-1.json").read_text())
    assert run(["report", survey, "--open", "--jsonl", "-"]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert len(lines) == 34
    for line in lines:
        jsonschema.validate(json.loads(line), schema)
    assert json.loads(lines[0])["operator"] == "Clinic 44" or json.loads(lines[0])["country"] is None


def test_what_a_person_found_out_is_shown_as_such(survey: str, here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    rows = "192.0.2.1:8042,phantom,A. Person,2026-11-20,\n192.0.2.99:104,decoy,A. Person,2026-11-20,\n"
    Path("reviewed.csv").write_text("archive,what,by,when,operator\n" + rows)
    assert run(["report", survey, "--reviewed", "reviewed.csv", "--csv", "-", "--html", "page.html"]) == 0
    told = capfd.readouterr()
    assert "In no survey here, so reviewed.csv changes nothing of them: 192.0.2.99:104" in told.err
    (row,) = (row for row in csv.DictReader(io.StringIO(told.out)) if row["reviewed"])
    said = "Reviewed by A. Person on 2026-11-20: an archive of phantoms."
    assert (row["archive"], row["decoy"], row["reviewed"]) == ("192.0.2.1:8042", "yes", said)
    assert said.rstrip(".") in Path("page.html").read_text()
    Path("reviewed.csv").write_text("archive,what,by,when\nx,y,z,2026-11-20\n")
    assert run(["report", survey, "--reviewed", "reviewed.csv"]) == 2
    assert "reviewed.csv:2: what must be one of" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("countries", "state", "grade", "code"),
    [
        ({"DE": (1, 1)}, "done", "F", 1),
        ({"DE": (0, 2)}, "done", "C", 1),
        ({"DE": (0, 2)}, "done", "D", 0),
        ({"DE": (0, 2)}, "interrupted", "D", 3),
        ({}, "nothing-reached", "B", 3),
    ],
)
def test_the_exit_code_by_grade(
    countries: dict[str, tuple[int, int]], state: manifest.State, grade: str, code: int, here: Path
) -> None:
    there = many.kept(here, countries)
    told = msgspec.structs.replace(there.manifest, state=state, sha256="")
    manifest.write(there.directory, told)
    assert run(["report", str(there.directory), "--fail-on-grade", grade, "--json", "x.json"]) == code


def test_an_archive_without_a_grade_has_not_passed() -> None:
    from filmbadge.cli.grades import code

    assert code(["A", None], "D", sure=True) == 3
    assert code(["A"], "D", sure=False) == 3
    assert code(["A"], "D", sure=True) == 0
    assert code(["E", None], "D", sure=False) == 1


@pytest.mark.parametrize("other", ["one.html", "./one.html", "sub/../one.html"])
def test_one_file_does_not_get_two_documents(
    survey: str, here: Path, capfd: pytest.CaptureFixture[str], other: str
) -> None:
    (here / "sub").mkdir()
    assert run(["report", survey, "--html", "one.html", "--json", other]) == 2
    assert "two documents" in capfd.readouterr().err
    assert not (here / "one.html").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such pipes")
def test_a_pipe_that_nobody_reads_is_refused(survey: str, here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(here / "pipe")
    assert run(["report", survey, "--json", "pipe"]) == 2
    assert "pipe cannot be written" in capfd.readouterr().err
