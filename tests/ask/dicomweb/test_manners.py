"""Archives with manners of their own: each is found open, or it is not called closed."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filmbadge.ask.dicomweb.identify import MOST_FORMS, ROOTS
from filmbadge.ask.dicomweb.question import Form
from filmbadge.judge.ladder import place
from filmbadge.model import Depth, DicomWebFacts, Observation, PageFacts, Reason, Rung
from support.http_site import http, serving, visited
from support.odd_dicomweb import NOTHING, UNKNOWN, Manners, OddDicomWeb

DEFINITE = sorted(set(UNKNOWN) - {"broken", "bad request"})


def seen_of(peer: OddDicomWeb, depth: Depth) -> tuple[Observation, DicomWebFacts | None, PageFacts]:
    seen, _ = visited(peer, depth)
    pages = seen.get(PageFacts)
    assert pages is not None
    return seen, seen.get(DicomWebFacts), pages


@settings(deadline=None, max_examples=60)
@given(
    st.builds(
        Manners,
        root=st.sampled_from(ROOTS),
        unknown=st.sampled_from(sorted(UNKNOWN)),
        nothing=st.sampled_from(sorted(NOTHING)),
        refusal=st.sampled_from([400, 404, 406, 413, 422, 500, 501]),
        keywords=st.booleans(),
        most=st.sampled_from([None, None, 0, 1, 50, 200]),
        one_type=st.booleans(),
        needs_filter=st.booleans(),
        a_file=st.booleans(),
        media=st.sampled_from(["application/dicom+json", "application/json", "text/plain"]),
    )
)
def test_an_open_archive_is_found_and_never_called_closed(manners: Manners) -> None:
    """Whatever its server says of other paths. Below `profile` it may be that nothing shows that it is DICOMweb."""
    _, found, pages = seen_of(OddDicomWeb(manners), Depth.ASK)
    assert found is not None or pages.doors is False
    seen, found, _ = seen_of(OddDicomWeb(manners), Depth.PROFILE)
    assert found is not None and (found.root, found.records > 0) == (manners.root, True)
    assert place(seen).rung is Rung.DISCLOSES


@pytest.mark.parametrize("unknown", DEFINITE)
@pytest.mark.parametrize("root", ROOTS)
def test_other_paths_say_nothing_of_a_root(root: str, unknown: str) -> None:
    manners = Manners(root=root, unknown=unknown)
    seen, found, _ = seen_of(OddDicomWeb(manners), Depth.PROFILE)
    assert found is not None and (found.root, found.records) == (root, 1)
    assert place(seen).rung is Rung.DISCLOSES
    if unknown != "dicom json":  # its media type proves nothing then
        seen, found, _ = seen_of(OddDicomWeb(manners), Depth.ASK)
        assert found is not None and (found.root, found.records) == (root, 0)
        assert place(seen).why is Reason.NEEDS_PERSONAL_DATA


@pytest.mark.parametrize(
    ("manners", "form"),
    [
        (Manners(), Form(limit=500)),
        (Manners(keywords=False, refusal=500), Form(by_tag=True, limit=500)),
        (Manners(most=200), Form(limit=200)),
        (Manners(most=60), Form(limit=50)),
        (Manners(most=0), Form(limit=0)),
        (Manners(one_type=True, refusal=406), Form(limit=500, accept="application/dicom+json")),
        (Manners(needs_filter=True), Form(limit=500, needs_filter=True)),
        (Manners(nothing="no body"), Form(limit=500, nothing=200)),
        (Manners(nothing="404"), Form(limit=500, nothing=404)),
        (Manners(nothing="page"), Form(limit=500, nothing=200)),
        (Manners(nothing="204", keywords=False, most=200, refusal=422), Form(by_tag=True, limit=200)),
        (Manners(keywords=False, needs_filter=True, most=100, refusal=500), Form(by_tag=True, limit=100, needs_filter=True)),
    ],
)  # fmt: skip
def test_the_form_that_a_root_takes(manners: Manners, form: Form) -> None:
    for media in ("application/dicom+json", "application/json"):
        _, found, _ = seen_of(OddDicomWeb(replace(manners, media=media)), Depth.PROFILE)
        assert found is not None and found.records
        assert Form.of(found) == form


@pytest.mark.parametrize("manners", [Manners(nothing=name) for name in NOTHING] + [Manners(keywords=False)])
def test_no_record_is_asked_for_below_profile(manners: Manners) -> None:
    peer = OddDicomWeb(manners)
    seen, found, pages = seen_of(peer, Depth.ASK)
    asked = [path for path in peer.paths if path.startswith("/dicom-web/studies")]
    assert asked and all("StudyInstanceUID=2.25." in path or "0020000D=2.25." in path for path in asked)
    if manners.nothing in ("404", "page"):  # both are what any server says: nothing shows that this is DICOMweb
        assert pages.doors is False
    else:
        assert found is not None and place(seen).rung is Rung.ANSWERS


def test_a_list_that_is_a_file_discloses_although_nothing_was_asked_for() -> None:
    seen, found, _ = seen_of(OddDicomWeb(Manners(a_file=True, unknown="forbidden")), Depth.ASK)
    assert found is not None and found.records == 3
    assert place(seen).rung is Rung.DISCLOSES


@pytest.mark.parametrize("unknown", sorted(set(DEFINITE) - {"dicom json"}))
def test_a_server_without_dicomweb_is_known_as_such_by_few_questions(unknown: str) -> None:
    peer = OddDicomWeb(Manners(root="/nowhere", unknown=unknown))
    for depth in (Depth.ASK, Depth.PROFILE):
        peer.paths.clear()
        seen, found, pages = seen_of(peer, depth)
        assert found is None and pages.doors is True
        assert place(seen).rung is Rung.LISTENING
        assert len([path for path in peer.paths if "/studies" in path]) == len(ROOTS) + 1


@pytest.mark.parametrize("status", [400, 500, 502, 200])
def test_a_root_that_gives_no_definite_answer_is_no_closed_door(status: int) -> None:
    body = (status, {"Content-Type": "application/json"}, b'{"error": "who knows"}')
    peer = OddDicomWeb(Manners(root="/nowhere"), {"/dicom-web/studies": body})
    _, found, pages = seen_of(peer, Depth.ASK)
    assert pages.doors is False
    assert (found is None) is (status == 200)
    assert sum("/dicom-web/studies" in path for path in peer.paths) <= 1 + MOST_FORMS


def test_a_server_that_gives_no_definite_answer_at_all() -> None:
    for unknown in ("broken", "bad request"):
        _, found, pages = seen_of(OddDicomWeb(Manners(root="/nowhere", unknown=unknown)), Depth.ASK)
        assert found is None and pages.doors is False


@pytest.mark.parametrize(
    "row", [{}, {"0020000D": {"vr": "UI", "Value": ["0"]}}, {"0020000D": {"vr": "UI"}}, {"00100020": {"vr": "LO"}}]
)
def test_a_row_that_names_no_study_opens_nothing(row: dict[str, object]) -> None:
    body = (200, {"Content-Type": "application/dicom+json"}, json.dumps([row]).encode())
    for depth in (Depth.ASK, Depth.PROFILE):
        seen, found, _ = seen_of(OddDicomWeb(Manners(root="/x"), {"/dicom-web/studies": body}), depth)
        assert found is not None and (found.records, found.unusable) == (0, 1)
        assert (place(seen).rung, place(seen).why) == (Rung.ANSWERS, Reason.ROWS_UNNAMED)


def test_a_redirect_to_another_root_is_asked_there() -> None:
    moved = (301, {"Location": "/imaging/studies?limit=1"}, b"")
    peer = OddDicomWeb(Manners(root="/imaging"), {"/dicom-web/studies": moved})
    _, found, _ = seen_of(peer, Depth.PROFILE)
    assert found is not None and (found.root, found.records) == ("/imaging", 1)


def test_a_redirect_to_the_same_with_a_slash_is_followed() -> None:
    """And later questions end with a slash too."""
    moved = (301, {"Location": "/dicom-web/studies/?x=y"}, b"")
    peer = OddDicomWeb(Manners(root="/dicom-web/studies/.."), {"/dicom-web/studies": moved})
    study = {"0020000D": {"vr": "UI", "Value": ["2.25.33.1"]}}
    peer.front = {
        **peer.front,
        "/dicom-web/studies/": (200, {"Content-Type": "application/dicom+json"}, json.dumps([study]).encode()),
    }
    _, found, _ = seen_of(peer, Depth.PROFILE)
    assert found is not None and (found.root, found.records, found.slash) == ("/dicom-web", 1, True)
    assert Form.of(found).path("/dicom-web/studies", {}, 1) == "/dicom-web/studies/?limit=1"


@pytest.mark.parametrize("key", ["PatientID", "PatientName"])
@pytest.mark.parametrize("status", [200, 400])
def test_any_patient_is_asked_for_where_one_is_demanded(key: str, status: int) -> None:
    """From depth `profile` on: no patient is named."""
    study = {"0020000D": {"vr": "UI", "Value": ["2.25.33.1"]}}
    kind = {"Content-Type": "application/dicom+json"}

    class Demanding(OddDicomWeb):
        def _answer(self, target: str, accept: str) -> tuple[int, dict[str, str], bytes]:
            if not target.startswith("/dicom-web/studies?"):
                return super()._answer(target, accept)
            if f"{key}=*" not in target:
                return status, kind, b"[]" if status == 200 else b"{}"
            return 200, kind, json.dumps([] if "StudyInstanceUID" in target else [study]).encode()

    peer = Demanding(Manners(root="/nowhere"))
    _, found, _ = seen_of(peer, Depth.PROFILE)
    assert found is not None and (found.records, found.wildcard, found.needs_filter) == (1, key, True)
    assert f"{key}=*" in Form.of(found).path("/dicom-web/studies", {"StudyDate": "20200101"})
    assert "*" not in Form.of(found).path("/dicom-web/studies/2.25.33.1/series")
    peer.paths.clear()
    seen_of(peer, Depth.ASK)
    assert not any("*" in path for path in peer.paths)


def test_an_answer_that_every_path_gets_decides_nothing() -> None:
    """An archive may take any path for a root of its own."""
    for body in (b"[]", b""):
        said = http("200 OK\r\nContent-Type: application/json", body)
        seen, _ = visited(serving(lambda _, said=said: said), Depth.ASK)  # type: ignore[misc]
        found, pages = seen.get(DicomWebFacts), seen.get(PageFacts)
        assert pages is not None
        assert found is None and pages.doors is False
