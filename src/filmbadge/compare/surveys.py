"""Compares two surveys, as their datasets tell them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from filmbadge.catalogue.digest import digest
from filmbadge.compare.asked import Asked, Heard, tally
from filmbadge.compare.closure import NETWORK, Before
from filmbadge.compare.records import COUNTED, Comparison, Judges, Known, Surveyed
from filmbadge.compare.verdicts import changes, closed_in_both
from filmbadge.keep.reader import Dataset
from filmbadge.keep.schema import FACTS
from filmbadge.model import Count, Depth, Endpoint, Grade, Identity, Kind, Protocol, Provenance, Reason, Rung
from filmbadge.version import RELEASE

_Row = dict[str, Any]
_PARTS = ("", "_how", "_at_least", "_low", "_high")  # of a count: what a comparison needs
_COLUMNS = (
    "id", "endpoints", "rung", "product", "product_version", "grade", "decoy", "configuration", "spki_sha256", "names",
    "country", "operator", *(f"{quality}{part}" for quality in COUNTED for part in _PARTS),
)  # fmt: skip


def compare(old: Dataset, new: Dataset) -> Comparison:
    """What changed from the older survey to the newer one. Raises NotASurvey where a part cannot be read."""
    hosts = [_hosts(dataset) for dataset in (old, new)]
    before, after = _sides((old, new), hosts, ())
    both = len(hosts[0].keys() & hosts[1].keys())
    return Comparison(
        old=_surveyed(old, before),
        new=_surveyed(new, after),
        depth=min(before.depth, after.depth, key=lambda depth: depth.height),
        judges=Judges.SAME if _judge(old) == _judge(new) else Judges.DIFFER,
        hosts_in_both=both,
        hosts_only_old=len(hosts[0]) - both,
        hosts_only_new=len(hosts[1]) - both,
        changes=changes(before, after),
        closed_in_both=closed_in_both(before, after),
    )


def sides(*datasets: Dataset, also: Iterable[str] = ()) -> list[Asked]:
    """What each survey asked and heard, at every address at which one of them knows an archive, and at those of `also`."""
    return _sides(datasets, [_hosts(dataset) for dataset in datasets], also)


def _sides(datasets: Sequence[Dataset], hosts: Sequence[Mapping[str, bool]], also: Iterable[str]) -> list[Asked]:
    rows = [_archive_rows(dataset) for dataset in datasets]
    where = sorted({endpoint.address for side in rows for row in side for endpoint in row["endpoints"]} | {*also})
    return [
        _asked(dataset, found, where, answered) for dataset, found, answered in zip(datasets, rows, hosts, strict=True)
    ]


def of_host(dataset: Dataset, host: str) -> Before:
    """What a survey knows of one host, by its address or by the name that it was asked by, at all addresses of its archives."""
    found = dataset.rows(
        "SELECT DISTINCT address, host, name FROM observations WHERE port IS NOT NULL AND (address = ? OR host = ? OR name = ?)",
        host,
        host,
        host,
    )
    here = {str(row["address"]) for row in found}
    rows = [row for row in _archive_rows(dataset) if any(endpoint.address in here for endpoint in row["endpoints"])]
    where = here | {endpoint.address for row in rows for endpoint in row["endpoints"]}
    heard, depths = _heard(dataset, sorted(where))
    kinds = _kinds(dataset)
    return Before(
        target=host,
        depth=max(depths.values(), key=lambda depth: depth.height, default=Depth(dataset.manifest.scope.depth)),
        heard=heard,
        archives=tuple(_known(row, heard, depths, kinds.get(row["id"]), ()) for row in rows),
        seen_from=NETWORK,
        titles=dataset.manifest.scope.called_titles,
        hosts=(host,) if here else (),
    )


def _judge(dataset: Dataset) -> tuple[str, int, str]:
    """What verdicts hang on; where addresses stand changes none. What is in no folder was judged by this version."""
    said = dataset.said
    return (RELEASE, FACTS, digest()) if said is None else (said.judge.version, said.judge.facts, said.judge.catalogue)


def _surveyed(dataset: Dataset, asked: Asked) -> Surveyed:
    told = dataset.manifest
    real = [known for known in asked.archives if not known.decoy]
    return Surveyed(
        name=told.scope.name,
        started=told.started,
        ended=told.ended,
        state=told.state,
        depth=asked.depth,
        hosts=told.hosts,
        hosts_done=told.hosts_done,
        archives=len(real),
        archives_open=sum(known.open for known in real),
    )


def _asked(dataset: Dataset, rows: Iterable[_Row], where: list[str], hosts: Mapping[str, bool]) -> Asked:
    heard, depths = _heard(dataset, where)
    kinds, perhaps = _kinds(dataset), _perhaps(dataset)
    told = dataset.manifest
    return Asked(
        archives=tuple(_known(row, heard, depths, kinds.get(row["id"]), perhaps.get(row["id"], ())) for row in rows),
        heard=heard,
        answered=tally(address for address, answered in hosts.items() if answered),
        exclude=told.scope.exclude,
        opted_out=told.scope.opted_out,
        depth=Depth(told.scope.depth),
        state=told.state,
    )


def _archive_rows(dataset: Dataset) -> list[_Row]:
    found = dataset.rows(f"SELECT {', '.join(_COLUMNS)} FROM archives ORDER BY id")
    return [{**row, "endpoints": [_endpoint(url) for url in row["endpoints"]]} for row in found]


def _endpoint(url: str) -> Endpoint:
    """As `Endpoint.url` writes it."""
    protocol, _, place = url.partition("://")
    address, _, port = place.rpartition(":")
    return Endpoint(address.strip("[]"), int(port), Protocol(protocol))


def _heard(dataset: Dataset, where: list[str]) -> tuple[dict[Endpoint, Heard], dict[Endpoint, Depth]]:
    heard: dict[Endpoint, Heard] = {}
    depths: dict[Endpoint, Depth] = {}
    for row in dataset.rows(
        "SELECT address, port, protocol, rung, why, codes, conclusive, depth FROM endpoints"
        " WHERE port IS NOT NULL AND address IN (SELECT unnest(?::VARCHAR[])) ORDER BY address, port, protocol",
        where,
    ):
        endpoint = Endpoint(row["address"], row["port"], Protocol(row["protocol"]))
        rung = None if row["rung"] is None else Rung(row["rung"])
        heard[endpoint] = Heard(rung, Reason(row["why"]), bool(row["conclusive"]), tuple(row["codes"] or ()))
        depths[endpoint] = Depth(row["depth"])
    return heard, depths


def _kinds(dataset: Dataset) -> dict[str, dict[Kind, bool]]:
    """Of each archive that was looked at: the kinds of which it is known whether any study carries them."""
    found: dict[str, dict[Kind, bool]] = {}
    for row in dataset.rows("SELECT archive, kind, records, at_least FROM kinds"):
        of = found.setdefault(str(row["archive"]), {})
        if row["records"] is not None or row["at_least"]:
            of[Kind(row["kind"])] = bool(row["records"] or row["at_least"])
    return found


def _perhaps(dataset: Dataset) -> dict[str, tuple[str, ...]]:
    """Of each archive: those at its host of which nothing shows that they are others."""
    found: dict[str, tuple[str, ...]] = {}
    for row in dataset.rows("SELECT one, other FROM perhaps_one ORDER BY one, other"):
        found[row["one"]] = (*found.get(row["one"], ()), row["other"])
    return found


def _known(
    row: _Row,
    heard: Mapping[Endpoint, Heard],
    depths: Mapping[Endpoint, Depth],
    kinds: dict[Kind, bool] | None,
    perhaps_same: tuple[str, ...],
) -> Known:
    endpoints = tuple(sorted(row["endpoints"]))
    ways = tuple(one for one in endpoints if one in heard and (rung := heard[one].rung) is not None and rung.open)
    return Known(
        id=row["id"],
        identity=Identity(endpoints, tuple(row["spki_sha256"] or ()), row["product"] or "", tuple(row["names"] or ())),
        rung=Rung(row["rung"]),
        ways=ways,
        grade=None if row["grade"] is None else Grade(row["grade"]),
        product=row["product"] or "",
        version=row["product_version"] or "",
        counts={quality: _count(row, quality) for quality in COUNTED},
        kinds=kinds,
        configuration=row["configuration"] or "",
        perhaps_same=perhaps_same,
        depth=max((depths[one] for one in endpoints if one in depths), key=lambda d: d.height, default=Depth.KNOCK),
        decoy=bool(row["decoy"]),
        country=row["country"] or "",
        operator=row["operator"] or "",
    )


def _count(row: _Row, quality: str) -> Count:
    """Without its doubts: they say nothing of a change."""
    value, how, at_least, low, high = (row[f"{quality}{part}"] for part in _PARTS)
    return Count(value, Provenance(how or Provenance.UNKNOWN), at_least=at_least, low=low, high=high)


def _hosts(dataset: Dataset) -> dict[str, bool]:
    """Each address that was asked, and whether anything of it answered, be it a refusal."""
    found = dataset.rows(
        "SELECT address, bool_or(coalesce(rung <> 'silent', false) OR ending = 'refused') answered"
        " FROM endpoints GROUP BY address"
    )
    return {str(row["address"]): bool(row["answered"]) for row in found}
