"""DICOMweb: QIDO-RS, WADO-RS and WADO-URI, PS3.18.

| depth     | asked                                                                                      |
|-----------|--------------------------------------------------------------------------------------------|
| `knock`   | nothing                                                                                    |
| `ask`     | studies with a Study Instance UID that cannot exist, under roots where archives have theirs |
| `profile` | one record; then all of them, by pages, and series and attributes of studies drawn by lot  |
| `prove`   | and the UIDs of one instance, and the first KiB of it                                      |

Every record of QIDO-RS carries name, id and birth date of a patient: the standard requires it, and no question avoids it.
So below `profile` none is asked for, unless the scope says so; then one at `ask`, and all at `count`.
"""

from __future__ import annotations

import re
import secrets
import string
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from filmbadge.ask.census import qido
from filmbadge.ask.census.qido import JSON, Notes, nothing, record
from filmbadge.ask.personal.distinct import Distinct
from filmbadge.ask.personal.documents import by_tag
from filmbadge.ask.personal.look import Value
from filmbadge.ask.personal.script import BY_SERIES, BY_STUDY, DEAR, WITH_ALL, Noticed
from filmbadge.ask.probes.browse import Outcome, browse
from filmbadge.ask.wire.dialer import Dialer
from filmbadge.ask.wire.dimse.association import IMPLEMENTATION_UID
from filmbadge.ask.wire.dimse.core import Tally
from filmbadge.ask.wire.rows import Rows
from filmbadge.ask.wire.web import Page, Reply, Script, Site
from filmbadge.catalogue.kinds import ISSUER
from filmbadge.model import DicomWebFacts, Ending, Endpoint, Observation, WebProof
from filmbadge.scope import Address

NOBODY = f"{IMPLEMENTATION_UID}.1"  # a Study Instance UID under our own root: no archive has it
ROOTS = (
    "/dicom-web", "/dicomweb", "/dicomWeb", "/dcm4chee-arc/aets/DCM4CHEE/rs", "/qido-rs", "/wado-rs", "/wado",
    "/rs", "/pacs/rs", "/api/dicomweb", "/api", "/v2", "/v1", "",
)  # fmt: skip
WADO_URI = ("/wado",)
# Roots that are called so are DICOMweb's; others may be anything's.
_OWN_NAME = re.compile(r"(?i)dicom-?web|qido|wado|dcm4chee")
_TAGGED = re.compile(rb'\{\s*"[0-9A-Fa-f]{8}"\s*:\s*\{')
_PARAMETERS = re.compile(rb"(?i)\b(study|series|object)UID\b")
_DICOM_JSON = "application/dicom+json"
MEDIA_TYPES = (
    _DICOM_JSON, "application/json", "application/dicom", "application/octet-stream", "image/jpeg",
    "multipart/related",
)  # fmt: skip
_IMAGES = ("multipart/related", "application/dicom", "application/octet-stream", "image/jpeg")
ENOUGH_BYTES = 4096
IDLE_SECONDS, PROOF_SECONDS, PROOF_BYTES = 15.0, 60.0, 512 * 1024
CONNECTIONS = 5000  # of a census, where a server closes each after one page


def look(first: Reply, may_ask: bool, roots: Sequence[str] = ()) -> Generator[Page, Reply, DicomWebFacts | None]:
    """The first root that answers as DICOMweb does. `first` is what a path that cannot exist was answered by.

    `roots` are asked before the usual ones. With `may_ask` one record is asked for.
    """
    guarded = None
    if first.media_type == _DICOM_JSON:  # whatever it is asked for
        return None
    for root in dict.fromkeys((*roots, *ROOTS)):
        found = yield from _try(root, first, may_ask, known=root in roots)
        if found is not None and found.status in (401, 403):
            guarded = guarded or found
        elif found is not None:
            return found
    if guarded is None and first.status not in (400, 401, 403):
        for path in WADO_URI:
            reply = yield Page(f"{path}?requestType=WADO")
            if reply.status == 400 and _PARAMETERS.search(reply.body):
                return DicomWebFacts(path, 400)
    return guarded


def _try(root: str, first: Reply, may_ask: bool, known: bool) -> Generator[Page, Reply, DicomWebFacts | None]:
    count = _Count()
    rows = Rows(count.take, piecemeal=True)
    path = f"{root}/studies?StudyInstanceUID={NOBODY}&limit=1"
    reply = yield Page(path, accept=JSON, into=rows.feed)
    named = known or bool(_OWN_NAME.search(root))
    status = reply.status
    if status in (401, 403):
        guarded = named and not first.login
        return DicomWebFacts(root, status, realm=reply.realm) if guarded else None
    if status == 413 and named and first.status != 413:
        return DicomWebFacts(root, status)
    if reply.media_type == _DICOM_JSON:  # then a record is one also without a UID
        count.records = max(count.records, count.tagged)
    if not (count.records or nothing(reply, rows) or _xml(reply)):
        return None
    if not (count.records or _xml(reply) or reply.media_type == _DICOM_JSON):
        # An empty list, or no content, is what many APIs answer.
        if not (yield from _differs(root, rows)):
            return None
        if not named and not (yield from _is_answered(f"{root}/instances")):
            return None
    facts = DicomWebFacts(
        root, status, _media(reply), may_ask=may_ask, records=count.records, retrieve_url=count.retrieve_url
    )
    return (yield from _one(facts)) if may_ask and not count.records else facts


