"""A survey's folder in which one text is another than was written, with digests that fit: what a stranger may hand over."""

from __future__ import annotations

import io
import json
import re
import shutil
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from filmbadge import cli
from filmbadge.keep import parts
from support.folders import SEALS, unsealed

# Each of these does something on a terminal, or in a browser, or stands for a line that we did not write.
MARK = "hx7"
SIGNS = {
    "ansi": "\x1b[31;45m",
    "title": "\x1b]0;owned\x07",
    "link": "\x1b]8;;http://127.0.0.1:9/\x1b\\",
    "c1": "\x9b31m\x85",
    "nul": "\0\x08\x7f",
    "lines": "\r\n\u2028\v\f",
    "bidi": "\u202e\u2066\u200f\u061c",
    "zero width": "\u200b\u200d\ufeff\u00ad",
    "tags": "\U000e0041\ue000\u0378",
    "markup": "[link=http://127.0.0.1:9/][red]",
    "emoji": ":pile_of_poo:",
    "html": f"<{MARK} on{MARK}=1><script>fetch('http://127.0.0.1:9/')</script><img src=http://127.0.0.1:9/x onerror=x>",
    "attribute": f'" on{MARK}="1" \' style=\'x:expression(1)',
    "template": "{{7*7}}{n:,}%s{0}",
    "formula": "=cmd|'/c calc'!A1",
}
HOSTILE = MARK + "".join(SIGNS.values())
LONG = MARK + "\x1b[31m" + "A" * 100 * 1024
Edit = Callable[[Path], None]


@dataclass
class Ran:
    """What one command left behind."""

    code: int
    out: str
    err: str


def ran(*arguments: str) -> Ran:
    """Runs a command in this process. What is no refusal is raised."""
    streams = [io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="surrogateescape") for _ in range(2)]
    with redirect_stdout(streams[0]), redirect_stderr(streams[1]):
        code = cli.run(arguments)
    said = []
    for stream in streams:
        stream.flush()
        said.append(stream.buffer.getvalue().decode("utf-8", "surrogateescape"))
    return Ran(code, *said)


def unsafe(text: str) -> set[str]:
    """The characters of a text that are no print: controls, formats, surrogates, unassigned ones, and separators but the blank."""
    return {sign for sign in text if sign != "\n" and unicodedata.category(sign)[0] in "CZ" and sign != " "}


def texts(document: Any) -> Iterator[str]:
    """Every text in a JSON document, names included."""
    if isinstance(document, str):
        yield document
    elif isinstance(document, dict):
        for name, value in document.items():
            yield name
            yield from texts(value)
    elif isinstance(document, list):
        for value in document:
            yield from texts(value)


def copied(folder: Path, to: Path, edit: Edit) -> Path:
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(folder, to)
    unsealed(to)
    edit(to)
    return to


def attacks(folder: Path, said: str) -> Iterator[tuple[str, Edit]]:
    """One for each text of the documents, each column of text, and each text in a column that holds JSON.

    Of those that are alike, such as the same column of several quantities, one.
    """
    known: set[str] = set()
    for name, edit in _all(folder, said):
        alike = re.sub(r"\.\d+", ".0", re.sub(r"(series|studies|images|ssn_records)_", "patients_", name))
        if alike not in known:
            known.add(alike)
            yield name, edit


def _all(folder: Path, said: str) -> Iterator[tuple[str, Edit]]:
    for path in sorted(folder.rglob("*.json")):
        inside = path.relative_to(folder)
        for place in _places(json.loads(path.read_text())):
            if place[0] in SEALS:
                continue
            yield f"{inside}:{'.'.join(map(str, place))}", _in_document(inside, place, said)
    tables: dict[str, pa.Schema] = {}
    for path in sorted(folder.rglob("part-*.parquet")):
        tables.setdefault(str(path.parent.relative_to(folder)), pq.read_schema(path))
    for table, schema in tables.items():
        for field in schema:
            if "string" in str(field.type):
                other = partial(_everywhere, said=said, empty=None if pa.types.is_map(field.type) else said)
                yield f"{table}.{field.name}", _in_column(table, field.name, other)
                for place in _places_in_column(folder / table, field.name):
                    name = ".".join(str(step) for step in place)
                    yield f"{table}.{field.name}:{name}", _in_column(table, field.name, _in_json(place, said))


def _in_document(name: Path, place: tuple[str | int, ...], said: str) -> Edit:
    def edit(folder: Path) -> None:
        document = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps(_put(document, place, said)))

    return edit


def _in_column(table: str, column: str, change: Callable[[Any], Any]) -> Edit:
    def edit(folder: Path) -> None:
        for number, path in parts.numbered(folder, folder / table).items():
            rows = pq.read_table(path)
            values = [change(value) for value in rows.column(column).to_pylist()]
            at = rows.schema.get_field_index(column)
            rows = rows.set_column(at, rows.schema.field(column), pa.array(values, rows.schema.field(column).type))
            path.unlink()
            parts.write(path.parent, number, rows)

    return edit


def _everywhere(value: Any, said: str, empty: Any) -> Any:
    """`said` in the place of each text, and `empty` where there is no value."""
    if isinstance(value, str):
        return said
    if isinstance(value, list):
        return [_everywhere(one, said, empty) for one in value]
    if isinstance(value, tuple):  # of a map
        return (said, value[1])
    if isinstance(value, dict):
        return {name: _everywhere(one, said, empty) for name, one in value.items()}
    return empty if value is None else value


def _in_json(place: tuple[str | int, ...], said: str) -> Callable[[Any], Any]:
    def change(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        document = json.loads(value)
        return json.dumps(_put(document, place, said)) if place in set(_places(document)) else value

    return change


def _places_in_column(table: Path, column: str) -> list[tuple[str | int, ...]]:
    """Where texts stand in the JSON of a column, in whatever row."""
    found: dict[tuple[str | int, ...], None] = {}
    for path in table.glob("part-*.parquet"):
        for value in pq.read_table(path).column(column).to_pylist():
            if isinstance(value, str) and re.match(r"[{\[]", value):
                found |= dict.fromkeys(_places(json.loads(value)))
    return list(found)


def _places(document: Any, here: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if isinstance(document, str):
        yield here
    elif isinstance(document, dict):
        for name, value in document.items():
            yield from _places(value, (*here, name))
    elif isinstance(document, list):
        for index, value in enumerate(document[:3]):
            yield from _places(value, (*here, index))


def _put(document: Any, place: tuple[str | int, ...], said: str) -> Any:
    if not place:
        return said
    document[place[0]] = _put(document[place[0]], place[1:], said)
    return document
