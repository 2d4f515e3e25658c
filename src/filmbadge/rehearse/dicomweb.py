"""DICOMweb of a synthetic archive: QIDO-RS, WADO-RS and WADO-URI, PS3.18."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

import msgspec

from filmbadge.ask.decoder import elements
from filmbadge.catalogue.kinds import ATTRIBUTES, CHARACTER_SET, ISSUER, VR
from filmbadge.rehearse import image
from filmbadge.rehearse.answers import COUNTS
from filmbadge.rehearse.matching import matching
from filmbadge.rehearse.people import Names
from filmbadge.rehearse.world import ALWAYS, Archive, CountKeys

JSON, DICOM_JSON, FILE = "application/json", "application/dicom+json", "application/dicom"
BLOCK = 100  # records that are made at once
_MODALITY, _RETRIEVE, _IMAGES_IN_SERIES = 0x00080060, 0x00081190, 0x00201209
_VRS = {
    elements.STUDY_DATE: "DA", elements.STUDY_TIME: "TM", elements.INSTANCE_AVAILABILITY: "CS",
    elements.MODALITIES_IN_STUDY: "CS", _MODALITY: "CS", _RETRIEVE: "UR", elements.STUDY_UID: "UI",
    elements.SERIES_UID: "UI", elements.INSTANCE_UID: "UI", elements.SOP_CLASS: "UI", elements.SERIES_IN_STUDY: "IS",
    elements.IMAGES_IN_STUDY: "IS", _IMAGES_IN_SERIES: "IS",
}  # fmt: skip
_KEYWORDS = {attribute.keyword: attribute.tag for attribute in ATTRIBUTES} | {
    "StudyDate": elements.STUDY_DATE, "StudyTime": elements.STUDY_TIME, "ModalitiesInStudy": elements.MODALITIES_IN_STUDY,
    "StudyInstanceUID": elements.STUDY_UID, "SeriesInstanceUID": elements.SERIES_UID, "IssuerOfPatientID": ISSUER,
    "SOPInstanceUID": elements.INSTANCE_UID, "InstanceAvailability": elements.INSTANCE_AVAILABILITY,
}  # fmt: skip
# Attributes that each study's record has, PS3.18 Table 10.6.3-3; the others come where they are asked for.
_ALWAYS = frozenset((
    elements.STUDY_DATE, elements.STUDY_TIME, elements.INSTANCE_AVAILABILITY, elements.MODALITIES_IN_STUDY, 0x00080090,
    0x00100010, 0x00100020, 0x00100030, 0x00100040, elements.STUDY_UID, elements.SERIES_IN_STUDY, elements.IMAGES_IN_STUDY,
))  # fmt: skip
_BELOW = (elements.SERIES_UID, elements.INSTANCE_UID)
_OTHER_SETS = (Names.JAPANESE, Names.UNDECLARED)  # names in these are no UTF-8, and are made one by one
_BOUNDARY = "filmbadge-rehearsal"


@dataclass(frozen=True)
class Request:
    """A GET request: its path and options without escapes, and the site by which the client reached us."""

    path: str
    options: Mapping[str, str]
    site: str  # such as http://127.0.0.1:8042


@dataclass(frozen=True)
class Reply:
    """A response: status line without the version, further header lines, media type, and body, whole or in blocks."""

    status: str
    headers: tuple[str, ...] = ()
    kind: str = ""
    body: bytes | Iterator[bytes] = field(default=b"")


NOT_FOUND, FORBIDDEN = Reply("404 Not Found"), Reply("403 Forbidden")


def reply(archive: Archive, request: Request) -> Reply | None:
    """What the archive's DICOMweb says at this path. None: it has no service there."""
    if request.path.endswith("/wado") and request.options.get("requestType") == "WADO":
        uids = (request.options.get(name, "") for name in ("studyUID", "seriesUID", "objectUID"))
        return _file(archive, *uids) if archive.delivers_web else FORBIDDEN
    root = archive.dicomweb
    if root is None or not request.path.startswith(f"{root}/"):
        return None
    match request.path.removeprefix(f"{root}/").rstrip("/").split("/"):
        case ["studies"]:
            return _search(archive, request, "studies", {})
        case ["studies", study, ("series" | "instances") as level]:
            return _search(archive, request, level, {"StudyInstanceUID": study})
        case [("series" | "instances") as level]:
            return _search(archive, request, level, {})
        case ["studies", study, "series", series, "instances"]:
            return _search(archive, request, "instances", {"StudyInstanceUID": study, "SeriesInstanceUID": series})
        case ["studies", study, "series", series, "instances", instance]:
            return _part(_file(archive, study, series, instance)) if archive.delivers_web else FORBIDDEN
    return NOT_FOUND


