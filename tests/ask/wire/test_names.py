"""Look-ups of names: a few at once, bounded, cancellable, journalled, and none that the scope does not allow."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path

import pycares
import pytest

from filmbadge.ask.wire import dialer as dialer_module
from filmbadge.ask.wire.dialer import LOOK_UPS, Dialer, OutOfScope, UnknownName
from filmbadge.model import Cause, JournalRow, Outcome, OutcomeKind
from filmbadge.scope import LOOPBACK, Scope
from support.capture import capturing
from support.hanging import HANGS
from support.loopback import dialer, run
from support.name_server import name_server

SCOPE = replace(LOOPBACK, name="a scope", networks=(ip_network("127.0.0.0/24"),), names=("viewer.example",))
KNOWN = {"pacs.example": "127.0.0.9", "pacs": "127.0.0.8", "viewer.example": "127.0.0.7", "far.example": "127.5.0.1"}
HOSTS = Path("/etc/hosts")


@pytest.fixture(autouse=True)
def again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialer_module, "_SERVER_SECONDS", 0.2)


def within(seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our bound is the one that is met: the library, which counts in a thread of its own, has none near."""
    monkeypatch.setattr(dialer_module, "LOOK_UP_SECONDS", seconds)
    monkeypatch.setattr(dialer_module, "_SERVER_SECONDS", 2.0 * HANGS)


def test_a_name_is_looked_up_once_and_journalled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCALDOMAIN", "hospital.example")  # a search domain, resolv.conf(5)

    async def work() -> None:
        door, rows = dialer(SCOPE)
        for name in ("PACS.example.", "pacs", "pacs.example", "pacs"):
            assert str(await door.resolve(name)) == KNOWN[name.lower().rstrip(".")]
        with pytest.raises(UnknownName, match="no address is known"):
            await door.resolve("nobody.example")
        with pytest.raises(OutOfScope, match=r"far\.example is 127\.5\.0\.1, which is out of scope"):
            await door.resolve("far.example")
        assert [(row.address, row.question, row.stop) for row in rows] == [
            ("127.0.0.9", "look-up pacs.example", Outcome(OutcomeKind.COMPLETED)),
            ("127.0.0.8", "look-up pacs", Outcome(OutcomeKind.COMPLETED)),
            ("", "look-up nobody.example", Outcome(OutcomeKind.NO_ADDRESS)),
            ("127.5.0.1", "look-up far.example", Outcome(OutcomeKind.COMPLETED)),
        ]
        assert {(row.port, row.sent, row.received) for row in rows} == {(None, None, None)}

    with name_server(KNOWN) as asked:
        run(work())
    assert set(asked) == {"pacs.example", "pacs", "nobody.example", "far.example"}


def test_the_files_of_the_system_are_read_first_and_localhost_is_asked_of_nobody() -> None:
    before = HOSTS.read_text()

    async def work() -> None:
        door, rows = dialer(SCOPE)
        assert str(await door.resolve("in-a-file")) == "127.0.0.44"
        assert str(await door.resolve("localhost")) == "127.0.0.1"
        assert [row.address for row in rows] == ["127.0.0.44", "127.0.0.1"]

    try:
        HOSTS.write_text(before + "127.0.0.44 in-a-file\n")
        with name_server(KNOWN) as asked:
            run(work())
            asyncio.run(work())  # as on Windows, where there is no uvloop
    finally:
        HOSTS.write_text(before)
    assert asked == []


def test_only_names_that_the_scope_lists_are_followed() -> None:
    async def work() -> None:
        door, rows = dialer(SCOPE)
        for beacon in (
            "beacon.example",
            "pacs.example",
            "viewer.example.beacon.example",
            "localhost",
            "0x7f000001",
            "",
        ):
            with pytest.raises(OutOfScope) as caught:
                await door.follow(beacon)
            assert caught.value.cause is Cause.NAME_NOT_IN_SCOPE
            assert not beacon or beacon not in str(caught.value)
        with pytest.raises(OutOfScope):
            await door.follow("127.5.0.1")
        assert rows == []
        assert str(await door.follow("127.0.0.3")) == "127.0.0.3"
        assert str(await door.follow("Viewer.example")) == "127.0.0.7"
        assert str(await door.follow("pacs.example", "pacs.example")) == "127.0.0.9"

    with name_server(KNOWN) as asked:
        run(work())
    assert set(asked) == {"viewer.example", "pacs.example"}


async def all_of(door: Dialer, names: list[str]) -> list[BaseException | object]:
    return await asyncio.gather(*(door.resolve(name) for name in names), return_exceptions=True)


def test_a_server_that_never_answers_costs_a_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    within(0.3, monkeypatch)
    names = [f"n{number}.example" for number in range(LOOK_UPS + 4)]

    async def work() -> list[JournalRow]:
        door, rows = dialer(SCOPE)
        for error in await all_of(door, names):
            assert isinstance(error, UnknownName)
            assert error.stop == Outcome(OutcomeKind.NO_ADDRESS, Cause.LOOK_UP_LIMIT, {"milliseconds": 300})
        return rows

    with name_server(None):
        rows = sorted(run(work()), key=lambda row: row.at)
    assert len(rows) == len(names)
    assert rows[LOOK_UPS].at >= min(row.at + timedelta(seconds=row.seconds - 0.01) for row in rows[:LOOK_UPS])


def test_nothing_answers_at_all() -> None:
    """The system refuses the packet. That is no word on whether the name has an address."""

    async def work() -> None:
        door, _ = dialer(SCOPE)
        with pytest.raises(UnknownName, match="no name server answered") as caught:
            await door.resolve("pacs.example")
        assert caught.value.stop.cause is Cause.LOOK_UP_FAILED

    run(work())


