"""Marker values that exist nowhere else, archives full of them, and the search of every byte for them.

A marker is searched for in all the ways in which a program writes text down without meaning to: the character sets
of the archive, UTF-16, hex, base64 at its three alignments, percent, JSON and HTML escapes, and plain hashes.
"""

from __future__ import annotations

import hashlib
import html
import json
import random
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from filmbadge.catalogue.kinds import ATTRIBUTES

SHORTEST = 8  # bytes: what is searched for is found by its first so many
FEW = 4096  # bytes, below which looking up one after the other is faster
CODECS = (
    "utf-8", "utf-16-le", "utf-16-be", "latin-1", "gb18030", "iso2022_jp", "euc_kr", "shift_jis",
    "iso8859-5", "iso8859-7", "cp1252", "utf-7",
)  # fmt: skip
# Specific Character Set, what Python calls it, and signs of it.
SCRIPTS = (
    ("", "ascii", "BCDFGHJKLMNPQRSTVWXZ"),
    ("ISO_IR 100", "latin-1", "ÀÉÎÕÜàéîõüñßø"),
    ("ISO_IR 144", "iso8859-5", "БГДЖЗИЛПФЦЧШЩЭЮЯ"),
    ("ISO_IR 126", "iso8859-7", "ΓΔΘΛΞΠΣΦΨΩαβγδ"),
    ("ISO_IR 192", "utf-8", "ЖΩßשع山田한글"),
    ("GB18030", "gb18030", "王小东张伟李娜陈杰"),
    ("\\ISO 2022 IR 87", "iso2022_jp", "山田太郎鈴木花子佐藤"),
    ("\\ISO 2022 IR 149", "euc_kr", "김희중이영수박지민"),
)


@dataclass
class Markers:
    """Values that were planted, and how many of their forms are searched for."""

    seed: int = 7
    planted: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)

    def word(self, signs: str, length: int = 10) -> str:
        made = "".join(self.chance.choice(signs) for _ in range(length))
        self.planted.append(made)
        return made

    def digits(self, form: str) -> str:
        made = "".join(self.chance.choice("123456789") if sign == "9" else sign for sign in form)
        self.planted.append(made)
        return made

    def uid(self) -> str:
        made = f"2.25.{self.chance.randrange(10**36, 10**37)}"
        self.planted.append(made)
        return made

    def value(self, vr: str, signs: str) -> str:
        """One that the VR allows, and that stands on its own in it."""
        if vr == "DA":  # a day that is no day of ours
            made = (
                f"18{self.chance.randrange(10, 99)}{self.chance.randrange(1, 13):02d}{self.chance.randrange(1, 29):02d}"
            )
            self.planted.append(made)
            return made
        if vr == "PN":
            return f"{self.word(signs)}^{self.word(signs)}"
        return self.word(signs, 16 if vr == "SH" and signs.isascii() else 10)


def dataset(markers: Markers, number: int) -> Dataset:
    """One CT instance whose every personal attribute is a marker, in one of the character sets."""
    charset, _, signs = SCRIPTS[number % len(SCRIPTS)]
    made = Dataset()
    if charset:
        made.SpecificCharacterSet = charset.split("\\")
    for attribute in ATTRIBUTES:
        if attribute.vr == "SQ":
            continue
        if attribute.vr == "CS":
            made.add_new(attribute.tag, "CS", "F")
        elif attribute.name == "Patient ID" and number % 2:
            made.PatientID = markers.digits("999-99-9999")
        else:
            made.add_new(attribute.tag, attribute.vr, markers.value(attribute.vr, signs))
    item = Dataset()
    item.PatientID, item.IssuerOfPatientID = markers.word(SCRIPTS[0][2]), markers.word(SCRIPTS[0][2])
    made.OtherPatientIDsSequence = Items([item])
    plan = Dataset()
    plan.CodeValue, plan.CodeMeaning = markers.word(SCRIPTS[0][2]), markers.word(signs)
    made.PatientInsurancePlanCodeSequence = Items([plan])
    asked = Dataset()
    asked.ReasonForTheRequestedProcedure = markers.word(signs)
    made.RequestAttributesSequence = Items([asked])
    for name in ("AccessionNumber", "StudyID", "PatientAge", "SeriesDescription", "ProtocolName", "IssuerOfPatientID"):
        vr = dictionary_VR(name)
        made.add_new(name, vr, markers.word(SCRIPTS[0][2]) if vr != "AS" else "077Y")
    made.StudyInstanceUID, made.SeriesInstanceUID = markers.uid(), markers.uid()
    made.SOPInstanceUID, made.SOPClassUID = markers.uid(), CTImageStorage
    made.Modality, made.SeriesNumber, made.InstanceNumber = "CT", 1, 1
    return made


def write(made: Dataset, path: Path) -> None:
    made.file_meta = FileMetaDataset()
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.save_as(path, enforce_file_format=True)


