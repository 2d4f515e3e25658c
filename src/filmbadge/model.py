"""The records that travel from the wire to the report.

All records are frozen. No record has a field that could hold a patient's value: text fields hold only what an archive
said about itself (a version, a realm), in bounded, printable ASCII. `texts` has the list of them.

The values of enums are codes in kebab-case. They stand in datasets, documents and feeds, so they never change. `tell`
has the words for them.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from functools import cache, cached_property
from hashlib import sha256
from typing import Self, TypeVar

from msgspec import Struct
from msgspec.structs import force_setattr, replace

from filmbadge import texts


class Refusal(Exception):
    """The user asked for something that cannot be done. The text is one line for the user."""


class _Worded(Struct, frozen=True):
    """A record with texts. They are bounded, printable ASCII in every record, whoever wrote what it was made from."""

    def __post_init__(self) -> None:
        for name, limit in _limits(type(self)):
            held = getattr(self, name)
            if not held:
                continue
            if type(held) is str:
                if len(held) > limit or not held.isascii() or not held.isprintable():
                    force_setattr(self, name, texts.clean(held, limit))
            elif not all(len(one) <= limit and one.isascii() and one.isprintable() for one in held):
                force_setattr(self, name, tuple(texts.clean(one, limit) for one in held))


@cache
def _limits(record: type[Struct]) -> tuple[tuple[str, int], ...]:
    return tuple(texts.limits(record.__name__))


class _Steps(StrEnum):
    """Names in a fixed order. Strings compare by alphabet, so use `reaches` to compare them."""

    height: int

    def __init__(self, _: str) -> None:
        self.height = len(type(self).__members__)

    def reaches(self, other: Self) -> bool:
        return self.height >= other.height


class Depth(_Steps):
    """The deepest step that a scope allows."""

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

    @cached_property
    def open(self) -> bool:
        return self.reaches(Rung.DISCLOSES)


class Protocol(StrEnum):
    DIMSE = "dimse"
    HTTP = "http"


class Provenance(StrEnum):
    """How a number was obtained. Numbers of different provenance are never added up silently."""

    REPORTED = "reported"
    COUNTED = "counted"
    ESTIMATED = "estimated"
    UNKNOWN = "unknown"
    MIXED = "mixed"  # a total of reported and counted parts; with an estimated part it is estimated


class OutcomeKind(StrEnum):
    """How a connection, or the conversation on it, ended."""

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
    """Stable codes. Each code names its numbers: a record with the code holds exactly these."""

    numbers: tuple[str, ...]

    def __new__(cls, code: str, *numbers: str) -> Self:
        member = str.__new__(cls, code)
        member._value_ = code
        member.numbers = numbers
        return member

    def require(self, numbers: dict[str, int]) -> None:
        """Raises ValueError if `numbers` are not exactly the numbers that belong to this code."""
        if len(numbers) == len(self.numbers):
            for name in self.numbers:
                if type(numbers.get(name)) is not int:
                    break
            else:
                return
        raise ValueError(f"the numbers of '{self}' are {self.numbers}")


class Cause(_Code):
    """Why a connection, or the conversation on it, ended as it did. `tell.causes` has the words."""

    # The dialer ends connections for these causes.
    NO_ENDING = "no-ending"
    SCOPE_EXPIRED = "scope-expired"
    LEASE_ENDED = "lease-ended"  # of a process that shares a survey with others
    NOT_LEASED = "not-leased"
    NOT_IN_SCOPE = "not-in-scope"
    PORT_NOT_IN_SCOPE = "port-not-in-scope"
    NAME_NOT_IN_SCOPE = "name-not-in-scope"  # a peer gave it
    NO_SCOPE_FILE = "no-scope-file"
    LOOK_UP_LIMIT = "look-up-limit", "milliseconds"
    LOOK_UP_FAILED = "look-up-failed"
    CONNECT_LIMIT = "connect-limit", "milliseconds"
    DURING_CONNECT = "during-connect"
    TOO_MANY_FILES = "too-many-files"
    NO_ROUTE = "no-route"
    PROHIBITED = "prohibited"  # a router on the way said so
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
    REFERENCE_REFUSED = "reference-refused"  # of a peer: malformed, or we are not willing to send it
    NAME_UNKNOWN = "name-unknown"
    DISTRESS = "distress"
    # The peer speaks another protocol than ours.
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
    # HTTP failed, or was malformed.
    HTTP_STATUS = "http-status", "status"
    PAGES = "pages", "pages"
    HTTP_MALFORMED = "http-malformed"
    HTTP_CUT_OFF = "http-cut-off"
    BODY_CUT_OFF = "body-cut-off"
    CONTENT_CODING = "content-coding"
    # An association ended for these causes.
    REJECTED = "rejected", "result", "source", "reason"  # PS3.8 9.3.4
    ABORTED = "aborted", "source", "reason"  # PS3.8 9.3.8
    RELEASED = "released"
    NO_RELEASE_RESPONSE = "no-release-response"
    WENT_ON = "went-on"
    NO_INSTANCE = "no-instance"
    # PDUs and messages broke the protocol.
    UNIT_TOO_LONG = "unit-too-long", "limit"
    UNKNOWN_PDU = "unknown-pdu", "type"
    UNEXPECTED_PDU = "unexpected-pdu", "type", "state"  # PS3.8 Table 9-10
    PDU_TOO_LONG = "pdu-too-long", "type", "length", "limit"
    PDU_LENGTH = "pdu-length", "type", "length"
    PROTOCOL_VERSION = "protocol-version"
    CONTEXT_LENGTH = "context-length", "length"
    ITEM_CUT_OFF = "item-cut-off", "offset"
    ITEM_TOO_LONG = "item-too-long", "offset"
    VALUE_CUT_OFF = "value-cut-off", "offset"  # in presentation data, PS3.8 9.3.5.1
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
    # Data sets were malformed.
    DATA_SET_TOO_LONG = "data-set-too-long", "limit"
    HEADER_CUT_OFF = "header-cut-off", "offset"
    VR_INVALID = "vr-invalid", "offset"
    ELEMENT_TOO_LONG = "element-too-long", "offset"
    ITEM_MISPLACED = "item-misplaced", "offset"
    SEQUENCE_UNOPENED = "sequence-unopened", "offset"
    SEQUENCE_UNENDED = "sequence-unended"
    NESTED_TOO_DEEP = "nested-too-deep", "offset", "limit"


class Outcome(_Worded, frozen=True, omit_defaults=True):
    """How a connection ended and, if known, the cause. Numbers of another cause raise ValueError."""

    ending: OutcomeKind
    cause: Cause | None = None
    numbers: dict[str, int] = {}  # exactly the numbers that the cause names
    error: str = ""  # the type name of our own error, or OpenSSL's name of a failure; never the text of an error

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.cause is not None:
            self.cause.require(self.numbers)
        elif self.numbers:
            raise ValueError("numbers without a cause")

    def __hash__(self) -> int:
        return hash((self.ending, self.cause, frozenset(self.numbers.items()), self.error))


class DoubtCode(_Code):
    """Why a number is unknown, incomplete or uncertain. `tell.causes` has the words."""

    # These doubts come from windows and limits.
    CUT_OFF = "cut-off", "rows"  # an answer ended after this many rows, which looks like a limit of the archive
    UNCHECKED = "unchecked", "rows"  # this many rows came in one answer, and we could not check that it was whole
    ONLY_WITH_KEY = (
        "only-with-key"  # it gives nothing without a matching key; what has no value for that may be missing
    )
    NO_LIST = "no-list"  # the archive does not answer a question for all studies
    # A question for all studies gave only `listed` of the `studies` that are known.
    LIST_SHORT = "list-short", "listed", "studies"
    LIST_TOO_LONG = "list-too-long", "rows"  # a question for all studies gave this many rows, and then we ended it
    NO_TIME = "no-time"  # we asked for a day in parts by time; studies without a time may be missing
    WINDOW_FULL = "window-full"  # a window holds more than one answer gives, and cannot be parted
    DATES_IGNORED = "dates-ignored"
    # So many studies came that no range of dates brings, and no other key showed that there are no more.
    UNDATED_UNPARTED = "undated-unparted", "undated"
    RANGES_NARROW = "ranges-narrow", "days"  # it answers ranges of this many days at most
    # Studies of all answers, and of the largest: what an answer brought before is not there any more.
    STUDIES_CHANGE = "studies-change", "studies", "largest"
    WALK_UNCHECKED = "walk-unchecked", "rows"  # an answer below a study had this many rows, and may have been cut off
    COUNTS_CONTRADICTED = "counts-contradicted"  # some studies have other numbers than the archive says
    UNDATED_BEHIND_LIMIT = "undated-behind-limit", "rows"  # this many rows is the limit at which answers end
    UNDATED_UNASKED = "undated-unasked", "studies"  # above this many studies we do not ask for all at once
    REFUSALS = "refusals", "questions"  # the archive refused this many questions in a row
    # These doubts come from answers.
    STATUS = "status", "status"  # a status of DIMSE
    HTTP_STATUS = "http-status", "status"
    ANSWER_BROKEN = "answer-broken"
    ANSWER_TOO_LONG = "answer-too-long", "bytes"  # we read at most this many bytes of an answer
    MORE_NOT_GIVEN = "more-not-given"  # the archive said that there is more, and did not give it
    SAME_PAGE = "same-page"  # the archive gave the same full page again at another offset
    WITHOUT_UID = "without-uid", "rows"
    REPEATED = "repeated", "rows", "uids"
    # `again` is the number of rows when we asked again.
    REPEATED_UNEVENLY = "repeated-unevenly", "rows", "uids", "again"
    # Something ended the question or the census early.
    BROKE_OFF = "broke-off"  # `stop` tells how the connection ended
    NOT_ENDED = "not-ended"
    BUDGET_QUESTIONS = "budget-questions", "questions"
    BUDGET_BYTES = "budget-bytes", "bytes"
    BUDGET_TIME = "budget-time", "seconds"
    MEMORY = "memory", "bytes"
    # These doubts come from a profile.
    MALFORMED = "malformed", "rows"
    # A question for personal attributes gave `records`; the archive has `studies`.
    OTHER_NUMBER = "other-number", "studies", "records"
    # These doubts come from counts.
    NEEDS_PROFILE = "needs-profile"  # this count rests on personal data
    NEEDS_PROVE = "needs-prove"
    NOT_COUNTED_AT_DEPTH = "not-counted-at-depth"
    NOT_ASKED_AT_DEPTH = "not-asked-at-depth"
    NOT_ASKED = "not-asked"
    NOT_FOUND_OUT = "not-found-out"
    GIVES_NOTHING = "gives-nothing"
    NOTHING_GIVEN = "nothing-given"  # it answered, and nothing shows that it answers any question with something
    FILES_UNTOLD = "files-untold"  # only a list of files is open
    WAYS_UNTOLD = "ways-untold"  # it was looked for at this depth, and no way in that is open tells it
    PAGE_NOT_ASKED = "page-not-asked"  # we did not ask what the page shows, and to whom
    COUNTER_SILENT = "counter-silent"
    CENSUS_EMPTY = "census-empty"  # the census found nothing, although an earlier question brought records
    FOLDERS_MISSED = "folders-missed"
    NOT_KNOWN_FOR_ALL = "not-known-for-all"
    KNOWN_FOR = "known-for", "known", "studies"
    INSPECTED = "inspected", "records"
    NOT_ALL_INSPECTED = "not-all-inspected"
    WITHOUT_PATIENT_ID = "without-patient-id", "studies"
    CONTRADICTED = "contradicted", "one", "other"  # two numbers of one archive that should be equal
    WAYS_UNPROVEN = "ways-unproven"  # nothing shows whether its ways in lead to one archive or to several
    NINE_DIGITS = "nine-digits", "records"  # so many records have nine digits that may be a US social security number
    NO_IMAGE_CAME = "no-image-came"  # we asked for an image, none came, and nothing proves that none would
    AVAILABILITY_UNSAID = "availability-unsaid"
    DRAWN = "drawn", "drawn", "delivered"  # of so many studies that were drawn by lot, so many delivered an image
    DRAWS_LOST = "draws-lost", "draws"  # of so many of these neither an image came nor a refusal
    WIDE_INTERVAL = "wide-interval", "percent"  # half an interval is so much of the total
    AVAILABILITY_PARTLY = "availability-partly", "silent", "studies"  # so many of the studies say nothing of it
    MAYBE_SSN = "maybe-ssn"  # the same, of records that an older version inspected
    # These doubts come from totals.
    NO_COUNTRY_DATA = "no-country-data"  # an older version judged, which knew no places
    NOT_ATTRIBUTED = "not-attributed", "archives"  # no source says in which country these open archives stand
    SURVEY_NOT_ENDED = "survey-not-ended"
    BEFORE_RESUME = "before-resume"  # an earlier run learned about ids, and that knowledge ended with it
    IDS_UNREAD = "ids-unread"
    GROUPED_OTHERWISE = "grouped-otherwise"  # the ids were counted for other archives than these
    HOSTS_UNASKED = "hosts-unasked", "hosts"
    HOSTS_UNDECIDED = "hosts-undecided", "hosts"  # asked, and we could not find out whether they are archives, or open
    NOTHING_REACHED = "nothing-reached", "hosts"  # none of these hosts gave any answer, not even a refusal
    NOT_COMPARED = "not-compared"  # some archives may be one: they were not compared with each other
    OVERLAP = "overlap", "archives"  # these archives hold some of the same studies
    PERHAPS_ONE = "perhaps-one", "archives"  # nothing shows whether these archives are one
    # These archives of one network look alike: one machine may stand behind their addresses.
    ALIKE = "alike-in-network", "archives"
    PERHAPS_MORE = "perhaps-more", "archives"  # ways in that are told as one archive may lead to so many more
    # These doubts come from the level of a document.
    ROUNDED = "rounded"  # down, so that nobody can work out a single archive
    WITHHELD = "withheld"  # it is too small to be told to anybody, or not told at this level


class Doubt(Struct, frozen=True, omit_defaults=True):
    """One reason for doubt: a stable code, and its numbers by name. Numbers of another code raise ValueError."""

    code: DoubtCode
    numbers: dict[str, int] = {}
    stop: Outcome | None = None  # how the connection ended; present only with `broke-off`

    def __post_init__(self) -> None:
        self.code.require(self.numbers)
        if (self.stop is not None) != (self.code is DoubtCode.BROKE_OFF):
            raise ValueError(f"'{self.code}' and an ending do not go together")

    def __hash__(self) -> int:
        return hash((self.code, frozenset(self.numbers.items()), self.stop))


class Endpoint(_Worded, frozen=True, order=True):
    """One service: an IP address as text, a TCP port and a protocol."""

    address: str
    port: int
    protocol: Protocol

    @property
    def url(self) -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{self.protocol}://{host}:{self.port}"


class LinkBy(StrEnum):
    """The evidence on whether two ways in lead to one archive."""

    STUDY_UIDS = "study-uids"  # how many study UIDs both hold, by samples of their hashes
    SAME_ENDPOINT = "same-endpoint"  # both archives have it
    OWN_WORD = "own-word"  # at one host, one names the other, and no number contradicts
    COUNTERS = "counters"  # at one host, all their numbers are equal: proof, if both name one DICOM port and title
    OVERLAP = "overlap"  # at one host, all studies of one are among those of the other: perhaps one archive
    JUDGED_ONE = "judged-one"  # by an older version, which kept no measure
    JUDGED_APART = "judged-apart"  # by an older version, which kept no measure


class Link(Struct, frozen=True):
    """Two endpoints, and what was seen of whether they are one archive. A fact: the hashes behind it are not kept."""

    one: Endpoint
    other: Endpoint
    by: LinkBy
    shared: int | None = None  # hashes that both hold, by study UIDs
    sampled: int | None = None  # hashes that either holds
    of_one: int | None = None  # of these, hashes that `one` holds; None: an older version did not keep it
    whole: bool = True  # the studies of both were enumerated whole


class ClientCertificate(StrEnum):
    """Whether a service insists on a client certificate. Asking for a certificate is not insisting on it."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class KeyKind(StrEnum):
    RSA = "rsa"
    EC = "ec"
    OTHER = "other"
    UNKNOWN = "unknown"


