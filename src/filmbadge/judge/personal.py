"""From tallies to kinds of personal data, and to national identifiers by the odds of an archive's whole set."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from filmbadge.identifiers.schemes import US_SSN, schemes
from filmbadge.model import (
    Appearance,
    ByYear,
    Count,
    Doubt,
    DoubtCode,
    Identifier,
    Kind,
    KindFound,
    KindTally,
    Profile,
    Provenance,
    SchemeTally,
)

# Of one patient's records these are always the same, and of two patients' seldom.
_OF_A_PATIENT = (Kind.PATIENT_NAME, Kind.PATIENT_ID, Kind.BIRTH_DATE, Kind.OTHER_NAMES, Kind.OTHER_IDS,
                 Kind.ADDRESS, Kind.TELEPHONE)  # fmt: skip
_IDS = (Kind.PATIENT_ID, Kind.OTHER_IDS)
_VARIED = 5  # distinct values that show more than one patient
_MOST = 0.5  # of the values decide
_ODD_ONES = 3  # distinct values that look like somebody's, among many that do not, may be no people; more are
_INSPECTED = 5000  # values of a kind that were inspected by the versions that did not count `nine_digits`

# Odds, as powers of ten.
_PRIOR = -2.0  # one scheme of many, and most archives use numbers of their own
_AT_HOME, _ABROAD = 1.5, -2.0  # the archive's country is the scheme's, or another
_DASHES, _USUAL_DASHES = 3.0, 1.0  # a record number is seldom written just so, or now and then
_ISSUER = 5.5
_BIRTH_BY_CHANCE, _BIRTH_AT_MOST, _BIRTH_NOT = 0.01, 4.0, -3.0
_BARE_AT_MOST = 4.0  # for digits that no check digit holds together: the record numbers of some archive may be just so
_COUNTED = 3.5  # below, the ids may be none of the scheme
_LEAST_RATE = 1e-4  # what was never seen in so many tries
_FEW = 5  # distinct valid values prove nothing
_SURE = 0.9  # together, of those that are named
_NAMED = 0.1
_NEARLY_ALL = 0.9  # of a scheme's own numbers pass its rules, with room for errors of writing
_ALL = 0.98  # and for numbers that stand for none, such as 999-99-9999
_TWO_SIDED = 0.975  # below, the interval of 95 % begins at none
_SELDOM = 1.6  # as a power of ten, one time in forty
_LEADS, _FIRSTS, _DATED = (
    20,
    7,
    0.3,
)  # numbers that begin so differently, and so seldom with a date, are of no sequence and range


def judge(
    profile: Profile | None,
    studies: int | None,
    countries: Sequence[str] = (),
    unknown: DoubtCode = DoubtCode.NEEDS_PROFILE,
) -> tuple[tuple[KindFound, ...] | None, tuple[Identifier, ...], Count]:
    """The kinds of one archive that holds so many studies, its national identifiers, and its records with a US SSN.

    `countries` are those in which the archive may stand, by all sources; none: not attributed. `unknown`: why there is no profile.
    """
    if profile is None:
        return None, (), Count(doubts=(Doubt(unknown),))
    whole = profile.records if profile.complete else studies
    tallies = {tally.kind: tally for tally in profile.kinds}
    found = tuple(_kind(tally, tallies, profile, whole) for tally in profile.kinds)
    identifiers = tuple(
        one for kind in _IDS if kind in tallies for one in _identifiers(profile, tallies[kind], whole, countries)
    )
    return found, identifiers, _ssn(profile, identifiers, tallies, whole)


def by_year(profile: Profile | None, studies: int | None) -> ByYear | None:
    """Studies by the year of their exam, of an archive that holds so many."""
    if profile is None or not profile.years:
        return None
    looked_at = sum(one.studies for one in profile.years)
    return ByYear(profile.years, whole=profile.complete and looked_at == profile.records == studies)


def looks(tally: KindTally, tallies: dict[Kind, KindTally]) -> Appearance | None:
    """What the values of a kind are made like. In doubt: personal. None where most could not be read, or there are none.

    Some people among many phantoms are people all the same.
    """
    if not tally.looked:
        return None
    plain, people = _plain(tally)
    if not _one_for_all(tally, tallies) and (plain > _MOST * tally.looked or people > _ODD_ONES):
        return Appearance.PERSONAL
    if (tally.unread or 0) > _ODD_ONES:
        return None
    return Appearance.SYNTHETIC if tally.phantom > _MOST * (tally.looked - plain) else Appearance.PSEUDONYMISED


def _plain(tally: KindTally) -> tuple[int, int]:
    """How many values look like somebody's, and how many distinct ones; at most, where an older version looked."""
    if tally.plain is not None and tally.people is not None:
        return tally.plain, tally.people
    plain = tally.looked - max(tally.redacted, tally.phantom, tally.coded)
    return plain, min(plain, tally.distinct)


