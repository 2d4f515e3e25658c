"""Who a document is for. At each level it holds what that reader may see; whatever renders it never asks for more."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import structs

from filmbadge.model import Refusal
from filmbadge.tell.words import Words
from filmbadge.texts import printable

if TYPE_CHECKING:
    from filmbadge.tell.summary import ReportDocument


class Level(StrEnum):
    PUBLIC = "public"  # anybody: no single archive can be told from it
    AUTHORITY = "authority"  # who acts on it: a CERT, a supervisor
    OWNER = "owner"  # who runs the archives, all of them


_NAME = 64  # characters of a survey's name in the name of a file


def at_level(document: ReportDocument, level: Level, words: Words) -> ReportDocument:
    """The document as this level may see it. Raises Refusal where there is none for it."""
    if level is Level.PUBLIC:
        from filmbadge.tell.published import published  # what reads a survey is not loaded for a check

        return published(document, words)
    if level is Level.OWNER:
        require_one_operator((archive.place.operator for archive in document.archives), words)
    return structs.replace(document, level=str(level))


def require_one_operator(names: Iterable[str | None], words: Words) -> None:
    """An owner sees no archive of somebody else. `names` are the operators of all archives. Raises Refusal."""
    operators = set(names) - {None}
    if len(operators) > 1:
        raise Refusal(
            words.say(
                "these archives have {n:,} operators, and none may see those of another: use --for authority, or survey each by itself",
                n=len(operators),
            )
        )


def named(path: Path | str, survey_name: str, level: Level, suffix: str) -> Path:
    """The file to write: `path` itself, or a file in it whose name says the level. `suffix` is such as `.html`.

    A folder is one that exists, or a text that ends in a slash. Raises Refusal where the name of a file says another level.
    """
    where = Path(path)
    there = os.path.isdir(where)  # noqa: PTH112 - where we may not look, who writes is told
    if there or str(path).endswith(("/", "\\")):
        plain = re.sub(r"[^A-Za-z0-9_-]+", "-", survey_name)[:_NAME].strip("-")
        return where / f"{plain or 'survey'}.{level}{suffix}"
    said = {part.lower() for part in re.split(r"[^A-Za-z]+", where.name)} & {str(one) for one in Level}
    if said - {str(level)}:
        raise Refusal(
            f"the name of {printable(str(path))} says {sorted(said)[0]}, and this is for {level}: choose another name, or make it for {sorted(said)[0]}"
        )
    return where
