"""Pages of a synthetic web server."""

from __future__ import annotations

from filmbadge.rehearse import image
from filmbadge.rehearse.dicomweb import FILE, NOT_FOUND, Reply
from filmbadge.rehearse.world import Archive, Web

_HTML = "text/html"
_OHIF = b"""<!doctype html><html><head><meta name="application-name" content="OHIF Viewer"/><title>OHIF Viewer</title>
<script src="/app-config.js"></script></head><body><div id="root"></div></body></html>"""
_CONFIGURATION = """window.config = {{ routerBasename: '/', dataSources: [{{
  namespace: '@ohif/extension-default.dataSourcesModule.dicomweb',
  configuration: {{ qidoRoot: '{0}', wadoRoot: '{0}' }} }}] }};"""
_FILES = b"""<html><head><title>Index of /</title></head><body><h1>Index of /</h1><pre><a href="../">../</a>
<a href="menu.pdf">menu.pdf</a><a href="pictures/">pictures/</a></pre></body></html>"""
LISTED = 40  # files of a list, at most
_FOLDER = "/images/"


def page(archive: Archive, path: str) -> Reply:
    """The page at a path."""
    front = path == "/"
    match archive.web:
        case Web.EXPLORER if front:
            return Reply("301 Moved Permanently", ("Location: app/explorer.html",))
        case Web.EXPLORER if path == "/app/explorer.html":
            return _html(b"<html><head><title>Orthanc Explorer</title></head></html>")
        case Web.VIEWER if path == "/app-config.js":
            root = archive.viewer_of or archive.dicomweb or "/dicom-web"
            return Reply("200 OK", kind="application/javascript", body=_CONFIGURATION.format(root).encode())
        case Web.VIEWER:
            return _html(_OHIF)
        case Web.CATCH_ALL:
            return _html(b"<html><head><title>Canteen</title></head><body>DICOM soup, 11112 calories</body></html>")
        case Web.FILES if front:
            return _html(_FILES)
        case Web.DICOM_FILES:
            return _files(archive, path)
        case Web.MOVED:
            return Reply("302 Found", ("Location: http://192.0.2.1/",))
    return NOT_FOUND


def _html(body: bytes) -> Reply:
    return Reply("200 OK", kind=_HTML, body=body)


def _files(archive: Archive, path: str) -> Reply:
    """A plain list of DICOM files in one folder: the first image of each of the first studies."""
    contents = archive.contents
    count = min(contents.studies, LISTED)
    if path == "/":
        return _html(_index("/", [_FOLDER.strip("/") + "/"]))
    if path == _FOLDER:
        return _html(_index(_FOLDER, [f"{number:06d}.dcm" for number in range(count)]))
    name = path.removeprefix(_FOLDER).removesuffix(".dcm")
    if not name.isdecimal() or int(name) >= count:
        return NOT_FOUND
    number = int(name)
    uids = contents.uid(number), contents.series_uid(number, 0), contents.instance_uid(number, 0, 0)
    return Reply("200 OK", kind=FILE, body=image.file(contents.sop_class(number), uids))


def _index(folder: str, names: list[str]) -> bytes:
    links = "\n".join(f'<a href="{name}">{name}</a>' for name in names)
    title = f"Index of {folder}"
    return f"<html><head><title>{title}</title></head><body><h1>{title}</h1><pre>{links}</pre></body></html>".encode()
