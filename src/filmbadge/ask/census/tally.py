"""Where values die: an identifier comes in, counts come out.

UIDs are compared through BLAKE2 keyed with a key of this run, which is never written. No other
attribute is looked at, whatever an archive sends along.
"""

from __future__ import annotations

import re
import secrets
from hashlib import blake2b

from filmbadge.ask.wire.dimse import elements
from filmbadge.ask.wire.errors import WireError

RUN_KEY = secrets.token_bytes(16)


class Tally:
    """Distinct UIDs of one level, and the counts that came with them. `add` is a query's `record`.

    With `keep`, the first so many distinct UIDs themselves are held in memory, for a walk down to them.
    """

    def __init__(self, uid: int = elements.STUDY_UID, *, keep: int = 0) -> None:
        self.rows = 0
        self.malformed = 0
        self.series = 0
        self.images = 0
        self.series_known = 0  # distinct UIDs that came with a number of series
        self.images_known = 0
        self.kept: list[bytes] = []
        self._uid = uid
        self._keep = keep
        self._seen: set[bytes] = set()
        self._wanted = frozenset((uid, elements.SERIES_IN_STUDY, elements.IMAGES_IN_STUDY))

    @property
    def distinct(self) -> int:
        return len(self._seen)

    def include(self, other: Tally) -> None:
        """The distinct UIDs of another tally of the same level."""
        self._seen |= other._seen

    def add(self, identifier: bytes, explicit: bool) -> None:
        self.rows += 1
        try:
            found = dict(elements.walk(identifier, explicit=explicit, wanted=self._wanted))
        except WireError:
            self.malformed += 1
            return
        uid = found.get(self._uid, b"").strip(b"\0 ")
        if not uid or len(uid) > 64:
            self.malformed += 1
            return
        digest = blake2b(uid, digest_size=12, key=RUN_KEY).digest()
        if digest in self._seen:
            return
        self._seen.add(digest)
        # Only what is made like a UID is held: a name in its place would be sent back to the archive by a walk.
        if len(self.kept) < self._keep and re.fullmatch(rb"[0-9.]+", uid):
            self.kept.append(uid)
        if (series := _number(found.get(elements.SERIES_IN_STUDY))) is not None:
            self.series += series
            self.series_known += 1
        if (images := _number(found.get(elements.IMAGES_IN_STUDY))) is not None:
            self.images += images
            self.images_known += 1


def _number(raw: bytes | None) -> int | None:
    """An integer string, PS3.5 6.2, IS. Empty or malformed: unknown."""
    if raw is None:
        return None
    text = raw.strip(b"\0 ")
    return int(text) if re.fullmatch(rb"\+?[0-9]{1,12}", text) else None
