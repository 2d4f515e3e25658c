"""Who a request is from, and whether it is meant for us."""

from __future__ import annotations

import hmac
from contextlib import suppress
from ipaddress import ip_address
from typing import Any, cast

from starlette.requests import Request
from starlette.routing import BaseRoute
from starlette.types import Scope

from filmbadge.model import Refusal
from filmbadge.texts import printable
from filmbadge.watch.people import proxy
from filmbadge.watch.people.clock import Clock, utc
from filmbadge.watch.people.entry import Entry
from filmbadge.watch.people.limits import Limits
from filmbadge.watch.people.oidc import Fetch, Oidc
from filmbadge.watch.people.passwords import Passwords
from filmbadge.watch.people.proxy import Proxy
from filmbadge.watch.people.seals import Seals
from filmbadge.watch.people.sessions import Sessions
from filmbadge.watch.people.tokens import Tokens
from filmbadge.watch.people.users import Users
from filmbadge.watch.people.who import Role, Source, Who
from filmbadge.watch.settings import Settings
from filmbadge.watch.store.store import Store, StoreError, stamp

_LONGEST_NOTED = 200


class Gate:
    NOBODY = Who("nobody", Role.VIEWER, "nobody")  # of a page that is for anybody

    def __init__(
        self,
        store: Store,
        settings: Settings,
        *,
        at_home: bool,
        fetch: Fetch | None = None,
        passwords: Passwords | None = None,
        limits: Limits | None = None,
        clock: Clock = utc,
    ) -> None:
        """`at_home`: it listens on loopback only, where nobody logs in as long as there is no other way to. Raises Refusal."""
        self._store, self._settings, self._at_home, self._clock = store, settings, at_home, clock
        self.seals = Seals(store)
        self.users = Users(store, passwords or Passwords(), clock)
        self.sessions = Sessions(
            store, hours=settings.login.hours, idle_minutes=settings.login.idle_minutes, clock=clock
        )
        self.tokens = Tokens(store, self.users, clock)
        self.limits, self.proxy = limits or Limits(), Proxy(settings.proxy)
        self.oidc = Oidc(settings.oidc, fetch, self.seals, clock) if settings.oidc.issuer and fetch else None
        self._names = tuple(_split(name) for name in settings.web.names)
        self._forged = Limits()

    @property
    def local(self) -> bool:
        """Whether users log in with passwords of their own."""
        return self._settings.login.local

    def who(self, request: Request) -> Who | None:
        """Blocking: it reads the store. A token is looked at first, then what a trusted proxy says, then the session.

        Whatever is there and does not hold lets nobody in: it does not fall back on the next.
        """
        scope = request.scope
        if not self.private(scope):
            return None
        if bearers := [value for value in proxy.values(scope, "authorization") if value[:7].lower() == "bearer "]:
            return self.tokens.find(bearers[0][7:].strip()) if len(bearers) == 1 else None
        if self.proxy.says(scope):
            if self.proxy.is_from(scope):
                found = self.proxy.user(scope)
                return None if found is None else self._known(Who(*found, "proxy"))
            self._note_forged(request)
        if cookie := self.cookie(request, "session"):
            return self._of_session(cookie)
        return self._known(Who("this machine", Role.ADMIN, "this-machine")) if self._nobody_else(scope) else None

    def meant(self, request: Request, who: Who, csrf: object) -> bool:
        """Whether whoever asks meant it: a form holds their `csrf`; JSON with a cookie has it in X-CSRF-Token; a token is enough."""
        if who.source == "token":
            return True
        given = csrf or request.headers.get("x-csrf-token")
        fits = hmac.compare_digest(str(given).encode("utf-8", "surrogatepass"), who.csrf.encode())
        return bool(who.csrf) and isinstance(given, str) and fits and self.ours(request)

    def ours(self, request: Request) -> bool:
        """Whether the browser says that a page of ours sent this. Programs say nothing, and no page elsewhere can make a browser say nothing."""
        scope = request.scope
        sites, origins = proxy.values(scope, "sec-fetch-site"), proxy.values(scope, "origin")
        if sites:
            return sites in (["same-origin"], ["none"])  # none: the address was typed, or a form sent once more
        return not origins or origins == [
            f"{'https' if self.secure(scope) else 'http'}://{request.headers.get('host', '')}"
        ]

    def note(self, request: Request, who: Who, what: str, about: str, outcome: str) -> None:
        """A row of the audit log."""
        values = (who.name, who.source, self.peer(request), what, about, outcome)
        with self._store.change() as change:
            change.execute(
                "INSERT INTO audit (at, who, source, peer, what, about, outcome) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (stamp(self._clock()), *(printable(value)[:_LONGEST_NOTED] for value in values)),
            )

    def named(self, scope: Scope) -> bool:
        """Whether the Host header names us: an address that we listen on, `localhost` there, or a name of the settings, each with its port.

        Without this a page elsewhere, whose name its owner moves to our address, would be one of ours to a browser.
        """
        hosts = proxy.values(scope, "host")
        server = scope.get("server")
        if len(hosts) != 1 or not server:
            return False
        name, port = _split(hosts[0])
        usual = 443 if self.secure(scope) else 80
        port = usual if port is None else port
        if _is_address(name, server[0]) or (name == "localhost" and proxy.loopback(server[0])):
            return port == server[1] or self.proxy.is_from(scope)
        return any(name == ours and port in ((usual, server[1]) if at is None else (at,)) for ours, at in self._names)

    def secure(self, scope: Scope) -> bool:
        """Whether the browser came over TLS."""
        return scope.get("scheme") == "https" or (self.proxy.is_from(scope) and self.proxy.https(scope))

    def private(self, scope: Scope) -> bool:
        """Whether nobody on the way can read along: over TLS, or within this machine and through no proxy."""
        return self.secure(scope) or (proxy.loopback(proxy.peer(scope)) and not self.proxy.is_from(scope))

    def peer(self, request: Request) -> str:
        """The address of whoever asks, as far as it can be believed."""
        return self.proxy.client(request.scope)

    def origin(self, request: Request) -> str:
        """How the browser calls us: the first name of the settings, or else what stands in the Host header, which was checked."""
        held = self._settings.web.names[0] if self._settings.web.names else request.headers.get("host", "")
        return f"{'https' if self.secure(request.scope) else 'http'}://{held}"

    def cookie(self, request: Request, what: str) -> str:
        """Over TLS only one with the prefix counts: nobody but us can have set it, not even a host beside us."""
        return request.cookies.get(self.cookie_name(request, what), "")

    def cookie_name(self, request: Request, what: str) -> str:
        return f"{'__Host-' if self.secure(request.scope) else ''}filmbadge-{what}"

    def routes(self, site: Any) -> list[BaseRoute]:
        """Login, logout, OpenID Connect: what is for somebody who is not known yet. `site.pages.plain` shows their pages."""
        return Entry(self, site).routes()

    def _of_session(self, cookie: str) -> Who | None:
        """Of a user of ours the role is what it is now, and not what it was at their login."""
        held = self.sessions.find(cookie)
        if held is None:
            return None
        local = held.source == "local"
        role = self.users.role(held.subject) if local else held.role
        if role is None or not (self._settings.login.local if local else self.oidc):
            return None
        csrf = self.seals.of("csrf", f"session:{held.hash}")
        return Who(held.name, role, cast("Source", held.source), csrf, held.subject, held.id)

    def _known(self, who: Who) -> Who:
        """Somebody without a session: what their forms hold is theirs for as long as the key is."""
        return Who(who.name, who.role, who.source, self.seals.of("csrf", who.owner), who.subject)

    def _nobody_else(self, scope: Scope) -> bool:
        """Whether this is the only one who can ask. Through a proxy, even one that the settings do not name, others can."""
        return (
            self._at_home
            and proxy.loopback(proxy.peer(scope))
            and not proxy.forwarded(scope)
            and not (self.proxy.declared or self._settings.oidc.issuer or self.users.any())
        )

    def _note_forged(self, request: Request) -> None:
        """Somebody who is no proxy of ours says who they are: ignored, and noted now and then."""
        peer = self.peer(request)
        if self._forged.begin(("forged", peer)) == 0:
            with suppress(StoreError):
                self.note(
                    request,
                    self.NOBODY,
                    "login.proxy",
                    "a header from an address that is not in proxy.addresses",
                    "ignored",
                )


