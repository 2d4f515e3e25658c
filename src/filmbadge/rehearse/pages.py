"""Pages of a synthetic web server."""

from __future__ import annotations

from filmbadge.rehearse.world import Web

_HTML = b"200 OK\r\nContent-Type: text/html"
_NONE = (b"404 Not Found", b"")
_OHIF = b"""<!doctype html><html><head><meta name="application-name" content="OHIF Viewer"/><title>OHIF Viewer</title>
<script src="/app-config.js"></script></head><body><div id="root"></div></body></html>"""
_CONFIGURATION = b"""window.config = { routerBasename: '/', dataSources: [{
  namespace: '@ohif/extension-default.dataSourcesModule.dicomweb',
  configuration: { qidoRoot: '/dicom-web', wadoRoot: '/dicom-web' } }] };"""
_FILES = b"""<html><head><title>Index of /</title></head><body><h1>Index of /</h1><pre><a href="../">../</a>
<a href="menu.pdf">menu.pdf</a><a href="pictures/">pictures/</a></pre></body></html>"""


def page(web: Web, path: bytes) -> tuple[bytes, bytes]:
    """The page at a path: status line with headers, and body."""
    front = path == b"/"
    match web:
        case Web.EXPLORER if front:
            return b"301 Moved Permanently\r\nLocation: app/explorer.html", b""
        case Web.EXPLORER if path == b"/app/explorer.html":
            return _HTML, b"<html><head><title>Orthanc Explorer</title></head></html>"
        case Web.VIEWER if path == b"/app-config.js":
            return b"200 OK\r\nContent-Type: application/javascript", _CONFIGURATION
        case Web.VIEWER:
            return _HTML, _OHIF
        case Web.CATCH_ALL:
            return _HTML, b"<html><head><title>Canteen</title></head><body>DICOM soup, 11112 calories</body></html>"
        case Web.FILES if front:
            return _HTML, _FILES
        case Web.LOGIN:
            return b'401 Unauthorized\r\nWWW-Authenticate: Basic realm="intranet"', b""
        case Web.MOVED:
            return b"302 Found\r\nLocation: http://192.0.2.1/", b""
    return _NONE
