"""By what an archive is recognised: in another survey, and after it was judged again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from filmbadge.judge.ways import ways_of
from filmbadge.model import Identity, JudgedEndpoint, Observation


def identity(group: Sequence[JudgedEndpoint], product: str) -> Identity:
    """Of the archive that these endpoints lead to."""
    seen = [j.observation for j in group]
    certificates = [one.tls.certificate for one in seen if one.tls is not None and one.tls.certificate is not None]
    return Identity(
        endpoints=tuple(sorted(one.endpoint for one in seen)),
        spki_sha256=_in_order(certificate.spki_sha256 for certificate in certificates),
        product=product,
        names=_in_order(name for one in seen for name in _names(one)),
    )


def _names(seen: Observation) -> Iterator[str]:
    if seen.tls is not None and seen.tls.certificate is not None:
        yield seen.tls.certificate.subject_name
    for way, facts in ways_of(seen):
        yield from way.names(facts)


def _in_order(found: Iterator[str]) -> tuple[str, ...]:
    return tuple(sorted(set(found) - {""}))


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