def startup(settings: Settings, store: Store, host: str) -> None:
    """Raises Refusal where it may not listen on `host` with these settings, with what to do about it."""
    declared = Proxy(settings.proxy)
    _check_oidc(settings)
    if min(settings.login.hours, settings.login.idle_minutes) < 1:
        raise Refusal("watch.toml: login.hours and login.idle_minutes are at least 1")
    if bool(settings.web.certificate) != bool(settings.web.key):
        raise Refusal("watch.toml: web.certificate and web.key belong together: set both")
    at_home = host == "localhost" or proxy.loopback(host)
    if not at_home and not settings.web.certificate and not declared.declared:
        raise Refusal(
            f"on {printable(host)} passwords would go over the network unencrypted: set web.certificate and web.key, or proxy.addresses, in watch.toml"
        )
    users = settings.login.local and store.one("SELECT 1 FROM users WHERE NOT disabled") is not None
    if (not at_home or declared.declared) and not (users or settings.oidc.issuer or declared.logs_in):
        raise Refusal(
            f"nobody could log in: add a user first (filmbadge watch --dir {printable(str(store.directory))} --add-user NAME), or set [oidc] or proxy.user_header in watch.toml"
        )


def add_user(store: Store, name: str, role: Role, password: str) -> None:
    """A new user, or another role and password of one that there is: whoever owns the machine can always come in again. Raises Refusal."""
    users = Users(store, Passwords())
    if any(row["name"] == name.strip().lower() for row in users.listed()):
        users.give_password(name, password)
        users.give_role(name, role)
        users.enable(name)
    else:
        users.add(name, role, password)


def _check_oidc(settings: Settings) -> None:
    said = settings.oidc
    if not said.issuer:
        return
    if not said.client_id:
        raise Refusal("watch.toml: oidc.issuer needs oidc.client_id")
    if not (said.viewer or said.operator or said.admin):
        raise Refusal("watch.toml: oidc.issuer needs names of groups in oidc.viewer, oidc.operator or oidc.admin")
    if settings.proxy.addresses and not settings.web.names:
        raise Refusal(
            "watch.toml: behind a proxy oidc.issuer needs web.names, so that the provider sends browsers back to the right name"
        )
    if "openid" not in said.scopes.split():
        raise Refusal("watch.toml: oidc.scopes needs openid")


def _split(host: str) -> tuple[str, int | None]:
    """A name or an address, and its port. What is neither fits nothing."""
    name, colon, port = host.strip().rpartition(":")
    if not colon or host.endswith("]"):
        return host.strip().lower(), None
    return (name.lower(), int(port)) if port.isascii() and port.isdigit() and len(port) <= 5 else ("", None)


def _is_address(name: str, address: str) -> bool:
    try:
        return ip_address(name.removeprefix("[").removesuffix("]")) == ip_address(address)
    except ValueError:
        return False
