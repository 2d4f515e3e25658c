"""By what an archive is recognised: in another survey, and after it was judged again."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from filmbadge.judge.ways import ways_by
from filmbadge.model import Facts, Identity, JudgedEndpoint, Observation


def identity(group: Sequence[JudgedEndpoint], product: str) -> Identity:
    """Of the archive that these endpoints lead to."""
    seen = [j.observation for j in group]
    keys = [one.tls.certificate.spki_sha256 for one in seen if one.tls is not None and one.tls.certificate is not None]
    return Identity(
        endpoints=tuple(sorted([one.endpoint for one in seen])),
        spki_sha256=_in_order(keys),
        product=product,
        names=_in_order([name for one in seen for name in _names(one)]),
    )


def _names(seen: Observation) -> tuple[str, ...]:
    called = _said(seen.facts)
    if seen.tls is not None and seen.tls.certificate is not None:
        return (*called, seen.tls.certificate.subject_name)
    return called


@lru_cache(maxsize=1024)
def _said(shown: tuple[Facts, ...]) -> tuple[str, ...]:
    return tuple(name for way, facts in ways_by(shown) for name in way.names(facts))


def _in_order(found: list[str]) -> tuple[str, ...]:
    return tuple(sorted({*found} - {""})) if found else ()


def score(one: Identity, other: Identity) -> int:
    """How well two fit together; 0 where nothing shows that they are one archive.

    An endpoint or a key must be shared. Two products that differ, or no key and no name in common, speak against it:
    an address is given to another, and a maker's own key is in many archives. Of several that fit, the best is the one.
    """
    endpoints, keys = set(one.endpoints) & set(other.endpoints), set(one.spki_sha256) & set(other.spki_sha256)
    if not endpoints and not keys:
        return 0
    found = 3 if endpoints else 0
    for left, right, weight in (
        (one.spki_sha256, other.spki_sha256, 2),
        ((one.product,), (other.product,), 1),
        (one.names, other.names, 1),
    ):
        if any(left) and any(right):
            found += weight if set(left) & set(right) else -1
    return max(found, 0)


def same(one: Identity, other: Identity) -> bool:
    return score(one, other) > 1
