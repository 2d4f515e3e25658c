"""Passwords: how they are kept, how many are looked at together, and how often somebody may try."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher

from filmbadge.model import Refusal
from filmbadge.watch.people import passwords
from filmbadge.watch.people.limits import Limits, peer_key
from filmbadge.watch.people.passwords import Busy, Passwords
from filmbadge.watch.people.users import Users
from filmbadge.watch.people.who import Role
from filmbadge.watch.store.store import Store
from support.dashboard import CHEAP, PASSWORDS, Dashboard, dashboard
from support.hanging import HANGS


class Counted(PasswordHasher):
    """Counts what it computes, and how much of that at once. A barrier holds each up."""

    def __init__(self, **how: Any) -> None:
        super().__init__(**{"time_cost": 1, "memory_cost": 8, "parallelism": 1, **how})
        self.computed, self.now, self.most, self.lock = 0, 0, 0, threading.Lock()
        self.begun, self.go = threading.Semaphore(0), threading.Event()
        self.go.set()

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        return str(self._counted(super().hash, password))

    def verify(self, hash: str | bytes, password: str | bytes) -> Any:
        if self.check_needs_rehash(str(hash)):  # or else it would take another time
            return super().verify(hash, password)
        return self._counted(super().verify, hash, password)

    def _counted(self, what: Any, *values: Any) -> Any:
        with self.lock:
            self.computed, self.now = self.computed + 1, self.now + 1
            self.most = max(self.most, self.now)
        self.begun.release()
        try:
            assert self.go.wait(HANGS)
            return what(*values)
        finally:
            with self.lock:
                self.now -= 1


@pytest.fixture
def hasher() -> Counted:
    return Counted()


@pytest.fixture
def site(tmp_path: Path, hasher: Counted) -> Iterator[Dashboard]:
    with dashboard(tmp_path, hasher=hasher) as made:
        yield made


def test_the_parameters_are_the_librarys() -> None:
    kept = Passwords().hashed("a long password")
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert (
        passwords._of_no_password(PasswordHasher()).rpartition("$")[0].rpartition("$")[0]
        == "$argon2id$v=19$m=65536,t=3,p=4"
    )


def test_whatever_is_wrong_one_hash_is_computed(site: Dashboard, hasher: Counted) -> None:
    site.gate.users.disable("otto")
    said: set[tuple[int, bool]] = set()
    for name, password in (
        ("anna", "wrong"), ("nobody-of-that-name", "wrong"), ("otto", PASSWORDS["otto"]), ("otto", "wrong"), ("", ""),
        ("x" * 5000, "wrong"), ("anna\x00", PASSWORDS["anna"]), ("' OR 1=1 --", "wrong"),
    ):  # fmt: skip
        before = hasher.computed
        answer = site.browser(peer=f"127.0.0.{len(said) + before % 200 + 1}").log_in(name, password)
        said.add((answer.status, "the name or the password is wrong" in answer.text.lower()))
        assert hasher.computed == before + 1, name
    assert said == {(401, True)}
    before = hasher.computed
    assert site.browser(peer="127.0.0.9").log_in("anna", PASSWORDS["anna"]).status == 303
    assert hasher.computed == before + 1
    assert site.browser(peer="127.0.0.9").log_in("anna", "x" * 1025).status == 401
    assert hasher.computed == before + 1  # for nobody it is that long


def test_one_is_computed_at_a_time_and_few_wait(hasher: Counted) -> None:
    held = Passwords(hasher)
    hasher.go.clear()
    outcomes: list[str] = []

    def tries() -> None:
        try:
            outcomes.append(str(held.right(None, "x")))
        except Busy:
            outcomes.append("busy")

    threads = [threading.Thread(target=tries) for _ in range(20)]
    for thread in threads:
        thread.start()
    assert hasher.begun.acquire(timeout=HANGS)
    for thread in threads:  # all but those that have a place are refused at once
        if outcomes.count("busy") == 17:
            break
        thread.join(0.05)
    while outcomes.count("busy") < 17:
        threading.Event().wait(0.01)
    hasher.go.set()
    for thread in threads:
        thread.join(HANGS)
    assert sorted(outcomes) == ["False"] * 3 + ["busy"] * 17
    assert (hasher.most, hasher.computed) == (1, 3)
    assert held.right(held.hashed("a long password"), "a long password")  # all places are free again


def test_who_cannot_be_looked_at_is_told_to_come_again(site: Dashboard, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*_: object) -> None:
        raise Busy("too many")

    limits = site.gate.limits
    assert [limits.begin(("name", "anna")) for _ in range(3)] == [0.0] * 3
    with monkeypatch.context() as patch:
        patch.setattr(site.gate.users, "known_as", busy)
        for _ in range(30):  # none of them counts as failed
            answer = site.browser().log_in("anna", "x")
            assert (answer.status, answer.header("retry-after")) == (503, "5")
    assert [limits.begin(("name", "anna")) > 0 for _ in range(3)] == [False, False, True]  # and takes back what did


def test_a_hash_with_old_parameters_is_renewed_at_a_log_in(tmp_path: Path) -> None:
    store = Store(tmp_path)
    Users(store, Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))).add(
        "anna", Role.ADMIN, "a long password"
    )
    now = Users(store, Passwords(PasswordHasher(time_cost=2, memory_cost=16, parallelism=1)))

    def kept() -> str:
        row = store.one("SELECT password FROM users")
        assert row is not None
        return str(row[0])

    assert now.known_as("anna", "wrong") is None and "t=1" in kept()
    assert now.known_as("anna", "a long password") is Role.ADMIN and "m=16,t=2" in kept()
    assert now.known_as("anna", "a long password") is Role.ADMIN


@pytest.mark.parametrize(
    "password", ["", "elevenchars", "x" * 1025, "aaaaaaaaaaaaaa", "Hospital-Anna.", "abababababab"]
)
def test_passwords_that_nobody_may_have(password: str, tmp_path: Path) -> None:
    users = Users(Store(tmp_path), Passwords(CHEAP))
    with pytest.raises(Refusal):
        users.add("hospital.anna", Role.ADMIN, password)
    users.add("hospital.anna", Role.ADMIN, "Grüße aus Köln")
    assert users.known_as("Hospital.Anna", "Gru\u0308ße aus Ko\u0308ln") is Role.ADMIN  # the other keyboard
    with pytest.raises(Refusal):
        users.give_password("hospital.anna", password)


def test_whoever_fails_waits_longer_each_time_and_never_for_long() -> None:
    now = [0.0]
    limits = Limits(lambda: now[0])
    name, peer = ("name", "anna"), peer_key("192.0.2.1")
    assert [limits.begin(name, peer) for _ in range(5)] == [0.0] * 5
    waits = []
    for _ in range(14):
        waits.append(limits.begin(name, peer))
        now[0] += waits[-1]
        assert limits.begin(name, peer) == 0
    assert waits == sorted(waits) and waits[0] == 1 and waits[-1] == 300
    assert limits.begin(name, peer) == 300
    assert limits.begin(name, peer) == 300  # to try in a pause makes it no longer
    assert limits.begin(("name", "otto")) == 0  # another is not kept waiting
    limits.passed(name, peer)
    assert limits.begin(name) == 0
    now[0] += 3600
    assert limits.begin(name, peer) == 0


def test_a_guesser_with_an_account_stays_counted() -> None:
    limits = Limits(lambda: 0.0)
    peer = peer_key("2001:db8::1")
    for number in range(20):
        assert limits.begin(("name", f"victim{number}"), peer) == 0
        if limits.begin(("name", "own"), peer) == 0:
            limits.passed(("name", "own"), peer)
    assert limits.begin(("name", "another"), peer) > 0
    assert limits.begin(("name", "another"), peer_key("2001:db8::ffff:1")) > 0  # of the same /64
    assert limits.begin(("name", "another"), peer_key("2001:db8:0:1::1")) == 0


def test_many_names_take_no_memory() -> None:
    limits = Limits(lambda: 0.0)
    for number in range(10_000):
        limits.begin(("name", f"{number}"), ("peer", f"{number}"))
    assert len(limits._tries) <= 4096


def test_guessing_is_slowed_down_and_the_owner_comes_in_all_the_same(site: Dashboard) -> None:
    desk = site.logged_in("anna", peer="192.0.2.7", scheme="https", server=("127.0.0.1", 8700))
    desk.post("/logout", csrf=desk.get("/account").csrf)
    wrong = [
        site.browser(peer=f"127.0.0.{number}").log_in("anna", "wrong wrong wrong").status for number in range(1, 12)
    ]
    assert wrong == [401] * 5 + [429] * 6
    stranger = site.browser(peer="127.0.0.77").log_in("anna", PASSWORDS["anna"])
    assert stranger.status == 429 and 0 < int(stranger.header("retry-after")) <= 300
    assert site.browser(peer="127.0.0.78").log_in("ANNA ", PASSWORDS["anna"]).status == 429
    assert desk.log_in("anna", PASSWORDS["anna"]).status == 303  # from the browser that she always uses
    forged = site.browser(cookies={"filmbadge-known": desk.cookies["__Host-filmbadge-known"][:-2] + "xx"})
    assert forged.log_in("anna", PASSWORDS["anna"]).status == 429
    away = site.browser(peer="192.0.2.8", scheme="https", server=("127.0.0.1", 8700))
    away.cookies["__Host-filmbadge-known"] = desk.cookies["__Host-filmbadge-known"]
    tried = [away.log_in("anna", "wrong wrong wrong").status for _ in range(7)]
    assert tried == [401] * 5 + [429] * 2  # whoever took her cookie guesses no faster


def test_log_ins_of_one_address_are_slowed_down_whatever_the_name(site: Dashboard) -> None:
    tried = [site.browser().log_in(f"user{number}", "wrong wrong wrong").status for number in range(25)]
    assert tried == [401] * 20 + [429] * 5
    assert site.browser(peer="127.0.0.2").log_in("vera", PASSWORDS["vera"]).status == 303
    rows = site.service.store.rows("SELECT 1 FROM audit WHERE what = 'login' AND outcome = 'refused'")
    assert len(rows) == 20
