"""The test of the first promise: no record has a field for a patient's value."""

from __future__ import annotations

import inspect
import re
from datetime import datetime
from enum import Enum, StrEnum
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec
import pytest

from filmbadge import model
from filmbadge.model import Cause, Depth, Doubt, DoubtCode, Outcome, OutcomeKind, Rung

RECORDS = [kind for _, kind in inspect.getmembers(model, inspect.isclass) if issubclass(kind, msgspec.Struct)]
RECORDS = [kind for kind in RECORDS if kind is not msgspec.Struct]
SIMPLE = {int, float, bool, NoneType, datetime}

# Text is where a value could hide. Each of these is our own word, an address, or what an archive says of itself.
TEXT = {
    "Archive.address",
    "Archive.advisories",  # of the catalogue
    "Archive.configuration",  # a digest of ports, versions, verdicts and counts
    "Archive.id",
    "Proof.sop_class",  # digits and dots
    "Proof.transfer_syntax",  # one of those we proposed
    "Certificate.issuer_name",
    "Certificate.issuer_organisation",
    "Certificate.spki_sha256",  # a digest
    "Certificate.subject_name",
    "Certificate.subject_organisation",
    "JournalRow.address",
    "JournalRow.question",
    "Dcm4cheeFacts.aets",  # as OrthancFacts.aet
    "DicomWebFacts.accept",  # of a closed list
    "DicomWebFacts.media_type",  # of a closed list
    "DicomWebFacts.realm",  # as OrthancFacts.realm
    "DicomWebFacts.root",  # one of ours, or one that a viewer names: printable ASCII, bounded
    "DicomWebFacts.wildcard",  # of a closed list
    "DimseFacts.called",
    "DimseFacts.implementation_uid",
    "DimseFacts.implementation_version",
    "Endpoint.address",
    "Finding.about",  # of the catalogue
    "Finding.archive",
    "Host.address",
    "Host.name",  # as the user gave it
    "Identity.names",  # as OrthancFacts.aet and Certificate.subject_name
    "Identity.product",  # as Product.product
    "Identity.spki_sha256",  # digests
    "Identifier.scheme",  # of the catalogue
    "ConfiguredRoot.host",  # names and paths of software: printable ASCII, bounded
    "ConfiguredRoot.path",
    "OrthancFacts.aet",
    "OrthancFacts.base",  # a path of the server's own redirect, or of ours: printable ASCII, bounded
    "OrthancFacts.realm",
    "OrthancFacts.version",
    "SchemeTally.scheme",  # of the catalogue
    "Archive.perhaps_same",  # as Archive.id
    "Product.product",
    "Product.toolkit",
    "Product.version",  # as Fingerprint.version
    "Review.archive",  # an address and a port
    "Review.same_as",
    "Fingerprint.product",  # of the catalogue
    "Fingerprint.version",
    "Outcome.error",  # the name of a type of ours, or OpenSSL's of a failure
    "TlsFacts.cipher",
    "TlsFacts.version",
    "Total.quantity",
    "Verdict.said",  # a realm, a root or a product, as above
    "PageFacts.realm",
    "PageFacts.viewer",  # of the catalogue
    "WebProof.media_type",  # of a closed list
}


def parts(kind: Any) -> set[Any]:
    """The types that a field's type is made of."""
    if get_origin(kind) in (Union, UnionType):
        return set().union(*map(parts, get_args(kind)))
    if get_origin(kind) is tuple and len(get_args(kind)) == 2 and get_args(kind)[1] is Ellipsis:
        return parts(get_args(kind)[0])
    return {kind}


def known(kind: Any) -> bool:
    if kind in SIMPLE or kind in (dict[str, int], tuple[int, int]):
        return True
    return inspect.isclass(kind) and (issubclass(kind, Enum) or kind in RECORDS)


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.__name__)
def test_every_field_is_of_a_closed_list_of_types(record: type[msgspec.Struct]) -> None:
    assert record.__struct_config__.frozen
    for name, kind in get_type_hints(record).items():
        for part in parts(kind) - {str}:
            assert known(part), f"{record.__name__}.{name} is {kind}"


def test_every_text_is_on_a_closed_list() -> None:
    found = {
        f"{record.__name__}.{name}"
        for record in RECORDS
        for name, kind in get_type_hints(record).items()
        if str in parts(kind)
    }
    assert found == TEXT


def test_the_check_would_notice() -> None:
    for kind in (
        bytes,
        bytearray,
        Any,
        object,
        dict,
        dict[str, str],
        dict[str, Any],
        list[str],
        set[bytes],
        memoryview,
    ):
        assert not known(kind)


def test_only_these_hold_a_mapping() -> None:
    mapped = {record.__name__ for record in RECORDS if dict[str, int] in get_type_hints(record).values()}
    assert mapped == {"Total", "Finding", "Outcome", "Doubt"}  # by origin; by the names of numbers


@pytest.mark.parametrize(
    ("cause", "numbers"),
    [
        (Cause.BYTE_LIMIT, {}),
        (Cause.BYTE_LIMIT, {"bytes": 1, "DOE^JANE": 2}),
        (Cause.BYTE_LIMIT, {"bytes": "DOE^JANE"}),
        (None, {"bytes": 1}),
    ],
)
def test_an_ending_takes_the_numbers_of_its_cause_and_no_others(cause: Cause | None, numbers: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="numbers"):
        Outcome(OutcomeKind.BYTE_CAP, cause, numbers)
    kept = msgspec.json.encode({"ending": "byte-cap", "cause": cause, "numbers": numbers})
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(kept, type=Outcome)


def test_a_doubt_takes_the_numbers_of_its_code_and_no_others() -> None:
    with pytest.raises(ValueError, match="numbers"):
        Doubt(DoubtCode.CUT_OFF)
    with pytest.raises(ValueError, match="ending"):
        Doubt(DoubtCode.BROKE_OFF)
    with pytest.raises(ValueError, match="ending"):
        Doubt(DoubtCode.CUT_OFF, {"rows": 5}, Outcome(OutcomeKind.IDLE))


def test_steps_are_ordered_by_height_and_not_by_alphabet() -> None:
    assert [str(rung) for rung in Rung] == [
        "silent", "listening", "speaks", "admits", "answers", "discloses", "offers", "delivers",
    ]  # fmt: skip
    assert [str(depth) for depth in Depth] == ["knock", "ask", "count", "profile", "prove"]
    for steps in (list(Rung), list(Depth)):
        for low, one in enumerate(steps):
            assert [one.reaches(other) for other in steps] == [high <= low for high in range(len(steps))]
    assert issubclass(Rung, StrEnum)


def test_open_means_discloses_or_higher() -> None:
    assert [rung for rung in Rung if rung.open] == [Rung.DISCLOSES, Rung.OFFERS, Rung.DELIVERS]


CODES = [kind for _, kind in inspect.getmembers(model, inspect.isclass) if issubclass(kind, StrEnum)]
SNAKE = (model.Kind,)  # the names of columns and quantities
LETTERS = (model.Grade,)


@pytest.mark.parametrize("kind", CODES, ids=lambda kind: kind.__name__)
def test_the_value_of_every_enum_is_a_code_and_no_sentence(kind: type[StrEnum]) -> None:
    form = r"[a-z]+(_[a-z]+)*" if kind in SNAKE else r"[A-F]" if kind in LETTERS else r"[a-z0-9]+(-[a-z0-9]+)*"
    assert [member.value for member in kind if not re.fullmatch(form, member.value)] == []
