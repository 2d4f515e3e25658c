"""dcm4chee-arc's REST: the AE titles that it publishes, and its own counters. Neither holds personal data."""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import Any

import msgspec

from filmbadge.ask.wire.http import Request, Response
from filmbadge.model import Dcm4cheeFacts, Depth

BASE = "/dcm4chee-arc"
_TITLE = re.compile(r"[\w.-]{1,16}", re.ASCII)
MOST_TITLES = 32
# Titles that show rejected or waiting objects, or a worklist, and not what the archive holds.
_NOT_ALL = re.compile(r"IOCM_|AS_RECEIVED|WORKLIST|MPPS|UPS|_ADMIN")


def identify(depth: Depth, first: Response) -> Generator[Request, Response, Dcm4cheeFacts | None]:
    """The titles; and from depth `ask` on the counters. None where nothing says that it is dcm4chee-arc's."""
    listed = yield Request(f"{BASE}/aets")
    if listed.login and not first.login:
        return Dcm4cheeFacts(listed.status)
    aets = tuple(_titles(_decoded(listed)))
    if not aets:
        return None
    facts = Dcm4cheeFacts(listed.status, aets)
    if not depth.reaches(Depth.ASK):
        return facts
    base = root(facts)
    counted: dict[str, int | None] = {}
    for what in ("studies", "patients", "series", "instances"):
        reply = yield Request(f"{base}/{what}/count")
        counted[what] = _number(_decoded(reply), "count")
        if what == "studies":
            facts = msgspec.structs.replace(facts, counter_status=reply.status)
            if counted[what] is None:
                return facts
    size = yield Request(f"{base}/studies/size")
    return msgspec.structs.replace(
        facts,
        patients=counted["patients"],
        studies=counted["studies"],
        series=counted["series"],
        images=counted["instances"],
        bytes=_number(_decoded(size), "size"),
    )


def root(facts: Dcm4cheeFacts) -> str:
    """The DICOMweb root of the title that shows most."""
    whole = [aet for aet in facts.aets if not _NOT_ALL.search(aet)] or facts.aets
    return f"{BASE}/aets/{'DCM4CHEE' if 'DCM4CHEE' in whole else whole[0]}/rs"


def _titles(said: object) -> Generator[str, None, None]:
    for entry in said[:MOST_TITLES] if isinstance(said, list) else ():
        title = (entry.get("title") or entry.get("dicomAETitle")) if isinstance(entry, dict) else None
        if isinstance(title, str) and _TITLE.fullmatch(title):
            yield title


def _decoded(reply: Response) -> Any:
    try:
        return msgspec.json.decode(reply.body) if reply.status == 200 and not reply.cut else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _number(said: object, name: str) -> int | None:
    found = said.get(name) if isinstance(said, dict) else None
    return found if isinstance(found, int) and not isinstance(found, bool) and 0 <= found < 2**53 else None
