"""The most specific row names whom to write to; whatever is wrong is told with its line."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filmbadge.catalogue.placeholders import placeholders
from filmbadge.model import Refusal
from filmbadge.tell.notices.contacts import COLUMNS, Contact, Contacts, Role
from support.written import contacts

HEAD = ",".join(COLUMNS) + "\n"


def table(folder: Path, rows: str, head: str = HEAD) -> Contacts:
    path = folder / "contacts.csv"
    path.write_text(head + rows, newline="")
    return Contacts(path)


def refusal(folder: Path, rows: str, head: str = HEAD) -> str:
    with pytest.raises(Refusal) as refused:
        table(folder, rows, head)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_the_most_specific_row_counts(tmp_path: Path) -> None:
    found = table(
        tmp_path,
        "192.0.2.0/24,,,Net,net@clinic.test,,,,,\n"
        ",192.0.2.10,,Host,host@clinic.test,,,,,\n"
        "192.0.2.0/28,,,Small,small@clinic.test,,,,,\n"
        ",,Klinik  Nord,Klinik Nord,nord@clinic.test,,,,,\n",
    )
    named = [
        (one := found.of(address, operator)) and one.name
        for address, operator in (
            ("192.0.2.10", "klinik nord"),
            ("192.0.2.11", "klinik nord"),
            ("192.0.2.200", ""),
            ("::ffff:192.0.2.10", ""),
            ("198.51.100.1", "KLINIK nord"),
            ("198.51.100.1", ""),
            ("2001:db8::1", "another"),
            ("no address", "klinik nord"),
        )
    ]
    assert named == ["Host", "Small", "Net", "Host", "Klinik Nord", None, None, None]


def test_all_that_a_row_says(tmp_path: Path) -> None:
    rows = (
        '# a remark\n\n2001:db8::/32,,,"Clínica ""São João""",ti@clinic.test,"Rua 1\r\n# 2, andar 3; 1000-001 Lisboa",'
        "PT,,telephone book,2026-11-20\n,,,,,,,,,\n"
        ",192.0.2.1,,Example Cloud,abuse@cloud.test,,,,,\n"
        ",192.0.2.2,,Provider,tech@net.test,,,,RDAP of the network,\n"
        ",192.0.2.3,,Provider,abuse@net.test,,,operator,,\n"
    )
    found = table(tmp_path, rows)
    assert found.of("2001:db8::7") == Contact(
        'Clínica "São João"',
        "ti@clinic.test",
        ("Rua 1", "# 2, andar 3", "1000-001 Lisboa"),
        "pt",
        Role.OPERATOR,
        "telephone book",
        "2026-11-20",
    )
    roles = [(one := found.of(f"192.0.2.{n}")) and one.role for n in (1, 2, 3)]
    assert roles == [Role.DESK, Role.DESK, Role.OPERATOR]


def test_columns_stand_in_any_order_and_most_may_be_left_out(tmp_path: Path) -> None:
    found = table(tmp_path, "Klinik,pacs@clinic.test,192.0.2.9\n", "name,email,address\n").of("192.0.2.9")
    assert found == Contact("Klinik", "pacs@clinic.test")
    also = table(tmp_path, "Klinik,pacs@clinic.test,Weg 1,192.0.2.9\n", "Name,E-Mail,Postal_Address,address\n")
    assert also.of("192.0.2.9") == Contact("Klinik", "pacs@clinic.test", ("Weg 1",))
    assert "each column once" in refusal(tmp_path, "", "name,mail,email\n")


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (",,,Name,a@clinic.test,,,,,", "a row fills one of network, address and operator"),
        ("192.0.2.0/24,,Operator,Name,a@clinic.test,,,,,", "a row fills one of"),
        (",192.0.2.1,,,a@clinic.test,,,,,", "the name is missing"),
        (",192.0.2.1,,Name,,,,,,", "neither an e-mail address nor a postal address"),
        (",192.0.2.1,,Name,a(at)clinic.test,,,,,", "'a(at)clinic.test' is no e-mail address"),
        (',192.0.2.1,,Name,"a@clinic.test\nBcc: b@clinic.test",,,,,', "is no e-mail address"),
        (',192.0.2.1,,"Name\r\nBcc: b@clinic.test",a@clinic.test,,,,,', "the name holds a line end"),
        (",192.0.2.1,,Name\x1b[2J,a@clinic.test,,,,,", "the name holds a line end or a character"),
        (",192.0.2.1,,Name,a@clinic.test,a\u202eb,,,,", "the postal address holds a line end or a character"),
        (f",192.0.2.1,,{'x' * 257},a@clinic.test,,,,,", "longer than 256 characters"),
        (",192.0.2.1,,Name,,1;2;3;4;5;6;7;8,,,,", "more than 7 lines"),
        (",192.0.2.0/24,,Name,a@clinic.test,,,,,", "is no address such as 192.0.2.10"),
        ("192.0.2.1/24,,,Name,a@clinic.test,,,,,", "begins inside a network: write 192.0.2.0/24"),
        ("192.0.2.300,,,Name,a@clinic.test,,,,,", "is no network"),
        (",192.0.2.1,,Name,a@clinic.test,,german,,,", "is no language's code"),
        (",192.0.2.1,,Name,a@clinic.test,,,chief,,", "is no role: operator, desk"),
        (",192.0.2.1,,Name,a@clinic.test,,,,,25.11.2026", "is no date such as 2026-11-25"),
        (",192.0.2.1,,Name,a@clinic.test,,,,", "there are 9 fields, and 10 columns"),
        (',192.0.2.1,,"Name,a@clinic.test,,,,,', "this is no CSV"),
    ],
)
def test_a_row_that_is_wrong_is_told_with_its_line(row: str, why: str, tmp_path: Path) -> None:
    told = refusal(tmp_path, f"# remark\n,192.0.2.9,,Name,n@clinic.test,,,,,\n{row}\n")
    assert told.startswith("contacts.csv, line 4: ")
    assert why in told


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    told = refusal(tmp_path, ",192.0.2.1,,,,,,,,\n,192.0.2.2,,Name,ok@clinic.test,,,,,\n,192.0.2.3,,,,,,,,\n" * 15)
    assert "line 2: the name is missing; line 4: the name is missing; line 5: " in told
    assert told.endswith("; and 10 more lines")


