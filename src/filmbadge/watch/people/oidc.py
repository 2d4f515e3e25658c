"""Log in with OpenID Connect (Core 1.0): the authorization code flow, with PKCE (RFC 7636), state and nonce.

What belongs to one attempt stands in a sealed cookie of the browser that began it, so nobody fills our memory with attempts, and the
answer to another's attempt is of no use here. State, nonce and verifier are seals over its random number.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, Generic, Protocol, TypeVar
from urllib.parse import quote_plus

import msgspec
from starlette.datastructures import URL

from filmbadge.model import Refusal
from filmbadge.texts import printable
from filmbadge.watch import settings
from filmbadge.watch.people.clock import Clock, utc
from filmbadge.watch.people.seals import Seals
from filmbadge.watch.people.who import Role, Who, highest

T = TypeVar("T")
ATTEMPT = timedelta(minutes=10)
_ALGORITHMS = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
    "Ed25519",
)  # by a key that only the provider has
_LEEWAY_SECONDS = 60
_METADATA_HOLDS = timedelta(hours=1)
_KEYS_AGAIN = timedelta(minutes=1)  # a token with a key that we do not know has us look for new ones, so often at most
_MOST_BYTES = 1 << 20
_MOST_USED = 4096
_MOST_NAME = 128


class Answer(Protocol):
    @property
    def status(self) -> int: ...
    @property
    def body(self) -> bytes: ...


class Fetch(Protocol):
    """The way out: `Door.fetch`."""

    def __call__(
        self, method: str, url: str, form: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer: ...


class Attempt(msgspec.Struct, frozen=True):
    """One attempt to log in, as its cookie holds it."""

    number: str
    to: str
    until: float


class _Metadata(msgspec.Struct, frozen=True):
    """Of the discovery document, what is used."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    id_token_signing_alg_values_supported: tuple[str, ...] = ("RS256",)
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False


