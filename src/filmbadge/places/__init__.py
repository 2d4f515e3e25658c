"""Where an address stands, and whose it is: from files of the user, and from a package. It asks nobody."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import sha256
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

from filmbadge.model import NOWHERE, Place
from filmbadge.places.mmdb import Mmdb, is_mmdb
from filmbadge.places.packaged import Packaged
from filmbadge.places.source import FIELDS, Source, Used
from filmbadge.places.table import Table

_REMEMBERED = 4096  # addresses: a host is judged several times


class Places:
    """All sources in their order. The package is always the last."""

    def __init__(self, sources: Iterable[Source] = ()) -> None:
        self._sources: tuple[Source, ...] = (*sources, Packaged())
        self._remembered = lru_cache(maxsize=_REMEMBERED)(self._find)

    @property
    def used(self) -> tuple[Used, ...]:
        """What the sources are, in their order."""
        return tuple(source.used for source in self._sources)

    @property
    def digest(self) -> str:
        """The same for the same data in the same order."""
        return sha256("\n".join(f"{one.kind} {one.digest or one.version}" for one in self.used).encode()).hexdigest()

    def of(self, address: str) -> Place:
        """What the sources say of an IP address. Nothing of what is no address."""
        return self._remembered(address)

    def _find(self, text: str) -> Place:
        address = _plain(text)
        if address is None:
            return NOWHERE
        answers = [told for source in self._sources if (told := source.of(address)) is not NOWHERE]
        if len(answers) < 2:
            return answers[0] if answers else NOWHERE
        network = next((told.network for told in answers if told.network), "")
        said = {field: tuple(one for told in answers for one in getattr(told, field)) for field in FIELDS}
        return Place(network, **said)


def _plain(text: str) -> IPv4Address | IPv6Address | None:
    """An IPv4 address in IPv6's form is that IPv4 address."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return address if isinstance(address, IPv4Address) else address.ipv4_mapped or address


def load(paths: Sequence[Path]) -> Places:
    """The user's files, then the package. Tables come before databases, each in the order of `paths`. Raises Refusal."""
    if not paths:
        return PACKAGED
    databases = [path for path in paths if is_mmdb(path)]
    tables = [path for path in paths if path not in databases]
    return Places([*map(Table, tables), *map(Mmdb, databases)])


PACKAGED = Places()
