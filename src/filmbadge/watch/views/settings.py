"""Settings: channels, and what is set where the dashboard is installed."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from filmbadge.version import RELEASE
from filmbadge.watch.service import Service
from filmbadge.watch.views.asked import Asked, Done
from filmbadge.watch.views.records import SettingsPage


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


class Enable(Struct, frozen=True):
    """Switches a channel on (`yes`) or off (`no`)."""

    channel: int
    on: str


def settings(asked: Asked) -> SettingsPage:
    service = asked.service
    return SettingsPage(
        headline="Settings",
        fault=service.alerts.fault,
        channels=tuple(service.alerts.channels()),
        facts=tuple(_facts(service)),
    )


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
    asked.service.alerts.remove(form.channel)
    return Done("The channel was removed.", "/settings#channels")


def enable(asked: Asked, form: Enable) -> Done:
    asked.service.alerts.enable(form.channel, on=form.on == "yes")
    return Done("The channel is on." if form.on == "yes" else "The channel is off.", "/settings#channels")


def test(asked: Asked, form: ChannelNumber) -> Done:
    asked.service.alerts.test(form.channel)
    return Done("The test went out.", "/settings#channels")
