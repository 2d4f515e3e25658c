"""From tallies to kinds of personal data, and to national identifiers by the odds of an archive's whole set."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from filmbadge.identifiers.schemes import US_SSN, schemes
from filmbadge.model import (
    Appearance,
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
_VARIED = 5  # distinct values that show more than one patient
_MOST = 0.5  # of the values decide

# Odds, as powers of ten.
_PRIOR = -2.0  # one scheme of many, and most archives use numbers of their own
_AT_HOME, _ABROAD = 1.5, -2.0  # the archive's country is the scheme's, or another
_DASHES, _USUAL_DASHES = 2.5, 1.0  # a record number is seldom written just so, or now and then
_ISSUER = 4.0
_BIRTH_BY_CHANCE, _BIRTH_AT_MOST, _BIRTH_NOT = 0.01, 4.0, -3.0
_LEAST_RATE = 1e-4  # what was never seen in so many tries
_FEW = 5  # distinct valid values prove nothing
_SURE = 0.9  # together, of those that are named
_NAMED = 0.1
_NEARLY_ALL = 0.9  # of a scheme's own numbers pass its rules, with room for errors of writing
_UNCHECKED = 0.5  # of some record numbers pass for a scheme that has no check digit
_LEADS, _FIRSTS, _DATED = (
    20,
    7,
    0.3,
)  # numbers that begin so differently, and so seldom with a date, are of no sequence and range


def judge(
    profile: Profile | None, studies: int | None, country: str = ""
) -> tuple[tuple[KindFound, ...] | None, tuple[Identifier, ...], Count]:
    """The kinds of one archive that holds so many studies, its national identifiers, and its records with a US SSN."""
    if profile is None:
        return None, (), _unknown(DoubtCode.NEEDS_PROFILE)
    whole = profile.records if profile.complete else studies
    tallies = {tally.kind: tally for tally in profile.kinds}
    found = tuple(_kind(tally, tallies, profile, whole) for tally in profile.kinds)
    identifiers = tuple(
        one for kind in (Kind.PATIENT_ID, Kind.OTHER_IDS) for one in _identifiers(profile, kind, whole, country)
    )
    return found, identifiers, _ssn(profile, identifiers, tallies)


def looks(tally: KindTally, tallies: dict[Kind, KindTally]) -> Appearance | None:
    """What the values of a kind are made like. In doubt: personal."""
    if not tally.filled:
        return None
    if tally.phantom > _MOST * tally.looked:
        return Appearance.SYNTHETIC
    if max(tally.redacted, tally.coded) > _MOST * tally.looked:
        return Appearance.PSEUDONYMISED
    others = (tallies[kind].distinct for kind in _OF_A_PATIENT if kind is not tally.kind and kind in tallies)
    if tally.kind in _OF_A_PATIENT and tally.distinct == 1 and max(others, default=0) >= _VARIED:
        return Appearance.PSEUDONYMISED
    return Appearance.PERSONAL


def _kind(tally: KindTally, tallies: dict[Kind, KindTally], profile: Profile, whole: int | None) -> KindFound:
    seen = looks(tally, tallies)
    if profile.complete and tally.asked == profile.records:
        share = tally.filled / tally.asked if tally.asked else None
        return KindFound(tally.kind, tally.filled, Provenance.COUNTED, share, seen, tally.malformed, tally.asked)
    doubts = profile.doubts
    if not tally.asked or whole is None:
        return KindFound(
            tally.kind,
            None,
            Provenance.UNKNOWN,
            None,
            seen,
            tally.malformed,
            tally.asked,
            tally.filled,
            doubts or (Doubt(DoubtCode.NOT_ASKED),),
        )
    share, least = tally.filled / tally.asked, min(tally.filled, whole)
    low, high = _interval(tally.filled, tally.asked, whole) if profile.complete else (None, None)
    doubts = doubts or (Doubt(DoubtCode.KNOWN_FOR, {"known": tally.asked, "studies": whole}),)
    return KindFound(
        tally.kind,
        round(share * whole),
        Provenance.ESTIMATED,
        share,
        seen,
        tally.malformed,
        tally.asked,
        least,
        doubts,
        low,
        high,
    )


def _interval(hits: int, of: int, whole: int) -> tuple[int, int]:
    """Wilson's score interval at 95 %, of a share of the whole; never less than was seen."""
    share, z2 = hits / of, 1.96**2
    middle, reach = share + z2 / (2 * of), 1.96 * math.sqrt(share * (1 - share) / of + z2 / (4 * of * of))
    low, high = ((middle + side * reach) / (1 + z2 / of) * whole for side in (-1, 1))
    return max(math.floor(low), hits), min(math.ceil(high), whole - (of - hits))


def _identifiers(profile: Profile, kind: Kind, whole: int | None, country: str) -> Iterable[Identifier]:
    """The schemes that explain the ids of this kind; several of one shape only where they cannot be told apart."""
    odds = {s.scheme: evidence(s, country) for s in profile.schemes if s.kind is kind}
    left = [s for s in profile.schemes if s.kind is kind and _probability(odds[s.scheme]) >= _SURE]
    left.sort(key=lambda s: (-_likelihood(s, country), s.scheme))
    while left:
        best = left[0]
        rivals = [s for s in left if schemes()[s.scheme].rivals(schemes()[best.scheme])]
        left = [s for s in left if s not in rivals]
        weights = [10.0 ** (_likelihood(s, country) - _likelihood(best, country)) for s in rivals]
        named = 0.0
        for scheme, weight in zip(rivals, weights, strict=True):
            share = weight / sum(weights)
            if named >= _SURE or share < _NAMED:
                break
            named += share
            yield _identifier(scheme, profile, whole, share * _probability(odds[scheme.scheme]))


