"""What we offer in a TLS handshake, and the TLS facts of a peer.

Nothing is trusted, so nothing is verified. OpenSSL itself runs in the dialer.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from enum import Enum, auto
from hashlib import sha256
from ipaddress import IPv4Address, IPv6Address

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from filmbadge.ask.wire.text import clean
from filmbadge.model import Cause, Certificate, ClientCertificate, KeyKind, Outcome, OutcomeKind, TlsFacts
from filmbadge.scope import Address, address_of

MAX_NAME, MOST_NAMES = 253, 8  # characters of a DNS name, and names of one certificate that are kept
MAX_TEXT = 64
# A peer that is there, but speaks no TLS, ends a handshake in one of these ways.
ANSWERED_NO_TLS = (OutcomeKind.OTHER_PROTOCOL, OutcomeKind.CLOSED, OutcomeKind.RESET, OutcomeKind.IDLE)

# These numbers are from RFC 8446: content types (5.1), handshake messages (4), alerts (6).
_ALERT, _HANDSHAKE = 21, 22
_CERTIFICATE_REQUEST = 13
_CLOSE_NOTIFY, _USER_CANCELED = 0, 90
_UNRECOGNIZED_NAME, _CERTIFICATE_REQUIRED = 112, 116
# Before TLS 1.3, servers send these alerts to a client that was asked for a certificate and sent none.
_REFUSALS = frozenset((40, 41, 42, 46, 48, 49, _CERTIFICATE_REQUIRED))


class Newest(Enum):
    """The newest version of TLS that we offer."""

    ANY = auto()
    V1_2 = auto()
    V1_0 = auto()


@dataclass(frozen=True, slots=True, repr=False)
class Hello:
    """What we offer in one handshake. If it fails, `after` has the next: each offers less, down to what is oldest.

    Some servers cannot make a handshake in which much is offered, and some choose of it what our library refuses, such
    as a Diffie-Hellman group of 512 bits. Others want a server name, whatever it is.
    """

    server_name: str = ""
    newest: Newest = Newest.ANY
    ciphers: str = "ALL:COMPLEMENTOFALL:@SECLEVEL=0"

    def after(self, stop: Outcome, peer: Handshake, address: Address) -> Hello | None:
        """The next hello after a handshake that ended so. None if the peer made its mind up, or nothing is left to offer."""
        if peer.asked or stop.ending not in _FAILED:
            return None
        hung_up = stop.ending is not OutcomeKind.TLS_FAILED
        if not self.server_name and stop.cause is not Cause.HANDSHAKE_FAILED:
            # RFC 6066 3 forbids an address. This name is the address's own in the DNS, so it claims nothing, and is not looked up.
            return replace(self, server_name=address.reverse_pointer)
        if hung_up and not peer.spoke:
            return None
        if self.newest is Newest.ANY:
            return replace(self, newest=Newest.V1_2, ciphers=f"{self.ciphers}:{_NO_DHE}")
        return replace(self, newest=Newest.V1_0) if self.newest is Newest.V1_2 else None


_FAILED = (OutcomeKind.TLS_FAILED, OutcomeKind.CLOSED, OutcomeKind.RESET)
_NO_DHE = "!kDHE"


class Handshake:
    """Watches one connection. `name` is the user's word for the host: a name or its address."""

    def __init__(self, name: str | Address) -> None:
        self.spoke = False  # the peer spoke TLS, however it ended
        self.asked = False  # the server asked for a client certificate, which it may do without insisting on it
        self._name = name
        self.alert: int | None = None  # the alert that told why the connection ended
        self._version = self._cipher = ""
        self._certificate: Certificate | None = None

    def received(self, content: int, kind: int) -> None:
        """Notes one TLS message from the peer, as OpenSSL understood it. For an alert, `kind` is its number."""
        if content not in (_HANDSHAKE, _ALERT):
            return
        self.spoke = True
        if content == _ALERT and kind not in (_CLOSE_NOTIFY, _USER_CANCELED):
            self.alert = int(kind)
        self.asked = self.asked or (content == _HANDSHAKE and kind == _CERTIFICATE_REQUEST)

    def established(self, version: str, cipher: str, certificate: bytes) -> None:
        self.spoke = True
        self._version, self._cipher = version, cipher
        self._certificate = read_certificate(certificate, self._name)

    def facts(self, *, heard: bool) -> TlsFacts | None:
        """The facts. None if the peer never spoke TLS. `heard` tells that the peer sent data inside TLS."""
        if not self.spoke:
            return None
        demanded = ClientCertificate.UNKNOWN
        if self.alert == _CERTIFICATE_REQUIRED or (self.asked and self.alert in _REFUSALS):
            demanded = ClientCertificate.YES
        elif heard or (self._version and not self.asked):
            demanded = ClientCertificate.NO
        return TlsFacts(self._version, self._cipher, demanded, self.alert, self._certificate)


