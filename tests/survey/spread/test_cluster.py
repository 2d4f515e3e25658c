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
from support import cluster
from support.hanging import HANGS

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
        scope = tmp_path / "scope.toml"
        scope.write_text(
            f'schema = "filmbadge.scope/1"\nnetworks = ["{cluster.WORLD}"]\ndepth = "count"\nexpires = 2099-12-31\n'
            'confirm = ["I hold this permission until 2099-12-31", "pace.per_network is 50, and I answer for it"]\n'
            '[authority]\nwho = "the test suite"\nreference = "none"\nbasis = "owner"\ncontact = "tests"\n'
            f"[ports]\ndimse = {ports[:2]}\ndimse_tls = []\nweb = [{ports[3]}]\nweb_tls = []\n"
            "[pace]\noverall = 50\nper_network = 50\nper_host = 20\n[caps]\nidle_seconds = 5\n"
        )
        survey: list[str | Path] = [COMMAND, "survey", str(scope), str(cluster.WORLD), "--out"]
        alone = subprocess.Popen(there.here.command(*survey, tmp_path / "alone"), stderr=subprocess.PIPE)
        alone.communicate(timeout=HANGS)
        on = [*survey, tmp_path / "on", "--on", f"ray://{there.head.address}:10001"]
        process = subprocess.Popen(
            there.here.command(*on), env=there.here.environment, stderr=subprocess.PIPE, text=True
        )
        first = asked_first(there, process)
        os.kill(first, signal.SIGKILL)
        said = process.communicate(timeout=HANGS)[1]
    assert process.returncode == alone.returncode, said
    one, many = Dataset(tmp_path / "alone"), Dataset(tmp_path / "on")
    assert many.manifest.hosts_done == many.manifest.hosts
    assert {t.quantity: t for t in many.totals()} == {t.quantity: t for t in one.totals()}


def asked_first(there: cluster.Network, survey: subprocess.Popen[str]) -> int:
    """The worker that holds a connection to the world first."""
    end = time.monotonic() + HANGS
    while time.monotonic() < end:
        for machine in there.head, there.node:
            told = machine.run("ss", "-Htnp", "dst", str(cluster.WORLD))
            if "pid=" in told:
                return int(told.partition("pid=")[2].partition(",")[0])
        assert survey.poll() is None, survey.communicate()[1]
        time.sleep(0.1)
    raise AssertionError("no worker asked anybody")
