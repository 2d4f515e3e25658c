"""Writes well-formed conversations into fuzz/corpus, as seeds."""

from __future__ import annotations

from pathlib import Path

from filmbadge.ask.decoder import elements
from filmbadge.ask.dimse import command, pdu
from filmbadge.ask.dimse.command import Command
from filmbadge.catalogue.dicom import EXPLICIT_LITTLE, IMPLICIT_LITTLE, STUDY_ROOT_FIND, VERIFICATION

CORPUS = Path(__file__).parent / "corpus"
PEOPLE = (
    (b"Abara^Ada", b"536-90-4399", b"SSA", b"19700221", b"F"),
    (b"Anonymous", b"0d8a6b64-7a45-4a5e-9a70-1d2a0c4cbb11", b"", b"19000101", b"O"),
    (b"ACR^PHANTOM", b"1.2.826.0.1.3680043.8", b"", b"1970.02.21", b"M "),
    (b"A=B=C\\Doe^J", b"943 476 5919\\MR1", b"NHS ", b"19700231", b"female"),
    (b"PAT 0042", b"SSN 536904399", b"\t", b"", b""),
    (b"M\xfcller^Ida", b"11144477735", b"", b"20240229", b"F"),
    (b"Lee^\x1b$)C", b"211062-0629", b"", b"20240229", b"M"),
)


def seeds() -> dict[str, bytes]:
    unit = pdu.Associate("A", "B", tuple(pdu.Context(n, "", (EXPLICIT_LITTLE,)) for n in (1, 3, 5)), 16384, "1.2", "V")
    accept = pdu.associate(pdu.ASSOCIATE_AC, unit)
    echoed = pdu.data(1, command.encode(Command(command.C_ECHO_RSP, 1, VERIFICATION, 0)), None, 16384)

    def found(status: int, row: bytes | None, message: int, size: int = 16384) -> bytes:
        response = Command(command.C_FIND_RSP, message, STUDY_ROOT_FIND, status, row is not None)
        return pdu.data(3, command.encode(response), row, size)

    def row(number: int, *, explicit: bool) -> bytes:
        keys = [(elements.STUDY_UID, b"1.2.%d" % number), (elements.IMAGES_IN_STUDY, b"%d" % number)]
        return elements.encode(keys, explicit=explicit)

    def person(number: int, *, explicit: bool) -> bytes:
        name, identity, issuer, born, sex = PEOPLE[number % len(PEOPLE)]
        keys = (name, 0x00100010), (identity, 0x00100020), (issuer, 0x00100021), (born, 0x00100030), (sex, 0x00100040)
        return b"".join(elements.encode([(tag, value)], explicit=explicit) for value, tag in keys) + row(
            number, explicit=explicit
        )

    def json(*values: bytes) -> bytes:
        return b"\0".join(b'{"vr":"LO","Value":[%s]}' % value for value in values)

    texts = json(
        b'"20240229"',
        b'"A^B"',
        b'{"Alphabetic":"Abara^Ada"}',
        b'"536-90-4399"',
        b'"SSA"',
        b'"19700221"',
        b'"F"',
        b'"MR12"',
        b"",
    )
    texts += (
        b"\0"
        + json(b"12", b"7", b'{"Alphabetic":"A","Phonetic":"B"}', b"null", b'"1", "2"', b"1.5", b'"\\u00e9"')
        + b'\0{ }\0{"vr" : "PN" }'
    )
    nested = b"\x08\0\x10\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
    talk = accept + echoed + found(0xFF00, row(1, explicit=True), 2) + found(0, None, 2) + pdu.RELEASE_RESPONSE
    rows = b"".join(found(0xFF00, row(n, explicit=True), 1) for n in range(1, 4)) + found(0, None, 1)
    people = b"".join(found(0xFF00, person(n, explicit=True), 1) for n in range(1, 16)) + found(0, None, 1)
    pieces = b"".join(found(0xFF00, person(n, explicit=False), 1, 40) for n in range(1, 8)) + found(0, None, 1)
    implicit = b"".join(found(0xFF01, row(n, explicit=False), 1, 40) for n in range(1, 4)) + found(0xFE00, b"", 1)
    return {
        "talk": b"\x08" + talk,
        "talk-bytewise": b"\x09" + talk,
        "rows": b"\x88" + rows,
        "rows-kept": b"\x8c" + rows,
        "rows-enough": b"\xa8" + rows,
        "implicit-fragments": b"\x0a" + implicit,
        "people": b"\x8c" + people,
        "people-aside": b"\x88" + people,
        "people-implicit-fragments": b"\x0e" + pieces,
        "nested": b"\x88" + found(0xFF00, nested + row(1, explicit=True), 1),
        "elements": b"\x88" + texts * 2,
        "reject": b"\x08" + pdu.reject(1, 1, 7),
        "abort": b"\x08" + accept + pdu.abort(2, 1),
        "release": b"\x08" + accept + pdu.RELEASE_REQUEST,
        "empty-command": b"\x88" + pdu.header(pdu.P_DATA, 6) + b"\0\0\0\2\3\3" + found(0, None, 1),
        "huge": b"\x08\x02\0\xff\xff\xff\xff",
        "implicit-context": b"\x08" + pdu.associate(
            pdu.ASSOCIATE_AC, pdu.Associate("A", "B", (pdu.Context(1, "", (IMPLICIT_LITTLE,)),))
        ),
    }  # fmt: skip


if __name__ == "__main__":
    CORPUS.mkdir(exist_ok=True)
    for name, data in seeds().items():
        (CORPUS / name).write_bytes(data)
