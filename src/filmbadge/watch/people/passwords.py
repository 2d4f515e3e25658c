"""Passwords, as argon2id keeps them (RFC 9106). A hash takes 64 MiB, so one at a time is computed."""

from __future__ import annotations

import base64
import secrets
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore, Lock

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from filmbadge.model import Refusal

LEAST, MOST = 12, 1024  # characters
_FEWEST_DIFFERENT = 5
_MOST_WAITING = 2  # each holds one of the threads that pages are made by
_WAIT_SECONDS = 10.0


class Busy(Refusal):
    """Too many passwords are looked at already."""


class Passwords:
    """Makes hashes and compares with them. Blocking, from any thread. Raises Busy."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._one, self._places = Lock(), BoundedSemaphore(1 + _MOST_WAITING)
        self._nobodys = _of_no_password(self._hasher)

    def hashed(self, password: str) -> str:
        with self._turn():
            return self._hasher.hash(_bytes(password))

    def right(self, kept: str | None, password: str) -> bool:
        """Whether it is the password. Without `kept` (there is no such user) it takes as long, and it is not."""
        if len(password) > MOST:
            return False
        with self._turn():
            try:
                return self._hasher.verify(kept or self._nobodys, _bytes(password)) and kept is not None
            except (VerificationError, InvalidHashError):
                return False

    def outdated(self, kept: str) -> bool:
        """Whether it was made with parameters that are no longer ours."""
        return self._hasher.check_needs_rehash(kept)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        said = "too many passwords are being looked at: try again in a few seconds"
        if not self._places.acquire(blocking=False):
            raise Busy(said)
        try:
            if not self._one.acquire(timeout=_WAIT_SECONDS):
                raise Busy(said)
            try:
                yield
            finally:
                self._one.release()
        finally:
            self._places.release()


def check(name: str, password: str) -> None:
    """Whether somebody may have this password. Raises Refusal."""
    if len(password) < LEAST:
        raise Refusal(
            f"a password has at least {LEAST} characters: four words that have nothing to do with each other do well"
        )
    if len(password) > MOST:
        raise Refusal(f"a password has at most {MOST} characters")
    if len(set(password)) < _FEWEST_DIFFERENT or _bare(password) == _bare(name):
        raise Refusal("this password is guessed at once: four words that have nothing to do with each other do well")


def _bare(text: str) -> str:
    return "".join(filter(str.isalpha, text.casefold()))


def _bytes(password: str) -> bytes:
    """As RFC 8265 has it: what looks alike on two keyboards is alike."""
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")


def _of_no_password(hasher: PasswordHasher) -> str:
    """A hash with the same parameters that nothing was hashed for: to compare with it takes the usual time, and it never fits."""
    salt, digest = (
        base64.b64encode(secrets.token_bytes(length)).decode().rstrip("=")
        for length in (hasher.salt_len, hasher.hash_len)
    )
    cost = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2id$v=19${cost}${salt}${digest}"
