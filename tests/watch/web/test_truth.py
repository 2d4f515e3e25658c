"""Pages, the API, /metrics and messages say the same of the same things, and what is not known is not zero."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from filmbadge.model import DimseFacts
from filmbadge.scope import Scope, load
from filmbadge.watch.store.store import Store, StoreError
from filmbadge.watch.store.surveyed import Unchanged, lists_of
from filmbadge.watch.surveys import risks
from filmbadge.watch.views import scope_files
from support.asgi import Browser
from support.dashboard import dashboard
from support.factories import dimse, host
from support.twice import NOBODY, at
from support.watched import SCOPE, WORDS, Watched, name, shut, silent
from support.watched_pages import scope_text

API = "/api/v1"
VAGUE = DimseFacts(called="ANY-SCP", valid_pdu=True)
NEVER = "never"  # a scope that was not surveyed


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Open: 1, whose risk is accepted; 3; 5, of which the last run could not tell; and 6, a decoy. 2 is closed."""
    made = tmp_path_factory.mktemp("watch") / "dir"
    watched = Watched(made)
    watched.ran(*map(at, (1, 2, 3, 5, 6)))
    until = datetime.now(UTC).date() + timedelta(days=30)
    risks.accept(watched.store, watched.ids()[name(1)], "it is meant to be open", "tests", until)
    watched.ran(at(1), shut(2), at(3), host(name(5), dimse(VAGUE, stop=NOBODY)), at(6))
    watched.ran(*map(silent, (1, 2, 3, 5, 6)), state="nothing-reached")
    watched.ran(shut(9), state="interrupted")
    watched.ended("killed")  # type: ignore[arg-type]
    watched.ran(state="killed")  # type: ignore[arg-type]
    with watched.store.change() as change:
        change.execute("UPDATE archives SET decoy = 1 WHERE address = ?", (name(6),))
        change.execute("UPDATE runs SET archives_open = archives_open - 1 WHERE archives_open > 0")
        change.execute("UPDATE runs SET state = 'ended' WHERE outcome = 'killed'")
    (made / "scopes").mkdir()
    for one in (SCOPE, NEVER):
        (made / "scopes" / f"{one}.toml").write_text(scope_text())
    return made


@pytest.fixture(scope="module")
def anna(directory: Path) -> Iterator[Browser]:
    with dashboard(directory) as made:
        yield made.logged_in("anna")


def said(anna: Browser, path: str) -> Any:
    answer = anna.get(API + path)
    assert answer.status == 200, answer.text
    return answer.said


def sums(text: str) -> dict[str, int]:
    """Of each family of /metrics."""
    found: dict[str, int] = {}
    for family, value in re.findall(r"^(\w+)\{.*\} (\d+)$", text, re.MULTILINE):
        found[family] = found.get(family, 0) + int(value)
    return found


def test_all_count_alike(anna: Browser) -> None:
    overview, metrics = said(anna, "/"), anna.get("/metrics").text
    assert (overview["open_now"], overview["muted"]) == (2, 1)
    assert overview["trend"][-1]["open"] == 1, "the last complete survey could not tell of one"
    assert sum(place["open"] for place in overview["places"]) == 2
    (ward,) = (scope for scope in overview["scopes"] if scope["name"] == SCOPE)
    assert ward["archives_open"] == 2
    counted = sums(metrics)
    assert (counted["filmbadge_archives_open"], counted["filmbadge_risks_accepted"]) == (2, 1)
    for link in {*re.findall(r'href="(/archives\?[^"]*)"', anna.get("/").text)}:
        where = link.replace("&amp;", "&")
        expected = 1 if "muted=yes" in where else 2
        assert said(anna, where)["total"] == expected, where
    for finding in said(anna, "/findings")["rows"]:
        assert said(anna, f"/archives?finding={finding['code']}")["total"] == finding["archives"]


def test_what_nobody_asked_is_not_zero(anna: Browser) -> None:
    (never,) = (scope for scope in said(anna, "/")["scopes"] if scope["name"] == NEVER)
    assert never["archives_open"] is None
    assert not any(NEVER in line for line in anna.get("/metrics").text.splitlines() if "archives" in line)


