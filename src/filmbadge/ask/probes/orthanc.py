"""Orthanc's REST: `/system` says what it is, `/statistics` how much it holds. Neither holds personal data."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from filmbadge.ask.wire.dialer import Dialer
from filmbadge.ask.wire.dimse.pdu import clean
from filmbadge.ask.wire.web import Get
from filmbadge.model import Depth, Ending, Endpoint, Observation, OrthancFacts, Protocol, Stop
from filmbadge.scope import Address

IDLE_SECONDS = 10.0
SECONDS = 30.0
BYTES = 256 * 1024


async def ask(
    dialer: Dialer, address: Address, port: int, depth: Depth, *, tls: bool = False, name: str = ""
) -> Observation:
    """Fetch `/system`, and from depth `ask` on `/statistics`. Raises OutOfScope only.

    Must not be called for a port that spoke DIMSE.
    """
    at = datetime.now(UTC)
    caps = dialer.scope.caps.at_most(idle_seconds=IDLE_SECONDS, seconds=SECONDS, received_bytes=BYTES)
    over = " over TLS" if tls else ""
    system = Get(address, port, "/system")
    row = await dialer.dial(address, port, system, question=f"http GET /system{over}", caps=caps, tls=tls, name=name)
    shown = row.tls
    said = _json(system)
    is_orthanc = {"Version", "ApiVersion", "DicomAet"} <= said.keys()
    facts = OrthancFacts(
        status=system.status,
        realm=system.realm,
        is_orthanc=is_orthanc,
        version=_text(said.get("Version")) if is_orthanc else "",
        aet=_text(said.get("DicomAet")) if is_orthanc else "",
        dicom_port=_number(said.get("DicomPort")) if is_orthanc else None,
    )
    if is_orthanc and depth.reaches(Depth.ASK):
        statistics = Get(address, port, "/statistics")
        row = await dialer.dial(
            address, port, statistics, question=f"http GET /statistics{over}", caps=caps, tls=tls, name=name
        )
        counters = _json(statistics)
        facts = msgspec.structs.replace(
            facts,
            statistics_status=statistics.status,
            patients=_number(counters.get("CountPatients")),
            studies=_number(counters.get("CountStudies")),
            series=_number(counters.get("CountSeries")),
            images=_number(counters.get("CountInstances")),
        )
    stop = Stop(row.ending, row.detail)
    if system.status is not None and row.ending is Ending.COMPLETED:
        stop = Stop(Ending.COMPLETED, f"HTTP {system.status}")
    return Observation(Endpoint(str(address), port, Protocol.HTTP), at, depth, stop, orthanc=facts, tls=shown)


def _json(got: Get) -> dict[str, Any]:
    """The object that a 200 answer holds, or nothing."""
    if got.status != 200:
        return {}
    try:
        said = msgspec.json.decode(got.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _text(value: object) -> str:
    return clean(value.encode("utf-8", "replace"), 64) if isinstance(value, str) else ""


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else None
