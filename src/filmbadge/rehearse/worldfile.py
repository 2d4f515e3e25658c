"""World files: TOML that says which archives a world has, how they behave, and what they hold. `docs/worlds.md` explains them.

Everything that is wrong with a file is one line that names the file, the line if it is known, and the key.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, cast

import msgspec
from msgspec import Meta, Struct

from filmbadge import given
from filmbadge.compare.records import CLOSED_BY, By
from filmbadge.model import Depth, Protocol, Refusal, Rung
from filmbadge.rehearse.people import Ids, Names
from filmbadge.rehearse.world import CELLS, AtCap, CountKeys, Drops, Expected, Flood, Get, Manner, Rows, Tls, Web
from filmbadge.texts import printable

SCHEMA = "filmbadge.world/1"
LARGEST = 1_000_000  # bytes of a world file

_FEW = 30  # studies of a new archive
Size = Annotated[int, Meta(ge=0, le=10**9)]
Share = Annotated[float, Meta(ge=0, le=1)]
Text = Annotated[str, Meta(max_length=300)]
CountryCode = Annotated[str, Meta(pattern=r"^[A-Z]{2}\Z")]
Title = Annotated[str, Meta(pattern=r"^[ -\[\]-~]{0,16}\Z")]  # an AE title, PS3.5 6.2
Weight = Annotated[float, Meta(ge=0, le=1e9)]


# What may become of open archives, besides how they are closed.
CHANGES = (
    "open_before",
    "open_after",
    "new",
    "not_open_any_more",
    "gone",
    "closed",
    "still-open",
    "worse",
    "better",
    "moved",
)


class WorldError(Refusal):
    """A world file is wrong. The text is one line for the user."""


class Scaled(StrEnum):
    """What `--scale` multiplies."""

    CONTENTS = "contents"  # what archives hold
    ALL = "all"  # how many archives there are, and what all of them hold together


class Behaviour(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How an archive behaves, what is in its records, and what the truth about it is."""

    # On its DICOM port.
    manner: Manner = Manner.ARCHIVE
    drops: Drops = Drops.NO
    second_port: bool | None = None  # None: by lot
    called: Title = ""
    callers: tuple[Title, ...] | None = None
    busy: Size | Literal["always"] = 0
    exhausted: Size | Literal["always"] = 0
    aborts_queries: bool = False
    study_root: bool = True
    explicit: bool = True
    count_keys: CountKeys = CountKeys.FILLED
    rows: Rows = Rows.STUDIES
    nested: bool = False
    data_after_cancel: bool = False
    cap: Annotated[int, Meta(ge=1)] | None = None
    at_cap: AtCap = AtCap.SIGNAL
    widest: Annotated[int, Meta(ge=1)] | None = None
    unbounded: bool = True
    uid_wildcards: bool = False
    empty_values: bool = False
    flood: Flood = Flood.NO
    answers: Annotated[int, Meta(ge=1)] | None = None
    tls: Tls = Tls.NONE
    get: Get = Get.ABSENT
    availability: bool = False
    implementation: tuple[Annotated[str, Meta(pattern=r"^[0-9.]{0,64}\Z")], Title] = ("", "")
    max_pdu: Annotated[int, Meta(ge=4096, le=1 << 24)] = 16384
    # On its web port.
    rest: bool | None = None
    dicomweb: Annotated[str, Meta(pattern=r"^/[!-~]*\Z")] | None = None
    delivers_web: bool = False
    web_cap: Annotated[int, Meta(ge=1)] | None = None
    warns: bool = False
    web_tls: bool = False
    login: bool = False
    web: Web | None = None
    viewer_of: Text = ""
    # What is in its records.
    ids: Ids = Ids.RECORD
    names: Names = Names.PLAIN
    more: bool = False
    staff: bool = False
    purpose: bool = True
    # Its studies.
    images: Annotated[float, Meta(ge=1, le=1e6)] = 100.0  # of a study, on average
    online: Share = 1.0  # share of its studies
    undated: Share = 0.0  # share of its studies
    patients: Annotated[float, Meta(gt=0, le=1)] = 0.4  # for each study
    oldest: Annotated[int, Meta(ge=1, le=36_500)] = 3650  # days ago
    newest: Annotated[int, Meta(ge=0, le=36_500)] = 0  # days ago
    modalities: Annotated[tuple[Annotated[str, Meta(pattern=r"^[A-Z]{2}\Z")], ...], Meta(min_length=1)] = ("CT", "MR", "CR", "US", "MG")  # fmt: skip
    series: Annotated[tuple[Annotated[int, Meta(ge=1, le=99)], ...], Meta(min_length=1)] = (1, 2, 3, 1, 4, 2, 1)
    spread: Share = 1.0
    most: Annotated[int, Meta(ge=1)] | None = None  # studies of an archive of a country that behaves so
    # The truth.
    rungs: dict[Protocol, Rung] = {}
    decoy: bool = False
    undecided: bool = False
    expect: Expected = Expected.EXACT
    expect_images: Expected = Expected.EXACT
    expect_personal: Expected = Expected.EXACT

    def __post_init__(self) -> None:
        if self.oldest <= self.newest:
            raise ValueError("`oldest` must be more days ago than `newest`")


