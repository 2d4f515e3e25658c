"""Result files of all tools: what comes out, however they are cut into pieces, and what is refused."""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from ipaddress import ip_network
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ask.targets.exports.samples import SAMPLES, A, B
from filmbadge.ask.targets.exports import json_values
from filmbadge.ask.targets.exports.seen import Dropped, End
from filmbadge.ask.targets.lists import MOST_PORTS, TargetError, Targets, _contents, _Gathered, read
from filmbadge.scope import Scope, address_of

SCOPE = Scope(name="test", networks=(ip_network("192.0.2.0/24"), ip_network("2001:db8::/32")))


def taken(chunks: Iterable[bytes], scope: Scope = SCOPE) -> tuple[Targets, End]:
    gathered, end = _Gathered(scope), End()
    _contents("file", chunks, gathered, end)
    return gathered.targets((), 0), end


def found(targets: Targets) -> list[tuple[str, int | None]]:
    return sorted((str(one.host), port) for one in targets.hosts for port in (one.ports or (None,)))


@pytest.mark.parametrize("name", SAMPLES)
def test_what_each_tool_writes(name: str, tmp_path: Path) -> None:
    raw, opened, dropped = SAMPLES[name]
    path = tmp_path / "anything.pdf"  # a name says nothing
    path.write_bytes(raw)
    targets = read([str(path)], SCOPE)
    assert found(targets) == sorted(opened, key=lambda one: (one[0], one[1]))
    assert targets.told.dropped == {str(why): n for why, n in dropped.items()}
    assert targets.told.notes == ()


def cuts(raw: bytes, places: Iterable[int]) -> Iterator[bytes]:
    ends = [0, *sorted(place % (len(raw) + 1) for place in places), len(raw)]
    return (raw[a:b] for a, b in pairwise(ends))


@given(st.sampled_from(sorted(SAMPLES)), st.lists(st.integers(0, 1 << 16), max_size=40))
def test_pieces_of_any_size_give_the_same(name: str, places: list[int]) -> None:
    raw, opened, dropped = SAMPLES[name]
    targets, end = taken(cuts(raw, places))
    assert found(targets) == sorted(opened, key=lambda one: (one[0], one[1]))
    assert targets.told.dropped == {str(why): n for why, n in dropped.items()}
    assert not end.cut


@pytest.mark.parametrize("name", [name for name in SAMPLES if "gzip" not in name])
def test_one_byte_at_a_time_and_packed(name: str) -> None:
    raw, opened, _ = SAMPLES[name]
    whole = sorted(opened, key=lambda one: (one[0], one[1]))
    assert found(taken(raw[n : n + 1] for n in range(len(raw)))[0]) == whole
    assert found(taken([gzip.compress(raw)])[0]) == whole


@given(st.sampled_from(sorted(SAMPLES)), st.data())
def test_a_file_that_is_cut_off_gives_no_other_target(name: str, data: st.DataObject) -> None:
    """Once its first line is whole: what is left of that may be a list of one name."""
    raw, opened, _ = SAMPLES[name]
    place = data.draw(st.integers(raw.find(b"\n") + 2, len(raw)))
    try:
        targets, _ = taken([raw[:place]])
    except TargetError:
        return
    assert set(found(targets)) <= set(opened)


@pytest.mark.parametrize(
    ("name", "lost"), [("nmap, xml", 400), ("masscan, xml", 60), ("masscan, list", 60), ("masscan, json", 2),
                       ("nmap, greppable", 100), ("masscan, binary", 120), ("shodan, download", 4), ("rustscan", 4),
                       ("shodan, download, gzip in two members", 9), ("zmap 2.1, csv", 4), ("censys 2, hits", 3)],
)  # fmt: skip
def test_what_is_cut_is_said(name: str, lost: int, tmp_path: Path) -> None:
    raw, opened, _ = SAMPLES[name]
    path = tmp_path / "cut"
    path.write_bytes(raw[:-lost])
    if name == "censys 2, hits":  # one object is all of it
        with pytest.raises(TargetError, match=r"no target is left.*cut off at line"):
            read([str(path)], SCOPE)
        return
    targets = read([str(path)], SCOPE)
    assert set(found(targets)) <= set(opened)
    (note,) = targets.told.notes
    assert note.startswith(f"{path}: cut off at ")


