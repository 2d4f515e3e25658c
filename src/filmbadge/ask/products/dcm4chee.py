"""dcm4chee-arc's REST: the AE titles that it publishes, and its own counters. Neither holds personal data."""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence

import msgspec

from filmbadge.ask.wire.http import Request, Response
from filmbadge.ask.wire.json_body import decoded, whole_number
from filmbadge.model import Counters, Dcm4cheeFacts, Depth

BASE = "/dcm4chee-arc"
_TITLE = re.compile(r"(?!\.+$)[\w.-]{1,16}", re.ASCII)  # it becomes a step of a path
MOST_TITLES = 32
# These titles show rejected or waiting objects, or a worklist. They do not show everything that the archive holds.
_NOT_ALL = re.compile(r"IOCM_|AS_RECEIVED|WORKLIST|MPPS|UPS|_ADMIN")


def identify(depth: Depth, first: Response) -> Generator[Request, Response, Dcm4cheeFacts | None]:
    """Asks for the titles, and from depth `ask` on for the counters. Returns None if nothing proves dcm4chee-arc.

    `first` is the response to a path that cannot exist.
    """
    listed = yield Request(f"{BASE}/aets")
    if listed.login:  # if every path demands a login, this one says nothing
        return None if first.login else Dcm4cheeFacts(listed.status)
    aets = tuple(_titles(decoded(listed)))
    if not aets:
        return None
    facts = Dcm4cheeFacts(listed.status, aets)
    if not depth.reaches(Depth.ASK):
        return facts
    base = _root(facts.aets)
    reply = yield Request(f"{base}/studies/count")
    counters = Counters(reply.status, studies=_number(reply, "count"))
    if counters.studies is None:
        return msgspec.structs.replace(facts, counters=counters)
    for name, what in (("patients", "patients"), ("series", "series"), ("images", "instances")):
        reply = yield Request(f"{base}/{what}/count")
        counters = msgspec.structs.replace(counters, **{name: _number(reply, "count")})
    size = yield Request(f"{base}/studies/size")
    return msgspec.structs.replace(facts, counters=counters, bytes=_number(size, "size"))


def roots(facts: Dcm4cheeFacts) -> tuple[str, ...]:
    """The DICOMweb roots that the titles name."""
    return (_root(facts.aets),) if facts.aets else ()


def _root(aets: Sequence[str]) -> str:
    """The DICOMweb root of the title that shows most."""
    whole = [aet for aet in aets if not _NOT_ALL.search(aet)] or aets
    return f"{BASE}/aets/{'DCM4CHEE' if 'DCM4CHEE' in whole else whole[0]}/rs"


def _titles(said: object) -> Generator[str, None, None]:
    for entry in said[:MOST_TITLES] if isinstance(said, list) else ():
        title = (entry.get("title") or entry.get("dicomAETitle")) if isinstance(entry, dict) else None
        if isinstance(title, str) and _TITLE.fullmatch(title):
            yield title


def _number(reply: Response, name: str) -> int | None:
    said = decoded(reply)
    return whole_number(said.get(name)) if isinstance(said, dict) else None
