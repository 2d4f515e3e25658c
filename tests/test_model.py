"""The test of the first promise: no record has a field for a patient's value."""

from __future__ import annotations

import inspect
import re
from datetime import UTC, date, datetime
from enum import Enum, StrEnum
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec
import pytest

from filmbadge import model, texts
from filmbadge.model import Cause, Depth, Doubt, DoubtCode, Outcome, OutcomeKind, Rung

RECORDS = [kind for _, kind in inspect.getmembers(model, inspect.isclass) if issubclass(kind, msgspec.Struct)]
RECORDS = [kind for kind in RECORDS if kind is not msgspec.Struct]
SIMPLE = {int, float, bool, NoneType, date, datetime}


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
    assert found == set(texts.TEXTS)


@pytest.mark.parametrize("field", texts.TEXTS)
def test_every_text_of_every_record_is_bounded_printable_ascii(field: str) -> None:
    """Whether a probe makes the record, a kept file is read, or a copy is made."""
    owner, _, name = field.partition(".")
    record, limit = getattr(model, owner), texts.TEXTS[field].limit
    one = "\x1b[31mA\x9b\u202e\u200b\r\n\0" + "B" * 1000
    many = get_origin(get_type_hints(record)[name]) is tuple
    plain = _made(record)
    given = msgspec.structs.replace(plain, **{name: (one,) if many else one})
    kept = msgspec.json.encode(msgspec.to_builtins(plain) | {name: [one] if many else one})
    for made in (given, msgspec.json.decode(kept, type=record)):
        held = getattr(made, name)
        text = held[0] if many else held
        assert text == ("?[31mA??????" + "B" * 1000)[:limit]


def test_only_words_of_the_users_own_sources_keep_their_letters() -> None:
    assert {name for name, text in texts.TEXTS.items() if text.any_script} == {
        "ByHand.operator",
        "ByHand.who",
        "Said.value",
        "Said.source",
        "Said.date",
    }
    assert not any(text.any_script for text in texts.PEER.values())
    assert model.Said("Universitätsklinikum\x1b Köln", "orte.csv").value == "Universitätsklinikum? Köln"


def _made(record: type[msgspec.Struct]) -> msgspec.Struct:
    """A record with something in each field that must be given."""
    hints = get_type_hints(record)
    needed = [f for f in msgspec.structs.fields(record) if f.required]
    return record(**{f.name: _something(hints[f.name]) for f in needed})


def _something(kind: Any) -> Any:
    if get_origin(kind) is tuple:
        return ()
    kind = next(iter(parts(kind) - {NoneType}), kind)
    if kind is datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)
    if kind is date:
        return date(2026, 1, 1)
    if inspect.isclass(kind) and issubclass(kind, Enum):
        return next(iter(kind))
    return _made(kind) if inspect.isclass(kind) and issubclass(kind, msgspec.Struct) else kind()


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


def test_equal_endings_and_doubts_are_one_in_a_set() -> None:
    """In whatever order their numbers were written."""
    one, other = {"rows": 5, "uids": 2}, {"uids": 2, "rows": 5}
    assert len({Doubt(DoubtCode.REPEATED, one), Doubt(DoubtCode.REPEATED, other)}) == 1
    one, other = {"source": 0, "reason": 2}, {"reason": 2, "source": 0}
    ended = {
        Outcome(OutcomeKind.ABORTED, Cause.ABORTED, numbers) for numbers in (one, other, {"source": 2, "reason": 0})
    }
    assert len(ended) == 2


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