class Oidc:
    """All that asks the provider is blocking. Raises Refusal, which a person who logs in may read."""

    def __init__(self, said: settings.Oidc, fetch: Fetch, seals: Seals, clock: Clock = utc) -> None:
        self._said, self._fetch, self._seals, self._clock = said, fetch, seals, clock
        self._metadata = _Held[_Metadata](self._discovered, clock)
        self._keys = _Held[dict[str, Any]](self._keys_now, clock)
        self._used, self._lock = OrderedDict[str, float](), Lock()

    def begin(self, redirect: str, to: str) -> tuple[str, str]:
        """Where the browser goes, and the cookie that it keeps until it is back."""
        metadata = self._metadata.get(_METADATA_HOLDS)
        attempt = Attempt(secrets.token_urlsafe(32), to, (self._clock() + ATTEMPT).timestamp())
        challenge = hashlib.sha256(self._part("verifier", attempt).encode()).digest()
        address = URL(metadata.authorization_endpoint).include_query_params(
            response_type="code",
            client_id=self._said.client_id,
            redirect_uri=redirect,
            scope=self._said.scopes,
            state=self._part("state", attempt),
            nonce=self._part("nonce", attempt),
            code_challenge=base64.urlsafe_b64encode(challenge).decode().rstrip("="),
            code_challenge_method="S256",
        )
        return str(address), self._seals.sealed("oidc", msgspec.json.encode(attempt).decode())

    def finish(self, redirect: str, cookie: str, query: Mapping[str, list[str]]) -> tuple[Who, str]:
        """Who came back, and where they wanted to go."""
        attempt = self._attempt(cookie, query)
        metadata = self._metadata.get(_METADATA_HOLDS)
        said = {name: values[0] for name, values in query.items() if len(values) == 1}
        if ("iss" in query or metadata.authorization_response_iss_parameter_supported) and said.get(
            "iss"
        ) != metadata.issuer:
            raise Refusal("the answer is of another provider than the one that was asked (RFC 9207): log in again")
        if "error" in query:
            raise Refusal(f"the provider let you not in: {printable(said.get('error', '?'))[:64]}")
        if not (code := said.get("code")):
            raise Refusal("the provider sent no code: log in again")
        claims = self._claims(self._token(metadata, code, redirect, attempt), metadata, attempt)
        return self._who(claims), attempt.to

    def _attempt(self, cookie: str, query: Mapping[str, list[str]]) -> Attempt:
        """The attempt that this browser began, once."""
        again = Refusal("this log-in was not begun here, took too long, or was ended before: log in again")
        held = self._seals.opened("oidc", cookie)
        if held is None:
            raise again
        attempt, now = msgspec.json.decode(held, type=Attempt), self._clock().timestamp()
        states = query.get("state", [])
        if attempt.until <= now or len(states) != 1 or not self._seals.fits(states[0], "oidc state", attempt.number):
            raise again
        with self._lock:
            if attempt.number in self._used:
                raise again
            self._used[attempt.number] = attempt.until
            while len(self._used) > _MOST_USED:
                self._used.popitem(last=False)
        return attempt

    def _token(self, metadata: _Metadata, code: str, redirect: str, attempt: Attempt) -> str:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect,
            "client_id": self._said.client_id,
            "code_verifier": self._part("verifier", attempt),
        }
        headers = {"Accept": "application/json"}
        if self._said.client_secret and "client_secret_basic" in metadata.token_endpoint_auth_methods_supported:
            pair = f"{quote_plus(self._said.client_id)}:{quote_plus(self._said.client_secret)}"  # RFC 6749, 2.3.1
            headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        elif self._said.client_secret:
            form["client_secret"] = self._said.client_secret
        found = self._json("POST", metadata.token_endpoint, form, headers)
        token = found.get("id_token")
        if not isinstance(token, str):
            raise Refusal("the provider sent no ID token: its client needs the scope openid")
        return token

    def _claims(self, token: str, metadata: _Metadata, attempt: Attempt) -> dict[str, Any]:
        """What the provider signed, once all that OpenID Connect Core 3.1.3.7 asks is seen to hold."""
        from joserfc.errors import JoseError
        from joserfc.jwt import JWTClaimsRegistry

        registry = JWTClaimsRegistry(
            now=int(self._clock().timestamp()),
            leeway=_LEEWAY_SECONDS,
            iss={"essential": True, "value": metadata.issuer},
            aud={"essential": True, "value": self._said.client_id},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
        )
        try:
            claims = self._verified(token, metadata)
            registry.validate(claims)
        except JoseError as error:
            raise Refusal(
                f"the ID token of the provider does not hold ({printable(str(error))[:80]}): log in again"
            ) from None
        several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if (several or "azp" in claims) and claims.get("azp") != self._said.client_id:
            raise Refusal("the ID token of the provider is for another program (azp): log in again")
        if not self._seals.fits(claims.get("nonce"), "oidc nonce", attempt.number):
            raise Refusal("the ID token of the provider answers another attempt (nonce): log in again")
        return claims

    def _verified(self, token: str, metadata: _Metadata) -> dict[str, Any]:
        from joserfc.errors import BadSignatureError, InvalidKeyIdError
        from joserfc.jwk import KeySet
        from joserfc.jwt import decode

        allowed = [one for one in metadata.id_token_signing_alg_values_supported if one in _ALGORITHMS]
        keys = self._keys.get(_METADATA_HOLDS)
        try:
            return decode(token, KeySet.import_key_set(keys), algorithms=allowed).claims  # type: ignore[arg-type]
        except (InvalidKeyIdError, BadSignatureError):
            renewed = self._keys.get(_KEYS_AGAIN)  # it changed its keys
            if renewed == keys:
                raise
            return decode(token, KeySet.import_key_set(renewed), algorithms=allowed).claims  # type: ignore[arg-type]

    def _who(self, claims: dict[str, Any]) -> Who:
        said = self._said
        role = highest(_groups(claims, said.roles_claim), said.viewer, said.operator, said.admin)
        if role is None:
            raise Refusal(
                "your account has no role here: whoever runs this dashboard gives it one, by a group of the provider"
            )
        subject, name = str(claims["sub"]), claims.get(said.name_claim)
        shown = name if isinstance(name, str) and name.strip() else subject
        return Who(printable(shown.strip())[:_MOST_NAME], Role(role), "oidc", subject=subject)

    def _discovered(self) -> _Metadata:
        address = self._said.issuer.rstrip("/") + "/.well-known/openid-configuration"
        try:
            found = msgspec.convert(self._json("GET", address), _Metadata)
        except msgspec.ValidationError as error:
            raise Refusal(f"the provider's description of itself cannot be used ({printable(str(error))})") from None
        if found.issuer != self._said.issuer:
            raise Refusal("the provider calls itself something else than oidc.issuer in watch.toml")
        if not _over_tls(found.authorization_endpoint):
            raise Refusal("the provider would take passwords without TLS")
        return found

    def _keys_now(self) -> dict[str, Any]:
        return self._json("GET", self._metadata.get(_METADATA_HOLDS).jwks_uri)

    def _json(
        self, method: str, url: str, form: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        answer = self._fetch(method, url, form, headers)
        if answer.status != 200:
            raise Refusal(
                f"the provider answered with {answer.status}: log in again, or ask whoever runs this dashboard"
            )
        try:
            found = msgspec.json.decode(answer.body[:_MOST_BYTES])
        except msgspec.DecodeError:
            found = None
        if not isinstance(found, dict):
            raise Refusal("the provider's answer is not understood")
        return found

    def _part(self, what: str, attempt: Attempt) -> str:
        return self._seals.of(f"oidc {what}", attempt.number)


class _Held(Generic[T]):
    """Something of the provider, asked for again when it is too old."""

    def __init__(self, ask: Callable[[], T], clock: Clock) -> None:
        self._ask, self._clock, self._lock = ask, clock, Lock()
        self._found: tuple[T, datetime] | None = None

    def get(self, holds: timedelta) -> T:
        with self._lock:
            if self._found is None or self._clock() - self._found[1] >= holds:
                self._found = self._ask(), self._clock()
            return self._found[0]


def _groups(claims: dict[str, Any], path: str) -> frozenset[str]:
    """The names in a claim: one, or a list. Its own name comes before a way into an object."""
    found: Any = claims.get(path)
    if found is None:
        found = claims
        for step in path.split("."):
            found = found.get(step) if isinstance(found, dict) else None
    listed = found if isinstance(found, list) else [found]
    return frozenset(one for one in listed if isinstance(one, str))


def _over_tls(address: str) -> bool:
    found = URL(address)
    return found.scheme == "https" or (found.scheme == "http" and found.hostname in {"127.0.0.1", "::1", "localhost"})
