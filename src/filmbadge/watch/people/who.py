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


Source = Literal["this-machine", "local", "oidc", "proxy", "token"]


class Who(Struct, frozen=True):
    """Somebody who was recognised. `csrf`: what a form of theirs must hold; empty for a token, which no browser sends by itself."""

    name: str
    role: Role
    source: Source
    csrf: str = ""
