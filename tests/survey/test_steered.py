"""A hostile page does not steer us: what it names is contacted where the scope allows it, and is noted where not.

Every port here is fixed, for the scope lists ports: the tests have a network namespace of their own.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_network

import pytest

from filmbadge.ask.targets.lists import parse
from filmbadge.model import Cause, ConfiguredRoot, Depth, Host, JournalRow, PageFacts, Provenance
from filmbadge.scope import LOOPBACK, RateLimits, Scope
from filmbadge.survey.examine import examine
from support.http_site import http, serving, viewer
from support.loopback import Handler, caps, dialer, listening, run
from support.name_server import name_server
from support.odd_dicomweb import Manners, OddDicomWeb

VIEWER, NEIGHBOUR = "127.0.0.1", "127.0.0.77"
SCOPE = replace(
    LOOPBACK,
    name="clinics",
    networks=(ip_network("127.0.0.0/24"),),
    expires=datetime(2099, 12, 31, tzinfo=UTC),
    dimse_ports=(),
    dimse_tls_ports=(),
    web_ports=(8080, 8042),
    web_tls_ports=(),
    pace=RateLimits(overall=2000, per_network=2000, per_host=2000),
    caps=caps(idle_seconds=0.2),
)


class Seen:
    """What one hostile site brought: the host, its journal, and who heard of us."""

    def __init__(self) -> None:
        self.connections: Counter[tuple[str, int]] = Counter()
        self.looked_up: list[str] = []
        self.rows: list[JournalRow] = []

    def counted(self, place: tuple[str, int], handler: Handler) -> Handler:
        async def heard(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.connections[place] += 1
            await handler(reader, writer)

        return heard

    @property
    def pages(self) -> PageFacts:
        return next(facts for j in self.host.judged if (facts := j.observation.get(PageFacts)) and facts.names)

    host: Host


def steered(
    site: Handler,
    depth: Depth = Depth.ASK,
    *,
    scope: Scope = SCOPE,
    neighbour: Handler | None = None,
    target: str = f"{VIEWER}:8080",
) -> Seen:
    """Asks the viewer's port. A neighbour listens on a printer's port and on one that the scope lists."""
    seen = Seen()
    archive = neighbour or OddDicomWeb(Manners(root="/my%20archive/dicom-web"))
    peers: dict[tuple[str, int], Handler] = {
        (VIEWER, 8080): site,
        (VIEWER, 9100): archive,
        (NEIGHBOUR, 9100): archive,
        (NEIGHBOUR, 8042): archive,
    }

    async def work() -> None:
        async with AsyncExitStack() as up:
            for (address, port), handler in peers.items():
                await up.enter_async_context(listening(seen.counted((address, port), handler), address, port=port))
            door, seen.rows = dialer(scope, {VIEWER: (8080,), "localhost": (8080,)})
            seen.host = await examine(door, parse(target), depth)

    with name_server({}) as seen.looked_up:
        run(work())
    assert all(row.port in range(1, 65536) for row in seen.rows if not row.question.startswith("look-up"))
    return seen


@pytest.mark.parametrize(
    ("root", "named"),
    [
        # 74636 is 9100 in 16 bits.
        ("http://127.0.0.77:74636/rs", ConfiguredRoot("", 0, "", False, True, Cause.REFERENCE_REFUSED)),
        ("http://127.0.0.77:0/rs", ConfiguredRoot("", 0, "", False, True, Cause.REFERENCE_REFUSED)),
        ("http://127.0.0.77:9100/rs", ConfiguredRoot(NEIGHBOUR, 9100, "/rs", False, True, Cause.PORT_NOT_IN_SCOPE)),
        ("http://127.0.0.1:9100/rs", ConfiguredRoot("", 9100, "/rs", False, True, Cause.PORT_NOT_IN_SCOPE)),
        ("http://127.0.0.77/rs", ConfiguredRoot(NEIGHBOUR, 80, "/rs", False, True, Cause.PORT_NOT_IN_SCOPE)),
        ("http://127.0.1.77:8042/rs", ConfiguredRoot("127.0.1.77", 8042, "/rs", False, True, Cause.NOT_IN_SCOPE)),
        ("http://2130706509:8042/rs", ConfiguredRoot("", 0, "", False, True, Cause.REFERENCE_REFUSED)),
        ("/a\rX-Evil: 1/rs", ConfiguredRoot("", 0, "", False, True, Cause.REFERENCE_REFUSED)),
        ("http://127.0.0.77:8042/a\0b", ConfiguredRoot("", 0, "", False, True, Cause.REFERENCE_REFUSED)),
        ("http://127.0.0.77:8042/%2e%2e%2f%2e%2e/rs", ConfiguredRoot("", 0, "", False, True, Cause.REFERENCE_REFUSED)),
        ("http://127.0.0.77:8042/" + "x" * 1024, ConfiguredRoot("", 0, "", False, True, Cause.REFERENCE_REFUSED)),
    ],
)
def test_a_place_that_nobody_allowed_is_noted_and_left(
    root: str, named: ConfiguredRoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = steered(viewer(root))
    assert seen.pages.names == (named,)
    assert set(seen.connections) == {(VIEWER, 8080)}
    assert {(row.address, row.port) for row in seen.rows} == {(VIEWER, 8080)}
    assert seen.host.fault is None


def test_four_names_outside_are_neither_looked_up_nor_contacted() -> None:
    names = ["b1.example", "b2.example:8042", "clinics.localhost", "маяк.example"]
    seen = steered(viewer(*(f"http://{name}/rs" for name in names)))
    hosts = ["b1.example", "b2.example", "clinics.localhost", "xn--80aue1f.example"]
    assert [named.host for named in seen.pages.names] == hosts
    assert {named.why for named in seen.pages.names} == {Cause.NAME_NOT_IN_SCOPE}
    assert seen.looked_up == []
    assert set(seen.connections) == {(VIEWER, 8080)}
    assert seen.host.fault is None


@pytest.mark.parametrize("root", ["http://127.0.0.77:8042/my archive/dicom-web", "http://127.0.0.77:8042/x/%2e%2e/my%20archive/dicom-web/"])  # fmt: skip
def test_an_archive_behind_a_path_with_a_blank_is_found_and_counted(root: str) -> None:
    seen = steered(viewer(root), Depth.PROFILE)
    archive = next(one for one in seen.host.archives if one.open)
    assert (archive.counts.studies.value, archive.counts.studies.how) == (3, Provenance.COUNTED)
    assert [(e.address, e.port) for e in archive.endpoints if e.address == NEIGHBOUR] == [(NEIGHBOUR, 8042)]
    assert seen.host.fault is None


@pytest.mark.parametrize("root", ["/архив/rs", "/r\u00f6ntgen bilder/rs", "/100%/rs"])
def test_a_path_in_any_script_is_asked_for(root: str) -> None:
    seen = steered(viewer(root))
    assert not seen.pages.names[0].outside
    assert {row.stop.error for row in seen.rows} == {""}
    assert seen.host.fault is None


LEADS = {
    "redirect": lambda place: http(f"302 Found\r\nLocation: {place}"),
    "two that differ": lambda place: http(f"302 Found\r\nLocation: /\r\nLocation: {place}"),
    "refresh": lambda place: http("200 OK", f'<meta http-equiv="refresh" content="0; url={place}">'.encode()),
}


@pytest.mark.parametrize("leads", LEADS)
@pytest.mark.parametrize(
    "place",
    [
        "http://127.0.0.77:8042/",
        "http://127.0.0.1:9100/",
        "//127.0.0.77:74636/",
        "https://127.0.0.1:8080/",
        "http://b1.example/",
    ],
)
def test_a_redirect_stays_on_its_host_port_and_scheme(leads: str, place: str) -> None:
    page = LEADS[leads](place)
    seen = steered(serving(lambda path: page if path == "/" else http("404 Not Found")))
    assert set(seen.connections) == {(VIEWER, 8080)}
    assert seen.looked_up == []
    assert seen.host.fault is None


def test_a_neighbour_is_told_nothing_of_what_the_viewer_wrote() -> None:
    """Of a user, a password and a query nothing is sent; nor the user's name for the viewer."""
    heads: list[str] = []

    async def neighbour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            heads.append((await reader.readuntil(b"\r\n\r\n")).decode("ascii"))
            writer.write(http("404 Not Found"))

    root = "http://user:word@127.0.0.77:8042/rs?token=1"
    seen = steered(viewer(root), neighbour=neighbour, target="localhost:8080")
    assert seen.connections[NEIGHBOUR, 8042] == 1
    assert any("/rs/studies?" in head for head in heads)
    for head in heads:
        assert head.split("\r\n")[1] == "Host: 127.0.0.77:8042"
        assert not any(word in head for word in ("localhost", "user", "word", "token"))


def test_a_name_that_the_scope_lists_is_followed() -> None:
    """And it is called by its name."""
    scope = replace(SCOPE, names=("localhost",))
    seen = steered(viewer("http://localhost:8042/my archive/dicom-web"), scope=scope)
    assert [named.outside for named in seen.pages.names] == [False]
    assert any(row.question == "look-up localhost" for row in seen.rows)
