"""A census over QIDO-RS; from depth `profile` on, with a look at the personal attributes that come with it anyway."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from operator import attrgetter
from typing import Any, cast

import msgspec

from filmbadge.ask.census.budget import Spent, within
from filmbadge.ask.census.count import CensusProgress
from filmbadge.ask.census.plan import Hint, plan_for
from filmbadge.ask.dicomweb.census import QidoSource, nothing
from filmbadge.ask.dicomweb.question import Form
from filmbadge.ask.dicomweb.records import Names, Study, Text, decoded, study
from filmbadge.ask.learned import Learned
from filmbadge.ask.personal.documents import by_tag
from filmbadge.ask.personal.inspector import Value
from filmbadge.ask.personal.progress import BY_SERIES, BY_STUDY, BY_STUDY_KINDS, FIELDS, ProfileProgress
from filmbadge.ask.wire.contact import Contact
from filmbadge.ask.wire.fetch import fetch_all
from filmbadge.ask.wire.http import Request, Requests
from filmbadge.ask.wire.json_array import JsonArray
from filmbadge.catalogue.kinds import VR
from filmbadge.model import Depth, DicomWebFacts, Doubt, DoubtCode, Observation, OutcomeKind

CONNECTIONS = 5000  # of a census, where a server closes each after one page
ONE_BYTES = 256 * 1024


async def count(contact: Contact, observation: Observation, facts: DicomWebFacts) -> Learned:
    """A census of all studies; from depth `profile` on also of the kinds of data that come with them.

    What comes is the same for both, so it is asked for once. Raises OutOfScope only.
    """
    personal = observation.depth.reaches(Depth.PROFILE)
    noticed, spent = ProfileProgress(contact.key), Spent(contact.scope.census)
    form = Form.of(facts)
    source = QidoSource(facts.root, Listed(noticed) if personal else None, form)
    counting = CensusProgress(source, plan_for(contact.scope, Hint(), contact.pace), spent, contact.key)
    ended = await fetch_all(
        contact,
        contact.origin(observation.endpoint.port, observation.tls is not None),
        _everything(facts.root, form, counting, noticed if personal else None),
        question=f"http {'profile' if personal else 'census'} QIDO-RS",
        caps=contact.scope.caps,
        connections=CONNECTIONS,
        throttle=True,
        meter=spent,
    )
    completed = ended.stop.ending is OutcomeKind.COMPLETED
    broke_off = None if completed else Doubt(DoubtCode.BROKE_OFF, stop=ended.stop)
    census = counting.census(broke_off)
    facts = msgspec.structs.replace(facts, census=census, retrieve_url=facts.retrieve_url or source.retrieve_url)
    if personal:
        noticed.complete = census.complete and not noticed.malformed and noticed.records == census.studies
        noticed.queries += counting.queries
        noticed.doubt(*census.doubts)
        noticed.ended(ended.stop)
        facts = msgspec.structs.replace(facts, profile=noticed.profile())
    return Learned(
        observation.with_facts(facts),
        studies=counting.studies.uids,
        whole=census.complete,
        patients=noticed.patients if personal else None,
    )


def _everything(root: str, form: Form, counting: CensusProgress, noticed: ProfileProgress | None) -> Requests:
    yield from counting.script()
    if noticed is not None and counting.done:
        yield from within(counting.spent, _deep(root, form, noticed), noticed.doubt)


def _deep(root: str, form: Form, noticed: ProfileProgress) -> Requests:
    """The questions about single studies."""
    for uid in noticed.drawn_by_lot():
        study = uid.decode()
        one = {"StudyInstanceUID": study, "includefield": _fields(BY_STUDY)}
        questions = (
            (form.path(f"{root}/studies", one, 1), BY_STUDY),
            (form.path(f"{root}/studies/{study}/series", {"includefield": _fields(BY_SERIES)}), BY_SERIES),
        )
        failed = None
        for path, tags in questions:
            rows = JsonArray(lambda row, tags=tags: _part(noticed, row, tags))  # type: ignore[misc]
            reply = yield Request(path, accept=form.accepts, most_bytes=ONE_BYTES, into=rows.feed)
            noticed.queries += 1
            if not (nothing(reply, rows) or (reply.status in (200, 206) and rows.over)):
                if reply.status is None:
                    return
                failed = Doubt(DoubtCode.HTTP_STATUS, {"status": reply.status})
                break
        if not noticed.went_on(failed):
            return
    noticed.drawn.clear()


def _fields(tags: Sequence[int]) -> str:
    return ",".join(f"{tag:08X}" for tag in sorted(set(tags)))


LISTED = tuple(tag for tag, _, _ in FIELDS)  # the personal attributes of a row in the list of studies
_OF_A_STUDY = {named.encode_name: named.name for named in msgspec.structs.fields(Study)}
_FIELDS = {tag: _OF_A_STUDY.get(f"{tag:08X}", f"t{tag:08X}") for tag in LISTED}
_PersonalStudy = msgspec.defstruct(
    "_PersonalStudy",
    [
        (name, kind, msgspec.field(name=f"{tag:08X}", default=kind()))
        for tag, name in _FIELDS.items()
        if name not in _OF_A_STUDY.values()
        for kind in (Names if VR[tag] == "PN" else Text,)
    ],
    bases=(Study,),
    frozen=True,
    gc=False,
)
_VALUES = tuple((VR[tag] == "PN", attrgetter(f"{name}.Value")) for tag, name in _FIELDS.items())


class Listed:
    """Looks at the personal attributes of each study of a list, and forgets them."""

    kind = cast("type[Study]", _PersonalStudy)

    def __init__(self, noticed: ProfileProgress) -> None:
        self._noticed = noticed

    def __repr__(self) -> str:
        return "<Listed>"

    def rows(self, found: Sequence[Study], uids: Sequence[bytes]) -> None:
        alone, listed = self._noticed.tally.texts, self._noticed.listed
        try:
            columns = [
                [name and name.text for (name,) in map(values, found)]
                if is_name
                else [text for (text,) in map(values, found)]
                for is_name, values in _VALUES
            ]
        except (TypeError, ValueError):  # an attribute of one of them has several values, or an empty list of them
            for one in found:
                self._alone(one)
            return
        for uid, texts in zip(uids, zip(*columns, strict=True), strict=True):
            if not alone(uid, texts):
                listed(uid, [(tag, text) for tag, text in zip(LISTED, texts, strict=True) if text])

    def _alone(self, one: Study) -> None:
        held = [
            (tag, (value.text if is_name else value) if value is not None else "")
            for tag, (is_name, values) in zip(LISTED, _VALUES, strict=True)
            for value in values(one) or ()
        ]
        self._noticed.listed(one.study.uid, [value for value in held if value[1]])

    def other(self, row: bytes) -> None:
        found = study(row)
        self._noticed.listed(b"" if found is None else found.study.uid, _values(row, LISTED))


def _part(noticed: ProfileProgress, row: bytes, tags: tuple[int, ...]) -> None:
    noticed.look.take(_values(row, tags), BY_STUDY_KINDS)


def _values(row: bytes, tags: tuple[int, ...]) -> list[Value]:
    """The attributes with these tags, in whatever form they come."""
    found = decoded(_any_form(tags), row)
    return [] if found is None else by_tag({f"{tag:08X}": getattr(found, f"t{tag:08X}") for tag in tags}, tags)


class _Hidden(msgspec.Struct):
    def __repr__(self) -> str:
        return "<AnyForm>"


@cache
def _any_form(tags: tuple[int, ...]) -> msgspec.json.Decoder[msgspec.Struct]:
    fields = [(f"t{tag:08X}", Any, msgspec.field(name=f"{tag:08X}", default=None)) for tag in sorted(set(tags))]
    return msgspec.json.Decoder(msgspec.defstruct("_AnyForm", fields, bases=(_Hidden,)))
