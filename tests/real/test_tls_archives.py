"""Real archives behind TLS: the same rungs and the same numbers as in plain."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from filmbadge.keep.reader import Dataset
from support import archives, certificates, tls_front
from support.archives import Served, Truth
from support.certificates import Pair


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return certificates.make(tmp_path_factory.mktemp("pki"), alternatives=("localhost",))


def settings(pair: Pair, *, demands: bool) -> dict[str, Any]:
    return {
        "DicomAlwaysAllowFind": True,
        "DicomTlsEnabled": True,
        "DicomTlsCertificate": str(pair.certificate),
        "DicomTlsPrivateKey": str(pair.key),
        "DicomTlsTrustedCertificates": str(pair.certificate),
        "DicomTlsRemoteCertificateRequired": demands,
    }


@pytest.fixture(scope="module")
def tls_orthanc(tmp_path_factory: pytest.TempPathFactory, pair: Pair) -> Iterator[Served]:
    with archives.orthanc(tmp_path_factory.mktemp("orthanc"), **settings(pair, demands=False)) as served:
        yield served


def tls_scope(directory: Path, port: int, extra: str = "") -> str:
    return str(archives.scope_file(directory, extra=f"ports.dimse_tls = [{port}]\n{extra}"))


def counted(card: dict[str, Any]) -> Truth:
    """The counts of the one archive, patients aside: lower bounds, because some of its studies have no date."""
    (archive,) = card["archives"]
    assert archive["open"] is True
    counts = archive["counts"]
    assert [doubt["code"] for doubt in counts["studies"]["doubts"]] == ["undated-unparted"]
    return Truth(0, *(counts[q]["at_least"] for q in ("studies", "series", "images")))


def without_patients(truth: Truth) -> Truth:
    return Truth(0, truth.studies, truth.series, truth.images)


def test_orthanc_over_tls(tls_orthanc: Served, tmp_path: Path) -> None:
    scope = tls_scope(tmp_path, tls_orthanc.dicom)
    card = archives.check(f"localhost:{tls_orthanc.dicom}", "--scope", scope)
    endpoint, other = card["endpoints"]
    assert (other["address"], other["why"]) == ("::1", "port-closed")  # the other address of that name
    assert endpoint["rung"] == "discloses"
    assert endpoint["toolkit"] == "DCMTK 3.6.7"
    assert endpoint["tls"]["version"] in ("TLSv1.2", "TLSv1.3")
    assert endpoint["tls"]["client_certificate"] == "no"
    assert endpoint["tls"]["certificate"]["self_signed"] is True
    assert endpoint["tls"]["certificate"]["matches"] is True
    assert endpoint["transport"] == ["self-signed"]
    assert counted(card) == without_patients(tls_orthanc.truth)
    assert card["connections"] == 3  # the question, the other address and the census, no attempt in plain


def test_orthanc_over_tls_on_a_port_that_the_user_named(tls_orthanc: Served) -> None:
    """It hangs up on an A-ASSOCIATE-RQ without a byte."""
    card = archives.check(f"127.0.0.1:{tls_orthanc.dicom}")
    assert card["endpoints"][0]["rung"] == "discloses"
    assert card["endpoints"][0]["tls"]["certificate"]["matches"] is False
    assert counted(card) == without_patients(tls_orthanc.truth)
    assert card["connections"] == 4
    shown = archives.filmbadge("check", f"127.0.0.1:{tls_orthanc.dicom}", "--depth", "knock")
    assert "self-signed" in shown


def test_orthanc_over_tls_and_its_web_are_one_archive(tls_orthanc: Served, tmp_path: Path) -> None:
    scope = tls_scope(tmp_path, tls_orthanc.dicom)
    card = archives.check(f"127.0.0.1:{tls_orthanc.dicom},{tls_orthanc.http}", "--scope", scope)
    (archive,) = card["archives"]
    assert len(archive["endpoints"]) == 2
    assert archive["counts"]["images"] == {
        **archive["counts"]["images"],
        "value": tls_orthanc.truth.images,
        "how": "reported",
    }
    assert [e["tls"] is None for e in card["endpoints"]] == [False, True]


def test_a_survey_keeps_what_tls_showed(tls_orthanc: Served, tmp_path: Path) -> None:
    scope = tls_scope(tmp_path, tls_orthanc.dicom, "ports.dimse = []\nports.web = []\nports.web_tls = []\n")
    archives.filmbadge("survey", scope, "127.0.0.1", "--out", str(tmp_path / "out"))
    dataset = Dataset(tmp_path / "out")
    (row,) = dataset.rows("SELECT rung, tls, tls_client_certificate, tls_expires > asked_at AS valid FROM endpoints")
    assert row == {"rung": "discloses", "tls": row["tls"], "tls_client_certificate": "no", "valid": True}
    assert str(row["tls"]).startswith("TLSv1.")
    questions = [r["question"] for r in dataset.rows("SELECT question FROM journal ORDER BY started_at")]
    assert questions == ["dimse ask ANY-SCP over TLS", "dimse census ANY-SCP over TLS"]
    page = tmp_path / "page.html"
    archives.filmbadge("report", str(tmp_path / "out"), "--html", str(page))
    assert f"DICOM on port {tls_orthanc.dicom} over TLSv1." in page.read_text()


def test_orthanc_that_demands_a_client_certificate(tmp_path: Path, pair: Pair) -> None:
    with archives.orthanc(tmp_path, load=False, **settings(pair, demands=True)) as served:
        card = archives.check(f"127.0.0.1:{served.dicom}", "--scope", tls_scope(tmp_path, served.dicom))
    (endpoint,) = card["endpoints"]
    assert endpoint["rung"] == "listening"
    assert endpoint["tls"]["client_certificate"] == "yes"
    assert endpoint["transport"][0] == "client-certificate-demanded"
    assert "a client certificate is demanded" in endpoint["reason"]
    assert card["archives"] == []
    assert card["connections"] == 1


def test_dcmqrscp_behind_a_tls_front(tmp_path: Path, pair: Pair) -> None:
    with archives.dcmqrscp(tmp_path) as served, tls_front.relay("127.0.0.1", served.dicom, pair.server()) as port:
        scope = tls_scope(tmp_path, port, 'ae_titles.called = ["LABQR"]\n')
        card = archives.check(f"127.0.0.1:{port}", "--scope", scope)
        plain = archives.check(f"127.0.0.1:{served.dicom}", "--scope", scope)
    assert card["endpoints"][0]["tls"]["client_certificate"] == "no"
    assert plain["endpoints"][0]["tls"] is None
    assert counted(card) == counted(plain) == without_patients(served.truth)


def test_transport_and_grade_of_one_archive_behind_better_and_worse_fronts(tmp_path: Path, pair: Pair) -> None:
    """dcmqrscp rejects a title that it does not know; only the front differs."""
    (tmp_path / "old").mkdir()
    past = certificates.make(
        tmp_path / "old",
        begin=timedelta(days=-9),
        end=timedelta(days=-1),
        key=rsa.generate_private_key(65537, 1024),
        issuer="Example CA",
    )
    weak = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    weak.set_ciphers("AES128-SHA:@SECLEVEL=0")
    weak.maximum_version = weak.minimum_version = ssl.TLSVersion.TLSv1_2
    weak.load_cert_chain(past.certificate, past.key)
    grades = {}
    with (
        archives.dcmqrscp(tmp_path) as served,
        tls_front.relay("127.0.0.1", served.dicom, pair.server()) as good,
        tls_front.relay("127.0.0.1", served.dicom, weak) as bad,
    ):
        for port in (served.dicom, good, bad):
            card = archives.check(
                f"127.0.0.1:{port}", "--scope", tls_scope(tmp_path, 1 if port == served.dicom else port)
            )
            (archive,) = card["archives"]
            grades[port] = archive["grade"], card["endpoints"][0]["transport"]
    assert grades == {
        served.dicom: ("C", ["plain"]),
        good: ("B", ["self-signed", "other-name"]),
        bad: (
            "C",
            [
                "no-forward-secrecy",
                "no-authenticated-encryption",
                "short-key",
                "certificate-expired",
                "other-name",
            ],
        ),
    }


def test_orthancs_rest_behind_a_tls_front(tmp_path: Path, pair: Pair) -> None:
    """Debian's Orthanc 1.10.1 dies of every request in its own HTTPS, curl's too; in practice a proxy does that."""
    with archives.orthanc(tmp_path) as served, tls_front.relay("127.0.0.1", served.http, pair.server()) as port:
        card = archives.check(f"127.0.0.1:{port}")
    (endpoint,) = card["endpoints"]
    assert (endpoint["protocol"], endpoint["rung"], endpoint["product"]) == ("http", "discloses", "Orthanc")
    assert endpoint["product_version"] == "1.10.1"
    assert endpoint["tls"]["version"].startswith("TLSv1.")
    assert card["archives"][0]["counts"]["images"]["value"] == served.truth.images
    assert card["connections"] == 4  # DICOM in plain, twice, and over TLS; then one visit
