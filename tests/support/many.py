"""A survey of many archives in several countries, without asking anybody."""

from __future__ import annotations

from pathlib import Path

import msgspec

from filmbadge.judge.archives import judge
from filmbadge.keep import manifest
from filmbadge.keep.reader import Dataset
from filmbadge.keep.writer import Writer
from filmbadge.model import Find
from filmbadge.places import Places, load
from filmbadge.tell import summary
from filmbadge.tell.summary import ReportDocument
from filmbadge.tell.words import Words
from support.factories import admitted, connection, dimse, reported, survey, web

# By country: open archives, closed ones. XX: no source attributes them.
COUNTRIES = {"DE": (14, 6), "US": (9, 2), "NL": (3, 1), "FR": (6, 0), "XX": (2, 3)}


def places(folder: Path, countries: dict[str, tuple[int, int]]) -> Places:
    """A table of whose each address is: every one has its operator, its network and whom to tell."""
    rows, n = [], 0
    for country, numbers in countries.items():
        for _ in range(sum(numbers)):
            n += 1
            if country != "XX":
                rows.append(
                    f"192.0.2.{n},{country},AS{64500 + n},Carrier {n},Clinic {n},it{n}@example.org,de,House {n}"
                )
    path = folder / "places.csv"
    head = "# date: 2026-11-20\nnetwork,country,asn,as_name,operator,contact,language,site"
    path.write_text("\n".join((head, *rows, "")))
    return load((path,))


def kept(folder: Path, countries: dict[str, tuple[int, int]] = COUNTRIES) -> Dataset:
    """The survey in `folder/survey`. The nth archive stands at 192.0.2.n; open ones hold more and more studies."""
    where, there, n = places(folder, countries), folder / "survey", 0
    there.mkdir()
    told = survey(there)
    writer = Writer(there)
    for opened, closed in countries.values():
        for one in range(opened + closed):
            n += 1
            studies = 100 * n + n * n
            seen = web(reported(patients=studies - n, studies=studies, series=2 * studies, images=9 * studies))
            shown = seen if one < opened else dimse(admitted((Find(None, 0, 0x0124),)))
            moved = msgspec.structs.replace(
                shown, endpoint=msgspec.structs.replace(shown.endpoint, address=f"192.0.2.{n}")
            )
            writer.journal(connection(f"192.0.2.{n}", moved.endpoint.port))
            writer.host(judge(f"192.0.2.{n}", [moved], places=where), f"192.0.2.{n}")
    writer.close()
    manifest.write(there, msgspec.structs.replace(told, hosts=n, hosts_done=n))
    return Dataset(there)


def document(folder: Path, countries: dict[str, tuple[int, int]] = COUNTRIES) -> ReportDocument:
    return summary.document(kept(folder, countries), Words())
