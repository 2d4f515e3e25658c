"""The records that travel from the wire to the report.

All are frozen, and none has a field that could hold a patient's value: what is text here was said by
the archive about itself (a version, a realm), is bounded, and is printable ASCII.

The values of enums are codes, in kebab-case. They stand in datasets, documents and feeds, so they never change.
`tell` has the words for them.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Self, TypeVar

from msgspec import Struct
from msgspec.structs import replace


class Refusal(Exception):
    """Something the user asked for cannot be done. One line, for the user."""


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


class Provenance(StrEnum):
    """Where a number comes from. Numbers of different origin are never added up silently."""

    REPORTED = "reported"
    COUNTED = "counted"
    ESTIMATED = "estimated"
    UNKNOWN = "unknown"
    MIXED = "mixed"  # a total with parts of several origins


class OutcomeKind(StrEnum):
    """How a connection, or the talk on it, ended."""

    COMPLETED = "completed"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    NO_ADDRESS = "no-address"
    NO_ANSWER = "no-answer"
    CLOSED = "closed"
    RESET = "reset"
    IDLE = "idle"
    TIME_CAP = "time-cap"
    BYTE_CAP = "byte-cap"
    OTHER_PROTOCOL = "other-protocol"
    TLS_FAILED = "tls-failed"
    BROKEN = "protocol-broken"
    REJECTED = "rejected"
    ABORTED = "aborted"
    INTERRUPTED = "interrupted"
    SPARED = "left-alone"
    OUT_OF_SCOPE = "out-of-scope"
    OWN_ERROR = "own-error"


class _Code(StrEnum):
    """Stable codes. Each names the numbers that belong to it, so that nothing else can stand beside it."""

    numbers: tuple[str, ...]

    def __new__(cls, code: str, *numbers: str) -> Self:
        member = str.__new__(cls, code)
        member._value_ = code
        member.numbers = numbers
        return member

    def require(self, numbers: dict[str, int]) -> None:
        """Raises ValueError where these are not the numbers that belong to the code."""
        if numbers.keys() != set(self.numbers) or any(type(number) is not int for number in numbers.values()):
            raise ValueError(f"the numbers of '{self}' are {self.numbers}")


class Cause(_Code):
    """Why a connection, or the talk on it, ended as it did. `tell.causes` has the words."""

    # The dialer's
    NO_ENDING = "no-ending"
    SCOPE_EXPIRED = "scope-expired"
    NOT_IN_SCOPE = "not-in-scope"
    NO_SCOPE_FILE = "no-scope-file"
    CONNECT_LIMIT = "connect-limit", "milliseconds"
    DURING_CONNECT = "during-connect"
    TOO_MANY_FILES = "too-many-files"
    NO_ROUTE = "no-route"
    HANDSHAKE_LIMIT = "handshake-limit", "milliseconds"
    HANDSHAKE_FAILED = "handshake-failed"
    TLS_ALERT = "tls-alert", "alert"  # RFC 8446 6
    CERTIFICATE_ASKED = "certificate-asked"
    IDLE_LIMIT = "idle-limit", "milliseconds"
    TIME_LIMIT = "time-limit", "milliseconds"
    BYTE_LIMIT = "byte-limit", "bytes"
    CONNECTION_LIMIT = "connection-limit", "connections"
    STOPPED_IN_ORDER = "stopped-in-order"
    STOPPED_AT_ONCE = "stopped-at-once"
    DISTRESS = "distress"
    # Of the protocol that the peer speaks in place of ours
    NOT_TLS = "not-tls"
    SPOKE_HTTP = "spoke-http"
    SPOKE_SSH = "spoke-ssh"
    SPOKE_TLS = "spoke-tls"
    SPOKE_FTP_OR_SMTP = "spoke-ftp-or-smtp"
    SPOKE_VNC = "spoke-vnc"
    SPOKE_TELNET = "spoke-telnet"
    SPOKE_HL7 = "spoke-hl7"
    SPOKE_MARKUP = "spoke-markup"
    SPOKE_OTHER = "spoke-other"
    # Of HTTP
    HTTP_STATUS = "http-status", "status"
    PAGES = "pages", "pages"
    HTTP_MALFORMED = "http-malformed"
    HTTP_CUT_OFF = "http-cut-off"
    BODY_CUT_OFF = "body-cut-off"
    CONTENT_CODING = "content-coding"
    # Of an association
    REJECTED = "rejected", "result", "source", "reason"  # PS3.8 9.3.4
    ABORTED = "aborted", "source", "reason"  # PS3.8 9.3.8
    RELEASED = "released"
    NO_RELEASE_RESPONSE = "no-release-response"
    WENT_ON = "went-on"
    NO_INSTANCE = "no-instance"
    # Of PDUs and messages that break the protocol
    UNIT_TOO_LONG = "unit-too-long", "limit"
    UNKNOWN_PDU = "unknown-pdu", "type"
    UNEXPECTED_PDU = "unexpected-pdu", "type", "state"  # PS3.8 Table 9-10
    PDU_TOO_LONG = "pdu-too-long", "type", "length", "limit"
    PDU_LENGTH = "pdu-length", "type", "length"
    PROTOCOL_VERSION = "protocol-version"
    CONTEXT_LENGTH = "context-length", "length"
    ITEM_CUT_OFF = "item-cut-off", "offset"
    ITEM_TOO_LONG = "item-too-long", "offset"
    VALUE_CUT_OFF = "value-cut-off", "offset"  # of presentation data, PS3.8 9.3.5.1
    VALUE_LENGTH = "value-length", "offset", "length"
    UNPROPOSED_CONTEXT = "unproposed-context", "context"
    UNACCEPTED_CONTEXT = "unaccepted-context"
    COMMAND_TOO_LONG = "command-too-long", "limit"
    COMMAND_TOO_EARLY = "command-too-early"
    COMMAND_ELEMENT = "command-element", "offset"
    COMMAND_NUMBER = "command-number", "element", "length"
    COMMAND_FIELD_MISSING = "command-field-missing"
    UNEXPECTED_COMMAND = "unexpected-command", "field"
    OTHER_MESSAGE = "other-message", "message", "expected"
    STATUS_MISSING = "status-missing"
    IDENTIFIER_MISSING = "identifier-missing"
    # Of data sets
    DATA_SET_TOO_LONG = "data-set-too-long", "limit"
    HEADER_CUT_OFF = "header-cut-off", "offset"
    VR_INVALID = "vr-invalid", "offset"
    ELEMENT_TOO_LONG = "element-too-long", "offset"
    ITEM_MISPLACED = "item-misplaced", "offset"
    SEQUENCE_UNOPENED = "sequence-unopened", "offset"
    SEQUENCE_UNENDED = "sequence-unended"
    NESTED_TOO_DEEP = "nested-too-deep", "offset", "limit"


class Outcome(Struct, frozen=True, omit_defaults=True):
    """An ending and, where it is known, its cause."""

    ending: OutcomeKind
    cause: Cause | None = None
    numbers: dict[str, int] = {}  # those that the cause names
    error: str = ""  # the name of the type of our own error, or OpenSSL's name of a failure; never a text

    def __post_init__(self) -> None:
        if self.cause is not None:
            self.cause.require(self.numbers)
        elif self.numbers:
            raise ValueError("numbers without a cause")


class DoubtCode(_Code):
    """Why a number is not known, not whole, or not sure. `tell.causes` has the words."""

    # Of windows and limits
    CUT_OFF = "cut-off", "rows"  # an answer ended at so many, which looks like a limit of the archive
    UNCHECKED = "unchecked", "rows"  # so many came in one answer, and it could not be checked
    NO_LIST = "no-list"  # a question for all studies is not answered
    LIST_SHORT = "list-short", "listed", "studies"  # so few of those that are known came when all were asked for
    LIST_TOO_LONG = "list-too-long", "rows"  # so many came when all were asked for, and we ended it
    NO_TIME = "no-time"  # a day was asked for in parts by time, and some studies may have none
    WINDOW_FULL = "window-full"  # a window holds more than an answer, and has no parts
    DATES_IGNORED = "dates-ignored"
    UNDATED_BEHIND_LIMIT = "undated-behind-limit", "rows"  # at which answers end
    UNDATED_UNASKED = "undated-unasked", "studies"  # above which all are not asked for at once
    REFUSALS = "refusals", "questions"  # so many were refused one after the other
    # Of answers
    STATUS = "status", "status"  # of DIMSE
    HTTP_STATUS = "http-status", "status"
    ANSWER_BROKEN = "answer-broken"
    ANSWER_TOO_LONG = "answer-too-long", "bytes"  # that are read at most
    MORE_NOT_GIVEN = "more-not-given"  # it said that there is more
    SAME_PAGE = "same-page"  # a full page came again at another offset
    WITHOUT_UID = "without-uid", "rows"
    REPEATED = "repeated", "rows", "uids"
    REPEATED_UNEVENLY = "repeated-unevenly", "rows", "uids", "again"  # rows when asked again
    # Of what ended it
    BROKE_OFF = "broke-off"  # `stop` says how
    NOT_ENDED = "not-ended"
    BUDGET_QUESTIONS = "budget-questions", "questions"
    BUDGET_BYTES = "budget-bytes", "bytes"
    BUDGET_TIME = "budget-time", "seconds"
    # Of a profile
    MALFORMED = "malformed", "rows"
    OTHER_NUMBER = "other-number", "studies", "records"  # so many came when asked for personal attributes
    # Of counts
    NEEDS_PROFILE = "needs-profile"  # it rests on personal data
    NEEDS_PROVE = "needs-prove"
    NOT_COUNTED_AT_DEPTH = "not-counted-at-depth"
    NOT_ASKED_AT_DEPTH = "not-asked-at-depth"
    NOT_ASKED = "not-asked"
    NOT_FOUND_OUT = "not-found-out"
    GIVES_NOTHING = "gives-nothing"
    PAGE_NOT_ASKED = "page-not-asked"  # what its page shows to whom
    COUNTER_SILENT = "counter-silent"
    CENSUS_EMPTY = "census-empty"  # the question before it had brought something
    FOLDERS_MISSED = "folders-missed"
    NOT_KNOWN_FOR_ALL = "not-known-for-all"
    KNOWN_FOR = "known-for", "known", "studies"
    INSPECTED = "inspected", "records"
    NOT_ALL_INSPECTED = "not-all-inspected"
    WITHOUT_PATIENT_ID = "without-patient-id", "studies"
    MAYBE_SSN = "maybe-ssn"
    # Of totals
    NO_COUNTRY_DATA = "no-country-data"
    SURVEY_NOT_ENDED = "survey-not-ended"
    BEFORE_RESUME = "before-resume"  # what a run before learned of ids is gone with it
    IDS_UNREAD = "ids-unread"
    GROUPED_OTHERWISE = "grouped-otherwise"  # the ids were counted for other archives than these


class Doubt(Struct, frozen=True, omit_defaults=True):
    """One reason for doubt: a stable code, and the numbers that belong to it by their names."""

    code: DoubtCode
    numbers: dict[str, int] = {}
    stop: Outcome | None = None  # how a connection ended, where that is the reason

    def __post_init__(self) -> None:
        self.code.require(self.numbers)
        if (self.stop is not None) != (self.code is DoubtCode.BROKE_OFF):
            raise ValueError(f"'{self.code}' and an ending do not go together")


class Endpoint(Struct, frozen=True, order=True):
    address: str
    port: int
    protocol: Protocol

    @property
    def url(self) -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{self.protocol}://{host}:{self.port}"


class LinkBy(StrEnum):
    """What shows whether two ways in lead to one archive."""

    STUDY_UIDS = "study-uids"  # how many study UIDs both hold, by samples of their hashes
    SAME_ENDPOINT = "same-endpoint"  # both archives have it
    COUNTERS = "counters"  # at one host, all numbers that are known of both are equal
    JUDGED_ONE = "judged-one"  # by an older version, which kept no measure
    JUDGED_APART = "judged-apart"  # by an older version, which kept no measure


class Link(Struct, frozen=True):
    """Two endpoints, and what was seen of whether they are one archive. A fact: the hashes behind it are not kept."""

    one: Endpoint
    other: Endpoint
    by: LinkBy
    shared: int | None = None  # hashes that both hold, by study UIDs
    sampled: int | None = None  # hashes that either holds


class ClientCertificate(StrEnum):
    """Whether a service insists on a client certificate. To ask for one is not to insist on it."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class KeyKind(StrEnum):
    RSA = "rsa"
    EC = "ec"
    OTHER = "other"
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
    key: KeyKind
    bits: int | None
    matches: bool  # one of its names is the host, as it was named or by its address
    spki_sha256: str = ""  # SHA-256 of its public key (SubjectPublicKeyInfo), in hex: it outlives a renewal


