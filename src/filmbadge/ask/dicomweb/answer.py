"""What one question of QIDO-RS got, told apart from what any server says of any path. Nobody looks at a value."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum, auto

from filmbadge.ask.dicomweb.census import nothing
from filmbadge.ask.dicomweb.records import record
from filmbadge.ask.wire.http import Response
from filmbadge.ask.wire.json_array import JsonArray
from filmbadge.catalogue.dicom import IMPLEMENTATION_UID

NOBODY = f"{IMPLEMENTATION_UID}.1"  # A Study Instance UID under our own root, which no archive has.
DICOM_JSON = "application/dicom+json"
MEDIA_TYPES = (
    DICOM_JSON, "application/json", "application/dicom", "application/octet-stream", "image/jpeg",
    "multipart/related",
)  # fmt: skip
_TAGGED = re.compile(rb'\{\s*"[0-9A-Fa-f]{8}"\s*:\s*\{')
# Digits and dots, PS3.5 9.1. Placeholders such as `0` and `0.0` are no UIDs.
_UID = re.compile(rb"(?=.*[1-9])[0-9]+(?:\.[0-9]+)+")
_TAG = re.compile(rb"<[!/a-z][a-z0-9]*")
PAGE = 4096
_CHANGING = re.compile(rb"[0-9A-Fa-f-]{6,}|[0-9]+")  # numbers of a request, and times
SUCCESS = (200, 203, 206)
_LOGIN = (401, 403, 407)
NOT_THERE = (404, 405, 410)


class Kind(Enum):
    """What an answer says of its path."""

    RECORDS = auto()  # at least one study
    DICOMWEB = auto()  # no study, in a form that only DICOMweb has
    NOTHING = auto()  # success with nothing in it: an API of anything may say so
    GUARDED = auto()  # a login is demanded, or access is forbidden
    NO = auto()  # nothing is there: it is what a path that cannot exist gets too
    PAGE = auto()  # a page for people
    REFUSED = auto()  # something is there, and does not take this form of the question
    UNREADABLE = auto()  # it broke off, or we could not read it


@dataclass(slots=True)
class Count:
    """How many rows came. A row is a study only if it has a usable Study Instance UID that is not our own."""

    records: int = 0
    echoes: int = 0  # rows with the UID of our question
    unusable: int = 0  # rows of the DICOM JSON model (PS3.18 F.2.2) without a usable UID, and empty rows
    retrieve_url: bool = False

    def take(self, row: bytes) -> None:
        found = record(row)
        if found is None:
            return
        uid = found.study.uid
        if found.study.vr == "UI" and uid == NOBODY.encode():
            self.echoes += 1
        elif found.study.vr == "UI" and len(uid) <= 64 and _UID.fullmatch(uid):
            self.records += 1
            self.retrieve_url = self.retrieve_url or bool(found.retrieve.uid)
        elif _TAGGED.match(row) or not row.strip(b"{} \t\r\n"):
            self.unusable += 1


@dataclass(repr=False)
class Answer:
    """The answer to one question, while it comes and afterwards."""

    count: Count = field(default_factory=Count)
    rows: JsonArray = field(init=False)
    reply: Response = field(init=False)
    page: bytes = b""  # the beginning of a page, which is told from another page by its tags

    def __post_init__(self) -> None:
        self.rows = JsonArray(self.count.take, piecemeal=True)

    def feed(self, data: bytes) -> None:
        if self.page or (not self.rows.count and data.lstrip()[:1] == b"<"):
            self.page = (self.page + data)[:PAGE]
        self.rows.feed(data)

    @property
    def empty(self) -> bool:
        """Success, and no body at all."""
        return self.reply.status == 200 and self.reply.stop is None and not self.reply.size

    @property
    def nothing(self) -> bool:
        return self.empty or nothing(self.reply, self.rows)

    @property
    def xml(self) -> bool:
        return xml(self.reply)

    def kind(self, control: Answer) -> Kind:
        """What this says, if `control` is the answer to the same question at a path that cannot exist."""
        reply = self.reply
        if self.count.records:
            return Kind.UNREADABLE if control.count.records else Kind.RECORDS
        if reply.status is None or reply.stop is not None:
            return Kind.UNREADABLE
        if self.nothing or reply.status in SUCCESS:
            return self._success(control)
        if reply.status in _LOGIN:
            return Kind.GUARDED
        if alike(reply, control.reply):
            return Kind.NO if reply.status in NOT_THERE or 300 <= reply.status < 400 else Kind.UNREADABLE
        if 300 <= reply.status < 400:  # one that leads to itself wants something that we do not have
            itself = reply.goes is not None and _path(reply.goes) == _path(reply.request.path)
            return Kind.UNREADABLE if itself else Kind.NO
        return Kind.REFUSED

    def _success(self, control: Answer) -> Kind:
        here, said = self.count.echoes or self.count.unusable, self.reply.media_type == DICOM_JSON
        for_all = control.reply.media_type == DICOM_JSON  # the server says this for every path
        if self.xml or (here and not for_all) or (self.nothing and said and not for_all):
            return Kind.DICOMWEB
        if self.nothing:
            return Kind.NOTHING
        if not self.page:
            return Kind.NO if control.reply.status in SUCCESS and alike(self.reply, control.reply) else Kind.REFUSED
        return Kind.NO if _one_page(self.page, control.page) else Kind.PAGE


def alike(reply: Response, control: Response) -> bool:
    """Whether two answers are one page that the server has for both paths."""
    same = (reply.status, reply.media_type, reply.elsewhere) == (control.status, control.media_type, control.elsewhere)
    if not same or (reply.goes is None) is not (control.goes is None):
        return False
    if reply.goes is not None and control.goes is not None and _path(reply.goes) != _path(control.goes):
        return _without(reply.goes.encode(), reply) == _without(control.goes.encode(), control)
    return _without(reply.body, reply) == _without(control.body, control)


def _one_page(one: bytes, other: bytes) -> bool:
    """Whether two pages have the same tags: their texts differ by a time, or a number that is used once."""
    mine, theirs = _TAG.findall(one.lower()), _TAG.findall(other.lower())
    if len(one) == len(other) == PAGE:  # both are cut
        least = min(len(mine), len(theirs)) - 1
        return mine[:least] == theirs[:least]
    return mine == theirs


def _path(target: str) -> str:
    return target.partition("?")[0]


def _without(body: bytes, reply: Response) -> bytes:
    """A body without what the server took from the request, and without numbers."""
    whole = reply.request.path
    for said in (whole, whole.replace("&", "&amp;"), _path(whole)):
        body = body.replace(said.encode(), b"")
    return _CHANGING.sub(b"#", body[:PAGE])


def xml(reply: Response) -> bool:
    return reply.status in (200, 206) and "application/dicom+xml" in reply.headers.get("content-type", "").lower()


def media_type(reply: Response) -> str:
    if xml(reply):
        return "application/dicom+xml"
    return reply.media_type if reply.media_type in MEDIA_TYPES else "other" if reply.media_type else ""


def forget(row: bytes) -> None:
    """Nobody looks inside the row."""
