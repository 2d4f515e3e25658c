"""A proof of closure on a terminal. Its verdict comes last, where the eye is."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from filmbadge.compare.closure import Result
from filmbadge.tell.card import traffic
from filmbadge.tell.proof.document import VerifyDocument, WayView
from filmbadge.tell.proof.page import lead, others, place
from filmbadge.tell.words import Words

_STYLES = {
    Result.CLOSED: "bold green",
    Result.AS_SEEN: "bold yellow",
    Result.INCONCLUSIVE: "bold yellow",
    Result.OPEN: "bold red",
}
_DRAWN = {"unsure": _STYLES[Result.INCONCLUSIVE], "open": _STYLES[Result.OPEN]}


def render(told: VerifyDocument, words: Words) -> RenderableType:
    return Group(
        *(line for way in told.ways for line in _way(way, told, words)),
        *(
            Text(words.say("{way}: {reason}", way=row.where, reason=row.now), style=_DRAWN[row.drawn])
            for row in others(told, words)
            if row.drawn in _DRAWN
        ),
        Text(_asked(told, words), style="dim"),
        *(Text(limit.words, style="yellow") for limit in told.limits),
        *(Text(line, style="dim") for line in (next(lead(told, words)), traffic(told, words))),
        Text(told.words, style=_STYLES[Result(told.result)]),
    )


def _way(way: WayView, told: VerifyDocument, words: Words) -> Iterator[RenderableType]:
    where = place(told, way.address, way.port, way.protocol, words)
    yield Text(words.say("{way}: {state}", way=where, state=way.words), style=_STYLES[Result(way.result)])
    yield Text(f"  {way.meaning}")
    if way.now is not None:
        yield Text(f"  {words.say('It answered: {reason}.', reason=way.now.words)}", style="dim")
    if way.moved_to:
        yield Text(f"  {words.say('Open now: {where}', where=', '.join(way.moved_to))}", style="bold red")


def _asked(told: VerifyDocument, words: Words) -> str:
    return words.many(
        "{n:,} other port was asked too.", "{n:,} other ports were asked too.", len({o.port for o in told.others})
    )


def signed(told: VerifyDocument | None, fingerprint: str, name: str, words: Words) -> RenderableType:
    """Whether the signature of a file is genuine, and what was signed. None: it is not."""
    if told is None:
        return Text(
            words.say(
                "{name}: NOT genuine. These are not the bytes that this key signed: the file was changed or written anew, or somebody else signed it. The key that was asked for has the SHA-256 fingerprint {fingerprint}.",
                name=name,
                fingerprint=fingerprint,
            ),
            style="bold red",
        )
    began = told.evidence.started
    return Group(
        Text(told.words),
        Text(words.say("Dates: {when}", when=words.span(began, told.evidence.ended)) if began is not None else ""),
        Text(
            words.say(
                "{name}: genuine. It was signed with the key whose SHA-256 fingerprint is {fingerprint}, and no byte was changed since.",
                name=name,
                fingerprint=fingerprint,
            ),
            style="bold green",
        ),
    )
