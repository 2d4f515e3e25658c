"""Signs a proof, and checks a signature: Ed25519 (RFC 8032), in a form that `openssl` checks too.

What is signed is the text of the file before the line on which its last field, `signature`, begins. So no canonical form of
JSON is needed: a byte that was changed, a field that was added or removed, and a file that was written anew are all found.
"""

from __future__ import annotations

import base64
import binascii
import re
from hashlib import sha256
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from msgspec import Struct

from filmbadge import given
from filmbadge.model import Refusal
from filmbadge.tell.proof.document import SignatureView, VerifyDocument
from filmbadge.texts import printable

MOST_BYTES = 64 << 20
_KEY_BYTES = 64 << 10
SCHEMA = "filmbadge.verify/1"
_UNSIGNED = b'  "signature": null\n}\n'
_SIGNED = re.compile(
    rb'  "signature": \{\n    "algorithm": "Ed25519",\n    "fingerprint": "([0-9a-f]{64})",\n'
    rb'    "public_key": "([A-Za-z0-9+/]{1,200}={0,2})",\n    "value": "([A-Za-z0-9+/]{86}==)"\n  \}\n\}\n'
)
_BEGINS = b'\n  "signature": '


def private_key(path: Path) -> Ed25519PrivateKey:
    """Raises Refusal, and OSError."""
    raw = given.read(path, _KEY_BYTES)
    make = f"make one with openssl genpkey -algorithm ed25519 -out {printable(path.name)}"
    try:
        key = load_pem_private_key(raw, password=None)
    except TypeError:
        raise Refusal(f"{_shown(path)} is encrypted with a password, and verify asks for none: give a key without one, such as one for this purpose alone") from None  # fmt: skip
    except (ValueError, UnsupportedAlgorithm):
        raise Refusal(f"{_shown(path)} is no private key in PEM (PKCS#8): {make}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise Refusal(f"{_shown(path)} is a private key of another kind, and verify signs with Ed25519: {make}")
    return key


def public_key(path: Path) -> Ed25519PublicKey:
    """Raises Refusal, and OSError."""
    raw = given.read(path, _KEY_BYTES)
    make = "make it from the private key with openssl pkey -in KEY -pubout -out PUB"
    try:
        key = load_pem_public_key(raw)
    except (ValueError, UnsupportedAlgorithm):
        raise Refusal(f"{_shown(path)} is no public key in PEM: {make}") from None
    if not isinstance(key, Ed25519PublicKey):
        raise Refusal(f"{_shown(path)} is a public key of another kind, and a proof is signed with Ed25519: {make}")
    return key


def fingerprint(key: Ed25519PublicKey) -> str:
    """As `openssl pkey -pubin -in PUB -outform DER | sha256sum` shows it."""
    return sha256(_der(key)).hexdigest()


def signed(raw: bytes, key: Ed25519PrivateKey) -> bytes:
    """The bytes of a document that nobody signed, with a signature."""
    told = raw.removesuffix(_UNSIGNED)
    if told == raw:
        raise ValueError("it does not end as a document that nobody signed")
    public = key.public_key()
    value = SignatureView("Ed25519", fingerprint(public), _text(_der(public)), _text(key.sign(told)))
    lines = msgspec.json.format(msgspec.json.encode(value), indent=2).replace(b"\n", b"\n  ")
    return told + b'  "signature": ' + lines + b"\n}\n"


def of(raw: bytes) -> SignatureView | None:
    """The signature of a document, be it right or wrong."""
    return msgspec.json.decode(raw, type=VerifyDocument).signature


def read(path: Path) -> bytes:
    """A proof that somebody signed, be it rightly or not. Raises Refusal where it is none, and OSError."""
    raw = given.read(path, MOST_BYTES)
    try:
        held = msgspec.json.decode(raw[: MOST_BYTES + 1], type=_Signed)
    except (ValueError, RecursionError):
        raise Refusal(f"{_shown(path)} is no JSON document of filmbadge verify --json") from None
    if held.schema != SCHEMA:
        raise Refusal(f"{_shown(path)} is another document than {SCHEMA}")
    if held.signature is None:
        raise Refusal(f"{_shown(path)} has no signature: filmbadge verify --sign KEY --json makes one")
    return raw


def genuine(raw: bytes, key: Ed25519PublicKey) -> VerifyDocument | None:
    """What was signed with this key; None where these are not the bytes that it signed."""
    told, _, tail = raw.rpartition(_BEGINS)
    held = _SIGNED.fullmatch(_BEGINS[1:] + tail)
    if held is None:
        return None
    named, public, value = held.groups()
    if (named.decode(), public.decode()) != (fingerprint(key), _text(_der(key))):
        return None
    try:
        signature = base64.b64decode(value, validate=True)
        key.verify(signature, told + b"\n")
        if _text(signature).encode() != value:  # another spelling of the same bytes
            return None
        return msgspec.json.decode(raw, type=VerifyDocument)
    except (InvalidSignature, binascii.Error, ValueError, RecursionError):
        return None


class _Signed(Struct):
    schema: str = ""
    signature: object = None


def _der(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _shown(path: Path) -> str:
    return printable(str(path))
