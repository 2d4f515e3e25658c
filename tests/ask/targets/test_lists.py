"""Targets as a user writes them."""

from __future__ import annotations

import io
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address, ip_network
from pathlib import Path
from types import FrameType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filmbadge.ask.targets.lists import Done, Target, TargetError, Targets, parse, read
from filmbadge.scope import Scope, network_of

SCOPE = Scope(
    name="test",
    networks=(ip_network("192.0.2.0/24"), ip_network("2001:db8::/120"), ip_network("10.0.0.0/7")),
    exclude=(ip_network("192.0.2.16/28"),),
)


@pytest.mark.parametrize(
    ("text", "host", "ports"),
    [
        ("192.0.2.7", ip_address("192.0.2.7"), ()),
        ("192.0.2.7:104,8042,104", ip_address("192.0.2.7"), (104, 8042)),
        ("2001:db8::1", ip_address("2001:db8::1"), ()),
        ("[2001:db8::1]", ip_address("2001:db8::1"), ()),
        ("[2001:db8::1]:104", ip_address("2001:db8::1"), (104,)),
        ("::ffff:192.0.2.7", ip_address("192.0.2.7"), ()),
        ("PACS.Example.", "pacs.example", ()),
        ("pacs-1.example:11112", "pacs-1.example", (11112,)),
    ],
)
def test_one_target(text: str, host: object, ports: tuple[int, ...]) -> None:
    found = parse(text)
    assert (found.host, found.ports) == (host, ports)
    assert parse(str(found)) == found


def test_the_ports_that_the_user_named_are_known_by_host() -> None:
    targets = read(["192.0.2.7:104,8042", "192.0.2.7", "PACS.Example:11112", "192.0.2.8"], SCOPE)
    assert {host: ports for host, ports in targets.ports.items() if ports} == {
        "192.0.2.7": (104, 8042),
        "pacs.example": (11112,),
    }


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "pacs example", "pacs:", "pacs:0", "pacs:65536", "pacs:dicom", "http://pacs", "192.0.2", "300.1.1.1",
        "0x7f000001", "2130706433", "[::1", "::1]:104", "[2001:db8::1]104", "-pacs", "pacs..example", "pacs\x00",
        "[abc]:104", "a" * 64 + ".example", "pacs:" + "9" * 5000,
    ],
)  # fmt: skip
def test_not_a_target(text: str) -> None:
    with pytest.raises(TargetError):
        parse(text)


@contextmanager
def bounded(seconds: float) -> Iterator[None]:
    """Interrupts what would hang."""

    def give_up(number: int, frame: FrameType | None) -> None:
        raise AssertionError(f"still busy after {seconds} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="Windows has no such timer")
def test_a_long_name_with_a_fault_is_refused_without_trying_all_ways_to_read_it() -> None:
    with bounded(2), pytest.raises(TargetError):
        parse("a" * 60 + "!")


@settings(deadline=None, max_examples=200)
@given(st.text("a1.:,[]-_%/", max_size=18) | st.text(max_size=18))
def test_any_text_is_a_target_or_a_target_error(text: str) -> None:
    try:
        found = parse(text)
    except TargetError:
        return
    assert all(0 < port < 65536 for port in found.ports)


def addresses(targets: Targets) -> list[str]:
    return [str(target) for target in targets]


def test_without_targets_the_whole_scope() -> None:
    small = Scope(name="s", networks=(ip_network("192.0.2.0/29"),), exclude=(ip_network("192.0.2.4/32"),))
    found = read([], small)
    assert len(found) == 5
    assert sorted(addresses(found)) == [f"192.0.2.{n}" for n in (1, 2, 3, 5, 6)]


def test_a_network_leaves_out_what_is_excluded_and_what_is_named() -> None:
    found = read(["192.0.2.0/27", "192.0.2.3", "pacs.example", "192.0.2.3"], SCOPE)
    assert addresses(found)[:2] == ["pacs.example", "192.0.2.3"]
    assert sorted(addresses(found)[2:]) == sorted(f"192.0.2.{n}" for n in range(1, 16) if n != 3)
    assert len(found) == 16


def test_the_order_depends_on_the_seed_only() -> None:
    one, two = (addresses(read(["192.0.2.0/24"], SCOPE, seed=seed)) for seed in (1, 2))
    assert one == addresses(read(["192.0.2.0/24"], SCOPE, seed=1))
    assert one != two
    assert sorted(one) == sorted(two)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["198.51.100.1"], "outside the scope"),
        (["192.0.2.17"], "outside the scope"),  # excluded
        (["198.51.100.0/24"], "not wholly inside"),
        (["192.0.0.0/16"], "not wholly inside"),
        (["192.0.2.1/24"], "host bits set"),
        (["192.0.2.0/99"], "not a network"),
        (["10.0.0.0/7"], "too many to sweep"),
        (["192.0.2.16/28"], "no target is left"),
        (["x" * 300], "neither an address"),
        (["no/such/file"], "no such file"),
    ],
)
def test_refused_before_any_packet(arguments: list[str], message: str) -> None:
    with pytest.raises(TargetError, match=message):
        read(arguments, SCOPE)


def test_a_list_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "targets"
    path.write_text("# archives\n192.0.2.7:104   # the old one\n\npacs.example\n")
    assert read([str(path)], SCOPE).hosts == (Target(ip_address("192.0.2.7"), (104,)), Target("pacs.example"))


def test_a_fault_in_a_file_has_its_line(tmp_path: Path) -> None:
    path = tmp_path / "targets"
    path.write_text("# archives\n192.0.2.7\n192.0.2.300\n")
    with pytest.raises(TargetError, match=r"targets:3: "):
        read([str(path)], SCOPE)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TargetError, match="cannot be read"):
        read([str(path)], SCOPE)


