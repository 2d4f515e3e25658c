"""Who a document is for: what each level may see, and what its file is called."""

from __future__ import annotations

from pathlib import Path

import pytest

from filmbadge.model import Refusal
from filmbadge.tell.levels import Level, named


@pytest.mark.parametrize(
    ("path", "made"),
    [
        ("folder", "folder/A-ward.public.html"),
        ("new/", "new/A-ward.public.html"),
        ("new", "new"),
        ("page.html", "page.html"),
        ("page.public.html", "page.public.html"),
        ("republic.html", "republic.html"),
    ],
)
def test_a_file_is_written_where_it_was_asked_for_and_a_folder_gets_one(
    path: str, made: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    assert named(path, "A /ward", Level.PUBLIC, ".html") == Path(made)


def test_a_survey_without_a_name_that_a_file_can_have_gets_one() -> None:
    assert named("x/", "../", Level.OWNER, ".csv") == Path("x/survey.owner.csv")


@pytest.mark.parametrize("path", ["report.public.html", "PUBLIC.html", "owner-page.html"])
def test_a_file_name_that_says_another_level_is_refused(path: str) -> None:
    with pytest.raises(Refusal, match="this is for authority"):
        named(path, "a", Level.AUTHORITY, ".html")
