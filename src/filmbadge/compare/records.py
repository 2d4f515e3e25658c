"""What is said of a change. Its codes stand in documents and never change; `tell` has the words."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from filmbadge.model import Count, Depth, Endpoint, Grade, Identity, Kind, Rung


class ChangeKind(StrEnum):
    """What became of one archive that is open in at least one of two surveys."""

    NEW = "new"  # open now, and was not before
    GONE = "gone"  # open before; now nothing answers at its address, or another archive stands there
    CLOSED = "closed"  # open before; it was shown that a stranger gets nothing there now
    STILL_OPEN = "still-open"
    WORSE = "worse"  # open in both, and gives away more
    BETTER = "better"  # open in both, and gives away less
    MOVED = "moved"  # open in both, at another address: always likely only
    NOT_COMPARED = "not-compared"


class By(StrEnum):
    """How it is known that a stranger gets nothing at an address, or why that is not known."""

    # Proofs that an archive is closed. The order says which of several is told.
    LOGIN = "login"
    CLIENT_CERTIFICATE = "client-certificate"  # TLS in front of it, and nothing without a certificate
    REJECTED = "rejected"  # the association
    QUERY_REFUSED = "query-refused"
    CONTEXT_REFUSED = "context-refused"  # it offers no queries
    ABORTED = "aborted"  # it hangs up at the query, as this product does with strangers
    EMPTIED = "emptied"  # it answers, and its own counters are zero
    OTHER_SERVICE = "other-service"
    FILTERED = "filtered"  # something keeps us from the port, and not from the host
    REFUSED = "refused"  # the host refuses the connection: nothing listens there
    # It is gone.
    NOTHING_ANSWERS = "nothing-answers"  # at no port of its host, while others of its network, if we know any, answer
    ANOTHER_ARCHIVE = "another-archive"  # with another key, product or name
    # By what it was found again at another address.
    KEY = "key"
    CONFIGURATION = "configuration"
    ADDRESS = "address"  # its old way in is not open, another one is, and nothing tells the two apart
    # Why it is not compared.
    OTHER_WAY = "other-way"  # at its address another way in is open in the other survey, which may be its own
    DECOY = "decoy"  # one survey takes it for bait or a demonstration, and the other does not
    GROUPED_OTHERWISE = "grouped-otherwise"  # its ways in are another archive's in the other survey
    OPTED_OUT = "opted-out"  # its operator asked to be left alone, before the other survey
    EXCLUDED = "excluded"  # from the other survey
    INTERRUPTED = "interrupted"  # the other survey ended before its host was asked
    HOST_NOT_ASKED = "host-not-asked"
    PORT_NOT_ASKED = "port-not-asked"
    OTHER_DEPTH = "other-depth"
    NETWORK_SILENT = "network-silent"  # nothing of its network answered: it may not be reachable from where we ask
    NOTHING_REACHED = "nothing-reached"  # the other survey reached nothing at all
    INCONCLUSIVE = "inconclusive"


CLOSED_BY = frozenset(tuple(By)[: tuple(By).index(By.REFUSED) + 1])
GONE_BY = frozenset({By.NOTHING_ANSWERS, By.ANOTHER_ARCHIVE})
NOT_COMPARED_BY = frozenset(tuple(By)[tuple(By).index(By.OTHER_WAY) :])


class Quality(StrEnum):
    """What may differ between two surveys of one archive. The first that differs decides whether it is worse."""

    RUNG = "rung"
    GRADE = "grade"
    KINDS = "kinds"
    SSN_RECORDS = "ssn_records"
    IMAGES_RETRIEVABLE = "images_retrievable"
    PATIENTS = "patients"
    STUDIES = "studies"
    SERIES = "series"
    IMAGES = "images"


COUNTED = tuple(Quality)[3:]


class Known(Struct, frozen=True):
    """One archive, as one survey knows it."""

    id: str
    identity: Identity
    rung: Rung
    ways: tuple[Endpoint, ...] = ()  # its endpoints that are open
    grade: Grade | None = None
    product: str = ""
    version: str = ""
    counts: dict[str, Count] = {}  # by quality
    kinds: dict[Kind, bool] | None = None  # whether any study carries it, where that is known; None: not looked for
    configuration: str = ""
    perhaps_same: tuple[str, ...] = ()  # other archives of its survey at its address that may be this one
    depth: Depth = Depth.KNOCK
    decoy: bool = False
    country: str = ""
    operator: str = ""

    @property
    def open(self) -> bool:
        return self.rung.open


class Difference(Struct, frozen=True):
    """One quality that differs. `worse`: more is given away than before; None: neither more nor less."""

    quality: Quality
    old: str  # a rung, a grade, kinds of data separated by spaces, or a number; `≥` before a lower bound
    new: str
    worse: bool | None


class Change(Struct, frozen=True):
    """What became of one archive."""

    kind: ChangeKind
    by: By | None = None  # of `new`: how it is known that it was not open before
    old: str | None = None  # id of the archive in the older survey; None: it was no archive there
    new: str | None = None  # id in the newer survey
    likely: bool = False  # this is likely, and not shown
    differences: tuple[Difference, ...] = ()
    was: Known | None = None
    now: Known | None = None


class Surveyed(Struct, frozen=True):
    """One of the surveys that are compared."""

    name: str
    started: datetime
    ended: datetime | None
    state: str
    depth: Depth
    hosts: int
    hosts_done: int
    archives: int
    archives_open: int  # decoys left out


class Judges(StrEnum):
    """By whom the surveys are judged."""

    SAME = "same"
    DIFFER = "differ"


class Comparison(Struct, frozen=True):
    """Two surveys. Every archive that is open in one of them, decoys left out, stands in one change."""

    old: Surveyed
    new: Surveyed
    depth: Depth  # that both surveys reached
    judges: Judges
    hosts_in_both: int
    hosts_only_old: int
    hosts_only_new: int
    changes: tuple[Change, ...]
    closed_in_both: int  # archives that were open in neither

    def count(self, kind: ChangeKind) -> int:
        return sum(change.kind is kind for change in self.changes)

    def by(self, kind: ChangeKind) -> dict[By, int]:
        """How many of this kind by each code, the most frequent first."""
        found = Counter(change.by for change in self.changes if change.kind is kind and change.by is not None)
        return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))
