"""What is wrong with an archive, as codes and numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

from filmbadge.catalogue.findings import findings as rows
from filmbadge.catalogue.rubric import rubric
from filmbadge.identifiers.schemes import US_SSN
from filmbadge.judge.grade import BY_RUNG, by_title, telling
from filmbadge.model import (
    Appearance,
    Archive,
    Count,
    Endpoint,
    Finding,
    FindingCode,
    Grade,
    GradeReason,
    Host,
    JudgedEndpoint,
    Observation,
    PageFacts,
    Reason,
    Rung,
    Transport,
)

OF_TRANSPORT = {
    Transport.PLAIN: FindingCode.PLAIN_TRANSPORT,
    Transport.OLD_VERSION: FindingCode.OLD_TLS,
    Transport.UNAUTHENTICATED: FindingCode.ANONYMOUS_CIPHER,
    Transport.NO_FORWARD_SECRECY: FindingCode.NO_FORWARD_SECRECY,
    Transport.NO_AEAD: FindingCode.NO_AEAD,
    Transport.SHORT_KEY: FindingCode.SHORT_KEY,
    Transport.EXPIRED: FindingCode.EXPIRED,
    Transport.NOT_YET_VALID: FindingCode.NOT_YET_VALID,
    Transport.SELF_SIGNED: FindingCode.SELF_SIGNED,
    Transport.OTHER_NAME: FindingCode.OTHER_NAME,
}
_BY_RUNG = {Rung.ANSWERS: FindingCode.ANSWERS_STRANGERS, Rung.ADMITS: FindingCode.LETS_STRANGERS_IN}
_IMAGES = frozenset({Rung.OFFERS, Rung.DELIVERS})
_ORDER = {code: place for place, code in enumerate(FindingCode)}
_PAGES = (Reason.LISTING, Reason.PATIENTS)  # they have findings of their own

_Found = tuple[FindingCode, Endpoint | None, dict[str, int], str]


def findings(host: Host) -> Iterator[Finding]:
    """Everything that is wrong with the archives of one host: of each archive the worst first."""
    for archive in host.archives:
        yield from of_archive(archive, [j for j in host.judged if j.observation.endpoint in archive.endpoints])


def of_archive(archive: Archive, group: Sequence[JudgedEndpoint]) -> tuple[Finding, ...]:
    """The same for one archive; `group` are its endpoints."""
    found: list[_Found] = [
        (code, judged.observation.endpoint, numbers, "") for judged in group for code, numbers in _of(judged, archive)
    ]
    found += _of_whole(archive)
    if not found:
        return ()
    graded = GradeReason.SAME_MACHINE not in archive.grade_why
    impersonal = GradeReason.NOTHING_PERSONAL in archive.grade_why
    found.sort(key=lambda one: (_ORDER[one[0]], one[1] is not None, one[1] or (), one[3]))
    return tuple(
        Finding(code, archive.id, endpoint, _best(code, impersonal) if graded else None, numbers, about)
        for code, endpoint, numbers, about in found
    )


def _of(judged: JudgedEndpoint, archive: Archive) -> Iterator[tuple[FindingCode, dict[str, int]]]:
    """What is wrong with one endpoint."""
    seen, verdict = judged.observation, judged.verdict
    rung = verdict.rung
    if rung in _IMAGES:
        got = archive.images_retrievable.value
        yield FindingCode.HANDS_OUT_IMAGES, _holds(archive) | ({} if got is None else {"images_retrievable": got})
    pages = seen.get(PageFacts)
    listing = pages.listing if pages is not None else None
    if listing is not None and listing.shown:
        yield FindingCode.FILE_LISTING, {"files": listing.files}
    elif rung is not None and rung.open and verdict.why not in _PAGES:
        yield FindingCode.DISCLOSES_RECORDS, _holds(archive)
    if verdict.why is Reason.PATIENTS:
        yield FindingCode.PATIENT_LISTING, {"patients": verdict.codes[0]}
    if rung is not None and (code := _BY_RUNG.get(rung)):
        yield code, {}
    if archive.rung is Rung.SPEAKS and by_title(judged):
        yield FindingCode.TITLE_ONLY, {}
    for one in judged.transport:
        if code := OF_TRANSPORT.get(one):
            yield code, _measures(one, seen)


def _of_whole(archive: Archive) -> Iterator[_Found]:
    """What is wrong with an archive, whichever way in is taken."""
    personal = [kind for kind in telling(archive.kinds or ()) if kind.looks is Appearance.PERSONAL]
    if personal:
        numbers = {str(kind.kind): kind.records or kind.at_least or 0 for kind in personal}
        yield FindingCode.PERSONAL_DATA, None, numbers, ""
    if sure := _surely(archive.ssn_records):
        yield FindingCode.SSN_RECORDS, None, {"records": sure}, ""
    for scheme in archive.identifiers:
        if scheme.scheme != US_SSN:
            yield FindingCode.NATIONAL_IDENTIFIERS, None, {"records": scheme.records}, scheme.scheme
    for advisory in archive.advisories:
        yield FindingCode.ADVISORY, None, {}, advisory


def _surely(count: Count) -> int:
    """How many there are at least."""
    return count.low if count.low is not None else count.value or count.at_least or 0


def _holds(archive: Archive) -> dict[str, int]:
    """What the whole archive holds, as far as it is known."""
    names = archive.counts.__struct_fields__
    return {name: value for name in names if (value := getattr(archive.counts, name).value) is not None}


def _measures(found: Transport, seen: Observation) -> dict[str, int]:
    """How far a certificate is from what it should be."""
    held = seen.tls.certificate if seen.tls is not None else None
    if held is None:
        return {}
    if found is Transport.EXPIRED:
        return {"days": (seen.at - held.not_after).days}
    if found is Transport.NOT_YET_VALID:
        return {"days": (held.not_before - seen.at).days}
    return {"bits": held.bits} if found is Transport.SHORT_KEY and held.bits is not None else {}


@cache
def _best(code: FindingCode, impersonal: bool) -> Grade | None:
    """The best grade that the rubric leaves to an archive with this finding. `impersonal`: nothing in it is personal."""
    reason = rows()[code].reason
    if reason is None:
        return None
    rung = next((rung for rung, why in BY_RUNG.items() if why is reason), None)
    if rung is None:  # a step down from the top
        return list(Grade)[1]
    row = next(row for row in rubric().rung if row.rung is rung)
    return row.nothing_personal if impersonal else row.grade
