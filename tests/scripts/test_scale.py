"""The figures of docs/scale.md: what was measured stands in the results, and what is worked out follows from it."""

from __future__ import annotations

from pathlib import Path

import pytest
import scale

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", [name for name, one in scale.INPUTS.items() if one.source == scale.MEASURED])
def test_what_was_measured_stands_in_the_results(name: str) -> None:
    one = scale.INPUTS[name]
    results = (ROOT / "bench" / "results.md").read_text(encoding="utf-8")
    assert one.stands
    assert one.stands in results


def test_the_page_is_worked_out_from_its_inputs() -> None:
    page = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
    assert page.endswith(scale.markdown())


def test_hours_follow_the_pace_until_another_limit_is_slower() -> None:
    values = {name: one.value for name, one in scale.INPUTS.items()}
    slow, fast = (scale.stages(values | {"pace": pace, "hands": 1e9})[1] for pace in (50.0, 500.0))
    assert slow.hours == pytest.approx(10 * fast.hours)
    few = scale.stages(values | {"pace": 1e12, "hands": 1.0})[1]
    assert few.limit == "the hands, for silent hosts"
    assert few.core_hours == slow.core_hours


def test_an_input_that_does_not_exist_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert scale.main(["paces=5"]) == 2
    assert "there is no input 'paces'" in capsys.readouterr().err
    assert scale.main(["pace=50"]) == 0
    assert "| `pace` | 50 |" in capsys.readouterr().out
