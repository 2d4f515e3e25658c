"""Totals against a truth that they cannot see: a number is the truth, and a bound is on its side of it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filmbadge.keep.manifest import Alike, PatientIds, State, grouping
from filmbadge.keep.reader import Dataset
from filmbadge.model import Doubt, DoubtCode, Provenance, Total
from support.known_truth import Held, Row, Seen, dataset, endpoint, images, measured, rows

EXACT = (Provenance.COUNTED, Provenance.REPORTED, Provenance.MIXED)


def by_quantity(found: Dataset) -> dict[str, Total]:
    return {total.quantity: total for total in found.totals()}


def truth(hosts: list[Seen]) -> dict[str, int]:
    """What is there, whoever was asked."""
    real = {id(seen.held): seen.held for seen in hosts if seen.held is not None and not seen.held.decoy}.values()
    opened = [held for held in real if held.open]
    studies = frozenset().union(*(held.studies for held in opened))
    return {
        "archives": len(real),
        "archives_open": len(opened),
        "patients": sum(len(held.studies) for held in opened),
        "studies": len(studies),
        "images": images(studies),
        "ssn_records": 0,
    }


def assert_true(found: dict[str, Total], true: dict[str, int]) -> None:
    for quantity, n in true.items():
        total = found[quantity]
        if total.how in EXACT:
            assert total.measured == n, total
        assert total.at_least is None or total.at_least <= n, total
        assert total.at_most is None or total.at_most >= n, total
        assert (total.measured is None) == (total.how is Provenance.UNKNOWN), total
        assert total.measured is not None or total.doubts, "what is not known says why"


@st.composite
def worlds(draw: st.DrawFn) -> list[Seen]:
    """Hosts of every kind. Some open archives have a second way in, at a host of their own."""
    number = iter(range(10_000))
    hosts: list[Seen] = []
    hows = st.sampled_from(
        ["counted"] * 4 + ["reported", "estimated", "unknown", "closed", "inconclusive", "undecided", "unasked", "none"]
    )
    for how in draw(st.lists(hows, max_size=12)):
        studies = frozenset(next(number) for _ in range(draw(st.integers(1, 60))))
        decoy = how in ("counted", "reported") and draw(st.integers(0, 9)) == 0
        opened = how in ("counted", "reported", "estimated", "unknown") or (how != "closed" and draw(st.booleans()))
        held = None if how == "none" else Held(studies, opened, decoy)
        hosts.append(Seen(held, how, draw(st.sampled_from([0.0, 0.4, 1.0]))))
    return hosts


@settings(max_examples=25, deadline=None)
@given(hosts=worlds())
def test_a_number_is_the_truth_and_a_bound_is_below_it(
    hosts: list[Seen], tmp_path_factory: pytest.TempPathFactory
) -> None:
    kept = dataset(tmp_path_factory.mktemp("s"), *rows(hosts), hosts=len(hosts))
    found = by_quantity(kept)
    assert_true(found, truth(hosts))
    hows = {seen.how for seen in hosts}
    opened = {s.how for s in hosts if s.held is not None and s.how in ("counted", "reported", "estimated", "unknown")}
    opened -= {s.how for s in hosts if s.held and s.held.decoy} - {s.how for s in hosts if s.held and not s.held.decoy}
    whole = not hows & {"undecided", "unasked"}
    doubtful = [n for n, seen in enumerate(hosts, 1) if seen.how in ("undecided", "inconclusive")]
    assert kept.undecided() == sorted(f"192.0.2.{n}" for n in doubtful)
    assert (found["archives"].measured is not None) == whole
    assert (found["archives_open"].measured is not None) == (whole and "inconclusive" not in hows)
    known = whole and "inconclusive" not in hows and "unknown" not in opened
    assert (found["studies"].measured is not None) == known
    if found["studies"].how is Provenance.COUNTED:
        assert opened <= {"counted"}


@settings(max_examples=25, deadline=None)
@given(hosts=worlds(), state=st.sampled_from(["running", "interrupted"]), data=st.data())
def test_a_survey_that_did_not_end_claims_no_more_than_is_there(
    hosts: list[Seen], state: State, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Broken off anywhere. Archives with a second way in were not yet found to be one."""
    ways = [seen for seen in hosts if seen.how in ("counted", "reported") and data.draw(st.booleans())]
    hosts = data.draw(st.permutations([*hosts, *ways]))
    asked = data.draw(st.integers(0, len(hosts)))
    hosts = [seen if n < asked else Seen(seen.held, "unasked") for n, seen in enumerate(hosts)]
    found = by_quantity(dataset(tmp_path_factory.mktemp("s"), *rows(hosts), hosts=len(hosts), state=state))
    assert_true(found, truth(hosts))
    if any(seen.how == "unasked" for seen in hosts):
        assert found["archives"].measured is None
        assert found["studies"].measured is None


