"""A world that is surveyed twice: the comparison of both surveys says what is true of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from filmbadge.cli import run
from filmbadge.rehearse.build import build
from filmbadge.rehearse.world import Manner
from filmbadge.rehearse.worldfile import WorldError, parse, read
from support import archives

WORLD = """schema = "filmbadge.world/1"
name = "pair"
depth = "profile"

[behaviour.open]
implementation = ["1.2.40.0.13.1.3", "dcm4che-5.31.0"]
rungs = { dimse = "discloses" }
[behaviour.dcmtk]
implementation = ["1.2.276.0.7230010.3.0.3.6.7", "OFFIS_DCMTK_367"]
rungs = { dimse = "discloses" }
[behaviour.orthanc]
manner = "nothing"
rest = true
rungs = { http = "discloses" }

[[archives]]
name = "clinic"
behaviour = "open"
count = 10
studies = [40, 400]
[[archives]]
name = "practice"
behaviour = "dcmtk"
studies = 46
[[archives]]
name = "portal"
behaviour = "orthanc"
studies = 53
[[archives]]
name = "shut"
called = "PACS01"
count = 2
rungs = { dimse = "speaks" }

"""
CHANGES = (
    'becomes = "new"\ncount = 2\namong = ["open"]\nstudies = [500, 700]',
    'becomes = "gone"\ncount = 1\namong = ["clinic"]',
    'becomes = "closed"\nby = "refused"\ncount = 1\namong = ["clinic"]',
    'becomes = "closed"\nby = "filtered"\ncount = 1\namong = ["clinic"]\nbehaves = { drops = "services", rungs = {} }',
    'becomes = "closed"\nby = "rejected"\ncount = 1\namong = ["clinic"]\nbehaves = { called = "A", rungs = { dimse = "speaks" } }',
    'becomes = "closed"\nby = "aborted"\ncount = 1\namong = ["practice"]\nbehaves = { aborts_queries = true, rungs = { dimse = "admits" } }',
    'becomes = "closed"\nby = "login"\ncount = 1\namong = ["portal"]\nbehaves = { rest = false, rungs = { http = "speaks" } }',
    'becomes = "closed"\nby = "client-certificate"\ncount = 1\namong = ["clinic"]\nbehaves = { tls = "client-certificate", rungs = { dimse = "listening" } }',
    'becomes = "moved"\ncount = 1\namong = ["clinic"]',
    'becomes = "worse"\ncount = 1\namong = ["clinic"]\ngrows = 1.5',
    'becomes = "better"\ncount = 1\namong = ["clinic"]\ngrows = 0.5',
)


def world(*changes: str) -> str:
    return WORLD + "".join(f"[[after]]\n{change}\n" for change in changes)


@pytest.fixture(scope="module")
def rehearsed(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    folder = tmp_path_factory.mktemp("pair")
    (folder / "pair.toml").write_text(world(*CHANGES))
    told = archives.filmbadge("rehearse", str(folder / "pair.toml"), "--json", "--out", str(folder / "out"))
    return json.loads(told), folder / "out"


def test_the_comparison_says_what_is_true(rehearsed: tuple[dict[str, Any], Path]) -> None:
    told, _ = rehearsed
    assert told["agree"] is True
    measured = {row["quantity"]: row["measured"] for row in told["changes"]}
    assert measured == {
        "open_before": 12, "open_after": 7, "new": 2, "not_open_any_more": 7, "gone": 1, "closed": 6, "closed:aborted": 1,
        "closed:client-certificate": 1, "closed:filtered": 1, "closed:login": 1, "closed:refused": 1, "closed:rejected": 1,
        "still-open": 2, "worse": 1, "better": 1, "moved": 1, "not-compared": 0,
    }  # fmt: skip
    assert all(row["truth"] == row["measured"] and row["agrees"] for row in told["changes"])
    later = {row["quantity"]: row for row in told["later"]}
    assert later["archives_open"]["measured"] == later["archives_open"]["truth"] == 7


def test_both_surveys_are_kept(rehearsed: tuple[dict[str, Any], Path], capsys: pytest.CaptureFixture[str]) -> None:
    _, out = rehearsed
    assert run(["compare", str(out / "before"), str(out / "after"), "--fail-on", "new"]) == 1
    assert (
        capsys.readouterr().out.splitlines()[-1] == "Open archives: 7 now, 12 before. Closed or gone: 7. Newly open: 2."
    )


def test_the_review_of_2019_is_as_it_was_published() -> None:
    made = build(read("review-2019"), 1, 3)
    assert made.changes_published == {"open_before": 590, "new": 129, "not_open_any_more": 172, "open_after": 547}
    assert {name: made.changes[name] for name in made.changes_published} == made.changes_published
    assert made.later is not None
    then = {archive.country for archive in made.later.archives if archive.open and not archive.decoy}
    assert not then & {"GB", "DE", "TH", "VE"}
    assert {"DO", "GT", "KE", "KZ", "LK", "MA", "NG", "SI", "SK"} <= then
    assert not any(archive.manner is Manner.SILENT for archive in made.archives)


def test_what_moved_is_the_same_archive_elsewhere() -> None:
    made = build(parse(world(CHANGES[8]).encode(), "x.toml"), 1, 1)
    assert made.later is not None
    old = {a.contents.root: a.addresses for a in made.archives if a.open}
    new = {a.contents.root: a.addresses for a in made.later.archives if a.open}
    assert old.keys() == new.keys()
    assert sum(old[root] != new[root] for root in old) == 1


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ('becomes = "closed"\ncount = 1', "what is `closed` says by what, and nothing else does"),
        ('becomes = "gone"\nby = "login"', "what is `closed` says by what, and nothing else does"),
        ('becomes = "closed"\nby = "excluded"', "what is `closed` says by what, and nothing else does"),
        ('becomes = "gone"\nevery = true', "`every` needs `countries`"),
        ('becomes = "moved"\ncount = 1\ngrows = 2', "what moved is recognised by what did not change"),
        ('becomes = "gone"\namong = ["clinics"]', "no behaviour and no archives are called 'clinics'"),
        ('becomes = "worse"\nbehaves = { colour = 1 }', "unknown field `colour`"),
    ],
)
def test_a_change_that_cannot_be_is_told_in_one_line(change: str, why: str) -> None:
    with pytest.raises(WorldError, match=r"x\.toml") as error:
        parse(world(change).encode(), "x.toml")
    assert why in str(error.value)
    assert "\n" not in str(error.value)


def test_a_world_of_which_it_is_later_must_ship() -> None:
    with pytest.raises(WorldError, match="no world that ships is called 'elsewhere'"):
        parse(world().replace('"pair"', '"pair"\nbefore = "elsewhere"').encode(), "x.toml")
