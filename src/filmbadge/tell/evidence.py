"""What makes a document evidence: who asked whom, when, from where, with whose authority, and a digest of all that was done.

It has one shape in every document, and the same words everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from filmbadge.keep import journal as journals
from filmbadge.keep.manifest import Manifest, ScopeAsUsed
from filmbadge.model import JournalRow
from filmbadge.scope import Scope
from filmbadge.texts import clean, printable

_TEXT = 1000  # characters of one text of the scope


class JournalDigest(Struct, frozen=True):
    """All rows of the journal, whatever their order. `docs/dataset.md` says how anybody makes it again."""

    rows: int
    sha256: str


class Evidence(Struct, frozen=True):
    version: str = ""  # of Filmbadge
    depth: str = ""
    started: datetime | None = None
    ended: datetime | None = None  # None: it goes on, or was broken off
    sources: tuple[str, ...] | None = None  # our own addresses, from which we asked; None: not kept, or not told
    scope: str = ""  # its name
    networks: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    authority: str = ""
    reference: str = ""
    contact: str = ""
    expires: datetime | None = None
    journal: JournalDigest | None = None  # None: not told


NO_EVIDENCE = Evidence()


def of_survey(manifest: Manifest, journal: JournalDigest, sources: tuple[str, ...] | None) -> Evidence:
    scope = manifest.scope
    return Evidence(
        version=clean(manifest.version, 64),
        started=manifest.started,
        ended=manifest.ended,
        sources=sources,
        journal=journal,
        depth=scope.depth,
        networks=scope.networks,
        names=scope.names,
        expires=scope.expires,
        **_texts(scope),
    )


def of_check(
    version: str,
    scope: Scope,
    journal: Sequence[JournalRow],
    sources: tuple[str, ...] | None,
    started: datetime,
    ended: datetime,
) -> Evidence:
    return Evidence(
        version=version,
        started=started,
        ended=ended,
        sources=sources,
        journal=JournalDigest(len(journal), journals.digest(journal)),
        depth=str(scope.depth),
        networks=tuple(map(str, scope.networks)),
        names=scope.names,
        expires=scope.expires,
        **_texts(scope),
    )


def _texts(scope: Scope | ScopeAsUsed) -> dict[str, str]:
    return {
        "scope": printable(scope.name[:_TEXT]),
        "authority": printable(scope.authority[:_TEXT]),
        "reference": printable(scope.reference[:_TEXT]),
        "contact": printable(scope.contact[:_TEXT]),
    }
