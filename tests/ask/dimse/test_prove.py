"""Retrievals over C-GET at an archive of a few lines: which images are asked for, and what is concluded."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from filmbadge.ask.decoder import elements
from filmbadge.ask.dimse import command, pdu
from filmbadge.ask.dimse.command import Command
from filmbadge.ask.targets.lists import parse
from filmbadge.catalogue.dicom import IMPLICIT_LITTLE, STUDY_ROOT_FIND, STUDY_ROOT_GET, VERIFICATION
from filmbadge.model import Archive, Count, Depth, DimseFacts, Doubt, DoubtCode, Draws, Proof, Provenance
from filmbadge.survey.examine import Sketches, examine
from support.dimse_peer import Keys, Peer, Study, respond, serving
from support.loopback import dialer, run

CT = "1.2.840.10008.5.1.4.1.1.2"
CANCELLED, FAILED = 0xFE00, 0xA702
HELD = tuple(Study(b"1.2.826.0.1.77.%d" % n, age=n, series=(n, 2)) for n in range(1, 13))  # 102 images


@dataclass
class Store(Peer):
    """Gives images of the studies that `gives` says, and says the availability that `says` says."""

    models: tuple[str, ...] = (VERIFICATION, STUDY_ROOT_FIND, STUDY_ROOT_GET, CT)
    gives: Callable[[bytes], bool] = lambda _uid: True
    says: Mapping[bytes, bytes] = field(default_factory=dict)
    breaks: bool = False  # it hangs up where it is asked for the availability
    got: list[bytes] = field(default_factory=list)  # studies whose images it was asked for
    image_context: int = 0
    open_now: int = 0
    open_at_most: int = 0

    def row(self, study: Study, row: Keys, keys: Keys) -> bytes:
        said = self.says.get(study.uid, b"")
        return super().row(study, {**row, elements.SOP_CLASS: CT.encode(), elements.INSTANCE_AVAILABILITY: said}, keys)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open_now += 1
        self.open_at_most = max(self.open_at_most, self.open_now)
        try:
            await super().handle(reader, writer)
        finally:
            self.open_now -= 1

    def reply(self, context: int, request: Command, fragment: bytes) -> bytes:
        said = super().reply(context, request, fragment)
        if self.breaks and self.asked and elements.INSTANCE_AVAILABILITY in self.asked[-1]:
            return b""
        if request.field != command.C_GET_RQ:
            return said
        study = self.asked[-1][elements.STUDY_UID]
        self.got.append(study)
        if not self.gives(study):
            return respond(context, request, FAILED)
        store = Command(command.C_STORE_RQ, 1, CT, None, True)
        image = pdu.data(self.image_context, command.encode(store), bytes(6000), 16384)
        return image + respond(context, request, CANCELLED)

    def hangs_up(self, request: Command) -> bytes | None:
        return b"" if self.breaks and self.asked and elements.INSTANCE_AVAILABILITY in self.asked[-1] else None

    def accepts(self, unit: pdu.Associate) -> bytes:
        taken = [
            pdu.Context(
                c.id, "", (IMPLICIT_LITTLE,), 0 if c.abstract in self.models and IMPLICIT_LITTLE in c.transfer else 3
            )
            for c in unit.contexts
        ]
        kept = {c.id for c, answer in zip(unit.contexts, taken, strict=True) if c.abstract == CT and not answer.result}
        self.image_context = min(kept, default=0)
        return pdu.associate(pdu.ASSOCIATE_AC, pdu.Associate("A", "B", tuple(taken), 16384, "1.2.3.4", "PEER"))


def proven(peer: Store, sketches: Sketches | None = None) -> tuple[Archive, Proof]:
    async def work() -> tuple[Archive, Proof]:
        async with serving(peer) as port:
            host = await examine(dialer()[0], parse(f"127.0.0.1:{port}"), Depth.PROVE, sketches)
        (archive,) = host.archives
        facts = host.judged[0].observation.get(DimseFacts)
        assert facts is not None and facts.proof is not None
        return archive, facts.proof

    return run(work())


def all_online() -> dict[bytes, bytes]:
    return {study.uid: b"ONLINE" for study in HELD}


def test_where_all_is_said_to_be_on_line_one_image_is_enough() -> None:
    peer = Store(HELD, says=all_online())
    archive, proof = proven(peer)
    assert archive.images_retrievable == Count(102, Provenance.REPORTED)
    assert (len(peer.got), proof.draws, proof.bytes >= 4096) == (1, None, True)


def test_what_is_said_to_be_elsewhere_is_not_asked_for() -> None:
    near = HELD[3].uid, HELD[11].uid  # 6 and 14 images
    peer = Store(HELD, says={**all_online(), **dict.fromkeys(near, b"NEARLINE")}, gives=lambda uid: uid not in near)
    archive, _ = proven(peer)
    assert archive.images_retrievable == Count(82, Provenance.REPORTED)
    assert not {*near} & {*peer.got}


def test_a_few_images_are_drawn_where_nothing_is_said() -> None:
    peer = Store(HELD)
    archive, proof = proven(peer)
    found = archive.images_retrievable
    assert proof.draws == Draws(5, 5)
    assert (found.value, found.how, found.low, found.high) == (102, Provenance.ESTIMATED, 48, 102)
    assert len(peer.got) == len({*peer.got}) <= 5
    assert peer.open_at_most == 1


def test_an_archive_that_is_large_among_all_is_asked_for_more() -> None:
    for images, drawn in ((0, 30), (102 * 99, 5), (102 * 98, 30)):
        before = Sketches(images=images)
        _, proof = proven(Store(HELD), before)
        assert proof.draws == Draws(drawn, drawn), images
        assert before.images == images + 102


def test_images_that_are_refused_one_by_one_are_an_estimate() -> None:
    peer = Store(HELD, gives=lambda _: False)
    archive, proof = proven(peer)
    assert (proof.bytes, proof.status, proof.draws) == (0, FAILED, Draws(5, 0))
    found = archive.images_retrievable
    assert (found.value, found.how, found.low, found.high) == (0, Provenance.ESTIMATED, 0, 54)


def test_an_archive_without_c_get_is_asked_for_no_more_and_has_none() -> None:
    peer = Store(HELD, models=(VERIFICATION, STUDY_ROOT_FIND))
    archive, proof = proven(peer)
    assert (archive.images_retrievable, proof.draws, peer.got) == (Count(0, Provenance.COUNTED), None, [])


def test_an_archive_that_breaks_off_over_the_availability_keeps_its_counts() -> None:
    peer = Store(HELD, says=all_online(), breaks=True)
    archive, proof = proven(peer)
    assert (archive.counts.images.value, proof.draws) == (102, Draws(5, 5))
    assert archive.images_retrievable.doubts[0] == Doubt(DoubtCode.DRAWN, {"drawn": 5, "delivered": 5})
