"""What one survey asked and heard, as far as a comparison needs it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import ip_address, ip_network

from msgspec import Struct

from filmbadge.compare.records import By, Known
from filmbadge.model import Depth, Endpoint, Reason, Rung

# A network of which so many hosts answered once, and none now, may not be reachable from where we ask.
FEW_HOSTS = 3

PROOFS: Mapping[Reason, By] = {
    Reason.LOGIN: By.LOGIN,
    Reason.HTTP_STATUS: By.LOGIN,
    Reason.CLIENT_CERTIFICATE: By.CLIENT_CERTIFICATE,
    Reason.REJECTED: By.REJECTED,
    Reason.FIND_FAILED: By.QUERY_REFUSED,
    Reason.CONTEXT_REFUSED: By.CONTEXT_REFUSED,
    Reason.FIND_ABORTED: By.ABORTED,
    Reason.NO_RECORDS: By.EMPTIED,
    Reason.PAGE: By.OTHER_SERVICE,
    Reason.CATCH_ALL: By.OTHER_SERVICE,
    Reason.NOT_IMAGING: By.OTHER_SERVICE,
    Reason.FILTERED: By.FILTERED,
    Reason.PORT_CLOSED: By.REFUSED,
}
_LOCKED = frozenset({401, 403})  # RFC 9110 15.5
_DEPTHS = frozenset({Reason.DEPTH, Reason.NEEDS_PERSONAL_DATA})


class Heard(Struct, frozen=True):
    """The verdict on one endpoint."""

    rung: Rung | None
    why: Reason
    conclusive: bool = False
    codes: tuple[int, ...] = ()
    hung_up: bool = (
        False  # it asked for a client certificate in TLS, got none, and hung up: no proof, and no answer either
    )

    @property
    def by(self) -> By:
        """How it is known that a stranger gets nothing here, or why that is not known. Not to be asked of what is open."""
        if self.why in _DEPTHS:
            return By.OTHER_DEPTH
        if self.why is Reason.NOTHING_ANSWERED:
            return By.NOTHING_ANSWERS
        if self.why is Reason.OUT_OF_SCOPE:
            return By.EXCLUDED
        if not self.conclusive:
            return By.INCONCLUSIVE
        if self.why is Reason.NOT_IMAGING and not _LOCKED.isdisjoint(self.codes[:1]):
            return By.LOGIN  # a front that asks for one on every path does not show what is behind it
        return PROOFS.get(self.why, By.INCONCLUSIVE)


@dataclass(frozen=True)
class Asked:
    """One survey."""

    archives: tuple[Known, ...]
    heard: Mapping[Endpoint, Heard]  # at every address at which either survey knows an archive
    answered: Mapping[str, int] = field(default_factory=dict)  # hosts that answered, by `network`
    exclude: tuple[str, ...] = ()
    opted_out: tuple[str, ...] = ()  # those of them whose operators asked for it
    depth: Depth = Depth.PROVE
    state: str = "done"

    @cached_property
    def by_endpoint(self) -> Mapping[Endpoint, Known]:
        return {endpoint: archive for archive in self.archives for endpoint in archive.identity.endpoints}

    @cached_property
    def at(self) -> Mapping[str, list[Endpoint]]:
        """The endpoints that were asked, by address."""
        found: dict[str, list[Endpoint]] = {}
        for endpoint in self.heard:
            found.setdefault(endpoint.address, []).append(endpoint)
        return found

    @cached_property
    def open_at(self) -> Mapping[str, list[Known]]:
        """The open archives by each of their addresses."""
        found: dict[str, list[Known]] = {}
        for known in self.archives:
            for address in {way.address for way in known.identity.endpoints} if known.open else ():
                found.setdefault(address, []).append(known)
        return found

    def at_endpoint(self, endpoint: Endpoint, other: Asked) -> By:
        """How it is known here that a stranger gets nothing at an endpoint which is open in the other survey, or why not."""
        if self.state == "nothing-reached":
            return By.NOTHING_REACHED
        heard = self.heard.get(endpoint)
        if heard is None:
            return self._unasked(endpoint)
        by = heard.by
        if by is By.NOTHING_ANSWERS and self._out_of_reach(endpoint.address, other):
            return By.NETWORK_SILENT
        return by

    def _unasked(self, endpoint: Endpoint) -> By:
        if any(within(endpoint.address, cut) for cut in self.opted_out):
            return By.OPTED_OUT
        if any(within(endpoint.address, cut) for cut in self.exclude):
            return By.EXCLUDED
        if endpoint.address in self.at:
            return By.PORT_NOT_ASKED
        return By.HOST_NOT_ASKED if self.state == "done" else By.INTERRUPTED

    def _out_of_reach(self, address: str, other: Asked) -> bool:
        where = network(address)
        return not self.answered.get(where) and other.answered.get(where, 0) >= FEW_HOSTS


def network(address: str) -> str:
    """The IPv4 /24 or the IPv6 /48 of an address."""
    found = ip_address(address)
    return str(
        ip_network((int(found) if found.version == 4 else found.packed, 24 if found.version == 4 else 48), strict=False)
    )


def within(address: str, cut: str) -> bool:
    held, found = ip_network(cut, strict=False), ip_address(address)
    return found.version == held.version and found in held


def tally(addresses: Iterable[str]) -> dict[str, int]:
    """How many of these there are in each network."""
    found: dict[str, int] = {}
    for address in addresses:
        where = network(address)
        found[where] = found.get(where, 0) + 1
    return found
