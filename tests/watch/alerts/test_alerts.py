"""What happened reaches whom it is meant for: once, in plain words, and nobody else."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from filmbadge.model import Refusal
from filmbadge.watch.alerts import alerts as alerts_module
from filmbadge.watch.alerts import texts
from filmbadge.watch.alerts.alerts import Alerts
from filmbadge.watch.alerts.texts import KINDS
from filmbadge.watch.door import Door
from filmbadge.watch.store.alone import alone
from filmbadge.watch.store.store import Store, StoreError, stamp
from support.alerted import a_run, an_archive, an_event, webhook
from support.hanging import HANGS

NOW = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)
SITE = "https://watch.example"
HOSTILE = "<b>@everyone</b> [x](http://evil.example/x) *_`~|#<!channel> evil.example \u202e\u2066\r\nBcc: a@evil.example\x1b[2J"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path)
    (tmp_path / "scopes").mkdir()
    yield made
    made.close()


def alerts(store: Store) -> Alerts:
    return Alerts(store, Door(lambda: ()), SITE)


def scope_file(store: Store, name: str, expires: str) -> None:
    (store.directory / "scopes" / f"{name}.toml").write_text(f'networks = ["192.0.2.0/24"]\nexpires = {expires}\n')


def add(
    made: Alerts,
    url: str,
    name: str = "ops",
    *,
    public: bool = False,
    digest: str = "",
    events: tuple[str, ...] = KINDS,
) -> int:
    return made.add(name, url, public=public, events=events, digest=digest)


def test_a_run_is_one_message_and_nothing_comes_twice(store: Store) -> None:
    made = alerts(store)
    with webhook() as (url, told):
        run = a_run(store)
        an_event(store, "new", run, an_archive(store, run))  # before there was a channel
        add(made, url)
        made.step(NOW)
        assert told == []
        an_event(store, "new", run, an_archive(store, run))
        an_event(store, "new", run, an_archive(store, run, name="192.0.2.8:104"), muted=True)
        an_event(store, "closed", run, an_archive(store, run, name="192.0.2.9:104"))
        for _ in range(3):
            made.step(NOW)
    assert [(one["title"], one["type"]) for one in told] == [("Filmbadge: 1 new, 1 closed (scope hospital)", "failure")]
    assert told[0]["message"] == (
        "Scope hospital, survey of 27 November 2026, 07:31 UTC.\n\n"
        "1 archive is open that was not open before.\n"
        "- 192.0.2.7:104: Orthanc 1.12.1, Klinikum Nord, Germany\n"
        "  It gives records to a stranger. Grade F.\n"
        "  https://watch.example/archives/2\n"
        "What to do: close the way in. The page of an archive says how. If it is meant to be open, accept its risk there, with a reason.\n\n"
        "1 archive is closed: a stranger gets nothing there now.\n"
        "- 192.0.2.9:104: Orthanc 1.12.1, Klinikum Nord, Germany\n"
        "  https://watch.example/archives/4\n"
        "Nothing is left to do."
    )


def everything(store: Store) -> None:
    run = a_run(store, "klinikum-nord")
    other = an_archive(store, run, name="[2001:db8::7]:11112", product="", version="", operator="", country="")
    an_event(store, "new", run, an_archive(store, run), scope="klinikum-nord")
    an_event(store, "worse", run, other, scope="klinikum-nord")
    an_event(store, "closed", run, an_archive(store, run, rung="admits"), scope="klinikum-nord")
    an_event(store, "new", None, other, scope="klinikum-nord", risk=1, ended="expired")
    an_event(store, "failed", run, scope="klinikum-nord", said="192.0.2.7 does not answer")
    differences = '[{"quality": "rung", "old": "discloses", "new": "offers", "worse": true}, {"quality": "patients", "old": "12", "new": "≥ 13000", "worse": true}]'
    with store.change() as connection:
        connection.execute("INSERT INTO changes VALUES (?, ?, 'worse', NULL, 0, 0, ?)", (run, other, differences))


def test_a_public_channel_names_nobody(store: Store) -> None:
    everything(store)
    scope_file(store, "klinikum-nord", "2026-12-01")
    made = alerts(store)
    with webhook() as (url, told):
        channel = add(made, url, "to nord", public=True)
        everything(store)
        made.step(NOW)
        made.test(channel)
    text = json.dumps(told, ensure_ascii=False).lower()
    assert len(told) == 3  # a run, what is of no run, and a test
    for secret in (
        "192.0.2",
        "2001:db8",
        "nord",
        "orthanc",
        "germany",
        '"de"',
        "https://",
        "archives/",
        "1.12.1",
        "11112",
    ):
        assert secret not in text
    assert "1 archive is open that was not open before.\n1 archive gives away more than before.\n" in told[0]["message"]


def test_another_channel_says_what_changed_and_what_to_do(store: Store) -> None:
    everything(store)
    made = alerts(store)
    with webhook() as (url, told):
        add(made, url)
        everything(store)
        made.step(NOW)
    text = "\n".join(one["message"] for one in told)
    assert "- [2001:db8::7]:11112\n  rung from discloses to offers.\n  patients from 12 to at least 13,000.\n" in text
    assert "The survey failed: 192.0.2.7 does not answer" in text
    assert "its risk is not accepted any more" in text
    assert text.count("What to do:") == 4


def test_the_words_of_others_arrive_as_plain_text(store: Store) -> None:
    made = alerts(store)
    with webhook() as (url, told):
        add(made, url)
        run = a_run(store)
        found = an_archive(
            store,
            run,
            operator=HOSTILE,
            version=HOSTILE,
            product=HOSTILE,
            name=f"192.0.2.7:104{HOSTILE}",
            country=HOSTILE,
        )
        an_event(store, "new", run, found)
        an_event(store, "failed", run, said=HOSTILE)
        made.step(NOW)
    text = told[0]["title"] + told[0]["message"].replace(SITE, "")
    assert "evil" in text
    for sign in "<>@[]*_`~|#!\u202e\u2066\r\x1b":
        assert sign not in text
    assert "//" not in text
    assert "evil.example" not in text
    assert not [line for line in text.splitlines() if line.lower().startswith("bcc")]


def test_many_are_counted_and_not_all_listed(store: Store) -> None:
    made = alerts(store)
    with webhook() as (url, told):
        add(made, url)
        run = a_run(store)
        for n in range(1, 26):
            an_event(store, "new", run, an_archive(store, run, name=f"192.0.2.{n}:104"))
        made.step(NOW)
    assert told[0]["title"] == "Filmbadge: 25 new (scope hospital)"
    assert told[0]["message"].count("\n- 192.0.2.") == 10
    assert "\n- and 15 more\n" in told[0]["message"]


def test_a_digest_is_silent_until_something_is_new_and_the_same_events_are_the_same_text(store: Store) -> None:
    made = alerts(store)
    with webhook() as (url, told):
        add(made, url, "one", digest="daily 06:00")
        add(made, url, "two", digest="daily 06:00", events=("new", "closed"))
        add(made, url, "three", digest="weekly mon 06:00", events=("failed",))
        with store.change() as connection:
            connection.execute("UPDATE channels SET next_digest = '2026-11-28T06:00:00Z'")
        for days in range(1, 4):
            made.step(NOW + timedelta(days=days))
        assert told == []
        for scope in ("hospital", "clinic"):
            run = a_run(store, scope)
            an_event(store, "new", run, an_archive(store, run, scope=scope), scope=scope)
        made.step(NOW + timedelta(days=3, hours=1))
        assert told == []  # nothing is due
        made.step(NOW + timedelta(days=4))
        made.step(NOW + timedelta(days=4))
        made.step(NOW + timedelta(days=5))
    assert [one["title"] for one in told] == ["Filmbadge: 2 new (2 scopes)"] * 2
    assert told[0]["message"] == told[1]["message"]
    assert store.one("SELECT next_digest FROM channels WHERE name = 'one'")[0] == "2026-12-03T06:00:00Z"  # type: ignore[index]


def test_the_end_of_a_scope_is_told_fourteen_days_before_and_when_it_comes(store: Store) -> None:
    made = alerts(store)
    scope_file(store, "far", "2027-11-01")
    scope_file(store, "near", "2026-12-11T09:00:00Z")
    (store.directory / "scopes" / "broken.toml").write_text("expires = [")
    with webhook() as (url, told):
        add(made, url)
        made.step(NOW)
        assert told == []
        for hours in (1, 2, 3):
            made.step(NOW + timedelta(hours=hours))
        assert [one["title"] for one in told] == ["Filmbadge: a scope ends (scope near)"]
        assert "The scope near ends on 11 December 2026, 09:00 UTC." in told[0]["message"]
        made.step(NOW + timedelta(days=15))
        made.step(NOW + timedelta(days=16))
        assert "The scope near ended on 11 December 2026, 09:00 UTC." in told[1]["message"]
        scope_file(store, "near", "2027-01-01")
        made.step(NOW + timedelta(days=22))
        made.step(NOW + timedelta(days=23))
    assert len(told) == 3
    assert [one["type"] for one in told] == ["warning"] * 3


def test_what_is_not_taken_is_sent_again_with_growing_pauses_and_given_up_after_a_day(store: Store) -> None:
    made = alerts(store)
    tries: list[datetime] = []
    with webhook(lambda _: 503) as (url, told):
        add(made, url)
        run = a_run(store)
        an_event(store, "new", run, an_archive(store, run))
        for minutes in range(0, 2 * 24 * 60, 1):
            before = len(told)
            made.step(NOW + timedelta(minutes=minutes))
            tries += [NOW + timedelta(minutes=minutes)] * (len(told) - before)
            if minutes == 3:
                (channel,) = made.channels()
                assert "503" in channel.last_fault
                assert channel.waiting == 1
    pauses = [(later - earlier) // timedelta(minutes=1) for earlier, later in pairwise(tries)]
    assert pauses[:8] == [1, 2, 4, 8, 16, 32, 64, 120]
    assert tries[-1] - tries[0] <= timedelta(days=1)
    (channel,) = made.channels()
    assert "given up after a day" in channel.last_fault
    assert channel.waiting == 0
    assert "given up" not in told[0]["message"]


def test_one_channel_that_fails_holds_up_no_other(store: Store) -> None:
    made = alerts(store)
    with webhook(lambda _: 503) as (dead, tries), webhook() as (url, told):
        add(made, dead, "dead")
        add(made, url, "good")
        for _ in range(3):
            run = a_run(store)
            an_event(store, "new", run, an_archive(store, run))
        made.step(NOW)
    assert len(tries) == 1  # the others wait for the next pass
    assert len(told) == 3
    assert [bool(one.last_fault) for one in made.channels()] == [True, False]


def test_who_is_switched_off_is_not_told_later(store: Store) -> None:
    made = alerts(store)
    with webhook() as (url, told):
        channel = add(made, url)
        made.enable(channel, on=False)
        run = a_run(store)
        an_event(store, "new", run, an_archive(store, run))
        made.step(NOW)
        made.enable(channel, on=True)
        made.step(NOW)
        assert told == []
        an_event(store, "closed", run, an_archive(store, run))
        made.step(NOW)
        assert len(told) == 1
        made.remove(channel)
        assert made.channels() == []
        assert store.rows("SELECT * FROM outbox") == []
        for action in (made.remove, made.test):
            with pytest.raises(LookupError):
                action(channel)


def test_what_waits_is_written_anew_when_a_channel_becomes_public(store: Store) -> None:
    made = alerts(store)
    statuses = [503, 200]
    with webhook(lambda n: statuses[n - 1]) as (url, told):
        channel = add(made, url)
        run = a_run(store)
        an_event(store, "new", run, an_archive(store, run))
        made.step(NOW)
        made.change(channel, "ops", "", public=True, events=KINDS, digest="")
        made.step(NOW + timedelta(minutes=5))
    assert "192.0.2.7" in told[0]["message"]
    assert "192.0.2.7" not in told[1]["message"]
    assert made.channels()[0].public


@pytest.mark.parametrize(
    ("name", "url", "events", "digest", "said"),
    [
        ("", "json://h/", KINDS, "", "has a name"),
        ("a\nb", "json://h/", KINDS, "", "has a name"),
        ("x" * 61, "json://h/", KINDS, "", "has a name"),
        ("ops", "dbus://", KINDS, "", "begins with one of"),
        ("ops", "json://h/", (), "", "choose what"),
        ("ops", "json://h/", ("new", "better"), "", "choose what"),
        ("ops", "json://h/", KINDS, "hourly", "schedule cannot be understood"),
        ("taken", "json://h/", KINDS, "", "choose another name"),
    ],
)
def test_a_channel_that_cannot_be_says_why(
    store: Store, name: str, url: str, events: tuple[str, ...], digest: str, said: str
) -> None:
    made = alerts(store)
    add(made, "json://h/", "taken")
    with pytest.raises(Refusal, match=said):
        add(made, url, name, events=events, digest=digest)
    assert len(made.channels()) == 1


def test_no_record_of_a_channel_has_its_address(store: Store) -> None:
    made = alerts(store)
    add(made, "json://user:geheim@127.0.0.1:1/geheim")
    run = a_run(store)
    an_event(store, "new", run, an_archive(store, run))
    made.step(NOW)
    assert "geheim" not in repr(made.channels())
    assert made.channels()[0].last_fault


def test_the_test_button_says_why_nothing_came(store: Store) -> None:
    made = alerts(store)
    channel = add(made, "json://127.0.0.1:1/")
    with pytest.raises(Refusal, match="not taken"):
        made.test(channel)
    assert "not taken" in made.channels()[0].last_fault


SENDER = """
import sys
from itertools import pairwise
from pathlib import Path
from filmbadge.watch.alerts.alerts import Alerts
from filmbadge.watch.door import Door
from filmbadge.watch.store.store import Store
Alerts(Store(Path(sys.argv[1])), Door(lambda: ())).step()
"""


def test_who_is_killed_while_it_sends_loses_nothing_and_says_what_may_come_twice(store: Store) -> None:
    """Killed at the worst moment: the message was taken, and nobody could write that down."""
    sender: list[subprocess.Popen[bytes]] = []

    def answer(n: int) -> int:
        if n in {2, 5}:
            os.kill(sender[-1].pid, signal.SIGKILL)
            sender[-1].wait(HANGS)
        return 200

    with webhook(answer) as (url, told):
        add(alerts(store), url)
        for n in range(1, 7):
            run = a_run(store)
            an_event(store, "new", run, an_archive(store, run, name=f"192.0.2.{n}:104"))
        ends = []
        for _ in range(4):
            sender.append(subprocess.Popen([sys.executable, "-c", SENDER, str(store.directory)]))
            ends.append(sender[-1].wait(HANGS))
    assert ends == [-signal.SIGKILL, -signal.SIGKILL, 0, 0]
    came = [(next(line for line in one["message"].splitlines() if line.startswith("- ")).split(":")[0][-1], texts.AGAIN in one["message"]) for one in told]  # fmt: skip
    assert came == [
        ("1", False),
        ("2", False),
        ("2", True),
        ("3", False),
        ("4", False),
        ("4", True),
        ("5", False),
        ("6", False),
    ]
    assert [row["state"] for row in store.rows("SELECT state FROM outbox")] == ["sent"] * 6


def test_a_disk_that_is_full_after_a_message_was_taken_has_nothing_sent_twice(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = alerts(store)
    full = True
    change = store.change

    def changing() -> AbstractContextManager[sqlite3.Connection]:
        if full and told:
            raise StoreError("the disk is full: nothing was changed")
        return change()

    monkeypatch.setattr(store, "change", changing)
    with webhook() as (url, told):
        add(made, url)
        run = a_run(store)
        an_event(store, "new", run, an_archive(store, run))
        for _ in range(2):
            with pytest.raises(StoreError, match="is full"):
                made.step(NOW)
        full = False
        made.step(NOW)
        made.step(NOW)
    assert len(told) == 1
    assert store.one("SELECT state FROM outbox")[0] == "sent"  # type: ignore[index]


def test_two_dashboards_in_one_folder_do_not_tell_everything_twice(store: Store) -> None:
    async def second() -> None:
        first = asyncio.create_task(alerts(store).keep_going())
        await asyncio.sleep(0)  # it holds the folder now
        try:
            with pytest.raises(Refusal, match=r"a dashboard runs in .* already"):
                await alerts(store).keep_going()
        finally:
            first.cancel()
            await asyncio.wait([first])

    asyncio.run(second())
    with alone(store.directory):  # who has ended holds it no more
        pass


def test_it_goes_on_after_a_fault(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    made = alerts(store)
    faults: list[str] = []

    def step() -> None:
        faults.append(made.fault)
        if len(faults) == 1:
            raise StoreError("the disk is full: nothing was changed")
        if len(faults) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(made, "step", step)
    monkeypatch.setattr(alerts_module, "_EACH_SECONDS", 0)
    with pytest.raises(KeyboardInterrupt):
        asyncio.run(made.keep_going())
    assert faults == ["", "the disk is full: nothing was changed", ""]


def test_old_messages_are_forgotten(store: Store) -> None:
    made = alerts(store)
    with webhook() as (url, _):
        add(made, url)
        run = a_run(store)
        for later in (timedelta(), timedelta(days=100)):
            an_event(store, "closed", run, an_archive(store, run))
            made.step(NOW + later)
    assert [row["ended"] for row in store.rows("SELECT ended FROM outbox")] == [stamp(NOW + timedelta(days=100))]
