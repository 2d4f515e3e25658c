"""What persons found out of archives: a file of theirs that overrides tags and operators where a survey is told, and no fact."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path

from filmbadge import given
from filmbadge.model import ByHand, Decoy, Refusal
from filmbadge.texts import printable

COLUMNS = ("archive", "what", "by", "when")
MORE = ("operator",)
# What an archive is, and the tag that it has then.
WHAT: dict[str, tuple[Decoy, ...]] = {
    "clinic": (),
    "decoy": (Decoy.BY_HAND_DECOY,),
    "demonstration": (Decoy.BY_HAND_DEMONSTRATION,),
    "phantom": (Decoy.BY_HAND_PHANTOM,),
}
_BYTES = 16 << 20  # of a file
_TEXT = 300  # characters of a text


def read(path: Path) -> dict[str, ByHand]:
    """By archive, as the file names it: its id, or one of its ways in. Raises Refusal that names the line."""
    try:
        raw = given.read(path, _BYTES)
        text = raw.decode("utf-8-sig")
    except OSError as error:
        raise Refusal(f"{path} cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise Refusal(f"{path} is not UTF-8") from None
    if len(raw) > _BYTES:
        raise Refusal(f"{path} is larger than {_BYTES >> 20} MiB")
    found: dict[str, ByHand] = {}
    for number, row in _rows(text, path):
        name = row["archive"]
        if name in found:
            raise Refusal(f"{path}:{number}: the archive {name} stands in an earlier line too")
        found[name] = _one(row, f"{path}:{number}")
    return found


def _rows(text: str, path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Each row with the number of its last line. Raises Refusal."""
    lines = csv.reader(text.splitlines(keepends=True), strict=True)
    try:
        head = [name.strip().lower() for name in next(lines, [])]
        if sorted(set(head)) != sorted(head) or not set(COLUMNS) <= set(head) <= {*COLUMNS, *MORE}:
            wanted = ", ".join(COLUMNS)
            raise Refusal(f"{path}:1: the columns must be {wanted}, and operator if you like")
        for cells in lines:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(head):
                raise Refusal(f"{path}:{lines.line_num}: {len(cells)} cells, and the head has {len(head)}")
            yield lines.line_num, {name: cell.strip() for name, cell in zip(head, cells, strict=True)}
    except csv.Error as error:
        raise Refusal(f"{path}:{lines.line_num}: this is no CSV ({error})") from None


def _one(row: Mapping[str, str], where: str) -> ByHand:
    """Raises Refusal."""
    for name, text in row.items():
        if len(text) > _TEXT or printable(text) != text:
            raise Refusal(f"{where}: {name} is longer than {_TEXT} characters, or holds what is no letter")
    operator, what = row.get("operator", ""), row["what"].lower()
    if not row["archive"] or not row["by"]:
        raise Refusal(f"{where}: archive and by must be filled in")
    if what not in WHAT and not (operator and not what):
        raise Refusal(f"{where}: what must be one of {', '.join(WHAT)}; it may be empty where operator is not")
    return ByHand(what, row["by"], _day(row["when"], where), operator)


def _day(text: str, where: str) -> date:
    """Raises Refusal."""
    try:
        day = date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d\d-\d\d", text) else None
    except ValueError:
        day = None
    if day is None or day > datetime.now(UTC).date():
        raise Refusal(f"{where}: when must be a day that was, as 2026-11-26")
    return day
