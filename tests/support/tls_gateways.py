"""Gateways that speak TLS before a DICOM port: nginx, stunnel and haproxy, each as its users configure it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from support import archives
from support.certificates import Pair

_PORTS = count(7600)


@dataclass(frozen=True)
class Door:
    """One port of a gateway. It speaks one version of TLS alone."""

    version: str  # such as "1.3"
    demands: bool = True  # a certificate of its clients; without, it knows which it would take and takes anybody


@contextmanager
def nginx(directory: Path, pair: Pair, behind: int, doors: Sequence[Door]) -> Iterator[list[int]]:
    """nginx's module for streams."""
    ports = [next(_PORTS) for _ in doors]
    servers = "".join(
        f"server {{ listen 127.0.0.1:{port} ssl; proxy_pass 127.0.0.1:{behind}; ssl_protocols TLSv{door.version};\n"
        f"ssl_certificate {pair.certificate}; ssl_certificate_key {pair.key};\n"
        f"ssl_client_certificate {pair.certificate}; ssl_verify_client {'on' if door.demands else 'off'}; }}\n"
        for port, door in zip(ports, doors, strict=True)
    )
    (directory / "nginx.conf").write_text(
        "load_module /usr/lib/nginx/modules/ngx_stream_module.so;\n"
        f"daemon off;\nmaster_process off;\nerror_log stderr;\npid {directory / 'pid'};\nevents {{}}\nstream {{\n{servers}}}\n"
    )
    command = [archives.program("nginx"), "-p", str(directory), "-c", str(directory / "nginx.conf")]
    with archives.running(command, directory, *ports):
        yield ports


@contextmanager
def stunnel(directory: Path, pair: Pair, behind: int, doors: Sequence[Door]) -> Iterator[list[int]]:
    ports = [next(_PORTS) for _ in doors]
    services = "".join(
        f"[dicom-{port}]\naccept = 127.0.0.1:{port}\nconnect = 127.0.0.1:{behind}\nsslVersion = TLSv{door.version}\n"
        f"cert = {pair.certificate}\nkey = {pair.key}\nCAfile = {pair.certificate}\n"
        + ("verifyChain = yes\n" if door.demands else "")
        for port, door in zip(ports, doors, strict=True)
    )
    (directory / "stunnel.conf").write_text(f"foreground = yes\npid = {directory / 'pid'}\n{services}")
    with archives.running([archives.program("stunnel"), "stunnel.conf"], directory, *ports):
        yield ports


@contextmanager
def haproxy(directory: Path, pair: Pair, behind: int, doors: Sequence[Door]) -> Iterator[list[int]]:
    ports = [next(_PORTS) for _ in doors]
    both = directory / "both.pem"
    both.write_bytes(pair.certificate.read_bytes() + pair.key.read_bytes())
    binds = "".join(
        f"bind 127.0.0.1:{port} ssl crt {both} ca-file {pair.certificate} verify {'required' if door.demands else 'none'} "
        f"ssl-min-ver TLSv{door.version} ssl-max-ver TLSv{door.version}\n"
        for port, door in zip(ports, doors, strict=True)
    )
    (directory / "haproxy.cfg").write_text(
        "defaults\nmode tcp\ntimeout connect 10s\ntimeout client 60s\ntimeout server 60s\n"
        f"frontend dicom\n{binds}default_backend archive\nbackend archive\nserver archive 127.0.0.1:{behind}\n"
    )
    with archives.running([archives.program("haproxy"), "-db", "-f", "haproxy.cfg"], directory, *ports):
        yield ports
