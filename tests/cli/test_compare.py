"""`filmbadge compare`: two surveys or more, on a terminal, as a document and as a page."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import jsonschema
import msgspec
import pytest

from filmbadge.catalogue.findings import Severity
from filmbadge.cli import console, run
from filmbadge.compare.records import By, ChangeKind
from filmbadge.compare.surveys import compare
from filmbadge.keep import manifest
from filmbadge.keep.reader import Dataset
from filmbadge.model import Refusal
from filmbadge.tell.compare import telling, terminal
from filmbadge.tell.compare.document import ComparisonDocument, document
from filmbadge.tell.compare.phrases import BY, KINDS, QUALITIES, SHORT
from filmbadge.tell.compare.readers import at_level
from filmbadge.tell.levels import Level
from filmbadge.tell.notices import ledger
from filmbadge.tell.notices.contacts import Role
from filmbadge.tell.notices.ledger import Channel, Kind, Told
from filmbadge.tell.words import Words
from support.factories import AT, dimse, host
from support.folders import whole
from support.twice import LATER, NOBODY, REFUSED, at, twice


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    before, after = twice(tmp_path_factory.mktemp("twice"))
    return str(before), str(after)


def said(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    assert run(["compare", *arguments]) == code
    return capsys.readouterr().out


def test_the_terminal_ends_with_the_verdict(folders: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    lines = [line.strip() for line in said(capsys, *folders).splitlines()]
    assert lines[0].startswith("test of 1 June 2026 compared with test of 31 July 2026")
    assert "6 hosts were asked in both surveys; 1 only in the older, 0 only in the newer." in " ".join(lines)
    assert lines[-2:] == [
        "Open archives: 3 now, 6 before. Closed or gone: 3. Newly open: 1.",
        "1 archive could not be compared: nothing is said of it.",
    ]
    rows = [" ".join(line.split()) for line in lines]
    for row in (
        "newly open 1", "before: connection refused 1", "closed 2", "association rejected 1", "gone 1",
        "still open, as before 1", "still open, and gives away more 1", "not compared 1",
        "excluded from the other survey 1", "open in neither survey 0",
    ):  # fmt: skip
        assert row in rows
    assert any("192.0.2.5:4242" in line and "studies: 40 → 400" in line for line in lines)


@pytest.mark.parametrize("columns", ["60", "80"])
def test_it_fits_into_a_narrow_terminal(
    folders: tuple[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setattr(console.out, "_width", int(columns))  # it is read from the environment once
    drawn = said(capsys, *folders)
    assert max(map(len, drawn.splitlines())) <= int(columns)
    assert "192.0.2.6:4242" in drawn


def test_the_order_is_that_of_their_start(folders: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    before, after = folders
    told = json.loads(said(capsys, after, before, "--json", "-"))
    assert told["reordered"] is True
    assert [survey["archives_open"] for survey in told["surveys"]] == [6, 3]
    assert json.loads(said(capsys, before, after, "--json", "-")) == {**told, "reordered": False}
    assert "The surveys were given in another order." in said(capsys, after, before)


def test_the_document_says_of_each_archive_what_became_of_it(
    folders: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    raw = said(capsys, *folders, "--json", "-")
    told = msgspec.json.decode(raw, type=ComparisonDocument)
    schema = json.loads((Path(__file__).parents[2] / "docs/schemas/filmbadge.comparison-1.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(json.loads(raw))
    assert told.schema == "filmbadge.comparison/1"
    assert told.level == "authority"
    (step,) = told.steps
    assert sum(row.archives or 0 for row in step.counts) == len(step.changes) == 7
    closed = next(change for change in step.changes if change.by == By.REJECTED)
    assert closed.words == "closed: association rejected"
    assert closed.old is not None
    assert closed.old.ways == ("dimse://192.0.2.1:4242",)
    assert (closed.old.rung, closed.old.counts["studies"].value) == ("discloses", 36)
    new = next(change for change in step.changes if change.kind == ChangeKind.NEW)
    assert new.words == "newly open; before: connection refused"


def test_a_trend_has_a_row_for_each_survey(
    folders: tuple[str, str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    third = whole(
        tmp_path / "third", at(4), at(5, studies=400), host("192.0.2.6", dimse(None, stop=REFUSED)), started=LATER.replace(year=2027)
    )  # fmt: skip
    document, page = tmp_path / "told.json", tmp_path / "page.html"
    said(capsys, *folders, str(third), "--json", str(document), "--html", str(page))
    told = msgspec.json.decode(document.read_bytes(), type=ComparisonDocument)
    assert [survey.archives_open for survey in told.surveys] == [6, 3, 2]
    assert [(step.old, step.new) for step in told.steps] == [(0, 1), (1, 2)]
    drawn = page.read_text()
    assert drawn.count('<rect class="open"') == 3
    assert "So many archives were open in each survey, and they did not ask the same hosts</title>" in drawn
    assert list(terminal.trend(told, Words())) == [
        ["1 June 2026", "6", "unknown", "", "", "", ""],
        ["31 July 2026", "3", "unknown", "1", "2", "1", "1"],
        ["31 July 2027", "2", "unknown", "0", "1", "0", "0"],
    ]


def test_the_page_is_one_file_without_a_script(
    folders: tuple[str, str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    said(capsys, *folders, "--html", f"{tmp_path}/")
    (path,) = tmp_path.iterdir()
    assert path.name == "test-compared.authority.html"
    page = path.read_text()
    assert "3 open archives were closed or are gone; newly open: 1" in page
    assert "<script" not in page
    assert "style=" not in page
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page
    for address in range(1, 8):
        assert f"192.0.2.{address}:4242" in page


def test_anybody_is_told_of_no_archive(
    folders: tuple[str, str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    made = [tmp_path / "public.html", tmp_path / "public.json"]
    said(capsys, *folders, "--for", "public", "--html", str(made[0]), "--json", str(made[1]))
    texts = [said(capsys, *folders, "--for", "public"), *(path.read_text() for path in made)]
    for text in texts:
        assert "192.0.2." not in text
        assert "4242" not in text
    told = json.loads(texts[2])
    assert told["surveys"][0]["archives_open"] in (None, 5)
    assert told["surveys"][1]["archives_open"] is None
    assert all(row["archives"] is None and not row["by"] for row in told["steps"][0]["counts"])
    assert run(["compare", *folders, "--html", str(tmp_path / "a.public.html")]) == 2


def test_hosts_too_are_lower_bounds_for_anybody(
    folders: tuple[str, str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    page = tmp_path / "a.public.html"
    text = " ".join(said(capsys, *folders, "--for", "public", "--html", str(page)).split())
    shown = text + " ".join(re.sub("<[^>]*>", " ", page.read_text()).split())
    assert not re.search(r"only in the (older|newer)|\d of \d+ hosts|No host", shown)
    text = " ".join(said(capsys, *folders, "--for", "public").split())
    assert re.search(r"Hosts that were asked in both surveys: (≥ 5|none or few)\.", text)
    assert re.search(r"hosts asked: (≥ 5|none or few)", shown)
    assert "Newly open: none or few." in text  # a kind that no archive is of may not be told as "few"
    assert "is in one row." not in shown


def test_figures_for_anybody_are_lower_bounds_of_which_none_is_worked_out_from_others(
    folders: tuple[str, str],
) -> None:
    """Many archives: what is told is below the truth, and does not add up to all of it."""
    words = Words()
    before, after = map(Dataset, map(Path, folders))
    whole_ = document([before, after], [compare(before, after)], words)
    (step,) = whole_.steps
    many = tuple(msgspec.structs.replace(row, archives=40 * (row.archives or 0)) for row in step.counts)
    changes = tuple(
        msgspec.structs.replace(change, old=side and msgspec.structs.replace(side, id=f"{side.id} {n}"))
        for change in step.changes for n in range(40) for side in [change.old]
    )  # fmt: skip
    surveys = tuple(
        msgspec.structs.replace(row, archives=40 * (row.archives or 0), archives_open=40 * (row.archives_open or 0))
        for row in whole_.surveys
    )
    step = msgspec.structs.replace(step, counts=many, changes=changes)
    told = at_level(msgspec.structs.replace(whole_, surveys=surveys, steps=(step,)), Level.PUBLIC, words)
    for kind, true in ((ChangeKind.NEW, 40), (ChangeKind.CLOSED, 80), (ChangeKind.GONE, 40)):
        found = told.steps[0].count(kind)
        assert found is not None
        assert true - 8 <= found <= true
        assert found % 5 == 0
    assert {row.kind for row in told.steps[0].counts} == {ChangeKind.NEW, ChangeKind.CLOSED, ChangeKind.GONE}
    assert not told.steps[0].changes
    assert not told.steps[0].by_country


def test_an_owner_sees_no_archive_of_somebody_else(folders: tuple[str, str]) -> None:
    words = Words()
    before, after = map(Dataset, map(Path, folders))
    told = document([before, after], [compare(before, after)], words)
    assert at_level(told, Level.OWNER, words).level == "owner"
    (step,) = told.steps
    named = tuple(msgspec.structs.replace(change, operator=f"clinic {n}") for n, change in enumerate(step.changes))
    with pytest.raises(Refusal, match="7 operators"):
        at_level(
            msgspec.structs.replace(told, steps=(msgspec.structs.replace(step, changes=named),)), Level.OWNER, words
        )


def test_it_says_whether_telling_helped(
    folders: tuple[str, str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    told = Told(
        "FB-2345-ABCD", 1, Kind.FIRST, AT.date(), "0123", "clinic", Role.OPERATOR, Channel.EMAIL, "de", "owner", "",
        "", Severity.CRITICAL, "test", AT, "<0@clinic.test>", "a.eml",
    )  # fmt: skip
    addresses = [f"192.0.2.{n}:4242" for n in (1, 3, 4, 7)]  # closed, gone, still open, not compared
    rows = [msgspec.structs.replace(told, archive=one, endpoints=f"dimse://{one}") for one in addresses]
    ledger.write(tmp_path, rows)
    made = [tmp_path / "page.html", tmp_path / "told.json"]
    said(capsys, *folders, "--told", str(tmp_path), "--html", str(made[0]), "--json", str(made[1]))
    found = msgspec.json.decode(made[1].read_bytes(), type=ComparisonDocument).helped
    assert found is not None
    assert list(telling.lines(found, Words())) == [
        ["e-mail", "de", "4 to 11", "4", "1", "1", "1", "1", ""],
        ["all of them", "", "", "4", "1", "1", "1", "1", ""],
    ]
    assert "1 of 4 archives whose operators were told are closed" in made[0].read_text()
    assert run(["compare", *folders, "--told", str(tmp_path / "none")]) == 2


@pytest.mark.parametrize(("fails", "code"), [("new", 1), ("worse", 1)])
def test_it_fails_on_what_it_is_asked_to(folders: tuple[str, str], fails: str, code: int) -> None:
    assert run(["compare", *folders, "--fail-on", fails]) == code


def test_nothing_new_is_no_failure(folders: tuple[str, str], tmp_path: Path) -> None:
    again = shutil.copytree(folders[1], tmp_path / "again")
    assert run(["compare", folders[1], str(again), "--fail-on", "worse"]) == 0


def test_what_cannot_be_compared_is_refused_in_one_line(
    folders: tuple[str, str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for arguments, line in (
        ((folders[0], folders[0]), "filmbadge: one folder is given twice: a survey is compared with another one"),
        ((folders[0], str(tmp_path)), f"filmbadge: {tmp_path} holds no survey (no survey.json)"),
    ):
        assert run(["compare", *arguments]) == 2
        assert capsys.readouterr().err.strip() == line


def test_where_nothing_is_known_no_zero_is_told(
    folders: tuple[str, str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    lost = whole(tmp_path / "lost", host("192.0.2.1", dimse(None, stop=NOBODY)), started=LATER)
    made = Dataset(lost).manifest
    manifest.write(lost, msgspec.structs.replace(made, state="nothing-reached"))
    page = tmp_path / "page.html"
    said(capsys, folders[0], str(lost), "--html", str(page))
    lines = said(capsys, folders[0], str(lost)).splitlines()
    assert lines[-1].strip() == "Open archives: unknown now, 6 before. What became of them is unknown."
    assert not any(line.split()[-1:] == ["0"] for line in lines if "neither" not in line)
    assert "<h1>One of both surveys reached nothing, so nothing can be compared</h1>" in page.read_text()


def test_the_lists_have_no_column_of_places_where_no_source_names_one(
    folders: tuple[str, str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    said(capsys, *folders, "--html", str(page))
    assert "<code>192.0.2.6" in page.read_text()
    assert ">where</th>" not in page.read_text()


def test_no_open_archive_is_one_sentence(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    closed = host("192.0.2.1", dimse(None, stop=REFUSED))
    both = [str(whole(tmp_path / name, closed, started=when)) for name, when in (("a", AT), ("b", LATER))]
    said(capsys, *both, "--html", str(tmp_path / "page.html"))
    assert "<h1>No open archive was seen in either survey</h1>" in (tmp_path / "page.html").read_text()
    lines = said(capsys, *both).splitlines()
    assert lines[-1] == "No open archive was seen in either survey."
    assert not any("newly open" in line for line in lines)


def test_every_code_has_its_words() -> None:
    assert KINDS.keys() == SHORT.keys() == {*ChangeKind}
    assert BY.keys() == {*By}
    assert len(QUALITIES) == 9
