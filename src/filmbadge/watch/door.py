"""The second door: it listens, and it sends to the addresses in the settings, never to an address in any scope."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from filmbadge.scope import Scope


class Response(NamedTuple):
    status: int
    body: bytes


class Door:
    def __init__(self, scopes: Callable[[], Sequence[Scope]]) -> None:
        """`scopes`: those that hold now; nothing is sent to an address in one of them."""
        self._scopes = scopes

    def tell(self, url: str, title: str, body: str) -> None:
        """One message over apprise. Blocking. Raises Refusal, which says why it did not go."""
        raise NotImplementedError

    def fetch(
        self, method: str, url: str, form: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> Response:
        """One request over HTTPS (HTTP on loopback), for OpenID Connect. No redirect is followed. Blocking. Raises Refusal."""
        raise NotImplementedError

    async def listen(self, app: Any, host: str, port: int, certificate: str = "", key: str = "") -> None:
        """Serves until it is cancelled."""
        raise NotImplementedError
