"""What is set where the dashboard is installed, and cannot be changed over the web: `watch.toml`, and the environment over it."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
from msgspec import Struct

from filmbadge import given
from filmbadge.model import Refusal
from filmbadge.texts import printable

NAME = "watch.toml"
_MOST_BYTES = 1 << 20
_SECRET = "FILMBADGE_WATCH_OIDC_CLIENT_SECRET"


class Web(Struct, frozen=True, forbid_unknown_fields=True):
    names: tuple[str, ...] = ()  # by which browsers may call it, beside the address it listens on
    certificate: str = ""  # PEM files, below the directory of the dashboard or absolute
    key: str = ""
    public: tuple[str, ...] = ()  # scopes that have a page at level public for anybody, at /public/NAME


class Login(Struct, frozen=True, forbid_unknown_fields=True):
    local: bool = True  # users with a password of their own
    hours: int = 12  # that a session lasts at most
    idle_minutes: int = 60  # after which a session ends that nobody used


class Proxy(Struct, frozen=True, forbid_unknown_fields=True):
    addresses: tuple[str, ...] = ()  # from which its headers are believed
    user_header: str = ""  # such as X-Forwarded-User; empty: it only carries TLS, and logs nobody in
    roles_header: str = ""
    viewer: tuple[str, ...] = ()  # names in the roles header, separated there by commas, that give this role
    operator: tuple[str, ...] = ()
    admin: tuple[str, ...] = ()


class Oidc(Struct, frozen=True, forbid_unknown_fields=True):
    issuer: str = ""
    client_id: str = ""
    client_secret: str = ""
    name_claim: str = "preferred_username"  # by which somebody is shown; `sub` where there is none
    roles_claim: str = "groups"  # with dots between the steps into an object, such as realm_access.roles
    scopes: str = "openid profile email"
    viewer: tuple[str, ...] = ()
    operator: tuple[str, ...] = ()
    admin: tuple[str, ...] = ()


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    web: Web = Web()
    login: Login = Login()
    proxy: Proxy = Proxy()
    oidc: Oidc = Oidc()


def load(directory: Path) -> Settings:
    """Raises Refusal, which says what is wrong in the file."""
    path = directory / NAME
    try:
        raw = given.read(path, _MOST_BYTES)
    except FileNotFoundError:
        raw = b""
    except OSError as error:
        raise Refusal(f"{printable(str(path))} cannot be read ({error.strerror})") from None
    try:
        found = msgspec.toml.decode(raw, type=Settings)
    except (msgspec.DecodeError, ValueError) as error:
        raise Refusal(f"{printable(str(path))} cannot be used: {printable(str(error))}") from None
    if secret := os.environ.get(_SECRET):
        found = msgspec.structs.replace(found, oidc=msgspec.structs.replace(found.oidc, client_secret=secret))
    return found
