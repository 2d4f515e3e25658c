"""Open archives by survey, as a drawing without a script."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from markupsafe import Markup

from filmbadge.tell.words import Words

HEIGHT = 230
_WIDEST = 1040  # of the drawing, where there are many surveys
_ABOVE, _BELOW = 26, 48  # of the bars, for what is written there
_LETTER = 7.6  # how wide a letter of a date is
_CROWDED = 8  # surveys, above which only the first and the last are labelled


class Bar(NamedTuple):
    date: str
    open: int
    new: int  # of them
    ended: int | None  # closed or gone since the survey before; None: the first survey, or it is not told
    told: str  # the number as it is told


def drawn(found: Sequence[Bar], heading: str, words: Words) -> Markup:
    """An inline drawing without a script. Bars begin at zero; what is newly open is the top of each."""
    return Markup("").join(_pieces(found, heading, words))


def _pieces(found: Sequence[Bar], heading: str, words: Words) -> Iterator[Markup]:
    most = max((bar.open for bar in found), default=0) or 1
    room, base = HEIGHT - _ABOVE - _BELOW, HEIGHT - _BELOW
    crowded = len(found) > _CROWDED
    step = _WIDEST / len(found) if crowded else max(130.0, _LETTER * max(len(bar.date) for bar in found) + 16)
    whole, width = round(step * len(found)), min(90.0, step * 0.6)
    yield Markup('<svg class="trend" viewBox="0 0 {0} {1}" width="{0}" height="{1}" role="img">').format(whole, HEIGHT)
    yield Markup("<title>{}</title>").format(heading)
    for n, bar in enumerate(found):
        left, middle = step * n + (step - width) / 2, step * (n + 0.5)
        high, top = room * bar.open / most, room * bar.new / most
        yield _rect("open", left, base - (high - top), width, high - top)
        if top:
            yield _rect("new", left, base - high, width, max(1.0, top - 1.5))
        if not crowded or n in (0, len(found) - 1):
            anchor = "middle" if not crowded else "end" if n else "start"
            at = middle if not crowded else whole if n else 0
            yield _text("number", at, base - high - 8, bar.told, anchor)
            yield _text("day", at, base + 19, bar.date, anchor)
            if bar.ended is not None:
                changed = words.say("+{new:,} new, −{ended:,}", new=bar.new, ended=bar.ended)
                yield _text("day", at, base + 39, changed, anchor)
    yield Markup('<path d="M0 {0}H{1}" stroke="#56606c" stroke-width="1" class="axis"/>').format(base, whole)
    yield Markup("</svg>")


def _rect(kind: str, x: float, y: float, width: float, height: float) -> Markup:
    fill = {"open": "#b3261e", "new": "#e08a84"}[kind]
    return Markup('<rect class="{}" fill="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>').format(
        kind, fill, x, y, width, height
    )


def _text(kind: str, x: float, y: float, text: str, anchor: str) -> Markup:
    size, weight, fill = (18, 700, "#1b2129") if kind == "number" else (14, 400, "#56606c")
    return Markup(
        '<text class="{}" x="{:.1f}" y="{:.1f}" font-size="{}" font-weight="{}" fill="{}" text-anchor="{}">{}</text>'
    ).format(kind, x, y, size, weight, fill, anchor, text)
