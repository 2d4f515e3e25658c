"""Studies of one archive, drawn by lot from its census, and what becomes of their retrieval. The UIDs stay in memory only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from dataclasses import replace as replaced
from typing import TypeVar

from msgspec.structs import replace

from filmbadge.model import DENIED, Draws, OutcomeKind, Proof, WebProof, refuses_all

P = TypeVar("P", Proof, WebProof)

# Asking again would change nothing, or is not ours to decide.
FINAL = (
    OutcomeKind.SPARED,
    OutcomeKind.OUT_OF_SCOPE,
    OutcomeKind.INTERRUPTED,
    OutcomeKind.OWN_ERROR,
    OutcomeKind.NO_ADDRESS,
)

MOST_REFUSED = 5  # studies to which a stranger has no right, after which all are taken to be so
MOST_LOST = 3  # retrievals without an image or a refusal, after which an archive is asked for no more


@dataclass(frozen=True, slots=True, repr=False)
class Lot:
    """Studies of one archive, drawn by lot so that the retrieval of one instance of each tells of all. They are UIDs."""

    drawn: tuple[bytes, ...]  # independently, each with a chance proportional to its images; an empty one was not held
    online: bytes = b""  # one that is said to be on-line; empty: none is known
    told: bool = False  # the archive says of each study whether it can be had

    async def tried(self, prove: Callable[[bytes], Awaitable[P]]) -> P:
        """The best proof of all, with what became of the draws: one image of each study is asked for, one after the other.

        Where the archive tells of each study, the first image is enough, unless the one that it calls on-line was refused:
        then its word is not. `prove` asks for one image of the study with this UID; without one, of the first study of
        the archive's own records. A refusal that holds for all images ends it before anything came. So do a few that deny
        the right to a study, as other studies may be free, and a few retrievals that brought no answer.
        """
        proofs: dict[bytes, P] = {}
        refused, lost, told = 0, 0, self.told
        first = self.online if self.told else b""
        for study in dict.fromkeys(filter(None, (first, *self.drawn))) or [self.online]:
            proof = proofs[study] = await prove(study)
            if told and proof.bytes:
                return proof
            refused += refuses_all(proof)
            of_all = proof.status not in DENIED or refused == len(proofs) == MOST_REFUSED
            if refuses_all(proof) and of_all and not any(one.bytes for one in proofs.values()):
                return proof
            lost += _lost(proof)
            told = told and (study != first or _lost(proof))
            if lost == MOST_LOST or (proof.stop is not None and proof.stop.ending in FINAL):
                break
        if b"" not in proofs and all(map(_lost, proofs.values())) and not (proof.stop and proof.stop.ending in FINAL):
            proofs[b""] = await prove(b"")  # it may not know its own studies by their UIDs
        best = max(proofs.values(), key=lambda one: (one.bytes, not refuses_all(one)))
        return replace(best, draws=self._draws(proofs)) if self.drawn else best

    def _draws(self, proofs: Mapping[bytes, Proof | WebProof]) -> Draws:
        came = [proofs[study] if study and study in proofs else None for study in self.drawn]
        lost = sum(one is None or _lost(one) for one in came)
        return Draws(len(came), sum(one is not None and one.bytes > 0 for one in came), lost)

    def some(self, count: int) -> Lot:
        """As many draws."""
        return replaced(self, drawn=self.drawn[:count])


NO_LOT = Lot(())


def _lost(proof: Proof | WebProof) -> bool:
    """Neither an image nor a refusal came."""
    return not proof.bytes and (proof.stop is not None or (isinstance(proof, WebProof) and proof.status is None))
