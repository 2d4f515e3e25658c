"""The decoder in Python. `compiled.c` does the same, faster; a test compares the two on any input.

PS3.8 9.3 (PDUs) and Annex E (message fragments), PS3.7 6.3 (command sets), PS3.5 7 (data elements).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterable
from hashlib import blake2b
from heapq import nsmallest
from typing import Literal

from filmbadge.ask.decoder import element, elements
from filmbadge.ask.decoder.element import Element
from filmbadge.ask.decoder.limits import MAX_COMMAND, MAX_CONTROL, MAX_COUNT, MAX_PDU, MAX_RECORD
from filmbadge.ask.decoder.personal import PersonalTally
from filmbadge.ask.decoder.places import Places
from filmbadge.ask.errors import WireError
from filmbadge.ask.key import RunKey
from filmbadge.ask.memory import Room, Share
from filmbadge.model import Cause

__all__ = ["DistinctSet", "PersonalTally", "Reader", "Record", "Tally"]

_HEADER = struct.Struct(">BxI")
_PDV = struct.Struct(">IBB")
_P_DATA = 0x04
_BOTH = struct.Struct(">BxIIBB")  # header of a PDU, and of the first value in it
_PADDING = b"\0 "
_64_BITS = 2**64 - 1
MOST_DRAWN = 1000
MOST_LEVEL = 40  # of a sample
_NUMBER = re.compile(rb"\+?[0-9]{1,10}")
_NOTHING = (b"", b"", b"", b"")
# Whether instances can be had at once, PS3.3 C.4.23.1.1.
_AVAILABILITY = {b"ONLINE": True, b"NEARLINE": False, b"OFFLINE": False, b"UNAVAILABLE": False}
# These are elements of a command set, PS3.7 E.1.
_FIELD, _RESPONDED_ID, _DATA_SET_TYPE, _STATUS = 0x0100, 0x0120, 0x0800, 0x0900
_NO_DATA_SET = 0x0101
FIND_RESPONSE = 0x8020
PENDING = (0xFF00, 0xFF01)  # statuses, PS3.4 C.4.1.1.4


class _Hashes:
    """Distinct hashes. Where there is no room for more, they become a sample: those that begin with `level` zero bits.

    Each of them stands for 2**level. `added` is how many were new when they were added, `weight` for how many these stood, and
    `spread` the variance of that.
    """

    SLOT = 64  # bytes of one, about

    def __init__(self, memory: Share | None) -> None:
        self.held: set[bytes] = set()
        self.level = 0
        self.added = self.weight = 0
        self.spread = 0.0
        self._memory = memory
        self._size = 0  # for so many slots it took memory

    def ready(self) -> bool:
        """Whether one more can be added."""
        if len(self.held) * 8 < self._size * 5:
            return True
        size = self._size * 2 or 64
        room = Room.GRANTED if self._memory is None else self._memory.take(size * self.SLOT)
        if room == Room.GRANTED:
            before, self._size = self._size, size
            if self._memory is not None and before:
                self._memory.give(before * self.SLOT)
        elif room == Room.SAMPLE:
            while len(self.held) * 8 >= self._size * 5 and self.level < MOST_LEVEL:
                self.level += 1
                self.held = set(filter(self._has, self.held))
        return len(self.held) * 8 < self._size * 5

    def add(self, one: bytes) -> bool:
        """Whether it is new, and in the sample. The set must be ready."""
        if one in self.held or not self._has(one):
            return False
        self.held.add(one)
        self.added += 1
        self.weight += 1 << self.level
        self.spread += float((1 << self.level) * ((1 << self.level) - 1))
        return True

    def clear(self) -> None:
        """Give the memory back."""
        if self._memory is not None and self._size:
            self._memory.give(self._size * self.SLOT)
        self._size = 0
        self.held = set()

    def _has(self, one: bytes) -> bool:
        return not self.level or not int.from_bytes(one, "big") >> (64 - self.level)


class DistinctSet:
    """Counts how many values are distinct. It holds keyed hashes of eight bytes, and no value.

    `mark` begins a window: `here` is the number of distinct values since then, whether they came before the window or
    not. The set asks the key's share of memory for each larger table. If there is no room now, it is `full`: it takes in nothing
    more until the next mark, or `go_on`. If there will be none, it is `sampled`: it goes on with a part of the values, its length is an
    estimate without bias, with the variance `spread`, and `sure` is how many it has seen for certain.
    """

    def __init__(self, key: RunKey) -> None:
        self._key = bytes(key)
        self._memory = key.memory
        # Copied for each value, because copying is faster than making one.
        self._keyed = blake2b(digest_size=8, key=self._key)
        self._seen = _Hashes(self._memory)
        self._here: _Hashes | None = None
        self.full = self.sampled = False

    def __del__(self) -> None:
        for hashes in (self._seen, self._here):
            if hashes is not None:
                hashes.clear()

    def __len__(self) -> int:
        return self._seen.weight

    def __repr__(self) -> str:
        return "<DistinctSet>"

    @property
    def here(self) -> int:
        return 0 if self._here is None else self._here.added

    @property
    def sure(self) -> int:
        return self._seen.added

    @property
    def spread(self) -> float:
        """The variance of its number."""
        return self._seen.spread

    @property
    def stands_for(self) -> int:
        """How many values a new one stands for."""
        return 1 << self._seen.level

    def ready(self) -> bool:
        """Whether one more value can be added."""
        if not self.full:
            self.full = not (self._seen.ready() and (self._here is None or self._here.ready()))
            self.sampled = self.sampled or self._seen.level > 0 or (self._here is not None and self._here.level > 0)
        return not self.full

    def add(self, value: bytes) -> bool:
        """Adds a value. Returns whether it is new."""
        if not self.ready():
            return False
        hashed = self._keyed.copy()
        hashed.update(value)
        digest = hashed.digest()
        if self._here is not None:
            self._here.add(digest)
        return self._seen.add(digest)

    def mark(self) -> None:
        if self._here is not None:
            self._here.clear()
        self._here = _Hashes(self._memory)
        self.full = False

    def go_on(self) -> None:
        """There may be room again."""
        self.full = False

    def include(self, other: DistinctSet) -> None:
        """Adds the hashes of another set. Raises ValueError if the other set has another key:

        its hashes cannot be compared.
        """
        if other._key != self._key:
            raise ValueError("sets of two keys do not compare")
        if other is self:
            return
        self.full, self.sampled = self.full or other.full, self.sampled or other.sampled
        self._seen.level = max(self._seen.level, other._seen.level)
        for digest in other._seen.held:
            if not self._seen.ready():
                self.full = True
                break
            self._seen.add(digest)

    def smallest(self, k: int) -> list[int]:
        """The `k` smallest hashes, ascending.

        Such a sketch is comparable with sketches of the same key and the same core.
        """
        return [int.from_bytes(digest, "big") for digest in nsmallest(k, self._seen.held)]


class Tally:
    """Distinct UIDs of one level, and the counts that came with them. A record goes in, numbers come out.

    With `keep`, that many distinct UIDs are held in memory, for a walk down from them. Other attributes are neither
    looked at nor held, whatever an archive sends.

    With `lot`, that many UIDs are drawn by lot, independently of each other, from all that are new: each with a chance that is
    proportional to its images; one that does not say how many it has counts as one. A place is taken over by a new UID with the
    chance that its images have among all so far. `next` is known beforehand, so that others cost no draw. `seed` is 64 bits.
    """

    def __init__(
        self, key: RunKey, uid: int = elements.STUDY_UID, *, keep: int = 0, lot: int = 0, seed: int = 0
    ) -> None:
        if not 0 <= lot <= MOST_DRAWN:
            raise ValueError(f"a lot has 0 to {MOST_DRAWN} places")
        self.uids = DistinctSet(key)
        self.rows = 0
        self.malformed = 0
        self.series = 0
        self.images = 0
        self.series_known = 0  # distinct UIDs that came with a number of series
        self.images_known = 0
        # Where its UIDs are a sample, the other numbers are of these alone. An estimate for all, and its variance:
        self.images_weight = self.images_spread = 0.0
        # Studies that say that they are on-line, and that they are not; images of these, as far as their number is known.
        self.studies_online = self.studies_elsewhere = 0
        self.images_online = self.images_elsewhere = 0
        self.kept: list[bytes] = []
        self.kept_online: list[bool | None] = []  # what each of these says; None: nothing
        self._keep = keep
        self._drawn, self._next = [b""] * lot, [0.0] * lot
        self._sum, self._random = 0.0, seed & _64_BITS
        wanted = (uid, elements.SERIES_IN_STUDY, elements.IMAGES_IN_STUDY, elements.INSTANCE_AVAILABILITY)
        self._places = Places(wanted)

    @property
    def distinct(self) -> int:
        return self.uids.sure

    @property
    def drawn(self) -> list[bytes]:
        """Empty while there is nothing to draw from. An empty UID stands for one that is none, and is not held."""
        return list(self._drawn) if self._sum else []

    def add(self, identifier: bytes, explicit: bool) -> None:
        """Counts one record of DIMSE and forgets it. Raises nothing on any input from an archive."""
        self.count(*self._fields(identifier, explicit))

    __call__ = add

    def count(self, uid: bytes, series: bytes = b"", images: bytes = b"", availability: bytes = b"") -> None:
        """Counts one record by its UID, with the numbers of series and images and the availability, PS3.3 C.4.23.1.1, as written.

        A record without a UID, with one that is too long, or with one of zeros alone, is malformed.
        """
        self.rows += 1
        uid = uid.strip(_PADDING)
        if not uid.strip(b"0.") or len(uid) > 64:
            self.malformed += 1
            return
        if not self.uids.add(uid):
            return
        online = _AVAILABILITY.get(availability.strip(_PADDING)) if availability else None
        self.studies_online += online is True
        self.studies_elsewhere += online is False
        # Only a value that looks like a UID is held: a walk would send a name in its place back to the archive.
        looks = re.fullmatch(rb"[0-9.]+", uid) is not None
        self._draw(uid if looks else b"", _number(images) or 1)
        if len(self.kept) < self._keep and looks:
            self.kept.append(uid)
            self.kept_online.append(online)
        if (number := _number(series)) is not None:
            self.series += number
            self.series_known += 1
        if (number := _number(images)) is not None:
            self.images += number
            self.images_known += 1
            self.images_online += number if online else 0
            self.images_elsewhere += number if online is False else 0
            each = self.uids.stands_for
            self.images_weight += float(number) * each
            self.images_spread += float(number * number) * each * (each - 1)

    def _draw(self, uid: bytes, images: int) -> None:
        self._sum += images
        for place, at in enumerate(self._next):
            if self._sum > at:
                self._drawn[place] = uid
                self._next[place] = self._sum / self._chance()

    def _chance(self) -> float:
        """A number above 0, up to 1: SplitMix64, G. Steele 2014."""
        self._random = mixed = (self._random + 0x9E3779B97F4A7C15) & _64_BITS
        mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9 & _64_BITS
        mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB & _64_BITS
        return float((mixed ^ mixed >> 31) >> 11) / 2**53 + 1.0 / 2**53

    def json(self, uid: Element, series: Element, images: Element, availability: Element = b"", /) -> bool | None:
        """As `count`, by elements of the DICOM JSON model, PS3.18 F.2. Returns whether the UID is new since the mark.

        None: nothing was counted, because an element is not plain.
        """
        given = (series, images, availability)
        named, *numbers = element.string(uid), *map(element.count, given)
        if named is None or any(one is None or len(one) > 16 for one in numbers):
            return None
        here = self.uids.here
        self.count(named.encode(), *(one.encode() for one in numbers if one is not None))
        return self.uids.here > here

    def _fields(self, identifier: bytes, explicit: bool) -> list[bytes] | tuple[bytes, ...]:
        """The wanted attributes. Missing ones are empty; in a malformed data set all are."""
        try:
            return self._places.find(identifier, explicit)[0]
        except WireError:
            return _NOTHING


def _number(raw: bytes) -> int | None:
    """A positive integer from an integer string, PS3.5 6.2, IS. None means unknown.

    Empty, 0, negative, malformed and implausibly large values are unknown: whatever exists has at least one image.
    """
    text = raw.strip(_PADDING)
    if not (text.isdigit() and len(text) <= 10) and not _NUMBER.fullmatch(text):
        return None
    number = int(text)
    return number if 0 < number <= MAX_COUNT else None


Record = Callable[[bytes, bool], None]  # takes one record, and whether it is in explicit VR
Event = tuple[Literal["unit", "command", "answer", "data"], int, bytes]
Fault = tuple[Literal["error"], str, tuple[int, ...]]


class Reader:
    """Splits a stream and tallies the records of the current query.

    `feed` takes as many bytes as it can and returns their number. The rest must come again, with more bytes after it.
    It stops early, with `event` set, at everything that is not an ordinary record:

    - `("unit", kind, body)`: a PDU that is not P-DATA, or P-DATA while `mode` is CLOSED
    - `("answer", status, b"")`: the final response to the request, without a data set
    - `("command", context, command set)`: any other command but a pending response to the query; its data set is dropped
    - `("data", context, b"")`: the end of a data set that was dropped; `dropped` counts the bytes of these. After `hold`
      it is that data set, whole
    - `("error", cause, numbers)`: the peer broke the protocol; nothing more is read

    P-DATA of up to MAX_PDU bytes is read when it is here as a whole. Longer P-DATA is read piece by piece: what is held of
    it keeps to the bounds of a command or a record, and what is dropped needs no bound.
    """

    CLOSED, READ, DROP = 0, 1, 2  # meanings that P-DATA can have now

    def __init__(self, contexts: Iterable[int]) -> None:
        self.mode = Reader.CLOSED
        self.matches = 0
        self.dropped = 0
        self.event: Event | Fault | None = None
        self._contexts = frozenset(contexts)
        self._in_pdu = 0  # bytes left of the current P-DATA unit
        self._at = 0  # offset in the current P-DATA unit
        self._long = False  # the current P-DATA unit is read piece by piece
        self._in_value = False  # the header of the current value of a long unit was read
        self._value_left = 0
        self._context = self._control = 0  # of that value
        self._fragments = (bytearray(), bytearray())  # fragments of the data set, and of the command
        self._active = False
        self._awaiting = False  # a pending response announced a record
        self._holding = False  # the next data set is handed up
        self._explicit = False
        self._message_id = self._answer = 0
        self._record: Record | None = None
        self._stop_after = 0
        self._ordinary: bytes | None = None  # the last ordinary command set; archives repeat it byte by byte
        self._ordinary_unit = b""  # the PDU that held only that command set; most archives send it in its own PDU

    def expect(
        self, message_id: int, explicit: bool, record: Record | None, stop_after: int = 0, answer: int = FIND_RESPONSE
    ) -> None:
        """Begins a request: counts its pending responses, and gives their identifiers to `record`.

        With `stop_after` only so many are given, and the others are counted.
        `answer` is the command field of the response that ends it.
        """
        self.matches = 0
        self._active, self._awaiting, self._holding = True, False, False
        self._message_id, self._explicit, self._answer = message_id, explicit, answer
        self._record, self._stop_after = record, stop_after
        self._ordinary, self._ordinary_unit = None, b""

    def idle(self) -> None:
        """Ends the query. Further data is counted and dropped."""
        self.dropped = 0
        self._active = self._awaiting = self._holding = False
        self._record = None

    def hold(self) -> None:
        """The next data set is no match, and yet it is handed up: a final response announced it."""
        self._holding = True

    def feed(self, data: bytes | bytearray | memoryview) -> int:
        """Reads bytes. Returns how many were taken. Raises nothing on any input from a peer."""
        view = bytes(data)
        at, end = 0, len(view)
        self.event = None
        if self._ordinary_unit and not self._in_pdu and not self._awaiting and self.mode == Reader.READ:
            at = self._rows(view)
        while self.event is None:
            if self._in_pdu:
                before = at
                if self.mode == Reader.DROP:
                    at = min(end, at + self._in_pdu)
                    self._in_pdu -= at - before
                elif self._long:
                    at = self._pieces(view, at)
                elif end - at >= self._in_pdu:
                    at = self._values(view, at)
                    continue
                if at == before:
                    break
                continue
            if end - at < 6:
                break
            kind, length = _HEADER.unpack_from(view, at)
            if not 1 <= kind <= 7:
                self._error(Cause.UNKNOWN_PDU, kind)
                break
            values = kind == _P_DATA and self.mode != Reader.CLOSED
            limit = MAX_PDU if kind == _P_DATA else MAX_CONTROL
            if length > limit and not values:
                self._error(Cause.PDU_TOO_LONG, kind, length, limit)
                break
            self._long = length > limit
            if end - at < 6 + length and not self._long:
                break
            at += 6
            if values:
                self._in_pdu, self._at, self._in_value = length, 0, False
            else:
                self.event = ("unit", kind, view[at : at + length])
                at += length
        return at

    def _rows(self, view: bytes) -> int:
        """The fast path: pairs of a command PDU that was seen before, and a PDU with a whole identifier."""
        unit, at, end = self._ordinary_unit, 0, len(view)
        record, explicit, contexts = self._record, self._explicit, self._contexts
        if not self._active or self._stop_after or record is None or any(self._fragments):
            return 0
        while view.startswith(unit, at):
            start = at + len(unit)
            if end - start < 12:
                break
            kind, length, inner, context, control = _BOTH.unpack_from(view, start)
            stop = start + 6 + length
            if (
                kind != _P_DATA
                or control & 3 != 2
                or inner + 4 != length
                or length > MAX_PDU
                or stop > end
                or context not in contexts
            ):
                break
            self.matches += 1
            record(view[start + 12 : stop], explicit)
            at = stop
        return at

    def _values(self, view: bytes, at: int) -> int:
        """Reads the presentation data values of a unit, until it ends or an event comes."""
        while self._in_pdu and self.event is None:
            if self._in_pdu < 6:
                self._error(Cause.VALUE_CUT_OFF, self._at)
                break
            length, context, control = _PDV.unpack_from(view, at)
            if length < 2 or length + 4 > self._in_pdu:
                self._error(Cause.VALUE_LENGTH, self._at, length)
                break
            stop = at + 4 + length
            self._in_pdu -= 4 + length
            self._at += 4 + length
            self._value(context, control, view[at + 6 : stop])
            alone = control == 3 and self._at == length + 4 and not self._in_pdu
            # The command set fills the whole unit, and not only its end.
            if alone and self._awaiting and self._ordinary == view[at + 6 : stop]:
                self._ordinary_unit = view[at - 6 : stop]
            at = stop
        return at

    def _pieces(self, view: bytes, at: int) -> int:
        """Reads what is here of a long unit. A piece of a value is a fragment; the value's last piece may be the last."""
        end = len(view)
        while self._in_pdu and self.event is None:
            if not self._in_value:
                if self._in_pdu < 6:
                    self._error(Cause.VALUE_CUT_OFF, self._at)
                    break
                if end - at < 6:
                    break
                length, self._context, self._control = _PDV.unpack_from(view, at)
                if length < 2 or length + 4 > self._in_pdu:
                    self._error(Cause.VALUE_LENGTH, self._at, length)
                    break
                at += 6
                self._in_pdu -= 6
                self._at += 6
                self._value_left, self._in_value = length - 2, True
            size = min(self._value_left, end - at)
            if not size and self._value_left:
                break
            self._in_pdu -= size
            self._at += size
            self._value_left -= size
            self._in_value = self._value_left > 0
            control = self._control & ~2 if self._in_value else self._control
            piece, at = view[at : at + size], at + size
            self._value(self._context, control, piece)
        return at

    def _value(self, context: int, control: int, fragment: bytes) -> None:
        if context not in self._contexts:
            self._error(Cause.UNPROPOSED_CONTEXT, context)
            return
        is_command = control & 1
        if not is_command and not self._awaiting and not self._holding:
            self.dropped += len(fragment)
            if control & 2:
                self.event = ("data", context, b"")
            return
        limit = MAX_COMMAND if is_command else MAX_RECORD
        held = self._fragments[is_command]
        if len(held) + len(fragment) > limit:
            self._error(Cause.COMMAND_TOO_LONG if is_command else Cause.DATA_SET_TOO_LONG, limit)
            return
        if not control & 2:
            held += fragment
            return
        if held:
            held += fragment
            whole = bytes(held)
            held.clear()
        else:
            whole = fragment
        if is_command:
            self._command(context, whole)
        elif self._awaiting:
            self._match(whole)
        else:
            self._holding = False
            self.event = ("data", context, whole)

    def _command(self, context: int, whole: bytes) -> None:
        if self._awaiting:
            self._error(Cause.COMMAND_TOO_EARLY)
            return
        said = self._response(whole) if self._active else None
        if said is None:
            self.event = ("command", context, whole)
        elif said not in PENDING:
            self.event = ("answer", said, b"")
        else:
            self._ordinary = whole
            self._awaiting = True
            self.matches += 1  # this match counts even if its identifier breaks a bound

    def _response(self, whole: bytes) -> int | None:
        """The status of a response to the request under way. None for any other command set: it is handed up as it is.

        The response is a pending C-FIND-RSP with an identifier, PS3.7 9.3.2.2, or a final one without a data set.
        """
        if whole == self._ordinary:
            return PENDING[0]
        found: dict[int, int] = {}
        foreign = False
        try:
            for _, tag, at, length, _ in elements.headers(whole, explicit=False):
                if length == elements.UNDEFINED:
                    return None
                foreign = foreign or tag > 0xFFFF
                if tag in (_FIELD, _RESPONDED_ID, _DATA_SET_TYPE, _STATUS):
                    if length != 2:
                        return None
                    found[tag] = whole[at] | whole[at + 1] << 8
        except WireError:
            return None
        status, field = found.get(_STATUS), found.get(_FIELD)
        alone = found.get(_DATA_SET_TYPE, _NO_DATA_SET) == _NO_DATA_SET
        pending = status in PENDING
        whose = field == FIND_RESPONSE and not alone if pending else field == self._answer and alone and not foreign
        return status if whose and found.get(_RESPONDED_ID) == self._message_id else None

    def _match(self, identifier: bytes) -> None:
        self._awaiting = False
        if self._record is not None and (not self._stop_after or self.matches <= self._stop_after):
            self._record(identifier, self._explicit)

    def _error(self, cause: Cause, *numbers: int) -> None:
        self.event = ("error", cause.value, numbers)
