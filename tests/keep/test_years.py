"""Exams by year against a truth that the tables cannot see: a number is the truth, and a bound is not above it."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filmbadge.keep.reader import Dataset
from filmbadge.keep.schema import by_year
from filmbadge.keep.years import YearRow, YearsKnown
from filmbadge.model import ByYear, YearTally
from support.known_truth import Held, Seen, dataset, measured, rows

Years = dict[int | None, int]
HELD: Years = {2018: 3, 2019: 5, None: 2}


def columns(years: Years | None, *, whole: bool = True) -> dict[str, Any]:
    if years is None:
        return {"studies_by_year": None, "studies_by_year_whole": None}
    named = [("unknown" if year is None else str(year), n) for year, n in years.items()]
    return {"studies_by_year": named, "studies_by_year_whole": whole}


def kept(directory: Path, *years: dict[str, Any], seen: list[Seen] | None = None, **more: Any) -> Dataset:
    """A survey of hosts with one archive each. `years` are the columns of these."""
    hosts = seen or [Seen(Held(frozenset(range(100 * n, 100 * n + 10))), "counted") for n in range(len(years))]
    endpoints, archives = rows(hosts)
    for archive, found in zip(archives, years, strict=True):
        archive.update(found)
    return dataset(directory, endpoints, archives, **{"hosts": len(hosts)} | more)


def test_studies_of_all_archives_are_added_up_year_by_year(tmp_path: Path) -> None:
    found = kept(tmp_path, columns(HELD), columns({2019: 1, 2026: 9}))
    assert found.by_year() == (
        YearRow(2018, 3, 1, False),
        YearRow(2019, 6, 2, False),
        YearRow(2026, 9, 1, False),
        YearRow(None, 2, 1, False),
    )
    assert found.years_known() == YearsKnown(whole=2)
    table = [tuple(row.values()) for row in found.rows("FROM by_year")]
    assert table == [(2018, 3, 1, 0), (2019, 6, 2, 0), (2026, 9, 1, 0), (None, 2, 1, 0)]


def test_what_nobody_looked_at_is_unknown_and_never_zero(tmp_path: Path) -> None:
    found = kept(tmp_path, columns(None), columns(None))
    assert found.by_year() == ()
    assert found.years_known() == YearsKnown(unknown=2)


@pytest.mark.parametrize(
    ("other", "known"),
    [(columns(None), YearsKnown(1, 0, 1)), (columns({2019: 4}, whole=False), YearsKnown(1, 1, 0))],
    ids=["unknown", "partly"],
)
def test_where_an_archive_is_not_known_whole_each_number_is_a_lower_bound(
    other: dict[str, Any], known: YearsKnown, tmp_path: Path
) -> None:
    found = kept(tmp_path, columns(HELD), other)
    assert all(row.at_least for row in found.by_year())
    assert found.years_known() == known
    assert {row["archives_unknown"] for row in found.rows("FROM by_year")} == {1}


def test_hosts_that_were_not_asked_may_hold_more(tmp_path: Path) -> None:
    assert all(row.at_least for row in kept(tmp_path, columns(HELD), hosts=2).by_year())


def test_decoys_and_closed_archives_are_in_no_year(tmp_path: Path) -> None:
    one, decoy, closed = (Held(frozenset(range(10)), open=n < 2, decoy=n == 1) for n in range(3))
    seen = [Seen(one, "counted"), Seen(decoy, "counted"), Seen(closed, "closed")]
    found = kept(tmp_path, columns(HELD), columns({2001: 7}), columns({2002: 7}), seen=seen)
    assert [(row.year, row.studies, row.at_least) for row in found.by_year()] == [
        (y, n, False) for y, n in HELD.items()
    ]
    assert found.years_known() == YearsKnown(whole=1)


@settings(max_examples=12, deadline=None)
@given(
    sets=st.lists(st.frozensets(st.integers(0, 30), min_size=1), min_size=1, max_size=4),
    hows=st.lists(st.sampled_from(["counted", "counted", "unknown"]), min_size=4, max_size=4),
    perhaps=st.lists(st.booleans(), min_size=6, max_size=6),
)
def test_what_archives_share_is_in_no_year_twice(
    sets: list[frozenset[int]], hows: list[str], perhaps: list[bool], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Each study has a year. Some archives are linked, some may be one."""
    seen = [Seen(Held(studies), how) for studies, how in zip(sets, hows, strict=False)]
    endpoints, archives = rows(seen)
    for archive, studies in zip(archives, sets, strict=True):
        archive.update(columns(dict(Counter(2000 + study % 5 for study in studies))))
    for (one, other), so in zip(combinations(archives, 2), perhaps, strict=False):
        if so:
            one["perhaps_same"] = [*one.get("perhaps_same", ()), other["id"]]
    links = list(measured(sets, [1.0] * 6))
    found = dataset(tmp_path_factory.mktemp("s"), endpoints, archives, hosts=len(seen), links=links)
    true = Counter(2000 + study % 5 for study in frozenset().union(*sets))
    for row in found.by_year():
        assert row.studies <= true[row.year or 0]
        assert row.at_least or row.studies == true[row.year or 0]
    if not any(one & other for one, other in combinations(sets, 2)) and not any(perhaps):
        assert not any(row.at_least for row in found.by_year())


def test_columns_are_read_as_they_were_written() -> None:
    found = ByYear((YearTally(2018, 3), YearTally(None, 2)), whole=False)
    assert by_year(columns({2018: 3, None: 2}, whole=False)) == found
    assert by_year({"studies_by_year": {"2018": 3, "unknown": 2}, "studies_by_year_whole": False}) == found
    assert by_year({}) is None
