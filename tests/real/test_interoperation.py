"""Archives made with other toolkits: what `check` finds, against the truth from the files they were given.

What each of them was seen to do is in docs/interoperation.md.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from pydicom.dataset import Dataset

from filmbadge.catalogue.dicom import EXPLICIT_LITTLE, IMPLICIT_LITTLE
from support import archives, pynetdicom_archive
from support.archives import Truth
from support.hanging import HANGS

EXPLICIT_BIG = "1.2.840.10008.1.2.2"
AT_LEAST = "at least"
UNDATED = (AT_LEAST, AT_LEAST, AT_LEAST)  # Some of the studies have no date, and no other key parts them.
NO_PATIENTS = (None, "unknown")  # they are not counted at this depth
SYNTAXES = {EXPLICIT_LITTLE: "explicit", IMPLICIT_LITTLE: "implicit"}


# Under a scope, which an AE title needs, this machine asks as anybody would.
TO = {"network": "a stranger", "this-machine": "a program on this machine"}


def counts(card: dict[str, Any]) -> dict[str, tuple[int | None, str]]:
    """The numbers that are shown, and how they are known: `AT_LEAST` where they are shown as lower bounds."""
    (archive,) = card["archives"]
    return {
        quantity: (c["at_least"], AT_LEAST) if c["value"] is None and c["at_least"] else (c["value"], c["how"])
        for quantity, c in archive["counts"].items()
    }


def discloses(
    card: dict[str, Any], toolkit: str, truth: Truth, how: Sequence[str] = UNDATED, doubt: str = "undated-unparted"
) -> None:
    """`how` it knows studies, series and images, and why the last of them is a lower bound."""
    (endpoint,) = card["endpoints"]
    assert endpoint["rung"] == "discloses"
    assert endpoint["reason"].startswith(f"it gave records to {TO[card['seen_from']]}")
    assert endpoint["toolkit"] == toolkit
    studies, series, images = how
    assert counts(card) == {
        "patients": NO_PATIENTS,
        "studies": (truth.studies, studies),
        "series": (truth.series, series),
        "images": (truth.images, images),
    }
    if images == AT_LEAST:
        assert doubt in [one["code"] for one in card["archives"][0]["counts"]["images"]["doubts"]]


def check(port: int, directory: Path | None = None, title: str = "", per_host: int = 1000) -> dict[str, Any]:
    if directory is None:
        return archives.check(f"127.0.0.1:{port}")
    extra = f'ae_titles.called = ["{title}"]' if title else ""
    scope = archives.scope_file(directory, extra=extra, per_host=per_host)
    return archives.check(f"127.0.0.1:{port}", "--scope", str(scope))


@pytest.mark.parametrize("max_pdu", [4096, 16384, 131072])
def test_orthanc(tmp_path: Path, max_pdu: int) -> None:
    with archives.orthanc(tmp_path, DicomAlwaysAllowFind=True, MaximumPduLength=max_pdu) as served:
        assert archives.peek(served.dicom).max_pdu == max_pdu
        discloses(check(served.dicom), "DCMTK 3.6.7", served.truth)


@pytest.mark.parametrize("max_pdu", [4096, 131072])
def test_dcmqrscp(tmp_path: Path, max_pdu: int) -> None:
    with archives.dcmqrscp(tmp_path, max_pdu=max_pdu) as served:
        assert archives.peek(served.dicom, "LABQR").max_pdu == max_pdu
        discloses(check(served.dicom, tmp_path, "LABQR"), "DCMTK 3.6.7", served.truth)


@pytest.mark.parametrize("max_pdu", [0, 4096])
@pytest.mark.parametrize("transfer", SYNTAXES, ids=SYNTAXES.get)
def test_pynetdicom(max_pdu: int, transfer: str) -> None:
    find = pynetdicom_archive.from_holdings()
    with pynetdicom_archive.archive(find, max_pdu=max_pdu, transfer=[transfer]) as script:
        discloses(check(script.port), "pynetdicom 3.0.4", archives.truth(archives.wheel_files()))
        assert script.transfer == {transfer}
        assert archives.peek(script.port).max_pdu == max_pdu


def test_a_transfer_syntax_that_is_not_proposed() -> None:
    """Big endian was retired, PS3.5 Annex I; an archive that knows nothing else is an imaging service, and stays shut."""
    with pynetdicom_archive.archive(pynetdicom_archive.from_holdings(), transfer=[EXPLICIT_BIG]) as script:
        card = check(script.port)
    (endpoint,) = card["endpoints"]
    assert endpoint["rung"] == "speaks"
    assert endpoint["reason"] == "the association was accepted, but no query model (C-FIND)"
    assert card["archives"][0]["open"] is False


def test_seven_thousand_studies() -> None:
    """All are counted, in windows. The images are not: this archive refuses count keys, and is too large for a walk."""
    born = date(2010, 1, 1).toordinal()
    uids = [f"2.25.{10**30 + number}" for number in range(7000)]
    days = [int(f"{date.fromordinal(born + number):%Y%m%d}") for number in range(5000)]

    def find(keys: Dataset) -> pynetdicom_archive.Rows:
        if "NumberOfStudyRelatedInstances" in keys:
            yield 0xA900, None
            return
        first, _, last = str(keys.get("StudyDate", "")).partition("-")
        for number, uid in enumerate(uids):
            if not first or int(first) <= days[number * 5 // 7] <= int(last or first):
                row = Dataset()
                row.StudyInstanceUID = uid
                yield 0xFF00, row

    with pynetdicom_archive.archive(find, max_pdu=0) as script:
        card = check(script.port)
    assert card["endpoints"][0]["rung"] == "discloses"
    assert counts(card)["studies"] == (7000, "counted")
    assert counts(card)["images"] == (None, "unknown")


def test_rows_larger_than_a_pdu() -> None:
    """300 KiB nobody asked for, in fragments of at most what we take."""

    def dress(row: Dataset, number: int) -> None:
        if row.QueryRetrieveLevel == "STUDY" and number < 8:
            pynetdicom_archive.put(row, 0x00091001, "OB", bytes(300 * 1024))

    with pynetdicom_archive.archive(pynetdicom_archive.from_holdings(dress=dress), max_pdu=0) as script:
        discloses(check(script.port), "pynetdicom 3.0.4", archives.truth(archives.wheel_files()))


def test_pending_with_optional_keys_not_supported() -> None:
    with pynetdicom_archive.archive(pynetdicom_archive.from_holdings(status=0xFF01)) as script:
        discloses(check(script.port), "pynetdicom 3.0.4", archives.truth(archives.wheel_files()))


# Character sets as they are claimed and as they are, PS3.3 C.12.1.1.2. The last few are wrong on purpose.
NAMES = [
    (rb"\ISO 2022 IR 87", b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B"),
    (rb"ISO 2022 IR 13\ISO 2022 IR 87", b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J"),
    (rb"\ISO 2022 IR 149", b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7"),
    (b"GB18030", "Wang^XiaoDong=王^小东".encode("gb18030")),
    (b"GB18030", b"\x81\\^\x8e\\"),  # second bytes that look like the separator of values
    (b"ISO_IR 192", "Люкceмбypг".encode()),
    (b"ISO_IR 100", "Люкceмбypг".encode()),
    (b"ISO_IR 144", b"\xbb\xee\xda^\xff\xfe\x80"),
    (b"ISO_IR 192", b"\xc3\x28^\xff\xff\xed\xa0\x80"),
    (b"ISO-IR 6", b"M\xfcller^J\xf6rg"),
    (b"NOT A CHARACTER SET", b"\x1b$B\x1b$B^\x00\x01\x02"),
    (b"", b"\x0e\x0f^\xfe\xff\x00\xe0"),
]


@pytest.mark.filterwarnings("ignore::UserWarning")  # pydicom's, about the names in this archive
@pytest.mark.parametrize("transfer", SYNTAXES, ids=SYNTAXES.get)
def test_names_that_nobody_asked_for(transfer: str) -> None:
    """In every character set, right or wrong: each row is counted, and no name is in what we print."""

    def dress(row: Dataset, number: int) -> None:
        charset, name = NAMES[number % len(NAMES)]
        pynetdicom_archive.put(row, 0x00080005, "CS", charset)
        pynetdicom_archive.put(row, 0x00081030, "LO", b"Description " + name)
        pynetdicom_archive.put(row, 0x00100010, "PN", b"Zebedee" + name)

    truth = archives.truth(archives.wheel_files())
    assert truth.studies >= len(NAMES)
    with pynetdicom_archive.archive(pynetdicom_archive.from_holdings(dress=dress), transfer=[transfer]) as script:
        card = check(script.port)
    discloses(card, "pynetdicom 3.0.4", truth)
    assert all(charset in script.sent and b"Zebedee" + name in script.sent for charset, name in NAMES)
    assert not any("PatientName" in keys or "StudyDescription" in keys for keys in script.queries)
    printed = json.dumps(card, ensure_ascii=False)
    assert "Zebedee" not in printed
    assert "Description" not in printed


@pytest.mark.parametrize("transfer", SYNTAXES, ids=SYNTAXES.get)
def test_nested_sequences_of_undefined_length(transfer: str) -> None:
    """A Study Instance UID inside a sequence belongs to another study, and is not counted."""

    def dress(row: Dataset, number: int) -> None:
        other = Dataset()
        other.StudyInstanceUID = f"2.25.{number}"
        other.NumberOfStudyRelatedInstances = "7"
        middle = Dataset()
        middle.add(pynetdicom_archive.sequence(0x00081199, other))
        outer = Dataset()
        outer.add(pynetdicom_archive.sequence(0x00081115, middle))
        row.add(pynetdicom_archive.sequence(0x00081110, outer))
        row.add(pynetdicom_archive.sequence(0x00400275, Dataset()))

    with pynetdicom_archive.archive(pynetdicom_archive.from_holdings(dress=dress), transfer=[transfer]) as script:
        discloses(check(script.port), "pynetdicom 3.0.4", archives.truth(archives.wheel_files()))


@pytest.mark.parametrize("max_pdu", [4096, 16384])
def test_ctn(tmp_path: Path, max_pdu: int) -> None:
    """It gives the same canned rows to any query, without a Study Instance UID, and holds nothing."""
    with archives.ctn(tmp_path, max_pdu=max_pdu) as served:
        peek = archives.peek(served.dicom)
        card = archives.check(f"127.0.0.1:{served.dicom}", code=3)
    assert (peek.version, peek.max_pdu) == ("MIRCTN11MAR2003", max_pdu)
    assert (peek.rows, peek.studies) == (4, 1)
    (endpoint,) = card["endpoints"]
    assert (endpoint["rung"], endpoint["toolkit"]) == ("answers", "CTN 11MAR2003")
    assert (endpoint["why"], endpoint["conclusive"]) == ("rows-without-uid", False)
    assert counts(card)["studies"] == (None, "unknown")


def test_odil(tmp_path: Path) -> None:
    """It does not know C-CANCEL. It listens anew after each association, so it is asked twice a second at most."""
    with archives.odil(tmp_path) as served:
        discloses(check(served.dicom, tmp_path, per_host=2), "Odil 0", served.truth)


@pytest.mark.parametrize("max_pdu", [4096, 65536])
def test_dcmjs(tmp_path: Path, max_pdu: int) -> None:
    with archives.dcmjs(tmp_path, max_pdu=max_pdu) as served:
        assert archives.peek(served.dicom).max_pdu == max_pdu
        discloses(check(served.dicom), "dcmjs-dimse V0.2", served.truth)


def test_tiny_pacs(tmp_path: Path) -> None:
    """Asked for counts, it makes one row of all studies: so the numbers are those of a walk. It mirrors its caller.

    As it comes it repeats rows in place of others, so it is open and cannot be counted; hence `settled`.
    """
    with archives.tiny_pacs(tmp_path, settled=True) as served:
        plain = archives.peek(served.dicom, "TINYQR")
        counting = archives.peek(served.dicom, "TINYQR", "NumberOfStudyRelatedInstances")
        card = check(served.dicom, tmp_path, "TINYQR")
        with urlopen(f"http://127.0.0.1:{served.http}/dicomweb/studies", timeout=HANGS) as answer:
            over_the_web = len(json.load(answer))
    assert plain.studies == over_the_web == served.truth.studies > 1
    assert (counting.rows, counting.studies) == (1, 1)
    assert plain.version == "PYNETDICOM_304"
    # What it mirrors to us is ours, which names no toolkit. The series with most images has none beside it that is larger.
    discloses(card, "", served.truth, ("counted", "counted", AT_LEAST), "walk-unchecked")

    with archives.tiny_pacs(tmp_path, settled=False) as as_it_comes:
        raced = archives.peek(as_it_comes.dicom, "TINYQR")
        card = check(as_it_comes.dicom, tmp_path, "TINYQR")
    assert raced.studies < raced.rows == served.truth.studies
    assert card["endpoints"][0]["rung"] == "discloses"
    studies = card["archives"][0]["counts"]["studies"]
    assert studies["value"] in (None, served.truth.studies)  # it repeats itself: that proves no count
    assert studies["value"] is not None or "repeat" in studies["why"]


def test_pixelmed(tmp_path: Path) -> None:
    """Asked for count keys, it says 0xFF01, optional keys not supported, with each row.

    It compares dates as numbers, and one study has a date written as 1997.04.24: every range of dates ends with 0xC000.
    """
    with archives.pixelmed(tmp_path) as served:
        stranger = check(served.dicom)
        card = check(served.dicom, tmp_path, "PIXELMED")
        plain = archives.peek(served.dicom, "PIXELMED")
        counting = archives.peek(served.dicom, "PIXELMED", "NumberOfStudyRelatedInstances")
    assert stranger["endpoints"][0]["rung"] == "speaks"
    assert "called AE title not recognized" in stranger["endpoints"][0]["reason"]
    # As no range can be asked, nothing shows that a question without a date is about all of them.
    discloses(card, "PixelMed", served.truth, ("at least", "at least", "at least"), "unchecked")
    assert plain.statuses == {0xFF00, 0x0000}
    assert counting.statuses == {0xFF01, 0x0000}
    assert plain.rows == counting.rows == served.truth.studies


def test_an_archive_that_fails_at_ranges_of_dates_is_open_all_the_same() -> None:
    whole = pynetdicom_archive.from_holdings()

    def find(keys: Dataset) -> pynetdicom_archive.Rows:
        if keys.get("StudyDate"):
            yield 0xC000, None
        else:
            yield from whole(keys)

    with pynetdicom_archive.archive(find) as script:
        card = archives.check(f"127.0.0.1:{script.port}")
    assert card["endpoints"][0]["rung"] == "discloses"
