"""Texts that others wrote: which records may hold them, how long each may be, and how a text is made safe.

There are two gates. Every record of `model` passes its texts through `clean` whenever it is made, by a probe or from a
kept file. Everything that is shown passes `printable`.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple
from unicodedata import category

_UNPRINTABLE = re.compile(r"[^ -~]")
# These have a width of zero or look like a blank, and count as letters or marks: Default_Ignorable_Code_Point of Unicode.
_INVISIBLE = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
INSTEAD = "?"


def clean(raw: str | bytes, limit: int) -> str:
    """Another's words as printable ASCII, of at most `limit` characters. Anything else is replaced by question marks."""
    text = raw[:limit].decode("ascii", "replace") if isinstance(raw, bytes) else raw[:limit]
    text = text.strip(" \0")
    return text if text.isascii() and text.isprintable() else _UNPRINTABLE.sub(INSTEAD, text)


def printable(text: str) -> str:
    """The text as it may be shown: letters of any script stay, and what steers a terminal or a browser is replaced.

    That is every control character, line end, direction mark, character without a width, and half of a surrogate pair.
    """
    if text.isascii() and text.isprintable():
        return text
    kept = "".join(sign if sign.isprintable() or category(sign) == "Zs" else INSTEAD for sign in text)
    return _INVISIBLE.sub(INSTEAD, kept)


def lines(text: str) -> str:
    """The same, but its line ends stay."""
    return "\n".join(map(printable, text.split("\n")))


# Where a peer's own words are shown, beside the column `observation` of a dataset.
CARD = "`check --json`, with the facts of TLS"
NAMES = "the column `names` of `archives`"
REASON = "the reason of a rung, in every document and on every page; the column `said` of `endpoints`"
HINTS = "hints of who runs an archive, in every document and on every page; the column `hints` of `archives`"
FEEDS = "the name of its address, in every feed that has a place for it"
PRODUCT = "the product, in every document, on every page and in every feed; the columns of products and toolkits"


class Text(NamedTuple):
    """A field of a record that holds a text. With `what` a peer wrote it."""

    limit: int  # characters
    what: str = ""
    source: str = ""  # where a peer says it
    shown: tuple[str, ...] = ()
    any_script: bool = False  # words of the user's own sources: letters of any script stay


_AC = "A-ASSOCIATE-AC, PS3.7 D.3.3.2"
_REALM = Text(64, "realm of a login", "`WWW-Authenticate`, RFC 9110 11.5", (REASON,))
_SUBJECT, _ISSUER = "TLS certificate, RFC 5280 4.1.2.6", "TLS certificate, RFC 5280 4.1.2.4"
_OHIF = "`app-config.js` of OHIF"

# A peer's own words. `docs/restraint.md` has them as a table.
PEER: Mapping[str, Text] = MappingProxyType(
    {
        "DimseFacts.implementation_uid": Text(64, "implementation class UID", _AC),
        "DimseFacts.implementation_version": Text(16, "implementation version name", _AC, (PRODUCT,)),
        "Proof.sop_class": Text(64, "SOP class of the instance that is begun at `prove`: digits and dots", "C-FIND-RSP, PS3.4 C.4.1"),
        "OrthancFacts.version": Text(64, "version of Orthanc", "`/system`", (PRODUCT,)),
        "OrthancFacts.aet": Text(64, "AE title of Orthanc", "`/system`", (NAMES, HINTS)),
        "OrthancFacts.base": Text(128, "path below which Orthanc stands", "a redirect of its own, or one of ours"),
        "OrthancFacts.realm": _REALM,
        "Dcm4cheeFacts.aets": Text(16, "AE titles of dcm4chee-arc, at most 32", "`/dcm4chee-arc/aets`", (NAMES, REASON, HINTS)),
        "DicomWebFacts.realm": _REALM,
        "DicomWebFacts.root": Text(1024, "path of DICOMweb", "a viewer's configuration, a product's titles, or one of ours", (REASON,)),
        "PageFacts.realm": _REALM,
        "ConfiguredRoot.host": Text(253, "host of a viewer's archive", _OHIF),
        "ConfiguredRoot.path": Text(1024, "path of a viewer's archive", _OHIF, (REASON,)),
        "Fingerprint.version": Text(64, "version of a product", "a version name, page or header that the catalogue knows to carry it", (PRODUCT,)),
        "Observation.reverse_name": Text(253, "name of an archive's address, if the scope says `reverse_names`", "PTR of the DNS, RFC 1035 3.5", (HINTS, FEEDS)),
        "Certificate.subject_name": Text(64, "common name of the subject", _SUBJECT, (CARD, NAMES, HINTS)),
        "Certificate.subject_organisation": Text(64, "organisation of the subject", _SUBJECT, (CARD, HINTS)),
        "Certificate.names": Text(253, "DNS names of the subject, at most 8", "TLS certificate, RFC 5280 4.2.1.6", (CARD, HINTS)),
        "Certificate.issuer_name": Text(64, "common name of the issuer", _ISSUER, (CARD,)),
        "Certificate.issuer_organisation": Text(64, "organisation of the issuer", _ISSUER, (CARD,)),
    }
)  # fmt: skip