def _one_for_all(tally: KindTally, tallies: dict[Kind, KindTally]) -> bool:
    """Whether all patients have the same value, which then is none of theirs."""
    others = (tallies[kind].distinct for kind in _OF_A_PATIENT if kind is not tally.kind and kind in tallies)
    return tally.kind in _OF_A_PATIENT and tally.distinct == 1 and max(others, default=0) >= _VARIED


def _shares(tally: KindTally, tallies: dict[Kind, KindTally]) -> tuple[float, float, float] | tuple[None, None, None]:
    """Which shares of the inspected values look personal, pseudonymised and synthetic, where this version looked."""
    if not tally.looked or tally.plain is None:
        return None, None, None
    plain = 0 if _one_for_all(tally, tallies) else tally.plain
    synthetic = min(tally.phantom, tally.looked - plain)
    return plain / tally.looked, (tally.looked - plain - synthetic) / tally.looked, synthetic / tally.looked


def _kind(tally: KindTally, tallies: dict[Kind, KindTally], profile: Profile, whole: int | None) -> KindFound:
    personal, pseudonymised, synthetic = _shares(tally, tallies)
    found = KindFound(
        tally.kind,
        None,
        Provenance.UNKNOWN,
        looks=looks(tally, tallies),
        malformed=tally.malformed,
        asked=tally.asked,
        personal=personal,
        pseudonymised=pseudonymised,
        synthetic=synthetic,
    )
    if profile.complete and tally.asked == profile.records:
        share = tally.filled / tally.asked if tally.asked else None
        return replace(found, records=tally.filled, how=Provenance.COUNTED, share=share)
    doubts = profile.doubts
    if not tally.asked or whole is None:
        return replace(found, at_least=tally.filled, doubts=doubts or (Doubt(DoubtCode.NOT_ASKED),))
    share = tally.filled / tally.asked
    low, high = _interval(tally.filled, tally.asked, whole) if profile.complete else (None, None)
    return replace(
        found,
        records=round(share * whole),
        how=Provenance.ESTIMATED,
        share=share,
        at_least=min(tally.filled, whole),
        doubts=doubts or (Doubt(DoubtCode.KNOWN_FOR, {"known": tally.asked, "studies": whole}),),
        low=low,
        high=high,
    )


def _interval(hits: int, of: int, whole: int) -> tuple[int, int]:
    """Wilson's score interval at 95 %, of a share of the whole; never less than was seen."""
    share, z2 = hits / of, 1.96**2
    middle, reach = share + z2 / (2 * of), 1.96 * math.sqrt(share * (1 - share) / of + z2 / (4 * of * of))
    low, high = ((middle + side * reach) / (1 + z2 / of) * whole for side in (-1, 1))
    return max(math.floor(low), hits), min(math.ceil(high), whole - (of - hits))


def _identifiers(
    profile: Profile, tally: KindTally, whole: int | None, countries: Sequence[str]
) -> Iterable[Identifier]:
    """The schemes that explain the ids of this kind; several of one shape only where they cannot be told apart.

    Ids name a scheme, and the country of the archive never does. It weighs what they named: a scheme of another country may
    fall below what is told, and of several that the same ids pass, that of the country is the likely one.
    """
    # The first records of a large archive say nothing of all: a scheme is judged that was looked for in every record.
    known = [s for s in profile.schemes if s.kind is tally.kind and s.looked >= tally.asked]
    proven = {s.scheme: evidence(s) for s in known}
    left = [s for s in known if _probability(proven[s.scheme]) >= _SURE]
    left.sort(key=lambda s: (-_likelihood(s), s.scheme))
    while left:
        rivals = [s for s in left if schemes()[s.scheme].rivals(schemes()[left[0].scheme])]
        left = [s for s in left if s not in rivals]
        named = _named(rivals)  # none, where the ids fit too many
        placed = _placed(named, countries)
        for scheme, share in named.items():
            odds = evidence(scheme, countries)
            if placed[scheme] >= _NAMED and _probability(odds) >= _SURE:
                sure = min(proven[scheme.scheme], odds)
                proof = min(share, placed[scheme]) * _probability(sure)
                yield _identifier(scheme, profile, whole, placed[scheme] * _probability(odds), proof, sure)


def _named(rivals: Sequence[SchemeTally]) -> dict[SchemeTally, float]:
    """The likely ones of several schemes that the same ids pass, the likeliest first, each with its share of certainty."""
    weights = [10.0 ** (_likelihood(s) - _likelihood(rivals[0])) for s in rivals]
    named: dict[SchemeTally, float] = {}
    for scheme, weight in zip(rivals, weights, strict=True):
        share = weight / sum(weights)
        if sum(named.values()) >= _SURE or share < _NAMED:
            break
        named[scheme] = share
    return named


