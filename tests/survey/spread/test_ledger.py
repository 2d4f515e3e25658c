"""Leases: one owner, one pace, and nothing forgotten, whatever is killed and whatever is lost on the way."""

from __future__ import annotations

import json
import random
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from filmbadge.scope import RateLimits
from filmbadge.survey.examine import SurveyError
from filmbadge.survey.spread.ledger import LEASE_SECONDS, NAME, Ledger, boot_id
from support.chance import seeds
from support.leased import World

PACE = RateLimits(overall=50.0, open_at_once=256)

USES = """
import json, random, sys
from pathlib import Path
from filmbadge.scope import RateLimits
from filmbadge.survey.spread.ledger import Ledger

path, seed = Path(sys.argv[1]), int(sys.argv[2])
chance, held = random.Random(seed), []
say = lambda *what: print(json.dumps(what), flush=True)
with Ledger(path, RateLimits(overall=50.0, open_at_once=256)) as ledger:
    say("begun")
    for n in range(1_000_000):
        worker = f"worker {chance.randrange(4)}"
        ledger.renew(worker, chance.choice([None, 0.0, 12.0, 13.0, 25.0, 50.0]))
        say("renewed", worker, ledger._clock() + 45.0)
        networks = [(4, chance.randrange(1 << 24)) for _ in range(chance.choice([1, 10, 1000]))]
        number = ledger.grant(worker, networks, 1000)
        if number is not None:
            say("granted", worker, number, networks)
            held.append(number)
        if held and chance.random() < 0.3:
            number = held.pop(chance.randrange(len(held)))
            say("gives back", number)
            ledger.give_back(number)
"""


@pytest.mark.parametrize("seed", seeds(*range(24)))
def test_networks_have_one_owner_and_all_shares_together_keep_to_the_pace(seed: int, tmp_path: Path) -> None:
    world = World(seed, tmp_path)
    for _ in range(400):
        world.step()
    world.end()


def test_no_lease_that_was_handed_out_is_forgotten_by_a_process_that_is_killed(tmp_path: Path) -> None:
    chance, path = random.Random(0), tmp_path / NAME
    counted = 0
    for turn in range(6):
        command = [sys.executable, "-c", USES, str(path), str(turn)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(chance.randrange(2, 300))]
            process.kill()
            lines += process.stdout.read().splitlines()
        said = [json.loads(line) for line in lines if line.endswith(("]\n", "]"))]
        granted = {one[2]: one[3] for one in said if one[0] == "granted"}
        ends = max(one[2] for one in said if one[0] == "renewed")
        for one in said:
            if one[0] == "gives back":
                granted.pop(one[1])
        with Ledger(path, PACE) as ledger:
            assert ledger.wait() <= LEASE_SECONDS
            assert ledger.wait() > ends - ledger._clock() - 1.0
            for network in {tuple(network) for networks in granted.values() for network in networks}:
                assert not ledger.free(network)
                assert ledger.asked_before(network)
                counted += 1
            assert ledger.renew("a new one", 0.0).rate == 0, "what the dead may still use was given again"
    assert counted > 1000


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("boot", "waits"), [("this", LEASE_SECONDS - 10), ("another", LEASE_SECONDS), ("", LEASE_SECONDS)]
)
def test_a_ledger_that_starts_again_waits_for_what_was_given_out(tmp_path: Path, boot: str, waits: float) -> None:
    path, clock = tmp_path / NAME, Clock()
    with Ledger(path, PACE, clock, boot="this") as ledger:
        ledger.renew("worker 1", None)
        assert ledger.grant("worker 1", [(4, 7)], 1)
    clock.now += 10
    with Ledger(path, PACE, clock, boot=boot) as ledger:
        assert ledger.wait() == waits
        assert not ledger.free((4, 7))
        assert ledger.free((4, 8)) == (boot == "this")
        ledger.join("worker 1")  # another process of the same name
        clock.now += waits - 1
        assert ledger.grant("worker 1", [(4, 7)], 1) is None
        ledger.renew("worker 1", 0.0)
        clock.now += 1
        assert ledger.lapsed() == []
        assert ledger.free((4, 7))
        assert ledger.grant("worker 1", [(4, 7)], 1)


def test_another_pace_waits_until_the_shares_of_the_old_one_are_over(tmp_path: Path) -> None:
    path, clock = tmp_path / NAME, Clock()
    with Ledger(path, PACE, clock, boot="this") as ledger:
        ledger.renew("worker 1", None)
    with Ledger(path, RateLimits(overall=500.0), clock, boot="this") as ledger:
        assert (ledger.wait(), ledger.renew("worker 2", None).rate) == (LEASE_SECONDS, 0)
        clock.now += LEASE_SECONDS - 1
        assert ledger.renew("worker 2", 0.0).rate == 0
        clock.now += 2
        assert ledger.renew("worker 2", 0.0).rate == 500


