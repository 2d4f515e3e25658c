"""A world: archives with contents and manners, and the truth that follows from these alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network

from msgspec import Struct

from filmbadge.model import Depth, Kind, Protocol, Rung
from filmbadge.rehearse.contents import Contents

NOTHING = Contents()
# Of a country.
CELLS = (
    "archives",
    "archives_open",
    "patients",
    "studies",
    "images",
    "images_retrievable",
    "ssn_records",
    "http_viewers",
)
ALWAYS = 1 << 30  # more times than any survey asks


class Rows(StrEnum):
    """The way in which an archive answers a study query."""

    STUDIES = "studies"  # one row per study
    INSTANCES = "instances"  # one row per instance


class CountKeys(StrEnum):
    """The way in which an archive treats the NumberOfStudyRelated keys."""

    FILLED = "filled"
    ABSENT = "absent"  # it leaves them out, so that each study must be walked
    COLLAPSE = "collapse"  # the answer collapses to one row


class AtCap(StrEnum):
    """What an archive does where an answer would have more rows than it gives."""

    SIGNAL = "signal"  # it ends with 0xFE00
    SILENT = "silent"  # it ends with success, as if there were no more rows
    REFUSES = "refuses"  # it gives no row, and 0xC000


class Flood(StrEnum):
    """Rows without end."""

    NO = "no"
    SAME = "same"  # the same studies again and again
    NEW = "new"  # new studies for ever, which no other question brings


class Tls(StrEnum):
    """What an archive's DICOM port speaks under DICOM."""

    NONE = "none"
    NEW = "new"  # TLS 1.2 and above
    OLD = "old"  # TLS below 1.2
    CLIENT_CERTIFICATE = "client-certificate"  # and nothing without a certificate of the client


class Get(StrEnum):
    """What an archive does when a stranger asks for an instance."""

    ABSENT = "absent"  # C-GET is not among its services
    DELIVERS = "delivers"
    REFUSES = "refuses"
    FAILS = "fails"  # it says that the sub-operations failed


class Manner(StrEnum):
    """The service on the port."""

    ARCHIVE = "archive"
    SILENT = "silent"  # takes the connection and never says a word
    DRIPS = "drips"  # says a byte now and then
    CLOSES = "closes"  # closes at once
    GARBAGE = "garbage"  # sends bytes that mean nothing
    HUGE_PDU = "huge-pdu"  # announces a PDU of 4 GiB
    HTTP = "http"  # a web server
    SSH = "ssh"  # an SSH server
    NOTHING = "nothing"


class Web(StrEnum):
    """The front page of the archive's web server, besides any API."""

    EXPLORER = "explorer"  # Orthanc Explorer
    VIEWER = "viewer"  # OHIF, and a configuration that names an archive
    CATCH_ALL = "catch-all"  # one page for every path
    FILES = "files"  # a list of files, none of them DICOM's
    DICOM_FILES = "dicom-files"  # a list of DICOM files
    LOGIN = "login"  # nothing without a password
    MOVED = "moved"  # a redirect out of the world

    @property
    def viewer(self) -> bool:
        return self in (Web.EXPLORER, Web.VIEWER)


class Drops(StrEnum):
    """What keeps a machine from answering. Connections to what is dropped time out."""

    NO = "no"
    SERVICES = "services"  # the ports of its services: a firewall, while its host refuses all others
    HOST = "host"  # every port: the machine is away


class Expected(StrEnum):
    """How well anybody can know how much an archive holds."""

    EXACT = "exact"
    ESTIMATE = "estimate"
    BOUND = "bound"


Rungs = tuple[tuple[Protocol, Rung], ...]


