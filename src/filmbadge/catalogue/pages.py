"""`pages.toml`: what the web pages of products show to anybody who asks for them, and where those pages stand."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import cache, lru_cache

from msgspec import Struct, field

from filmbadge.catalogue.fingerprints import Evidence
from filmbadge.catalogue.load import check_pattern, table
from filmbadge.model import FingerprintKind


class Where(StrEnum):
    """The part of an answer that a mark stands in."""

    TITLE = "title"
    BODY = "body"
    HEADER = "header"  # as `name: value`, the name in lower case
    COOKIE = "cookie"  # its name
    REALM = "realm"
    FAVICON = "favicon"  # the MD5 of its bytes; or the number that Shodan and FOFA list it by


_KINDS = {
    Where.TITLE: FingerprintKind.PAGE,
    Where.BODY: FingerprintKind.PAGE,
    Where.HEADER: FingerprintKind.HEADER,
    Where.COOKIE: FingerprintKind.HEADER,
    Where.REALM: FingerprintKind.REALM,
    Where.FAVICON: FingerprintKind.FAVICON,
}


class Login(StrEnum):
    """What a page that carries the mark says about a login."""

    NONE = "none"  # it is the product's own page, shown to anybody
    DEMANDED = "demanded"  # it is the page of a login
    UNKNOWN = "unknown"


class Mark(Struct, frozen=True, forbid_unknown_fields=True):
    """A mark of a product. A group `release` is the version of the product itself."""

    is_: str = field(name="is")
    where: Where
    looks: str  # must match in whole; in a body, anywhere
    grade: Evidence
    example: str
    not_example: str
    release: str = ""  # the version that the example carries
    login: Login = Login.UNKNOWN
    viewer: bool = False  # it shows what an archive holds, and holds nothing: it is not what the archive is

    def __post_init__(self) -> None:
        check_pattern(self.looks)
        if self.where is Where.FAVICON and not re.fullmatch(r"[0-9a-f]{32}|-?\d{1,10}", self.looks):
            raise ValueError(f"'{self.looks}' is no hash of an icon")
        if self.match(self.example) != self.release or self.match(self.not_example) is not None:
            raise ValueError("its example does not match")

    @property
    def confirmed(self) -> bool:
        """Somebody saw it, and not only others say so."""
        return self.grade != "T"

    @property
    def kind(self) -> FingerprintKind:
        return _KINDS[self.where]

    def match(self, text: str) -> str | None:
        """The version of the product, which may be empty; or None if the mark is not there."""
        found = (re.search if self.where is Where.BODY else re.fullmatch)(self.looks, text)
        return None if found is None else found.groupdict().get("release") or ""


class Path(Struct, frozen=True, forbid_unknown_fields=True):
    """Where a page of a product stands that is not the front page of its server. In the order in which they are asked."""

    path: str
    of: str
    grade: Evidence
    example: str  # a whole address

    def __post_init__(self) -> None:
        if not self.path.startswith("/") or not self.example.endswith(self.path):
            raise ValueError("its example does not match")


class Pages(Struct, frozen=True, forbid_unknown_fields=True):
    mark: tuple[Mark, ...]
    path: tuple[Path, ...]


@cache
def pages() -> Pages:
    """The table. Raises CatalogueError."""
    return table("pages.toml", Pages)


@cache
def viewers() -> frozenset[str]:
    """Products that are viewers."""
    return frozenset(row.is_ for row in pages().mark if row.viewer)


def marks(parts: Mapping[Where, list[str]]) -> Iterator[tuple[Mark, str]]:
    """The rows that an answer carries, each with the product's version if it says one."""
    for row in pages().mark:
        found = [version for text in parts.get(row.where, ()) if (version := row.match(text)) is not None]
        if found:
            yield row, max(found)


@lru_cache(maxsize=1024)
def shows_realm(product: str, realm: str) -> bool:
    """Whether a login with this realm is the product's own."""
    return any(row.is_ == product for row, _ in marks({Where.REALM: [realm]}))