@pytest.mark.parametrize(
    "raw",
    [
        b"saddr,sport,success\n192.0.2.1,104,1\n192.0.2.2,104,",
        b"saddr,sport,success\n192.0.2.1,104,true\n192.0.2.2,104,fals",
        b"saddr,sport,classification\n192.0.2.1,104,synack\n192.0.2.2,104,rs",
        b"saddr,sport,repeat\n192.0.2.1,104,0\n192.0.2.2,104,tru",
        b"ip,port,protocol\n192.0.2.1,104,tcp\n192.0.2.2,104,",
        b'{"ip":"192.0.2.1","port":104}\n{"ip":"192.0.2.2","port":104,"hash":-',
        b'{"ip":"192.0.2.1","port":104}\n{"ip":"192.0.2.2","port":104,"lon":10.',
        b'{"ip":"192.0.2.1","port":104}\n{"ip":"192.0.2.2","port":104,"lon":1e',
    ],
)
def test_a_cut_within_any_value_is_a_cut(raw: bytes, tmp_path: Path) -> None:
    """Whether the last answer was one is not known, and what came before is taken."""
    file = tmp_path / "results"
    file.write_bytes(raw)
    targets = read([f"@{file}"], SCOPE)
    assert list(map(str, targets.hosts)) == ["192.0.2.1:104"]
    assert "cut off" in targets.told.notes[0]


@given(st.binary(max_size=300), st.sampled_from([b"", b"{", b"[{", b"<nmaprun>", b"masscan/1.1", b"saddr,sport\n", b"#masscan\n",
                                                 b"open tcp 1 ", b"Host: ", b"192.0.2.1 -> [", b"\x1f\x8b\x08", b"\xff\xfe"]))  # fmt: skip
def test_any_bytes_are_targets_or_one_line(raw: bytes, before: bytes) -> None:
    try:
        targets, _ = taken([before + raw])
    except TargetError as error:
        assert "\n" not in str(error)
        assert str(error).startswith("file:")
        return
    assert all(isinstance(one.host, str) or SCOPE.permits(one.host) for one in targets.hosts)


@given(st.sampled_from(sorted(SAMPLES)), st.data())
def test_a_spoilt_byte_makes_no_address_outside_the_scope(name: str, data: st.DataObject) -> None:
    raw = bytearray(SAMPLES[name][0])
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        targets, _ = taken([bytes(raw)])
    except TargetError as error:
        assert "\n" not in str(error)
        return
    for one in targets.hosts:
        assert isinstance(one.host, str) or SCOPE.permits(one.host)
        assert not isinstance(one.host, str) or address_of(one.host) is None
        assert all(0 < port < 65536 for port in one.ports)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from([A, "198.51.100.1", 104, "104", "tcp", "open"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["ip", "ip_str", "ports", "port", "data", "matches", "result", "hits", "services", "host_v1", "resource",
                         "saddr", "sport", "success", "url", "host", "host_ip", "proto", "status", "rec_type", "template-id",
                         "matched-at", "transport", "matched_services", "Port"]), inner, max_size=6),
    max_leaves=12,
)  # fmt: skip


@given(st.lists(JSON, min_size=1, max_size=3), st.booleans())
def test_any_json_is_targets_or_one_line(rows: list[object], lines: bool) -> None:
    raw = "\n".join(map(json.dumps, rows)) if lines else json.dumps(rows, indent=1)
    try:
        targets, _ = taken([raw.encode()])
    except TargetError as error:
        assert "\n" not in str(error)
        return
    assert all(isinstance(one.host, str) or SCOPE.permits(one.host) for one in targets.hosts)


