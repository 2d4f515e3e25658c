"""Accepted risks: muted from then on, and told of again once they end. What was before stays as it was."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from filmbadge.model import Refusal
from filmbadge.watch.surveys import risks
from support.twice import at
from support.watched import Watched, name, shut

TODAY = datetime.now(UTC).date()
LATER = TODAY + timedelta(days=30)


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    made = Watched(tmp_path)
    made.ran(at(1), at(2))
    return made


def accept(watched: Watched, last: int = 1) -> int:
    return risks.accept(watched.store, watched.ids()[name(last)], "behind a VPN soon", "ann", LATER)


def test_it_mutes_what_comes_and_nothing_of_what_was(watched: Watched) -> None:
    before = watched.everything()
    accept(watched)
    assert watched.everything() == before
    run = watched.ran(at(1), at(2))
    muted = "SELECT address, muted FROM changes JOIN archives ON id = archive WHERE run = ?"
    assert {row["address"]: row["muted"] for row in watched.rows(muted, run)} == {name(1): 1, name(2): 0}
    assert (watched.row(run)["archives_open"], watched.row(run)["muted"]) == (2, 1)
    closed = watched.ran(shut(1), at(2))
    assert watched.told(closed) == [("closed", name(1), True)]
    assert (watched.row(closed)["archives_open"], watched.row(closed)["muted"]) == (1, 0)


@pytest.mark.parametrize("studies", [[400], [38, 39, 40]])
def test_it_ends_where_the_archive_gives_away_more_than_then(watched: Watched, studies: list[int]) -> None:
    """At once, or a little each time: it is measured by what was accepted."""
    accept(watched)
    for count in studies:
        run = watched.ran(at(1, studies=count), at(2))
    assert watched.told(run) == [("worse", name(1), False)]
    assert watched.row(run)["muted"] == 0
    assert [row["ended_why"] for row in watched.rows("SELECT * FROM risks")] == ["worse"]
    assert watched.told(watched.ran(at(1, studies=studies[-1]), at(2))) == []


def test_it_ends_where_what_was_closed_is_open_again(watched: Watched) -> None:
    accept(watched)
    watched.ran(shut(1), at(2))
    run = watched.ran(at(1), at(2))
    assert watched.told(run) == [("new", name(1), False)]
    assert [row["ended_why"] for row in watched.rows("SELECT * FROM risks")] == ["worse"]


@pytest.mark.parametrize("why", ["expired", "withdrawn"])
def test_it_is_told_of_again_when_it_ends(watched: Watched, why: str) -> None:
    accept(watched)
    assert risks.expire(watched.store) == 0
    if why == "expired":
        with watched.store.change() as connection:
            connection.execute("UPDATE risks SET until = ?", ((TODAY - timedelta(days=1)).isoformat(),))
        assert risks.expire(watched.store) == 1
    else:
        risks.withdraw(watched.store, watched.ids()[name(1)])
    assert risks.expire(watched.store) == 0
    assert watched.told(None) == [("new", name(1), False)]
    assert [row["ended_why"] for row in watched.rows("SELECT * FROM risks")] == [why]
    assert watched.row(watched.ran(at(1), at(2)))["muted"] == 0
    accept(watched)


@pytest.mark.parametrize(
    ("reason", "until", "why"),
    [
        (" ", LATER, "write why"),
        ("x" * 2001, LATER, "shorten"),
        ("known", TODAY, "lies ahead"),
        ("known", TODAY + timedelta(days=367), "at most 366 days"),
    ],
)
def test_what_is_no_risk_that_can_be_accepted(watched: Watched, reason: str, until: date, why: str) -> None:
    with pytest.raises(Refusal, match=why):
        risks.accept(watched.store, 1, reason, "ann", until)
    assert watched.rows("SELECT * FROM risks") == []


def test_one_is_accepted_once_and_only_of_what_is_open(watched: Watched) -> None:
    accept(watched)
    with pytest.raises(Refusal, match="accepted already"):
        accept(watched)
    watched.ran(at(1), shut(2))
    with pytest.raises(Refusal, match="not known to be open"):
        accept(watched, 2)
    with pytest.raises(Refusal, match="no risk of this archive"):
        risks.withdraw(watched.store, watched.ids()[name(2)])
    with pytest.raises(LookupError):
        risks.accept(watched.store, 99, "why", "ann", LATER)
