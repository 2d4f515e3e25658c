"""`findings.toml`: how grave each finding is, and which step of the rubric it belongs to."""

from __future__ import annotations

from enum import StrEnum
from functools import cache

from msgspec import Struct

from filmbadge.catalogue.load import table
from filmbadge.model import ClientCertificate, FindingCode, GradeReason, Kind, Protocol, Reason, Rung, Transport


class Severity(StrEnum):
    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"


class Example(Struct, frozen=True, forbid_unknown_fields=True):
    """An archive with one endpoint, by what was judged of it."""

    rung: Rung = Rung.SPEAKS
    why: Reason = Reason.LOGIN
    codes: tuple[int, ...] = ()
    protocol: Protocol = Protocol.DIMSE
    transport: tuple[Transport, ...] = ()
    files: int = 0  # that a list shows
    advisories: tuple[str, ...] = ()
    personal: tuple[Kind, ...] = ()
    schemes: tuple[str, ...] = ()
    ssn_records: int | None = None
    product: str = ""  # that its own REST interface names, or its realm where a login is demanded
    version: str = ""
    demands: ClientCertificate | None = None  # over TLS; None: plain
    opened_by: str = ""  # the AE title that let us in, where others were rejected
    closed_elsewhere: bool = False  # at another address of its name


class FindingRow(Struct, frozen=True, forbid_unknown_fields=True):
    code: FindingCode
    severity: Severity
    example: Example
    counter_example: Example
    reason: GradeReason | None = None  # what it is in the rubric; None: it takes no grade down


class Findings(Struct, frozen=True, forbid_unknown_fields=True):
    finding: tuple[FindingRow, ...]

    def __post_init__(self) -> None:
        codes = [row.code for row in self.finding]
        if codes != list(FindingCode):
            raise ValueError("there is one row for each code, in their order")


@cache
def findings() -> dict[FindingCode, FindingRow]:
    """By code. Raises CatalogueError."""
    return {row.code: row for row in table("findings.toml", Findings).finding}
