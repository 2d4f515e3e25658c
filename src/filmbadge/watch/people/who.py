"""Who asks, and what they may do."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from msgspec import Struct


class Role(StrEnum):
    """What somebody may do. Each may do what those before it may."""

    VIEWER = "viewer"  # read
    OPERATOR = "operator"  # have surveys run, write scopes, accept risks
    ADMIN = "admin"  # users, tokens, channels

    def reaches(self, other: Role) -> bool:
        order = list(Role)
        return order.index(self) >= order.index(other)


Source = Literal["this-machine", "local", "oidc", "proxy", "token", "nobody"]


class Who(Struct, frozen=True):
    """Somebody who was recognised. `csrf`: what a form of theirs must hold; empty for a token, which no browser sends by itself.

    A name is for people to read. `subject` is what a provider knows them by: there, two may choose one name.
    """

    name: str
    role: Role
    source: Source
    csrf: str = ""
    subject: str = ""
    session: int = 0  # its row, where they came by one

    @property
    def owner(self) -> str:
        """Whose sessions and tokens these are. A token is its maker's."""
        return self.subject if self.source == "token" else f"{self.source}:{self.subject or self.name}"


def highest(
    names: frozenset[str], viewer: tuple[str, ...], operator: tuple[str, ...], admin: tuple[str, ...]
) -> Role | None:
    """The role that somebody's groups give them, as the settings list them. None: no group of theirs is listed."""
    for role, listed in ((Role.ADMIN, admin), (Role.OPERATOR, operator), (Role.VIEWER, viewer)):
        if names & frozenset(listed):
            return role
    return None
