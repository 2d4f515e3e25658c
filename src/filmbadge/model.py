"""The records that travel from the wire to the report.

All are frozen, and none has a field that could hold a patient's value: what is text here was said by
the archive about itself (a version, a realm), is bounded, and is printable ASCII.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Self

from msgspec import Struct


class _Steps(StrEnum):
    """Names in a fixed order. Text comparison would order them by alphabet, so ask `reaches`."""

    height: int

    def __init__(self, _: str) -> None:
        self.height = len(type(self).__members__)

    def reaches(self, other: Self) -> bool:
        return self.height >= other.height


class Depth(_Steps):
    """How far a scope lets us climb."""

    KNOCK = "knock"
    ASK = "ask"
    COUNT = "count"
    PROFILE = "profile"
    PROVE = "prove"


class Rung(_Steps):
    """How open an endpoint is. Open means `discloses` or higher."""

    SILENT = "silent"
    LISTENING = "listening"
    SPEAKS = "speaks"
    ADMITS = "admits"
    ANSWERS = "answers"
    DISCLOSES = "discloses"
    OFFERS = "offers"
    DELIVERS = "delivers"

    @property
    def open(self) -> bool:
        return self.reaches(Rung.DISCLOSES)


class Protocol(StrEnum):
    DIMSE = "dimse"
    HTTP = "http"


class How(StrEnum):
    """Where a number comes from. Numbers of different origin are never added up silently."""

    REPORTED = "reported"
    COUNTED = "counted"
    ESTIMATED = "estimated"
    UNKNOWN = "unknown"


class Ending(StrEnum):
    """How a connection, or the talk on it, ended."""

    COMPLETED = "completed"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    NO_ADDRESS = "no address"
    NO_ANSWER = "no answer"
    CLOSED = "closed by the peer"
    RESET = "reset by the peer"
    IDLE = "fell silent"
    TIME_CAP = "time cap"
    BYTE_CAP = "byte cap"
    OTHER_PROTOCOL = "other protocol"
    TLS_FAILED = "TLS failed"
    BROKEN = "broke the protocol"
    REJECTED = "association rejected"
    ABORTED = "association aborted"
    INTERRUPTED = "interrupted"
    OUT_OF_SCOPE = "out of scope"
    OWN_ERROR = "our own error"


class Stop(Struct, frozen=True):
    """An ending, with a detail in our own words (never the archive's)."""

    ending: Ending
    detail: str = ""


class Endpoint(Struct, frozen=True, order=True):
    address: str
    port: int
    protocol: Protocol


class Demanded(StrEnum):
    """Whether a service insists on a client certificate. To ask for one is not to insist on it."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class Certificate(Struct, frozen=True):
    """What a service's certificate says. Whether to trust it is not judged."""

    subject_name: str  # common names and organisations: cut, and cleaned to printable ASCII
    subject_organisation: str
    issuer_name: str
    issuer_organisation: str
    not_before: datetime
    not_after: datetime
    self_signed: bool
    key: str  # "RSA", "EC", "other" or "unknown"
    bits: int | None
    matches: bool  # one of its names is the host, as it was named or by its address


class TlsFacts(Struct, frozen=True):
    """What a service that spoke TLS showed of it. Where the handshake failed, little is known."""

    version: str = ""
    cipher: str = ""
    client_certificate: Demanded = Demanded.UNKNOWN
    alert: int | None = None  # RFC 8446 6
    certificate: Certificate | None = None


class Connection(Struct, frozen=True):
    """One row of the journal: one connection, the failed ones included."""

    at: datetime
    address: str
    port: int
    question: str
    sent: int  # bytes
    received: int  # bytes
    seconds: float
    ending: Ending
    detail: str
    tls: TlsFacts | None = None  # None: plain, or the peer spoke no TLS; kept with the endpoint


class Rejection(Struct, frozen=True):
    """A-ASSOCIATE-RJ, PS3.8 9.3.4."""

    result: int
    source: int
    reason: int


class Abort(Struct, frozen=True):
    """A-ABORT, PS3.8 9.3.8."""

    source: int
    reason: int


class Find(Struct, frozen=True):
    """One C-FIND and its outcome: how many matches arrived, never what they held."""

    window: str  # what was asked, such as "studies of the last 2 days"
    matches: int
    status: int | None = None  # final status, PS3.4 C.4.1.1.4; None: none arrived
    cancelled: bool = False


class Census(Struct, frozen=True):
    """What one enumeration by UIDs and counts found."""

    complete: bool
    rows: int
    studies: int
    malformed: int = 0
    series: int | None = None
    images: int | None = None
    images_known_for: int = 0  # studies whose number of images is known
    method: str = ""  # "count keys" or "walk" or ""
    why_incomplete: str = ""
    queries: int = 0


class Proof(Struct, frozen=True):
    """One image retrieval that was started and dropped. Nothing of the image is kept but these."""

    sop_class: str = ""  # that the archive's own record names
    get: bool = False  # C-GET accepted
    storage: bool = False  # its class accepted, to be sent to us
    transfer_syntax: str = ""
    bytes: int = 0  # of the image: received, counted, dropped
    status: int | None = None  # final, of the C-GET
    detail: str = ""


class DimseFacts(Struct, frozen=True):
    called: str  # the called AE title that was used last
    called_from_scope: bool = False
    titles_rejected: int = 0
    valid_pdu: bool = False
    accepted: bool = False
    rejection: Rejection | None = None
    abort: Abort | None = None
    verification: bool = False  # presentation contexts accepted
    study_root: bool = False
    patient_root: bool = False
    implementation_uid: str = ""
    implementation_version: str = ""
    max_pdu: int | None = None
    echo: int | None = None  # C-ECHO status
    finds: tuple[Find, ...] = ()
    census: Census | None = None
    proof: Proof | None = None


class OrthancFacts(Struct, frozen=True):
    """What Orthanc's REST says of itself: `/system` and `/statistics`."""

    status: int | None = None  # HTTP status of the first answer
    realm: str = ""  # of WWW-Authenticate
    is_orthanc: bool = False
    version: str = ""
    aet: str = ""
    dicom_port: int | None = None
    patients: int | None = None
    studies: int | None = None
    series: int | None = None
    images: int | None = None
    statistics_status: int | None = None


class Observation(Struct, frozen=True):
    """All that was seen of one endpoint. Kept, so that a newer catalogue can judge it again."""

    endpoint: Endpoint
    at: datetime
    depth: Depth
    stop: Stop
    dimse: DimseFacts | None = None
    orthanc: OrthancFacts | None = None
    tls: TlsFacts | None = None  # None: seen in plain


class Why(StrEnum):
    """Why an endpoint stands on its rung, and not on the next."""

    NOTHING_ANSWERED = "nothing answered"
    OUT_OF_SCOPE = "out of scope"
    NO_ADDRESS = "no address"
    OWN_ERROR = "our own error"
    NOT_IMAGING = "not an imaging service"
    CLIENT_CERTIFICATE = "client certificate demanded"
    REJECTED = "association rejected"
    ABORTED = "association aborted"
    CONTEXT_REFUSED = "query context refused"
    DEPTH = "not asked at this depth"
    NEEDS_PERSONAL_DATA = "would need personal data"
    FIND_ABORTED = "query aborted"
    FIND_FAILED = "query refused"
    FIND_BROKE_OFF = "query broke off"
    NO_RECORDS = "no records"
    RECORDS = "records given"
    IMAGE = "image given"
    IMAGE_OFFERED = "image offered, not given"
    LOGIN = "login demanded"
    HTTP_STATUS = "HTTP status"
    COUNTER = "own counter"


class Verdict(Struct, frozen=True):
    rung: Rung | None  # None: we could not find out, which is not the same as silent
    why: Why
    codes: tuple[int, ...] = ()  # reject, abort, status or HTTP codes that belong to `why`
    detail: str = ""

    @property
    def conclusive(self) -> bool:
        """Whether asking again would likely end on the same rung. Where not, "not open" is not "closed"."""
        transient = (self.why is Why.REJECTED and self.codes[:1] == (2,)) or (
            self.why is Why.FIND_FAILED and self.codes == (0xA700,)
        )
        unasked = self.why is Why.ABORTED and self.rung is Rung.ADMITS
        return self.rung is not None and self.why is not Why.FIND_BROKE_OFF and not transient and not unasked


class Product(Struct, frozen=True):
    """Two fields on purpose: the toolkit that an association names is not the product."""

    product: str = ""
    toolkit: str = ""


class Count(Struct, frozen=True):
    value: int | None = None
    how: How = How.UNKNOWN
    at_least: int | None = None  # a lower bound, where the whole is unknown
    coverage: float | None = None  # share of studies the value is known for
    why: str = ""  # why unknown


class Counts(Struct, frozen=True):
    patients: Count = Count()
    studies: Count = Count()
    series: Count = Count()
    images: Count = Count()


class Archive(Struct, frozen=True):
    """Endpoints that are one archive, with its counts once."""

    id: str
    address: str
    endpoints: tuple[Endpoint, ...]
    rung: Rung
    product: Product
    counts: Counts

    @property
    def open(self) -> bool:
        return self.rung.open


class Judged(Struct, frozen=True):
    observation: Observation
    verdict: Verdict
    product: Product


class Host(Struct, frozen=True):
    """All that was learned at one address: the unit that is kept whole or asked again."""

    address: str
    judged: tuple[Judged, ...]
    archives: tuple[Archive, ...]


class Total(Struct, frozen=True):
    """One quantity of a whole survey, and how it was got."""

    quantity: str
    measured: int | None
    how: str  # a How, or several joined by " + "
    parts: dict[str, int] = {}  # by origin, where there are several
    unknown_archives: int = 0  # open archives for which it is not known
    at_least: int | None = None
    why: str = ""
