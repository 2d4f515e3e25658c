"""What was told comes back as it was written, and a damaged table is refused."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from filmbadge.keep.files import Damaged
from filmbadge.tell.notices import ledger
from filmbadge.tell.notices.contacts import Role
from filmbadge.tell.notices.ledger import Channel, Kind, Told
from filmbadge.texts import printable

ROW = Told(
    reference="FB-2345-ABCD",
    number=1,
    kind=Kind.FIRST,
    day=date(2026, 11, 26),
    recipient="0123456789abcdef",
    operator="Klinik Süd",
    role=Role.OPERATOR,
    channel=Channel.BOTH,
    language="de",
    level="owner",
    archive="192.0.2.7:4242",
    endpoints="dimse://192.0.2.7:4242 http://192.0.2.7:8042",
    grade="F",
    survey="test",
    began=datetime(2026, 11, 20, 8, 30, tzinfo=UTC),
    message_id="<0123@clinic.test>",
    files="a.pdf a.eml",
)
_TEXT = st.text(max_size=30).map(printable) | st.sampled_from(
    ["=1+1", "+49", "-1", "@SUM(A1)", "'=1", "'", 'a,"b"', "a,b"]
)


@given(st.lists(st.tuples(_TEXT, _TEXT, st.integers(1, 99), st.sampled_from(Kind), st.dates()), max_size=5))
def test_it_comes_back_as_it_was_written(rows: list[tuple[str, str, int, Kind, date]]) -> None:
    told = [replace(ROW, operator=a, survey=b, number=n, kind=kind, day=day) for a, b, n, kind, day in rows]
    raw = ledger.content(told)
    assert list(ledger._rows(raw, "told.csv")) == told


@pytest.mark.parametrize("text", ["=1+1", "+49", "-1", "@SUM(A1)", "'=1"])
def test_no_cell_is_a_formula(text: str) -> None:
    row = ledger.content([replace(ROW, operator=text)]).decode().splitlines()[1]
    assert f",'{text}," in row


def test_there_is_nothing_before_the_first_letter(tmp_path: Path) -> None:
    assert ledger.read(tmp_path) == ()
    ledger.write(tmp_path, [ROW])
    assert ledger.read(tmp_path) == (ROW,)
    assert (tmp_path / ledger.NAME).stat().st_mode & 0o777 == 0o600


def test_any_byte_that_changes_or_is_lost_is_noticed() -> None:
    raw = ledger.content([ROW, replace(ROW, archive="192.0.2.8:104")])
    broken = [raw[:cut] for cut in range(0, len(raw) - 1, 7)]
    broken += [raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :] for at in range(0, len(raw) - 1, 5)]
    lines = raw.splitlines(keepends=True)
    broken += [b"".join(lines[:n] + lines[n + 1 :]) for n in range(len(lines))]
    for one in broken:
        with pytest.raises(Damaged):
            list(ledger._rows(one, "told.csv"))


def test_a_row_that_no_version_wrote_is_told_with_its_line() -> None:
    body = ledger.content([ROW]).rpartition(b"#end")[0].replace(b",first,", b",last,")
    with pytest.raises(Damaged, match=r"told\.csv is no table of what was told: line 2: "):
        list(ledger._rows(body + ledger._last(body) + b"\n", "told.csv"))


def test_it_is_not_read_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere.csv").write_bytes(ledger.content([ROW]))
    (tmp_path / ledger.NAME).symlink_to("elsewhere.csv")
    with pytest.raises(Damaged, match="no link is followed"):
        ledger.read(tmp_path)


def test_what_stood_there_stays_where_it_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger.write(tmp_path, [ROW])

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        ledger.write(tmp_path, [ROW, ROW])
    assert ledger.read(tmp_path) == (ROW,)
    assert [path.name for path in tmp_path.iterdir()] == [ledger.NAME]