def test_a_ledger_that_ended_in_order_keeps_nobody_waiting_after_another_boot(tmp_path: Path) -> None:
    path, clock = tmp_path / NAME, Clock()
    with Ledger(path, PACE, clock, boot="this") as ledger:
        assert ledger.wait() == 0
        ledger.renew("worker 1", None)
        ledger.grant("worker 1", [(4, 7)], 1)
        ledger.leave("worker 1")
    with Ledger(path, PACE, clock, boot="another") as ledger:
        assert ledger.wait() == 0
        assert ledger.free((4, 7))
        assert ledger.asked_before((4, 7))


def test_a_survey_that_is_resumed_without_its_ledger_waits(tmp_path: Path) -> None:
    with Ledger(tmp_path / NAME, PACE, Clock(), shared=True) as ledger:
        assert ledger.wait() == LEASE_SECONDS
        assert not ledger.free((4, 7))
        assert ledger.renew("worker 1", None).rate == 0


def test_a_file_that_is_damaged_or_not_ours_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / NAME
    with Ledger(path, PACE) as ledger:
        ledger.renew("worker 1", None)
        ledger.grant("worker 1", [(4, n) for n in range(3000)], 1)
    whole = path.read_bytes()

    def changed(sql: str) -> bytes:
        path.write_bytes(whole)
        with sqlite3.connect(path) as file:
            file.execute(sql)
        file.close()
        return path.read_bytes()

    other = tmp_path / "other"
    with sqlite3.connect(other) as file:
        file.execute("CREATE TABLE ledger (boot TEXT)")
    file.close()
    half = bytearray(whole)
    half[5000:9000] = bytes(4000)
    for data in (
        b"no database at all" * 100,
        b"\0",
        whole[:5000],
        bytes(half),
        other.read_bytes(),
        changed("UPDATE lease SET networks = x'0102'"),
        changed("UPDATE lease SET networks = x'ffffffffffffffff'"),
        changed("UPDATE lease SET networks = 7"),
        changed("UPDATE lease SET worker = 9"),
        changed("UPDATE worker SET until = 'soon'"),
        changed("UPDATE worker SET steps = NULL"),
        changed("DROP TABLE lease"),
        changed("DELETE FROM ledger"),
        changed("PRAGMA user_version = 2"),
    ):
        path.write_bytes(data)
        with pytest.raises(
            SurveyError, match=r"damaged, or no ledger of ours: delete it, and go on with --resume, "
        ) as said:
            Ledger(path, PACE)
        assert "\n" not in str(said.value)
        assert path.read_bytes()[:100] == data[:100]
    path.write_bytes(whole)
    with Ledger(path, PACE), pytest.raises(SurveyError, match="is being used by another process"):
        Ledger(path, PACE)
    path.rename(other)
    path.symlink_to(other)
    with pytest.raises(SurveyError, match="no ledger of ours"):
        Ledger(path, PACE)
    with pytest.raises(SurveyError, match="cannot be used"):
        Ledger(tmp_path / "nowhere" / NAME, PACE)


def test_an_end_that_no_lease_can_have_is_not_waited_for(tmp_path: Path) -> None:
    path, clock = tmp_path / NAME, Clock()
    with Ledger(path, PACE, clock, boot="this") as ledger:
        ledger.renew("worker 1", None)
    with sqlite3.connect(path) as file:
        file.execute("UPDATE worker SET until = 1e300")
    file.close()
    with Ledger(path, PACE, clock, boot="this") as ledger:
        assert ledger.wait() == LEASE_SECONDS


def test_the_file_holds_networks_and_nobody_else_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / NAME
    with Ledger(path, PACE) as ledger:
        ledger.renew("worker 1", None)
        ledger.grant("worker 1", [(4, 0xC00002), (6, 0x20010DB80001)], 7)
        assert {one.name: one.stat().st_mode & 0o77 for one in tmp_path.iterdir()} == {NAME: 0, f"{NAME}-wal": 0}
    assert boot_id() in path.read_bytes().decode(errors="replace")
    with Ledger(None, PACE) as ledger:
        assert ledger.renew("worker 1", None).rate == 50
        assert ledger.grant("worker 1", [(4, 1)], 7)


def test_a_share_changes_only_once_its_worker_goes_by_the_last_one(tmp_path: Path) -> None:
    clock = Clock()
    with Ledger(tmp_path / NAME, PACE, clock) as ledger:
        assert ledger.renew("worker 1", None).rate == 50
        ledger.renew("worker 1", 50.0)
        ledger.join("worker 2")
        assert ledger.renew("worker 1", 50.0) == (25, 128, LEASE_SECONDS)
        ledger.leave("worker 2")
        assert ledger.renew("worker 1", None).rate == 25  # it may not have heard of it yet
        assert ledger.renew("worker 1", 50.0).rate == 25
        assert ledger.renew("worker 1", 25.0).rate == 25  # and what it gave up waits
        clock.now += 1
        assert ledger.renew("worker 1", 25.0).rate == 50
        ledger.join("worker 2")
        assert ledger.renew("worker 1", 25.0).rate == 50  # said before it heard of the 50
