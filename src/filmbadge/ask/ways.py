"""The ways into an archive: how to identify products on an HTTP port, and how to ask further by each way."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator, Sequence
from dataclasses import dataclass
from typing import Any

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


@dataclass(frozen=True, slots=True, repr=False)
class Product:
    """A product that has its own interface in HTTP."""

    # Takes the depth and the first response.
    identify: Callable[[Depth, Response], Generator[Request, Response, Facts | None]]
    roots: Callable[[Any], Sequence[str]] = _no_roots  # DICOMweb roots that its facts name


PRODUCTS = (
    Product(orthanc.identify),
    Product(dcm4chee.identify, dcm4chee.roots),
)

FURTHER: dict[tuple[type[Facts], Depth], Callable[[Contact, Observation, Any], Coroutine[Any, Any, Learned]]] = {
    (DimseFacts, Depth.COUNT): dimse_census.count,
    (DimseFacts, Depth.PROFILE): dimse_profile.profile,
    (DimseFacts, Depth.PROVE): dimse_prove.prove,
    (OrthancFacts, Depth.PROFILE): orthanc.profile,
    (DicomWebFacts, Depth.COUNT): dicomweb.count,
    (DicomWebFacts, Depth.PROFILE): dicomweb.count,  # the census of DICOMweb brings the personal data too
    (DicomWebFacts, Depth.PROVE): dicomweb_prove.prove,
}


async def ask_further(contact: Contact, seen: Observation, way: type[Facts], depth: Depth) -> Learned:
    """The observation with the results of one more step by this way in. Raises OutOfScope only."""
    return await FURTHER[way, depth](contact, seen, seen.get(way))
