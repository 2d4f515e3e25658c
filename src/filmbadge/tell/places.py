"""Where an address stands, and hints of who runs an archive, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from filmbadge.model import Hint, HintSource, Place, Said
from filmbadge.places.source import FIELDS
from filmbadge.tell.language import N_
from filmbadge.tell.words import Words

_LABELS: Mapping[str, str] = {
    "country": N_("Country: {said}"),
    "asn": N_("Autonomous system: {said}"),
    "as_name": N_("Name of the autonomous system: {said}"),
    "operator": N_("Operator: {said}"),
    "contact": N_("Contact: {said}"),
    "language": N_("Language: {said}"),
    "site": N_("Site: {said}"),
}
_HINTS: Mapping[HintSource, str] = {
    HintSource.ORGANISATION: N_("Hint, no proof of who runs it: its certificate is of the organisation “{what}” ({endpoint})"),
    HintSource.CERTIFICATE_NAME: N_("Hint, no proof of who runs it: its certificate is for “{what}” ({endpoint})"),
    HintSource.REVERSE_NAME: N_("Hint, no proof of who runs it: the DNS calls its address “{what}” ({endpoint})"),
    HintSource.AE_TITLE: N_("Hint, no proof of who runs it: it says that its AE title is “{what}” ({endpoint})"),
}  # fmt: skip


def lines(place: Place, words: Words) -> Iterator[str]:
    """What sources say, with their dates: a line for all fields that the same ones fill, and one for each dispute."""
    if not place.country:
        yield words.say("Country: not attributed")
    together: dict[str, list[str]] = {}
    for field in FIELDS:
        said: tuple[Said, ...] = getattr(place, field)
        if said:
            what, sources = _answers(said, "AS" if field == "asn" else "", words)
            together.setdefault(sources, []).append(words.say(_LABELS[field], said=what))
    for sources, fields in together.items():
        yield words.say("{fields} ({sources})", fields="; ".join(fields), sources=sources)
    if place.network:
        yield words.say("Network: {network}", network=place.network)


def _answers(said: tuple[Said, ...], before: str, words: Words) -> tuple[str, str]:
    """The answer and its sources. Sources that disagree are told side by side, each with its own."""
    values = list(dict.fromkeys(before + one.value for one in said))
    if len(values) == 1:
        return values[0], "; ".join(_source(one, words) for one in said)
    told = (words.say("{value}: {sources}", value=before + one.value, sources=_source(one, words)) for one in said)
    return _either(values, words), "; ".join(told)


def _either(values: list[str], words: Words) -> str:
    text = values[0]
    for value in values[1:]:
        text = words.say("{one} or {other}", one=text, other=value)
    return text


def _source(said: Said, words: Words) -> str:
    if said.date:
        return words.say("{source} of {date}", source=said.source, date=said.date)
    return words.say("{source}, which does not date its data", source=said.source)


def hint(found: Hint, words: Words) -> str:
    return words.say(_HINTS[found.source], what=found.what, endpoint=found.endpoint)