@settings(max_examples=25, deadline=None)
@given(
    sets=st.lists(st.frozensets(st.integers(0, 40), min_size=1), min_size=1, max_size=4),
    hows=st.lists(st.sampled_from(["counted", "counted", "reported", "unknown"]), min_size=4, max_size=4),
    sampled=st.lists(st.sampled_from([1.0, 1.0, 0.5]), min_size=6, max_size=6),
)
def test_what_overlaps_is_counted_once_or_is_between_two_bounds(
    sets: list[frozenset[int]], hows: list[str], sampled: list[float], tmp_path_factory: pytest.TempPathFactory
) -> None:
    hosts = [Seen(Held(studies), how, 0.5) for studies, how in zip(sets, hows, strict=False)]
    links = list(measured(sets, sampled))
    found = by_quantity(dataset(tmp_path_factory.mktemp("s"), *rows(hosts), hosts=len(hosts), links=links))
    true = truth(hosts)
    assert_true(found, true)
    if len(sets) == 2 and {*hows[:2]} == {"counted"} and sampled[0] == 1:
        assert found["studies"].measured == true["studies"]
        if sets[0] & sets[1]:
            assert found["images"].at_most == sum(map(images, sets))


def test_archives_that_hold_the_same_few_studies_are_one_or_two(tmp_path: Path) -> None:
    sets = [frozenset(range(5))] * 2
    hosts = [Seen(Held(studies), "counted") for studies in sets]
    found = by_quantity(dataset(tmp_path, *rows(hosts), hosts=2, links=list(measured(sets, [1.0]))))
    assert (found["archives"].at_least, found["archives"].at_most) == (1, 2)
    assert (found["patients"].at_least, found["patients"].at_most) == (5, 10)
    assert found["studies"].measured == 5
    assert found["studies"].how is Provenance.COUNTED