class Certificate(_Worded, frozen=True):
    """Facts of a service's certificate. Nobody judges whether to trust it."""

    # These four names are common names and organisations: shortened, and cleaned to printable ASCII.
    subject_name: str
    subject_organisation: str
    issuer_name: str
    issuer_organisation: str
    not_before: datetime
    not_after: datetime
    self_signed: bool
    key: KeyKind
    bits: int | None
    matches: bool  # the certificate names the host, by the name that the user gave or by its address
    spki_sha256: str = ""  # SHA-256 of its public key (SubjectPublicKeyInfo), in hex: it outlives a renewal
    names: tuple[str, ...] = ()  # the first DNS names of its subjectAltName; older versions kept none


class TlsFacts(_Worded, frozen=True):
    """The TLS facts that a service showed. After a failed handshake little is known."""

    version: str = ""
    cipher: str = ""
    client_certificate: ClientCertificate = ClientCertificate.UNKNOWN
    alert: int | None = None  # RFC 8446 6
    certificate: Certificate | None = None


class JournalRow(_Worded, frozen=True):
    """One row of the journal: one connection, or one look-up of a name. A failed one has a row too."""

    at: datetime
    address: str  # of a look-up: the first that was found, or empty; of a reverse look-up: whose name was asked for
    port: int | None  # None: a look-up
    question: str
    sent: int | None  # bytes; None: a look-up, which the library makes
    received: int | None  # bytes
    seconds: float
    stop: Outcome
    tls: TlsFacts | None = None  # None: the connection was plain, or the peer spoke no TLS. Kept with the endpoint


