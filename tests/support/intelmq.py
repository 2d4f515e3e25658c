"""IntelMQ's own `Event` and the keys that its versions know. It reads no file of an installation, and starts nothing."""

from __future__ import annotations

import importlib
import json
import sys
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

_SINCE_3_5 = (
    "severity",
    "constituency",
    "product.full_name",
    "product.name",
    "product.vendor",
    "product.version",
    "product.vulnerabilities",
)


@cache
def harmonization(version: str = "3.5") -> dict[str, Any]:
    """The keys of an event, with their types. Version 3.3 had these, without the keys that came later."""
    known: dict[str, Any] = json.loads((files("intelmq") / "etc" / "harmonization.conf").read_text())
    if version == "3.3":
        for key in _SINCE_3_5:
            del known["event"][key]
    return known


def parsed(line: str, version: str = "3.5") -> Any:
    """What its JSON parser makes of a line: an `Event`. Raises IntelMQException where a key or a value is not valid."""
    return _message().MessageFactory.unserialize(line, harmonization=harmonization(version), default_type="Event")


@cache
def _message() -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INTELMQ_ROOT_DIR", str(Path(__file__).parent / "nowhere"))
        # IntelMQ asks this module of older setuptools for a path that it uses where it is given no harmonization.
        old = ModuleType("pkg_resources")
        old.resource_filename = lambda package, name: f"{package}/{name}"  # type: ignore[attr-defined]
        patch.setitem(sys.modules, "pkg_resources", old)
        return importlib.import_module("intelmq.lib.message")