def _search(archive: Archive, request: Request, level: str, above: Mapping[str, str]) -> Reply:
    """One page of the results of a search, PS3.18 8.3.4. One cap ends the list, the other one ends a page and says so."""
    keys, included = _keys({**request.options, **above}), _included(request.options.get("includefield", ""))
    offset, limit, cap = _number(request, "offset", 0), _number(request, "limit", ALWAYS), archive.web_cap
    url = f"{request.site}{archive.dicomweb}/studies/"
    rows = _matches(archive, keys) if level == "studies" else list(_rows(archive, level, keys))
    if cap is not None and archive.warns:
        limit = min(limit, cap)
    elif cap is not None:
        rows = rows[:cap]
    page = rows[offset : offset + limit]
    if not len(page) and archive.warns:
        return Reply("204 No Content")
    left = len(rows) - offset - len(page) if archive.warns else 0
    warning = f'Warning: 299 localhost "There are {left} additional results that can be requested"'
    if isinstance(page, range) and archive.contents.habits.names not in _OTHER_SETS:
        records = _in_blocks(archive, url, page, included)
    else:
        records = _one_by_one(_record(archive, url, level, row, included) for row in page)
    return Reply("200 OK", (warning,) if left else (), DICOM_JSON, _array(records))


def _matches(archive: Archive, keys: Mapping[int, bytes]) -> Sequence[int]:
    return matching(archive, {tag: key for tag, key in keys.items() if tag not in _BELOW}).newest()


def _keys(options: Mapping[str, str]) -> dict[int, bytes]:
    """The matching keys by tag; a list of UIDs is separated as in DIMSE."""
    return {
        tag: value.replace(",", "\\").encode() for name, value in options.items() if (tag := _tag(name)) is not None
    }


def _tag(name: str) -> int | None:
    if name in _KEYWORDS:
        return _KEYWORDS[name]
    return int(name, 16) if len(name) == 8 and not name.strip("0123456789abcdefABCDEF") else None


def _included(names: str) -> frozenset[int]:
    """The attributes that are asked for besides those that always come."""
    wanted = frozenset(_KEYWORDS.values()) if names == "all" else frozenset(map(_tag, names.split(",")))
    return frozenset(tag for tag in wanted if tag is not None)


def _number(request: Request, name: str, default: int) -> int:
    text = request.options.get(name, "")
    return int(text) if text.isdecimal() else default


_Row = tuple[int, int, int]  # numbers of a study, of its series, of an image of that


def _rows(archive: Archive, level: str, keys: Mapping[int, bytes]) -> Iterator[_Row]:
    """The series, or the instances, that match."""
    contents = archive.contents
    of_series, of_instance = (keys.get(tag, b"") for tag in _BELOW)
    for number in _matches(archive, keys):
        for index, images in enumerate(contents.images(number)):
            if of_series not in (b"", contents.series_uid(number, index)):
                continue
            if level == "series":
                yield number, index, 0
                continue
            for n in range(images):
                if of_instance in (b"", contents.instance_uid(number, index, n)):
                    yield number, index, n


def _withheld(archive: Archive) -> frozenset[int]:
    """Attributes that the archive does not give."""
    counts = frozenset({*COUNTS, _IMAGES_IN_SERIES}) if archive.count_keys is not CountKeys.FILLED else frozenset()
    return counts | (frozenset() if archive.availability else frozenset({elements.INSTANCE_AVAILABILITY}))


def _record(archive: Archive, url: str, level: str, row: _Row | int, included: frozenset[int]) -> dict[str, object]:
    """One result in the DICOM JSON model, PS3.18 F.2."""
    contents, (number, index, n) = archive.contents, (row, 0, 0) if isinstance(row, int) else row
    record = contents.record(number)
    charset = record.get(CHARACTER_SET, b"")
    held: dict[int, bytes] = {elements.STUDY_UID: contents.uid(number)}
    url += contents.uid(number).decode()
    if level == "studies":
        held |= {tag: value for tag, value in record.items() if tag in _ALWAYS | included}
    else:
        held |= {tag: value for tag, value in contents.series_record(number, index).items() if tag in included}
        held |= {_MODALITY: contents.modality(number), elements.SERIES_UID: contents.series_uid(number, index)}
        held[_IMAGES_IN_SERIES] = b"%d" % contents.images(number)[index]
        url += f"/series/{held[elements.SERIES_UID].decode()}"
    if level == "instances":
        held |= {elements.SOP_CLASS: contents.sop_class(number)}
        held[elements.INSTANCE_UID] = contents.instance_uid(number, index, n)
        url += f"/instances/{held[elements.INSTANCE_UID].decode()}"
    held[_RETRIEVE] = url.encode()
    wanted = held.keys() - _withheld(archive) - {CHARACTER_SET}
    return {f"{tag:08X}": _element(tag, held[tag], charset) for tag in sorted(wanted)}