class Rejection(Struct, frozen=True):
    """A-ASSOCIATE-RJ, PS3.8 9.3.4."""

    result: int
    source: int
    reason: int


class Abort(Struct, frozen=True):
    """A-ABORT, PS3.8 9.3.8."""

    source: int
    reason: int


class FindKey(StrEnum):
    """A matching key that some archives demand."""

    MODALITY_CT = "modality-ct"
    ANY_PATIENT_ID = "any-patient-id"
    ANY_PATIENT_NAME = "any-patient-name"


class Find(Struct, frozen=True):
    """One C-FIND and its outcome. It holds how many matches arrived, never their contents."""

    # Ages in days of the studies that were asked for: youngest, oldest. None: studies of any age.
    ages: tuple[int, int] | None
    matches: int
    status: int | None = None  # final status, PS3.4 C.4.1.1.4; None: no final status arrived
    cancelled: bool = False
    unnamed: int = 0  # rows that were looked at and have no usable UID: no records, and `matches` does not count them
    patient_root: bool = False  # asked in Patient Root
    with_key: FindKey | None = None


class Interval(Struct, frozen=True):
    """An estimate with its 95 % interval: in 95 of 100 cases the truth lies from `low` to `high`."""

    value: int
    low: int
    high: int


class CountedBy(StrEnum):
    """How the images of an archive were counted."""

    COUNT_KEYS = "count-keys"  # count keys came with the studies
    WALK = "walk"  # the census walked from each study down to its images


