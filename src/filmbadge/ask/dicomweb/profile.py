"""A census over QIDO-RS; from depth `profile` on, with a look at the personal attributes that come with it anyway."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from functools import cache
from operator import attrgetter
from typing import Any, cast

import msgspec

from filmbadge.ask.census.budget import Spent, within
from filmbadge.ask.census.count import CensusProgress
from filmbadge.ask.census.plan import Hint, plan_for
from filmbadge.ask.dicomweb.census import QidoSource, nothing
from filmbadge.ask.dicomweb.question import Form
from filmbadge.ask.dicomweb.records import ABSENT, Study, decoded, text
from filmbadge.ask.key import RunKey
from filmbadge.ask.learned import Learned
from filmbadge.ask.personal.documents import by_tag
from filmbadge.ask.personal.inspector import Value
from filmbadge.ask.personal.progress import BY_SERIES, BY_STUDY, BY_STUDY_KINDS, FIELDS, ProfileProgress
from filmbadge.ask.wire.contact import Contact
from filmbadge.ask.wire.fetch import fetch_all
from filmbadge.ask.wire.http import Request, Requests
from filmbadge.ask.wire.json_array import JsonArray
from filmbadge.model import Depth, DicomWebFacts, Doubt, DoubtCode, Observation, OutcomeKind

CONNECTIONS = 5000  # of a census, where a server closes each after one page
ONE_BYTES = 256 * 1024


async def count(contact: Contact, observation: Observation, facts: DicomWebFacts) -> Learned:
    """A census of all studies; from depth `profile` on also of the kinds of data that come with them.

    What comes is the same for both, so it is asked for once. Raises OutOfScope only.
    """
    with contact.counting() as key:
        return await _count(contact, observation, facts, key)


async def _count(contact: Contact, observation: Observation, facts: DicomWebFacts, key: RunKey) -> Learned:
    personal = observation.depth.reaches(Depth.PROFILE)
    noticed, spent = ProfileProgress(key), Spent(contact.scope.census, share=key.memory)
    form = Form.of(facts)
    proves = observation.depth.reaches(Depth.PROVE)
    source = QidoSource(facts.root, key, Listed(noticed) if personal else None, form, availability=proves)
    draws = contact.scope.retrievals.large if proves else 0
    counting = CensusProgress(source, plan_for(Hint(), contact.pace, spent), spent, key, draws=draws)
    with closing(counting):
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
        lot=counting.lot(),
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
        (name, msgspec.Raw, msgspec.field(name=f"{tag:08X}", default=ABSENT))
        for tag, name in _FIELDS.items()
        if name not in _OF_A_STUDY.values()
    ],
    bases=(Study,),
    frozen=True,
    gc=False,
)
_ELEMENTS = attrgetter(*_FIELDS.values())
_ANYTHING = msgspec.json.Decoder(Any)


class Listed:
    """Looks at the personal attributes of each study of a list, and forgets them."""

    kind = cast("type[Study]", _PersonalStudy)

    def __init__(self, noticed: ProfileProgress) -> None:
        self._noticed = noticed

    def __repr__(self) -> str:
        return "<Listed>"

    @property
    def full(self) -> bool:
        return self._noticed.full

    def go_on(self) -> None:
        self._noticed.go_on()

    def rows(self, found: Sequence[Study]) -> None:
        alone = self._noticed.tally.json
        for one in found:
            if not alone(one.study, _ELEMENTS(one)):
                self._aside(one)

    def _aside(self, one: Study) -> None:
        """Look at a study that the tally does not count."""
        found = _read(dict(zip(LISTED, _ELEMENTS(one), strict=True)))
        self._noticed.listed(text(bytes(one.study)).uid, found)


def _part(noticed: ProfileProgress, row: bytes, tags: tuple[int, ...]) -> None:
    noticed.look.take(_values(row, tags), BY_STUDY_KINDS)


def _values(row: bytes, tags: tuple[int, ...]) -> list[Value]:
    """The attributes with these tags, in whatever form they come."""
    found = decoded(_form(tags), row)
    return [] if found is None else _read({tag: getattr(found, f"t{tag:08X}") for tag in tags})


def _read(elements: Mapping[int, msgspec.Raw]) -> list[Value]:
    held = {f"{tag:08X}": _anything(bytes(element)) for tag, element in elements.items() if bytes(element)}
    return by_tag(held, elements)


def _anything(element: bytes) -> Any:
    """What an element holds. Bytes that are no UTF-8 come as lone surrogates, as `charsets.text` gives those of DIMSE."""
    found = decoded(_ANYTHING, element)
    if found is not None:
        return found
    try:
        return json.loads(element.decode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError):  # the exception holds the text, so it is not passed on
        return None


class _Form(msgspec.Struct):
    def __repr__(self) -> str:
        return "<Form>"


@cache
def _form(tags: tuple[int, ...]) -> msgspec.json.Decoder[_Form]:
    fields = [(f"t{tag:08X}", msgspec.Raw, msgspec.field(name=f"{tag:08X}", default=ABSENT)) for tag in set(tags)]
    return msgspec.json.Decoder(cast("type[_Form]", msgspec.defstruct("_OfStudy", fields, bases=(_Form,))))
