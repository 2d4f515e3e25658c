"""What one handshake shows, against PS3.15 B.12. Missing facts say nothing."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from filmbadge.judge.ladder import place
from filmbadge.judge.transport import measure
from filmbadge.model import (
    Certificate,
    ClientCertificate,
    DimseFacts,
    KeyKind,
    Observation,
    Outcome,
    OutcomeKind,
    TlsFacts,
    Transport,
)
from support.factories import AT, DISCLOSED, admitted, dimse

GOOD = Certificate("pacs", "", "ca", "", AT - timedelta(1), AT + timedelta(1), False, KeyKind.RSA, 2048, True)
ECDHE = "ECDHE-RSA-AES128-GCM-SHA256"


def found(tls: TlsFacts | None, seen: Observation | None = None) -> tuple[Transport, ...]:
    seen = msgspec.structs.replace(seen or dimse(admitted(DISCLOSED)), tls=tls)
    return measure(seen, place(seen))


def held(**changed: object) -> TlsFacts:
    return TlsFacts("TLSv1.3", "TLS_AES_256_GCM_SHA384", certificate=msgspec.structs.replace(GOOD, **changed))


def test_plain_is_said_of_imaging_services_only() -> None:
    assert found(None) == (Transport.PLAIN,)
    assert found(None, dimse(DimseFacts(called="ANY-SCP"), stop=Outcome(OutcomeKind.REFUSED))) == ()
    assert found(None, dimse(DimseFacts(called="ANY-SCP"), stop=Outcome(OutcomeKind.CLOSED))) == ()


@pytest.mark.parametrize(
    ("version", "cipher", "findings"),
    [
        ("TLSv1.3", "TLS_CHACHA20_POLY1305_SHA256", ()),
        ("TLSv1.2", ECDHE, ()),
        ("TLSv1.2", "ECDHE-ECDSA-CHACHA20-POLY1305", ()),
        ("TLSv1.2", "DHE-RSA-AES256-CCM8", ()),
        ("TLSv1.2", "AES128-GCM-SHA256", (Transport.NO_FORWARD_SECRECY,)),
        ("TLSv1.2", "ECDHE-RSA-AES256-SHA", (Transport.NO_AEAD,)),
        ("TLSv1.2", "DES-CBC3-SHA", (Transport.NO_FORWARD_SECRECY, Transport.NO_AEAD)),
        ("TLSv1.2", "ADH-AES256-GCM-SHA384", (Transport.UNAUTHENTICATED,)),
        ("TLSv1", "ECDHE-RSA-AES128-SHA", (Transport.OLD_VERSION, Transport.NO_AEAD)),
        ("SSLv3", "", (Transport.OLD_VERSION,)),
    ],
)
def test_versions_and_ciphers(version: str, cipher: str, findings: tuple[Transport, ...]) -> None:
    assert found(TlsFacts(version, cipher)) == findings


@pytest.mark.parametrize(
    ("changed", "findings"),
    [
        ({}, ()),
        ({"not_after": AT - timedelta(seconds=1)}, (Transport.EXPIRED,)),
        ({"not_before": AT + timedelta(seconds=1)}, (Transport.NOT_YET_VALID,)),
        ({"self_signed": True}, (Transport.SELF_SIGNED,)),
        ({"matches": False}, (Transport.OTHER_NAME,)),
        ({"bits": 1024}, (Transport.SHORT_KEY,)),
        ({"key": KeyKind.EC, "bits": 256}, ()),
        ({"key": KeyKind.EC, "bits": 192}, (Transport.SHORT_KEY,)),
        ({"key": "other", "bits": None}, ()),
        ({"key": "unknown", "bits": 5}, ()),
    ],
)
def test_certificates(changed: dict[str, object], findings: tuple[Transport, ...]) -> None:
    assert found(held(**changed)) == findings


def test_what_is_missing_says_nothing() -> None:
    assert found(TlsFacts()) == (Transport.NOT_SEEN,)
    demanded = TlsFacts(client_certificate=ClientCertificate.YES, alert=116)
    assert found(demanded, dimse(DimseFacts(called="ANY-SCP"))) == (Transport.CLIENT_CERTIFICATE, Transport.NOT_SEEN)
