"""One survey on a cluster of two machines, each in a network of its own, as the script of `packaging` starts them."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from filmbadge.ask.key import SIZE
from filmbadge.keep.reader import Dataset
from filmbadge.model import Depth, Provenance
from filmbadge.rehearse import compare
from filmbadge.scope import load
from support import cluster
from support.chance import seeds
from support.hanging import HANGS
from support.pace import Fullest, fullest

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


ASKS = """
import socket, sys
from concurrent.futures import ThreadPoolExecutor

def answers(port):
    try:
        socket.create_connection((sys.argv[1], int(port)), 3).close()
    except OSError:
        return ""
    return port

with ThreadPoolExecutor(64) as pool:
    print(*pool.map(answers, sys.argv[2:]))
"""


def reached(by: cluster.Machine, machine: cluster.Machine, ports: set[int]) -> set[int]:
    return set(map(int, by.run(sys.executable, "-c", ASKS, machine.address, *map(str, sorted(ports))).split()))


def test_a_survey_on_two_machines_has_the_totals_of_one_process_whoever_is_killed(
    there: cluster.Network, tmp_path: Path
) -> None:
    with cluster.world(there) as world, cluster.watching(there, tmp_path / "opened"):
        of = Surveys(there, tmp_path, world)
        process = of.begun("--on", of.place)
        of.fault("killed", asks_now(there, process))
        of.alone()  # in the meantime: the lease of a worker that was killed lasts for a while
        of.ended(process)
    of.compare()
    of.prove()


needs_minutes = pytest.mark.skipif("FILMBADGE_HUNT" not in os.environ, reason="it lasts minutes: make hunt runs it")
LEAST = 40  # seconds from a fault to the next owner: a lease lasts 45 from its last renewal
LEASED, CUT = 60, {"for a while": 20, "for minutes": 120}  # seconds; a lease has ended after the first
SLOWLY = 8  # hosts a second: long enough to be cut off


@needs_minutes
@pytest.mark.parametrize("seed", seeds(1))
def test_a_coordinator_that_was_killed_goes_on(there: cluster.Network, tmp_path: Path, seed: int) -> None:
    with cluster.world(there, seed=seed, networks=4) as world, cluster.watching(there, tmp_path / "opened"):
        of = Surveys(there, tmp_path, world, overall=SLOWLY)
        of.alone()
        process = of.begun("--on", of.place)
        asks_now(there, process)
        until_kept(tmp_path / "on", process)
        of.fault("killed", process.pid)
        process.communicate()
        of.ended(of.begun("--on", of.place, "--resume"))
    of.compare()
    of.prove()


WORLDS = {"region": 0.5, "greenbone-2019": 0.01}  # and their scales


@needs_minutes
@pytest.mark.parametrize("seed", seeds(1))
@pytest.mark.parametrize("name", WORLDS)
def test_a_world_has_the_totals_of_one_process_and_the_truth(
    there: cluster.Network, tmp_path: Path, name: str, seed: int
) -> None:
    with (
        cluster.world(there, name, WORLDS[name], seed, networks=8) as world,
        cluster.watching(there, tmp_path / "opened"),
    ):
        of = Surveys(there, tmp_path, world, overall=200, depth="prove")
        of.alone()
        of.ended(of.begun("--on", of.place))
    of.prove()
    of.compare(counted=True)  # estimates, and bounds of archives that cap their answers, differ between any two runs
    for which in "alone", "on":
        dataset = Dataset(tmp_path / which)
        rows = compare.rows(world.truth, dataset.totals(), dataset.outcomes(), Depth.PROVE, str)
        figures(name, which, *(f"{row.quantity}={row.measured}/{row.truth}" for row in rows if row.compared))
        # The interval of an estimate misses one time in twenty, in one process too.
        certain = [row for row in rows if row.compared and row.how is not Provenance.ESTIMATED]
        assert [row for row in certain if not row.agrees and row.quantity != "countries"] == []


# A coordinator whose key we know, and that tells us the sketches.
TOLD = """
import sys
from filmbadge import cli
from filmbadge.ask.key import RunKey
from filmbadge.survey.spread import coordinator

key, file = bytes.fromhex(open(sys.argv.pop(1)).read()), open(sys.argv.pop(1), "w")
take = coordinator.Spread._take_sketches

def tell(self, raw):
    for _, sketch in coordinator.sketches_of(raw):
        hashes = sketch.smallest.tobytes()
        if len(hashes) >= 16:
            print(hashes[:16].hex(), hashes[-16:].hex(), file=file, flush=True)
    take(self, raw)

coordinator.RunKey = lambda: RunKey(key)
coordinator.Spread._take_sketches = tell
cli.main()
"""

# Which of these bytes lie in a file of Ray's, or in its store: a file that has no name any more, and is mostly a hole.
LOOKS = """
import json, os, sys
from pathlib import Path

