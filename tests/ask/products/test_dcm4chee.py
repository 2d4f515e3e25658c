"""dcm4chee-arc's REST, from a peer that answers as its documentation and source say. The archive itself cannot run here."""

from __future__ import annotations

import json

import pytest

from filmbadge.judge.archives import judge
from filmbadge.judge.ladder import place
from filmbadge.judge.product import identify
from filmbadge.model import Counters, Dcm4cheeFacts, Depth, DicomWebFacts, Provenance, Rung
from support.http_site import Answer, http, serving, visited

TITLES = [
    {"title": "IOCM_QUALITY", "description": "Only show instances rejected for Quality Reasons"},
    {"title": "AS_RECEIVED", "description": "Retrieve instances as received"},
    {"title": "DCM4CHEE", "description": "Hide instances rejected for Quality Reasons"},
]
COUNTS = {"patients": 12, "studies": 34, "series": 56, "instances": 789}
NOT_FOUND = http("404 Not Found", b"<html><title>404 - Not Found</title></html>")
FORBIDDEN = http("403 Forbidden")


def said(value: object) -> bytes:
    return http("200 OK\r\nContent-Type: application/json", json.dumps(value).encode())


def archive(
    titles: object = TITLES, aet: str = "DCM4CHEE", counts: dict[str, int] | None = None, size: int = 1 << 40
) -> Answer:
    base = f"/dcm4chee-arc/aets/{aet}/rs"
    counted = {f"{base}/{what}/count": said({"count": n}) for what, n in (COUNTS if counts is None else counts).items()}
    pages = {"/dcm4chee-arc/aets": said(titles), f"{base}/studies/size": said({"size": size}), **counted}
    return lambda path: pages.get(
        path, b"HTTP/1.1 204 No Content\r\n\r\n" if path.startswith(f"{base}/studies?") else NOT_FOUND
    )


def test_its_counters_are_taken_and_no_record_is_asked_for() -> None:
    paths: list[str] = []
    seen, _ = visited(serving(archive(), paths))
    assert seen.get(Dcm4cheeFacts) == Dcm4cheeFacts(
        200, ("IOCM_QUALITY", "AS_RECEIVED", "DCM4CHEE"), Counters(200, 12, 34, 56, 789), bytes=1 << 40
    )
    assert place(seen).rung is Rung.DISCLOSES
    assert identify(seen).product == "dcm4chee-arc"
    (found,) = judge("127.0.0.1", [seen]).archives
    assert {(c.value, c.how) for c in (found.counts.patients, found.counts.studies, found.counts.series, found.counts.images)} == {
        (n, Provenance.REPORTED) for n in COUNTS.values()
    }  # fmt: skip
    root = seen.get(DicomWebFacts)
    assert root is not None and root.root == "/dcm4chee-arc/aets/DCM4CHEE/rs"
    assert not [path for path in paths if "/studies?" in path and "2.25." not in path]


def test_a_knock_asks_for_no_counter() -> None:
    paths: list[str] = []
    seen, _ = visited(serving(archive(), paths), Depth.KNOCK)
    assert place(seen).rung is Rung.ADMITS
    assert not [path for path in paths if "/rs/" in path]


@pytest.mark.parametrize(
    ("answer", "rung"),
    [
        (archive([{"dicomAETitle": "MAIN.PACS"}], "MAIN.PACS"), Rung.DISCLOSES),  # as other versions write it
        (archive(counts=dict.fromkeys(COUNTS, 0)), Rung.ANSWERS),
        (lambda path: FORBIDDEN if path.startswith("/dcm4chee-arc") else NOT_FOUND, Rung.SPEAKS),
        (lambda path: FORBIDDEN if "/rs/" in path else archive()(path), Rung.ADMITS),
        (lambda _: FORBIDDEN, Rung.LISTENING),
        (lambda _: said(TITLES), Rung.ADMITS),  # whatever it is: it counts nothing
        (archive([]), Rung.ANSWERS),  # no title; DICOMweb under the usual one
        (archive([{"title": "a/../../b"}]), Rung.ANSWERS),
        (archive([{"title": ".."}]), Rung.ANSWERS),
        (archive({"title": "DCM4CHEE"}), Rung.ANSWERS),
    ],
)
def test_the_rungs(answer: Answer, rung: Rung) -> None:
    seen, _ = visited(serving(answer))
    assert place(seen).rung is rung


def test_numbers_that_are_none() -> None:
    for wrong in (-1, True, 1e300, "34", None, [34]):
        seen, _ = visited(serving(archive(counts={"studies": wrong})))  # type: ignore[dict-item]
        found = seen.get(Dcm4cheeFacts)
        assert found is not None and found.counters.studies is None
