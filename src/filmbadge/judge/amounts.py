"""How much one archive holds, from everything that its ways in told.

A number is called counted or reported only where nothing contradicts it. Where two numbers of one archive differ that
should be equal, neither is told: what was seen remains as a lower bound, and the doubt names both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache

import msgspec

from filmbadge.judge.ways import ways_by
from filmbadge.model import (
    Census,
    Count,
    CountedBy,
    Counters,
    Counts,
    Depth,
    Doubt,
    DoubtCode,
    Facts,
    JudgedEndpoint,
    Observation,
    Profile,
    Provenance,
    Reason,
)


class Told(msgspec.Struct, frozen=True):
    """What the ways into one archive told of how much it holds."""

    counters: tuple[Counters, ...]
    censuses: tuple[Census, ...]
    profiles: tuple[Profile, ...]
    listed: tuple[Counts, ...]  # from its pages
    gave: bool  # a record came

    @staticmethod
    def by(*seen: Observation) -> Told:
        return _told(tuple([one.facts for one in seen]))

    @property
    def listed_studies(self) -> bool:
        """Whether studies were listed, one by one."""
        return bool(self.censuses or self.profiles)

    @property
    def whole(self) -> list[Census]:
        return [census for census in self.censuses if census.complete]

    @property
    def full(self) -> list[Census]:
        """The censuses that saw all studies: whole ones, and those that found as many as a counter of the archive says.

        The counter leaves no remainder that no range of dates could bring. That there are no more is then its own word.
        """
        said = {counters.studies for counters in self.counters}
        changes = DoubtCode.STUDIES_CHANGE
        return [
            census
            for census in self.censuses
            if census.complete or (census.studies in said and all(doubt.code is not changes for doubt in census.doubts))
        ]

    @property
    def seen(self) -> int | None:
        """So many studies were seen at least."""
        changes = any(doubt.code is DoubtCode.STUDIES_CHANGE for census in self.censuses for doubt in census.doubts)
        read = [] if changes else [profile.records for profile in self.profiles]  # its answers do not add up either
        return max([*(census.studies for census in self.censuses), *read, int(self.gave)], default=0) or None

    @property
    def contradiction(self) -> tuple[int, int] | None:
        """Two numbers of studies that cannot both be true of one archive that does not change."""
        if not (self.counters or self.listed_studies):
            return None
        said = [c.studies for c in self.counters if c.studies is not None]
        said += [census.studies for census in self.whole]
        # A profile that gave fewer was cut off. One that gave more is in `seen`, and shows that the census was.
        said += [profile.records for profile in self.profiles if profile.complete]
        if not said or min(said) == max(said) >= (self.seen or 0):
            return None
        return min(said), max(*said, self.seen or 0)


@lru_cache(maxsize=1024)
def _told(shown: tuple[tuple[Facts, ...], ...]) -> Told:
    ways = [one for facts in shown for one in ways_by(facts)]
    gave = any(way.gave(facts) for way, facts in ways)
    return Told(
        counters=tuple(said for way, facts in ways if (said := way.counters(facts)) is not None and _spoke(said)),
        censuses=tuple(_believed(made, gave) for way, facts in ways if (made := way.census(facts)) is not None),
        profiles=tuple(read for way, facts in ways if (read := way.profile(facts)) is not None),
        listed=tuple(shows for way, facts in ways if (shows := way.listed(facts)) is not None),
        gave=gave,
    )


def _spoke(counters: Counters) -> bool:
    return counters.studies is not None


def _believed(census: Census, gave: bool) -> Census:
    """Some archives answer an unbounded question with success and no match. That is no census of one that gave."""
    if census.studies or not gave or not census.complete:
        return census
    doubts = census.doubts or (Doubt(DoubtCode.CENSUS_EMPTY),)
    return msgspec.structs.replace(census, complete=False, studies=1, doubts=doubts)


def counts(group: Sequence[JudgedEndpoint], *, proven: bool = True) -> Counts:
    """The numbers of one archive. `proven`: that all these ways lead to one."""
    told = Told.by(*(j.observation for j in group))
    doubt = None
    if (two := told.contradiction) is not None:
        doubt = Doubt(DoubtCode.CONTRADICTED, {"one": two[0], "other": two[1]})
    elif not proven:
        doubt = Doubt(DoubtCode.WAYS_UNPROVEN)
    if doubt is not None:
        return _in_doubt(told, doubt)
    if not (told.counters or told.censuses):
        return _with_pages(_of_none(group, told), told)
    return Counts(_patients(told, group), _studies(told), _series(told), _images(told))


def _in_doubt(told: Told, doubt: Doubt) -> Counts:
    """Only what was seen is sure: studies by their UIDs, and what came with them."""
    doubts = [doubt]
    doubts += [d for census in told.censuses for d in census.doubts if d not in doubts]
    patients = max((p.patients for p in told.profiles), default=0) or None
    bounds = (patients, told.seen, _seen(told, "series"), _seen(told, "images"))
    return Counts(*(Count(at_least=least, doubts=tuple(doubts)) for least in bounds))


def _studies(told: Told) -> Count:
    if told.whole:
        return Count(told.whole[0].studies, Provenance.COUNTED)
    if told.counters:
        return Count(told.counters[0].studies, Provenance.REPORTED)
    best = max(told.censuses, key=lambda census: census.studies)
    bound = Count(at_least=told.seen or 0, doubts=_doubts(best))
    if best.estimate is None:
        return bound
    found = best.estimate
    return msgspec.structs.replace(bound, value=found.value, how=Provenance.ESTIMATED, low=found.low, high=found.high)


def _series(told: Told) -> Count:
    numbers = [(c.series, Provenance.REPORTED) for c in told.counters]
    numbers += [
        (census.series, _how(census)) for census in told.full if census.series_known_for in (None, census.studies)
    ]
    doubts = (Doubt(DoubtCode.NOT_KNOWN_FOR_ALL),) if told.whole else _otherwise(told)
    return _agreed(numbers, Count(at_least=_seen(told, "series"), doubts=doubts))


def _seen(told: Told, quantity: str) -> int | None:
    """So many series or images were found in a census, walked or by the archive's own word."""
    return max((getattr(census, quantity) or 0 for census in told.censuses), default=0) or None


