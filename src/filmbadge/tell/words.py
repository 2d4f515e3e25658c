"""Verdicts, counts and scopes in words."""

from __future__ import annotations

from collections.abc import Sequence

from filmbadge.catalogue.dicom import abort_words, rejection_words, status_words
from filmbadge.model import Count, Depth, Rung, TlsFacts, Why

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

NOT_TRIED = {
    Depth.KNOCK: "no query was asked, nothing was counted, no personal attribute was looked at, no image was requested",
    Depth.ASK: "nothing was counted, no personal attribute was looked at, no image was requested",
    Depth.COUNT: "no personal attribute was looked at, no image was requested",
    Depth.PROFILE: "no image was requested",
    Depth.PROVE: "no personal attribute was looked at",
}
NEVER_TRIED = "never tried: a password, an AE title that the scope does not list, a client certificate, writing, DICOMweb and viewers (not built yet)"


def reason(why: str, codes: Sequence[int], detail: str, protocol: str = "dimse") -> str:
    """Why an endpoint stands on its rung, as one clause. What another version kept is told in its own words."""
    try:
        return _reason(Why(why), codes, detail, protocol)
    except (ValueError, TypeError, IndexError):
        return detail or why


def _reason(why: Why, codes: Sequence[int], detail: str, protocol: str) -> str:
    match why:
        case Why.NOTHING_ANSWERED:
            return detail or "nothing answered"
        case Why.OUT_OF_SCOPE:
            return detail or "out of scope"
        case Why.NO_ADDRESS:
            return detail or "the name has no address"
        case Why.OWN_ERROR:
            return f"our own error, not the archive's: {detail or 'unknown'}"
        case Why.NOT_IMAGING:
            return detail or "not an imaging service"
        case Why.CLIENT_CERTIFICATE:
            return "TLS, and a client certificate is demanded; what is behind it cannot be seen without one"
        case Why.REJECTED:
            return "association " + rejection_words(*codes)
        case Why.ABORTED:
            return "association " + (abort_words(*codes) if codes else detail or "not completed")
        case Why.CONTEXT_REFUSED:
            return "the association was accepted, but no query model (C-FIND)"
        case Why.DEPTH:
            where = (
                "the association and its query model were accepted"
                if protocol == "dimse"
                else "the API answers without a login"
            )
            return f"{where}; no question was asked at this depth"
        case Why.NEEDS_PERSONAL_DATA:
            return f"without Study Root a question needs a patient id, which is personal data; without one: {status_words(*codes)}"
        case Why.FIND_ABORTED:
            return "the query was answered by an abort: " + abort_words(*codes)
        case Why.FIND_FAILED:
            return "the query was answered by: " + status_words(*codes)
        case Why.FIND_BROKE_OFF:
            return "the query had no answer: " + detail
        case Why.NO_RECORDS:
            return "the query was answered, and there are no records"
        case Why.RECORDS:
            return f"it gave records to a stranger, asked for {detail}" if detail else "it gave records to a stranger"
        case Why.IMAGE:
            return f"it handed {codes[0]:,} bytes of an image to a stranger, dropped unread (transfer syntax {detail})"
        case Why.IMAGE_OFFERED:
            return "it offered an image to a stranger, and did not send it: " + (
                status_words(*codes) if codes else detail or "no answer"
            )
        case Why.LOGIN:
            return f"HTTP {codes[0]}, a login is demanded (realm “{detail}”)"
        case Why.HTTP_STATUS:
            return f"the counters were answered by HTTP {codes[0]}"
        case Why.COUNTER:
            return "its own counters, open to strangers, say that it holds records"


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
    if value.value is not None:
        return f"{value.value:,} ({value.how})"
    least = f"at least {value.at_least:,}; " if value.at_least else ""
    return f"{least}unknown: {value.why}" if value.why else f"{least}unknown"


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
