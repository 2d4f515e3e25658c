"""`remedies.toml`: what closes an archive, by its product and version, by the way in and by what is wrong.

A row holds no sentence for a letter: `tell.remedy` has one for each `id`. It holds what is typed, and for the person who
tests it: the default, what a stranger then sees, how to verify it, and the source.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import cache

from msgspec import Struct, field

from filmbadge.catalogue.advisories import compare
from filmbadge.catalogue.load import check_pattern, table
from filmbadge.model import FindingCode, Protocol, Reason


class Slot(StrEnum):
    """The place of a line among those that close an archive, in their order. One row fills a place."""

    WEB = "web"  # the web interface, DICOMweb, pages, lists of files
    DIMSE = "dimse"  # the DICOM port
    FIREWALL = "firewall"
    UPDATE = "update"
    TRANSPORT = "transport"  # TLS
    # These fill up what is left, for any archive.
    APART = "apart"
    LOGS = "logs"
    MAINTAINER = "maintainer"
    LIKELY = "likely"  # that it may be another product


FILLERS = (Slot.APART, Slot.LOGS, Slot.MAINTAINER)


class WayIn(StrEnum):
    """A way by which a stranger comes in."""

    DIMSE = "dimse"
    DICOMWEB = "dicomweb"
    API = "api"  # the product's own
    PAGES = "pages"
    LISTING = "listing"  # files that a web server lists


class Platform(StrEnum):
    """The system whose firewall stands before an archive."""

    NFTABLES = "nftables"
    WINDOWS = "windows"
    MACOS = "macos"
    AWS = "aws"
    AZURE = "azure"
    GCP = "gcp"


class Grade(StrEnum):
    """How well a row is known."""

    MEASURED = "M"  # tried on the product
    SOURCE = "S"  # read in its source
    DOCUMENTED = "D"
    KNOWN = "K"  # general knowledge that was not read again


class Then(Struct, frozen=True, forbid_unknown_fields=True):
    """What a check says of the endpoint when the row is in force. No codes: any."""

    why: Reason
    codes: tuple[int, ...] = ()


class Measured(Struct, frozen=True, forbid_unknown_fields=True):
    """What was seen on the product. A test sees it again, on a stranger's side and on an own device's."""

    before: str  # rung and grade
    after: str  # the same; "-": it belongs to no archive
    shows: str  # by which the check tells: a reason and its codes
    allowed: str  # what an own device then did
    conclusive: bool = True  # a check proves it from outside


class Evidence(Struct, frozen=True, forbid_unknown_fields=True):
    """Everything of an archive that decides which rows fit it."""

    product: str = ""
    version: str = ""
    firm: bool = True  # the product is sure, or none is named
    toolkit: str = ""
    ways: tuple[WayIn, ...] = ()  # by which a stranger gets in
    login: bool = False  # a web page of it demands a login
    aborts: bool = False  # it takes a stranger's association, and aborts the query
    findings: tuple[FindingCode, ...] = ()
    tls: bool = False  # one of its DICOM ports speaks TLS
    plain: tuple[Protocol, ...] = ()  # what it speaks without TLS
    platform: Platform = Platform.NFTABLES


class RemedyRow(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One remedy. A condition that is left out holds for every archive."""

    id: str
    slot: Slot
    grade: Grade
    setting: str  # what is set, by its name in the product
    default: str  # how the product comes
    stranger: str  # what a stranger then sees
    verify: str
    source: str  # the primary source, as text
    example: Evidence
    counter_example: Evidence | None = None  # None: the row fills up, and fits every archive
    since: str = ""  # the version of the product that brought the setting; empty: all, or not known
    # What is typed, line by line. `<ports>` stands for the ports of the archive, `<dicom>` and `<web>` for its first of each.
    set: tuple[str, ...] = ()
    into: str = ""  # the file that it goes into, or what understands it: shell, PowerShell, LDAP, SQL, Python
    then: tuple[Then, ...] = ()  # one of these, for a test on the real product
    # What a test of the row must know about the product, such as a file that must exist
    note: str = ""
    # On what it was tried, in its version. Of every row one of the two is said: this, or why it was not tried.
    proven: str = ""
    unproven: str = ""
    measured: Measured | None = None
    instead_of: str = ""  # the row that is told; this one does the same by other means

    product: tuple[str, ...] = ()
    firm: bool | None = None
    toolkit: str = ""  # how its name begins, where no product is known
    at_least: str = field(name="from", default="")  # the first version that the row fits
    before: str = ""  # the first that it does not fit
    unknown: bool = True  # it fits an archive whose version is not known, too
    ways: tuple[WayIn, ...] = ()
    login: bool = False
    aborts: bool = False
    findings: tuple[FindingCode, ...] = ()
    tls: bool | None = None
    plain: Protocol | None = None
    platform: Platform | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", self.id):
            raise ValueError(f"'{self.id}' is no id: small letters, digits and hyphens")
        if bool(self.set) != bool(self.into):
            raise ValueError("what is typed goes into something")
        if (self.counter_example is None) != (self.slot in FILLERS):
            raise ValueError("it has a counter-example, unless it only fills up")
        if (self.grade is Grade.MEASURED) != bool(self.proven) or bool(self.proven) != (self.measured is not None):
            raise ValueError("what is measured says on what, and what was seen")
        if bool(self.proven) == bool(self.unproven):
            raise ValueError("it says on what it was tried, or why not")
        if not self.fits(self.example) or (self.counter_example is not None and self.fits(self.counter_example)):
            raise ValueError("its example does not match")

    @property
    def untried(self) -> bool:
        """It sets something that we did not set ourselves. Advice that sets nothing is not meant."""
        return not self.proven and bool(self.set or self.product)

    def fits(self, seen: Evidence) -> bool:
        return (
            (not self.product or seen.product in self.product)
            and (not self.toolkit or (not seen.product and seen.toolkit.startswith(self.toolkit)))
            and self.firm in (None, seen.firm)
            and self._of_version(seen.version)
            and (not self.ways or not set(self.ways).isdisjoint(seen.ways))
            and (not self.login or seen.login)
            and (not self.aborts or seen.aborts)
            and (not self.findings or not set(self.findings).isdisjoint(seen.findings))
            and self.tls in (None, seen.tls)
            and (self.plain is None or self.plain in seen.plain)
            and self.platform in (None, seen.platform)
        )

    def _of_version(self, version: str) -> bool:
        """Whether the row is for this version. One that cannot be compared counts as not known."""
        orders = [compare(version, end) for end in (self.at_least, self.before) if end]
        if None in orders:
            return self.unknown
        return (not self.at_least or compare(version, self.at_least) != -1) and (
            not self.before or compare(version, self.before) == -1
        )


