"""Archives that look closed, or look guarded, and what a check says of them: each as its real products build it."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from filmbadge.ask.targets.lists import parse
from filmbadge.judge.findings import findings
from filmbadge.model import Finding, FindingCode, Host, OutcomeKind, Reason, Rung
from filmbadge.scope import load
from filmbadge.survey import examine
from filmbadge.tell import card
from filmbadge.tell.words import Words
from support import archives, certificates, tls_front, tls_gateways
from support.archives import Served
from support.certificates import Pair
from support.network import Side, apart
from support.tls_gateways import Door

BOTH = (Door("1.2"), Door("1.3"))
FRONTS = (tls_gateways.nginx, tls_gateways.stunnel, tls_gateways.haproxy)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return certificates.make(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """An Orthanc that gives its one study to anybody, for what stands before it to close."""
    with archives.orthanc(tmp_path_factory.mktemp("orthanc"), load=False, DicomAlwaysAllowFind=True) as served:
        assert archives.store(served.dicom, "ORTHANC", archives.wheel_files()[:1])
        yield served


def asked(directory: Path, target: str, extra: str = "") -> Host:
    """What a check finds, in this process: it is asked often here."""
    scope = load(archives.scope_file(directory, extra=extra))
    host, _ = asyncio.run(examine.check(scope, parse(target)))
    return host


def over_tls(directory: Path, port: int) -> Host:
    return asked(directory, f"127.0.0.1:{port}", f"ports.dimse_tls = [{port}]\nports.web = []\nports.web_tls = []\n")


def codes(host: Host) -> dict[FindingCode, Finding]:
    return {one.code: one for one in findings(host)}


def told(host: Host) -> str:
    """Every sentence of what is wrong."""
    return " ".join(map(Words().finding, findings(host)))


def test_fronts_that_want_a_certificate_are_closed_and_one_that_only_knows_of_some_is_open(
    orthanc: Served, pair: Pair, tmp_path: Path
) -> None:
    """stunnel takes anybody where it has CAfile and lacks verifyChain. nginx ends the connection after the handshake, without
    an alert; the others send one."""
    doors = (*BOTH, Door("1.3", demands=False))
    with ExitStack() as stack:
        for front in FRONTS:
            directory = tmp_path / front.__name__
            directory.mkdir()
            ports = stack.enter_context(front(directory, pair, orthanc.dicom, doors))
            for port in ports[:2]:
                (closed,) = over_tls(directory, port).judged
                assert (closed.verdict.rung, closed.verdict.why) == (Rung.LISTENING, Reason.CLIENT_CERTIFICATE)
                assert closed.verdict.conclusive
                hung_up = closed.verdict.stop is not None
                assert hung_up is (front is tls_gateways.nginx), closed.verdict
                assert "a client certificate" in Words().reason(closed.verdict)
            opened = over_tls(directory, ports[2])
            assert opened.archives[0].open
            assert codes(opened)[FindingCode.TLS_LETS_IN].endpoint == opened.judged[0].observation.endpoint
            view = card.document("archive", opened.judged[0].observation.depth, opened, (), Words())
            assert "front-verify" in [step.code for step in view.archives[0].close_it.steps]


def test_a_front_that_asks_for_no_certificate_and_hangs_up_proves_nothing(pair: Pair, tmp_path: Path) -> None:
    """The same end of the stream as nginx's refusal: nobody listens behind it."""
    nobody = 9  # discard
    with tls_gateways.nginx(tmp_path, pair, nobody, (Door("1.3", demands=False),)) as (port,):
        (seen,) = over_tls(tmp_path, port).judged
    assert seen.observation.stop.ending is OutcomeKind.CLOSED
    assert (seen.verdict.why, seen.verdict.conclusive) == (Reason.NOT_IMAGING, False)


