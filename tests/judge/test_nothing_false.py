"""Over hosts of every kind: what is told of an archive is true of all that its ways lead to, or is told as a bound."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from filmbadge.judge.amounts import Told
from filmbadge.judge.archives import judge
from filmbadge.judge.same_archive import SKETCH_HERE, Sketch, at_one_host
from filmbadge.judge.ways import ways_of
from filmbadge.model import (
    Archive,
    Census,
    Count,
    CountedBy,
    Counters,
    DicomWebFacts,
    DimseFacts,
    Doubt,
    DoubtCode,
    Endpoint,
    Host,
    JudgedEndpoint,
    Observation,
    OrthancFacts,
    Profile,
    Provenance,
)
from support.factories import ADDRESS, DISCLOSED, admitted, dimse, web

KNOWN = (Provenance.COUNTED, Provenance.REPORTED)


@dataclass
class World:
    """A host with one to three archives, and ways in that show all of one, or some."""

    archives: list[frozenset[int]]
    seen: list[Observation] = field(default_factory=list)
    leads: dict[Endpoint, int] = field(default_factory=dict)  # by endpoint: the archive behind it
    sketches: dict[Endpoint, Sketch] = field(default_factory=dict)
    ports: dict[int, int] = field(default_factory=dict)  # the DICOM port that each archive names
    honest: bool = True  # what said that it was whole was whole, and counters say the truth

    def host(self) -> Host:
        return judge(ADDRESS, self.seen, at_one_host(self.sketches))

    def truth(self, archive: Archive) -> list[frozenset[int]]:
        return [self.archives[n] for n in sorted({self.leads[e] for e in archive.endpoints})]


def world(chance: random.Random, *, honest: bool) -> World:
    studies = [chance.getrandbits(64) for _ in range(60)]
    made: list[frozenset[int]] = []
    while len(made) < chance.choice((1, 1, 2, 3)):
        one = frozenset(chance.sample(studies, chance.randint(1, 50)))
        if chance.random() < 0.3 and made:  # a part of another
            one = frozenset(sorted(made[0])[: max(1, len(made[0]) // 2)])
        if len(one) not in map(len, made):  # that two hold as many is a coincidence, and no sketch shows it of counters
            made.append(one)
    found = World(made, honest=honest)
    for port in chance.sample((104, 4242, 11112), chance.randint(0, 3)):
        _dimse(found, chance, port)
    for port in chance.sample((80, 8042, 8043), chance.randint(0, 3)):
        _web(found, chance, port)
    return found


def _dimse(found: World, chance: random.Random, port: int) -> None:
    endpoint = dimse(None, port=port).endpoint
    found.leads[endpoint] = chance.randrange(len(found.archives))
    facts = admitted(DISCLOSED, _census(found, chance, endpoint))
    if facts.census is not None and chance.random() < 0.5:
        facts = msgspec.structs.replace(facts, profile=_profile(found, chance, endpoint, facts.census))
    found.seen.append(dimse(facts, port=port))


def _web(found: World, chance: random.Random, port: int) -> None:
    endpoint = web(port=port).endpoint
    found.leads[endpoint] = chance.randrange(len(found.archives))
    held = len(found.archives[found.leads[endpoint]])
    facts: list[OrthancFacts | DicomWebFacts] = []
    if chance.random() < 0.5:
        said = held if found.honest else held + chance.choice((0, 0, -1, 7))
        counters = Counters(200, None, max(said, 0), 2 * held, 3 * held)
        port_said = found.ports.setdefault(found.leads[endpoint], _port(found, chance, found.leads[endpoint]))
        facts.append(OrthancFacts(200, is_orthanc=True, aet="PACS", dicom_port=port_said, counters=counters))
    if chance.random() < 0.6 or not facts:
        census = _census(found, chance, endpoint)
        facts.append(DicomWebFacts("/rs", status=200, records=1, census=census))
    found.seen.append(web(*facts, port=port))


def _port(found: World, chance: random.Random, archive: int) -> int:
    """The port that an archive names is the right one, or none, or, behind a mapped port, another archive's.

    That one was counted, else nothing would show that the archive's own word is false.
    """
    ports = [9999]
    for seen in found.seen:
        facts = seen.get(DimseFacts)
        counted = facts is not None and facts.census is not None and facts.census.complete
        if counted or (facts is not None and found.leads[seen.endpoint] == archive):
            ports.append(seen.endpoint.port)
    return chance.choice(ports)


def _census(found: World, chance: random.Random, endpoint: Endpoint) -> Census | None:
    """Whole, or cut off with a sign, or, where the world is not honest, cut off without one."""
    held = sorted(found.archives[found.leads[endpoint]])
    manner = chance.random()
    if manner < 0.2:
        return None
    whole = manner < 0.7
    if not whole or (not found.honest and chance.random() < 0.3):
        held = chance.sample(held, chance.randint(1, len(held)))
    n = len(held)
    found.sketches[endpoint] = Sketch.of(n, sorted(held)[:SKETCH_HERE], whole=whole)
    method = chance.choice((CountedBy.WALK, CountedBy.COUNT_KEYS))
    if not whole:
        return Census(False, n, n, doubts=(Doubt(DoubtCode.STATUS, {"status": 0xFE00}),))
    return Census(True, n, n, series=2 * n, images=3 * n, images_known_for=n, method=method)


def _profile(found: World, chance: random.Random, endpoint: Endpoint, census: Census) -> Profile:
    held = len(found.archives[found.leads[endpoint]])
    if chance.random() < 0.5:
        return Profile(True, held, patients=held)
    read = chance.randint(0, held)  # more than a census that was cut off without a sign, or fewer
    doubt = Doubt(DoubtCode.NOT_ENDED)
    if not found.honest and census.complete and read != census.studies:
        doubt = Doubt(DoubtCode.OTHER_NUMBER, {"studies": census.studies, "records": read})
    return Profile(False, read, patients=read, doubts=(doubt,))


def numbers(archive: Archive, judged: list[JudgedEndpoint]) -> Iterator[int]:
    """Every number that was told of how many studies the archive holds, as if it were all of them."""
    for way, facts in ways_of(*(j.observation for j in judged)):
        if (counters := way.counters(facts)) is not None and counters.studies is not None:
            yield counters.studies
        if (census := way.census(facts)) is not None and census.complete:
            yield census.studies
        profile = way.profile(facts)
        if profile is not None and profile.complete:
            yield profile.records


@settings(max_examples=400, deadline=None)
@given(st.integers(0, 2**48))
def test_no_number_is_told_where_two_contradict(seed: int) -> None:
    made = world(random.Random(seed), honest=False)
    host = made.host()
    for archive in host.archives:
        here = [j for j in host.judged if j.observation.endpoint in archive.endpoints]
        said = set(numbers(archive, here))
        least = Told.by(*(j.observation for j in here)).seen or 0
        if len(said) > 1 or (said and least > min(said)):
            assert archive.counts.studies.value is None, archive
            assert archive.counts.studies.at_least == (least or None)
            assert archive.counts.studies.doubts[0].code is DoubtCode.CONTRADICTED
        elif archive.counts.studies.how in KNOWN:
            assert said == {archive.counts.studies.value}


@settings(max_examples=800, deadline=None)
@given(st.integers(0, 2**48))
def test_what_is_told_is_true_of_everything_that_its_ways_lead_to(seed: int) -> None:
    made = world(random.Random(seed), honest=True)
    host = made.host()
    for archive in host.archives:
        truth = made.truth(archive)
        if len(truth) > 1:
            assert archive.perhaps_more, "joined without proof"
        for quantity, times in (("studies", 1), ("series", 2), ("images", 3)):
            count: Count = getattr(archive.counts, quantity)
            held = [times * len(one) for one in truth]
            if count.how in KNOWN:
                assert set(held) == {count.value}, (quantity, archive)
            assert (count.at_least or 0) <= times * len(frozenset().union(*truth)), (quantity, archive)


@settings(max_examples=400, deadline=None)
@given(st.integers(0, 2**48))
def test_how_many_archives_there_are_lies_between_what_is_told(seed: int) -> None:
    made = world(random.Random(seed), honest=True)
    host = made.host()
    least = {archive.id: {archive.id} for archive in host.archives}
    for archive in host.archives:
        for other in archive.perhaps_same:
            both = least[archive.id] | least[other]
            least.update(dict.fromkeys(both, both))
    apart = len({id(together) for together in least.values()})
    truth = len(set(made.leads.values()))
    assert apart <= truth <= sum(1 + archive.perhaps_more for archive in host.archives)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**48))
def test_the_order_of_asking_decides_nothing(seed: int) -> None:
    made = world(random.Random(seed), honest=False)
    before = {archive.id: archive for archive in made.host().archives}
    random.Random(seed).shuffle(made.seen)
    assert {archive.id: archive for archive in made.host().archives} == before
