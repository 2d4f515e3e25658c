"""Our own list for PDF/UA-1 (ISO 14289-1): what of it a program can see. It certifies nothing.

Whether an order of reading makes sense, or a text says what a figure shows, only a person can tell.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from pypdf import PdfReader
from pypdf.generic import ContentStream

PAINTS = {b"Tj", b"TJ", b"'", b'"', b"f", b"F", b"f*", b"S", b"s", b"B", b"B*", b"b", b"b*", b"Do", b"sh", b"EI"}
LISTS = {"/LI", "/L", "/Caption", "/NonStruct"}


def faults(made: bytes) -> list[str]:
    """What is wrong, a line each. Clauses are those of ISO 14289-1."""
    reader = PdfReader(io.BytesIO(made))
    root: Any = reader.trailer["/Root"]
    elements = list(_elements(root.get("/StructTreeRoot")))
    return [
        *_document(reader, root),
        *_headings(elements),
        *_figures(elements),
        *_tables(elements),
        *_lists(elements),
        *_pages(reader),
        *_fonts(reader),
    ]


def _elements(root: Any) -> Iterator[Any]:
    """All of the structure, in the order of reading."""
    if root is None:
        return
    kids = root.get_object().get("/K", [])
    for kid in kids if isinstance(kids, list) else [kids]:
        child = kid.get_object()
        if isinstance(child, dict) and "/S" in child:
            yield child
            yield from _elements(child)


def _document(reader: PdfReader, root: Any) -> Iterator[str]:
    if not root.get("/Lang"):
        yield "7.2: the document has no language"
    if not (reader.metadata and reader.metadata.title):
        yield "7.1: the document has no title"
    if not root.get("/ViewerPreferences", {}).get("/DisplayDocTitle"):
        yield "7.1: its title is not what a window shows"
    if not root.get("/MarkInfo", {}).get("/Marked"):
        yield "6.2: it is not marked as tagged"
    if "/StructTreeRoot" not in root:
        yield "7.1: it has no tags"
    marks = root["/Metadata"].get_object().get_data() if "/Metadata" in root else b""
    if b"pdfuaid:part" not in marks:
        yield "5: it is not marked PDF/UA"


def _headings(elements: list[Any]) -> Iterator[str]:
    levels = [int(e["/S"][2:]) for e in elements if e["/S"] in {f"/H{n}" for n in range(1, 7)}]
    if levels[:1] != [1]:
        yield "7.4.2: it does not begin with a heading of level 1"
    for before, level in pairwise(levels):
        if level > before + 1:
            yield f"7.4.2: a heading of level {level} follows one of level {before}"


def _figures(elements: list[Any]) -> Iterator[str]:
    for element in elements:
        if element["/S"] == "/Figure" and not str(element.get("/Alt", "")).strip():
            yield "7.3: a figure has no text in its place"


def _tables(elements: list[Any]) -> Iterator[str]:
    for table in (element for element in elements if element["/S"] == "/Table"):
        cells = list(_elements(table))
        heads = [cell for cell in cells if cell["/S"] == "/TH"]
        if not heads:
            yield "7.5: a table has no heads"
        if any(_attributes(head).get("/Scope") not in ("/Column", "/Row") for head in heads):
            yield "7.5: a head of a table has no scope"


def _attributes(element: Any) -> Any:
    return element.get("/A", {}).get_object()


def _lists(elements: list[Any]) -> Iterator[str]:
    for element in elements:
        if element["/S"] == "/L":
            kids = {kid.get_object().get("/S") for kid in element["/K"]}
            if not kids <= LISTS:
                yield f"7.6: a list has other children than items: {sorted(kids - LISTS)}"


def _pages(reader: PdfReader) -> Iterator[str]:
    for number, page in enumerate(reader.pages, 1):
        if "/Annots" in page and page.get("/Tabs") != "/S":
            yield f"7.18.3: page {number} is not tabbed through in the order of its structure"
        for annotation in page.get("/Annots", []):
            if not annotation.get_object().get("/Contents"):
                yield f"7.18.5: a link on page {number} has no description"
        if painted := _outside(ContentStream(page["/Contents"], reader)):
            yield f"7.1: page {number} paints {painted} things that are neither tagged nor marked as decoration"


def _outside(stream: ContentStream) -> int:
    depth = painted = 0
    for _, operator in stream.operations:
        if operator in (b"BDC", b"BMC"):
            depth += 1
        elif operator == b"EMC":
            depth -= 1
        elif operator in PAINTS and not depth:
            painted += 1
    return painted


def _fonts(reader: PdfReader) -> Iterator[str]:
    for number, page in enumerate(reader.pages, 1):
        for font in page.get("/Resources", {}).get_object().get("/Font", {}).get_object().values():
            known = font.get_object()
            inner = known.get("/DescendantFonts", [known])[0].get_object()
            described = inner.get("/FontDescriptor", {}).get_object()
            if not {"/FontFile", "/FontFile2", "/FontFile3"} & set(described):
                yield f"7.21.4: page {number} has a font that is not embedded"
            if "/ToUnicode" not in known:
                yield f"7.21.7: page {number} has a font whose letters cannot be read out"
