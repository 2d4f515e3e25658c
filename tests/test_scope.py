"""The permission: what it allows, and every way in which a scope file is refused, with the line at fault."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta
from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address, ip_network
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filmbadge.model import Depth
from filmbadge.scope import (
    LOOPBACK,
    PORT_KINDS,
    ConnectionLimits,
    Intervals,
    RateLimits,
    Scope,
    ScopeError,
    embedded,
    host_of,
    load,
    loopback,
    narrowed,
    parse,
    sweep,
    template,
)
from filmbadge.tell.scope import explain
from filmbadge.tell.words import Words

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
ENGLISH = Words()
LINES = """\
schema = "filmbadge.scope/1"
networks = [
  "203.0.113.0/24",   # the hospital
  "2001:db8::/120",
]
exclude = ["203.0.113.10/32"]
depth = "count"
expires = 2027-01-31

[authority]
who = "the board"
reference = "T-1"
basis = "mandate"
contact = "cert@example.org"

[ae_titles]
called = [
  "STORE",
  "ARCHIVE",
]

[ports]
dimse = [
  104,
  11112,
]
web = [8042]

[pace]
overall = 20
open_at_once = 8

[caps]
seconds = 60
received_bytes = 1000000
""".splitlines()
VALID = "\n".join(LINES) + "\n"


def at(line: str) -> int:
    return LINES.index(line) + 1


def replaced(line: str, text: str) -> str:
    return "\n".join(text if old == line else old for old in LINES)


def refusal(text: str) -> ScopeError:
    with pytest.raises(ScopeError) as caught:
        parse(text, "scope.toml", NOW)
    return caught.value


def test_a_valid_file() -> None:
    scope = parse(VALID, "scope.toml", NOW)
    assert scope.networks == (ip_network("203.0.113.0/24"), ip_network("2001:db8::/120"))
    assert scope.exclude == (ip_network("203.0.113.10/32"),)
    assert (scope.depth, scope.basis) == (Depth.COUNT, "mandate")
    assert scope.expires == datetime(2027, 1, 31, 23, 59, 59, tzinfo=UTC)
    assert (scope.authority, scope.reference, scope.contact) == ("the board", "T-1", "cert@example.org")
    assert scope.called_titles == ("STORE", "ARCHIVE")
    assert (scope.dimse_ports, scope.web_ports, scope.qido_record) == ((104, 11112), (8042,), False)
    assert scope.dimse_tls_ports == (2762,)
    assert parse(VALID.replace("web = [8042]", "dimse_tls = []"), "scope.toml", NOW).dimse_tls_ports == ()
    assert scope.pace == RateLimits(overall=20, open_at_once=8)
    assert scope.caps == ConnectionLimits(seconds=60, received_bytes=1_000_000)
    patient = parse(VALID.replace("seconds = 60", "patience_seconds = 45"), "scope.toml", NOW)
    least = parse(VALID.replace("seconds = 60", "connect_seconds_least = 2"), "scope.toml", NOW)
    assert (scope.caps.connect_seconds_least, least.caps.connect_seconds_least) == (0.5, 2)
    assert (scope.caps.patience_seconds, patient.caps.patience_seconds) == (30, 45)


NETWORK, EXCLUDE, EXPIRES = '  "2001:db8::/120",', 'exclude = ["203.0.113.10/32"]', "expires = 2027-01-31"
DEPTH, BASIS = 'depth = "count"', 'basis = "mandate"'
WHO, CONTACT = 'who = "the board"', 'contact = "cert@example.org"'
AUTHORITY, TITLES = at("[authority]"), '  "ARCHIVE",'


@pytest.mark.parametrize(
    ("line", "text", "fault", "message"),
    [
        (LINES[0], "", 1, "'schema' is missing"),
        (LINES[0], 'schema = "filmbadge.scope/9"', 1, "this version reads"),
        (LINES[0], "schema = 1", 1, "as text"),
        (EXCLUDE, 'exclude = "203.0.113.10/32"', at(EXCLUDE), "must be a list"),
        (NETWORK, '  "2001:db8::1/120",', at(NETWORK), "host bits"),
        (NETWORK, '  "pacs.example",', at(NETWORK), "must be like"),
        (NETWORK, "  7,", at(NETWORK), "not a network"),
        (NETWORK, '  "",', at(NETWORK), "not a network"),
        (NETWORK, "  true,", at(NETWORK), "not a network"),
        (EXCLUDE, 'exclude = ["203.0.113.300"]', at(EXCLUDE), "'203.0.113.300' is not a network"),
        (EXCLUDE, 'exclude = ["203.0.113.10/32", ]\nnetwork = []', at(EXCLUDE) + 1, "unknown key 'network'"),
        (EXCLUDE, "exclude = {}", at(EXCLUDE), "must be a list"),
        (DEPTH, "", 1, "'depth' is missing"),
        (DEPTH, 'depth = "deep"', at(DEPTH), "knock, ask, count, profile, prove"),
        (DEPTH, 'depth = "TODO"', at(DEPTH), "filled in"),
        (EXPIRES, "", 1, "'expires' is missing"),
        (EXPIRES, 'expires = "2027-01-31"', at(EXPIRES), "without quotes"),
        (EXPIRES, "expires = 10:00:00", at(EXPIRES), "without quotes"),
        (EXPIRES, "expires = 2026-05-31", at(EXPIRES), "expired on 2026-05-31 23:59 UTC"),
        (EXPIRES, "expires = 2026-06-01T12:00:00Z", at(EXPIRES), "expired"),
        (EXPIRES, "expires = 2026-06-01T13:30:00+02:00", at(EXPIRES), "expired on 2026-06-01 11:30 UTC"),
        (WHO, "", AUTHORITY, "'authority.who' is missing"),
        (WHO, 'who = " "', at(WHO), "'authority.who' must be filled in"),
        (WHO, 'who = "TODO"', at(WHO), "filled in"),
        ('reference = "T-1"', "", AUTHORITY, "'authority.reference' is missing"),
        (CONTACT, "", AUTHORITY, "'authority.contact' is missing"),
        (CONTACT, "contact = 7", at(CONTACT), "as text"),
        (BASIS, 'basis = "curiosity"', at(BASIS), "owner, mandate, research"),
        (BASIS, "", AUTHORITY, "'authority.basis' is missing"),
        (BASIS, 'basis = "mandate"\nbases = 1', at(BASIS) + 1, "unknown key 'bases'"),
        (TITLES, '  "SEVENTEEN_LETTERS",', at(TITLES), "not an AE title"),
        (TITLES, '  "TITEL_Ä",', at(TITLES), "not an AE title"),
        (TITLES, "  'BACK\\SLASH',", at(TITLES), "not an AE title"),
        (TITLES, '  "BACK\\\\SLASH",', at(TITLES), "not an AE title"),
        (TITLES, '  "  ",', at(TITLES), "not an AE title"),
        (TITLES, "  7,", at(TITLES), "not an AE title"),
        ("  11112,", "  70000,", at("  11112,"), "70000 is not a port"),
        ("  11112,", "  0,", at("  11112,"), "0 is not a port"),
        ("  11112,", "  true,", at("  11112,"), "not a port"),
        ("  11112,", '  "11112",', at("  11112,"), "not a port"),
        ("web = [8042]", "web = 8042", at("web = [8042]"), "must be a list"),
        ("overall = 20", "overall = 0", at("overall = 20"), "'pace.overall' must be a number above 0"),
        ("overall = 20", "archive_share = 1.5", at("overall = 20"), "'pace.archive_share' is a share: at most 1"),
        ("overall = 20", "overall = nan", at("overall = 20"), "above 0"),
        ("overall = 20", "overall = 2e12", at("overall = 20"), "above 0 and below 1e12"),
        ("overall = 20", "overall = true", at("overall = 20"), "above 0"),
        ("overall = 20", "overall = 20\nspeed = 9", at("overall = 20") + 1, "unknown key 'speed'"),
        ("open_at_once = 8", "open_at_once = 1.5", at("open_at_once = 8"), "whole number"),
        ("received_bytes = 1000000", "received_bytes = 1e6", at("received_bytes = 1000000"), "whole number"),
        ("seconds = 60", "seconds = -1", at("seconds = 60"), "above 0"),
        ("[caps]", "[cap]", at("[caps]"), "unknown key 'cap'"),
        ("[caps]", "[cap.s]", at("[caps]"), "unknown key 'cap'"),
        ("[caps]", "[[caps]]", at("[caps]"), "must be a table"),
        (DEPTH, 'depth = "count', at(DEPTH), "not valid TOML"),
        (BASIS, 'basis = "mandate"\nbasis = "owner"', at(BASIS) + 1, "not valid TOML"),
    ],
)  # fmt: skip
def test_every_refusal_names_its_line(line: str, text: str, fault: int, message: str) -> None:
    error = refusal(replaced(line, text))
    assert message in str(error)
    assert error.line == fault
    assert str(error).startswith(f"scope.toml:{fault}: ")
    assert "\n" not in str(error)


def test_a_missing_list_of_networks() -> None:
    error = refusal(VALID.replace('  "203.0.113.0/24",   # the hospital\n  "2001:db8::/120",\n', ""))
    assert (error.line, "at least one network" in str(error)) == (2, True)


def test_a_table_as_dotted_keys_has_lines_too() -> None:
    dotted = ['authority.who = "x"', 'authority.basis = "whim"', 'authority.reference = "y"', 'authority.contact = "z"']
    table = LINES.index("[authority]")
    error = refusal("\n".join([*LINES[: table - 1], *dotted, *LINES[table + 5 :]]))
    assert "'basis' is 'whim'" in str(error)
    assert error.line == table + 1


def test_a_table_that_is_none() -> None:
    table = LINES.index("[pace]")
    error = refusal("\n".join(["pace = 5", *LINES[:table], *LINES[table + 4 :]]))
    assert (error.line, "must be a table" in str(error)) == (1, True)


@pytest.mark.parametrize("depth", ["profile", "prove"])
def test_personal_data_needs_a_basis(depth: str) -> None:
    deep = VALID.replace(DEPTH, f'depth = "{depth}"')
    for basis in ("owner", "mandate"):
        assert parse(deep.replace(BASIS, f'basis = "{basis}"'), "s", NOW).depth == depth
    error = refusal(deep.replace(BASIS, 'basis = "research"'))
    assert (error.line, "personal data" in str(error)) == (at(DEPTH), True)
    assert parse(VALID.replace(BASIS, 'basis = "research"'), "s", NOW).basis == "research"


def test_a_file_that_is_not_there_or_no_text(tmp_path: Path) -> None:
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(ScopeError):
            load(path, NOW)
    broken = tmp_path / "broken.toml"
    broken.write_bytes(b"\xff")
    with pytest.raises(ScopeError, match="cannot be read"):
        load(broken, NOW)
    broken.write_text(VALID)
    assert load(broken, NOW).name == str(broken)


def scope(*networks: str, exclude: tuple[str, ...] = ()) -> Scope:
    return Scope("test", tuple(map(ip_network, networks)), tuple(map(ip_network, exclude)))


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("203.0.113.0", True),
        ("203.0.113.255", True),
        ("192.0.1.255", False),
        ("192.0.3.0", False),
        ("203.0.113.10", False),  # excluded
        ("203.0.113.9", True),
        ("203.0.113.11", True),
        ("::ffff:203.0.113.9", True),
        ("::ffff:203.0.113.10", False),  # excluded, in IPv6 clothing
        ("::ffff:198.51.100.1", False),
        ("2001:db8::ff", True),
        ("2001:db8::100", False),
        ("::cb00:7109", False),  # the number of an allowed IPv4 address is no permission in IPv6
        ("0.32.1.13", False),
    ],
)
def test_what_is_permitted(address: str, allowed: bool) -> None:
    assert parse(VALID, "s", NOW).permits(ip_address(address), NOW) is allowed


@pytest.mark.parametrize(
    "address", ["0.0.0.0", "::", "224.0.0.1", "::ffff:224.0.0.1", "255.255.255.255", "ff02::1", "::ffff:0.0.0.0"]
)
def test_what_no_scope_permits(address: str) -> None:
    assert not scope("0.0.0.0/0", "::/0").permits(ip_address(address))


def test_an_exclusion_in_ipv6_clothing_excludes() -> None:
    clothed = scope("192.0.2.0/24", exclude=("::ffff:192.0.2.16/124",))
    assert not clothed.permits(ip_address("192.0.2.17"))
    assert clothed.permits(ip_address("192.0.2.32"))


def test_a_scope_expires_by_itself() -> None:
    allowed = parse(VALID, "s", NOW)
    end = datetime(2027, 1, 31, 23, 59, 59, tzinfo=UTC)
    assert allowed.permits(ip_address("203.0.113.1"), end - timedelta(seconds=1))
    assert not allowed.permits(ip_address("203.0.113.1"), end)


def test_loopback_is_loopback() -> None:
    assert LOOPBACK.permits(ip_address("127.3.2.1"))
    assert LOOPBACK.permits(ip_address("::1"))
    for address in ("128.0.0.1", "126.255.255.255", "192.168.0.1", "::2", "fe80::1"):
        assert not LOOPBACK.permits(ip_address(address))


@pytest.mark.parametrize("change", [{"depth": Depth.PROFILE}, {"depth": Depth.PROVE}, {"qido_record": True}])
def test_no_permission_goes_deep_without_a_statement(change: dict[str, Any]) -> None:
    """Not by hand either: a library's user must say whose archive it is, on loopback as elsewhere."""
    assert LOOPBACK.depth is Depth.COUNT
    with pytest.raises(ScopeError, match="whose archive it is"):
        replace(LOOPBACK, **change)
    with pytest.raises(ScopeError, match="whose archive it is"):
        Scope("mine", (ip_network("192.0.2.0/24"),), authority="somebody", basis="research", **change)
    with pytest.raises(ScopeError, match="whose archive it is"):
        Scope("mine", (ip_network("192.0.2.0/24"),), basis="owner", **change)
    assert Scope("mine", (ip_network("192.0.2.0/24"),), authority="somebody", basis="owner", **change).authority


