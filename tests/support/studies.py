"""A study's attributes as pydicom writes them, for tests of what is read out of them."""

from __future__ import annotations

from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.sequence import Sequence

from filmbadge.catalogue.kinds import ATTRIBUTES, ISSUER

WANTED = (*(attribute.tag for attribute in ATTRIBUTES), ISSUER)
UID = "2.25.12345"


def written(made: Dataset, explicit: bool) -> bytes:
    out = DicomBytesIO()
    out.is_little_endian, out.is_implicit_VR = True, not explicit
    write_dataset(out, made)
    return bytes(out.getvalue())


def record() -> Dataset:
    made = Dataset()
    made.SpecificCharacterSet = "ISO_IR 192"
    made.StudyInstanceUID = UID
    made.PatientName = "Müller^Ida"
    made.PatientID = "A-1"
    made.IssuerOfPatientID = "WARD"
    other = Dataset()
    other.PatientID, other.IssuerOfPatientID = "536-90-4399", "SSA"
    other.PatientName = "not asked for here"
    made.OtherPatientIDsSequence = Sequence([other])
    asked = Dataset()
    asked.ReasonForTheRequestedProcedure = "cough"
    made.RequestAttributesSequence = Sequence([asked])
    made.ReferencedStudySequence = Sequence([other])  # of no kind, and stepped over
    made.PatientComments = ""
    return made
