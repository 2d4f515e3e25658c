"""Fixtures for all tests. Importing this moves the run into its own network (see `support.isolation`)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support import isolation

isolation.enter()


@pytest.fixture(autouse=True)
def nothing_leaves() -> Iterator[None]:
    """Fails a test during which anything tried to reach beyond loopback."""
    before = isolation.strays()
    yield
    strayed = isolation.strays() - before
    assert strayed == 0, f"{strayed} packets were meant for an address outside loopback"
