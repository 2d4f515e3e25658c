"""Events of every finding, and of archives that are awkward to tell, without a survey."""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from filmbadge.judge.archives import judge
from filmbadge.model import (
    Appearance,
    Archive,
    Certificate,
    ClientCertificate,
    Count,
    Counts,
    Decoy,
    Depth,
    DimseFacts,
    Endpoint,
    Identifier,
    JudgedEndpoint,
    KeyKind,
    Kind,
    KindFound,
    Listing,
    Observation,
    OrthancFacts,
    PageFacts,
    Place,
    Product,
    Protocol,
    Provenance,
    Reason,
    Rejection,
    Rung,
    Said,
    TlsFacts,
    Transport,
    Verdict,
)
from filmbadge.tell.feeds.event import Event, of_archive
from filmbadge.tell.feeds.feed import Feed, Sender, Tlp
from support.factories import AT, DISCLOSED, EMPTY, REPORTED, admitted, dimse, web

SENDER = Sender("CERT of the test", "cert@example.org", "example.org")
FEED = Feed("0.1.0", "authority", Tlp.AMBER_STRICT, "a survey", "prove", "the board", "T-1", SENDER)
AWKWARD = "=cmd|' /C calc'!A0"  # a spreadsheet would run it
BERLIN = Place(
    network="192.0.2.0/24",
    country=(Said("DE", "list.csv", "2026-01-01"),),
    asn=(Said("64500", "list.csv"),),
    as_name=(Said("Klinik-Netz Süd", "list.csv"),),
    operator=(Said("Klinikum Köln", "list.csv"),),
    contact=(Said("abuse@example.org", "list.csv"),),
)
Pair = tuple[Archive, list[JudgedEndpoint]]


def found(address: str, *seen: Observation) -> Pair:
    """What a host shows, judged, where it shows one archive."""
    moved = [replace(one, endpoint=replace(one.endpoint, address=address)) for one in seen]
    host = judge(address, moved)
    (archive,) = host.archives
    return archive, [one for one in host.judged if one.observation.endpoint in archive.endpoints]


def open_archive() -> Pair:
    """An archive with two ways in, and with all that can be known of its records."""
    archive, group = found("192.0.2.7", dimse(admitted(DISCLOSED)), web(REPORTED))
    known = replace(
        archive,
        place=BERLIN,
        counts=replace(archive.counts, images=Count(None, at_least=700)),
        kinds=(
            KindFound(Kind.PATIENT_NAME, 30, Provenance.COUNTED, looks=Appearance.PERSONAL),
            KindFound(Kind.BIRTH_DATE, None, Provenance.UNKNOWN, looks=Appearance.PERSONAL, at_least=9),
            KindFound(Kind.ADDRESS, None, Provenance.UNKNOWN, looks=Appearance.PERSONAL),
        ),
        identifiers=(Identifier("gb.nhs", Kind.PATIENT_ID, 12, Provenance.ESTIMATED, 0.4, 0.9, 8, 17),),
        ssn_records=Count(50, Provenance.ESTIMATED, low=41, high=59),
        advisories=("CVE-2023-33466",),
    )
    return known, group


def awkward() -> Pair:
    """An archive at an IPv6 address, of which nobody knows how much it holds, and with texts that others wrote."""
    archive, (way,) = found("2001:db8::7", dimse(admitted(EMPTY)))
    seen = replace(way.observation, reverse_name="not a name.example.")
    place = Place(
        country=(Said("DE", "a"), Said("US", "b")),
        contact=(Said("REDACTED FOR PRIVACY", "b"),),
        operator=(Said("放射線科\x1b[31m\u202e\n", "b"),),
    )
    product = Product("orthanc", version=AWKWARD)
    return replace(archive, counts=Counts(), place=place, product=product), [replace(way, observation=seen)]


