"""What judgement asks about one way into an archive. A way answers what its facts can tell, and leaves out the rest."""

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


def _no_counts(_: object) -> Counts:
    return Counts()


@dataclass(frozen=True, slots=True, kw_only=True)
class Way(Generic[F]):
    """One way in, as pure functions of its facts."""

    archive: bool = True  # who speaks here is an archive, and not only what an archive is shown with

    # How open it is, and what it is.
    place: Callable[[F, Observation], Iterable[Verdict]]  # nothing where nobody is seen to speak this way
    signs: Callable[[F], Iterable[Fingerprint]] = _nothing
    hints: Callable[[F], Iterable[tuple[str, FingerprintKind]]] = _nothing  # make a product firm that a sign named
    toolkit: Callable[[F], str | None] = _none
    names: Callable[[F], Iterable[str]] = _nothing  # that the archive goes by
    manners: Callable[[F], Iterable[object]] = _nothing  # beside its signs, what a copy of the archive has too

    # Which other endpoint it belongs to.
    dicom_port: Callable[[F], int | None] = _none  # on which the archive says that it speaks DIMSE
    leads_to: Callable[[F], Iterable[ConfiguredRoot]] = _nothing  # where its pages take their data from

    # How much the archive holds.
    gave: Callable[[F], bool] = _no  # a record came
    counters: Callable[[F], Counters | None] = _none  # the archive's own
    census: Callable[[F], Census | None] = _none
    listed: Callable[[F], Counts] = _no_counts  # on its pages: fills in what nothing better tells
    profile: Callable[[F], Profile | None] = _none
    delivered: Callable[[F], bool] = _no  # an image came

    # Which of COUNT, PROFILE and PROVE would tell more. The rung is that of the endpoint.
    steps: Callable[[F, Rung | None], Iterable[Depth]] = _nothing
