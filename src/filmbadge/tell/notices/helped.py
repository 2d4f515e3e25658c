"""Did telling help: what became of archives that were told, by channel, language and weeks since the first letter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from msgspec import Struct

from filmbadge.compare.records import Change, ChangeKind
from filmbadge.tell.notices.ledger import Channel, Kind, Told

FEW = 20  # archives of which it is known: below that a share would say more than is known
_WEEKS = (4, 12, 26)  # the ends of the first spans
_OPEN = frozenset({ChangeKind.STILL_OPEN, ChangeKind.WORSE, ChangeKind.BETTER, ChangeKind.MOVED})


class Group(Struct, frozen=True, order=True):
    """Archives that were told alike. `weeks` are those from the first letter to the newer survey: from, and to (not included)."""

    channel: Channel
    language: str
    weeks: tuple[int, int | None]


class Helped(Struct, frozen=True):
    """One group, and what became of it."""

    group: Group | None  # None: all of them together
    told: int
    closed: int
    still_open: int
    gone: int  # nothing answers there, which is no proof that it is closed
    unknown: int  # not asked again, or not conclusive
    share: float | None  # closed among those that are closed or still open, 0 to 1; None: these are fewer than FEW


def helped(told: Iterable[Told], changes: Iterable[Change], asked: datetime) -> tuple[Helped, ...]:
    """By group, in their order. `asked` is when the newer survey began; a letter after that can have helped nothing in it.

    An archive counts once, from its first letter. It shows what came after letters, and not that it came of them.
    """
    became: dict[Group, Counter[str]] = {}
    fates = dict(_fates(changes))
    for row in _first(told):
        days = (asked.date() - row.day).days
        if days > 0:
            group = Group(row.channel, row.language, _span(days // 7))
            became.setdefault(group, Counter())[_fate(row, fates)] += 1
    return tuple(_helped(group, became[group]) for group in sorted(became, key=_order))


def whole(rows: Iterable[Helped]) -> Helped | None:
    """All groups together. None: there are none."""
    found = list(rows)
    if not found:
        return None
    sums = Counter(
        {name: sum(getattr(row, name) for row in found) for name in ("closed", "still_open", "gone", "unknown")}
    )
    return _helped(None, sums)


def _helped(group: Group | None, sums: Mapping[str, int]) -> Helped:
    known = sums["closed"] + sums["still_open"]
    return Helped(
        group=group,
        told=known + sums["gone"] + sums["unknown"],
        closed=sums["closed"],
        still_open=sums["still_open"],
        gone=sums["gone"],
        unknown=sums["unknown"],
        share=sums["closed"] / known if known >= FEW else None,
    )


def _first(told: Iterable[Told]) -> Iterator[Told]:
    """The first row about each archive."""
    found: dict[str, Told] = {}
    for row in told:
        if row.kind is not Kind.THANKS:
            found.setdefault(row.archive, row)
    return iter(found.values())


def _fates(changes: Iterable[Change]) -> Iterator[tuple[str, str]]:
    """What became of each endpoint that an archive of the older survey had."""
    for change in changes:
        if change.was is not None:
            kind = change.kind
            fate = (
                "still_open" if kind in _OPEN else kind if kind in (ChangeKind.CLOSED, ChangeKind.GONE) else "unknown"
            )
            yield from ((endpoint.url, str(fate)) for endpoint in change.was.identity.endpoints)


def _fate(row: Told, fates: Mapping[str, str]) -> str:
    """The least that is known of its endpoints, so that nothing is said to be closed which is so in part only."""
    found = [fates.get(url, "unknown") for url in row.endpoints.split()]
    return next((fate for fate in ("still_open", "unknown", "gone", "closed") if fate in found), "unknown")


def _span(weeks: int) -> tuple[int, int | None]:
    ends = (0, *_WEEKS)
    start = max(end for end in ends if end <= weeks)
    return start, next((end for end in _WEEKS if end > weeks), None)


def _order(group: Group) -> tuple[int, str, int]:
    return list(Channel).index(group.channel), group.language, group.weeks[0]
