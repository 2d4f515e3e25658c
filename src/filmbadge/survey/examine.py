"""One host, from its first port to its verdict."""

from __future__ import annotations

from datetime import UTC, datetime

from filmbadge.ask.probes import dimse, orthanc
from filmbadge.ask.targets.lists import Target
from filmbadge.ask.wire.dialer import Dialer, OutOfScope, UnknownName
from filmbadge.judge import archives
from filmbadge.model import Demanded, Depth, Ending, Endpoint, Host, Observation, Protocol, Stop


async def examine(dialer: Dialer, target: Target, depth: Depth) -> Host:
    """Everything about one host. A fault of ours becomes a row that says so, and never ends a survey."""
    try:
        return await _examine(dialer, target, depth)
    except (OutOfScope, UnknownName) as error:
        out = isinstance(error, OutOfScope)
        stop = Stop(Ending.OUT_OF_SCOPE if out else Ending.NO_ADDRESS, str(error))
    except Exception as error:  # its text may hold anything, so only its type is kept
        stop = Stop(Ending.OWN_ERROR, type(error).__name__)
    at = datetime.now(UTC)
    rows = [
        Observation(Endpoint(str(target.host), port, Protocol.DIMSE), at, depth, stop) for port in target.ports or (0,)
    ]
    return archives.judge(str(target.host), rows)


async def _examine(dialer: Dialer, target: Target, depth: Depth) -> Host:
    """Ask every port, one connection at a time; then count what no counter told.

    HTTP is never spoken to a port that spoke DIMSE, nor first to a port on which DIMSE is expected.
    A port that the user named is asked in DIMSE, and in HTTP only when it turned out to be something else;
    over TLS, where it turned out to speak that.
    """
    address = await dialer.resolve(str(target.host))
    name = target.host if isinstance(target.host, str) else ""
    scope = dialer.scope
    seen: dict[int, Observation] = {}
    for port in target.ports or dict.fromkeys((*scope.dimse_ports, *scope.dimse_tls_ports)):
        seen[port] = await dimse.ask_either(dialer, address, port, depth, name, named=bool(target.ports))
    web = [
        await orthanc.ask(dialer, address, port, depth, tls=port in seen and seen[port].tls is not None, name=name)
        for port in target.ports or scope.orthanc_ports
        if port not in seen or not (_spoke_dimse(seen[port]) or _nobody(seen[port]) or _barred(seen[port]))
    ]
    for answered in web:
        # One row per port: what answered HTTP is not also listed as failed DIMSE.
        if answered.orthanc is not None and answered.orthanc.status is not None:
            seen.pop(answered.endpoint.port, None)
    web = [w for w in web if w.endpoint.port not in seen]
    observations = [*seen.values(), *web]
    host = archives.judge(str(address), observations)
    while depth.reaches(Depth.COUNT) and (wanted := archives.wants_census(host)) is not None:
        at = observations.index(wanted)
        observations[at] = await dimse.count(dialer, address, wanted, name)
        host = archives.judge(str(address), observations)
    return host


def _spoke_dimse(observation: Observation) -> bool:
    return observation.dimse is not None and observation.dimse.valid_pdu


def _barred(observation: Observation) -> bool:
    """TLS was refused to us, and so would HTTP in it be."""
    return observation.tls is not None and (
        not observation.tls.version or observation.tls.client_certificate is Demanded.YES
    )


def _nobody(observation: Observation) -> bool:
    return observation.stop.ending in (Ending.REFUSED, Ending.UNREACHABLE, Ending.NO_ANSWER)
