"""The commands are imported when they are run; what `--help` says of them does not wait for that."""

from __future__ import annotations

import inspect

import pytest

from filmbadge.cli import app


@pytest.mark.parametrize("name", ["check", "survey", "report", "scope", "rehearse"])
def test_the_line_about_a_command_is_its_own(name: str) -> None:
    command = app[name]
    if command.default_command is not None:  # scope has commands of its own instead
        documented = inspect.getdoc(command.default_command) or ""
        assert command.help == documented.partition("\n")[0]
    assert command.help
