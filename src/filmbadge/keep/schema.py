"""The tables of a survey and what each column means. `docs/dataset.md` is generated from here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from filmbadge.model import (
    NOWHERE,
    Archive,
    ByYear,
    Count,
    Doubt,
    Endpoint,
    Finding,
    Host,
    JournalRow,
    JudgedEndpoint,
    Link,
    LinkBy,
    Outcome,
    PageFacts,
    Place,
    Protocol,
    Reason,
    Review,
    YearTally,
)
from filmbadge.places.source import FIELDS

VERSION = 4  # of the folder and its tables
FACTS = 2  # of an observation's JSON; `upgrade.py` reads the older ones

_text = pa.string()
_long = pa.int64()
_numbers = pa.map_(_text, _long)
_time = pa.timestamp("us")  # UTC, without saying so in the type: SQL engines then need no time zone data


Row = dict[str, Any]  # as it is read
Values = tuple[Any, ...]  # as it is written: in the order of the columns, with JSON as bytes
_json = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    type: pa.DataType
    doc: str


@dataclass(frozen=True)
class Table:
    name: str
    doc: str
    columns: tuple[Column, ...]
    judged: bool = False  # one for each time that the survey was judged, in `judged/N/`

    def folder(self, directory: Path, judged: int) -> Path:
        return directory / "judged" / str(judged) / self.name if self.judged else directory / self.name

    @cached_property
    def arrow(self) -> pa.Schema:
        fields = [pa.field(c.name, c.type) for c in self.columns]
        return pa.schema(fields, metadata={"filmbadge.schema": str(VERSION), "filmbadge.table": self.name})

    def filled(self, rows: Sequence[Values]) -> pa.Table:
        """Its rows, column by column. Times may be of any zone."""
        if not rows:
            return self.arrow.empty_table()
        columns = zip(self.columns, zip(*rows, strict=True), strict=True)
        return pa.Table.from_arrays([pa.array(values, column.type) for column, values in columns], schema=self.arrow)


# Of an address, by the sources in their order. Null is "not attributed", and never a guess.
_PLACE = (
    Column("country", _text, "ISO 3166-1 code, by the first source that says one; null: not attributed"),
    Column("country_said", pa.list_(_text), "what each source says, as `CC by SOURCE, DATE`: several may disagree; empty: not attributed; null in what older versions judged"),
    Column("asn", _long, "number of the autonomous system, by the first source that says one"),
    Column("as_name", _text, "its name"),
    Column("operator", _text, "who runs what stands at the address, by a table of the user"),
    Column("contact", _text, "whom to tell, by a table of the user"),
    Column("language", _text, "the language to write in, by a table of the user"),
    Column("site", _text, "the site, by a table of the user"),
    Column("network", _text, "the narrowest network that holds the address, in the first source that names one"),
    Column("place", _text, "each field with all answers, their sources and dates, as JSON; null: nothing is said"),
)  # fmt: skip

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
        *_PLACE,
    ),
    judged=True,
)  # fmt: skip

COUNTED = {
    "patients": "number of patients",
    "studies": "number of studies",
    "series": "number of series",
    "images": "number of images",
    "images_retrievable": "number of images that a stranger gets at once, by C-GET or WADO",
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
_hints = pa.list_(pa.struct({"what": _text, "source": _text, "endpoint": _text}))
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
        Column("studies_by_year", _numbers, "studies by the year of their exam, as aggregate numbers: `2019` and so on, and `unknown` for those without a date, or with none that is a day from 1895 to the year after the survey. They add up to the studies that were looked at; null if it is not known"),
        Column("studies_by_year_whole", pa.bool_(), "each study of the archive is in `studies_by_year`; false: its numbers are lower bounds; null if it is not known"),
        Column("identifiers", _identifiers, "schemes of national identifiers that it exposes: the scheme, where it stands, studies, their share, the confidence from 0 to 1, and of an estimate the ends of its 95 % interval"),
        *_PLACE,
        Column("hints", _hints, "names that may be of those who run it, and prove nothing: the name, where it was seen (`certificate-organisation`, `certificate-name`, `ae-title`, `reverse-name`), and at which endpoint"),
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
        Column(
            "address",
            _text,
            "address that was contacted; of a look-up, the first that was found, or empty; of a reverse look-up, the address whose name was asked for",
        ),
        Column("port", pa.int32(), "TCP port; null for a look-up"),
        Column("question", _text, "what it was opened for; `look-up NAME` for a look-up, a reverse one too"),
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


def observation_rows(host: Host, target: str, at: datetime) -> Iterator[Values]:
    """`at` is when a fault of ours was met."""
    for judged in host.judged:
        seen = judged.observation
        address, port, protocol = seen.endpoint.address, seen.endpoint.port, seen.endpoint.protocol
        named = (target, host.address, host.name)
        yield (address, port, protocol, *named, seen.at, seen.depth, FACTS, _json(seen), None)
    if host.fault is not None:
        fault = _json(host.fault)
        yield (host.address, None, None, target, host.address, host.name, at, None, FACTS, None, fault)


def link_row(link: Link, target: str | None = None) -> Values:
    return link.one.url, link.other.url, link.by, link.shared, link.sampled, link.of_one, link.whole, target


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


def endpoint_rows(host: Host, target: str, at: datetime) -> Iterator[Values]:
    """`at` is when a fault of ours was met."""
    archive_of = {endpoint: archive.id for archive in host.archives for endpoint in archive.endpoints}
    for judged in host.judged:
        yield _endpoint_row(judged, target, archive_of.get(judged.observation.endpoint))
    if host.fault is not None:
        yield _fault_row(host.address, host.fault, target, at)


def _fault_row(address: str, fault: Outcome, target: str, at: datetime) -> Values:
    """What kept us from finding out more of a host. Endings that are ours have the same codes as reasons."""
    place = (address, None, None, target, at, None)
    verdict = (None, None, None, Reason(fault.ending), (), "", _json(fault), fault.ending)
    tls = (None, None, None)
    return (*place, *verdict, *tls, (), "", "", "", None, *_place(NOWHERE))


def _endpoint_row(judged: JudgedEndpoint, target: str, archive: str | None) -> Values:
    seen, verdict, tls = judged.observation, judged.verdict, judged.observation.tls
    pages = seen.get(PageFacts)
    known = verdict.rung is not None
    return (
        seen.endpoint.address,
        seen.endpoint.port,
        seen.endpoint.protocol,
        target,
        seen.at,
        seen.depth,
        verdict.rung,
        verdict.rung.open if verdict.rung is not None else None,
        verdict.conclusive if known else None,
        verdict.why,
        verdict.codes,
        verdict.said,
        None if verdict.stop is None else _json(verdict.stop),
        seen.stop.ending,
        tls.version if tls else None,
        tls.client_certificate if tls else None,
        tls.certificate.not_after if tls and tls.certificate else None,
        judged.transport,
        pages.viewer if pages is not None and pages.login is False else "",
        judged.product.product,
        judged.product.toolkit,
        archive,
        *_place(judged.place),
    )


@lru_cache(maxsize=1024)  # a sweep meets the same places again and again
def _place(place: Place) -> Values:
    country, asn, *others = (said[0].value if (said := getattr(place, field)) else None for field in FIELDS)
    countries = [f"{one.value} by {one.source}" + (f", {one.date}" if one.date else "") for one in place.country]
    kept = None if place == NOWHERE else _json(place)
    return country, countries, None if asn is None else int(asn), *others, place.network or None, kept


def place(row: Row) -> Place:
    """What the columns of a row say of its address. Older versions have no such columns."""
    held = row.get("place")
    return NOWHERE if held is None else msgspec.json.decode(str(held), type=Place)


def archive_row(archive: Archive) -> Values:
    counts = archive.counts
    return (
        archive.id,
        archive.address,
        [endpoint.url for endpoint in archive.endpoints],
        archive.rung,
        archive.open,
        archive.product.product,
        archive.product.version,
        archive.product.firm,
        archive.product.toolkit,
        archive.advisories,
        archive.grade,
        archive.grade_why,
        archive.decoy,
        archive.configuration,
        archive.identity.spki_sha256,
        archive.identity.names,
        archive.joined_by,
        archive.perhaps_same,
        archive.perhaps_more,
        *_count(counts.patients),
        *_count(counts.studies),
        *_count(counts.series),
        *_count(counts.images),
        *_count(archive.images_retrievable),
        *_count(archive.ssn_records),
        *_by_year(archive.by_year),
        [msgspec.structs.asdict(one) for one in archive.identifiers],
        *_place(archive.place),
        [msgspec.structs.asdict(one) for one in archive.hints],
    )


def _count(count: Count) -> Values:
    doubts = encode_doubts(count.doubts)
    return count.value, count.how, count.at_least, count.coverage, doubts, count.low, count.high


_NO_YEAR = "unknown"


def _by_year(found: ByYear | None) -> Values:
    if found is None:
        return None, None
    return [(_NO_YEAR if one.year is None else str(one.year), one.studies) for one in found.years], found.whole


def by_year(row: Row) -> ByYear | None:
    """What the columns of a row say of years. Older versions have no such columns."""
    years, whole = row.get("studies_by_year"), row.get("studies_by_year_whole")
    if years is None:
        return None
    found = (YearTally(None if year == _NO_YEAR else int(year), n) for year, n in dict(years).items())
    return ByYear(tuple(found), bool(whole))


def kind_rows(archive: Archive) -> Iterator[Values]:
    for found in archive.kinds or ():
        told = {"archive": archive.id, **msgspec.structs.asdict(found), "doubts": encode_doubts(found.doubts)}
        yield tuple(told[column.name] for column in KINDS.columns)


def finding_row(finding: Finding) -> Values:
    place = None if finding.endpoint is None else finding.endpoint.url
    numbers = list(finding.numbers.items())
    return finding.id, finding.archive, finding.code, place, finding.grade, numbers, finding.about


def encode_doubts(doubts: tuple[Doubt, ...]) -> bytes | None:
    """As a column holds them."""
    return _json(doubts) if doubts else None


def decode_doubts(column: object) -> tuple[Doubt, ...]:
    return msgspec.json.decode(str(column), type=tuple[Doubt, ...]) if column is not None else ()


def review_row(review: Review, at: datetime) -> Values:
    return review.archive, at, review.same_as, review.by, review.decoy


def journal_row(connection: JournalRow) -> Values:
    """Its TLS stands with the endpoint."""
    stop = connection.stop
    return (
        connection.at,
        connection.address,
        connection.port,
        connection.question,
        connection.sent,
        connection.received,
        connection.seconds,
        stop.ending,
        stop.cause,
        list(stop.numbers.items()),
        stop.error,
    )


def markdown() -> str:
    """The tables as documentation: the facts, then what was judged of them."""
    parts = []
    for table in (OBSERVATIONS, LINKS, JOURNAL, ENDPOINTS, ARCHIVES, KINDS, FINDINGS, REVIEWS):
        place = table.folder(Path(), 0).as_posix().replace("/0/", "/N/")
        rows = "\n".join(f"| `{c.name}` | `{c.type}` | {c.doc} |" for c in table.columns)
        parts.append(f"## `{place}/`\n\n{table.doc}\n\n| column | type | meaning |\n|---|---|---|\n{rows}\n")
    return "\n".join(parts)