def test_orthanc_that_demands_a_certificate_ends_it_after_the_handshake(pair: Pair, tmp_path: Path) -> None:
    settings: dict[str, Any] = {
        "DicomTlsEnabled": True,
        "DicomTlsCertificate": str(pair.certificate),
        "DicomTlsPrivateKey": str(pair.key),
        "DicomTlsTrustedCertificates": str(pair.certificate),
        "DicomTlsRemoteCertificateRequired": True,
    }
    with archives.orthanc(tmp_path, load=False, **settings) as served:
        (seen,) = over_tls(tmp_path, served.dicom).judged
    assert seen.observation.tls is not None
    assert (seen.observation.tls.version, seen.observation.tls.alert) == ("TLSv1.3", 116)
    assert (seen.verdict.why, seen.verdict.conclusive) == (Reason.CLIENT_CERTIFICATE, True)


def test_orthanc_behind_its_login_may_have_the_user_that_it_creates(tmp_path: Path) -> None:
    """It is created here, and nobody tries it: the configuration names no user."""
    settings = {
        "RemoteAccessAllowed": True,
        "AuthenticationEnabled": True,
        "RegisteredUsers": {},
        "DicomServerEnabled": False,
    }
    with archives.running_orthanc(tmp_path, **settings) as port:
        host = asked(tmp_path, f"127.0.0.1:{port}")
    (seen,) = host.judged
    assert (seen.verdict.rung, seen.verdict.why, seen.verdict.codes) == (Rung.SPEAKS, Reason.LOGIN, (401,))
    assert "we cannot tell whether that user gets in" in told(host)
    view = card.document("archive", seen.observation.depth, host, (), Words())
    assert view.archives[0].close_it.steps[0].code == "orthanc-default-user"


def test_orthanc_without_a_login_is_said_to_take_writes_and_none_is_tried(orthanc: Served, tmp_path: Path) -> None:
    host = asked(tmp_path, f"127.0.0.1:{orthanc.http}")
    assert codes(host)[FindingCode.MAY_WRITE].endpoint == host.judged[0].observation.endpoint
    assert "We did not try it." in told(host)
    assert FindingCode.MAY_WRITE not in codes(asked(tmp_path, f"127.0.0.1:{orthanc.dicom}"))


def test_a_return_before_the_rules_of_nginx_lets_everybody_through(orthanc: Served, tmp_path: Path) -> None:
    """`return` runs before the password is asked for, wherever it stands: here it hands everybody on to the archive."""
    rules = tls_front.basic(tmp_path)
    leads = f"@archive {{ proxy_pass http://127.0.0.1:{orthanc.http}; }}\n"
    meant = f"location / {{ {rules} error_page 418 = @archive; return 418; }}\nlocation {leads}"
    right = f"location / {{ {rules} proxy_pass http://127.0.0.1:{orthanc.http}; }}\n"
    with tls_front.nginx(tmp_path, meant) as port:
        seen = asked(tmp_path, f"127.0.0.1:{port}")
    assert (seen.judged[0].verdict.rung, seen.judged[0].product.product) == (Rung.DISCLOSES, "Orthanc")
    with tls_front.nginx(tmp_path, right) as port:
        seen = asked(tmp_path, f"127.0.0.1:{port}")
    assert not seen.archives
    assert seen.judged[0].verdict.codes == (401,)


def test_dcmqrscp_says_that_a_title_is_wrong_where_the_title_is_right(tmp_path: Path) -> None:
    """It knows LABQR, and takes it from named devices alone: whoever else calls LABQR hears that there is no such title."""
    called = 'ae_titles.called = ["LABQR"]\n'
    for name, peers in ("anybody", "ANY"), ("named", "station"):
        directory = tmp_path / name
        directory.mkdir()
        with archives.guarded_dcmqrscp(directory, peers) as port:
            host = asked(directory, f"127.0.0.1:{port}", called)
        (seen,) = host.judged
        found = codes(host)[FindingCode.TITLE_ONLY]
        if peers == "ANY":
            assert (seen.verdict.rung, found.about) == (Rung.ANSWERS, "LABQR")
            assert "anybody who knows that title gets in" in told(host)
        else:
            assert (seen.verdict.codes, found.about) == ((1, 1, 7), "")
            assert "cannot be told from outside" in told(host)