def evidence(tally: SchemeTally, country: str = "") -> float:
    """The odds, as a power of ten, that there are ids of this scheme and not only plain record numbers.

    Three things are weighed: more values pass than would of any archive of plain record numbers; they are written with the
    scheme's separators, or their issuer says so; the birth dates they say are those of their records. The last three
    count only where what is written so, issued so or born so also passes: it would, if it were of the scheme.
    """
    if tally.valid < _FEW:
        return -math.inf
    rates = schemes()[tally.scheme].rates
    plain = max(rates.plain, _LEAST_RATE)
    # What has a check digit is never compared with random numbers alone: record numbers of one range may all be in its own.
    spread = rates.worst > _UNCHECKED and tally.leads >= _LEADS and tally.firsts >= _FIRSTS
    free = spread and tally.dated <= _DATED * tally.shaped
    gain = _more(tally.valid, tally.shaped, plain if free else max(rates.worst, plain))
    if _in_separators(tally) and schemes()[tally.scheme].odd and not _alike(tally):
        gain = max(gain, _more(tally.dashed, tally.written, plain))
    return _PRIOR + gain + _said(tally, country)


def _likelihood(tally: SchemeTally, country: str) -> float:
    """How well a scheme explains the ids, beside others that could: one of which fewer numbers are possible does it better."""
    base = max(schemes()[tally.scheme].rates.base, _LEAST_RATE) * schemes()[tally.scheme].room
    return _more(tally.valid, tally.shaped, min(base, 0.99)) + _said(tally, country)


def _said(tally: SchemeTally, country: str) -> float:
    """What is known beside the digits."""
    scheme, odds = schemes()[tally.scheme], 0.0
    if country:
        odds += _AT_HOME if scheme.country == country else _ABROAD
    if _in_separators(tally):
        odds += _DASHES if scheme.odd else _USUAL_DASHES
    if tally.issuer >= _FEW and tally.issuer >= _NEARLY_ALL * tally.issued:
        odds += _ISSUER
    if tally.birth >= _FEW or tally.astray >= _FEW:
        if tally.agree > _MOST * (tally.birth + tally.astray):
            odds += min(_more(tally.agree, tally.birth, _BIRTH_BY_CHANCE), _BIRTH_AT_MOST)
        else:
            odds += _BIRTH_NOT
    return odds


def _in_separators(tally: SchemeTally) -> bool:
    """Whether those that pass are written with the scheme's separators, and those that are written so pass."""
    often = tally.dashed >= _FEW and tally.dashed > _MOST * tally.valid
    return often and tally.dashed >= _NEARLY_ALL * tally.written


def _probability(odds: float) -> float:
    return 1.0 / (1.0 + math.pow(10.0, -max(min(odds, 300.0), -300.0)))


def _more(hits: int, of: int, rate: float) -> float:
    """The likelihood ratio, as a power of ten, of the share that is seen to a lower one that chance would make."""
    share = hits / of if of else 0.0
    if share <= rate:
        return 0.0
    rest = (1 - share) * math.log10((1 - share) / (1 - rate)) if share < 1 else 0.0
    return of * (share * math.log10(share / rate) + rest)


def _identifier(tally: SchemeTally, profile: Profile, whole: int | None, confidence: float) -> Identifier:
    """With its records. Where record numbers of the same shape are among the ids, some of them pass by chance."""
    records, how = float(tally.records), Provenance.COUNTED
    if _in_separators(tally):
        records = tally.records_dashed
    elif tally.valid < _NEARLY_ALL * tally.shaped:
        base, how = schemes()[tally.scheme].rates.base, Provenance.ESTIMATED
        records = max(records - base * tally.records_shaped, 0.0) / (1 - base)
    share = records / tally.looked
    if not (profile.complete and tally.looked == profile.records):
        records, how = share * (whole or tally.looked), Provenance.ESTIMATED
    return Identifier(tally.scheme, tally.kind, round(records), how, share, confidence)


def _ssn(profile: Profile, identifiers: Sequence[Identifier], tallies: dict[Kind, KindTally]) -> Count:
    """Records in which a US social security number stands, in one kind or the other, whichever has more."""
    ids = tallies.get(Kind.PATIENT_ID)
    found = [one for one in identifiers if one.scheme == US_SSN]
    if found:
        most = max(found, key=lambda one: one.records)
        return Count(most.records, most.how)
    if any(_may_be(s) for s in profile.schemes if s.scheme == US_SSN and s.kind is Kind.PATIENT_ID):
        return _unknown(DoubtCode.MAYBE_SSN)
    if not profile.records or (profile.complete and ids is not None and ids.asked == profile.records):
        return Count(0, Provenance.COUNTED)
    return Count(doubts=profile.doubts or (Doubt(DoubtCode.NOT_ALL_INSPECTED),))


def _unknown(code: DoubtCode) -> Count:
    return Count(doubts=(Doubt(code),))


def _may_be(ssn: SchemeTally) -> bool:
    """Too few to tell. Numbers in sequence, or with one site or year in front, are not meant."""
    return ssn.valid >= _FEW and ssn.valid >= _NEARLY_ALL * ssn.shaped and not _alike(ssn)


def _alike(tally: SchemeTally) -> bool:
    """Whether they begin alike, as numbers in sequence do, or with dates."""
    return tally.leads < min(_LEADS, tally.shaped / 2) or tally.dated > _DATED * tally.shaped
