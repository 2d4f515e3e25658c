"""What closes an archive, as files: which ones by the rows of the catalogue that were chosen for it, and what stands in them.

A kit is for the owner of the archive. The same evidence and the same options give the same bytes, so that a kit can be
written again into its folder. What only the owner knows is a placeholder such as @STORAGE@: no product starts with it, and
`make-certificates.py`, which is part of every kit, fills it in or refuses.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from functools import cache
from ipaddress import ip_address
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from filmbadge.catalogue.remedies import FILLERS, Slot
from filmbadge.catalogue.remedies import remedies as rows
from filmbadge.model import Endpoint, Protocol, Refusal
from filmbadge.tell.remedy import Step, step
from filmbadge.tell.view import ArchiveView, EndpointView
from filmbadge.tell.words import Words
from filmbadge.texts import printable

FRESH = "fresh"  # the files of an archive that is not there yet
DICOM_TLS, WEB_TLS = 2762, 443  # where encrypted devices find it


class Part(StrEnum):
    """What a kit is made of."""

    ORTHANC = "orthanc"
    ORTHANC_TLS = "orthanc-tls"  # Orthanc's own TLS for DICOM
    ORTHANC_BEHIND = "orthanc-behind-front"
    DCMQRSCP = "dcmqrscp"
    PYNETDICOM = "pynetdicom"
    DICOM_FRONT = "dicom-front"  # TLS before the DICOM port
    WEB_FRONT = "web-front"
    FIREWALL = "firewall"


# By the row of the catalogue. Rows that are not here are told in the README, as they are typed: of products that no test of
# ours starts, and of versions that we do not have.
_PARTS = {
    "orthanc-web-from-1-13": (Part.ORTHANC, Part.WEB_FRONT),
    "orthanc-web-from-1-12-9": (Part.ORTHANC, Part.WEB_FRONT),
    "orthanc-web": (Part.ORTHANC, Part.WEB_FRONT),
    "orthanc-dicom": (Part.ORTHANC,),
    "orthanc-title": (Part.ORTHANC,),
    "orthanc-dicom-tls": (Part.ORTHANC, Part.ORTHANC_TLS),
    "dcmqrscp-dicom": (Part.DCMQRSCP,),
    "pynetdicom-dicom": (Part.PYNETDICOM,),
    "front-http": (Part.WEB_FRONT,),
    "web-tls": (Part.WEB_FRONT,),
    "front-stunnel": (Part.DICOM_FRONT,),
    "front-verify": (Part.DICOM_FRONT,),
    "firewall-nftables": (Part.FIREWALL,),
}

_BESIDES = (*FILLERS, Slot.LIKELY)  # what is said, and nothing is typed


class File(NamedTuple):
    """One file of a kit."""

    name: str
    what: str  # in the README
    where: str  # where it goes
    template: str = ""  # another than its name
    last: bool = False  # for the last step, when all devices speak TLS


_FILES: dict[Part, tuple[File, ...]] = {
    Part.ORTHANC: (
        File("orthanc.json", "the whole configuration of Orthanc: only the listed devices, and a login for the web", "/etc/orthanc/orthanc.json, and nothing else in that folder"),
    ),
    Part.ORTHANC_TLS: (
        File("orthanc-tls.json", "the same, and DICOM by TLS only, with a certificate of each device", "/etc/orthanc/orthanc.json, in the place of the other", "orthanc.json", last=True),
    ),
    Part.ORTHANC_BEHIND: (
        File("orthanc-behind-front.json", "the same, for an Orthanc whose DICOM port only a front on its own machine reaches", "/etc/orthanc/orthanc.json, in the place of the other", "orthanc.json", last=True),
    ),
    Part.DCMQRSCP: (
        File("dcmqrscp.cfg", "the whole configuration of dcmqrscp: only the listed devices", "the file that dcmqrscp is started with (-c)"),
    ),
    Part.PYNETDICOM: (
        File("pynetdicom_closed.py", "two lines of Python that let only the listed devices into an archive built on pynetdicom", "beside the program of the archive, which imports it"),
    ),
    Part.DICOM_FRONT: (
        File("stunnel.conf", "the front for DICOM: TLS, with a certificate of each device", "/etc/stunnel/archive.conf"),
        File("haproxy.cfg", "the same front by haproxy, instead of stunnel", "/etc/haproxy/haproxy.cfg"),
        File("nginx-stream.conf", "the same front by nginx, instead of stunnel", "/etc/nginx/nginx.conf"),
    ),
    Part.WEB_FRONT: (
        File("nginx.conf", "the front for the web: HTTPS and a login", "/etc/nginx/nginx.conf"),
        File("nginx-certificate.conf", "the same front with a certificate of each device instead of a login", "/etc/nginx/nginx.conf", "nginx.conf"),
    ),
    Part.FIREWALL: (
        File("nftables.nft", "the firewall: only the listed devices reach the archive, for IPv4 and IPv6", "/etc/nftables.d/archive.nft, or any place that your nftables loads at the start"),
        File("nftables-tls-only.nft", "the same, and nobody reaches the ports without TLS", "the same place, instead of the other", "nftables.nft", last=True),
    ),
}  # fmt: skip
_ALWAYS = (
    File("make-certificates.py", "makes the certificates, and fills in what only you know", "stays here"),
    File("TESTS.md", "what to try after each step, and what you must see", "stays here"),
    File("README.md", "this file", "stays here"),
)
_FRESH = (
    File("orthanc.json", "the whole configuration of Orthanc", "/etc/orthanc/orthanc.json, and nothing else in that folder"),
    File("nginx.conf", "the front for the web: HTTPS. Orthanc asks for the login", "/etc/nginx/nginx.conf"),
    File("nftables.nft", "the firewall: only the listed devices reach the archive, for IPv4 and IPv6", "/etc/nftables.d/archive.nft, or any place that your nftables loads at the start"),
    File("compose.yaml", "the same Orthanc and its front as containers", "stays here"),
)  # fmt: skip

# What only the owner knows, and how it looks.
VALUES = {
    "STORAGE": ("the folder in which the archive keeps its images now, such as /var/lib/orthanc/db-v6", r"/[\w./-]{0,200}"),
    "TITLE": ("the AE title by which your devices call the archive", r"[A-Za-z0-9_.+-]{1,16}"),
    "DEVICE_TITLE": ("the AE title of your device", r"[A-Za-z0-9_.+-]{1,16}"),
    "DEVICE_ADDRESS": ("the IP address of your device", r"[0-9A-Fa-f.:]{2,45}"),
    "ARCHIVE": ("the name or the IP address by which devices will call the archive", r"[A-Za-z0-9.:-]{1,253}"),
    "BEHIND": ("the port of the archive behind the TLS front that is there already", r"[0-9]{1,5}"),
}  # fmt: skip


class Device(NamedTuple):
    """A device of the owner."""

    name: str
    title: str
    address: str


UNNAMED = Device("device", "@DEVICE_TITLE@", "@DEVICE_ADDRESS@")


class Options(NamedTuple):
    """What the owner says of his own devices and of the archive."""

    devices: tuple[Device, ...] = ()
    values: Mapping[str, str] = {}


class Found(NamedTuple):
    """An archive that is to be closed. Nothing in it is a text of the archive."""

    id: str
    address: str
    dicom: tuple[int, ...]  # its DICOM ports without TLS
    dicom_tls: tuple[int, ...]
    web: tuple[int, ...]
    web_tls: tuple[int, ...]
    codes: tuple[str, ...]  # rows of the catalogue
    product: str

    @property
    def ports(self) -> tuple[int, ...]:
        return tuple(sorted({*self.dicom, *self.dicom_tls, *self.web, *self.web_tls}))


def device(text: str) -> Device:
    """NAME=AETITLE@ADDRESS. Raises Refusal."""
    found = re.fullmatch(r"([A-Za-z0-9][A-Za-z0-9-]{0,30})=([A-Za-z0-9_.+-]{1,16})@(\S+)", text)
    if found is None:
        raise Refusal(f"--device {text!r} is not NAME=AETITLE@ADDRESS, such as ct1=CT1@192.0.2.10")
    try:
        return Device(found.group(1), found.group(2), _address(found.group(3).strip("[]")))
    except ValueError:
        raise Refusal(
            f"--device {text!r}: {found.group(3)!r} is no IP address, and the archive and the firewall compare addresses"
        ) from None


def _address(text: str) -> str:
    """Raises ValueError for what is none. A zone is any text at all, and would stand in a configuration as it is."""
    if "%" in text:
        raise ValueError("an address with a zone is one of a single link")
    return str(ip_address(text))


def options(devices: Sequence[str], values: Sequence[str]) -> Options:
    """What was typed. Raises Refusal."""
    known = tuple(map(device, devices))
    if len({one.name.lower() for one in known}) != len(known):  # each is a folder too, and some disks know no case
        raise Refusal("--device names one device twice: each needs a name of its own, for its certificate")
    told = tuple(map(_value, values))
    if twice := [name for name in VALUES if sum(name == one for one, _ in told) > 1]:
        raise Refusal(f"--set names {twice[0]} twice: it has one value")
    return Options(known, dict(told))


def _value(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    if name not in VALUES:
        raise Refusal(f"--set {text!r}: write NAME=VALUE, where NAME is one of {', '.join(VALUES)}")
    what, pattern = VALUES[name]
    if not re.fullmatch(pattern, value, re.ASCII):
        raise Refusal(f"--set {text!r}: {name} is {what}")
    try:
        if name == "DEVICE_ADDRESS":
            value = _address(value)
        if name == "BEHIND" and not 0 < int(value) < 1 << 16:
            raise ValueError("no port")
    except ValueError:
        raise Refusal(f"--set {text!r}: {name} is {what}") from None
    return name, value


def found(archive: ArchiveView, endpoints: Iterable[EndpointView]) -> Found:
    """What of an archive goes into its kit. It may come from a file of somebody else, so all of it is looked at. Raises Refusal."""
    own = [e for e in endpoints if (url := _url(e)) and url in archive.endpoints]
    codes = tuple(one.code for one in archive.close_it.steps)
    if not own or not set(codes) <= set(rows()):
        raise Refusal(
            f"{archive.id!r} cannot be read: its ways in or its remedies are not of this version of Filmbadge"
        )
    ports: dict[tuple[str, bool], tuple[int, ...]] = {}
    for one in sorted(own, key=lambda e: e.port):
        key = (one.protocol, one.tls is not None)
        ports[key] = (*ports.get(key, ()), one.port)
    address = _address(own[0].address)
    return Found(
        id=printable(archive.id)[:100],
        address=address,
        dicom=ports.get(("dimse", False), ()),
        dicom_tls=ports.get(("dimse", True), ()),
        web=ports.get(("http", False), ()),
        web_tls=ports.get(("http", True), ()),
        codes=codes,
        product=re.sub(r"[^\w .+-]", "", printable(archive.product))[:60],
    )


def _url(endpoint: EndpointView) -> str:
    try:
        address = _address(endpoint.address)
        return Endpoint(address, int(endpoint.port), Protocol(endpoint.protocol)).url
    except ValueError:
        return ""


def _again(address: str, ports: Iterable[int]) -> str:
    """The command that checks an archive and its fronts again."""
    scope = "" if address == "::1" or address.startswith("127.") else " --scope SCOPE.toml"
    return f"filmbadge check {_host(address)}:{','.join(map(str, sorted(set(ports))))}{scope}"


def _host(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def folder(ids: Iterable[str]) -> dict[str, str]:
    """A name for each archive that every file system takes."""
    names: dict[str, str] = {}
    for one in ids:
        name = re.sub(r"[^A-Za-z0-9.]", "-", one).strip("-.")[:80] or "archive"
        while name.lower() in {other.lower() for other in names.values()}:
            name += "-2"
        names[one] = name
    return names


def parts(codes: Iterable[str]) -> tuple[Part, ...]:
    """What the kit of an archive is made of, by the rows that were chosen for it."""
    wanted = {part for code in codes for part in _PARTS.get(code, ())}
    if {Part.ORTHANC, Part.DICOM_FRONT} <= wanted:  # all devices then come from the machine of the archive itself
        wanted.add(Part.ORTHANC_BEHIND)
    return tuple(part for part in Part if part in wanted)


def kit(archive: Found, told: Options, words: Words) -> dict[str, bytes]:
    """The files of one archive, by name."""
    made = parts(archive.codes)
    chosen = [file for part in made for file in _FILES[part]]
    ports = {
        "ports": ", ".join(map(str, archive.ports)),
        "dicom": str(_first(archive.dicom, archive.dicom_tls) or "PORT"),
        "web": str(_first(archive.web, archive.web_tls) or "PORT"),
    }
    steps = [step(code, words, archive.product, ports) for code in archive.codes]
    return _made(chosen, archive, made, told, steps)


def fresh(told: Options) -> dict[str, bytes]:
    """The files of an Orthanc that starts closed."""
    values = {"STORAGE": "/var/lib/orthanc/db", "TITLE": "ORTHANC", **told.values}
    archive = Found(FRESH, values.get("ARCHIVE", "@ARCHIVE@"), (), (DICOM_TLS,), (8042,), (), (), "Orthanc")
    return _made(list(_FRESH), archive, (Part.ORTHANC, Part.WEB_FRONT), told._replace(values=values), [])


def _first(*ports: Sequence[int]) -> int | None:
    return next((one for some in ports for one in some), None)


def _made(
    chosen: list[File], archive: Found, made: Sequence[Part], told: Options, steps: Sequence[Step]
) -> dict[str, bytes]:
    is_fresh = archive.id == FRESH
    devices = told.devices or (UNNAMED,)
    fronted = Part.DICOM_FRONT in made
    itself = Part.ORTHANC_TLS in made  # the port stays, and speaks TLS at the end
    plain = () if itself else archive.dicom
    tls = archive.dicom if itself else archive.dicom_tls or ((DICOM_TLS,) if fronted else ())
    tls_ports = sorted({*tls, *archive.web_tls, *([WEB_TLS] if Part.WEB_FRONT in made else [])})
    context: dict[str, Any] = {
        "again": _again(archive.address, (*archive.ports, *tls_ports)),
        "archive": archive,
        "is_fresh": is_fresh,
        "host": _host(archive.address),
        "parts": [str(part) for part in made],
        "devices": devices,
        "named": bool(told.devices),
        "v": {name: told.values.get(name, f"@{name}@") for name in VALUES},
        "v4": [d.address for d in devices if ":" not in d.address],
        "v6": [d.address for d in devices if ":" in d.address],
        "plain_ports": sorted({*plain, *archive.web}),
        "tls_ports": tls_ports,
        "dicom": _first(archive.dicom, archive.dicom_tls) or 4242,
        "web": _first(archive.web, archive.web_tls) or 8042,
        "tls_port": _first(tls) or DICOM_TLS,
        "web_tls": WEB_TLS,
        "behind": archive.dicom[0] if archive.dicom else told.values.get("BEHIND", "@BEHIND@"),
        "by_tls": is_fresh or bool(tls),
        "behind_front": fronted,
        "here": lambda text: re.sub(
            r"ADDRESS (\d+|PORT)",
            lambda at: f"{archive.address} {context['tls_port'] if at.group(1) == str(DICOM_TLS) else context['dicom']}",
            re.sub(r"ADDRESS:\d+", f"{_host(archive.address)}:{context['web']}", text),
        ).replace("ADDRESS", archive.address),
        "steps": [(one, rows()[one.code]) for one in steps],
        "by_hand": [(one, rows()[one.code]) for one in steps if one.code not in _PARTS and rows()[one.code].slot not in _BESIDES],
        "besides": [one for one in steps if rows()[one.code].slot in _BESIDES],
        "orthanc": Part.ORTHANC in made,
    }  # fmt: skip
    files = {file.name: _render(file, {**context, "file": file}) for file in chosen}
    missing = {name for text in (archive.address, *files.values()) for name in re.findall(r"@([A-Z_]+)@", text)}
    every = [*chosen, *_ALWAYS]
    context |= {
        "files": every,
        "left": {name: VALUES[name][0] for name in VALUES if name in missing},
        "fill": sorted(files),
        "values": VALUES,
    }
    files |= {file.name: _render(file, {**context, "file": file}) for file in _ALWAYS}
    return {name: text.encode() for name, text in sorted(files.items())}


def _render(file: File, context: Mapping[str, Any]) -> str:
    return _templates().get_template(f"{file.template or file.name}.jinja").render(context)


@cache
def _templates() -> Environment:
    made = Environment(
        loader=PackageLoader("filmbadge.tell.remedy"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # these are no pages, and nothing in them is a text of an archive
    )
    made.filters["quoted"] = _quoted
    made.filters["python"] = repr
    return made


def _quoted(text: str) -> str:
    """A string of JSON. A placeholder stays bare: no JSON, so that nothing starts with it."""
    return text if re.fullmatch(r"@[A-Z_]+@", text) else json.dumps(text)