def _one(facts: DicomWebFacts) -> Generator[Page, Reply, DicomWebFacts]:
    """Ask for one record: how many come is counted, whatever they hold is not."""
    count = _Count()
    rows = Rows(count.take, piecemeal=True)
    reply = yield Page(f"{facts.root}/studies?limit=1", accept=JSON, leave=True, into=rows.feed)
    status = 204 if nothing(reply, rows) else reply.status if count.records or reply.status not in (200, 206) else None
    return msgspec.structs.replace(facts, record_status=status, records=count.records, retrieve_url=count.retrieve_url)


def _differs(root: str, rows: Rows) -> Generator[Page, Reply, bool]:
    """Whether a name beside it, which cannot exist, is answered in another way."""
    beside = Rows(_forget)
    name = "".join(secrets.choice(string.ascii_lowercase) for _ in range(20))
    reply = yield Page(f"{root}/{name}?StudyInstanceUID={NOBODY}&limit=1", accept=JSON, into=beside.feed)
    return reply.status is not None and not nothing(reply, beside) and not rows.count


def _is_answered(path: str) -> Generator[Page, Reply, bool]:
    rows = Rows(_forget)
    reply = yield Page(f"{path}?StudyInstanceUID={NOBODY}&limit=1", accept=JSON, into=rows.feed)
    return nothing(reply, rows)


@dataclass
class _Count:
    records: int = 0
    tagged: int = 0  # rows that begin with an attribute of the DICOM JSON model, PS3.18 F.2.2
    retrieve_url: bool = False

    def take(self, row: bytes) -> None:
        found = record(row)
        self.tagged += found is not None and _TAGGED.match(row) is not None
        if found is not None and found.study.vr == "UI" and found.study.uid:
            self.records += 1
            self.retrieve_url = self.retrieve_url or bool(found.retrieve.uid)


def _forget(row: bytes) -> None:
    """Nobody looks inside."""


def _xml(reply: Reply) -> bool:
    return reply.status in (200, 206) and "application/dicom+xml" in reply.headers.get("content-type", "").lower()


def _media(reply: Reply) -> str:
    if _xml(reply):
        return "application/dicom+xml"
    return reply.media_type if reply.media_type in MEDIA_TYPES else "other" if reply.media_type else ""


async def count(
    dialer: Dialer,
    address: Address,
    observation: Observation,
    name: str = "",
    tallies: dict[Endpoint, Tally] | None = None,
    patients: dict[Endpoint, Distinct] | None = None,
    *,
    personal: bool = False,
) -> Observation:
    """The same observation with a census of all studies; `personal`: and of the kinds of data that come with them.

    What comes is the same for both, so it is asked for once. Raises OutOfScope only.
    """
    facts = observation.dicomweb
    assert facts is not None
    notes, noticed = Notes(), Noticed()
    if personal:
        notes.look = lambda row: _listed(noticed, row)
    script = _everything(facts.root, notes, noticed if personal else None)
    ended = await _browse(
        dialer, address, observation, name, script, f"http {'profile' if personal else 'census'} QIDO-RS"
    )
    broke_off = "" if ended.stop.ending is Ending.COMPLETED else f"{ended.stop.ending}: {ended.stop.detail}"
    census = notes.census(broke_off)
    if tallies is not None and census.complete:
        tallies[observation.endpoint] = notes.studies
    facts = msgspec.structs.replace(facts, census=census, retrieve_url=facts.retrieve_url or notes.retrieve_url)
    if personal:
        if patients is not None:
            patients[observation.endpoint] = noticed.patients
        noticed.complete = census.complete and not noticed.malformed and noticed.records == census.studies
        noticed.queries += notes.queries
        facts = msgspec.structs.replace(facts, profile=noticed.profile(census.why_incomplete or broke_off))
    return msgspec.structs.replace(observation, dicomweb=facts)


async def _browse(
    dialer: Dialer, address: Address, observation: Observation, name: str, script: Script, question: str
) -> Outcome:
    site = Site(address, observation.endpoint.port, observation.tls is not None, name)
    caps = dialer.scope.caps
    return await browse(dialer, site, script, question=question, caps=caps, connections=CONNECTIONS, gentle=True)


