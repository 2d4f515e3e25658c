"""The standard's words for its codes, and the UIDs that we ask for."""

from __future__ import annotations

from enum import Enum

IMPLEMENTATION_UID = "2.25.109834610025293613980468098716390977007"  # our own, PS3.7 D.3.3.2

VERIFICATION = "1.2.840.10008.1.1"
STUDY_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
PATIENT_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.1.1"
STUDY_ROOT_GET = "1.2.840.10008.5.1.4.1.2.2.3"

IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"
JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
JPEG_LOSSLESS = "1.2.840.10008.1.2.4.70"
JPEG_2000_LOSSLESS = "1.2.840.10008.1.2.4.90"
# What images are kept in most often: uncompressed, deflated, RLE, JPEG, JPEG-LS, JPEG 2000, MPEG-4, PS3.5 Annex A
IMAGE_SYNTAXES = (
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    *(f"1.2.840.10008.1.2.{tail}" for tail in ("1.99", "2", "5")),
    *(f"1.2.840.10008.1.2.4.{tail}" for tail in (50, 51, 57, 70, 80, 81, 90, 91, 102)),
)
# The storage classes that archives hold most often, PS3.4 B.5: for one whose records do not name theirs
COMMON_STORAGE = tuple(
    f"1.2.840.10008.5.1.4.1.1.{tail}"
    for tail in (
        "1", "1.1", "1.1.1", "1.2", "2", "2.1", "3.1", "4", "4.1", "6.1", "7", "7.4", "12.1", "12.2", "20", "128",
        "77.1.4", "88.11", "88.22", "481.1", "481.2", "481.3", "481.5",
    )
)  # fmt: skip

OUT_OF_RESOURCES = 0xA700  # PS3.4 Table C.4-1
CANCELLED = 0xFE00  # PS3.4 Table C.4-1

# PS3.3 C.7.3.1.1.1, with those that are retired and still in archives
Modality = Enum(
    "Modality",
    "AR ASMT AU BDUS BI BMD CD CF CFM CP CR CS CT CTPROTOCOL DD DF DG DM DMS DOC DS DX EC ECG EEG EMG EOG EPS ES FA FID "
    "FS GM HC HD IO IOL IVOCT IVUS KER KO LEN LP LS M3D MA MG MR MS NM OAM OCS OCT OP OPM OPR OPT OPTBSV OPTENF OPV OSS "
    "OT PA PLAN POS PR PT PX REG RESP RF RG RTDOSE RTIMAGE RTINTENT RTPLAN RTRAD RTRECORD RTSEGANN RTSTRUCT RWV SEG SM "
    "SMR SR SRF ST STAIN TEXTUREMAP TG US VA VF XA XAPROTOCOL XC",
)

APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"

# PS3.8 Table 9-21
REJECT_RESULT = {1: "permanently", 2: "transiently"}
REJECT_SOURCE = {
    1: "service user",
    2: "service provider (ACSE)",
    3: "service provider (presentation)",
}
REJECT_REASON = {
    (1, 1): "no reason given",
    (1, 2): "application context name not supported",
    (1, 3): "calling AE title not recognized",
    (1, 7): "called AE title not recognized",
    (2, 1): "no reason given",
    (2, 2): "protocol version not supported",
    (3, 1): "temporary congestion",
    (3, 2): "local limit exceeded",
}
CALLED_TITLE_NOT_RECOGNIZED = (1, 7)

# PS3.8 Table 9-26
ABORT_SOURCE = {0: "service user", 2: "service provider"}
ABORT_REASON = {
    0: "reason not specified",
    1: "unrecognized PDU",
    2: "unexpected PDU",
    4: "unrecognized PDU parameter",
    5: "unexpected PDU parameter",
    6: "invalid PDU parameter value",
}

# PS3.4 C.4.1.1.4 (C-FIND) and PS3.7 C (general)
STATUS_WORDS = {
    0x0000: "success",
    0x0110: "processing failure",
    0x0122: "SOP class not supported",
    0x0124: "not authorized",
    0x0210: "duplicate invocation",
    0x0211: "unrecognized operation",
    0x0212: "mistyped argument",
    0xA700: "refused: out of resources",
    0xA900: "identifier does not match SOP class",
    0xFE00: "cancelled",
    0xFF00: "pending",
    0xFF01: "pending, optional keys not supported",
}

_WARNING = 0xB000  # class of a status, PS3.7 C


def is_success(status: int | None) -> bool:
    """Whether a final status says that all was given. A warning says so too, with a doubt."""
    return status is not None and (status == 0x0000 or status & 0xF000 == _WARNING)
