"""A survey as anybody may see it holds nothing of a single archive, and no figure of it comes back."""

from __future__ import annotations

import io
import random
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from filmbadge.cli.console import json_bytes
from filmbadge.model import Provenance, Total
from filmbadge.tell import terminal as terminal_view
from filmbadge.tell.levels import Level, at_level
from filmbadge.tell.published import Collected, published
from filmbadge.tell.report import page
from filmbadge.tell.rounding import Each, Figure, Limit, Rule, keyed, told
from filmbadge.tell.summary import KindLine, ReportDocument
from filmbadge.tell.words import Words
from support import many

TABLES = ("products", "toolkits", "transport", "advisories")

ENGLISH = Words()


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> ReportDocument:
    return many.document(tmp_path_factory.mktemp("many"))


@pytest.fixture(scope="module")
def public(document: ReportDocument) -> ReportDocument:
    return at_level(document, Level.PUBLIC, ENGLISH)


def shown(report: ReportDocument) -> str:
    """All that is ever made of it."""
    out = io.StringIO()
    Console(file=out, width=200, color_system=None).print(terminal_view.render(report, ENGLISH))
    return "\n".join((out.getvalue(), page.render(report, ENGLISH), json_bytes(report).decode()))


def test_nothing_of_a_single_archive_is_in_it(document: ReportDocument, public: ReportDocument) -> None:
    private = re.compile(
        r"192\.0\.2|:8042|:4242|645\d\d|Carrier|Clinic|example\.org|House|the board|T-1|1\.12\.1(?!\d)|survey_name"
    )
    assert private.search(shown(document))
    assert not private.findall(shown(public))


def test_only_countries_with_enough_open_archives_have_a_row(public: ReportDocument) -> None:
    assert {row.country for row in public.by_country} <= {"DE", "US", "FR"}
    assert "DE" in {row.country for row in public.by_country}
    for row in public.by_country:
        assert row.archives_open.at_least in (5, 10)
        assert row.archives_open.measured is None


def test_the_order_of_rows_tells_no_more_than_their_figures(document: ReportDocument) -> None:
    turned = msgspec.structs.replace(
        document,
        by_country=document.by_country[::-1],
        **{table: getattr(document, table)[::-1] for table in TABLES},
    )
    for report in (published(document, Words()), published(turned, Words())):
        rows = [(-(row.archives_open.at_least or 0), row.country or "") for row in report.by_country]
        assert len(rows) > 1
        assert rows == sorted(rows)
        for table in TABLES:
            shown = [(-row.archives_open, row.name) for row in getattr(report, table)]
            assert shown == sorted(shown)
        found = [(-n, name) for name, n in report.findings.items()]
        assert found == sorted(found)


def test_every_figure_is_a_bound_that_is_true(document: ReportDocument, public: ReportDocument) -> None:
    truth = {row.quantity: row.at_least if row.measured is None else row.measured for row in document.rows}
    for row in public.rows:
        assert row.measured is None
        assert row.at_least is None or row.at_least <= (truth[row.quantity] or 0)
    assert {row.quantity: row.at_least for row in public.rows}["archives"] in (35, 40, 45)


def test_the_same_survey_has_the_same_figures_and_one_archive_less_draws_all_anew(
    document: ReportDocument, public: ReportDocument
) -> None:
    """Also where a later version words it otherwise. Who compared both pages would know more than one of them tells."""
    assert published(document, ENGLISH) == public
    later = msgspec.structs.replace(document, version="99", words=dict.fromkeys(document.words, "other"))
    assert published(later, ENGLISH).rows == public.rows
    assert published(later, ENGLISH).by_country == public.by_country
    draws = [keyed(text)(Figure(0, ("x",), 10**9)) for text in (b"one", b"other")]
    assert draws[0] != draws[1]


def test_a_survey_of_few_archives_tells_of_none_and_says_so(tmp_path: Path) -> None:
    made = at_level(many.document(tmp_path, {"DE": (1, 1)}), Level.PUBLIC, ENGLISH)
    assert "they are too few to hide a single one" in page.render(made, ENGLISH)
    assert "At least 0" not in shown(made)
    assert "No host was asked" not in shown(made)
    assert all(row.at_least is None for row in made.rows)
    assert not made.by_country