def read_certificate(der: bytes, name: str | Address) -> Certificate | None:
    """The facts of a certificate. None if no certificate can be read."""
    try:
        with warnings.catch_warnings():  # oddities give warnings, such as a serial number of 0
            warnings.simplefilter("ignore")
            return _facts(x509.load_der_x509_certificate(der), name)
    except Exception:  # another's parser reads strangers' bytes: its errors are many, and quote what it read
        return None


def _facts(certificate: x509.Certificate, name: str | Address) -> Certificate:
    key, bits = _key(certificate)
    return Certificate(
        subject_name=_text(certificate.subject, NameOID.COMMON_NAME),
        subject_organisation=_text(certificate.subject, NameOID.ORGANIZATION_NAME),
        issuer_name=_text(certificate.issuer, NameOID.COMMON_NAME),
        issuer_organisation=_text(certificate.issuer, NameOID.ORGANIZATION_NAME),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        self_signed=_self_signed(certificate),
        key=key,
        bits=bits,
        matches=_matches(certificate, name),
        spki_sha256=sha256(_public_key(certificate.tbs_certificate_bytes)).hexdigest(),
        names=_names(certificate),
    )


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    """The DNS names that it is for (RFC 5280 4.2.1.6), the first of them."""
    try:
        others = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(clean(name, MAX_NAME) for name in others.get_values_for_type(x509.DNSName)[:MOST_NAMES])


def _public_key(tbs: bytes) -> bytes:
    """The SubjectPublicKeyInfo as it stands there (RFC 5280 4.1). A library that knows the key would write it anew."""
    offset = _header(tbs, 0)  # into the sequence
    if tbs[offset] == 0xA0:  # version
        offset = _end(tbs, offset)
    for _ in ("serial number", "signature", "issuer", "validity", "subject"):
        offset = _end(tbs, offset)
    return tbs[offset : _end(tbs, offset)]


def _header(der: bytes, offset: int) -> int:
    """Where the content of the element at `offset` begins (X.690 8.1)."""
    return offset + 2 + (der[offset + 1] & 0x7F if der[offset + 1] & 0x80 else 0)


def _end(der: bytes, offset: int) -> int:
    content = _header(der, offset)
    length = der[offset + 1]
    return content + (int.from_bytes(der[offset + 2 : content]) if length & 0x80 else length)


def _key(certificate: x509.Certificate) -> tuple[KeyKind, int | None]:
    try:
        key = certificate.public_key()
    except (UnsupportedAlgorithm, ValueError):
        return KeyKind.UNKNOWN, None
    if isinstance(key, rsa.RSAPublicKey):
        return KeyKind.RSA, key.key_size
    if isinstance(key, ec.EllipticCurvePublicKey):
        return KeyKind.EC, key.key_size
    return KeyKind.OTHER, None


def _text(name: x509.Name, kind: x509.ObjectIdentifier) -> str:
    values = name.get_attributes_for_oid(kind)
    value = values[0].value if values else ""
    return clean(value, MAX_TEXT)


def _self_signed(certificate: x509.Certificate) -> bool:
    if certificate.subject != certificate.issuer:
        return False
    try:
        certificate.verify_directly_issued_by(certificate)
    except Exception:  # the signature is of another key, or of a kind that is no longer supported
        return False
    return True


def _matches(certificate: x509.Certificate, name: str | Address) -> bool:
    """RFC 9525: compares the alternative names. The common name counts only if there are none, as in older clients."""
    try:
        others = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        common = _text(certificate.subject, NameOID.COMMON_NAME)
        return address_of(common) == name if not isinstance(name, str) else _covers(common, name)
    if isinstance(name, (IPv4Address, IPv6Address)):
        return name in others.get_values_for_type(x509.IPAddress)
    return any(_covers(pattern, name) for pattern in others.get_values_for_type(x509.DNSName))


def _covers(pattern: str, name: str) -> bool:
    """A wildcard replaces one whole label, the first (RFC 9525 6.3)."""
    pattern, name = pattern.lower().rstrip("."), name.lower().rstrip(".")
    if pattern.startswith("*."):
        return pattern[1:] == name[name.find(".") :] and "." in name
    return pattern == name