def encoded(text: str) -> set[bytes]:
    """The bytes that the text is in the character sets, without what ISO 2022 puts around it."""
    found = set()
    for codec in CODECS:
        with suppress(UnicodeEncodeError):
            found.add(text.encode(codec).replace(b"\x1b$B", b"").replace(b"\x1b(B", b""))
    return found


def written(raw: bytes) -> Iterator[bytes]:
    """The ways in which bytes are written down."""
    yield raw
    yield raw.hex().encode()
    yield raw.hex().upper().encode()
    yield raw.hex("-").encode()
    yield raw.hex(":").encode()
    yield raw.hex(" ").encode()
    yield quote(raw).encode()
    yield quote(raw).lower().encode()
    yield "".join(f"%{byte:02X}" for byte in raw).encode()
    yield repr(raw)[2:-1].encode()
    for alignment in range(3):
        # What stands before and behind spoils the first and the last signs.
        first, last = (alignment * 8 + 5) // 6, (alignment + len(raw)) * 8 // 6
        for encode in (b64encode, urlsafe_b64encode):
            yield encode(b"\0" * alignment + raw + b"\0" * 3)[first:last]


def forms(text: str) -> set[bytes]:
    """All that is searched for in place of one marker."""
    found = {form for raw in encoded(text) for form in written(raw)}
    found |= {json.dumps(text)[1:-1].encode(), json.dumps(text)[1:-1].upper().encode(), ascii(text)[1:-1].encode()}
    found.add(html.escape(text).encode("ascii", "xmlcharrefreplace"))
    found.add("".join(f"&#x{ord(sign):X};" for sign in text).encode())
    for name in ("md5", "sha1", "sha256", "blake2b"):
        digest = hashlib.new(name, text.encode()).digest()
        found |= {digest, digest.hex().encode(), b64encode(digest)}
    return {form for form in found if len(form) >= SHORTEST}


class Search:
    """Looks for every form of every marker, in whatever it is given. Bytes that it has been through are not gone through again."""

    def __init__(self, planted: Iterable[str]) -> None:
        self.by_start: dict[bytes, list[tuple[bytes, str]]] = {}
        self.forms = self.bytes = self.files = 0
        self._seen: dict[bytes, set[str]] = {}  # by digest
        self._tables: dict[bytes, set[str]] = {}  # the same of part files
        for marker in set(planted):
            for form in forms(marker):
                self.by_start.setdefault(form[:SHORTEST], []).append((form, marker))
                self.forms += 1
        starts = [int.from_bytes(start, "little", signed=True) for start in self.by_start]
        self._starts = pa.array(starts, pa.int64())

    def find(self, data: bytes) -> set[str]:
        self.bytes += len(data)
        digest = hashlib.blake2b(data).digest()
        if digest not in self._seen:
            near = self._near(data)
            self._seen[digest] = {m for start in near for form, m in self.by_start[start] if form in data}
        return self._seen[digest]

    def _near(self, data: bytes) -> set[bytes]:
        """The starts of forms that are in the data: all its pieces of eight bytes are looked up as numbers."""
        if len(data) < FEW:
            return {data[at : at + SHORTEST] for at in range(len(data) - SHORTEST + 1)} & self.by_start.keys()
        padded, many = data + bytes(2 * SHORTEST), len(data) // SHORTEST + 1
        pieces = [
            pa.Array.from_buffers(pa.int64(), many, [None, pa.py_buffer(padded).slice(n)]) for n in range(SHORTEST)
        ]
        # All in one call: each call puts the starts in a table.
        near = pc.is_in(pa.chunked_array(pieces), value_set=self._starts)
        found = set()
        for hit in pc.indices_nonzero(near).to_pylist():
            first, at = divmod(hit, many)
            found.add(padded[first + at * SHORTEST : first + (at + 1) * SHORTEST])
        return found

    def folder(self, root: Path) -> dict[str, set[str]]:
        """The markers in each file below, by its path. Parquet is searched as it is, and what it holds; so are names."""
        found: dict[str, set[str]] = {}
        self.bytes = self.files = 0
        for path in sorted(root.rglob("*")):
            name = str(path.relative_to(root))
            here = set(self.find(name.encode(errors="surrogateescape")))
            if path.is_file() and not path.is_symlink():
                self.files += 1
                here |= self._table(path) if path.suffix == ".parquet" else self.find(path.read_bytes())
            if here:
                found[name] = here
        return found

    def _table(self, path: Path) -> set[str]:
        """Those in a part file, as it is and in what it holds."""
        data = path.read_bytes()
        digest = hashlib.blake2b(data).digest()
        if digest not in self._tables:
            cells = json.dumps(pq.read_table(path).to_pylist(), default=str, ensure_ascii=False)
            self._tables[digest] = self.find(data) | self.find(cells.encode())
        return self._tables[digest]