GOOD = json.dumps({"ip": A, "port": 104}).encode() + b"\n"


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (GOOD + b'{"ip": "192.0.2.11", "port": 104\n' + GOOD, "file:3: is not JSON: the object begins on line 2"),
        (GOOD + b'{"ip": "192.0.2.11\n' + GOOD, "file:2: is not JSON"),
        (GOOD + b'{"ip": "192.0.2.11", "port": NaN}\n' + GOOD, "file:2: is not JSON"),
        (GOOD + b'{"ip": "192.0.2.11", "port": 1' + b"0" * 5000 + b"}\n", "file:2: "),
        (GOOD + b'{"ip": "192.0.2.11", "port": 65536}\n', "file:2: names a port"),
        (GOOD + b'{"ip": "192.0.2.11", "port": true}\n', "file:2: names a port"),
        (GOOD + b'{"ip": "192.0.2.1111", "port": 1}\n', "file:2: names a host"),
        (GOOD + b'{"ip": "a\\u0007b", "port": 1}\n', "file:2: names a host"),
        (GOOD + b'{"ip": "\xff", "port": 1}\n', "file:2: is not UTF-8"),
        (GOOD + b'{"something": "else"}\n', "file:2: is not what any known tool"),
        (GOOD + b'{"x":' * 200, "file:2: has more than 100 levels"),
        (GOOD + b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}\n", "file:2: has "),
        (b'{"x":\n"y",\n!}\n' + GOOD, "file:3: is not JSON"),
        (b"[[[[[[[", "file:1: is not JSON"),
        (GOOD + b"192.0.2.11:104\n", "file:2: is not JSON"),
        (b"<html></html>", "file:1: is XML of something else"),
        (b'<nmaprun>\n<host>\n<port portid="1">\n</host>', "file:4: is not well-formed"),
        (b'<!DOCTYPE x [\n<!ENTITY a "aaaa">\n<!ENTITY b "&a;&a;">]><nmaprun>&b;</nmaprun>', "file:2: declares or uses an entity"),
        (b'<!DOCTYPE x SYSTEM "file:///etc/passwd">\n<nmaprun>&x;</nmaprun>', "file:2: declares or uses an entity"),
        (b"<nmaprun>" + b"<a>" * 100, "file:1: has more than 64 elements"),
        (b"<nmaprun><a b='" + b"x" * (2 << 20), "file:1: has a tag of more than 1 MiB"),
        (b"<nmaprun><ports><port protocol='tcp' portid='1'><state state='open'/>", "file:1: names a port before"),
        (b"#masscan\nopen tcp 104 192.0.2.10 1\nopen tcp\n# end\n", "file:3: is not a line of masscan"),
        (b"saddr,sport\n192.0.2.10,104\n192.0.2.11\n192.0.2.12,1\n", "file:3: has 1 fields"),
        (b"saddr,sport\n192.0.2.10,dicom\n", "file:2: names a port"),
        (b"saddr,sport\n,104\n", "file:2: names no host"),
        (b"192.0.2.10 -> [104]\nOpen 192.0.2.10:104\n", "file:2: is not a line of RustScan"),
        (b"Host: 192.0.2.10 ()\tPorts: 104/open\n", "file:1: has a port that is not written"),
        (b"# Nmap 7.93 scan initiated x as: nmap x\nNmap scan report for x (192.0.2.10)\n", "file:2: is nmap's normal output"),
        (SAMPLES["masscan, binary"][0][:99] + b"\x40\x00", "file:byte 99: is no record"),
        (SAMPLES["masscan, binary"][0][:99] + b"\x06\xff\xff\xff\xff", "file:byte 99: is a record that is too long"),
        (b"x" * (2 << 20), "file:1: is a line of more than 1 MiB"),
        (b"192.0.2.10\n\xfe\n", "file:2: is not UTF-8"),
        (b"PK\x03\x04xxxx", "file: is a zip file"),
        (b"\xff\xfex", "file: cannot be read"),
    ],
)  # fmt: skip
def test_a_fault_is_one_line_with_its_place(raw: bytes, message: str) -> None:
    with pytest.raises(TargetError) as raised:
        taken(raw[n : n + 5000] for n in range(0, len(raw), 5000))
    assert str(raised.value).startswith(message)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 200


