"""What datasets become in the tables: which archive is which, what changed, and what people are told of."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filmbadge.model import DimseFacts, Host
from filmbadge.tell.view import ArchiveView
from filmbadge.watch.surveys.records import Summary, unpack
from filmbadge.watch.surveys.taking_in import take_in
from support.factories import dimse, host
from support.twice import NOBODY, REFUSED, at, counted
from support.watched import Watched, name, seen_of, shuffled, shut, silent


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


def test_what_a_year_brings(watched: Watched) -> None:
    first = watched.ran(at(1), at(2), at(3), shut(4))
    assert watched.kinds(first) == {name(1): "new", name(2): "new", name(3): "new"}
    assert watched.told(first) == [("new", name(n), False) for n in (1, 2, 3)]
    ids = watched.ids()

    second = watched.ran(at(1), shut(2), silent(3), at(4))
    assert watched.kinds(second) == {name(1): "still-open", name(2): "closed", name(3): "gone", name(4): "new"}
    assert watched.states() == {name(1): "open", name(2): "closed", name(3): "gone", name(4): "open"}
    assert watched.told(second) == [("closed", name(2), False), ("new", name(4), False)]

    third = watched.ran(at(1, studies=400), at(2), shut(3), at(4))
    assert watched.kinds(third) == {name(1): "worse", name(2): "new", name(4): "still-open"}
    assert watched.told(third) == [("new", name(2), False), ("worse", name(1), False)]
    assert ids.items() <= watched.ids().items(), "what comes back is the archive that it was"

    run = watched.row(third)
    found = (run["state"], run["baseline"], run["archives"], run["archives_open"], run["muted"])
    assert found == ("ended", second, 3, 3, 0)
    one = watched.rows("SELECT * FROM archives WHERE address = ?", name(1))[0]
    view = unpack(one["view"], ArchiveView)
    assert (one["studies"], view.counts["studies"].value, one["state_run"], one["last_run"]) == (400, 400, first, third)
    assert watched.rows("SELECT count(*) FROM findings WHERE archive = ?", one["id"])[0][0] == len(view.findings) > 0


def test_a_partial_run_shows_what_it_proves_and_is_never_the_baseline(watched: Watched) -> None:
    first = watched.ran(at(1), at(2), at(3), shut(4))
    part = watched.ran(shut(1), at(4), state="interrupted")
    assert watched.kinds(part) == {name(1): "closed", name(2): "not-compared", name(3): "not-compared", name(4): "new"}
    assert watched.states() == {name(1): "closed", name(2): "open", name(3): "open", name(4): "open"}
    assert watched.told(part) == [("closed", name(1), False), ("new", name(4), False)]

    again = watched.ran(shut(1), at(2), shut(3), shut(4))
    assert watched.row(again)["baseline"] == first
    assert watched.kinds(again) == {name(1): "closed", name(2): "still-open", name(3): "closed", name(4): "closed"}
    assert watched.states()[name(4)] == "closed", "only the partial run knew it open"
    assert watched.told(again) == [("closed", name(3), False), ("closed", name(4), False)], "nothing is told twice"


def test_what_two_runs_find_new_against_one_baseline_is_told_once(watched: Watched) -> None:
    watched.ran(at(1), shut(2))
    part = watched.ran(at(2), at(1, studies=400), state="interrupted")
    assert watched.told(part) == [("new", name(2), False), ("worse", name(1), False)]
    again = watched.ran(at(2), at(1, studies=400))
    assert watched.kinds(again) == {name(1): "worse", name(2): "new"}
    assert watched.told(again) == []


def test_what_a_run_could_not_tell_is_proven_against_what_was_known_before(watched: Watched) -> None:
    """An answer that proves nothing leaves it open, and it is not forgotten when that answer is the baseline."""
    vague = host(name(1), dimse(DimseFacts(called="ANY-SCP", valid_pdu=True), stop=NOBODY))
    watched.ran(at(1), at(2))
    second = watched.ran(vague, at(2))
    assert (watched.kinds(second)[name(1)], watched.states()[name(1)]) == ("not-compared", "open")
    third = watched.ran(shut(1), at(2))
    assert (watched.kinds(third)[name(1)], watched.states()[name(1)]) == ("closed", "closed")
    assert watched.told(third) == [("closed", name(1), False)]


def test_what_is_gone_is_not_looked_for_in_its_like(watched: Watched) -> None:
    """Another archive with the same configuration is known as itself."""
    vague = host(name(1), dimse(DimseFacts(called="ANY-SCP", valid_pdu=True), stop=NOBODY))

    def took(*hosts: Host) -> int:
        seen = seen_of(hosts)
        alike = tuple(msgspec.structs.replace(one, configuration="as delivered") for one in seen.after.archives)
        return watched.took(replace(seen, after=replace(seen.after, archives=alike)))

    took(at(1), at(2))
    took(vague, at(2))
    run = took(silent(1), at(2))
    assert (watched.kinds(run), watched.states()[name(1)]) == ({name(1): "gone", name(2): "still-open"}, "gone")


def test_a_run_that_reached_nothing_changes_nothing(watched: Watched) -> None:
    watched.ran(at(1), at(2))
    before = watched.everything(("archives", "events"))
    run = watched.ran(silent(1), silent(2), state="nothing-reached")
    assert watched.everything(("archives", "events")) == before
    assert watched.kinds(run) == {name(1): "not-compared", name(2): "not-compared"}


def test_several_runs_of_a_day_are_several(watched: Watched) -> None:
    """Each is compared with the one before it, and none hides what another saw."""
    runs = [watched.ran(at(1), second) for second in (shut(2), at(2), shut(2), at(2))]
    assert [watched.kinds(run).get(name(2)) for run in runs] == [None, "new", "closed", "new"]
    assert [watched.told(run)[-1][0] for run in runs] == ["new", "new", "closed", "new"]
    history = "SELECT run, open FROM sightings JOIN archives ON id = archive WHERE address = ? ORDER BY run"
    assert [tuple(row) for row in watched.rows(history, name(2))] == [(2, 1), (4, 1)]


def test_an_archive_that_moved_keeps_its_id_and_two_never_become_one(watched: Watched) -> None:
    here, there = dimse(counted(40)), dimse(counted(40), port=104)
    closed_here, closed_there = dimse(None, stop=REFUSED), dimse(None, stop=REFUSED, port=104)
    watched.ran(at(1), host(name(2), here, closed_there))
    ids = watched.ids()
    run = watched.ran(at(1), host(name(2), closed_here, there))
    assert watched.kinds(run) == {name(1): "still-open", name(2): "moved"}
    assert watched.ids() == ids
    assert watched.told(run) == []
    both = watched.ran(at(1), host(name(2), dimse(counted(70)), there))
    assert watched.kinds(both)[name(1)] == "still-open"
    seen = [row["archive"] for row in watched.rows("SELECT archive FROM sightings WHERE run = ?", both)]
    assert len(seen) == len(set(seen))


def test_decoys_stand_apart(watched: Watched) -> None:
    def run(*, decoy: bool) -> int:
        seen = seen_of([at(1), at(2)])
        first, second = seen.after.archives
        told = (msgspec.structs.replace(first, decoy=decoy), second)
        return watched.took(replace(seen, after=replace(seen.after, archives=told)))

    first = run(decoy=True)
    assert (watched.kinds(first), watched.told(first)) == ({name(2): "new"}, [("new", name(2), False)])
    assert (watched.row(first)["archives"], watched.row(first)["archives_open"]) == (1, 1)
    assert watched.kinds(run(decoy=False))[name(1)] == "not-compared"


HOSTS = st.lists(st.sampled_from([at, shut, silent, lambda n: at(n, studies=400)]), min_size=6, max_size=6)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(HOSTS, st.sampled_from(["done", "interrupted"])), min_size=2, max_size=3), st.integers(0, 99))
def test_the_order_of_rows_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, runs: list[tuple[list[object], str]], seed: int
) -> None:
    one, other = (Watched(tmp_path_factory.mktemp("watched")) for _ in range(2))
    for kinds, state in runs:
        seen = seen_of([kind(n) for n, kind in enumerate(kinds, 1)], state)  # type: ignore[operator, arg-type]
        one.took(seen)
        other.took(shuffled(seen, seed))
    assert one.everything() == other.everything()


def again(watched: Watched, run: int) -> None:
    """As if it was resumed."""
    with watched.store.change() as connection:
        connection.execute("UPDATE runs SET state = 'taking-in' WHERE id = ?", (run,))


def test_nothing_of_a_run_that_is_taken_in_twice_stands_twice(watched: Watched) -> None:
    watched.ran(at(1), at(2), at(3), shut(4))
    seen = seen_of([at(1), shut(2), silent(3), at(4)])
    run = watched.took(seen)
    before = watched.everything()
    again(watched, run)
    watched.take(run, seen)
    assert watched.everything() == before


def test_a_resumed_run_tells_the_rest(watched: Watched) -> None:
    first = watched.ran(at(1), at(2), shut(3), shut(4))
    run = watched.ran(at(3), shut(1), at(5), state="interrupted")
    told = watched.told(run)
    again(watched, run)
    watched.take(run, seen_of([at(3), shut(1), shut(2), at(4), at(5)]))
    kinds = {name(1): "closed", name(2): "closed", name(3): "new", name(4): "new", name(5): "not-compared"}
    assert watched.kinds(run) == kinds, "what it found itself was not there before"
    assert set(told) < set(watched.told(run))
    assert len(watched.told(run)) == 5
    assert watched.row(run)["baseline"] == first


def test_a_dataset_gives_the_same(watched: Watched, tmp_path: Path) -> None:
    """And where that of the baseline was deleted, it tells nobody once more what is known."""
    first = watched.kept(at(1), at(2), at(3), shut(4))
    run = watched.kept(at(4), silent(3), shut(2), at(1), flush=1)
    aside = Watched(tmp_path / "aside")
    aside.ran(at(1), at(2), at(3), shut(4))
    aside.ran(at(1), shut(2), silent(3), at(4))
    for table in ("sightings", "changes", "findings", "events"):
        assert watched.everything([table]) == aside.everything([table])
    told = msgspec.json.decode(watched.row(run)["summary"], type=Summary)
    assert [row.measured for row in told.rows if row.quantity == "archives_open"] == [2]
    assert sum(product.archives_open for product in told.products) == 2

    before = watched.everything(["archives", "events"])
    shutil.rmtree(watched.store.directory / watched.row(first)["folder"])
    again(watched, run)
    take_in(watched.store, run)
    assert watched.row(run)["baseline"] is None
    assert watched.everything(["archives", "events"]) == before
    assert watched.kinds(run) == {name(1): "still-open", name(4): "new"}, "what was open before is not new"
