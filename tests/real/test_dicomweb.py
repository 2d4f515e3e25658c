"""DICOMweb of real archives, at every depth. What is expected is computed from the files they took."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support import archives, tls_front
from support.archives import Served

PLUGIN = "/usr/share/orthanc/plugins/libOrthancDicomWeb.so"
Card = dict[str, Any]
AT_LEAST = "at least"


def orthanc(directory: Path, **settings: Any) -> Any:
    assert Path(PLUGIN).exists(), "orthanc-dicomweb is not installed; `make test` installs it as root"
    return archives.orthanc(directory, Plugins=[PLUGIN], **settings)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, int]]:
    """Orthanc, and a port at which its DICOMweb alone is reached: no counter helps there."""
    directory = tmp_path_factory.mktemp("orthanc")
    with (
        orthanc(directory, DicomAlwaysAllowFind=True) as served,
        tls_front.nginx(directory, tls_front.before(served.http, "/dicom-web/")) as port,
    ):
        yield served, port


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with archives.tiny_pacs(tmp_path_factory.mktemp("tiny"), settled=True) as served:
        yield served


def check(directory: Path, port: int, depth: str, extra: str = "") -> Card:
    """The port alone, in HTTP: a server that waits for the end of a request head would hold an association for ten seconds."""
    ports = f"ports.dimse = []\nports.dimse_tls = []\nports.web = [{port}]\nports.web_tls = []"
    scope = archives.scope_file(directory, depth=depth, extra=f"{ports}\n{extra}")
    return archives.check("127.0.0.1", "--scope", str(scope))


def only(card: Card, protocol: str = "http") -> Card:
    (endpoint,) = [e for e in card["endpoints"] if e["protocol"] == protocol]
    return dict(endpoint)


def counted(card: Card) -> dict[str, tuple[Any, Any]]:
    """The numbers that are shown, and how they are known: `AT_LEAST` where they are shown as lower bounds."""
    (archive,) = card["archives"]
    return {
        name: (count["at_least"], AT_LEAST)
        if count["value"] is None and count["at_least"] and name != "patients"
        else (count["value"], count["how"])
        for name, count in archive["counts"].items()
    }


def exactly(served: Served, studies: str = AT_LEAST, below: str = AT_LEAST) -> dict[str, tuple[Any, Any]]:
    """How studies are known, and what is below them: at least, where some have no date and no other key parts them."""
    truth = served.truth
    amounts = {"series": (truth.series, below), "images": (truth.images, below)}
    return {"patients": (None, "unknown"), "studies": (truth.studies, studies), **amounts}


def test_no_patient_is_asked_for_below_profile(alone: tuple[Served, int], tiny: Served, tmp_path: Path) -> None:
    for port in (alone[1], tiny.http):
        for depth, rung in (("knock", "listening"), ("ask", "answers"), ("count", "answers")):
            card = check(tmp_path, port, depth)
            # tiny-pacs names itself in each header
            assert only(card)["rung"] == ("speaks" if port == tiny.http and depth == "knock" else rung)
            assert card["bytes_received"] < 25_000
        assert "name" in only(card)["reason"]
        (archive,) = card["archives"]
        assert (archive["open"], archive["grade"], archive["counts"]["studies"]["value"]) == (False, None, None)


def test_a_record_and_a_census_where_the_scope_says_so(alone: tuple[Served, int], tiny: Served, tmp_path: Path) -> None:
    for served, port in (alone, (tiny, tiny.http)):
        card = check(tmp_path, port, "count", "ask.qido_record = true")
        assert counted(card) == exactly(served)
        assert card["archives"][0]["kinds"] is None
        ask = check(tmp_path, port, "ask", "ask.qido_record = true")
        assert only(ask)["rung"] == ("offers" if served is alone[0] else "discloses")
        assert ask["archives"][0]["counts"]["studies"]["value"] is None


def test_studies_that_all_have_a_date_are_counted(tmp_path: Path) -> None:
    dated = [p for p, held in zip(archives.wheel_files(), archives.holdings(), strict=True) if held["StudyDate"]]
    with (
        orthanc(tmp_path, files=dated) as served,
        tls_front.nginx(tmp_path, tls_front.before(served.http, "/dicom-web/")) as port,
    ):
        assert counted(check(tmp_path, port, "profile")) == exactly(served, "counted", "reported")


def test_census_and_kinds_in_one_pass(alone: tuple[Served, int], tiny: Served, tmp_path: Path) -> None:
    for served, port in (alone, (tiny, tiny.http)):
        card = check(tmp_path, port, "profile")
        assert counted(card) == exactly(served)
        kinds = card["archives"][0]["kinds"]
        assert kinds["patient_name"]["asked"] == served.truth.studies
        assert 0 < kinds["patient_name"]["at_least"] <= served.truth.studies
        if served is alone[0]:
            named = archives.check(f"127.0.0.1:{served.dicom}", "--depth", "profile", "--owner", "the test suite")[
                "archives"
            ][0]["kinds"]
            for kind in ("patient_name", "patient_id", "birth_date", "sex", "exam_date", "referring_physician"):
                assert kinds[kind]["at_least"] == named[kind]["at_least"], kind


def test_an_image_is_begun_and_dropped(alone: tuple[Served, int], tiny: Served, tmp_path: Path) -> None:
    for served, port in (alone, (tiny, tiny.http)):
        card = check(tmp_path, port, "prove")
        endpoint = only(card)
        assert endpoint["rung"] == "delivers"
        assert "WADO-RS" in endpoint["reason"]
        assert counted(card) == exactly(served)


@pytest.mark.parametrize("cap", [10, 100])
def test_a_cap_that_nothing_tells_of(tmp_path: Path, cap: int) -> None:
    """With the default files a cap of 100 is never met; one of 10 is, and studies without a date hide behind it."""
    with (
        orthanc(tmp_path, LimitFindResults=cap) as served,
        tls_front.nginx(tmp_path, tls_front.before(served.http, "/dicom-web/")) as port,
    ):
        card = check(tmp_path, port, "profile")
    (archive,) = card["archives"]
    studies = archive["counts"]["studies"]
    if cap == 100:
        assert counted(card) == exactly(served)
    else:
        assert (studies["value"], studies["how"]) == (None, "unknown")
        assert studies["doubts"] == [{"code": "undated-behind-limit", "numbers": {"rows": 11}}]
        assert 11 < studies["at_least"] <= served.truth.studies


def test_behind_a_login(tmp_path: Path) -> None:
    with orthanc(tmp_path, user="lab") as served:
        for depth in ("knock", "count", "prove"):
            card = check(tmp_path, served.http, depth)
            assert (only(card)["rung"], only(card)["product"]) == ("speaks", "Orthanc")
            assert card["bytes_received"] < 20_000


def test_a_login_everywhere_but_at_the_root_that_a_viewer_needs(alone: tuple[Served, int], tmp_path: Path) -> None:
    served, _ = alone
    password = tls_front.basic(tmp_path)
    pages = f"location / {{ {password} root {tmp_path}; }}\n"
    with tls_front.nginx(tmp_path, pages + tls_front.before(served.http, "/dicom-web/")) as port:
        card = check(tmp_path, port, "profile")
        assert only(card)["rung"] == "offers"
        assert counted(card) == exactly(served)
    with tls_front.nginx(tmp_path, pages) as port:
        assert only(check(tmp_path, port, "profile"))["rung"] == "listening"


def test_below_a_path_of_a_proxy(alone: tuple[Served, int], tmp_path: Path) -> None:
    """As Orthanc's manual has it; the front page leads there, or is a page of its own."""
    served, _ = alone
    proxied = f"location /orthanc/ {{ proxy_pass http://127.0.0.1:{served.http}/; }}\n"
    fronts = ("location = / { return 302 /orthanc/app/explorer.html; }\n", tls_front.fallback(tmp_path))
    for front in fronts:
        with tls_front.nginx(tmp_path, proxied + front) as port:
            card = check(tmp_path, port, "profile")
        (archive,) = card["archives"]
        assert (only(card)["product"], archive["open"]) == ("Orthanc", True)
        said = {name: (count["value"], count["how"]) for name, count in archive["counts"].items()}
        assert said["studies"] == (served.truth.studies, "reported")
        assert archive["kinds"]["patient_name"]["asked"] == served.truth.studies