def _images(told: Told) -> Count:
    numbers = [(c.images, Provenance.REPORTED) for c in told.counters]
    numbers += [(c.images, _how(c)) for c in told.full if c.images_known_for == c.studies]
    partial = max(told.censuses, key=lambda census: (census.complete, census.studies), default=None)
    if partial is None:
        return _agreed(numbers, Count(doubts=_otherwise(told)))
    seen = partial.images if partial.method is CountedBy.WALK else 0
    found = _agreed(numbers, _some_images(partial), seen or 0)
    whole = any(census.images == found.value and census.images_known_for == census.studies for census in told.full)
    return msgspec.structs.replace(found, coverage=1.0) if found.value is not None and whole else found


def _some_images(census: Census) -> Count:
    """Where not all studies say how many images they have, or not all studies are known."""
    doubts, coverage, at_least = _doubts(census), None, census.images or None
    if census.complete:
        known = census.images_known_for
        doubts = census.doubts or (Doubt(DoubtCode.KNOWN_FOR, {"known": known, "studies": census.studies}),)
        coverage = round(known / census.studies, 4) if census.studies else None
    if census.images_estimate is None:
        return Count(at_least=at_least, coverage=coverage, doubts=doubts)
    found = census.images_estimate
    return Count(found.value, Provenance.ESTIMATED, census.images, coverage, doubts, found.low, found.high)


def _how(census: Census) -> Provenance:
    """The count keys of an archive are its own word. Nothing in nothing is known without asking it."""
    walked = census.method is CountedBy.WALK or not census.studies
    return Provenance.COUNTED if walked else Provenance.REPORTED


def _agreed(numbers: Sequence[tuple[int | None, Provenance]], otherwise: Count, seen: int = 0) -> Count:
    """The number that all tell. One that was counted here is told as that. `seen`: so many were seen for sure."""
    known = [(value, how) for value, how in numbers if value is not None]
    if not known:
        return otherwise
    values = [value for value, _ in known]
    counted = [value for value, how in known if how is Provenance.COUNTED]
    if min(values) < max(values) or (otherwise.at_least or 0) > max(values):
        two = {"one": min(values), "other": max(*values, otherwise.at_least or 0)}
        return Count(at_least=max([*counted, seen]) or None, doubts=(Doubt(DoubtCode.CONTRADICTED, two),))
    return Count(values[0], Provenance.COUNTED if counted else Provenance.REPORTED)