def test_loopback_goes_deep_with_a_statement() -> None:
    stated = loopback("  St. Mary, radiology ")
    assert (stated.depth, stated.authority, stated.basis) == (Depth.PROVE, "St. Mary, radiology", "owner")
    assert replace(stated, depth=Depth.COUNT, authority="", basis=None) == LOOPBACK


@pytest.mark.parametrize("owner", ["", "  ", "TODO who", "x" * 301, "a\nb", "a\x1b[31mb", "a\u202eb", "a\x00"])
def test_a_statement_is_a_text_that_can_be_shown(owner: str) -> None:
    with pytest.raises(ScopeError, match="whose archive it is"):
        loopback(owner)
    assert "authority.who" in str(refusal(replaced(WHO, f"who = {json.dumps(owner)}")))


# Every form of IPv6 address that leads to an IPv4 address, written by hand from the RFCs. Each is given its two halves.
FORMS: dict[str, Callable[[int, int], str]] = {
    "mapped": lambda a, b: f"::ffff:{a:x}:{b:x}",
    "compatible": lambda a, b: f"::{a:x}:{b:x}",
    "translated": lambda a, b: f"::ffff:0:{a:x}:{b:x}",
    "NAT64": lambda a, b: f"64:ff9b::{a:x}:{b:x}",
    "NAT64, local, 96": lambda a, b: f"64:ff9b:1::{a:x}:{b:x}",
    "6to4": lambda a, b: f"2002:{a:x}:{b:x}:7::9",
    "Teredo client": lambda a, b: f"2001:0:c000:201:8000:63bf:{a ^ 0xFFFF:x}:{b ^ 0xFFFF:x}",
    "Teredo server": lambda a, b: f"2001:0:{a:x}:{b:x}:8000:63bf:{0xC000 ^ 0xFFFF:x}:{0x0201 ^ 0xFFFF:x}",
    "ISATAP": lambda a, b: f"2001:db8:7::5efe:{a:x}:{b:x}",
    "ISATAP, universal": lambda a, b: f"2001:db8:7:0:200:5efe:{a:x}:{b:x}",
    "ISATAP in 6to4": lambda a, b: f"2002:c000:201:7:0:5efe:{a:x}:{b:x}",
}
V4 = st.integers(1 << 24, 0xFFFFFFFF).map(IPv4Address)
EVERYWHERE = ("::/0", "192.0.2.1/32")  # and the server, client or router in the forms that have two
FOUR_NETWORKS = st.tuples(V4, st.integers(0, 32)).map(lambda pair: IPv4Network(pair, strict=False))


