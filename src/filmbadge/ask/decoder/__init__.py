"""The decoder: the one hot loop, in two interchangeable cores.

The compiled one is used where it was built; FILMBADGE_CORE=pure or =compiled chooses.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from filmbadge.ask.decoder import pure, uids

if TYPE_CHECKING:
    from filmbadge.ask.decoder.pure import DistinctSet, PersonalTally, Reader, Tally
    from filmbadge.ask.decoder.uids import has_uid

    CORE = "pure"
else:
    CORE = os.environ.get("FILMBADGE_CORE", "")
    try:
        if CORE == "pure":
            raise ImportError
        from filmbadge.ask.decoder import compiled

        DistinctSet, Reader, Tally, CORE = compiled.DistinctSet, compiled.Reader, compiled.Tally, "compiled"
        PersonalTally, has_uid = compiled.PersonalTally, compiled.has_uid
    except ImportError:
        if CORE == "compiled":
            raise
        DistinctSet, Reader, Tally, CORE = pure.DistinctSet, pure.Reader, pure.Tally, "pure"
        PersonalTally, has_uid = pure.PersonalTally, uids.has_uid

Record = pure.Record

__all__ = ["CORE", "DistinctSet", "PersonalTally", "Reader", "Record", "Tally", "has_uid"]