def _patients(told: Told, group: Sequence[JudgedEndpoint]) -> Count:
    """By the archive's counter; by the ids of all its studies, where these were read."""
    said = [c.patients for c in told.counters if c.patients is not None]
    said += [c.patients.value for c in told.listed if c.patients.value is not None]
    found = _by_ids(told)
    if not said:
        unknown = DoubtCode.COUNTER_SILENT if told.counters else untold(group) or DoubtCode.NEEDS_PROFILE
        return found or Count(doubts=(Doubt(unknown),))
    if found is None:
        return Count(said[0], Provenance.REPORTED)
    return _agreed([(n, Provenance.REPORTED) for n in said] + [(found.value, found.how)], found, found.at_least or 0)


def _by_ids(told: Told) -> Count | None:
    profile = next(iter(told.profiles), None)
    if profile is None:
        return None
    if not profile.complete or profile.records != _studies(told).value:
        doubts = profile.doubts or (Doubt(DoubtCode.INSPECTED, {"records": profile.records}),)
        return Count(at_least=profile.patients, doubts=doubts)
    if profile.without_id:
        doubt = Doubt(DoubtCode.WITHOUT_PATIENT_ID, {"studies": profile.without_id})
        return Count(at_least=profile.patients, doubts=(doubt,))
    return Count(profile.patients, Provenance.COUNTED)


def _otherwise(told: Told) -> tuple[Doubt, ...]:
    if told.counters:
        return (Doubt(DoubtCode.COUNTER_SILENT),)
    return _doubts(max(told.censuses, key=lambda census: census.studies))


def _doubts(census: Census) -> tuple[Doubt, ...]:
    return census.doubts or (Doubt(DoubtCode.NOT_ENDED),)


def _of_none(group: Sequence[JudgedEndpoint], told: Told) -> Counts:
    """The numbers where nobody counted."""
    nothing = _nothing(_why_unknown(group))
    profile = next(iter(told.profiles), None)
    if profile is None:
        return nothing
    doubts = profile.doubts or (Doubt(DoubtCode.INSPECTED, {"records": profile.records}),)
    studies = msgspec.structs.replace(nothing.studies, at_least=profile.records or None)
    return msgspec.structs.replace(nothing, patients=Count(at_least=profile.patients, doubts=doubts), studies=studies)


@cache
def _nothing(doubt: DoubtCode) -> Counts:
    unknown = Count(doubts=(Doubt(doubt),))
    return Counts(unknown, unknown, unknown, unknown)


def _with_pages(found: Counts, told: Told) -> Counts:
    """Numbers from its pages fill in for numbers that nothing better gives."""
    for quantity in ("patients", "images") if told.listed else ():
        shown = next(_known(getattr(pages, quantity) for pages in told.listed), None)
        if shown is not None and next(_known([getattr(found, quantity)]), None) is None:
            found = msgspec.structs.replace(found, **{quantity: shown})
    return found


def _known(numbers: Iterable[Count]) -> Iterator[Count]:
    return (count for count in numbers if count.value is not None or count.at_least)


def _why_unknown(group: Sequence[JudgedEndpoint]) -> DoubtCode:
    if not any(j.verdict.rung and j.verdict.rung.open for j in group):
        if any(j.verdict.why is Reason.NOTHING_GIVEN for j in group):
            return DoubtCode.NOTHING_GIVEN
        if not all(j.verdict.conclusive for j in group):
            return DoubtCode.NOT_FOUND_OUT
        if any(j.verdict.why in (Reason.NEEDS_PERSONAL_DATA, Reason.DEPTH) for j in group):
            return DoubtCode.NOT_ASKED_AT_DEPTH
        if any(j.verdict.why is Reason.PAGE for j in group):
            return DoubtCode.PAGE_NOT_ASKED
        return DoubtCode.GIVES_NOTHING
    return untold(group) or DoubtCode.NOT_COUNTED_AT_DEPTH


_FILES = (Reason.LISTING, Reason.FILE)


def untold(group: Sequence[JudgedEndpoint]) -> DoubtCode | None:
    """Why a number is not known that was looked for, personal data included. None: this depth does not look for all of it."""
    if not any(j.observation.depth.reaches(Depth.PROFILE) for j in group):
        return None
    opened = [j.verdict.why for j in group if j.verdict.rung and j.verdict.rung.open]
    if not opened:
        return _why_unknown(group)
    return DoubtCode.FILES_UNTOLD if all(why in _FILES for why in opened) else DoubtCode.WAYS_UNTOLD
