"""A world: archives with contents and manners, and the truth that follows from these alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from filmbadge.catalogue.kinds import ISSUER, PATIENT_ID
from filmbadge.model import Kind, Protocol, Rung
from filmbadge.rehearse.people import Record


@dataclass(frozen=True, slots=True)
class Study:
    uid: str
    date: date
    patient: int
    images: tuple[int, ...]  # number of images of each series
    record: Record = field(default_factory=Record)

    @property
    def patient_id(self) -> tuple[object, bytes | None]:
        """The values by which a stranger tells patients apart. In a large archive two patients may have the same id."""
        return self.record.study.get(PATIENT_ID, self.patient), self.record.study.get(ISSUER)

    def series_uid(self, index: int) -> str:
        return f"{self.uid}.{index + 1}"


class Rows(StrEnum):
    """The way in which an archive answers a study query."""

    STUDIES = "one row per study"
    INSTANCES = "one row per instance"


class CountKeys(StrEnum):
    """The way in which an archive treats the NumberOfStudyRelated keys."""

    FILLED = "filled"
    ABSENT = "left out"
    COLLAPSE = "the answer collapses to one row"


class Manner(StrEnum):
    """The service on the port."""

    ARCHIVE = "an archive"
    SILENT = "takes the connection and never says a word"
    CLOSES = "closes at once"
    GARBAGE = "sends bytes that mean nothing"
    HUGE_PDU = "announces a PDU of 4 GiB"
    HTTP = "a web server"
    SSH = "an SSH server"
    NOTHING = "nothing"


class Web(StrEnum):
    """The front page of the archive's web server, besides any API."""

    EXPLORER = "Orthanc Explorer"
    VIEWER = "OHIF, and a configuration that names an archive behind the same port"
    CATCH_ALL = "one page for every path"
    FILES = "a list of files, none of them DICOM's"
    LOGIN = "nothing without a password"
    MOVED = "a redirect out of the world"

    @property
    def viewer(self) -> bool:
        return self in (Web.EXPLORER, Web.VIEWER)


@dataclass(frozen=True, slots=True)
class Archive:
    """One synthetic host: its contents, its behaviour, and its rungs by the definition of the ladder."""

    name: str
    studies: tuple[Study, ...] = ()
    manner: Manner = Manner.ARCHIVE
    called: str = ""  # the only called AE title that the archive accepts
    callers: frozenset[str] | None = None  # the only calling AE titles that the archive accepts
    busy: bool = False  # the archive rejects transiently
    aborts_queries: bool = False
    study_root: bool = True
    explicit: bool = True
    count_keys: CountKeys = CountKeys.FILLED
    rows: Rows = Rows.STUDIES
    nested: bool = False  # the archive adds a sequence of undefined length to each row
    data_after_cancel: bool = False  # the archive's final 0xFE00 still carries a data set
    cap: int | None = None  # limit of rows in an answer; the answer then ends with 0xFE00
    silent: bool = False  # at the limit the answer ends with success, as if there were no more rows
    implementation: tuple[str, str] = ("", "")
    max_pdu: int = 16384
    mirror: bool = False  # this is another way into an archive of this world
    decoy: bool = False  # this archive is bait
    rest: bool | None = None  # Orthanc's REST: True means open, False behind a login, None absent
    web: Web | None = None
    second_port: bool = False  # DIMSE is on the second of the world's ports
    rungs: tuple[tuple[Protocol, Rung], ...] = ()

    @property
    def imaging(self) -> bool:
        return any(rung.reaches(Rung.SPEAKS) for _, rung in self.rungs)

    @property
    def open(self) -> bool:
        return any(rung.open for _, rung in self.rungs)


@dataclass(frozen=True, slots=True)
class World:
    name: str
    archives: tuple[Archive, ...]

    def truth(self) -> dict[str, int]:
        """The true quantities of a survey, from the generated contents."""
        real = [a for a in self.archives if a.imaging and not a.decoy and not a.mirror]
        opened = [a for a in real if a.open]
        studies = [s for a in opened for s in a.studies]
        rungs = Counter(rung for a in self.archives for _, rung in a.rungs)
        return {
            "archives": len(real),
            "archives_open": len(opened),
            "decoys": sum(a.decoy for a in self.archives),
            "countries": 0,
            "patients": sum(len({s.patient_id for s in a.studies}) for a in opened),
            "patient_ids": len({s.patient_id for s in studies}),
            "studies": len(studies),
            "series": sum(len(s.images) for s in studies),
            "images": sum(sum(s.images) for s in studies),
            "images_retrievable": 0,
            "ssn_records": sum(s.record.ssn for s in studies),
            "http_viewers": sum(a.web is not None and a.web.viewer for a in real),
            **{f"rung:{rung}": n for rung, n in sorted(rungs.items(), key=lambda r: r[0].height)},
            **{f"kind:{kind}": sum(kind in s.record.kinds for s in studies) for kind in Kind},
        }