def nothings(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Every zero, null and empty text, list or table in a document, by the names that lead to it."""
    if isinstance(value, dict) and value:
        for name, one in value.items():
            yield from nothings(one, f"{path}.{name}".lstrip("."))
    elif isinstance(value, list) and value:
        for one in value:
            yield from nothings(one, path)
    elif value is None or (value is not False and not value):
        yield path, value


@pytest.mark.parametrize("countries", [many.COUNTRIES, {"DE": (1, 1)}, {"DE": (0, 2)}, {}], ids=str)
def test_what_is_not_told_is_no_zero_and_the_document_says_why(
    countries: dict[str, tuple[int, int]], tmp_path: Path
) -> None:
    made = msgspec.to_builtins(at_level(many.document(tmp_path, countries), Level.PUBLIC, ENGLISH))
    found = dict(nothings(made))
    assert not [path for path, value in found.items() if type(value) in (int, float)]
    # A bound that is not told has its doubt beside it, and a survey without an end says so by its state.
    said = re.compile(r"ended|evidence\.ended|.*\bat_least|.*\bdoubts\.numbers|(by_country|kinds)\..*")
    assert not [path for path in found if path not in made["withheld"] and not said.fullmatch(path)]
    assert all(made["withheld"].values())


def test_a_kind_of_which_only_the_looks_are_not_told_is_not_told_as_found_in_none(document: ReportDocument) -> None:
    known = Total("kind:birth_date", 4000, Provenance.COUNTED)
    lines = (
        KindLine("birth_date", known, {"personal": 1}),
        KindLine("sex", Total("kind:sex", 0, Provenance.COUNTED), {}),
    )
    held = msgspec.structs.replace(document, kinds=lines)
    assert "Looked for and found in none: sex." in page.render(held, ENGLISH)
    assert "found in none" not in page.render(at_level(held, Level.PUBLIC, ENGLISH), ENGLISH)


def random_countries(seed: int) -> dict[str, tuple[int, int]]:
    chance = random.Random(seed)
    return {f"A{letter}": (chance.randrange(12), chance.randrange(5)) for letter in "BCDEF"} | {"XX": (1, 1)}


@pytest.mark.parametrize("seed", range(4))
def test_for_every_figure_there_is_a_world_for_each_number_that_it_may_be(seed: int, tmp_path: Path) -> None:
    """What the attacker knows of the true figures are the rules. A witness obeys them, and is told in the same words."""
    figures, rules = Collected(many.document(tmp_path, random_countries(seed))).all()
    made = told(figures, rules, keyed(bytes([seed])))
    assert any(made.values())
    for name, figure in figures.items():
        for value in {0, 1, figure.base // 2, figure.base - 1}:
            world = witness(figures, rules, made, name, value)
            obeys(world, rules, figures)
            again = {one: figures[one]._replace(value=n) for one, n in world.items()}
            assert told(again, rules, lambda f, again=again: drawn(again, made, f)) == made  # type: ignore[misc]


def witness(
    figures: Mapping[str, Figure], rules: list[Rule], made: Mapping[str, int], name: str, more: int
) -> dict[str, int]:
    """A world in which this figure is so much more than what is told of it. What stands above it grows with it, and no other does."""
    world = dict(made)
    grows = {name: more}
    while grows:
        raised, by = grows.popitem()
        world[raised] = max(world[raised], made[raised] + by)
        for rule in rules:
            if isinstance(rule, Limit) and raised in rule.parts and rule.whole in world:
                needs = -(-by // rule.times)
                if world[rule.whole] < made[rule.whole] + needs:
                    grows[rule.whole] = needs
            elif isinstance(rule, Each) and rule.archives == raised and rule.amount in world:
                lacks = world[raised] - world[rule.amount]
                if lacks > 0:
                    grows[rule.amount] = world[raised] - made[rule.amount]
    return world


def obeys(world: Mapping[str, int], rules: list[Rule], figures: Mapping[str, Figure]) -> None:
    for rule in rules:
        if isinstance(rule, Each):
            assert rule.amount not in world or world[rule.amount] >= world[rule.archives]
        elif rule.whole in world:
            assert sum(world.get(part, 0) for part in rule.parts) <= rule.times * world[rule.whole]
    assert figures.keys() == world.keys()


def drawn(world: Mapping[str, Figure], made: Mapping[str, int], figure: Figure) -> int:
    """A draw with which this world is told as it is."""
    name = next(name for name, one in world.items() if one is figure)
    over = figure.value - made[name]
    draw = 0 if over < figure.base else over - figure.base + 1
    assert draw <= figure.base - figure.most
    return draw


def test_at_owner_a_survey_of_several_operators_is_refused(document: ReportDocument) -> None:
    with pytest.raises(Exception, match="these archives have 41 operators"):
        at_level(document, Level.OWNER, ENGLISH)
    one = [a for a in document.archives if a.place.operator in (None, "Clinic 1")]
    own = msgspec.structs.replace(document, archives=tuple(one))
    assert at_level(own, Level.OWNER, ENGLISH).archives == own.archives
