"""A complete scope in one line, which `scope check` takes as it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest

from filmbadge.cli import run
from filmbadge.model import Depth
from filmbadge.scope import DIMSE_PORTS, Scope, load

STATED = ("--who", 'Dr. "A" \\ B', "--reference", "T-1", "--contact", "放射線科@clinic.example")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def made(*more: str) -> Scope:
    assert run(["scope", "new", "s.toml", *more]) == 0
    assert run(["scope", "check", "s.toml"]) == 0
    return load(Path("s.toml"))


def days_left(scope: Scope) -> int:
    assert scope.expires is not None
    return (scope.expires.date() - datetime.now(UTC).date()) // timedelta(days=1)


def test_one_line_makes_a_scope(capfd: pytest.CaptureFixture[str]) -> None:
    scope = made("192.0.2.7", "2001:db8::/64", "PACS.clinic.example", *STATED)
    assert scope.networks == (ip_network("192.0.2.7/32"), ip_network("2001:db8::/64"))
    assert scope.names == ("pacs.clinic.example",)
    assert (scope.authority, scope.reference, scope.contact) == STATED[1::2]
    assert (scope.basis, scope.depth) == ("owner", Depth.PROFILE)
    assert (scope.dimse_ports, scope.called_titles, days_left(scope)) == (DIMSE_PORTS, (), 90)
    said = capfd.readouterr()
    assert said.err.count("\n") == 1
    assert "filmbadge survey s.toml --out FOLDER" in said.err
    assert "allowed by Dr." in said.out


@pytest.mark.parametrize(
    ("more", "basis", "depth"),
    [
        ((), "owner", "profile"),
        (("--basis", "mandate"), "mandate", "ask"),
        (("--basis", "research"), "research", "ask"),
        (("--basis", "mandate", "--depth", "prove"), "mandate", "prove"),
        (("--depth", "knock"), "owner", "knock"),
    ],
)
def test_how_deep_it_goes_follows_from_its_basis(more: tuple[str, ...], basis: str, depth: str) -> None:
    scope = made("192.0.2.7", *STATED, *more)
    assert (scope.basis, scope.depth) == (basis, depth)


def test_ports_titles_and_days_stand_in_it(capfd: pytest.CaptureFixture[str]) -> None:
    more = ("--ports", "104,8443,2762,5104", "--aet", "STORE", "--aet", "A B", "--days", "365")
    scope = made("192.0.2.7", *STATED, *more)
    assert (scope.dimse_ports, scope.dimse_tls_ports) == ((104, 5104), (2762,))
    assert (scope.web_ports, scope.web_tls_ports) == ((5104,), (8443,))  # what is not usual may be either
    assert (scope.called_titles, days_left(scope)) == (("STORE", "A B"), 365)
    assert "filmbadge check 192.0.2.7 --scope s.toml" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("192.0.2.7", *STATED, "--days", "0"), "--days is 1 to 365, and not 0"),
        (("192.0.2.7", *STATED, "--days", "366"), "--days is 1 to 365, and not 366"),
        (("192.0.2.7", *STATED[2:], "--who", "TODO"), "--who must be filled in"),
        (("192.0.2.7", *STATED[2:], "--who", ""), "--who must be filled in"),
        (("192.0.2.7", *STATED[:4], "--contact", "a\nb"), "--contact must be one line of printable characters"),
        (("192.0.2.0/24", *STATED), "192.0.2.0/24 is the example network"),
        (("192.0.2.1/24", *STATED), "'192.0.2.1/24' is not a network: it has host bits set"),
        (("192.0.2.7:104,8042", *STATED), "192.0.2.7:104,8042: a scope has its ports by themselves: 192.0.2.7 --ports 104,8042"),
        (("http://192.0.2.7:8042/", *STATED), "a URL is no target; write its host and its port: 192.0.2.7:8042"),
        (("pacs.example", *STATED), "a name alone allows nothing: add its address"),
        (("192.0.2.300", *STATED), "'192.0.2.300' is not a complete address"),
        (("64:ff9b::c633:6407", *STATED), "leads to IPv4: list 198.51.100.7/32 too"),
        (("10.0.0.0/6", *STATED), "is not a network"),
        (("8.0.0.0/6", *STATED), "'networks' is beyond what is usual"),
        (("192.0.2.7", *STATED, "--basis", "research", "--depth", "profile"), "needs basis = \"owner\" or \"mandate\""),
        (("192.0.2.7", *STATED, "--basis", "me"), "--basis cannot be 'me'; choose from: owner, mandate, research"),
        (("192.0.2.7", *STATED, "--aet", "TOO-LONG-A-TITLE-"), "--aet: 'TOO-LONG-A-TITLE-' is not an AE title"),
        (("192.0.2.7", *STATED[:4]), "--contact must be given too"),
        (("--days", "7"), "ADDRESS and --who, --reference, --contact must be given too"),
    ],
)  # fmt: skip
def test_what_would_be_no_scope_is_not_written(
    here: Path, capfd: pytest.CaptureFixture[str], arguments: tuple[str, ...], says: str
) -> None:
    assert run(["scope", "new", "s.toml", *arguments]) == 2
    said = capfd.readouterr().err
    assert says in said and said.count("\n") == 1
    assert list(here.iterdir()) == []
