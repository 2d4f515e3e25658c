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
from dataclasses import dataclass

import msgspec

from filmbadge.ask.dicomweb.census import nothing, record
from filmbadge.ask.dicomweb.question import JSON
from filmbadge.ask.wire.http import Request, Response
from filmbadge.ask.wire.json_array import JsonArray
from filmbadge.catalogue.dicom import IMPLEMENTATION_UID
from filmbadge.model import DicomWebFacts

NOBODY = f"{IMPLEMENTATION_UID}.1"  # A Study Instance UID under our own root, which no archive has.
ROOTS = (
    "/dicom-web", "/dicomweb", "/dicomWeb", "/dcm4chee-arc/aets/DCM4CHEE/rs", "/qido-rs", "/wado-rs", "/wado",
    "/rs", "/pacs/rs", "/api/dicomweb", "/api", "/v2", "/v1", "",
)  # fmt: skip
WADO_URI = ("/wado",)
# A root with such a name is DICOMweb's; a root with another name may be any API.
_OWN_NAME = re.compile(r"(?i)dicom-?web|qido|wado|dcm4chee")
_TAGGED = re.compile(rb'\{\s*"[0-9A-Fa-f]{8}"\s*:\s*\{')
_PARAMETERS = re.compile(rb"(?i)\b(study|series|object)UID\b")
DICOM_JSON = "application/dicom+json"
MEDIA_TYPES = (
    DICOM_JSON, "application/json", "application/dicom", "application/octet-stream", "image/jpeg",
    "multipart/related",
)  # fmt: skip
_IMAGES = ("multipart/related", "application/dicom", "application/octet-stream", "image/jpeg")
ENOUGH_BYTES = 4096
IDLE_SECONDS, PROOF_SECONDS, PROOF_BYTES = 15.0, 60.0, 512 * 1024
CONNECTIONS = 5000  # connections of a census, if a server closes each after one page


def identify(
    first: Response, may_ask: bool, roots: Sequence[str] = ()
) -> Generator[Request, Response, DicomWebFacts | None]:
    """Finds the first root that answers as DICOMweb does.

    `first` is the response to a path that cannot exist. `roots` are asked before the usual roots. With `may_ask` one
    record is asked for.
    """
    guarded = None
    if first.media_type == DICOM_JSON:  # the server says this for every path
        return None
    for root in dict.fromkeys((*roots, *ROOTS)):
        found = yield from _try(root, first, may_ask, known=root in roots)
        if found is not None and found.status in (401, 403):
            guarded = guarded or found
        elif found is not None:
            return found
    if guarded is None and first.status not in (400, 401, 403):
        for path in WADO_URI:
            reply = yield Request(f"{path}?requestType=WADO")
            if reply.status == 400 and _PARAMETERS.search(reply.body):
                return DicomWebFacts(path, 400)
    return guarded


def _try(root: str, first: Response, may_ask: bool, known: bool) -> Generator[Request, Response, DicomWebFacts | None]:
    count = _Count()
    rows = JsonArray(count.take, piecemeal=True)
    path = f"{root}/studies?StudyInstanceUID={NOBODY}&limit=1"
    reply = yield Request(path, accept=JSON, into=rows.feed)
    named = known or bool(_OWN_NAME.search(root))
    status = reply.status
    if status in (401, 403):
        guarded = named and not first.login
        return DicomWebFacts(root, status, realm=reply.realm) if guarded else None
    if status == 413 and named and first.status != 413:
        return DicomWebFacts(root, status)
    if reply.media_type == DICOM_JSON:  # the media type proves DICOMweb, so a record counts even without a UID
        count.records = max(count.records, count.tagged)
    if not (count.records or nothing(reply, rows) or _xml(reply)):
        return None
    if not (count.records or _xml(reply) or reply.media_type == DICOM_JSON):
        # Many APIs answer with an empty list or no content.
        if not (yield from _differs(root, rows)):
            return None
        if not named and not (yield from _is_answered(f"{root}/instances")):
            return None
    facts = DicomWebFacts(
        root, status, media_type(reply), may_ask=may_ask, records=count.records, retrieve_url=count.retrieve_url
    )
    return (yield from _one(facts)) if may_ask and not count.records else facts


def _one(facts: DicomWebFacts) -> Generator[Request, Response, DicomWebFacts]:
    """Ask for one record. The number of records that came is counted; nobody looks inside."""
    count = _Count()
    rows = JsonArray(count.take, piecemeal=True)
    reply = yield Request(f"{facts.root}/studies?limit=1", accept=JSON, leave=True, into=rows.feed)
    status = 204 if nothing(reply, rows) else reply.status if count.records or reply.status not in (200, 206) else None
    return msgspec.structs.replace(facts, record_status=status, records=count.records, retrieve_url=count.retrieve_url)


def _differs(root: str, rows: JsonArray) -> Generator[Request, Response, bool]:
    """Whether a sibling path that cannot exist gets a different answer."""
    beside = JsonArray(forget)
    name = "".join(secrets.choice(string.ascii_lowercase) for _ in range(20))
    reply = yield Request(f"{root}/{name}?StudyInstanceUID={NOBODY}&limit=1", accept=JSON, into=beside.feed)
    return reply.status is not None and not nothing(reply, beside) and not rows.count


def _is_answered(path: str) -> Generator[Request, Response, bool]:
    rows = JsonArray(forget)
    reply = yield Request(f"{path}?StudyInstanceUID={NOBODY}&limit=1", accept=JSON, into=rows.feed)
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


def forget(row: bytes) -> None:
    """Nobody looks inside the row."""


def _xml(reply: Response) -> bool:
    return reply.status in (200, 206) and "application/dicom+xml" in reply.headers.get("content-type", "").lower()


def media_type(reply: Response) -> str:
    if _xml(reply):
        return "application/dicom+xml"
    return reply.media_type if reply.media_type in MEDIA_TYPES else "other" if reply.media_type else ""
