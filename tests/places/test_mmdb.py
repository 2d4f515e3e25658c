"""Databases of the user: the shapes that are known, and files that are cut, damaged or made to harm."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from filmbadge.model import NOWHERE, Refusal, Said
from filmbadge.places import Places, load
from filmbadge.places.mmdb import fields
from support import mmdb

DATE = "2026-09-21"
GEOLITE2 = {
    "198.51.100.0/24": {
        "country": {"iso_code": "DE", "names": {"en": "Germany"}},
        "registered_country": {"iso_code": "US"},
    },
    "203.0.113.0/24": {"registered_country": {"iso_code": "US"}},
    "2001:db8::/32": {"city": {"names": {"en": "Tokyo"}}, "country": {"iso_code": "JP"}},
}
GEOLITE2_ASN = {"198.51.100.0/24": {"autonomous_system_number": 64500, "autonomous_system_organization": "Example Net"}}
IPINFO_LITE = {
    "198.51.100.0/24": {"country": "Germany", "country_code": "DE", "asn": "AS64500", "as_name": "Example Net"}
}
IPINFO_COUNTRY_ASN = {
    "198.51.100.0/24": {"country": "DE", "country_name": "Germany", "asn": "AS64500", "as_name": "Net"}
}
IPINFO_ASN = {"198.51.100.0/24": {"asn": "AS64500", "domain": "example.org", "name": "Net", "route": "198.51.100.0/24"}}
IPTOASN = {"198.51.100.0/24": {"country_code": "DE"}}


def written(folder: Path, raw: bytes, name: str = "a.mmdb") -> Path:
    path = folder / name
    path.write_bytes(raw)
    return path


def told(places: Places, address: str) -> dict[str, str]:
    place = places.of(address)
    return {name: said[0].value for name in ("country", "asn", "as_name") if (said := getattr(place, name))}


@pytest.mark.parametrize("bits", [24, 28, 32])
@pytest.mark.parametrize(
    ("records", "found"),
    [
        (GEOLITE2, {"country": "DE"}),
        (GEOLITE2_ASN, {"asn": "64500", "as_name": "Example Net"}),
        (IPINFO_LITE, {"country": "DE", "asn": "64500", "as_name": "Example Net"}),
        (IPINFO_COUNTRY_ASN, {"country": "DE", "asn": "64500", "as_name": "Net"}),
        (IPINFO_ASN, {"asn": "64500", "as_name": "Net"}),
        (IPTOASN, {"country": "DE"}),
    ],
)
def test_known_shapes(tmp_path: Path, bits: int, records: dict[str, object], found: dict[str, str]) -> None:
    places = load([written(tmp_path, mmdb.database(records, bits=bits))])
    assert told(places, "198.51.100.7") == found
    assert places.of("198.51.100.7").network == "198.51.100.0/24"
    assert places.used[0].kind == "mmdb"
    assert places.used[0].date == DATE


def test_a_country_is_said_with_the_date_on_which_the_file_was_built(tmp_path: Path) -> None:
    places = load([written(tmp_path, mmdb.database(GEOLITE2))])
    assert places.of("198.51.100.7").country == (Said("DE", "a.mmdb", DATE),)
    assert told(places, "2001:db8::1") == {"country": "JP"}
    assert told(places, "203.0.113.1") == {}  # where a block is registered is not where it stands


def test_a_table_comes_before_a_database_and_both_are_told(tmp_path: Path) -> None:
    table = tmp_path / "z.csv"
    table.write_text("# date: 2026-11-20\nnetwork,country\n198.51.100.0/25,FR\n")
    place = load([written(tmp_path, mmdb.database(GEOLITE2)), table]).of("198.51.100.7")
    assert [(said.value, said.source) for said in place.country] == [("FR", "z.csv"), ("DE", "a.mmdb")]
    assert place.network == "198.51.100.0/25"


def test_it_knows_nothing_of_this_machine(tmp_path: Path) -> None:
    places = load([written(tmp_path, mmdb.database({"127.0.0.0/8": {"country_code": "DE"}}, version=4))])
    assert places.of("127.0.0.1") is NOWHERE
    assert places.of("2001:db8::1") is NOWHERE  # it holds IPv4 only


@pytest.mark.parametrize(
    "record",
    [
        None, "DE", 5, [], {}, {"country": None}, {"country": {"iso_code": 5}}, {"country": ["DE"]}, {"country_code": "ZZ"},
        {"country_code": "-"}, {"country": "Germany"}, {"asn": "ASX"}, {"asn": True}, {"asn": 2**40}, {"as_name": ["x"]}, {"as_name": " "},
        {"autonomous_system_number": -1},
    ],
)  # fmt: skip
def test_odd_values_say_nothing(record: object) -> None:
    assert list(fields(record)) == []


def test_what_holds_none_of_the_known_fields_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, mmdb.database({"1.0.0.0/8": {"connection_type": "Cable"}}, version=4))
    with pytest.raises(Refusal, match=r"^a\.mmdb holds no country, AS number or AS name"):
        load([path])


def refused_or_answers(path: Path) -> None:
    """A file may be refused in one line, or answer. It may do nothing else."""
    try:
        places = load([path])
    except Refusal as error:
        assert str(error).startswith("a.mmdb")
        assert str(error).isprintable()
        return
    for address in ("198.51.100.7", "203.0.113.1", "2001:db8::1", "0.0.0.0", "255.255.255.255", "::ffff:0:0:1"):
        places.of(address)


def test_cut_files_are_refused_or_answer(tmp_path: Path) -> None:
    whole = mmdb.database(GEOLITE2)
    for end in range(0, len(whole), 7):
        refused_or_answers(written(tmp_path, whole[:end]))
    for start in range(1, 600, 13):  # the tree is cut, and all behind it moves
        refused_or_answers(written(tmp_path, whole[start:]))


def test_damaged_files_are_refused_or_answer(tmp_path: Path) -> None:
    lot = random.Random(15)
    whole = mmdb.database({network: record for network, record in GEOLITE2.items() if ":" not in network}, version=4)
    for _ in range(400):
        raw = bytearray(whole)
        for _ in range(lot.choice((1, 1, 2, 8))):
            raw[lot.randrange(len(raw))] = lot.randrange(256)
        refused_or_answers(written(tmp_path, bytes(raw)))


def fan_out(levels: int) -> bytes:
    """Each level is an array of eight pointers to the next: 8 ** levels values, if all were read."""
    made, at = b"", list[int]()
    for level in range(levels):
        at.append(len(made))
        made += bytes([8, 4]) + b"\xff" * 5 * 8 if level < levels - 1 else mmdb.encoded({"country_code": "DE"})
    for level in range(levels - 1):
        start = at[level] + 2
        made = made[:start] + mmdb.pointer(at[level + 1]) * 8 + made[start + 40 :]
    return made


@pytest.mark.parametrize(
    "data",
    [
        fan_out(20),
        mmdb.pointer(0),  # to itself
        mmdb.control(7, 1) + mmdb.encoded("country") + mmdb.pointer(0),  # a map that holds itself
        bytes([7 << 5 | 31, 255, 255, 255]),  # a map of 16 million pairs, of which none is there
        bytes([2 << 5 | 31, 255, 255, 255]) + b"x" * 100,  # a text longer than the file
        mmdb.control(7, 1) + mmdb.encoded(5) + mmdb.encoded(5),  # a key that is no text
        mmdb.encoded({"country_code": "DE"})[:-1] + b"\xff",  # no UTF-8
        bytes([0, 249]),  # a type that does not exist
        mmdb.pointer(2**31),
        b"".join(mmdb.control(7, 1) + mmdb.encoded("country") for _ in range(5000)),  # deep
    ],
)
def test_records_made_to_harm_are_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(Refusal, match=r"^a\.mmdb "):
        load([written(tmp_path, mmdb.holding(data))])


@pytest.mark.parametrize(
    "others",
    [
        {"node_count": 2**40},
        {"node_count": "many"},
        {"record_size": 25},
        {"record_size": "24"},
        {"ip_version": 5},
        {"ip_version": "6"},
        {"build_epoch": 2**62},
        {"build_epoch": "now"},
        {"build_epoch": {}},
        {"languages": 5},
    ],
)
def test_odd_metadata_is_refused_or_answers(tmp_path: Path, others: dict[str, object]) -> None:
    raw = mmdb.database(GEOLITE2_ASN)
    end = raw.index(mmdb.MARK)
    refused_or_answers(written(tmp_path, raw[:end] + mmdb.metadata(end // 6, others=others)))
    refused_or_answers(written(tmp_path, raw[:end] + mmdb.MARK + fan_out(20)))


def test_a_tree_that_leads_back_ends(tmp_path: Path) -> None:
    raw = mmdb.tree([[0, 0]], 24) + bytes(16) + mmdb.encoded({"country_code": "DE"}) + mmdb.metadata(1)
    refused_or_answers(written(tmp_path, raw))