class TlsFacts(Struct, frozen=True):
    """What a service that spoke TLS showed of it. Where the handshake failed, little is known."""

    version: str = ""
    cipher: str = ""
    client_certificate: ClientCertificate = ClientCertificate.UNKNOWN
    alert: int | None = None  # RFC 8446 6
    certificate: Certificate | None = None


class JournalRow(Struct, frozen=True):
    """One row of the journal: one connection, the failed ones included."""

    at: datetime
    address: str
    port: int
    question: str
    sent: int  # bytes
    received: int  # bytes
    seconds: float
    stop: Outcome
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

    ages: (
        tuple[int, int] | None
    )  # in days, of the studies that were asked for: from the youngest to the oldest; None: all
    matches: int
    status: int | None = None  # final status, PS3.4 C.4.1.1.4; None: none arrived
    cancelled: bool = False


class Interval(Struct, frozen=True):
    """An estimate, and the interval that holds the truth 95 times in a hundred."""

    value: int
    low: int
    high: int


class CountedBy(StrEnum):
    """How the images of an archive were counted."""

    COUNT_KEYS = "count-keys"  # that came with the studies
    WALK = "walk"  # from each study down to its images


class Census(Struct, frozen=True):
    """What one enumeration by UIDs and counts found."""

    complete: bool
    rows: int
    studies: int
    malformed: int = 0
    estimate: Interval | None = None  # of the studies with a date, where a budget ended it
    images_estimate: Interval | None = None  # where the number of images is known for studies that were drawn by lot
    undated: int | None = None  # of the studies, those that no range of dates brought; None: not known
    series: int | None = None
    images: int | None = None
    images_known_for: int = 0  # studies whose number of images is known
    method: CountedBy | None = None  # how images were counted, if they were
    doubts: tuple[Doubt, ...] = ()  # why not complete; or, of a complete one, why images are not known
    queries: int = 0


