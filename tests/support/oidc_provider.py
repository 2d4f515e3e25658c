"""A small provider of OpenID Connect on loopback. It checks what a provider must, and misbehaves as it is told."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

CLIENT, SECRET = "filmbadge", "a secret: with + and %"


@dataclass
class Provider:
    issuer: str = ""
    key: RSAKey | ECKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "first"}))
    algorithm: str = "RS256"
    groups: Any = ("radiology", "pacs-admins")
    metadata: dict[str, Any] = field(default_factory=dict)  # over what is right
    claims: dict[str, Any] = field(default_factory=dict)
    token: str = ""  # instead of the right one
    status: int = 200
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)  # paths

    def lets_in(self, address: str, **other: str) -> str:
        """What a browser does there: the path and query of the address that it is sent back to."""
        where, query = (
            urlsplit(address),
            {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()},
        )
        assert f"{where.scheme}://{where.netloc}{where.path}" == f"{self.issuer}/authorize"
        assert (query["client_id"], query["response_type"], query["code_challenge_method"]) == (CLIENT, "code", "S256")
        assert "openid" in query["scope"].split()
        code = secrets.token_urlsafe()
        self.codes[code] = query
        back = {"code": code, "state": query["state"], **other}
        return urlsplit(query["redirect_uri"]).path + "?" + "&".join(f"{name}={value}" for name, value in back.items())

    def answer(self, path: str, form: dict[str, str], authorization: str) -> tuple[int, Any]:
        self.asked.append(path)
        if self.status != 200:
            return self.status, {}
        if path == "/.well-known/openid-configuration":
            return 200, {
                "issuer": self.issuer,
                **{name: f"{self.issuer}/{path}" for name, path in (("authorization_endpoint", "authorize"), ("token_endpoint", "token"), ("jwks_uri", "keys"))},
                "id_token_signing_alg_values_supported": ["RS256", "ES256", "HS256", "none"],
                **self.metadata,
            }  # fmt: skip
        if path == "/keys":
            return 200, {"keys": [self.key.as_dict(private=False)]}
        return self._token(form, authorization) if path == "/token" else (404, {})

    def _token(self, form: dict[str, str], authorization: str) -> tuple[int, Any]:
        asked = self.codes.pop(form["code"], None)
        challenge = (
            base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).decode().rstrip("=")
        )
        expected = "Basic " + base64.b64encode(b"filmbadge:a+secret%3A+with+%2B+and+%25").decode()
        if "client_secret_post" in self.metadata.get("token_endpoint_auth_methods_supported", ()):
            authorized = form.get("client_secret") == SECRET and not authorization
        else:
            authorized = authorization == expected
        if (
            not asked
            or not authorized
            or challenge != asked["code_challenge"]
            or form["redirect_uri"] != asked["redirect_uri"]
        ):
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {
            "iss": self.issuer, "aud": CLIENT, "sub": "8f3a", "iat": now, "exp": now + 300, "nonce": asked["nonce"],
            "preferred_username": "Ada", "groups": list(self.groups) if isinstance(self.groups, tuple) else self.groups,
        }  # fmt: skip
        claims |= self.claims
        signed = jwt.encode(
            {"alg": self.algorithm, "kid": self.key.kid},
            {name: value for name, value in claims.items() if value is not None},
            self.key,
        )
        return 200, {"access_token": "x", "token_type": "Bearer", "id_token": self.token or signed}


@contextmanager
def provider() -> Iterator[Provider]:
    made = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            self._answer({name: values[0] for name, values in parse_qs(body).items()})

        def _answer(self, form: dict[str, str]) -> None:
            status, said = made.answer(self.path, form, self.headers.get("authorization", ""))
            body = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made.issuer = f"http://127.0.0.1:{server.server_address[1]}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield made
        finally:
            server.shutdown()
            thread.join()