def test_a_name_is_asked_at_all_its_addresses(tmp_path: Path) -> None:
    """An archive of IPv4, and a front that brings it to IPv6; then a firewall that closes IPv4 alone."""
    with apart() as machines, ExitStack() as stack:
        inside, outside = machines.inside, machines.outside
        for directory, command, port in _dual_stack(tmp_path, inside):
            stack.enter_context(archives.running(inside.command(*command), directory, port))
        plain = next(path for path in archives.wheel_files() if path.name == "CT_small.dcm")
        inside.run(archives.program("storescu"), "-aec", "ORTHANC", "127.0.0.1", "11112", str(plain))

        both = _checked(outside, tmp_path, '"192.0.2.0/28", "2001:db8::/64"')
        assert [one["address"] for one in both["endpoints"]] == ["192.0.2.1", "2001:db8::1"]
        (archive,) = both["archives"]
        assert len(archive["endpoints"]) == 2
        assert (archive["counts"]["studies"]["value"], both["unasked"]) == (1, [])
        assert "open-at-other-address" not in [one["code"] for one in archive["findings"]]

        inside.run("nft", "add", "table", "inet", "archive")
        inside.run("nft", "add chain inet archive in { type filter hook prerouting priority -150; }")
        inside.run("nft", "add rule inet archive in ip saddr 192.0.2.2 tcp dport 11112 drop")
        (archive,) = (half := _checked(outside, tmp_path, '"192.0.2.0/28", "2001:db8::/64"'))["archives"]
        assert archive["endpoints"] == ["dimse://[2001:db8::1]:11112"]
        assert {one["address"]: one["rung"] for one in half["endpoints"]} == {
            "192.0.2.1": "silent",
            "2001:db8::1": "discloses",
        }
        (found,) = [one for one in archive["findings"] if one["code"] == "open-at-other-address"]
        assert found["endpoint"] == "dimse://[2001:db8::1]:11112"

        narrow = _checked(outside, tmp_path, '"192.0.2.0/28"', code=3)
        assert [one["address"] for one in narrow["endpoints"]] == ["192.0.2.1"]
        assert (narrow["unasked"], narrow["archives"]) == (["2001:db8::1"], [])


def _dual_stack(directory: Path, inside: Side) -> Iterator[tuple[Path, list[str], int]]:
    """Orthanc, which listens at all addresses of IPv4, and nginx at the one of IPv6."""
    own, front = directory / "orthanc", directory / "front"
    own.mkdir()
    front.mkdir()
    settings = {
        "StorageDirectory": str(own / "db"),
        "IndexDirectory": str(own / "db"),
        "HttpServerEnabled": False,
        "DicomPort": 11112,
        "DicomAlwaysAllowFind": True,
        "Plugins": [],
    }
    (own / "orthanc.json").write_text(json.dumps(settings))
    (front / "nginx.conf").write_text(
        "load_module /usr/lib/nginx/modules/ngx_stream_module.so;\n"
        f"daemon off;\nmaster_process off;\nerror_log stderr;\npid {front / 'pid'};\nevents {{}}\n"
        f"stream {{ server {{ listen [{inside.address6}]:11112; proxy_pass 127.0.0.1:11112; }} }}\n"
    )
    yield own, [archives.program("Orthanc"), "orthanc.json"], 11112
    yield front, [archives.program("nginx"), "-p", str(front), "-c", str(front / "nginx.conf")], 11112


def _checked(side: Side, directory: Path, networks: str, code: int = 0) -> dict[str, Any]:
    """`filmbadge check` of the name, from another machine."""
    scope, soon = directory / "scope.toml", date.today() + timedelta(days=2)
    scope.write_text(
        f'schema = "filmbadge.scope/1"\nnetworks = [{networks}]\ndepth = "count"\nexpires = {soon}\n'
        '[authority]\nwho = "the test suite"\nreference = "none"\nbasis = "owner"\ncontact = "tests"\n'
        "[caps]\nconnect_seconds = 1\n"
    )
    command = str(Path(sys.executable).with_name("filmbadge"))
    argv = [command, "check", "archive.example:11112", "--scope", str(scope), "--json"]
    document: dict[str, Any] = json.loads(side.run("sh", "-c", '"$@"; [ $? = "$0" ]', str(code), *argv))
    return document