def _everything(root: str, notes: Notes, noticed: Noticed | None) -> Script:
    yield from qido.census(root, notes)
    if noticed is None:
        return
    for uid in noticed.drawn_by_lot():
        study = uid.decode()
        questions = (
            (f"{root}/studies?StudyInstanceUID={study}&limit=1&includefield={_fields(BY_STUDY)}", BY_STUDY),
            (f"{root}/studies/{study}/series?includefield={_fields(BY_SERIES)}", BY_SERIES),
        )
        for path, tags in questions:
            rows = Rows(lambda row, tags=tags: _part(noticed, row, tags))  # type: ignore[misc]
            reply = yield Page(path, accept=JSON, most_bytes=qido.ONE_BYTES, into=rows.feed)
            noticed.queries += 1
            if not (nothing(reply, rows) or (reply.status in (200, 206) and rows.over)):
                said = "no answer" if reply.status is None else f"HTTP {reply.status}"
                noticed.trouble = noticed.trouble or f"the questions about single studies ended with {said}"
                return
        noticed.deep += 1
        noticed.look.close(DEAR)
    noticed.drawn.clear()


def _fields(tags: Sequence[int]) -> str:
    return ",".join(f"{tag:08X}" for tag in sorted(set(tags)))


def _listed(noticed: Noticed, row: bytes) -> None:
    """One study of the list: its personal attributes are looked at, and forgotten."""
    found = record(row)
    noticed.listed(b"" if found is None else found.study.uid, _values(row, (*WITH_ALL, ISSUER)))


def _part(noticed: Noticed, row: bytes, tags: Sequence[int]) -> None:
    noticed.look.take(_values(row, tags), DEAR)


def _values(row: bytes, tags: Sequence[int]) -> list[Value]:
    try:
        held: Any = msgspec.json.decode(row)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []
    return by_tag(held, tags) if isinstance(held, dict) else []


async def prove(dialer: Dialer, address: Address, observation: Observation, name: str = "") -> Observation:
    """The same observation with the head of one image, dropped unread. Raises OutOfScope only."""
    facts = observation.dicomweb
    assert facts is not None
    site = Site(address, observation.endpoint.port, observation.tls is not None, name)
    caps = dialer.scope.caps.at_most(idle_seconds=IDLE_SECONDS, seconds=PROOF_SECONDS, received_bytes=PROOF_BYTES)
    proofs: list[WebProof] = []
    ended = await browse(dialer, site, _image(facts.root, proofs), question="http image", caps=caps)
    detail = "" if ended.stop.ending is Ending.COMPLETED else f"{ended.stop.ending}: {ended.stop.detail}"
    proof = max(proofs, key=lambda one: one.bytes) if proofs else WebProof("", detail=detail or "no instance was named")
    return msgspec.structs.replace(observation, dicomweb=msgspec.structs.replace(facts, proof=proof))


def _image(root: str, proofs: list[WebProof]) -> Script:
    """One study, one series of it, one instance of that; then the first KiB of the instance."""
    uids: list[str] = []
    for path, level in (("/studies", "study"), ("/series", "series"), ("/instances", "instance")):
        above = "".join(f"/{name}/{uid}" for name, uid in zip(("studies", "series"), uids, strict=False))
        first = _First(level)
        yield Page(f"{root}{above}{path}?limit=1", accept=JSON, leave=True, into=Rows(first.take, piecemeal=True).feed)
        if not re.fullmatch("[0-9.]{1,64}", first.uid):
            return
        uids.append(first.uid)
    study, series, instance = uids
    base = root.removesuffix("/rs")
    wado = f"requestType=WADO&studyUID={study}&seriesUID={series}&objectUID={instance}&contentType=application%2Fdicom"
    ways = (
        ("WADO-RS", f"{root}/studies/{study}/series/{series}/instances/{instance}"),
        *(
            ("WADO-URI", f"{path}?{wado}")
            for path in dict.fromkeys((f"{base}/wado" if base != root else "/wado", "/wado"))
        ),
    )
    for service, path in ways:
        accept = (
            'multipart/related; type="application/dicom"; transfer-syntax=*'
            if service == "WADO-RS"
            else "application/dicom"
        )
        reply = yield Page(path, accept=accept, most_bytes=ENOUGH_BYTES, leave=True, into=_forget)
        image = reply.status in (200, 206) and reply.media_type in _IMAGES
        proofs.append(WebProof(service, reply.status, _media(reply), reply.size if image else 0))
        if proofs[-1].bytes:
            return


@dataclass(repr=False)
class _First:
    """A UID of the first record, in memory for as long as the proof takes."""

    level: str
    uid: str = field(default="")

    def take(self, row: bytes) -> None:
        found = record(row)
        if found is not None and not self.uid:
            self.uid = getattr(found, self.level).uid.decode("ascii")
