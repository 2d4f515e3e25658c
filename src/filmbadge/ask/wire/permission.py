"""What may be contacted now: the scope, the ports that the user named, a clock that nobody sets back, and a lease."""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Mapping

from filmbadge.ask.wire.lease import Lease
from filmbadge.model import Cause, Outcome, OutcomeKind
from filmbadge.scope import Address, Scope, plain

PortsByHost = Mapping[str, Collection[int]]
PORTS = range(1, 65536)  # TCP port numbers, RFC 6335 6
# Between our look at the clock and the packet lies what the system does with our process: on a busy machine it waits.
# So a permission ends this much before its scope does.
STOPS_EARLY_SECONDS = 0.1
_WHY = {
    Cause.SCOPE_EXPIRED: "the scope has expired",
    Cause.LEASE_ENDED: "the lease of this process has ended",
}


class OutOfScope(Exception):
    """We may not contact this host, port or name. Raised before any packet is sent to it."""

    def __init__(self, subject: str, cause: Cause, why: str) -> None:
        self.cause = cause
        super().__init__(f"{subject} is out of scope: {why}")

    @classmethod
    def over(cls, subject: str, stop: Outcome) -> OutOfScope:
        """The same where the permission itself ended, as `Permission.end` says."""
        assert stop.cause is not None
        return cls(subject, stop.cause, _WHY[stop.cause])


class Permission:
    """One scope in one process. The dialer asks it before everything that it sends.

    `named` are the ports that the user named, by host: an address as text, or a name in small letters. `lease` is what this
    process may ask of a survey that others share; without one, it is alone.
    """

    def __init__(self, scope: Scope, named: PortsByHost, lease: Lease | None = None) -> None:
        self.scope = scope
        self.lease = lease
        self._named = named
        self._resolved: dict[str, frozenset[int]] = {}  # ports that the user named for a name, by the name's address
        self._ports = frozenset(scope.ports)
        # The end of the scope by two clocks. A wall clock that is set back does not move the second.
        self._end = math.inf if scope.expires is None else scope.expires.timestamp() - STOPS_EARLY_SECONDS
        self._end_monotonic = time.monotonic() + (self._end - time.time())
        self._expired = False

    @property
    def expired(self) -> bool:
        """Whether nothing may be sent now: the scope has expired, or the lease is over. A lease may be renewed."""
        return (self.lease is not None and self.lease.over) or self.scope_expired

    @property
    def scope_expired(self) -> bool:
        """Whether the scope has expired, or is about to, by one of the clocks; or ever had in this process."""
        if not self._expired and self._end < math.inf:
            self._expired = time.time() >= self._end or time.monotonic() >= self._end_monotonic
        return self._expired

    @property
    def end(self) -> Outcome:
        """How everything ends that is under way where this permission is `expired`."""
        alone = self.lease is None or self.scope_expired
        return Outcome(OutcomeKind.OUT_OF_SCOPE, Cause.SCOPE_EXPIRED if alone else Cause.LEASE_ENDED)

    @property
    def farewell(self) -> bool:
        """Whether a last word may be sent: with a lease, as long as the networks cannot be another's when it is read."""
        return self.lease is None or self.lease.farewell

    @property
    def seconds_left(self) -> float:
        """Seconds until the scope expires or the lease is over; infinite if neither has an end."""
        if self.expired:
            return 0.0
        left = min(self._end - time.time(), self._end_monotonic - time.monotonic())
        return left if self.lease is None else min(left, self.lease.seconds_left)

    def resolved(self, name: str, address: Address) -> None:
        """The ports that the user named for this name are those of this address too."""
        if ports := self._named.get(name):
            host = str(plain(address))
            self._resolved[host] = self._resolved.get(host, frozenset()).union(ports)

    def permits(self, address: Address, port: int) -> bool:
        """Whether the scope lets this port be contacted now, by whichever process has the lease of its network."""
        return self._refusal(address, port) is None

    def leased(self, address: Address) -> bool:
        """Whether it is this process that may contact an address."""
        return self.lease is None or self.lease.covers(address)

    def require(self, name: str | Address, address: Address, port: int | None = None) -> None:
        """Raises OutOfScope if this address, or this port of it, may not be contacted now. `name` is told.

        A lease is needed for a port alone: without one, nothing is sent to the address.
        """
        refusal = self._refusal(address, port) or self._unleased(address, port)
        if refusal is not None:
            subject = str(name) if str(name) == str(address) else f"{name} is {address}, which"
            raise OutOfScope(subject if port is None else f"port {port} of {subject}", *refusal)

    def require_time(self, subject: str) -> None:
        """Raises OutOfScope if the scope has expired, or the lease is over."""
        if self.expired:
            raise OutOfScope.over(subject, self.end)

    def foreign(self) -> tuple[Cause, str]:
        """Why an address is refused that no network allows."""
        if self.scope.name == "loopback":
            return Cause.NO_SCOPE_FILE, (
                "no network outside this machine is allowed without a scope file (filmbadge scope new FILE)"
            )
        return Cause.NOT_IN_SCOPE, f"no network of the scope '{self.scope.name}' allows it"

    def _refusal(self, address: Address, port: int | None) -> tuple[Cause, str] | None:
        if self.scope_expired:
            return Cause.SCOPE_EXPIRED, _WHY[Cause.SCOPE_EXPIRED]
        if not self.scope.permits(address):
            return self.foreign()
        if port is None or self._listed(address, port):
            return None
        return Cause.PORT_NOT_IN_SCOPE, f"the scope '{self.scope.name}' does not list it, and nobody named it"

    def _unleased(self, address: Address, port: int | None) -> tuple[Cause, str] | None:
        if self.lease is None:
            return None
        if self.lease.over:
            return Cause.LEASE_ENDED, _WHY[Cause.LEASE_ENDED]
        if port is None or self.lease.covers(address):
            return None
        return Cause.NOT_LEASED, "this process has no lease of its network"

    def _listed(self, address: Address, port: int) -> bool:
        if port not in PORTS:
            return False
        if port in self._ports:
            return True
        host = str(plain(address))
        return port in self._named.get(host, ()) or port in self._resolved.get(host, ())