class Availability(Struct, frozen=True):
    """What an archive says of how soon its studies can be had: Instance Availability (0008,0056), PS3.3 C.4.23.1.1.

    `elsewhere` is near-line, off-line or unavailable. What says nothing is in neither.
    """

    studies_online: int
    studies_elsewhere: int
    images_online: int  # images of the studies, as far as their number is known
    images_elsewhere: int


class Census(Struct, frozen=True):
    """The result of one enumeration by UIDs and counts."""

    complete: bool
    rows: int
    studies: int
    malformed: int = 0
    estimate: Interval | None = None  # the number of studies with a date, estimated if a budget ended the census
    images_estimate: Interval | None = None  # the number of images, estimated from studies that were drawn by lot
    undated: int | None = None  # studies that no range of dates brought; None: not known
    series: int | None = None  # found so far
    series_known_for: int | None = None  # studies whose number of series is known; None: all (older versions)
    images: int | None = None  # found so far
    images_known_for: int = 0  # studies whose number of images is known
    method: CountedBy | None = None  # how images were counted; None: they were not counted
    doubts: tuple[Doubt, ...] = ()  # why the census is incomplete; or, of a complete census, why images are unknown
    queries: int = 0
    availability: Availability | None = None  # None: not asked, or nothing was said


class Draws(Struct, frozen=True):
    """Retrievals of one instance each, of studies that were drawn by lot by their images. One may be drawn several times."""

    drawn: int
    delivered: int
    lost: int = 0  # neither an image nor a refusal came: they tell nothing


class Proof(_Worded, frozen=True):
    """One image retrieval that was started and dropped. Nothing else of the image is kept."""

    sop_class: str = ""  # the SOP class that the archive's own record names
    get: bool = False  # the archive accepted C-GET
    storage: bool = False  # the archive accepted the context in which it would send us the image
    transfer_syntax: str = ""
    bytes: int = 0  # bytes of the image that were received, counted and dropped
    status: int | None = None  # final status of the C-GET
    stop: Outcome | None = None  # why no image came, if no status refused it
    draws: Draws | None = None  # None: no studies were drawn


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
    """How the values of a kind look, in one archive as a whole. In doubt they are personal, and so are more than a few."""

    PERSONAL = "personal"
    PSEUDONYMISED = "pseudonymised"
    SYNTHETIC = "synthetic"


class KindTally(Struct, frozen=True):
    """How the values of one kind look, in numbers. A record is a study."""

    kind: Kind
    asked: int  # records that were asked for this kind
    filled: int  # asked records that carry this kind
    malformed: int = 0  # asked records with a value that breaks the rules of its VR or character set
    looked: int = 0  # values that were inspected
    distinct: int = 0  # distinct values among the inspected values
    most: int = 0  # how often the most frequent inspected value came
    redacted: int = 0  # inspected values that look like ANON, and dates that stand for no date
    phantom: int = 0  # inspected values that look like PHANTOM or TEST
    coded: int = 0  # inspected values that look like a hash, a UUID, a UID or a numbered subject
    plain: int | None = None  # inspected values that look like none of these; None: an older version did not count them
    people: int | None = None  # distinct values of `plain`
    unread: int | None = None  # values that are in no declared character set; they were not inspected
    nine_digits: int | None = (
        None  # asked records with nine digits in a value that could be a US social security number
    )