def guarded() -> Pair:
    """An archive behind a certificate that is wrong in every way, which knows strangers by their titles."""
    rejected = DimseFacts(called="ANY-SCP", valid_pdu=True, rejection=Rejection(1, 1, 7))
    archive, (way,) = found("192.0.2.9", dimse(rejected, port=2762))
    certificate = Certificate("a", "b", "a", "b", AT + timedelta(3), AT - timedelta(40), True, KeyKind.RSA, 1024, False)
    seen = replace(way.observation, tls=TlsFacts("TLSv1", "ADH", certificate=certificate))
    wrong = tuple(one for one in Transport if one not in (Transport.CLIENT_CERTIFICATE, Transport.NOT_SEEN))
    return archive, [replace(way, observation=seen, transport=wrong)]


def gateway() -> Pair:
    """An archive behind TLS that takes anybody, open at this address of its name and closed at another."""
    tls = TlsFacts("TLSv1.3", "TLS_AES_256_GCM_SHA384", ClientCertificate.NO)
    archive, group = found("192.0.2.16", replace(dimse(admitted(DISCLOSED)), tls=tls))
    return replace(archive, closed_elsewhere=(Endpoint("192.0.2.17", 4242, Protocol.DIMSE),)), group


def locked() -> Pair:
    """An archive whose login may be one that everybody knows."""
    realm = "Orthanc Secure Area"
    return found("192.0.2.18", web(OrthancFacts(401, realm=realm), PageFacts(401, 401, realm=realm, doors=True)))


def listing() -> Pair:
    files = PageFacts(status=404, front=200, listing=Listing(12))
    return found("192.0.2.10", web(files))


def patients() -> Pair:
    archive, (way,) = found("192.0.2.11", web(PageFacts(status=404, front=200, listing=Listing(12))))
    verdict = Verdict(Rung.DISCLOSES, Reason.PATIENTS, (31,))
    seen = replace(way.observation, facts=(PageFacts(status=404, front=200, patients=31),))
    return archive, [replace(way, verdict=verdict, observation=seen)]


def admitting() -> Pair:
    return found("192.0.2.12", dimse(admitted(), depth=Depth.KNOCK))


def images() -> Pair:
    """An archive that handed out an image, and of which we could not find out all."""
    archive, (way,) = found("192.0.2.15", dimse(admitted(DISCLOSED)))
    given = replace(way, verdict=Verdict(Rung.DELIVERS, Reason.IMAGE, (4096,), conclusive=True))
    other = replace(way.observation, endpoint=Endpoint("192.0.2.15", 11112, Protocol.DIMSE))
    unknown = replace(way, observation=other, verdict=Verdict(None, Reason.OWN_ERROR))
    endpoints = (given.observation.endpoint, other.endpoint)
    return replace(archive, rung=Rung.DELIVERS, endpoints=endpoints, images_retrievable=Count(8)), [given, unknown]


def decoy() -> Pair:
    archive, group = found("192.0.2.13", dimse(admitted(DISCLOSED)))
    return replace(archive, decoy=(Decoy.HONEYPOT,)), group


def on_no_port() -> Pair:
    """A folder of somebody else may hold any number for a port."""
    archive, (way,) = found("192.0.2.14", dimse(admitted(DISCLOSED)))
    endpoint = Endpoint("192.0.2.14", 70_000, Protocol.DIMSE)
    return replace(archive, endpoints=(endpoint,)), [
        replace(way, observation=replace(way.observation, endpoint=endpoint))
    ]


ALL = (open_archive, awkward, guarded, gateway, locked, listing, patients, admitting, images, decoy, on_no_port)


def later(pair: Pair) -> Pair:
    """The same, as a survey of the next year finds it."""
    archive, group = pair
    moved = [replace(one.observation, at=one.observation.at.replace(year=2027)) for one in group]
    return archive, [replace(one, observation=seen) for one, seen in zip(group, moved, strict=True)]


def events(*archives: Pair) -> list[Event]:
    """The events of these archives; without any, of all in this file."""
    return [event for pair in archives or [make() for make in ALL] for event in of_archive(*pair)]
