"""The progress of a check, on stderr: one line that stays in place on a terminal, and is gone at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.text import Text

from filmbadge.scope import Scope
from filmbadge.survey.examine import Asking
from filmbadge.tell.words import Words


def drawn(lines: Sequence[str], width: int) -> Text:
    """Lines for a terminal of this width: none is broken, because what is broken jumps."""
    text = Text("\n".join(line if len(line) <= width else f"{line[: width - 1]}…" for line in lines), no_wrap=True)
    text.overflow = "ellipsis"
    return text


@contextmanager
def asking(console: Console, scope: Scope, words: Words) -> Iterator[Callable[[Asking], None]]:
    """Shows on a terminal what is asked of one host, in one line that is gone at the end. Elsewhere nothing is shown."""
    if not console.is_terminal:
        yield lambda _: None
        return
    with Live(console=console, transient=True, auto_refresh=False) as live:
        yield lambda now: live.update(drawn([asked(now, scope, words)], console.width), refresh=True)


def asked(now: Asking, scope: Scope, words: Words) -> str:
    """One line for what is being asked, with the time that the ports left take at most if none of them answers."""
    if now.deeper:
        return words.say(
            "port {port} answers: asking it further, down to depth {depth}",
            port=str(now.port),
            depth=words.name(scope.depth),
        )
    rates, caps = scope.pace, scope.caps
    left = now.ports - now.number + 1
    if not now.again and caps.connect_seconds_least < caps.connect_seconds:
        left += now.ports  # a port that is given up early is asked once more
    each = max(caps.connect_seconds, 1 / min(rates.overall, rates.per_network, rates.per_host))
    return words.say(
        "port {number} of {ports}, at most {seconds:.0f} s if no more of them answer",
        number=now.number, ports=now.ports, seconds=left * each,
    )  # fmt: skip