class Entry(Behaviour, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[[archives]]`: as many archives of one behaviour."""

    name: Text
    behaviour: str = ""
    count: Annotated[int, Meta(ge=0, le=100_000)] = 1
    country: CountryCode | Literal[""] = ""
    studies: int | tuple[int, ...] = 0  # of each, or the fewest and the most of a long-tailed distribution
    least: Size = 1  # studies at any scale
    mirror_of: str = ""  # the name of other archives, whose first one this is another way into
    people_of: str = ""  # the name of other archives, whose patients come here too
    addresses: Annotated[int, Meta(ge=1, le=254)] = 1  # behind so many addresses of one network

    def __post_init__(self) -> None:
        super().__post_init__()
        sizes = (self.studies, self.studies) if isinstance(self.studies, int) else self.studies
        if len(sizes) != 2 or not 0 <= sizes[0] <= sizes[1] <= 10**9:
            raise ValueError("`studies` is a number, or [fewest, most], of at most 1,000,000,000")


class Country(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[[country]]`: totals of one country, which the world holds exactly."""

    code: CountryCode
    archives: Size
    archives_open: Size
    patients: Size = 0
    studies: Size | None = None  # None: as many as patients
    images: Size = 0
    images_retrievable: Size = 0
    http_viewers: Size = 0
    keep: dict[str, Any] = {}  # what its archives have in place of what their behaviour says
    published: dict[str, Size] = {}  # what was published of it, by cell

    def __post_init__(self) -> None:
        studies = self.patients if self.studies is None else self.studies
        if self.archives_open > self.archives:
            raise ValueError("more archives are open than there are archives")
        if not self.archives_open and (studies or self.http_viewers):
            raise ValueError("it has no open archive that could hold studies or have a viewer")
        if self.archives_open and not self.archives_open <= self.patients <= studies <= self.images:
            raise ValueError("each open archive needs a patient, each patient a study, and each study an image")
        if self.images_retrievable > self.images or self.http_viewers > self.archives_open:
            raise ValueError("more images are retrievable than there are, or more viewers than open archives")
        _cells(self.published)


class Mix(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How the archives of all countries behave: a weight for each behaviour."""

    open: dict[str, Weight] = {}
    closed: dict[str, Weight] = {}
    viewer: dict[str, str] = {}  # the behaviour of an archive with a viewer, by that of one without
    tail: Annotated[float, Meta(ge=0, le=3)] = 1.0  # of sizes: the archive of rank k has a share as 1/k^tail


class After(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[[after]]`: what became of some of the open archives when the world is surveyed once more."""

    becomes: Literal["new", "gone", "closed", "worse", "better", "moved"]
    by: By | None = None  # how it is closed
    count: Size = 0
    every: bool = False  # all that stand in `countries`, at any scale
    countries: tuple[CountryCode, ...] = ()  # empty: anywhere
    among: tuple[str, ...] = ()  # behaviours, or names of archives; empty: any
    behaves: dict[str, Any] = {}  # what they have in place of what their behaviour says
    grows: Annotated[float, Meta(gt=0, le=100)] = 1.0  # how much more they hold
    studies: tuple[int, int] = (_FEW, _FEW)  # of a new one: the fewest and the most

    def __post_init__(self) -> None:
        if (self.by not in CLOSED_BY) if self.becomes == "closed" else self.by is not None:
            raise ValueError("what is `closed` says by what, and nothing else does")
        if not 0 < self.studies[0] <= self.studies[1]:
            raise ValueError("`studies` is [fewest, most]")
        if self.every and not self.countries:
            raise ValueError("`every` needs `countries`")
        if self.becomes == "moved" and (self.behaves or self.grows != 1):
            raise ValueError("what moved is recognised by what did not change")


class WorldFile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    schema: Literal["filmbadge.world/1"]
    name: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,63}\Z")]
    about: Annotated[str, Meta(max_length=1000)] = ""
    source: Annotated[str, Meta(max_length=1000)] = ""
    depth: Depth = Depth.PROVE
    scale: Scaled = Scaled.CONTENTS
    published: dict[str, Size] = {}  # of the whole world
    behaviour: dict[str, dict[str, Any]] = {}
    mix: Mix = Mix()
    archives: tuple[dict[str, Any], ...] = ()
    country: tuple[Country, ...] = ()
    before: str = ""  # a world that ships: everything is as there, in place of which this file says nothing else
    without: tuple[str, ...] = ()  # names of its archives that are not there
    holding: Annotated[float, Meta(gt=0, le=1)] = 1.0  # of what its countries hold
    after: tuple[After, ...] = ()
    changes_published: dict[str, Size] = {}

    def __post_init__(self) -> None:
        _cells(self.published, "countries")
        if unknown := self.changes_published.keys() - {*CHANGES}:
            raise ValueError(f"'{min(unknown)}' is no change that can be published")

    def behaves(self, name: str, *more: Mapping[str, Any]) -> Behaviour:
        """A behaviour by its name, with other keys in place of its own."""
        return _convert(self._merged(name, *more), Behaviour)

    def entries(self) -> Iterator[Entry]:
        for entry in self.archives:
            yield _convert(self._merged(str(entry.get("behaviour", "")), entry), Entry)

    def _merged(self, name: str, *more: Mapping[str, Any]) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        for keys in (*self._like(name, ()), *more):
            merged |= {key: value for key, value in keys.items() if key != "like"}
        return merged

    def _like(self, name: str, seen: tuple[str, ...]) -> Iterator[Mapping[str, Any]]:
        if not name:
            return
        if name not in self.behaviour or name in seen:
            raise ValueError(f"no behaviour is called '{name}'" if name not in seen else f"'{name}' is like itself")
        yield from self._like(str(self.behaviour[name].get("like", "")), (*seen, name))
        yield self.behaviour[name]


def _cells(published: Mapping[str, int], *more: str) -> None:
    if unknown := published.keys() - {*CELLS, *more}:
        raise ValueError(f"'{min(unknown)}' is no cell that can be published")


T = TypeVar("T")


def _convert(raw: object, kind: type[T]) -> T:
    return msgspec.convert(raw, kind)


def packaged() -> tuple[str, ...]:
    """The names of the worlds that ship."""
    return tuple(
        sorted(path.name.removesuffix(".toml") for path in _shipped().iterdir() if path.name.endswith(".toml"))
    )


def _shipped() -> Any:
    return files("filmbadge.rehearse").joinpath("worlds")


def read(world: str) -> WorldFile:
    """A world that ships, by its name, or a user's own, by the path of its file. Raises WorldError."""
    if world in packaged():
        return parse(cast("bytes", _shipped().joinpath(f"{world}.toml").read_bytes()), f"{world}.toml")
    path = Path(world)
    if not (path.suffix == ".toml" or "/" in world or "\\" in world):
        raise WorldError(f"no world is called '{world}'; there is: {', '.join(packaged())}; or give the path of a file")
    try:
        raw = given.read(path, LARGEST)
    except OSError as error:
        raise WorldError(f"{world}: {error.strerror or 'cannot be read'}") from None
    return parse(raw, world)


def parse(raw: bytes, where: str) -> WorldFile:
    """A world file from its bytes. `where` names it in messages. Raises WorldError."""
    if len(raw) > LARGEST:
        raise WorldError(f"{where}: it is larger than {LARGEST:,} bytes")
    try:
        text = raw.decode("utf-8-sig")
        held = tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise WorldError(f"{where}:{line}: it is not UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        at = re.search(r"at line (\d+)", str(error))
        raise WorldError(f"{where}{':' + at[1] if at else ''}: it is not TOML: {error}") from None
    except (ValueError, RecursionError):
        raise WorldError(f"{where}: it is not TOML: a value is too long or nested too deep") from None
    return _checked(held, text, where)


def _with_before(held: dict[str, Any]) -> dict[str, Any]:
    """The keys of the world that it is the later state of, and its own in their place. Its archives come after those."""
    if not isinstance(before := held.get("before"), str) or not before:
        return held
    if before not in packaged():
        raise ValueError(f"no world that ships is called '{before}'")
    base = tomllib.loads(_shipped().joinpath(f"{before}.toml").read_text("utf-8"))
    without = held.get("without", ())
    return {
        **base,
        **held,
        "behaviour": {**base.get("behaviour", {}), **held.get("behaviour", {})},
        "country": [_holding(one, held.get("holding", 1.0)) for one in base.get("country", ())],
        "archives": [
            *(one for one in base.get("archives", ()) if one["name"] not in without),
            *held.get("archives", ()),
        ],
    }


def _holding(country: dict[str, Any], share: float) -> dict[str, Any]:
    """A country whose archives are as many, and hold a part of what they held. What was published of that holds no more."""
    if share == 1:
        return country
    amounts = ("patients", "studies", "images", "images_retrievable")
    least = {"patients": country.get("archives_open", 0), "studies": 0, "images": 0, "images_retrievable": 0}
    parts = {name: max(least[name], round(country[name] * share)) for name in amounts if name in country}
    published = {cell: n for cell, n in country.get("published", {}).items() if cell not in amounts}
    return {**country, **parts, "published": published}


def _checked(held: dict[str, Any], text: str, where: str) -> WorldFile:
    place: tuple[str, ...] = ()
    try:
        world = _convert(_with_before(held), WorldFile)
        for name in world.behaviour:
            place = ("behaviour", name)
            world.behaves(name)
        names: set[str] = set()
        for index, entry in enumerate(world.archives):
            place = ("archives", str(index))
            found = _convert(world._merged(str(entry.get("behaviour", "")), entry), Entry)
            if missing := {found.mirror_of, found.people_of} - names - {""}:
                raise ValueError(f"no archives before these are called '{min(missing)}'")
            names.add(found.name)
        for index, change in enumerate(world.after):
            place = ("after", str(index))
            _convert(change.behaves, Behaviour)
            if unknown := {*change.among} - {*world.behaviour} - names:
                raise ValueError(f"no behaviour and no archives are called '{min(unknown)}'")
        place = ("mix",)
        for name in (*world.mix.open, *world.mix.closed, *world.mix.viewer.values()):
            world.behaves(name)
        for index, country in enumerate(world.country):
            place = ("country", str(index))
            for name in (*world.mix.open, *world.mix.closed):
                world.behaves(name, country.keep)
        place = ("country",)
        _consistent(world)
    except (msgspec.ValidationError, ValueError) as error:
        raise WorldError(_fault(str(error), place, text, where)) from None
    return world


def _consistent(world: WorldFile) -> None:
    if not world.archives and not world.country:
        raise ValueError("it has neither [[archives]] nor [[country]]")
    opened, closed = world.mix.open, world.mix.closed
    if any(c.archives_open for c in world.country) and not any(
        weight for name, weight in opened.items() if world.behaves(name).most is None
    ):
        raise ValueError("[mix.open] needs a behaviour without `most`, which archives of any size can have")
    if any(c.http_viewers for c in world.country) and not world.mix.viewer:
        raise ValueError("[mix.viewer] needs a behaviour")
    if any(c.archives > c.archives_open for c in world.country) and not sum(closed.values()):
        raise ValueError("[mix.closed] needs a behaviour")
    if len({c.code for c in world.country}) < len(world.country):
        raise ValueError("a country is there twice")


_PATH = re.compile(r" - at `\$\.?([^`]*)`")
_KEY = re.compile(r"unknown field `(\w+)`|required field `(\w+)`")


def _fault(words: str, place: tuple[str, ...], text: str, where: str) -> str:
    """One line about what msgspec, or a check of ours, found wrong."""
    found = _PATH.search(words)
    path = tuple(re.findall(r"[\w-]+", found[1])) if found else ()
    if words.startswith("Object contains unknown") and (key := _KEY.search(words)):
        path = (*path, next(filter(None, key.groups())))
    path = (*place, *path)
    line = _line(text, path)
    shown = ".".join(str(int(part) + 1) if part.isdigit() else part for part in path if part != "...")
    said = words[: found.start()] if found else words
    return f"{where}{f':{line}' if line else ''}: {printable(f'{shown}: ' if shown else '')}{printable(said[:1].lower() + said[1:])}"


def _line(text: str, path: tuple[str, ...]) -> int | None:
    """The line of a key, or of the table it is in. None if it is not found."""
    if not path:
        return None
    lines = text.splitlines()
    begin, end = 0, len(lines)
    if len(path) > 1:
        table, which = path[:2]
        numbered = which.isdigit()
        header = re.compile(rf"\s*\[\[\s*{re.escape(table)}\s*\]\]" if numbered else rf"\s*\[\s*{re.escape(table)}\s*\.\s*\"?{re.escape(which)}\"?\s*[\].]")  # fmt: skip
        heads = [at for at, line in enumerate(lines) if header.match(line)]
        index = int(which) if numbered else 0
        if index < len(heads):
            begin = heads[index]
            end = next((at for at in range(begin + 1, len(lines)) if lines[at].lstrip().startswith("[")), len(lines))
    key = re.compile(rf"(\s*|.*[{{,]\s*)\"?{re.escape(path[-1])}\"?\s*[=.]")
    return next((at + 1 for at in range(begin, end) if key.match(lines[at])), begin + 1 if begin else None)