def form(name: str, four: IPv4Address) -> IPv6Address:
    return IPv6Address(FORMS[name](int(four) >> 16, int(four) & 0xFFFF))


@pytest.mark.parametrize("name", FORMS)
@settings(deadline=None)
@given(V4, FOUR_NETWORKS, FOUR_NETWORKS)
def test_a_disguise_is_judged_by_what_it_embeds(
    name: str, four: IPv4Address, allowed: IPv4Network, excluded: IPv4Network
) -> None:
    """Whoever allows all of IPv6 does not allow the IPv4 behind it, and an exclusion there holds in every form."""
    disguised = form(name, four)
    under = Scope("s", (*map(ip_network, EVERYWHERE), allowed), (excluded,))
    two = name.startswith("Teredo") or name == "ISATAP in 6to4"
    other = not two or under.permits(IPv4Address("192.0.2.1"))
    assert under.permits(disguised) is (under.permits(four) and other)
    assert not Scope("s", (allowed,), ()).permits(disguised) or name == "mapped"
    assert host_of(disguised) == (four if name != "Teredo server" else IPv4Address("192.0.2.1"))


@pytest.mark.parametrize("name", FORMS)
def test_a_disguise_of_an_allowed_host_is_allowed(name: str) -> None:
    assert scope("::/0", "192.0.2.0/24").permits(form(name, IPv4Address("192.0.2.7")))
    assert not scope("::/0", "192.0.2.0/24", exclude=("192.0.2.7/32",)).permits(form(name, IPv4Address("192.0.2.7")))
    assert not scope("::/0").permits(form(name, IPv4Address("192.0.2.7")))
    assert not scope("::/0", "0.0.0.0/0").permits(form(name, IPv4Address("224.0.0.1")))


