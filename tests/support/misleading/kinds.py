"""The kinds of archives that mislead, each drawn anew with every seed, and worlds that mix them.

A kind is a function from chance to a `Place`: what listens at one address, and the truth about it. The knobs of an
index, of DIMSE, of pages and of what stands before them are kinds by themselves, and can be combined.
"""

from __future__ import annotations

import random
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from support.misleading.dicom import PATIENT_ROOT, STUDY_ROOT, VERIFICATION, Dicom, Speech
from support.misleading.holdings import Setting, Study, Truth, drawn, truth
from support.misleading.http import Front, Http, Pages, Qido
from support.misleading.index import Index, Manners

DIMSE, DIMSE_TLS, WEB, WEB_TLS = (4242, 104), (2762,), (8042, 80), (443,)
KNOWN_CAPS = (1, 10, 20, 25, 50, 64, 100, 128, 200, 250, 256, 500, 512, 1000)  # at which archives are known to cap
PATIENCE = 1.0  # seconds of a scope, for archives whose first answer comes late


@dataclass(frozen=True)
class Door:
    port: int
    peer: Any  # talks to who connects
    tls: ssl.SSLContext | None = None


@dataclass(frozen=True)
class Place:
    """One address."""

    doors: Sequence[Door]
    truths: Sequence[Truth]  # of each archive
    union: Truth  # of all together
    manners: str = ""
    # Of the scope that it is asked under.
    patience: float = 3.0  # seconds
    questions: int = 2000

    @property
    def ports(self) -> tuple[int, ...]:
        return tuple(door.port for door in self.doors)


Chance = random.Random
Kind = Callable[[Chance], Place]
Knobs = dict[str, Any]


def a_few(chance: Chance, least: int = 12, most: int = 70) -> int:
    return chance.randint(least, most)


@dataclass
class Draft:
    """An archive that is being drawn: its knobs are turned one after the other."""

    chance: Chance
    setting: Setting
    index: Knobs
    speech: Knobs
    pages: Knobs
    front: Knobs
    questions: int = 2000

    @classmethod
    def plain(cls, chance: Chance) -> Draft:
        setting = Setting(dated=a_few(chance), undated=chance.choice((0, 0, 0, 3, chance.randint(1, 40))))
        return cls(chance, setting, {}, {}, {}, {})

    def holds(self, **changed: Any) -> None:
        self.setting = replace(self.setting, **changed)


Turn = Callable[[Draft], object]


# --- what an index does


def _cap(draft: Draft, **more: Any) -> None:
    """Fewer rows than there are, from 1 up."""
    held = draft.setting.dated + draft.setting.undated
    cap = draft.chance.choice((draft.chance.randint(1, 9), draft.chance.randint(1, max(1, held - 1))))
    draft.index.update(cap=cap, **more)


def _order(draft: Draft) -> str:
    return draft.chance.choice(("stored", "dated first", "undated first", "newest first", "oldest first", "by chance"))


def _cap_above_dated(draft: Draft) -> None:
    """A silent cap between the dated and all."""
    dated, undated = draft.setting.dated, a_few(draft.chance, 5, 40)
    draft.holds(undated=undated)
    draft.index.update(cap=draft.chance.randint(dated + 1, dated + undated - 1), order="dated first")


def _cap_equals_dated(draft: Draft) -> None:
    """A silent cap that is as many as have a date, and at which archives are known to cap."""
    cap = draft.chance.choice((10, 20, 25, 50, 100, 200))
    draft.holds(dated=cap, undated=a_few(draft.chance, 1, 40))
    draft.index.update(cap=cap, order="dated first")


def _coincidence(draft: Draft) -> None:
    cap = draft.chance.choice((13, 37, 61, 83))
    draft.holds(dated=cap, undated=a_few(draft.chance, 1, 40))
    draft.index.update(cap=cap, order="dated first")


def _many_undated(draft: Draft, **more: Any) -> None:
    draft.holds(dated=draft.chance.randint(0, 9), undated=a_few(draft.chance, 5, 60))
    _cap(draft, **more)


def _by_walk(draft: Draft, level: str) -> None:
    """No count keys, and a cap below the level of studies."""
    draft.holds(dated=a_few(draft.chance, 4, 14), images=(1, 60) if level == "IMAGE" else (1, 4), series=(1, 9))
    draft.index.update(counts="none", cap_level=level, cap=draft.chance.randint(1, 7 if level == "SERIES" else 50))