class Proof(Struct, frozen=True):
    """One image retrieval that was started and dropped. Nothing of the image is kept but these."""

    sop_class: str = ""  # that the archive's own record names
    get: bool = False  # C-GET accepted
    storage: bool = False  # its class accepted, to be sent to us
    transfer_syntax: str = ""
    bytes: int = 0  # of the image: received, counted, dropped
    status: int | None = None  # final, of the C-GET
    stop: Outcome | None = None  # why there is no image, where it was not refused by a status


class Kind(StrEnum):
    """A kind of personal data. `catalogue/kinds.py` says which attributes belong to it."""

    PATIENT_NAME = "patient_name"
    PATIENT_ID = "patient_id"
    OTHER_NAMES = "other_names"
    OTHER_IDS = "other_ids"
    BIRTH_DATE = "birth_date"
    SEX = "sex"
    ADDRESS = "address"
    TELEPHONE = "telephone"
    EXAM_DATE = "exam_date"
    REFERRING_PHYSICIAN = "referring_physician"
    ATTENDING_PHYSICIAN = "attending_physician"
    PERFORMING_PHYSICIAN = "performing_physician"
    READING_PHYSICIAN = "reading_physician"
    OPERATOR = "operator"
    INSTITUTION = "institution"
    PURPOSE = "purpose"
    PATIENT_COMMENTS = "patient_comments"
    ETHNIC_GROUP = "ethnic_group"
    RELIGION = "religion"
    OCCUPATION = "occupation"
    INSURANCE = "insurance"
    MILITARY = "military"


