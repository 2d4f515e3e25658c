"""How many images of one archive a stranger gets: by retrievals that were begun, and by what it says of its studies.

An image is retrievable here if it comes at once by C-GET, WADO-RS or WADO-URI. C-MOVE is never sent. What an archive calls
near-line, off-line or unavailable (PS3.3 C.4.23.1.1) is not retrievable.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from math import ceil, comb, floor

import msgspec

from filmbadge.judge.amounts import Told
from filmbadge.judge.ways import ways_of
from filmbadge.model import (
    Availability,
    Census,
    Count,
    Depth,
    Doubt,
    DoubtCode,
    Draws,
    JudgedEndpoint,
    Provenance,
)

MISSED = 0.05  # of all intervals, so many may miss the truth


def retrievable(group: Sequence[JudgedEndpoint], images: Count) -> Count:
    """The number for one archive that holds so many images. Zero only where a refusal proves it."""
    if not any(j.observation.depth.reaches(Depth.PROVE) for j in group):
        return _unknown(DoubtCode.NEEDS_PROVE)
    if not any(j.verdict.rung is not None and j.verdict.rung.open for j in group):
        return Count(doubts=images.doubts)
    ways = [(way, facts) for j in group for way, facts in ways_of(j.observation)]
    if images.value == 0 and images.how is not Provenance.ESTIMATED:
        return Count(0, images.how)
    draws = _best([(way.draws(facts), way.delivered(facts)) for way, facts in ways])
    if not any(way.delivered(facts) for way, facts in ways):
        said = [withheld for way, facts in ways if (withheld := way.withheld(facts)) is not None]
        if said and all(said):
            return Count(0, Provenance.COUNTED)
        return _unknown(DoubtCode.NO_IMAGE_CAME) if draws is None or not _known(draws) else by_draws(draws, images)
    censuses = Told.by(*(j.observation for j in group)).censuses
    best = max(censuses, key=lambda census: (census.complete, census.studies), default=None)
    if best is not None and (said_of := best.availability) is not None:
        by_word = _by_availability(best, said_of, images)
        if draws is None or (by_word.value is not None and not _refuted(by_word.value, images.value or 1, draws)):
            return by_word
    return _unknown(DoubtCode.AVAILABILITY_UNSAID) if draws is None else by_draws(draws, images)


def _by_availability(census: Census, said: Availability, images: Count) -> Count:
    """By what the archive says of each study, where one image showed that it hands them out."""
    silent = census.studies - said.studies_online - said.studies_elsewhere
    if silent:
        doubt = Doubt(DoubtCode.AVAILABILITY_PARTLY, {"silent": silent, "studies": census.studies})
        return Count(at_least=said.images_online or None, doubts=(doubt,))
    if images.value is None:
        return Count(at_least=said.images_online or None, doubts=images.doubts)
    known = said.images_online + said.images_elsewhere
    if known == images.value:
        return Count(said.images_online, Provenance.REPORTED)
    if images.how is not Provenance.ESTIMATED or not known:
        return Count(at_least=said.images_online or None, doubts=(Doubt(DoubtCode.NOT_KNOWN_FOR_ALL),))
    ends = (images.value, images.low or 0, images.high or images.value)
    value, low, high = (round(end * said.images_online / known) for end in ends)
    return Count(value, Provenance.ESTIMATED, said.images_online or None, doubts=images.doubts, low=low, high=high)


def _best(ways: Sequence[tuple[Draws | None, bool]]) -> Draws | None:
    """The draws of the way that brings most, of ways with their draws and whether an image came: one way is enough.

    What that way did not bring may come by another one that brings some. Then nothing is known of these draws.
    """
    best = max((draws for draws, _ in ways if draws is not None), key=_share, default=None)
    if best is None or sum(came for _, came in ways) <= bool(best.delivered):
        return best
    return msgspec.structs.replace(best, lost=best.drawn - best.delivered)


def _share(draws: Draws) -> tuple[float, int]:
    return (draws.delivered / _known(draws) if _known(draws) else 0.0), _known(draws)


def _refuted(value: int, images: int, draws: Draws) -> bool:
    """Whether the word of the archive, so many of its images, is a share that the draws leave no room for."""
    low = clopper_pearson(draws.drawn, draws.delivered, MISSED)[0]
    high = clopper_pearson(draws.drawn, draws.delivered + draws.lost, MISSED)[1]
    return not low <= value / images <= high


def _known(draws: Draws) -> int:
    return draws.drawn - draws.lost


def by_draws(draws: Draws, images: Count) -> Count:
    """The share of the draws that an image answered: studies are drawn by their images, so it is the share of these too.

    A draw of which nothing is known may be either.
    """
    drawn = [Doubt(DoubtCode.DRAWN, {"drawn": draws.drawn, "delivered": draws.delivered})]
    drawn += [Doubt(DoubtCode.DRAWS_LOST, {"draws": draws.lost})] if draws.lost else []
    if images.value is None or not _known(draws):
        return Count(at_least=1 if draws.delivered else None, doubts=(*images.doubts, *drawn))
    # Where the number of images is an estimate too, each of both may miss the truth.
    missed = MISSED / 5 if images.how is Provenance.ESTIMATED else MISSED
    low = clopper_pearson(draws.drawn, draws.delivered, missed)[0]
    high = clopper_pearson(draws.drawn, draws.delivered + draws.lost, missed)[1]
    least = images.value if images.low is None else images.low
    most = images.value if images.high is None else images.high
    return Count(
        round(images.value * draws.delivered / _known(draws)),
        Provenance.ESTIMATED,
        doubts=(*drawn, *images.doubts),
        low=floor(least * low),
        high=ceil(most * high),
    )


@lru_cache(maxsize=1024)
def clopper_pearson(drawn: int, hits: int, missed: float) -> tuple[float, float]:
    """The interval of a share, by so many hits of so many independent draws (C. Clopper and E. Pearson 1934)."""

    def above(share: float, least: int) -> float:
        """The chance of so many hits at least."""
        return sum(comb(drawn, n) * share**n * (1 - share) ** (drawn - n) for n in range(least, drawn + 1))

    low = 0.0 if not hits else _where(lambda share: above(share, hits) > missed / 2)
    high = 1.0 if hits == drawn else _where(lambda share: 1 - above(share, hits + 1) < missed / 2)
    return low, high


def _where(reached: Callable[[float], bool]) -> float:
    """The share from which on it is so."""
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (low, middle) if reached(middle) else (middle, high)
    return (low + high) / 2


def _unknown(code: DoubtCode) -> Count:
    return Count(doubts=(Doubt(code),))
