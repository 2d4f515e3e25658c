"""From tallies to kinds of personal data, and to national identifiers by the odds of an archive's whole set."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from filmbadge.catalogue.national import BY_NAME, US_SSN, measured
from filmbadge.model import Count, How, Identifier, Kind, KindFound, KindTally, Looks, Profile, SchemeTally

# Of one patient's records these are always the same, and of two patients' seldom.
_OF_A_PATIENT = (Kind.PATIENT_NAME, Kind.PATIENT_ID, Kind.BIRTH_DATE, Kind.OTHER_NAMES, Kind.OTHER_IDS,
                 Kind.ADDRESS, Kind.TELEPHONE)  # fmt: skip
_VARIED = 5  # distinct values that show more than one patient
_MOST = 0.5  # of the values decide

# Odds, as powers of ten.
_PRIOR = -2.0  # one scheme of many, and most archives use numbers of their own
_AT_HOME, _ABROAD = 1.5, -2.0  # the archive's country is the scheme's, or another
_DASHES = 3.0  # a record number is seldom written just so
_ISSUER = 4.0
_BIRTH_BY_CHANCE, _BIRTH_AT_MOST, _BIRTH_NOT = 0.01, 4.0, -3.0
_FEW = 5  # distinct valid values prove nothing
_SURE = 0.9  # together, of those that are named
_NAMED = 0.1


def judge(
    profile: Profile | None, studies: int | None, country: str = ""
) -> tuple[tuple[KindFound, ...] | None, tuple[Identifier, ...], Count]:
    """The kinds of one archive that holds so many studies, its national identifiers, and its records with a US SSN."""
    if profile is None:
        return None, (), Count(why="needs depth profile")
    whole = profile.records if profile.complete else studies
    tallies = {tally.kind: tally for tally in profile.kinds}
    found = tuple(_kind(tally, tallies, profile, whole) for tally in profile.kinds)
    identifiers = tuple(
        one for kind in (Kind.PATIENT_ID, Kind.OTHER_IDS) for one in _identifiers(profile, kind, whole, country)
    )
    return found, identifiers, _ssn(profile, identifiers, tallies)


def looks(tally: KindTally, tallies: dict[Kind, KindTally]) -> Looks | None:
    """What the values of a kind are made like. In doubt: personal."""
    if not tally.filled:
        return None
    if tally.phantom > _MOST * tally.looked:
        return Looks.SYNTHETIC
    if max(tally.redacted, tally.coded) > _MOST * tally.looked:
        return Looks.PSEUDONYMISED
    others = (tallies[kind].distinct for kind in _OF_A_PATIENT if kind is not tally.kind and kind in tallies)
    if tally.kind in _OF_A_PATIENT and tally.distinct == 1 and max(others, default=0) >= _VARIED:
        return Looks.PSEUDONYMISED
    return Looks.PERSONAL


def _kind(tally: KindTally, tallies: dict[Kind, KindTally], profile: Profile, whole: int | None) -> KindFound:
    seen = looks(tally, tallies)
    if profile.complete and tally.asked == profile.records:
        share = tally.filled / tally.asked if tally.asked else None
        return KindFound(tally.kind, tally.filled, How.COUNTED, share, seen, tally.malformed, tally.asked)
    why = profile.why
    if not tally.asked or whole is None:
        return KindFound(
            tally.kind, None, How.UNKNOWN, None, seen, tally.malformed, tally.asked, tally.filled, why or "not asked"
        )
    share, least = tally.filled / tally.asked, min(tally.filled, whole)
    why = why or f"from {tally.asked} of {whole} studies"
    return KindFound(
        tally.kind, round(share * whole), How.ESTIMATED, share, seen, tally.malformed, tally.asked, least, why
    )


def _identifiers(profile: Profile, kind: Kind, whole: int | None, country: str) -> Iterable[Identifier]:
    """The schemes that explain the ids of this kind; several only where they cannot be told apart."""
    here = [s for s in profile.schemes if s.kind is kind]
    odds = [evidence(s, country) for s in here]
    weights = [10.0 ** min(each - max(0.0, *odds), 0.0) for each in odds] if odds else []
    none = 10.0 ** -max(0.0, *odds) if odds else 1.0
    total = sum(weights) + none
    ranked = sorted(zip(here, weights, strict=True), key=lambda pair: (-pair[1], pair[0].scheme))
    if total - none < _SURE * total:
        return
    named = 0.0
    for scheme, weight in ranked:
        confidence = weight / total
        if named >= _SURE or confidence < _NAMED:
            return
        named += confidence
        yield _identifier(scheme, profile, whole, confidence)


def evidence(tally: SchemeTally, country: str = "") -> float:
    """The odds, as a power of ten, that the ids are of this scheme and not plain record numbers.

    Three things are weighed: more values pass than would of any archive of plain record numbers; they are written with the
    scheme's separators, or their issuer says so; the birth dates they say are those of their records.
    """
    if tally.valid < _FEW:
        return -math.inf
    scheme, rates = BY_NAME[tally.scheme], measured().rates[tally.scheme]
    odds = _PRIOR
    if country:
        odds += _AT_HOME if scheme.country == country else _ABROAD
    odds += _more(tally.valid, tally.shaped, max(rates.worst, rates.base))
    if tally.dashed > _MOST * tally.valid:
        odds += _DASHES + _more(tally.dashed, tally.shaped, rates.base)
    if tally.issuer >= _FEW:
        odds += _ISSUER
    if tally.birth >= _FEW:
        gain = _more(tally.agree, tally.birth, _BIRTH_BY_CHANCE)
        odds += min(gain, _BIRTH_AT_MOST) if tally.agree > _MOST * tally.birth else _BIRTH_NOT
    return odds


def _more(hits: int, of: int, rate: float) -> float:
    """The likelihood ratio, as a power of ten, of the share that is seen to a lower one that chance would make."""
    share, rate = hits / of, max(rate, 1e-4)
    if share <= rate:
        return 0.0
    rest = (1 - share) * math.log10((1 - share) / (1 - rate)) if share < 1 else 0.0
    return of * (share * math.log10(share / rate) + rest)


def _records(tally: SchemeTally) -> int:
    return tally.records_dashed if tally.dashed > _MOST * tally.valid else tally.records


def _identifier(tally: SchemeTally, profile: Profile, whole: int | None, confidence: float) -> Identifier:
    share = _records(tally) / tally.looked
    if profile.complete and tally.looked == profile.records:
        return Identifier(tally.scheme, tally.kind, _records(tally), How.COUNTED, share, confidence)
    return Identifier(
        tally.scheme, tally.kind, round(share * (whole or tally.looked)), How.ESTIMATED, share, confidence
    )


def _ssn(profile: Profile, identifiers: Sequence[Identifier], tallies: dict[Kind, KindTally]) -> Count:
    """Records in which a US social security number stands, in one kind or the other, whichever has more."""
    ids = tallies.get(Kind.PATIENT_ID)
    found = [one for one in identifiers if one.scheme == US_SSN]
    if found:
        most = max(found, key=lambda one: one.records)
        return Count(most.records, most.how)
    if not profile.records or (profile.complete and ids is not None and ids.asked == profile.records):
        return Count(0, How.COUNTED)
    return Count(why=profile.why or "not every record was looked at")
