"""A folder of somebody else is hostile input: whatever its texts are, nothing of them steers a terminal or a browser."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import get_args

import pytest

from filmbadge.tell.feeds.formats import FormatName
from support import archives, hostile_folder, talkative
from support.hanging import HANGS
from support.hostile_folder import HOSTILE, LONG, Edit, Ran, copied, ran, texts, unsafe

# Texts that any survey could hold: a report shows them, and refuses none.
FREE = (
    "survey.json:version", "survey.json:scope.name", "survey.json:scope.authority", "survey.json:scope.reference",
    "survey.json:scope.contact", "survey.json:targets.0", "observations.target", "observations.name", "journal.question",
    "journal.error", "judged/1/archives.product", "judged/1/archives.product_version", "judged/1/archives.toolkit",
    "judged/1/archives.names", "judged/1/archives.configuration", "judged/1/endpoints.target", "judged/1/endpoints.said",
    "judged/1/endpoints.viewer", "judged/1/endpoints.product", "judged/1/endpoints.toolkit",
)  # fmt: skip


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A survey of peers that say much, and the scope that it was made under."""
    folder = tmp_path_factory.mktemp("kept")
    with talkative.world(talkative.Said(""), folder, away=False) as place:
        scope = archives.scope_file(folder, depth="prove", extra=place.scope())
        assert ran("survey", str(scope), "127.0.0.1", "--out", str(folder / "survey")).code in (0, 3)
        yield folder / "survey", str(scope)


def sound(said: Ran) -> bool:
    """Whether a command told what is there. Else it refused in one short line. Either way nothing steers a terminal."""
    assert not unsafe(said.out) | unsafe(said.err), said.err
    if said.code == 2:
        assert said.err.count("\n") == 1
        assert len(said.err) < 3000
        assert said.out == ""
    return said.code in (0, 3)


def sound_page(page: str) -> None:
    assert not unsafe(page)
    for tag in (hostile_folder.MARK, "script", "img"):
        assert f"<{tag}" not in page


def sound_document(path: Path) -> None:
    assert not any(unsafe(text) or "\n" in text for text in texts(json.loads(path.read_text())))


def csv_cells(document: str) -> list[str]:
    return [cell for row in csv.reader(io.StringIO(document)) for cell in row]


def test_no_text_of_a_folder_steers_anything(kept: tuple[Path, str], tmp_path: Path) -> None:
    folder, scope = kept
    page, document = tmp_path / "r.html", tmp_path / "r.json"
    told = refused = 0
    for name, edit in hostile_folder.attacks(folder, HOSTILE):
        here = copied(folder, tmp_path / "survey", edit)
        if sound(ran("report", str(here), "--html", str(page), "--json", str(document))):
            told += 1
            sound_page(page.read_text())
            sound_document(document)
        else:
            refused += 1
        if name.startswith("observations") or name in FREE:
            sound(ran("judge", str(here)))
        if name.startswith("survey.json:scope"):
            sound(ran("survey", scope, "127.0.0.1", "--out", str(here), "--resume"))
    assert told > 20
    assert refused > 20


