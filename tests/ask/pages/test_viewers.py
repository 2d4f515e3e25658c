"""Which pages of one port are asked for, at which depth, and what is learned of them."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from filmbadge.ask.pages import viewers
from filmbadge.ask.pages.viewers import PagesProgress
from filmbadge.ask.wire.http import Origin, Request, Response
from filmbadge.catalogue.pages import pages as catalogue
from filmbadge.model import ConfiguredRoot, Depth, Fingerprint, FingerprintKind, Listing
from support import tls_front

SITE = Origin(IPv4Address("192.0.2.7"), 8080)
Answer = tuple[int, dict[str, str], bytes]
HTML = {"content-type": "text/html"}


def html(title: str, body: str = "") -> Answer:
    return 200, HTML, f"<html><title>{title}</title>{body}</html>".encode()


def index(*links: str) -> Answer:
    return html("Index of /", "".join(f'<a href="{link}">{link}</a>' for link in ("../", *links)))


def ask(
    server: dict[str, Answer], depth: Depth = Depth.ASK, *, catch_all: bool = False, site: Origin = SITE
) -> tuple[PagesProgress, list[str]]:
    """What is found on a server that has these pages, and the paths that were asked after the front page."""
    asked: list[str] = []

    def reply(page: Request) -> Response:
        status, headers, body = server.get("*" if catch_all else page.path, (404, {}, b""))
        goes = headers.get("location")
        path = None if goes is None else site.local(goes, page.path)
        cut = body[: page.most_bytes]
        return Response(
            page, status, headers, cut, len(cut) < len(body), len(cut), None, path, bool(goes) and path is None
        )

    found = PagesProgress()
    script = viewers.identify(found, site, reply(Request("/")), depth, catch_all=catch_all)
    page = next(script, None)
    while page is not None:
        asked.append(page.path)
        try:
            page = script.send(reply(page))
        except StopIteration:
            break
    return found, asked


CATALOGUE = [row.path for row in catalogue().path]


def test_a_server_of_anything_is_asked_for_the_pages_of_the_catalogue_and_no_more() -> None:
    found, asked = ask({"/": html("It works!")}, Depth.PROVE)
    assert asked == ["/favicon.ico", *CATALOGUE]
    assert found == PagesProgress()


def test_knock_asks_for_nothing_but_where_the_front_page_leads() -> None:
    server = {"/": (301, {"location": "app/explorer.html"}, b""), "/app/explorer.html": html("Orthanc Explorer")}
    found, asked = ask(server, Depth.KNOCK)
    assert asked == ["/app/explorer.html"]
    assert (found.viewer, found.login) == ("Orthanc", False)


@pytest.mark.parametrize(
    "elsewhere",
    ["http://192.0.2.8/", "http://192.0.2.7:8081/", "https://192.0.2.7:8080/", "//other.example/", "ftp://192.0.2.7/"],
)
def test_a_redirect_elsewhere_is_not_followed(elsewhere: str) -> None:
    found, asked = ask({"/": (302, {"location": elsewhere}, b"")}, Depth.KNOCK)
    assert asked == []
    assert found == PagesProgress()


def test_a_redirect_in_a_circle_ends() -> None:
    _, asked = ask({"/": (302, {"location": "/a"}, b""), "/a": (302, {"location": "/"}, b"")}, Depth.KNOCK)
    assert asked == ["/a", "/"]


def test_one_page_for_every_path_is_asked_for_no_path() -> None:
    found, asked = ask({"*": html("Canteen")}, Depth.PROVE, catch_all=True)
    assert asked == []
    assert found == PagesProgress()


def test_a_login_page() -> None:
    found, asked = ask({"/oviyam2/": html("Oviyam login")})
    assert (found.viewer, found.login) == ("Oviyam", True)
    assert asked == CATALOGUE[: CATALOGUE.index("/oviyam2/") + 1]


def test_a_guarded_page_of_a_known_product() -> None:
    found, _ = ask({"/": (401, {"www-authenticate": 'Basic realm="Orthanc Secure Area"'}, b"")})
    assert found.signs == [Fingerprint("Orthanc", FingerprintKind.REALM)]
    assert (found.viewer, found.login) == ("", None)


def ohif(root: str, more: str = "") -> dict[str, Answer]:
    script = (200, {"content-type": "application/javascript"}, tls_front.configuration(root, more=more).encode())
    page = (200, HTML, (tls_front.OHIF / "index.html").read_bytes())
    return {"*": page, "/": page, "/app-config.js": script}


@pytest.mark.real
@pytest.mark.parametrize(
    ("root", "named"),
    [
        ("/dicom-web", ConfiguredRoot("", 8080, "/dicom-web")),
        ("http://192.0.2.7:8080/dicom-web", ConfiguredRoot("", 8080, "/dicom-web")),
        ("http://192.0.2.7:8042/dicom-web", ConfiguredRoot("192.0.2.7", 8042, "/dicom-web")),
        ("https://pacs.example/rs", ConfiguredRoot("pacs.example", 443, "/rs", tls=True)),
        ("https://user:word@pacs.example/rs?token=x", ConfiguredRoot("pacs.example", 443, "/rs", tls=True)),
    ],
)
def test_ohif_names_its_archive(root: str, named: ConfiguredRoot) -> None:
    found, asked = ask(ohif(root))
    assert asked == ["/favicon.ico", "/app-config.js"]
    assert found.names == (named,)
    assert (found.viewer, found.login) == ("OHIF", False)
    assert {sign.kind for sign in found.signs} == {FingerprintKind.PAGE, FingerprintKind.API}


@pytest.mark.real
def test_ohif_with_a_login_of_its_own() -> None:
    assert ask(ohif("/dicom-web", "oidc: [{ authority: 'x' }],"))[0].login is True


@pytest.mark.real
def test_ohif_whose_configuration_is_not_shown() -> None:
    server = ohif("/dicom-web")
    found, _ = ask(server | {"/app-config.js": (403, HTML, b"")})
    assert (found.viewer, found.login, found.names) == ("OHIF", None, ())


def test_the_list_of_patients_is_not_asked_for_below_profile() -> None:
    rows = "".join(f'<a href="/?requestType=STUDYLIST&primaryKey={n}">Name</a>' for n in range(5))
    server = {"/": html("", '<a href="?requestType=PATIENTLIST">list</a>'), "/?requestType=PATIENTLIST": html("", rows)}
    for depth in (Depth.KNOCK, Depth.ASK, Depth.COUNT):
        found, asked = ask(server, depth)
        assert not any("PATIENTLIST" in path for path in asked)
        assert (found.viewer, found.login, found.patients) == ("PixelMed", False, None)
    assert ask(server, Depth.PROFILE)[0].patients == 5


DICOM = (200, {"content-type": "application/octet-stream"}, bytes(128) + b"DICM" + bytes(100))
FILES = {
    "/": index("ct/", "mr/", "readme.txt"),
    "/ct/": index("DOE%5EJANE.dcm", "2.dcm"),
    "/mr/": index("3.dcm", "old/"),
    "/mr/old/": index("DICOMDIR", "IM0001", "../../ct/", "/etc/", "http://192.0.2.9/x/"),
    "/ct/DOE%5EJANE.dcm": DICOM,
}


def test_a_list_of_files_is_looked_into_until_it_shows_one() -> None:
    found, asked = ask(FILES, Depth.ASK)
    assert asked == ["/favicon.ico", "/ct/"]
    assert found.listing == Listing(2, 2)


def test_all_folders_are_counted() -> None:
    found, asked = ask(FILES, Depth.COUNT)
    assert asked == ["/favicon.ico", "/ct/", "/mr/", "/mr/old/"]
    assert found.listing == Listing(3, 4, dicomdir=True, whole=True)


def test_one_file_is_begun_at_prove() -> None:
    found, asked = ask(FILES, Depth.PROVE)
    assert asked[-1] == "/ct/DOE%5EJANE.dcm"
    assert found.listing is not None
    assert found.listing.proof == len(DICOM[2])
    other = FILES | {"/ct/DOE%5EJANE.dcm": html("not a file")}
    assert ask(other, Depth.PROVE)[0].listing == Listing(3, 4, dicomdir=True, whole=True)


def test_a_folder_that_is_not_shown_makes_the_count_a_lower_bound() -> None:
    found, _ = ask(FILES | {"/mr/": (403, HTML, b"")}, Depth.COUNT)
    assert found.listing == Listing(2, 2, missed=1)


def test_a_list_leads_only_below_itself_and_a_folder_that_is_refused_is_missed() -> None:
    found, asked = ask(
        {"/": html("Index of /", '<a href="%2e%2e/">up</a><a href="M\u00fcller x/">x</a><a href="%00/">y</a>')}
    )
    assert "/M%C3%BCller%20x/" in asked
    assert asked.count("/") == 0
    assert found.listing is not None
    assert (found.listing.missed, found.listing.whole) == (2, False)


def test_lists_without_an_end_are_left() -> None:
    endless = {f"/{'a/' * n}": index("a/", "b/") for n in range(400)}
    found, asked = ask(endless, Depth.COUNT)
    assert len(asked) == viewers.PAGES_TO_FIND
    assert found.listing is not None
    assert not found.listing.shown
    shown = {path: index("a/", "b/", "1.dcm") for path in endless}
    found, asked = ask(shown, Depth.COUNT)
    assert len(asked) == viewers.PAGES_IN_ALL
    assert found.listing is not None
    assert not found.listing.whole


def test_a_front_that_wants_a_client_certificate_is_asked_nothing_more() -> None:
    found, asked = ask({"/": (400, HTML, b"<title>400 No required SSL certificate was sent</title>")})
    assert asked == []
    assert found.certificate
