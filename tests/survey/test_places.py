"""A host is placed while it is asked, and the names of its addresses are looked up where the scope says so."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

from filmbadge.ask.targets.lists import parse
from filmbadge.model import Depth, HintSource, Host, JournalRow
from filmbadge.places import PACKAGED, Places, load
from filmbadge.scope import LOOPBACK, Scope
from filmbadge.survey.examine import examine
from support.loopback import caps, dialer, listening, run
from support.name_server import name_server
from support.odd_dicomweb import Manners, OddDicomWeb

SCOPE = replace(
    LOOPBACK,
    name="clinics",
    networks=(ip_network("127.0.0.0/24"),),
    dimse_ports=(),
    dimse_tls_ports=(),
    web_ports=(8042,),
    web_tls_ports=(),
    caps=caps(idle_seconds=0.2),
)
CALLED = {"77.0.0.127.in-addr.arpa": "pacs.hospital.example", "78.0.0.127.in-addr.arpa": "nobody.example"}


def asked(scope: Scope, places: Places = PACKAGED) -> tuple[Host, Host, list[JournalRow], list[str]]:
    """An archive, an address at which nothing is, the journal, and the names that were looked up."""

    async def work() -> tuple[Host, Host, list[JournalRow]]:
        door, rows = dialer(scope)
        async with listening(OddDicomWeb(Manners()), host="127.0.0.77", port=8042):
            hosts = [await examine(door, parse(f"127.0.0.{n}:8042"), Depth.ASK, places=places) for n in (77, 78)]
        return hosts[0], hosts[1], rows

    with name_server(CALLED) as looked_up:
        archive, nobody, rows = run(work())
    return archive, nobody, rows, looked_up


def test_the_name_of_an_archives_address_is_a_hint_if_the_scope_says_so() -> None:
    host, nobody, rows, looked_up = asked(replace(SCOPE, reverse_names=True))
    (archive,) = host.archives
    hint = next(hint for hint in archive.hints if hint.source is HintSource.REVERSE_NAME)
    assert (hint.what, hint.endpoint) == ("pacs.hospital.example", "http://127.0.0.77:8042")
    assert set(looked_up) == {"77.0.0.127.in-addr.arpa"}, "an address without an archive is not looked up"
    assert not nobody.archives
    assert [(row.address, row.question) for row in rows if row.port is None] == [
        ("127.0.0.77", "look-up 77.0.0.127.in-addr.arpa")
    ]


def test_nothing_is_looked_up_otherwise() -> None:
    host, _, rows, looked_up = asked(SCOPE)
    assert host.archives
    assert not [hint for hint in host.archives[0].hints if hint.source is HintSource.REVERSE_NAME]
    assert looked_up == []
    assert all(row.port is not None for row in rows)


def test_a_host_is_placed(tmp_path: Path) -> None:
    table = tmp_path / "places.csv"
    table.write_text("network,country\n127.0.0.0/25,DE\n")
    host, nobody, _, _ = asked(SCOPE, load([table]))
    assert host.archives[0].place.countries == ("DE",)
    assert nobody.judged[0].place.countries == ("DE",)
    assert asked(SCOPE)[0].archives[0].place.countries == ()
