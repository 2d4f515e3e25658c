"""Reads what older versions kept: a step from each version of the facts to the next, on plain JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

import msgspec

from filmbadge.keep import facts_1, version_2
from filmbadge.keep.manifest import SCHEMA, Manifest, read_bytes
from filmbadge.keep.schema import FACTS, VERSION
from filmbadge.model import Observation, Outcome, Refusal

Json = dict[str, Any]
T = TypeVar("T")


class Step(NamedTuple):
    """From one version of the facts to the next."""

    observation: Callable[[Json], Json]
    fault: Callable[[Json], Json]


# By the version that a step starts from. The golden files of the tests hold every step.
STEPS: Mapping[int, Step] = MappingProxyType({1: Step(facts_1.observation, facts_1.outcome)})


def observation(version: int, text: str) -> Observation:
    """One endpoint's facts, as this version knows them. Raises Refusal."""
    return _read(version, text, Observation, [STEPS[n].observation for n in range(version, FACTS)])


def fault(version: int, text: str) -> Outcome:
    """What kept us from finding out more of a host. Raises Refusal."""
    return _read(version, text, Outcome, [STEPS[n].fault for n in range(version, FACTS)])


def _read(version: int, text: str, kind: type[T], steps: Sequence[Callable[[Json], Json]]) -> T:
    if version > FACTS:
        raise Refusal(f"this survey has facts of version {version}; this version reads up to {FACTS}")
    try:
        if not steps:
            return msgspec.json.decode(text, type=kind)
        facts = msgspec.json.decode(text)
        for step in steps:
            facts = step(facts)
        return msgspec.convert(facts, kind)
    except msgspec.MsgspecError as error:
        raise Refusal(f"facts of version {version} cannot be read: {error}") from None


class Newer(Refusal):
    """Kept in a way that this version does not know."""


def manifest(directory: Path) -> Manifest:
    """survey.json of any version. Raises Newer, OSError, or ValueError where it is not ours."""
    raw = read_bytes(directory)
    document = msgspec.json.decode(raw)
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise ValueError("not ours")
    version = document.get("dataset")
    if version == VERSION:
        return msgspec.json.decode(raw, type=Manifest)
    if version != 2:
        raise Newer(f"version {version}; this version reads 2 and {VERSION}")
    try:
        return msgspec.convert(version_2.manifest(directory, document), Manifest)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not ours: {error}") from None
