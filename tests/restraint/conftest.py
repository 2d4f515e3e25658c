"""The archives that are full of markers, started once for each file of tests that asks for them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support import canary_world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[canary_world.World]:
    with canary_world.world(tmp_path_factory.mktemp) as made:
        yield made
