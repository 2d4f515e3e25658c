"""Two quotation marks as Study Date (PS3.4 C.2.2.2.7), asked of real archives that hold studies without a date."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest

from filmbadge.ask.census.windows import EMPTY
from support import archives
from support.archives import Matched, Served

ARCHIVES: dict[str, tuple[Callable[[Path], AbstractContextManager[Served]], str, int]] = {
    "orthanc": (partial(archives.orthanc, DicomAlwaysAllowFind=True), "ANY-SCP", 0x0000),
    "dcmqrscp": (archives.dcmqrscp, "LABQR", 0x0000),
    "qrscp": (archives.qrscp, "QRSCP", 0x0000),
    "tiny-pacs": (partial(archives.tiny_pacs, settled=True), "TINYQR", 0x0000),
    "pixelmed": (archives.pixelmed, "PIXELMED", 0xC000),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_no_real_archive_here_honours_it_so_none_is_believed(name: str, tmp_path: Path) -> None:
    """One that does would be news: its studies without a date could be counted, and this table and docs/census.md change."""
    make, called, status = ARCHIVES[name]
    with make(tmp_path) as served:
        before = archives.by_date(served.dicom, called, "")
        assert before.dated and before.undated
        assert archives.by_date(served.dicom, called, EMPTY) == Matched(0, 0, status)
        assert archives.by_date(served.dicom, called, "") == before
        scope = archives.scope_file(tmp_path, extra=f'ae_titles.called = ["{called}"]')
        card = archives.check(f"127.0.0.1:{served.dicom}", "--scope", str(scope))
    studies = card["archives"][0]["counts"]["studies"]
    assert studies["value"] in (None, served.truth.studies)
    assert studies["value"] or studies["at_least"] <= served.truth.studies
