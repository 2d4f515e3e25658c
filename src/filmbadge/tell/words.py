"""Verdicts, counts and scopes in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import TypeVar

from filmbadge.catalogue.advisories import advisories
from filmbadge.catalogue.dicom import abort_words, rejection_words, status_words
from filmbadge.catalogue.national import BY_NAME
from filmbadge.model import (
    Count,
    Decoy,
    Depth,
    GradeReason,
    Identifier,
    Kind,
    Provenance,
    Reason,
    Rung,
    TlsFacts,
    Transport,
)

E = TypeVar("E", bound=StrEnum)

RUNGS = {
    Rung.SILENT: "nothing answered",
    Rung.LISTENING: "something answered, not an imaging service",
    Rung.SPEAKS: "an imaging service",
    Rung.ADMITS: "lets a stranger in",
    Rung.ANSWERS: "answers a stranger's query, with no records",
    Rung.DISCLOSES: "gives records to a stranger",
    Rung.OFFERS: "and would hand out images",
    Rung.DELIVERS: "handed out an image",
}
NOT_FOUND_OUT = "we could not find out"

GRADE_WHY = {
    GradeReason.ADMITS: "it lets a stranger in, and refuses only the query",
    GradeReason.ANSWERS: "it answers a stranger's query; the first study it is given will be open",
    GradeReason.DISCLOSES: "it gives records to a stranger",
    GradeReason.IMAGES: "it gives images to a stranger",
    GradeReason.NOTHING_PERSONAL: "no person's data was found among them",
    GradeReason.KINDS_UNKNOWN: "whether they are of persons was not looked at, so they are taken to be",
    GradeReason.PLAIN: "a way in is not encrypted (DICOM PS3.15 B.12 asks for TLS 1.2 or newer)",
    GradeReason.WEAK_TLS: "its TLS is weaker than DICOM PS3.15 B.12 (BCP 195) asks for",
    GradeReason.TITLE_ONLY: "an AE title is what keeps strangers out of its DICOM port, and that is a name, not a secret",
    GradeReason.ADVISORIES: "its version has published vulnerabilities",
}
NO_GRADE = "no grade: we could not find out enough"
TRANSPORT = {
    Transport.PLAIN: "not encrypted",
    Transport.OLD_VERSION: "TLS older than 1.2",
    Transport.NO_FORWARD_SECRECY: "a cipher without forward secrecy",
    Transport.NO_AEAD: "a cipher without authenticated encryption",
    Transport.UNAUTHENTICATED: "a cipher that authenticates nobody",
    Transport.SHORT_KEY: "a key that is too short (RSA under 2048 bits, EC under 224)",
    Transport.EXPIRED: "an expired certificate",
    Transport.NOT_YET_VALID: "a certificate that is not valid yet",
    Transport.SELF_SIGNED: "a self-signed certificate",
    Transport.OTHER_NAME: "a certificate that does not name it as it was asked",
    Transport.CLIENT_CERTIFICATE: "a client certificate is demanded",
    Transport.NOT_SEEN: "the TLS handshake was not completed",
}
DECOY = {
    Decoy.HONEYPOT: "it answers as honeypot software does",
    Decoy.CLUSTER: "the same configuration with the same counts stands in five networks or more",
    Decoy.CALLS_ITSELF: "its own name says demonstration, phantom or test bed",
}

NOT_TRIED = {
    Depth.KNOCK: "no query was asked, nothing was counted, no personal attribute was looked at, no image was requested",
    Depth.ASK: "nothing was counted, no personal attribute was looked at, no image was requested",
    Depth.COUNT: "no personal attribute was looked at, no image was requested",
    Depth.PROFILE: "no image was requested",
    Depth.PROVE: "",
}
NEVER_TRIED = "never tried: a password, an AE title that the scope does not list, a client certificate, writing"


def reason(why: str, codes: Sequence[int], detail: str, protocol: str = "dimse") -> str:
    """Why an endpoint stands on its rung, as one clause. What another version kept is told in its own words."""
    try:
        return _reason(Reason(why), codes, detail, protocol)
    except (ValueError, TypeError, IndexError):
        return detail or why


def _reason(why: Reason, codes: Sequence[int], detail: str, protocol: str) -> str:
    match why:
        case Reason.NOTHING_ANSWERED:
            return detail or "nothing answered"
        case Reason.OUT_OF_SCOPE:
            return detail or "out of scope"
        case Reason.NO_ADDRESS:
            return detail or "the name has no address"
        case Reason.OWN_ERROR:
            return f"our own error, not the archive's: {detail or 'unknown'}"
        case Reason.SPARED:
            return f"it was left alone: {detail}"
        case Reason.NOT_IMAGING:
            return detail or "not an imaging service"
        case Reason.CLIENT_CERTIFICATE:
            return "TLS, and a client certificate is demanded; what is behind it cannot be seen without one"
        case Reason.REJECTED:
            return "association " + rejection_words(*codes)
        case Reason.ABORTED:
            return "association " + (abort_words(*codes) if codes else detail or "not completed")
        case Reason.CONTEXT_REFUSED:
            return "the association was accepted, but no query model (C-FIND)"
        case Reason.DEPTH:
            where = (
                "the association and its query model were accepted"
                if protocol == "dimse"
                else "the API answers without a login"
            )
            return f"{where}; no question was asked at this depth"
        case Reason.NEEDS_PERSONAL_DATA if protocol == "http":
            return "it answers a stranger's question that can have no answer; any other would put a patient's name on the wire, and was not asked at this depth"
        case Reason.NEEDS_PERSONAL_DATA:
            return f"without Study Root a question needs a patient id, which is personal data; without one: {status_words(*codes)}"
        case Reason.FIND_ABORTED:
            return "the query was answered by an abort: " + abort_words(*codes)
        case Reason.FIND_FAILED:
            return "the query was answered by: " + status_words(*codes)
        case Reason.FIND_BROKE_OFF:
            return "the query had no answer: " + detail
        case Reason.NO_RECORDS:
            return "the query was answered, and there are no records"
        case Reason.RECORDS:
            return f"it gave records to a stranger, asked for {detail}" if detail else "it gave records to a stranger"
        case Reason.IMAGE:
            return f"it handed {codes[0]:,} bytes of an image to a stranger, dropped unread ({'transfer syntax ' if protocol == 'dimse' else ''}{detail})"
        case Reason.IMAGE_OFFERED:
            return "it offered an image to a stranger, and did not send it: " + (
                status_words(*codes) if codes else detail or "no answer"
            )
        case Reason.IMAGE_NAMED:
            return f"it gave records to a stranger, asked at {detail}, and they say where the images are"
        case Reason.LOGIN:
            return f"HTTP {codes[0]}, a login is demanded" + (f" (realm “{detail}”)" if detail else "")
        case Reason.PAGE:
            return f"{f'the page of {detail}' if detail else 'a service of a known product'} is shown to a stranger"
        case Reason.LISTING:
            shown = amount(codes[0], "DICOM file") if codes[0] else "the index of a DICOM medium"
            return f"a list of files shows {shown} to a stranger"
        case Reason.PATIENTS:
            return f"a page lists {amount(codes[0], 'patient')} to a stranger"
        case Reason.HTTP_STATUS:
            return f"a question was answered by HTTP {codes[0]}"
        case Reason.COUNTER:
            return "its own counters, open to strangers, say that it holds records"


def grade_why(why: Sequence[str]) -> str:
    """Why a grade is not better, as one sentence; empty where nothing took it down."""
    return "; ".join(_known(GRADE_WHY, GradeReason, one) for one in why)


def decoy(why: Sequence[str]) -> str:
    """Why it is likely no clinic's archive; empty if nothing says so."""
    return "; ".join(_known(DECOY, Decoy, one) for one in why)