@pytest.mark.parametrize("error", [pycares.AresError("no room"), UnicodeError("no name")])
def test_what_the_library_cannot_ask_is_unknown(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise error

    async def work() -> None:
        door, rows = dialer(SCOPE)
        with pytest.raises(UnknownName, match="cannot be looked up"):
            await door.resolve("pacs.example")
        assert rows == []

    monkeypatch.setattr(pycares.Channel, "getaddrinfo", refuse)
    run(work())


def test_no_look_up_goes_on_after_an_interruption(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialer_module, "_SERVER_SECONDS", 2.0)

    async def work() -> list[JournalRow]:
        door, rows = dialer(SCOPE)
        task = asyncio.create_task(door.resolve("pacs.example"))
        while not asked:
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])
        end = time.time()
        await asyncio.sleep(3)  # longer than the time after which it would ask again
        assert [packet for packet in seen.all(end + 0.005) if packet.looks_up] == []
        assert task.cancelled()
        return rows

    with name_server(None) as asked, capturing() as seen:
        rows = run(work())
        assert any(packet.looks_up for packet in seen.all())
    assert [row.stop.ending for row in rows] == [OutcomeKind.INTERRUPTED]


def test_no_look_up_begins_or_goes_on_after_the_scopes_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library would ask again two seconds after the end."""
    monkeypatch.setattr(dialer_module, "_SERVER_SECONDS", 10.0)
    end = time.time() + 8  # so long that a busy machine asks the names before
    scope: Scope = replace(SCOPE, expires=datetime.fromtimestamp(end, UTC))

    async def work() -> list[JournalRow]:
        door, rows = dialer(scope)
        for error in await all_of(door, [f"n{number}.example" for number in range(LOOK_UPS + 4)]):
            assert isinstance(error, OutOfScope)
            assert error.cause is Cause.SCOPE_EXPIRED
        await asyncio.sleep(3)
        with pytest.raises(OutOfScope, match="expired"):
            await door.resolve("late.example")
        with pytest.raises(OutOfScope, match="expired"):
            await door.follow("viewer.example")
        return rows

    with name_server(None) as asked, capturing() as seen:
        rows = run(work())
        assert [packet for packet in seen.all(end + 0.005) if packet.looks_up] == []
    assert len(set(asked)) == len(rows) == LOOK_UPS
    assert all(row.stop == Outcome(OutcomeKind.OUT_OF_SCOPE, Cause.SCOPE_EXPIRED) for row in rows)


def test_the_address_that_a_name_leads_to_is_the_one_that_is_permitted() -> None:
    before = HOSTS.read_text()

    async def work() -> None:
        door, _ = dialer(SCOPE)
        assert await door.resolve("two.example") == ip_address("127.0.0.45")

    try:
        HOSTS.write_text(before + "127.5.0.45 two.example\n127.0.0.45 two.example\n")
        run(work())
    finally:
        HOSTS.write_text(before)


REVERSE = replace(SCOPE, reverse_names=True)
CALLED = {
    "9.0.0.127.in-addr.arpa": "pacs.hospital.example a.hospital.example",
    "8.0.0.127.in-addr.arpa": "odd\x1b[31m\xff.example",
    "1.0.5.127.in-addr.arpa": "far.example",
}


def test_the_name_of_an_address_is_looked_up_once_and_journalled() -> None:
    async def work() -> None:
        door, rows = dialer(REVERSE)
        for _ in range(2):
            assert await door.reverse_name(ip_address("127.0.0.9")) == "a.hospital.example", "the first by letters"
        assert await door.reverse_name(ip_address("127.0.0.7")) == ""
        odd = await door.reverse_name(ip_address("127.0.0.8"))
        assert odd.isascii() and odd.isprintable()
        assert [(row.address, row.port, row.question, row.stop.ending) for row in rows[:2]] == [
            ("127.0.0.9", None, "look-up 9.0.0.127.in-addr.arpa", OutcomeKind.COMPLETED),
            ("127.0.0.7", None, "look-up 7.0.0.127.in-addr.arpa", OutcomeKind.NO_ADDRESS),
        ]

    with name_server(CALLED) as asked:
        run(work())
    assert set(asked) == {f"{n}.0.0.127.in-addr.arpa" for n in (7, 8, 9)}


def test_no_name_of_an_address_is_looked_up_that_the_scope_does_not_allow() -> None:
    async def work() -> None:
        door, rows = dialer(SCOPE)
        assert await door.reverse_name(ip_address("127.0.0.9")) == ""
        door, rows = dialer(REVERSE)
        with pytest.raises(OutOfScope):
            await door.reverse_name(ip_address("127.5.0.1"))
        over = replace(REVERSE, expires=datetime.now(UTC) - timedelta(seconds=1))
        expired, more = dialer(over)
        with pytest.raises(OutOfScope):
            await expired.reverse_name(ip_address("127.0.0.9"))
        assert rows == more == []

    with name_server(CALLED) as asked:
        run(work())
    assert asked == []


def test_a_server_that_tells_no_name_of_an_address_costs_a_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    within(0.3, monkeypatch)

    async def work() -> None:
        door, rows = dialer(REVERSE)
        assert await door.reverse_name(ip_address("127.0.0.9")) == ""
        assert rows[0].stop == Outcome(OutcomeKind.NO_ADDRESS, Cause.LOOK_UP_LIMIT, {"milliseconds": 300})

    with name_server(None):
        run(work())
