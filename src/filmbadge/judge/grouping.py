"""Which endpoints of one host are one archive.

They are joined on proof alone: both were enumerated whole and hold the same studies; or one names the other, and none of
their numbers contradicts it. Two are joined in doubt where one names the other and their numbers differ, where all
studies of one are among those of the other, or where all their numbers are equal: told apart, the same studies would count twice, and taken for one, their
numbers would be wrong. So such an archive is told with lower bounds alone. All others stay apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations, product

from filmbadge.judge.amounts import Told, counts
from filmbadge.judge.ladder import IMAGING
from filmbadge.judge.same_archive import differ, nested, same, same_counters
from filmbadge.judge.ways import ways_of
from filmbadge.model import DimseFacts, Endpoint, JudgedEndpoint, Link, LinkBy, Observation, Protocol


@dataclass(eq=False, slots=True)
class Group:
    """Endpoints that are told as one archive."""

    members: list[JudgedEndpoint]
    by: list[LinkBy] = field(default_factory=list)
    more: int = 0  # joins in it that are no proof
    perhaps: list[Group] = field(default_factory=list)  # others here: nothing shows that they are not this one

    @property
    def seen(self) -> list[Observation]:
        return [j.observation for j in self.members]

    @property
    def endpoints(self) -> list[Endpoint]:
        return [j.observation.endpoint for j in self.members]

    @property
    def address(self) -> str:
        return self.endpoints[0].address

    @property
    def dicom_ports(self) -> set[int]:
        """The ports on which it says that it speaks DICOM."""
        return {port for way, facts in ways_of(*self.seen) if (port := way.dicom_port(facts)) is not None}

    @property
    def names(self) -> set[str]:
        """The titles that its web services say are its own."""
        return {
            name for seen in self.seen if not _dimse(seen) for way, facts in ways_of(seen) for name in way.names(facts)
        }


def group(judged: Iterable[JudgedEndpoint], own: Sequence[str], name: str, links: Iterable[Link]) -> list[Group]:
    """The archives behind a host's endpoints: DICOM before the web, and its own before those that it led to.

    `own` are the addresses of the host, and `name` is the name that the user gave it.
    """
    imaging = [j for j in judged if j.verdict.rung in IMAGING]
    if len(imaging) < 2:
        return [Group([j]) for j in imaging]
    places = {address: place for place, address in enumerate(own)}
    imaging.sort(key=lambda j: (places.get(j.observation.endpoint.address, len(own)), j.observation.endpoint))
    imaging.sort(key=lambda j: (not _dimse(j.observation), not _dimse(j.observation) and not _is_archive(j)))
    grouping = _Grouping(imaging, own, name, links)
    grouping.by_studies()
    grouping.by_counters()
    grouping.by_pages()
    grouping.by_name()
    grouping.in_doubt()
    for one, other in combinations(grouping.groups, 2):
        if grouping.at_one_host(one, other) and not grouping.parted(one, other):
            one.perhaps.append(other)
            other.perhaps.append(one)
    return grouping.groups


class _Grouping:
    """Each step joins some of the groups that the steps before it left."""

    def __init__(self, ordered: Sequence[JudgedEndpoint], own: Sequence[str], name: str, links: Iterable[Link]) -> None:
        self.groups = [Group([j]) for j in ordered]
        self._order = {j.observation.endpoint: place for place, j in enumerate(ordered)}
        self._own = frozenset(own)
        self._names = frozenset({"", *own, name.lower()})
        self._links: dict[frozenset[Endpoint], list[Link]] = {}
        for link in links:
            self._links.setdefault(frozenset((link.one, link.other)), []).append(link)

    def at_one_host(self, one: Group, other: Group) -> bool:
        """Whether both stand at one address, or at two of the host's name."""
        return one.address == other.address or {one.address, other.address} <= self._own

    def parted(self, one: Group, other: Group) -> bool:
        """Whether it is shown that they are two: by their studies, or because they name two DICOM ports."""
        ports = one.dicom_ports, other.dicom_ports
        return any(map(differ, self._between(one, other))) or (all(ports) and not ports[0] & ports[1])

    def by_studies(self) -> None:
        self._join_each(lambda one, other: next((k.by for k in self._between(one, other) if same(k, here=True)), None))

    def by_counters(self) -> None:
        """Two doors to one service, such as a proxy before it: both say the same of themselves, and count the same."""
        self._join_each(lambda one, other: LinkBy.COUNTERS if _one_service(one, other) else None)

    def by_pages(self) -> None:
        """Pages join the archive from which they take their data, and the one that calls itself as they do."""
        self._join_each(
            lambda one, other: LinkBy.OWN_WORD if self._leads(one, other) or self._leads(other, one) else None
        )

    def by_name(self) -> None:
        """A service joins the DICOM that it names by its port or title.

        Two that name one port are likely in containers, each naming its internal port: then equal numbers must show
        which of them is meant.
        """
        for dicom in [g for g in self.groups if any(map(_dimse, g.seen))]:
            naming = [g for g in self.groups if g is not dicom and _names(g, dicom) and not self.parted(g, dicom)]
            if len(naming) > 1:
                naming = [g for g in naming if _equal_numbers(g, dicom)]
            for one in naming:
                self._join(dicom, one, LinkBy.OWN_WORD)

    def in_doubt(self) -> None:
        """Told apart, these would be counted twice if they are one."""
        self._join_each(self._alike, proven=False)

    def _alike(self, one: Group, other: Group) -> LinkBy | None:
        if any(map(nested, self._between(one, other))):
            return LinkBy.OVERLAP
        here = self.at_one_host(one, other)
        return LinkBy.COUNTERS if here and same_counters(counts(one.members), counts(other.members)) else None

    def _join_each(self, shown: Callable[[Group, Group], LinkBy | None], *, proven: bool = True) -> None:
        for one, other in combinations(list(self.groups), 2):
            still = one in self.groups and other in self.groups and not self.parted(one, other)
            if still and (by := shown(one, other)) is not None:
                self._join(one, other, by, proven=proven)

    def _join(self, one: Group, other: Group, by: LinkBy, *, proven: bool = True) -> None:
        """Into the first. What the two say of themselves is no proof where their numbers contradict each other."""
        if by is LinkBy.OWN_WORD and Told.by(*one.seen, *other.seen).contradiction is not None:
            proven = False
        one.members = sorted((*one.members, *other.members), key=lambda j: self._order[j.observation.endpoint])
        one.by += [*other.by, by]
        one.more += other.more + (not proven)
        self.groups.remove(other)
        self.groups.sort(key=lambda g: self._order[g.endpoints[0]])

    def _between(self, one: Group, other: Group) -> Iterator[Link]:
        for pair in product(one.endpoints, other.endpoints) if self._links else ():
            yield from self._links.get(frozenset(pair), ())

    def _leads(self, pages: Group, other: Group) -> bool:
        roots = [root for way, facts in ways_of(*pages.seen) for root in way.leads_to(facts)]
        places = {("" if root.host in self._names else root.host, root.port) for root in roots}
        there = [e for e in other.endpoints if e.protocol is not Protocol.DIMSE]
        if any(("" if e.address in self._names else e.address, e.port) in places for e in there):
            return True
        return not roots and self._called_alike(pages, other)

    def _called_alike(self, pages: Group, dicom: Group) -> bool:
        """Whether the association names the product that the web service says it is, and here no others do."""
        name = _says_it_is(pages)
        if not name or pages.address != dicom.address:
            return False
        called = [g for g in self.groups if any(_dimse(j.observation) and name in _product(j) for j in g.members)]
        return called == [dicom] and [g for g in self.groups if _says_it_is(g) == name] == [pages]


