"""What an archive is made of: the toolkit that its association names, and the product, from signs of either."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from filmbadge.catalogue.fingerprints import Manners, fingerprints, products_of, toolkit_of
from filmbadge.catalogue.pages import viewers
from filmbadge.judge.ladder import ORTHANC_REALM
from filmbadge.model import (
    Abort,
    Dcm4cheeFacts,
    DicomWebFacts,
    DimseFacts,
    Fingerprint,
    FingerprintKind,
    Observation,
    OrthancFacts,
    Product,
)

_ARCHIVES = (DimseFacts, DicomWebFacts, Dcm4cheeFacts)  # which speak, and are no viewer
USER = 0  # source of an A-ABORT, PS3.8 Table 9-26


def identify(*observations: Observation) -> Product:
    """One product of all that was seen of one archive. It is firm on two signs of different kinds, of which one names it."""
    toolkit = next((name for seen in observations if (name := _toolkit(seen))), "")
    named = [sign for seen in observations for sign in signs(seen)]
    if not named:
        return Product(toolkit=toolkit)
    kinds: dict[str, set[FingerprintKind]] = {}
    for sign in named:
        kinds.setdefault(sign.product, set()).update([] if sign.hearsay else [sign.kind])
    for product, kind in _hints(observations, toolkit):
        if product in kinds:
            kinds[product].add(kind)
    # The first of those with most marks. A viewer is what an archive is shown with, not what it is.
    product = max(kinds, key=lambda name: (name not in viewers(), len(kinds[name])))
    if product in viewers() and any(isinstance(facts, _ARCHIVES) for seen in observations for facts in seen.facts):
        return Product(toolkit=toolkit)
    version = next((sign.version for sign in named if sign.product == product and sign.version), "")
    return Product(product, toolkit, version, len(kinds[product]) > 1)


def signs(seen: Observation) -> tuple[Fingerprint, ...]:
    """Every mark of a product on one endpoint: those that its probe saw, and those that follow from its facts."""
    found = [*seen.signs]
    for facts in seen.facts:
        if isinstance(facts, DimseFacts):
            found += _of_association(facts)
        elif isinstance(facts, OrthancFacts):
            found += _of_orthanc(facts)
        elif isinstance(facts, Dcm4cheeFacts) and facts.aets:
            found.append(Fingerprint("dcm4chee-arc", FingerprintKind.API))
    return tuple(dict.fromkeys(found))


def _toolkit(seen: Observation) -> str:
    facts = seen.get(DimseFacts)
    return toolkit_of(facts.implementation_uid, facts.implementation_version) if facts else ""


def _of_orthanc(facts: OrthancFacts) -> Iterator[Fingerprint]:
    if facts.is_orthanc:
        yield Fingerprint("Orthanc", FingerprintKind.API, facts.version)
    if facts.realm == ORTHANC_REALM:
        yield Fingerprint("Orthanc", FingerprintKind.REALM)


def _of_association(facts: DimseFacts) -> Iterator[Fingerprint]:
    if not facts.accepted:
        return
    table = fingerprints()
    for row, version in products_of(facts.implementation_uid, facts.implementation_version):
        yield Fingerprint(row.is_, row.by, version)
    manners = _manners(facts)
    for behaviour in table.behaviour:
        if not behaviour.hint and behaviour.seen.fit(manners):
            yield Fingerprint(behaviour.is_, FingerprintKind.BEHAVIOUR)
    if facts.called_from_scope and facts.titles_rejected:  # it knows this title, and not any
        for title in table.title:
            if re.fullmatch(title.title, facts.called):
                yield Fingerprint(title.is_, FingerprintKind.AE_TITLE)


def _hints(observations: Sequence[Observation], toolkit: str) -> Iterator[tuple[str, FingerprintKind]]:
    table = fingerprints()
    for row in table.built_on:
        if toolkit.startswith(row.toolkit):
            yield row.product, FingerprintKind.ASSOCIATION
    for seen in observations:
        facts = seen.get(DimseFacts)
        if facts is not None and facts.accepted:
            manners = _manners(facts)
            for behaviour in table.behaviour:
                if behaviour.hint and behaviour.seen.fit(manners):
                    yield behaviour.is_, FingerprintKind.BEHAVIOUR


def _manners(facts: DimseFacts) -> Manners:
    return Manners(
        no_implementation=not (facts.implementation_uid or facts.implementation_version),
        max_pdu=facts.max_pdu or 0,
        all_contexts=facts.verification and facts.study_root and facts.patient_root,
        aborts_query=bool(facts.finds) and facts.finds[-1].status is None and facts.abort == Abort(USER, 0),
    )
