"""Orthanc's REST: `/system` says what it is, `/statistics` how much it holds. Neither holds personal data.

`profile` asks for pages of `/studies`, which do: it looks and forgets.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from filmbadge.ask.personal.documents import STUDY_UID, TAG, by_keyword
from filmbadge.ask.personal.script import BY_STUDY, DEAR, PLAIN, SAMPLE, WHOLE, WITH_ALL, Noticed
from filmbadge.ask.wire.dialer import Dialer
from filmbadge.ask.wire.dimse.pdu import clean
from filmbadge.ask.wire.web import Get
from filmbadge.catalogue.kinds import VR
from filmbadge.model import Depth, Ending, Endpoint, Observation, OrthancFacts, Protocol, Stop
from filmbadge.scope import Address

IDLE_SECONDS = 10.0
SECONDS = 30.0
BYTES = 256 * 1024
PAGE = 20  # studies
_WANTED = frozenset((*WITH_ALL, *BY_STUDY))
_TAGS = ";".join(sorted(keyword for keyword, tag in TAG.items() if tag in _WANTED and VR[tag] != "SQ"))


async def ask(
    dialer: Dialer, address: Address, port: int, depth: Depth, *, tls: bool = False, name: str = ""
) -> Observation:
    """Fetch `/system`, and from depth `ask` on `/statistics`. Raises OutOfScope only.

    Must not be called for a port that spoke DIMSE.
    """
    at = datetime.now(UTC)
    caps = dialer.scope.caps.at_most(idle_seconds=IDLE_SECONDS, seconds=SECONDS, received_bytes=BYTES)
    over = " over TLS" if tls else ""
    system = Get(address, port, "/system")
    row = await dialer.dial(address, port, system, question=f"http GET /system{over}", caps=caps, tls=tls, name=name)
    shown = row.tls
    said = _json(system)
    is_orthanc = {"Version", "ApiVersion", "DicomAet"} <= said.keys()
    facts = OrthancFacts(
        status=system.status,
        realm=system.realm,
        is_orthanc=is_orthanc,
        version=_text(said.get("Version")) if is_orthanc else "",
        aet=_text(said.get("DicomAet")) if is_orthanc else "",
        dicom_port=_number(said.get("DicomPort")) if is_orthanc else None,
    )
    if is_orthanc and depth.reaches(Depth.ASK):
        statistics = Get(address, port, "/statistics")
        row = await dialer.dial(
            address, port, statistics, question=f"http GET /statistics{over}", caps=caps, tls=tls, name=name
        )
        counters = _json(statistics)
        facts = msgspec.structs.replace(
            facts,
            statistics_status=statistics.status,
            patients=_number(counters.get("CountPatients")),
            studies=_number(counters.get("CountStudies")),
            series=_number(counters.get("CountSeries")),
            images=_number(counters.get("CountInstances")),
        )
    stop = Stop(row.ending, row.detail)
    if system.status is not None and row.ending is Ending.COMPLETED:
        stop = Stop(Ending.COMPLETED, f"HTTP {system.status}")
    return Observation(Endpoint(str(address), port, Protocol.HTTP), at, depth, stop, orthanc=facts, tls=shown)


async def profile(dialer: Dialer, address: Address, observation: Observation, name: str = "") -> Observation:
    """The same observation with the kinds of personal data that the studies' list gives. Raises OutOfScope only.

    A small archive is asked for all its studies, a larger one for pages that are drawn by lot.
    """
    facts = observation.orthanc
    assert facts is not None
    caps = dialer.scope.caps.at_most(idle_seconds=IDLE_SECONDS, seconds=SECONDS, received_bytes=BYTES)
    notes = Noticed()
    studies = facts.studies or 0
    starts = range(0, studies, PAGE)
    drawn = starts if studies <= WHOLE else sorted(notes.lot.sample(starts, SAMPLE // PAGE))
    tls = observation.tls is not None
    question = f"http GET /studies{' over TLS' if tls else ''}"
    broke_off = ""
    for start in drawn:
        path = f"/studies?expand&since={start}&limit={PAGE}&requestedTags={_TAGS}"
        page = Get(address, observation.endpoint.port, path)
        row = await dialer.dial(
            address, observation.endpoint.port, page, question=question, caps=caps, tls=tls, name=name
        )
        notes.queries += 1
        listed = _decoded(page)
        if not isinstance(listed, list):
            broke_off = f"HTTP {page.status}" if page.status else f"{row.ending}: {row.detail}"
            break
        for study in listed:
            _look(notes, study)
    if not broke_off and notes.records != studies:
        broke_off = "" if studies > WHOLE else f"{studies} studies, but {notes.records} in the list of them"
    notes.complete = not broke_off and not notes.malformed and notes.records == studies
    return msgspec.structs.replace(
        observation, orthanc=msgspec.structs.replace(facts, profile=notes.profile(broke_off))
    )


def _look(notes: Noticed, study: object) -> None:
    tags: dict[str, object] = {}
    requested = False
    for name in ("MainDicomTags", "PatientMainDicomTags", "RequestedTags"):
        part = study.get(name) if isinstance(study, dict) else None
        tags |= part if isinstance(part, dict) else {}
        requested = isinstance(part, dict)
    uid = tags.get(STUDY_UID)
    if not isinstance(uid, str) or not uid:
        notes.malformed += 1
        return
    # Before version 1.11 it knows no RequestedTags, and lists what it keeps in its index.
    kinds = PLAIN | DEAR if requested else PLAIN
    notes.study(uid.encode("utf-8", "replace"), by_keyword(tags, _WANTED), kinds)


def _json(got: Get) -> dict[str, Any]:
    """The object that a 200 answer holds, or nothing."""
    said = _decoded(got)
    return said if isinstance(said, dict) else {}


def _decoded(got: Get) -> object:
    try:
        return msgspec.json.decode(got.body) if got.status == 200 else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _text(value: object) -> str:
    return clean(value.encode("utf-8", "replace"), 64) if isinstance(value, str) else ""


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else None
