"""`survey.json`: the scope as used, versions, start, end, and totals."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Literal, TypeVar

import msgspec
from msgspec import Struct

from filmbadge.keep import files
from filmbadge.keep.files import Damaged, shown
from filmbadge.model import DoubtCode, Total

SCHEMA: Literal["filmbadge.survey/1"] = "filmbadge.survey/1"
NAME = "survey.json"
DOCUMENT_BYTES = 256 << 20  # a survey of a year, with its parts

T = TypeVar("T", bound=Struct)


class ScopeAsUsed(Struct, frozen=True):
    name: str
    networks: tuple[str, ...]
    exclude: tuple[str, ...]
    depth: str
    expires: datetime | None
    authority: str
    reference: str
    basis: str | None
    contact: str
    called_titles: tuple[str, ...]
    dimse_ports: tuple[int, ...]
    pace: dict[str, float]
    caps: dict[str, float]
    dimse_tls_ports: tuple[int, ...] = ()
    web_ports: tuple[int, ...] = ()
    web_tls_ports: tuple[int, ...] = ()
    qido_record: bool = False
    census: dict[str, float] = {}
    names: tuple[str, ...] = ()
    memory: dict[str, float] = {}
    reverse_names: bool = False
    lists: dict[str, str] = {}  # files that networks and exclusions came from, with the SHA-256 of each
    retrievals: dict[str, int] = {}
    opted_out: tuple[str, ...] = ()  # those in `exclude` whose operators asked for it; empty by older versions


class PatientIds(Struct, frozen=True):
    """Distinct ids of patients in all open archives. Only the run could know: what tells them apart is in no table."""

    total: Total
    grouping: str  # a digest of which endpoints were which archive: it holds for these archives only


class CountryRow(Struct, frozen=True):
    """The quantities of the hosts of one country. Hosts that could not be concluded are no doubt about them."""

    country: str | None  # two letters, ISO 3166-1; None: no source attributes these hosts
    hosts_undecided: (
        int | None
    )  # hosts of which we could not find out whether they are archives, or open; None: not told
    archives: Total
    archives_open: Total
    patients: Total
    studies: Total
    images: Total
    images_retrievable: Total
    ssn_records: Total
    http_viewers: Total

    @classmethod
    def quantities(cls) -> tuple[str, ...]:
        return cls.__struct_fields__[2:]


class Alike(Struct, frozen=True):
    """Archives of one network that show the same, and are counted one by one: they may be one machine."""

    network: str  # an IPv4 /24 or an IPv6 /48
    archives: int
    open: bool
    studies: int | None  # of each


# `nothing-reached`: all hosts were asked, and none of them gave any answer, not even a refusal.
State = Literal["running", "done", "interrupted", "nothing-reached"]


class Manifest(Struct, frozen=True):
    version: str  # of Filmbadge
    dataset: int  # version of the table schema
    state: State
    scope: ScopeAsUsed
    targets: tuple[str, ...]  # as the user named them
    digest: str  # of all hosts they stand for, so that a list that changed is noticed
    seed: int
    hosts: int  # to ask
    hosts_done: int
    started: datetime
    ended: datetime | None
    outcomes: dict[str, int]  # endpoints by rung; "unknown" where we could not find out
    connections: int
    rows: tuple[Total, ...]
    by_country: tuple[CountryRow, ...] = ()
    alike: tuple[Alike, ...] = ()
    patient_ids: PatientIds | None = None  # None: not found out yet
    kept: dict[str, int] = {}  # rows of the tables of facts; empty while it runs
    compared: bool = False  # archives of different hosts were compared, as far as hosts were asked
    lookups: int | None = None  # names that were looked up; None: not kept, as by older versions
    parts: dict[str, tuple[str, ...]] | None = (
        None  # of the tables of facts, when this was written; None: by older versions
    )
    begun: datetime | None = None  # this run; None: by older versions
    seconds: float = 0.0  # all runs that ended, together
    dropped: dict[str, int] = {}  # how much of what the user named was no target, by the reason
    opted_out: int = 0  # addresses and networks that operators asked to leave alone
    sources: tuple[str, ...] | None = (
        None  # our own addresses, from which we asked; None: not kept, as by older versions
    )
    shared: bool = False  # in this run, workers shared the survey
    schema: Literal["filmbadge.survey/1"] = SCHEMA
    sha256: str = ""  # of all bytes of the file before it; empty in older versions

    @property
    def complete(self) -> bool:
        """All hosts were asked, something was reached, and every host that answered gave a conclusive answer."""
        undecided = any(doubt.code is DoubtCode.HOSTS_UNDECIDED for row in self.rows for doubt in row.doubts)
        return self.state == "done" and not self.outcomes.get("unknown") and not undecided


def grouping(archives: Iterable[Iterable[str]]) -> str:
    """The same for the same endpoints in the same archives, in whatever order."""
    lines = sorted(" ".join(sorted(set(endpoints))) for endpoints in archives)
    return sha256("\n".join(lines).encode()).hexdigest()[:32]


def write(directory: Path, manifest: Manifest) -> None:
    write_document(directory / NAME, manifest)


def write_document(path: Path, document: Struct) -> None:
    """Whole or not at all. Its last field, `sha256`, is a digest of all before it."""
    raw = msgspec.json.format(msgspec.json.encode(msgspec.structs.replace(document, sha256="")), indent=2)
    told = raw.removesuffix(_END)
    files.write(path, told + sha256(told).hexdigest().encode() + _END + b"\n")


_END = b'"\n}'
_BEFORE = b'"sha256": "'


def read_document(raw: bytes, kind: type[T], path: Path, *, older: bool = False) -> T:
    """A document that `write_document` wrote. `older`: by versions that wrote no digest. Raises Damaged, or ValueError where it is not ours."""
    told, digest, end = raw[: -64 - len(_END) - 1], raw[-64 - len(_END) - 1 : -len(_END) - 1], raw[-len(_END) - 1 :]
    whole = told.endswith(_BEFORE) and digest == sha256(told).hexdigest().encode() and end == _END + b"\n"
    if not whole and not (older and b"sha256" not in raw[-256:]):
        raise Damaged(f"{shown(path)} is damaged: it holds other bytes than were written, or was edited by hand")
    return msgspec.json.decode(raw, type=kind)


def read_bytes(directory: Path) -> bytes:
    """Raises Damaged, and FileNotFoundError."""
    return files.read(directory, directory / NAME, DOCUMENT_BYTES)
