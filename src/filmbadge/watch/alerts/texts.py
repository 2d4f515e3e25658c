"""What happened, in words: the same events make the same text, byte for byte.

A message goes to programs that make links, mentions and markup of what they are handed. So what an archive or a registry
said arrives without the signs that these are made of. A channel that is public gets counts, and nothing that names anybody.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, Literal

import msgspec
from msgspec import Struct

from filmbadge.compare.records import By, Difference
from filmbadge.model import Rung
from filmbadge.tell.compare import phrases
from filmbadge.tell.words import Words
from filmbadge.texts import printable
from filmbadge.watch.store.store import Row, moment

Mood = Literal["info", "success", "warning", "failure"]
KINDS = ("new", "worse", "closed", "failed", "expiring")  # of events, in the order in which they are told
AGAIN = "You may have this message already: the dashboard was ended while it sent it."

# What is told apart of these: an archive that is new because its risk is not accepted any more was open before.
_TOLD = ("new", "back", "worse", "closed", "failed", "expiring")
_MOST_LISTED = 10  # of each kind
_LONGEST = 80
_TITLES = {
    "new": ("{n} new", "{n} new"),
    "back": ("{n} no longer accepted", "{n} no longer accepted"),
    "worse": ("{n} worse", "{n} worse"),
    "closed": ("{n} closed", "{n} closed"),
    "failed": ("a survey failed", "{n} surveys failed"),
    "expiring": ("a scope ends", "{n} scopes end"),
}
_FACTS = {
    "new": ("{n} archive is open that was not open before.", "{n} archives are open that were not open before."),
    "back": ("{n} archive is open, and its risk is not accepted any more.", "{n} archives are open, and their risks are not accepted any more."),
    "worse": ("{n} archive gives away more than before.", "{n} archives give away more than before."),
    "closed": ("{n} archive is closed: a stranger gets nothing there now.", "{n} archives are closed: a stranger gets nothing there now."),
    "failed": ("{n} survey failed.", "{n} surveys failed."),
    "expiring": ("{n} scope has ended, or ends soon.", "{n} scopes have ended, or end soon."),
}  # fmt: skip
_STEPS = {
    "new": "What to do: close the way in. The page of an archive says how. If it is meant to be open, accept its risk there, with a reason.",
    "back": "What to do: close the way in, or accept the risk anew, with a reason.",
    "worse": "What to do: look at what changed, and close the way in. The page of an archive says how.",
    "closed": "Nothing is left to do.",
    "failed": "What to do: read the reason on the page of the survey, and start it again there. What it had asked is kept.",
    "expiring": "What to do: have the permission renewed, and write its new end into the scope. Nothing is asked after the end.",
}  # fmt: skip
_FOR_ALL = "Whoever may log in to the dashboard sees there which they are."
_ID = re.compile(r"[0-9.]{7,15}:[0-9]{1,5}|\[[0-9a-f:.]{2,45}\]:[0-9]{1,5}")
_MARKUP = re.compile(r"[^\w .,:/'()+-]")
_LINKED = re.compile(r"(?<=[^\W\d])\.(?=[^\W\d]{2})")  # in `example.org`, and not in `1.12.1` or `e.V.`


class Message(Struct, frozen=True):
    title: str
    body: str
    mood: Mood


def message(events: Sequence[Row], *, public: bool, site: str) -> Message:
    """`events`: rows of `Alerts`, which have what is known of the run and the archive beside each. `site`: begins a link."""
    counts = Counter(map(_kind, events))
    title = ", ".join(_by_number(_TITLES[kind], counts[kind]) for kind in _TOLD if counts[kind])
    if public:
        facts = [_by_number(_FACTS[kind], counts[kind]) for kind in _TOLD if counts[kind]]
        return Message(f"Filmbadge: {title}", "\n".join([*facts, "", _FOR_ALL]), _mood(counts))
    scopes = sorted({event["scope"] for event in events})
    where = f"scope {scopes[0]}" if len(scopes) == 1 else f"{len(scopes)} scopes"
    parts = []
    for _, group in groupby(events, lambda event: (event["scope"], event["run"])):
        parts.append("\n\n".join(_of_one_run(list(group), site)))
    return Message(f"Filmbadge: {title} ({where})", "\n\n\n".join(parts), _mood(counts))


def trial(name: str, *, public: bool) -> Message:
    if public:
        return Message("Filmbadge: a test", "This channel works. It is public: its messages hold numbers only.", "info")
    return Message("Filmbadge: a test", f"The channel '{_said(name)}' works. Its messages name archives.", "info")


def _mood(counts: Mapping[str, int]) -> Mood:
    if {"new", "back", "worse"} & counts.keys():
        return "failure"
    return "warning" if counts.get("failed") or counts.get("expiring") else "success"


def _of_one_run(events: Sequence[Row], site: str) -> Iterator[str]:
    first = events[0]
    yield f"Scope {first['scope']}" + (f", survey of {_day(first['started'])}." if first["started"] else ".")
    for kind in _TOLD:
        of_kind = [event for event in events if _kind(event) == kind]
        if not of_kind:
            continue
        lines = list(_lines(kind, of_kind, site))
        if more := len(of_kind) - _MOST_LISTED:
            lines += [f"- and {more} more"] if more > 0 else []
        yield "\n".join(
            [
                *([_by_number(_FACTS[kind], len(of_kind))] if kind not in {"failed", "expiring"} else []),
                *lines,
                _STEPS[kind],
            ]
        )


def _lines(kind: str, events: Sequence[Row], site: str) -> Iterator[str]:
    for event in events[:_MOST_LISTED]:
        detail = _detail(event)
        if kind == "expiring":
            yield f"The scope {event['scope']} {'ended' if detail.get('expired') else 'ends'} on {_day(str(detail.get('expires')))}."
        elif kind == "failed":
            why = _said(str(detail.get("said") or event["said"] or ""), 3 * _LONGEST)
            yield "The survey failed" + (f": {why}" if why else "; its page says why.")
            yield from _link(site, f"surveys/{event['run']}", event["run"])
        else:
            yield f"- {_archive(event)}"
            yield from (f"  {line}" for line in _change(kind, event))
            yield from (f"  {line}" for line in _link(site, f"archives/{event['archive']}", event["archive"]))


def _link(site: str, page: str, of: int | None) -> Iterator[str]:
    if site and of is not None:
        yield f"{site}/{page}"


def _archive(event: Row) -> str:
    """Its first way in, then what it is and whose, as far as that is known."""
    if event["name"] is None:
        return "an archive that is not known any more"
    words = Words()
    about = [
        " ".join(filter(None, (_said(event["product"]), _said(event["version"])))),
        _said(event["operator"]),
        _said(words.country(event["country"])) if event["country"] else "",
    ]
    told = ", ".join(filter(None, about))
    return _address(event["name"]) + (f": {told}" if told else "")


def _change(kind: str, event: Row) -> Iterator[str]:
    words = Words()
    if kind == "closed":
        if event["by"]:
            yield f"How that is known: {phrases.by(By(event['by']), words)}."
        return
    if kind == "worse" and event["differences"]:
        for one in msgspec.json.decode(event["differences"], type=list[Difference]):
            if one.worse:
                told = (
                    phrases.difference(one, words)
                    .replace(": ", " from ", 1)
                    .replace("→", "to")
                    .replace("≥", "at least")
                )
                yield f"{_said(told, 2 * _LONGEST)}."
    meant = words.rung(Rung(event["rung"]))
    yield f"{meant[0].upper()}{meant[1:]}." + (f" Grade {event['grade']}." if event["grade"] else "")


def _kind(event: Row) -> str:
    return "back" if event["kind"] == "new" and "ended" in _detail(event) else str(event["kind"])


def _detail(event: Row) -> dict[str, Any]:
    """Codes and numbers."""
    found = json.loads(event["detail"])
    return found if isinstance(found, dict) else {}


def _by_number(forms: tuple[str, str], n: int) -> str:
    return forms[n != 1].format(n=f"{n:,}")


def _day(stamp: str) -> str:
    at: datetime = moment(stamp)
    return f"{at.day} {at:%B %Y}, {at:%H:%M} UTC"


def _address(text: str) -> str:
    """An address and a port, as the dataset writes them."""
    return text if _ID.fullmatch(text) else _said(text)


def _said(text: str, longest: int = _LONGEST) -> str:
    """Another's words on one line, without the signs of which programs make links, mentions and markup."""
    return _LINKED.sub(". ", _MARKUP.sub("?", printable(text)).replace("_", "-").replace("//", "/ /")).strip()[:longest]
