"""Reads the personal attributes of one identifier for a `ValueInspector`. PS3.5 7."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from filmbadge.ask.decoder import elements
from filmbadge.ask.decoder.elements import ITEM, UNDEFINED, headers
from filmbadge.ask.personal import charsets
from filmbadge.ask.personal.inspector import Value
from filmbadge.catalogue.kinds import CHARACTER_SET, INSIDE, ISSUER

_INSIDE = {sequence: (*tags, ISSUER) for sequence, tags in INSIDE.items()}


def values(identifier: bytes, explicit: bool, wanted: Collection[int]) -> tuple[bytes, list[Value]]:
    """The Study Instance UID, and the present attributes among `wanted`.

    An attribute inside a sequence comes under the sequence's tag. The issuer of an id comes directly after the id.
    Raises WireError, which holds offsets only.
    """
    uid, codecs = b"", charsets.codecs(())
    made: list[Value] = []
    for tag, raw in _raw(identifier, explicit, {*wanted, elements.STUDY_UID, CHARACTER_SET}):
        bare = raw.strip(b"\0 ")
        if not bare:
            continue
        if tag == elements.STUDY_UID:
            uid = bare
        elif tag == CHARACTER_SET:
            codecs = charsets.codecs(bare.decode("ascii", "replace").split("\\"))
        else:
            made.append((tag, charsets.text(bare, codecs)))
    return uid, made


def _raw(data: bytes, explicit: bool, wanted: Collection[int], under: int = 0) -> Iterator[tuple[int, bytes]]:
    """Values as they arrived. `under` is the sequence whose items `data` holds; 0 means the whole data set."""
    for depth, tag, at, length, inner in headers(data, explicit=explicit, inside=bool(under)):
        if not depth:
            under = tag
        if under not in wanted or depth > 1 or length == UNDEFINED:
            continue
        value, held = data[at : at + length], _INSIDE.get(under, ())
        if not depth and not held:
            yield tag, value
        elif not depth:
            yield from _raw(value, inner, wanted, tag)
        elif tag == ITEM:
            for one, raw in elements.values(value, explicit=inner, wanted=held).items():
                yield _named(one, under), raw
        elif tag in held:
            yield _named(tag, under), value


def _named(tag: int, sequence: int) -> int:
    """The tag under which an attribute in a sequence counts: the sequence's tag. An issuer keeps its own tag."""
    return tag if tag == ISSUER else sequence
