"""The ways into an archive: how to identify products on an HTTP port, and how to ask further by each way."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from filmbadge.ask.census.lot import NO_LOT, Lot
from filmbadge.ask.dicomweb import profile as dicomweb
from filmbadge.ask.dicomweb import prove as dicomweb_prove
from filmbadge.ask.dimse import census as dimse_census
from filmbadge.ask.dimse import profile as dimse_profile
from filmbadge.ask.dimse import prove as dimse_prove
from filmbadge.ask.learned import Learned
from filmbadge.ask.products import dcm4chee, orthanc
from filmbadge.ask.wire.contact import Contact
from filmbadge.ask.wire.http import Request, Response
from filmbadge.model import Depth, DicomWebFacts, DimseFacts, Facts, Observation, OrthancFacts


def _no_roots(_: object) -> tuple[()]:
    return ()


def _as_they_are(facts: Any, _: str) -> Facts:
    return facts  # type: ignore[no-any-return]


def _no(_: object) -> bool:
    return False


@dataclass(frozen=True, slots=True, repr=False)
class Product:
    """A product that has its own interface in HTTP."""

    # Takes the depth and the first response.
    identify: Callable[[Depth, Response], Generator[Request, Response, Facts | None]]
    roots: Callable[[Any], Sequence[str]] = _no_roots  # DICOMweb roots that its facts name
    places: Sequence[str] = ("",)  # paths below which its interface usually is
    below: Callable[[Any, str], Facts] = _as_they_are  # the facts, found below a path
    guarded: Callable[[Any], bool] = _no  # whether a login kept us from seeing more


PRODUCTS = (
    Product(orthanc.identify, places=orthanc.PLACES, below=orthanc.below, guarded=lambda facts: not facts.is_orthanc),
    Product(dcm4chee.identify, dcm4chee.roots, guarded=lambda facts: not facts.aets),
)


def identify_below(
    product: Product, base: str, depth: Depth, first: Response
) -> Generator[Request, Response, tuple[Facts | None, list[str]]]:
    """Asks all that `product.identify` asks, below a path. Returns the facts, and the DICOMweb roots that they name."""
    script = product.identify(depth, first)
    try:
        page = next(script)
        while True:
            reply = yield replace(page, path=base + page.path)
            page = script.send(reply)
    except StopIteration as end:
        facts: Facts | None = end.value
    if facts is None:
        return None, []
    return product.below(facts, base), [base + root for root in product.roots(facts)]


FURTHER: dict[tuple[type[Facts], Depth], Callable[[Contact, Observation, Any], Coroutine[Any, Any, Learned]]] = {
    (DimseFacts, Depth.COUNT): dimse_census.count,
    (DimseFacts, Depth.PROFILE): dimse_profile.profile,
    (OrthancFacts, Depth.PROFILE): orthanc.profile,
    (DicomWebFacts, Depth.COUNT): dicomweb.count,
    (DicomWebFacts, Depth.PROFILE): dicomweb.count,  # the census of DICOMweb brings the personal data too
}
PROVE: dict[type[Facts], Callable[[Contact, Observation, Any, Lot], Coroutine[Any, Any, Learned]]] = {
    DimseFacts: dimse_prove.prove,
    DicomWebFacts: dicomweb_prove.prove,
}


async def ask_further(
    contact: Contact, seen: Observation, way: type[Facts], depth: Depth, lot: Lot = NO_LOT
) -> Learned:
    """The observation with the results of one more step by this way in. Raises OutOfScope only.

    `lot` is of use at depth PROVE: studies of this archive that were drawn by lot.
    """
    if depth is Depth.PROVE:
        return await PROVE[way](contact, seen, seen.get(way), lot)
    return await FURTHER[way, depth](contact, seen, seen.get(way))
