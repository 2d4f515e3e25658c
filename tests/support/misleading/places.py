"""Kinds that are more than one archive's manners: several at one address, TLS, log-ins, and what the patients' ids are."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from support.misleading import tls
from support.misleading.dicom import VERIFICATION, Dicom, Speech
from support.misleading.holdings import Numbering, Patient, Setting, Study, Truth, drawn, truth
from support.misleading.http import Either, Front, Http, Orthanc, Pages, Qido
from support.misleading.index import Index, Manners
from support.misleading.kinds import Chance, Door, Kind, Place, a_few


def _place(said: Truth, *doors: Door, each: Sequence[Truth] = ()) -> Place:
    return Place(doors, each or (said,), said)


def _studies(chance: Chance, least: int = 12, most: int = 70) -> list[Study]:
    return drawn(chance, Setting(dated=a_few(chance, least, most)))


def _closed(studies: Sequence[Study]) -> Truth:
    return Truth(open=False, studies=len(studies))


def _dicom(studies: Sequence[Study], manners: Manners | None = None, speech: Speech | None = None) -> Dicom:
    return Dicom(Index(studies, manners or Manners()), speech or Speech())


def _qido(studies: Sequence[Study], manners: Manners | None = None, pages: Pages | None = None) -> Qido:
    return Qido(Index(studies, manners or Manners()), pages or Pages())


def _counters(studies: Sequence[Study]) -> tuple[int, int, int, int]:
    said = truth(studies)
    numbers = (said.patients, said.studies, said.series, said.images)
    return tuple(n if isinstance(n, int) else 0 for n in numbers)  # type: ignore[return-value]


# --- several at one address


def overlapping(chance: Chance) -> Place:
    whole = _studies(chance, 20, 90)
    third = len(whole) // 3
    one, two = whole[: 2 * third], whole[third:]
    return _place(truth(whole), Door(4242, _dicom(one)), Door(104, _dicom(two)), each=(truth(one), truth(two)))


def strangers(chance: Chance) -> Place:
    """DICOM and DICOMweb of different archives."""
    one, two = _studies(chance, 12, 40), _studies(chance, 41, 90)
    return _place(
        truth([*one, *two]), Door(4242, _dicom(one)), Door(8042, Http([_qido(two)])), each=(truth(one), truth(two))
    )


def strangers_cut(chance: Chance) -> Place:
    """The same, where one is cut off and says so."""
    one, two = _studies(chance, 30, 60), _studies(chance, 12, 29)
    cut = Manners(cap=chance.randint(3, 20), cap_says=True)
    return _place(
        truth([*one, *two]), Door(4242, _dicom(one, cut)), Door(8042, Http([_qido(two)])), each=(truth(one), truth(two))
    )


def one_archive_two_ways(chance: Chance) -> Place:
    studies = _studies(chance)
    return _place(truth(studies), Door(4242, _dicom(studies)), Door(8042, Http([_qido(studies)])))


def a_part_by_web(chance: Chance) -> Place:
    """DICOM is cut off; DICOMweb of the same archive shows fewer."""
    studies = _studies(chance, 40, 90)
    cut = Manners(cap=chance.randint(10, 30), cap_says=chance.random() < 0.5)
    part = studies[: chance.randint(5, 30)]
    return _place(truth(studies), Door(4242, _dicom(studies, cut)), Door(8042, Http([_qido(part)])))


def one_archive_two_ports(chance: Chance) -> Place:
    studies = _studies(chance)
    return _place(truth(studies), Door(4242, _dicom(studies)), Door(104, _dicom(studies)))


def one_within_another(chance: Chance) -> Place:
    """Two archives, one of which holds all that the other holds."""
    whole = _studies(chance, 30, 90)
    part = whole[: len(whole) // 2]
    doors = Door(4242, _dicom(whole)), Door(104, _dicom(part))
    return _place(truth(whole), *doors, each=(truth(part), truth(whole)))


def three(chance: Chance) -> Place:
    one, two, more = _studies(chance, 5, 10), _studies(chance, 20, 30), _studies(chance, 40, 50)
    doors = Door(4242, _dicom(one)), Door(104, _dicom(two)), Door(8042, Http([_qido(more)]))
    return _place(truth([*one, *two, *more]), *doors, each=(truth(one), truth(two), truth(more)))


def stale_counters(chance: Chance) -> Place:
    """Orthanc's REST says less than DICOM of the same archive gives."""
    studies = _studies(chance, 30, 80)
    counters = _counters(studies[: len(studies) // 2])
    return _place(truth(studies), Door(4242, _dicom(studies)), Door(8042, Http([Orthanc(studies, counters)])))


def orthanc(chance: Chance) -> Place:
    studies = _studies(chance)
    return _place(truth(studies), Door(4242, _dicom(studies)), Door(8042, Http([Orthanc(studies, _counters(studies))])))


def orthanc_alone(chance: Chance) -> Place:
    studies = _studies(chance)
    return _place(truth(studies), Door(8042, Http([Orthanc(studies, _counters(studies))])))


def orthanc_below(chance: Chance) -> Place:
    """A proxy has it below a path, and sends there."""
    studies = _studies(chance)
    site = Orthanc(studies, _counters(studies), below="/orthanc")
    return _place(truth(studies), Door(8042, Http([site], Front(to="/orthanc/app/explorer.html"))))


def orthanc_of_another(chance: Chance) -> Place:
    """REST of an archive that says another port is its own."""
    one, two = _studies(chance, 12, 30), _studies(chance, 31, 60)
    doors = Door(4242, _dicom(one)), Door(8042, Http([Orthanc(two, _counters(two), port=4242)]))
    return _place(truth([*one, *two]), *doors, each=(truth(one), truth(two)))


# --- doors


def rest_beside_a_refusal(chance: Chance) -> Place:
    """One port for both: DICOM rejects, the REST is open."""
    studies = _studies(chance)
    rest = Orthanc(studies, _counters(studies))
    return _place(truth(studies), Door(4242, Either(_dicom([], speech=Speech(rejects=(1, 1, 3))), Http([rest]))))


def qido_beside_a_refusal(chance: Chance) -> Place:
    studies = _studies(chance)
    peer = Either(_dicom([], speech=Speech(rejects=(1, 1, 7))), Http([_qido(studies)]))
    return _place(truth(studies), Door(4242, peer))


def both_on_one_port(chance: Chance) -> Place:
    studies = _studies(chance)
    rest = Orthanc(studies, _counters(studies))
    return _place(truth(studies), Door(4242, Either(_dicom(studies), Http([rest]))))


def rest_beside_logins(chance: Chance) -> Place:
    """A login at other paths than Orthanc's own."""
    studies = _studies(chance)
    return _place(truth(studies), Door(80, Http([Orthanc(studies, _counters(studies))], Front(missing="401"))))


def tls_with_a_name(chance: Chance) -> Place:
    studies = _studies(chance)
    return _place(truth(studies), Door(2762, _dicom(studies), tls.named_only()))


def tls_usual(chance: Chance) -> Place:
    studies = _studies(chance)
    return _place(truth(studies), Door(2762, _dicom(studies), tls.usual()))


def tls_on_a_plain_port(chance: Chance) -> Place:
    studies = _studies(chance)
    return _place(truth(studies), Door(4242, _dicom(studies), tls.old()))


def tls_of_old(chance: Chance) -> Place:
    studies = _studies(chance)
    return _place(truth(studies), Door(2762, _dicom(studies), tls.oldest()))


def web_over_tls(chance: Chance) -> Place:
    studies = _studies(chance)
    return _place(truth(studies), Door(443, Http([_qido(studies)]), tls.usual()))


def web_over_tls_with_a_name(chance: Chance) -> Place:
    studies = _studies(chance)
    return _place(truth(studies), Door(443, Http([_qido(studies)]), tls.named_only()))


def tls_with_a_certificate(chance: Chance) -> Place:
    studies = _studies(chance)
    return _place(_closed(studies), Door(2762, _dicom(studies), tls.with_certificate()))


def rejects(chance: Chance) -> Place:
    studies = _studies(chance)
    reason = chance.choice(((1, 1, 3), (1, 1, 7), (1, 1, 1)))
    return _place(_closed(studies), Door(4242, _dicom(studies, speech=Speech(rejects=reason))))


def echo_only(chance: Chance) -> Place:
    studies = _studies(chance)
    return _place(_closed(studies), Door(104, _dicom(studies, speech=Speech(models=(VERIFICATION,)))))


def login_everywhere(chance: Chance) -> Place:
    studies = _studies(chance)
    return _place(_closed(studies), Door(80, Http([_qido(studies)], Front(login=True))))


def web_of_no_archive(chance: Chance) -> Place:
    return _place(Truth(open=False, studies=0), Door(80, Http([], Front(missing=chance.choice(("404", "page"))))))


# --- what the patients' ids are


def _social(chance: random.Random, *, areas: range = range(1, 666)) -> tuple[int, int, int]:
    return chance.choice(areas), chance.randint(1, 99), chance.randint(1, 9999)


def _dashes(_: int, chance: random.Random) -> str:
    return "{:03}-{:02}-{:04}".format(*_social(chance))


# Areas that were given out before 2011.
STATES = {
    "Vermont": range(8, 10),
    "New York": range(50, 135),
    "Florida": range(261, 268),
    "Texas": range(449, 468),
    "California": range(545, 574),
}


def _bare(areas: range) -> Numbering:
    return lambda _, chance: "{:03}{:02}{:04}".format(*_social(chance, areas=areas))


def _nine(first: str) -> Numbering:
    return lambda _, chance: chance.choice(first) + f"{chance.randrange(10**8):08}"


def _counting(start: int) -> Numbering:
    return lambda n, _: f"{start + n:09}"


def _split(_: int, chance: random.Random) -> str:
    """Record numbers, written as if they were of another kind."""
    return f"{chance.randint(900, 999)}-{chance.randint(0, 99):02}-{chance.randint(0, 9999):04}"


def _numbered(numbering: Numbering, *, ssn: bool, least: int = 60, most: int = 150) -> Kind:
    def kind(chance: Chance) -> Place:
        studies = drawn(chance, Setting(dated=a_few(chance, least, most), studies_each=1, numbering=numbering))
        return _ids(studies, {study.uid for study in studies} if ssn else set())

    return kind


def _ids(studies: Sequence[Study], social: set[str], *, personal: bool = False) -> Place:
    marked = [replace(study, patient=replace(study.patient, ssn=study.uid in social)) for study in studies]
    said = replace(truth(marked, ssn=True), personal=personal)
    return _place(said, Door(4242, _dicom(marked)))


def _sprinkled(chance: Chance) -> Place:
    """A few Social Security numbers among record numbers."""
    studies = drawn(chance, Setting(dated=a_few(chance, 80, 160), studies_each=1))
    some = studies[: chance.randint(1, 9)]
    mixed = [replace(study, patient=replace(study.patient, id=_dashes(0, chance))) for study in some]
    return _ids([*mixed, *studies[len(some) :]], {study.uid for study in some})


def _phantoms(share: float) -> Kind:
    def kind(chance: Chance) -> Place:
        studies = drawn(chance, Setting(dated=a_few(chance, 80, 160), studies_each=1))
        count = round(share * len(studies))
        test = [
            replace(study, patient=Patient(f"TEST{n}", f"PHANTOM^QA{n}", "19000101", "O"))
            for n, study in enumerate(studies[:count])
        ]
        mixed = [*test, *studies[count:]]
        chance.shuffle(mixed)
        said = replace(truth(mixed), personal=True)
        return _place(said, Door(4242, _dicom(mixed)))

    return kind


PLACES: dict[str, Kind] = {
    "two archives that overlap": overlapping,
    "DICOMweb of another archive": strangers,
    "DICOMweb of another archive, DICOM cut": strangers_cut,
    "one archive, two ways": one_archive_two_ways,
    "DICOMweb shows a part": a_part_by_web,
    "counters that are stale": stale_counters,
    "Orthanc": orthanc,
    "Orthanc alone": orthanc_alone,
    "Orthanc below a path": orthanc_below,
    "Orthanc of another archive": orthanc_of_another,
    "one archive, two ports": one_archive_two_ports,
    "an archive within another": one_within_another,
    "three archives": three,
    "both on one port": both_on_one_port,
    "REST beside logins": rest_beside_logins,
    "REST beside a refusal": rest_beside_a_refusal,
    "QIDO-RS beside a refusal": qido_beside_a_refusal,
    "TLS": tls_usual,
    "TLS that wants a name": tls_with_a_name,
    "TLS on a plain port": tls_on_a_plain_port,
    "TLS 1.0": tls_of_old,
    "DICOMweb over TLS": web_over_tls,
    "DICOMweb over TLS that wants a name": web_over_tls_with_a_name,
    "TLS that wants a certificate": tls_with_a_certificate,
    "rejects": rejects,
    "C-ECHO only": echo_only,
    "a login everywhere": login_everywhere,
    "a web server of no archive": web_of_no_archive,
    "SSNs with dashes": _numbered(_dashes, ssn=True),
    "four SSNs with dashes": _numbered(_dashes, ssn=True, least=1, most=4),
    **{f"bare SSNs of {state}": _numbered(_bare(areas), ssn=True) for state, areas in STATES.items()},
    "few SSNs among others": _sprinkled,
    "nine random digits": _numbered(_nine("123456789"), ssn=False),
    "nine random digits from 1 to 8": _numbered(_nine("12345678"), ssn=False),
    "nine digits that count up": _numbered(_counting(123_450_000), ssn=False),
    "nine digits that count up from 0": _numbered(_counting(1_000_000), ssn=False),
    "3-2-4 that is no SSN": _numbered(_split, ssn=False),
    **{f"phantoms: {share:.0%}": _phantoms(share) for share in (0.3, 0.55, 0.8)},
}
