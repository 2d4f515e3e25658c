"""The package `iptocc`: countries by the delegations of the five Regional Internet Registries.

It says where a block was registered, which need not be where its hosts stand. It does not tell how old its data is, so its
version is told.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import version
from ipaddress import IPv4Address, IPv6Address

from iptocc import country_code

from filmbadge.model import NOWHERE, Place, Said
from filmbadge.places.source import Used

_NAME = "iptocc"


class Packaged:
    """Countries only. It knows none for addresses that are not global."""

    @property
    def used(self) -> Used:
        return _used()

    def of(self, address: IPv4Address | IPv6Address) -> Place:
        code = country_code(str(address))
        return NOWHERE if code is None else _in_country(code)


@cache
def _used() -> Used:
    return Used(_NAME, "package", version(_NAME))


@cache
def _in_country(code: str) -> Place:
    return Place(country=(Said(code, f"{_NAME} {_used().version}"),))