class Appearance(StrEnum):
    """What the values of a kind are made like, in one archive as a whole. In doubt: personal."""

    PERSONAL = "personal"
    PSEUDONYMISED = "pseudonymised"
    SYNTHETIC = "synthetic"


class KindTally(Struct, frozen=True):
    """How the values of one kind were made, in numbers. Records are studies."""

    kind: Kind
    asked: int  # records that were asked for it
    filled: int  # of them, those that carry it
    malformed: int = 0  # of them, those in which a value breaks the rules of its VR or character set
    looked: int = 0  # values that were looked at, and of these:
    distinct: int = 0
    most: int = 0  # how often the most frequent one came
    redacted: int = 0  # made like ANON, or a date that stands for none
    phantom: int = 0  # made like PHANTOM or TEST
    coded: int = 0  # made like a hash, a UUID, a UID or a numbered subject


class SchemeTally(Struct, frozen=True):
    """How many values of one kind could be national identifiers of one scheme. Values are distinct ones."""

    scheme: str  # of the catalogue
    kind: Kind  # where they stood
    values: int  # of this kind that were looked at, and of these:
    shaped: int  # those that have the scheme's length and characters
    valid: int  # and pass its rules
    written: int = 0  # of those that have its shape, those with its separators,
    dashed: int = 0  # and that pass its rules
    birth: int = 0  # valid ones that say a birth date, beside a record that has one,
    agree: int = 0  # and those for which the two are the same
    astray: int = 0  # that have its shape and hold their record's birth date, and do not pass its rules
    issued: int = 0  # of the shape whose issuer of the id is named as this scheme's is,
    issuer: int = 0  # and that pass its rules
    dated: int = 0  # that have its shape and begin with some date
    leads: int = 0  # by how many different first three signs those of its shape begin,
    firsts: int = 0  # and by how many different first signs
    looked: int = 0  # records that were looked at, and of these:
    records_shaped: int = 0  # those with a value of its shape
    records: int = 0  # and that passes its rules
    records_dashed: int = 0  # and has its separators


