"""Names that may be of those who run an archive. They stand beside a verdict, and decide nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from filmbadge.catalogue.fingerprints import fingerprints
from filmbadge.judge.ways import ways_by
from filmbadge.model import DimseFacts, Hint, HintSource, JudgedEndpoint, Observation


def hints(group: Sequence[JudgedEndpoint]) -> tuple[Hint, ...]:
    """Of the archive that these endpoints lead to: each name once, with the first endpoint that showed it."""
    found: dict[tuple[HintSource, str], Hint] = {}
    for judged in group:
        seen = judged.observation
        for source, name in _names(seen):
            if name:
                found.setdefault((source, name), Hint(name, source, seen.endpoint.url))
    return tuple(found.values())


def _names(seen: Observation) -> Iterator[tuple[HintSource, str]]:
    if seen.tls is not None and seen.tls.certificate is not None:
        yield HintSource.ORGANISATION, seen.tls.certificate.subject_organisation
        for name in (seen.tls.certificate.subject_name, *seen.tls.certificate.names):
            yield HintSource.CERTIFICATE_NAME, name
    for way, facts in ways_by(seen.facts):
        for title in () if isinstance(facts, DimseFacts) else way.names(facts):  # in DIMSE, the scope gave the title
            if not _of_a_product(title):
                yield HintSource.AE_TITLE, title
    yield HintSource.REVERSE_NAME, seen.reverse_name


@lru_cache(maxsize=1024)
def _of_a_product(title: str) -> bool:
    """Whether a product has this title as it comes: that says nothing of who runs it."""
    return any(re.fullmatch(row.title, title) for row in fingerprints().title)