@pytest.mark.parametrize(
    ("length", "address"),
    [(48, "64:ff9b:1:c000:2:100::"), (56, "64:ff9b:1:c0:0:201::"), (64, "64:ff9b:1:0:c0:2:100:0")],
)
def test_a_local_translator_may_read_any_length(length: int, address: str) -> None:
    """RFC 6052 2.2 has four ways to read it: the excluded host is not reached by one of them."""
    assert IPv4Address("192.0.2.1") in embedded(ip_address(address)), length
    assert not scope("::/0", "0.0.0.0/0", exclude=("192.0.2.1/32",)).permits(ip_address(address))


@pytest.mark.parametrize(
    "address", ["::1", "2001:db8::1", "fe80::1", "2001:1::1", "64:ff9b:2::c000:201", "2003:c000:201::1"]
)
def test_other_addresses_embed_nothing(address: str) -> None:
    assert embedded(ip_address(address)) == ()
    assert host_of(ip_address(address)) == ip_address(address)
    assert scope("::/0").permits(ip_address(address))


@pytest.mark.parametrize(
    "network", ["64:ff9b::c000:200/120", "2002:c000:200::/40", "::c000:200/120", "::ffff:0:c000:200/120"]
)
def test_an_exclusion_of_a_disguise_excludes_the_host(network: str) -> None:
    under = scope("::/0", "0.0.0.0/0", exclude=(network,))
    assert not under.permits(ip_address("192.0.2.7"))
    assert not under.permits(form("6to4", IPv4Address("192.0.2.7")))
    assert under.permits(ip_address("192.0.3.7"))


def test_a_network_of_disguises_needs_what_it_embeds() -> None:
    nat64 = VALID.replace(NETWORK, '  "64:ff9b::c633:6400/120",')
    error = refusal(nat64)
    assert (error.line, "list 198.51.100.0/24 too" in str(error)) == (at(NETWORK), True)
    both = parse(nat64.replace('"203.0.113.0/24"', '"203.0.113.0/24", "198.51.100.0/24"'), "s", NOW)
    assert both.permits(ip_address("64:ff9b::c633:6401"), NOW)


def test_a_sweep_leaves_out_what_the_door_would_refuse() -> None:
    """Else each would be a host that nobody could decide."""
    both = scope("64:ff9b::c633:6400/126", "198.51.100.0/24", "::1/128", exclude=("198.51.100.2/32",))
    _, v6 = both.addresses()
    assert [str(IPv6Address(v6[n])) for n in range(v6.size)] == [
        "::1",
        *(f"64:ff9b::c633:{last:x}" for last in (0x6400, 0x6401, 0x6403)),
    ]
    assert all(both.permits(IPv6Address(v6[n])) for n in range(v6.size))
    assert scope("2002:c633:6401::/48", "2002:c633:6402::/48", "198.51.100.1/32").addresses()[1].size == 1 << 80


ALL_V4, ALL_V6 = 2**32, 2**128
# What leads to one of the IPv4 addresses that the scope does not allow is no part of it: three forms of 32 bits, and 6to4.
NO_IPV4 = 3 * (ALL_V4 - 255 - 2) + (ALL_V4 - 255 << 80)


