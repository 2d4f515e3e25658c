"""Which files a kit has for which evidence, and what stands in them. The real products start with them in tests/real."""

from __future__ import annotations

import ast
import json
import re
from typing import Any

import pytest
from msgspec.structs import replace

from filmbadge.catalogue.remedies import Evidence, Platform, RemedyRow, WayIn, remedies
from filmbadge.judge.remedies import choose
from filmbadge.model import FindingCode, Protocol, Refusal
from filmbadge.tell.remedy import kit
from filmbadge.tell.remedy.kit import Found, Options
from filmbadge.tell.view import archive_view, endpoint_view
from support import factories
from support.factories import DISCLOSED, admitted, dimse
from support.written import ENGLISH, open_host

OPEN = (FindingCode.DISCLOSES_RECORDS,)
ALWAYS = {"README.md", "TESTS.md", "make-certificates.py"}
FIREWALL = {"nftables.nft", "nftables-tls-only.nft"}
FRONTS = {"stunnel.conf", "haproxy.cfg", "nginx-stream.conf"}
WEB = {"nginx.conf", "nginx-certificate.conf"}
TOLD = kit.options(["ct1=CT1@192.0.2.10", "mr1=MR1@2001:db8::10"], ["STORAGE=/srv/images", "TITLE=ARCHIVE"])


def plain(*ways: WayIn, **seen: Any) -> Evidence:
    """An archive that is open in DICOM without TLS, and by these ways."""
    return Evidence(findings=OPEN, plain=(Protocol.DIMSE,), ways=(WayIn.DIMSE, *ways), **seen)


def archive(seen: Evidence, *, dicom: tuple[int, ...] = (4242,), web: tuple[int, ...] = ()) -> Found:
    codes = tuple(row.id for row in choose(seen))
    return Found("192.0.2.1:4242", "192.0.2.1", dicom, (), web, (), codes, seen.product)


def files(seen: Evidence, told: Options = TOLD, **ports: tuple[int, ...]) -> dict[str, str]:
    return {name: data.decode() for name, data in kit.kit(archive(seen, **ports), told, ENGLISH).items()}


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (plain(product="Orthanc", version="1.10.1"), {"orthanc.json", "orthanc-tls.json"} | FIREWALL),
        (
            plain(WayIn.API, product="Orthanc", version="1.10.1"),
            {"orthanc.json", "orthanc-tls.json"} | FIREWALL | WEB,
        ),
        # It has no TLS of its own.
        (
            plain(WayIn.API, product="Orthanc", version="1.8.2"),
            {"orthanc.json", "orthanc-behind-front.json"} | FIREWALL | WEB | FRONTS,
        ),
        (
            plain(toolkit="DCMTK 3.6.7"),
            {"dcmqrscp.cfg"} | FIREWALL | FRONTS,
        ),
        (plain(toolkit="pynetdicom 3.0.4"), {"pynetdicom_closed.py"} | FIREWALL | FRONTS),
        (plain(product="Agfa"), FIREWALL | FRONTS),
        (plain(product="Agfa", platform=Platform.AWS), FRONTS),
        (Evidence(product="Dicoogle", findings=OPEN, ways=(WayIn.PAGES,)), WEB | FIREWALL),
    ],
    ids=lambda value: f"{value.product}{value.version}{value.toolkit[:5]}" if isinstance(value, Evidence) else "",
)
def test_files_follow_from_evidence(seen: Evidence, expected: set[str]) -> None:
    assert set(files(seen, web=(8042,))) == expected | ALWAYS


@pytest.mark.parametrize("row", remedies().values(), ids=lambda row: row.id)
def test_every_row_is_a_file_or_a_step(row: RemedyRow) -> None:
    """Also those of products that we cannot run: the text is told, and that it was not tried."""
    found = Found("a", "192.0.2.1", (104,), (), (80,), (), (row.id,), "Agfa")
    made = kit.kit(found, TOLD, ENGLISH)
    readme = made["README.md"].decode()
    lines = [line for line in row.set if "<" not in line]
    if not kit.parts([row.id]):
        assert all(line in readme for line in lines)
        assert ("we did not try it on your archive" in readme) == (
            row.slot not in ("apart", "logs", "maintainer", "likely")
        )
    ast.parse(made["make-certificates.py"])


def test_with_devices_and_values_nothing_is_left_to_fill_in() -> None:
    made = files(plain(toolkit="DCMTK 3.6.7"))
    left = {name for text in made.values() for name in re.findall(r"@([A-Z_]+)@", text)}
    assert left == {"HERE"}
    assert "ip6 saddr != @devices6" in made["nftables.nft"]
    assert "elements = { 2001:db8::10 }" in made["nftables.nft"]
    assert "verifyChain = yes" in made["stunnel.conf"]


def test_without_them_no_product_starts() -> None:
    seen = plain(product="Orthanc", version="1.10.1")
    made = files(seen, Options())
    for name in ("orthanc.json", "orthanc-tls.json"):
        assert '"StorageDirectory" : @STORAGE@,' in made[name]  # bare, so no JSON
    assert all(f"| {name} |" in made["README.md"] for name in ("STORAGE", "TITLE", "DEVICE_TITLE", "DEVICE_ADDRESS"))


