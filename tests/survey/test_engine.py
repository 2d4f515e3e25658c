"""How many hosts a survey has in hand, and what it keeps of them when it is stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path

import pytest

from filmbadge.ask.targets.lists import Target, read
from filmbadge.ask.wire.dialer import Dialer, UnknownName
from filmbadge.judge import archives
from filmbadge.keep.reader import Dataset
from filmbadge.model import Depth, Endpoint, Host, Observation, Outcome, OutcomeKind, Protocol
from filmbadge.scope import Address, RateLimits, loopback
from filmbadge.survey import crew
from filmbadge.survey.engine import Survey
from filmbadge.survey.examine import SurveyError
from support.loopback import run


class Nobody:
    def host_done(self, host: Host) -> None: ...


def survey(directory: Path, pace: RateLimits, *, resume: bool = False, opted_out: Sequence[str] = ()) -> Survey:
    networks, out = ("127.8.1.0/24", "127.8.2.0/24"), tuple(map(ip_network, opted_out))
    scope = replace(
        loopback("a test"), networks=tuple(map(ip_network, networks)), pace=pace, exclude=out, opted_out=out
    )
    return Survey(scope, read(networks, scope, seed=3), networks, directory, resume)


async def interrupted(asked: Survey, enough: Callable[[int], bool]) -> None:
    """Run it until it is enough, by the turns of the loop so far, or until it ends."""
    task, turns = asyncio.create_task(asked.run(Nobody())), 0
    while not (enough(turns) or task.done()):
        await asyncio.sleep(0)
        turns += 1
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def test_a_network_has_no_more_hosts_in_hand_than_its_pace_feeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network whose next place is far away gets no second host, and the other one is opened."""
    begun: list[str] = []

    async def examine(dialer: Dialer, target: Target, *_: object, **__: object) -> Host:
        assert not isinstance(target.host, str)
        begun.append(str(target.host))
        await dialer.pacer.turn(target.host)
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(crew, "examine", examine)
    pace = RateLimits(overall=1e6, per_network=1e-3, per_host=1e6)
    run(interrupted(survey(tmp_path / "out", pace), lambda turns: turns == 200))
    assert len(begun) == 2
    assert len({host.rpartition(".")[0] for host in begun}) == 2


@pytest.mark.parametrize("ending", [OutcomeKind.REFUSED, OutcomeKind.NO_ANSWER])
def test_what_is_done_is_kept_and_not_begun_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: OutcomeKind
) -> None:
    begun: list[str] = []
    stop_at = 100

    async def examine(dialer: Dialer, target: Target, depth: Depth, *_: object, **__: object) -> Host:
        begun.append(str(target))
        if len(begun) > stop_at:
            await asyncio.Event().wait()
        where, stop = Endpoint(str(target), 104, Protocol.DIMSE), Outcome(ending)
        return archives.judge(str(target), [Observation(endpoint=where, at=datetime.now(UTC), depth=depth, stop=stop)])

    monkeypatch.setattr(crew, "examine", examine)
    monkeypatch.setattr(Dialer, "sources", ("192.0.2.1",))
    pace = RateLimits(1e6, 1e6, 1e6, open_at_once=5)
    run(interrupted(survey(tmp_path / "out", pace), lambda _: len(begun) == stop_at + 5))
    assert Dataset(tmp_path / "out").manifest.sources == ("192.0.2.1",)
    monkeypatch.setattr(Dialer, "sources", ("2001:db8::1",))
    kept = set(Dataset(tmp_path / "out").done())
    assert kept == set(begun[:stop_at])
    begun.clear()
    stop_at = 1 << 20
    silent = ending is OutcomeKind.NO_ANSWER
    resumed = survey(tmp_path / "out", RateLimits(1e6, 1e6, 1e6), resume=True)
    assert resumed.unanswered == silent
    run(resumed.run(Nobody()))
    assert len(begun) == len(set(begun)) == 2 * 254 - 100
    assert not kept & set(begun)
    ended = Dataset(tmp_path / "out")
    assert ended.manifest.hosts_done == 2 * 254
    assert ended.manifest.sources == ("192.0.2.1", "2001:db8::1"), "those of both runs"
    assert ended.manifest.state == ("nothing-reached" if silent else "done")
    assert len(list(ended.done())) == (0 if silent else 2 * 254), "where none of all answered, all are asked again"


def test_a_name_that_leads_nowhere_is_looked_up_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To find its network, and not again to ask the host."""
    looked_up: list[str] = []

    async def resolve(_: Dialer, name: str) -> Address:
        looked_up.append(name)
        raise UnknownName("no such name", Outcome(OutcomeKind.NO_ADDRESS))

    monkeypatch.setattr(Dialer, "resolve", resolve)
    scope = replace(loopback("a test"), pace=RateLimits(1e6, 1e6, 1e6))
    named = ["pacs.example", "pacs.example:104", "other.example"]
    run(Survey(scope, read(named, scope), named, tmp_path / "out").run(Nobody()))
    assert sorted(looked_up) == ["other.example", "pacs.example", "pacs.example"], "two of them are two targets"
    kept = Dataset(tmp_path / "out")
    assert kept.asked() == set(named)
    assert {row["why"] for row in kept.rows("SELECT why FROM endpoints_rows")} == {"no-address"}


def test_who_opts_out_in_a_pause_is_left_alone_and_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hosts that were asked before they opted out stay in the dataset; the others are never begun."""
    begun: list[str] = []
    stop_at = 100

    async def examine(dialer: Dialer, target: Target, depth: Depth, *_: object, **__: object) -> Host:
        if len(begun) >= stop_at:
            await asyncio.Event().wait()
        begun.append(str(target))
        where, stop = Endpoint(str(target), 104, Protocol.DIMSE), Outcome(OutcomeKind.REFUSED)
        return archives.judge(str(target), [Observation(endpoint=where, at=datetime.now(UTC), depth=depth, stop=stop)])

    monkeypatch.setattr(crew, "examine", examine)
    pace = RateLimits(1e6, 1e6, 1e6, open_at_once=5)
    run(interrupted(survey(tmp_path / "out", pace), lambda _: len(begun) == stop_at))
    asked, stop_at = set(begun), 1 << 20
    left = {str(target) for target in survey(tmp_path / "other", pace).targets} - asked
    out = [*sorted(asked)[:3], *sorted(left)[:10]]
    begun.clear()
    resumed = survey(tmp_path / "out", pace, resume=True, opted_out=out)
    assert resumed.targets.told.dropped == {"opted-out": 13}
    run(resumed.run(Nobody()))
    assert set(begun) == left - set(out)
    ended = Dataset(tmp_path / "out").manifest
    assert (ended.state, ended.hosts, ended.hosts_done, ended.opted_out) == ("done", 498, 498, 13)
    assert set(out) <= set(ended.scope.exclude) | {text.removesuffix("/32") for text in ended.scope.exclude}
    with pytest.raises(SurveyError, match=r"excluded 127\.8\.\d\.\d+/32: exclusions may be added, and none taken away"):
        survey(tmp_path / "out", pace, resume=True, opted_out=out[1:])
    wider = survey(tmp_path / "out", pace, resume=True, opted_out=[*out, "127.8.2.0/25"])
    assert (wider.total, wider.hosts_done) == (498, 498)
