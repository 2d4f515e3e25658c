"""Whether a record names something: its UID, without which a row is no record of a study, a series or an instance."""

from __future__ import annotations

import re

from filmbadge.ask.decoder import elements
from filmbadge.ask.errors import WireError

OF_LEVEL = {b"STUDY": elements.STUDY_UID, b"SERIES": elements.SERIES_UID, b"IMAGE": elements.INSTANCE_UID}

# Digits and dots, as PS3.5 9.1 has it. Leading zeros are common. A value of zeros alone, or without a dot, names nothing.
_UID = re.compile(rb"(?=.*[1-9])[0-9]+(\.[0-9]+)+")
_OF_THE_STANDARD = b"1.2.840.10008."


def names(uid: bytes) -> bool:
    """Whether this value can be the UID of a study, a series or an instance. A UID of the standard's own cannot."""
    return len(uid) <= 64 and _UID.fullmatch(uid) is not None and not uid.startswith(_OF_THE_STANDARD)


def has_uid(identifier: bytes, explicit: bool, tag: int, /) -> bool:
    """Whether a record has a UID at this attribute that names something. The compiled core does the same, faster."""
    try:
        return names(elements.values(identifier, explicit=explicit, wanted=(tag,)).get(tag, b"").strip(b"\0 "))
    except WireError:
        return False
