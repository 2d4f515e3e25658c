"""Facts of version 1 as version 2: reasons were sentences then, and each way in had a field of its own.

A sentence that stands in no table here leaves an ending without a cause, and a doubt without its reason.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from filmbadge.model import Cause, DoubtCode

Json = dict[str, Any]

ENDINGS = {
    "no address": "no-address",
    "no answer": "no-answer",
    "closed by the peer": "closed",
    "reset by the peer": "reset",
    "fell silent": "idle",
    "time cap": "time-cap",
    "byte cap": "byte-cap",
    "other protocol": "other-protocol",
    "TLS failed": "tls-failed",
    "broke the protocol": "protocol-broken",
    "association rejected": "rejected",
    "association aborted": "aborted",
    "left alone": "left-alone",
    "out of scope": "out-of-scope",
    "our own error": "own-error",
}
_ENDED = {*ENDINGS, "completed", "refused", "unreachable", "interrupted"}
_SIGNS = {"AE title": "ae-title", "API": "api"}
_KEYS = {"RSA": "rsa", "EC": "ec"}
_METHODS = {"count keys": "count-keys", "walk": "walk", "": None}
_SERVICES = {"WADO-RS": "wado-rs", "WADO-URI": "wado-uri", "": None}
_COUNTED = ("patients", "studies", "series", "images")

# A number is read by the name of its group: the code has one of that name. `s_` is in seconds, `x_` hexadecimal.
_CAUSES = (
    (r".*\bscope\b.* expired.*", Cause.SCOPE_EXPIRED),
    (r".*without a scope file.*", Cause.NO_SCOPE_FILE),
    (r".*\bscope\b.*", Cause.NOT_IN_SCOPE),
    (r"no ending", Cause.NO_ENDING),
    (r"no answer to the connect within (?P<s_milliseconds>[\d.e+]+) s", Cause.CONNECT_LIMIT),
    (r"reset during the connect", Cause.DURING_CONNECT),
    (r"out of file descriptors.*", Cause.TOO_MANY_FILES),
    (r"no route from this machine.*", Cause.NO_ROUTE),
    (r"no TLS handshake within (?P<s_milliseconds>[\d.e+]+) s", Cause.HANDSHAKE_LIMIT),
    (r"TLS refused by the peer: .* \((?P<alert>\d+)\)", Cause.TLS_ALERT),
    (r"TLS failed: .*", Cause.HANDSHAKE_FAILED),
    (r".*, which had asked for a client certificate", Cause.CERTIFICATE_ASKED),
    (r"no byte for (?P<s_milliseconds>[\d.e+]+) s", Cause.IDLE_LIMIT),
    (r"more than (?P<s_milliseconds>[\d.e+]+) s", Cause.TIME_LIMIT),
    (r"more than (?P<bytes>\d+) bytes", Cause.BYTE_LIMIT),
    (r"more than (?P<connections>\d+) connections", Cause.CONNECTION_LIMIT),
    (r"stopped by us, and closed in order", Cause.STOPPED_IN_ORDER),
    (r"stopped by us, and broken off", Cause.STOPPED_AT_ONCE),
    (r"the archive showed distress", Cause.DISTRESS),
    (r"answered in bytes that are not TLS", Cause.NOT_TLS),
    (r"answered in HTTP, not in DICOM", Cause.SPOKE_HTTP),
    (r"answered in SSH, not in DICOM", Cause.SPOKE_SSH),
    (r"answered in TLS, not in (DICOM|HTTP)", Cause.SPOKE_TLS),
    (r"answered in FTP or SMTP, not in DICOM", Cause.SPOKE_FTP_OR_SMTP),
    (r"answered in VNC, not in DICOM", Cause.SPOKE_VNC),
    (r"answered in Telnet, not in DICOM", Cause.SPOKE_TELNET),
    (r"answered in HL7 \(MLLP\), not in DICOM", Cause.SPOKE_HL7),
    (r"answered in markup, not in DICOM", Cause.SPOKE_MARKUP),
    (r"answered in (bytes that are not DICOM|other bytes, not in HTTP)", Cause.SPOKE_OTHER),
    (r"HTTP (?P<status>\d+)", Cause.HTTP_STATUS),
    (r"(?P<pages>\d+) pages?", Cause.PAGES),
    (r"a malformed HTTP response", Cause.HTTP_MALFORMED),
    (r"the HTTP response breaks off", Cause.HTTP_CUT_OFF),
    (r"a compressed body that breaks off", Cause.BODY_CUT_OFF),
    (r"a content coding that was not asked for", Cause.CONTENT_CODING),
    (r"released by the peer", Cause.RELEASED),
    (r"closed without a release response", Cause.NO_RELEASE_RESPONSE),
    (r"the archive went on after C-CANCEL", Cause.WENT_ON),
    (r"no instance was named", Cause.NO_INSTANCE),
    (r"a unit of more than (?P<limit>\d+) bytes", Cause.UNIT_TOO_LONG),
    (r"PDU type 0x(?P<x_type>[0-9A-F]+) does not exist", Cause.UNKNOWN_PDU),
    (r"PDU type 0x(?P<x_type>[0-9A-F]+) is not expected in Sta(?P<state>\d+)", Cause.UNEXPECTED_PDU),
    (r"PDU type 0x(?P<x_type>[0-9A-F]+) announces (?P<length>\d+) bytes; at most (?P<limit>\d+) were agreed", Cause.PDU_TOO_LONG),
    (r"A-ASSOCIATE without protocol version 1", Cause.PROTOCOL_VERSION),
    (r"a context that was not negotiated", Cause.UNACCEPTED_CONTEXT),
    (r"the presentation context of a question was not accepted", Cause.UNACCEPTED_CONTEXT),
    (r"item header at offset (?P<offset>\d+) is cut off", Cause.ITEM_CUT_OFF),
    (r"item at offset (?P<offset>\d+) is longer than its (unit|data set)", Cause.ITEM_TOO_LONG),
    (r"presentation data value at offset (?P<offset>\d+) is cut off", Cause.VALUE_CUT_OFF),
    (r"presentation data value at offset (?P<offset>\d+) announces (?P<length>\d+) bytes", Cause.VALUE_LENGTH),
    (r"command set without a command field", Cause.COMMAND_FIELD_MISSING),
    (r"command 0x(?P<x_field>[0-9A-F]+) is not expected", Cause.UNEXPECTED_COMMAND),
    (r"a response to message (?P<message>\d+), not to (?P<expected>\d+)", Cause.OTHER_MESSAGE),
    (r"a response without a status", Cause.STATUS_MISSING),
    (r"a pending response without an identifier", Cause.IDENTIFIER_MISSING),
    (r"element header at offset (?P<offset>\d+) is cut off", Cause.HEADER_CUT_OFF),
    (r"the element at offset (?P<offset>\d+) has no valid VR", Cause.VR_INVALID),
    (r"the element at offset (?P<offset>\d+) is longer than its data set", Cause.ELEMENT_TOO_LONG),
    (r"the element at offset (?P<offset>\d+) does not belong or fit into its command set", Cause.COMMAND_ELEMENT),
    (r"item tag at offset (?P<offset>\d+) out of place", Cause.ITEM_MISPLACED),
    (r"no item at offset (?P<offset>\d+)", Cause.ITEM_MISPLACED),
    (r"sequence delimiter at offset (?P<offset>\d+) without a sequence", Cause.SEQUENCE_UNOPENED),
    (r"a sequence of undefined length does not end", Cause.SEQUENCE_UNENDED),
    (r"more than (?P<limit>\d+) nested sequences at offset (?P<offset>\d+)", Cause.NESTED_TOO_DEEP),
)  # fmt: skip
_DOUBTS = (
    (r"one answer of (?P<rows>\d+) rows, which could not be checked[^;]*", DoubtCode.UNCHECKED),
    (r"an answer of (?P<rows>\d+) rows could not be checked[^;]*", DoubtCode.UNCHECKED),
    (r"(?P<rows>\d+) studies, which may be where it cuts off[^;]*", DoubtCode.UNCHECKED),
    (r"(?P<rows>\d+) rows look like a cap[^;]*", DoubtCode.CUT_OFF),
    (r"the question for all studies ended at (?P<rows>\d+) rows, [^;]*", DoubtCode.CUT_OFF),
    (r"it cuts its answers off at (?P<rows>\d+) studies; .*", DoubtCode.UNDATED_BEHIND_LIMIT),
    (r"answers end at (?P<rows>\d+) rows, so studies without a date [^;]*", DoubtCode.UNDATED_BEHIND_LIMIT),
    (r"studies without a date were not looked for: all of more than (?P<studies>\d+) [^;]*", DoubtCode.UNDATED_UNASKED),
    (r"the question for all studies brought (?P<listed>\d+) of (?P<studies>\d+)", DoubtCode.LIST_SHORT),
    (r"it does not answer a question for all studies[^;]*", DoubtCode.NO_LIST),
    (r"the question for all studies, to see those without a date, ended with [^;]*", DoubtCode.NO_LIST),
    (r"it refuses to list all studies[^;]*", DoubtCode.NO_LIST),
    (r"a day holds more studies than an answer, and those without a time [^;]*", DoubtCode.NO_TIME),
    (r"a window holds more studies than an answer, [^;]*", DoubtCode.WINDOW_FULL),
    (r"on one day it has more studies than it gives in one answer", DoubtCode.WINDOW_FULL),
    (r"it refused (?P<questions>\d+) questions one after the other", DoubtCode.REFUSALS),
    (r"it does not look at dates[^;]*", DoubtCode.DATES_IGNORED),
    (r"[^;]*\(0x(?P<x_status>[0-9A-F]{4})\)", DoubtCode.STATUS),
    (r"the study query ended with HTTP (?P<status>\d+)", DoubtCode.HTTP_STATUS),
    (r"HTTP (?P<status>\d+)", DoubtCode.HTTP_STATUS),
    (r"an answer longer than we read", DoubtCode.MORE_NOT_GIVEN),
    (r"an answer that breaks off, or holds no records", DoubtCode.ANSWER_BROKEN),
    (r"the study query ended with no answer", DoubtCode.ANSWER_BROKEN),
    (r"it said that there is more, and did not give it", DoubtCode.MORE_NOT_GIVEN),
    (r"it gives the same page again at another offset", DoubtCode.SAME_PAGE),
    (r"(?P<rows>\d+) rows? without a usable Study Instance UID", DoubtCode.WITHOUT_UID),
    (r"(?P<rows>\d+) rows repeat (?P<uids>\d+) UIDs, and asking again gave (?P<again>\d+)", DoubtCode.REPEATED_UNEVENLY),
    (r"(?P<rows>\d+) rows repeat (?P<uids>\d+) UIDs", DoubtCode.REPEATED),
    (r"the scope's budget of (?P<questions>[\d,]+) questions for a census ended", DoubtCode.BUDGET_QUESTIONS),
    (r"the scope's budget of (?P<bytes>[\d,]+) bytes for a census ended", DoubtCode.BUDGET_BYTES),
    (r"more than (?P<questions>\d+) queries", DoubtCode.BUDGET_QUESTIONS),
    (r"the scope's budget of (?P<m_seconds>[\d,.]+) minutes for a census ended", DoubtCode.BUDGET_TIME),
    (r"(?P<rows>\d+) malformed rows?", DoubtCode.MALFORMED),
    (r"(?P<studies>\d+) studies, but (?P<records>\d+) when asked for personal attributes", DoubtCode.OTHER_NUMBER),
)  # fmt: skip
_TOTALS = {
    "found out at the end of a survey": DoubtCode.SURVEY_NOT_ENDED,
    "needs depth profile: patient ids are personal data": DoubtCode.NEEDS_PROFILE,
    "asked in a run before --resume: what it learned of ids is gone": DoubtCode.BEFORE_RESUME,
    "not all patient ids were read": DoubtCode.IDS_UNREAD,
    "the archive's counter left it out": DoubtCode.COUNTER_SILENT,
}
_ORIGINS = ("reported", "counted", "estimated", "unknown")
_SCALES: dict[str, Callable[[str], int]] = {
    "s": lambda text: round(float(text) * 1000),
    "m": lambda text: round(float(text.replace(",", "")) * 60),
    "x": lambda text: int(text, 16),
}


def observation(old: Json) -> Json:
    return {
        "endpoint": old["endpoint"],
        "at": old["at"],
        "depth": old["depth"],
        "stop": outcome(old["stop"]),
        "tls": old["tls"] and _tls(old["tls"]),
        "signs": [{**sign, "kind": _SIGNS.get(sign["kind"], sign["kind"])} for sign in old["signs"]],
        "facts": list(_facts(old)),
    }


def _tls(old: Json) -> Json:
    shown = old["certificate"]
    return {**old, "certificate": shown and {**shown, "key": _KEYS.get(shown["key"], shown["key"])}}


def outcome(old: Json) -> Json:
    ending, said = ENDINGS.get(old["ending"], old["ending"]), old["detail"]
    if ending == "own-error" and re.fullmatch(r"\w+", said):  # the name of a type
        return {"ending": ending, "error": said}
    code, numbers = _read(said, _CAUSES)
    return {"ending": ending} if code is None else {"ending": ending, "cause": code, "numbers": numbers}


def _facts(old: Json) -> Iterator[Json]:
    if (dimse := old["dimse"]) is not None:
        yield {"type": "dimse", **dimse, "finds": [_find(find) for find in dimse["finds"]], **_counted(dimse)}
    if (orthanc := old["orthanc"]) is not None:
        counters = {"status": orthanc["statistics_status"], **{name: orthanc[name] for name in _COUNTED}}
        yield {"type": "orthanc", **orthanc, "counters": counters, "profile": _profile(orthanc["profile"])}
    if (dcm4chee := old["dcm4chee"]) is not None:
        counters = {"status": dcm4chee["counter_status"], **{name: dcm4chee[name] for name in _COUNTED}}
        yield {"type": "dcm4chee", **dcm4chee, "counters": counters}
    if (dicomweb := old["dicomweb"]) is not None:
        yield {"type": "dicomweb", **dicomweb, **_counted(dicomweb)}
    if (pages := old["web"]) is not None:
        yield {"type": "pages", **pages}


def journal(old: Json) -> Json:
    """A row of the journal."""
    stop = outcome(old)
    numbers = list(stop.get("numbers", {}).items())
    return {
        **old,
        "ending": stop["ending"],
        "cause": stop.get("cause"),
        "numbers": numbers,
        "error": stop.get("error", ""),
    }


def total(old: Json) -> Json:
    """A total that survey.json has."""
    code = None if old["measured"] is not None else _TOTALS.get(old["why"], DoubtCode.NOT_ALL_INSPECTED)
    how = old["how"] if old["how"] in _ORIGINS else "mixed"
    return {**old, "how": how, "doubts": [] if code is None else [{"code": code}]}


def _find(old: Json) -> Json:
    ages = re.fullmatch(r"studies (\d+) to (\d+) days old", old["window"])
    return {**old, "ages": ages and [int(ages.group(1)), int(ages.group(2))]}


def _counted(old: Json) -> Json:
    """What asking further brought."""
    census, proof = old["census"], old["proof"]
    if census is not None:
        census = {**census, "method": _METHODS[census["method"]], "doubts": _doubts(census["why_incomplete"])}
    if proof is not None:
        stop = proof["detail"] and _stop(proof["detail"])
        proof = {**proof, "stop": stop or None, "service": _SERVICES[proof.get("service", "")]}
    return {"census": census, "proof": proof, "profile": _profile(old["profile"])}


def _profile(old: Json | None) -> Json | None:
    return None if old is None else {**old, "doubts": _doubts(old["why"])}


def _doubts(said: str) -> list[Json]:
    whole = _doubt(said)
    known = whole["code"] is not DoubtCode.NOT_ENDED
    return [] if not said else [whole] if known else [_doubt(one) for one in said.split("; ")]


def _doubt(said: str) -> Json:
    code, numbers = _read(said, _DOUBTS)
    if code is not None:
        return {"code": code, "numbers": numbers}
    if said.partition(": ")[0] in _ENDED:
        return {"code": DoubtCode.BROKE_OFF, "stop": _stop(said)}
    return {"code": DoubtCode.NOT_ENDED}


def _stop(said: str) -> Json:
    """An ending that was written before its cause; or a cause alone."""
    ending, parted, detail = said.partition(": ")
    if parted and ending in _ENDED:
        return outcome({"ending": ending, "detail": detail})
    return outcome({"ending": "left alone" if "distress" in said else "completed", "detail": said})


def _read(said: str, table: tuple[tuple[str, str], ...]) -> tuple[str | None, dict[str, int]]:
    """The code of a sentence, and the numbers in it."""
    for pattern, code in table:
        if (found := re.fullmatch(pattern, said)) is not None:
            return str(code), dict(_number(name, text) for name, text in found.groupdict().items())
    return None, {}


def _number(name: str, text: str) -> tuple[str, int]:
    scale, parted, meant = name.partition("_")
    if parted and scale in _SCALES:
        return meant, _SCALES[scale](text)
    return name, int(text.replace(",", ""))
