"""Proofs of closure, made without asking anybody."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from filmbadge.cli.console import json_bytes
from filmbadge.compare.closure import NETWORK, closure
from filmbadge.model import Depth, DimseFacts, Host, Observation, Outcome, OutcomeKind, Rejection
from filmbadge.scope import Scope, load
from filmbadge.tell import card
from filmbadge.tell.evidence import Evidence, of_check
from filmbadge.tell.proof import page
from filmbadge.tell.proof.before import read
from filmbadge.tell.proof.document import VerifyDocument, document
from filmbadge.tell.words import Words
from support import archives, factories
from support.factories import ADDRESS, AT, DISCLOSED, admitted, dimse, host, reported, web

WORDS = Words()
OPEN = host(
    ADDRESS, dimse(admitted(DISCLOSED)), web(reported()), dimse(None, port=104, stop=Outcome(OutcomeKind.REFUSED))
)
REFUSED = Outcome(OutcomeKind.REFUSED)
REJECTS = DimseFacts(called="ANY-SCP", valid_pdu=True, rejection=Rejection(1, 1, 3))
CLOSED = (dimse(REJECTS), dimse(None, port=8042, stop=REFUSED), dimse(None, port=104, stop=REFUSED))
MOVED = (
    dimse(None, stop=REFUSED), dimse(None, port=8042, stop=REFUSED), dimse(admitted(DISCLOSED), port=4243),
    dimse(None, port=11112, stop=Outcome(OutcomeKind.IDLE)),
)  # fmt: skip


def evidence(scope: Scope, began: datetime = AT) -> Evidence:
    rows = [factories.connection()]
    return of_check("0.1.0", scope, rows, ("192.0.2.200",), began, began + timedelta(minutes=1))


def checked(folder: Path, found: Host = OPEN, target: str = ADDRESS, **changes: Any) -> Path:
    """The document of a check, with some fields changed."""
    made = card.document(
        target,
        Depth.COUNT,
        found,
        [factories.connection()],
        WORDS,
        evidence=evidence(load(archives.scope_file(folder))),
    )
    path = folder / "before.json"
    path.write_bytes(msgspec.json.encode({**msgspec.to_builtins(made), **changes}))
    return path


def proof(folder: Path, *now: Observation, words: Words = WORDS, seen_from: str = NETWORK) -> VerifyDocument:
    """What a proof says after these were seen."""
    known = read(checked(folder), ADDRESS)
    asked = host(ADDRESS, *(now or CLOSED))
    closed = closure(known.before, asked, Depth.COUNT, seen_from)
    scope = load(archives.scope_file(folder))
    said = evidence(scope, datetime(2026, 8, 1, 9, 5, tzinfo=UTC))
    return document(ADDRESS, known, asked, closed, [factories.connection()], words, evidence=said)


def drawn(folder: Path, *now: Observation) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    told = proof(folder, *now)
    return page.render(told, WORDS, sha256=sha256(json_bytes(told)).hexdigest())


def fields(path: Path) -> dict[str, Any]:
    held: dict[str, Any] = json.loads(path.read_bytes())
    return held