class SchemeTally(_Worded, frozen=True):
    """How many values of one kind could be national identifiers of one scheme.

    A value counts once, however often it came.
    """

    scheme: str  # the scheme's name in the catalogue
    kind: Kind  # the kind of the attributes that held the values
    values: int  # inspected values of this kind
    shaped: int  # values that have the shape: the scheme's length and characters
    valid: int  # shaped values that pass the scheme's rules
    written: int = 0  # shaped values that have the scheme's separators
    dashed: int = 0  # valid values that have the scheme's separators
    birth: int = 0  # valid values that state a birth date, in a record that has a birth date
    agree: int = 0  # values of `birth` that state the same birth date as their record
    astray: int = 0  # shaped values that hold their record's birth date, but break the scheme's rules
    issued: int = 0  # shaped values whose record names the same issuer as the scheme
    issuer: int = 0  # values of `issued` that pass the scheme's rules
    dated: int = 0  # shaped values that begin with some date
    leads: int = 0  # number of different first three characters among the shaped values
    firsts: int = 0  # number of different first characters among the shaped values
    looked: int = 0  # records that were inspected
    records_shaped: int = 0  # inspected records with a shaped value
    records: int = 0  # inspected records with a valid value
    records_dashed: int = 0  # inspected records with a valid value that has the scheme's separators
    rare: int = 0  # valid values of a range of the scheme that few people have a number of


class YearTally(Struct, frozen=True):
    """How many studies have a Study Date (0008,0020), PS3.3 C.7.2.1, of one year. No date is kept."""

    year: int | None  # None: no date, or none that is a day from 1895 to the next year
    studies: int


class Profile(Struct, frozen=True):
    """The kinds of personal data that one archive gives, in numbers."""

    complete: bool  # every record was asked for its kinds
    records: int  # distinct studies that came
    deep: int = 0  # studies that were also asked for the attributes that cost an archive much work
    kinds: tuple[KindTally, ...] = ()
    schemes: tuple[SchemeTally, ...] = ()
    queries: int = 0
    malformed: int = 0  # rows that are no data set, or have no UID
    doubts: tuple[Doubt, ...] = ()  # why the profile is incomplete
    patients: int = 0  # distinct patients, by id and issuer
    without_id: int = 0  # records without a patient's id
    # Records by the year of their exam, which add up to those that were asked for it. None: an older version kept no years.
    years: tuple[YearTally, ...] | None = None


class DimseFacts(_Worded, frozen=True, tag="dimse"):
    called: str  # the last called AE title that was used
    called_from_scope: bool = False
    titles_rejected: int = 0
    valid_pdu: bool = False
    accepted: bool = False
    rejection: Rejection | None = None
    abort: Abort | None = None
    # The next three fields tell which presentation contexts were accepted: Verification and the two query models.
    verification: bool = False
    study_root: bool = False
    patient_root: bool = False
    implementation_uid: str = ""
    implementation_version: str = ""
    max_pdu: int | None = None
    echo: int | None = None  # status of the C-ECHO
    finds: tuple[Find, ...] = ()
    census: Census | None = None
    proof: Proof | None = None
    profile: Profile | None = None


class Counters(Struct, frozen=True):
    """The archive's own counters: how much it says that it holds."""

    status: int | None = None  # HTTP status of the first answer; None: not asked, or no answer
    patients: int | None = None
    studies: int | None = None
    series: int | None = None
    images: int | None = None


class OrthancFacts(_Worded, frozen=True, tag="orthanc"):
    """Facts that Orthanc's REST gives about itself: `/system` and `/statistics`."""

    status: int | None = None  # HTTP status of the first answer
    realm: str = ""  # the realm of WWW-Authenticate
    is_orthanc: bool = False
    base: str = ""  # the path below which it stands, behind a proxy
    version: str = ""
    aet: str = ""
    dicom_port: int | None = None
    counters: Counters = Counters()
    profile: Profile | None = None


class Dcm4cheeFacts(_Worded, frozen=True, tag="dcm4chee"):
    """Facts that dcm4chee-arc's REST gives about itself: the titles that it publishes, and its own counters."""

    status: int | None = None  # HTTP status of the list of its titles
    aets: tuple[str, ...] = ()
    counters: Counters = Counters()
    bytes: int | None = None  # size of all studies, in bytes


class WebService(StrEnum):
    """A way of DICOMweb to retrieve an image, PS3.18 9 and 10.4."""

    WADO_RS = "wado-rs"
    WADO_URI = "wado-uri"


class WebProof(_Worded, frozen=True):
    """One retrieval of an image over the web that was started and dropped."""

    service: WebService | None = None  # None: no record named an image
    status: int | None = None
    media_type: str = ""  # a media type of a closed list
    bytes: int = 0  # bytes of the body that were received, counted and dropped
    stop: Outcome | None = None  # why we asked for no image
    draws: Draws | None = None  # None: no studies were drawn


class DicomWebFacts(_Worded, frozen=True, tag="dicomweb"):
    """Facts of one DICOMweb root: how it answers QIDO-RS, and what its records say of retrieval."""

    root: str  # such as `/dicom-web`
    status: int | None = None  # HTTP status of a question that no study can match
    media_type: str = ""  # a media type of a closed list
    realm: str = ""  # the realm of WWW-Authenticate
    may_ask: bool = False  # we may ask for a record, although its required attributes are personal data
    records: int = 0  # number of records that came
    unusable: int = 0  # rows that came with no usable Study Instance UID: nobody knows whether they are records
    record_status: int | None = None  # HTTP status of the question for one record
    retrieve_url: bool = False  # a record gives the URL of its images
    by_tag: bool = False  # it takes matching keys as numbers of tags only
    limit: int | None = None  # the largest limit that it was seen to take; 0: it takes none; None: not known
    accept: str = ""  # the one media type that it must be asked for, of a closed list; empty: it takes the usual ones
    needs_filter: bool = False  # it refuses a question without a matching key, or gives nothing to it
    nothing: int | None = None  # HTTP status by which it says that nothing matches; None: an empty list, or 204
    wildcard: str = ""  # a key of a patient that each question must have, of a closed list: it is sent as a wildcard
    slash: bool = False  # its resources end with a slash
    census: Census | None = None
    profile: Profile | None = None
    proof: WebProof | None = None


