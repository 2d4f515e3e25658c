"""Words for what ended a conversation and for what leaves a number in doubt. Records hold codes and numbers only."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from filmbadge.catalogue.dicom import status_words
from filmbadge.model import Count, Doubt, DoubtCode, KindFound, Total

_DOUBTS = {
    DoubtCode.CUT_OFF: "an answer of {rows:,} rows looks like a limit of the archive, and some studies in it have no date",
    DoubtCode.UNCHECKED: "no smaller question could show that an answer of {rows:,} rows is whole",
    DoubtCode.NO_LIST: "it does not list all studies, so those without a date could not be looked for",
    DoubtCode.LIST_SHORT: "the question for all studies brought {listed:,} of the {studies:,} that are known",
    DoubtCode.LIST_TOO_LONG: "it has more than {rows:,} studies, and the question for all of them was ended by us",
    DoubtCode.NO_TIME: "a day holds more studies than an answer, and those without a time are in no part of it",
    DoubtCode.WINDOW_FULL: "a window holds more studies than an answer, and cannot be parted further",
    DoubtCode.DATES_IGNORED: "it does not look at dates, so its answers cannot be checked by parting them",
    DoubtCode.UNDATED_BEHIND_LIMIT: "answers end at {rows:,} rows, so studies without a date could not be looked for",
    DoubtCode.UNDATED_UNASKED: "studies without a date were not looked for: "
    "more than {studies:,} studies are not asked for at once",
    DoubtCode.REFUSALS: "it refused {questions:,} questions one after the other",
    DoubtCode.HTTP_STATUS: "a question was answered by HTTP {status}",
    DoubtCode.ANSWER_BROKEN: "an answer breaks off, or holds no records",
    DoubtCode.ANSWER_TOO_LONG: "an answer is longer than {bytes:,} bytes",
    DoubtCode.MORE_NOT_GIVEN: "it said that there is more, and did not give it",
    DoubtCode.SAME_PAGE: "it gives the same page again at another offset",
    DoubtCode.WITHOUT_UID: "{rows:,} of the rows have no usable Study Instance UID",
    DoubtCode.REPEATED: "{rows:,} rows repeat {uids:,} UIDs",
    DoubtCode.REPEATED_UNEVENLY: "{rows:,} rows repeat {uids:,} UIDs, and asking again brought {again:,} rows",
    DoubtCode.NOT_ENDED: "the census did not end",
    DoubtCode.BUDGET_QUESTIONS: "the scope's budget of {questions:,} questions for a census ended",
    DoubtCode.BUDGET_BYTES: "the scope's budget of {bytes:,} bytes for a census ended",
    DoubtCode.BUDGET_TIME: "the scope's budget of {seconds:,} seconds for a census ended",
}
Explained = TypeVar("Explained", Count, KindFound, Total)


def doubt(found: Doubt) -> str:
    """A clause for one doubt."""
    if found.stop is not None:
        return f"{found.stop.ending}: {found.stop.detail}" if found.stop.detail else str(found.stop.ending)
    if found.code is DoubtCode.STATUS:
        return f"a question ended with {status_words(found.numbers['status'])}"
    return _DOUBTS[found.code].format(**found.numbers)


def said(why: str) -> str:
    """Words for what `model.coded` made. What else stands there, or is of another version, is told as it is."""
    if not why.startswith("[{"):
        return why
    try:
        return "; ".join(map(doubt, msgspec.json.decode(why, type=tuple[Doubt, ...])))
    except (msgspec.DecodeError, KeyError):
        return why


def told(record: Explained) -> Explained:
    """The record with its reason in words."""
    return msgspec.structs.replace(record, why=said(record.why))
