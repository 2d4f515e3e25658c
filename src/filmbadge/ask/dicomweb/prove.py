"""Proves that images would be handed out: one retrieval by WADO-RS or WADO-URI is begun, counted and dropped."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import msgspec

from filmbadge.ask.dicomweb.census import record
from filmbadge.ask.dicomweb.identify import forget, media_type
from filmbadge.ask.dicomweb.question import JSON
from filmbadge.ask.learned import Learned
from filmbadge.ask.wire.contact import Contact
from filmbadge.ask.wire.fetch import fetch_all
from filmbadge.ask.wire.http import Request, Requests
from filmbadge.ask.wire.json_array import JsonArray
from filmbadge.model import Cause, DicomWebFacts, Observation, Outcome, OutcomeKind, WebProof, WebService

_IMAGES = ("multipart/related", "application/dicom", "application/octet-stream", "image/jpeg")
ENOUGH_BYTES = 4096
IDLE_SECONDS, PROOF_SECONDS, PROOF_BYTES = 15.0, 60.0, 512 * 1024


async def prove(contact: Contact, observation: Observation, facts: DicomWebFacts) -> Learned:
    """The same observation with the head of one image, dropped unread. Raises OutOfScope only."""
    site = contact.origin(observation.endpoint.port, observation.tls is not None)
    caps = contact.scope.caps.at_most(idle_seconds=IDLE_SECONDS, seconds=PROOF_SECONDS, received_bytes=PROOF_BYTES)
    proofs: list[WebProof] = []
    ended = await fetch_all(contact, site, _image(facts.root, proofs), question="http image", caps=caps)
    completed = ended.stop.ending is OutcomeKind.COMPLETED
    stop = Outcome(OutcomeKind.COMPLETED, Cause.NO_INSTANCE) if completed else ended.stop
    proof = max(proofs, key=lambda one: one.bytes) if proofs else WebProof(stop=stop)
    return Learned(observation.with_facts(msgspec.structs.replace(facts, proof=proof)))


def _image(root: str, proofs: list[WebProof]) -> Requests:
    """Asks for one study, one of its series, one instance of that; then for the first KiB of the instance."""
    uids: list[str] = []
    for path, level in (("/studies", "study"), ("/series", "series"), ("/instances", "instance")):
        above = "".join(f"/{name}/{uid}" for name, uid in zip(("studies", "series"), uids, strict=False))
        first = _First(level)
        yield Request(
            f"{root}{above}{path}?limit=1", accept=JSON, leave=True, into=JsonArray(first.take, piecemeal=True).feed
        )
        if not re.fullmatch("[0-9.]{1,64}", first.uid):
            return
        uids.append(first.uid)
    study, series, instance = uids
    base = root.removesuffix("/rs")
    wado = f"requestType=WADO&studyUID={study}&seriesUID={series}&objectUID={instance}&contentType=application%2Fdicom"
    ways = (
        (WebService.WADO_RS, f"{root}/studies/{study}/series/{series}/instances/{instance}"),
        *(
            (WebService.WADO_URI, f"{path}?{wado}")
            for path in dict.fromkeys((f"{base}/wado" if base != root else "/wado", "/wado"))
        ),
    )
    for service, path in ways:
        accept = (
            'multipart/related; type="application/dicom"; transfer-syntax=*'
            if service is WebService.WADO_RS
            else "application/dicom"
        )
        reply = yield Request(path, accept=accept, most_bytes=ENOUGH_BYTES, leave=True, into=forget)
        image = reply.status in (200, 206) and reply.media_type in _IMAGES
        proofs.append(WebProof(service, reply.status, media_type(reply), reply.size if image else 0))
        if proofs[-1].bytes:
            return


@dataclass(repr=False)
class _First:
    """A UID of the first record. It stays in memory only during the proof."""

    level: str
    uid: str = field(default="")

    def take(self, row: bytes) -> None:
        found = record(row)
        if found is not None and not self.uid:
            self.uid = getattr(found, self.level).uid.decode("ascii")