# Made of a peer's words by `judge`, or words of ours, of the catalogue or of the user. They are bounded too: a folder of
# somebody else may say anything.
OTHERS: Mapping[str, Text] = MappingProxyType(
    {
        "Verdict.said": Text(1024),  # a realm, a root, a product, a SOP class
        "Product.product": Text(64),  # of the catalogue
        "Product.toolkit": Text(64),  # the catalogue's, with the number of its version
        "Product.version": Text(64),  # as Fingerprint.version
        "Hint.endpoint": Text(128),
        "Hint.what": Text(253),  # as OrthancFacts.aet, Certificate.subject_name and Observation.reverse_name
        "Identity.names": Text(64),  # as OrthancFacts.aet and Certificate.subject_name
        "Identity.product": Text(64),  # as Product.product
        "Identity.spki_sha256": Text(64),  # digests
        "Certificate.spki_sha256": Text(64),  # a digest
        "TlsFacts.cipher": Text(64),  # as OpenSSL calls it
        "TlsFacts.version": Text(64),
        "Outcome.error": Text(64),  # the name of a type of ours, or OpenSSL's of a failure
        "Archive.address": Text(64),
        "Archive.advisories": Text(64),  # of the catalogue
        "Archive.configuration": Text(64),  # a digest of ports, versions, verdicts and counts
        "Archive.id": Text(64),  # an address and a port
        "Archive.perhaps_same": Text(64),  # as Archive.id
        "Proof.transfer_syntax": Text(64),  # one of those we proposed
        "JournalRow.address": Text(64),
        "JournalRow.question": Text(512),  # ours, and a name that is looked up
        "DicomWebFacts.accept": Text(128),  # of a closed list
        "DicomWebFacts.media_type": Text(128),  # of a closed list
        "DicomWebFacts.wildcard": Text(64),  # of a closed list
        "WebProof.media_type": Text(128),  # of a closed list
        "DimseFacts.called": Text(16),  # ours, or the scope's
        "Endpoint.address": Text(64),
        "Finding.about": Text(64),  # of the catalogue, or as DimseFacts.called
        "Finding.archive": Text(64),
        "Fingerprint.product": Text(64),  # of the catalogue
        "Host.address": Text(64),
        "Host.name": Text(253),  # as the user gave it
        "Host.unasked": Text(64),
        "Identifier.scheme": Text(64),  # of the catalogue
        "PageFacts.viewer": Text(64),  # of the catalogue
        "Place.network": Text(64),
        "ByHand.operator": Text(256, any_script=True),  # of the user's own file
        "ByHand.what": Text(16),
        "ByHand.who": Text(128, any_script=True),
        "Said.date": Text(10, any_script=True),
        "Said.source": Text(128, any_script=True),  # the name of a file of the user, or a package
        "Said.value": Text(256, any_script=True),  # of the user's own file, or of a package
        "Review.archive": Text(64),
        "Review.same_as": Text(64),
        "SchemeTally.scheme": Text(64),  # of the catalogue
        "Total.quantity": Text(64),
    }
)
TEXTS: Mapping[str, Text] = MappingProxyType({**PEER, **OTHERS})


def limits(record: str) -> Iterator[tuple[str, int]]:
    """The fields of a record that hold a text, and how long each may be."""
    for field, text in TEXTS.items():
        owner, _, name = field.partition(".")
        if owner == record:
            yield name, text.limit


def markdown() -> str:
    """A peer's own words as a table."""
    rows = "\n".join(
        f"| {text.what} | {text.source} | {text.limit} | {'; '.join(text.shown) or 'nowhere else'} |"
        for text in dict.fromkeys(PEER.values())
    )
    return f"| what | where it comes from | most characters | where it is shown |\n|---|---|---|---|\n{rows}\n"


def where(error: BaseException) -> str:
    """An exception's type, and the line of our code that raised it. It holds no text of the exception, and no value."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "filmbadge" in f.filename]
    return type(error).__name__ + (f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "")