def test_a_list_on_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("192.0.2.7\n198.51.100.1\n"))
    with pytest.raises(TargetError, match=r"standard input:2: 198\.51\.100\.1 is outside"):
        read(["-"], SCOPE)


def test_a_line_per_port_is_one_host(tmp_path: Path) -> None:
    """As scanners export them. Two targets would be two archives, and their counts added up twice."""
    listed = tmp_path / "list.txt"
    listed.write_text("192.0.2.7:4242\n192.0.2.7:8042\n192.0.2.7:4242\n")
    assert list(read([str(listed)], SCOPE)) == [Target(ip_address("192.0.2.7"), (4242, 8042))]


def by_network(arguments: list[str], done: Done | None = None) -> list[list[str]]:
    targets = read(arguments, SCOPE, seed=5)
    return [[str(target) for target in part] for part in targets.networks(done or Done())]


def test_targets_come_network_by_network() -> None:
    """What the user named in a network comes first there; names come before all, as their networks are not known."""
    names, *parts = by_network(["10.1.0.0/22", "pacs.example", "10.1.2.9", "192.0.2.7:104", "2001:db8::/126"])
    assert names == ["pacs.example"]
    assert {part[0] for part in parts[:2]} == {"10.1.2.9", "192.0.2.7:104"}
    assert sorted(map(len, parts)) == [1, 4, 255, 255, 256, 256]  # all but the first and the last of the IPv4 network
    for part in parts:
        assert (
            len(
                {network_of(address) for text in part if (address := parse(text).host) and not isinstance(address, str)}
            )
            == 1
        )
    assert len({tuple(sorted(part)) for part in parts}) == len(parts)


def test_a_sweep_is_made_as_it_is_taken() -> None:
    targets = read(["10.0.0.0/8"], Scope(name="s", networks=(ip_network("10.0.0.0/8"),)), seed=1)
    networks = targets.networks()
    assert [len(list(next(networks))) for _ in range(3)] == [0, 256, 256]


PARTS = st.lists(st.sampled_from(["10.1.0.0/24", "10.1.2.0/25", "10.9.9.9", "10.1.0.7:104", "2001:db8::/124", "pacs.example",
                                  "[2001:db8::7]:104"]), min_size=1, unique=True)  # fmt: skip


@settings(deadline=None)
@given(PARTS, st.data())
def test_what_is_done_is_left_out_and_nothing_else(arguments: list[str], data: st.DataObject) -> None:
    targets = read(arguments, SCOPE, seed=9)
    everything = addresses(targets)
    before = data.draw(st.sets(st.sampled_from(everything)))
    done = Done.of(iter(before))
    assert len(done) == len(before)
    left = [text for part in by_network(arguments, done) for text in part]
    assert sorted(left) == sorted(set(everything) - before)
    assert [target for target in targets if target in done] == [target for target in targets if str(target) in before]


def test_a_network_that_is_done_is_held_as_one_range() -> None:
    targets = read(["10.1.0.0/20"], SCOPE)
    assert len(Done.of(map(str, targets)).swept[0].ranges) == 1


@pytest.mark.parametrize(
    "argument",
    ["targts.txt", "found.json", "found.json.gz", "x.XML", "lists/hosts", "./hosts", "..\\hosts", "@hosts", "@192.0.2.7", "/etc/no-such",
     "2001-lists/nets", "beef/cafe", "targtes"],
)  # fmt: skip
def test_a_misspelt_list_is_no_such_file(argument: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is never looked up as a host."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "targets").write_text("192.0.2.7\n")
    with pytest.raises(TargetError, match="no such file: "):
        read([argument], SCOPE)


@pytest.mark.parametrize("argument", ["pacs", "pacs.example", "targts.", "targets1.example", "pacs-7", "localhost"])
def test_a_host_is_no_file(argument: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "targets").write_text("192.0.2.7\n")
    assert read([argument], SCOPE).hosts == (Target(argument.rstrip(".")),)


def test_a_list_named_with_a_mark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pacs").write_text("192.0.2.7:104\n")
    assert read(["@pacs"], SCOPE).hosts == (Target(ip_address("192.0.2.7"), (104,)),)


def test_what_is_called_like_a_file_is_no_host_in_a_list_either() -> None:
    with pytest.raises(TargetError, match="is called like a file"):
        parse("targets.txt")


def test_who_opted_out_is_left_out_of_lists_and_sweeps_and_counted() -> None:
    out = (ip_network("192.0.2.32/30"),)
    scope = Scope(
        name="s", networks=(ip_network("192.0.2.0/24"),), exclude=(*out, ip_network("192.0.2.64/30")), opted_out=out
    )
    found = read(["192.0.2.33", "192.0.2.34:104,105", "192.0.2.35", "192.0.2.32/27"], scope)
    assert found.told.dropped == {"opted-out": 5}  # two hosts, two ports of a third, and its address in the network
    before = read(
        ["192.0.2.33", "192.0.2.34:104,105", "192.0.2.35", "192.0.2.32/27"], Scope(name="s", networks=scope.networks)
    )
    assert found.told.digest == before.told.digest == before.digest
    assert len(before) - len(found) == 4
    with pytest.raises(TargetError, match="outside the scope"):
        read(["192.0.2.65"], scope)


def test_an_address_that_ends_in_colons_is_a_host_as_others() -> None:
    assert list(map(str, read(["2001:db8::", "[2001:db8::]:104"], SCOPE))) == ["2001:db8::", "[2001:db8::]:104"]
