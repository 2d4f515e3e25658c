"""What a trusted proxy says in headers: who asks, from where, and whether over TLS. Of nobody else such a header is believed."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.types import Scope

from filmbadge.model import Refusal
from filmbadge.texts import printable
from filmbadge.watch import settings
from filmbadge.watch.people.who import Role, highest

_MOST_NAME = 128
_FORWARDED = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")


class Proxy:
    """`settings` is the table [proxy] of watch.toml. Raises Refusal where it cannot be used."""

    def __init__(self, said: settings.Proxy) -> None:
        self._said = said
        self._networks = tuple(_network(address) for address in said.addresses)
        if said.user_header and not said.addresses:
            raise Refusal("watch.toml: proxy.user_header needs proxy.addresses, from which it is believed")
        if said.user_header and not (said.roles_header and (said.viewer or said.operator or said.admin)):
            raise Refusal(
                "watch.toml: proxy.user_header needs proxy.roles_header, and names in proxy.viewer, proxy.operator or proxy.admin"
            )

    @property
    def declared(self) -> bool:
        return bool(self._networks)

    @property
    def logs_in(self) -> bool:
        return bool(self._said.user_header)

    def is_from(self, scope: Scope) -> bool:
        """Whether the other end of the connection is a proxy of ours."""
        return self._trusted(peer(scope))

    def https(self, scope: Scope) -> bool:
        """Whether it says that the browser came over TLS. Saying it twice says nothing."""
        return [value.strip().lower() for value in values(scope, "x-forwarded-proto")] == ["https"]

    def client(self, scope: Scope) -> str:
        """The address that the proxy was called from. Each proxy adds one at the end; what stands before the first that is none of ours, anybody may have written."""
        found = peer(scope)
        for address in reversed(",".join(values(scope, "x-forwarded-for")).split(",")):
            if not self._trusted(found) or (listed := _address(address.strip())) is None:
                break
            found = str(listed)
        return found

    def says(self, scope: Scope) -> bool:
        """Whether the header of a user is there."""
        return self.logs_in and bool(values(scope, self._said.user_header))

    def user(self, scope: Scope) -> tuple[str, Role] | None:
        """Who it says it is. None where it does not say exactly one name and exactly one list of roles, or no role of ours."""
        names, roles = values(scope, self._said.user_header), values(scope, self._said.roles_header)
        if len(names) != 1 or len(roles) != 1:
            return None
        name = names[0].strip()
        if not 0 < len(name) <= _MOST_NAME or printable(name) != name:
            return None
        groups = frozenset(part.strip() for part in roles[0].split(",")) - {""}
        role = highest(groups, self._said.viewer, self._said.operator, self._said.admin)
        return None if role is None else (name, role)

    def _trusted(self, address: str) -> bool:
        found = _address(address)
        return found is not None and any(found in network for network in self._networks)


def peer(scope: Scope) -> str:
    """The other end of the connection, whatever headers say."""
    client = scope.get("client")
    found = _address(client[0]) if client else None
    return str(found) if found is not None else ""


def forwarded(scope: Scope) -> bool:
    """Whether it came through some proxy, of ours or not."""
    return any(values(scope, name) for name in _FORWARDED)


def values(scope: Scope, name: str) -> list[str]:
    """Each header of this name by itself. Names are compared as HTTP does: a proxy that strips one in capitals strips it in small letters."""
    wanted = name.lower().encode("latin-1")
    return [value.decode("utf-8", "replace") for held, value in _headers(scope) if held.lower() == wanted]


def loopback(address: str) -> bool:
    found = _address(address)
    return found is not None and found.is_loopback


def _headers(scope: Scope) -> Iterable[tuple[bytes, bytes]]:
    held: Iterable[tuple[bytes, bytes]] = scope.get("headers", ())
    return held


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        found = ip_network(text)
    except ValueError:
        raise Refusal(
            f"watch.toml: proxy.addresses has {printable(text)}, which is no address and no network such as 192.0.2.0/24"
        ) from None
    if found.prefixlen == 0:
        raise Refusal(f"watch.toml: proxy.addresses has {found}, which is everybody: name the addresses of the proxy")
    return found
