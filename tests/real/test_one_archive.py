"""One archive reached several ways is one, with its numbers once; and others are not taken for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from filmbadge.keep.reader import Dataset
from filmbadge.model import Provenance, Total
from support import archives, tls_front
from support.archives import Served


def survey(directory: Path, dimse: list[int], orthanc: list[int], *targets: str) -> Dataset:
    directory.mkdir(exist_ok=True)
    ports = f"ports.dimse = {dimse}\nports.dimse_tls = []\nports.web = {orthanc}"
    scope = archives.scope_file(directory, extra=ports)
    archives.filmbadge("survey", str(scope), *targets, "--out", str(directory / "out"))
    return Dataset(directory / "out")


def totals(dataset: Dataset) -> dict[str, Total]:
    return {total.quantity: total for total in dataset.totals()}


def test_orthanc_by_dicom_by_rest_by_a_second_port_and_by_a_second_address(tmp_path: Path) -> None:
    """All its studies have a date: a census that is a lower bound does not show that two ways lead to one archive."""
    dated = [p for p, held in zip(archives.wheel_files(), archives.holdings(), strict=True) if held["StudyDate"]]
    with (
        archives.orthanc(tmp_path, files=dated, DicomAlwaysAllowFind=True) as served,
        tls_front.relay("127.0.0.1", served.dicom) as here,
        tls_front.relay("127.0.0.2", served.dicom) as there,
    ):
        card = archives.check(f"127.0.0.1:{served.dicom},{served.http},{here}")
        dataset = survey(
            tmp_path / "all", [here, there], [served.http], f"127.0.0.1:{served.dicom},{served.http},{here}",
            f"127.0.0.2:{there}",
        )  # fmt: skip
        # At 127.0.0.1 its counter speaks: its DICOM is counted all the same, to show that the counter speaks of it.
        apart = survey(tmp_path / "apart", [there], [], f"127.0.0.1:{served.dicom},{served.http}", f"127.0.0.2:{there}")
    (archive,) = card["archives"]
    assert len(archive["endpoints"]) == 3
    assert archive["counts"]["images"]["value"] == served.truth.images
    assert {(e["product"], e["product_version"], e["product_firm"]) for e in card["endpoints"]} == {
        ("Orthanc", "1.10.1", True)
    }
    assert archive["grade"] is None  # it was asked from its own machine
    assert [line.split(":")[0] for line in archive["advisories"]] == [
        "CVE-2023-33466",
        "CVE-2026-5437 to CVE-2026-5445",
    ]
    for kept, ways in ((dataset, 4), (apart, 3)):
        found = totals(kept)
        assert (found["archives"].measured, found["archives_open"].measured) == (1, 1)
        assert found["studies"] == Total("studies", served.truth.studies, Provenance.COUNTED)
        (row,) = kept.rows("SELECT endpoints FROM archives")
        assert len(row["endpoints"]) == ways
    journal = "SELECT address FROM journal WHERE question LIKE 'dimse census%' ORDER BY 1"
    assert [row["address"] for row in apart.rows(journal)] == ["127.0.0.1", "127.0.0.2"]
    assert apart.rows("SELECT archive, same_as FROM reviews") == [
        {"archive": f"127.0.0.2:{there}", "same_as": f"127.0.0.1:{served.dicom}"}
    ]


@pytest.fixture(scope="module")
def halves() -> tuple[list[Path], list[Path]]:
    """The wheel's files in two halves that have no study in common."""
    by_study: dict[str, list[Path]] = {}
    for path, held in zip(archives.wheel_files(), archives.holdings(), strict=True):
        by_study.setdefault(held["StudyInstanceUID"], []).append(path)
    studies = sorted(by_study.values(), key=str)
    return [p for s in studies[::2] for p in s], [p for s in studies[1::2] for p in s]


