"""What abbreviations stand for. A page explains those that it holds, once, at its end."""

from __future__ import annotations

import re
from collections.abc import Iterator

from filmbadge.tell.language import N_
from filmbadge.tell.words import Words

_STAND_FOR = {
    "AE": N_("application entity: a program that speaks DICOM. Its AE title is the name by which others call it."),
    "API": N_("application programming interface: the part of a program that other programs use"),
    "BCP": N_("Best Current Practice: a series of recommendations of the Internet Engineering Task Force"),
    "CA": N_("certificate authority: who signs the certificates of others"),
    "C-ECHO": N_("the DICOM service by which a program asks whether another one answers"),
    "C-FIND": N_("the DICOM service that searches the records of an archive"),
    "C-GET": N_("the DICOM service that fetches images over the connection on which they are asked for"),
    "C-MOVE": N_("the DICOM service that has an archive send images to a third program"),
    "C-STORE": N_("the DICOM service that sends an image"),
    "CT": N_("computed tomography"),
    "CVE": N_("Common Vulnerabilities and Exposures: the list in which each known vulnerability has a number"),
    "CVSS": N_("Common Vulnerability Scoring System: how grave a vulnerability is, from 0 to 10"),
    "DICOM": N_("Digital Imaging and Communications in Medicine: the standard for medical images and how they are exchanged"),
    "DICOMweb": N_("the part of the DICOM standard that works over HTTP"),
    "GDPR": N_("General Data Protection Regulation of the European Union"),
    "HIPAA": N_("Health Insurance Portability and Accountability Act of the United States"),
    "HTTP": N_("Hypertext Transfer Protocol: how browsers and web servers talk. Plain HTTP is not encrypted."),
    "HTTPS": N_("HTTP inside TLS, so that it is encrypted"),
    "ID": N_("identifier"),
    "IP": N_("Internet Protocol"),
    "IPv4": N_("version 4 of the Internet Protocol"),
    "IPv6": N_("version 6 of the Internet Protocol"),
    "IT": N_("information technology"),
    "JSON": N_("JavaScript Object Notation: a form of data that programs read"),
    "NIS2": N_("the second directive of the European Union on the security of network and information systems"),
    "PACS": N_("picture archiving and communication system: an archive of medical images"),
    "PDF": N_("Portable Document Format"),
    "PDU": N_("protocol data unit: one message of the DICOM protocol"),
    "QIDO-RS": N_("the service of DICOMweb that searches the records of an archive"),
    "REST": N_("representational state transfer: here an interface of an archive over HTTP"),
    "SHA-256": N_("Secure Hash Algorithm: it makes a short number of a text, and another one of any other text"),
    "SOP": N_("service-object pair: a kind of object in DICOM, and what can be done with it"),
    "SSH": N_("Secure Shell: a remote login over an encrypted connection"),
    "SSN": N_("social security number of the United States"),
    "STOW-RS": N_("the service of DICOMweb that stores images"),
    "TCP": N_("Transmission Control Protocol: what nearly all connections on the Internet are made of"),
    "TLS": N_("Transport Layer Security: encryption of a connection, with certificates that show who is there"),
    "UID": N_("unique identifier: the number by which DICOM knows a study, a series or an image"),
    "URI": N_("uniform resource identifier: an address on the web"),
    "URL": N_("uniform resource locator: an address on the web"),
    "US": N_("United States"),
    "UTC": N_("Coordinated Universal Time"),
    "VPN": N_("virtual private network: an encrypted way into a network"),
    "WADO-RS": N_("the service of DICOMweb that fetches images"),
    "WADO-URI": N_("the older service of DICOMweb that fetches one image"),
}  # fmt: skip
_ANY = re.compile(
    r"(?<![\w.-])(" + "|".join(sorted(map(re.escape, _STAND_FOR), key=len, reverse=True)) + r")s?(?![\w.-]*\w)"
)


def explained(text: str, words: Words) -> Iterator[tuple[str, str]]:
    """Each abbreviation that the text holds, or that explains one of these, and what it stands for, by the alphabet."""
    said = {short: words.say(_STAND_FOR[short]) for short in _ANY.findall(text)}
    while more := {short for meaning in said.values() for short in _ANY.findall(meaning)} - said.keys():
        said |= {short: words.say(_STAND_FOR[short]) for short in more}
    yield from sorted(said.items(), key=lambda one: one[0].lower())