def _placed(named: dict[SchemeTally, float], countries: Sequence[str]) -> dict[SchemeTally, float]:
    """The same certainty, shared out by where the archive stands."""
    weights = {scheme: share * 10.0 ** _at(scheme, countries) for scheme, share in named.items()}
    whole, all_of_them = sum(named.values()), sum(weights.values())
    return {scheme: weight / all_of_them * whole for scheme, weight in weights.items()}


def evidence(tally: SchemeTally, countries: Sequence[str] = ()) -> float:
    """The odds, as a power of ten, that there are ids of this scheme and not only plain record numbers.

    Three things are weighed: more values pass than would of any archive of plain record numbers; they are written with the
    scheme's separators, or their issuer says so; the birth dates they say are those of their records. The last three
    count only where what is written so, issued so or born so also passes: it would, if it were of the scheme.
    """
    if tally.valid < _FEW:
        return -math.inf
    scheme = schemes()[tally.scheme]
    plain, worst = max(scheme.rates.plain, _LEAST_RATE), max(scheme.rates.plain, scheme.rates.worst, _LEAST_RATE)
    if scheme.checked:
        gain = _more(tally.valid, tally.shaped, worst)
    else:  # never compared with random numbers where a range of numbers may pass as a whole
        gain = min(_more(tally.valid - tally.rare, tally.shaped, plain), _BARE_AT_MOST) if _spread(tally) else 0.0
    if _in_separators(tally) and scheme.odd and not _alike(tally):
        gain = max(gain, _more(tally.dashed - tally.rare, tally.written, plain))
    return _PRIOR + gain + _said(tally) + _at(tally, countries)


def _likelihood(tally: SchemeTally) -> float:
    """How well a scheme explains the ids, beside others that could: one of which fewer numbers are possible does it better."""
    base = max(schemes()[tally.scheme].rates.base, _LEAST_RATE) * schemes()[tally.scheme].room
    return _more(tally.valid, tally.shaped, min(base, 0.99)) + _said(tally)


def _at(tally: SchemeTally, countries: Sequence[str]) -> float:
    """The odds by where the archive stands. Sources may disagree: then each of their countries may be the one."""
    if not countries:
        return 0.0
    return _AT_HOME if schemes()[tally.scheme].country in countries else _ABROAD


def _said(tally: SchemeTally) -> float:
    """What is known beside the digits."""
    scheme, odds = schemes()[tally.scheme], 0.0
    if _in_separators(tally):
        odds += _DASHES if scheme.odd and (scheme.checked or not _alike(tally)) else _USUAL_DASHES
    if tally.issuer >= _FEW and tally.issuer >= _NEARLY_ALL * tally.issued:
        odds += _ISSUER
    if tally.birth >= _FEW or tally.astray >= _FEW:
        if tally.agree >= _NEARLY_ALL * (tally.birth + tally.astray):
            odds += min(_more(tally.agree, tally.birth, _BIRTH_BY_CHANCE), _BIRTH_AT_MOST)
        elif tally.agree <= _MOST * (tally.birth + tally.astray):
            odds += _BIRTH_NOT
    return odds


def _in_separators(tally: SchemeTally) -> bool:
    """Whether those that pass are written with the scheme's separators, and those that are written so pass."""
    often = tally.dashed >= _FEW and tally.dashed > _MOST * tally.valid
    return often and tally.dashed >= _NEARLY_ALL * tally.written


def _spread(tally: SchemeTally) -> bool:
    """Whether they begin so differently, and so seldom with a date, that they are of no range."""
    return tally.leads >= _LEADS and tally.firsts >= _FIRSTS and not _dated(tally)


def _alike(tally: SchemeTally) -> bool:
    """Whether they begin alike, as numbers in sequence do, or with dates."""
    return tally.leads < min(_LEADS, tally.shaped / 2) or _dated(tally)


def _dated(tally: SchemeTally) -> bool:
    """Whether more of them begin with a date than three, which may be chance among few."""
    return tally.dated > max(_DATED * tally.shaped, 3)


def _probability(odds: float) -> float:
    return 1.0 / (1.0 + math.pow(10.0, -max(min(odds, 300.0), -300.0)))


def _more(hits: int, of: int, rate: float) -> float:
    """The likelihood ratio, as a power of ten, of the share that is seen to a lower one that chance would make."""
    share = hits / of if of else 0.0
    if share <= rate:
        return 0.0
    rest = (1 - share) * math.log10((1 - share) / (1 - rate)) if share < 1 else 0.0
    return of * (share * math.log10(share / rate) + rest)


