"""One survey on a cluster of two machines, each in a network of its own, as the script of `packaging` starts them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from filmbadge.keep.reader import Dataset
from filmbadge.scope import load
from support import cluster
from support.chance import seeds
from support.hanging import HANGS
from support.pace import fullest

pytestmark = pytest.mark.real
COMMAND = str(Path(sys.executable).with_name("filmbadge"))


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[cluster.Network]:
    folder = tmp_path_factory.mktemp("cluster")
    with cluster.network(folder) as made, cluster.nodes(made, folder):
        yield made


def test_only_the_private_network_reaches_what_ray_listens_at(there: cluster.Network) -> None:
    for machine in there.head, there.node:
        listening = machine.listening()
        open_to_all = {port for address, port in listening if not address.startswith("127.")}
        assert {6380, 6381} <= open_to_all, "Ray's own ports"
        assert reached(there.stranger, machine, open_to_all) == set()
        assert reached(there.here, machine, open_to_all) == open_to_all


def reached(by: cluster.Machine, machine: cluster.Machine, ports: set[int]) -> set[int]:
    asks = (
        "import socket, sys\nfor port in sys.argv[2:]:\n    try: socket.create_connection((sys.argv[1], int(port)), 1).close()\n"
        "    except OSError: continue\n    print(port)"
    )
    return set(map(int, by.run(sys.executable, "-c", asks, machine.address, *map(str, sorted(ports))).split()))


def test_a_survey_on_two_machines_has_the_totals_of_one_process_whoever_is_killed(
    there: cluster.Network, tmp_path: Path
) -> None:
    with cluster.world(there) as ports:
        survey = [COMMAND, "survey", str(scope(tmp_path, ports)), *cluster.TARGETS, "--out"]
        alone = begun(there, *survey, str(tmp_path / "alone"))
        alone.communicate(timeout=HANGS)
        process = begun(there, *survey, str(tmp_path / "on"), *on(there))
        os.kill(asks_now(there, process), signal.SIGKILL)
        said = process.communicate(timeout=HANGS)[1]
    assert process.returncode == alone.returncode, said
    the_same(tmp_path)


needs_minutes = pytest.mark.skipif("FILMBADGE_HUNT" not in os.environ, reason="it lasts minutes: make hunt runs it")
LEASED, CUT = 60, {"for a while": 20, "for minutes": 120}  # seconds; a lease has ended after the first


@needs_minutes
@pytest.mark.parametrize("seed", seeds(1))
@pytest.mark.parametrize("cut", CUT)
def test_a_machine_that_is_cut_off_asks_no_longer_than_its_lease(
    there: cluster.Network, tmp_path: Path, cut: str, seed: int
) -> None:
    with cluster.world(there, seed=seed) as ports:
        survey = [COMMAND, "survey", str(scope(tmp_path, ports, overall=8)), *cluster.TARGETS, "--out"]
        alone = begun(there, *survey, str(tmp_path / "alone"))
        alone.communicate(timeout=HANGS)
        process = begun(there, *survey, str(tmp_path / "on"), *on(there))
        asks_now(there, process, there.node)
        there.node.cut()
        time.sleep(min(LEASED, CUT[cut]))
        before = there.node.sent()
        time.sleep(CUT[cut] - min(LEASED, CUT[cut]))
        assert there.node.sent() == before, "a packet after the lease had ended"
        there.node.join()
        said = process.communicate(timeout=HANGS)[1]
    assert process.returncode == alone.returncode, said
    the_same(tmp_path)


@needs_minutes
@pytest.mark.parametrize("seed", seeds(1))
def test_a_coordinator_that_was_killed_goes_on(there: cluster.Network, tmp_path: Path, seed: int) -> None:
    with cluster.world(there, seed=seed) as ports:
        survey = [COMMAND, "survey", str(scope(tmp_path, ports, overall=8)), *cluster.TARGETS, "--out"]
        alone = begun(there, *survey, str(tmp_path / "alone"))
        alone.communicate(timeout=HANGS)
        process = begun(there, *survey, str(tmp_path / "on"), *on(there))
        asks_now(there, process)
        process.kill()
        process.communicate()
        process = begun(there, *survey, str(tmp_path / "on"), *on(there), "--resume")
        said = process.communicate(timeout=HANGS)[1]
    assert process.returncode == alone.returncode, said
    the_same(tmp_path)


def scope(folder: Path, ports: list[int], overall: int = 50) -> Path:
    path = folder / f"scope-{overall}.toml"
    path.write_text(
        f'schema = "filmbadge.scope/1"\nnetworks = ["{cluster.WORLD}"]\ndepth = "count"\nexpires = 2099-12-31\n'
        'confirm = ["I hold this permission until 2099-12-31", "pace.per_network is 50, and I answer for it"]\n'
        '[authority]\nwho = "the test suite"\nreference = "none"\nbasis = "owner"\ncontact = "tests"\n'
        f"[ports]\ndimse = {ports[:2]}\ndimse_tls = []\nweb = [{ports[3]}]\nweb_tls = []\n"
        f"[pace]\noverall = {overall}\nper_network = 50\nper_host = 20\n[caps]\nidle_seconds = 5\n"
    )
    return path


def begun(there: cluster.Network, *survey: str) -> subprocess.Popen[str]:
    return subprocess.Popen(there.here.command(*survey), env=there.here.environment, stderr=subprocess.PIPE, text=True)


def on(there: cluster.Network) -> tuple[str, str]:
    return "--on", f"ray://{there.head.address}:10001"


def the_same(folder: Path) -> None:
    """What both surveys found, and that the one on the cluster kept to the pace of its scope."""
    one, many = Dataset(folder / "alone"), Dataset(folder / "on")
    assert many.manifest.hosts_done == many.manifest.hosts
    assert {t.quantity: t for t in many.totals()} == {t.quantity: t for t in one.totals()}
    pace = load(next(folder.glob("scope-*.toml"))).pace
    connections = [
        (str(row["address"]), row["at"])
        for row in many.rows('SELECT address, "at" FROM journal WHERE port IS NOT NULL')
    ]
    assert [window for window in fullest(connections, pace) if not window.kept] == []


def asks_now(there: cluster.Network, survey: subprocess.Popen[str], *of: cluster.Machine) -> int:
    """A worker that holds a connection to the world, of these machines."""
    end = time.monotonic() + HANGS
    while time.monotonic() < end:
        for machine in of or (there.head, there.node):
            told = machine.run("ss", "-Htnp", "dst", str(cluster.WORLD))
            if "pid=" in told:
                return int(told.partition("pid=")[2].partition(",")[0])
        assert survey.poll() is None, survey.communicate()[1]
        time.sleep(0.1)
    raise AssertionError("no worker asked anybody")
