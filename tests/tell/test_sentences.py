"""What is said of a host and of a survey is true of it: each sentence only where it was shown."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from msgspec.structs import replace
from rich.console import Console

from filmbadge.judge.archives import judge
from filmbadge.model import (
    Depth,
    DimseFacts,
    Find,
    Host,
    Observation,
    Outcome,
    OutcomeKind,
    Rejection,
)
from filmbadge.tell import card
from filmbadge.tell.report import archives, page, single
from filmbadge.tell.words import Words
from support import many
from support.factories import ADDRESS, DISCLOSED, EMPTY, admitted, dimse, reported, web

WORDS = Words()
SILENT = dimse(None, stop=Outcome(OutcomeKind.NO_ANSWER))
REFUSED = dimse(None, stop=Outcome(OutcomeKind.REFUSED))
LISTENS = dimse(None, stop=Outcome(OutcomeKind.IDLE))
BY_TITLE = dimse(DimseFacts(called="ANY-SCP", valid_pdu=True, rejection=Rejection(1, 1, 7)))
CONGESTED = dimse(DimseFacts(called="ANY-SCP", valid_pdu=True, rejection=Rejection(2, 3, 1)))
KNOCKED = dimse(admitted(), depth=Depth.KNOCK)
QUERY_REFUSED = dimse(admitted((Find(None, 0, 0x0124),)))
NOT_ANSWERED = dimse(admitted(), stop=Outcome(OutcomeKind.IDLE))
GAVE_NOTHING = dimse(admitted(EMPTY))
EMPTIED = web(reported(patients=0, studies=0, series=0, images=0))
GIVES = dimse(admitted(DISCLOSED), depth=Depth.ASK)
EVERY = {
    "silent": SILENT, "refused": REFUSED, "listens": LISTENS, "by title": BY_TITLE, "congested": CONGESTED, "knocked": KNOCKED,
    "query refused": QUERY_REFUSED, "not answered": NOT_ANSWERED, "gave nothing": GAVE_NOTHING, "emptied": EMPTIED, "gives": GIVES,
}  # fmt: skip

# What may be said of these alone.
ONLY_OF = {
    r"gives (patients' )?records to (strangers|anybody)": {"gives"},
    r"gave nothing to a stranger": {"by title", "knocked", "query refused", "emptied"},
    r"refuses (only )?(the query|what they ask)": {"query refused"},
    r"(is|study) .*will be open": set(),
    r"holds no records": {"emptied"},
    r"not reachable from here": {"silent"},
    r"rejected the AE titles that we used": {"by title"},
    r"Only an AE title|AE title only": set(),
    r"It refuses strangers": set(),
    r"no imaging service found": {"refused"},
}


def said(seen: Observation) -> str:
    """All that a check says of it: on a terminal and on its page."""
    host: Host = judge(ADDRESS, [seen])
    made = card.document(ADDRESS, seen.depth, host, [], WORDS)
    out = io.StringIO()
    Console(file=out, width=400, color_system=None).print(card.render(made, WORDS))
    return out.getvalue() + single.render(made, WORDS).partition("</style>")[2]


@pytest.mark.parametrize("name", EVERY)
def test_each_sentence_is_said_only_where_it_was_shown(name: str) -> None:
    text = said(EVERY[name])
    wrong = [sentence for sentence, of in ONLY_OF.items() if name not in of and re.search(sentence, text)]
    assert not wrong


def whole(folder: Path, **studies: object) -> str:
    """The page of a survey in which every host was conclusive, with another total of studies."""
    made = many.document(folder, {"DE": (3, 1)})
    rows = tuple(replace(row, **studies) if row.quantity == "studies" else row for row in made.rows)
    return page.render(replace(made, rows=rows), WORDS)


@pytest.mark.parametrize(
    ("studies", "sentence"),
    [
        (
            {"measured": None, "at_least": 100},
            "No more than bounds (the survey did not find it out): studies in open archives ≥ 100.",
        ),
        ({"measured": None, "at_least": None}, "studies in open archives: unknown (the survey did not find it out)."),
        ({"measured": 100, "low": 90, "high": 110}, "studies in open archives: 100 is an estimate"),
    ],
)
def test_a_figure_that_is_a_bound_or_an_estimate_is_not_said_to_be_known(
    studies: dict[str, object], sentence: str, tmp_path: Path
) -> None:
    html = whole(tmp_path, **studies)
    assert sentence in html
    assert "every figure above is known" not in html


def test_archives_without_a_grade_keep_a_page_from_saying_that_none_has_the_worst(tmp_path: Path) -> None:
    made = many.document(tmp_path, {"DE": (3, 1)})
    said = "No archive has the worst grade"
    assert said in page.render(replace(made, grades={"B": 2}), WORDS)
    assert said not in page.render(replace(made, grades={"B": 2, "none": 1}), WORDS)


def test_a_number_of_patients_that_is_an_estimate_is_told_as_one() -> None:
    (archive,) = card.document(ADDRESS, Depth.COUNT, judge(ADDRESS, [web(reported())]), [], WORDS).archives
    estimated = replace(archive.counts["patients"], value=500, how="estimated", low=400, high=600)
    guessed = replace(archive, counts={**archive.counts, "patients": estimated})
    assert archives.headline(guessed, WORDS) == "It gives the records of about 500 patients to anybody who asks."


def test_each_of_these_sentences_is_said_of_something() -> None:
    for sentence, of in ONLY_OF.items():
        assert not of or any(re.search(sentence, said(EVERY[name])) for name in of), sentence
