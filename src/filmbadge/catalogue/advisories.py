"""`advisories.toml`: published vulnerabilities, by the version of a product."""

from __future__ import annotations

import re
from functools import cache, lru_cache

from msgspec import Struct, field

from filmbadge.catalogue.findings import Severity
from filmbadge.catalogue.load import table

_RELEASE = re.compile(r"(\d{1,9}(?:[.,]\d{1,9})*)(.*)", re.DOTALL)


_CVE = re.compile(r"CVE-\d{4}-\d{4,}")
_BANDS = (
    (9.0, Severity.CRITICAL),
    (7.0, Severity.HIGH),
    (4.0, Severity.MEDIUM),
    (0.1, Severity.LOW),
    (0.0, Severity.INFO),
)


class Example(Struct, frozen=True, forbid_unknown_fields=True):
    affected: str
    not_affected: str


class Advisory(Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    product: str
    what: str
    source: str
    fixed: str  # the first version without it; empty if none is named
    example: Example
    at_least: str = field(name="from", default="")
    before: str = ""
    through: str = ""
    cvss: float | None = None  # the highest base score that a source gives

    @property
    def severity(self) -> Severity | None:
        """By the bands of CVSS 3.1 (section 5) and 4.0 (section 6). None: no source gives a score."""
        if self.cvss is None:
            return None
        return next(severity for least, severity in _BANDS if self.cvss >= least)

    @property
    def link(self) -> str:
        """Where the first of it is published."""
        if found := _CVE.search(self.id):
            return f"https://www.cve.org/CVERecord?id={found[0]}"
        return f"https://www.cisa.gov/news-events/ics-medical-advisories/{self.source.lower()}"

    def __post_init__(self) -> None:
        if not (self.before or self.through):
            raise ValueError("a range has an end: before, or through")
        if not self.affects(self.example.affected) or self.affects(self.example.not_affected):
            raise ValueError("its example does not match")

    def affects(self, version: str) -> bool:
        """Whether the version is surely in the range. One that cannot be compared is not."""
        return (
            (not self.at_least or compare(version, self.at_least) in (0, 1))
            and (not self.before or compare(version, self.before) == -1)
            and (not self.through or compare(version, self.through) in (-1, 0))
        )


class Advisories(Struct, frozen=True, forbid_unknown_fields=True):
    advisory: tuple[Advisory, ...]


@cache
def advisories() -> dict[str, Advisory]:
    """By id. Raises CatalogueError."""
    return {row.id: row for row in table("advisories.toml", Advisories).advisory}


@lru_cache(maxsize=1024)
def known(product: str, version: str) -> tuple[str, ...]:
    """The ids of advisories on this version of a product."""
    return tuple(row.id for row in advisories().values() if row.product == product and row.affects(version))


def compare(one: str, other: str) -> int | None:
    """-1, 0 or 1, as numbers between dots or commas. None where letters would have to decide, or there is no number.

    Missing numbers are 0. `1.5.0-beta` beside `1.5.0` is None: what letters mean differs by product.
    """
    first, second = (_RELEASE.fullmatch(text.strip()) for text in (one, other))
    if first is None or second is None:
        return None
    left, right = ([int(n) for n in re.split("[.,]", match[1])] for match in (first, second))
    length = max(len(left), len(right))
    left, right = ([*numbers, *[0] * (length - len(numbers))] for numbers in (left, right))
    if left != right:
        return 1 if left > right else -1
    return 0 if first[2] == second[2] else None
