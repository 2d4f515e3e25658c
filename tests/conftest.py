"""Fixtures for all tests. The run moves into a network of its own before any test is read (see `support.isolation`)."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import chance, found, guard, isolation

HERE = Path(__file__).parent
# Rooms of tests that start archives, browsers or the instrument as a process, or need more of the system than loopback.
REAL = [HERE / room for room in ("ask/wire/test_names.py", "bench", "packaging", "pages", "real", "rehearse", "restraint/test_canary.py", "restraint/test_pages.py", "restraint/test_permission.py", "restraint/test_remains.py", "survey/spread/test_cluster.py", "survey/test_misleading.py", "survey/test_resumed.py", "survey/test_survey.py", "survey/spread/test_processes.py", "survey/spread/test_endings.py", "watch/surveys/test_processes.py", "watch/web/test_pages.py", "watch/web/test_wizard.py")]  # fmt: skip

# The files that take longest, about in that order: a process runs a file alone.
LONGEST = [HERE / file for file in ("restraint/test_canary.py", "survey/spread/test_cluster.py", "restraint/test_hostile_folder.py", "restraint/test_remains.py", "survey/test_misleading.py", "real/test_interoperation.py", "survey/test_resumed.py", "survey/test_survey.py", "watch/web/test_pages.py", "watch/web/test_wizard.py", "watch/surveys/test_processes.py", "bench/test_bench_runs.py", "real/test_dicomweb.py", "rehearse/test_rehearsal.py", "real/test_real_archives.py", "real/test_kinds.py", "real/test_ways_in.py", "real/test_tls_archives.py", "restraint/test_peer_text.py", "restraint/test_permission.py", "keep/test_damage.py", "keep/test_totals.py", "keep/test_upgrade.py", "keep/test_hostile.py", "ask/decoder/test_cores.py", "ask/dicomweb/test_records.py", "ask/test_hostile.py", "ask/census/test_plan.py")]  # fmt: skip


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--hunt", type=Path, metavar="FOLDER", help="where to write what fails, as tests (scripts/hunt.py)"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Only `-m "not real"`, in these words, does without the namespace: there is no other way to run less strictly."""
    for ends in (signal.SIGINT, signal.SIGQUIT):  # a shell's background ignores them, and what we start would too
        if signal.getsignal(ends) == signal.SIG_IGN:
            signal.signal(ends, signal.default_int_handler if ends == signal.SIGINT else signal.SIG_DFL)
    if config.option.markexpr == "not real":
        guard.enter()
    else:
        isolation.enter()
    os.environ["COLUMNS"] = "80"  # however wide the terminal of this run is
    for name in ("FORCE_COLOR", "NO_COLOR"):
        os.environ.pop(name, None)
    chance.begin()
    if (folder := config.getoption("--hunt", None)) is not None:
        config.pluginmanager.register(found.Recorder(folder))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if any(item.path.is_relative_to(room) for room in REAL):
            item.add_marker(pytest.mark.real)
    if hasattr(config, "workerinput"):
        items.sort(key=_when)


def _when(item: pytest.Item) -> int:
    """What takes long begins first, so that no process waits for the others at the end."""
    if item.path in LONGEST:
        return LONGEST.index(item.path)
    return len(LONGEST) + (item.get_closest_marker("real") is None)


@pytest.fixture(autouse=True)
def nothing_leaves() -> Iterator[None]:
    """Fails a test during which anything tried to reach beyond loopback."""
    before = _strays()
    yield
    strayed = _strays() - before
    assert strayed == 0, (
        f"{strayed} packets or look-ups were meant for an address outside loopback {guard.refused[-3:]}"
    )


@pytest.fixture(autouse=True)
def the_same_chance(request: pytest.FixtureRequest) -> None:
    chance.draw(request.node.nodeid)


def _strays() -> int:
    return len(guard.refused) if guard.entered else isolation.strays()