def _identifier(
    tally: SchemeTally, profile: Profile, whole: int | None, confidence: float, proof: float, odds: float
) -> Identifier:
    """With its records: counted where nothing but the scheme explains them, else estimated, with an interval.

    `proof` and `odds` have nothing in them that only the country says for the scheme.
    """
    low, records, high = _records(tally, odds)
    low = low if proof >= _TWO_SIDED else 0
    every, of = profile.complete and tally.looked == profile.records, whole or tally.looked
    if profile.complete and not every:  # studies drawn by lot
        low, high = _interval(low, tally.looked, of)[0], _interval(high, tally.looked, of)[1]
    elif not every:  # some studies are missing, and they may be other ones
        high += max(of - tally.looked, 0)
    exact = every and low == high
    return Identifier(
        tally.scheme,
        tally.kind,
        round(records / tally.looked * of),
        Provenance.COUNTED if exact else Provenance.ESTIMATED,
        records / tally.looked,
        confidence,
        None if exact else low,
        None if exact or whole is None else high,
    )


def _records(tally: SchemeTally, odds: float) -> tuple[int, float, int]:
    """How many of the inspected records hold a number of the scheme: at least, most likely, and at most.

    A record number that has the same shape may pass by chance, so only those that stand apart are counted.
    """
    scheme = schemes()[tally.scheme]
    apart = _in_separators(tally) and scheme.odd and tally.dashed >= _ALL * tally.written
    if odds >= _COUNTED and apart and (scheme.checked or _spread(tally)):
        return (tally.records_dashed,) * 3
    if odds >= _COUNTED and tally.issuer == tally.valid:
        return (tally.records,) * 3
    if not scheme.checked:
        return 0, tally.records_dashed if _in_separators(tally) else tally.records, tally.records
    records, base = float(tally.records), scheme.rates.base
    passing = tally.records / max(tally.records_shaped, tally.records, 1)
    if passing < _NEARLY_ALL:
        records = max(records - base * tally.records_shaped, 0.0) / (1 - base)
    # A patient's records are alike, so there are no more independent ones than values.
    valid = round(passing * tally.shaped)
    astray = _by_chance(valid, tally.shaped, max(scheme.rates.worst, _LEAST_RATE)) / valid if valid else 1.0
    return min(math.floor(tally.records * (1 - astray)), math.floor(records)), records, tally.records


def _by_chance(valid: int, shaped: int, rate: float) -> int:
    """The most of the valid values that record numbers make by chance, 39 times in 40, where so many of them pass."""
    least, most = 0, valid
    while least < most:
        middle = (least + most + 1) // 2
        if _more(middle, shaped - valid + middle, rate) <= _SELDOM:
            least = middle
        else:
            most = middle - 1
    return least


def _ssn(
    profile: Profile, identifiers: Sequence[Identifier], tallies: dict[Kind, KindTally], whole: int | None
) -> Count:
    """Records in which a US social security number stands, in the patient id or in the other ids that were asked for.

    It is counted, and zero, only where every nine digits are known for what they are.
    """
    named = {one.kind: one for one in identifiers if one.scheme == US_SSN}
    bounds = [_ssn_bounds(tallies[kind], named.get(kind), profile) for kind in _IDS if kind in tallies]
    ids = tallies.get(Kind.PATIENT_ID)
    if not profile.records:
        return Count(0, Provenance.COUNTED)
    if not profile.complete or ids is None or ids.asked < profile.records or None in bounds:
        doubts = profile.doubts or (Doubt(DoubtCode.NOT_ALL_INSPECTED),)
        return Count(at_least=max((b[0] for b in bounds if b is not None), default=0) or None, doubts=doubts)
    low, high = (max(b[0] for b in bounds if b), min(sum(b[1] for b in bounds if b), whole or profile.records))
    if low == high:
        return Count(low, Provenance.COUNTED)
    older = any(tallies[kind].nine_digits is None for kind in _IDS if kind in tallies)
    doubts = (Doubt(DoubtCode.MAYBE_SSN) if older else Doubt(DoubtCode.NINE_DIGITS, {"records": high}),)
    if not named:
        return Count(doubts=doubts)
    likely = max(one.records for one in named.values())
    return Count(likely, Provenance.ESTIMATED, doubts=doubts, low=low, high=max(high, likely))


def _ssn_bounds(tally: KindTally, named: Identifier | None, profile: Profile) -> tuple[int, int] | None:
    """Of the records, how many hold one in this kind, at least and at most. None: not every record was looked at."""
    nine = tally.nine_digits
    if nine is None:  # an older version looked: what passes may be one
        if tally.asked > _INSPECTED:
            return None
        nine = sum(s.records for s in profile.schemes if s.scheme == US_SSN and s.kind is tally.kind)
    if nine and tally.asked < profile.records:  # some studies, drawn by lot
        nine = profile.records
    if named is None:
        return 0, nine
    if named.how is Provenance.COUNTED:
        return named.records, max(named.records, nine)
    return named.low or 0, max(named.high or 0, nine)
