"""Tags archives that are likely bait or demonstrations. They are counted apart, never dropped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b

from filmbadge.catalogue.decoys import calls_itself_one
from filmbadge.catalogue.fingerprints import baits
from filmbadge.judge.product import signs
from filmbadge.judge.same_archive import Groups, network
from filmbadge.judge.ways import ways_of
from filmbadge.model import Counts, Decoy, JudgedEndpoint

NETWORKS = 5  # a group runs an archive at two or three places; nobody runs the same archive at five


def tags(group: Sequence[JudgedEndpoint], names: Iterable[str]) -> tuple[Decoy, ...]:
    """Decoy tags that one archive shows by itself. `names` are those by which it and others call it."""
    found = []
    if any(sign.product in baits() for j in group for sign in signs(j.observation)):
        found.append(Decoy.HONEYPOT)
    if any(map(calls_itself_one, names)):
        found.append(Decoy.CALLS_ITSELF)
    return tuple(found)


def configuration(group: Sequence[JudgedEndpoint], counts: Counts) -> str:
    """A digest of ports, signs, manners and counts. Archives that were made as copies have equal digests.

    The digest is empty if the archive is empty or its counts are unknown: fresh software looks alike everywhere.
    """
    if not counts.studies.value:
        return ""
    facts: list[object] = [counts.studies.value, counts.series.value, counts.images.value]
    for j in sorted(group, key=lambda j: j.observation.endpoint):
        seen = j.observation
        facts += [seen.endpoint.port, seen.endpoint.protocol, j.verdict.rung, j.verdict.why, j.verdict.codes]
        facts += sorted((sign.product, sign.kind, sign.version) for sign in signs(seen))
        facts += [manner for way, shown in ways_of(seen) for manner in way.manners(shown)]
    return blake2b(repr(facts).encode(), digest_size=12).hexdigest()


def look_alike(archives: Iterable[tuple[str, str, str]]) -> frozenset[str]:
    """Ids of the archives whose configuration stands in many different networks. They may be copies.

    Each archive is given as (id, address, configuration). A network is an IPv4 /24 or an IPv6 /48.
    """
    alike: dict[str, list[tuple[str, str]]] = {}
    for archive, address, made in archives:
        if made:
            alike.setdefault(made, []).append((archive, address))
    return frozenset(archive for found in alike.values() if _far(found) for archive, _ in found)


def clusters(archives: Iterable[tuple[str, str, str]], pairs: Iterable[tuple[str, str]]) -> frozenset[str]:
    """Ids of those that look alike in many networks and hold the same studies, as the pairs show.

    Archives of a few studies each may have equal counts by chance, and then they are no copies.
    """
    given = tuple(archives)
    alike = look_alike(given)
    of = {archive: (address, made) for archive, address, made in given if archive in alike}
    copies = Groups(pair for pair in pairs if all(one in of for one in pair) and of[pair[0]][1] == of[pair[1]][1])
    return frozenset(one for found in copies if _far([(one, of[one][0]) for one in found]) for one in found)


def _far(found: Iterable[tuple[str, str]]) -> bool:
    return len({network(address) for _, address in found}) >= NETWORKS
