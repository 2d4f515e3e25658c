"""The functions by which judgement reads one way into an archive.

A way leaves out the functions that its facts cannot answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from filmbadge.model import (
    Census,
    ConfiguredRoot,
    Counters,
    Counts,
    Depth,
    Draws,
    Facts,
    Fingerprint,
    FingerprintKind,
    Observation,
    Profile,
    Rung,
    Verdict,
)

F = TypeVar("F", bound=Facts)


def _nothing(*_: object) -> tuple[()]:
    return ()


def _none(_: object) -> None:
    return None


def _no(_: object) -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Way(Generic[F]):
    """One way in, as pure functions of its facts."""

    archive: bool = True  # this way belongs to an archive, and not to a viewer of an archive

    # These functions tell how open the way is, and what product it is.
    place: Callable[[F, Observation], Iterable[Verdict]]  # no verdict if nobody is seen to speak this way
    signs: Callable[[F], Iterable[Fingerprint]] = _nothing
    # Hints make a product firm that a sign named.
    hints: Callable[[F], Iterable[tuple[str, FingerprintKind]]] = _nothing
    toolkit: Callable[[F], str | None] = _none
    names: Callable[[F], Iterable[str]] = _nothing  # names of the archive
    manners: Callable[[F], Iterable[object]] = _nothing  # other properties that a copy of the archive shares

    # These functions tell to which other endpoint this one belongs.
    dicom_port: Callable[[F], int | None] = _none  # the port on which the archive says that it speaks DIMSE
    leads_to: Callable[[F], Iterable[ConfiguredRoot]] = _nothing  # the roots from which its pages take their data

    # These functions tell how much the archive holds.
    gave: Callable[[F], bool] = _no  # whether a record came
    counters: Callable[[F], Counters | None] = _none  # the archive's own counters
    census: Callable[[F], Census | None] = _none
    listed: Callable[[F], Counts | None] = _none  # counts from its pages, used only if nothing better gives them
    profile: Callable[[F], Profile | None] = _none
    delivered: Callable[[F], bool] = _no  # whether an image came
    draws: Callable[[F], Draws | None] = _none  # what became of images of studies that were drawn by lot
    # Whether a refusal proves that no image comes this way. None: this way brings no images, or is not open.
    withheld: Callable[[F], bool | None] = _none

    # Names which of COUNT, PROFILE and PROVE would tell more. The argument is the rung of the endpoint.
    steps: Callable[[F, Rung | None], Iterable[Depth]] = _nothing
