"""TLS: what it shows of its peer, whom it unmasks, and how it fails."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import subprocess
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from filmbadge.ask.dimse import identify as dimse
from filmbadge.ask.dimse import pdu
from filmbadge.ask.targets.lists import parse
from filmbadge.ask.wire.dialer import _Tls
from filmbadge.ask.wire.tls import Handshake, read_certificate
from filmbadge.judge.ladder import place
from filmbadge.model import (
    Cause,
    Certificate,
    ClientCertificate,
    Depth,
    JournalRow,
    KeyKind,
    Observation,
    Outcome,
    OutcomeKind,
    Reason,
    Rung,
    TlsFacts,
)
from filmbadge.scope import LOOPBACK
from filmbadge.survey.examine import examine
from support import certificates, guard
from support.certificates import Pair
from support.hanging import HANGS
from support.loopback import HERE, Handler, Talker, caps, contact, dialer, listening, run

TITLE_UNKNOWN = pdu.reject(1, 1, 7)
ALERT = b"\x15\x03\x03\0\x02\x02\x46"  # protocol version


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return certificates.make(tmp_path_factory.mktemp("pki"), alternatives=("pacs.example", "127.0.0.1"))


def only(context: ssl.SSLContext, version: ssl.TLSVersion) -> ssl.SSLContext:
    with warnings.catch_warnings():  # old versions are deprecated; archives have them all the same
        warnings.simplefilter("ignore")
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.maximum_version = version
        context.minimum_version = version
    return context


V1, V12, V13 = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


def rejects(_: bytes) -> bytes:
    return TITLE_UNKNOWN


def asked(
    port: int, *, tls_port: bool = False, named: bool = False, idle: float | None = None
) -> tuple[Observation, list[JournalRow]]:
    """What the probe saw on a port, and the journal; the kernel must have seen as many connections.

    `idle`: how long a peer may be silent that is meant to be.
    """

    async def work() -> tuple[Observation, list[JournalRow]]:
        scope = replace(
            LOOPBACK,
            dimse_tls_ports=(port,) if tls_port else (),
            caps=caps() if idle is None else caps(idle_seconds=idle),
        )
        there, rows = contact(scope)
        before = guard.opened()
        seen = await dimse.identify_either(there, port, Depth.ASK, named=named)
        assert len(rows) == guard.opened() - before
        return seen, rows

    return run(work())


def against(handler: Handler, *, idle: float | None = None) -> tuple[Observation, list[JournalRow]]:
    async def work() -> tuple[Observation, list[JournalRow]]:
        async with listening(handler) as port:
            return await asyncio.to_thread(asked, port, tls_port=True, idle=idle)

    return run(work())


def questions(rows: list[JournalRow]) -> list[str]:
    """In their order. What is tried again, by the same question, is told once."""
    asked = [(question, len(list(same))) for question, same in groupby(rows, lambda row: row.question)]
    assert all(times <= HANDSHAKES + 1 for _, times in asked), asked  # and one more, if the peer hung up
    return [question for question, _ in asked]


HANDSHAKES = 4  # at most
IN_TLS, IN_PLAIN = "dimse ask ANY-SCP over TLS", "dimse ask ANY-SCP"


@pytest.mark.parametrize(("version", "name"), [(V1, "TLSv1"), (V12, "TLSv1.2"), (V13, "TLSv1.3")])
def test_versions_old_and_new(pair: Pair, version: ssl.TLSVersion, name: str) -> None:
    context = pair.server()
    context.set_ciphers("ALL:@SECLEVEL=0")
    with certificates.serving(only(context, version), rejects) as port:
        seen, rows = asked(port, tls_port=True)
    assert place(seen).rung is Rung.SPEAKS
    assert seen.tls is not None
    assert (seen.tls.version, seen.tls.client_certificate, seen.tls.alert) == (name, ClientCertificate.NO, None)
    assert seen.tls.cipher.isascii()
    assert questions(rows) == [IN_TLS]
    assert rows[0].stop.ending is OutcomeKind.REJECTED
    assert rows[0].received == len(TITLE_UNKNOWN)


def test_the_weakest_ciphers_are_spoken_too(pair: Pair) -> None:
    context = pair.server()
    context.set_ciphers("NULL-SHA256:@SECLEVEL=0")
    with certificates.serving(only(context, V12), rejects) as port:
        seen, _ = asked(port, tls_port=True)
    assert seen.tls is not None
    assert seen.tls.cipher == "NULL-SHA256"


@pytest.mark.parametrize(("version", "alert"), [(V12, 40), (V13, 116)])
def test_a_client_certificate_demanded(pair: Pair, version: ssl.TLSVersion, alert: int) -> None:
    with certificates.serving(only(pair.server(client=pair.certificate), version), rejects) as port:
        seen, rows = asked(port, tls_port=True)
    verdict = place(seen)
    assert (verdict.rung, verdict.why, verdict.codes) == (Rung.LISTENING, Reason.CLIENT_CERTIFICATE, (alert,))
    assert seen.tls is not None
    assert seen.tls.client_certificate is ClientCertificate.YES
    assert rows[0].stop == Outcome(OutcomeKind.TLS_FAILED, Cause.TLS_ALERT, {"alert": alert})
    assert questions(rows) == [IN_TLS]  # never asked in plain


def test_a_client_certificate_asked_for_but_not_demanded(pair: Pair) -> None:
    context = pair.server(client=pair.certificate)
    context.verify_mode = ssl.CERT_OPTIONAL
    with certificates.serving(context, rejects) as port:
        seen, _ = asked(port, tls_port=True)
    assert seen.tls is not None
    assert seen.tls.client_certificate is ClientCertificate.NO


def test_no_common_cipher_is_not_taken_for_a_client_certificate() -> None:
    """The alert is the same as in TLS 1.2 for a missing certificate."""

    async def refuses(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        writer.write(b"\x15\x03\x03\0\x02\x02\x28")

    seen, rows = against(refuses)
    assert seen.tls == TlsFacts(client_certificate=ClientCertificate.UNKNOWN, alert=40)
    assert place(seen).why is Reason.NOT_IMAGING
    assert place(seen).stop == Outcome(OutcomeKind.TLS_FAILED, Cause.TLS_ALERT, {"alert": 40})
    assert not place(seen).conclusive
    assert [row.question for row in rows] == [IN_TLS] * HANDSHAKES  # the last offers what is oldest


ADDRESS_AS_NAME = "1.0.0.127.in-addr.arpa"
WRONG_CIPHER = b"\x16\x03\x03\x00\x2a\x02\x00\x00\x26\x03\x03" + bytes(35) + b"\x00"  # a ServerHello


def offers(hello: bytes, cipher: int) -> bool:
    """Whether a ClientHello offers this cipher, RFC 5246 7.4.1.2."""
    at = 9 + 2 + 32
    at += 1 + hello[at]
    suites = hello[at + 2 : at + 2 + int.from_bytes(hello[at : at + 2])]
    return cipher.to_bytes(2) in {suites[i : i + 2] for i in range(0, len(suites), 2)}


def chokes_on_dhe(hello: bytes) -> bytes | None:
    return WRONG_CIPHER if offers(hello, 0x0033) else None


def wants_tls_1_0(hello: bytes) -> bytes | None:
    return None if hello[9:11] == b"\x03\x01" else ALERT


def wants_a_name(hello: bytes) -> bytes | None:
    return None if ADDRESS_AS_NAME.encode() in hello else b""


@pytest.mark.parametrize(
    ("refuses", "tries"),
    [(chokes_on_dhe, 2), (wants_tls_1_0, 4), (wants_a_name, 2), (lambda hello: wants_a_name(hello) or wants_tls_1_0(hello), 4)],
    ids=["our library fails", "old", "hangs up without a name", "old, and hangs up without a name"],
)  # fmt: skip
def test_a_handshake_that_fails_is_made_again_with_less(
    pair: Pair, refuses: Callable[[bytes], bytes | None], tries: int
) -> None:
    context = pair.server()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context = only(context, V1) if refuses is not wants_a_name else context
    with certificates.serving(context, rejects, refuses=refuses) as port:
        seen, rows = asked(port, tls_port=True)
    assert [row.question for row in rows] == [IN_TLS] * tries
    assert place(seen).rung is Rung.SPEAKS
    assert [row.stop.ending for row in rows[:-1]] != [OutcomeKind.REJECTED] * (tries - 1)


def test_a_server_that_needs_a_name_hears_that_of_its_address_and_is_greeted_by_it_from_then_on(pair: Pair) -> None:
    heard: list[str | None] = []
    context = pair.server()

    def named(_connection: object, name: str | None, _context: object) -> int | None:
        heard.append(name)
        return None if name else ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME

    context.sni_callback = named

    async def work(port: int) -> list[JournalRow]:
        door, rows = dialer()
        for name in ("", "", "pacs.example"):
            await door.dial(HERE, port, Talker(b"x", enough=1), question="t", tls=True, name=name)
        return rows

    with certificates.serving(context, lambda _: b"y") as port:
        rows = run(work(port))
    assert heard == [None, ADDRESS_AS_NAME, ADDRESS_AS_NAME, "pacs.example"]
    assert rows[0].stop == Outcome(OutcomeKind.TLS_FAILED, Cause.TLS_ALERT, {"alert": 112})
    assert [row.stop.ending for row in rows[1:]] == [OutcomeKind.COMPLETED] * 3


def test_a_name_that_the_user_gave_is_not_replaced(pair: Pair) -> None:
    heard: list[str | None] = []
    context = pair.server()

    def unknown(_connection: object, name: str | None, _context: object) -> int:
        heard.append(name)
        return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME

    context.sni_callback = unknown

    async def work(port: int) -> None:
        await dialer()[0].dial(HERE, port, Talker(b"x"), question="t", tls=True, name="pacs.example")

    with certificates.serving(context, lambda _: b"y") as port:
        run(work(port))
    assert set(heard) == {"pacs.example"}


def test_one_that_asks_for_a_certificate_and_closes_without_an_alert_wants_one(pair: Pair) -> None:
    """As asyncio's own TLS server does."""

    async def work() -> tuple[Observation, list[JournalRow]]:
        context = only(pair.server(client=pair.certificate), V12)
        server = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0, ssl=context)
        async with server:
            return await asyncio.to_thread(asked, server.sockets[0].getsockname()[1], tls_port=True)

    seen, rows = run(work())
    assert seen.tls is not None
    assert seen.tls.client_certificate is ClientCertificate.UNKNOWN
    assert place(seen).rung is Rung.LISTENING
    assert place(seen).why is Reason.CLIENT_CERTIFICATE
    assert place(seen).stop == Outcome(OutcomeKind.CLOSED, Cause.CERTIFICATE_ASKED)
    assert questions(rows) == [IN_TLS]


