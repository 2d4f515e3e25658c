"""`decoys.toml`: words by which demonstration and phantom archives call themselves."""

from __future__ import annotations

import re
from functools import cache, lru_cache

from msgspec import Struct

from filmbadge.catalogue.load import table


class Word(Struct, frozen=True, forbid_unknown_fields=True):
    word: str
    example: str
    not_example: str

    def __post_init__(self) -> None:
        if not self.stands_in(self.example) or self.stands_in(self.not_example):
            raise ValueError("its example does not match")

    def stands_in(self, name: str) -> bool:
        return re.search(rf"(?<![a-z]){re.escape(self.word)}(?![a-z])", name.lower()) is not None


class Decoys(Struct, frozen=True, forbid_unknown_fields=True):
    word: tuple[Word, ...]


@cache
def words() -> tuple[Word, ...]:
    """The words. Raises CatalogueError."""
    return table("decoys.toml", Decoys).word


@lru_cache(maxsize=1024)
def calls_itself_one(name: str) -> bool:
    """Whether a name of an archive says that it is a demonstration."""
    return any(word.stands_in(name) for word in words())