def test_behind_a_token(tmp_path: Path) -> None:
    with archives.tiny_pacs(tmp_path, settled=True, token="only-for-this-test-0123456789") as served:
        card = check(tmp_path, served.http, "prove")
        assert (only(card)["rung"], card["archives"][0]["open"]) == ("speaks", False)
        assert "401" in only(card)["reason"]


def test_all_ways_into_one_archive_are_one(alone: tuple[Served, int], tiny: Served, tmp_path: Path) -> None:
    served, port = alone
    scope = str(
        archives.scope_file(tmp_path, depth="prove", extra='ae_titles.called = ["TINYQR"]\ncaps.idle_seconds = 6')
    )
    for depth in ("count", "profile"):
        card = archives.check(f"127.0.0.1:{served.dicom},{served.http}", "--depth", depth, "--owner", "the test suite")
        (archive,) = card["archives"]
        assert (archive["counts"]["images"]["value"], archive["counts"]["images"]["how"]) == (
            served.truth.images,
            "reported",
        )
        card = archives.check(f"127.0.0.1:{tiny.dicom},{tiny.http}", "--depth", depth, "--scope", scope)
        (archive,) = card["archives"]
        how = "counted" if depth == "count" else AT_LEAST  # at profile DICOMweb is counted too, which is a lower bound
        assert counted(card)["studies"] == (tiny.truth.studies, how)
        assert counted(card)["images"] == (tiny.truth.images, AT_LEAST)
        assert len(archive["endpoints"]) == 2
    card = archives.check(
        f"127.0.0.1:{served.dicom},{served.http},{port}", "--depth", "profile", "--owner", "the test suite"
    )
    assert [len(a["endpoints"]) for a in card["archives"]] == [3]