class Listing(Struct, frozen=True):
    """A list of files that a web server shows. It holds how many are DICOM files, never their names."""

    files: int
    folders: int = 0  # folders that we looked into
    missed: int = 0  # folders of these that did not show their contents
    dicomdir: bool = False  # the index of a DICOM medium is among them
    whole: bool = False  # we looked into all folders
    proof: int = 0  # bytes of one DICOM file that were received and dropped

    @property
    def shown(self) -> bool:
        return self.files > 0 or self.dicomdir


class ConfiguredRoot(_Worded, frozen=True):
    """A DICOMweb root that a viewer names as its archive."""

    host: str  # empty: the viewer's own host
    port: int
    path: str
    tls: bool = False
    outside: bool = False  # it is noted, not contacted: `why` has the reason
    why: Cause | None = None  # None if it may be contacted, and where an older version did not note the reason


class PageFacts(_Worded, frozen=True, tag="pages"):
    """Facts from the pages of a web service, whatever product it is."""

    status: int | None = None  # HTTP status of the first page, whose path cannot exist; None: no HTTP
    front: int | None = None  # HTTP status of `/`
    realm: str = ""  # the realm of WWW-Authenticate
    catch_all: bool = False  # the service answers 200 to a path that cannot exist
    elsewhere: bool = False  # `/` points to another host, port or scheme
    viewer: str = ""  # the product whose page this is, by its name in the catalogue
    login: bool | None = None  # this page demands a login; None: not known
    listing: Listing | None = None
    patients: int | None = None  # rows of the page's list of patients
    names: tuple[ConfiguredRoot, ...] = ()
    # Each door that the depth allows was tried, and each gave a definite answer. None: not known.
    doors: bool | None = None


# These are the facts that one way into an archive showed. Each way has one type.
Facts = DimseFacts | OrthancFacts | Dcm4cheeFacts | DicomWebFacts | PageFacts
FactsT = TypeVar("FactsT", bound=Facts)


class FingerprintKind(StrEnum):
    """The place where a sign of a product was seen. Signs of different kinds are independent of each other."""

    ASSOCIATION = "association"  # implementation class UID and version name
    AE_TITLE = "ae-title"
    BEHAVIOUR = "behaviour"
    API = "api"  # a document of an API that names its product
    PAGE = "page"  # title or marker of a page
    HEADER = "header"
    REALM = "realm"
    FAVICON = "favicon"


class Fingerprint(_Worded, frozen=True):
    """One sign of a product that was seen, and that a row of the catalogue knows."""

    product: str  # the product's name in the catalogue
    kind: FingerprintKind
    version: str = ""  # only from a field that carries the product's version: bounded, printable ASCII
    confirmed: bool = True  # False: only other people report this sign. It names a product, but makes none firm


class Observation(_Worded, frozen=True, kw_only=True):
    """Everything that was seen of one endpoint. It is kept, so that a newer catalogue can judge it again."""

    endpoint: Endpoint
    at: datetime
    depth: Depth
    stop: Outcome
    tls: TlsFacts | None = None  # None: the connection was plain
    signs: tuple[Fingerprint, ...] = ()
    facts: tuple[Facts, ...] = ()  # facts of each way into this endpoint; at most one record of a type
    # The name that the DNS has for its address. Empty: none, or it was not looked up.
    reverse_name: str = ""

    def get(self, kind: type[FactsT]) -> FactsT | None:
        """The facts of this way in. None if the endpoint has no such way."""
        for facts in self.facts:  # a generator would take twice as long, and this is asked often
            if isinstance(facts, kind):
                return facts
        return None

    def with_facts(self, *facts: Facts) -> Self:
        """A copy of the observation with these facts. A new fact replaces the old one of the same type."""
        kept = {type(one): one for one in self.facts} | {type(one): one for one in facts}
        return replace(self, facts=tuple(kept.values()))


class Reason(StrEnum):
    """Why an endpoint stands on its rung, and not on the next."""

    NOTHING_ANSWERED = "nothing-answered"  # not reachable from here: that says nothing of what is there
    PORT_CLOSED = "port-closed"  # the host refused the connection: nothing listens there
    FILTERED = "filtered"  # something keeps us from this port, and not from the host
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
    NO_RECORDS = "no-records"  # as its own counters say
    NOTHING_GIVEN = "nothing-given"  # to the questions that were asked, which is no proof that it holds nothing
    ROWS_UNNAMED = "rows-without-uid"
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


# Final statuses that refuse every question: the SOP class is not supported, or the caller is not authorised, PS3.7 C.
REFUSALS = ((0x0122,), (0x0124,))


# HTTP statuses that refuse whatever is asked for: without authentication, at all, or by this method, RFC 9110 15.5 and 15.6.
WEB_REFUSALS = (401, 403, 405, 501)

# Of both, those that deny a right, which a stranger may have to another study.
DENIED = (0x0124, 403)


def refuses_all(proof: Proof | WebProof) -> bool:
    """Whether a retrieval was refused in a way that refuses it for every image: by its status, or an association without C-GET."""
    if proof.bytes:
        return False
    if isinstance(proof, WebProof):
        return proof.status in WEB_REFUSALS
    return (proof.status,) in REFUSALS or (proof.stop is None and not proof.get)


class Verdict(_Worded, frozen=True):
    """The rung of one endpoint, with the reason."""

    rung: Rung | None  # None: we could not find out, which is not `silent`
    why: Reason
    codes: tuple[int, ...] = ()  # codes that belong to `why`: of a reject, an abort, a DIMSE or an HTTP status
    said: str = ""  # the archive's own words that belong to `why`: a realm, a product, a root, a syntax
    stop: Outcome | None = None  # how the connection ended, if this is the reason
    # Something proves this rung: `judge.conclusive` has the list. If False, "not open" does not mean "closed".
    conclusive: bool = False


class Product(_Worded, frozen=True):
    """Product and toolkit have a field each: an association names the toolkit, which is not the product."""

    product: str = ""
    toolkit: str = ""
    version: str = ""  # only from a field that carries the product's version
    firm: bool = False  # True: two signs of different kinds agree; False: the product is likely


