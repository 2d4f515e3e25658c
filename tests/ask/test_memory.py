"""The memory that all sets of a run share: who waits, who goes on with a sample, and that nobody waits for ever."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from filmbadge.ask.memory import SMALL, Memory, Room, Share
from support.hanging import HANGS
from support.loopback import run

LIMIT = 64 * SMALL


def test_what_is_common_goes_to_whoever_needs_it_first() -> None:
    memory = Memory(LIMIT)
    one, other = memory.share(), memory.share()
    assert one.take(LIMIT // 8) == other.take(LIMIT // 4) == Room.GRANTED
    assert memory.taken == memory.most == LIMIT * 3 // 8


def test_one_has_the_reserve_and_others_wait() -> None:
    memory = Memory(LIMIT)
    one, other = memory.share(), memory.share()
    assert one.take(LIMIT * 3 // 8) == one.take(LIMIT // 4) == Room.GRANTED
    assert other.take(LIMIT // 4) == Room.NONE
    assert other.short and not one.short
    assert one.take(LIMIT) == Room.SAMPLE
    assert not one.short, "its holder never waits"


def test_a_small_set_never_waits() -> None:
    memory = Memory(LIMIT)
    one, other = memory.share(), memory.share()
    one.take(LIMIT * 3 // 8)
    one.take(LIMIT * 3 // 8)
    assert other.take(2 * SMALL) == Room.NONE
    assert other.take(SMALL) == Room.GRANTED


def test_the_reserve_is_handed_on_when_its_holder_has_ended() -> None:
    async def play() -> list[str]:
        memory, log = Memory(LIMIT), list[str]()
        first, second, third = (memory.share() for _ in range(3))
        first.take(LIMIT * 3 // 8)
        first.take(LIMIT // 4)
        for share in (second, third):
            assert share.take(LIMIT // 4) == Room.NONE

        async def waits(name: str, share: Share) -> None:
            await share.room(600)
            log.append(name)

        tasks = [asyncio.create_task(waits("second", second)), asyncio.create_task(waits("third", third))]
        await asyncio.sleep(0)
        first.close()
        assert not log, "its sets are still there"
        first.give(first.taken)
        await tasks[0]
        assert second.take(LIMIT // 4) == Room.GRANTED
        second.close()
        second.give(second.taken)
        await tasks[1]
        return log

    assert run(play()) == ["second", "third"]


def test_a_wait_ends_with_the_time_of_the_census_and_leaves_no_place_behind() -> None:
    async def play() -> None:
        memory = Memory(LIMIT)
        first, second, third = (memory.share() for _ in range(3))
        first.take(LIMIT * 3 // 8)
        first.take(LIMIT // 4)
        for share in (second, third):
            assert share.take(LIMIT // 4) == Room.NONE
        await second.room(0.001)
        waiting = asyncio.create_task(third.room(600))
        await asyncio.sleep(0)
        first.close()
        first.give(first.taken)
        await waiting

    run(play())


@given(wanted=st.lists(st.lists(st.integers(1, 40), min_size=1, max_size=8), min_size=1, max_size=12))
def test_nobody_waits_for_ever_and_nothing_passes_the_limit(wanted: list[list[int]]) -> None:
    """Censuses that grow, wait, grow again and end, in any order. Each takes what it wants, or goes on with a sample."""

    async def census(memory: Memory, steps: list[int]) -> None:
        share = memory.share()
        taken = 0
        for step in steps:
            size = step * SMALL
            for _ in range(len(wanted) + 2):
                room = share.take(size)
                if room == Room.GRANTED:
                    taken += size
                if room != Room.NONE:
                    break
                await share.room(600)
            else:
                raise AssertionError("it was woken in vain")
            assert memory.taken <= LIMIT
            await asyncio.sleep(0)
        share.close()
        share.give(taken)
        assert share.taken == 0

    async def play() -> Memory:
        memory = Memory(LIMIT)
        tasks = [asyncio.create_task(census(memory, steps)) for steps in wanted]
        _, late = await asyncio.wait(tasks, timeout=HANGS)
        assert not late, "they wait for each other"
        for task in tasks:
            task.result()
        return memory

    memory = run(play())
    assert memory.taken == 0
