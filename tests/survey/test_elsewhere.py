"""A host that needs networks which this process has no lease of goes back, and is asked on by another: nothing twice.

Every port here is fixed, for the scope lists ports: the tests have a network namespace of their own.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import Any

import msgspec
import pytest

from filmbadge.ask.targets.lists import parse
from filmbadge.ask.wire.dialer import Dialer, OutOfScope
from filmbadge.ask.wire.lease import Lease, clock
from filmbadge.model import Cause, Depth, Host, JournalRow, Observation
from filmbadge.scope import LOOPBACK, Address, RateLimits, network_of
from filmbadge.survey.examine import Elsewhere, Sketches, examine
from support.http_site import viewer
from support.loopback import Handler, caps, listening, run
from support.odd_dicomweb import Manners, OddDicomWeb

VIEWER, ONE, OTHER = map(ip_address, ("127.0.0.1", "127.0.7.7", "127.0.8.8"))
NETWORKS = {network_of(one) for one in (VIEWER, ONE, OTHER)}
EVERYWHERE = replace(
    LOOPBACK,
    name="clinics",
    networks=(ip_network("127.0.0.0/16"),),
    names=("archive.example", "other.example"),
    dimse_ports=(),
    dimse_tls_ports=(),
    web_ports=(8080, 8042),
    web_tls_ports=(),
    reverse_names=True,
    pace=RateLimits(overall=2000, per_network=2000, per_host=2000),
    caps=caps(idle_seconds=0.2),
)
TARGET = parse(f"{VIEWER}:8080")


class Known:
    """Names that somebody else looks up."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def addresses(self, name: str) -> tuple[Address, ...]:
        self.asked.append(name)
        return {"archive.example": (ONE,), "other.example": (OTHER,)}[name]

    async def name(self, address: Address) -> str:
        self.asked.append(str(address))
        return f"host-{int(address) & 255}.example"


class Place:
    """A viewer that names archives in two other networks, and what it and they were asked."""

    def __init__(self) -> None:
        self.asked = Counter[str]()
        self.rows: list[JournalRow] = []
        self.names = Known()
        self.sketches = Sketches()

    def heard(self, handler: Handler) -> Handler:
        async def handled(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            feed = reader.feed_data

            def counted(data: bytes) -> None:
                text = re.sub("/[a-z]{20}(?=[ /])", "/chance", data.decode("latin-1"))  # a path that cannot exist
                self.asked.update(line for line in text.split("\r\n") if line.startswith(("GET", "Host")))
                feed(data)

            if early := bytes(reader._buffer):  # type: ignore[attr-defined]
                reader._buffer.clear()  # type: ignore[attr-defined]
                counted(early)
            reader.feed_data = counted  # type: ignore[method-assign,assignment]
            await handler(reader, writer)

        return handled

    def by(self, leased: Iterable[tuple[int, int]] | None) -> Dialer:
        lease = None
        if leased is not None:
            lease = Lease()
            lease.renew(clock() + 1000)
            lease.take(leased)
        return Dialer(EVERYWHERE, self.rows.append, {str(VIEWER): (8080,)}, lease=lease, names=self.names)

    async def examined(self, door: Dialer, before: Sequence[Observation] = ()) -> Host:
        return await examine(door, TARGET, Depth.PROFILE, self.sketches, before=before)


async def opened(up: AsyncExitStack, place: Place) -> None:
    named = ("http://archive.example:8042/a/rs", "http://other.example:8042/b/rs", "http://127.0.0.1:8042/rs")
    archives = OddDicomWeb(Manners(root="/a/rs")), OddDicomWeb(Manners(root="/b/rs"))
    for address, port, handler in (VIEWER, 8080, viewer(*named)), (ONE, 8042, archives[0]), (OTHER, 8042, archives[1]):
        await up.enter_async_context(listening(place.heard(handler), str(address), port=port))


def sent(seen: Sequence[Observation]) -> tuple[Observation, ...]:
    """As another process gets it."""
    return msgspec.json.decode(msgspec.json.encode(seen), type=tuple[Observation, ...])


def timeless(told: Any) -> Any:
    if isinstance(told, dict):
        return {key: timeless(one) for key, one in told.items() if key not in ("at", "seconds")}
    return [timeless(one) for one in told] if isinstance(told, list | tuple) else told


def test_one_process_after_another_finds_what_one_alone_does() -> None:
    alone, shared = Place(), Place()

    async def work() -> tuple[Host, Host, Elsewhere]:
        async with AsyncExitStack() as up:
            await opened(up, alone)
            whole = await alone.examined(alone.by(None))
        async with AsyncExitStack() as up:
            await opened(up, shared)
            with pytest.raises(Elsewhere) as back:
                await shared.examined(shared.by([network_of(VIEWER)]))
            assert {row.address for row in shared.rows} == {str(VIEWER)}
            host = await shared.examined(shared.by(back.value.networks), sent(back.value.seen))
        return whole, host, back.value

    whole, host, back = run(work())
    assert back.networks == NETWORKS
    assert any(archive.open for archive in whole.archives)
    assert alone.sketches.studies
    assert {e.address for archive in whole.archives for e in archive.endpoints} >= {str(ONE), str(OTHER)}
    assert timeless(msgspec.to_builtins(host)) == timeless(msgspec.to_builtins(whole))
    assert shared.asked == alone.asked
    assert alone.asked["Host: archive.example:8042"]
    assert [(row.address, row.port, row.question) for row in shared.rows] == [
        (row.address, row.port, row.question) for row in alone.rows
    ]
    assert set(shared.names.asked) == set(alone.names.asked)
    assert set(alone.names.asked) == {"archive.example", "other.example", *map(str, (VIEWER, ONE, OTHER))}
    assert [(e, s.size) for e, s in shared.sketches.studies.items()] == [
        (e, s.size) for e, s in alone.sketches.studies.items()
    ]


def test_a_host_whose_own_network_is_not_leased_is_not_asked() -> None:
    place = Place()

    async def work() -> None:
        with pytest.raises(Elsewhere) as back:
            await place.examined(place.by([network_of(ONE)]))
        assert (back.value.networks, back.value.seen) == (frozenset([network_of(VIEWER)]), ())

    run(work())
    assert place.rows == []


def test_what_was_seen_elsewhere_needs_its_network_too() -> None:
    """A step that counts there would be refused only after others were taken, whose sketches would be lost."""
    place = Place()

    async def work() -> None:
        async with AsyncExitStack() as up:
            await opened(up, place)
            host = await place.examined(place.by(NETWORKS))
            seen = tuple(judged.observation for judged in host.judged)
            rows = len(place.rows)
            with pytest.raises(Elsewhere) as back:
                await place.examined(place.by([network_of(VIEWER)]), seen)
            assert back.value.networks == NETWORKS
            assert len(back.value.seen) == len(seen)
            assert len(place.rows) == rows

    run(work())


def test_no_host_is_told_of_where_the_lease_ends() -> None:
    """What was cut off would stand in it as an answer."""
    place = Place()

    async def work() -> None:
        door = place.by([network_of(VIEWER)])
        lease = door._permission.lease
        assert lease is not None

        async def ends(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1)
            lease.renew(clock())  # it is over
            lease.renew(clock() + 1000)  # and holds again, before any line was told
            lease.take([network_of(VIEWER)])
            await reader.read()

        async with listening(ends, str(VIEWER), port=8080):
            with pytest.raises(OutOfScope) as told:
                await place.examined(door)
        assert told.value.cause is Cause.LEASE_ENDED

    run(work())
    assert [row.stop.cause for row in place.rows] == [Cause.LEASE_ENDED]
