"""The small questions of `ask` to one archive, until one brings a record. Each is cancelled at its first few matches.

An archive may give nothing to one form of a question and much to another: it may refuse wide ranges of dates, take only
single days, or demand some matching key. So what brings nothing is asked in other forms, and nothing but a record tells
what an archive holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache

from filmbadge.ask.census.source import Steps
from filmbadge.ask.decoder import elements, has_uid
from filmbadge.ask.dimse.association import Answer, Keys, Query
from filmbadge.catalogue.dicom import OUT_OF_RESOURCES, PATIENT_ROOT_FIND, STUDY_ROOT_FIND, is_success
from filmbadge.model import Depth, DimseFacts, Find, FindKey

# Ages in days. Each window is older and wider than the one before it, and is asked for only if that one was empty. So a
# busy archive is asked about two days, and only an idle archive about decades.
Ages = tuple[int, int]
AGES = ((0, 1), (2, 8), (9, 39), (40, 404), (405, 1865), (1866, 9131))

# Where these bring nothing, narrower windows are tried here and there: of at most this many days, from these ages on.
NARROW_DAYS = 31
FROM_AGES = (40, 71, 102, 133, 190, 365, 730, 1460)
FEW_FROM_AGES = (40, 71, 102, 365)  # where wide windows were not refused
LAST_DAYS, LAST_WEEK = (1, 2, 3), tuple(range(7))  # single days: one of three in a row is a working day

# Keys that some archives demand. A key of a person becomes a key of the answer too, so it is asked from `profile` on.
KEYS = {
    FindKey.MODALITY_CT: (elements.MODALITIES_IN_STUDY, b"CT"),
    FindKey.ANY_PATIENT_ID: (elements.PATIENT_ID, b"*"),
    FindKey.ANY_PATIENT_NAME: (elements.PATIENT_NAME, b"*"),
}
SEVERAL = 8  # rows that are looked at, after one named no study: another in the same answer may name one
_PERSONAL = (FindKey.ANY_PATIENT_ID, FindKey.ANY_PATIENT_NAME)


def date_key(ages: Ages | None, today: date) -> bytes:
    """The Study Date key (range matching, PS3.4 C.2.2.2.5) of studies of these ages. Empty for studies of any age."""
    if ages is None:
        return b""
    young, old = ages
    first, last = today - timedelta(days=old), today - timedelta(days=young)
    return f"{last:%Y%m%d}".encode() if young == old else f"{first:%Y%m%d}-{last:%Y%m%d}".encode()


@lru_cache(maxsize=64)
def _keys(ages: Ages | None, today: date, key: FindKey | None) -> Keys:
    keys = ((elements.QUERY_LEVEL, b"STUDY"), (elements.STUDY_DATE, date_key(ages, today)), (elements.STUDY_UID, b""))
    return keys if key is None else (*keys, KEYS[key])


def opening(facts: DimseFacts) -> Find | None:
    """The question that brought a record."""
    return next((find for find in reversed(facts.finds) if find.matches), None)


def find_root(facts: DimseFacts) -> str | None:
    """The query model to use: the one that brought a record, else Study Root before Patient Root."""
    if (found := opening(facts)) is not None and found.patient_root:
        return PATIENT_ROOT_FIND
    if facts.study_root:
        return STUDY_ROOT_FIND
    return PATIENT_ROOT_FIND if facts.patient_root else None


def demanded(facts: DimseFacts) -> Keys:
    """The key without which the archive gave nothing. It goes with every further question."""
    found = opening(facts)
    return () if found is None or found.with_key is None else (KEYS[found.with_key],)


@dataclass
class IdentifyProgress:
    """Facts that associations learned. They outlive an association that breaks off."""

    today: date
    echo: int | None = None
    finds: list[Find] = field(default_factory=list)
    under_way: Find | None = None  # the question that is open
    named: int = 0  # rows of the open question that were looked at, and have a UID
    unnamed: int = 0  # and those that have none

    def ask(self, root: str, ages: Ages | None = None, key: FindKey | None = None) -> Steps[Find]:
        """One question. One that was asked before, in an association that broke off, is not asked again."""
        find = Find(ages, 0, patient_root=root == PATIENT_ROOT_FIND, with_key=key)
        several = False
        for asked in self.finds:
            several = several or asked.unnamed > 0
            if (asked.ages, asked.patient_root, asked.with_key) == (find.ages, find.patient_root, find.with_key):
                return asked
        self.under_way, self.named, self.unnamed = find, 0, 0
        enough = SEVERAL if several else 1
        answer: Answer = yield Query(root, _keys(ages, self.today, key), self._record, cancel_after=enough, ours=True)
        return self.ended(answer.matches, answer.status, answer.cancelled)

    def ended(self, matches: int, status: int | None, cancelled: bool) -> Find:
        """Note what the open question brought. A row without a UID names no study, so it is no record of one."""
        assert self.under_way is not None
        asked, self.under_way = self.under_way, None
        records = matches if self.named else 0
        find = Find(asked.ages, records, status, cancelled, self.unnamed, asked.patient_root, asked.with_key)
        self.finds.append(find)
        return find

    def answers(self, root: str) -> bool:
        """Whether this query model answered a question."""
        patient_root = root == PATIENT_ROOT_FIND
        return any(is_success(find.status) for find in self.finds if find.patient_root == patient_root)

    @property
    def hopeless(self) -> bool:
        """Whether it hung up at two forms of a question, and answered none."""
        return len(self.finds) > 1 and all(find.status is None for find in self.finds)

    def _record(self, identifier: bytes, explicit: bool) -> None:
        if has_uid(identifier, explicit, elements.STUDY_UID):
            self.named += 1
        else:
            self.unnamed += 1


def questions(notes: IdentifyProgress, accepted: Set[str], depth: Depth) -> Steps[None]:
    """All questions, until one brings a record or the archive is out of resources."""
    roots = [root for root in (STUDY_ROOT_FIND, PATIENT_ROOT_FIND) if root in accepted]
    for root in roots:
        other = PATIENT_ROOT_FIND if root == STUDY_ROOT_FIND else STUDY_ROOT_FIND
        if other in accepted and notes.answers(other):  # and gave nothing: one question to this model will do
            find = yield from notes.ask(root)
            over = _over(find)
        else:
            over = yield from _by_age(root, notes)
        if over:
            return
    root = next(filter(notes.answers, roots), roots[0] if roots else "")
    for key in KEYS if roots else ():
        if key in _PERSONAL and not depth.reaches(Depth.PROFILE):
            continue
        if _over((yield from notes.ask(root, key=key))):
            return


def _over(find: Find) -> bool:
    return find.matches > 0 or find.status == OUT_OF_RESOURCES


def _by_age(root: str, notes: IdentifyProgress) -> Steps[bool]:
    """One window after the other, then all studies, then narrower windows. Returns whether nothing more is to be asked.

    An archive that is out of resources for a wide window may have them for a narrower one.
    """
    served: Ages | None = None
    for ages in AGES:
        find = yield from notes.ask(root, ages)
        if find.matches:
            return True
        if not is_success(find.status):
            break
        served = ages
    refused, hung_up = not is_success(find.status), find.status is None and served is not None
    if find.status == OUT_OF_RESOURCES and served is None:
        return True
    if find.status != OUT_OF_RESOURCES and not hung_up and _over((yield from notes.ask(root))):
        return True
    for windows in _narrower(served, refused):
        for ages in windows:
            find = yield from notes.ask(root, ages)
            if _over(find):
                return True
            if not is_success(find.status):
                break
    # One that hangs up at a wide window may do so here too, and soon shows distress: so this comes last.
    return hung_up and _over((yield from notes.ask(root)))


def _narrower(served: Ages | None, refused: bool) -> Iterator[Sequence[Ages]]:
    """Windows that are not wider than what was answered, from where that ends; then single days."""
    if served is not None:
        width, begin = min(served[1] - served[0] + 1, NARROW_DAYS), served[1] + 1
        ages = (begin, begin + width, *FROM_AGES) if refused else FEW_FROM_AGES
        yield [(age, age + width - 1) for age in dict.fromkeys(ages) if age >= begin or not refused]
    yield [(age, age) for age in (LAST_DAYS if served is not None else LAST_WEEK)]
