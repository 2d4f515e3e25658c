"""Reports of surveys that nobody had to make: with no archive, with one, and with all that a page can show."""

from __future__ import annotations

from pathlib import Path

import msgspec

from filmbadge.keep.manifest import CountryRow
from filmbadge.keep.reader import Dataset
from filmbadge.model import Doubt, DoubtCode, Kind, Provenance, Total
from filmbadge.tell.summary import KindLine, ReportDocument, document
from filmbadge.tell.words import Words
from support import factories, folders

ENGLISH = Words()


def empty(folder: Path) -> ReportDocument:
    return document(Dataset(folders.whole(folder)), ENGLISH)


def one(folder: Path) -> ReportDocument:
    """One open archive, that no source attributes to a country."""
    held = factories.reported(patients=20, studies=35, series=70, images=700)
    return document(Dataset(folders.whole(folder, factories.host("192.0.2.1", factories.web(held)))), ENGLISH)


def many(folder: Path, times: int = 1) -> ReportDocument:
    """Open and guarded archives in several countries, with bounds, unknowns, kinds of personal data and undecided hosts."""
    hosts = [
        factories.host("192.0.2.1", factories.web(factories.REPORTED), factories.dimse(factories.admitted(factories.DISCLOSED))),
        factories.host("192.0.2.2", factories.dimse(factories.admitted(factories.DISCLOSED))),
        factories.host("192.0.2.3", factories.dimse(factories.admitted(factories.EMPTY))),
        factories.host("192.0.2.4", factories.web(factories.REPORTED)),
    ]  # fmt: skip
    made = document(Dataset(folders.whole(folder, *hosts)), ENGLISH)
    return msgspec.structs.replace(
        made,
        archives=made.archives * times,
        by_country=tuple(_country(made.by_country[0], code, n) for code, n in _COUNTRIES.items()),
        kinds=tuple(
            KindLine(kind, Total(f"kind:{kind}", 35, Provenance.COUNTED), {"personal": 2, "synthetic": 1})
            for kind in (Kind.PATIENT_NAME, Kind.PATIENT_ID, Kind.BIRTH_DATE)
        ),
        undecided=("192.0.2.9", "192.0.2.10"),
        rows=tuple(_bounded(row) if row.quantity == "images" else row for row in made.rows),
    )


_COUNTRIES = {"US": 187, "IN": 89, "BR": 34, "TR": 31, "DE": 12, "SG": 3, "MT": 1, "EU": 2, None: 4}


def _bounded(row: Total) -> Total:
    return msgspec.structs.replace(
        row, measured=None, how=Provenance.UNKNOWN, at_least=700, doubts=(Doubt(DoubtCode.NOT_ENDED),)
    )


def _country(like: CountryRow, code: str | None, n: int) -> CountryRow:
    counted = {
        quantity: Total(quantity, n * (1 if quantity.startswith("archives") else 1201), Provenance.COUNTED)
        for quantity in CountryRow.quantities()
    }
    images = _bounded(counted["images"])
    return msgspec.structs.replace(like, country=code, hosts_undecided=code == "DE", **(counted | {"images": images}))
