"""`filmbadge notices`: letters, reminders and thanks over three surveys, and what it refuses."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest

from cli.test_judge import WITHOUT_SOCKETS
from filmbadge.cli import run
from filmbadge.compare.records import By, Change, ChangeKind, Known
from filmbadge.model import DimseFacts, Endpoint, Identity, Protocol, Rejection, Rung
from filmbadge.tell.notices import ledger
from filmbadge.tell.notices.ledger import Kind
from filmbadge.tell.notices.plan import Fate, State
from support import factories
from support.factories import DISCLOSED, admitted, dimse
from support.written import BEGAN, HEAD, open_host, survey

ROWS = (
    '192.0.2.0/28,,Klinik Süd,pacs@klinik.test,"Am Park 1; 12345 Ort",de,,telephone book,2026-11-20',
    "192.0.2.16/28,,Example Cloud,abuse@cloud.test,,,,RDAP,2026-11-20",
)


@pytest.fixture(scope="module")
def surveys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One before, and one after: 192.0.2.1 is still open, 192.0.2.2 refuses strangers, and 192.0.2.17 was not asked again."""
    there = tmp_path_factory.mktemp("surveys")
    refused = DimseFacts(called="ANY-SCP", valid_pdu=True, rejection=Rejection(1, 1, 3))
    once = factories.host("192.0.2.2", dimse(admitted(DISCLOSED)))
    survey(there / "one", [open_host("192.0.2.1"), once, open_host("192.0.2.17"), open_host("192.0.2.40")])
    survey(there / "two", [open_host("192.0.2.1"), factories.host("192.0.2.2", dimse(refused))], BEGAN + timedelta(10))
    return there


@pytest.fixture
def folder(tmp_path: Path, surveys: Path) -> Path:
    (tmp_path / "contacts.csv").write_text(HEAD + "".join(f"{row}\n" for row in ROWS))
    for name in ("one", "two"):
        (tmp_path / name).symlink_to(surveys / name)
    return tmp_path


def notices(folder: Path, name: str, day: str, *more: str, paper: str = "html") -> int:
    common = ["--contacts", str(folder / "contacts.csv"), "--out", str(folder / "out"), "--language", "en"]
    return run(["notices", str((folder / name).resolve()), *common, "--paper", paper, "--day", day, *more])


def letters(folder: Path) -> list[str]:
    return sorted(path.name.partition("-FB-")[2][10:] for path in (folder / "out").iterdir() if "-FB-" in path.name)


def test_first_letters(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert notices(folder, "one", "2026-11-26") == 0
    said = capsys.readouterr()
    assert "Wrote 2 letters" in said.err
    assert "Nothing was sent." in said.err
    assert "192.0.2.40" in said.out
    assert letters(folder) == ["1-first-en.owner.eml", "1-first-en.owner.eml", "1-first-en.owner.html"]
    rows = ledger.read(folder / "out")
    assert {(row.operator, row.archive, str(row.channel)) for row in rows} == {
        ("Klinik Süd", "192.0.2.1:4242", "paper and e-mail"),
        ("Klinik Süd", "192.0.2.2:4242", "paper and e-mail"),
        ("Example Cloud", "192.0.2.17:4242", "e-mail"),
    }
    with (folder / "out" / "without-contact.csv").open() as file:
        assert [row["address"] for row in csv.DictReader(file)] == ["192.0.2.40"]
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in (folder / "out").iterdir())


def test_a_message_carries_reports_and_a_desk_none_of_the_data(folder: Path) -> None:
    notices(folder, "one", "2026-11-26")
    for path in (folder / "out").glob("*.eml"):
        found = message_from_bytes(path.read_bytes(), policy=default)
        reports = [json.loads(part.get_payload(decode=True)) for part in found.walk() if part.get_filename()]  # type: ignore[arg-type]
        types = {report["type"] for report in reports}
        assert "open_service" in types
        assert ("exposed_data" in types) is ("cloud" not in found["To"])
        assert all("sample" not in json.dumps(report) for report in reports)


def test_running_again_writes_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    notices(folder, "one", "2026-11-26")
    before = {path: path.read_bytes() for path in (folder / "out").iterdir()}
    for day in ("2026-11-26", "2027-11-26"):
        assert notices(folder, "one", day) == 0
        assert "Wrote 0 letters" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in (folder / "out").iterdir()} == before


def test_reminders_and_thanks(folder: Path) -> None:
    notices(folder, "one", "2026-11-26")
    before = ("--before", str((folder / "one").resolve()))
    notices(folder, "two", "2027-01-30", *before)
    assert letters(folder)[3:] == ["2-reminder-en.owner.eml", "2-reminder-en.owner.html"]
    later = ledger.read(folder / "out")[3:]
    assert [(row.kind, row.archive) for row in later] == [
        (Kind.REMINDER, "192.0.2.1:4242"),
        (Kind.THANKS, "192.0.2.2:4242"),
    ]
    second = message_from_bytes(next((folder / "out").glob("*-2-reminder-*.eml")).read_bytes(), policy=default)
    firsts = {row.message_id for row in ledger.read(folder / "out")[:3] if row.operator == "Klinik Süd"}
    assert {second["References"], second["In-Reply-To"]} == firsts
    assert second["Message-ID"] not in firsts
    assert second["Subject"].partition("]")[0] == f"[{later[0].reference}"
    notices(folder, "two", "2027-12-30", *before)
    assert len(ledger.read(folder / "out")) == 5


