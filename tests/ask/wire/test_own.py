"""Which addresses are this machine's own."""

from __future__ import annotations

import sys
from ipaddress import ip_address

import pytest

from filmbadge.ask.wire.dialer import own
from support.network import apart


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1"])
def test_loopback_is(address: str) -> None:
    assert own(ip_address(address))


@pytest.mark.parametrize("address", ["192.0.2.9", "10.0.0.1", "2001:db8::9", "0.0.0.0", "::", "224.0.0.1", "ff02::1"])
def test_what_no_interface_has_is_not(address: str) -> None:
    assert not own(ip_address(address))


ASK = """
import sys
from ipaddress import ip_address
from filmbadge.ask.wire.dialer import own
print(*(own(ip_address(one)) for one in sys.argv[1:]))
"""


@pytest.mark.real
def test_an_address_of_an_interface_is_and_nothing_is_sent_to_find_out() -> None:
    with apart() as sides:
        inside, outside = sides.inside, sides.outside

        def asked() -> list[str]:
            addresses = (
                inside.address,
                inside.address6,
                "198.51.100.9",
                "198.51.100.255",
                outside.address,
                outside.address6,
            )
            return inside.run(sys.executable, "-c", ASK, *addresses, "203.0.113.1").split()

        inside.run("ip", "address", "add", "198.51.100.9/24", "dev", "stranger")
        expected = ["True", "True", "True", "False", "False", "False", "False"]
        before = inside.run("cat", "/proc/net/snmp")
        assert asked() == expected
        assert inside.run("cat", "/proc/net/snmp") == before
        # Whoever moves addresses between machines lets them bind to what they do not have.
        inside.run("sysctl", "-q", "-w", "net.ipv4.ip_nonlocal_bind=1", "net.ipv6.ip_nonlocal_bind=1")
        assert asked() == expected
