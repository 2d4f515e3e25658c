"""Real archives: rung, reason and counts against the truth computed from the files they accepted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support import archives
from support.archives import Served, Truth

AT_LEAST = "at least"


@pytest.fixture(scope="module")
def open_orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with archives.orthanc(tmp_path_factory.mktemp("orthanc"), DicomAlwaysAllowFind=True) as served:
        yield served


def rungs(card: dict[str, Any]) -> dict[str, str]:
    return {e["protocol"]: e["rung"] for e in card["endpoints"]}


def reasons(card: dict[str, Any]) -> dict[str, str]:
    return {e["protocol"]: e["reason"] for e in card["endpoints"]}


def both(served: Served) -> str:
    return f"127.0.0.1:{served.dicom},{served.http}"


def dicom(served: Served) -> str:
    return f"127.0.0.1:{served.dicom}"


def counts(card: dict[str, Any]) -> dict[str, tuple[int | None, str]]:
    (archive,) = card["archives"]
    return {quantity: figure(count) for quantity, count in archive["counts"].items()}


def figure(count: dict[str, Any]) -> tuple[int | None, str]:
    """The number that is shown, and how it is known: `AT_LEAST` where it is shown as a lower bound."""
    at_least = count["value"] is None and count["at_least"]
    return (count["at_least"], AT_LEAST) if at_least else (count["value"], count["how"])


def exactly(truth: Truth, how: str, patients: str, below: str) -> dict[str, tuple[int | None, str]]:
    """`below`: how series and images are known."""
    return {
        "patients": (truth.patients if patients != "unknown" else None, patients),
        "studies": (truth.studies, how),
        "series": (truth.series, below),
        "images": (truth.images, below),
    }


def undated(card: dict[str, Any]) -> bool:
    """Whether the studies are a lower bound because some have no date, and no other key parts them."""
    (archive,) = card["archives"]
    return [doubt["code"] for doubt in archive["counts"]["studies"]["doubts"]] == ["undated-unparted"]


def test_open_orthanc_by_its_counters(open_orthanc: Served) -> None:
    card = archives.check(both(open_orthanc))
    assert rungs(card) == {"dimse": "discloses", "http": "discloses"}
    assert reasons(card)["dimse"].startswith("it gave records to a program on this machine")
    assert counts(card) == exactly(open_orthanc.truth, "reported", "reported", "reported")
    assert card["archives"][0]["open"] is True
    assert {(e["product"], e["product_version"]) for e in card["endpoints"]} == {("Orthanc", "1.10.1")}
    assert card["endpoints"][0]["toolkit"] == "DCMTK 3.6.7"


def test_open_orthanc_by_census(open_orthanc: Served) -> None:
    card = archives.check(dicom(open_orthanc))
    assert counts(card) == exactly(open_orthanc.truth, AT_LEAST, "unknown", AT_LEAST)
    assert undated(card)
    assert card["archives"][0]["counts"]["patients"]["doubts"] == [{"code": "needs-profile"}]


def test_depths_hold_on_orthanc(open_orthanc: Served) -> None:
    knock = archives.check(both(open_orthanc), "--depth", "knock")
    assert rungs(knock) == {"dimse": "admits", "http": "admits"}
    assert knock["connections"] == 3  # DIMSE on both ports, then one page
    ask = archives.check(dicom(open_orthanc), "--depth", "ask")
    assert rungs(ask) == {"dimse": "discloses"}
    assert counts(ask)["studies"] == (None, "unknown")
    assert ask["connections"] == 1


def test_dicom_that_gave_records_is_never_met_with_http(open_orthanc: Served) -> None:
    """A named port is asked in DIMSE first; one turns out to be HTTP, the other gives records and is not tried in it."""
    card = archives.check(f"127.0.0.1:{open_orthanc.http},{open_orthanc.dicom}")
    assert rungs(card) == {"dimse": "discloses", "http": "discloses"}
    # DIMSE on both, one visit to the web port alone, and a census that shows both to lead to one archive.
    assert card["connections"] == 2 + 1 + 1


def test_orthanc_with_authentication(tmp_path: Path) -> None:
    with archives.orthanc(tmp_path, user="lab", DicomAlwaysAllowFind=False, DicomCheckCalledAet=True) as served:
        card = archives.check(both(served))
    assert rungs(card) == {"dimse": "speaks", "http": "speaks"}
    assert reasons(card)["http"] == "HTTP 401, a login is demanded (realm “Orthanc Secure Area”)"
    # Nothing shows that both lead to one archive.
    assert [archive["open"] for archive in card["archives"]] == [False, False]
    assert [archive["counts"]["studies"]["value"] for archive in card["archives"]] == [None, None]


def test_orthanc_that_checks_the_called_title(tmp_path: Path) -> None:
    with archives.orthanc(tmp_path, DicomCheckCalledAet=True, DicomAet="MAINPACS", DicomAlwaysAllowFind=True) as served:
        stranger = archives.check(dicom(served))
        scope = archives.scope_file(tmp_path, extra='ae_titles.called = ["MAINPACS"]')
        invited = archives.check(dicom(served), "--scope", str(scope))
    assert rungs(stranger) == {"dimse": "speaks"}
    assert reasons(stranger)["dimse"] == (
        "the association was permanently rejected by the service user: called AE title not recognized"
    )
    assert stranger["archives"][0]["open"] is False
    assert rungs(invited) == {"dimse": "discloses"}
    assert "“MAINPACS”, which the scope gave" in reasons(invited)["dimse"]
    assert counts(invited) == exactly(served.truth, AT_LEAST, "unknown", AT_LEAST)
    assert undated(invited)


def test_orthanc_that_refuses_a_strangers_query(tmp_path: Path) -> None:
    """It accepts the association and the query model, and aborts at the C-FIND: not open."""
    known = {"known": ["KNOWNSCU", "127.0.0.1", 27999]}
    with archives.orthanc(tmp_path, DicomAlwaysAllowFind=False, DicomModalities=known) as served:
        card = archives.check(dicom(served))
    assert rungs(card) == {"dimse": "admits"}
    assert reasons(card)["dimse"] == "the query was aborted by the service user"
    assert card["archives"][0]["open"] is False


def test_orthanc_guarded_in_dicom_but_open_on_the_web(tmp_path: Path) -> None:
    with archives.orthanc(tmp_path, DicomAlwaysAllowFind=False) as served:
        card = archives.check(both(served))
    assert rungs(card) == {"dimse": "admits", "http": "discloses"}
    (archive,) = card["archives"]
    assert archive["open"] is True
    assert counts(card) == exactly(served.truth, "reported", "reported", "reported")


def test_empty_orthanc(tmp_path: Path) -> None:
    with archives.orthanc(tmp_path, load=False, DicomAlwaysAllowFind=True) as served:
        card = archives.check(both(served), code=3)  # that its DICOM gave nothing proves nothing
    assert rungs(card) == {"dimse": "answers", "http": "answers"}
    assert card["archives"][0]["open"] is False
    assert counts(card)["studies"] == (0, "reported")


def test_orthanc_that_cuts_answers_off(tmp_path: Path) -> None:
    """LimitFindResults ends a query with 0xFE00. What has a date is found in windows; what has none may be missed."""
    with archives.orthanc(tmp_path, DicomAlwaysAllowFind=True, LimitFindResults=10) as served:
        card = archives.check(dicom(served))
    dated = {one["StudyInstanceUID"] for one in archives.holdings() if one["StudyDate"]}
    (archive,) = card["archives"]
    assert archive["counts"]["studies"]["value"] is None
    assert len(dated) <= archive["counts"]["studies"]["at_least"] <= served.truth.studies
    assert {"code": "undated-behind-limit", "numbers": {"rows": 10}} in archive["counts"]["studies"]["doubts"]


def test_dcmqrscp(tmp_path: Path) -> None:
    """It leaves the count keys out, so the images are counted by a walk."""
    with archives.dcmqrscp(tmp_path) as served:
        stranger = archives.check(dicom(served))
        scope = archives.scope_file(tmp_path, extra='ae_titles.called = ["LABQR"]')
        invited = archives.check(dicom(served), "--scope", str(scope))
    assert rungs(stranger) == {"dimse": "speaks"}
    assert "called AE title not recognized" in reasons(stranger)["dimse"]
    assert rungs(invited) == {"dimse": "discloses"}
    assert counts(invited) == exactly(served.truth, AT_LEAST, "unknown", AT_LEAST)
    assert undated(invited)


def test_qrscp(tmp_path: Path) -> None:
    """It answers one row per instance: each study must be counted once."""
    with archives.qrscp(tmp_path) as served:
        card = archives.check(dicom(served))
    assert rungs(card) == {"dimse": "discloses"}
    assert card["endpoints"][0]["toolkit"] == "pynetdicom 3.0.4"
    assert counts(card) == exactly(served.truth, AT_LEAST, "unknown", AT_LEAST)
    assert undated(card)


@pytest.fixture(scope="module")
def dated() -> list[Path]:
    """The wheel's files of studies with a date."""
    return [p for p, held in zip(archives.wheel_files(), archives.holdings(), strict=True) if held["StudyDate"]]


