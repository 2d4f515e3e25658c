"""How one DICOMweb root wants to be asked: its questions, one record of it, and the form that it takes."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

import msgspec

from filmbadge.ask.dicomweb.answer import NOBODY, Answer
from filmbadge.ask.dicomweb.question import LIMIT, Form
from filmbadge.ask.wire.http import Request, Response
from filmbadge.model import DicomWebFacts

NOBODY_KEYS: Mapping[str, str] = MappingProxyType({"StudyInstanceUID": NOBODY})  # no answer can have a record
ANY: Mapping[str, str] = MappingProxyType({})
WILDCARDS = ("PatientID", "PatientName")  # no patient is named: any value matches, PS3.4 C.2.2.2.4
LIMITS = (LIMIT, 200, 100, 50, 10)
_SUCCESS = (200, 203, 204, 206)

Learning = Generator[Request, Response, DicomWebFacts]


def ask(
    root: str, keys: Mapping[str, str], form: Form, size: int = 1, offset: int | None = None
) -> Generator[Request, Response, Answer]:
    """One question about studies. Of a list of all studies, no more is read than a bound."""
    answer = Answer()
    path = form.path(f"{root}/studies", keys, size, offset)
    answer.reply = yield Request(path, accept=form.accepts, leave=keys is not NOBODY_KEYS, into=answer.feed)
    return answer


def filters() -> Iterator[Mapping[str, str]]:
    """Matching keys that each study with a date meets, or each study; then those of the last 30 days, and of today."""
    today = datetime.now(UTC).date()
    yield {"StudyDate": "18000101-20991231"}
    yield from ({key: "*"} for key in WILDCARDS)
    yield {"StudyDate": f"{today - timedelta(30):%Y%m%d}-{today:%Y%m%d}"}
    yield {"StudyDate": f"{today:%Y%m%d}"}


def one_record(facts: DicomWebFacts, plain: Answer | None) -> Learning:
    """Ask for one record: without a matching key, and if none comes, with one.

    `plain` is the answer to the first, if it was asked already. Records are counted; nobody looks inside.
    """
    wanted = Form.of(facts)
    plain = plain or (yield from ask(facts.root, ANY, wanted))
    best, wildcard, dates = plain, "", False
    for keys in () if plain.count.records else filters():
        if dates and "StudyDate" in keys:
            continue  # a range of all dates was answered, so a narrower one would tell no more
        said = yield from ask(facts.root, keys, wanted)
        if said.count.records or (said.nothing and not best.nothing):
            best, wildcard = said, next((key for key in WILDCARDS if key in keys), "")
        dates = dates or (said.nothing and "StudyDate" in keys)
        if said.count.records or said.reply.status is None:
            break
    return msgspec.structs.replace(
        facts,
        record_status=204 if best.nothing and not best.count.records else best.reply.status,
        records=best.count.records,
        unusable=max(facts.unusable, plain.count.unusable, best.count.unusable),
        retrieve_url=best.count.retrieve_url,
        needs_filter=best is not plain,
        wildcard=wildcard,
    )


def form(facts: DicomWebFacts, nobody: Answer | None) -> Learning:
    """Find the form in which this root takes matching keys, and its largest limit, with questions that bring no record.

    `nobody` is the answer to our own UID in the form of the facts, if it was asked already.
    """
    wanted, here = Form.of(facts), Form.of(facts)
    if nobody is None:
        nobody, here = yield from _keyed(facts.root, wanted)
    status, nothing = nobody.reply.status, facts.nothing
    if nobody.empty:
        nothing = 200
    elif status is not None and not _answered(nobody) and not facts.needs_filter:
        # It gives records, and to our UID something else. If it takes another key, that means that nothing matches.
        dated = yield from ask(facts.root, next(filters()), wanted)
        if not dated.count.records:
            return facts
        nothing, here = status, wanted
    limit = facts.limit
    for size in LIMITS if limit is None and status is not None else ():
        said = yield from ask(facts.root, NOBODY_KEYS, here, size, 0)
        if said.reply.status is None:
            break
        limit = size if said.reply.status == status else 0
        if limit:
            break
    return msgspec.structs.replace(
        facts, status=status, by_tag=here.by_tag, accept=here.accept, limit=limit, nothing=nothing
    )


def _keyed(root: str, wanted: Form) -> Generator[Request, Response, tuple[Answer, Form]]:
    """The answer to our own UID, in the form of `wanted` or, if that is refused, in another."""
    first = yield from ask(root, NOBODY_KEYS, wanted)
    if _answered(first) or first.reply.status is None:
        return first, wanted
    tag = replace(wanted, by_tag=True)
    said = yield from ask(root, NOBODY_KEYS, tag)
    return (said, tag) if _answered(said) else (first, wanted)


def _answered(answer: Answer) -> bool:
    """Whether the question was taken: with nothing, with what it asked for, or with a list that is always the same."""
    return answer.nothing or (answer.reply.status in _SUCCESS and bool(answer.rows.count))