@settings(max_examples=25, deadline=None)
@given(
    hosts=st.lists(st.sampled_from(["counted", "reported", "unknown", "closed"]), min_size=1, max_size=6),
    twice=st.lists(st.booleans(), min_size=6, max_size=6),
    more=st.lists(st.integers(0, 2), min_size=6, max_size=6),
)
def test_what_may_be_one_archive_or_several_is_between_two_bounds(
    hosts: list[str], twice: list[bool], more: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Each host shows two services. They are two archives, or one; and what is told as one archive may be several."""
    seen: list[Seen] = []
    for n, how in enumerate(hosts):
        one = Held(frozenset(range(100 * n, 100 * n + 10)), how != "closed")
        other = Held(frozenset(range(100 * n + 50, 100 * n + 53)), how != "closed") if twice[n] else one
        seen += [Seen(one, how, 0.5), Seen(other, how, 0.5)]
    endpoints, archives = rows(seen)
    for n in range(len(hosts)):
        left, right = archives[2 * n : 2 * n + 2]
        left["perhaps_same"], right["perhaps_same"] = [right["id"]], [left["id"]]
        left["perhaps_more"] = more[n]
    found = by_quantity(dataset(tmp_path_factory.mktemp("s"), endpoints, archives, hosts=len(seen)))
    true = truth(seen)
    assert_true(found, true)
    assert found["archives"].at_least == len(hosts)
    assert found["archives"].at_most == 2 * len(hosts) + sum(more[: len(hosts)])


def test_nothing_asked_is_not_nothing_found(tmp_path: Path) -> None:
    found = by_quantity(dataset(tmp_path, [], [], hosts=3, state="running"))
    for quantity in ("archives", "archives_open", "studies", "images", "http_viewers", "decoys"):
        total = found[quantity]
        assert (total.measured, total.how, total.at_least) == (None, "unknown", 0)
        assert Doubt(DoubtCode.HOSTS_UNASKED, {"hosts": 3}) in total.doubts


def test_nothing_reached_is_not_nothing_found(tmp_path: Path) -> None:
    silent = [endpoint(n, "silent", ending="no-answer") for n in (1, 2)]
    found = by_quantity(dataset(tmp_path, silent, [], hosts=2, state="nothing-reached"))
    assert (found["archives"].measured, found["archives"].at_least) == (None, 0)
    assert found["archives"].doubts == (Doubt(DoubtCode.NOTHING_REACHED, {"hosts": 2}),)


def test_a_silent_host_beside_one_that_answered_leaves_no_doubt(tmp_path: Path) -> None:
    asked = [endpoint(1, "silent", ending="no-answer"), endpoint(2, "silent", ending="refused")]
    found = by_quantity(dataset(tmp_path, asked, [], hosts=2))
    assert found["archives"] == Total("archives", 0, Provenance.COUNTED)
    assert found["studies"] == Total("studies", 0, Provenance.COUNTED)


def test_an_estimate_is_no_lower_bound(tmp_path: Path) -> None:
    hosts = [Seen(Held(frozenset(range(50))), "estimated", 0.4), Seen(Held(frozenset(range(50, 60))), "unknown", 0.5)]
    studies = by_quantity(dataset(tmp_path, *rows(hosts), hosts=2))["studies"]
    assert (studies.measured, studies.at_least, studies.parts) == (None, 20 + 5, {"estimated": 53})
    alone = by_quantity(dataset(tmp_path / "alone", *rows(hosts[:1]), hosts=1))["studies"]
    assert (alone.measured, alone.how, alone.at_least, alone.low, alone.high) == (53, "estimated", 20, 20, 59)


def test_a_total_says_of_how_many_archives_it_has_a_bound_and_which_are_all_with_a_date(tmp_path: Path) -> None:
    def held(n: int) -> Held:
        return Held(frozenset(range(10 * n, 10 * n + 10)))

    limit = Doubt(DoubtCode.UNDATED_BEHIND_LIMIT, {"rows": 100})
    hosts = [
        Seen(held(0), "counted"),
        Seen(held(1), "unknown", 0.9, (limit,)),
        Seen(held(2), "unknown", 0.8, (limit, Doubt(DoubtCode.STATUS, {"status": 0xFE00}))),
        Seen(held(3), "unknown", 0.7, (limit, Doubt(DoubtCode.NO_TIME))),
        Seen(held(4), "unknown", 0.6),
        Seen(held(5), "unknown", 0, (limit,)),
    ]
    studies = by_quantity(dataset(tmp_path, *rows(hosts), hosts=6))["studies"]
    assert (studies.measured, studies.at_least, studies.parts) == (None, 10 + 9 + 8 + 7 + 6, {"counted": 10})
    assert (studies.unknown_archives, studies.bounded_archives, studies.dated_archives) == (5, 4, 2)


def test_at_a_depth_that_asks_no_question_nobody_is_known_to_be_closed(tmp_path: Path) -> None:
    hosts = [Seen(Held(frozenset({1})), "closed")]
    endpoints, archives = rows(hosts)
    endpoints[0] |= {"rung": "admits", "why": "not-asked-at-depth"}
    found = by_quantity(dataset(tmp_path, endpoints, archives, hosts=1))
    assert found["archives"].measured == 1
    assert (found["archives_open"].measured, found["archives_open"].at_least) == (None, 0)


def test_an_older_judgement_does_not_say_who_is_conclusive(tmp_path: Path) -> None:
    endpoints, archives = rows([Seen(Held(frozenset({1})), "closed"), Seen(Held(frozenset({2})), "counted")])
    for row in endpoints:
        del row["conclusive"]
    found = by_quantity(dataset(tmp_path, endpoints, archives, hosts=2))
    assert (found["archives"].measured, found["archives_open"].measured) == (2, None)
    assert found["archives_open"].doubts == (Doubt(DoubtCode.HOSTS_UNDECIDED, {"hosts": 1}),)


def test_copies_may_yet_be_bait(tmp_path: Path) -> None:
    """Of five copies in five networks only four were asked so far."""
    hosts = [Seen(Held(frozenset({n})), "counted") for n in range(4)]
    endpoints, archives = rows(hosts)
    for row in archives:
        row["configuration"] = "the same"
    found = by_quantity(dataset(tmp_path, endpoints, archives, hosts=5, state="interrupted"))
    assert found["archives"].at_least == 0
    assert found["archives"].parts == {"counted": 4}


def test_patient_ids_are_a_bound_too(tmp_path: Path) -> None:
    endpoints, archives = rows([Seen(Held(frozenset({1})), "counted"), Seen(None, "undecided")])
    made = dataset(tmp_path, endpoints, archives, hosts=2)
    scope = msgspec.structs.replace(made.manifest.scope, depth="profile")
    ids = PatientIds(Total("patient_ids", 9, Provenance.COUNTED), grouping([archives[0]["endpoints"]]))
    told = msgspec.structs.replace(made.manifest, scope=scope, patient_ids=ids)
    total = {total.quantity: total for total in made.totals(told)}["patient_ids"]
    assert (total.measured, total.at_least, total.parts) == (None, 9, {"counted": 9})
    assert total.doubts == (Doubt(DoubtCode.HOSTS_UNDECIDED, {"hosts": 1}),)


def test_each_country_has_a_row_and_what_no_source_attributes_has_one_of_its_own(tmp_path: Path) -> None:
    hosts = [
        Seen(Held(frozenset(range(30))), "counted"),
        Seen(Held(frozenset(range(30, 40))), "reported"),
        Seen(Held(frozenset(range(40, 45))), "counted"),
        Seen(Held(frozenset(range(50, 60)), open=False), "closed"),
        Seen(Held(frozenset(range(60, 70)), decoy=True), "counted"),
        Seen(None, "undecided"),
    ]
    kept = dataset(tmp_path, *rows(hosts), hosts=len(hosts), countries=["NL", "NL", None, "DE", "DE", "FR"])
    found = {row.country: row for row in kept.by_country()}
    assert list(found) == ["NL", "DE", "FR", None]
    assert {c: row.archives.measured for c, row in found.items()} == {"NL": 2, "DE": 1, "FR": 0, None: 1}
    assert {c: row.archives_open.measured for c, row in found.items()} == {"NL": 2, "DE": 0, "FR": 0, None: 1}
    assert {c: row.studies.measured for c, row in found.items()} == {"NL": 40, "DE": 0, "FR": 0, None: 5}
    assert found["NL"].studies.parts == {"counted": 30, "reported": 10}
    assert {c: row.hosts_undecided for c, row in found.items()} == {"NL": 0, "DE": 0, "FR": 1, None: 0}
    assert by_quantity(kept)["hosts_undecided"] == Total("hosts_undecided", 1, Provenance.COUNTED)
    assert by_quantity(kept)["studies"].at_least == 45


def test_an_overlap_of_two_countries_is_in_each_of_them(tmp_path: Path) -> None:
    """A study is open in both, so each row has it. Within one country it counts once."""
    sets = [frozenset(range(40)), frozenset(range(20, 60)), frozenset(range(10, 30))]
    hosts = [Seen(Held(studies), "counted") for studies in sets]
    links = list(measured(sets[:2], [1.0]))
    countries = ["NL", "DE", "NL"]
    apart = dataset(tmp_path / "apart", *rows(hosts), hosts=3, links=links, countries=countries)
    assert {row.country: row.studies.measured for row in apart.by_country()} == {"NL": 60, "DE": 40}
    assert by_quantity(apart)["studies"].measured == 80
    together = dataset(tmp_path / "one", *rows(hosts[:2]), hosts=2, links=links, countries=["NL", "NL"])
    assert {row.country: row.studies.measured for row in together.by_country()} == {"NL": 60}


def test_of_countries_with_as_many_open_archives_the_one_with_more_studies_comes_first(tmp_path: Path) -> None:
    hosts = [Seen(Held(frozenset(range(5))), "counted"), Seen(Held(frozenset(range(10, 40))), "counted")]
    kept = dataset(tmp_path, *rows(hosts), hosts=2, countries=["AE", "US"])
    assert [row.country for row in kept.by_country()] == ["US", "AE"]


def test_a_country_of_a_survey_that_has_not_ended_is_a_bound(tmp_path: Path) -> None:
    hosts = [Seen(Held(frozenset(range(30))), "counted")]
    kept = dataset(tmp_path, *rows(hosts), hosts=9, state="interrupted", countries=["NL"])
    (row,) = kept.by_country()
    assert (row.studies.measured, row.studies.at_least) == (None, 30)
    assert row.studies.doubts[0] == Doubt(DoubtCode.HOSTS_UNASKED, {"hosts": 8})


def alike(directory: Path, n: int, *, size: int = 30, links: list[Row] | None = None) -> Dataset:
    """Archives of one network with equal counts."""
    hosts = [Seen(Held(frozenset(range(size))), "reported") for _ in range(n)]
    return dataset(directory, *rows(hosts), hosts=n, links=links)


def test_one_machine_behind_all_addresses_of_a_network_may_be_one(tmp_path: Path) -> None:
    kept = alike(tmp_path, 254)
    found = by_quantity(kept)
    assert (found["archives"].at_least, found["archives"].at_most) == (1, 254)
    assert found["archives"].doubts == (Doubt(DoubtCode.ALIKE, {"archives": 254}),)
    assert (found["studies"].at_least, found["studies"].at_most) == (30, 254 * 30)
    assert kept.alike() == (Alike("192.0.2.0/24", 254, True, 30),)
    (row,) = kept.by_country()
    assert (row.archives_open.at_least, row.archives_open.at_most) == (1, 254)


def test_a_few_small_archives_with_equal_counts_are_several(tmp_path: Path) -> None:
    kept = alike(tmp_path, 3, size=2)
    assert kept.alike() == ()
    assert by_quantity(kept)["archives"].measured == 3


def test_archives_with_equal_counts_in_two_networks_are_two(tmp_path: Path) -> None:
    endpoints, archives = rows([Seen(Held(frozenset(range(30))), "reported") for _ in range(2)])
    for row in (endpoints[1], archives[1]):
        row["address"] = "198.51.100.2"
    kept = dataset(tmp_path, endpoints, archives, hosts=2)
    assert kept.alike() == ()
    assert by_quantity(kept)["archives"].measured == 2


def test_archives_that_were_shown_to_hold_other_studies_are_several(tmp_path: Path) -> None:
    link = {
        "one": "dimse://192.0.2.1:4242",
        "other": "dimse://192.0.2.2:4242",
        "shown_by": "study-uids",
        "target": None,
    }
    kept = alike(tmp_path, 2, links=[{**link, "shared": 0, "sampled": 60, "of_one": 30, "whole": True}])
    assert kept.alike() == ()
    assert by_quantity(kept)["archives"].measured == 2


@pytest.mark.parametrize(("n", "perhaps"), [(199, False), (200, True)])
def test_closed_archives_that_fill_a_network_and_show_the_same_may_be_one(
    n: int, perhaps: bool, tmp_path: Path
) -> None:
    hosts = [Seen(Held(frozenset(range(9)), open=False), "closed") for _ in range(n)]
    kept = dataset(tmp_path, *rows(hosts), hosts=n)
    assert by_quantity(kept)["archives"].measured == (None if perhaps else n)
    assert kept.alike() == ((Alike("192.0.2.0/24", n, False, None),) if perhaps else ())