@pytest.mark.parametrize(
    ("line", "text", "sentence"),
    [
        (NETWORK, '  "0.0.0.0/0",', f"I may ask {ALL_V4 - 1} IPv4 addresses"),
        (NETWORK, '  "10.0.0.0/7",', f"I may ask {2**25 + 256 - 1} IPv4 addresses"),
        (NETWORK, '  "::/0",', f"I may ask {ALL_V6 - NO_IPV4} IPv6 addresses"),
        (EXPIRES, "expires = 2027-06-03", "I hold this permission until 2027-06-03"),
        (EXPIRES, "expires = 2099-12-31", "I hold this permission until 2099-12-31"),
        ("overall = 20", "overall = 501", "pace.overall is 501, and I answer for it"),
        ("overall = 20", "per_network = 101", "pace.per_network is 101, and I answer for it"),
        ("overall = 20", "per_host = 20.5", "pace.per_host is 20.5, and I answer for it"),
        ("overall = 20", "archive_share = 0.51", "pace.archive_share is 0.51, and I answer for it"),
        ("open_at_once = 8", "open_at_once = 2561", "pace.open_at_once is 2561, and I answer for it"),
        ("seconds = 60", "seconds = 6001", "caps.seconds is 6001, and I answer for it"),
        ("seconds = 60", "patience_seconds = 301", "caps.patience_seconds is 301, and I answer for it"),
        ("seconds = 60", "idle_seconds = 601", "caps.idle_seconds is 601, and I answer for it"),
        ("seconds = 60", "connect_seconds = 51", "caps.connect_seconds is 51, and I answer for it"),
        ("received_bytes = 1000000", "received_bytes = 10737418241", "caps.received_bytes is 10737418241, and I answer for it"),
        ("[caps]", "[census]\nquestions = 20001\n[caps]", "census.questions is 20001, and I answer for it"),
        ("[caps]", "[memory]\ndistinct_bytes = 5368709121\n[caps]", "memory.distinct_bytes is 5368709121, and I answer for it"),
        ("[caps]", "[census]\nminutes = 1201\n[caps]", "census.minutes is 1201, and I answer for it"),
        ("[caps]", "[census]\nwhole = 200001\n[caps]", "census.whole is 200001, and I answer for it"),
    ],
)  # fmt: skip
def test_what_is_beyond_reason_is_confirmed_in_words(line: str, text: str, sentence: str) -> None:
    unusual = replaced(line, text)
    error = refusal(unusual)
    key = (
        sentence.partition(" is ")[0].rpartition(".")[2] if " is " in sentence else text.partition(" ")[0] or "networks"
    )
    assert error.line is not None and unusual.splitlines()[error.line - 1].startswith(key)
    assert str(error).endswith(f'add to this file: confirm = ["{sentence}"]')
    confirmed = f'confirm = ["{sentence}"]\n{unusual}'
    assert parse(confirmed, "s", NOW).confirmed == (sentence,)
    assert f"confirmed by its author: {sentence}" in explain(parse(confirmed, "s", NOW), ENGLISH)
    assert "beyond what is usual" in str(refusal(f'confirm = ["I may do anything"]\n{unusual}'))
    home = VALID.replace('"203.0.113.0/24"', '"127.0.0.0/8"').replace(NETWORK, '  "::1/128",')
    if line != NETWORK:  # loopback alone may do it without a scope
        assert parse(home.replace(line, text), "s", NOW).confirmed == ()


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (EXPIRES, "expires = 2027-06-01"),
        ("overall = 20", "overall = 500"),
        ("overall = 20", "archive_share = 0.5"),
        (NETWORK, '  "10.0.0.0/9", "2001:db8::/32",'),
    ],
)
def test_what_is_usual_needs_no_words(line: str, text: str) -> None:
    assert parse(replaced(line, text), "s", NOW).confirmed == ()


@pytest.mark.parametrize("value", ["7", '[""]', "[7]", '["a\\nb"]'])
def test_a_confirmation_is_a_list_of_sentences(value: str) -> None:
    assert "confirm" in str(refusal(f"confirm = {value}\n{VALID}"))


RANGES = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 12)).map(lambda r: (r[0], r[0] + r[1])), max_size=6)


def numbers(ranges: list[tuple[int, int]]) -> set[int]:
    return {n for low, high in ranges for n in range(low, high + 1)}


@settings(deadline=None)
@given(RANGES, RANGES)
def test_intervals_are_sets(ranges: list[tuple[int, int]], cuts: list[tuple[int, int]]) -> None:
    left = Intervals.of(ranges).less(Intervals.of(cuts))
    expected = numbers(ranges) - numbers(cuts)
    assert {n for n in range(80) if n in left} == expected
    assert left.size == len(expected)
    assert [left[index] for index in range(left.size)] == sorted(expected)
    with pytest.raises(IndexError):
        left[left.size]


@settings(deadline=None)
@given(RANGES, st.integers(0, 80), st.integers(0, 80))
def test_intervals_between_two_ends(ranges: list[tuple[int, int]], low: int, high: int) -> None:
    inside = Intervals.of(ranges).within(low, high)
    assert {n for n in range(82) if n in inside} == {n for n in numbers(ranges) if low <= n <= high}


@settings(deadline=None)
@given(RANGES, st.integers(0, 2**32), st.sampled_from([4, 6]))
def test_a_sweep_visits_each_address_once(ranges: list[tuple[int, int]], seed: int, version: int) -> None:
    visited = list(sweep(Intervals.of(ranges), version, seed))
    assert len(visited) == len(set(visited))
    assert {int(address) for address in visited} == numbers(ranges)
    assert all(address.version == version for address in visited)


@settings(deadline=None)
@given(st.integers(14, 30), st.integers(0, 1000))
def test_a_sweep_parts_neighbours(prefix: int, seed: int) -> None:
    """Two addresses asked one after the other are not next to each other."""
    network = IPv4Network((10 << 24, prefix))
    addresses = sweep(scope(str(network)).addresses()[0], 4, seed)
    first = [int(address) for _, address in zip(range(200), addresses, strict=False)]
    if prefix <= 24:
        assert min(abs(a - b) for a, b in pairwise(first)) > 8


