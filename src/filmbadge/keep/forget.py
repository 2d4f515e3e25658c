"""Deletes a survey's folder, and leaves a receipt that says which survey it was, without an address."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from filmbadge.keep import contents, files, manifest, parts, upgrade
from filmbadge.keep.files import Damaged, shown
from filmbadge.model import Refusal
from filmbadge.version import RELEASE


class Forgotten(Struct, frozen=True):
    """What is left of a survey."""

    authority: str  # of its scope; empty where survey.json was damaged
    reference: str
    started: datetime | None
    ended: datetime | None
    sha256: str  # of its survey.json


class Receipt(Struct, frozen=True):
    version: str  # of the Filmbadge that deleted it
    state: Literal["begun", "done"]  # begun: it was killed; the same command finishes it
    begun: datetime
    ended: datetime | None
    survey: Forgotten
    files: int  # when it began
    bytes: int
    schema: Literal["filmbadge.forget/1"] = "filmbadge.forget/1"


def beside(directory: Path) -> Path:
    """Where the receipt is written, if nobody says otherwise."""
    there = directory.absolute()
    return there.with_name(f"{there.name}.forgotten.json")


def begin(directory: Path, place: Path) -> Receipt:
    """What is to be deleted. Writes nothing. Raises Refusal where something there is not ours, or there is no survey."""
    before = _receipt(place)
    try:
        if not directory.exists() and not directory.is_symlink():
            found: list[contents.Entry] = []
        else:
            found = [entry for entry in contents.entries(directory) if not entry.folder]
        raw = manifest.read_bytes(directory)
    except FileNotFoundError:
        # All was deleted but the folder itself, or that too.
        if before is not None and not [entry for entry in found if entry.path.name != ".lock"]:
            return before
        raise Refusal(f"{shown(directory)} holds no survey (no {manifest.NAME})") from None
    survey = _survey(directory, raw)
    if before is not None and before.survey == survey:
        return before
    if before is not None or place.is_symlink() or place.exists():
        raise Refusal(f"{shown(place)} exists; it is not overwritten: name another with --receipt")
    now, size = datetime.now(UTC), sum(entry.size for entry in found)
    return Receipt(RELEASE, "begun", now, None, survey, len(found), size)


def finish(directory: Path, place: Path, receipt: Receipt) -> Receipt:
    """Deletes the survey and writes the receipt, before and after. Raises Refusal."""
    try:
        _write(place, receipt)
        if directory.exists():
            _delete(directory)
        done = msgspec.structs.replace(receipt, state="done", ended=datetime.now(UTC))
        _write(place, done)
    except BlockingIOError:
        raise Refusal(f"{shown(directory)} is being written by another process") from None
    except OSError as error:
        raise Refusal(f"{shown(directory)} cannot be deleted ({error.strerror or type(error).__name__})") from None
    return done


def _delete(directory: Path) -> None:
    """survey.json last: as long as anything else is there, it is a survey."""
    lock = parts.Lock(directory)
    last = []
    try:
        for entry in list(contents.entries(directory)):
            if entry.path.parent == directory and entry.path.name in (manifest.NAME, ".lock"):
                last.append(entry)
            else:
                contents.remove(directory, entry)
    finally:
        lock.close()
    for entry in reversed(last):
        with suppress(FileNotFoundError):
            contents.remove(directory, entry)
    directory.rmdir()


def _survey(directory: Path, raw: bytes) -> Forgotten:
    """Raises Refusal where it is no survey. One that is damaged can be deleted."""
    digest = sha256(raw).hexdigest()
    with suppress(Damaged, ValueError, RecursionError, upgrade.Newer, OSError):
        told = upgrade.manifest(directory)
        return Forgotten(told.scope.authority, told.scope.reference, told.started, told.ended, digest)
    if not upgrade.is_ours(raw):
        raise Refusal(f"{shown(directory / manifest.NAME)} is no survey's")
    return Forgotten("", "", None, None, digest)


def _receipt(place: Path) -> Receipt | None:
    """One that was begun. None where there is no such file."""
    try:
        told = msgspec.json.decode(files.read(place.parent, place, 1 << 20), type=Receipt)
    except (FileNotFoundError, Damaged, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return told if told.state == "begun" else None


def _write(place: Path, receipt: Receipt) -> None:
    try:
        files.write(place, msgspec.json.format(msgspec.json.encode(receipt), indent=2) + b"\n")
    except OSError as error:
        raise Refusal(f"the receipt {shown(place)} cannot be written ({error.strerror})") from None