def test_a_tls_server_on_a_plain_port_that_says_so(pair: Pair) -> None:
    with certificates.serving(pair.server(), rejects, to_plain=ALERT) as port:
        seen, rows = asked(port)
    assert questions(rows) == [IN_PLAIN, IN_TLS]
    assert rows[0].stop.ending is OutcomeKind.OTHER_PROTOCOL
    assert place(seen).rung is Rung.SPEAKS
    assert seen.tls is not None


def test_a_tls_server_that_hangs_up_on_plain_is_found_where_the_user_named_its_port(pair: Pair) -> None:
    with certificates.serving(pair.server(), rejects) as port:
        named, rows = asked(port, named=True)
        swept, one_row = asked(port)
    assert questions(rows) == [IN_PLAIN, IN_TLS]
    assert place(named).rung is Rung.SPEAKS
    assert questions(one_row) == [IN_PLAIN]
    assert place(swept).rung is Rung.LISTENING


@pytest.mark.parametrize("answer", [pdu.abort(2, 1), b"HTTP/1.1 400 Bad Request\r\n\r\n", b"", bytes(range(90, 250))])
def test_a_plain_server_on_a_tls_port_is_asked_in_plain_once(answer: bytes) -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(TITLE_UNKNOWN if (await reader.read(65536))[0] == pdu.ASSOCIATE_RQ else answer)

    seen, rows = against(plain)
    assert questions(rows) == [IN_TLS, IN_PLAIN]  # one that hangs up may want a name
    assert rows[0].stop.ending is (OutcomeKind.OTHER_PROTOCOL if answer else OutcomeKind.CLOSED)
    assert seen.tls is None
    assert place(seen).rung is Rung.SPEAKS