def _last_days(draft: Draft) -> None:
    days = draft.chance.choice((1, 7, 30, 90, 365))
    draft.holds(undated=0, days=[*range(0, days, max(1, days // 5)), *range(days + 1, 4000, 37)])
    draft.index.update(last_days=days)


def _wide(draft: Draft, how: str) -> None:
    draft.holds(undated=0, oldest=draft.chance.choice((300, 1200)), youngest=draft.chance.choice((0, 0, 100)))
    draft.index.update(widest=draft.chance.choice((1, 1, 7, 31, 60, 366)), too_wide=how)


def _turn(**knobs: Any) -> Turn:
    return lambda draft: draft.index.update(knobs)


def _all(*turns: Turn) -> Turn:
    return lambda draft: [turn(draft) for turn in turns]


def _holds(**changed: Any) -> Turn:
    return lambda draft: draft.holds(**changed)


def _holds_few(draft: Draft) -> None:
    """Each is walked."""
    draft.holds(dated=a_few(draft.chance, 3, 15))


def _odd_days(draft: Draft) -> None:
    """Dates of which no calendar, or no archive, should have any."""
    odd = ("99991231", "20991231", "19000101", "18991231", "00010101", "20210230", "2021", "20211340", "NODATE")
    draft.holds(odd_days=draft.chance.sample(odd, 3))


def _many_few_questions(draft: Draft) -> None:
    """More than the budget of a census reaches."""
    draft.holds(dated=draft.chance.randint(900, 1800), undated=draft.chance.choice((0, 20)), series=(1, 1))
    draft.index.update(cap=draft.chance.randint(60, 120), cap_says=True)
    draft.questions = draft.chance.randint(8, 14)


def _in_periods(draft: Draft) -> None:
    """Dates of a migration, of campaigns, of single years."""
    starts = draft.chance.sample(range(0, 7000, 90), draft.chance.randint(1, 4))
    draft.holds(days=[start + day for start in starts for day in range(draft.chance.choice((1, 5, 60)))])


INDEX: dict[str, Turn] = {
    "nothing odd": lambda _: None,
    "nothing odd, all dated": lambda draft: draft.holds(undated=0),
    "nothing odd, none dated": lambda draft: draft.holds(dated=0, undated=a_few(draft.chance)),
    "nothing odd, one study": lambda draft: draft.holds(dated=1, undated=0),
    "a silent cap": lambda draft: _cap(draft, order=_order(draft)),
    "a silent cap, undated hidden": lambda draft: _many_undated(draft, order="dated first"),
    "a silent cap, undated shown": lambda draft: _many_undated(draft, order="undated first"),
    "a silent cap above the dated": _cap_above_dated,
    "a silent cap that equals the dated": _cap_equals_dated,
    "the coincidence": _coincidence,
    "a cap with a sign": lambda draft: _cap(draft, order=_order(draft), cap_says=True),
    "a cap with a sign, undated hidden": lambda draft: _many_undated(draft, order="dated first", cap_says=True),
    "a cap for UIDs alone": lambda draft: _many_undated(draft, order="dated first", cap_only_uids=True),
    "a cap of series": lambda draft: _by_walk(draft, "SERIES"),
    "a cap of images": lambda draft: _by_walk(draft, "IMAGE"),
    "the last days only": _last_days,
    "wide ranges refused": lambda draft: _wide(draft, "refused"),
    "nothing for wide ranges": lambda draft: _wide(draft, "nothing"),
    "no question without keys": _turn(plain_refused=True),
    "nothing without a patient": _turn(demands="patient"),
    "refused without a patient": _turn(demands="patient", without="refused"),
    "nothing without a date": _turn(demands="date"),
    "refused without a date": _turn(demands="date", without="refused"),
    "nothing without a filter": _turn(demands="date or patient"),
    "refused without a filter": _turn(demands="date or patient", without="refused"),
    "dates ignored": _turn(dates="ignored"),
    "dates ignored, a silent cap": lambda draft: _cap(draft, dates="ignored"),
    "dates as text": _turn(dates="as text"),
    "dates as text, a silent cap": lambda draft: _cap(draft, dates="as text"),
    "closed ranges only": _turn(dates="closed only"),
    "open ranges only": _turn(dates="open ended only"),
    "the end of a range left out": _turn(dates="end left out"),
    "the end of a range left out, a silent cap": lambda draft: _cap(draft, dates="end left out"),
    "dates and times combined": _turn(times="combined"),
    "dates and times combined, a silent cap": lambda draft: _cap(draft, times="combined"),
    "times ignored": _turn(times="ignored"),
    "times ignored, a silent cap": lambda draft: _cap(draft, times="ignored"),
    "one day, a silent cap": _all(_holds(days=[400], undated=0), _cap),
    "one day, times ignored, a silent cap": _all(
        _holds(days=[400], undated=0), lambda draft: _cap(draft, times="ignored")
    ),
    "modalities ignored": _turn(modalities="ignored"),
    "modalities ignored, a silent cap": lambda draft: _cap(draft, modalities="ignored"),
    "modalities unknown": _turn(modalities="unknown"),
    "UID prefixes honoured": _turn(uids="prefix"),
    "UID prefixes honoured, a silent cap": lambda draft: _many_undated(draft, uids="prefix", order="dated first"),
    "UIDs ignored": _turn(uids="ignored"),
    "the first of a UID list": _turn(uids="first of a list"),
    "UID lists refused": _turn(uids="refused lists"),
    "patient keys ignored": _turn(patients="ignored"),
    "patient keys without wildcards": _turn(patients="no wildcards"),
    "undated match every range": _turn(undated="always"),
    "undated match every range, a silent cap": lambda draft: _many_undated(draft, undated="always"),
    "no count keys": _all(_holds_few, _turn(counts="none")),
    "empty count keys": _all(_holds_few, _turn(counts="empty")),
    "count keys say one": _turn(counts="one"),
    "count keys say zero": _turn(counts="zero"),
    "count keys say twice as much": _turn(counts="doubled"),
    "some count keys are wrong": _turn(counts="some wrong"),
    "a row for each series": _turn(rows_each="series"),
    "a row for each series, a silent cap": lambda draft: _cap(draft, rows_each="series"),
    "a row for each image": _turn(rows_each="image"),
    "rows come twice": _turn(twice=True),
    "UIDs of each question": _turn(uid_each_question=True),
    "studies leave and arrive": _all(
        _holds(undated=0, oldest=900), lambda draft: draft.index.update(leaves=draft.chance.randint(3, 30))
    ),
    "dates that are none": _odd_days,
    "dates that are none, a silent cap": _all(_odd_days, _cap),
    "many studies": _holds(dated=700),
    "many studies, a silent cap": _all(_holds(dated=700), lambda draft: draft.index.update(cap=draft.chance.randint(90, 400))),
    "many studies, few questions": _many_few_questions,
    "many studies in a few periods, few questions": _all(_many_few_questions, _in_periods),
    "studies without images": _holds(images=(0, 2)),
    "a row for each image, a silent cap": lambda draft: _cap(draft, rows_each="image"),
    "the last days only, a silent cap": _all(_last_days, _cap),
    "modalities ignored, none dated, a silent cap": lambda draft: _many_undated(draft, modalities="ignored"),
    "rows in another order each time": _turn(order="by chance"),
    "rows in another order each time, a silent cap": lambda draft: _cap(draft, order="by chance"),
    "rows without dates": _turn(no_dates=True),
    "nobody's row beside others": lambda draft: draft.index.update(
        nobody=draft.chance.choice(("no uid", "zero uid", "blank values", "empty")), nobody_always=True
    ),
    "nobody's row where nothing matches": lambda draft: draft.index.update(
        nobody=draft.chance.choice(("no uid", "zero uid", "blank values", "echo", "empty"))
    ),
    "an undefined character set": lambda draft: draft.index.update(
        charset=draft.chance.choice(("ISO IR 192", "UTF8", "ISO 2022 IR 6\\ISO 2022 IR 87", "ISO-8859-1"))
    ),
}  # fmt: skip
EMPTY: dict[str, Knobs] = {
    "an empty archive": {},
    **{f"an empty archive, nobody's row: {how}": {"nobody": how} for how in ("no uid", "zero uid", "blank values", "echo", "empty")},
}  # fmt: skip


# --- how DIMSE is spoken

SPEECH: dict[str, Knobs] = {
    "pending FF01": {"pending": 0xFF01},
    "a warning at the end": {"final": 0xB100},
    "another warning at the end": {"final": 0xB007},
    "a record in the final response": {"last_in_final": True},
    "stray responses": {"strays": True},
    "closes after a question": {"ends": "closes"},
    "aborts after a question": {"ends": "aborts"},
    "releases after a question": {"ends": "releases"},
    "closes after any request": {"ends": "closes", "ends_after_any": True},
    "accepts late": {"accepts_after": 0.2 * PATIENCE},
    "answers late": {"answers_after": 0.1},
    "accepts too late": {"accepts_after": 2 * PATIENCE},
    "answers too late": {"answers_after": 2 * PATIENCE},
    "drops the first connection": {"drops": 1},
    "drops two connections": {"drops": 2},
    "congested once": {"congested": 1},
    "congested for good": {"congested": 1 << 30},
    "congested once, in 8 bytes": {"congested": 1, "congested_short": True},
    "an error at the end": {"final": 0xC001},
    "answers break off": {"breaks_after": 7},
    "out of resources at first": {"busy_until": 1},
    "Patient Root only": {"models": (VERIFICATION, PATIENT_ROOT)},
    "nothing under Study Root": {"only_under": PATIENT_ROOT},
    "refused under Study Root": {"only_under": PATIENT_ROOT, "other_root": 0xA900},
    "cut with A700": {"cut": 0xA700},
    "Study Root only": {"models": (STUDY_ROOT,)},
    "small fragments": {"fragment": 11},
    "command and data in one unit": {"unbroken": True},
    "no SOP class in responses": {"sop_class": False},
}

# --- how pages are given

PAGES: dict[str, Knobs] = {
    "no body where nothing matches": {"empty": "no body"},
    "204 where nothing matches": {"empty": "204"},
    "404 where nothing matches": {"empty": "404"},
    "a page where nothing matches": {"empty": "html"},
    "offset ignored": {"offset": "ignored"},
    "offset sliced": {"offset": "sliced"},
    "offset clamped": {"offset": "clamped"},
    "offset in pages": {"offset": "in pages"},
    "offset from one": {"offset": "from one"},
    "pages that lack a row": {"less": 1},
    "small pages, offset in pages": {"most": 8, "offset": "in pages"},
    "small pages, offset from one": {"most": 8, "offset": "from one"},
    "limits above 200 refused": {"limit_up_to": 200},
    "limits above 50 refused": {"limit_up_to": 50},
    "limit ignored": {"limit_ignored": True},
    "limits refused": {"limit_refused": True},
    "offsets refused": {"offset_refused": True},
    "a byte order mark": {"mark": True},
    "small pages": {"most": 7},
    "small pages, offset ignored": {"most": 5, "offset": "ignored"},
    "small pages, offset sliced": {"most": 9, "offset": "sliced"},
    "small pages, offset clamped": {"most": 9, "offset": "clamped"},
    "keywords are errors": {"keywords": False},
    "404 to each key": {"keys_missing": True},
    "one type in Accept": {"accept": "one type"},
    "no quality in Accept": {"accept": "no quality"},
    "plain JSON": {"media": "application/json"},
    "JSON with a character set": {"media": "application/dicom+json; charset=utf-8"},
    "text": {"media": "text/plain"},
    "the list is a file": {"same_always": True},
    **{
        f"below {root}": {"root": root}
        for root in ("/dicomweb", "/qidors", "/qido-rs", "/orthanc/dicom-web", "/v2", "/dcm4chee-arc/aets/DCM4CHEE/rs")
    },
}

# --- what stands before them

FRONT: dict[str, Knobs] = {
    "a login at other paths": {"missing": "401"},
    "403 at other paths": {"missing": "403"},
    "a page at other paths": {"missing": "page"},
    "a redirect to a slash": {"slash": True},
    "502 once": {"errors": 1},
    "503 now and then": {"busy_each": 9},
    "502 three times": {"errors": 3},
    "drops the first connection": {"drops": 1},
    "answers late": {"answers_after": 0.1},
    "answers too late": {"answers_after": 2 * PATIENCE},
    "an encoding that is none": {"encoding": "UTF-8"},
    "gzip that was not asked for": {"encoding": "gzip"},
    "an encoding called none": {"encoding": "none"},
    "a blank before the colon": {"heads": "blank before colon"},
    "bare line ends": {"heads": "bare line ends"},
    "a folded header": {"heads": "folded"},
    "no reason phrase": {"heads": "no reason"},
    "HTTP 1.0": {"heads": "old"},
    "two equal lengths": {"heads": "length twice"},
    "continue, and then the answer": {"heads": "continue"},
    "headers in lower case": {"heads": "lower case"},
    "chunks": {"framing": "chunked"},
    "the end of the connection ends a page": {"framing": "close"},
    "a page for each connection": {"one_each": True},
}


def place(draft: Draft, protocol: str) -> Place:
    """The archive as it was drawn, in one protocol or both."""
    manners = Manners(**draft.index)
    studies = drawn(draft.chance, draft.setting)
    if manners.charset:
        studies = _spelled(studies)
    arriving = drawn(draft.chance, replace(draft.setting, dated=manners.leaves, undated=0)) if manners.leaves else []
    said = _truth(studies, manners, draft)
    doors: list[Door] = []
    if protocol in ("dicom", "both"):
        index = Index(studies, manners, arriving)
        doors.append(Door(draft.chance.choice(DIMSE), Dicom(index, Speech(**draft.speech))))
    if protocol in ("web", "both"):
        index = Index(studies, manners, arriving)
        site = Http([Qido(index, Pages(**draft.pages))], Front(**draft.front))
        doors.append(Door(draft.chance.choice(WEB), site))
    turned = (manners, Speech(**draft.speech), Pages(**draft.pages), Front(**draft.front))
    sizes = f"{draft.setting.dated}+{draft.setting.undated} studies"
    late = Speech(**draft.speech).accepts_after or draft.speech.get("answers_after") or draft.front.get("answers_after")
    patience = PATIENCE if late else 3.0
    return Place(
        doors, (said,), said, "; ".join(filter(None, (protocol, sizes, *(knobs.named() for knobs in turned)))), patience
    )


def _truth(studies: Sequence[Study], manners: Manners, draft: Draft) -> Truth:
    said = truth(studies)
    if manners.leaves:
        return Truth(open=True, studies=len(studies))
    cap, dated = manners.cap, sum(bool(study.day) for study in studies)
    hidden = cap == dated < len(studies) and not manners.cap_says and manners.cap_level == "STUDY"
    return replace(said, coincidence=hidden and cap not in KNOWN_CAPS) if cap else said


def _spelled(studies: Sequence[Study]) -> list[Study]:
    """With names that are not in ASCII."""
    return [replace(study, patient=replace(study.patient, name=f"M\u00fcller^Zo\u00eb {n}")) if n % 3 else study for n, study in enumerate(studies)]  # fmt: skip


def _of(turn: Turn, protocol: str) -> Kind:
    def kind(chance: Chance) -> Place:
        draft = Draft.plain(chance)
        turn(draft)
        return place(draft, protocol)

    return kind


def _knobs(part: str, knobs: Knobs, protocol: str) -> Kind:
    return _of(lambda draft: getattr(draft, part).update(knobs), protocol)


def _empty(knobs: Knobs, protocol: str) -> Kind:
    def turn(draft: Draft) -> None:
        draft.holds(dated=0, undated=0)
        draft.index.update(knobs)

    return _of(turn, protocol)


@cache
def kinds() -> dict[str, Kind]:
    """All, by name."""
    from support.misleading.places import PLACES

    return {
        **{f"dicom: {name}": _of(turn, "dicom") for name, turn in INDEX.items()},
        **{f"web: {name}": _of(turn, "web") for name, turn in INDEX.items()},
        **{f"both: {name}": _of(turn, "both") for name, turn in INDEX.items() if not name.startswith("many")},
        **{f"dicom: {name}": _empty(knobs, "dicom") for name, knobs in EMPTY.items()},
        **{f"web: {name}": _empty(knobs, "web") for name, knobs in EMPTY.items()},
        **{f"dicom: {name}": _knobs("speech", knobs, "dicom") for name, knobs in SPEECH.items()},
        **{f"web: {name}": _knobs("pages", knobs, "web") for name, knobs in PAGES.items()},
        **{f"front: {name}": _knobs("front", knobs, "web") for name, knobs in FRONT.items()},
        **{f"place: {name}": kind for name, kind in PLACES.items()},
    }


def anyone(chance: Chance) -> tuple[str, Place]:
    """A kind, or an archive that has several manners at once."""
    if chance.random() < 0.4:
        name = chance.choice(list(kinds()))
        return name, kinds()[name](chance)
    draft = Draft.plain(chance)
    protocol = chance.choice(("dicom", "dicom", "web", "web", "both"))
    names = chance.sample(list(INDEX), chance.choice((1, 1, 2)))
    for name in names:
        INDEX[name](draft)
    for part, table in (("speech", SPEECH), ("pages", PAGES), ("front", FRONT)):
        if chance.random() < 0.3:
            getattr(draft, part).update(table[chance.choice(list(table))])
    return "mixed", place(draft, protocol)