class Transport(StrEnum):
    """Properties of the transport that one connection showed, measured against DICOM PS3.15 B.12 (BCP 195)."""

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
    """Why an archive is likely bait or a demonstration, and not a clinic's."""

    HONEYPOT = "honeypot-software"
    CLUSTER = "identical-copies"
    CALLS_ITSELF = "demonstration-name"
    # A person found it out, and not we.
    BY_HAND_DECOY = "reviewed-decoy"
    BY_HAND_DEMONSTRATION = "reviewed-demonstration"
    BY_HAND_PHANTOM = "reviewed-phantom"


class Grade(_Steps):
    """Grades of an archive, from best to worst."""

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
    SAME_MACHINE = "asked-from-its-own-machine"  # which shows nothing of strangers, so there is no grade


class FindingCode(StrEnum):
    """Everything that can be wrong with an archive, the worst first.

    `catalogue/findings.toml` has a row for each code.
    """

    DISCLOSES_RECORDS = "discloses-records"
    HANDS_OUT_IMAGES = "hands-out-images"
    FILE_LISTING = "listing-of-files"
    PATIENT_LISTING = "listing-of-patients"
    PERSONAL_DATA = "personal-data"
    SSN_RECORDS = "ssn-records"
    NATIONAL_IDENTIFIERS = "national-identifiers"
    MAY_WRITE = "anybody-may-write"  # by what its product is known for: nobody tries it
    OTHER_ADDRESS = "open-at-other-address"
    ANSWERS_STRANGERS = "answers-strangers"
    LETS_STRANGERS_IN = "lets-strangers-in"
    TLS_LETS_IN = "tls-lets-anybody-in"
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
    LOGIN_MAY_BE_KNOWN = "login-may-be-known"  # nobody tries it, so nobody can tell


class Finding(_Worded, frozen=True):
    """One thing that is wrong with an archive. Pages, feeds and remedies are made from these."""

    code: FindingCode
    archive: str
    endpoint: Endpoint | None  # None: the archive as a whole
    grade: Grade | None  # the best grade that the rubric allows with this finding; None: it lowers no grade
    numbers: dict[str, int] = {}  # numbers by name: how much the archive holds, or how far it misses a requirement
    about: str = ""  # the id of an advisory or of a scheme of national identifiers, or the AE title that opens it

    @property
    def id(self) -> str:
        """The same in every survey that finds it: it hangs on the archive and what is wrong, and never on a date."""
        place = "" if self.endpoint is None else self.endpoint.url
        return sha256("\n".join((self.archive, self.code, place, self.about)).encode()).hexdigest()[:16]


class Count(Struct, frozen=True):
    """One quantity of an archive. `value` None means unknown, which is not zero."""

    value: int | None = None
    how: Provenance = Provenance.UNKNOWN
    at_least: int | None = None  # a lower bound, if the value is unknown
    coverage: float | None = None  # share of studies for which the value is known, 0 to 1
    doubts: tuple[Doubt, ...] = ()  # why the value is unknown or estimated
    low: int | None = None  # lower end of an estimate's 95 % interval
    high: int | None = None  # upper end of an estimate's 95 % interval


class Counts(Struct, frozen=True):
    """The four quantities of one archive, each with its provenance."""

    patients: Count = Count()
    studies: Count = Count()
    series: Count = Count()
    images: Count = Count()


class KindFound(Struct, frozen=True):
    """One kind of personal data in one archive."""

    kind: Kind
    records: int | None  # number of studies that carry it
    how: Provenance
    share: float | None = None  # share of the archive's studies, 0 to 1
    looks: Appearance | None = None  # None: no record carries it, we could not ask for it, or we could not read it
    malformed: int = 0  # malformed records among the asked records
    asked: int = 0  # records that were asked for it; fewer than the archive has, if `how` is estimated
    at_least: int | None = None
    doubts: tuple[Doubt, ...] = ()  # why the number is unknown or estimated
    low: int | None = None  # lower end of the 95 % interval, if estimated from studies drawn by lot
    # Upper end of the 95 % interval, if estimated from studies drawn by lot.
    high: int | None = None
    # Shares of the values that were inspected, 0 to 1, by what they look like. None: no value was inspected.
    personal: float | None = None
    pseudonymised: float | None = None
    synthetic: float | None = None


class Identifier(_Worded, frozen=True):
    """A scheme of national identifiers that an archive exposes, judged from all its records together."""

    scheme: str  # the scheme's name in the catalogue, such as "us.ssn"
    kind: Kind  # the kind of the attributes that hold the identifiers
    records: int
    how: Provenance
    share: float  # share of the archive's studies, 0 to 1
    confidence: float  # 0 to 1
    low: int | None = None  # lower end of an estimate's 95 % interval
    high: int | None = None  # upper end of an estimate's 95 % interval


class ByYear(Struct, frozen=True):
    """Studies of one archive by the year of their exam. They add up to the studies that were looked at."""

    years: tuple[YearTally, ...]  # by ascending year; last, those of which no year is known
    whole: bool  # each study of the archive is among them; if False, each number is a lower bound


class _Told(Struct, frozen=True):
    """A record with texts of the user. Letters of any script stay: no archive wrote them."""

    def __post_init__(self) -> None:
        for name, limit in _limits(type(self)):
            held = getattr(self, name)
            if len(held) > limit or not (held.isascii() and held.isprintable()):
                force_setattr(self, name, texts.printable(held[:limit]))


class Said(_Told, frozen=True):
    """What one source of the user says of an address."""

    value: str
    source: str  # a file's name, or a package with its version
    date: str = ""  # YYYY-MM-DD; empty: the source does not tell how old its data is