@pytest.fixture
def all_free(kept: tuple[Path, str], tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """The folder with every free text replaced."""
    edits: dict[str, Edit] = dict(hostile_folder.attacks(kept[0], request.param))
    assert {*FREE} <= edits.keys()

    def edit(folder: Path) -> None:
        for name in FREE:
            edits[name](folder)

    return copied(kept[0], tmp_path / "survey", edit)


@pytest.mark.parametrize("all_free", [HOSTILE, LONG], indirect=True, ids=["hostile", "long"])
def test_all_free_texts_at_once_are_told_clean(all_free: Path, tmp_path: Path) -> None:
    page, document = tmp_path / "r.html", tmp_path / "r.json"
    for arguments in ((), ("--html", str(page), "--json", str(document)), ("--json", "-")):
        said = ran("report", str(all_free), *arguments)
        assert sound(said), said.err
        assert len(said.out) < 250_000
    sound_page(page.read_text())
    sound_document(document)
    assert hostile_folder.MARK in page.read_text(), "some of it is shown"


@pytest.mark.parametrize("all_free", [HOSTILE, LONG], indirect=True, ids=["hostile", "long"])
def test_letters_of_such_a_folder_are_clean(all_free: Path, tmp_path: Path) -> None:
    (tmp_path / "contacts.csv").write_text("network,name,email,postal\n0.0.0.0/0,Name,a@clinic.test,Street 1\n")
    where = ("--contacts", str(tmp_path / "contacts.csv"), "--out", str(tmp_path / "letters"), "--paper", "html")
    said = ran("notices", str(all_free), *where, "--language", "en", "--sender", "CERT <cert@cert.test>")
    assert sound(said), said.err
    (letter,) = (tmp_path / "letters").glob("*.html")
    sound_page(letter.read_text())
    (message,) = (tmp_path / "letters").glob("*.eml")
    assert not any(part.defects for part in message_from_bytes(message.read_bytes(), policy=default).walk())
    assert not unsafe((tmp_path / "letters" / "told.csv").read_text().replace("\n", ""))


@pytest.mark.parametrize("all_free", [HOSTILE], indirect=True)
def test_every_feed_of_it_is_clean(all_free: Path, tmp_path: Path) -> None:
    for name in get_args(FormatName):
        made = tmp_path / name
        said = ran("feed", str(all_free), "--format", name, "--contact", "cert@example.org", "--out", str(made))
        assert sound(said), said.err
        assert said.code == 0
        documents = [made.read_text()] if name in ("stix", "sarif", "csv") else made.read_text().splitlines()
        for document in documents:
            told = csv_cells(document) if name == "csv" else list(texts(json.loads(document)))
            assert not [text for text in told if unsafe(text.replace("\n", " "))]


@pytest.mark.parametrize("all_free", [HOSTILE], indirect=True)
def test_a_terminal_is_not_steered_by_markup(all_free: Path) -> None:
    """On a terminal colours are ours, and a link or a title of a window is nobody's."""
    leader, follower = pty.openpty()
    command = [str(Path(sys.executable).with_name("filmbadge")), "report", str(all_free)]
    process = subprocess.Popen(
        command,
        env=os.environ | {"TERM": "xterm-256color", "COLUMNS": "200"},
        stdin=follower,
        stdout=follower,
        stderr=follower,
    )
    os.close(follower)
    shown = b""
    try:
        while data := os.read(leader, 65536):
            shown += data
    except OSError:
        pass
    assert process.wait(HANGS) == 0
    os.close(leader)
    assert b"\x1b[" in shown, "it has colours"
    assert b"\x1b]" not in shown
    assert b"\x1b[31;45m" not in shown
    assert b"[link=" in shown, "markup stands there as it is"


@pytest.mark.parametrize("said", [HOSTILE.replace("\0", ""), "x\udc9b\n" + "A" * 9000])
def test_what_a_user_or_a_list_names_is_quoted_clean(said: str, tmp_path: Path) -> None:
    """The words of a command line, of a list of targets and of a scope, and names of files."""
    listed, scope = tmp_path / "list.txt", archives.scope_file(tmp_path)
    listed.write_bytes(f"127.0.0.1\n{said}\n".encode("utf-8", "surrogateescape"))
    short = said.replace("/", "")[:60]
    named = tmp_path / short
    named.write_text(scope.read_text())
    out = str(tmp_path / "out")
    for arguments in (
        ("check", said),
        ("check", "127.0.0.1", "--depth", said),
        ("check", "127.0.0.1", "--scope", str(tmp_path / said[:200].replace("/", ""))),
        ("survey", str(scope), said, "--out", out),
        ("survey", str(scope), str(listed), "--out", out),
        ("survey", str(scope), "127.0.0.1", "--out", str(named)),
        ("report", said[:200]),
        ("judge", said[:200]),
        ("scope", "new", str(named)),
        ("rehearse", said),
        (said,),
    ):
        answer = ran(*arguments)
        assert answer.code == 2, arguments
        assert sound(answer) is False
    assert sound(ran("scope", "check", str(named)))


@pytest.mark.parametrize("key", ["who", "reference", "basis", "contact"])
def test_a_scope_with_such_words_is_refused(key: str, tmp_path: Path) -> None:
    for said in (HOSTILE, LONG, "two\nlines", "\u202egnal"):
        scope = archives.scope_file(tmp_path)
        lines = [
            f"{key} = {json.dumps(said)}" if line.startswith(f"{key} =") else line
            for line in scope.read_text().split("\n")
        ]
        scope.write_text("\n".join(lines))
        assert sound(ran("scope", "check", str(scope))) is False