def _dimse(seen: Observation) -> bool:
    return seen.endpoint.protocol is Protocol.DIMSE


def _is_archive(judged: JudgedEndpoint) -> bool:
    return any(way.archive for way, _ in ways_of(judged.observation))


def _says_it_is(group: Group) -> str:
    """The product that a web service says it is, where it counts no studies: what counts is compared by its numbers."""
    one, *others = group.members
    told = Told.by(one.observation)
    return "" if others or _dimse(one.observation) or told.counters or told.censuses else one.product.product


def _product(judged: JudgedEndpoint) -> tuple[str, str]:
    return judged.product.product, judged.product.toolkit


def _names(web: Group, dicom: Group) -> bool:
    """Whether a web service names this DICOM: its port, or, where it names no port, a title that lets us in."""
    if web.address != dicom.address:
        return False
    if ports := web.dicom_ports:
        return any(_dimse(seen) and seen.endpoint.port in ports for seen in dicom.seen)
    facts = [found for seen in dicom.seen if (found := seen.get(DimseFacts)) is not None]
    return any(found.accepted and found.called_from_scope and found.called in web.names for found in facts)


def _one_service(one: Group, other: Group) -> bool:
    said = one.dicom_ports, one.names
    return (
        all(said)
        and said == (other.dicom_ports, other.names)
        and same_counters(counts(one.members), counts(other.members))
    )


def _equal_numbers(one: Group, other: Group) -> bool:
    """Whether both tell how many studies they hold, and the same number."""
    told = counts(one.members).studies.value, counts(other.members).studies.value
    return bool(told[0]) and told[0] == told[1] and Told.by(*one.seen, *other.seen).contradiction is None