class ByHand(_Told, frozen=True):
    """What a person found out of an archive. It stands in place of our own tags and of the operator; facts stay as they are."""

    what: str  # `clinic`, `decoy`, `demonstration` or `phantom`; empty: the person says nothing of it
    who: str
    day: date
    operator: str = ""  # empty: as places say


class Place(_Worded, frozen=True, omit_defaults=True):
    """Where an address stands, and whose it is, by all sources in their order. A field that no source fills is empty.

    The first answer is the field's value. Others stand behind it, be they equal or not.
    """

    network: str = ""  # the narrowest network of the first source that names one
    country: tuple[Said, ...] = ()  # ISO 3166-1 alpha-2
    asn: tuple[Said, ...] = ()  # digits
    as_name: tuple[Said, ...] = ()
    operator: tuple[Said, ...] = ()
    contact: tuple[Said, ...] = ()
    language: tuple[Said, ...] = ()
    site: tuple[Said, ...] = ()

    @property
    def countries(self) -> tuple[str, ...]:
        """Each country that a source says, once. Several: the sources disagree. None: not attributed."""
        return tuple(dict.fromkeys([said.value for said in self.country]))


NOWHERE = Place()


class HintSource(StrEnum):
    """Where a name was seen that may be of those who run an archive. Anybody can write a name there: it proves nothing."""

    ORGANISATION = "certificate-organisation"
    CERTIFICATE_NAME = "certificate-name"
    AE_TITLE = "ae-title"  # that the archive says is its own
    REVERSE_NAME = "reverse-name"  # that the DNS has for its address


class Hint(_Worded, frozen=True):
    """A name that may be of those who run an archive. It decides nothing."""

    what: str
    source: HintSource
    endpoint: str  # where it was seen, as `protocol://address:port`


class Identity(_Worded, frozen=True):
    """By what an archive is recognised in another survey: none of it hangs on the order of ports, or on a date."""

    endpoints: tuple[Endpoint, ...] = ()
    spki_sha256: tuple[str, ...] = ()  # of the public keys of its certificates
    product: str = ""
    names: tuple[str, ...] = ()  # by which it calls itself: AE titles, and the names of its certificates


class Archive(_Worded, frozen=True):
    """Endpoints that are one archive. Its contents are counted once."""

    id: str
    address: str
    endpoints: tuple[Endpoint, ...]
    rung: Rung
    product: Product
    counts: Counts
    kinds: tuple[KindFound, ...] | None = None  # None: we did not look for personal data
    by_hand: ByHand | None = None  # None: nobody reviewed it
    identifiers: tuple[Identifier, ...] = ()
    ssn_records: Count = Count(doubts=(Doubt(DoubtCode.NEEDS_PROFILE),))
    by_year: ByYear | None = None  # None: not known
    images_retrievable: Count = Count(doubts=(Doubt(DoubtCode.NEEDS_PROVE),))
    advisories: tuple[str, ...] = ()  # ids of advisories in the catalogue
    grade: Grade | None = None  # None: we could not find out enough
    grade_why: tuple[GradeReason, ...] = ()
    decoy: tuple[Decoy, ...] = ()
    configuration: str = ""  # a digest of signs, manners and counts; empty if too little is known
    identity: Identity = Identity()
    joined_by: tuple[LinkBy, ...] = ()  # evidence that joins its ways in
    # Ids of archives at this address that may be this one: nothing shows that they are one, or that they are two.
    perhaps_same: tuple[str, ...] = ()
    perhaps_more: int = 0  # how many more archives its ways in may lead to: what joins them is no proof
    place: Place = NOWHERE  # of its address
    hints: tuple[Hint, ...] = ()  # of who runs it
    # Its open ways in that refuse us, or do not answer, at another address of its name.
    closed_elsewhere: tuple[Endpoint, ...] = ()

    @property
    def open(self) -> bool:
        return self.rung.open


class JudgedEndpoint(Struct, frozen=True):
    """One endpoint with everything that was judged of it."""

    observation: Observation
    verdict: Verdict
    product: Product
    transport: tuple[Transport, ...] = ()
    place: Place = NOWHERE


class Review(_Worded, frozen=True):
    """Facts about one archive that only a whole survey shows."""

    archive: str
    same_as: str | None = None  # id of the same archive, found by another way in
    by: tuple[LinkBy, ...] = ()  # the evidence that both are the same archive
    decoy: tuple[Decoy, ...] = ()


class Host(_Worded, frozen=True):
    """Everything that was learned at one host: at one address, or at those of one name. A resumed survey keeps a host whole, or asks it again."""

    address: str
    judged: tuple[JudgedEndpoint, ...]
    archives: tuple[Archive, ...]
    fault: Outcome | None = None  # the fault that kept us from finding out more
    links: tuple[Link, ...] = ()  # links between its own endpoints
    name: str = ""  # the host name that the user gave; empty if the user gave an address
    unasked: tuple[str, ...] = ()  # addresses of that name that the scope does not cover


class Total(_Worded, frozen=True):
    """One quantity of a whole survey, and how it was obtained."""

    quantity: str
    measured: int | None
    how: Provenance
    parts: dict[str, int] = {}  # parts of the number by provenance, if there are several
    # Open archives for which the number is not known. None, as for the next two: it is not told to this reader.
    unknown_archives: int | None = 0
    bounded_archives: int | None = 0  # how many of these have a lower bound, which is in `at_least`
    # Of how many of these the bound is all that have a date: these were counted, and nothing is known of others.
    dated_archives: int | None = 0
    at_least: int | None = None  # a lower bound that no estimate went into
    # Why it is unknown: first the doubts about the survey, then those about open archives. If several archives have
    # doubts, the doubts of one of them stand here.
    doubts: tuple[Doubt, ...] = ()
    # The ends of the sum, if some parts are estimated; where `measured` is None, of all hosts that could be concluded.
    low: int | None = None
    high: int | None = None
    at_most: int | None = None  # an upper bound, if archives overlap and nothing else is in doubt
