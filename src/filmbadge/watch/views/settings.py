"""Settings: channels, and what is set where the dashboard is installed."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from msgspec import Struct

from filmbadge.version import RELEASE
from filmbadge.watch.service import Service
from filmbadge.watch.views.asked import Asked, Done
from filmbadge.watch.views.records import Channel, SettingsPage

KINDS = ("new", "worse", "closed", "expiring", "failed")


class NewChannel(Struct, frozen=True):
    """Adds a channel. `url` as apprise has it, such as mailtos://user:password@mail.example.org?to=security@example.org."""

    name: str
    url: str
    events: list[str] = []
    public: str = ""  # `yes`: no address, operator or link goes there
    digest: str = ""  # empty: at once; or a schedule such as `weekly mon 07:00`


class ChannelNumber(Struct, frozen=True):
    """Which channel."""

    channel: int


def settings(asked: Asked) -> SettingsPage:
    service = asked.service
    found = service.store.rows("SELECT * FROM channels ORDER BY name COLLATE NOCASE")
    return SettingsPage(
        headline="Settings",
        channels=tuple(
            Channel(
                row["id"],
                row["name"],
                _where(row["url"]),
                bool(row["public"]),
                tuple(row["events"].split()),
                row["digest"],
                bool(row["enabled"]),
                row["last_sent"],
                row["last_fault"],
            )
            for row in found
        ),
        facts=tuple(_facts(service)),
    )


def _where(url: str) -> str:
    """What kind it is, and to which host: all else of it may be a secret."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return "not readable"
    named = host if "." in host and parts.scheme in {"json", "jsons", "xml", "xmls", "form", "forms", "mailto", "mailtos", "matrix", "matrixs"} else ""  # fmt: skip
    return f"{parts.scheme}: {named}" if named else parts.scheme


def _facts(service: Service) -> Iterator[tuple[str, str]]:
    said = service.settings
    yield "Filmbadge", RELEASE
    yield "Folder", str(service.directory)
    yield "Log-in by users of the dashboard", "on" if said.login.local else "off"
    yield "Single sign-on (OpenID Connect)", said.oidc.issuer or "not set"
    yield "Trusted proxy", ", ".join(said.proxy.addresses) or "none"
    yield "Public pages of scopes", ", ".join(said.web.public) or "none"


def add(asked: Asked, form: NewChannel) -> Done:
    asked.service.alerts.add(
        form.name.strip(),
        form.url.strip(),
        public=form.public == "yes",
        events=tuple(form.events),
        digest=form.digest.strip(),
    )
    return Done("The channel was added. Send a test through it.", "/settings#channels")


def remove(asked: Asked, form: ChannelNumber) -> Done:
    asked.service.alerts.remove(_known(asked, form))
    return Done("The channel was removed.", "/settings#channels")


def test(asked: Asked, form: ChannelNumber) -> Done:
    asked.service.alerts.test(_known(asked, form))
    return Done("The test went out.", "/settings#channels")


def _known(asked: Asked, form: ChannelNumber) -> int:
    if asked.service.store.one("SELECT 1 FROM channels WHERE id = ?", form.channel) is None:
        raise LookupError(f"there is no channel {form.channel}")
    return form.channel
