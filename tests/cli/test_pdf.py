"""`report --pdf`: a file for paper, or one line on what is missing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from filmbadge.cli.console import Out
from filmbadge.cli.report import report
from filmbadge.tell.pdf import NoPdf
from support import factories, folders


def test_a_folder_gets_a_pdf_under_the_name_of_survey_and_level(tmp_path: Path) -> None:
    survey = folders.whole(tmp_path / "s", factories.host("192.0.2.1", factories.web(factories.REPORTED)))
    assert report(survey, pdf=Out(f"{tmp_path}/out/")) == 0
    made = tmp_path / "out" / "test.authority.pdf"
    assert made.read_bytes().startswith(b"%PDF-1.7")
    assert made.stat().st_mode & 0o77 == 0  # it lists open archives


def test_without_the_extra_one_line_says_so_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    survey = folders.whole(tmp_path / "s", factories.host("192.0.2.1", factories.web(factories.REPORTED)))
    with pytest.raises(NoPdf, match="pip install 'filmbadge\\[pdf\\]'"):
        report(survey, html=Out(tmp_path / "a.html"), pdf=Out(tmp_path / "a.pdf"))
    assert not list(tmp_path.glob("a.*"))