def test_no_password_is_made_up_here() -> None:
    made = kit.fresh(TOLD)
    assert b'"RegisteredUsers" : { "clinic" : @PASSWORD@ }' in made["orthanc.json"]
    assert kit.fresh(TOLD) == made  # nothing by chance


def test_orthanc_keeps_its_port_when_it_speaks_tls_itself() -> None:
    made = files(plain(WayIn.API, product="Orthanc", version="1.10.1"), web=(8042,))
    assert "tcp dport { 8042 } counter drop" in made["nftables-tls-only.nft"]
    assert "tcp dport { 443, 4242 } ip saddr" in made["nftables-tls-only.nft"]
    text = re.sub(r"//.*", "", made["orthanc-tls.json"]).replace("@PASSWORD@", '"x"')
    read = json.loads(text)
    assert read["DicomTlsRemoteCertificateRequired"] is True
    assert not any(value for name, value in read.items() if name.startswith("DicomAlwaysAllow"))
    assert read["DicomModalities"]["mr1"]["Host"] == "2001:db8::10"


def test_a_fresh_orthanc_publishes_what_is_protected_and_nothing_else() -> None:
    made = kit.fresh(TOLD)["compose.yaml"].decode()
    assert re.findall(r'- "([0-9:]+)"', made) == ["443:443", "2762:2762"]
    assert all(re.search(r":[0-9]+\.[0-9]+\.[0-9]+$", image) for image in re.findall(r"image: (\S+)", made))


@pytest.mark.parametrize(
    "text",
    [
        "ct1",
        "ct1=CT1",
        "ct1=CT1@pacs.example",
        "c/t=CT1@192.0.2.1",
        'ct1=C"T@192.0.2.1',
        "../x=CT1@192.0.2.1",
        "a=B@1.2.3.4\n",
        "a=B@fe80::1%$(x)",
        'a=B@[fe80::1%"}]',
    ],
)
def test_a_device_is_a_name_a_title_and_an_address(text: str) -> None:
    with pytest.raises(Refusal, match="--device"):
        kit.options([text], [])


@pytest.mark.parametrize(
    "text",
    [
        "STORAGE",
        "STORAGE=images",
        "OTHER=1",
        'STORAGE=/a"b',
        "TITLE=A B",
        "STORAGE=/a\n",
        "DEVICE_ADDRESS=...",
        "BEHIND=99999",
    ],
)
def test_a_value_is_looked_at(text: str) -> None:
    with pytest.raises(Refusal, match="--set"):
        kit.options([], [text])


def test_nothing_is_said_twice() -> None:
    with pytest.raises(Refusal, match="twice"):
        kit.options(["CT1=A@192.0.2.1", "ct1=B@192.0.2.2"], [])
    with pytest.raises(Refusal, match="TITLE twice"):
        kit.options([], ["TITLE=A", "TITLE=B"])


def test_what_another_wrote_steers_nothing() -> None:
    """A document of a check may be somebody else's."""
    host = open_host("192.0.2.1")
    view = archive_view(host.archives[0], host.judged, ENGLISH)
    ways = [endpoint_view(one, ENGLISH) for one in host.judged]
    evil = replace(view, product="x`\n| rm -rf / |", id="../../etc\x1b[31m")
    found = kit.found(evil, ways)
    assert not set("`\n|/") & set(found.product)
    assert kit.folder([evil.id])[evil.id] == "etc--31m"
    zone = "fe80::1%$(x)\n"
    with pytest.raises(Refusal, match="cannot be read"):
        kit.found(
            replace(view, endpoints=tuple(one.replace("192.0.2.1", f"[{zone}]") for one in view.endpoints)),
            [replace(one, address=zone) for one in ways],
        )
    for bad in (
        replace(view, close_it=replace(view.close_it, steps=(replace(view.close_it.steps[0], code="no-row"),))),
        replace(view, endpoints=("dicom://elsewhere:104",)),
    ):
        with pytest.raises(Refusal, match="cannot be read"):
            kit.found(bad, ways)


def test_folders_are_told_apart() -> None:
    names = kit.folder(["[::1]:104", "::1:104", "192.0.2.1:104"])
    assert len({name.lower() for name in names.values()}) == 3
    assert all(re.fullmatch(r"[A-Za-z0-9.-]+", name) for name in names.values())


def test_an_archive_in_ipv6_is_called_in_brackets() -> None:
    host = factories.host("2001:db8::7", dimse(admitted(DISCLOSED)))
    view = archive_view(host.archives[0], host.judged, ENGLISH)
    found = kit.found(view, [endpoint_view(one, ENGLISH) for one in host.judged])
    assert "filmbadge check [2001:db8::7]:2762,4242 --scope" in kit.kit(found, TOLD, ENGLISH)["README.md"].decode()
