"""The form in which one DICOMweb root takes a question of QIDO-RS, PS3.18 8.3.4 and 10.6.

The standard knows several forms of one question. Some archives answer only one of them, and refuse the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from filmbadge.model import DicomWebFacts

JSON = "application/dicom+json, application/json;q=0.9"
# The values of Accept that we send. The first is for archives of which nothing is known.
ACCEPTS: Mapping[str, str] = MappingProxyType(
    {"": JSON} | {single: single for single in ("application/dicom+json", "application/json", "*/*")}
)
TAGS: Mapping[str, str] = MappingProxyType(
    {
        "StudyDate": "00080020",
        "StudyTime": "00080030",
        "AccessionNumber": "00080050",
        "ModalitiesInStudy": "00080061",
        "PatientName": "00100010",
        "PatientID": "00100020",
        "PatientBirthDate": "00100030",
        "PatientSex": "00100040",
        "StudyInstanceUID": "0020000D",
        "SeriesInstanceUID": "0020000E",
        "StudyID": "00200010",
    }
)
LIMIT = 500  # records in a page
_NO_KEYS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Form:
    """One form of a question. Without arguments it is the form of an archive that keeps to the standard."""

    by_tag: bool = False  # matching keys are numbers of tags; else they are keywords
    limit: int | None = None  # the largest limit that is taken; 0: no limit and no offset is taken; None: not known
    accept: str = ""  # a key of ACCEPTS
    needs_filter: bool = False  # a question without a matching key is refused, or brings nothing
    nothing: int | None = None  # HTTP status that says that nothing matches; None: an empty list, or 204
    wildcard: str = ""  # a matching key that each question about studies must have; it is sent as a wildcard
    slash: bool = False  # resources end with a slash

    @classmethod
    def of(cls, facts: DicomWebFacts) -> Form:
        return cls(
            facts.by_tag,
            facts.limit,
            facts.accept,
            facts.needs_filter,
            facts.nothing,
            facts.wildcard,
            facts.slash,
        )

    @property
    def accepts(self) -> str:
        """The value of Accept."""
        return ACCEPTS.get(self.accept, JSON)

    def rows(self, most: int) -> int:
        """How many rows a page may have, if we want no more than `most`."""
        return min(most, self.limit or most)

    def path(self, resource: str, keys: Mapping[str, str] = _NO_KEYS, size: int = 0, offset: int | None = None) -> str:
        """The path and query of one question: `resource` is such as `/dicom-web/studies`, `keys` are by keyword.

        With `size` 0 no limit is sent, and without an offset none.
        """
        if self.wildcard and resource.endswith("/studies"):
            keys = {self.wildcard: "*"} | dict(keys)
        resource += "/" if self.slash else ""
        asked = [f"{TAGS.get(key, key) if self.by_tag else key}={value}" for key, value in keys.items()]
        if self.limit != 0:
            asked += [f"limit={self.rows(size)}"] if size else []
            asked += [f"offset={offset}"] if offset is not None else []
        return f"{resource}?{'&'.join(asked)}" if asked else resource
