"""Bait and demonstrations are tagged with the reason, and others are not."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from filmbadge.judge.archives import judge
from filmbadge.judge.decoys import NETWORKS, clusters, look_alike
from filmbadge.model import Archive, Census, Certificate, CountedBy, Decoy, KeyKind, Observation, TlsFacts
from support.factories import ADDRESS, AT, DISCLOSED, EMPTY, REPORTED, admitted, dimse, web

WHOLE = Census(True, rows=20, studies=20, series=30, images=120, images_known_for=20, method=CountedBy.COUNT_KEYS)
OPEN = admitted(DISCLOSED, WHOLE)
DICOMPOT = msgspec.structs.replace(OPEN, max_pdu=4 << 20)


def only(*seen: Observation, address: str = ADDRESS, name: str = "") -> Archive:
    (archive,) = judge(address, seen, name=name).archives
    return archive


def test_dicompot_by_its_manners_and_by_its_toolkit() -> None:
    assert only(dimse(DICOMPOT)).decoy == (Decoy.HONEYPOT,)
    named = msgspec.structs.replace(
        OPEN, implementation_uid="1.2.826.0.1.3680043.9.7133.1.1", implementation_version="GODICOM_1_1"
    )
    assert only(dimse(named)).decoy == (Decoy.HONEYPOT,)


@pytest.mark.parametrize(
    "changed",
    [{"max_pdu": 16384}, {"implementation_version": "ARCHIVE"}, {"patient_root": False}, {"verification": False}],
)
def test_one_mark_less_is_no_dicompot(changed: dict[str, object]) -> None:
    assert only(dimse(msgspec.structs.replace(DICOMPOT, **changed))).decoy == ()


def test_what_calls_itself_a_demonstration() -> None:
    held = Certificate("demo.example", "", "", "", AT, AT + timedelta(1), True, KeyKind.RSA, 2048, True)
    secured = msgspec.structs.replace(dimse(OPEN), tls=TlsFacts("TLSv1.3", "", certificate=held))
    assert only(secured).decoy == (Decoy.CALLS_ITSELF,)
    assert only(dimse(OPEN), name="orthanc-demo.example").decoy == (Decoy.CALLS_ITSELF,)
    assert only(web(msgspec.structs.replace(REPORTED, aet="PHANTOM2"))).decoy == (Decoy.CALLS_ITSELF,)
    assert only(dimse(OPEN), name="demography.example").decoy == ()


def test_clusters_are_of_many_networks() -> None:
    made = only(dimse(OPEN)).configuration
    assert made
    far = [(f"{n}", f"192.0.{n}.7", made) for n in range(NETWORKS)]
    near = [(f"near {n}", f"198.51.100.{n}", "other") for n in range(50)]
    assert look_alike([*far, *near]) == {row[0] for row in far}
    assert look_alike([*far[1:], *near]) == frozenset()
    six = [(f"{n}", f"2001:db8:{n}::1", made) for n in range(NETWORKS)]
    assert look_alike(six) == {row[0] for row in six}
    assert look_alike([(f"{n}", f"2001:db8:0:{n}::1", made) for n in range(9)]) == frozenset()


def test_only_what_holds_the_same_studies_is_a_copy() -> None:
    """Real archives of a few studies may have equal counts: they are in the totals."""
    far = [(f"{n}", f"192.0.{n}.7", "made") for n in range(NETWORKS + 1)]
    chain = [(f"{n}", f"{n + 1}") for n in range(NETWORKS)]
    assert clusters(far, chain) == {row[0] for row in far}
    assert clusters(far, chain[1:]) == {row[0] for row in far[1:]}
    assert clusters(far, chain[2:]) == clusters(far, []) == frozenset()
    other = [*far[:-1], ("5", "192.0.5.7", "made otherwise")]
    assert clusters(other, chain) == {row[0] for row in far[:-1]}


def test_copies_are_alike_at_any_address_and_archives_that_hold_nothing_are_not() -> None:
    one = only(dimse(OPEN))
    assert only(dimse(OPEN), address="198.51.100.9").configuration == one.configuration
    more = msgspec.structs.replace(WHOLE, studies=21)
    assert only(dimse(admitted(DISCLOSED, more))).configuration != one.configuration
    assert only(dimse(OPEN, port=104)).configuration != one.configuration
    assert only(dimse(admitted(EMPTY))).configuration == ""
    assert only(dimse(admitted(DISCLOSED))).configuration == ""
