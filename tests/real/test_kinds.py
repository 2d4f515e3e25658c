"""Kinds of personal data x archives: the truth from the files beside what was measured, exact.

The table stands in docs/kinds.md. To write it anew: FILMBADGE_WRITE=1 pytest tests/real/test_kinds.py
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE
from pynetdicom.presentation import build_context

from filmbadge.catalogue import kinds
from filmbadge.catalogue.dicom import STUDY_ROOT_FIND
from filmbadge.catalogue.kinds import ATTRIBUTES, INSIDE, Asked
from filmbadge.model import Kind
from support import archives, canary, tls_front
from support.archives import Served
from support.canary import Markers
from support.hanging import HANGS

STUDIES, INSTANCES = 13, 5  # studies: no number at which answers are cut off, or a census doubts it
PAGE = Path(__file__).resolve().parents[2] / "docs/kinds.md"
BEGIN, END = "<!-- kinds and archives: written by tests/real/test_kinds.py -->\n", "<!-- end -->\n"
SCRIPTS = (0, 1, 4)  # character sets that all of the archives take: none, Latin-1, UTF-8
MEASURED: dict[str, dict[str, int | None]] = {}
Studies = tuple[list[Path], list[Dataset]]
Start = Callable[..., AbstractContextManager[Served]]
PLUGIN = "/usr/share/orthanc/plugins/libOrthancDicomWeb.so"


@dataclass(frozen=True)
class Way:
    """An archive, and how it is asked."""

    start: Start
    title: str = ""  # the called AE title; DICOM
    index: bool = False  # Orthanc's own list of studies
    root: str = ""  # of QIDO-RS


WAYS = {
    "Orthanc, DICOM": Way(partial(archives.orthanc, DicomAlwaysAllowFind=True, DefaultEncoding="Utf8")),
    "Orthanc, REST": Way(archives.orthanc, index=True),
    "Orthanc, QIDO-RS": Way(partial(archives.orthanc, Plugins=[PLUGIN], DefaultEncoding="Utf8"), root="/dicom-web"),
    "dcmqrscp": Way(archives.dcmqrscp, "LABQR"),
    "pynetdicom qrscp": Way(archives.qrscp, "QRSCP"),
    "tiny-pacs, DICOM": Way(partial(archives.tiny_pacs, settled=True), "TINYQR"),
    "tiny-pacs, QIDO-RS": Way(partial(archives.tiny_pacs, settled=True), root="/dicomweb"),
    "PixelMed": Way(archives.pixelmed, "PIXELMED"),
}

KEPT = ("Patient ID", "Study Date")  # some archives file by the first


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> Studies:
    """The first has every attribute, and of the others each lacks some, differently.

    All have a date: without, what an archive holds is a lower bound, and so are its kinds.
    """
    folder, markers = tmp_path_factory.mktemp("studies"), Markers(seed=3)
    made = []
    for number in range(STUDIES):
        one = canary.dataset(markers, SCRIPTS[number % len(SCRIPTS)])
        for place, attribute in enumerate(ATTRIBUTES):
            if number % (2 + place % 7) == 1 and attribute.name not in KEPT:
                del one[attribute.tag]
        for instance in range(INSTANCES):
            one.SOPInstanceUID, one.InstanceNumber = markers.uid(), instance + 1
            canary.write(one, folder / f"{number}-{instance}.dcm")
        made.append(one)
    return sorted(folder.iterdir()), made


@pytest.fixture(scope="module", autouse=True)
def table() -> Iterator[None]:
    yield
    if os.environ.get("FILMBADGE_WRITE") and len(MEASURED) == len(WAYS):
        head, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
        PAGE.write_text(head + BEGIN + matrix() + END + rest.partition(END)[2], encoding="utf-8")


def matrix() -> str:
    rows = [f"| kind | {' | '.join(WAYS)} |", "|---" * (len(WAYS) + 1) + "|"]
    for kind in Kind:
        numbers = [MEASURED[name][kind] for name in WAYS]
        cells = ["unknown" if n is None else str(n or "-") for n in numbers]
        rows += [f"| `{kind}` | {' | '.join(cells)} |"]
    return "\n".join(rows) + "\n"


def filled(held: Dataset, tag: int) -> bool:
    """Whether the attribute says something; of a sequence, what belongs to the kind inside."""
    if tag in INSIDE:
        return any(filled(item, inner) for item in held.get(tag, Dataset()) or () for inner in INSIDE[tag])
    return bool(str(held[tag].value or "")) if tag in held else False


def given(port: int, title: str, study: str) -> set[int]:
    """The attributes that an archive gives to another client, of the study that has them all."""
    warnings.simplefilter("ignore")  # pydicom's, of what archives write
    association = AE("OTHER").associate(
        "127.0.0.1", port, ae_title=title or "ANY-SCP", contexts=[build_context(STUDY_ROOT_FIND)]
    )
    assert association.is_established
    found = set()
    for level in ("STUDY", "SERIES"):
        query = Dataset()
        query.QueryRetrieveLevel, query.StudyInstanceUID = level, study
        for attribute in ATTRIBUTES:
            if attribute.vr == "SQ":
                query.add_new(attribute.tag, "SQ", [])
            elif level == "STUDY" or any("series" in how.value for how in attribute.asked):
                query.add_new(attribute.tag, attribute.vr, "")
        for _, row in association.send_c_find(query, STUDY_ROOT_FIND):
            found |= {a.tag for a in ATTRIBUTES if row is not None and filled(row, a.tag)}
    association.release()
    return found


def over_the_web(url: str, study: str) -> set[int]:
    """The same over QIDO-RS."""
    fields = {
        False: [a.tag for a in ATTRIBUTES],
        True: [a.tag for a in ATTRIBUTES if any("series" in how.value for how in a.asked)],
    }
    found = set()
    for series, tags in fields.items():
        path = f"/studies/{study}/series?" if series else f"/studies?StudyInstanceUID={study}&"
        included = ",".join(f"{tag:08X}" for tag in tags)
        with urlopen(f"{url}{path}includefield={included}", timeout=HANGS) as answer:
            for row in json.load(answer):
                held = Dataset.from_json(row)
                found |= {tag for tag in tags if filled(held, tag)}
    return found


def measured(card: dict[str, Any]) -> dict[str, int | None]:
    (archive,) = card["archives"]
    for kind in archive["kinds"].values():
        assert kind["how"] == ("unknown" if kind["records"] is None else "counted")
    return {name: kind["records"] for name, kind in archive["kinds"].items()}


@pytest.mark.parametrize("name", WAYS)
def test_kinds_are_those_of_the_files(name: str, studies: Studies, tmp_path: Path) -> None:
    way = WAYS[name]
    files, records = studies
    full = str(records[0].StudyInstanceUID)
    with ExitStack() as stack:
        served = stack.enter_context(way.start(tmp_path, files=files))
        assert served.truth.studies == STUDIES
        port, extra = served.http if way.index else served.dicom, ""
        if way.root:  # alone, as behind a front: no counter and no other list helps
            port = stack.enter_context(tls_front.nginx(tmp_path, tls_front.before(served.http, f"{way.root}/")))
            shown = over_the_web(f"http://127.0.0.1:{served.http}{way.root}", full)
        elif way.index:  # this Orthanc lists what it has in its index; the rest is unknown, not nothing
            shown = set(kinds.asked(Asked.WITH_ALL))
        else:
            shown = given(served.dicom, way.title, full)
            extra = f'ae_titles.called = ["{way.title}"]' if way.title else ""
        if way.root or way.index:
            extra = f"ports.dimse = []\nports.dimse_tls = []\nports.web = [{port}]\nports.web_tls = []"
        scope = archives.scope_file(tmp_path, depth="profile", extra=extra)
        target = "127.0.0.1" if way.root or way.index else f"127.0.0.1:{port}"
        card = archives.check(target, "--scope", str(scope))
    truth: dict[str, int | None] = {}
    for kind in Kind:
        tags = {a.tag for a in ATTRIBUTES if a.kind is kind}
        full_in = sum(any(filled(held, tag) for tag in tags & shown) for held in records)
        truth[str(kind)] = None if way.index and not tags & shown else full_in
    MEASURED[name] = measured(card)
    assert MEASURED[name] == truth
    assert len({n for n in truth.values() if n}) > 1, "kinds that are all alike would prove little"


def test_the_table_in_the_documentation_is_this() -> None:
    if len(MEASURED) == len(WAYS) and not os.environ.get("FILMBADGE_WRITE"):
        assert matrix() in PAGE.read_text(encoding="utf-8")
