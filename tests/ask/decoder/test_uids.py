"""Which values name a study, and which rows hold such a value."""

from __future__ import annotations

from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filmbadge.ask.decoder import compiled, elements, uids
from filmbadge.ask.decoder.uids import OF_LEVEL, names
from filmbadge.catalogue.dicom import STUDY_ROOT_FIND

CORES = pytest.mark.parametrize("core", [uids, compiled], ids=["pure", "compiled"])


@CORES
@pytest.mark.parametrize("uid", [b"1.2.3", b"2.25.339", b"1.2.840.113619.2.55", b"1.02.3", b"0.9"])
def test_uids(core: ModuleType, uid: bytes) -> None:
    assert names(uid)
    padded = elements.encode([(elements.STUDY_UID, uid)], explicit=True)
    assert core.has_uid(padded, True, elements.STUDY_UID)


@CORES
@pytest.mark.parametrize(
    "uid",
    [
        b"", b"0", b"0.0", b"0.0.0.0", b"1", b"1.", b".1", b"1..2", b"*", b"NONE", b"DOE^JANE", b"1.2." + b"3" * 64, b"1.2\n",
        STUDY_ROOT_FIND.encode(),
    ],
)  # fmt: skip
def test_values_that_name_nothing(core: ModuleType, uid: bytes) -> None:
    assert not names(uid)
    for explicit in (True, False):
        row = elements.encode([(elements.QUERY_LEVEL, b"STUDY"), (elements.STUDY_UID, uid)], explicit=explicit)
        assert not core.has_uid(row, explicit, elements.STUDY_UID)


@CORES
@pytest.mark.parametrize("tag", OF_LEVEL.values())
def test_a_row_is_named_at_its_own_level(core: ModuleType, tag: int) -> None:
    named = elements.encode([(other, b"1.2.3" if other == tag else b"") for other in OF_LEVEL.values()], explicit=False)
    nameless = elements.encode(
        [(other, b"" if other == tag else b"1.2.3") for other in OF_LEVEL.values()], explicit=False
    )
    assert core.has_uid(named, False, tag)
    assert not core.has_uid(nameless, False, tag)


@CORES
@pytest.mark.parametrize(
    "row", [b"", b"\0", b"\xff" * 40, elements.encode([(elements.QUERY_LEVEL, b"STUDY")], explicit=True)]
)
def test_a_row_that_is_none(core: ModuleType, row: bytes) -> None:
    assert not core.has_uid(row, True, elements.STUDY_UID)


@settings(max_examples=500, deadline=None)
@given(st.from_regex(rb"\A[0-9.]{0,70}\Z") | st.binary(max_size=70), st.booleans(), st.binary(max_size=4))
def test_the_cores_agree_on_any_value(uid: bytes, explicit: bool, more: bytes) -> None:
    row = elements.encode([(elements.STUDY_UID, uid)], explicit=explicit) + more
    assert uids.has_uid(row, explicit, elements.STUDY_UID) == compiled.has_uid(row, explicit, elements.STUDY_UID)
