"""Makes a world from its file, a scale and a seed. The same three make the same world on the same day."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import msgspec

from filmbadge.compare.records import By
from filmbadge.model import Rung
from filmbadge.rehearse.contents import Contents, Part
from filmbadge.rehearse.people import Habits
from filmbadge.rehearse.world import ALWAYS, NOTHING, Archive, Drops, Manner, Place, World
from filmbadge.rehearse.worldfile import After, Behaviour, Country, Entry, Scaled, WorldError, WorldFile

MOST_ADDRESSES = 1 << 16  # a world lies in one 127.x.0.0/16
_TOO_LARGE = "so large a world has no place in 127.{}.0.0/16: make it smaller with --scale"
_FEW = 30  # studies that an archive of a country holds at least, where the country has as many
_FIRST_AS = 64_496  # RFC 5398: numbers for documentation


def build(file: WorldFile, scale: float, seed: int) -> World:
    """The world of a file. Raises WorldError if so large a world has no place."""
    return _Builder(file, scale, seed).world()


def apportion(weights: Sequence[float], total: int, least: Sequence[int] | None = None) -> list[int]:
    """A number in parts as the weights say, by largest remainders. No part is smaller than its `least`.

    Where the least parts are more than the number together, they are the parts.
    """
    parts = list(least or [0] * len(weights))
    free = [index for index, weight in enumerate(weights) if weight > 0]
    while free:
        left = total - sum(parts) + sum(parts[index] for index in free)
        whole = sum(weights[index] for index in free)
        small = {index for index in free if weights[index] * left < parts[index] * whole}
        if not small:
            break
        free = [index for index in free if index not in small]
    else:
        return parts
    quotas = {index: weights[index] * left / whole for index in free}
    if all(isinstance(weight, int) for weight in weights):
        quotas = {index: weights[index] * left // whole + weights[index] * left % whole / whole for index in free}
    for index in free:
        parts[index] = int(quotas[index])
    by_remainder = sorted(free, key=lambda index: (parts[index] - quotas[index], index))
    for index in by_remainder[: total - sum(parts)]:
        parts[index] += 1
    return parts


@dataclass(frozen=True)
class _Plan:
    """What an archive will be, before it has an address."""

    name: str
    behaviour: Behaviour
    country: str = ""
    studies: int = 0
    images: int = 0
    online: tuple[int, int] = (0, 0)  # of these, studies and images that are online
    patients: int = 1
    addresses: int = 1
    mirror_of: str = ""
    people_of: str = ""
    kind: str = ""  # the name of its behaviour, or of the archives that it is one of
    newcomer: bool = False  # it is there later only

    @property
    def open(self) -> bool:
        """Whether it may change: an open archive that is one of its own."""
        opened = any(rung.open for rung in self.behaviour.rungs.values())
        return opened and not (self.behaviour.decoy or self.mirror_of or self.newcomer) and self.addresses == 1


class _Builder:
    def __init__(self, file: WorldFile, scale: float, seed: int) -> None:
        self._file, self._scale, self._seed = file, scale, seed
        self._chance = random.Random(f"{file.name} {seed}")
        self._today = datetime.now(UTC).date().toordinal()
        self._people = 0
        self._known: dict[str, Contents] = {}  # by the name of archives, the contents of the first of them

    def world(self) -> World:
        file = self._file
        wanted = sum(c.archives for c in file.country) + sum(int(entry.get("count", 1)) for entry in file.archives)
        if wanted * (self._scale if file.scale is Scaled.ALL else 1) > MOST_ADDRESSES:
            raise WorldError(_TOO_LARGE.format(64 + self._seed % 128))
        plans = [*_Countries(self._file, self._scale, self._chance).plans(), *self._entries()]
        later = Later(file, self._scale, self._chance)
        plans += later.newcomers(plans)
        codes = sorted({plan.country for plan in plans} - {""})
        if codes:  # what is of no country is anywhere
            plans = [plan if plan.country else replace(plan, country=self._chance.choice(codes)) for plan in plans]
        archives = [self._archive(plan) for plan in plans]
        placed, networks, places = _placed(archives, plans, self._chance, self._seed)
        vacant = [replace(a, **_VACANT) if plan.newcomer else a for a, plan in zip(placed, plans, strict=True)]
        published = {"": self._file.published} | {c.code: c.published for c in self._file.country}
        now = World(
            file.name,
            tuple(vacant),
            networks,
            file.depth,
            file.about,
            {code: cells for code, cells in published.items() if cells and self._scale == 1},
            places,
        )
        if not file.after:
            return now
        changed, changes = later.changed(plans, placed)
        said = file.changes_published if self._scale == 1 else {}
        later_on = replace(now, archives=tuple(changed), published={})
        return replace(now, later=later_on, changes=changes, changes_published=said)

    def _entries(self) -> Iterator[_Plan]:
        entries = list(self._file.entries())
        everything = self._file.scale is Scaled.ALL
        counts = [entry.count for entry in entries]
        whole = [[_size(entry, rank, entry.count) for rank in range(entry.count)] for entry in entries]
        if everything and entries:
            counts = apportion(counts, max(1, round(sum(counts) * self._scale)))
        made = [
            (entry, rank, _size(entry, rank, count))
            for entry, count in zip(entries, counts, strict=True)
            for rank in range(count)
        ]
        sizes = [round(size * self._scale) for _, _, size in made]
        if everything:
            sizes = apportion([size for _, _, size in made], round(sum(map(sum, whole)) * self._scale))
        there = {entry.name for entry, _, _ in made}
        for (entry, rank, size), scaled in zip(made, sizes, strict=True):
            if entry.mirror_of and entry.mirror_of not in there:
                continue
            studies = _unround(max(entry.least, scaled)) if size else 0
            yield self._entry(entry, rank, studies)

    def _entry(self, entry: Entry, rank: int, studies: int) -> _Plan:
        images = round(studies * entry.images)
        online = round(studies * entry.online)
        return _Plan(
            f"{entry.name} {rank + 1}" if rank else entry.name,
            entry,
            entry.country,
            studies,
            images,
            (online, images if online == studies else round(images * online / studies)),
            max(1, round(studies * entry.patients)),
            entry.addresses,
            entry.mirror_of,
            entry.people_of,
            entry.name,
        )

    def _archive(self, plan: _Plan) -> Archive:
        how = plan.behaviour
        contents = self._known[plan.mirror_of] if plan.mirror_of else self._contents(plan)
        self._known.setdefault(plan.name, contents)
        second = self._chance.random() < 0.5
        return Archive(
            plan.name,
            contents=contents,
            mirror=bool(plan.mirror_of),
            country=plan.country,
            second_port=second if how.second_port is None else how.second_port,
            **_behaving(how),
        )

    def _contents(self, plan: _Plan) -> Contents:
        how, (online, images) = plan.behaviour, plan.online
        people = self._people
        if plan.people_of in self._known:
            people = self._known[plan.people_of].people
        else:
            self._people += plan.patients
        return Contents(
            root=f"2.25.{self._chance.getrandbits(96)}",
            nearline=Part(plan.studies - online, plan.images - images),
            online=Part(online, images),
            undated=round(plan.studies * how.undated),
            patients=plan.patients,
            people=people,
            first_day=self._today - how.oldest,
            days=how.oldest - how.newest,
            habits=Habits(how.ids, how.names, more=how.more, staff=how.staff, purpose=how.purpose),
            modalities=tuple(modality.encode() for modality in how.modalities),
            series=how.series,
            spread=how.spread,
        )


def _behaving(how: Behaviour) -> dict[str, Any]:
    """What an archive that behaves so is like."""
    return {
        "callers": None if how.callers is None else frozenset(how.callers),
        "busy": ALWAYS if how.busy == "always" else how.busy,
        "exhausted": ALWAYS if how.exhausted == "always" else how.exhausted,
        "rungs": tuple(how.rungs.items()),
        "expected": how.expect,
        "expected_images": how.expect_images,
        "expected_personal": how.expect_personal,
        **{name: getattr(how, name) for name in _SAME},
    }


_SAME = (
    "manner", "drops", "called", "aborts_queries", "study_root", "explicit", "count_keys", "rows", "nested", "data_after_cancel", "cap", "at_cap",
    "widest", "unbounded", "uid_wildcards", "empty_values", "flood", "answers", "tls", "web_tls", "get", "availability",
    "implementation", "max_pdu", "decoy", "rest", "dicomweb", "delivers_web", "web_cap", "warns", "login", "web",
    "viewer_of", "undecided",
)  # fmt: skip


def _size(entry: Entry, rank: int, of: int) -> int:
    """Studies of one of several archives: they are as many, or spread evenly over orders of magnitude."""
    if isinstance(entry.studies, int):
        return entry.studies
    least, most = sorted(max(1, end) for end in entry.studies)
    return _between(least, most, rank, of)


def _between(least: int, most: int, rank: int, of: int) -> int:
    return int(0.5 + least * (most / least) ** ((rank + 0.5) / of))


def _unround(size: int) -> int:
    """Archives cut answers off at round numbers, so as many studies are a lower bound: a few more are no such number."""
    return size + 3 * (size % 5 == 0 and size > 0)


_VACANT: dict[str, Any] = {
    **_behaving(Behaviour(manner=Manner.NOTHING)),
    "contents": NOTHING,
}  # a machine without services: it refuses


class Later:
    """What a world is like when it is surveyed once more."""

    def __init__(self, file: WorldFile, scale: float, chance: random.Random) -> None:
        self._file, self._chance = file, chance
        counts = [0 if change.every else change.count for change in file.after]
        if file.scale is Scaled.ALL and file.after:
            counts = apportion(counts, round(sum(counts) * scale), [min(1, count) for count in counts])
        self._counts = counts
        self._moves = sum(n for n, change in zip(counts, file.after, strict=True) if change.becomes == "moved")

    def newcomers(self, plans: Sequence[_Plan]) -> list[_Plan]:
        """The archives that will be new, and as many free machines as archives that will move."""
        kinds = sorted({plan.kind for plan in plans if plan.open and plan.kind in self._file.behaviour})
        found = []
        for n, change in zip(self._counts, self._file.after, strict=True):
            for rank in range(n if change.becomes == "new" else 0):
                kind = self._chance.choice(change.among or kinds)
                how = self._file.behaves(kind, change.behaves)
                studies = _unround(_between(*change.studies, rank, n))
                images = round(studies * how.images)
                country = change.countries[rank % len(change.countries)] if change.countries else ""
                patients = max(1, round(studies * how.patients))
                found.append(
                    _Plan(f"new {kind} {rank + 1}", how, country, studies, images, (studies, images), patients, kind=kind, newcomer=True)
                )  # fmt: skip
        vacant = Behaviour(manner=Manner.NOTHING)
        return [*found, *(_Plan(f"vacant {n + 1}", vacant, newcomer=True) for n in range(self._moves))]

    def changed(self, plans: Sequence[_Plan], archives: Sequence[Archive]) -> tuple[list[Archive], dict[str, int]]:
        """The archives later, at the same addresses, and how many of them became what."""
        later = list(archives)
        free = {at for at, plan in enumerate(plans) if plan.open}
        opened = len(free)
        places = iter([at for at, plan in enumerate(plans) if plan.newcomer and plan.name.startswith("vacant ")])
        found: Counter[str] = Counter(new=sum(plan.newcomer for plan in plans) - self._moves)
        for change, n in sorted(zip(self._file.after, self._counts, strict=True), key=_choosy):
            if change.becomes == "new":
                continue
            for at in self._chosen(change, n, free, plans, archives):
                free.discard(at)
                found[change.becomes] += 1
                if change.by is not None:
                    found[f"closed:{change.by}"] += 1
                if change.becomes == "moved":
                    to = next(places)
                    later[to] = replace(archives[at], addresses=archives[to].addresses, country=archives[to].country)
                    later[at] = replace(archives[at], **_VACANT)
                else:
                    later[at] = _changed(archives[at], plans[at].behaviour, change)
        left = len(free)
        ended = found["gone"] + found["closed"]
        rows = {"open_before": opened, "open_after": opened - ended + found["new"], "new": found["new"]}
        rows |= {"not_open_any_more": ended, "gone": found["gone"], "closed": found["closed"]}
        rows |= {name: n for name, n in sorted(found.items()) if ":" in name}
        rows |= {"still-open": left, **{name: found[name] for name in ("worse", "better", "moved")}}
        return later, rows | {"not-compared": 0}

    def _chosen(
        self, change: After, n: int, free: set[int], plans: Sequence[_Plan], archives: Sequence[Archive]
    ) -> list[int]:
        """Which archives change so. What moves must be recognised: no other holds as many studies."""
        fitting = [
            at
            for at in sorted(free)
            if (not change.countries or plans[at].country in change.countries)
            and (not change.among or plans[at].kind in change.among)
        ]
        if change.every:
            return fitting
        if change.becomes == "moved":
            sizes = Counter(archive.contents.studies for archive in archives)
            fitting = [at for at in fitting if sizes[archives[at].contents.studies] == 1]
        return self._chance.sample(fitting, min(n, len(fitting)))


def _choosy(change: tuple[After, int]) -> tuple[bool, bool]:
    """What fits few archives chooses first."""
    return not change[0].every, not change[0].among


def _changed(archive: Archive, how: Behaviour, change: After) -> Archive:
    if change.becomes == "gone":
        return replace(archive, **{**_VACANT, "drops": Drops.HOST})
    if change.by is By.REFUSED:
        return replace(archive, **_VACANT)
    said = msgspec.convert(change.behaves, Behaviour)
    behaves = msgspec.structs.replace(how, **{name: getattr(said, name) for name in change.behaves})
    held = archive.contents
    more = replace(
        held,
        nearline=_grown(held.nearline, change.grows),
        online=_grown(held.online, change.grows),
        undated=round(held.undated * change.grows),
    )
    return replace(archive, contents=more if change.grows != 1 else held, **_behaving(behaves))


def _grown(part: Part, by: float) -> Part:
    studies = round(part.studies * by)
    return Part(studies, max(studies, round(part.images * by)))


class _Countries:
    """The archives of all countries, so that the totals of each country hold exactly."""

    def __init__(self, file: WorldFile, scale: float, chance: random.Random) -> None:
        self._file, self._chance = file, chance
        self._countries = [_scaled_country(*cells) for cells in _scaled(file.country, scale)]

    def plans(self) -> Iterator[_Plan]:
        sizes = [self._sizes(country) for country in self._countries]
        behaviours = self._behaviours(sizes)
        for country, studies, names in zip(self._countries, sizes, behaviours, strict=True):
            yield from self._open(country, studies, names)
        closed = self._file.mix.closed
        rest = [c.code for c in self._countries for _ in range(c.archives - c.archives_open)]
        keeps = {country.code: country.keep for country in self._countries}
        for code, name in zip(rest, self._deck(closed, len(rest)), strict=True):
            yield _Plan(f"{name}, {code}", self._file.behaves(name, keeps[code]), code, kind=name)

    def _deck(self, weights: Mapping[str, float], count: int) -> list[str]:
        """As many names of behaviours, as the weights say, shuffled."""
        counts = apportion(list(weights.values()), count)
        deck = [name for name, n in zip(weights, counts, strict=True) for _ in range(n)]
        self._chance.shuffle(deck)
        return deck

    def _sizes(self, country: Country) -> list[int]:
        """The studies of each open archive, the largest first."""
        studies, n = country.studies or 0, country.archives_open
        weights = [self._chance.uniform(0.7, 1.3) / (rank + 1) ** self._file.mix.tail for rank in range(n)]
        return sorted(apportion(weights, studies, [min(_FEW, studies // n) if n else 0] * n), reverse=True)

    def _behaviours(self, sizes: list[list[int]]) -> list[list[str]]:
        """The behaviour of each open archive. Those that hold few studies at most take the smallest, and shrink them."""
        chosen = [[""] * len(of) for of in sizes]
        mix = self._file.mix.open
        deck = self._deck(mix, sum(map(len, sizes)))
        known = {name: self._file.behaves(name) for name in mix}
        small = [name for name in deck if known[name].most is not None]
        smallest = sorted((size, c, rank) for c, of in enumerate(sizes) for rank, size in enumerate(of) if rank)
        for name in small:
            how = known[name]
            fits = [(c, rank) for _, c, rank in smallest if not chosen[c][rank] and self._fits(how, self._countries[c])]
            if fits:
                c, rank = fits[0]
                chosen[c][rank] = name
                held = min(sizes[c][rank], how.most or 0)
                sizes[c][0] += sizes[c][rank] - held
                sizes[c][rank] = held
        left = [name for name in deck if known[name].most is None]
        spare = [name for name in mix if known[name].most is None and mix[name]]
        for c, rank in self._needy():
            wanted = self._countries[c].images_retrievable > 0
            fitting = [name for name in (*left, *spare) if delivers(known[name]) == wanted]
            if fitting and not chosen[c][rank]:
                chosen[c][rank] = fitting[0]
                if fitting[0] in left:
                    left.remove(fitting[0])
        for c, names in enumerate(chosen):
            for rank in range(len(names)):
                if not names[rank]:
                    chosen[c][rank] = left.pop() if left else self._chance.choice(spare)
        return chosen

    def _fits(self, how: Behaviour, country: Country) -> bool:
        """Whether a country has room for a small archive that behaves so: whose images are many, and not all retrievable."""
        mean = country.images / (country.studies or 1)
        hidden = country.images - country.images_retrievable
        return mean >= how.images and (delivers(how) == (country.images_retrievable > 0) or hidden > country.images / 2)

    def _needy(self) -> Iterator[tuple[int, int]]:
        """Archives that must deliver, or must not, so that a country has as many retrievable images as it should."""
        for c, country in enumerate(self._countries):
            images, retrievable = country.images, country.images_retrievable
            every = not retrievable or retrievable > 0.8 * images
            yield from ((c, rank) for rank in range(country.archives_open if every else min(1, country.archives_open)))

    def _open(self, country: Country, studies: list[int], names: list[str]) -> Iterator[_Plan]:
        names = self._with_viewers(country, names)
        hows = [self._file.behaves(name, country.keep) for name in names]
        images = self._images(country, studies, hows)
        online = _online(country.images_retrievable, images, hows)
        patients = apportion(studies, country.patients, [1] * len(studies))
        for rank, (name, how) in enumerate(zip(names, hows, strict=True)):
            yield _Plan(
                f"{name}, {country.code} {rank + 1}",
                how,
                country.code,
                studies[rank],
                images[rank],
                _part(studies[rank], images[rank], online[rank]),
                min(patients[rank], studies[rank]),
                kind=name,
            )

    def _with_viewers(self, country: Country, names: list[str]) -> list[str]:
        """The behaviours, of which as many as should be are those of archives with a viewer."""
        viewer, left = self._file.mix.viewer, country.http_viewers
        ranks = self._chance.sample(range(len(names)), len(names))
        chosen = list(names)
        for rank in sorted(ranks, key=lambda rank: names[rank] not in viewer)[:left]:
            alike = (v for v in viewer.values() if self._delivers(v) == self._delivers(names[rank]))
            chosen[rank] = viewer.get(names[rank]) or next(alike, next(iter(viewer.values())))
        return chosen

    def _delivers(self, name: str) -> bool:
        return delivers(self._file.behaves(name))

    def _images(self, country: Country, studies: list[int], hows: list[Behaviour]) -> list[int]:
        """The images of each archive: by studies, more or less, and enough of them in archives that deliver."""
        small = {rank: round(n * hows[rank].images) for rank, n in enumerate(studies) if hows[rank].most is not None}
        rest = [rank for rank in range(len(studies)) if rank not in small]
        total = country.images - sum(small.values())
        weights = [studies[rank] * self._chance.uniform(0.7, 1.4) for rank in rest]
        found = small | dict(zip(rest, apportion(weights, total, [studies[rank] for rank in rest]), strict=True))
        giving = [rank for rank in rest if delivers(hows[rank])]
        others = [rank for rank in rest if rank not in set(giving)]
        due = country.images_retrievable - sum(n for rank, n in small.items() if delivers(hows[rank]))
        have = sum(found[rank] for rank in giving)
        if have < due:
            most = have + sum(found[rank] - studies[rank] for rank in others)
            more = min(max(due, round(due * 1.05)), most)
            found |= zip(giving, apportion([found[r] for r in giving], more, [studies[r] for r in giving]), strict=True)
            left = total - more
            found |= zip(others, apportion([found[r] for r in others], left, [studies[r] for r in others]), strict=True)
        return [found[rank] for rank in range(len(studies))]


def delivers(how: Behaviour) -> bool:
    """Whether a stranger gets images from an archive that behaves so."""
    return Rung.DELIVERS in how.rungs.values()


def _online(retrievable: int, images: Sequence[int], hows: Sequence[Behaviour]) -> list[int]:
    """The images that are online in each archive. Those of archives that do not deliver are online and of no use."""
    giving = [rank for rank in range(len(images)) if delivers(hows[rank])]
    online = dict(enumerate(images))
    whole = sum(images[rank] for rank in giving)
    if giving and retrievable < whole:
        parts = apportion([images[rank] for rank in giving], retrievable, [min(1, retrievable)] * len(giving))
        online |= zip(giving, parts, strict=True)
    return [online[rank] for rank in range(len(images))]


def _part(studies: int, images: int, online: int) -> tuple[int, int]:
    """How many studies hold the images that are online. Each study has one, and is online or not as a whole."""
    if online in (0, images):
        return (studies, images) if online else (0, 0)
    share = round(studies * online / images)
    fewest, most = max(1, studies - (images - online)), min(studies - 1, online)
    return min(max(share, fewest), most), online


Cells = tuple[Country, int, int, int, int, int, int, int]


def _scaled(countries: Sequence[Country], scale: float) -> Iterator[Cells]:
    """Each country with its scaled cells. Each keeps an open archive, and what it holds keeps its proportion."""

    def parts(values: Sequence[int], least: Iterable[int] = ()) -> list[int]:
        smallest = list(least) or [0] * len(values)
        smallest = (
            [min(small, value) for small, value in zip(smallest, values, strict=True)] if scale <= 1 else smallest
        )
        return apportion(values, round(sum(values) * scale), smallest)

    opened = parts([c.archives_open for c in countries], [1] * len(countries))
    closed = parts([c.archives - c.archives_open for c in countries])
    patients = parts([c.patients for c in countries], [2 * n for n in opened])
    studies = parts([c.patients if c.studies is None else c.studies for c in countries], patients)
    images = parts([c.images for c in countries], studies)
    retrievable = parts([c.images_retrievable for c in countries])
    viewers = parts([c.http_viewers for c in countries])
    yield from zip(countries, opened, closed, patients, studies, images, retrievable, viewers, strict=True)


def _scaled_country(
    country: Country, opened: int, closed: int, patients: int, studies: int, images: int, retrievable: int, viewers: int
) -> Country:
    alike = country.studies is None or country.studies == country.patients
    patients = min(patients, studies)
    return Country(
        code=country.code,
        archives=opened + closed,
        archives_open=opened,
        patients=studies if alike else patients,
        studies=studies,
        images=max(images, studies),
        images_retrievable=min(retrievable, images),
        http_viewers=min(viewers, opened),
        keep=country.keep,
        published=country.published,
    )


# Addresses.


def _placed(
    archives: Sequence[Archive], plans: Sequence[_Plan], chance: random.Random, seed: int
) -> tuple[list[Archive], tuple[IPv4Network, ...], tuple[Place, ...]]:
    """The archives with their addresses, the networks of these, and who has these networks.

    Each country has networks of its own. An archive with many addresses has a network for itself.
    """
    wanted: list[tuple[int, str, list[int]]] = []  # addresses, country, and whose these are
    by_country: dict[str, list[int]] = {}
    for index, plan in enumerate(plans):
        if plan.addresses > 1:
            wanted.append((plan.addresses, plan.country, [index] * plan.addresses))
        else:
            by_country.setdefault(plan.country, []).append(index)
    for code, indexes in by_country.items():
        if code:
            chance.shuffle(indexes)
        for size in _networks(len(indexes)):
            part, indexes[:] = indexes[:size], indexes[size:]
            wanted.append((size, code, part))
    wanted.sort(key=lambda want: (-_bits(want[0]), want[1]))
    at, networks, places = 127 << 24 | (64 + seed % 128) << 16, [], []
    addresses: list[list[IPv4Address]] = [[] for _ in archives]
    end = at + MOST_ADDRESSES
    for number, (size, code, indexes) in enumerate(wanted):
        bits = _bits(size)
        if at + (1 << bits) > end:
            raise WorldError(_TOO_LARGE.format(64 + seed % 128))
        network = IPv4Network((at, 32 - bits))
        networks.append(network)
        for index, address in zip(indexes, network.hosts(), strict=False):
            addresses[index].append(address)
        places.append(_place(network, code, number))
        at += 1 << bits
    placed = [replace(archive, addresses=tuple(held)) for archive, held in zip(archives, addresses, strict=True)]
    return placed, tuple(networks), tuple(places) if any(place.country for place in places) else ()


def _bits(hosts: int) -> int:
    """Of the smallest network for so many hosts: a network address and a broadcast address belong to it."""
    return max(2, (hosts + 1).bit_length())


def _networks(hosts: int) -> Iterator[int]:
    """So many hosts in networks that are mostly full: how many in each."""
    while hosts > 0:
        bits = _bits(hosts)
        if bits > 4 and hosts < 0.75 * (1 << bits):
            bits -= 1
        size = min(hosts, (1 << bits) - 2)
        yield size
        hosts -= size


def _place(network: IPv4Network, code: str, number: int) -> Place:
    asn = _FIRST_AS + number % 16
    return Place(
        str(network), code, f"AS{asn}", f"REHEARSAL-{code}-{asn}", f"Rehearsal Operator {code}",
        f"abuse@{code.lower()}.example", "en", f"Site {number + 1}",
    )  # fmt: skip