def test_an_object_without_end_is_not_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_values, "MOST_OBJECT", 1000)
    with pytest.raises(TargetError, match="file:2: begins an object of more than"):
        taken([GOOD, b'{"a": "', *(b"x" * 400 for _ in range(4))])


def test_a_gzip_bomb_is_not_unpacked() -> None:
    packer = zlib.compressobj(wbits=31)
    bomb = b"".join([*(packer.compress((b"#" * 1023 + b"\n") * 1024) for _ in range(100)), packer.flush()])
    with pytest.raises(TargetError, match="file: unpacks to more than 200 times its size"):
        taken([bomb])
    with pytest.raises(TargetError, match="file: is a damaged gzip file"):
        taken([gzip.compress(GOOD)[:-8] + b"\1" * 8])


def test_what_is_outside_excluded_and_opted_out_is_counted(tmp_path: Path) -> None:
    scope = Scope(name="s", networks=(ip_network("192.0.2.0/24"),), exclude=(ip_network("192.0.2.11/32"), ip_network("192.0.2.12/32")),
                  opted_out=(ip_network("192.0.2.12/32"),))  # fmt: skip
    rows = [
        ("192.0.2.10", 104),
        ("192.0.2.11", 104),
        ("192.0.2.12", 104),
        ("192.0.2.12", 105),
        ("198.51.100.1", 104),
        ("fe80::1%eth0", 1),
    ]
    path = tmp_path / "found"
    path.write_text("".join(json.dumps({"ip": ip, "port": port}) + "\n" for ip, port in rows))
    targets = read([str(path)], scope)
    assert found(targets) == [("192.0.2.10", 104)]
    assert targets.told.dropped == {"outside-scope": 2, "excluded": 1, "opted-out": 2}
    path.write_text("\n".join(path.read_text().splitlines()[1:]))
    with pytest.raises(TargetError, match=r"no target is left.*2 outside-scope, 1 excluded, 2 opted-out"):
        read([str(path)], scope)


def test_of_a_host_that_answers_everywhere_only_ports_of_the_scope_are_asked() -> None:
    rows = [{"ip": A, "port": port} for port in range(100, 100 + 3 * MOST_PORTS)] + [
        {"ip": A, "port": 11112},
        {"ip": B, "port": 9},
    ]
    targets, _ = taken([b"".join(json.dumps(row).encode() + b"\n" for row in rows)])
    assert found(targets) == [(A, 104), (A, 11112), (B, 9)]
    assert targets.told.dropped == {str(Dropped.MANY_PORTS): 3 * MOST_PORTS - 1}


def test_results_on_standard_input_beside_a_list(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    listed = tmp_path / "list"
    listed.write_text(f"{A}:104\npacs.example\n")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(SAMPLES["nmap, xml"][0])))
    targets = read(["-", f"@{listed}"], SCOPE)
    assert found(targets) == [(A, 104), (B, 4242), ("pacs.example", None)]


def test_the_most_of_a_file_is_never_in_memory() -> None:
    """Each record is taken before the next piece is read."""
    left = Counter[str]()

    def pieces() -> Iterator[bytes]:
        for n in range(2000):
            left["read"] += 1
            yield json.dumps({"ip": f"192.0.2.{n % 250 + 1}", "port": n % 3 + 1}).encode() + b"\n"

    gathered = _Gathered(SCOPE)
    see = gathered.see

    def watched(seen: object) -> None:
        left["most"] = max(left["most"], left["read"] - left["seen"])
        left["seen"] += 1
        see(seen)  # type: ignore[arg-type]

    gathered.see = watched  # type: ignore[method-assign]
    _contents("file", pieces(), gathered, End())
    assert left["seen"] == 2000
    assert left["most"] < 1 << 11