def test_a_survey_says_no_more_than_it_asked(anna: Browser) -> None:
    reached_nothing, broken_off, killed = (anna.get(f"/surveys/{run}").text for run in (3, 4, 5))
    assert "reached nothing at all" in said(anna, "/surveys/3")["headline"]
    assert "No archive is open, and none was before" not in reached_nothing + broken_off + killed
    assert "It says nothing of any archive" in killed
    assert said(anna, "/surveys/6")["headline"] == "No archive was found, as far as was kept"
    assert "no complete survey of this scope came before" not in killed


def test_an_archive_is_headed_by_what_it_is_now(anna: Browser) -> None:
    by_address = {row["address"]: row for row in said(anna, "/archives")["rows"]}
    closed, vague = (by_address[name(n)] for n in (2, 5))
    assert (closed["state"], vague["state"]) == ("closed", "open")
    assert said(anna, f"/archives/{closed['id']}")["headline"] == "This archive is closed, and that is proven"
    assert "Nothing proves that it is closed" in anna.get(f"/archives/{vague['id']}").text


@pytest.mark.parametrize(
    ("kind", "code", "words"),
    [
        ("letters", 0, "written"),
        ("letters", -9, "not known whether"),
        ("letters", None, "not known whether"),
        ("verify", -9, "broken off"),
    ],
)
def test_work_that_was_killed_is_not_said_to_be_done(
    directory: Path, anna: Browser, kind: str, code: int | None, words: str
) -> None:
    with Store(directory).change() as change:
        values = (kind, SCOPE, "2026-11-27T00:00:00Z", code)
        change.execute(
            "INSERT INTO jobs (kind, archive, scope, run, state, folder, by, started, exit_code) VALUES (?, 1, ?, 1, 'ended', '', 'tests', ?, ?)",
            values,
        )
    found = said(anna, "/surveys/1")["jobs"] if kind == "letters" else said(anna, "/archives/1")["proofs"]
    assert words in found[0]["words"]
    assert words in anna.get("/surveys/1" if kind == "letters" else "/archives/1").text


def test_a_scope_that_cannot_be_read_hides_no_other(tmp_path: Path) -> None:
    folder = tmp_path / "scopes"
    folder.mkdir()
    (folder / "plain.toml").write_text(scope_text())
    (tmp_path / "elsewhere.toml").write_text(scope_text())
    (folder / "linked.toml").symlink_to(tmp_path / "elsewhere.toml")
    (folder / "nowhere.toml").symlink_to(tmp_path / "nothing.toml")
    (folder / "large.toml").write_text(scope_text() + "#" * (1 << 21))
    (folder / "folder.toml").mkdir()
    os.mkfifo(folder / "pipe.toml")
    with dashboard(tmp_path) as made:
        anna = made.logged_in("anna")
        found = {one["name"]: one["faults"] for one in said(anna, "/")["scopes"]}
        assert {name for name, faults in found.items() if not faults} >= {"plain", "linked"}
        assert found["folder"] and found["pipe"]
        for one in found:
            assert anna.get(f"/scopes/{one}").status == 200
        assert anna.get("/").text.count("since last time") == 1, "no figure where no survey ended"
        assert "filmbadge_scope_expires" in anna.get("/metrics").text


