"""What became of archives that were told: a share only where enough is known, and nothing that is not shown."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from filmbadge.compare.records import Change, ChangeKind, Known
from filmbadge.model import Endpoint, Identity, Protocol, Rung
from filmbadge.tell.notices.helped import FEW, Group, Helped, helped, whole
from filmbadge.tell.notices.ledger import Channel, Kind, Told
from tell.notices.test_ledger import ROW

ASKED = ROW.began + timedelta(days=70)


def change(n: int, kind: ChangeKind) -> Change:
    endpoint = Endpoint("192.0.2.7", n, Protocol.DIMSE)
    known = Known(f"192.0.2.7:{n}", Identity((endpoint,)), Rung.DISCLOSES)
    return Change(kind, old=known.id, was=known)


def row(
    n: int, channel: Channel = Channel.PAPER, language: str = "de", days: int = 40, kind: Kind = Kind.FIRST
) -> Told:
    return replace(
        ROW,
        kind=kind,
        channel=channel,
        language=language,
        archive=f"192.0.2.7:{n}",
        endpoints=f"dimse://192.0.2.7:{n}",
        day=ASKED.date() - timedelta(days),
    )


def the_one(told: Iterable[Told], *kinds: ChangeKind) -> Helped:
    (found,) = helped(told, [change(n, kind) for n, kind in enumerate(kinds, 1)], ASKED)
    return found


def test_each_fate_and_a_share_of_what_is_known() -> None:
    kinds = [ChangeKind.CLOSED] * 9 + [ChangeKind.STILL_OPEN, ChangeKind.WORSE, ChangeKind.BETTER, ChangeKind.MOVED] * 3
    kinds += [ChangeKind.GONE, ChangeKind.NOT_COMPARED]
    found = the_one([row(n) for n in range(1, 25)], *kinds)  # the last was not in the older survey
    assert (found.told, found.closed, found.still_open, found.gone, found.unknown) == (24, 9, 12, 1, 2)
    assert found.share == pytest.approx(9 / 21)
    assert found.group == Group(Channel.PAPER, "de", (4, 12))


def test_few_have_no_share() -> None:
    found = the_one([row(n) for n in range(1, FEW)], *[ChangeKind.CLOSED] * (FEW - 1))
    assert (found.closed, found.share) == (FEW - 1, None)


def test_an_archive_counts_once_from_its_first_letter() -> None:
    rows = [
        row(1, days=65),
        row(1, days=5, kind=Kind.REMINDER, channel=Channel.EMAIL),
        row(1, days=1, kind=Kind.THANKS),
    ]
    found = the_one(rows, ChangeKind.CLOSED)
    assert (found.told, found.group) == (1, Group(Channel.PAPER, "de", (4, 12)))


def test_a_letter_after_the_survey_began_helped_nothing_in_it() -> None:
    assert helped([row(1, days=0), row(2, days=-3)], [change(1, ChangeKind.CLOSED)], ASKED) == ()


def test_one_that_is_closed_in_part_is_not_closed() -> None:
    both = replace(row(1), endpoints="dimse://192.0.2.7:1 dimse://192.0.2.7:2")
    assert the_one([both], ChangeKind.CLOSED, ChangeKind.NOT_COMPARED).closed == 0


@given(
    st.lists(
        st.tuples(
            st.sampled_from(Channel), st.sampled_from(["de", "en"]), st.integers(-10, 400), st.sampled_from(ChangeKind)
        ),
        max_size=40,
    )
)
def test_every_archive_stands_in_one_group_and_in_one_fate(told: list[tuple[Channel, str, int, ChangeKind]]) -> None:
    rows = [row(n, channel, language, days) for n, (channel, language, days, _) in enumerate(told, 1)]
    found = helped(rows, [change(n, kind) for n, (*_, kind) in enumerate(told, 1)], ASKED)
    assert len({one.group for one in found}) == len(found)
    assert sum(one.told for one in found) == sum(days > 0 for _, _, days, _ in told)
    for one in found:
        assert one.told == one.closed + one.still_open + one.gone + one.unknown
        assert one.group is not None
        start, end = one.group.weeks
        assert end is None or start < end
    together = whole(found)
    assert (together.told if together else 0) == sum(one.told for one in found)


def test_an_archive_of_which_one_told_way_in_is_not_known_is_not_closed() -> None:
    told = replace(row(1), endpoints="dimse://192.0.2.7:1 http://192.0.2.7:8099")
    found = the_one([told], ChangeKind.CLOSED)
    assert (found.closed, found.unknown) == (0, 1)
    assert the_one([told], ChangeKind.STILL_OPEN).still_open == 1
