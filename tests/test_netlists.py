"""Lists of networks in files, and lines that are added to them."""

from __future__ import annotations

import os
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filmbadge import netlists
from filmbadge.ask.targets.lists import read as targets_of
from filmbadge.netlists import ListError, opt_out, read
from filmbadge.scope import Scope

DAY = date(2027, 1, 31)


def test_a_list_as_any_editor_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "nets"
    path.write_bytes(b"\xef\xbb\xbf# networks\r\n192.0.2.0/24   # Bern\r\n\r\n198.51.100.7\r\n2001:db8::/32")
    found = read(path)
    assert [(str(entry.network), entry.line) for entry in found.entries] == [
        ("192.0.2.0/24", 2), ("198.51.100.7/32", 4), ("2001:db8::/32", 5),
    ]  # fmt: skip
    assert len(found.digest) == 64


def test_ipv4_in_ipv6_form_is_ipv4(tmp_path: Path) -> None:
    """Otherwise a target that its operator had opted out in this form would be a mistake of the user, and end a resume."""
    path = tmp_path / "nets"
    path.write_text("::ffff:192.0.2.8\n::ffff:198.51.100.0/120\n::ffc0:0:0/90\n")
    assert [str(network) for network in read(path).networks] == ["192.0.2.8/32", "198.51.100.0/24", "::ffc0:0:0/90"]
    scope = Scope(name="s", networks=(ip_network("192.0.2.0/24"),))
    scope = replace(scope, exclude=read(path).networks, opted_out=read(path).networks)
    targets = targets_of(["192.0.2.8", "192.0.2.9"], scope)
    assert [str(target) for target in targets.hosts] == ["192.0.2.9"]
    assert targets.told.dropped == {"opted-out": 1}


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"fe80::1%eth0\n", "nets:1: 'fe80::1%eth0' is not a network: an address with a zone"),
        (b"192.0.2.0/24\n192.0.2.1/24\n", "nets:2: '192.0.2.1/24' is not a network: it has host bits set"),
        (b"\npacs.example\n", "nets:2: 'pacs.example' is not a network: it must be like"),
        (b"@other\n", "nets:1: '@other' is not a network"),
        (b"192.0.2.0/24\n\xff", "nets:2: is not UTF-8"),
        (b"\x1b[31m" + b"x" * 500, r"nets:1: '\?\[31mxxx"),
    ],
)
def test_a_fault_has_its_line(raw: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "nets"
    path.write_bytes(raw)
    with pytest.raises(ListError, match=message) as raised:
        read(path)
    assert "\n" not in str(raised.value)


def test_a_list_that_is_missing_or_endless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ListError, match=r"no such file: .*nest"):
        read(tmp_path / "nest")
    with pytest.raises(ListError, match="cannot be read"):
        read(tmp_path)
    monkeypatch.setattr(netlists, "MOST_BYTES", 10)
    (tmp_path / "nets").write_text("192.0.2.0/24\n")
    with pytest.raises(ListError, match="larger than"):
        read(tmp_path / "nets")


def test_who_opts_out_stands_in_the_list_once_with_day_and_name(tmp_path: Path) -> None:
    path = tmp_path / "optout.txt"
    path.write_text("198.51.100.0/24  # all of it")  # without its last line end
    assert opt_out(path, ip_network("192.0.2.10"), DAY, "St. Mary's")
    assert not opt_out(path, ip_network("192.0.2.10"), DAY, "again")
    assert not opt_out(path, ip_network("198.51.100.9"), DAY, "")  # it is covered
    assert opt_out(path, ip_network("192.0.2.0/24"), DAY, "")
    assert path.read_text().splitlines() == [
        "198.51.100.0/24  # all of it",
        "192.0.2.10/32  # opted out 2027-01-31 by St. Mary's",
        "192.0.2.0/24  # opted out 2027-01-31",
    ]


def test_a_list_with_a_fault_is_not_added_to(tmp_path: Path) -> None:
    path = tmp_path / "optout.txt"
    path.write_text("what\n")
    with pytest.raises(ListError, match=r"optout\.txt:1"):
        opt_out(path, ip_network("192.0.2.10"), DAY, "")
    assert path.read_text() == "what\n"


def test_many_at_once_lose_no_line(tmp_path: Path) -> None:
    path = tmp_path / "optout.txt"
    networks = [ip_network(f"192.0.2.{n}") for n in range(40)] * 2
    with ThreadPoolExecutor(8) as pool:
        added = list(pool.map(lambda network: opt_out(path, network, DAY, ""), networks))
    assert sum(added) == 40
    assert sorted(map(str, read(path).networks)) == sorted({str(network) for network in networks})


def test_half_a_line_does_not_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "optout.txt"
    path.write_text("192.0.2.1\n")
    write = os.write

    def full(handle: int, data: bytes) -> int:
        return write(handle, data[:5])

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(ListError, match="No space left"):
        opt_out(path, ip_network("192.0.2.10"), DAY, "")
    assert path.read_text() == "192.0.2.1\n"


@given(st.binary(max_size=200))
def test_any_bytes_are_a_list_or_one_line(raw: bytes) -> None:
    try:
        found = list(netlists._entries(raw, "list"))
    except ListError as error:
        assert re.match(r"list:\d+: [^\n]+$", str(error))
        return
    assert all(entry.line <= raw.count(b"\n") + 1 for entry in found)
