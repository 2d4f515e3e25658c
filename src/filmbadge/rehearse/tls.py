"""TLS of a synthetic world: certificates made once, and contexts of servers. Nothing here opens a connection."""

from __future__ import annotations

import asyncio
import ssl
import tempfile
import warnings
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from filmbadge.rehearse.world import Tls

_HANDSHAKE = b"\x16"  # content type, RFC 8446 5.1
DAYS = 30  # for which a certificate is valid


@cache
def context(tls: Tls) -> ssl.SSLContext | None:
    """The context of a server that speaks so. All servers of a process share one certificate."""
    if tls is Tls.NONE:
        return None
    certificate, key = _made()
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory(prefix="filmbadge-") as folder:
        path = Path(folder) / "server.pem"  # the library reads files only
        path.touch(0o600)
        path.write_bytes(certificate + key)
        made.load_cert_chain(path)
    if tls is Tls.CLIENT_CERTIFICATE:
        made.verify_mode = ssl.CERT_REQUIRED
        made.load_verify_locations(cadata=certificate.decode())
    if tls is Tls.OLD:
        made.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():  # the library warns of old versions, which are wanted here
            warnings.simplefilter("ignore", DeprecationWarning)
            made.minimum_version = ssl.TLSVersion.TLSv1
            made.maximum_version = ssl.TLSVersion.TLSv1_1
    return made


class Demanding(asyncio.Protocol):
    """One connection to a server that makes a handshake with nobody who has no certificate of its own.

    asyncio drops a connection whose handshake fails, and with it the alert that says why (RFC 8446 6). Real servers send
    it. What is no handshake is closed without a word, as OpenSSL's servers do.
    """

    def __init__(self) -> None:
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        demanding = context(Tls.CLIENT_CERTIFICATE)
        assert demanding is not None
        self._handshake = demanding.wrap_bio(self._in, self._out, server_side=True)
        self._heard = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if not self._heard and data[:1] != _HANDSHAKE:
            self._transport.close()
            return
        self._heard = True
        self._in.write(data)
        try:
            self._handshake.do_handshake()
        except ssl.SSLWantReadError:
            self._transport.write(self._out.read())
        except ssl.SSLError:
            self._transport.write(self._out.read())  # the alert
            self._transport.close()
        else:
            self._transport.close()  # no other certificate than the server's own is known to it


@cache
def _made() -> tuple[bytes, bytes]:
    """A self-signed certificate and its key, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Filmbadge rehearsal"),
            x509.NameAttribute(NameOID.COMMON_NAME, "archive.rehearsal.invalid"),
        ]
    )
    now = datetime.now(UTC)
    certificate = x509.CertificateBuilder(
        issuer_name=name,
        subject_name=name,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=now - timedelta(days=1),
        not_valid_after=now + timedelta(days=DAYS),
    ).sign(key, hashes.SHA256())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM), private
