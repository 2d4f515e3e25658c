"""Made-up studies of made-up patients: what the replay archives give, and what a census and a profile of them must find.

Three studies follow each other for each patient. The studies are one block of 3,000, over and over; between two blocks
only some columns of bytes are rewritten, those that tell patients apart. A block of rows of one length is quickly made
into the next one so, and every value stays a function of the number of the study. Standard library only, and no code of
Filmbadge: this is the other side. All values are invented.
"""

from __future__ import annotations

import re
import struct
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from functools import cached_property
from itertools import groupby, islice

PATIENTS, STUDIES = 1000, 3  # patients in a block, studies a patient
BLOCK = PATIENTS * STUDIES
PLAIN, SSN = "plain", "ssn"  # numbered patients; patients as a hospital has them, many with a social security number
MOST = {PLAIN: 10**6 * BLOCK, SSN: 10**4 * BLOCK}  # studies, so that all patients differ
STUDY_DATE, REFERRER, STUDY_UID = 0x00080020, 0x00080090, 0x0020000D
NAME, PATIENT_ID, BIRTH_DATE, SEX = 0x00100010, 0x00100020, 0x00100030, 0x00100040

_UID = "1.2.826.0.1.3680043.10.99999.1{patient:09d}.{study}"
_UIDS = re.compile(rb"10\.99999\.1(\d{6})(\d{3})\.(\d)")
_FILLER = "CT THORAX, SYNTHETIC".ljust(200)
_FAMILY = (
    "Abernathy Alvarez Banks Becker Bianchi Brandt Calloway Chen Cohen Delgado Dubois Eriksen Farrell Fischer Fontaine "
    "Garcia Goldberg Haddad Hansen Hoffman Ibarra Jansen Johnson Kaplan Kim Kowalski Larsen Levine Lopez Marino Mbeki "
    "Meyer Morales Murphy Nakamura Nguyen Novak Okafor Olsen Patel Quinn Ramirez Rossi Schmidt Silva Singh Takahashi "
    "Vargas Walker Yilmaz"
)
_WOMEN = "Ada Beatriz Clara Dolores Edith Fatima Grace Helen Ingrid Julia Keiko Lucia Martha Nadia Olga Priya Rosa Sofia Ursula Vera"
_MEN = "Aaron Boris Carlos Daniel Emil Felipe George Hugo Ivan Jerome Kenji Luis Mateo Noel Oscar Pablo Rajesh Samuel Tomas Victor"
_FAMILIES, _GIVEN = _FAMILY.split(), {"F": _WOMEN.split(), "M": _MEN.split()}
# A middle name, a letter for each digit. No word comes of it by which a phantom is known.
_MIDDLE = ("BDFGKLMNRV", "aehilruwyn", "bdgklmnrsv", "aehilruwyn")

Element = tuple[
    int, str, str | None
]  # tag, VR, text; None is a filler, which makes up for what is longer or shorter in other rows


def series_of(study: int) -> int:
    return 1 + study % BLOCK % 4


def images_of(study: int) -> int:
    return 10 + study % BLOCK * 37 % 190


def elements(study: int, ids: str) -> list[Element]:
    """The attributes of one study, in the order of their tags."""
    row = study % BLOCK
    patient, nth = divmod(study, STUDIES)
    referrer, name, identity, birth, sex = _plain(patient, row) if ids == PLAIN else _person(patient, row)
    return [
        (0x00080005, "CS", "ISO_IR 100"),
        (STUDY_DATE, "DA", f"20{row % 20 + 5:02d}{row % 12 + 1:02d}{row % 28 + 1:02d}"),
        (0x00080030, "TM", f"{row % 24:02d}{row % 60:02d}00"),
        (0x00080050, "SH", f"ACC{row:07d}"),
        (0x00080052, "CS", "STUDY "),
        (0x00080054, "AE", "REPLAY"),
        (0x00080061, "CS", "CT\\SR "),
        (REFERRER, "PN", referrer),
        (0x00081030, "LO", None),
        (NAME, "PN", name),
        (PATIENT_ID, "LO", identity),
        (BIRTH_DATE, "DA", birth),
        (SEX, "CS", sex),
        *([(0x00181030, "LO", None)] if ids == SSN else []),
        (STUDY_UID, "UI", _UID.format(patient=patient, study=nth + 1)),
        (0x00200010, "SH", f"{row:06d}"),
        (0x00201206, "IS", f"{series_of(row):<4}"),
        (0x00201208, "IS", f"{images_of(row):<4}"),
    ]


def _plain(patient: int, row: int) -> tuple[str, str, str, str, str]:
    name = f"Synthetic^Patient{row % 1000:03d}"
    return "Invented^Referrer ", name, f"BENCH{patient:09d}", f"19{row % 80 + 20}0101", "O "