class Profile(Struct, frozen=True):
    """Which kinds of personal data one archive gives, in numbers."""

    complete: bool  # every record was asked
    records: int  # distinct studies that came
    deep: int = 0  # of them, those asked for the attributes that are dear to an archive
    kinds: tuple[KindTally, ...] = ()
    schemes: tuple[SchemeTally, ...] = ()
    queries: int = 0
    malformed: int = 0  # rows that are no data set, or have no UID
    doubts: tuple[Doubt, ...] = ()  # why not complete
    patients: int = 0  # distinct, by id and issuer
    without_id: int = 0  # records that have no id of a patient


class DimseFacts(Struct, frozen=True, tag="dimse"):
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
    profile: Profile | None = None


class Counters(Struct, frozen=True):
    """What an archive's own counters say of how much it holds."""

    status: int | None = None  # HTTP status of the first answer; None: not asked, or no answer
    patients: int | None = None
    studies: int | None = None
    series: int | None = None
    images: int | None = None


class OrthancFacts(Struct, frozen=True, tag="orthanc"):
    """What Orthanc's REST says of itself: `/system` and `/statistics`."""

    status: int | None = None  # HTTP status of the first answer
    realm: str = ""  # of WWW-Authenticate
    is_orthanc: bool = False
    version: str = ""
    aet: str = ""
    dicom_port: int | None = None
    counters: Counters = Counters()
    profile: Profile | None = None


class Dcm4cheeFacts(Struct, frozen=True, tag="dcm4chee"):
    """What dcm4chee-arc's REST says of itself: the titles it publishes, and its own counters."""

    status: int | None = None  # of the list of its titles
    aets: tuple[str, ...] = ()
    counters: Counters = Counters()
    bytes: int | None = None  # size of all studies


class WebService(StrEnum):
    """A way of DICOMweb to retrieve an image, PS3.18 9 and 10.4."""

    WADO_RS = "wado-rs"
    WADO_URI = "wado-uri"


class WebProof(Struct, frozen=True):
    """One retrieval of an image over the web that was started and dropped."""

    service: WebService | None = None  # None: no image was named to ask for
    status: int | None = None
    media_type: str = ""  # of a closed list
    bytes: int = 0  # of the body: received, counted, dropped
    stop: Outcome | None = None  # why none was asked for


class DicomWebFacts(Struct, frozen=True, tag="dicomweb"):
    """What one DICOMweb root showed: QIDO-RS, and what its records say of retrieval."""

    root: str  # such as `/dicom-web`
    status: int | None = None  # of a question that can have no answer
    media_type: str = ""  # of a closed list
    realm: str = ""  # of WWW-Authenticate
    may_ask: bool = False  # a record may be asked for: its required attributes are personal data
    records: int = 0  # that came
    record_status: int | None = None  # of the question for one record
    retrieve_url: bool = False  # a record names where its images are
    census: Census | None = None
    profile: Profile | None = None
    proof: WebProof | None = None


class Listing(Struct, frozen=True):
    """A list of files that a web server shows. How many are DICOM's, never their names."""

    files: int
    folders: int = 0  # that were looked into
    missed: int = 0  # of them, those that did not show what is in them
    dicomdir: bool = False  # the index of a DICOM medium is among them
    whole: bool = False  # all folders were looked into
    proof: int = 0  # bytes of one file: received, found to be DICOM's, dropped

    @property
    def shown(self) -> bool:
        return self.files > 0 or self.dicomdir


class ConfiguredRoot(Struct, frozen=True):
    """A DICOMweb root that a viewer names as its archive."""

    host: str  # empty: its own
    port: int
    path: str
    tls: bool = False
    outside: bool = False  # the scope does not allow its host, or nobody knows it: noted, and not contacted


