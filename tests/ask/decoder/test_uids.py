"""Which values name a study, and which rows hold such a value."""

from __future__ import annotations

import pytest

from filmbadge.ask.decoder import elements
from filmbadge.ask.decoder.uids import names, record_uid
from filmbadge.catalogue.dicom import STUDY_ROOT_FIND


@pytest.mark.parametrize("uid", [b"1.2.3", b"2.25.339", b"1.2.840.113619.2.55", b"1.02.3", b"0.9"])
def test_uids(uid: bytes) -> None:
    assert names(uid)
    padded = elements.encode([(elements.STUDY_UID, uid)], explicit=True)
    assert record_uid(padded, explicit=True, level=b"STUDY") == uid


@pytest.mark.parametrize(
    "uid",
    [
        b"", b"0", b"0.0", b"0.0.0.0", b"1", b"1.", b".1", b"1..2", b"*", b"NONE", b"DOE^JANE", b"1.2." + b"3" * 64, b"1.2\n",
        STUDY_ROOT_FIND.encode(),
    ],
)  # fmt: skip
def test_values_that_name_nothing(uid: bytes) -> None:
    assert not names(uid)
    for explicit in (True, False):
        row = elements.encode([(elements.QUERY_LEVEL, b"STUDY"), (elements.STUDY_UID, uid)], explicit=explicit)
        assert record_uid(row, explicit=explicit, level=b"STUDY") == b""


@pytest.mark.parametrize("level", [b"STUDY", b"SERIES", b"IMAGE", b""])
def test_a_row_is_named_at_its_own_level(level: bytes) -> None:
    keys = {elements.STUDY_UID: b"1.2.3", elements.SERIES_UID: b"1.2.3.4", elements.INSTANCE_UID: b"1.2.3.4.5"}
    row = elements.encode([*keys.items()], explicit=False)
    wanted = {b"SERIES": b"1.2.3.4", b"IMAGE": b"1.2.3.4.5"}.get(level, b"1.2.3")
    assert record_uid(row, explicit=False, level=level) == wanted


@pytest.mark.parametrize(
    "row", [b"", b"\0", b"\xff" * 40, elements.encode([(elements.QUERY_LEVEL, b"STUDY")], explicit=True)]
)
def test_a_row_that_is_none(row: bytes) -> None:
    assert record_uid(row, explicit=True, level=b"STUDY") == b""
