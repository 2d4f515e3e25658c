"""What is surveyed is known anew as soon as a file says otherwise."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import pytest

from filmbadge import scope
from filmbadge.watch.store import surveyed as surveyed_module
from filmbadge.watch.store.surveyed import Surveyed


def test_a_file_is_read_again_where_it_or_a_list_of_it_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def noted(path: Path) -> scope.Scope:
        read.append(path.stem)
        return scope.surveyed(path)

    monkeypatch.setattr(surveyed_module, "surveyed", noted)
    folder = tmp_path / "scopes"
    folder.mkdir()
    now = Surveyed(tmp_path)
    assert now() == ()
    (folder / "a.toml").write_text('networks = ["@list.txt"]\nexpires = 2001-01-01\n')
    (folder / "list.txt").write_text("192.0.2.0/24\n")
    (folder / "b.toml").write_text('networks = ["198.51.100.0/24"]\nexclude = ["198.51.100.7"]\n')
    (folder / "c.toml").write_text("networks = [")
    for _ in range(3):
        assert [one.name for one in now()] == ["a", "b"]
    assert read.count("a") == read.count("b") == 1
    (folder / "list.txt").write_text("203.0.113.0/24\n")
    assert now()[0].networks == (ip_network("203.0.113.0/24"),)
    (folder / "optout.txt").write_text("198.51.100.9\n")
    assert now()[1].opted_out == (ip_network("198.51.100.9/32"),)
    assert now()[1].exclude == (ip_network("198.51.100.7/32"), ip_network("198.51.100.9/32"))
    (folder / "b.toml").unlink()
    assert [one.name for one in now()] == ["a"]
    assert not any(one.permits(one.networks[0][1]) for one in now())
