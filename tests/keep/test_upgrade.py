"""Surveys that older versions kept: they are read, reported and judged, with the totals that they had then."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from filmbadge.conclude.again import judge_again, opened
from filmbadge.keep import facts_1, upgrade
from filmbadge.keep.reader import Dataset, NotASurvey, NotJudged
from filmbadge.keep.schema import FACTS
from filmbadge.model import Cause, Doubt, DoubtCode, Outcome, OutcomeKind, Refusal, Rung
from filmbadge.tell import summary
from filmbadge.tell.words import Words

GOLDEN = Path(__file__).with_name("golden")
OLD = sorted(path.stem for path in GOLDEN.glob("v2-*.json"))


def told(dataset: Dataset) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Totals, but for the words that say why, and archives.

    Those versions also graded what was not proven to be closed, and now has no grade: only grades of open ones are told.
    """
    totals = [
        {name: getattr(row, name) for name in _COMPARED} for row in dataset.totals() if row.quantity not in _LATER
    ]
    graded = "CASE WHEN open THEN grade END AS grade"
    archives = dataset.rows(f"SELECT id, rung, product, product_version, {graded} FROM archives ORDER BY id")
    return totals, archives


_LATER = ("hosts_undecided",)  # those versions had no such row
_COMPARED = ("quantity", "measured", "how", "parts", "unknown_archives", "at_least", "low", "high")


