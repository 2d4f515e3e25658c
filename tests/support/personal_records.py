"""Records of studies with personal attributes, as archives write them and as none should: for the two paths of the look."""

from __future__ import annotations

import random
import struct

from filmbadge.ask.decoder import elements
from filmbadge.ask.personal.progress import FIELDS

NAMES = [
    "Abara^Ada", "Müller^Ida", "李^娜", "", " ", "^^^^", "A=B=C", "A=B=C=D", "A^B^C^D^E^F", "A^B^C^D^E", "ANON12", "Anonymous^", "XXXX", "No Name", "NONE",
    "Nonetti^Ugo", "PHANTOM^ACR", "Test^Patient", "Testa^Maria", "QA Daily", "DOE^JOHN", "PAT-0042", "SUB 12^^", "0000", "***", "A" * 64,
    "A" * 65, "A\x07", "M\x0b", "a\\b", "^\\Abara^Ada", "A\x1b(Jb", "N/A", "NA", "NAB", "X\nTEST 1", "TEST\nX", "LAST_NAME", "9f86d081884c7d65",
]  # fmt: skip
IDS = [
    "536-90-4399", "536904399", "219-09-9999", "219-09-9998", "078-05-1120", "999-99-9999", "000-12-3456", "53 690 4399", "536-904-399",
    "SSN536904399", "536904399A", "5369043991", "MR1234567", "MR1", "1", "", " 1 ", "1.2.826.0.1.3680043.8.498.1", "9434765919", "943 476 5919",
    "8803200016", "211062-0629", "123456782", "046 454 286", "11144477735", "111.444.777-35", "0d8a6b64-7a45-4a5e-9a70-1d2a0c4cbb11",
    "536-90-4399\\219-09-9998", "A\\536904399", "\\", "000000", "AB-20417", "é1", "a" * 65, "S1234567D", "A123456789", "12345678Z",
]  # fmt: skip
DATES = [
    "19700221", "19700231", "1970.02.21", "1970.2.21", "1970", "", "00010101", "00000101", "19000101", "19710101", "20240229", "20230229", "x",
    "19700221\\19700222", "20000101", "11111111", "19700221 ", "\t19700221",
    "18941231", "18950101", "21491231", "21500101", "20231105\\20231105", "\\20231105", " \\20231105\\\t",
]  # fmt: skip
SEXES = ["M", "F", "O", "", "m", "female", "M\\F", "M ", "MALE AND TOO LONG."]
ISSUERS = ["", "", "SSA", "ward 3", "USSSA\n", "NHS", " ", "\t"]
POOLS = {
    0x00100010: NAMES, 0x00080090: NAMES, 0x00100020: IDS, 0x00100021: ISSUERS, 0x00100030: DATES, 0x00080020: DATES, 0x00100040: SEXES,
}  # fmt: skip
NOBODY = POOLS | {
    0x00100010: ["ANON1", "PHANTOM^1", "PAT-0042", "ANON1\\Abara^Ada", "TEST", "", "XXXX\\YYYY", "9f86d081884c7d65"],
    0x00100020: ["000000", "1.2.826.0.1.3680043.8.498.1", "9f86d081884c7d65", "TEST 1", "", "000000\\536904399", "QA"],
    0x00100030: ["19000101", "19710101", "19710101\\19700221", "", "1900.01.01", "00010101"],
}  # what pseudonymised archives hold, and a value of somebody's now and then
UIDS = [b"", b"0.0", b"1" * 65, b"DOE", b"\xff"]
VRS = {tag: vr for tag, _, vr in FIELDS}


def element(tag: int, vr: str, value: bytes, explicit: bool) -> bytes:
    """One element. Its length may be odd: archives write such."""
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF)
    if not explicit:
        return head + struct.pack("<I", len(value)) + value
    if vr.encode() in elements.LONG:
        return head + vr.encode() + b"\0\0" + struct.pack("<I", len(value)) + value
    return head + vr.encode() + struct.pack("<H", len(value)) + value


def sequence(tag: int, explicit: bool) -> bytes:
    """A sequence of undefined length with one empty item."""
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + (b"SQ\0\0" if explicit else b"")
    return head + b"\xff" * 4 + b"\xfe\xff\x00\xe0" + bytes(4) + b"\xfe\xff\xdd\xe0" + bytes(4)


def text(lot: random.Random, tag: int, pools: dict[int, list[str]]) -> str:
    """One value: of the pool, one digit or sign of it changed, or anything."""
    value, kind = lot.choice(pools[tag]), lot.randrange(12 if pools is POOLS else 60)
    if kind == 0:
        return "".join(
            chr(lot.choice((lot.randrange(0x20, 0x7F), lot.randrange(0x250)))) for _ in range(lot.randrange(12))
        )
    if kind <= 4 and value:
        at = lot.randrange(len(value))
        sign = lot.choice(" -.^=\\\0\t0123456789AZaz_*/(")
        value = value[:at] + sign + value[at + lot.randrange(2) :]
    return value


def record(lot: random.Random, explicit: bool, pools: dict[int, list[str]], uids: int = 1_000_000) -> bytes:
    """A data set. Most are in order, whole, and of another study."""
    uid = b"1.2.%d" % lot.randrange(uids) if lot.randrange(20) else lot.choice(UIDS)
    codec = lot.choice(("latin-1", "utf-8", "ascii", "ascii", "ascii", "gb18030"))
    parts = {
        tag: element(tag, VRS[tag], text(lot, tag, pools).encode(codec, "replace"), explicit)
        for tag in POOLS
        if lot.randrange(6)
    }
    parts[elements.STUDY_UID] = element(elements.STUDY_UID, "UI", uid + b"\0" * (len(uid) % 2), explicit)
    parts[elements.SERIES_IN_STUDY] = element(elements.SERIES_IN_STUDY, "IS", b"3", explicit)
    if not lot.randrange(8):
        parts[0x00081110] = sequence(0x00081110, explicit)
    if lot.randrange(2):
        sets = (b"ISO_IR 100", b"ISO_IR 192", b"GB18030", b"")
        parts[0x00080005] = element(0x00080005, "CS", lot.choice(sets), explicit)
    whole, odd = [parts[tag] for tag in sorted(parts)], lot.randrange(40)
    if odd == 0:
        whole.append(lot.choice(whole))  # an attribute twice
    elif odd == 1:
        lot.shuffle(whole)
    elif odd == 2:
        whole.insert(lot.randrange(len(whole) + 1), sequence(lot.choice(sorted(POOLS)), explicit))
    data = b"".join(whole)
    return data[: lot.randrange(len(data) + 1)] if odd == 3 else data


def repeated(lot: random.Random, explicit: bool, rows: int) -> list[bytes]:
    """Records of which some come twice."""
    pools = lot.choice((POOLS, POOLS, NOBODY))
    made = [record(lot, explicit, pools) for _ in range(rows)]
    return [lot.choice(made[: at + 1]) if not lot.randrange(8) else row for at, row in enumerate(made)]