def transport(found: Sequence[str]) -> str:
    return ", ".join(_known(TRANSPORT, Transport, one) for one in found)


def _known(table: Mapping[E, str], kind: type[E], value: str) -> str:
    """Its words; what another version kept is told as it stands."""
    return table[kind(value)] if value in {member.value for member in kind} else value


def product(name: str, version: str, firm: bool) -> str:
    """Such as `Orthanc 1.12.1`, or `likely Orthanc` where one mark alone says so."""
    if not name:
        return ""
    return f"{'' if firm else 'likely '}{name} {version}".strip()


def advisory(identity: str) -> str:
    """An advisory in one line; its id alone where this version does not know it."""
    row = advisories().get(identity)
    if row is None:
        return identity
    return f"{identity}: {row.what}" + (f" (fixed in {row.fixed})" if row.fixed else "")


def tls(facts: TlsFacts | None) -> str:
    """The version and what a certificate is best known for, or `plain`."""
    if facts is None:
        return "plain"
    held = facts.certificate
    parts = [facts.version or "TLS", f"until {held.not_after:%Y-%m-%d}" if held else ""]
    parts += ["self-signed" if held and held.self_signed else "", "other name" if held and not held.matches else ""]
    return ", ".join(filter(None, parts))


def count(value: Count) -> str:
    """A number with how it was got, or why there is none."""
    if value.value is not None and value.low is not None and value.high is not None:
        return f"{value.value:,} ({value.how}; 95 %: {value.low:,} to {value.high:,})"
    if value.value is not None:
        return f"{value.value:,} ({value.how})"
    least = f"at least {value.at_least:,}; " if value.at_least else ""
    return f"{least}unknown: {value.why}" if value.why else f"{least}unknown"


def kind(
    records: int | None, how: str, at_least: int | None, why: str, low: int | None = None, high: int | None = None
) -> str:
    """How many studies carry a kind of personal data."""
    if records is None:
        return count(Count(at_least=at_least, why=why))
    between = "" if low is None or high is None else f", {low:,} to {high:,}"
    return f"{records:,} ({how} {why}{between})" if how == Provenance.ESTIMATED and why else f"{records:,} ({how})"


def named(kind: str) -> str:
    """A kind of personal data for a person, such as `patient name`."""
    return kind.replace("_", " ")


def identifier(found: Identifier) -> str:
    scheme = BY_NAME.get(found.scheme)
    where = "patient id" if found.kind is Kind.PATIENT_ID else "other ids"
    return (
        f"{scheme.words if scheme else found.scheme} as {where} in {found.records:,} studies ({found.how}), "
        f"{found.share:.0%}, confidence {found.confidence:.0%}"
    )


def amount(number: int, thing: str) -> str:
    return f"{number:,} {thing}" + ("" if number == 1 else "s")


def duration(seconds: float) -> str:
    """Such as `22 minutes`, rounded for a person."""
    if seconds < 90:
        return amount(max(1, round(seconds)), "second")
    if seconds < 5400:
        return f"{round(seconds / 60)} minutes"
    if seconds < 48 * 3600:
        return f"{seconds / 3600:.1f} hours"
    return f"{seconds / 86400:.1f} days"
