"""What is wrong with an archive, as codes and numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

from filmbadge.catalogue.findings import findings as rows
from filmbadge.catalogue.fingerprints import login_may_be_known, writable
from filmbadge.catalogue.rubric import rubric
from filmbadge.identifiers.schemes import US_SSN
from filmbadge.judge.grade import BY_RUNG, by_title, telling
from filmbadge.judge.product import signs
from filmbadge.judge.ways import ways_of
from filmbadge.judge.ways.dimse import title_needed
from filmbadge.model import (
    Appearance,
    Archive,
    ClientCertificate,
    Count,
    DimseFacts,
    Endpoint,
    Finding,
    FindingCode,
    FingerprintKind,
    Grade,
    GradeReason,
    Host,
    JudgedEndpoint,
    Observation,
    PageFacts,
    Protocol,
    Reason,
    Rung,
    Transport,
    Verdict,
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
    found += [one for judged in group for one in _of_guard(judged, archive)]
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
    for one in judged.transport:
        if code := OF_TRANSPORT.get(one):
            yield code, _measures(one, seen)


def _of_guard(judged: JudgedEndpoint, archive: Archive) -> Iterator[_Found]:
    """What guards one endpoint, and does not or may not."""
    seen, endpoint = judged.observation, judged.observation.endpoint
    rung = judged.verdict.rung
    let_in = rung is not None and rung.reaches(Rung.ADMITS)
    if archive.rung is Rung.SPEAKS and by_title(judged):
        yield FindingCode.TITLE_ONLY, endpoint, {}, ""
    if let_in and (title := opened_by(seen)):
        yield FindingCode.TITLE_ONLY, endpoint, {}, title
    if let_in and _anybodys_tls(seen):
        yield FindingCode.TLS_LETS_IN, endpoint, {}, ""
    if let_in and not writable().isdisjoint(_by_rest(seen)):
        yield FindingCode.MAY_WRITE, endpoint, {}, ""
    if rung is not None and rung.open and _same_port(endpoint, archive.closed_elsewhere):
        yield FindingCode.OTHER_ADDRESS, endpoint, {}, ""
    if judged.verdict.why is Reason.LOGIN and judged.verdict.codes == (401,) and _may_be_known(seen, archive):
        yield FindingCode.LOGIN_MAY_BE_KNOWN, endpoint, {}, ""


def opened_by(seen: Observation) -> str:
    """The AE title of the scope by which we got in, where another was rejected. Empty: none was needed."""
    facts = seen.get(DimseFacts)
    return "" if facts is None else title_needed(facts)


def _anybodys_tls(seen: Observation) -> bool:
    """DICOM over TLS that took us without a certificate. On the web a login does what a certificate does here."""
    if seen.tls is None or seen.endpoint.protocol is not Protocol.DIMSE:
        return False
    return seen.tls.client_certificate is ClientCertificate.NO


def _by_rest(seen: Observation) -> set[str]:
    """The products that are named by a REST interface of their own, which answers without a login."""
    return {
        sign.product
        for way, facts in ways_of(seen)
        if any(map(_answers, way.place(facts, seen)))
        for sign in way.signs(facts)
        if sign.kind is FingerprintKind.API
    }


def _answers(verdict: Verdict) -> bool:
    """What names a product may be all that it tells to a stranger: its counters must be told, too, where they were asked for."""
    rung = verdict.rung
    return rung is not None and (rung.reaches(Rung.ANSWERS) or verdict.why is Reason.DEPTH)


def _may_be_known(seen: Observation, archive: Archive) -> bool:
    return any(login_may_be_known(sign.product, archive.product.version) for sign in signs(seen))


def _same_port(endpoint: Endpoint, others: Sequence[Endpoint]) -> bool:
    return any(other.port == endpoint.port for other in others)


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
