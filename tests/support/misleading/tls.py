"""Contexts of TLS servers, with one certificate for all of a run."""

from __future__ import annotations

import ssl
import tempfile
import warnings
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from support import certificates


@cache
def pair() -> certificates.Pair:
    folder = Path(tempfile.mkdtemp(prefix="misleading-"))
    return certificates.make(folder, name="pacs.invalid", key=ec.generate_private_key(ec.SECP256R1()))


def usual() -> ssl.SSLContext:
    return pair().server()


def named_only() -> ssl.SSLContext:
    """Refuses who gives no server name."""
    context = pair().server()

    def check(_: ssl.SSLObject, name: str | None, __: ssl.SSLContext) -> int | None:
        return None if name else ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME

    context.sni_callback = check
    return context


def with_certificate() -> ssl.SSLContext:
    """Demands a certificate that nobody has."""
    return pair().server(client=pair().certificate)


def oldest() -> ssl.SSLContext:
    """TLS 1.0 alone."""
    context = pair().server()
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1
    return context


def old() -> ssl.SSLContext:
    """No later version than 1.2."""
    context = pair().server()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context
