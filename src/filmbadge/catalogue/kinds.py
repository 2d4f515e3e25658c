"""`kinds.toml`: which attributes of DICOM belong to which kind of personal data, and why."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from filmbadge.catalogue.load import table
from filmbadge.model import Kind


class Asked(StrEnum):
    """How an attribute is asked for. What an archive has in no index it reads from its files, which is dear to it."""

    WITH_ALL = "all"
    BY_STUDY = "study"
    BY_SERIES = "series"


_WORDS = {
    Asked.WITH_ALL: "of every study, in one query",
    Asked.BY_STUDY: "of one study at a time",
    Asked.BY_SERIES: "of the series of one study at a time",
}


class Attribute(Struct, frozen=True, forbid_unknown_fields=True):
    """One row. The file says what each column means."""

    tag: int
    name: str
    vr: str
    kind: Kind
    asked: tuple[Asked, ...]
    why: str
    example: str
    inside: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if (self.vr == "SQ") is not bool(self.inside):
            raise ValueError("a sequence, and nothing else, has attributes inside")

    @property
    def keyword(self) -> str:
        """The attribute's name without spaces, PS3.6 6."""
        name = self.name.replace("'s", "").replace("'", "").replace("(s)", "s")
        return "".join(word[:1].upper() + word[1:] for word in name.split())


class Attributes(Struct, frozen=True, forbid_unknown_fields=True):
    attribute: tuple[Attribute, ...]


ATTRIBUTES = table("kinds.toml", Attributes).attribute

PATIENT_ID = 0x00100020
ISSUER = 0x00100021  # of the patient id: asked by study, looked at for the word that names a scheme
CHARACTER_SET = 0x00080005
STUDY_DATE = 0x00080020

# Inside a sequence an attribute counts for the kind of its sequence.
INSIDE = {attribute.tag: attribute.inside for attribute in ATTRIBUTES if attribute.inside}
VR = {attribute.tag: attribute.vr for attribute in ATTRIBUTES} | {
    ISSUER: "LO", CHARACTER_SET: "CS", 0x00080100: "SH", 0x00080104: "LO",
}  # fmt: skip
KIND = {attribute.tag: attribute.kind for attribute in ATTRIBUTES}


def asked(how: Asked) -> tuple[int, ...]:
    """The tags that are asked for in this way."""
    return tuple(sorted(attribute.tag for attribute in ATTRIBUTES if how in attribute.asked))


def tag_words(tag: int) -> str:
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def markdown() -> str:
    """The table as documentation."""
    rows = "\n".join(
        f"| `{a.kind}` | {a.name} | {tag_words(a.tag)} | {a.vr} | {' and '.join(_WORDS[how] for how in a.asked)} | {a.why} |"
        for kind in Kind
        for a in ATTRIBUTES
        if a.kind is kind
    )
    return f"\n| kind | attribute | tag | VR | asked | why it is personal |\n|---|---|---|---|---|---|\n{rows}\n"
