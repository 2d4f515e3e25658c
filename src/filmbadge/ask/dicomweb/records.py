"""Rows of QIDO-RS as records of a type, PS3.18 F.2: what is wanted of a row is found, and all else is stepped over.

In a list of studies a wanted element stays JSON, so that the decoder's tallies can read it where it stands.

No `repr` here shows a value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Generic, TypeVar

import msgspec
from msgspec import Raw, Struct
from msgspec import field as named

from filmbadge.ask.wire.json_array import JsonArray


class Text(Struct, frozen=True, gc=False):
    """An attribute of text. One that is absent or empty has the one value None."""

    Value: tuple[str | None, ...] | None = (None,)

    def __repr__(self) -> str:
        return "<Text>"

    @property
    def uid(self) -> bytes:
        first = (self.Value[0] if self.Value else None) or ""
        return (first.encode() if first.isascii() else first.encode("ascii", "replace")).strip(b" \0")[:65]


class Marked(Text, frozen=True, gc=False):
    """An attribute of text, with the Value Representation that the archive gives it."""

    vr: str = ""

    def __repr__(self) -> str:
        return "<Marked>"


class Number(Struct, frozen=True, gc=False):
    Value: tuple[int | float | str | None, ...] | None = (None,)

    def __repr__(self) -> str:
        return "<Number>"

    @property
    def digits(self) -> bytes:
        first = self.Value[0] if self.Value else None
        if isinstance(first, int):
            return (b"%d" % first)[:16]
        return b"" if first is None else str(first).encode("ascii", "replace")[:16]


class Record(Struct, frozen=True):
    """A record of any level: one of which little is known yet, or of a study's series and instances."""

    study: Marked = named(name="0020000D", default=Marked())
    series: Text = named(name="0020000E", default=Text())
    instance: Text = named(name="00080018", default=Text())
    date: Text = named(name="00080020", default=Text())
    time: Text = named(name="00080030", default=Text())
    series_in_study: Number = named(name="00201206", default=Number())
    images_in_study: Number = named(name="00201208", default=Number())
    images_in_series: Number = named(name="00201209", default=Number())
    modalities: Text = named(name="00080061", default=Text())
    retrieve: Text = named(name="00081190", default=Text())

    def __repr__(self) -> str:
        return "<Record>"

    @property
    def url(self) -> str:
        """The Retrieve URL. It may lead anywhere, and is followed only to our own host and port."""
        return ((self.retrieve.Value or ("",))[0] or "").strip(" \0")[:512]


ABSENT = Raw()


class Study(Struct, frozen=True, gc=False):
    """The elements of a study's record that a census looks at, as JSON, in the order of their tags."""

    date: Raw = named(name="00080020", default=ABSENT)
    availability: Raw = named(name="00080056", default=ABSENT)
    modalities: Raw = named(name="00080061", default=ABSENT)
    retrieve: Raw = named(name="00081190", default=ABSENT)
    study: Raw = named(name="0020000D", default=ABSENT)
    series_in_study: Raw = named(name="00201206", default=ABSENT)
    images_in_study: Raw = named(name="00201208", default=ABSENT)

    def __repr__(self) -> str:
        return "<Study>"


T = TypeVar("T")
S = TypeVar("S", bound=Struct)
_RECORD = msgspec.json.Decoder(Record)
_TEXT = msgspec.json.Decoder(Text)
_NUMBER = msgspec.json.Decoder(Number)


def decoded(decoder: msgspec.json.Decoder[T], text: bytes | str | Raw) -> T | None:
    """None where the text is no such JSON. The exception may hold what it read, so it is not passed on."""
    try:
        return decoder.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def record(row: bytes) -> Record | None:
    """None where it is no record of the DICOM JSON model, PS3.18 F.2."""
    return _in_any_character_set(_RECORD, row)


def text(element: bytes) -> Text:
    """An attribute of text. One of another form is as good as absent."""
    return _in_any_character_set(_TEXT, element) or Text()


def number(element: bytes) -> Number:
    return _in_any_character_set(_NUMBER, element) or Number()


def _in_any_character_set(decoder: msgspec.json.Decoder[T], row: bytes) -> T | None:
    """What is decoded. A text in another character set than UTF-8 does not spoil the others."""
    found = decoded(decoder, row)
    return found if found is not None or row.isascii() else decoded(decoder, row.decode("utf-8", "replace"))


class Rows(Generic[S]):
    """Decodes rows into records of one type, a whole page at once where it can."""

    def __init__(self, kind: type[S], take: Callable[[Sequence[S]], None]) -> None:
        self._pages, self._rows = _decoders(kind)
        self._kind = kind
        self._take = take

    def __repr__(self) -> str:
        return "<Rows>"

    def array(self) -> JsonArray:
        """The reader of one page."""
        return JsonArray(self._row, page=self._page)

    def _page(self, text: bytes) -> int | None:
        found = decoded(self._pages, text)
        if found is None:
            return None
        self._take(found)
        return len(found)

    def _row(self, row: bytes) -> None:
        found = decoded(self._rows, row)
        self._take((self._kind() if found is None else found,))  # a row that is no JSON has nothing


@cache
def _decoders(kind: type[S]) -> tuple[msgspec.json.Decoder[list[S]], msgspec.json.Decoder[S]]:
    return msgspec.json.Decoder(list[kind]), msgspec.json.Decoder(kind)  # type: ignore[valid-type]
