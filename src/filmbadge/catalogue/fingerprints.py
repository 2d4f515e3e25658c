"""`fingerprints.toml`: what toolkits and products look like in an association, and where they usually stand."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Literal

from msgspec import UNSET, Struct, UnsetType, field

from filmbadge.catalogue.advisories import compare
from filmbadge.catalogue.load import check_pattern, table
from filmbadge.model import FingerprintKind

Evidence = Literal["S", "D", "T"]  # its source was read; seen in real data; a matcher of others that works


class Example(Struct, frozen=True, forbid_unknown_fields=True):
    uid: str
    version: str
    is_: str = field(name="is")


class Toolkit(Struct, frozen=True, forbid_unknown_fields=True):
    """An implementation class UID and version name that a DICOM library announces. Both must match in whole."""

    is_: str = field(name="is")
    uid: str
    version: str
    grade: Evidence
    example: Example

    def __post_init__(self) -> None:
        check_pattern(self.uid)
        check_pattern(self.version)
        if self.match(self.example.uid, self.example.version) != self.example.is_:
            raise ValueError(f"its example is not {self.example.is_}")

    def match(self, uid: str, version: str) -> str:
        """The name this row gives to an implementation, or nothing."""
        one, two = re.fullmatch(self.uid, uid), re.fullmatch(self.version, version)
        if one is None or two is None:
            return ""
        return self.is_.format(**one.groupdict(), **two.groupdict())


class ProductExample(Struct, frozen=True, forbid_unknown_fields=True):
    uid: str
    version: str
    product_version: str = ""


class ProductRow(Struct, frozen=True, forbid_unknown_fields=True):
    """The same for a product. A group `release` is the version of the product itself."""

    is_: str = field(name="is")
    uid: str
    version: str
    grade: Evidence
    example: ProductExample
    by: FingerprintKind = FingerprintKind.ASSOCIATION
    bait: bool = False  # a honeypot

    def __post_init__(self) -> None:
        check_pattern(self.uid)
        check_pattern(self.version)
        if self.match(self.example.uid, self.example.version) != self.example.product_version:
            raise ValueError("its example does not match")

    def match(self, uid: str, version: str) -> str | None:
        """The version of the product, which may be empty; or None if it is not this product."""
        one, two = re.fullmatch(self.uid, uid), re.fullmatch(self.version, version)
        if one is None or two is None:
            return None
        return two.groupdict().get("release") or ""


class Manners(Struct, frozen=True, forbid_unknown_fields=True):
    """How an association was answered. Only what is given must agree."""

    no_implementation: bool | UnsetType = UNSET  # neither of its two items
    max_pdu: int | UnsetType = UNSET
    all_contexts: bool | UnsetType = UNSET  # every one that was proposed is accepted
    aborts_query: bool | UnsetType = UNSET  # a query is answered by A-ABORT of the service user

    def fit(self, seen: Manners) -> bool:
        """Whether all that this row demands was seen."""
        wanted = {name: value for name in self.__struct_fields__ if (value := getattr(self, name)) is not UNSET}
        return all(getattr(seen, name) == value for name, value in wanted.items())


class Behaviour(Struct, frozen=True, forbid_unknown_fields=True):
    """Manners that a product is known for. A hint supports a product that something else names, and names none."""

    is_: str = field(name="is")
    seen: Manners
    grade: Evidence
    example: Manners
    hint: bool = False
    bait: bool = False  # a honeypot

    def __post_init__(self) -> None:
        if not self.seen.fit(self.example):
            raise ValueError("its example does not match")


class BuiltOn(Struct, frozen=True, forbid_unknown_fields=True):
    """A product announces this toolkit as its own. That supports the product, and never names it."""

    product: str
    toolkit: str  # how the toolkit's name begins
    grade: Evidence
    example: str

    def __post_init__(self) -> None:
        if not self.example.startswith(self.toolkit):
            raise ValueError("its example does not match")


class Title(Struct, frozen=True, forbid_unknown_fields=True):
    """An AE title that a product has as it comes."""

    is_: str = field(name="is")
    title: str
    grade: Evidence
    example: str

    def __post_init__(self) -> None:
        check_pattern(self.title)
        if not re.fullmatch(self.title, self.example):
            raise ValueError("its example does not match")


class Writes(Struct, frozen=True, forbid_unknown_fields=True):
    """A product whose own REST interface, where it asks for no login, takes requests that write. Nobody tries one."""

    product: str
    grade: Evidence
    source: str
    example: str  # such a request

    def __post_init__(self) -> None:
        if not self.example.startswith(("DELETE ", "POST ", "PUT ")):
            raise ValueError("its example does not write")


class KnownLogin(Struct, frozen=True, forbid_unknown_fields=True):
    """A product that comes with a user whose password everybody knows. Nobody tries it."""

    product: str
    before: str  # the first version that does not
    grade: Evidence
    source: str
    example: str  # a version
    counter_example: str

    def __post_init__(self) -> None:
        if not self.of(self.product, self.example) or self.of(self.product, self.counter_example):
            raise ValueError("its example does not match")

    def of(self, product: str, version: str) -> bool:
        """Whether it may be so. Of a version that is not known, it may."""
        return product == self.product and compare(version, self.before) in (None, -1)


class Port(Struct, frozen=True, forbid_unknown_fields=True):
    """A port that a product listens on as it comes. A port proves nothing: it is a place to ask."""

    port: int
    protocol: Literal["dimse", "dimse over TLS", "http"]
    of: str
    example: str  # host and port, as a target is written

    def __post_init__(self) -> None:
        if not 0 < self.port < 65536 or not self.example.endswith(f":{self.port}"):
            raise ValueError("its example does not match")


class Fingerprints(Struct, frozen=True, forbid_unknown_fields=True):
    toolkit: tuple[Toolkit, ...]
    product: tuple[ProductRow, ...]
    behaviour: tuple[Behaviour, ...]
    built_on: tuple[BuiltOn, ...]
    title: tuple[Title, ...]
    writes: tuple[Writes, ...]
    known_login: tuple[KnownLogin, ...]
    port: tuple[Port, ...]


@cache
def fingerprints() -> Fingerprints:
    """The table. Raises CatalogueError."""
    return table("fingerprints.toml", Fingerprints)


@lru_cache(maxsize=1024)
def toolkit_of(uid: str, version: str) -> str:
    """The toolkit that an association's implementation items name, or nothing."""
    return next((name for row in fingerprints().toolkit if (name := row.match(uid, version))), "")


@lru_cache(maxsize=1024)
def products_of(uid: str, version: str) -> tuple[tuple[ProductRow, str], ...]:
    """The rows of products that an association's implementation items match, each with the version that it reads."""
    rows = ((row, row.match(uid, version)) for row in fingerprints().product)
    return tuple((row, release) for row, release in rows if release is not None)


@cache
def writable() -> frozenset[str]:
    """The products whose REST interface lets anybody write where it asks for no login."""
    return frozenset(row.product for row in fingerprints().writes)


def login_may_be_known(product: str, version: str) -> bool:
    """Whether a login of this product may be one that everybody knows."""
    return any(row.of(product, version) for row in fingerprints().known_login)


@cache
def baits() -> frozenset[str]:
    """The products that are honeypots."""
    found = fingerprints()
    return frozenset([p.is_ for p in found.product if p.bait] + [b.is_ for b in found.behaviour if b.bait])