@dataclass(frozen=True, slots=True)
class Archive:
    """One synthetic machine: its contents, its behaviour, and its rungs by the definition of the ladder."""

    name: str
    addresses: tuple[IPv4Address, ...] = ()  # all are this one machine
    contents: Contents = NOTHING
    manner: Manner = Manner.ARCHIVE
    drops: Drops = Drops.NO
    second_port: bool = False  # DIMSE is on the second of the world's ports
    called: str = ""  # the only called AE title that the archive accepts
    callers: frozenset[str] | None = None  # the only calling AE titles that the archive accepts
    busy: int = 0  # so many associations are rejected transiently
    exhausted: int = 0  # so many C-FINDs end out of resources (A700)
    aborts_queries: bool = False
    study_root: bool = True
    explicit: bool = True
    count_keys: CountKeys = CountKeys.FILLED
    rows: Rows = Rows.STUDIES
    nested: bool = False  # the archive adds a sequence of undefined length to each row
    data_after_cancel: bool = False  # the archive's final 0xFE00 still carries a data set
    cap: int | None = None  # limit of rows in an answer
    at_cap: AtCap = AtCap.SIGNAL
    widest: int | None = None  # days that a range of dates may span; it refuses wider ones, and questions without one
    unbounded: bool = True  # False: nothing comes to a question without a matching key
    empty_values: bool = False  # Empty Value Matching, PS3.4 C.2.2.2.7
    uid_wildcards: bool = False  # it takes a wildcard in a UID, which the standard does not have (PS3.4 C.2.2.2.4)
    flood: Flood = Flood.NO
    answers: int | None = None  # hangs up at the next question after so many answers
    tls: Tls = Tls.NONE
    web_tls: bool = False
    get: Get = Get.ABSENT
    availability: bool = False  # says Instance Availability
    implementation: tuple[str, str] = ("", "")
    max_pdu: int = 16384
    mirror: bool = False  # this is another way into an archive of this world
    decoy: bool = False  # this archive is bait
    rest: bool | None = None  # Orthanc's REST: True means open, False behind a login, None absent
    dicomweb: str | None = None  # the root of its DICOMweb services
    delivers_web: bool = False  # WADO-RS gives instances
    web_cap: int | None = None  # limit of results in an answer of QIDO-RS
    warns: bool = False  # and it says so with a Warning header
    login: bool = False  # its web server asks for a password on every path
    web: Web | None = None
    viewer_of: str = ""  # the root of the archive that its viewer names; empty: its own
    rungs: Rungs = ()
    undecided: bool = False  # nobody can find out whether this is an archive, or whether it is open
    expected: Expected = Expected.EXACT  # of its studies, and of everything that these hold
    expected_images: Expected = Expected.EXACT  # of its series and images, retrievable ones too
    expected_personal: Expected = Expected.EXACT  # of its personal data
    country: str = ""

    @property
    def imaging(self) -> bool:
        return any(rung.reaches(Rung.SPEAKS) for _, rung in self.rungs)

    @property
    def open(self) -> bool:
        return any(rung.open for _, rung in self.rungs)

    @property
    def delivers(self) -> bool:
        return any(rung.reaches(Rung.DELIVERS) for _, rung in self.rungs)

    @property
    def viewer(self) -> bool:
        return self.web is not None and self.web.viewer and not self.web_tls and not self.login


class Truth(Struct, frozen=True):
    """What is true of a world, and how well anybody can find it out."""

    world: str
    rows: dict[str, int]  # by quantity
    expected: dict[str, Expected]  # of the quantities that cannot be known exactly
    surely: dict[str, int]  # of these quantities, what archives hold of which it can be known exactly
    countries: dict[str, dict[str, int]]  # cells by country
    published: dict[str, dict[str, int]]  # what was published, by country; "": of the whole world
    about: str = ""
    later: Truth | None = None  # of the same world some time later; None: this world stands still
    changes: dict[str, int] = {}  # archives by what becomes of them until then
    changes_published: dict[str, int] = {}
    by_year: dict[str, int] = {}  # studies of the open archives by the year of their exam; "": without a date


class Place(Struct, frozen=True):
    """A network of a world: a row of the table that tells where its addresses are."""

    network: str
    country: str
    asn: str
    as_name: str
    operator: str
    contact: str
    language: str
    site: str


