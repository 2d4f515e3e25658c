"""What is taken for DICOMweb, and what is asked of it at which depth."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from filmbadge.ask import web
from filmbadge.ask.dicomweb import profile, prove
from filmbadge.ask.dicomweb.answer import NOBODY
from filmbadge.judge.ladder import place
from filmbadge.judge.product import identify
from filmbadge.model import Depth, DicomWebFacts, Observation, OutcomeKind, Rung
from filmbadge.scope import loopback
from support.http_site import Answer, http, serving, visited
from support.loopback import contact, listening, run

JSON = "application/dicom+json"
ROW = {
    "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Nobody^At All"}]},
    "0020000D": {"vr": "UI", "Value": ["1.2.3"]},
    "00081190": {"vr": "UR", "Value": ["http://192.0.2.1/studies/1.2.3"]},
}
NOT_FOUND = http("404 Not Found")
EMPTY = http(f"200 OK\r\nContent-Type: {JSON}", b"[]")
PLAIN_EMPTY = http("200 OK\r\nContent-Type: application/json", b"[]")
NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"
RECORDS = http(f"200 OK\r\nContent-Type: {JSON}", json.dumps([ROW]).encode())
MANY = http(f"200 OK\r\nContent-Type: {JSON}", json.dumps([ROW] * 5000).encode())
NO_UID = http(f"200 OK\r\nContent-Type: {JSON}", json.dumps([{"00100010": ROW["00100010"]}] * 3).encode())
OTHER_JSON = http("200 OK\r\nContent-Type: application/json", b'[{"name": "physics", "0020000D": 3}]')
HTML = http("200 OK\r\nContent-Type: text/html", b"<html>[]</html>")
XML = http('200 OK\r\nContent-Type: multipart/related; type="application/dicom+xml"; boundary=x', b"--x--")
LOGIN = http('401 Unauthorized\r\nWWW-Authenticate: Basic realm="PacsOne Server QIDO-RS"')


def at(root: str, answer: bytes, record: bytes = RECORDS, other: bytes = NOT_FOUND) -> Answer:
    """DICOMweb at a root: one answer to the question for nobody, one to others."""

    def answered(path: str) -> bytes:
        if path.startswith((f"{root}/studies", f"{root}/instances")):
            return answer if NOBODY in path else record
        return other

    return answered


def always(root: str, answer: bytes) -> Answer:
    """One answer to all questions below a root."""
    return at(root, answer, answer)


@pytest.mark.parametrize(
    ("answer", "root", "rung"),
    [
        (at("/dicom-web", EMPTY), "/dicom-web", Rung.ANSWERS),
        (at("/dicomweb", PLAIN_EMPTY), "/dicomweb", Rung.ANSWERS),
        (at("/dicomweb", NO_CONTENT), "/dicomweb", Rung.ANSWERS),
        (at("/v2", NO_CONTENT), "/v2", Rung.ANSWERS),
        (at("", EMPTY), "", Rung.ANSWERS),
        (at("/rs", XML), "/rs", Rung.ANSWERS),
        (at("/api", EMPTY, other=HTML), "/api", Rung.ANSWERS),  # beside a page for every path
        (at("/qido-rs", LOGIN), "/qido-rs", Rung.SPEAKS),
        (at("/dicom-web", http("413 Too Large")), "/dicom-web", Rung.SPEAKS),
        (at("/rs", MANY), "/rs", Rung.OFFERS),  # nor of how many
        (at("/rs", NO_UID), "/rs", Rung.ANSWERS),  # rows that name no study are no records
        (at("/rs", RECORDS), "/rs", Rung.OFFERS),  # it takes no notice of what was asked for
    ],
)  # fmt: skip
def test_what_is_dicomweb(answer: Answer, root: str, rung: Rung) -> None:
    seen, _ = visited(serving(answer))
    found = seen.get(DicomWebFacts)
    assert found is not None and found.root == root
    assert place(seen).rung is rung


@pytest.mark.parametrize(
    "answer",
    [
        lambda _: NOT_FOUND, lambda _: HTML, lambda _: EMPTY, lambda _: RECORDS, lambda _: PLAIN_EMPTY, lambda _: NO_CONTENT, lambda _: http('401 Unauthorized\r\nWWW-Authenticate: Basic realm="Router"'),
        lambda _: http("403 Forbidden"), lambda _: http("413 Too Large"), lambda _: OTHER_JSON,
        always("/api", LOGIN), always("/v1", http("403 Forbidden")), always("/rs", OTHER_JSON), always("/dicom-web", HTML),
        always("/api", HTML), always("/dicom-web", http("200 OK\r\nContent-Type: application/json", b'{"error": "no"}')),
        lambda path: PLAIN_EMPTY if "/api/" in path else NOT_FOUND,  # an API that answers so to anything
        lambda path: NO_CONTENT if path.startswith("/v1/studies") else NOT_FOUND,  # a university's
        lambda path: http("500 No", b"[]"),
    ],
)  # fmt: skip
def test_what_is_not(answer: Answer) -> None:
    seen, _ = visited(serving(answer), Depth.PROVE)
    found = place(seen).rung
    assert found is not None and not found.reaches(Rung.SPEAKS)


@pytest.mark.parametrize(
    ("depth", "permitted", "records"),
    [
        (Depth.KNOCK, False, None), (Depth.KNOCK, True, None), (Depth.ASK, False, 0), (Depth.COUNT, False, 0),
        (Depth.ASK, True, 1), (Depth.COUNT, True, 1), (Depth.PROFILE, False, 1), (Depth.PROVE, False, 1),
    ],
)  # fmt: skip
def test_a_record_is_asked_for_where_that_is_allowed(depth: Depth, permitted: bool, records: int | None) -> None:
    paths: list[str] = []
    scope = replace(loopback("the test suite"), qido_record=permitted)
    seen, _ = visited(serving(at("/dicom-web", EMPTY), paths), depth, scope)
    queries = [path for path in paths if path.startswith("/dicom-web/")]
    found = seen.get(DicomWebFacts)
    assert (found.records if found else None) == records
    assert all(NOBODY in path for path in queries) is not bool(records)
    if depth is Depth.KNOCK:
        assert queries == []


def test_a_login_at_other_paths_says_nothing_of_a_root() -> None:
    """Basic authentication for all but the root that a viewer needs."""
    seen, _ = visited(serving(at("/dicom-web", EMPTY, other=LOGIN)), Depth.PROFILE)
    found = seen.get(DicomWebFacts)
    assert found is not None and (found.root, found.records) == ("/dicom-web", 1)
    assert place(seen).rung is Rung.OFFERS


def test_a_realm_of_dicomweb_names_a_product() -> None:
    seen, _ = visited(serving(at("/qido-rs", LOGIN)))
    assert identify(seen).product == "PacsOne"


def test_wado_uri_that_misses_its_parameters() -> None:
    def answer(path: str) -> bytes:
        return http("400 Bad Request", b"Missing parameter: studyUID") if path.startswith("/wado?") else NOT_FOUND

    seen, _ = visited(serving(answer))
    assert seen.get(DicomWebFacts) == DicomWebFacts("/wado", 400)
    assert place(seen).rung is Rung.SPEAKS


HUGE = http(
    f"200 OK\r\nContent-Type: {JSON}\r\nContent-Encoding: gzip", gzip.compress(b"[" + b" " * (100 << 20), mtime=0)
)
DEEP = http(f"200 OK\r\nContent-Type: {JSON}", b"[" + b'{"a":[' * 5000)
NUMBERS = http(f"200 OK\r\nContent-Type: {JSON}", b'[{"0020000D": {"vr": "UI", "Value": [%s]}}]' % (b"9" * 5000))
ENDLESS = f"HTTP/1.1 200 OK\r\nContent-Type: {JSON}\r\n\r\n[".encode() + json.dumps(ROW).encode() * 2000
CUT = RECORDS[:-20]
HOSTILE: list[bytes] = [
    HUGE,
    DEEP,
    NUMBERS,
    ENDLESS,
    CUT,
    b"HTTP/1.1 200 OK\r\n\r\n\x00\xff",
    http("429 Slow down"),
    http("503 No"),
]


@pytest.mark.parametrize("said", HOSTILE, ids=["bomb", "deep", "numbers", "endless", "cut", "noise", "429", "503"])
@pytest.mark.parametrize("also", [False, True], ids=["later", "at once"])
def test_hostile_answers_end_within_bounds(said: bytes, also: bool) -> None:
    """To the first question, or only when the census asks."""

    async def work() -> Observation:
        there, rows = contact()
        answer: Callable[[str], bytes] = at("/dicom-web", said if also else EMPTY, said)
        async with listening(serving(answer, pages=1)) as port:
            seen = await web.visit(there, port, Depth.PROVE)
            if (found := seen.get(DicomWebFacts)) is not None:
                seen = (await profile.count(there, seen, found)).seen
            if (found := seen.get(DicomWebFacts)) is not None:
                seen = (await prove.prove(there, seen, found)).seen
        assert all(row.stop.ending is not OutcomeKind.OWN_ERROR for row in rows)
        assert sum(row.received or 0 for row in rows) < 8 << 20
        return seen

    found = run(work()).get(DicomWebFacts)
    if found is not None:
        assert found.census is not None and not found.census.complete
        assert found.proof is not None and not found.proof.bytes