def test_two_archives_stay_two(tmp_path: Path, halves: tuple[list[Path], list[Path]]) -> None:
    """The same software, set up alike, about as large: at two addresses, and at one."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    settings = {"load": False, "DicomAlwaysAllowFind": True}
    with (
        archives.orthanc(tmp_path / "a", **settings) as one,  # type: ignore[arg-type]
        archives.orthanc(tmp_path / "b", **settings) as other,  # type: ignore[arg-type]
        tls_front.relay("127.0.0.2", other.dicom) as there,
    ):
        for served, files in zip((one, other), halves, strict=True):
            assert len(archives.store(served.dicom, "ORTHANC", files)) > 20
        apart = survey(tmp_path / "s", [there], [], f"127.0.0.1:{one.dicom}", f"127.0.0.2:{there}")
        card = archives.check(f"127.0.0.1:{one.dicom},{other.dicom}")
    assert totals(apart)["archives_open"].measured == 2
    assert apart.rows("SELECT * FROM reviews") == []
    studies = [archive["counts"]["studies"] for archive in card["archives"]]
    assert len(studies) == 2
    # One has studies without a date, so it is a lower bound.
    found = totals(apart)["studies"]
    assert (found.measured or found.at_least) == sum(one["value"] or one["at_least"] for one in studies)


def test_a_toolkit_in_common_is_no_product_in_common(tmp_path: Path) -> None:
    """dcmqrscp and Orthanc announce themselves with the same two items."""
    (tmp_path / "orthanc").mkdir()
    with archives.dcmqrscp(tmp_path) as dcmtk, archives.orthanc(tmp_path / "orthanc", load=False) as orthanc:
        scope = str(archives.scope_file(tmp_path, extra='ae_titles.called = ["LABQR"]'))
        (one,) = archives.check(f"127.0.0.1:{dcmtk.dicom}", "--scope", scope)["endpoints"]
        (other,) = archives.check(f"127.0.0.1:{orthanc.dicom}", "--scope", scope)["endpoints"]
        named = archives.check(f"127.0.0.1:{orthanc.dicom},{orthanc.http}", "--scope", scope)["endpoints"]
    assert one["toolkit"] == other["toolkit"] == "DCMTK 3.6.7"
    assert one["product"] == other["product"] == ""
    assert {e["product"] for e in named} == {"Orthanc"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with archives.orthanc(
        tmp_path_factory.mktemp("orthanc"), DicomAlwaysAllowFind=True, Plugins=[tls_front.DICOMWEB]
    ) as orthanc:
        yield orthanc


def test_a_viewer_its_archives_web_and_dicom_are_one(served: Served, tmp_path: Path) -> None:
    """OHIF's pages name Orthanc's DICOMweb on another port; Orthanc's REST is there too, and names its DICOM port."""
    pages = tls_front.ohif(tmp_path, tls_front.configuration(f"http://127.0.0.1:{served.http}/dicom-web"))
    with tls_front.nginx(tmp_path, pages) as viewer:
        ports = f"ports.dimse = [{served.dicom}]\nports.dimse_tls = []\nports.web = [{served.http}]\nports.web_tls = []"
        scope = str(archives.scope_file(tmp_path, extra=ports))
        card = archives.check(f"127.0.0.1:{served.dicom},{viewer}", "--scope", scope)
    assert {e["port"]: e["rung"] for e in card["endpoints"]} == {
        served.dicom: "discloses",
        viewer: "admits",
        served.http: "discloses",  # nobody named it but the viewer
    }
    (archive,) = card["archives"]
    assert {e["product"] for e in card["endpoints"]} == {"Orthanc"}
    assert archive["counts"]["images"]["value"] == served.truth.images


def test_a_root_that_only_the_viewer_knows(served: Served, tmp_path: Path) -> None:
    own = f"location /seven/ {{ proxy_pass http://127.0.0.1:{served.http}/dicom-web/; }}\n"
    with (
        tls_front.nginx(tmp_path, own) as archive,
        tls_front.nginx(
            tmp_path, tls_front.ohif(tmp_path, tls_front.configuration(f"http://127.0.0.1:{archive}/seven"))
        ) as viewer,
    ):
        cards = {}
        for name, web, code in (("alone", [archive], 0), ("viewer", [archive, viewer], 3)):  # a page proves no closure
            ports = f"ports.dimse = []\nports.dimse_tls = []\nports.web = {web}\nports.web_tls = []"
            scope = str(archives.scope_file(tmp_path, extra=ports))
            cards[name] = archives.check("127.0.0.1", "--scope", scope, code=code)
    assert cards["alone"]["archives"] == []
    (found,) = cards["viewer"]["archives"]
    assert {e["port"]: e["rung"] for e in cards["viewer"]["endpoints"]} == {archive: "answers", viewer: "admits"}
    assert len(found["endpoints"]) == 2


def test_a_viewer_at_another_address_is_one_more_way_in(served: Served, tmp_path: Path) -> None:
    with (
        tls_front.relay("127.0.0.2", served.http) as there,
        tls_front.nginx(
            tmp_path, tls_front.ohif(tmp_path, tls_front.configuration(f"http://127.0.0.2:{there}/dicom-web"))
        ) as viewer,
    ):
        both = survey(tmp_path / "s", [], [there, viewer], "127.0.0.1", "127.0.0.2")
        alone = survey(tmp_path / "t", [], [there], f"127.0.0.1:{viewer}")
    for seen in (both, alone):
        assert totals(seen)["archives_open"].measured == 1
        assert totals(seen)["archives"].measured == 1
        assert totals(seen)["http_viewers"].measured == 1
        assert totals(seen)["images"].measured == served.truth.images
    ways = both.rows("SELECT endpoints FROM archives")[0]["endpoints"]
    assert {f"http://127.0.0.1:{viewer}", f"http://127.0.0.2:{there}"} == set(ways)


def test_dicomweb_is_joined_to_the_archive_whose_studies_it_gives(
    tmp_path: Path, halves: tuple[list[Path], list[Path]]
) -> None:
    """Two archives in DICOM, and DICOMweb of the second on a port that says nothing else."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    plugin = ["/usr/share/orthanc/plugins/libOrthancDicomWeb.so"]
    settings = {"load": False, "DicomAlwaysAllowFind": True, "Plugins": plugin}
    with (
        archives.orthanc(tmp_path / "a", **settings) as one,  # type: ignore[arg-type]
        archives.orthanc(tmp_path / "b", **settings) as other,  # type: ignore[arg-type]
        tls_front.nginx(tmp_path, tls_front.before(other.http, "/dicom-web/")) as port,
    ):
        for served, files in zip((one, other), halves, strict=True):
            archives.store(served.dicom, "ORTHANC", files)
        card = archives.check(
            f"127.0.0.1:{one.dicom},{other.dicom},{port}", "--depth", "profile", "--owner", "the test suite"
        )
    ways = {tuple(archive["endpoints"]) for archive in card["archives"]}
    assert ways == {
        (f"dimse://127.0.0.1:{one.dicom}",),
        (f"dimse://127.0.0.1:{other.dicom}", f"http://127.0.0.1:{port}"),
    }
