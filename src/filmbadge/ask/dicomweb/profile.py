"""A census over QIDO-RS; from depth `profile` on, with a look at the personal attributes that come with it anyway."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from filmbadge.ask.dicomweb import census as qido
from filmbadge.ask.dicomweb.census import JSON, QidoProgress, nothing, record
from filmbadge.ask.learned import Learned
from filmbadge.ask.personal.documents import by_tag
from filmbadge.ask.personal.inspector import Value
from filmbadge.ask.personal.progress import BY_SERIES, BY_STUDY, BY_STUDY_KINDS, WITH_ALL, ProfileProgress
from filmbadge.ask.wire.contact import Contact
from filmbadge.ask.wire.fetch import Fetched, fetch_all
from filmbadge.ask.wire.http import Request, Requests
from filmbadge.ask.wire.json_array import JsonArray
from filmbadge.catalogue.kinds import ISSUER
from filmbadge.model import Depth, DicomWebFacts, Observation, OutcomeKind

CONNECTIONS = 5000  # of a census, where a server closes each after one page


async def count(contact: Contact, observation: Observation, facts: DicomWebFacts) -> Learned:
    """A census of all studies; from depth `profile` on also of the kinds of data that come with them.

    What comes is the same for both, so it is asked for once. Raises OutOfScope only.
    """
    personal = observation.depth.reaches(Depth.PROFILE)
    notes, noticed = QidoProgress(), ProfileProgress()
    if personal:
        notes.look = lambda row: _listed(noticed, row)
    script = _everything(facts.root, notes, noticed if personal else None)
    ended = await _fetch_all(contact, observation, script, f"http {'profile' if personal else 'census'} QIDO-RS")
    broke_off = "" if ended.stop.ending is OutcomeKind.COMPLETED else f"{ended.stop.ending}: {ended.stop.detail}"
    census = notes.census(broke_off)
    facts = msgspec.structs.replace(facts, census=census, retrieve_url=facts.retrieve_url or notes.retrieve_url)
    if personal:
        noticed.complete = census.complete and not noticed.malformed and noticed.records == census.studies
        noticed.queries += notes.queries
        facts = msgspec.structs.replace(facts, profile=noticed.profile(census.why_incomplete or broke_off))
    return Learned(
        observation.with_facts(facts),
        studies=notes.studies if census.complete else None,
        patients=noticed.patients if personal else None,
    )


async def _fetch_all(contact: Contact, observation: Observation, script: Requests, question: str) -> Fetched:
    site = contact.origin(observation.endpoint.port, observation.tls is not None)
    caps = contact.scope.caps
    return await fetch_all(contact, site, script, question=question, caps=caps, connections=CONNECTIONS, throttle=True)


def _everything(root: str, notes: QidoProgress, noticed: ProfileProgress | None) -> Requests:
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
            rows = JsonArray(lambda row, tags=tags: _part(noticed, row, tags))  # type: ignore[misc]
            reply = yield Request(path, accept=JSON, most_bytes=qido.ONE_BYTES, into=rows.feed)
            noticed.queries += 1
            if not (nothing(reply, rows) or (reply.status in (200, 206) and rows.over)):
                said = "no answer" if reply.status is None else f"HTTP {reply.status}"
                noticed.trouble = noticed.trouble or f"the questions about single studies ended with {said}"
                return
        noticed.deep += 1
        noticed.look.close(BY_STUDY_KINDS)
    noticed.drawn.clear()


def _fields(tags: Sequence[int]) -> str:
    return ",".join(f"{tag:08X}" for tag in sorted(set(tags)))


def _listed(noticed: ProfileProgress, row: bytes) -> None:
    """One study of the list: its personal attributes are looked at, and forgotten."""
    found = record(row)
    noticed.listed(b"" if found is None else found.study.uid, _values(row, (*WITH_ALL, ISSUER)))


def _part(noticed: ProfileProgress, row: bytes, tags: Sequence[int]) -> None:
    noticed.look.take(_values(row, tags), BY_STUDY_KINDS)


def _values(row: bytes, tags: Sequence[int]) -> list[Value]:
    try:
        held: Any = msgspec.json.decode(row)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []
    return by_tag(held, tags) if isinstance(held, dict) else []
