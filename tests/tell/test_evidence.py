"""What makes a check and a survey evidence has one shape, and says the same of the same."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path

import msgspec
import pytest

from filmbadge.keep.journal import digest
from filmbadge.model import Depth
from filmbadge.scope import Scope
from filmbadge.tell import summary
from filmbadge.tell.card import CheckDocument, document
from filmbadge.tell.evidence import Evidence, of_check
from filmbadge.tell.levels import Level, at_level
from filmbadge.tell.summary import ReportDocument
from filmbadge.tell.words import Words
from support import factories, many

ENGLISH = Words()
BEGAN, ENDED = factories.AT, datetime(2026, 6, 1, 12, 31, tzinfo=UTC)
SCOPE = Scope(
    name="test",
    networks=(ip_network("192.0.2.0/24"),),
    depth=Depth.COUNT,
    expires=factories.AT,
    authority="the board",
    reference="T-1",
    contact="cert@example.org",
)


def test_both_documents_have_the_same_shape_of_evidence_and_of_archives() -> None:
    shapes = []
    for kind in (CheckDocument, ReportDocument):
        (_, made) = msgspec.json.schema_components([kind], ref_template="{name}")
        shapes.append({name: made[name] for name in ("Evidence", "JournalDigest", "ArchiveView", "FindingView")})
        assert made[kind.__name__]["properties"]["evidence"]["allOf" if "allOf" in made[kind.__name__]["properties"]["evidence"] else "$ref"]  # fmt: skip
    assert shapes[0] == shapes[1]


def test_a_check_and_a_survey_under_one_scope_say_the_same(tmp_path: Path) -> None:
    survey = summary.document(many.kept(tmp_path, {"DE": (1, 0)}), ENGLISH).evidence
    journal = [factories.connection("192.0.2.1", 8042)]
    check = of_check("0.1.0", SCOPE, journal, ("192.0.2.254",), BEGAN, ENDED)
    assert check.journal is not None
    assert (check.journal.rows, check.journal.sha256) == (1, digest(journal))
    assert survey.journal == check.journal
    differs = {name for name in Evidence.__struct_fields__ if getattr(survey, name) != getattr(check, name)}
    assert differs == {"ended", "sources"}
    assert survey.sources is None, "survey.json of an older version has none, and none is no empty list"


def test_a_check_carries_it_and_says_whom_it_is_for() -> None:
    proof = of_check("0.1.0", SCOPE, [], ("192.0.2.254",), BEGAN, ENDED)
    host = factories.host("192.0.2.1", factories.web(factories.REPORTED))
    made = document("192.0.2.1", Depth.COUNT, host, [], ENGLISH, evidence=proof)
    assert (made.level, made.evidence) == ("owner", proof)


@pytest.mark.parametrize("level", list(Level))
def test_a_survey_says_whom_it_is_for(level: Level, tmp_path: Path) -> None:
    made = at_level(many.document(tmp_path, {"DE": (1, 0)}), level, ENGLISH)
    assert made.level == str(level)
    assert made.evidence.version == "0.1.0"
    assert (made.evidence.journal is None) is (level is Level.PUBLIC)
