"""Folders of surveys that ended, or were killed, made without asking anybody."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import msgspec

from filmbadge.conclude.again import conclude, opened
from filmbadge.conclude.review import review
from filmbadge.keep import files, manifest
from filmbadge.keep.manifest import State
from filmbadge.keep.reader import Dataset
from filmbadge.keep.whole import listed
from filmbadge.keep.writer import Writer
from filmbadge.model import Endpoint, Host, Link, LinkBy, Protocol
from filmbadge.tell import summary
from filmbadge.tell.words import Words
from support.factories import AT, DISCLOSED, EMPTY, REPORTED, admitted, connection, dimse, host, survey, web

_WORDS = Words()
SEALS = ("sha256", "parts")  # fields by which a document shows that it, or the folder, was changed


def killed(directory: Path) -> Path:
    """Two flushes of hosts, one of links, one of reviews; then it was killed."""
    files.make_folder(directory)
    made = survey(directory)
    manifest.write(directory, msgspec.structs.replace(made, state="running", hosts=4))
    writer = Writer(directory)
    for n in (1, 2):
        for last in (n, n + 2):
            address = f"192.0.2.{last}"
            writer.journal(connection(address))
            ways = (dimse(admitted(DISCLOSED)), web(REPORTED)) if last < 4 else (dimse(admitted(EMPTY)),)
            writer.host(host(address, *ways), address)
        writer.flush()
    one, other = (Endpoint(f"192.0.2.{n}", 4242, Protocol.DIMSE) for n in (1, 2))
    writer.links([Link(one, other, LinkBy.STUDY_UIDS, 35, 35)])
    writer.reviews(review(Dataset(directory)))
    writer.unlock()
    return directory


def finished(directory: Path) -> Path:
    """The same, and it ended in order."""
    return _ended(killed(directory))


def whole(
    directory: Path, *hosts: Host, started: datetime = AT, flush: int = 1000, state: State = "done", **scope: object
) -> Path:
    """A survey of these hosts that ended in order, `flush` of them in a part. `scope`: what else its scope says."""
    files.make_folder(directory)
    made = survey(directory)
    told = msgspec.structs.replace(made.scope, **scope)
    manifest.write(directory, msgspec.structs.replace(made, started=started, hosts=len(hosts), scope=told))
    writer = Writer(directory)
    for n, one in enumerate(hosts, 1):
        writer.journal(connection(one.address))
        writer.host(one, one.address)
        if n % flush == 0:
            writer.flush()
    writer.flush()
    writer.reviews(review(Dataset(directory)))
    writer.unlock()
    return _ended(directory, state)


def _ended(directory: Path, state: State = "done") -> Path:
    there = Dataset(directory)
    told = msgspec.structs.replace(
        there.manifest,
        state=state,
        hosts_done=there.manifest.hosts,
        outcomes=there.outcomes(),
        connections=there.connections(),
        kept=there.counts(judged=False),
        parts=listed(directory),
        compared=True,
    )
    told = msgspec.structs.replace(told, rows=there.totals(told))
    manifest.write(directory, told)
    conclude(Dataset(directory, 1), told.rows)
    return directory


def unsealed(directory: Path) -> Path:
    """The folder passes for one of an older version, which has no digests of documents and lists no parts: who is hostile can do that."""
    for path in (directory / "survey.json", *directory.glob("judged/*/judged.json")):
        document = json.loads(path.read_text())
        document = {name: value for name, value in document.items() if name not in SEALS}
        path.write_text(json.dumps(document | ({"dataset": 3} if path.name == "survey.json" else {})))
    return directory


def told(directory: Path) -> bytes:
    """What `filmbadge report` says of it. Raises Refusal."""
    dataset = opened(directory)
    dataset.require_whole()
    return msgspec.json.encode(summary.document(dataset, _WORDS))