class PageFacts(Struct, frozen=True, tag="pages"):
    """What the pages of a web service showed, whatever stands behind them."""

    status: int | None = None  # of the first page, whose path cannot exist; None: no HTTP
    front: int | None = None  # of `/`
    realm: str = ""  # of WWW-Authenticate
    catch_all: bool = False  # it answers 200 to a path that cannot exist
    elsewhere: bool = False  # `/` points to another host, port or scheme
    viewer: str = ""  # the product whose page it shows, of the catalogue
    login: bool | None = None  # that page wants one; None: not known
    listing: Listing | None = None
    patients: int | None = None  # rows of its list of patients
    names: tuple[ConfiguredRoot, ...] = ()


# What one way into an archive showed. One type for each way.
Facts = DimseFacts | OrthancFacts | Dcm4cheeFacts | DicomWebFacts | PageFacts
FactsT = TypeVar("FactsT", bound=Facts)


class FingerprintKind(StrEnum):
    """Where a sign of a product was seen. Two of different kinds are independent of each other."""

    ASSOCIATION = "association"  # implementation class UID and version name
    AE_TITLE = "ae-title"
    BEHAVIOUR = "behaviour"
    API = "api"  # a document of an API that names its product
    PAGE = "page"  # title or marker of a page
    HEADER = "header"
    REALM = "realm"
    FAVICON = "favicon"


class Fingerprint(Struct, frozen=True):
    """One mark of a product that was seen, by the row of the catalogue that knew it."""

    product: str  # the catalogue's own name for it
    kind: FingerprintKind
    version: str = ""  # only from a field that carries the product's version: printable ASCII, bounded
    confirmed: bool = True  # False: only others say so; it names a product, and makes none firm


class Observation(Struct, frozen=True, kw_only=True):
    """All that was seen of one endpoint. Kept, so that a newer catalogue can judge it again."""

    endpoint: Endpoint
    at: datetime
    depth: Depth
    stop: Outcome
    tls: TlsFacts | None = None  # None: seen in plain
    signs: tuple[Fingerprint, ...] = ()
    facts: tuple[Facts, ...] = ()  # of each way in that the endpoint has, at most one of a type

    def get(self, kind: type[FactsT]) -> FactsT | None:
        """What this way in showed. None if the endpoint has no such way."""
        return next((facts for facts in self.facts if isinstance(facts, kind)), None)

    def with_facts(self, *facts: Facts) -> Self:
        """The same observation. New facts take the place of those of their type."""
        kept = {type(one): one for one in self.facts} | {type(one): one for one in facts}
        return replace(self, facts=tuple(kept.values()))


class Reason(StrEnum):
    """Why an endpoint stands on its rung, and not on the next."""

    NOTHING_ANSWERED = "nothing-answered"
    OUT_OF_SCOPE = "out-of-scope"
    NO_ADDRESS = "no-address"
    OWN_ERROR = "own-error"
    SPARED = "left-alone"
    NOT_IMAGING = "not-imaging"
    CATCH_ALL = "catch-all"
    CLIENT_CERTIFICATE = "client-certificate-demanded"
    REJECTED = "association-rejected"
    ABORTED = "association-aborted"
    CONTEXT_REFUSED = "query-context-refused"
    DEPTH = "not-asked-at-depth"
    NEEDS_PERSONAL_DATA = "needs-personal-data"
    FIND_ABORTED = "query-aborted"
    FIND_FAILED = "query-refused"
    FIND_BROKE_OFF = "query-broke-off"
    NO_RECORDS = "no-records"
    RECORDS = "records-given"
    IMAGE = "image-given"
    IMAGE_WADO_RS = "image-given-by-wado-rs"
    IMAGE_WADO_URI = "image-given-by-wado-uri"
    FILE = "file-given"
    IMAGE_OFFERED = "image-offered"
    IMAGE_NAMED = "image-named"
    LOGIN = "login-demanded"
    HTTP_STATUS = "http-status"
    COUNTER = "own-counter"
    PAGE = "product-page"
    LISTING = "files-listed"
    PATIENTS = "patients-listed"


