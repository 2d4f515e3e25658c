"""Certificates made for one test, and servers that use them on loopback."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from threading import Thread

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, in files."""

    certificate: Path
    key: Path

    def server(self, *, client: Path | None = None) -> ssl.SSLContext:
        """A server's context; with `client`, one that demands a certificate issued by that one."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        if client is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(client)
        return context


def make(
    directory: Path,
    *,
    name: str = "pacs.example",
    organisation: str = "Example Hospital",
    issuer: str = "",
    alternatives: tuple[str, ...] = (),
    begin: timedelta = timedelta(days=-1),
    end: timedelta = timedelta(days=30),
    key: Key | None = None,
) -> Pair:
    """Self-signed, or else signed by a key that is thrown away."""
    key = key or rsa.generate_private_key(65537, 2048)
    subject = _name(name, organisation)
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(
        issuer_name=_name(issuer, "Example Trust") if issuer else subject,
        subject_name=subject,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=now + begin,
        not_valid_after=now + end,
    )
    if alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName([_general(a) for a in alternatives]), False)
    signer = rsa.generate_private_key(65537, 2048) if issuer else key
    made = builder.sign(signer, hashes.SHA256())
    pair = Pair(directory / f"{name}.crt", directory / f"{name}.key")
    pair.certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    pair.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
    )
    return pair


def _name(common: str, organisation: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
            x509.NameAttribute(NameOID.COMMON_NAME, common),
        ]
    )


def _general(alternative: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(alternative))
    except ValueError:
        return x509.DNSName(alternative)


@contextmanager
def serving(
    context: ssl.SSLContext,
    answer: Callable[[bytes], bytes],
    to_plain: bytes = b"",
    refuses: Callable[[bytes], bytes | None] = lambda _: None,
) -> Iterator[int]:
    """A TLS server in a thread, with blocking sockets: unlike asyncio's, it sends its alerts. Gives its port.

    To who speaks something else it says `to_plain`, and closes. If `refuses` has bytes for a ClientHello, it says them, and
    closes.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with suppress(OSError), connection:
                    connection.settimeout(5)
                    if connection.recv(1, socket.MSG_PEEK) != b"\x16":
                        connection.recv(65536)
                        connection.sendall(to_plain)
                        continue
                    if (said := refuses(connection.recv(65536, socket.MSG_PEEK))) is not None:
                        connection.recv(65536)
                        connection.sendall(said)
                        continue
                    with context.wrap_socket(connection, server_side=True) as secured:
                        secured.sendall(answer(secured.recv(65536)))
                        while secured.recv(65536):
                            pass

        thread = Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