async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(10)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(bytes(range(90, 250)))
    await reader.read()


async def half_a_hello(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(65536)
    writer.write(b"\x16\x03\x03\x00\x7a\x02\x00\x00")
    await reader.read()


@pytest.mark.parametrize(
    ("handler", "stop"),
    [
        (hang, Outcome(OutcomeKind.IDLE, Cause.HANDSHAKE_LIMIT, {"milliseconds": 500})),
        (half_a_hello, Outcome(OutcomeKind.IDLE, Cause.HANDSHAKE_LIMIT, {"milliseconds": 500})),
        (reset, Outcome(OutcomeKind.RESET)),
        (garbage, Outcome(OutcomeKind.OTHER_PROTOCOL, Cause.NOT_TLS)),
    ],
)
def test_a_handshake_that_fails_is_bounded_and_not_silent(handler: Handler, stop: Outcome) -> None:
    seen, rows = against(handler, idle=0.5 if stop.ending is OutcomeKind.IDLE else None)
    assert rows[0].stop == stop
    assert questions(rows) == [IN_TLS, IN_PLAIN]
    assert place(seen).rung is Rung.LISTENING
    assert all(row.stop.ending is not OutcomeKind.OWN_ERROR for row in rows)


def test_a_closed_tls_port_is_asked_once() -> None:
    seen, rows = asked(9, tls_port=True)
    assert questions(rows) == [IN_TLS]
    assert place(seen).rung is Rung.SILENT


def test_a_peer_left_in_the_handshake_sees_us_go() -> None:
    async def work() -> None:
        greeted, gone = asyncio.Event(), asyncio.Event()

        async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(65536)
            greeted.set()
            await reader.read()
            gone.set()

        door, rows = dialer()
        async with listening(wait) as port, asyncio.timeout(HANGS):
            await door.dial(HERE, port, Talker(), question="t", caps=caps(idle_seconds=0.1), tls=True)
            await gone.wait()
            greeted.clear()
            gone.clear()
            task = asyncio.create_task(door.dial(HERE, port, Talker(), question="t", tls=True))
            await greeted.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await gone.wait()
        assert [row.stop.ending for row in rows] == [OutcomeKind.IDLE, OutcomeKind.INTERRUPTED]

    run(work())


def test_a_stall_of_our_own_in_a_handshake_counts_against_no_peer(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is longer than a handshake may take, and begins when our hello is written."""
    stalls, message = [2.2], _Tls._message

    def stalled(self: _Tls, *told: Any) -> None:
        if stalls:
            time.sleep(stalls.pop())  # what stalls a loop blocks it
        message(self, *told)

    async def work(port: int) -> None:
        door, rows = dialer()
        await door.dial(HERE, port, Talker(b"hello", enough=1), question="t", tls=True, caps=caps(idle_seconds=1))
        assert [row.stop.ending for row in rows] == [OutcomeKind.COMPLETED]

    def hesitates(_: bytes) -> None:
        time.sleep(0.2)  # so that our loop looks at its clock before there is an answer

    monkeypatch.setattr(_Tls, "_message", stalled)
    with certificates.serving(pair.server(), lambda _: b"y", refuses=hesitates) as port:
        run(work(port))
    assert not stalls


def test_every_bound_holds_inside_tls(pair: Pair) -> None:
    async def work(port: int) -> None:
        door, rows = dialer()
        talk = Talker(b"hello")
        await door.dial(HERE, port, talk, question="t", tls=True, caps=caps(received_bytes=100_000))
        assert (rows[0].stop.ending, rows[0].sent) == (OutcomeKind.BYTE_CAP, len(b"hello" + b"bye"))
        assert len(talk.heard) <= 100_000
        await door.dial(HERE, port, Talker(b"hello"), question="t", tls=True, caps=caps(idle_seconds=0.1))
        assert rows[1].stop.ending is OutcomeKind.IDLE

    sizes = iter((1_000_000, 10))
    with certificates.serving(pair.server(), lambda _: bytes(next(sizes))) as port:
        run(work(port))


def test_a_name_is_sent_and_an_address_is_not(pair: Pair) -> None:
    heard: list[str | None] = []
    context = pair.server()
    context.sni_callback = lambda _connection, name, _context: heard.append(name)

    async def work(port: int) -> None:
        door, _ = dialer()
        for name in ("", "pacs.example"):
            await door.dial(HERE, port, Talker(b"x", enough=1), question="t", tls=True, name=name)

    with certificates.serving(context, lambda _: b"y") as port:
        run(work(port))
    assert heard == [None, "pacs.example"]


def test_a_host_name_reaches_the_certificates_names(tmp_path: Path) -> None:
    local = certificates.make(tmp_path, alternatives=("localhost",))
    with certificates.serving(local.server(), rejects) as port:

        async def work(target: str) -> bool:
            door, _ = dialer()
            (judged,) = (await examine(door, parse(target), Depth.COUNT)).judged
            assert judged.observation.tls is not None
            assert judged.observation.tls.certificate is not None
            return judged.observation.tls.certificate.matches

        assert run(work(f"localhost:{port}"))
        assert not run(work(f"127.0.0.1:{port}"))


def shown(pair: Pair, name: str = "pacs.example") -> Certificate:
    read = read_certificate(ssl.PEM_cert_to_DER_cert(pair.certificate.read_text()), name)
    assert read is not None
    return read


def test_the_certificate(tmp_path: Path, pair: Pair) -> None:
    with certificates.serving(pair.server(), rejects) as port:
        seen, _ = asked(port, tls_port=True)
    assert seen.tls is not None
    found = seen.tls.certificate
    assert found is not None
    assert (found.subject_name, found.subject_organisation) == ("pacs.example", "Example Hospital")
    assert (found.issuer_name, found.issuer_organisation) == ("pacs.example", "Example Hospital")
    assert (found.key, found.bits, found.self_signed, found.matches) == (KeyKind.RSA, 2048, True, True)
    assert found.not_before < datetime.now(UTC) < found.not_after

    expired = shown(certificates.make(tmp_path, begin=timedelta(days=-9), end=timedelta(days=-2)))
    assert expired.not_after < datetime.now(UTC)
    issued = shown(certificates.make(tmp_path, issuer="Example CA"))
    assert (issued.self_signed, issued.issuer_name) == (False, "Example CA")
    pretends = shown(certificates.make(tmp_path, issuer="pacs.example", organisation="Example Trust"))
    assert not pretends.self_signed  # named as its own issuer, and signed by another key
    curve = shown(certificates.make(tmp_path, key=ec.generate_private_key(ec.SECP384R1())))
    assert (curve.key, curve.bits) == (KeyKind.EC, 384)


def test_an_expired_certificate_is_seen_and_does_not_stop_us(tmp_path: Path) -> None:
    old = certificates.make(tmp_path, begin=timedelta(days=-9), end=timedelta(days=-2))
    with certificates.serving(old.server(), rejects) as port:
        seen, _ = asked(port, tls_port=True)
    assert place(seen).rung is Rung.SPEAKS


@pytest.mark.parametrize(
    ("alternatives", "name", "matches"),
    [
        (("pacs.example",), "PACS.example", True),
        (("pacs.example",), "other.example", False),
        (("*.example",), "pacs.example", True),
        (("*.example",), "a.pacs.example", False),
        (("*.example",), "example", False),
        (("other.example",), "pacs.example", False),  # the common name does not count beside them
        ((), "pacs.example", True),
        ((), "other.example", False),
    ],
)
def test_names(tmp_path: Path, alternatives: tuple[str, ...], name: str, matches: bool) -> None:
    assert shown(certificates.make(tmp_path, alternatives=alternatives), name).matches is matches


def test_what_a_certificate_says_is_cut_and_cleaned(tmp_path: Path) -> None:
    found = shown(certificates.make(tmp_path, name="x", organisation="Spital Zürich \x1b[2J" + "A" * 40))
    assert found.subject_organisation.startswith("Spital Z?rich ?[2JAAA")
    assert len(found.subject_organisation) <= 64


def test_the_first_names_of_a_certificate_are_kept_as_hints(tmp_path: Path) -> None:
    many = tuple(f"n{number}.hospital.example" for number in range(20))
    assert shown(certificates.make(tmp_path, alternatives=many)).names == many[:8]
    assert shown(certificates.make(tmp_path)).names == ()
    assert shown(certificates.make(tmp_path, alternatives=("192.0.2.1",))).names == ()


@pytest.mark.parametrize("algorithm", ["rsa:2048", "rsa-pss", "ec", "ed25519"])
def test_the_digest_of_its_key_is_openssls(tmp_path: Path, algorithm: str) -> None:
    """Also of a key whose parameters a library would leave out."""

    def openssl(*arguments: object, given: bytes = b"") -> bytes:
        ran = subprocess.run(["openssl", *map(str, arguments)], input=given, capture_output=True, check=True)
        return ran.stdout

    curve = ("-pkeyopt", "ec_paramgen_curve:P-256") if algorithm == "ec" else ()
    pem, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    openssl(
        "req", "-x509", "-newkey", algorithm, *curve, "-nodes", "-keyout", key, "-out", pem, "-subj", "/CN=pacs.example"
    )
    der = openssl("pkey", "-pubin", "-outform", "der", given=openssl("x509", "-in", pem, "-pubkey", "-noout"))
    assert shown(Pair(pem, key)).spki_sha256 == sha256(der).hexdigest()


def test_a_renewed_certificate_shows_the_key_of_the_old_one(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    old, new = (shown(certificates.make(tmp_path, key=key)) for _ in ("once", "again"))
    other = shown(certificates.make(tmp_path, key=ec.generate_private_key(ec.SECP256R1())))
    assert old.spki_sha256 == new.spki_sha256 != other.spki_sha256


@pytest.mark.parametrize("der", [b"", b"0", bytes(100), b"\x30\x82\xff\xff" + bytes(500)])
def test_a_certificate_that_cannot_be_read_is_none(der: bytes) -> None:
    assert read_certificate(der, "pacs.example") is None


@pytest.mark.parametrize(
    ("messages", "version", "heard", "demanded"),
    [
        (((22, 2), (22, 13)), "", False, ClientCertificate.UNKNOWN),
        (((22, 2), (22, 13), (21, 42)), "", False, ClientCertificate.YES),  # as Java's say
        (((22, 2), (21, 42)), "", False, ClientCertificate.UNKNOWN),
        (((22, 2), (22, 13), (21, 80)), "", False, ClientCertificate.UNKNOWN),
        (((22, 2), (22, 13), (21, 0)), "TLSv1.3", False, ClientCertificate.UNKNOWN),
        (((22, 2), (22, 13)), "TLSv1.3", True, ClientCertificate.NO),
        (((22, 2),), "TLSv1.3", False, ClientCertificate.NO),
        (((22, 2), (21, 116)), "TLSv1.3", True, ClientCertificate.YES),
    ],
)
def test_whether_a_client_certificate_is_demanded(
    messages: tuple[tuple[int, int], ...], version: str, heard: bool, demanded: ClientCertificate
) -> None:
    handshake = Handshake(HERE)
    for content, kind in messages:
        handshake.received(content, kind)
    if version:
        handshake.established(version, "cipher", b"")
    facts = handshake.facts(heard=heard)
    assert facts is not None
    assert facts.client_certificate is demanded


def test_a_peer_that_spoke_no_tls_has_no_facts() -> None:
    handshake = Handshake(HERE)
    handshake.received(256, 22)  # a record's head, which OpenSSL shows before it looks at it
    assert handshake.facts(heard=False) is None
    assert handshake.alert is None