class Verdict(Struct, frozen=True):
    rung: Rung | None  # None: we could not find out, which is not the same as silent
    why: Reason
    codes: tuple[int, ...] = ()  # reject, abort, status or HTTP codes that belong to `why`
    said: str = ""  # what the archive says of itself that belongs to `why`: a realm, a product, a root, a syntax
    stop: Outcome | None = None  # how the connection ended, where that is why

    @property
    def conclusive(self) -> bool:
        """Whether asking again would likely end on the same rung. Where not, "not open" is not "closed"."""
        transient = (self.why is Reason.REJECTED and self.codes[:1] == (2,)) or (
            self.why is Reason.FIND_FAILED and self.codes == (0xA700,)
        )
        transient = transient or (
            self.why in (Reason.HTTP_STATUS, Reason.NOT_IMAGING) and self.codes in ((429,), (503,))
        )
        transient = transient or self.why is Reason.SPARED
        unasked = self.why is Reason.ABORTED and self.rung is Rung.ADMITS
        return self.rung is not None and self.why is not Reason.FIND_BROKE_OFF and not transient and not unasked


class Product(Struct, frozen=True):
    """Two fields on purpose: the toolkit that an association names is not the product."""

    product: str = ""
    toolkit: str = ""
    version: str = ""  # only from a field that carries the product's version
    firm: bool = False  # two signs of different kinds; else likely


class Transport(StrEnum):
    """What one connection showed of its transport, measured against DICOM PS3.15 B.12 (BCP 195)."""

    PLAIN = "plain"
    OLD_VERSION = "old-tls"
    NO_FORWARD_SECRECY = "no-forward-secrecy"
    NO_AEAD = "no-authenticated-encryption"
    UNAUTHENTICATED = "anonymous-cipher"
    SHORT_KEY = "short-key"
    EXPIRED = "certificate-expired"
    NOT_YET_VALID = "certificate-not-yet-valid"
    SELF_SIGNED = "self-signed"
    OTHER_NAME = "other-name"
    CLIENT_CERTIFICATE = "client-certificate-demanded"
    NOT_SEEN = "handshake-not-completed"


class Decoy(StrEnum):
    """Why an archive is likely no clinic's: bait, or a demonstration."""

    HONEYPOT = "honeypot-software"
    CLUSTER = "identical-copies"
    CALLS_ITSELF = "demonstration-name"


