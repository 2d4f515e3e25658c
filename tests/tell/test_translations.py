"""The catalogues are current, and a translator's slip is named before anybody meets it."""

from __future__ import annotations

from pathlib import Path

import pytest
import translations

from filmbadge.tell.language import DOMAIN
from filmbadge.tell.words import Words


def test_the_template_in_the_project_is_current() -> None:
    assert translations.main(["--check"]) == 0


def language(locale: Path, english: str, said: str) -> Path:
    path = locale / "de" / "LC_MESSAGES" / f"{DOMAIN}.po"
    path.parent.mkdir(parents=True)
    path.write_text(
        f'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n\nmsgid "{english}"\nmsgstr "{said}"\n'
    )
    return path


def test_a_language_is_brought_up_to_date_and_compiled(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = language(tmp_path, "grade {grade}", "Note {grade}")
    assert translations.main(["--check"], tmp_path) == 1
    assert f"{path} is not current" in capsys.readouterr().err
    assert translations.main([], tmp_path) == 0
    assert translations.main(["--check"], tmp_path) == 0
    assert 'msgid "not seen open"\nmsgstr ""' in path.read_text()
    german = Words("de", tmp_path)
    assert german.say("grade {grade}", grade="F") == "Note F"
    assert german.say("not seen open") == "not seen open"  # nobody translated it yet


def test_a_translation_that_names_other_values_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    language(tmp_path, "grade {grade}", "Note {note}")
    assert translations.main([], tmp_path) == 1
    assert "'grade {grade}': its values differ" in capsys.readouterr().err