def test_a_sweep_leaves_out_network_broadcast_and_exclusions() -> None:
    v4, v6 = scope("192.0.2.0/29", "192.0.2.8/31", "2001:db8::/126", exclude=("192.0.2.3/32",)).addresses()
    assert [v4[n] & 0xFF for n in range(v4.size)] == [1, 2, 4, 5, 6, 8, 9]
    assert v6.size == 4


def test_the_template_must_be_filled_in(tmp_path: Path) -> None:
    text = template("my.toml", date(2026, 6, 1))
    assert tomllib.loads(text)["expires"] == date(2026, 8, 30)
    written = text.splitlines()
    lines = [n for n, line in enumerate(written, 1) if "TODO" in line or "an example network" in line]
    error = refusal(text)
    assert [fault.split(":")[1] for fault in error.faults] == list(map(str, lines))
    assert str(error) == f"{error.faults[0]} (and 3 more: filmbadge scope check scope.toml)"
    text = text.replace("TODO", "filled in:").replace("192.0.2.0/24", "203.0.113.0/24")
    filled = parse(text, "my.toml", NOW)
    assert (filled.depth, filled.called_titles) == (Depth.ASK, ())
    assert (filled.pace, filled.caps) == (RateLimits(), ConnectionLimits())
    assert (filled.dimse_ports, filled.dimse_tls_ports) == ((104, 4242, 5678, 11112), (2762,))


def test_records_of_dicomweb_are_asked_for_with_a_mandate_only() -> None:
    allowed = VALID.replace("[authority]", "[ask]\nqido_record = true\n[authority]")
    scope = parse(allowed, "s", NOW)
    assert scope.qido_record
    told = explain(scope, ENGLISH)
    assert "asks DICOMweb for" in told and "never asks for personal data" not in told
    assert "asks DICOMweb for" not in explain(parse(VALID, "s", NOW), ENGLISH)
    with pytest.raises(ScopeError, match="personal data on the wire"):
        parse(allowed.replace('basis = "mandate"', 'basis = "research"'), "s", NOW)
    with pytest.raises(ScopeError, match="true or false"):
        parse(allowed.replace("qido_record = true", "qido_record = 1"), "s", NOW)


def test_a_scope_says_what_it_would_contact() -> None:
    assert "would contact 65,534 addresses on 13 ports each" in explain(scope("10.0.0.0/16"), ENGLISH)
    assert "would contact 1 address on" in explain(scope("10.0.0.1/32"), ENGLISH)
    assert "questions take at most 10% of an archive's time" in explain(scope("10.0.0.0/16"), ENGLISH)
    assert "too many to sweep" in explain(scope("10.0.0.0/7"), ENGLISH)
    told = explain(parse(VALID, "s", NOW), ENGLISH)
    assert "would contact 509 addresses on 6 ports each, at most 20 connections a second" in told
    assert "allowed by the board (T-1), basis mandate, until 31 January 2027" in told
    assert "STORE, ARCHIVE" in told


@pytest.mark.parametrize("depth", [Depth.PROFILE, Depth.PROVE])
def test_whoever_allows_a_scope_reads_that_personal_data_is_looked_at(depth: Depth) -> None:
    told = explain(replace(parse(VALID, "s", NOW), depth=depth), ENGLISH)
    assert "looks at personal attributes" in told
    assert "a census of one archive ends after 2,000 questions, 2.0 hours or 4,096 MiB" in told
    assert "holds at most 512 MiB of hashes, of all archives together" in told
    assert "census" not in explain(replace(parse(VALID, "s", NOW), depth=Depth.ASK), ENGLISH)


def test_retrievals_are_bounded() -> None:
    found = parse(VALID + "\n[retrievals]\neach = 3\n", "s", NOW).retrievals
    assert (found.each, found.large) == (3, 30)
    for wrong, why in (("each = 1.5", "whole number"), ("large = 1001", "at most 1000"), ("each = 0", "above 0")):
        with pytest.raises(ScopeError, match=why):
            parse(VALID + f"\n[retrievals]\n{wrong}\n", "s", NOW)
    with pytest.raises(ScopeError, match=r"retrievals\.each is 51, and I answer for it"):
        parse(VALID + "\n[retrievals]\neach = 51\n", "s", NOW)


def test_the_memory_of_a_run_is_in_the_scope() -> None:
    assert parse(VALID + "\n[memory]\ndistinct_bytes = 2097152\n", "s", NOW).memory.distinct_bytes == 2097152
    for wrong, why in (("0.5", "whole number"), ("4096", "at least 1048576 bytes")):
        with pytest.raises(ScopeError, match=why):
            parse(VALID + f"\n[memory]\ndistinct_bytes = {wrong}\n", "s", NOW)


@pytest.mark.parametrize("text", ["networks = " + "[" * 9000 + "]" * 9000, "depth = " + "9" * 5000])
def test_toml_that_breaks_the_reader_is_refused(text: str) -> None:
    with pytest.raises(ScopeError, match="too long or nested too deep"):
        parse(text, "scope.toml")


def test_an_end_beyond_the_calendar_is_refused() -> None:
    text = VALID.replace("expires = 2027-01-31", "expires = 9999-12-31T23:59:59-12:00")
    with pytest.raises(ScopeError, match="not a date"):
        parse(text, "scope.toml")


