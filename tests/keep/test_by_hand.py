"""What a person found out of archives overrides tags and operators where a survey is told, and leaves every fact as it is."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import msgspec
import pytest

from filmbadge.keep import by_hand
from filmbadge.keep.reader import Dataset
from filmbadge.keep.writer import Writer
from filmbadge.model import ByHand, Decoy, Refusal, Review
from filmbadge.tell import summary, tables
from filmbadge.tell.feeds.survey import of_survey
from filmbadge.tell.words import Words
from support import many

HEAD = "archive,what,by,when,operator\n"


def file(folder: Path, text: str) -> Path:
    path = folder / "reviewed.csv"
    path.write_text(text)
    return path


def test_a_row_says_what_it_is_by_whom_and_when(tmp_path: Path) -> None:
    rows = '192.0.2.1:104,Phantom,"Dr. Ä, radiology",2026-11-20,\n\n192.0.2.2:104,,B,2026-11-21,St. Example\n'
    assert by_hand.read(file(tmp_path, "\ufeff" + HEAD + rows)) == {
        "192.0.2.1:104": ByHand("phantom", "Dr. Ä, radiology", date(2026, 11, 20)),
        "192.0.2.2:104": ByHand("", "B", date(2026, 11, 21), "St. Example"),
    }
    assert list(by_hand.read(file(tmp_path, "when,by,archive,what\n2026-11-20,B,x,clinic\n"))) == ["x"]


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("", 1, "the columns must be"),
        ("archive,what\n", 1, "the columns must be"),
        ("archive,what,by,when,when\n", 1, "the columns must be"),
        ("archive,what,by,when,colour\n", 1, "the columns must be"),
        (HEAD + "x,clinic,B,2026-11-20,\nx,decoy,B,2026-11-20,\n", 3, "stands in an earlier line too"),
        (HEAD + "x,clinic,B,2026-11-20\n", 2, "4 cells, and the head has 5"),
        (HEAD + "x,hospital,B,2026-11-20,\n", 2, "what must be one of"),
        (HEAD + "x,,B,2026-11-20,\n", 2, "what must be one of"),
        (HEAD + ",clinic,B,2026-11-20,\n", 2, "must be filled in"),
        (HEAD + "x,clinic,,2026-11-20,\n", 2, "must be filled in"),
        (HEAD + "x,clinic,B,20.11.2026,\n", 2, "when must be a day"),
        (HEAD + "x,clinic,B,2026-02-30,\n", 2, "when must be a day"),
        (HEAD + "x,clinic,B,2999-01-01,\n", 2, "when must be a day"),
        (HEAD + f"x,clinic,{'B' * 301},2026-11-20,\n", 2, "longer than 300"),
        (HEAD + "x,clinic,\x1b[31m,2026-11-20,\n", 2, "what is no letter"),
        (HEAD + 'x,clinic,"B" C,2026-11-20,\n', 2, "this is no CSV"),
    ],
)
def test_a_bad_row_is_refused_with_its_line(tmp_path: Path, text: str, line: int, why: str) -> None:
    with pytest.raises(Refusal, match=f"reviewed.csv:{line}: .*{why}") as refused:
        by_hand.read(file(tmp_path, text))
    assert "\n" not in str(refused.value)


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="cannot be read"):
        by_hand.read(tmp_path / "none.csv")
    (tmp_path / "latin.csv").write_bytes(HEAD.encode() + b"x,clinic,\xc4,2026-11-20,\n")
    with pytest.raises(Refusal, match="not UTF-8"):
        by_hand.read(tmp_path / "latin.csv")


def test_it_overrides_tags_and_operator_in_all_that_is_told_and_no_fact(tmp_path: Path) -> None:
    dataset = many.kept(tmp_path, {"DE": (3, 0)})
    before = {row.quantity: row.measured for row in dataset.totals()}
    facts = dataset.rows("FROM archives_rows ORDER BY id")
    said = {
        "192.0.2.1:8042": ByHand("demonstration", "A. Person", date(2026, 11, 20), "Museum"),
        "http://192.0.2.2:8042": ByHand("", "A. Person", date(2026, 11, 21), "St. Example"),
        "198.51.100.1:104": ByHand("decoy", "A. Person", date(2026, 11, 21)),
    }
    assert dataset.review(said) == ["198.51.100.1:104"]
    after = {row.quantity: row.measured for row in dataset.totals()}
    assert (after["archives_open"], after["decoys"]) == (2, 1)
    assert after["studies"] == (before["studies"] or 0) - 101
    assert dataset.rows("FROM archives_rows ORDER BY id") == facts
    assert {row["operator"] for row in dataset.rows("FROM by_operator")} == {"St. Example", "Clinic 3"}

    report = summary.document(dataset, Words())
    views = {view.id: view for view in report.archives}
    one, two = views["192.0.2.1:8042"], views["192.0.2.2:8042"]
    assert one.review is not None
    assert one.review.words == "Reviewed by A. Person on 2026-11-20: a demonstration, run by Museum."
    assert one.decoy == ("a person who reviewed it says that it is a demonstration",)
    assert (two.place.operator, two.decoy) == ("St. Example", ())
    assert two.place.said[-1].value
    assert [said.source for said in two.place.said if said.field == "operator"] == [
        "reviewed by A. Person",
        "places.csv",
    ]
    told = {event.archive.id: event.archive for event in of_survey(dataset)}
    assert told["192.0.2.1:8042"].decoy == (Decoy.BY_HAND_DEMONSTRATION,)
    assert told["192.0.2.2:8042"].place.operator[0].value == "St. Example"

    assert dataset.review({}) == []
    assert {row.quantity: row.measured for row in dataset.totals()} == before


def test_a_clinic_is_no_decoy_whatever_we_and_the_review_of_all_archives_took_it_for(tmp_path: Path) -> None:
    dataset = many.kept(tmp_path, {"DE": (2, 0)})
    writer = Writer(dataset.directory)
    writer.reviews(
        [Review("192.0.2.1:8042", "192.0.2.2:8042", (), ()), Review("192.0.2.2:8042", None, (), (Decoy.CLUSTER,))]
    )
    writer.close()
    dataset = Dataset(dataset.directory)
    assert [archive.decoy for archive, _ in tables.archives(dataset)] == [(Decoy.CLUSTER,)]
    assert dataset.review({"192.0.2.1:8042": ByHand("clinic", "B", date(2026, 11, 20))}) == []
    assert [archive.decoy for archive, _ in tables.archives(dataset)] == [()]
    assert [archive.decoy for archive, _, _ in tables.each_alone(dataset)] == [(), ()]
    found = next(archive.by_hand for archive, _ in tables.archives(dataset))
    assert msgspec.to_builtins(found) == {"what": "clinic", "who": "B", "day": "2026-11-20", "operator": ""}


def test_two_rows_about_one_archive_do_not_contradict_each_other(tmp_path: Path) -> None:
    dataset = many.kept(tmp_path)
    (row,) = dataset.rows("SELECT id, endpoints[1] url FROM archives_known LIMIT 1")
    text = HEAD + "{},clinic,B,2026-11-20,\n{},{},B,2026-11-20,\n"
    said = by_hand.read(file(tmp_path, text.format(row["id"], row["url"], "clinic")))
    assert dataset.review(said) == []
    said = by_hand.read(file(tmp_path, text.format(row["id"], row["url"], "decoy")))
    with pytest.raises(Refusal) as refused:
        dataset.review(said)
    assert f"{row['id']} and of {row['url']} are about one archive" in str(refused.value)
