"""Proves that images would be handed out: one retrieval by WADO-RS or WADO-URI is begun, counted and dropped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec

from filmbadge.ask.census.lot import NO_LOT, Lot
from filmbadge.ask.decoder import uids as uids_of_records
from filmbadge.ask.dicomweb.answer import NOBODY, forget, media_type
from filmbadge.ask.dicomweb.manners import filters
from filmbadge.ask.dicomweb.question import Form
from filmbadge.ask.dicomweb.records import record
from filmbadge.ask.learned import Learned
from filmbadge.ask.wire.contact import Contact
from filmbadge.ask.wire.fetch import fetch_all
from filmbadge.ask.wire.http import Origin, Request, Requests
from filmbadge.ask.wire.json_array import JsonArray
from filmbadge.model import Cause, DicomWebFacts, Observation, Outcome, OutcomeKind, WebProof, WebService

_IMAGES = ("multipart/related", "application/dicom", "application/octet-stream", "image/jpeg")
_MULTIPART = 'multipart/related; type="application/dicom"; transfer-syntax=*'
ENOUGH_BYTES = 4096
PROOF_BYTES = 512 * 1024


async def prove(contact: Contact, observation: Observation, facts: DicomWebFacts, lot: Lot = NO_LOT) -> Learned:
    """The same observation with the head of one image of each study that was drawn, dropped unread. Raises OutOfScope only."""

    async def one(study: bytes) -> WebProof:
        return await _prove(contact, observation, facts, study.decode("ascii"))

    proof = await lot.tried(one)
    return Learned(observation.with_facts(msgspec.structs.replace(facts, proof=proof)))


async def _prove(contact: Contact, observation: Observation, facts: DicomWebFacts, study: str) -> WebProof:
    site = contact.origin(observation.endpoint.port, observation.tls is not None)
    caps = contact.scope.caps.small(PROOF_BYTES)
    proofs: list[WebProof] = []
    ended = await fetch_all(contact, site, _image(facts, site, proofs, study), question="http image", caps=caps)
    completed = ended.stop.ending is OutcomeKind.COMPLETED
    stop = Outcome(OutcomeKind.COMPLETED, Cause.NO_INSTANCE) if completed else ended.stop
    return max(proofs, key=lambda one: one.bytes) if proofs else WebProof(stop=stop)


def _image(facts: DicomWebFacts, site: Origin, proofs: list[WebProof], study: str = "") -> Requests:
    """Asks for one study, or this one, one of its series, one instance of that; then for the first KiB of the instance."""
    form, root = Form.of(facts), facts.root
    uids: list[str] = []
    named: list[str] = []  # Retrieve URLs of the records, the narrowest first
    for resource, level in (("studies", "study"), ("series", "series"), ("instances", "instance")):
        first = _First(level)
        above = dict(zip(("StudyInstanceUID", "SeriesInstanceUID"), uids, strict=False))
        below = "".join(f"/{name}/{uid}" for name, uid in zip(("studies", "series"), uids, strict=False))
        keys = {"StudyInstanceUID": study} if study else next(filters()) if facts.needs_filter else {}
        asked = [(f"{root}{below}/{resource}", {} if uids else keys)]
        asked += [(f"{root}/{resource}", above)] if uids else []  # some know no resource below another
        for path, keys in asked:
            rows = JsonArray(first.take, piecemeal=True)
            yield Request(form.path(path, keys, 1), accept=form.accepts, leave=True, into=rows.feed)
            if first.uid:
                break
        ignored = study and not uids and first.uid != study  # it gave what was not asked for
        if ignored or not uids_of_records.names(first.uid.encode()):
            return
        named = [first.url, *named]
        uids.append(first.uid)
    end = "/" if facts.slash else ""
    for service, path in _ways(site, root, uids, named, end):
        accept = _MULTIPART if service is WebService.WADO_RS else "application/dicom"
        reply = yield Request(path, accept=accept, most_bytes=ENOUGH_BYTES, leave=True, into=forget)
        image = reply.status in (200, 206) and reply.media_type in _IMAGES
        proofs.append(WebProof(service, reply.status, media_type(reply), reply.size if image else 0))
        if proofs[-1].bytes:
            return


def _ways(site: Origin, root: str, uids: list[str], named: list[str], end: str) -> Iterator[tuple[WebService, str]]:
    """Where one instance may be had: where its records say, below the root of the search, and by WADO-URI.

    Of a Retrieve URL (0008,1190) only the root is taken. It may name a host that only the archive knows: then that root
    is tried on our own port, last.
    """
    study, series, instance = uids
    below = f"studies/{study}/series/{series}/instances/{instance}{end}"
    roots = [url.partition("/studies/")[0] for url in named if "/studies/" in url]
    here = [path for url in roots if (path := site.local(f"{url}/{below}")) is not None]
    paths = [*here[:1], f"{root}/{below}"]
    yield from ((WebService.WADO_RS, path) for path in dict.fromkeys(paths))
    base = root.removesuffix("/rs")
    wado = f"requestType=WADO&studyUID={study}&seriesUID={series}&objectUID={instance}&contentType=application%2Fdicom"
    for path in dict.fromkeys((f"{base}/wado" if base != root else "/wado", "/wado")):
        yield WebService.WADO_URI, f"{path}?{wado}"
    other = [url.partition("://")[2].partition("/")[2] for url in roots if "://" in url]
    last = [path for root in other if (path := site.local(f"/{root}/{below}".replace("//", "/"))) is not None][:1]
    yield from ((WebService.WADO_RS, path) for path in last if path not in paths)


@dataclass(repr=False)
class _First:
    """The UID and the Retrieve URL of the first record. They stay in memory only during the proof."""

    level: str
    uid: str = field(default="")
    url: str = field(default="")

    def take(self, row: bytes) -> None:
        found = record(row)
        if found is not None and not self.uid:
            uid = getattr(found, self.level).uid.decode("ascii")
            if uid != NOBODY:
                self.uid, self.url = uid, found.url
