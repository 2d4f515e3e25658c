"""DICOMweb of a synthetic archive, without a socket."""

from __future__ import annotations

import json
from typing import Any

import pytest

from filmbadge.rehearse import dicomweb
from filmbadge.rehearse.contents import Contents, Part
from filmbadge.rehearse.dicomweb import Request
from filmbadge.rehearse.people import Habits, Ids, Names
from filmbadge.rehearse.world import Archive

HELD = Contents(
    "2.25.5",
    nearline=Part(30, 300),
    online=Part(270, 5400),
    undated=7,
    patients=120,
    days=900,
    habits=Habits(Ids.SSN_BARE, Names.UTF_8, more=True),
)


def asked(archive: Archive, path: str, **options: str) -> list[Any]:
    reply = dicomweb.reply(archive, Request(f"/dicom-web{path}", options, "http://archive"))
    assert reply is not None
    assert not isinstance(reply.body, bytes)
    found: list[Any] = json.loads(b"".join(reply.body) or "[]")
    return found


def stripped(value: Any) -> Any:
    """The same without the spaces that a value may have at its end, PS3.5 6.2."""
    if isinstance(value, dict):
        return {name: stripped(one) for name, one in value.items()}
    if isinstance(value, list):
        return [stripped(one) for one in value]
    return value.rstrip(" ") if isinstance(value, str) else value


@pytest.mark.parametrize("includefield", ["", "all", "00101040,PatientComments"])
@pytest.mark.parametrize("availability", [False, True])
def test_records_made_in_blocks_are_those_made_one_by_one(
    monkeypatch: pytest.MonkeyPatch, includefield: str, availability: bool
) -> None:
    archive = Archive("", contents=HELD, dicomweb="/dicom-web", availability=availability)
    in_blocks = asked(archive, "/studies", includefield=includefield)
    monkeypatch.setattr(dicomweb, "_OTHER_SETS", (Names.UTF_8,))
    one_by_one = asked(archive, "/studies", includefield=includefield)
    assert len(one_by_one) == HELD.studies
    assert stripped(in_blocks) == stripped(one_by_one)


def test_pages_have_each_study_once_and_the_newest_first() -> None:
    archive = Archive("", contents=HELD, dicomweb="/dicom-web")
    pages = [asked(archive, "/studies", offset=str(at), limit="77") for at in range(0, 400, 77)]
    found = [row["0020000D"]["Value"][0].encode() for page in pages for row in page]
    assert found == [HELD.uid(number) for number in reversed(range(HELD.studies))]


def test_one_cap_ends_the_list_and_the_other_ends_a_page() -> None:
    silent = Archive("", contents=HELD, dicomweb="/dicom-web", web_cap=100)
    assert [len(asked(silent, "/studies", offset=str(at), limit="60")) for at in (0, 60, 120)] == [60, 40, 0]
    warns = Archive("", contents=HELD, dicomweb="/dicom-web", web_cap=100, warns=True)
    replies = [
        dicomweb.reply(warns, Request("/dicom-web/studies", {"offset": offset}, "")) for offset in ("0", "200", "300")
    ]
    assert [reply.status for reply in replies if reply] == ["200 OK", "200 OK", "204 No Content"]
    assert [bool(reply.headers) for reply in replies if reply] == [True, False, False]


def test_instances_that_are_not_online_are_not_given() -> None:
    archive = Archive("", contents=HELD, dicomweb="/dicom-web", delivers_web=True)
    statuses = []
    for number in (29, 30):
        series, instance = HELD.series_uid(number, 0).decode(), HELD.instance_uid(number, 0, 0).decode()
        path = f"/dicom-web/studies/{HELD.uid(number).decode()}/series/{series}/instances/{instance}"
        reply = dicomweb.reply(archive, Request(path, {}, ""))
        assert reply is not None
        statuses.append(reply.status)
    assert statuses == ["404 Not Found", "200 OK"]
