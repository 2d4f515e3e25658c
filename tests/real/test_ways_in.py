"""Every way into real archives, and what only looks like one: the table of docs/ways-in.md, measured."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from urllib.request import urlopen

import pytest

from filmbadge.ask.targets.lists import parse
from filmbadge.model import Count, Depth, Host, JudgedEndpoint, PageFacts, Provenance, Rung
from filmbadge.scope import load, loopback
from filmbadge.survey import examine
from support import archives, certificates, tls_front
from support.archives import Served
from support.loopback import run
from support.tls_front import Tls

EVERYWHERE = '["127.0.0.0/8", "::1/128"]'  # as in every scope of the tests
DOCUMENT = Path(__file__).parents[2] / "docs" / "ways-in.md"


@dataclass(frozen=True)
class Case:
    """One port of an archive, or of something else. `shut`: it is guarded, or no archive, and must not be called open."""

    of: str
    way: str
    kind: str  # dimse, dimse_tls, web or web_tls
    port: int
    shut: bool = False
    host: str = "127.0.0.1"
    depth: Depth = Depth.COUNT
    titles: tuple[str, ...] = ()
    listed: tuple[int, ...] = ()  # another port that the scope lists: one that a page names
    networks: str = EVERYWHERE  # none: without a scope file, where no name is looked up


@dataclass
class World:
    cases: list[Case]
    opened: Served
    pixelmed: Served
    came: Callable[[], int]  # how many went where the scope does not allow
    ask: Callable[..., Host]
    away: int


def asker(directory: Path) -> Callable[..., Host]:
    """Asks the ports of cases alone, which are of one host and one depth, as `check` does; each set of them once."""

    @cache
    def ask(*cases: Case) -> Host:
        one = cases[0]
        text = archives.scope_file(directory, depth=one.depth).read_text()
        (directory / "scope.toml").write_text(text.replace(EVERYWHERE, one.networks))
        kinds = ("dimse", "dimse_tls", "web", "web_tls")
        ports = {f"{kind}_ports": tuple(case.port for case in cases if case.kind == kind) for kind in kinds}
        ports["web_ports"] += tuple(port for case in cases for port in case.listed)
        titles = tuple(title for case in cases for title in case.titles)
        allowed = load(directory / "scope.toml") if one.networks else loopback("the test suite")
        scope = replace(allowed, called_titles=titles, **ports)  # type: ignore[arg-type]
        return run(examine.check(scope, parse(f"[{one.host}]" if ":" in one.host else one.host)))[0]

    return ask


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    work = tmp_path_factory.mktemp("work")

    def folder() -> Path:
        return tmp_path_factory.mktemp("of")

    pair = certificates.make(folder(), alternatives=("localhost",))
    past = certificates.make(
        folder(), issuer="Example CA", alternatives=("127.0.0.1",), begin=timedelta(days=-9), end=timedelta(days=-1)
    )
    files, other = folder(), folder()
    for number, path in enumerate(archives.wheel_files()[:9]):
        (files / f"study{number % 3}").mkdir(exist_ok=True)
        (files / f"study{number % 3}" / f"{number}.dcm").write_bytes(path.read_bytes())
    (other / "menu.pdf").write_bytes(b"%PDF-1.4")

    with ExitStack() as stack:

        def front(server: str, tls: Tls | None = None, host: str = "127.0.0.1") -> int:
            return stack.enter_context(tls_front.nginx(work, server, tls=tls, host=host))

        def orthanc(**settings: object) -> Served:
            return stack.enter_context(archives.orthanc(folder(), **settings))  # type: ignore[arg-type]

        opened = orthanc(DicomAlwaysAllowFind=True, Plugins=[tls_front.DICOMWEB])
        shut = orthanc(user="lab", DicomCheckCalledAet=True, Plugins=[tls_front.DICOMWEB])
        secured = {"DicomTlsCertificate": str(pair.certificate), "DicomTlsPrivateKey": str(pair.key)}
        secured |= {"DicomTlsEnabled": True, "DicomTlsTrustedCertificates": str(pair.certificate)}  # type: ignore[dict-item]
        over_tls = orthanc(DicomAlwaysAllowFind=True, DicomTlsRemoteCertificateRequired=False, **secured)
        mutual = orthanc(load=False, DicomAlwaysAllowFind=True, DicomTlsRemoteCertificateRequired=True, **secured)
        tiny = stack.enter_context(archives.tiny_pacs(folder(), settled=True))
        pixelmed = stack.enter_context(archives.pixelmed(folder()))
        dcmqrscp = stack.enter_context(archives.dcmqrscp(folder()))
        away, came = stack.enter_context(tls_front.unvisited("127.9.9.9"))
        here, there = tls_front.before(opened.http), tls_front.before(shut.http)
        blank = f'location "/my archive/dicom-web/" {{ proxy_pass http://127.0.0.1:{opened.http}/dicom-web/; }}\n'
        narrow = '["127.0.0.1/32"]'

        def ohif(root: str, archive: int = 0) -> int:
            return front(tls_front.ohif(folder(), tls_front.configuration(root), archive=archive))

        shipped = tls_front.ohif(folder(), (tls_front.OHIF / "app-config.js").read_text())
        cases = [
            Case("Orthanc", "DICOM", "dimse", opened.dicom),
            Case("Orthanc", "DICOM over TLS", "dimse_tls", over_tls.dicom),
            Case("Orthanc", "REST, DICOMweb and Explorer", "web", opened.http),
            Case("Orthanc", "the same behind nginx with TLS", "web_tls", front(here, Tls(pair))),
            Case("Orthanc", "the same, found on a port of plain HTTP", "web", front(here, Tls(pair))),
            Case("Orthanc", "behind nginx, expired certificate", "web_tls", front(here, Tls(past))),
            Case("Orthanc", "behind nginx, IPv6", "web", front(here, host="::1"), host="::1"),
            Case("Orthanc", "behind nginx with TLS, IPv6", "web_tls", front(here, Tls(pair), "::1"), host="::1"),
            Case("Orthanc", "DICOMweb alone, behind nginx", "web", front(tls_front.before(opened.http, "/dicom-web/"))),
            Case("Orthanc", "DICOMweb alone, depth profile", "web", front(tls_front.before(opened.http, "/dicom-web/")), depth=Depth.PROFILE),
            Case("OHIF before Orthanc", "its pages, DICOMweb behind the same port", "web", ohif("/dicom-web", opened.http)),
            Case("OHIF before Orthanc", "the same, depth prove", "web", ohif("/dicom-web", opened.http), depth=Depth.PROVE),
            Case("OHIF before Orthanc", "its pages, an archive on another port", "web", ohif(f"http://127.0.0.1:{opened.http}/dicom-web"), listed=(opened.http,)),
            Case("OHIF before Orthanc", "its pages, an archive on a port that the scope does not list", "web", ohif(f"http://127.0.0.1:{opened.http}/dicom-web")),
            Case("OHIF before Orthanc", "its pages, DICOMweb below a path with a blank, depth profile", "web", front(tls_front.ohif(folder(), tls_front.configuration("/my archive/dicom-web")) + blank), depth=Depth.PROFILE),
            Case("tiny-pacs", "DICOM", "dimse", tiny.dicom, titles=("TINYQR",)),
            Case("tiny-pacs", "DICOMweb", "web", tiny.http),
            Case("tiny-pacs", "DICOMweb, depth profile", "web", tiny.http, depth=Depth.PROFILE),
            Case("PixelMed", "DICOM", "dimse", pixelmed.dicom, titles=("PIXELMED",)),
            Case("PixelMed", "web", "web", pixelmed.http),
            Case("PixelMed", "web, depth profile", "web", pixelmed.http, depth=Depth.PROFILE),
            Case("dcmqrscp", "DICOM", "dimse", dcmqrscp.dicom, titles=("LABQR",)),
            Case("nginx", "a list of .dcm files", "web", front(tls_front.listing(files))),
            Case("nginx", "a list of .dcm files, with TLS, depth prove", "web_tls", front(tls_front.listing(files), Tls(pair)), depth=Depth.PROVE),
            Case("Orthanc, guarded", "DICOM, another called AE title", "dimse", shut.dicom, shut=True),
            Case("Orthanc, guarded", "DICOM over TLS, a client certificate", "dimse_tls", mutual.dicom, shut=True),
            Case("Orthanc, guarded", "REST and DICOMweb, Basic auth", "web", shut.http, shut=True),
            Case("Orthanc, guarded", "the same behind nginx with TLS", "web_tls", front(there, Tls(pair)), shut=True),
            Case("Orthanc, guarded", "nginx asks for a password", "web", front(tls_front.basic(folder()) + here), shut=True),
            Case("Orthanc, guarded", "nginx demands a client certificate", "web_tls", front(here, Tls(pair, pair.certificate)), shut=True),
            Case("dcmqrscp, guarded", "DICOM, another called AE title", "dimse", dcmqrscp.dicom, shut=True),
            Case("OHIF alone", "its pages, no archive behind them", "web", ohif("/dicom-web"), shut=True),
            Case("OHIF alone", "its pages, an archive with a login", "web", ohif("/dicom-web", shut.http), shut=True),
            Case("OHIF alone", "its pages, an archive out of the scope", "web", ohif(f"http://127.9.9.9:{away}/dicom-web"), shut=True, networks=narrow),
            Case("OHIF alone", "as it is shipped, which names an archive elsewhere", "web", front(shipped), shut=True, networks=""),
            Case("nginx", "a single-page app, 200 to everything", "web", front(tls_front.fallback(folder())), shut=True),
            Case("nginx", "the same, called like an archive's API", "web", front(tls_front.fallback(folder(), "DICOMweb")), shut=True),
            Case("nginx", "a redirect out of the scope", "web", front(f"return 302 http://127.9.9.9:{away}/;"), shut=True, networks=narrow),
            Case("nginx", "a list of other files", "web", front(tls_front.listing(other)), shut=True),
            Case("nginx", "its own page", "web", front("root /usr/share/nginx/html;"), shut=True),
        ]  # fmt: skip
        yield World(cases, opened, pixelmed, came, asker(work), away)


def endpoint(host: Host, case: Case) -> JudgedEndpoint:
    return next(j for j in host.judged if j.observation.endpoint.port == case.port)


def row(case: Case, host: Host) -> str:
    """A line of the table."""
    found = endpoint(host, case)
    rung = found.verdict.rung
    assert rung is not None
    archive = next((a for a in host.archives if found.observation.endpoint in a.endpoints), None)
    product = "" if archive is None else archive.product.product
    named = product if archive is not None and archive.product.firm else f"likely {product}" if product else ""
    transport = ", ".join(found.transport)
    if found.observation.tls is not None:
        transport = ", ".join(filter(None, (found.observation.tls.version, transport)))
    seen = "an archive" if archive is not None else "no archive"
    cells = (case.of, case.way, f"`{rung}`", named, found.product.toolkit, transport, seen)
    return "| " + " | ".join(cells).replace("|  |", "| |").replace("|  |", "| |") + " |"


def test_the_table(world: World) -> None:
    """Each row of the document is what was measured."""
    table = "\n".join(row(case, world.ask(case)) for case in world.cases)
    text = DOCUMENT.read_text()
    assert table in text, f"docs/ways-in.md must say:\n{table}"


def test_nothing_that_is_shut_or_no_archive_is_called_open(world: World) -> None:
    shut = [case for case in world.cases if case.shut]
    opened = [f"{case.of}: {case.way}" for case in shut if any(archive.open for archive in world.ask(case).archives)]
    assert opened == []
    assert len(shut) > 12
    assert f"{len(shut)} guarded and other cases: 0 called open" in DOCUMENT.read_text()


def test_everything_that_is_open_to_strangers_is_found(world: World) -> None:
    for case in world.cases:
        if not case.shut:
            archive = world.ask(case).archives
            assert len(archive) == 1, case
            assert archive[0].rung.reaches(Rung.ADMITS), case


def test_all_ways_into_one_archive_are_one_and_make_its_product_firm(world: World) -> None:
    of = {name: [case for case in world.cases if case.of == name] for name in ("Orthanc", "PixelMed", "tiny-pacs")}
    orthanc = [
        case
        for case in of["Orthanc"]
        if case.depth is Depth.COUNT and case.host == "127.0.0.1" and case.kind != "dimse_tls"
    ]
    sets = {"Orthanc": orthanc, "PixelMed": of["PixelMed"][:2], "tiny-pacs": of["tiny-pacs"][:2]}
    for name, cases in sets.items():
        archive, *others = world.ask(*cases).archives
        # What may not be asked for a record shows nothing of what it holds.
        assert [other.perhaps_same for other in others] == [(archive.id,) for case in cases if "alone" in case.way]
        assert len(archive.endpoints) == len(cases) - len(others) > 1
        assert (archive.product.product, archive.product.firm) == (name, True)


def test_pixelmeds_list_of_patients_is_counted(world: World) -> None:
    dicom, _, web = (case for case in world.cases if case.of == "PixelMed")
    (archive,) = world.ask(replace(web, titles=dicom.titles), replace(dicom, depth=web.depth)).archives
    with urlopen(f"http://127.0.0.1:{world.pixelmed.http}/?requestType=PATIENTLIST") as page:
        rows = page.read().count(b"<tr>") - 1  # of headings
    assert archive.counts.patients == Count(rows, Provenance.REPORTED)
    assert rows >= world.pixelmed.truth.patients  # it takes some with one id for two
    assert archive.counts.studies.at_least == world.pixelmed.truth.studies


def test_an_archive_below_a_path_with_a_blank_is_counted(world: World) -> None:
    """As it is without OHIF and the blank: some of its studies have no date, so what was seen is a lower bound."""
    blank = next(case for case in world.cases if "blank" in case.way)
    alone = next(case for case in world.cases if case.way == "DICOMweb alone, depth profile")
    ((archive,), (other,)) = (world.ask(case).archives for case in (blank, alone))
    assert archive.counts == other.counts
    assert archive.counts.studies.at_least == world.opened.truth.studies


def test_nobody_is_asked_out_of_the_scope(world: World) -> None:
    """By a redirect, and by a viewer that names an archive there."""
    outside = [case for case in world.cases if case.networks not in (EVERYWHERE, "")]
    assert len(outside) == 2
    for case in outside:
        web = endpoint(world.ask(case), case).observation.get(PageFacts)
        assert web is not None
        assert web.elsewhere or web.names
        assert web.elsewhere or all(named.outside for named in web.names)
    assert world.came() == 0
    with socket.create_connection(("127.9.9.9", world.away)):
        assert world.came() == 1  # who comes would be seen
