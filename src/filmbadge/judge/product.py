"""Names the product of an archive from its signs, and the toolkit that its association names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from filmbadge.catalogue.fingerprints import fingerprints
from filmbadge.catalogue.pages import viewers
from filmbadge.judge.ways import ways_by, ways_of
from filmbadge.model import Facts, Fingerprint, FingerprintKind, Observation, Product


def identify(*observations: Observation) -> Product:
    """The product of one archive. It is firm if two signs of different kinds agree, and one of them names it."""
    toolkit = next((name for way, facts in ways_of(*observations) if (name := way.toolkit(facts))), "")
    named = [sign for seen in observations for sign in signs(seen)]
    if not named:
        return Product(toolkit=toolkit)
    kinds: dict[str, set[FingerprintKind]] = {}
    for sign in named:
        kinds.setdefault(sign.product, set()).update([sign.kind] if sign.confirmed else [])
    for product, kind in _hints(observations, toolkit):
        if product in kinds:
            kinds[product].add(kind)
    # The product with the most kinds of signs wins; of equals, the first. A viewer only shows an archive, so it comes
    # last.
    product = max(kinds, key=lambda name: (name not in viewers(), len(kinds[name])))
    if product in viewers() and any(way.archive for way, _ in ways_of(*observations)):
        return Product(toolkit=toolkit)
    version = next((sign.version for sign in named if sign.product == product and sign.version), "")
    return Product(product, toolkit, version, len(kinds[product]) > 1)


def signs(seen: Observation) -> tuple[Fingerprint, ...]:
    """Every sign of a product on one endpoint:

    the signs that its probe saw, and the signs that follow from its facts.
    """
    return _signs(seen.signs, seen.facts)


@lru_cache(maxsize=1024)
def _signs(seen: tuple[Fingerprint, ...], facts: tuple[Facts, ...]) -> tuple[Fingerprint, ...]:
    followed = (sign for way, shown in ways_by(facts) for sign in way.signs(shown))
    return tuple(dict.fromkeys((*seen, *followed)))


def _hints(observations: Sequence[Observation], toolkit: str) -> Iterator[tuple[str, FingerprintKind]]:
    for row in fingerprints().built_on:
        if toolkit.startswith(row.toolkit):
            yield row.product, FingerprintKind.ASSOCIATION
    for way, facts in ways_of(*observations):
        yield from way.hints(facts)
