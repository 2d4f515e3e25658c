"""`placeholders.toml`: texts that stand where a contact should stand, and reach nobody."""

from __future__ import annotations

import re
from functools import cache

from msgspec import Struct

from filmbadge.catalogue.load import table


class Placeholder(Struct, frozen=True, forbid_unknown_fields=True):
    """A row has one of `holds`, `mailbox` and `domain`."""

    example: str
    not_example: str
    holds: str = ""
    mailbox: str = ""
    domain: str = ""

    def __post_init__(self) -> None:
        if sum(map(bool, (self.holds, self.mailbox, self.domain))) != 1:
            raise ValueError("it has one of holds, mailbox and domain")
        if not self.is_in(self.example) or self.is_in(self.not_example):
            raise ValueError("its example does not match")

    def is_in(self, text: str) -> bool:
        text = text.casefold()
        if self.holds:
            return self.holds.casefold() in " ".join(text.split())
        if self.mailbox:
            return text == self.mailbox
        pattern = re.escape(self.domain).replace(r"\*", "[^.@]+")
        return re.search(rf"@([^@]+\.)?{pattern}$", text) is not None


class Placeholders(Struct, frozen=True, forbid_unknown_fields=True):
    placeholder: tuple[Placeholder, ...]


@cache
def placeholders() -> tuple[Placeholder, ...]:
    """The rows. Raises CatalogueError."""
    return table("placeholders.toml", Placeholders).placeholder


def is_placeholder(text: str) -> bool:
    """Whether a name, an e-mail address or a postal address reaches nobody."""
    return any(row.is_in(text) for row in placeholders())