class Grade(_Steps):
    """From best to worst."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"
    E = "E"
    F = "F"


class GradeReason(StrEnum):
    """Why a grade is not better."""

    ADMITS = "lets-strangers-in"
    ANSWERS = "answers-strangers"
    DISCLOSES = "discloses-records"
    IMAGES = "hands-out-images"
    NOTHING_PERSONAL = "nothing-personal"
    KINDS_UNKNOWN = "kinds-not-inspected"
    PLAIN = "plain-transport"
    WEAK_TLS = "weak-tls"
    TITLE_ONLY = "ae-title-only"
    ADVISORIES = "known-vulnerabilities"


class FindingCode(StrEnum):
    """What is wrong with an archive, the worst first. `catalogue/findings.toml` has a row for each."""

    DISCLOSES_RECORDS = "discloses-records"
    HANDS_OUT_IMAGES = "hands-out-images"
    FILE_LISTING = "listing-of-files"
    PATIENT_LISTING = "listing-of-patients"
    PERSONAL_DATA = "personal-data"
    SSN_RECORDS = "ssn-records"
    NATIONAL_IDENTIFIERS = "national-identifiers"
    ANSWERS_STRANGERS = "answers-strangers"
    LETS_STRANGERS_IN = "lets-strangers-in"
    ADVISORY = "advisory"
    TITLE_ONLY = "ae-title-only"
    PLAIN_TRANSPORT = "plain-transport"
    OLD_TLS = "old-tls"
    ANONYMOUS_CIPHER = "anonymous-cipher"
    NO_FORWARD_SECRECY = "no-forward-secrecy"
    NO_AEAD = "no-authenticated-encryption"
    SHORT_KEY = "short-key"
    EXPIRED = "certificate-expired"
    NOT_YET_VALID = "certificate-not-yet-valid"
    SELF_SIGNED = "self-signed"
    OTHER_NAME = "other-name"


class Finding(Struct, frozen=True):
    """One thing that is wrong with an archive. Pages, feeds and remedies are made from these."""

    code: FindingCode
    archive: str
    endpoint: Endpoint | None  # None: the archive as a whole
    grade: Grade | None  # the best one that the rubric leaves to an archive with it; None: it takes no grade down
    numbers: dict[str, int] = {}  # by their names: what the archive holds, or how far it is from what it should be
    about: str = ""  # the id of an advisory, or of a scheme of national identifiers

    @property
    def id(self) -> str:
        """The same in every survey that finds it: it hangs on the archive and what is wrong, and never on a date."""
        place = "" if self.endpoint is None else self.endpoint.url
        return sha256("\n".join((self.archive, self.code, place, self.about)).encode()).hexdigest()[:16]


class Count(Struct, frozen=True):
    value: int | None = None
    how: Provenance = Provenance.UNKNOWN
    at_least: int | None = None  # a lower bound, where the whole is unknown
    coverage: float | None = None  # share of studies the value is known for
    doubts: tuple[Doubt, ...] = ()  # why unknown, or estimated
    low: int | None = None  # of an estimate: 95 times in a hundred the truth is not below,
    high: int | None = None  # and not above


class Counts(Struct, frozen=True):
    patients: Count = Count()
    studies: Count = Count()
    series: Count = Count()
    images: Count = Count()


class KindFound(Struct, frozen=True):
    """One kind of personal data in one archive."""

    kind: Kind
    records: int | None  # studies that carry it
    how: Provenance
    share: float | None = None  # of the archive's studies
    looks: Appearance | None = None  # None: no record carries it, or it could not be asked
    malformed: int = 0  # of the records that were asked
    asked: int = 0  # records that were asked for it; fewer than there are, where `how` is estimated
    at_least: int | None = None
    doubts: tuple[Doubt, ...] = ()  # why unknown, or estimated
    low: int | None = None  # where estimated from studies that were drawn by lot: an interval that holds 19 times in 20
    high: int | None = None


class Identifier(Struct, frozen=True):
    """A scheme of national identifiers that an archive exposes, judged from its records as a whole."""

    scheme: str  # of the catalogue, such as "us.ssn"
    kind: Kind  # where it stands
    records: int
    how: Provenance
    share: float  # of the archive's studies
    confidence: float  # 0 to 1


class Identity(Struct, frozen=True):
    """By what an archive is recognised in another survey: none of it hangs on the order of ports, or on a date."""

    endpoints: tuple[Endpoint, ...] = ()
    spki_sha256: tuple[str, ...] = ()  # of the public keys of its certificates
    product: str = ""
    names: tuple[str, ...] = ()  # by which it calls itself: AE titles, and the names of its certificates


class Archive(Struct, frozen=True):
    """Endpoints that are one archive, with its counts once."""

    id: str
    address: str
    endpoints: tuple[Endpoint, ...]
    rung: Rung
    product: Product
    counts: Counts
    kinds: tuple[KindFound, ...] | None = None  # None: not looked at
    identifiers: tuple[Identifier, ...] = ()
    ssn_records: Count = Count(doubts=(Doubt(DoubtCode.NEEDS_PROFILE),))
    advisories: tuple[str, ...] = ()  # ids of the catalogue
    grade: Grade | None = None  # None: we could not find out enough
    grade_why: tuple[GradeReason, ...] = ()
    decoy: tuple[Decoy, ...] = ()
    configuration: str = ""  # a digest of manners and counts; empty if too little is known
    identity: Identity = Identity()
    joined_by: tuple[LinkBy, ...] = ()  # what showed that ways in that do not name each other are this one archive

    @property
    def open(self) -> bool:
        return self.rung.open


class JudgedEndpoint(Struct, frozen=True):
    observation: Observation
    verdict: Verdict
    product: Product
    transport: tuple[Transport, ...] = ()


class Review(Struct, frozen=True):
    """What only a whole survey shows of one archive."""

    archive: str
    same_as: str | None = None  # the archive that it is another way into
    by: tuple[LinkBy, ...] = ()  # what shows that
    decoy: tuple[Decoy, ...] = ()


class Host(Struct, frozen=True):
    """All that was learned at one address: the unit that is kept whole or asked again."""

    address: str
    judged: tuple[JudgedEndpoint, ...]
    archives: tuple[Archive, ...]
    fault: Outcome | None = None  # what kept us from finding out more
    links: tuple[Link, ...] = ()  # between its own endpoints
    name: str = ""  # the host name that the user gave; empty where it was an address


class Total(Struct, frozen=True):
    """One quantity of a whole survey, and how it was got."""

    quantity: str
    measured: int | None
    how: Provenance
    parts: dict[str, int] = {}  # by origin, where there are several
    unknown_archives: int = 0  # open archives for which it is not known
    at_least: int | None = None
    doubts: tuple[Doubt, ...] = ()  # why unknown: of one archive, where there are several
    low: int | None = None  # where some of it is estimated: the sum of the lower ends,
    high: int | None = None  # and of the upper ones
