"""Web viewers, portals and lists of files, by the marks of their pages.

| depth     | asked                                                                                      |
|-----------|--------------------------------------------------------------------------------------------|
| `knock`   | the front page, and where it leads on the same host and port                               |
| `ask`     | and the icon; the pages of the catalogue that are no front pages; OHIF's configuration;    |
|           | folders of a list of files, until one shows a DICOM file                                   |
| `count`   | and all its folders, to a bound                                                            |
| `profile` | and the list of patients of a viewer that has one: its rows are counted                    |
| `prove`   | and the head of one file of the list                                                       |

No page that lists patients is asked for below `profile`. A list of files has names in it that may be those of patients:
they are looked at, counted and forgotten.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field

import msgspec

from filmbadge.ask.pages import marks
from filmbadge.ask.wire.http import Origin, Request, Response
from filmbadge.ask.wire.reference import locate
from filmbadge.catalogue.pages import Login
from filmbadge.catalogue.pages import pages as catalogue
from filmbadge.model import Cause, ConfiguredRoot, Depth, Fingerprint, FingerprintKind, Listing

HTML = "text/html, */*"
HOPS = 2  # redirects that are followed on the same host and port
PAGES_TO_FIND, PAGES_IN_ALL = 8, 200  # pages of a list of files: until one shows a DICOM file, and in all
PAGE_BYTES = 256 * 1024
LIST_BYTES = 1024 * 1024
HEAD = 4096  # bytes of one file that are read
MOST_PLACES, MOST_PATH = 2, 128

Requests = Generator[Request, Response, None]


@dataclass
class PagesProgress:
    """Facts that the pages of one port showed so far. They outlive a visit that breaks off."""

    signs: list[Fingerprint] = field(default_factory=list)
    viewer: str = ""
    login: bool | None = None
    certificate: bool = False
    names: tuple[ConfiguredRoot, ...] = ()
    listing: Listing | None = None
    patients: int | None = None
    led: list[str] = field(default_factory=list, repr=False)  # paths of this host to which its front page led


def identify(found: PagesProgress, site: Origin, front: Response, depth: Depth, *, catch_all: bool) -> Requests:
    """Asks for all pages of one port after its front page.

    `catch_all` says that the service answers every path alike, so no further page is worth a question.
    """
    page = yield from _lead(found, front, site)
    if not depth.reaches(Depth.ASK) or found.certificate:
        return
    if page.status == 200 and not catch_all:
        icon = yield Request("/favicon.ico", accept="image/*, */*")
        if icon.status == 200 and icon.media_type != "text/html" and not icon.cut:
            found.signs += marks.favicon(icon.body)
    if page.status == 200 and (top := marks.folder(page.body)) is not None:
        yield from _walk(found, site, page.request.path, top, depth)
    else:
        for row in () if found.viewer or catch_all else catalogue().path:
            page = yield from _lead(found, (yield Request(row.path, accept=HTML)), site)
            if found.viewer:
                break
    if found.viewer == "OHIF":
        yield from _configuration(found, site, page)
    if found.viewer == "PixelMed" and depth.reaches(Depth.PROFILE):
        listed = yield Request("/?requestType=PATIENTLIST", accept=HTML, most_bytes=LIST_BYTES)
        if listed.status == 200 and listed.stop is None:
            found.patients = marks.patients_listed(listed.body)


def _lead(found: PagesProgress, reply: Response, site: Origin) -> Generator[Request, Response, Response]:
    """Follows redirects on this host and port, also a page's own. All signs on the way are taken."""
    for hop in range(HOPS + 1):
        _take(found, reply)
        refresh = marks.refresh(reply.body) if reply.status == 200 else None
        goes = reply.goes if refresh is None else site.local(refresh, reply.request.path)
        hint = reply.hint if refresh is None else goes
        found.led += [hint] if hint is not None else []
        if goes is None or goes == reply.request.path or hop == HOPS:
            break
        reply = yield Request(goes, accept=HTML)
    return reply


