"""What stands in every event of a feed: who tells it, from which survey, and who may see it."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID, uuid5

from msgspec import Struct

from filmbadge.keep.manifest import Manifest
from filmbadge.model import Host, Refusal
from filmbadge.scope import Scope
from filmbadge.tell.mailbox import mailbox_in
from filmbadge.tell.words import Words
from filmbadge.texts import clean, printable
from filmbadge.version import RELEASE

# Ids that are made of a finding's id are below this one, so that they are the same in every export.
NAMESPACE = UUID("6f0c9c5e-5a2b-5d0a-9d2e-3d1c6f4b7a10")
_NAME = 100  # characters: IntelMQ takes no longer name of a provider


class Tlp(StrEnum):
    """The Traffic Light Protocol 2.0 of FIRST: who may see a feed."""

    CLEAR = "clear"
    GREEN = "green"
    AMBER = "amber"
    AMBER_STRICT = "amber+strict"
    RED = "red"


class Sender(Struct, frozen=True):
    """Who made the survey, and answers questions about it."""

    organisation: str
    contact: str  # an e-mail address
    domain: str  # of this address


class Feed(Struct, frozen=True):
    """One export of one survey, or of one check."""

    version: str  # of Filmbadge, which found it
    level: str  # authority or owner
    tlp: Tlp
    survey: str  # the name of the scope
    depth: str
    authority: str = ""  # who allowed it
    reference: str = ""
    sender: Sender | None = None  # None: nobody is named by an e-mail address
    incomplete: tuple[str, ...] = ()  # sentences about what could not be found out

    @property
    def facts(self) -> dict[str, str]:
        """By name, where they are known."""
        known = {
            "level": self.level,
            "tlp": f"TLP:{self.tlp.upper()}",
            "survey": self.survey,
            "depth": self.depth,
            "authority": self.authority,
            "reference": self.reference,
            "version": self.version,
        }
        return {name: value for name, value in known.items() if value}


def sender(contact: str, organisation: str = "") -> Sender | None:
    """Who is named by the first e-mail address in the contact of a scope. None: there is no such address.

    Without the name of an organisation, the domain of the address is its name.
    """
    mail = mailbox_in(contact)
    if not mail:
        return None
    domain = mail.partition("@")[2].lower()
    return Sender(printable(organisation or domain)[:_NAME], mail, domain)


def of_survey(manifest: Manifest, level: str, tlp: Tlp, contact: str = "", organisation: str = "") -> Feed:
    """The feed of a survey. `contact` and `organisation` say who sends it, if that is not who stands in the scope."""
    scope = manifest.scope
    return Feed(
        version=clean(manifest.version, 64),
        level=level,
        tlp=tlp,
        survey=printable(scope.name),
        depth=printable(scope.depth),
        authority=printable(scope.authority),
        reference=printable(scope.reference),
        sender=sender(contact or scope.contact, organisation),
    )


def of_check(scope: Scope, target: str, host: Host, words: Words) -> Feed:
    """The feed of a check, for those who run the archive."""
    sure = host.fault is None and all(judged.verdict.conclusive for judged in host.judged)
    unsure = words.say(
        "{target}: we could not find out everything, so this does not say that it is closed.", target=target
    )
    return Feed(
        version=RELEASE,
        level="owner",
        tlp=Tlp.AMBER_STRICT,
        survey=printable(target),
        depth=str(scope.depth),
        authority=printable(scope.authority),
        reference=printable(scope.reference),
        sender=sender(scope.contact),
        incomplete=() if sure or any(archive.open for archive in host.archives) else (unsure,),
    )


def require_sender(feed: Feed, format: str) -> Sender:
    """Raises Refusal where nobody is named by an e-mail address."""
    if feed.sender is None:
        raise Refusal(
            f"{format} names a contact, and the survey's scope has no e-mail address in 'contact': name one, as feed --contact ADDRESS"
        )
    return feed.sender


def time(at: datetime) -> str:
    """RFC 3339, in UTC, with milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def uuid(*names: str) -> UUID:
    """The same for the same names, RFC 9562 5.5."""
    return uuid5(NAMESPACE, "\n".join(names))
