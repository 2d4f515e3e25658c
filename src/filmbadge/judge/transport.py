"""Judges the transport of one connection by DICOM PS3.15 B.12 (BCP 195: RFC 8996, RFC 9325).

One handshake shows what the service negotiated with us, and not everything that it supports. We offer old versions and
weak ciphers, so a bad result proves that the service accepts them. A good result does not prove that it accepts nothing
else.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from filmbadge.judge.ladder import IMAGING
from filmbadge.model import Certificate, ClientCertificate, KeyKind, Observation, TlsFacts, Transport, Verdict

WEAK = frozenset(
    {
        Transport.OLD_VERSION,
        Transport.NO_FORWARD_SECRECY,
        Transport.NO_AEAD,
        Transport.UNAUTHENTICATED,
        Transport.SHORT_KEY,
        Transport.EXPIRED,
        Transport.NOT_YET_VALID,
    }
)
_MODERN = ("TLSv1.2", "TLSv1.3")
_SHORTEST = {KeyKind.RSA: 2048, KeyKind.EC: 224}  # in bits; these give 112 bits of strength, RFC 9325 4


def measure(seen: Observation, verdict: Verdict) -> tuple[Transport, ...]:
    """The transport of one endpoint. Empty if it has neither TLS nor an imaging service.

    Missing facts prove nothing.
    """
    if seen.tls is not None:
        return tuple(_findings(seen.tls, seen.at))
    return (Transport.PLAIN,) if verdict.rung in IMAGING else ()


def _findings(facts: TlsFacts, at: datetime) -> Iterator[Transport]:
    if facts.client_certificate is ClientCertificate.YES:
        yield Transport.CLIENT_CERTIFICATE
    if not facts.version:
        yield Transport.NOT_SEEN
    elif facts.version not in _MODERN:
        yield Transport.OLD_VERSION
    if facts.cipher and facts.version != "TLSv1.3":  # every cipher of TLS 1.3 is sound
        yield from _cipher(facts.cipher)
    if facts.certificate is not None:
        yield from _certificate(facts.certificate, at)


def _cipher(name: str) -> Iterator[Transport]:
    """The weaknesses of a cipher. `name` is OpenSSL's, such as `ECDHE-RSA-AES128-GCM-SHA256`."""
    if name.startswith(("ADH-", "AECDH-")):
        yield Transport.UNAUTHENTICATED
    elif not name.startswith(("ECDHE-", "DHE-")):
        yield Transport.NO_FORWARD_SECRECY
    if not any(mode in name for mode in ("GCM", "CCM", "POLY1305")):
        yield Transport.NO_AEAD


def _certificate(held: Certificate, at: datetime) -> Iterator[Transport]:
    if held.bits is not None and held.bits < _SHORTEST.get(held.key, 0):
        yield Transport.SHORT_KEY
    if at > held.not_after:
        yield Transport.EXPIRED
    if at < held.not_before:
        yield Transport.NOT_YET_VALID
    if held.self_signed:
        yield Transport.SELF_SIGNED
    if not held.matches:
        yield Transport.OTHER_NAME
