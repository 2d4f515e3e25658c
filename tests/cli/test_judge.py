"""`filmbadge judge`: asks nobody, and says what changed."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from filmbadge.cli import run
from filmbadge.conclude import again
from filmbadge.judge import archives
from filmbadge.model import Grade

GOLDEN = Path(__file__).parents[1] / "keep" / "golden" / "v2-prove"

# Whatever would reach for the network ends the process.
WITHOUT_SOCKETS = """
import sys
import filmbadge.cli
def refuse(event, arguments):
    if event.startswith("socket."):
        sys.exit(f"it reached for the network: {event}")
sys.addaudithook(refuse)
sys.argv = ["filmbadge", *sys.argv[1:]]
filmbadge.cli.main()
"""


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    shutil.copytree(GOLDEN, tmp_path / "survey")
    return tmp_path / "survey"


def test_it_needs_no_network(kept: Path) -> None:
    for command in ("judge", "judge", "report"):
        ran = subprocess.run(
            [sys.executable, "-c", WITHOUT_SOCKETS, command, str(kept)], capture_output=True, text=True, check=False
        )
        assert (ran.returncode, ran.stderr) == (0, "")
    assert sorted(path.name for path in (kept / "judged").iterdir()) == ["1", "2"]


def test_the_guard_of_that_test_works() -> None:
    reach = WITHOUT_SOCKETS.replace("filmbadge.cli.main()", "import socket; socket.socket()")
    assert subprocess.run([sys.executable, "-c", reach], capture_output=True, check=False).returncode == 1


def test_what_changed(kept: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(["judge", str(kept)]) == 0
    assert "no whole judgement before" in capsys.readouterr().out
    assert run(["judge", str(kept)]) == 0
    assert "Nothing changed against judged/1" in capsys.readouterr().out
    # As a newer version might: it grades otherwise.
    monkeypatch.setattr(again, "digest", lambda: "another catalogue")
    monkeypatch.setattr(archives, "grade", lambda *_: (Grade.B, ()))
    assert run(["judge", str(kept), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "filmbadge.judge/1"
    assert (document["judged"], document["before"]) == (3, 2)
    assert document["judge"]["catalogue"] == "another catalogue" != document["judge_before"]["catalogue"]
    assert document["totals"] == []
    changed = {row["id"]: (row["before"]["grade"], row["after"]["grade"]) for row in document["archives"]}
    assert changed["127.0.0.1:4242"] == ("F", "B")
    assert set(changed.values()) == {("F", "B"), ("C", "B"), (None, "B")}
    assert run(["judge", str(kept)]) == 0
    assert "Nothing changed against judged/3" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"")])
def test_a_judgement_that_lost_a_part_is_not_compared_with(
    kept: Path, capsys: pytest.CaptureFixture[str], damage: Callable[[Path], object]
) -> None:
    assert run(["judge", str(kept)]) == 0
    damage(next((kept / "judged" / "1" / "archives").iterdir()))
    capsys.readouterr()
    assert run(["judge", str(kept)]) == 0
    assert "no whole judgement before" in capsys.readouterr().out


@pytest.mark.parametrize("state", ["interrupted", "done"])
def test_it_says_whether_the_survey_is_complete(kept: Path, capsys: pytest.CaptureFixture[str], state: str) -> None:
    survey = kept / "survey.json"
    document = json.loads(survey.read_text())
    survey.write_text(json.dumps(document | {"state": state, "hosts": document["hosts"] + (state != "done")}))
    assert run(["judge", str(kept)]) == 0
    assert ("This survey is incomplete" in capsys.readouterr().out) == (state != "done")
    assert run(["judge", str(kept), "--json"]) == 0
    judged = json.loads(capsys.readouterr().out)
    assert judged["state"] == state
    assert any(row["doubts"][0]["code"] == "hosts-unasked" for row in judged["rows"] if row["doubts"]) == (
        state != "done"
    )


def test_a_folder_that_is_no_survey(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["judge", str(tmp_path)]) == 2
    assert "holds no survey" in capsys.readouterr().err
