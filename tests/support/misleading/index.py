"""The index of a made-up archive: which studies answer a question, whatever the protocol.

All its habits are knobs of `Manners`. Without any it answers as DICOM PS3.4 C.2 says. Knobs can be combined.
"""

from __future__ import annotations

import fnmatch
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date, timedelta
from typing import Literal

from support.misleading.holdings import Study

STUDY_UID, SERIES_UID, INSTANCE_UID = 0x0020000D, 0x0020000E, 0x00080018
DATE, TIME, MODALITIES, LEVEL, CHARSET = 0x00080020, 0x00080030, 0x00080061, 0x00080052, 0x00080005
NAME, PATIENT_ID, BIRTH, SEX, PHYSICIAN = 0x00100010, 0x00100020, 0x00100030, 0x00100040, 0x00080090
SERIES_COUNT, IMAGE_COUNT, IN_SERIES = 0x00201206, 0x00201208, 0x00201209
Row = dict[int, str]
Level = Literal["STUDY", "SERIES", "IMAGE"]


@dataclass(frozen=True, slots=True)
class Question:
    level: str
    keys: Mapping[int, str]  # with no value: what is wanted
    number: int  # of all questions to this archive, from 1

    def __getitem__(self, key: int) -> str:
        return self.keys.get(key, "")

    @property
    def span(self) -> int | None:
        """Days from the first to the last of a range. None: no date is asked for, or the range has an open end."""
        first, dash, last = self[DATE].partition("-")
        if not dash:
            return 1 if first else None
        return (_day(last) - _day(first)).days + 1 if len(first) == len(last) == 8 else None


class Refused(Exception):
    """The question is not answered. `status` is DIMSE's, `http` the other's."""

    def __init__(self, status: int = 0xC000, http: int = 400) -> None:
        self.status, self.http = status, http


@dataclass(frozen=True, slots=True)
class Answer:
    rows: Sequence[Row]
    cut: bool = False  # and the archive says so


@dataclass(frozen=True)
class Manners:
    """How an index answers. The default is as the standard says."""

    cap: int | None = None  # rows
    cap_says: bool = False
    cap_level: Level = "STUDY"
    cap_only_uids: bool = False  # not where counts are asked for
    order: Literal["stored", "dated first", "undated first", "newest first", "oldest first", "by chance"] = "stored"
    last_days: int | None = None  # a question without a date is one for so many days
    widest: int | None = None  # days of a range; without a date, it is too wide too
    too_wide: Literal["refused", "nothing"] = "refused"
    plain_refused: bool = False  # a question without any key
    demands: Literal["", "patient", "date", "date or patient"] = ""
    without: Literal["refused", "nothing"] = "nothing"  # where what it demands is missing
    dates: Literal["matched", "ignored", "as text", "closed only", "open ended only", "end left out"] = "matched"
    times: Literal["matched", "ignored", "combined"] = "matched"
    modalities: Literal["matched", "ignored", "unknown"] = "matched"
    uids: Literal["exact", "prefix", "ignored", "first of a list", "refused lists"] = "exact"
    patients: Literal["matched", "ignored", "no wildcards"] = "matched"
    undated: Literal["never", "always"] = "never"  # whether they match a range
    counts: Literal["right", "none", "one", "zero", "doubled", "some wrong", "empty"] = "right"
    rows_each: Literal["study", "series", "image"] = "study"
    uid_each_question: bool = False
    leaves: int = 0  # studies that have left after some questions, while as many others arrive
    nobody: Literal["", "no uid", "zero uid", "blank values", "echo", "empty"] = ""  # a row where nothing matches
    nobody_always: bool = False  # and one beside others
    twice: bool = False  # each row comes twice
    no_dates: bool = False  # rows do not have them, though they are matched
    charset: str = ""

    def named(self) -> str:
        """The knobs that were turned."""
        turned = [f for f in fields(self) if getattr(self, f.name) != f.default]
        return ", ".join(f"{f.name}={getattr(self, f.name)!r}" for f in turned)


