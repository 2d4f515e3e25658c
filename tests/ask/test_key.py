"""The key of a run stays in memory."""

from __future__ import annotations

import copy
import pickle

import msgspec
import pytest

from filmbadge.ask.key import RunKey

SECRET = b"16 bytes, secret"


def test_each_run_has_its_own() -> None:
    assert len(bytes(RunKey())) == 16
    assert bytes(RunKey()) != bytes(RunKey())


def test_processes_of_one_run_can_share_it() -> None:
    assert bytes(RunKey(SECRET)) == SECRET


@pytest.mark.parametrize("secret", [b"", b"short", bytes(17)])
def test_a_key_of_another_size_is_refused(secret: bytes) -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        RunKey(secret)


def test_it_is_not_shown() -> None:
    key = RunKey(SECRET)
    assert {repr(key), str(key), f"{key}"} == {"<RunKey>"}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_it_is_not_pickled(protocol: int) -> None:
    with pytest.raises(TypeError):
        pickle.dumps({"key": RunKey(SECRET)}, protocol)


def test_it_is_neither_copied_nor_encoded() -> None:
    with pytest.raises(TypeError):
        copy.deepcopy(RunKey(SECRET))
    with pytest.raises(TypeError):
        msgspec.json.encode(RunKey(SECRET))