def test_days_between_letters(folder: Path) -> None:
    notices(folder, "one", "2026-11-26")
    notices(folder, "two", "2026-12-01")
    assert len(ledger.read(folder / "out")) == 3
    notices(folder, "two", "2026-12-01", "--days", "5")
    assert len(ledger.read(folder / "out")) == 4


@pytest.mark.parametrize(
    ("change", "more", "why"),
    [
        ("192.0.2.9/28,,Name,a@clinic.test,,,,,", (), "line 4: '192.0.2.9/28' begins inside a network"),
        (",,,a@clinic.test,,,,,", (), "line 4: "),
        (
            "192.0.2.64/28,,REDACTED FOR PRIVACY,a@clinic.test,,,,,",
            (),
            "line 4: 'REDACTED FOR PRIVACY' is a placeholder",
        ),
        ("", ("--days", "0"), "--days must be at least 1"),
        ("", ("--sender", "nobody"), "--sender 'NAME <MAILBOX>'"),
        ("", ("--before", "none"), "holds no survey"),
    ],
)
def test_what_is_refused_leaves_nothing(
    change: str, more: tuple[str, ...], why: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (folder / "contacts.csv").open("a") as file:
        file.write(f"{change}\n")
    assert notices(folder, "one", "2026-11-26", *more) == 2
    assert why in capsys.readouterr().err
    assert not (folder / "out").exists() or not letters(folder)


def test_a_damaged_table_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    notices(folder, "one", "2026-11-26")
    told = folder / "out" / ledger.NAME
    told.write_bytes(told.read_bytes()[:-200])
    assert notices(folder, "one", "2026-11-26") == 2
    assert "damaged" in capsys.readouterr().err


def test_without_pdf_one_line_says_so(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    assert notices(folder, "one", "2026-11-26", paper="pdf") == 2
    assert "pip install 'filmbadge[pdf]'" in capsys.readouterr().err
    assert list((folder / "out").iterdir()) == []


@pytest.mark.real  # to find Pango, a program of the system is started
def test_paper_is_a_pdf(folder: Path) -> None:
    assert notices(folder, "one", "2026-11-26", paper="pdf") == 0
    (made,) = (folder / "out").glob("*.pdf")
    assert made.read_bytes().startswith(b"%PDF")


@pytest.mark.real
def test_nothing_reaches_a_network(folder: Path) -> None:
    common = ["--contacts", str(folder / "contacts.csv"), "--out", str(folder / "out"), "--language", "en"]
    ran = subprocess.run(
        [sys.executable, "-c", WITHOUT_SOCKETS, "notices", str((folder / "one").resolve()), *common],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert "Wrote 2 letters" in ran.stderr


def test_what_a_person_found_out_is_kept_to(folder: Path) -> None:
    """One archive is a demonstration, and another is run by somebody else than the sources say."""
    (folder / "reviewed.csv").write_text(
        "archive,what,by,when,operator\n"
        "192.0.2.1:4242,demonstration,J. Roe,2026-11-25,\n"
        "192.0.2.40:4242,clinic,J. Roe,2026-11-25,Praxis Nord\n"
    )
    with (folder / "contacts.csv").open("a") as file:
        file.write(",Praxis Nord,Praxis Nord,nord@praxis.test,,,,,\n")
    assert notices(folder, "one", "2026-11-26", "--reviewed", str(folder / "reviewed.csv")) == 0
    told = {(row.operator, row.archive) for row in ledger.read(folder / "out")}
    assert told == {
        ("Klinik Süd", "192.0.2.2:4242"),
        ("Example Cloud", "192.0.2.17:4242"),
        ("Praxis Nord", "192.0.2.40:4242"),
    }


def test_what_another_archive_replaced_is_not_taken_for_open(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    way = Endpoint("192.0.2.7", 104, Protocol.DIMSE)
    was = Known("192.0.2.7:104", Identity((way,)), Rung.DISCLOSES, (way,))
    change = Change(ChangeKind.GONE, By.ANOTHER_ARCHIVE, old=was.id, was=was, likely=True)
    module = import_module("filmbadge.cli.notices")
    monkeypatch.setattr(module, "opened", lambda _: SimpleNamespace(require_whole=lambda: None))
    monkeypatch.setattr(module, "compare", lambda *_: SimpleNamespace(changes=(change,)))
    assert module._fates(tmp_path, None) == {way.url: Fate(State.REPLACED)}


def test_letters_do_not_go_into_the_folder_of_a_survey(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    survey = (folder / "one").resolve()
    before = sorted(survey.rglob("*"))
    common = ["notices", str(survey), "--contacts", str(folder / "contacts.csv"), "--sender", "C <c@c.test>"]
    for out in (survey, survey / "observations", survey / "judged/1"):
        assert run([*common, "--out", str(out)]) == 2
        assert "of a survey" in capsys.readouterr().err
    assert sorted(survey.rglob("*")) == before


def test_a_link_leads_to_no_file_of_others(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other, out = folder / "other", folder / "out"
    other.mkdir()
    out.mkdir()
    (other / "mine.txt").write_text("mine")
    (out / ".new").symlink_to(other)
    assert notices(folder, "one", "2026-06-02", "--sender", "C <c@c.test>") == 2
    assert "is a symbolic link, and no link is followed" in capsys.readouterr().err
    assert (other / "mine.txt").read_text() == "mine"