def files():
    for folder in sys.argv[1:]:
        yield from (path for path in Path(folder).rglob("*") if path.is_file())
    here = os.readlink("/proc/self/ns/net")
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(process / "ns/net") == here:
                yield from (fd for fd in (process / "fd").iterdir() if os.readlink(fd).startswith("/dev/shm/"))
        except OSError:
            continue

def parts(file):
    size, at = os.fstat(file.fileno()).st_size, 0
    while at < size:
        try:
            at = os.lseek(file.fileno(), at, os.SEEK_DATA)
        except OSError:
            return
        end = os.lseek(file.fileno(), at, os.SEEK_HOLE)
        yield os.pread(file.fileno(), end - at, at)
        at = end

wanted, seen, found, store = [bytes.fromhex(one) for one in sys.stdin.read().split()], 0, [], set()
for path in files():
    with path.open("rb") as file:
        state = os.fstat(file.fileno())
        if (state.st_dev, state.st_ino) in store:
            continue
        store.add((state.st_dev, state.st_ino))
        for part in parts(file):
            seen += len(part)
            found += [[str(path), one.hex()] for one in wanted if one in part]
print(json.dumps([seen, found]))
"""

PUTS = """
import os, sys
os.environ["RAY_AUTH_MODE"] = "token"
import ray
ray.init(sys.argv[1], log_to_driver=False)
held = ray.put(bytes.fromhex(sys.argv[2]) * 12500)
print("put", flush=True)
sys.stdin.read()
"""


@needs_minutes
@pytest.mark.parametrize("seed", seeds(1))
def test_neither_the_key_nor_a_sketch_is_in_a_file_of_ray_or_in_its_store(
    there: cluster.Network, tmp_path: Path, seed: int
) -> None:
    key, marker, sketches = secrets.token_hex(SIZE), secrets.token_hex(16), tmp_path / "sketches"
    with cluster.world(there, seed=seed) as world:
        of = Surveys(there, tmp_path, world, depth="profile")
        (tmp_path / "key").write_text(key)  # and not a word of the command: Ray writes that down
        of.ended(of.begun("--on", of.place, by=(sys.executable, "-c", TOLD, str(tmp_path / "key"), str(sketches))))
    wanted = [key, key.encode().hex(), *sketches.read_text().split()]
    assert len(wanted) > 2, "no archive was sketched"
    for machine in there.head, there.node, there.here:
        seen, found = looked(machine, tmp_path.parent, *wanted)
        figures(machine.name, f"{len(wanted)} sought in {seen} bytes:", str(found))
        assert found == []
    with subprocess.Popen(
        there.here.command(sys.executable, "-c", PUTS, of.place, marker),
        env=there.here.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "put\n"
        assert looked(there.head, tmp_path.parent, marker)[1], "what lies in the store is found"
        process.stdin.close()


def looked(machine: cluster.Machine, logs: Path, *wanted: str) -> tuple[int, list[list[str]]]:
    folders: list[str | Path] = ["/tmp/ray", "/dev/shm", *logs.glob("cluster*")]
    seen, found = json.loads(machine.run(sys.executable, "-c", LOOKS, *folders, given=" ".join(wanted)))
    return seen, found


# The last of all: a machine that was cut off for minutes is of the cluster no longer.
@needs_minutes
@pytest.mark.parametrize("seed", seeds(1))
@pytest.mark.parametrize("cut", CUT)
def test_a_machine_that_is_cut_off_asks_no_longer_than_its_lease(
    there: cluster.Network, tmp_path: Path, cut: str, seed: int
) -> None:
    with cluster.world(there, seed=seed, networks=4) as world, cluster.watching(there, tmp_path / "opened"):
        of = Surveys(there, tmp_path, world, overall=SLOWLY)
        of.alone()
        process = of.begun("--on", of.place)
        asks_now(there, process, there.node)
        of.fault("cut")
        there.node.cut()
        try:
            time.sleep(min(LEASED, CUT[cut]))
            before = there.node.sent()
            time.sleep(CUT[cut] - min(LEASED, CUT[cut]))
            after = there.node.sent()
        finally:
            there.node.join()
        of.ended(process)
    assert after == before, "a packet after the lease had ended"
    of.compare()
    of.prove()


class Surveys:
    """Two surveys of one world: by one process, and on the cluster."""

    def __init__(
        self, there: cluster.Network, folder: Path, world: cluster.Standing, overall: int = 50, depth: str = "count"
    ) -> None:
        self.place = f"ray://{there.head.address}:10001"
        self._there, self._folder, self._world = there, folder, world
        self._fast, self._scope = self._written(max(overall, 50), depth), self._written(overall, depth)
        self._begun = self._at = time.time()
        self._codes: list[int] = []  # that the surveys ended with

    def _written(self, overall: int, depth: str) -> Path:
        path, world = self._folder / f"scope-{overall}.toml", self._world
        path.write_text(
            f'schema = "filmbadge.scope/1"\nnetworks = ["{cluster.WORLD}"]\ndepth = "{depth}"\nexpires = 2099-12-31\n'
            'confirm = ["I hold this permission until 2099-12-31", "pace.per_network is 50.0, and I answer for it"]\n'
            '[authority]\nwho = "the test suite"\nreference = "none"\nbasis = "owner"\ncontact = "tests"\n'
            f"[ports]\ndimse = {list(world.dimse)}\ndimse_tls = {list(world.dimse_tls)}\n"
            f"web = {list(world.web)}\nweb_tls = {list(world.web_tls)}\n"
            f"[pace]\noverall = {overall}.0\nper_network = 50.0\nper_host = 20.0\n[caps]\nidle_seconds = 5\n"
        )
        return path

    def alone(self) -> None:
        self.ended(self._survey(self._fast, "alone"))

    def begun(self, *more: str, by: tuple[str, ...] = (COMMAND,)) -> subprocess.Popen[str]:
        self._begun = time.time() if "--resume" not in more else self._begun
        return self._survey(self._scope, "on", *more, by=by)

    def _survey(self, scope: Path, out: str, *more: str, by: tuple[str, ...] = (COMMAND,)) -> subprocess.Popen[str]:
        here, folder = self._there.here, str(self._folder / out)
        argv = here.command(*by, "survey", str(scope), *self._world.targets, "--out", folder, *more)
        return subprocess.Popen(
            argv, env=here.environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )

    def ended(self, process: subprocess.Popen[str]) -> None:
        said = process.communicate(timeout=HANGS)[1]
        self._codes.append(process.returncode)
        assert self._codes == self._codes[:1] * len(self._codes), said

    def fault(self, what: str, pid: int = 0) -> None:
        self._at = time.time()
        if what == "killed":
            os.kill(pid, signal.SIGKILL)

    def compare(self, *, counted: bool = False) -> None:
        """What both surveys found, and that the one on the cluster kept to the pace of its scope."""
        one, many = Dataset(self._folder / "alone"), Dataset(self._folder / "on")
        assert many.manifest.hosts_done == many.manifest.hosts
        found, alone = (
            {t.quantity: t for t in dataset.totals() if not counted or (t.measured is not None and t.low is None)}
            for dataset in (many, one)
        )
        assert found == alone
        assert beyond(self.pace()) == []

    def pace(self) -> list[Fullest]:
        """By the journal."""
        rows = Dataset(self._folder / "on").rows("SELECT address, started_at FROM journal WHERE port IS NOT NULL")
        return fullest([(str(row["address"]), row["started_at"]) for row in rows], load(self._scope).pace)

    def prove(self) -> None:
        """By what came to the archives: pace, and that each network had one owner at a time."""
        came = [one for one in cluster.opened(self._folder / "opened") if one[0] >= self._begun]
        came = [one for one in came if one[1] in (self._there.head.address, self._there.node.address)]
        pace = fullest([(to, datetime.fromtimestamp(at, UTC)) for at, _, to in came], load(self._scope).pace)
        (row,) = Dataset(self._folder / "on").rows("SELECT count(*) AS n FROM journal WHERE port IS NOT NULL")
        figures("connections", f"journal={row['n']}", f"kernel={len(came)}")
        for name, windows in (("journal", self.pace()), ("kernel", pace)):
            figures(name, *(f"{w.of}/{w.seconds:g}s={w.held}<={w.may_hold}" for w in windows if w.seconds <= 10))
        owners: dict[str, list[tuple[str, float, float]]] = {}
        for at, who, to in came:
            held = owners.setdefault(to.rpartition(".")[0], [])
            if held and held[-1][0] == who:
                held[-1] = (who, held[-1][1], at - self._at)
            else:
                held.append((who, at - self._at, at - self._at))
        for network, held in sorted(owners.items()):
            assert len(held) <= 2, f"{network} was asked by turns: {held}"
            if len(held) == 2 and self._at != self._begun:  # whose owner was lost
                assert held[1][1] >= LEAST, f"{network} had another owner before its leases were over: {held}"
            figures(network, *(f"{who} {first:.1f}..{last:.1f}" for who, first, last in held))
        # One packet may come late on a busy machine, and then a window holds one of the window before.
        assert [one for one in beyond(pace) if one.held > one.may_hold + 1] == []


def beyond(windows: list[Fullest]) -> list[Fullest]:
    return [one for one in windows if not one.kept and one.seconds >= 1]


def figures(*words: str) -> None:
    sys.stdout.write(" ".join(words) + "\n")


def until_kept(folder: Path, survey: subprocess.Popen[str]) -> None:
    """Until some hosts are on the disk."""
    end = time.monotonic() + HANGS
    while not list((folder / "observations").glob("*.parquet")):
        assert survey.poll() is None and time.monotonic() < end, "nothing was kept"
        time.sleep(0.1)


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
