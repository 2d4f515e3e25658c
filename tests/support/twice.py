"""A few hosts that were surveyed twice, made without asking anybody."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from msgspec import structs

from filmbadge.compare.records import ChangeKind
from filmbadge.compare.surveys import compare
from filmbadge.keep.reader import Dataset
from filmbadge.model import Census, CountedBy, DimseFacts, Host, Outcome, OutcomeKind, Rejection
from filmbadge.tell.compare import page as drawn
from filmbadge.tell.compare.document import CountryChanges, document
from filmbadge.tell.notices.helped import Helped
from filmbadge.tell.words import Words
from support.factories import AT, DISCLOSED, admitted, dimse, host
from support.folders import whole

LATER = AT + timedelta(days=60)
REJECTS = DimseFacts(called="ANY-SCP", valid_pdu=True, rejection=Rejection(1, 1, 7))
REFUSED, NOBODY = Outcome(OutcomeKind.REFUSED), Outcome(OutcomeKind.NO_ANSWER)


def counted(studies: int) -> DimseFacts:
    census = Census(True, studies, studies, images=10 * studies, images_known_for=studies, method=CountedBy.COUNT_KEYS)
    return admitted(DISCLOSED, census)


def at(last: int, studies: int = 0) -> Host:
    """An open archive. Each has another number of studies, since alike ones may be one machine."""
    return host(f"192.0.2.{last}", dimse(counted(studies or 35 + last)))


def twice(folder: Path) -> tuple[Path, Path]:
    """What became of hosts 1 to 7: rejected, refused, gone, still open, worse, newly open, and excluded the second time."""
    closed = dimse(None, stop=REFUSED)
    before = whole(folder / "before", *map(at, range(1, 6)), host("192.0.2.6", closed), at(7))
    after = whole(
        folder / "after",
        host("192.0.2.1", dimse(REJECTS)),
        host("192.0.2.2", closed),
        host("192.0.2.3", dimse(None, stop=NOBODY)),
        at(4),
        at(5, studies=400),
        at(6),
        started=LATER,
        exclude=("192.0.2.7/32",),
    )
    return before, after


def page(folder: Path) -> str:
    """The page of what changed, with a table by country and whether telling helped."""
    words = Words()
    old, new = map(Dataset, twice(folder))
    told = document([old, new], [compare(old, new)], words, helped=(Helped(None, 30, 12, 14, 2, 2, 12 / 26),))
    (step,) = told.steps
    countries = tuple(CountryChanges(code, {ChangeKind.NEW: 1, ChangeKind.STILL_OPEN: 3}) for code in ("BR", "US", ""))
    return drawn.render(structs.replace(told, steps=(structs.replace(step, by_country=countries),)), words)
