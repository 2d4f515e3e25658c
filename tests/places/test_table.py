"""A user's table: the narrowest network says a field; whatever is wrong is one line with the file and its line."""

from __future__ import annotations

import random
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from filmbadge.model import Refusal, Said
from filmbadge.places import PACKAGED, Places, load

HEAD = "network,country,asn,as_name,operator,contact,language,site\n"


def table(folder: Path, text: str | bytes, name: str = "places.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def places(folder: Path, rows: str, head: str = HEAD) -> Places:
    return load([table(folder, "# date: 2026-11-20\n" + head + rows)])


def test_each_field_is_said_by_the_narrowest_network_that_fills_it(tmp_path: Path) -> None:
    told = places(tmp_path, '192.0.2.0/24,de,AS64500,Example Net,,,,\n192.0.2.128/25,,,,"Klinikum, Köln",,de,Haus 1\n')
    place = told.of("192.0.2.200")
    assert place.network == "192.0.2.128/25"
    assert place.country == (Said("DE", "places.csv", "2026-11-20"),)
    assert place.asn[0].value == "64500"
    assert place.operator[0].value == "Klinikum, Köln"
    assert not place.contact
    outside = told.of("192.0.2.1")
    assert outside.network == "192.0.2.0/24"
    assert not outside.operator
    assert told.of("::ffff:192.0.2.200") == place
    assert not told.of("198.51.100.1").countries
    assert told.of("pacs.example") == PACKAGED.of("pacs.example")


def test_the_narrowest_is_found_as_by_looking_through_all(tmp_path: Path) -> None:
    lot = random.Random(5)
    networks = {
        ip_network((lot.getrandbits(bits) >> (bits - prefix) << (bits - prefix) if prefix else 0, prefix))
        if bits == 32
        else ip_network(
            ((lot.getrandbits(8) << 120 | lot.getrandbits(8)) >> (bits - prefix) << (bits - prefix), prefix)
        )
        for bits in (32, 128)
        for _ in range(400)
        for prefix in (lot.choice((0, 1, 3, 4, 8, 9, 31, 32) if bits == 32 else (0, 2, 8, 9, 120, 127, 128)),)
    }
    told = places(tmp_path, "".join(f"{n},,,,{n},,,\n" for n in sorted(networks, key=str)))
    ends = [end for n in networks for end in (int(n[0]) - 1, int(n[0]), int(n[-1]), int(n[-1]) + 1)]
    tried = [ip_address(e) if e < 2**32 else ip_address(e % 2**128) for e in ends if e >= 0]
    for address in tried:
        holders = [n for n in networks if n.version == address.version and address in n]
        narrowest = max(holders, key=lambda n: n.prefixlen, default=None)
        if address.version == 6 and address.ipv4_mapped is not None:
            continue
        assert told.of(str(address)).network == ("" if narrowest is None else str(narrowest)), address


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        (HEAD + "192.0.2.0/24,,,,,,,\n192.0.2.1/24,,,,,,,\n", 3, "write 192.0.2.0/24"),
        (HEAD + "192.0.2.0/33,,,,,,,\n", 2, "prefix length"),
        (HEAD + "192.0.2.0/-1,,,,,,,\n", 2, "prefix length"),
        (HEAD + "\n# a remark\n192.0.2/24,,,,,,,\n", 4, "no network"),
        (HEAD + "pacs.example,,,,,,,\n", 2, "no network"),
        (HEAD + "192.0.2.0/24,DEU,,,,,,\n", 2, "country"),
        (HEAD + "192.0.2.0/24,ZZ,,,,,,\n", 2, "country"),
        (HEAD + "192.0.2.0/24,,AS0,,,,,\n", 2, "autonomous"),
        (HEAD + "192.0.2.0/24,,4294967296,,,,,\n", 2, "autonomous"),
        (HEAD + "192.0.2.0/24,DE\n", 2, "2 fields, and 8 columns"),
        (HEAD + f"192.0.2.0/24,,,,{'x' * 257},,,\n", 2, "longer than 256"),
        (HEAD + f"192.0.2.0/24,,,,{'x' * 9000},,,\n", 2, "too long"),
        (HEAD.encode() + b"192.0.2.0/24,,,,K\xf6ln,,,\n", 2, "not UTF-8"),
        (HEAD + '192.0.2.0/24,,,,"a\n', 2, "no CSV"),
        (HEAD + "192.0.2.0/24,,,,,,,\n2001:db8::/32,,,,,,,\n192.0.2.0/24,,,,,,,\n", 4, "line 2 too"),
        ("network,land\n192.0.2.0/24,DE\n", 1, "'land' is none of the columns"),
        ("country\nDE\n", 1, "network,country"),
        ("network,network\n", 1, "once"),
        ("", 0, "name the columns"),
        ("# date: 2026-13-01\n" + HEAD, 1, "date"),
    ],
)
def test_what_is_wrong_is_one_line_with_file_and_line(tmp_path: Path, text: str | bytes, line: int, what: str) -> None:
    with pytest.raises(Refusal) as refused:
        load([table(tmp_path, text)])
    said = str(refused.value)
    assert said.startswith(f"places.csv, line {line}: ")
    assert what in said
    assert said.isprintable()


def test_what_cannot_be_shown_is_replaced(tmp_path: Path) -> None:
    """Lists of real networks hold such characters."""
    told = places(tmp_path, '192.0.2.0/24,,,,"a\x1b[31m\x96\u202e\nb",,,\n192.0.3.0/24,,,,x,,,\n')
    assert told.of("192.0.2.1").operator[0].value == "a?[31m???b"
    assert told.of("192.0.3.1").operator[0].value == "x"


def test_columns_may_be_few_and_in_any_order(tmp_path: Path) -> None:
    told = places(tmp_path, "Hospital,127.1.0.0/16\n", head="operator,network\n")
    assert told.of("127.1.2.3").operator[0].value == "Hospital"


def test_a_table_without_a_date_has_that_of_its_file(tmp_path: Path) -> None:
    import os

    path = table(tmp_path, HEAD + "127.1.0.0/16,US,,,,,,\n")
    os.utime(path, (1_600_000_000, 1_600_000_000))
    assert load([path]).of("127.1.0.1").country[0].date == "2020-09-13"


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    import os

    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", tmp_path / "absent.csv"):
        with pytest.raises(Refusal):
            load([path])
