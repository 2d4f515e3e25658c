"""nginx before real archives, with real viewers' pages and with pages of no archive at all."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from threading import Event, Thread

from support import archives
from support.certificates import Pair
from support.hanging import HANGS

_PORTS = count(7300)
DICOMWEB = "/usr/share/orthanc/plugins/libOrthancDicomWeb.so"  # Orthanc's plugin, of orthanc-dicomweb
OHIF = Path(__file__).parents[1] / "npm" / "node_modules" / "@ohif" / "app" / "dist"


@dataclass(frozen=True)
class Tls:
    pair: Pair
    client: Path | None = None  # certificates that it issued are demanded


@contextmanager
def nginx(directory: Path, server: str, *, tls: Tls | None = None, host: str = "127.0.0.1") -> Iterator[int]:
    """nginx with what stands in its one server block. Gives its port, at `host` alone."""
    port = next(_PORTS)
    own = directory / f"nginx-{port}"
    own.mkdir()
    secured = ""
    if tls is not None:
        secured = f"ssl_certificate {tls.pair.certificate};\nssl_certificate_key {tls.pair.key};\n"
        if tls.client is not None:
            secured += f"ssl_client_certificate {tls.client};\nssl_verify_client on;\n"
    listen = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    temporary = "".join(
        f"{kind}_temp_path {own / kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (own / "nginx.conf").write_text(
        f"daemon off;\nmaster_process off;\nerror_log stderr;\npid {own / 'pid'};\nevents {{}}\n"
        f"http {{\n{temporary}access_log off;\ntypes {{ text/html html; application/javascript js; image/x-icon ico; }}\n"
        f"server {{\nlisten {listen}{' ssl' if tls else ''};\n{secured}{server}\n}}\n}}\n"
    )
    with archives.running([archives.program("nginx"), "-p", str(own), "-c", str(own / "nginx.conf")], own, port):
        yield port


def before(port: int, path: str = "/") -> str:
    """A server block's location that hands everything below a path on."""
    return f"location {path} {{ proxy_pass http://127.0.0.1:{port}; proxy_http_version 1.1; }}\n"


def basic(directory: Path) -> str:
    """What makes a location ask for a password that nobody has."""
    file = directory / "users"
    file.write_text("nobody:!\n")
    return f'auth_basic "restricted"; auth_basic_user_file {file};\n'


def ohif(directory: Path, configuration: str, *, archive: int = 0) -> str:
    """OHIF's pages as they are built, with a configuration, and an archive's DICOMweb behind the same port."""
    assert OHIF.exists(), "`make test` installs what tests/npm needs (scripts/npm)"
    file = directory / "app-config.js"
    file.write_text(configuration)
    return (
        f"root {OHIF};\nlocation = /app-config.js {{ alias {file}; }}\n"
        + (before(archive, "/dicom-web/") if archive else "")
        + "location / { try_files $uri /index.html; }\n"
    )


def configuration(root: str, *, more: str = "") -> str:
    """OHIF's configuration, as its documentation writes one, with the roots of an archive."""
    return (
        "/** @type {AppTypes.Config} */\nwindow.config = {\n  routerBasename: '/',\n  showStudyList: true,\n"
        "  // qidoRoot: 'https://commented.example/dicom-web',\n"
        "  dataSources: [\n    {\n      namespace: '@ohif/extension-default.dataSourcesModule.dicomweb',\n"
        "      sourceName: 'dicomweb',\n      configuration: {\n        name: 'archive',\n"
        f"        wadoUriRoot: '{root}',\n        qidoRoot: '{root}',\n        wadoRoot: '{root}',\n      }},\n    }},\n  ],\n{more}}};\n"
    )


def listing(root: Path) -> str:
    """A folder that nginx lists to anybody."""
    return f"root {root};\nautoindex on;\n"


def fallback(directory: Path, title: str = "Canteen") -> str:
    """A single-page application: 200 and its page, whatever is asked for."""
    root = directory / "app"
    root.mkdir(exist_ok=True)
    (root / "index.html").write_text(f'<!doctype html><title>{title}</title><div id="root"></div>')
    return f"root {root};\nlocation / {{ try_files $uri /index.html; }}\n"


@contextmanager
def unvisited(host: str) -> Iterator[tuple[int, Callable[[], int]]]:
    """A port to which nobody must connect, and how many did until now."""
    with socket.create_server((host, 0)) as listener, ExitStack() as connections:
        listener.setblocking(False)

        def came() -> int:
            with suppress(BlockingIOError):
                while True:  # they are in the kernel's queue
                    connections.enter_context(listener.accept()[0])
                    seen.append(1)
            return len(seen)

        seen: list[int] = []
        yield listener.getsockname()[1], came


@contextmanager
def relay(address: str, behind: int, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """A port that hands everything on to another, out of TLS where it has a context. Gives its number."""
    up, down = Event(), Event()
    ports: list[int] = []

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", behind)
        await asyncio.gather(copy(reader, inner_writer), copy(inner_reader, writer))

    async def serve() -> None:
        async with await asyncio.start_server(carry, address, 0, ssl=context) as server:
            ports.append(server.sockets[0].getsockname()[1])
            up.set()
            await asyncio.to_thread(down.wait)

    thread = Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert up.wait(HANGS)
    try:
        yield ports[0]
    finally:
        down.set()
        thread.join()