def places(led: list[str]) -> list[str]:
    """Paths below which a service may stand, by those to which a front page led: the two folders nearest to the root."""
    found: dict[str, None] = {}
    for target in led:
        folders = target.partition("?")[0].split("/")[1:-1]
        found |= dict.fromkeys("/" + "/".join(folders[:depth]) for depth in (1, 2) if len(folders) >= depth)
    return [path for path in found if "//" not in path and len(path) <= MOST_PATH][:MOST_PLACES]


def _take(found: PagesProgress, reply: Response) -> None:
    seen = marks.seen(reply.headers, reply.body, reply.realm)
    found.signs += seen.signs
    found.certificate = found.certificate or (reply.status == 400 and marks.demands_certificate(reply.body))
    if seen.product and not found.viewer:
        found.viewer = seen.product
        guarded = reply.status in (401, 403) or seen.login is Login.DEMANDED
        found.login = True if guarded else False if seen.login is Login.NONE and reply.status == 200 else None


def _configuration(found: PagesProgress, site: Origin, page: Response) -> Requests:
    """Reads OHIF's configuration: the roots of its archive, and whether it demands a login."""
    path = site.local(marks.script(page.body) or "/app-config.js", page.request.path)
    if path is None:
        return
    reply = yield Request(path, accept="*/*", most_bytes=PAGE_BYTES)
    held = marks.configuration(reply.body) if reply.status == 200 and reply.stop is None else None
    if held is None:
        return
    found.signs.append(Fingerprint("OHIF", FingerprintKind.API))
    found.login = held.login
    found.names = tuple(dict.fromkeys(_named(site, held.roots, page.request.path)))


def _named(site: Origin, roots: tuple[str, ...], base: str) -> Iterator[ConfiguredRoot]:
    for root in roots:
        place = locate(root, base, tls=site.tls)
        if place is None:
            yield ConfiguredRoot("", 0, "", outside=True, why=Cause.REFERENCE_REFUSED)
        elif site.local(root, base) is not None:
            yield ConfiguredRoot("", site.port, place.path.partition("?")[0], site.tls)
        else:
            yield ConfiguredRoot(place.host, place.port, place.path.partition("?")[0], place.tls)


def _walk(found: PagesProgress, site: Origin, path: str, top: marks.Folder, depth: Depth) -> Requests:
    """Walks through the folders of a list of files, breadth first. Their names stay in memory only during this walk."""
    waiting: deque[str] = deque()
    known = {path}
    first = ""
    listing = Listing(0)
    here: marks.Folder | None = top
    while True:
        if here is not None:
            for link in here.folders:
                below = site.local(link, path)
                if below is None:
                    listing = msgspec.structs.replace(listing, missed=listing.missed + 1)
                elif below not in known and below.startswith(path.rpartition("/")[0] + "/"):
                    known.add(below)
                    waiting.append(below)
            first = first or (here.first and site.local(here.first, path)) or ""
        found.listing = listing = _added(listing, here, whole=not waiting)
        shown = listing.files or listing.dicomdir
        most = PAGES_IN_ALL if shown and depth.reaches(Depth.COUNT) else 0 if shown else PAGES_TO_FIND
        if not waiting or len(known) - len(waiting) >= most:
            break
        path = waiting.popleft()
        reply = yield Request(path, accept=HTML, most_bytes=PAGE_BYTES)
        whole = reply.status == 200 and reply.stop is None and not reply.cut
        here = marks.folder(reply.body) if whole else None
    if first and depth.reaches(Depth.PROVE):
        head = yield Request(first, accept="*/*", most_bytes=HEAD, leave=True)
        if head.body[128:132] == b"DICM":  # PS3.10 7.1
            found.listing = msgspec.structs.replace(listing, proof=head.size)


def _added(listing: Listing, here: marks.Folder | None, *, whole: bool) -> Listing:
    if here is None:  # this folder did not show its contents
        return msgspec.structs.replace(listing, missed=listing.missed + 1, whole=False)
    return Listing(
        listing.files + here.files,
        listing.folders + 1,
        missed=listing.missed,
        dicomdir=listing.dicomdir or here.dicomdir,
        whole=whole and not listing.missed,
    )