@pytest.mark.parametrize("row", placeholders(), ids=lambda row: row.holds or row.mailbox or row.domain)
def test_placeholders_are_refused_wherever_they_stand(row: object, tmp_path: Path) -> None:
    example: str = row.example  # type: ignore[attr-defined]
    quoted = f'"{example}"'
    tried = [f",192.0.2.1,,Name,{example},,,,,"] if "@" in example else [f",192.0.2.1,,{quoted},a@clinic.test,,,,,"]
    tried.append(f",192.0.2.1,,Name,a@clinic.test,{quoted},,,,")
    for line in tried:
        assert "reaches nobody" in refusal(tmp_path, line) or "is no e-mail address" in refusal(tmp_path, line)


@pytest.mark.parametrize(
    ("rows", "lines"),
    [
        (",192.0.2.1,,A,a@clinic.test,,,,,\n192.0.2.1/32,,,B,b@clinic.test,,,,,\n", (3, 2)),
        ("::ffff:192.0.2.0/120,,,A,a@clinic.test,,,,,\n\n192.0.2.0/24,,,B,b@clinic.test,,,,,\n", (4, 2)),
        (",,Klinik,A,a@clinic.test,,,,,\n,,KLINIK ,B,b@clinic.test,,,,,\n", (3, 2)),
    ],
)
def test_a_row_that_stands_twice_is_told(rows: str, lines: tuple[int, int], tmp_path: Path) -> None:
    told = refusal(tmp_path, rows)
    assert f"line {lines[0]}: this" in told
    assert told.endswith(f"stands in line {lines[1]} too")


def test_a_file_that_is_no_table(tmp_path: Path) -> None:
    path = tmp_path / "contacts.csv"
    path.write_bytes(HEAD.encode() + b",192.0.2.1,,Klinik K\xf6ln,a@clinic.test,,,,,\n")
    with pytest.raises(Refusal, match=r"contacts\.csv, line 2: is not UTF-8"):
        Contacts(path)
    path.write_bytes(b"")
    with pytest.raises(Refusal, match="the first line must name columns"):
        Contacts(path)
    assert "not by semicolons" in refusal(tmp_path, "", "network;name;email\n")
    assert "'phone' is none of the columns" in refusal(tmp_path, "", "name,phone\n")
    with pytest.raises(Refusal, match="cannot be read"):
        Contacts(tmp_path / "none.csv")
    with pytest.raises(Refusal, match="the first line must name columns"):
        Contacts(Path("/dev/null"))
    with pytest.raises(Refusal, match="cannot be read"):
        Contacts(tmp_path)


_V4 = st.integers(0, 255)
_PREFIX = st.integers(22, 32)


@given(st.sets(st.tuples(_V4, _PREFIX), max_size=12), st.sets(st.tuples(_V4, st.integers(100, 128)), max_size=8), _V4)
def test_the_narrowest_network_counts_as_by_looking_through_all(
    tmp_path_factory: pytest.TempPathFactory, four: set[tuple[int, int]], six: set[tuple[int, int]], last: int
) -> None:
    networks4 = {IPv4Network((0xC0000200 + n, p), strict=False) for n, p in four}
    networks6 = {IPv6Network((0x20010DB8 << 96 | n << 8, p), strict=False) for n, p in six}
    rows = "".join(f"{n},,,{n},a@clinic.test,,,,,\n" for n in [*networks4, *networks6])
    contacts = table(tmp_path_factory.mktemp("property"), rows)
    for address, among in (
        (IPv4Address(0xC0000200 + last), networks4),
        (IPv6Address(0x20010DB8 << 96 | last << 8), networks6),
    ):
        narrowest = max((n for n in among if address in n), key=lambda n: n.prefixlen, default=None)
        found = contacts.of(str(address))
        assert (found.name if found else None) == (None if narrowest is None else str(narrowest))


@pytest.mark.parametrize(
    ("postal", "lines"),
    [
        ("Weg 1, 12345 Ort, Land", ("Weg 1", "12345 Ort", "Land")),
        ("Haus 3, Ebene 2; 12345 Ort", ("Haus 3, Ebene 2", "12345 Ort")),
        ("KLINIK süd\nWeg 1\n12345 Ort", ("Weg 1", "12345 Ort")),
        ("Klinik Süd, Weg 1, 12345 Ort", ("Weg 1", "12345 Ort")),
        ("Klinik Süd GmbH; Weg 1", ("Klinik Süd GmbH", "Weg 1")),
    ],
)
def test_lines_of_a_postal_address(postal: str, lines: tuple[str, ...], tmp_path: Path) -> None:
    found = table(tmp_path, f',192.0.2.1,,Klinik Süd,,"{postal}",,,,\n').of("192.0.2.1")
    assert found is not None
    assert found.postal == lines


def test_an_operator_is_one_however_its_name_is_written(tmp_path: Path) -> None:
    table = contacts(tmp_path, ",Universita\u0308tsklinik  S\u00fcd,Klinik,pacs@klinik.test,,,,,")
    found = table.of("203.0.113.1", "UNIVERSIT\u00c4TSKLINIK Su\u0308d")
    assert found is not None
    assert found.email == "pacs@klinik.test"