@dataclass
class Index:
    """Studies, and the manners of who answers for them."""

    studies: Sequence[Study]
    manners: Manners = Manners()
    arriving: Sequence[Study] = ()
    asked: int = 0
    chance: random.Random = field(default_factory=lambda: random.Random(1))

    def question(self, level: str, keys: Mapping[int, str]) -> Question:
        self.asked += 1
        return Question(level, keys, self.asked)

    def answer(self, question: Question) -> Answer:
        """Raises Refused."""
        rows = self._studies(question) if question.level == "STUDY" else list(self._below(question))
        manners, cut = self.manners, False
        few = manners.cap_only_uids and IMAGE_COUNT in question.keys
        if manners.cap is not None and question.level == manners.cap_level and not few and len(rows) > manners.cap:
            rows, cut = rows[: manners.cap], manners.cap_says
        if manners.nobody and question.level == "STUDY" and (not rows or manners.nobody_always):
            rows = [*rows, self._nobody(question)]
        return Answer([row for row in rows for _ in range(2 if manners.twice else 1)], cut)

    def held(self, question: Question) -> Sequence[Study]:
        left = min(self.manners.leaves, max(0, question.number - 4) * 5)
        return [*self.studies[left:], *self.arriving[:left]] if left else self.studies

    def _studies(self, question: Question) -> list[Row]:
        self._check(question)
        found = [study for study in self.held(question) if self._matches(study, question)]
        return [row for study in self._sorted(found) for row in self._rows(study, question)]

    def _check(self, question: Question) -> None:
        """Raises Refused; with status 0, where nothing is given and nothing said."""
        manners = self.manners
        patient = bool(question[PATIENT_ID] or question[NAME])
        date_ = bool(question[DATE])
        uid = bool(question[STUDY_UID])
        if manners.plain_refused and not any(
            question[key] for key in (DATE, TIME, MODALITIES, STUDY_UID, PATIENT_ID, NAME)
        ):
            raise Refused(0xA700, 413)
        if manners.widest is not None and not uid and (question.span is None or question.span > manners.widest):
            raise Refused() if manners.too_wide == "refused" else Refused(0x0000, 200)
        met = {"patient": patient, "date": date_, "date or patient": date_ or patient, "": True}[manners.demands]
        if not met and not (uid and manners.demands != "patient"):
            raise Refused(0xA900, 400) if manners.without == "refused" else Refused(0x0000, 200)
        if manners.modalities == "unknown" and question[MODALITIES]:
            raise Refused(0xA900, 400)
        if manners.uids == "refused lists" and "\\" in question[STUDY_UID]:
            raise Refused(0xC000, 400)

    def _matches(self, study: Study, question: Question) -> bool:
        manners = self.manners
        usual = not question[DATE] and not question[STUDY_UID]
        if (
            manners.last_days is not None
            and usual
            and study.day < f"{date.today() - timedelta(manners.last_days):%Y%m%d}"
        ):
            return False
        return (
            self._uid(study, question[STUDY_UID])
            and self._date(study, question[DATE])
            and (manners.times == "ignored" or self._time(study, question))
            and (manners.modalities != "matched" or question[MODALITIES] in ("", study.modality))
            and self._patient(study.patient.id, question[PATIENT_ID])
            and self._patient(study.patient.name, question[NAME])
        )

    def _uid(self, study: Study, asked: str) -> bool:
        how = self.manners.uids
        if not asked or how == "ignored":
            return True
        if asked.endswith("*"):
            return how == "prefix" and study.uid.startswith(asked[:-1])
        listed = asked.split("\\")
        return study.uid in (listed[:1] if how == "first of a list" else listed)

    def _date(self, study: Study, asked: str) -> bool:
        how = self.manners.dates
        if not asked or how == "ignored":
            return True
        first, dash, last = asked.partition("-")
        if not dash or how == "as text":
            return study.day == asked
        if not study.day:
            return self.manners.undated == "always"
        if (how == "closed only" and not (first and last)) or (how == "open ended only" and first and last):
            return False
        if how == "end left out" and last:
            return first <= study.day < last
        return (not first or first <= study.day) and (not last or study.day <= last)

    def _time(self, study: Study, question: Question) -> bool:
        asked = question[TIME]
        if not asked:
            return True
        first, dash, last = asked.partition("-")
        if self.manners.times == "combined" and dash and question.span:  # PS3.4 C.2.2.2.5.4
            begin, _, end = question[DATE].partition("-")
            return begin + first.ljust(6, "0") <= study.day + study.time <= (end or begin) + (last or "2").ljust(6, "9")
        if not dash:
            return study.time.startswith(first)
        return bool(study.time) and first.ljust(6, "0")[:6] <= study.time <= (last or "235959").ljust(6, "9")[:6]

    def _patient(self, value: str, asked: str) -> bool:
        how = self.manners.patients
        if not asked or how == "ignored":
            return True
        if how == "no wildcards":
            return asked in (value, "*")
        return fnmatch.fnmatchcase(value, asked.replace("[", "[[]"))

    def _sorted(self, found: list[Study]) -> Iterable[Study]:
        match self.manners.order:
            case "dated first":
                return sorted(found, key=lambda study: not study.day)
            case "undated first":
                return sorted(found, key=lambda study: bool(study.day))
            case "newest first":
                return sorted(found, key=lambda study: study.day, reverse=True)
            case "oldest first":
                return sorted(found, key=lambda study: study.day or "9")
            case "by chance":
                return self.chance.sample(found, len(found))
        return found

    def _rows(self, study: Study, question: Question) -> Iterable[Row]:
        times = {"study": 1, "series": len(study.series), "image": study.images}[self.manners.rows_each]
        return [self._row(study, question)] * times

    def _row(self, study: Study, question: Question) -> Row:
        patient, manners = study.patient, self.manners
        have = {
            DATE: "" if manners.no_dates else study.day,
            TIME: study.time,
            MODALITIES: study.modality,
            NAME: patient.name,
            PATIENT_ID: patient.id,
            BIRTH: patient.born,
            SEX: patient.sex,
            PHYSICIAN: "REFERRING^DOCTOR",
            **self._counts(study),
        }
        row = {LEVEL: "STUDY", STUDY_UID: self._written(study.uid, question)}
        if manners.charset:
            row[CHARSET] = manners.charset
        return row | {key: value for key, value in have.items() if key in question.keys}

    def _counts(self, study: Study) -> Row:
        series, images = len(study.series), study.images
        match self.manners.counts:
            case "none":
                return {}
            case "empty":
                return {SERIES_COUNT: "", IMAGE_COUNT: ""}
            case "one":
                series = images = 1
            case "zero":
                series = images = 0
            case "doubled":
                series, images = series * 2, images * 2
            case "some wrong":
                images += study.uid[-1] in "37"
        return {SERIES_COUNT: str(series), IMAGE_COUNT: str(images)}

    def _written(self, uid: str, question: Question) -> str:
        return f"{uid}.{question.number}" if self.manners.uid_each_question else uid

    def _nobody(self, question: Question) -> Row:
        """A row that stands for nothing."""
        match self.manners.nobody:
            case "echo":
                return dict(question.keys)
            case "zero uid":
                return {LEVEL: "STUDY", STUDY_UID: "0"}
            case "blank values":
                return dict.fromkeys(question.keys, "") | {LEVEL: "STUDY"}
            case "empty":
                return {}
        return {LEVEL: "STUDY", STUDY_UID: ""}

    def _below(self, question: Question) -> Iterable[Row]:
        for study in self.held(question):
            uid = question[STUDY_UID]
            if study.uid != uid and not (self.manners.uid_each_question and uid.startswith(study.uid + ".")):
                continue
            for n, images in enumerate(study.series, 1):
                series = f"{study.uid}.{n}"
                if question.level == "SERIES":
                    more = (
                        {IN_SERIES: str(images)}
                        if self.manners.counts == "right" and IN_SERIES in question.keys
                        else {}
                    )
                    yield {LEVEL: "SERIES", STUDY_UID: uid, SERIES_UID: series, **more}
                elif question[SERIES_UID] == series:
                    for image in range(1, images + 1):
                        yield {LEVEL: "IMAGE", STUDY_UID: uid, SERIES_UID: series, INSTANCE_UID: f"{series}.{image}"}


def _day(written: str) -> date:
    return date(int(written[:4]), int(written[4:6]), int(written[6:8]))