def test_a_scope_is_read_once_and_again_where_it_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand of them are on the overview: to read each takes 8 ms."""
    read: list[Path] = []

    def noted(path: Path) -> Scope:
        read.append(path)
        return load(path)

    monkeypatch.setattr(scope_files, "_LOADED", Unchanged(noted, lists_of))
    (tmp_path / "scopes").mkdir()
    file = tmp_path / "scopes" / "one.toml"
    file.write_text(scope_text())
    assert scope_files.state(tmp_path, "one", WORDS) == scope_files.state(tmp_path, "one", WORDS)
    assert len(read) == 1
    later = datetime.now(UTC) + timedelta(days=201)
    assert "expired" in scope_files.state(tmp_path, "one", WORDS, later).faults[0]
    file.write_text(scope_text('"192.0.2.1", "192.0.2.2", "192.0.2.3"'))
    assert scope_files.state(tmp_path, "one", WORDS).addresses == 3
    file.unlink()
    with pytest.raises(LookupError):
        scope_files.state(tmp_path, "one", WORDS)


BODIES = [
    ("application/json", b"[" * 200_000),
    ("application/json", b'{"a":' * 200_000),
    ("application/json", b'{"name":"\xff"}'),
    ("application/json", b'{"name":"\\ud800"}'),
    ("multipart/form-data", b"x"),
    ("multipart/form-data; boundary=x", b"x"),
    ("application/x-www-form-urlencoded", b"a=1&" * 1000),
]


@pytest.mark.parametrize(("kind", "body"), BODIES)
def test_what_cannot_be_read_is_refused_in_a_sentence(anna: Browser, kind: str, body: bytes) -> None:
    where = f"{API}/scopes" if "json" in kind else "/scopes"
    answer = anna.ask("POST", where, ("content-type", kind), body=body)
    assert answer.status == 400
    assert ("this is no JSON" if "json" in kind else "This form cannot be read") in answer.text


def test_what_was_sent_is_not_quoted_in_full(anna: Browser) -> None:
    csrf = anna.get("/account").csrf
    form = {"name": "a", "addresses": "192.0.2.1", "who": "w w w", "reference": "r r", "contact": "c@example.org"}
    answer = anna.send(f"{API}/scopes", ("x-csrf-token", csrf), **form, aet="x" * 300_000)
    assert answer.status == 422
    assert len(answer.text) < 1000


@pytest.mark.parametrize("path", ["/archives/%s", "/surveys/%s/live", f"{API}/surveys/%s"])
def test_no_number_is_too_long(anna: Browser, path: str) -> None:
    for digits in (1, 19, 30, 31, 5000):
        assert anna.get(path % ("9" * digits)).status in {200, 404}


@pytest.mark.parametrize(
    "url", ["jsons://[", "mailtos://a:b@[::", "jsons://host:99999999/", "slack://%00", "json://\0"]
)
def test_no_address_of_a_channel_breaks_its_form(anna: Browser, url: str) -> None:
    csrf = anna.get("/account").csrf
    answer = anna.send(f"{API}/settings/channels", ("x-csrf-token", csrf), name="a", url=url, events=["new"])
    assert answer.status in {200, 422}, answer.text


def full(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_on_a_full_disk_each_action_says_so(directory: Path, anna: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is refused, and what is not: neither can be noted."""

    def change(_: Store) -> None:
        raise StoreError("the disk is full: nothing was changed")

    csrf = ("x-csrf-token", anna.get("/account").csrf)
    form = {"name": "room", "addresses": "192.0.2.1", "who": "w w w", "reference": "r r", "contact": "c@example.org"}
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        answer = anna.send(f"{API}/scopes", csrf, **form)
        assert (answer.status, answer.said["fault"]) == (422, "the scope cannot be written (No space left on device)")
        assert {path.name for path in (directory / "scopes").iterdir()} == {f"{SCOPE}.toml", f"{NEVER}.toml"}
    with monkeypatch.context() as patch:
        patch.setattr(Store, "change", change)
        for path, given in (("/surveys", {"scope": SCOPE}), ("/surveys", {"scope": "nowhere"}), ("/scopes", {})):
            answer = anna.send(f"{API}{path}", csrf, **given)
            assert (answer.status, answer.said["fault"]) == (503, "the disk is full: nothing was changed")
        answer = anna.send(f"{API}/scopes", csrf, **form)
        assert answer.status == 503
        assert answer.said["fault"].startswith("this was done, and is not in the audit log")
    (directory / "scopes" / "room.toml").unlink()
    assert anna.send(f"{API}/scopes", csrf, **form).status == 200
    (directory / "scopes" / "room.toml").unlink()
