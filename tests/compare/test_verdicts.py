"""What became of each archive, from records alone: no folder, no survey."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import product

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from filmbadge.compare.asked import PROOFS, Asked, Heard, network
from filmbadge.compare.records import CLOSED_BY, COUNTED, By, Change, ChangeKind, Known, Quality
from filmbadge.compare.verdicts import changes, closed_in_both
from filmbadge.judge.conclusive import PROOFS as PROVEN
from filmbadge.model import Count, Depth, Endpoint, Grade, Identity, Kind, Protocol, Provenance, Reason, Rung

DICOM, WEB = Endpoint("192.0.2.7", 104, Protocol.DIMSE), Endpoint("192.0.2.7", 8042, Protocol.HTTP)
OPENED = Heard(Rung.DISCLOSES, Reason.RECORDS, conclusive=True)
CLOSED_PORT = Heard(Rung.SILENT, Reason.PORT_CLOSED, conclusive=True)
NOBODY = Heard(Rung.SILENT, Reason.NOTHING_ANSWERED)


def archive(
    *ways: Endpoint, rung: Rung = Rung.DISCLOSES, keys: tuple[str, ...] = (), name: str = "", **more: object
) -> Known:
    ways = ways or (DICOM,)
    identity = Identity(tuple(sorted(ways)), keys, str(more.get("product", "")), (name,) if name else ())
    known = Known(f"{ways[0].address}:{ways[0].port}", identity, rung, ways if rung.open else (), depth=Depth.PROVE)
    return msgspec.structs.replace(known, **more)


def survey(*archives: Known, heard: dict[Endpoint, Heard] | None = None, **more: object) -> Asked:
    """What it heard where it has archives follows from them."""
    there = {
        way: Heard(known.rung, Reason.RECORDS if known.open else Reason.REJECTED, conclusive=True)
        for known in archives
        for way in known.identity.endpoints
    }
    return Asked(archives, there | (heard or {}), **more)  # type: ignore[arg-type]


def one(old: Asked, new: Asked) -> tuple[ChangeKind, By | None]:
    (change,) = changes(old, new)
    return change.kind, change.by


@pytest.mark.parametrize(
    ("heard", "kind", "by"),
    [
        (CLOSED_PORT, ChangeKind.CLOSED, By.REFUSED),
        (Heard(Rung.SILENT, Reason.FILTERED, conclusive=True), ChangeKind.CLOSED, By.FILTERED),
        (Heard(Rung.SPEAKS, Reason.REJECTED, conclusive=True), ChangeKind.CLOSED, By.REJECTED),
        (Heard(Rung.SPEAKS, Reason.REJECTED), ChangeKind.NOT_COMPARED, By.INCONCLUSIVE),  # congestion
        (Heard(Rung.ADMITS, Reason.FIND_ABORTED, conclusive=True), ChangeKind.CLOSED, By.ABORTED),
        (Heard(Rung.ADMITS, Reason.FIND_ABORTED), ChangeKind.NOT_COMPARED, By.INCONCLUSIVE),
        (Heard(Rung.LISTENING, Reason.CLIENT_CERTIFICATE, conclusive=True), ChangeKind.CLOSED, By.CLIENT_CERTIFICATE),
        (Heard(Rung.SPEAKS, Reason.LOGIN, conclusive=True), ChangeKind.CLOSED, By.LOGIN),
        (Heard(Rung.LISTENING, Reason.NOT_IMAGING, conclusive=True, codes=(401,)), ChangeKind.CLOSED, By.LOGIN),
        (Heard(Rung.LISTENING, Reason.NOT_IMAGING, conclusive=True, codes=(404,)), ChangeKind.CLOSED, By.OTHER_SERVICE),
        (Heard(Rung.ADMITS, Reason.DEPTH, conclusive=True), ChangeKind.NOT_COMPARED, By.OTHER_DEPTH),
        (Heard(None, Reason.OUT_OF_SCOPE), ChangeKind.NOT_COMPARED, By.EXCLUDED),
        (Heard(None, Reason.OWN_ERROR), ChangeKind.NOT_COMPARED, By.INCONCLUSIVE),
        (Heard(Rung.ANSWERS, Reason.NOTHING_GIVEN), ChangeKind.NOT_COMPARED, By.INCONCLUSIVE),
        (NOBODY, ChangeKind.GONE, By.NOTHING_ANSWERS),
    ],
)
def test_an_open_archive_is_closed_only_by_proof_and_new_only_by_the_same_proof(
    heard: Heard, kind: ChangeKind, by: By
) -> None:
    before, after = survey(archive()), survey(heard={DICOM: heard})
    assert one(before, after) == (kind, by)
    assert one(after, before) == (ChangeKind.NOT_COMPARED if kind is ChangeKind.NOT_COMPARED else ChangeKind.NEW, by)


def test_what_is_told_as_a_proof_is_one_to_the_judge() -> None:
    unproven = PROVEN.keys() - PROOFS.keys()
    assert unproven == {Reason.DEPTH, Reason.NEEDS_PERSONAL_DATA}  # the user chose the depth: the archive may be open
    assert PROOFS.keys() <= PROVEN.keys()
    assert {*PROOFS.values()} == CLOSED_BY


def test_all_its_ways_in_must_be_closed() -> None:
    before = survey(archive(DICOM, WEB))
    assert one(before, survey(heard={DICOM: CLOSED_PORT, WEB: CLOSED_PORT})) == (ChangeKind.CLOSED, By.REFUSED)
    unsure = {DICOM: CLOSED_PORT, WEB: Heard(Rung.LISTENING, Reason.NOT_IMAGING)}
    assert one(before, survey(heard=unsure)) == (ChangeKind.NOT_COMPARED, By.INCONCLUSIVE)
    assert one(before, survey(heard={DICOM: CLOSED_PORT})) == (ChangeKind.NOT_COMPARED, By.PORT_NOT_ASKED)


def test_what_stands_at_another_port_since_says_how_it_was_closed() -> None:
    front = Endpoint(DICOM.address, 2762, Protocol.DIMSE)
    demands = Heard(Rung.LISTENING, Reason.CLIENT_CERTIFICATE, conclusive=True)
    now = survey(heard={DICOM: CLOSED_PORT, front: demands})
    assert one(survey(archive(), heard={front: CLOSED_PORT}), now) == (ChangeKind.CLOSED, By.CLIENT_CERTIFICATE)
    assert one(survey(archive(), heard={front: demands}), now) == (
        ChangeKind.CLOSED,
        By.REFUSED,
    )  # it stood there before


@pytest.mark.parametrize(
    ("there", "by"),
    [
        (survey(exclude=("192.0.2.0/28",)), By.EXCLUDED),
        (survey(exclude=("192.0.2.0/28",), opted_out=("192.0.2.7/32",)), By.OPTED_OUT),
        (survey(exclude=("192.0.2.0/28",), opted_out=("192.0.2.8/32",)), By.EXCLUDED),
        (survey(), By.HOST_NOT_ASKED),
        (survey(state="interrupted"), By.INTERRUPTED),
        (survey(state="running"), By.INTERRUPTED),
        (survey(heard={DICOM: NOBODY}, state="nothing-reached"), By.NOTHING_REACHED),
        (survey(heard={WEB: CLOSED_PORT}), By.PORT_NOT_ASKED),
    ],
)
def test_what_was_not_asked_is_not_gone(there: Asked, by: By) -> None:
    assert one(survey(archive()), there) == (ChangeKind.NOT_COMPARED, by)
    assert one(there, survey(archive())) == (ChangeKind.NOT_COMPARED, by)


def test_a_network_of_which_nothing_answers_may_be_out_of_reach() -> None:
    here, silent = network(DICOM.address), survey(heard={DICOM: NOBODY})
    assert one(survey(archive(), answered={here: 3}), silent) == (ChangeKind.NOT_COMPARED, By.NETWORK_SILENT)
    assert one(survey(archive(), answered={here: 2}), silent) == (ChangeKind.GONE, By.NOTHING_ANSWERS)
    answers = survey(heard={DICOM: NOBODY}, answered={here: 1})
    assert one(survey(archive(), answered={here: 3}), answers) == (ChangeKind.GONE, By.NOTHING_ANSWERS)
    assert network("2001:db8:1:2::3") == "2001:db8:1::/48"


def test_it_is_found_again_by_its_key_at_another_address() -> None:
    there = Endpoint("198.51.100.9", 104, Protocol.DIMSE)
    old, new = archive(keys=("k",)), archive(there, keys=("k",))
    (change,) = changes(survey(old), survey(new, heard={DICOM: CLOSED_PORT}))
    assert (change.kind, change.by, change.likely) == (ChangeKind.MOVED, By.KEY, True)
    assert (change.old, change.new) == (old.id, new.id)
    other = msgspec.structs.replace(new, identity=msgspec.structs.replace(new.identity, product="another"))
    named = msgspec.structs.replace(old, identity=msgspec.structs.replace(old.identity, product="one"))
    kinds = [c.kind for c in changes(survey(named), survey(other, heard={DICOM: CLOSED_PORT}))]
    assert kinds == [ChangeKind.CLOSED, ChangeKind.NOT_COMPARED]  # the new one's address was not asked before


@pytest.mark.parametrize("same", [{"keys": ("k",)}, {"configuration": "c"}])
@pytest.mark.parametrize(
    ("left_out", "by"),
    [
        ({"opted_out": ("192.0.2.7/32",)}, By.OPTED_OUT),
        ({"exclude": ("192.0.2.7/32",)}, By.EXCLUDED),
        ({"state": "interrupted"}, By.INTERRUPTED),
        ({}, By.HOST_NOT_ASKED),
        ({"heard": {WEB: CLOSED_PORT}}, By.PORT_NOT_ASKED),
    ],
)
def test_nothing_moved_away_from_where_the_newer_survey_did_not_ask(
    same: dict[str, object], left_out: dict[str, object], by: By
) -> None:
    there = Endpoint("198.51.100.9", 104, Protocol.DIMSE)
    before = survey(archive(**same), heard={there: CLOSED_PORT})  # type: ignore[arg-type]
    after = survey(archive(there, **same), **left_out)  # type: ignore[arg-type]
    assert [(change.kind, change.by) for change in changes(before, after)] == [
        (ChangeKind.NEW, By.REFUSED),
        (ChangeKind.NOT_COMPARED, by),
    ]


def test_two_that_changed_places_are_known_by_their_keys() -> None:
    there = Endpoint("198.51.100.9", 104, Protocol.DIMSE)
    old = survey(archive(keys=("k",), name="A"), archive(there, keys=("l",), name="A"))
    new = survey(archive(keys=("l",), name="A"), archive(there, keys=("k",), name="A"))
    found = {
        (c.kind, c.by, c.was and c.was.identity.spki_sha256, c.now and c.now.identity.spki_sha256)
        for c in changes(old, new)
    }
    assert found == {(ChangeKind.MOVED, By.KEY, (key,), (key,)) for key in "kl"}
    renewed = survey(archive(keys=("m",), name="A"))
    assert one(survey(archive(keys=("k",), name="A")), renewed) == (ChangeKind.STILL_OPEN, None)


def test_a_machine_with_two_addresses_is_closed_only_if_both_say_so() -> None:
    there = Endpoint("198.51.100.9", 104, Protocol.DIMSE)
    both = survey(archive(DICOM, there))
    assert one(both, survey(heard={DICOM: CLOSED_PORT, there: CLOSED_PORT})) == (ChangeKind.CLOSED, By.REFUSED)
    assert one(both, survey(heard={DICOM: CLOSED_PORT, there: NOBODY})) == (ChangeKind.GONE, By.NOTHING_ANSWERS)
    assert one(both, survey(archive(there), heard={DICOM: NOBODY})) == (ChangeKind.STILL_OPEN, None)


def test_a_key_or_a_configuration_that_several_have_shows_nothing() -> None:
    places = [Endpoint(f"198.51.100.{n}", 104, Protocol.DIMSE) for n in range(3)]
    for same in ({"keys": ("k",)}, {"configuration": "c"}):
        old = survey(archive(**same), heard=dict.fromkeys(places, CLOSED_PORT))
        new = survey(*(archive(place, **same) for place in places), heard={DICOM: CLOSED_PORT})
        assert Counter(c.kind for c in changes(old, new)) == {ChangeKind.CLOSED: 1, ChangeKind.NEW: 3}
        alone = survey(archive(places[0], **same), heard={DICOM: CLOSED_PORT})
        assert [c.kind for c in changes(old, alone)] == [ChangeKind.MOVED]


def test_another_archive_at_its_address_is_another() -> None:
    old, new = archive(product="one", name="A", keys=("k",)), archive(product="two", name="B", keys=("l",))
    found = changes(survey(old), survey(new))
    assert [(c.kind, c.by, c.likely) for c in found] == [
        (ChangeKind.NEW, By.ANOTHER_ARCHIVE, True),
        (ChangeKind.GONE, By.ANOTHER_ARCHIVE, True),
    ]


def test_an_archive_that_is_split_is_neither_new_nor_gone() -> None:
    whole, parts = survey(archive(DICOM, WEB)), survey(archive(DICOM), archive(WEB))
    expected = [(ChangeKind.STILL_OPEN, None), (ChangeKind.NOT_COMPARED, By.GROUPED_OTHERWISE)]
    assert [(c.kind, c.by) for c in changes(whole, parts)] == expected
    assert [(c.kind, c.by) for c in changes(parts, whole)] == expected


def test_an_archive_that_closed_one_port_and_opened_another_is_not_closed() -> None:
    before = survey(archive(DICOM), heard={WEB: CLOSED_PORT})
    (change,) = changes(before, survey(archive(WEB), heard={DICOM: CLOSED_PORT}))
    assert (change.kind, change.by, change.likely) == (ChangeKind.MOVED, By.ADDRESS, True)
    # The old port still speaks, and lets nobody in: it is an archive of its own in the newer survey.
    speaks = archive(DICOM, rung=Rung.SPEAKS)
    for perhaps in ((speaks.id,), ()):
        found = changes(before, survey(speaks, archive(WEB, perhaps_same=perhaps)))
        expected = [ChangeKind.MOVED] if perhaps else [ChangeKind.NEW, ChangeKind.CLOSED]
        assert [change.kind for change in found] == expected
    unasked = changes(survey(archive(DICOM), heard={WEB: CLOSED_PORT}), survey(archive(WEB)))
    assert [(change.kind, change.by) for change in unasked] == [(ChangeKind.NOT_COMPARED, By.OTHER_WAY)] * 2


@pytest.mark.parametrize(
    "apart", [{"product": ("one", "two")}, {"name": ("A", "B")}, {"keys": (("k",), ("l",))}], ids=str
)
def test_another_archive_that_opened_at_its_address_does_not_keep_it_from_being_closed(
    apart: dict[str, tuple[object, object]],
) -> None:
    old, new = ({name: values[n] for name, values in apart.items()} for n in (0, 1))
    before = survey(archive(DICOM, **old), heard={WEB: CLOSED_PORT})  # type: ignore[arg-type]
    found = changes(before, survey(archive(WEB, **new), heard={DICOM: CLOSED_PORT}))  # type: ignore[arg-type]
    assert [(change.kind, change.by) for change in found] == [
        (ChangeKind.NEW, By.REFUSED),
        (ChangeKind.CLOSED, By.REFUSED),
    ]


def test_what_may_be_a_second_way_into_it_keeps_it_from_being_closed() -> None:
    after = survey(archive(WEB), heard={DICOM: CLOSED_PORT})
    unsure = survey(archive(DICOM), archive(WEB, perhaps_same=(archive(DICOM).id,)))
    assert [(c.kind, c.by) for c in changes(unsure, after)] == [
        (ChangeKind.STILL_OPEN, None),
        (ChangeKind.NOT_COMPARED, By.OTHER_WAY),
    ]
    shown_apart = survey(archive(DICOM), archive(WEB))
    assert [c.kind for c in changes(shown_apart, after)] == [ChangeKind.CLOSED, ChangeKind.STILL_OPEN]


def test_decoys_stand_apart() -> None:
    real, bait = archive(), archive(decoy=True)
    assert changes(survey(bait), survey(bait)) == ()
    assert changes(survey(bait), survey(heard={DICOM: CLOSED_PORT})) == ()
    there = archive(Endpoint("198.51.100.9", 104, Protocol.DIMSE), decoy=True, configuration="c")
    assert changes(survey(archive(decoy=True, configuration="c")), survey(there)) == ()
    assert one(survey(real), survey(bait)) == (ChangeKind.NOT_COMPARED, By.DECOY)


def number(value: int) -> Count:
    return Count(value, Provenance.COUNTED)


def test_it_is_worse_or_better_by_the_first_that_differs() -> None:
    plain = archive(
        grade=Grade.D, counts={Quality.STUDIES: number(100)}, kinds={Kind.PATIENT_NAME: True, Kind.BIRTH_DATE: False}
    )

    def verdict(**now: object) -> tuple[ChangeKind, tuple[Quality, ...]]:
        (change,) = changes(survey(plain), survey(msgspec.structs.replace(plain, **now)))
        (back,) = changes(survey(msgspec.structs.replace(plain, **now)), survey(plain))
        opposite = {ChangeKind.WORSE: ChangeKind.BETTER, ChangeKind.BETTER: ChangeKind.WORSE}
        assert back.kind is opposite.get(change.kind, change.kind)
        return change.kind, tuple(one.quality for one in change.differences)

    assert verdict() == (ChangeKind.STILL_OPEN, ())
    assert verdict(rung=Rung.DELIVERS) == (ChangeKind.WORSE, (Quality.RUNG,))
    assert verdict(grade=Grade.E) == (ChangeKind.WORSE, (Quality.GRADE,))
    assert verdict(grade=Grade.C, rung=Rung.DELIVERS) == (ChangeKind.WORSE, (Quality.RUNG, Quality.GRADE))
    assert verdict(kinds={Kind.PATIENT_NAME: True, Kind.BIRTH_DATE: True}) == (ChangeKind.WORSE, (Quality.KINDS,))
    assert verdict(kinds={Kind.PATIENT_NAME: False, Kind.BIRTH_DATE: True}) == (ChangeKind.STILL_OPEN, (Quality.KINDS,))
    assert verdict(kinds={Kind.PATIENT_NAME: True}) == (ChangeKind.STILL_OPEN, ())
    assert verdict(kinds=None) == (ChangeKind.STILL_OPEN, ())
    assert verdict(counts={Quality.STUDIES: number(105)}) == (ChangeKind.STILL_OPEN, (Quality.STUDIES,))
    assert verdict(counts={Quality.STUDIES: number(120)}) == (ChangeKind.WORSE, (Quality.STUDIES,))
    assert verdict(counts={Quality.STUDIES: Count(at_least=80)}) == (ChangeKind.STILL_OPEN, ())
    assert verdict(counts={Quality.STUDIES: Count(at_least=120)}) == (ChangeKind.WORSE, (Quality.STUDIES,))
    estimated = Count(120, Provenance.ESTIMATED, low=95, high=140)
    assert verdict(counts={Quality.STUDIES: estimated}) == (ChangeKind.STILL_OPEN, ())
    assert verdict(counts={}) == (ChangeKind.STILL_OPEN, ())
    # What only a deeper question shows is no change where one survey asked less.
    assert verdict(depth=Depth.COUNT, rung=Rung.DELIVERS, grade=Grade.F) == (ChangeKind.STILL_OPEN, ())
    assert verdict(depth=Depth.ASK, counts={Quality.STUDIES: number(500)}) == (ChangeKind.STILL_OPEN, ())


# Any two surveys.

_ENDPOINTS = [
    Endpoint(f"192.0.2.{n}", port, p) for n in range(4) for port, p in ((104, Protocol.DIMSE), (80, Protocol.HTTP))
]
_REASONS = [Reason.PORT_CLOSED, Reason.FILTERED, Reason.REJECTED, Reason.LOGIN, Reason.NOTHING_ANSWERED, Reason.DEPTH]
_NUMBERS = some.none() | some.integers(0, 30)


@some.composite
def asked(draw: some.DrawFn) -> Asked:
    """A survey in which each endpoint is of one archive at most."""
    archives: dict[str, Known] = {}
    heard: dict[Endpoint, Heard] = {}
    for address in range(4):
        here = _ENDPOINTS[2 * address : 2 * address + 2]
        for ways in draw(some.sampled_from([[], [here], [here[:1]], [here[1:]], [here[:1], here[1:]]])):
            rung = draw(some.sampled_from([Rung.SPEAKS, Rung.DISCLOSES, Rung.DELIVERS]))
            known = archive(
                *ways,
                rung=rung,
                keys=draw(some.sampled_from([(), ("k",), ("l",)])),
                name=draw(some.sampled_from(["", "A", "B"])),
                product=draw(some.sampled_from(["", "one", "two"])),
                configuration=draw(some.sampled_from(["", "c", "d"])),
                decoy=draw(some.integers(0, 9)) == 0,
                perhaps_same=tuple(f"{way.address}:{way.port}" for way in here) if draw(some.booleans()) else (),
                grade=draw(some.sampled_from([None, *Grade])),
                counts={quality: Count(draw(_NUMBERS), at_least=draw(_NUMBERS)) for quality in COUNTED[:2]},
            )
            identity = msgspec.structs.replace(known.identity, product=known.product)
            archives[known.id] = msgspec.structs.replace(known, identity=identity)
            why = Reason.RECORDS if known.open else Reason.REJECTED
            heard |= {way: Heard(rung, why, conclusive=True) for way in ways}
        for way in here:
            if way not in heard and draw(some.booleans()):
                why = draw(some.sampled_from(_REASONS))
                heard[way] = Heard(Rung.SILENT, why, conclusive=draw(some.booleans()))
    exclude = draw(some.sampled_from([(), ("192.0.2.3/32",)]))
    answered = {"192.0.2.0/24": draw(some.integers(0, 4))}
    state = draw(some.sampled_from(["done", "interrupted"]))
    return Asked(tuple(archives.values()), heard, answered, exclude, state=state)


@given(asked())
def test_a_survey_differs_in_nothing_from_itself(survey: Asked) -> None:
    assert {change.kind for change in changes(survey, survey)} <= {ChangeKind.STILL_OPEN}
    assert len(changes(survey, survey)) == sum(known.open and not known.decoy for known in survey.archives)


@given(asked(), asked())
def test_from_the_other_side_new_is_gone_and_worse_is_better(old: Asked, new: Asked) -> None:
    turned = {
        ChangeKind.GONE: ChangeKind.NEW, ChangeKind.CLOSED: ChangeKind.NEW, ChangeKind.WORSE: ChangeKind.BETTER,
        ChangeKind.BETTER: ChangeKind.WORSE,
    }  # fmt: skip

    def pairs(found: tuple[Change, ...]) -> set[tuple[object, ...]]:
        return {(c.old, c.new, c.by, c.likely) for c in found}

    forwards, backwards = changes(old, new), changes(new, old)
    assert pairs(forwards) == {(c.new, c.old, c.by, c.likely) for c in backwards}
    back = {(c.new, c.old): c.kind for c in backwards}
    for change in forwards:
        kind = back[change.old, change.new]
        assert kind is turned.get(change.kind, kind if change.kind is ChangeKind.NEW else change.kind)
        if change.kind is ChangeKind.NEW:
            assert kind in (ChangeKind.GONE, ChangeKind.CLOSED)
    assert closed_in_both(old, new) == closed_in_both(new, old)


@given(asked(), asked())
def test_closed_has_a_proof_of_each_way_in_and_no_other_is_open(old: Asked, new: Asked) -> None:
    closed_is_closed(old, new)


def test_every_host_with_two_ways_in_is_tried_and_none_that_may_be_open_is_closed() -> None:
    hosts = list(one_host())
    seen = Counter(closed_is_closed(old, new) for old, new in product(hosts, repeat=2))
    assert seen[True] > 20
    assert seen[False] > 500


def one_host() -> Iterator[Asked]:
    """Every survey of one host: two ports, of one archive, of two that may be one or not, or of none."""
    shown = (None, CLOSED_PORT, Heard(Rung.LISTENING, Reason.NOT_IMAGING))
    for rungs in product((None, Rung.SPEAKS, Rung.DISCLOSES), repeat=2):
        there = [(way, rung) for way, rung in zip((DICOM, WEB), rungs, strict=True) if rung is not None]
        left = [way for way, rung in zip((DICOM, WEB), rungs, strict=True) if rung is None]
        for answers in product(shown, repeat=len(left)):
            heard = {way: answer for way, answer in zip(left, answers, strict=True) if answer is not None}
            for perhaps in ((), tuple(archive(way).id for way, _ in there)):
                apart = (archive(way, rung=rung, perhaps_same=perhaps) for way, rung in there)
                yield survey(*apart, heard=heard)
            if len(there) == 2 and rungs[0] is rungs[1]:
                yield survey(archive(DICOM, WEB, rung=rungs[0] or Rung.SPEAKS))


def closed_is_closed(old: Asked, new: Asked) -> bool:
    """Whether any archive is told as closed; if so, it is."""
    found = changes(old, new)
    pairs = {(change.old, change.new) for change in found}
    closed = [change.was for change in found if change.kind is ChangeKind.CLOSED and change.was is not None]
    for was in closed:
        for way in was.ways:
            assert new.heard[way].conclusive
            assert not (new.heard[way].rung or Rung.SILENT).open
        for other in new.archives:
            if other.open and {e.address for e in other.identity.endpoints} & {way.address for way in was.ways}:
                assert told_apart(was, other, pairs, old, new)
    return bool(closed)


def told_apart(was: Known, other: Known, pairs: set[tuple[str | None, str | None]], old: Asked, new: Asked) -> bool:
    """By what they say of themselves, or by a survey that saw both at once."""
    mine, theirs = was.identity, other.identity
    said = (mine.spki_sha256, theirs.spki_sha256), ((mine.product,), (theirs.product,)), (mine.names, theirs.names)
    if any(any(left) and any(right) and not {*left} & {*right} for left, right in said):
        return True
    befores = [one for one in old.archives if (one.id, other.id) in pairs or one.identity.endpoints == theirs.endpoints]
    afters = [one for one in new.archives if {*one.identity.endpoints} & {*mine.endpoints}]
    both = [(was, one) for one in befores] + [(other, one) for one in afters]
    return any(right.id not in left.perhaps_same and left.id not in right.perhaps_same for left, right in both)


@given(asked(), asked())
def test_every_open_archive_stands_in_one_change(old: Asked, new: Asked) -> None:
    found = changes(old, new)
    for side, of in ((old, "old"), (new, "new")):
        told = Counter(getattr(change, of) for change in found if getattr(change, of) is not None)
        assert set(told.values()) <= {1}
        assert {known.id for known in side.archives if known.open and not known.decoy} <= told.keys()
    assert changes(old, new) == found