def test_names_of_hosts_are_exact_and_in_small_letters() -> None:
    text = "\n".join(['names = ["PACS.Example.org.", "b"]', *LINES])
    scope = parse(text, "s", NOW)
    assert scope.names == ("pacs.example.org", "b")
    assert "looks up names that a page gives, if they are: pacs.example.org, b" in explain(scope, ENGLISH)
    assert parse("\n".join(LINES), "s", NOW).names == ()


@pytest.mark.parametrize(
    "name", ['"*.example.org"', '"203.0.113.7"', '"a b"', '""', "7", '"example..org"', '"http://a"']
)
def test_what_is_no_name_of_a_host_is_refused_with_its_line(name: str) -> None:
    with pytest.raises(ScopeError, match=r"s:2: .* is not a host name"):
        parse("\n".join(["names = [", f" {name},", "]", *LINES]), "s", NOW)


def listed(folder: Path, networks: str, exclude: str) -> Path:
    path = folder / "scope.toml"
    path.write_text("\n".join(LINES).replace('"203.0.113.0/24",', f"{networks},").replace('"203.0.113.10/32"', exclude))
    return path


def test_networks_and_exclusions_from_lists_beside_literal_ones(tmp_path: Path) -> None:
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "nets.txt").write_text("203.0.113.0/25\n198.51.100.0/24  # Bern\n")
    (tmp_path / "out.txt").write_text("203.0.113.11  # opted out 2026-05-01 by St. Mary's\n")
    (tmp_path / "optout.txt").write_text("203.0.113.12\n")  # stands beside the scope
    scope = load(listed(tmp_path, '"@lists/nets.txt"', '"203.0.113.10/32", "@out.txt"'), NOW)
    assert list(map(str, scope.networks)) == ["203.0.113.0/25", "198.51.100.0/24", "2001:db8::/120"]
    assert list(map(str, scope.exclude)) == ["203.0.113.10/32", "203.0.113.11/32", "203.0.113.12/32"]
    assert list(map(str, scope.opted_out)) == ["203.0.113.11/32", "203.0.113.12/32"]
    assert [(Path(name).name, len(digest)) for name, digest in scope.lists] == [
        ("nets.txt", 64),
        ("out.txt", 64),
        ("optout.txt", 64),
    ]
    allowed = [n for n in range(9, 14) if scope.permits(ip_address(f"203.0.113.{n}"), NOW)]
    assert allowed == [9, 13]
    assert scope.permits(ip_address("198.51.100.1"), NOW)
    told = explain(scope, ENGLISH)
    assert f"reads lists: {tmp_path}/lists/nets.txt, {tmp_path}/out.txt, {tmp_path}/optout.txt" in told
    assert "leaves 2 addresses or networks alone that opted out" in told


def test_a_list_without_a_scope_file_is_looked_for_from_the_folder(tmp_path: Path) -> None:
    (tmp_path / "optout.txt").write_text("203.0.113.12\n")
    assert not parse("\n".join(LINES), "scope", NOW, folder=tmp_path).opted_out  # nobody named it
    named = "\n".join(LINES).replace('"203.0.113.10/32"', '"@optout.txt"')
    assert len(parse(named, "scope", NOW, folder=tmp_path).opted_out) == 1


@pytest.mark.parametrize(
    ("networks", "exclude", "message"),
    [
        ('"@nest.txt"', "", r"scope.toml:3: no such file: .*nest.txt"),
        ('"203.0.113.0/24"', '"@out.txt"', r"scope.toml:6: no such file: .*out.txt"),
        ('"@bad.txt"', "", r"scope.toml:3: .*bad.txt:2: '203.0.113.1/24' is not a network: it has host bits set"),
        ('"@bad.txt/.."', "", r"scope.toml:3: .*cannot be read"),
        ('"@"', "", r"scope.toml:3: .*cannot be read"),
    ],
)
def test_a_list_at_fault_is_named_with_its_line(networks: str, exclude: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "bad.txt").write_text("203.0.113.0/24\n203.0.113.1/24\n")
    with pytest.raises(ScopeError, match=message):
        load(listed(tmp_path, networks, exclude), NOW)


def test_networks_may_not_all_be_missing_from_their_list(tmp_path: Path) -> None:
    (tmp_path / "none.txt").write_text("# none yet\n")
    path = listed(tmp_path, '"@none.txt"', "")
    path.write_text(path.read_text().replace('  "2001:db8::/120",\n', ""))
    with pytest.raises(ScopeError, match=r"scope\.toml:2: 'networks' must list at least one network"):
        load(path, NOW)


def test_names_of_addresses_are_looked_up_only_if_the_scope_says_so() -> None:
    assert not parse(VALID, "s", NOW).reverse_names
    assert not LOOPBACK.reverse_names
    said = VALID.replace("[authority]", "[ask]\nreverse_names = true\n[authority]")
    assert parse(said, "s", NOW).reverse_names
    with pytest.raises(ScopeError, match=r"'ask\.reverse_names' must be true or false"):
        parse(said.replace("reverse_names = true", 'reverse_names = "yes"'), "s", NOW)


def test_a_scope_says_whose_machine_looks_up_names() -> None:
    assert parse(VALID, "s", NOW).look_up == LOOPBACK.look_up == "coordinator"
    said = VALID.replace("[authority]", '[ask]\nlook_up = "workers"\n[authority]')
    assert parse(said, "s", NOW).look_up == "workers"
    with pytest.raises(ScopeError, match=r"'look_up' is 'nobody'; it can be: coordinator, workers"):
        parse(said.replace('"workers"', '"nobody"'), "s", NOW)
    with pytest.raises(ScopeError, match=r"'ask\.look_up' "):
        parse(said.replace('"workers"', "true"), "s", NOW)


