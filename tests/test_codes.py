"""Where a code is raised, it has the numbers that it names; and every code is raised somewhere."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import filmbadge
from filmbadge.model import Cause, DoubtCode

SOURCE = Path(filmbadge.__file__).parent
ENUMS: dict[str, type[Cause] | type[DoubtCode]] = {"Cause": Cause, "DoubtCode": DoubtCode}
SPOKEN = (SOURCE / "model.py", SOURCE / "tell" / "causes.py")  # what a code is, and its words
FILES = [path for path in sorted(SOURCE.rglob("*.py")) if path not in SPOKEN]


def code(node: ast.AST) -> Cause | DoubtCode | None:
    """The code that an expression such as `Cause.TLS_ALERT` names."""
    if not (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in ENUMS):
        return None
    return ENUMS[node.value.id][node.attr]


def raised(path: Path) -> Iterator[tuple[ast.Call, Cause | DoubtCode, list[ast.expr]]]:
    """Calls that take a code, and the arguments that come after it."""
    for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        for at, argument in enumerate(call.args if isinstance(call, ast.Call) else ()):
            if (found := code(argument)) is not None:
                assert isinstance(call, ast.Call)
                yield call, found, call.args[at + 1 :]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_code_is_raised_with_the_numbers_that_it_names(path: Path) -> None:
    for call, found, after in raised(path):
        where = f"{path.name}:{call.lineno} {found}"
        made = getattr(call.func, "id", getattr(call.func, "attr", ""))
        if made in ("WireError", "_error"):
            assert len(after) == len(found.numbers), where
        elif made in ("Outcome", "Doubt") and not after:
            assert not found.numbers, where
        elif made in ("Outcome", "Doubt") and isinstance(after[0], ast.Dict):
            assert [ast.literal_eval(key) for key in after[0].keys if key is not None] == list(found.numbers), where


def test_the_decoder_in_c_raises_codes_with_their_numbers() -> None:
    calls = re.findall(r"\bfail\(r, (.*?)\);", (SOURCE / "ask/decoder/compiled.c").read_text(encoding="utf-8"))
    assert calls
    for call in calls:
        names = re.findall(r'"([a-z-]+)"', call)
        (count, *numbers) = re.split(r", ", call.rpartition('"')[2].removeprefix(", "))
        assert names
        assert {len(Cause(name).numbers) for name in names} == {int(count)} == {len(numbers)}, call


def test_every_code_is_raised_somewhere() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in FILES)
    unused = [str(member) for enum in ENUMS.values() for member in enum if f"{enum.__name__}.{member.name}" not in text]
    assert unused == []
