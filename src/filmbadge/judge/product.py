"""What an endpoint is made of: the toolkit that its association names, and the product, if it says so."""

from __future__ import annotations

from filmbadge.catalogue.fingerprints import toolkit_of
from filmbadge.judge.ladder import ORTHANC_REALM
from filmbadge.model import Observation, Product


def identify(observation: Observation) -> Product:
    if (web := observation.orthanc) is not None:
        if web.is_orthanc:
            return Product(product=f"Orthanc {web.version}".strip())
        return Product(product="Orthanc" if web.realm == ORTHANC_REALM else "")
    if (dimse := observation.dimse) is not None:
        return Product(toolkit=toolkit_of(dimse.implementation_uid, dimse.implementation_version))
    return Product()
