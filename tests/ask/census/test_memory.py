"""A census of an archive that alone is too large for the memory of a run."""

from __future__ import annotations

from functools import partial

import pytest

from filmbadge.ask.census import estimate
from filmbadge.ask.census.plan import CensusPlan
from filmbadge.ask.decoder import CORE
from filmbadge.ask.memory import Memory
from filmbadge.model import Census, DoubtCode
from support import simulated_protocols
from support.simulated_archive import Simulated, days
from support.simulated_protocols import IMAGES, OverDimse, OverQido

STUDIES = 6000
LIMIT = 1 << 15 if CORE == "compiled" else 1 << 18
MANNERS: dict[str, dict[str, int]] = {
    "no cap": {},
    "a cap with a signal": {"cap": 700},
    "one row for each instance": {"rows_each": 3},
}


@pytest.fixture(autouse=True)
def _as_a_large_archive(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is not asked for all its studies in one question."""
    monkeypatch.setattr(simulated_protocols, "CensusPlan", partial(CensusPlan, affords=lambda: 1000))


def counted(over: type[OverDimse] | type[OverQido], manner: dict[str, int], seed: int) -> Census:
    archive = Simulated(days("growing", STUDIES, seed), **manner)  # type: ignore[arg-type]
    memory = Memory(LIMIT)
    share = memory.share()
    progress = over(archive).count(seed=seed, memory=share)
    progress.close()
    census = progress.census()
    assert memory.most <= LIMIT
    share.close()
    return census


@pytest.mark.parametrize("over", [OverDimse, OverQido])
@pytest.mark.parametrize("manner", MANNERS.values(), ids=MANNERS)
def test_it_is_not_counted_and_an_interval_holds_the_truth(
    over: type[OverDimse] | type[OverQido], manner: dict[str, int]
) -> None:
    found = [counted(over, manner, seed) for seed in range(8)]
    assert not any(census.complete for census in found)
    assert all(0 < census.studies < STUDIES for census in found)
    estimates = [census.estimate for census in found if census.estimate is not None]
    assert sum(one.low <= STUDIES <= one.high for one in estimates) >= 0.85 * len(estimates)
    assert all(one.high - one.low < STUDIES for one in estimates), "it says something"
    images = [census.images_estimate for census in found if census.images_estimate is not None]
    assert sum(one.low <= IMAGES * STUDIES <= one.high for one in images) >= 0.85 * len(images)
    if "rows_each" not in manner:
        assert len(estimates) >= 0.85 * len(found)
        assert {census.doubts[0].code for census in found} == {DoubtCode.MEMORY}


@pytest.mark.parametrize("over", [OverDimse, OverQido])
def test_with_memory_enough_nothing_changes(over: type[OverDimse] | type[OverQido]) -> None:
    archive = Simulated(days("growing", STUDIES, 1))
    census = over(archive).count(memory=Memory(1 << 26).share()).census()
    assert (census.studies, census.images, census.estimate) == (STUDIES, IMAGES * STUDIES, None)


def test_the_interval_of_a_sample() -> None:
    found = estimate.of_sample(1000.0, 100.0**2, 300)
    assert (found.value, found.low < 810, found.high > 1190) == (1000, True, True)
    assert estimate.of_sample(310.0, 100.0**2, 300).low == 300, "so many were seen"