@dataclass(frozen=True, slots=True)
class World:
    name: str
    archives: tuple[Archive, ...]
    networks: tuple[IPv4Network, ...] = ()
    depth: Depth = Depth.PROFILE
    about: str = ""
    published: dict[str, dict[str, int]] = field(default_factory=dict)
    places: tuple[Place, ...] = ()
    later: World | None = None  # the same addresses some time later
    changes: dict[str, int] = field(default_factory=dict)
    changes_published: dict[str, int] = field(default_factory=dict)

    def truth(self) -> Truth:
        """The true quantities of a survey, from the generated contents."""
        real = [a for a in self.archives if a.imaging and not a.decoy and not a.mirror]
        rungs: Counter[Rung] = Counter()
        for archive in self.archives:
            for _, rung in archive.rungs:
                rungs[rung] += len(archive.addresses) or 1
        countries = sorted({archive.country for archive in real} - {""})
        rows = {
            **_counted(real),
            "decoys": sum(a.decoy for a in self.archives),
            **({"countries": len({archive.country for archive in real if archive.open} - {""})} if countries else {}),
            "hosts_undecided": sum(len(a.addresses) or 1 for a in self.archives if a.undecided),
            "patient_ids": distinct_patients(a.contents for a in real if a.open),
            **{f"rung:{rung}": n for rung, n in sorted(rungs.items(), key=lambda r: r[0].height)},
        }
        expected = _expected([a for a in real if a.open])
        cells = {code: _counted([a for a in real if a.country == code]) for code in countries}
        return Truth(
            self.name,
            rows,
            expected,
            _surely([a for a in real if a.open], expected),
            {code: {cell: held[cell] for cell in CELLS} for code, held in cells.items()},
            self.published,
            self.about,
            None if self.later is None else self.later.truth(),
            self.changes,
            self.changes_published,
            by_year=_by_year([a.contents for a in real if a.open]),
        )


def _counted(real: Sequence[Archive]) -> dict[str, int]:
    """How many archives these are, and what the open ones hold together."""
    opened = [archive for archive in real if archive.open]
    contents = [archive.contents for archive in opened]
    kinds: Counter[Kind] = Counter()
    for one in contents:
        kinds.update(one.kinds())
    return {
        "archives": len(real),
        "archives_open": len(opened),
        "patients": sum(one.patients_in_all for one in contents),
        "studies": sum(one.studies for one in contents),
        "series": sum(one.series_in_all for one in contents),
        "images": sum(one.images_in_all for one in contents),
        "images_retrievable": sum(archive.contents.online.images for archive in opened if archive.delivers),
        "ssn_records": sum(one.ssn_records for one in contents),
        "http_viewers": sum(archive.viewer for archive in real),
        **{f"kind:{kind}": kinds[kind] for kind in Kind},
    }


def _by_year(contents: Iterable[Contents]) -> dict[str, int]:
    found: Counter[int | None] = Counter()
    for one in contents:
        found.update(one.by_year())
    return {"" if year is None else str(year): n for year, n in found.items()}


IMAGES = ("series", "images", "images_retrievable")
PERSONAL = ("patient_ids", "ssn_records", *(f"kind:{kind}" for kind in Kind))


def _of(archive: Archive) -> dict[str, Expected]:
    """How well each quantity of an archive can be known, where not exactly. A limit that it does not reach is none."""
    if archive.cap is not None and archive.contents.studies <= archive.cap:
        return {}
    found = dict.fromkeys(("patients", "studies", *IMAGES, *PERSONAL), archive.expected)
    if archive.expected is Expected.EXACT:
        found = dict.fromkeys(IMAGES, archive.expected_images) | dict.fromkeys(PERSONAL, archive.expected_personal)
    return {quantity: expected for quantity, expected in found.items() if expected is not Expected.EXACT}


def _expected(opened: Sequence[Archive]) -> dict[str, Expected]:
    """How well the quantities of these archives together can be known, where not exactly: the worst of them counts."""
    found: dict[str, Expected] = {}
    for archive in opened:
        for quantity, expected in _of(archive).items():
            if found.get(quantity) is not Expected.BOUND:
                found[quantity] = expected
    return found


def _surely(opened: Sequence[Archive], expected: Mapping[str, Expected]) -> dict[str, int]:
    """What a bound has at least. Of personal data nothing: where one archive keeps them back, what others have may be drawn by lot."""
    wanted = [quantity for quantity in ("patients", "studies", *IMAGES) if quantity in expected]
    return {quantity: _counted([a for a in opened if quantity not in _of(a)])[quantity] for quantity in wanted}


def distinct_patients(contents: Iterable[Contents]) -> int:
    """Patients who are told apart by their ids: archives whose patients' numbers overlap know the same people."""
    ranges = sorted((one.habits.ids, one.people, one.people + one.patients_in_all) for one in contents)
    found, at = 0, ("", 0)
    for ids, first, end in ranges:
        start = max(first, at[1]) if at[0] == ids else first
        found += max(0, end - start)
        at = (ids, max(end, at[1]) if at[0] == ids else end)
    return found
