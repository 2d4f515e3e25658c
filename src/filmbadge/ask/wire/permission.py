"""What may be contacted now: the scope, the ports that the user named, and a clock that nobody sets back."""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Mapping

from filmbadge.model import Cause
from filmbadge.scope import Address, Scope, plain

PortsByHost = Mapping[str, Collection[int]]
PORTS = range(1, 65536)  # TCP port numbers, RFC 6335 6
# Between our look at the clock and the packet lies what the system does with our process: on a busy machine it waits.
# So a permission ends this much before its scope does.
STOPS_EARLY_SECONDS = 0.1


class OutOfScope(Exception):
    """We may not contact this host, port or name. Raised before any packet is sent to it."""

    def __init__(self, subject: str, cause: Cause, why: str) -> None:
        self.cause = cause
        super().__init__(f"{subject} is out of scope: {why}")


class Permission:
    """One scope in one process. The dialer asks it before everything that it sends.

    `named` are the ports that the user named, by host: an address as text, or a name in small letters.
    """

    def __init__(self, scope: Scope, named: PortsByHost) -> None:
        self.scope = scope
        self._named = named
        self._resolved: dict[str, frozenset[int]] = {}  # ports that the user named for a name, by the name's address
        self._ports = frozenset(scope.ports)
        # The end of the scope by two clocks. A wall clock that is set back does not move the second.
        self._end = math.inf if scope.expires is None else scope.expires.timestamp() - STOPS_EARLY_SECONDS
        self._end_monotonic = time.monotonic() + (self._end - time.time())
        self._expired = False

    @property
    def expired(self) -> bool:
        """Whether the scope has expired, or is about to, by one of the clocks; or ever had in this process."""
        if not self._expired and self._end < math.inf:
            self._expired = time.time() >= self._end or time.monotonic() >= self._end_monotonic
        return self._expired

    @property
    def seconds_left(self) -> float:
        """Seconds until the scope expires; infinite if it has no end."""
        return 0.0 if self.expired else min(self._end - time.time(), self._end_monotonic - time.monotonic())

    def resolved(self, name: str, address: Address) -> None:
        """The ports that the user named for this name are those of this address too."""
        if ports := self._named.get(name):
            host = str(plain(address))
            self._resolved[host] = self._resolved.get(host, frozenset()).union(ports)

    def permits(self, address: Address, port: int) -> bool:
        """Whether this port may be contacted now."""
        return self._refusal(address, port) is None

    def require(self, name: str | Address, address: Address, port: int | None = None) -> None:
        """Raises OutOfScope if this address, or this port of it, may not be contacted now. `name` is told."""
        refusal = self._refusal(address, port)
        if refusal is not None:
            subject = str(name) if str(name) == str(address) else f"{name} is {address}, which"
            raise OutOfScope(subject if port is None else f"port {port} of {subject}", *refusal)

    def require_time(self, subject: str) -> None:
        """Raises OutOfScope if the scope has expired."""
        if self.expired:
            raise OutOfScope(subject, Cause.SCOPE_EXPIRED, "the scope has expired")

    def foreign(self) -> tuple[Cause, str]:
        """Why an address is refused that no network allows."""
        if self.scope.name == "loopback":
            return Cause.NO_SCOPE_FILE, (
                "no network outside this machine is allowed without a scope file (filmbadge scope new FILE)"
            )
        return Cause.NOT_IN_SCOPE, f"no network of the scope '{self.scope.name}' allows it"

    def _refusal(self, address: Address, port: int | None) -> tuple[Cause, str] | None:
        if self.expired:
            return Cause.SCOPE_EXPIRED, "the scope has expired"
        if not self.scope.permits(address):
            return self.foreign()
        if port is None or self._listed(address, port):
            return None
        return Cause.PORT_NOT_IN_SCOPE, f"the scope '{self.scope.name}' does not list it, and nobody named it"

    def _listed(self, address: Address, port: int) -> bool:
        if port not in PORTS:
            return False
        if port in self._ports:
            return True
        host = str(plain(address))
        return port in self._named.get(host, ()) or port in self._resolved.get(host, ())
