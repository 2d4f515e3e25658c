"""What an archive is made of: the toolkit that its association names, and the product, from signs of either."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from filmbadge.catalogue.fingerprints import fingerprints
from filmbadge.catalogue.pages import viewers
from filmbadge.judge.ways import ways_of
from filmbadge.model import Fingerprint, FingerprintKind, Observation, Product


def identify(*observations: Observation) -> Product:
    """One product of all that was seen of one archive. It is firm on two signs of different kinds, of which one names it."""
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
    # The first of those with most marks. A viewer is what an archive is shown with, not what it is.
    product = max(kinds, key=lambda name: (name not in viewers(), len(kinds[name])))
    if product in viewers() and any(way.archive for way, _ in ways_of(*observations)):
        return Product(toolkit=toolkit)
    version = next((sign.version for sign in named if sign.product == product and sign.version), "")
    return Product(product, toolkit, version, len(kinds[product]) > 1)


def signs(seen: Observation) -> tuple[Fingerprint, ...]:
    """Every mark of a product on one endpoint: those that its probe saw, and those that follow from its facts."""
    followed = (sign for way, facts in ways_of(seen) for sign in way.signs(facts))
    return tuple(dict.fromkeys((*seen.signs, *followed)))


def _hints(observations: Sequence[Observation], toolkit: str) -> Iterator[tuple[str, FingerprintKind]]:
    for row in fingerprints().built_on:
        if toolkit.startswith(row.toolkit):
            yield row.product, FingerprintKind.ASSOCIATION
    for way, facts in ways_of(*observations):
        yield from way.hints(facts)