class PlatformExample(Struct, frozen=True, forbid_unknown_fields=True):
    product: str = ""
    as_name: str = ""


class PlatformRow(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """By what the system before an archive is guessed: it chooses the commands that are told, and nothing else."""

    is_: Platform = field(name="is")
    as_name: str = ""  # a pattern of the name of its autonomous system
    product: tuple[str, ...] = ()  # products, or toolkits, that run on it alone
    example: PlatformExample
    counter_example: PlatformExample

    def __post_init__(self) -> None:
        check_pattern(self.as_name)
        if not self._of(self.example) or self._of(self.counter_example):
            raise ValueError("its example does not match")

    def _of(self, example: PlatformExample) -> bool:
        return self.fits(example.product, example.as_name)

    def fits(self, product: str, as_name: str) -> bool:
        if self.as_name:
            return re.search(self.as_name, as_name, re.IGNORECASE) is not None
        return product in self.product


class Remedies(Struct, frozen=True, forbid_unknown_fields=True):
    remedy: tuple[RemedyRow, ...]
    platform: tuple[PlatformRow, ...]

    def __post_init__(self) -> None:
        ids = [row.id for row in self.remedy]
        if len(set(ids)) != len(ids):
            raise ValueError("an id stands twice")
        if unknown := {row.instead_of for row in self.remedy if row.instead_of} - set(ids):
            raise ValueError(f"instead_of names no row: {', '.join(sorted(unknown))}")


@cache
def _table() -> Remedies:
    return table("remedies.toml", Remedies)


@cache
def remedies() -> dict[str, RemedyRow]:
    """By id, in the order in which they are chosen. Raises CatalogueError."""
    return {row.id: row for row in _table().remedy}


@cache
def platform(product: str, as_name: str) -> Platform:
    """The system whose firewall is likely the one before an archive."""
    rows = (row.is_ for row in _table().platform if row.fits(product, as_name))
    return next(rows, Platform.NFTABLES)
