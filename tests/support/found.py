"""What a hunt finds, written as a test that fails until the fault is mended."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Generator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
_NAMED = re.compile(r"^[A-Z][a-z ]+: \w+\(", re.MULTILINE)  # what hypothesis calls an example
_BLOB = re.compile(r"@reproduce_failure\((.+?, b'.*?')\)")


class Recorder:
    """Writes a file for each property and simulation that fails."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Function, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if call.when == "call" and report.failed and call.excinfo is not None:
            name = f"test_{sha256(item.nodeid.encode()).hexdigest()[:12]}.py"
            (self._folder / name).write_text(_written(item, call.excinfo.value), encoding="utf-8")
        return report


def _written(item: pytest.Function, error: BaseException) -> str:
    """The text of a file: how to keep what was found, as a comment, and a test that runs it."""
    path = item.path.relative_to(ROOT) if item.path.is_relative_to(ROOT) else item.path
    said = "\n".join(getattr(error, "__notes__", ()))
    uses, test = "", f"test_of({str(path)!r}, {item.originalname!r})"
    if blob := _BLOB.search(said):
        keep = _kept(said[: blob.start()].rpartition("\n")[0].strip())
        uses, test = "from hypothesis import reproduce_failure\n", f"reproduce_failure({blob[1]})({test})"
    elif hasattr(item, "callspec") and "seed" in item.callspec.params:
        keep = "To keep it, add the seed to the `seeds` of that test, and mend the fault."
        test = test.replace(")", f", seed={item.callspec.params['seed']!r})")
    else:
        keep = "It failed without an example, so it may pass when it is run again."
    head = f"Found by a hunt: {item.nodeid.partition('[')[0]}\n{repr(error)[:300]}\n\n{keep}"
    comment = "".join(f"# {line}".rstrip() + "\n" for line in head.splitlines())
    return f"{comment}\n{uses}from support.found import test_of\n\ntest_found = {test}\n"


def _kept(example: str) -> str:
    if "data(...)" in example:
        return f"To keep it, write a test of its own with what was drawn, and mend the fault:\n\n{example}"
    shown = _NAMED.sub("@example(", example)
    return f"To keep it, add the example above that test, and mend the fault:\n\n{shown}"


def test_of(path: str, name: str, seed: int | None = None) -> Callable[..., Any]:
    """A test of a file that is no module. A simulation runs with this seed alone."""
    spec = importlib.util.spec_from_file_location(f"found_{sha256(path.encode()).hexdigest()}", ROOT / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    test: Any = getattr(module, name)
    if seed is not None:
        others = [mark for mark in test.pytestmark if mark.args[:1] != ("seed",)]
        test.pytestmark = [*others, pytest.mark.parametrize("seed", [seed]).mark]
    result: Callable[..., Any] = test
    return result


test_of.__test__ = False  # type: ignore[attr-defined]
