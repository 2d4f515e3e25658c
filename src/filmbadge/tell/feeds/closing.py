"""What closes the archive of an event, in words."""

from __future__ import annotations

from filmbadge.tell.feeds.event import Event
from filmbadge.tell.remedy import CloseItView, close_it
from filmbadge.tell.words import Words

_TYPED = "\n    "


class Closing:
    """Makes the lines of an archive once, although it has several events: they stand together."""

    def __init__(self, words: Words) -> None:
        self._words = words
        self._last: tuple[str, CloseItView] = ("", CloseItView())

    def of(self, event: Event) -> CloseItView:
        if self._last[0] != event.archive.id:
            self._last = event.archive.id, close_it(event.archive, event.group, self._words)
        return self._last[1]

    def lines(self, event: Event) -> list[str]:
        """Three to five things to do, and how to check again. None, where nothing is to be closed.

        Below each stands, line by line and set in, what is typed.
        """
        view = self.of(event)
        if not view.steps:
            return []
        told = ["\n".join(filter(None, (_TYPED.join((step.words, *step.type)), step.untried))) for step in view.steps]
        return [*told, self._words.say("Check again: {command}", command=view.check_again)]
