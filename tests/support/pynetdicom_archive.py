"""Archives made with pynetdicom, in this process: each answers C-FIND with what a test gives it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pynetdicom import AE, _config, evt

from filmbadge.catalogue.dicom import EXPLICIT_LITTLE, IMPLICIT_LITTLE, PATIENT_ROOT_FIND, STUDY_ROOT_FIND, VERIFICATION
from support.archives import holdings, without_delay

_PORTS = count(6242)
_LEVELS = {"STUDY": "StudyInstanceUID", "SERIES": "SeriesInstanceUID", "IMAGE": "SOPInstanceUID"}

Rows = Iterator[tuple[int, Dataset | None]]
Find = Callable[[Dataset], Rows]
Dress = Callable[[Dataset, int], None]  # what an archive adds to its nth row


@dataclass
class Script:
    port: int
    transfer: set[str] = field(default_factory=set)  # syntaxes in which it was asked
    queries: list[str] = field(default_factory=list)  # keys that were asked
    sent: bytearray = field(default_factory=bytearray)  # all that it sent
    endings: list[str] = field(default_factory=list)  # how its associations ended


@contextmanager
def archive(
    find: Find, *, max_pdu: int = 16382, transfer: Sequence[str] = (EXPLICIT_LITTLE, IMPLICIT_LITTLE)
) -> Iterator[Script]:
    """An archive that takes any title, and C-FIND in these transfer syntaxes only. `max_pdu` 0 is without a limit."""
    script = Script(next(_PORTS))

    def asked(event: Any) -> Rows:
        script.transfer.add(str(event.context.transfer_syntax))
        script.queries.append(" ".join(sorted(element.keyword for element in event.identifier)))
        for status, row in find(event.identifier):
            if event.is_cancelled:
                yield 0xFE00, None
                return
            if row is not None:  # then pydicom writes bytes as they were put
                row.set_original_encoding(event.context.transfer_syntax == IMPLICIT_LITTLE, True, row._character_set)
            yield status, row

    entity = AE("SCRIPTED")
    entity.maximum_pdu_size = max_pdu
    entity.add_supported_context(VERIFICATION)
    for model in (STUDY_ROOT_FIND, PATIENT_ROOT_FIND):
        entity.add_supported_context(model, list(transfer))
    _config.LOG_RESPONSE_IDENTIFIERS = False  # it formats each row, whether anybody reads the log or not
    server = entity.start_server(
        ("127.0.0.1", script.port),
        block=False,
        evt_handlers=[
            (evt.EVT_C_FIND, asked),
            (evt.EVT_CONN_OPEN, without_delay),
            (evt.EVT_DATA_SENT, lambda event: script.sent.extend(event.data)),
            (evt.EVT_RELEASED, lambda _: script.endings.append("released")),
            (evt.EVT_ABORTED, lambda _: script.endings.append("aborted")),
        ],
    )
    try:
        yield script
    finally:
        server.shutdown()


def from_holdings(*, status: int = 0xFF00, dress: Dress | None = None) -> Find:
    """Answers as an archive that holds the wheel's files, and knows no counts. Each row is dressed."""
    held = holdings()

    def find(keys: Dataset) -> Rows:
        asked = {name: str(keys.get(name, "") or "") for name in (*_LEVELS.values(), "StudyDate")}
        first, _, last = asked.pop("StudyDate").partition("-")
        own = _LEVELS[keys.QueryRetrieveLevel]
        rows = {
            one[own]: one
            for one in held
            if (not first or first <= one["StudyDate"] <= (last or first))
            and all(not value or one[name] == value for name, value in asked.items())
        }
        for number, one in enumerate(rows.values()):
            row = Dataset()
            row.QueryRetrieveLevel = keys.QueryRetrieveLevel
            for name in _LEVELS.values():
                if asked[name] or name == own:
                    setattr(row, name, one[name])
            if dress is not None:
                dress(row, number)
            yield status, row

    return find


def put(row: Dataset, tag: int, vr: str, value: bytes) -> None:
    """An element whose value is these bytes, whatever the character set says."""
    padded = value + b" " * (len(value) % 2)
    row[Tag(tag)] = RawDataElement(Tag(tag), vr, len(padded), padded, 0, vr == "UN", True)


def sequence(tag: int, item: Dataset) -> DataElement:
    """A sequence of undefined length, with one item of undefined length."""
    item.is_undefined_length_sequence_item = True
    element = DataElement(Tag(tag), "SQ", [item])
    element.is_undefined_length = True
    return element
