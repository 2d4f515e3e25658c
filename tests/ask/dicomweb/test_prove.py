"""Where an image is asked for, and what of it is kept."""

from __future__ import annotations

import json

import pytest

from filmbadge.ask.dicomweb import prove
from filmbadge.model import Depth, DicomWebFacts, Endpoint, Observation, Outcome, OutcomeKind, Protocol, WebService
from support.factories import AT
from support.http_site import http, serving
from support.loopback import contact, listening, run

STUDY, SERIES, INSTANCE = "2.25.1", "2.25.1.2", "2.25.1.2.3"
BELOW = f"studies/{STUDY}/series/{SERIES}/instances/{INSTANCE}"
IMAGE = http("200 OK\r\nContent-Type: multipart/related; boundary=x", b"--x" + bytes(9000))
NOT_FOUND = http("404 Not Found")


def rows(*found: dict[str, object]) -> bytes:
    return http("200 OK\r\nContent-Type: application/dicom+json", json.dumps(found).encode())


def ui(value: str) -> dict[str, object]:
    return {"vr": "UI", "Value": [value]}


def url(value: str) -> dict[str, object]:
    return {"00081190": {"vr": "UR", "Value": [value]}} if value else {}


def proved(place: str, at: str, *, flat: bool = False, levels: str = "all") -> tuple[DicomWebFacts, list[str]]:
    """QIDO-RS below /qido-rs. Its records name `place`, and images are given below `at`."""
    paths: list[str] = []

    async def work() -> DicomWebFacts:
        there, _ = contact()

        def answer(path: str) -> bytes:
            here = place.replace("PORT", str(port))
            named = {"all": 3, "study": 1}[levels] if here else 0
            match path.partition("?")[0]:
                case "/qido-rs/studies":
                    return rows({"0020000D": ui(STUDY), **(url(f"{here}/studies/{STUDY}") if named else {})})
                case p if p == ("/qido-rs/series" if flat else f"/qido-rs/studies/{STUDY}/series"):
                    return rows(
                        {
                            "0020000E": ui(SERIES),
                            **(url(f"{here}/studies/{STUDY}/series/{SERIES}") if named > 1 else {}),
                        }
                    )
                case p if p == (
                    "/qido-rs/instances" if flat else f"/qido-rs/studies/{STUDY}/series/{SERIES}/instances"
                ):
                    return rows({"00080018": ui(INSTANCE), **(url(f"{here}/{BELOW}") if named > 2 else {})})
                case p if p == f"{at}/{BELOW}":
                    return IMAGE
            return NOT_FOUND

        async with listening(serving(answer, paths, pages=1)) as port:
            endpoint = Endpoint("127.0.0.1", port, Protocol.HTTP)
            facts = DicomWebFacts("/qido-rs", 200, may_ask=True, records=1)
            seen = Observation(
                endpoint=endpoint, at=AT, depth=Depth.PROVE, stop=Outcome(OutcomeKind.COMPLETED), facts=(facts,)
            )
            found = (await prove.prove(there, seen, facts)).seen.get(DicomWebFacts)
        assert found is not None
        return found

    return run(work()), paths


@pytest.mark.parametrize(
    ("place", "at"),
    [
        ("", "/qido-rs"),  # no record says where
        ("http://127.0.0.1:PORT/wado-rs", "/wado-rs"),
        ("/wado-rs", "/wado-rs"),
        ("http://127.0.0.1:PORT/gone", "/qido-rs"),  # it says so, and is wrong
        ("http://pacs.internal/dicom/rs", "/dicom/rs"),  # a host that only the archive knows
        ("https://127.0.0.1/wado-rs", "/wado-rs"),
    ],
)
@pytest.mark.parametrize("levels", ["all", "study"])
def test_a_record_says_where_its_image_is(place: str, at: str, levels: str) -> None:
    found, _ = proved(place, at, levels=levels)
    assert found.proof is not None and (found.proof.service, found.proof.status) == (WebService.WADO_RS, 200)
    assert found.proof.bytes == prove.ENOUGH_BYTES


def test_an_archive_may_have_series_and_instances_beside_its_studies_only() -> None:
    found, paths = proved("", "/qido-rs", flat=True)
    assert found.proof is not None and found.proof.bytes
    assert any(path.startswith(f"/qido-rs/series?StudyInstanceUID={STUDY}&") for path in paths)


def test_nothing_is_asked_of_another_host() -> None:
    """The path alone is tried on our own port, after all else."""
    found, paths = proved("http://198.51.100.1/elsewhere", "/nowhere")
    assert found.proof is not None and not found.proof.bytes
    assert paths[-1] == f"/elsewhere/{BELOW}"