def _one_by_one(records: Iterator[dict[str, object]]) -> Iterator[bytes]:
    while block := list(islice(records, BLOCK)):
        yield msgspec.json.encode(block)[1:-1]


def _in_blocks(archive: Archive, url: str, page: range, included: frozenset[int]) -> Iterator[bytes]:
    """The same for consecutive studies, the newest first, without a loop over their values.

    Values keep the spaces at their end. Empty ones, which are spaces only, are taken out.
    """
    tags = (archive.contents.tags & (_ALWAYS | included)) - _withheld(archive) - {CHARACTER_SET}
    parts: list[bytes | int] = [b"{"]
    for tag in sorted({*tags, _RETRIEVE}):
        before, after = _around(tag)
        value = [url.encode(), elements.STUDY_UID] if tag == _RETRIEVE else [tag]
        parts += [before, *value, after, b","]
    template = archive.contents.written([*parts[:-1], b"}"])
    for at in range(0, len(page), BLOCK):
        part = page[at : at + BLOCK]
        block, stride = template.block(part[::-1]), template.stride
        records = b",".join(block[n : n + stride] for n in range(len(block) - stride, -1, -stride))
        for tag in tags:
            place, width = template.places[tag]
            before, after = _around(tag)
            if b" " in block[place::stride]:
                empty = before.partition(b',"Value"')[0]
                records = records.replace(before + b" " * width + after, empty + b"}")
        yield records.replace(b'"ONLINE  "', b'"ONLINE"')


def _around(tag: int) -> tuple[bytes, bytes]:
    """What stands around the value of an element, PS3.18 F.2.2."""
    vr = _VRS.get(tag) or VR.get(tag, "LO")
    quotes = {"IS": ("", ""), "PN": ('{"Alphabetic":"', '"}')}.get(vr, ('"', '"'))
    return f'"{tag:08X}":{{"vr":"{vr}","Value":[{quotes[0]}'.encode(), f"{quotes[1]}]}}".encode()


def _element(tag: int, value: bytes, charset: bytes) -> dict[str, object]:
    vr = _VRS.get(tag) or VR.get(tag, "LO")
    said = decoded(value, charset)
    if not said:
        return {"vr": vr}
    if vr == "IS":
        return {"vr": vr, "Value": [int(said)]}
    if vr == "PN":
        groups = zip(("Alphabetic", "Ideographic", "Phonetic"), said.split("="), strict=False)
        return {"vr": vr, "Value": [{group: name for group, name in groups if name}]}
    return {"vr": vr, "Value": said.split("\\")}


def decoded(value: bytes, charset: bytes) -> str:
    """A value as text, by its Specific Character Set (PS3.3 C.12.1.1.2). What is not declared is Latin-1."""
    names = {b"ISO_IR 192": "utf-8", b"\\ISO 2022 IR 87": "iso2022_jp"}
    return value.decode(names.get(charset.strip(), "latin-1"), "replace").strip(" \0")


def _array(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """A JSON array, in blocks."""
    before = b"["
    for block in blocks:
        yield before + block
        before = b","
    yield b"[]" if before == b"[" else b"]"


def _file(archive: Archive, *uids: str) -> Reply:
    """One instance as a file, PS3.18 10.4 and 9.4."""
    study, series, instance = (uid.encode() for uid in uids)
    number = archive.contents.number_of(study)
    if (
        number is None
        or not archive.contents.online_of(number)
        or not instance.startswith(series)
        or not series.startswith(study)
    ):
        return NOT_FOUND
    return Reply("200 OK", kind=FILE, body=image.file(archive.contents.sop_class(number), (study, series, instance)))


def _part(reply: Reply) -> Reply:
    """The same as the only part of a multipart body, RFC 2387."""
    if reply.kind != FILE or not isinstance(reply.body, bytes):
        return reply
    before, after = f"--{_BOUNDARY}\r\nContent-Type: {FILE}\r\n\r\n", f"\r\n--{_BOUNDARY}--\r\n"
    kind = f'multipart/related; type="{FILE}"; boundary={_BOUNDARY}'
    return Reply("200 OK", kind=kind, body=before.encode() + reply.body + after.encode())