def _person(patient: int, row: int) -> tuple[str, str, str, str, str]:
    """Referring physician, name, id, birth date and sex. Some studies have no value for one of them."""
    block, patient = divmod(patient, PATIENTS)
    # Each digit of the block's number gives one digit that differs between the blocks, in an order of the patient's own.
    a, b, c, d = (
        (int(digit) + patient * step + patient // 10 * 7) % 10
        for digit, step in zip(f"{block:06d}"[2:], (1, 3, 7, 9), strict=True)
    )
    sex = "" if patient % 40 == 13 else "O" if patient % 100 == 99 else "FM"[patient // 3 % 2]
    given = _GIVEN["FM"[patient // 3 % 2]][patient // len(_FAMILIES)]
    middle = "".join(letters[digit] for letters, digit in zip(_MIDDLE, (a, b, c, d), strict=True))
    name = f"{_FAMILIES[patient % len(_FAMILIES)]}^{given}^"
    name += f"A{middle.lower()}" if len(name) % 2 else middle  # the letters that differ stand at the end
    year, month, day = 1926 + patient * 37 % 95, 1 + patient * 5 % 12, 1 + patient * 11 % 28
    birth = "" if patient % 50 == 11 else f"{year}0000" if patient % 200 == 7 else f"{year}{month:02d}{day:02d}"
    referrer = "" if row % 10 == 4 else f"{_FAMILIES[row * 7 % 50]}^{_GIVEN['FM'[row % 2]][row % 20]}^^Dr"
    return referrer, name, _identity(patient, a, b, c, d), birth, sex


def _identity(patient: int, a: int, b: int, c: int, d: int) -> str:
    """A social security number of an area, a group and a serial number that are given out, or a record number.

    The digits `a` to `d` stand at the same places in all of them, and what is left tells the patients of a block apart.
    """
    if patient % 500 == 203:
        return ""
    left, group = divmod(patient, 50)
    left, one, two = 10 + left, 1 + group // 9, 1 + group % 9  # the area is below 310
    if not has_ssn(patient):
        return f"E{one}{a}{left}{b}{two}{c}{d}" if patient % 2 else f"00{a}{left}{b}{one}{c}{d}{two}"
    if has_dashes(patient):
        return f"{left}{a}-{one}{b}-{c}{d}{two}{one}"
    return f"{left}{a}{one}{two}{b}{one}{c}{d}"


def has_ssn(patient: int) -> bool:
    """57 of a hundred patients."""
    return patient * 57 % 100 < 57 and patient % 500 != 203


def has_dashes(patient: int) -> bool:
    return patient % 5 < 2


def truth(studies: int, ids: str = PLAIN) -> dict[str, int]:
    """What a census must find, and a profile of patients as a hospital has them: what is filled and malformed by kind."""
    whole, rest = divmod(studies, BLOCK)
    found: Counter[str] = Counter()
    for rows, times in ((range(BLOCK), whole), (range(rest), 1)):
        for row in rows if times else ():
            for fact, count in _facts(row, ids):
                found[fact] += times * count
    return dict(found)


def _facts(row: int, ids: str) -> Iterator[tuple[str, int]]:
    yield from (("studies", 1), ("series", series_of(row)), ("images", images_of(row)))
    if ids != SSN:
        return
    patient, nth = divmod(row, STUDIES)
    referrer, name, identity, birth, sex = _person(patient, row)
    yield "patients", nth == 0 and bool(identity)
    yield "without id", not identity
    yield "with an SSN", has_ssn(patient)
    yield "with an SSN in dashes", has_ssn(patient) and has_dashes(patient)
    kinds = {
        "referring_physician": referrer,
        "patient_name": name,
        "patient_id": identity,
        "birth_date": birth,
        "sex": sex,
    }
    for kind, value in ({"exam_date": "always"} | kinds).items():
        yield f"filled {kind}", bool(value)
    yield "malformed birth_date", birth.endswith("0000")


# Rows of one length


Encode = Callable[[int, str, str], bytes]
Give = Callable[[int], list[Element]]  # the attributes of a study


def explicit(tag: int, vr: str, text: str) -> bytes:
    value = _padded(vr, text)
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr.encode(), len(value)) + value


def implicit(tag: int, vr: str, text: str) -> bytes:
    value = _padded(vr, text)
    return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(value)) + value


def _padded(vr: str, text: str) -> bytes:
    return text.encode("latin-1") + (b"\0" if vr == "UI" else b" ") * (len(text) % 2)


class Rows:
    """Encodes studies in rows of `size` bytes, or of the fewest bytes, in which the values that differ between blocks have fixed places.

    Each part of a row has one length: what comes up to the patient's name, up to the Study Instance UID, and the rest.
    """

    def __init__(self, encode: Encode, size: int, give: Give, studies: int = BLOCK) -> None:
        self._encode, self._give = encode, give
        self.held = min(studies, BLOCK)  # rows of a block
        least = [list(map(len, self._parts(study, None))) for study in range(self.held)]
        middle, last = max(one[1] for one in least), max(one[2] for one in least)
        first = size - middle - last if size else max(one[0] for one in least)
        self._lengths = [first, middle, last]

    def __call__(self, study: int) -> bytes:
        parts = self._parts(study, self._lengths)
        assert [*map(len, parts)] == self._lengths, f"a row of {sum(map(len, parts))} bytes"
        return b"".join(parts)

    def _parts(self, study: int, lengths: Sequence[int] | None) -> list[bytes]:
        made = []
        for part, held in groupby(self._give(study), lambda one: (one[0] > NAME) + (one[0] >= STUDY_UID)):
            texts = list(held)
            row = [self._encode(tag, vr, _FILLER[:2] if text is None else text) for tag, vr, text in texts]
            if lengths is not None and (missing := lengths[part] - sum(map(len, row))):
                at = next(n for n, (_, _, text) in enumerate(texts) if text is None)
                row[at] = self._encode(*texts[at][:2], _FILLER[: 2 + missing])
            made.append(b"".join(row))
        return made


class Block:
    """3,000 rows, or all of a smaller archive, each with `head` before it and `tail` after it."""

    def __init__(self, rows: Rows, head: bytes = b"", tail: bytes = b"") -> None:
        first = rows(0)
        self.length = len(head) + len(first) + len(tail)
        self._bytes = bytearray().join(head + rows(study) + tail for study in range(rows.held))
        self._date = len(head) + first.find(str(elements(0, PLAIN)[1][2]).encode())
        self._digits, self._rows, self._head = b"000000", rows, len(head)

    @cached_property
    def _columns(self) -> list[list[tuple[int, list[bytes]]]]:
        """By each digit of the block's number: the columns that it changes, and what they hold for the digits 0 to 9.

        It is a patient's number that changes, so all studies of a patient hold the same there. A small archive never asks.
        """
        rows, first = self._rows, self._rows(0)
        others = [[rows(digit * 111111 * BLOCK + row) for row in range(0, BLOCK, STUDIES)] for digit in range(10)]
        columns: list[list[tuple[int, list[bytes]]]] = []
        for place in range(6):
            other = rows(10 ** (5 - place) * BLOCK)
            changed = [at for at, byte in enumerate(first) if byte != other[at]]
            columns.append([(self._head + at, [_column(held, at) for held in others]) for at in changed])
        return columns

    def turn(self, number: int) -> bytearray:
        """The block of this number. It holds until the next one is asked for."""
        digits = b"%06d" % number
        for place, digit in enumerate(digits):
            if digit != self._digits[place]:
                for at, held in self._columns[place]:
                    self._bytes[at :: self.length] = held[digit - 0x30]
        self._digits = digits
        return self._bytes

    def write(self, at: int, byte: int) -> None:
        """Write one byte of every row."""
        if self._bytes[at] != byte:
            self._bytes[at :: self.length] = bytes([byte]) * self._rows.held

    def date(self, days: Iterator[bytes]) -> None:
        """Write the date of every row."""
        text = b"".join(islice(days, self._rows.held))
        for digit in range(8):
            self._bytes[self._date + digit :: self.length] = text[digit::8]


def _column(rows: Sequence[bytes], at: int) -> bytes:
    """One byte of the rows of a block, of which the first of each patient are given."""
    made = bytearray(BLOCK)
    for nth in range(STUDIES):
        made[nth::STUDIES] = bytes(row[at] for row in rows)
    return bytes(made)


def blocks(studies: range) -> Iterator[tuple[int, range]]:
    """The blocks that hold these studies, each with the range of its rows."""
    for number in range(studies.start // BLOCK, -(-studies.stop // BLOCK)) if studies else ():
        first, last = (min(max(edge - number * BLOCK, 0), BLOCK) for edge in (studies.start, studies.stop))
        yield number, range(first, last)


def named(text: bytes) -> list[int]:
    """The studies whose UIDs stand in a text."""
    found = _UIDS.findall(text)
    return [int(block) * BLOCK + int(patient) * STUDIES + int(nth) - 1 for block, patient, nth in found]


class Calendar:
    """Spreads the studies evenly over days up to today: the first study has the oldest date."""

    def __init__(self, studies: int, days: int) -> None:
        self._studies, self._days = studies, days
        self._oldest = date.today() - timedelta(days=days - 1)
        self._names = [f"{self._oldest + timedelta(days=day):%Y%m%d}".encode() for day in range(days)]

    def studies(self, low: date | None, high: date | None) -> range:
        """The studies of these days; None is an open end."""
        first = (low - self._oldest).days if low else 0
        last = (high - self._oldest).days if high else self._days - 1
        begin, end = (min(max(day, 0), self._days) * self._studies // self._days for day in (first, last + 1))
        return range(begin, max(begin, end))

    def block(self, number: int) -> Iterator[bytes]:
        """The dates of one block. Studies behind the last one have its date."""
        for study in range(number * BLOCK, (number + 1) * BLOCK):
            yield self._names[self.day(study)]

    def day(self, study: int) -> int:
        return min((study * self._days + self._days - 1) // self._studies, self._days - 1)
