"""Which attributes of DICOM belong to which kind of personal data, and why. PS3.3 C.7, C.4 and PS3.4 C.6.2."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from filmbadge.model import Kind


class Asked(Enum):
    """How an attribute is asked for. What an archive has in no index it reads from its files, which is dear to it."""

    WITH_ALL = "of every study, in one query"
    BY_STUDY = "of one study at a time"
    BY_SERIES = "of the series of one study at a time"


@dataclass(frozen=True, slots=True)
class Attribute:
    tag: int
    name: str
    vr: str
    kind: Kind
    asked: tuple[Asked, ...]
    why: str

    @property
    def keyword(self) -> str:
        """The attribute's name without spaces, PS3.6 6."""
        name = self.name.replace("'s", "").replace("'", "").replace("(s)", "s")
        return "".join(word[:1].upper() + word[1:] for word in name.split())


_ALL, _STUDY, _SERIES = (Asked.WITH_ALL,), (Asked.BY_STUDY,), (Asked.BY_SERIES,)
_BOTH = (Asked.BY_STUDY, Asked.BY_SERIES)

# A kind is either in the query for all studies, or it is asked by study, with all that belongs to it.
ATTRIBUTES = (
    Attribute(0x00100010, "Patient's Name", "PN", Kind.PATIENT_NAME, _ALL, "names the patient"),
    Attribute(0x00100020, "Patient ID", "LO", Kind.PATIENT_ID, _ALL, "stands for the patient in a hospital, or in a country"),
    Attribute(0x00100030, "Patient's Birth Date", "DA", Kind.BIRTH_DATE, _ALL, "with sex and place it singles out most people"),
    Attribute(0x00100040, "Patient's Sex", "CS", Kind.SEX, _ALL, "with birth date and place it singles out most people"),
    Attribute(0x00080020, "Study Date", "DA", Kind.EXAM_DATE, _ALL, "says when somebody was examined"),
    Attribute(0x00080090, "Referring Physician's Name", "PN", Kind.REFERRING_PHYSICIAN, _ALL, "names a physician, and says who treats the patient"),
    Attribute(0x00101001, "Other Patient Names", "PN", Kind.OTHER_NAMES, _STUDY, "names the patient"),
    Attribute(0x00101005, "Patient's Birth Name", "PN", Kind.OTHER_NAMES, _STUDY, "names the patient"),
    Attribute(0x00101060, "Patient's Mother's Birth Name", "PN", Kind.OTHER_NAMES, _STUDY, "names a relative; often a secret question"),
    Attribute(0x00101000, "Other Patient IDs", "LO", Kind.OTHER_IDS, _STUDY, "often a national or insurance number"),
    Attribute(0x00101002, "Other Patient IDs Sequence", "SQ", Kind.OTHER_IDS, _STUDY, "often a national or insurance number"),
    Attribute(0x00101090, "Medical Record Locator", "LO", Kind.OTHER_IDS, _STUDY, "leads to the patient's record"),
    Attribute(0x00101040, "Patient's Address", "LO", Kind.ADDRESS, _STUDY, "says where the patient lives"),
    Attribute(0x00102150, "Country of Residence", "LO", Kind.ADDRESS, _STUDY, "says where the patient lives"),
    Attribute(0x00102152, "Region of Residence", "LO", Kind.ADDRESS, _STUDY, "says where the patient lives"),
    Attribute(0x00102154, "Patient's Telephone Numbers", "SH", Kind.TELEPHONE, _STUDY, "reaches the patient"),
    Attribute(0x00102155, "Patient's Telecom Information", "LT", Kind.TELEPHONE, _STUDY, "reaches the patient"),
    Attribute(0x00081048, "Physician(s) of Record", "PN", Kind.ATTENDING_PHYSICIAN, _STUDY, "names the physician who attends"),
    Attribute(0x00321032, "Requesting Physician", "PN", Kind.ATTENDING_PHYSICIAN, _STUDY, "names the physician who asked for the examination"),
    Attribute(0x0008009C, "Consulting Physician's Name", "PN", Kind.ATTENDING_PHYSICIAN, _STUDY, "names a physician"),
    Attribute(0x00081060, "Name of Physician(s) Reading Study", "PN", Kind.READING_PHYSICIAN, _STUDY, "names the physician who reports"),
    Attribute(0x00081050, "Performing Physician's Name", "PN", Kind.PERFORMING_PHYSICIAN, _BOTH, "names the physician who examines"),
    Attribute(0x00081070, "Operators' Name", "PN", Kind.OPERATOR, _BOTH, "names an employee"),
    Attribute(0x00080080, "Institution Name", "LO", Kind.INSTITUTION, _BOTH, "says where somebody was examined"),
    Attribute(0x00080081, "Institution Address", "ST", Kind.INSTITUTION, _BOTH, "says where somebody was examined"),
    Attribute(0x00081040, "Institutional Department Name", "LO", Kind.INSTITUTION, _BOTH, "oncology or psychiatry is a diagnosis in itself"),
    Attribute(0x00081030, "Study Description", "LO", Kind.PURPOSE, _STUDY, "says what was examined"),
    Attribute(0x00321030, "Reason for Study", "LO", Kind.PURPOSE, _STUDY, "a complaint or a diagnosis"),
    Attribute(0x00321060, "Requested Procedure Description", "LO", Kind.PURPOSE, _STUDY, "says what was to be examined"),
    Attribute(0x00401002, "Reason for the Requested Procedure", "LO", Kind.PURPOSE, _STUDY, "a complaint or a diagnosis"),
    Attribute(0x00081080, "Admitting Diagnoses Description", "LO", Kind.PURPOSE, _STUDY, "a diagnosis"),
    Attribute(0x00400275, "Request Attributes Sequence", "SQ", Kind.PURPOSE, _SERIES, "holds the reason and the procedure requested"),
    Attribute(0x00104000, "Patient Comments", "LT", Kind.PATIENT_COMMENTS, _STUDY, "free text about the patient"),
    Attribute(0x001021B0, "Additional Patient History", "LT", Kind.PATIENT_COMMENTS, _STUDY, "free text about the patient's health"),
    Attribute(0x00102000, "Medical Alerts", "LO", Kind.PATIENT_COMMENTS, _STUDY, "says what endangers the patient"),
    Attribute(0x00102110, "Allergies", "LO", Kind.PATIENT_COMMENTS, _STUDY, "says what endangers the patient"),
    Attribute(0x00102160, "Ethnic Group", "SH", Kind.ETHNIC_GROUP, _STUDY, "of a special category in law"),
    Attribute(0x001021F0, "Patient's Religious Preference", "LO", Kind.RELIGION, _STUDY, "of a special category in law"),
    Attribute(0x00102180, "Occupation", "SH", Kind.OCCUPATION, _STUDY, "with age and place it can single a person out"),
    Attribute(0x00101050, "Insurance Plan Identification", "LO", Kind.INSURANCE, _STUDY, "says who pays, and often a number of the insured"),
    Attribute(0x00100050, "Patient's Insurance Plan Code Sequence", "SQ", Kind.INSURANCE, _STUDY, "says who pays"),
    Attribute(0x00101080, "Military Rank", "LO", Kind.MILITARY, _STUDY, "marks a soldier"),
    Attribute(0x00101081, "Branch of Service", "LO", Kind.MILITARY, _STUDY, "marks a soldier"),
)  # fmt: skip

PATIENT_ID = 0x00100020
ISSUER = 0x00100021  # of the patient id: asked by study, looked at for the word that names a scheme
CHARACTER_SET = 0x00080005

# Inside a sequence an attribute counts for the kind of its sequence.
INSIDE = {
    0x00101002: (PATIENT_ID,),
    0x00400275: (0x00321060, 0x00401002),
    0x00100050: (0x00080100, 0x00080104),
}
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
        f"| `{a.kind}` | {a.name} | {tag_words(a.tag)} | {a.vr} | {' and '.join(how.value for how in a.asked)} | {a.why} |"
        for kind in Kind
        for a in ATTRIBUTES
        if a.kind is kind
    )
    return f"\n| kind | attribute | tag | VR | asked | why it is personal |\n|---|---|---|---|---|---|\n{rows}\n"