def faults(text: str) -> list[tuple[int, str]]:
    with pytest.raises(ScopeError) as caught:
        parse(text, "s", NOW)
    return [(int(line), what) for line, what in (one[2:].split(": ", 1) for one in caught.value.faults)]


def test_all_faults_are_named_at_once_in_the_order_of_the_file() -> None:
    wrong = replaced(DEPTH, 'depth = "deep"').replace(WHO, 'who = "TODO"').replace("  11112,", "  70000,\n  0,")
    wrong = (
        wrong.replace("seconds = 60", "seconds = -1").replace(BASIS, 'bases = "owner"').replace(NETWORK, "  7,\n  8,")
    )
    lines = wrong.splitlines()
    found = faults(wrong)
    assert [line for line, _ in found] == sorted(line for line, _ in found)
    expected = ["  7,", "  8,", 'depth = "deep"', "[authority]", 'who = "TODO"', 'bases = "owner"', "  70000,", "  0,", "seconds = -1"]  # fmt: skip
    assert [lines[line - 1] for line, _ in found] == expected
    error = refusal(wrong)
    assert str(error) == f"{error.faults[0]} (and 8 more: filmbadge scope check scope.toml)"


def test_a_table_that_is_none_is_one_fault() -> None:
    assert [what for _, what in faults(VALID.replace("[caps]", "[[caps]]"))] == ["'caps' must be a table: [caps]"]


@pytest.mark.parametrize("drop", range(len(LINES)))
def test_no_line_can_go_and_break_the_reader(drop: int) -> None:
    """A scope that lacks anything is a scope, or is refused with lines: what is at fault never stops the reader."""
    for text in ("\n".join(LINES[:drop] + LINES[drop + 1 :]), "\n".join(LINES[:drop])):
        try:
            assert parse(text, "s", NOW).networks
        except ScopeError as error:
            assert error.line is not None and error.faults


def test_the_example_network_is_a_fault_where_it_may_be_asked() -> None:
    assert faults(replaced(NETWORK, '  "192.0.2.0/24",')) == [
        (at(NETWORK), "192.0.2.0/24 is the example network: write which may be asked")
    ]
    for other in ('  "192.0.2.0/25",', '  "192.0.2.7/32",'):
        assert parse(replaced(NETWORK, other), "s", NOW).networks
    assert parse(replaced(EXCLUDE, 'exclude = ["192.0.2.0/24"]'), "s", NOW).exclude


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_file_is_read_as_editors_write_it(tmp_path: Path, encoding: str, end: str) -> None:
    text = VALID.replace("the board", "das Präsidium").replace("\n", end)
    mark = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}.get(encoding, b"")
    (tmp_path / "s").write_bytes(mark + text.encode(encoding))
    assert load(tmp_path / "s", NOW).authority == "das Präsidium"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("folder", "cannot be read as a scope file: Is a directory (write one with: filmbadge scope new FILE)"),
        ("latin.toml", "it is no text in UTF-8; save it as UTF-8"),
        ("half.toml", "it is no text in UTF-8"),
        ("scop.toml", "no such scope file: is it scope.toml?"),
        ("other.toml", "no such scope file (write one with: filmbadge scope new other.toml)"),
        ("192.0.2.7", "this is an address or a network, where a scope file is asked for"),
        ("192.0.2.0/24", "this is an address or a network, where a scope file is asked for"),
    ],
)
def test_what_is_no_scope_file_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, says: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    Path("scope.toml").write_text(VALID)
    Path("latin.toml").write_bytes(VALID.replace("the board", "das Präsidium").encode("latin-1"))
    Path("half.toml").write_bytes(b"\xff\xfea")
    with pytest.raises(ScopeError) as caught:
        load(Path(name), NOW)
    assert says in str(caught.value)


PORTS = st.lists(st.sampled_from([104, 443, 2762, 4242, 8042, 8443, 9999]), max_size=5, unique=True).map(tuple)
TITLES_ASKED = st.lists(st.sampled_from(["STORE", "ARCHIVE", "OTHER"]), max_size=2, unique=True).map(tuple)


@settings(deadline=None)
@given(st.sampled_from(Depth), st.sampled_from([None, *Depth]), PORTS, PORTS, TITLES_ASKED, TITLES_ASKED)
def test_what_is_narrowed_allows_nothing_more(
    depth: Depth,
    asked: Depth | None,
    web: tuple[int, ...],
    ports: tuple[int, ...],
    listed: tuple[str, ...],
    called: tuple[str, ...],
) -> None:
    whole = replace(parse(VALID, "s", NOW), depth=depth, web_ports=web, called_titles=listed)
    wider = not set(ports) <= set(whole.ports) or not set(called) <= set(listed)
    if wider or (asked is not None and not depth.reaches(asked)):
        with pytest.raises(ScopeError, match=r"is (not in|deeper than) the scope"):
            narrowed(whole, asked, ports, called)
        return
    less = narrowed(whole, asked, ports, called)
    assert less.depth == (asked or depth) and depth.reaches(less.depth)
    assert set(less.ports) == set(ports or whole.ports)
    assert less.called_titles == (called or listed)
    for kind in PORT_KINDS:  # a port is asked as the scope says
        assert getattr(less, kind) == tuple(port for port in getattr(whole, kind) if port in less.ports)
    of_scope = {"depth", "called_titles", *PORT_KINDS}
    assert all(getattr(less, one.name) == getattr(whole, one.name) for one in fields(whole) if one.name not in of_scope)


def test_what_is_not_narrowed_is_the_same() -> None:
    assert narrowed(LOOPBACK) == LOOPBACK