def told_then(name: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """By `filmbadge report --json` of the version that kept it, but for what today's rules change."""
    then = json.loads((GOLDEN / f"{name}.json").read_text())
    totals = [{field: row[field] for field in _COMPARED} for row in then["rows"]]
    totals = [_bounded(row | _SINCE[name].get(row["quantity"], {})) for row in totals]
    for row in then["archives"]:
        row["grade"] = row["grade"] if Rung(row["rung"]).open else None
    archives = [row | _NO_LONGER_SAID.get(row["id"], {}) for row in then["archives"]]
    return totals, sorted(archives + _APART.get(name, []), key=lambda row: str(row["id"]))


def _bounded(row: dict[str, Any]) -> dict[str, Any]:
    """Each of these surveys has hosts that gave no proof that they are closed. So each number is a lower bound today."""
    how, n = row["how"], row["measured"]
    if n is None:
        return row
    return row | {"measured": None, "how": "unknown", "parts": row["parts"] or ({how: n} if n else {}), "at_least": n}


# What else today's rules change:
_SINCE: dict[str, dict[str, dict[str, Any]]] = {
    "v2-hospital": {
        # Older versions knew no places, and no source says where addresses of loopback stand.
        "countries": {"at_least": 0},
        # Endpoints are joined on proof alone. A page that names no archive is one of its own, or part of another.
        "archives": {"measured": None, "how": "unknown", "parts": {"counted": 15}, "at_least": 13},
        # The ids of all studies were read, and agree with the counter of the archive.
        "patients": {"how": "counted", "parts": {}},
        # Ids were counted before such pages were archives of their own.
        "patient_ids": {"measured": None, "how": "unknown"},
        # Count keys are the archive's own word.
        "series": {"parts": {"counted": 217, "reported": 1516}},
        "images": {"parts": {"counted": 13319, "reported": 92862}},
    },
    "v2-prove": {
        "countries": {"at_least": 0},
        # Nothing shows which of its ports and pages are one archive.
        "archives": {"measured": None, "how": "unknown", "parts": {"counted": 10}, "at_least": 1},
        # A census counts, and agrees with the counter of the archive.
        "studies": {"how": "counted"},
        # One id of this archive has nine digits. It may be a social security number, and then nobody said so.
        "ssn_records": {"measured": None, "how": "unknown", "unknown_archives": 1, "at_least": 0},
        # Its image was named by a record, and nobody asked how many more can be had.
        "images_retrievable": {"unknown_archives": 1, "at_least": 0},
    },
}
_NO_LONGER_SAID = {"127.65.0.7:34367": {"product": ""}}  # its page is an archive of its own
_APART: dict[str, list[dict[str, Any]]] = {
    "v2-hospital": [
        {"id": "127.65.0.7:42857", "rung": "speaks", "product": "Orthanc", "product_version": "", "grade": None},
        {"id": "127.65.0.9:42857", "rung": "admits", "product": "OHIF", "product_version": "", "grade": None},
    ]
}


@pytest.fixture(params=OLD)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_there_are_some() -> None:
    assert "v2-hospital" in OLD
    assert "v2-prove" in OLD


def test_it_is_reported_as_it_was_and_nothing_is_written(name: str) -> None:
    before = sorted(GOLDEN.rglob("*"))
    dataset = opened(GOLDEN / name)
    dataset.require_whole()
    assert told(dataset) == told_then(name)
    assert sorted(GOLDEN.rglob("*")) == before


def test_it_is_judged_as_it_was(name: str, tmp_path: Path) -> None:
    there = tmp_path / name
    shutil.copytree(GOLDEN / name, there)
    with pytest.raises(NotJudged, match="filmbadge judge"):
        Dataset(there)
    assert judge_again(there) == 1
    assert told(Dataset(there)) == told_then(name)
    assert judge_again(there) == 2
    assert told(Dataset(there)) == told_then(name)


_TOLD = ("rows", "grades", "hosts", "connections", "findings")


def test_version_3_is_reported_and_judged_as_it_was(tmp_path: Path) -> None:
    then = json.loads((GOLDEN / "v3-hospital.json").read_text())
    there = shutil.copytree(GOLDEN / "v3-hospital", tmp_path / "survey")
    for number in (1, 2):
        dataset = opened(there)
        dataset.require_whole()
        assert dataset.judged == number
        assert dataset.manifest.parts is None
        now = json.loads(msgspec.json.encode(summary.document(dataset, Words())))
        fields = then["rows"][0]  # later versions added some
        now["rows"] = [{name: row[name] for name in fields} for row in now["rows"] if row["quantity"] not in _LATER]
        for row in now["rows"]:  # the ends of an estimate stand beside undecided hosts now
            if row["measured"] is None and row["low"] is not None:
                assert {doubt["code"] for doubt in row["doubts"]} == {"hosts-undecided"}
                row["low"] = row["high"] = None
        if number == 2:  # judged by this version, which knows places: none of loopback
            placed = {row["quantity"]: row for row in now["rows"]}["countries"]
            assert [doubt["code"] for doubt in placed["doubts"]] == ["hosts-undecided", "not-attributed"]
            now["rows"][now["rows"].index(placed)] = {row["quantity"]: row for row in then["rows"]}["countries"]
        # These the older version did not say.
        newer = {
            code: now["findings"].pop(code)
            for code in ("anybody-may-write", "login-may-be-known")
            if code in now["findings"]
        }
        assert newer == {"anybody-may-write": 1, "login-may-be-known": 1}
        assert {name: now[name] for name in _TOLD} == {name: then[name] for name in _TOLD}
        assert judge_again(there) == number + 1


def test_what_sketches_proved_then_is_kept_as_links() -> None:
    rows = opened(GOLDEN / "v2-prove").rows("SELECT one, other, shown_by, shared, target FROM links")
    at_one_host = [row for row in rows if row["target"] is not None]
    assert {row["shown_by"] for row in rows} == {"judged-one"}
    assert len(at_one_host) == 1 + 1 + 6  # pairs of two endpoints, of two, and of four
    assert [row["one"] for row in rows if row["target"] is None] == ["dimse://127.0.0.1:4242"] * 2


def test_every_older_version_of_the_facts_has_a_step_to_the_next() -> None:
    assert set(upgrade.STEPS) == set(range(1, FACTS))


@pytest.mark.parametrize(("pattern", "code"), [*facts_1._CAUSES, *facts_1._DOUBTS])
def test_a_sentence_has_the_numbers_of_its_code(pattern: str, code: Cause | DoubtCode) -> None:
    names = {name.partition("_")[2] or name for name in re.compile(pattern).groupindex}
    assert names == set(code.numbers)


@pytest.mark.parametrize(
    ("ending", "said", "outcome"),
    [
        ("fell silent", "no byte for 2.5 s", Outcome(OutcomeKind.IDLE, Cause.IDLE_LIMIT, {"milliseconds": 2500})),
        ("completed", "3 pages", Outcome(OutcomeKind.COMPLETED, Cause.PAGES, {"pages": 3})),
        ("left alone", "HTTP 503", Outcome(OutcomeKind.SPARED, Cause.HTTP_STATUS, {"status": 503})),
        ("broke the protocol", "PDU type 0x0A does not exist", Outcome(OutcomeKind.BROKEN, Cause.UNKNOWN_PDU, {"type": 10})),
        ("our own error", "KeyError", Outcome(OutcomeKind.OWN_ERROR, error="KeyError")),
        ("out of scope", "pacs.example is out of scope: the scope has expired", Outcome(OutcomeKind.OUT_OF_SCOPE, Cause.SCOPE_EXPIRED)),
        ("refused", "connection refused", Outcome(OutcomeKind.REFUSED)),
        ("completed", "a sentence that nobody knows any more", Outcome(OutcomeKind.COMPLETED)),
    ],
)  # fmt: skip
def test_endings_of_version_1(ending: str, said: str, outcome: Outcome) -> None:
    assert upgrade.fault(1, json.dumps({"ending": ending, "detail": said})) == outcome


@pytest.mark.parametrize(
    ("said", "codes"),
    [
        ("", []),
        ("cancelled (0xFE00)", [Doubt(DoubtCode.STATUS, {"status": 0xFE00})]),
        ("the scope's budget of 2,000 questions for a census ended", [Doubt(DoubtCode.BUDGET_QUESTIONS, {"questions": 2000})]),
        ("the scope's budget of 120.0 minutes for a census ended", [Doubt(DoubtCode.BUDGET_TIME, {"seconds": 7200})]),
        ("it cuts its answers off at 100 studies; there may be more that have no date", [Doubt(DoubtCode.UNDATED_BEHIND_LIMIT, {"rows": 100})]),
        (
            "100 rows look like a cap, and some have no date or time to be parted by; it refused 3 questions one after the other",
            [Doubt(DoubtCode.CUT_OFF, {"rows": 100}), Doubt(DoubtCode.REFUSALS, {"questions": 3})],
        ),
        (
            "broke the protocol: PDU type 0x04 announces 9 bytes; at most 8 were agreed",
            [Doubt(DoubtCode.BROKE_OFF, stop=Outcome(OutcomeKind.BROKEN, Cause.PDU_TOO_LONG, {"type": 4, "length": 9, "limit": 8}))],
        ),
        ("a sentence that nobody knows any more", [Doubt(DoubtCode.NOT_ENDED)]),
    ],
)  # fmt: skip
def test_doubts_of_version_1(said: str, codes: list[Doubt]) -> None:
    assert msgspec.convert(facts_1._doubts(said), list[Doubt]) == codes


def test_facts_of_a_newer_version_are_refused_in_one_line() -> None:
    with pytest.raises(Refusal, match=f"version {FACTS + 1}"):
        upgrade.observation(FACTS + 1, "{}")
    with pytest.raises(Refusal) as caught:
        upgrade.observation(FACTS, '{"endpoint": 1}')
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"PAR1")])
def test_what_is_lost_of_archives_is_named_and_not_told_as_other_archives(
    tmp_path: Path, damage: Callable[[Path], object]
) -> None:
    """Without them, archives that a review had joined would be counted apart."""
    survey = shutil.copytree(GOLDEN / "v2-hospital", tmp_path / "survey")
    for path in (survey / "archives").iterdir():
        damage(path)
    with pytest.raises(NotASurvey, match="archives"):
        opened(survey)


def test_lost_reviews_are_named_and_an_archive_with_two_ways_in_is_not_told_twice(tmp_path: Path) -> None:
    survey = shutil.copytree(GOLDEN / "v2-hospital", tmp_path / "survey")
    shutil.rmtree(survey / "reviews")
    for ask in (opened, judge_again):
        with pytest.raises(NotASurvey, match="reviews"):
            ask(survey)
