"""The firewall of a kit, in force between an archive, a stranger and a listed device, over IPv4 and IPv6."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from filmbadge.catalogue.remedies import remedies
from filmbadge.tell.remedy import kit
from support.archives import program
from support.hanging import HANGS
from support.network import Side, apart
from support.written import ENGLISH

DICOM, WEB, TLS, OTHER = 4242, 8042, 2762, 9999
_LISTENS = """
import selectors, socket, sys
chosen = selectors.DefaultSelector()
for port in map(int, sys.argv[1:]):
    chosen.register(socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True), 1)
print("ready", flush=True)
while True:
    for key, _ in chosen.select():
        key.fileobj.accept()[0].close()
"""
_COMES_IN = """
import socket, sys
address, port, patience = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
try:
    socket.create_connection((address, port), patience).close()
    print("yes")
except TimeoutError:
    print("no")
"""


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    codes = ("pynetdicom-dicom", "firewall-nftables", "front-stunnel")
    assert set(codes) <= set(remedies())
    told = kit.options(["ct1=CT1@192.0.2.10", "ct1v6=CT1@2001:db8::10"], ["TITLE=ARCHIVE"])
    return kit.kit(kit.Found("a", "192.0.2.1", (DICOM,), (), (WEB,), (), codes, ""), told, ENGLISH)


def comes_in(side: Side, address: str, port: int, patience: float = HANGS) -> bool:
    return side.run(sys.executable, "-c", _COMES_IN, address, str(port), str(patience)).strip() == "yes"


def dropped(inside: Side) -> int:
    """Packets, by the firewall's own counters."""
    return sum(
        map(int, re.findall(r"counter packets (\d+)", inside.run(program("nft"), "list", "table", "inet", "archive")))
    )


def test_strangers_stay_outside_and_devices_come_in(files: dict[str, bytes], tmp_path: Path) -> None:
    for name in ("nftables.nft", "nftables-tls-only.nft"):
        (tmp_path / name).write_bytes(files[name])
    with apart() as net:
        ports = [str(port) for port in (DICOM, WEB, TLS, OTHER)]
        command = net.inside.command(sys.executable, "-c", _LISTENS, *ports)
        with subprocess.Popen(command, stdout=subprocess.PIPE) as archive:
            try:
                assert archive.stdout is not None
                assert archive.stdout.readline() == b"ready\n"
                both = net.inside.address, net.inside.address6
                assert all(comes_in(net.outside, address, DICOM) for address in both)
                for name, for_devices, for_nobody in (
                    ("nftables.nft", (DICOM, WEB, TLS), ()),
                    ("nftables-tls-only.nft", (TLS,), (DICOM, WEB)),
                ):
                    net.inside.run(program("nft"), "-f", str(tmp_path / name))
                    for address in both:
                        for side, shut in (net.outside, (*for_devices, *for_nobody)), (net.device, for_nobody):
                            for port in shut:
                                before = dropped(net.inside)
                                assert not comes_in(side, address, port, 0.3)
                                assert dropped(net.inside) > before  # so nobody was too slow for us
                        assert all(comes_in(net.device, address, port) for port in for_devices)
                        assert comes_in(net.outside, address, OTHER)  # it is no matter of the archive
                        assert comes_in(net.inside, "127.0.0.1", DICOM)
                net.inside.run(program("nft"), "delete", "table", "inet", "archive")
                assert all(comes_in(net.outside, address, DICOM) for address in both)
            finally:
                archive.kill()
