"""Did telling help: what became of archives whose operators were told, as a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from filmbadge.tell.language import N_
from filmbadge.tell.notices.helped import FEW, Group, Helped
from filmbadge.tell.notices.ledger import Channel
from filmbadge.tell.words import Words

_CHANNELS = {Channel.PAPER: N_("paper"), Channel.EMAIL: N_("e-mail"), Channel.BOTH: N_("paper and e-mail")}


def title(rows: Sequence[Helped], words: Words) -> str:
    """The finding of all groups together, which comes last."""
    if not rows:
        return words.say("No archive of the older survey had been told of before the newer one")
    whole = rows[-1]
    return words.many(
        "{closed:,} of {n:,} archive whose operator was told is closed",
        "{closed:,} of {n:,} archives whose operators were told are closed",
        whole.told,
        closed=whole.closed,
    )


def caption(words: Words) -> str:
    return words.say(
        "Share: closed, of those of which it is known that they are closed or still open; it is told from {n:,} of these on. It shows what came after letters, and not that it came of them.",
        n=FEW,
    )


_HEADS = (
    N_("told by"), N_("language"), N_("weeks since"), N_("told"), N_("closed"), N_("still open"), N_("gone"),
    N_("unknown"), N_("share closed"),
)  # fmt: skip


def head(words: Words) -> list[str]:
    return [words.say(one) for one in _HEADS]


def lines(rows: Sequence[Helped], words: Words) -> Iterator[list[str]]:
    """A line for each group, and the last for all of them together."""
    for row in rows:
        share = words.say("{share:.0%}", share=row.share) if row.share is not None else ""
        numbers = (row.told, row.closed, row.still_open, row.gone, row.unknown)
        yield [*_group(row.group, words), *map(words.number, numbers), share]


def _group(group: Group | None, words: Words) -> tuple[str, str, str]:
    if group is None:
        return words.say("all of them"), "", ""
    first, end = group.weeks
    weeks = (
        words.say("{n:,} and more", n=first)
        if end is None
        else words.say("{low:,} to {high:,}", low=first, high=end - 1)
    )
    return words.say(_CHANNELS[group.channel]), group.language, weeks
