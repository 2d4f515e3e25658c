"""Why a number is not known: never for want of a depth that was reached."""

from __future__ import annotations

import msgspec
import pytest

from filmbadge.model import (
    Count,
    Counters,
    Counts,
    Dcm4cheeFacts,
    Depth,
    DicomWebFacts,
    DoubtCode,
    Find,
    Listing,
    PageFacts,
)
from filmbadge.tell.words import Words
from support import factories
from support.factories import ADDRESS, DISCLOSED, REPORTED, admitted, dimse, web

LISTED = PageFacts(status=200, listing=Listing(7, proof=10))
# What recommends a depth, or blames the depth that was used, and from which depth on that is false.
FALSE_FROM = {
    DoubtCode.NEEDS_PROFILE: Depth.PROFILE,
    DoubtCode.NOT_COUNTED_AT_DEPTH: Depth.PROFILE,
    DoubtCode.NOT_ASKED_AT_DEPTH: Depth.PROFILE,
    DoubtCode.NEEDS_PROVE: Depth.PROVE,
}


def counted(counts: Counts, *others: Count) -> list[Count]:
    return [*(getattr(counts, name) for name in counts.__struct_fields__), *others]


@pytest.mark.parametrize("depth", Depth)
@pytest.mark.parametrize(
    "seen",
    [
        lambda depth: dimse(admitted(DISCLOSED), depth=depth),
        lambda depth: dimse(admitted((Find(None, 0, 0xA900),), study_root=False), depth=depth),
        lambda depth: web(DicomWebFacts("/rs", 200, may_ask=depth.reaches(Depth.PROFILE), records=1), depth=depth),
        lambda depth: web(DicomWebFacts("/rs", 200, may_ask=depth.reaches(Depth.PROFILE)), depth=depth),
        lambda depth: web(Dcm4cheeFacts(200, ("DCM4CHEE",)), depth=depth),
        lambda depth: web(Dcm4cheeFacts(200, ("DCM4CHEE",), Counters(200, 1, 2, 3, 4)), depth=depth),
        lambda depth: web(REPORTED, depth=depth),
        lambda depth: web(LISTED, depth=depth),
        lambda depth: web(msgspec.structs.replace(LISTED, listing=None), depth=depth),
    ],
)
def test_no_doubt_asks_for_a_depth_that_was_used(seen: object, depth: Depth) -> None:
    host = factories.host(ADDRESS, seen(depth))  # type: ignore[operator]
    for archive in host.archives:
        for number in counted(archive.counts, archive.ssn_records, archive.images_retrievable):
            for doubt in number.doubts:
                assert doubt.code not in FALSE_FROM or not depth.reaches(FALSE_FROM[doubt.code]), doubt


def test_a_list_of_files_does_not_tell_studies() -> None:
    (archive,) = factories.host(ADDRESS, web(LISTED, depth=Depth.PROFILE)).archives
    assert Words().doubts(archive.counts.studies.doubts) == "a list of files does not tell studies"
