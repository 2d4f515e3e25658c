"""Orthanc's REST: `/system` says what it is, `/statistics` how much it holds. Neither holds personal data.

`profile` asks for pages of `/studies`, which hold personal data: it looks and forgets.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Any

import msgspec

from filmbadge.ask.census.budget import Spent, within
from filmbadge.ask.key import RunKey
from filmbadge.ask.learned import Learned
from filmbadge.ask.personal.documents import STUDY_UID, TAG, by_keyword
from filmbadge.ask.personal.progress import (
    ASK_EACH_UP_TO,
    BY_STUDY,
    BY_STUDY_KINDS,
    INDEXED_KINDS,
    SAMPLE_STUDIES,
    WITH_ALL,
    ProfileProgress,
)
from filmbadge.ask.wire.contact import Contact
from filmbadge.ask.wire.fetch import fetch_all
from filmbadge.ask.wire.http import Request, Requests, Response
from filmbadge.ask.wire.json_body import decoded, whole_number
from filmbadge.ask.wire.text import clean
from filmbadge.catalogue.kinds import VR
from filmbadge.catalogue.pages import shows_realm
from filmbadge.model import Counters, Depth, Doubt, DoubtCode, Observation, OrthancFacts

PLACES = ("", "/orthanc")  # where it stands: alone, or behind the proxy that its manual describes
PAGE, PAGE_BYTES = 20, 256 * 1024  # studies of a page, and bytes of a page
_WANTED = frozenset((*WITH_ALL, *BY_STUDY))
_TAGS = ";".join(sorted(keyword for keyword, tag in TAG.items() if tag in _WANTED and VR[tag] != "SQ"))


def identify(depth: Depth, _: Response) -> Generator[Request, Response, OrthancFacts | None]:
    """Asks for `/system`, and from depth `ask` on for `/statistics`. Returns None if nothing proves Orthanc."""
    system = yield Request("/system")
    said = _object(system)
    if not {"Version", "ApiVersion", "DicomAet"} <= said.keys():
        login = system.login and shows_realm("Orthanc", system.realm)
        return OrthancFacts(status=system.status, realm=system.realm) if login else None
    facts = OrthancFacts(
        status=system.status,
        is_orthanc=True,
        version=_text(said.get("Version")),
        aet=_text(said.get("DicomAet")),
        dicom_port=whole_number(said.get("DicomPort")),
    )
    if not depth.reaches(Depth.ASK):
        return facts
    statistics = yield Request("/statistics")
    said = _object(statistics)
    names = ("CountPatients", "CountStudies", "CountSeries", "CountInstances")
    counters = Counters(statistics.status, *(whole_number(said.get(name)) for name in names))
    return msgspec.structs.replace(facts, counters=counters)


async def profile(contact: Contact, observation: Observation, facts: OrthancFacts) -> Learned:
    """The same observation with the kinds of personal data in the list of studies. Raises OutOfScope only.

    A small archive is asked for all its studies, a larger archive for pages that are drawn by lot.
    """
    with contact.counting() as key:
        return await _profile(contact, observation, facts, key)


async def _profile(contact: Contact, observation: Observation, facts: OrthancFacts, key: RunKey) -> Learned:
    caps = contact.scope.caps
    notes = ProfileProgress(key)
    studies = facts.counters.studies or 0
    starts = range(0, studies, PAGE)
    drawn = starts if studies <= ASK_EACH_UP_TO else sorted(notes.lot.sample(starts, SAMPLE_STUDIES // PAGE))
    site = contact.origin(observation.endpoint.port, observation.tls is not None)
    spent = Spent(contact.scope.census, share=key.memory)
    script = within(spent, _pages(facts.base, notes, drawn), notes.doubt)
    ended = await fetch_all(
        contact, site, script, question="http profile /studies", caps=caps, throttle=True, meter=spent
    )
    notes.ended(ended.stop)
    if notes.records != studies <= ASK_EACH_UP_TO:
        notes.doubt(Doubt(DoubtCode.OTHER_NUMBER, {"studies": studies, "records": notes.records}))
    notes.complete = not notes.doubts and not notes.malformed and notes.records == studies
    facts = msgspec.structs.replace(facts, profile=notes.profile())
    return Learned(observation.with_facts(facts), studies=notes.seen, whole=notes.complete, patients=notes.patients)


def below(facts: OrthancFacts, base: str) -> OrthancFacts:
    """The facts of an Orthanc that stands below this path."""
    return msgspec.structs.replace(facts, base=base)


def _pages(base: str, notes: ProfileProgress, starts: Iterable[int]) -> Requests:
    for start in starts:
        asked = f"since={start}&limit={PAGE}&requestedTags={_TAGS}"
        page = yield Request(f"{base}/studies?expand&{asked}", most_bytes=PAGE_BYTES)
        notes.queries += 1
        notes.go_on()
        listed = decoded(page, _STUDIES)
        if listed is None:
            if page.stop is None and page.status is not None:
                notes.doubt(Doubt(DoubtCode.HTTP_STATUS, {"status": page.status}))
            return
        for study in listed:
            _take(notes, study)


class _Part(msgspec.Struct):
    """One of the lists of attributes of a study. Its fields are the keywords that are wanted."""

    def __repr__(self) -> str:
        return "<Part>"


_Wanted = msgspec.defstruct(
    "_Wanted",
    [(keyword, Any, msgspec.UNSET) for keyword in (STUDY_UID, *(one for one, tag in TAG.items() if tag in _WANTED))],
    bases=(_Part,),
)
_Other = list[Any] | str | float | bool | None  # what stands where an object should


class _Study(msgspec.Struct):
    MainDicomTags: _Wanted | _Other = None  # type: ignore[valid-type]
    PatientMainDicomTags: _Wanted | _Other = None  # type: ignore[valid-type]
    RequestedTags: _Wanted | _Other = None  # type: ignore[valid-type]

    def __repr__(self) -> str:
        return "<Study>"


_STUDIES = msgspec.json.Decoder(list[_Study | _Other])


def _take(notes: ProfileProgress, study: _Study | _Other) -> None:
    tags: dict[str, object] = {}
    requested = False
    for part in msgspec.structs.astuple(study) if isinstance(study, _Study) else ():
        requested = isinstance(part, _Part)
        if isinstance(part, _Part):
            tags |= {name: value for name, value in msgspec.structs.asdict(part).items() if value is not msgspec.UNSET}
    uid = tags.get(STUDY_UID)
    if not isinstance(uid, str) or not uid:
        notes.spoiled += 1
        return
    # Versions before 1.11 do not know RequestedTags, and list only the attributes in their index.
    kinds = INDEXED_KINDS | BY_STUDY_KINDS if requested else INDEXED_KINDS
    notes.study(uid.encode("utf-8", "replace"), by_keyword(tags, _WANTED), kinds)


def _object(got: Response) -> dict[str, Any]:
    """The JSON object of a 200 response. Empty if there is none."""
    said = decoded(got)
    return said if isinstance(said, dict) else {}


def _text(value: object) -> str:
    return clean(value, 64) if isinstance(value, str) else ""