def test_archives_whose_studies_all_have_a_date_are_counted(tmp_path: Path, dated: list[Path]) -> None:
    for name in ("orthanc", "dcmqrscp", "qrscp"):
        (tmp_path / name).mkdir()
    with archives.orthanc(tmp_path / "orthanc", files=dated, DicomAlwaysAllowFind=True) as served:
        assert counts(archives.check(both(served))) == exactly(served.truth, "counted", "reported", "reported")
        assert counts(archives.check(dicom(served))) == exactly(served.truth, "counted", "unknown", "reported")
    with archives.dcmqrscp(tmp_path / "dcmqrscp", files=dated) as served:
        scope = archives.scope_file(tmp_path, extra='ae_titles.called = ["LABQR"]')
        known = counts(archives.check(dicom(served), "--scope", str(scope)))
        assert (known["studies"], known["series"]) == (
            (served.truth.studies, "counted"),
            (served.truth.series, "counted"),
        )
        # No question shows that more than 50 rows can come below a study: it takes the whole tree level by level.
        assert known["images"] == (served.truth.images, AT_LEAST)
    with archives.qrscp(tmp_path / "qrscp", files=dated) as served:
        known = counts(archives.check(dicom(served)))
        assert known["studies"] == (served.truth.studies, "counted")
        assert (known["series"], known["images"]) == ((served.truth.series, AT_LEAST), (served.truth.images, AT_LEAST))
