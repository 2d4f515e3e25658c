"""The tables of a survey and what each column means. `docs/dataset.md` is generated from here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from filmbadge.model import (
    Archive,
    Doubt,
    Endpoint,
    Finding,
    Host,
    JournalRow,
    JudgedEndpoint,
    KindFound,
    Link,
    LinkBy,
    Outcome,
    PageFacts,
    Protocol,
    Reason,
    Review,
)

VERSION = 4  # of the folder and its tables
FACTS = 2  # of an observation's JSON; `upgrade.py` reads the older ones

_text = pa.string()
_long = pa.int64()
_numbers = pa.map_(_text, _long)
_time = pa.timestamp("us")  # UTC, without saying so in the type: SQL engines then need no time zone data


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    type: pa.DataType
    doc: str


@dataclass(frozen=True, slots=True)
class Table:
    name: str
    doc: str
    columns: tuple[Column, ...]
    judged: bool = False  # one for each time that the survey was judged, in `judged/N/`

    def folder(self, directory: Path, judged: int) -> Path:
        return directory / "judged" / str(judged) / self.name if self.judged else directory / self.name

    @property
    def arrow(self) -> pa.Schema:
        fields = [pa.field(c.name, c.type) for c in self.columns]
        return pa.schema(fields, metadata={"filmbadge.schema": str(VERSION), "filmbadge.table": self.name})


OBSERVATIONS = Table(
    "observations",
    "One row per endpoint that was asked: an address, a port and a protocol. Facts only: no verdict. "
    "A host's rows are written together, in the order in which it was asked, and after all else that is kept of it: "
    "a target that stands here is done.",
    (
        Column("address", _text, "IPv4 or IPv6 address, as text"),
        Column("port", pa.int32(), "TCP port; null where a fault of ours kept us from finding out more of the host"),
        Column("protocol", _text, "`dimse` or `http`; null with the port"),
        Column("target", _text, "the target as it was named: the address, or a host name, with ports if given"),
        Column("host", _text, "the address of the target; another than `address` where a viewer's page led elsewhere"),
        Column("name", _text, "the host name that the target was named by; empty if none"),
        Column("asked_at", _time, "when it was first asked, UTC"),
        Column("depth", _text, "how far the scope let us climb"),
        Column("facts_version", pa.int16(), "version of `observation` and `fault`"),
        Column("observation", _text, "all facts observed, as JSON, so that they can be judged again; null with the port"),
        Column("fault", _text, "what kept us from finding out more of the host, as JSON; null on the row of an endpoint"),
    ),
)  # fmt: skip

LINKS = Table(
    "links",
    "One row per pair of endpoints that were compared, and by what: whether they are one archive is judged from it. "
    "No hash is kept.",
    (
        Column("one", _text, "an endpoint, as `protocol://address:port`"),
        Column("other", _text, "another"),
        Column("shown_by", _text, "`study-uids`: samples of the hashes of their study UIDs were compared; `judged-one`, `judged-apart`: by a version that kept no measure"),
        Column("shared", _long, "of the sampled hashes, those that both hold"),
        Column("sampled", _long, "hashes that either holds"),
        Column("of_one", _long, "of the sampled hashes, those that the first holds; null in what older versions kept"),
        Column("whole", pa.bool_(), "the studies of both were enumerated whole; null, in what older versions kept, means true"),
        Column("target", _text, "the target at which both were found; null where hosts were compared with each other"),
    ),
)  # fmt: skip

ENDPOINTS = Table(
    "endpoints",
    "One row per endpoint that was asked, and what was judged of it.",
    (
        Column("address", _text, "IPv4 or IPv6 address, as text"),
        Column("port", pa.int32(), "TCP port; null where a fault of ours kept us from finding out more of the host"),
        Column("protocol", _text, "`dimse` or `http`; null with the port"),
        Column("target", _text, "the target as it was named: the address, or a host name, with ports if given"),
        Column("asked_at", _time, "when it was first asked, UTC"),
        Column("depth", _text, "how far the scope let us climb"),
        Column("rung", _text, "how open it is; null where we could not find out"),
        Column("open", pa.bool_(), "rung is `discloses` or higher; null where we could not find out"),
        Column("conclusive", pa.bool_(), "asking again would end on the same rung; false: not open as far as we saw, and we did not see enough; null where we could not find out, and in what older versions judged"),
        Column("why", _text, "why it stands on this rung and not on the next"),
        Column("codes", pa.list_(pa.int32()), "codes that belong to `why`: result, source and reason of a rejection; source and reason of an abort; a DIMSE or HTTP status"),
        Column("said", _text, "what the archive says of itself that belongs to `why`, such as a realm"),
        Column("stop", _text, "how the connection ended, where that is why, as JSON: its code, cause and numbers; null otherwise"),
        Column("ending", _text, "how the last connection ended"),
        Column("tls", _text, "the TLS version that it was seen in; empty if TLS failed; null if it was seen in plain"),
        Column("tls_client_certificate", _text, "whether a client certificate is demanded: `yes`, `no` or `unknown`; null if it was seen in plain"),
        Column("tls_expires", _time, "when its certificate ends, UTC; more than a few people among others are `personal`; null if none was seen, or if they cannot be read"),
        Column("transport", pa.list_(_text), "what the connection showed of its transport, against DICOM PS3.15 B.12; `plain` without TLS"),
        Column("viewer", _text, "the product whose web page a stranger is shown without a login; empty if none"),
        Column("product", _text, "the product of its archive; empty if unknown"),
        Column("toolkit", _text, "the DICOM toolkit that the association names; empty if unknown"),
        Column("archive", _text, "the archive that this endpoint belongs to; null for what is no imaging service"),
    ),
    judged=True,
)  # fmt: skip

COUNTED = {
    "patients": "number of patients",
    "studies": "number of studies",
    "series": "number of series",
    "images": "number of images",
    "ssn_records": "studies that expose a US social security number",
}
_COUNTS = tuple(
    column
    for quantity, meaning in COUNTED.items()
    for column in (
        Column(quantity, _long, f"{meaning}; null if unknown"),
        Column(f"{quantity}_how", _text, "`reported` by the archive itself, in a counter or in the count keys of its records, `counted` here, `estimated` or `unknown`"),
        Column(f"{quantity}_at_least", _long, "a lower bound where the number is unknown"),
        Column(f"{quantity}_coverage", pa.float64(), "share of the studies for which the number is known"),
        Column(f"{quantity}_doubts", _text, "why it is unknown or estimated: codes with their numbers, as JSON; null if nothing is in doubt"),
        Column(f"{quantity}_low", _long, "of an estimate: 95 times in a hundred the truth is not below"),
        Column(f"{quantity}_high", _long, "and not above"),
    )
)  # fmt: skip

_identifiers = pa.list_(
    pa.struct(
        {
            "scheme": _text,
            "kind": _text,
            "records": _long,
            "how": _text,
            "share": pa.float64(),
            "confidence": pa.float64(),
            "low": _long,
            "high": _long,
        }
    )
)
ARCHIVES = Table(
    "archives",
    "One row per archive: the endpoints that lead to it, and its counts, once.",
    (
        Column("id", _text, "the archive, named by its first endpoint in the order of ports, DICOM before the web"),
        Column("address", _text, "the address it was found at"),
        Column("endpoints", pa.list_(_text), "its endpoints, as `protocol://address:port`"),
        Column("rung", _text, "the highest rung of its endpoints"),
        Column("open", pa.bool_(), "rung is `discloses` or higher"),
        Column("product", _text, "the product, by its marks; empty if unknown"),
        Column("product_version", _text, "its version, from a field that carries the product's version; empty if unknown"),
        Column("product_firm", pa.bool_(), "two marks of different kinds agree on the product"),
        Column("toolkit", _text, "the DICOM toolkit"),
        Column("advisories", pa.list_(_text), "published vulnerabilities of this version of the product"),
        Column("grade", _text, "`A` to `F`, by the rubric in the method; null where we could not find out enough"),
        Column("grade_why", pa.list_(_text), "why the grade is not better"),
        Column("decoy", pa.list_(_text), "why it is likely no clinic's archive; empty otherwise"),
        Column("configuration", _text, "a digest, equal for archives that were made as copies; empty if too little is known"),
        Column("spki_sha256", pa.list_(_text), "SHA-256 of the public keys of its certificates: it is recognised by them elsewhere"),
        Column("names", pa.list_(_text), "AE titles that it says are its own, and the names of its certificates"),
        Column("joined_by", pa.list_(_text), "what shows that its ways in are one archive: `own-word`, `study-uids`, `counters` or `judged-one`; or suggests it: `overlap`"),
        Column("perhaps_same", pa.list_(_text), "archives at the same address that may be this one: nothing shows that they are one, or that they are two"),
        Column("perhaps_more", _long, "how many more archives its ways in may lead to, where what joins them is no proof"),
        *_COUNTS,
        Column("identifiers", _identifiers, "schemes of national identifiers that it exposes: the scheme, where it stands, studies, their share, the confidence from 0 to 1, and of an estimate the ends of its 95 % interval"),
    ),
    judged=True,
)  # fmt: skip

REVIEWS = Table(
    "reviews",
    "What only the whole survey shows of an archive. Each part is about all archives, so the last one holds. "
    "The view `archives` of `filmbadge report` has it applied: archives that are one are one row, with all endpoints.",
    (
        Column("archive", _text, "the archive"),
        Column("reviewed_at", _time, "when, UTC"),
        Column("same_as", _text, "the archive that it is another way into; null if it is none"),
        Column("shown_by", pa.list_(_text), "what shows that: `study-uids` or `same-endpoint`"),
        Column("decoy", pa.list_(_text), "why it is likely no clinic's archive, seen among all archives"),
    ),
    judged=True,
)

KINDS = Table(
    "kinds",
    "One row per archive and kind of personal data. Filled from depth `profile` on.",
    (
        Column("archive", _text, "the archive"),
        Column("kind", _text, "the kind of personal data, such as `patient_name`"),
        Column("records", _long, "studies that carry it; null if unknown"),
        Column("how", _text, "`counted` here, `estimated` from some of the studies, or `unknown`"),
        Column("share", pa.float64(), "of the archive's studies"),
        Column("looks", _text, "what its values are made like: `personal`, `pseudonymised` or `synthetic`; more than a few people among others are `personal`; null if none was seen, or if they cannot be read"),
        Column("malformed", _long, "of the studies that were asked, those with a value that breaks the rules of its VR or character set"),
        Column("asked", _long, "studies that were asked for it"),
        Column("at_least", _long, "a lower bound where the number is unknown or estimated"),
        Column("doubts", _text, "why it is unknown or estimated: codes with their numbers, as JSON; null if nothing is in doubt"),
        Column("low", _long, "of an estimate from studies drawn by lot: the lower end of its 95 % interval"),
        Column("high", _long, "the upper end"),
        Column("personal", pa.float64(), "share of the inspected values that look like somebody's; null if not known"),
        Column("pseudonymised", pa.float64(), "share of those that look pseudonymised"),
        Column("synthetic", pa.float64(), "share of those that look synthetic"),
    ),
    judged=True,
)  # fmt: skip

FINDINGS = Table(
    "findings",
    "One row for each thing that is wrong with an archive.",
    (
        Column("id", _text, "the same in every survey that finds it: a digest of the archive, the code, the endpoint and what it is about"),
        Column("archive", _text, "the archive"),
        Column("code", _text, "what is wrong, such as `plain-transport`"),
        Column("endpoint", _text, "where, as `protocol://address:port`; null for the archive as a whole"),
        Column("grade", _text, "the best grade that the rubric leaves to an archive with it; null if it takes none down"),
        Column("numbers", _numbers, "what the archive holds, or how far it is from what it should be, by name"),
        Column("about", _text, "the id of an advisory, or of a scheme of national identifiers; empty otherwise"),
    ),
    judged=True,
)  # fmt: skip

JOURNAL = Table(
    "journal",
    "One row per connection, and per look-up of a name, the failed ones included: what was done, and so also what was not.",
    (
        Column("started_at", _time, "when the connection or the look-up was started, UTC"),
        Column("address", _text, "address that was contacted; of a look-up, the first that was found, or empty"),
        Column("port", pa.int32(), "TCP port; null for a look-up"),
        Column("question", _text, "what it was opened for; `look-up NAME` for a look-up"),
        Column("sent", _long, "bytes sent; over TLS, those inside it; null for a look-up"),
        Column("received", _long, "bytes received; over TLS, those inside it; null for a look-up"),
        Column("seconds", pa.float64(), "from the connect to the close; of a look-up, from its question to its end"),
        Column("ending", _text, "how it ended"),
        Column("cause", _text, "the code of its cause; null where none is known"),
        Column("numbers", _numbers, "the numbers that belong to the cause"),
        Column(
            "error", _text, "the name of the type of our own error, or OpenSSL's name of a failure; empty otherwise"
        ),
    ),
)

# In the order in which a flush writes them: what is kept of a host counts once its observations are there.
TABLES = (JOURNAL, LINKS, REVIEWS, FINDINGS, KINDS, ARCHIVES, ENDPOINTS, OBSERVATIONS)
OF_HOSTS = (
    FINDINGS,
    KINDS,
    ARCHIVES,
    ENDPOINTS,
)  # judged host by host: a part counts beside the observations of its number

Row = dict[str, Any]


def observation_rows(host: Host, target: str, at: datetime) -> list[Row]:
    common = {"target": target, "host": host.address, "name": host.name, "facts_version": FACTS}
    rows = [
        {
            **common,
            "address": seen.endpoint.address,
            "port": seen.endpoint.port,
            "protocol": str(seen.endpoint.protocol),
            "asked_at": _utc(seen.at),
            "depth": str(seen.depth),
            "observation": msgspec.json.encode(seen).decode(),
        }
        for seen in (judged.observation for judged in host.judged)
    ]
    if host.fault is not None:
        fault = msgspec.json.encode(host.fault).decode()
        rows.append({**common, "address": host.address, "asked_at": _utc(at), "fault": fault})
    return rows


def link_row(link: Link, target: str | None = None) -> Row:
    return {
        "one": link.one.url,
        "other": link.other.url,
        "shown_by": str(link.by),
        "shared": link.shared,
        "sampled": link.sampled,
        "of_one": link.of_one,
        "whole": link.whole,
        "target": target,
    }


def link(row: Row) -> Link:
    return Link(
        endpoint(row["one"]),
        endpoint(row["other"]),
        LinkBy(row["shown_by"]),
        row["shared"],
        row["sampled"],
        row.get("of_one"),
        row.get("whole") is not False,
    )


def endpoint(url: str) -> Endpoint:
    """The endpoint that is written so."""
    protocol, _, place = url.partition("://")
    address, _, port = place.rpartition(":")
    return Endpoint(address.strip("[]"), int(port), Protocol(protocol))


def endpoint_rows(host: Host, target: str, at: datetime) -> list[Row]:
    archive_of = {endpoint: archive.id for archive in host.archives for endpoint in archive.endpoints}
    rows = [_endpoint_row(judged, target, archive_of.get(judged.observation.endpoint)) for judged in host.judged]
    return rows if host.fault is None else [*rows, _fault_row(host.address, host.fault, target, at)]


def _fault_row(address: str, fault: Outcome, target: str, at: datetime) -> Row:
    """What kept us from finding out more of a host. Endings that are ours have the same codes as reasons."""
    return {
        "address": address,
        "target": target,
        "asked_at": _utc(at),
        "why": str(Reason(fault.ending)),
        "codes": [],
        "said": "",
        "stop": msgspec.json.encode(fault).decode(),
        "ending": str(fault.ending),
        "transport": [],
        "viewer": "",
        "product": "",
        "toolkit": "",
    }


def _endpoint_row(judged: JudgedEndpoint, target: str, archive: str | None) -> Row:
    seen, verdict = judged.observation, judged.verdict
    pages = seen.get(PageFacts)
    return {
        "address": seen.endpoint.address,
        "port": seen.endpoint.port,
        "protocol": str(seen.endpoint.protocol),
        "target": target,
        "asked_at": _utc(seen.at),
        "depth": str(seen.depth),
        "rung": None if verdict.rung is None else str(verdict.rung),
        "open": None if verdict.rung is None else verdict.rung.open,
        "conclusive": None if verdict.rung is None else verdict.conclusive,
        "why": str(verdict.why),
        "codes": list(verdict.codes),
        "said": verdict.said,
        "stop": None if verdict.stop is None else msgspec.json.encode(verdict.stop).decode(),
        "ending": str(seen.stop.ending),
        "tls": seen.tls.version if seen.tls else None,
        "tls_client_certificate": str(seen.tls.client_certificate) if seen.tls else None,
        "tls_expires": _utc(seen.tls.certificate.not_after) if seen.tls and seen.tls.certificate else None,
        "transport": [str(found) for found in judged.transport],
        "viewer": pages.viewer if pages is not None and pages.login is False else "",
        "product": judged.product.product,
        "toolkit": judged.product.toolkit,
        "archive": archive,
    }


def archive_row(archive: Archive) -> Row:
    row: Row = {
        "id": archive.id,
        "address": archive.address,
        "endpoints": [e.url for e in archive.endpoints],
        "rung": str(archive.rung),
        "open": archive.open,
        "product": archive.product.product,
        "product_version": archive.product.version,
        "product_firm": archive.product.firm,
        "toolkit": archive.product.toolkit,
        "advisories": list(archive.advisories),
        "grade": None if archive.grade is None else str(archive.grade),
        "grade_why": [str(why) for why in archive.grade_why],
        "decoy": [str(why) for why in archive.decoy],
        "configuration": archive.configuration,
        "spki_sha256": list(archive.identity.spki_sha256),
        "names": list(archive.identity.names),
        "joined_by": [str(by) for by in archive.joined_by],
        "perhaps_same": list(archive.perhaps_same),
        "perhaps_more": archive.perhaps_more,
    }
    for quantity in COUNTED:
        count = archive.ssn_records if quantity == "ssn_records" else getattr(archive.counts, quantity)
        row |= {
            quantity: count.value,
            f"{quantity}_how": str(count.how),
            f"{quantity}_at_least": count.at_least,
            f"{quantity}_coverage": count.coverage,
            f"{quantity}_doubts": encode_doubts(count.doubts),
            f"{quantity}_low": count.low,
            f"{quantity}_high": count.high,
        }
    row["identifiers"] = [msgspec.structs.asdict(one) for one in archive.identifiers]
    return row


def kind_rows(archive: Archive) -> list[Row]:
    return [_kind_row(archive.id, found) for found in archive.kinds or ()]


def _kind_row(archive: str, found: KindFound) -> Row:
    return {"archive": archive, **msgspec.structs.asdict(found), "doubts": encode_doubts(found.doubts)}


def finding_row(finding: Finding) -> Row:
    return {
        "id": finding.id,
        "archive": finding.archive,
        "code": str(finding.code),
        "endpoint": None if finding.endpoint is None else finding.endpoint.url,
        "grade": None if finding.grade is None else str(finding.grade),
        "numbers": list(finding.numbers.items()),
        "about": finding.about,
    }


def encode_doubts(doubts: tuple[Doubt, ...]) -> str | None:
    """As a column holds them."""
    return msgspec.json.encode(doubts).decode() if doubts else None


def decode_doubts(column: object) -> tuple[Doubt, ...]:
    return msgspec.json.decode(str(column), type=tuple[Doubt, ...]) if column is not None else ()


def review_row(review: Review, at: datetime) -> Row:
    return {
        "archive": review.archive,
        "reviewed_at": _utc(at),
        "same_as": review.same_as,
        "shown_by": [str(by) for by in review.by],
        "decoy": [str(why) for why in review.decoy],
    }


def journal_row(connection: JournalRow) -> Row:
    row = msgspec.structs.asdict(connection)
    started_at, stop = _utc(row.pop("at")), row.pop("stop")
    del row["tls"]  # stands with the endpoint
    return {**row, "started_at": started_at, **msgspec.structs.asdict(stop), "numbers": list(stop.numbers.items())}


def _utc(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(tzinfo=None)


def markdown() -> str:
    """The tables as documentation: the facts, then what was judged of them."""
    parts = []
    for table in (OBSERVATIONS, LINKS, JOURNAL, ENDPOINTS, ARCHIVES, KINDS, FINDINGS, REVIEWS):
        place = table.folder(Path(), 0).as_posix().replace("/0/", "/N/")
        rows = "\n".join(f"| `{c.name}` | `{c.type}` | {c.doc} |" for c in table.columns)
        parts.append(f"## `{place}/`\n\n{table.doc}\n\n| column | type | meaning |\n|---|---|---|\n{rows}\n")
    return "\n".join(parts)
