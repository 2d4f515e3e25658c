"""The answers of a synthetic archive to C-FIND, in blocks of encoded responses that are ready to be sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from filmbadge.ask.decoder import elements
from filmbadge.ask.dimse import command, pdu
from filmbadge.ask.dimse.command import Command
from filmbadge.catalogue import kinds
from filmbadge.rehearse.contents import Contents, Part, Template
from filmbadge.rehearse.matching import Keys, Matches, days, matching, unbounded
from filmbadge.rehearse.world import Archive, AtCap, CountKeys, Flood, Rows

SUCCESS, PENDING, CANCELLED = 0x0000, 0xFF00, 0xFE00
OUT_OF_RESOURCES, TOO_MUCH = 0xA700, 0xC000

FIRST, GROWTH, BLOCK = 8, 4, 128 * 1024  # rows of the first block, growth of the next, bytes of the largest
COUNTS = frozenset((elements.SERIES_IN_STUDY, elements.IMAGES_IN_STUDY))
MANY = 900_000_000  # studies, more than a survey reads
_NESTED = 0x00081110  # Referenced Study Sequence


@dataclass(frozen=True)
class Question:
    """One C-FIND: its keys, and how its responses are to be written."""

    keys: Keys
    context: int
    explicit: bool
    request: Command
    max_pdu: int  # of the peer, in bytes

    @property
    def level(self) -> bytes:
        return self.keys.get(elements.QUERY_LEVEL, b"")

    def final(self, status: int, late: bytes | None = None) -> bytes:
        """The encoded last response, with a data set where one is given."""
        done = Command(
            command.C_FIND_RSP, self.request.message_id, self.request.affected_class, status, late is not None
        )
        return pdu.data(self.context, command.encode(done), late, self.max_pdu)

    def row(self, identifier: bytes) -> bytes:
        """The encoded response with one match."""
        pending = Command(command.C_FIND_RSP, self.request.message_id, self.request.affected_class, PENDING, True)
        return pdu.data(self.context, command.encode(pending), identifier, self.max_pdu)


class Answer:
    """An iterator of blocks. `status` is the final status once it is exhausted."""

    def __init__(self, archive: Archive, question: Question) -> None:
        self.status = SUCCESS
        self.begun = False  # its first block was sent
        self._archive = archive
        self._question = question
        self._blocks = self._all()

    def __iter__(self) -> Iterator[bytes | bytearray]:
        return self._blocks

    def _all(self) -> Iterator[bytes | bytearray]:
        archive, question = self._archive, self._question
        if archive.widest is not None and elements.STUDY_UID not in _with_value(question.keys):
            wide = days(question.keys)
            if wide is None or wide > archive.widest:
                self.status = TOO_MUCH
                return
        if archive.flood is not Flood.NO and question.level == b"STUDY":
            yield from self._flood()
            return
        if not archive.unbounded and unbounded(question.keys):
            return
        found = matching(archive, question.keys)
        if archive.at_cap is AtCap.REFUSES and archive.cap is not None and found.beyond(archive.cap):
            self.status = TOO_MUCH
            return
        yield from self._studies(found) if question.level == b"STUDY" else self._below(found)

    def _studies(self, found: Matches) -> Iterator[bytes | bytearray]:
        archive, question = self._archive, self._question
        tags, counting = set(question.keys), bool(COUNTS & question.keys.keys())
        if counting and archive.count_keys is CountKeys.COLLAPSE:
            found = Matches([range(number, number + 1) for number in islice(found, 1)])
        if archive.count_keys is CountKeys.ABSENT:
            tags -= COUNTS
        if not archive.availability:
            tags.discard(elements.INSTANCE_AVAILABILITY)
        template = self._template(frozenset(tags | {elements.QUERY_LEVEL, elements.STUDY_UID}))
        stride, left = template.stride, archive.cap
        for numbers, matching_places in found.parts(_sizes(stride)):
            places = self._places(numbers, matching_places)
            if left is not None and len(places) > left:
                places = places[:left]
                self.status = SUCCESS if archive.at_cap is AtCap.SILENT else CANCELLED
            if places:
                block = template.block(numbers)
                if len(places) != len(numbers) or isinstance(places, list):
                    block = bytearray().join(block[at * stride : (at + 1) * stride] for at in places)
                yield block
            if left is not None:
                left -= len(places)
            if self.status == CANCELLED or (left == 0 and archive.at_cap is AtCap.SILENT):
                return

    def _flood(self) -> Iterator[bytearray]:
        """Rows that do not end: of one study, or of ever new ones."""
        first = self._archive.contents
        endless = replace(first, root=f"{first.root}.8", online=Part(MANY, 2 * MANY), undated=0, patients=MANY)
        template = self._template(frozenset({*self._question.keys, elements.STUDY_UID}), endless)
        sizes, start = _sizes(template.stride), 0
        while True:
            size = next(sizes)
            new = self._archive.flood is Flood.NEW and start + size < MANY
            start = start + size if new else start
            yield template.block(range(start - size, start)) if new else template.block(range(1)) * size

    def _places(self, numbers: range, matching_places: Sequence[int] | None) -> Sequence[int]:
        """The places of an answer's rows among these studies: one for each study that matches, or for each instance."""
        places = range(len(numbers)) if matching_places is None else matching_places
        if self._archive.rows is Rows.STUDIES:
            return places
        return [at for at in places for _ in range(sum(self._archive.contents.images(numbers[at])))]

    def _template(self, tags: frozenset[int], contents: Contents | None = None) -> Template:
        archive, question = self._archive, self._question
        contents = contents or archive.contents
        raw = {_NESTED: _nested(question.explicit)} if archive.nested else {}
        size = contents.template(tags, explicit=question.explicit, raw=raw).stride
        head = question.row(bytes(size))[:-size]
        return contents.template(tags, explicit=question.explicit, head=head, raw=raw)

    def _below(self, found: Matches) -> Iterator[bytes | bytearray]:
        """Series or instances, also of several studies (relational, PS3.4 C.4.1.3.2.2)."""
        question, rows = self._question, self._rows(found)
        sizes = _sizes(256)
        if (cap := self._archive.cap) is not None:
            rows = self._capped(rows, cap)
        while block := b"".join(map(question.row, islice(rows, next(sizes)))):
            yield block

    def _capped(self, rows: Iterator[bytes], cap: int) -> Iterator[bytes]:
        yield from islice(rows, cap)
        if self._archive.at_cap is not AtCap.SILENT and next(rows, None) is not None:
            self.status = CANCELLED

    def _rows(self, found: Matches) -> Iterator[bytes]:
        contents, question = self._archive.contents, self._question
        of_series = question.keys.get(elements.SERIES_UID, b"")
        of_instance = question.keys.get(elements.INSTANCE_UID, b"")
        for number in found:
            study = contents.uid(number)
            for index, images in enumerate(contents.images(number)):
                series = contents.series_uid(number, index)
                row = {elements.QUERY_LEVEL: question.level, elements.STUDY_UID: study, elements.SERIES_UID: series}
                if of_series not in (b"", series):
                    continue
                if question.level == b"SERIES":
                    yield self._encode({**contents.series_record(number, index), **row})
                elif question.level == b"IMAGE":
                    row[elements.SOP_CLASS] = contents.sop_class(number)
                    for image in range(images):
                        row[elements.INSTANCE_UID] = contents.instance_uid(number, index, image)
                        if of_instance in (b"", row[elements.INSTANCE_UID]):
                            yield self._encode(row)

    def _encode(self, row: Keys) -> bytes:
        wanted = self._question.keys.keys() | {elements.QUERY_LEVEL, kinds.CHARACTER_SET}
        kept = [(tag, value) for tag, value in row.items() if tag in wanted]
        return elements.encode(kept, explicit=self._question.explicit)


def _with_value(keys: Keys) -> set[int]:
    return {tag for tag, value in keys.items() if value}


def _sizes(stride: int) -> Iterator[int]:
    """Rows of one block after the other. The first is small, so that a C-CANCEL at the first match comes in time."""
    size, most = FIRST, max(FIRST, BLOCK // stride)
    while True:
        yield min(size, most)
        size *= GROWTH


def _nested(explicit: bool) -> bytes:
    """Referenced Study Sequence (0008,1110) of undefined length with one empty item, PS3.5 7.5."""
    head = b"\x08\x00\x10\x11" + (b"SQ\0\0" if explicit else b"") + b"\xff" * 4
    return head + b"\xfe\xff\x00\xe0" + b"\xff" * 4 + b"\xfe\xff\x0d\xe0" + bytes(4) + b"\xfe\xff\xdd\xe0" + bytes(4)
