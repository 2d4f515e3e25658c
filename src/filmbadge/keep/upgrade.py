"""Reads what older versions kept: a step from each version of the facts to the next, on plain JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

import msgspec
from msgspec import Struct

from filmbadge.keep import facts_1, version_2
from filmbadge.keep.manifest import NAME, SCHEMA, Manifest, read_bytes, read_document
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


class _Head(Struct, frozen=True):
    """What shows how the rest is to be read."""

    schema: str = ""
    dataset: int = 0


def is_ours(raw: bytes) -> bool:
    """Whether it is the survey.json of any version, be it damaged."""
    try:
        return msgspec.json.decode(raw, type=_Head).schema == SCHEMA
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


_BYTES_THEN = 8 << 20  # of a survey.json that does not list its parts


def manifest(directory: Path) -> Manifest:
    """survey.json of any version. Raises Newer, OSError, or ValueError where it is not ours."""
    raw = read_bytes(directory)
    head = msgspec.json.decode(raw, type=_Head)
    if head.schema != SCHEMA:
        raise ValueError("not ours")
    if not 2 <= head.dataset <= VERSION:
        raise Newer(f"version {head.dataset}; this version reads 2 to {VERSION}")
    if head.dataset < VERSION and len(raw) > _BYTES_THEN:
        raise ValueError("not ours")
    if head.dataset > 2:
        return read_document(raw, Manifest, directory / NAME, older=head.dataset < VERSION)
    try:
        return msgspec.convert(version_2.manifest(directory, msgspec.json.decode(raw)), Manifest)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not ours: {error}") from None
