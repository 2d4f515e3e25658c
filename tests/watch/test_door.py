"""The second door: it sends to whom the settings name, never to a host that is surveyed, whatever a library tries."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest

from filmbadge import scope as scopes
from filmbadge.model import Refusal
from filmbadge.scope import Scope
from filmbadge.watch import door as door_module
from filmbadge.watch.door import Door
from support import certificates
from support.doors import asked, served
from support.hanging import HANGS
from support.name_server import name_server

PACS = Scope("pacs", (ip_network("127.0.0.64/26"),), (ip_network("127.0.0.99/32"),))
FREE, SURVEYED, EXCLUDED = "127.0.0.1", "127.0.0.77", "127.0.0.99"


def a_door(*held: Scope) -> Door:
    return Door(lambda: held or (PACS,))


@contextmanager
def site(
    answer: Callable[[str], tuple[int, dict[str, str], bytes]] = lambda _: (200, {}, b"{}"),
    host: str = "127.0.0.1",
    pair: certificates.Pair | None = None,
) -> Iterator[tuple[int, list[Any]]]:
    """An HTTP server, its port, and what it was sent."""
    taken: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            taken.append(self.rfile.read(int(self.headers.get("Content-Length", 0))))
            self.do_GET()

        def do_GET(self) -> None:
            code, headers, body = answer(self.path)
            taken.append(self.path)
            self.send_response(code)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer((host, 0), Handler) as server:
        if pair is not None:
            server.socket = pair.server().wrap_socket(server.socket, server_side=True)
        serving = threading.Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        try:
            yield server.server_address[1], taken
        finally:
            server.shutdown()
            serving.join()


def test_a_webhook_is_told() -> None:
    with site() as (port, taken):
        a_door().tell(f"json://{FREE}:{port}/hook?+X-Token=1", "3 new", "In all\nthree", "failure")
    sent = json.loads(taken[0])
    assert (sent["title"], sent["message"], sent["type"]) == ("3 new", "In all\nthree", "failure")
    assert "attachments" not in sent or not sent["attachments"]


@contextmanager
def mail_server() -> Iterator[tuple[int, list[str]]]:
    """Says yes to one sender, and has the lines that it was told."""
    lines: list[str] = []

    def serve(held: socket.socket) -> None:
        connection, _ = held.accept()
        with connection, connection.makefile("rwb") as both:
            both.write(b"220 mail.example\r\n")
            both.flush()
            data = False
            for line in both:
                lines.append(line.decode().rstrip("\r\n"))
                if data and lines[-1] != ".":
                    continue
                word = lines[-1].upper()
                data = word == "DATA"
                both.write(b"354 go on\r\n" if data else b"221 bye\r\n" if word == "QUIT" else b"250 yes\r\n")
                both.flush()
                if word == "QUIT":
                    return

    with socket.create_server((FREE, 0)) as held:
        serving = threading.Thread(target=serve, args=(held,))
        serving.start()
        yield held.getsockname()[1], lines
        serving.join()


def test_a_mail_is_sent_as_one_plain_mail() -> None:
    """What a peer wrote into it makes no header, no recipient and no markup."""
    with mail_server() as (port, lines):
        a_door().tell(
            f"mailto://{FREE}:{port}/?from=watch@example.org&to=ops@example.org&mode=insecure",
            "new\r\nBcc: evil@example.org",
            "one\r\n.\r\nRCPT TO:<evil@example.org>\r\n<img src=x>",
        )
    begin = [line.upper() for line in lines].index("DATA")
    assert [line[4:] for line in lines[:begin] if line.upper().startswith("RCPT")] == [" TO:<ops@example.org>"]
    body = lines[begin:]
    assert not [line for line in body if line.lower().startswith("bcc:")]
    assert not [line for line in body if "<img" in line and "text/plain" not in "".join(body)]


@pytest.mark.parametrize(
    ("host", "reached"),
    [
        (FREE, True),
        (EXCLUDED, True),
        (SURVEYED, False),
        (f"[::ffff:{SURVEYED}]", False),
        ("[::ffff:7f00:4d]", False),
        ("[64:ff9b::7f00:4d]", False),
        ("[2002:7f00:4d::1]", False),
        ("2130706509", False),  # the same address, as an old C library reads it
        ("0x7f.77", False),
    ],
)
def test_nothing_is_sent_to_what_is_surveyed(host: str, reached: bool) -> None:
    bound = host.strip("[]") if reached else SURVEYED
    with site(host=bound) as (port, taken):
        door = a_door()
        for go in (
            lambda: door.tell(f"json://{host}:{port}/", "title", "body"),
            lambda: door.fetch("GET", f"http://{host}:{port}/"),
        ):
            if reached:
                go()
            else:
                with pytest.raises(Refusal) as refused:
                    go()
                assert "\n" not in str(refused.value)
        if not reached:
            with pytest.raises(Refusal, match="the scope pacs"):
                door.fetch("GET", f"https://{host}:{port}/")
    assert bool(taken) == reached


def test_the_refusal_says_what_to_do() -> None:
    with pytest.raises(Refusal) as refused:
        a_door().fetch("GET", f"https://{SURVEYED}/")
    assert str(refused.value) == (
        f"{SURVEYED} lies in the networks of the scope pacs: nothing is sent to what is surveyed "
        "(if it is not to be surveyed, write its address under 'exclude' there)"
    )


def test_the_address_that_stands_for_this_machine_is_this_machine() -> None:
    home = Scope("home", (ip_network("127.0.0.0/8"),))
    with site() as (port, taken), pytest.raises(Refusal, match="scope home"):
        a_door(home).fetch("GET", f"http://0.0.0.0:{port}/")
    assert not taken


def test_who_opted_out_is_left_alone_and_an_expired_scope_still_counts(tmp_path: Path) -> None:
    written = tmp_path / "old.toml"
    (tmp_path / "optout.txt").write_text(f"{EXCLUDED}\n127.0.1.5\n")
    written.write_text(
        'networks = ["127.0.0.64/26"]\nexclude = ["127.0.0.98", "127.0.0.99"]\nexpires = 2001-01-01\nnonsense = 1\n'
    )
    with pytest.raises(scopes.ScopeError):
        scopes.load(written)
    read = scopes.surveyed(written)
    assert not read.permits(ip_address(SURVEYED))
    door = a_door(read)
    for host in (SURVEYED, EXCLUDED, "127.0.1.5"):
        with pytest.raises(Refusal, match="the scope old"):
            door.fetch("GET", f"http://{host}/")
    with site(host="127.0.0.98") as (port, taken):
        door.fetch("GET", f"http://127.0.0.98:{port}/")
    assert taken


def test_a_name_is_looked_up_once_and_checked() -> None:
    with site() as (port, taken), name_server({"in.example": SURVEYED, "out.example": f"{FREE}"}) as asked:
        with pytest.raises(Refusal, match=rf"in\.example is {SURVEYED}, and lies"):
            a_door().tell(f"json://in.example:{port}/", "title", "body")
        with pytest.raises(Refusal, match=r"gone\.example was not found"):
            a_door().tell(f"json://gone.example:{port}/", "title", "body")
        asked.clear()
        a_door().tell(f"json://out.example:{port}/", "title", "body")
        assert asked.count("out.example") <= 2  # its IPv4 and its IPv6 addresses
        # Whoever answers otherwise the second time is not asked a second time.
        assert len(taken) == 2


@pytest.mark.parametrize("there", [SURVEYED, "127.0.0.2", FREE])
def test_no_redirect_is_followed(there: str) -> None:
    with site(host=there) as (second, never):
        with site(lambda _: (307, {"Location": f"http://{there}:{second}/"}, b"")) as (port, taken):
            with pytest.raises(Refusal):
                a_door().tell(f"json://{FREE}:{port}/", "title", "body")
            assert a_door().fetch("POST", f"http://{FREE}:{port}/", {"code": "1"}).status == 307
        assert len(taken) == 4
        assert not never


async def _over(what: str, *arguments: Any) -> None:
    await getattr(asyncio.get_running_loop(), what)(asyncio.Protocol, *arguments)


ATTEMPTS: Sequence[Callable[[], Any]] = [
    lambda: socket.create_connection(("127.0.0.2", 9), 1),
    lambda: socket.create_connection((SURVEYED, 9), 1),
    lambda: socket.socket().connect((SURVEYED, 9)),
    lambda: socket.socket(socket.AF_INET6).connect((f"::ffff:{SURVEYED}", 9)),
    lambda: socket.socket(socket.AF_UNIX).connect("/run/dbus/system_bus_socket"),
    lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b"", (SURVEYED, 9)),
    lambda: socket.socket(type=socket.SOCK_DGRAM).sendmsg([b""], [], 0, (SURVEYED, 9)),
    lambda: socket.getaddrinfo("elsewhere.example", 9),
    lambda: socket.gethostbyname("elsewhere.example"),
    lambda: socket.gethostbyaddr(SURVEYED),
    lambda: asyncio.run(_over("create_connection", "127.0.0.2", 9)),
    lambda: subprocess.run(["true"], check=False),
    lambda: os.system("true"),
    lambda: Path("/tmp/never").write_text("x"),
]


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
@pytest.mark.parametrize("attempt", ATTEMPTS, ids=range(len(ATTEMPTS)))
def test_a_library_reaches_nothing_else_while_something_is_sent(attempt: Callable[[], Any]) -> None:
    with a_door()._errand((FREE,)), pytest.raises(OSError):
        attempt()


def test_a_rebound_name_and_a_scope_that_comes_later_are_refused_at_the_connect() -> None:
    """Nothing that was looked up before counts: the address itself is looked at, each time."""
    held = [PACS]
    door = Door(lambda: held)
    with door._errand((FREE,)) as errand:
        errand._known["later.example"] = (ip_address(SURVEYED),)
        with pytest.raises(OSError, match="scope pacs"):
            socket.create_connection(("later.example", 9), 1)
    assert "scope pacs" in errand.refused


ALONE = """
import asyncio, socket, sys, threading
from filmbadge.watch.door import Door
door = Door(lambda: ())
port = int(sys.argv[1])
socket.create_connection(("127.0.0.1", port)).close()
door.guard()
said = []
def attempt():
    for go in (lambda: socket.create_connection(("127.0.0.1", port)), lambda: socket.getaddrinfo("localhost", 1)):
        try:
            go()
            said.append("reached")
        except OSError:
            said.append("refused")
attempt()
other = threading.Thread(target=attempt)
other.start()
other.join()
async def over():
    await asyncio.open_connection("127.0.0.1", port)
try:
    asyncio.run(over())
except OSError:
    said.append("refused")
print(*said, door.fetch("GET", f"http://127.0.0.1:{port}/").status)
"""


def test_the_dashboard_reaches_nobody_but_through_its_door() -> None:
    with site() as (port, _):
        done = subprocess.run(
            [sys.executable, "-c", ALONE, str(port)], capture_output=True, text=True, timeout=HANGS, check=False
        )
    assert done.stdout.split() == ["refused"] * 5 + ["200"], done.stderr


@pytest.mark.parametrize(
    "url",
    [
        "syslog://", "dbus://", "gnome://", "glib://", "macosx://", "windows://", "rsyslog://h/", "apprise://h/t", "config://h/", "file:///etc/passwd",
        "memory://", "blink1://", "https://hooks.example/", "", "json", "json://", "mailto://", "://", "a b://h",
        "json://h/?attach=/etc/passwd", "json://h/?verify=no", "jsons://h/?redirect=yes", "ntfy://h/t?attach=http://127.0.0.1/",
        "mailto://h/?to=a@b.example&from=c@d.example&pgppub=/etc/passwd", "mailto://h/?inline=yes", "slack://A/B/C?template=/etc/passwd",
        "json://h/?retry=9&wait=9999", "json://h/?cto=99999",
    ],
)  # fmt: skip
def test_only_addresses_that_lead_over_the_network_are_taken(url: str) -> None:
    said = a_door().fault(url)
    assert said
    assert "\n" not in said
    with pytest.raises(Refusal):
        a_door().tell(url, "title", "body")


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        ("jsons://u:p@hook.example:8443/x", ("hook.example",)),
        ("mailtos://u:p@example.org?smtp=mail.example&from=a@b.example&to=c@d.example", ("mail.example",)),
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", ("hooks.slack.com", "slack.com")),
        (
            "workflows://prod-1.westeurope.logic.azure.com:443/643e69f83c8944/sig",
            ("prod-1.westeurope.logic.azure.com",),
        ),
        ("matrixs://user:pw@matrix.example/#room", ("matrix.example",)),
        ("discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js", ("discord.com",)),
        ("ntfys://ntfy.example/topic", ("ntfy.example",)),
        ("ntfy://topic", ("ntfy.sh",)),
    ],
)
def test_a_channel_reaches_the_hosts_of_its_service_alone(url: str, hosts: tuple[str, ...]) -> None:
    assert a_door().fault(url) == ""
    assert a_door()._plugin(url)[1] == hosts


def test_what_does_not_go_says_why_in_one_line_without_the_secret() -> None:
    with site(lambda _: (404, {}, b"<h1>no\nsuch</h1>")) as (port, _), pytest.raises(Refusal) as refused:
        a_door().tell(f"json://user:geheim@{FREE}:{port}/geheim", "title", "body")
    assert "404" in str(refused.value)
    assert "geheim" not in str(refused.value)
    with pytest.raises(Refusal) as refused:
        a_door().tell(f"json://user:geheim@{FREE}:1/geheim", "title", "body")
    assert "geheim" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_certificate_is_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pair = certificates.make(tmp_path, alternatives=(FREE,))
    with site(pair=pair) as (port, taken):
        with pytest.raises(Refusal, match=r"certificate of 127\.0\.0\.1 could not be verified"):
            a_door().fetch("GET", f"https://{FREE}:{port}/")
        assert not taken
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(pair.certificate))
        assert a_door().fetch("GET", f"https://{FREE}:{port}/").body == b"{}"


@pytest.mark.parametrize(
    "url", ["http://192.0.2.1/", "ftp://127.0.0.1/", "https://", "https://u@127.0.0.1/", "https://h:x/", "https://[/", "http://127.0.0.1:1/"]
)  # fmt: skip
def test_other_addresses_are_not_fetched(url: str) -> None:
    with pytest.raises(Refusal) as refused:
        a_door().fetch("GET", url)
    assert "\n" not in str(refused.value)


def test_it_goes_where_it_is_sent_and_not_to_a_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.2:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with site() as (port, taken):
        assert a_door().fetch("GET", f"http://{FREE}:{port}/").status == 200
        assert taken == ["/"]
        with pytest.raises(Refusal, match=r"127\.0\.0\.2, which the settings do not name"):
            a_door().tell(f"json://{FREE}:{port}/", "title", "body")


def test_an_answer_is_bounded() -> None:
    with (
        site(lambda _: (200, {}, bytes((1 << 20) + 1))) as (port, _),
        pytest.raises(Refusal, match="larger than 1 MiB"),
    ):
        a_door().fetch("GET", f"http://{FREE}:{port}/")


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Says whom it takes the asker for, or goes on without end."""
    assert scope["type"] == "http"
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": []})
    if scope["path"] == "/stream":
        await send({"type": "http.response.body", "body": b"data: x\n\n", "more_body": True})
        assert (await receive())["type"] == "http.disconnect"
        return
    await send({"type": "http.response.body", "body": repr(scope["client"][0]).encode()})


ASK = b"GET /%s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n%s\r\n"


def test_it_says_nothing_of_itself_and_believes_no_forwarded_header() -> None:
    with served(app) as port:
        answer = asked(port, ASK % (b"", b"X-Forwarded-For: 192.0.2.9\r\nX-Forwarded-Proto: https\r\n"))
        assert answer.startswith(b"HTTP/1.1 200")
        assert b"server:" not in answer.lower()
        assert b"\r\n'127.0.0.1'\r\n" in answer
        with suppress(ConnectionError):  # it closes while we send
            assert not asked(port, ASK % (b"", b"X: " + b"x" * 1_000_000 + b"\r\n")).startswith(b"HTTP/1.1 200")


def test_a_request_that_never_becomes_whole_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door_module, "_REQUEST_SECONDS", 0.1)
    with served(app) as port:
        for begun in (b"", b"GET / HT", b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nx"):
            with suppress(ConnectionError):
                assert asked(port, begun) == b""
        assert asked(port, ASK % (b"", b"")).startswith(b"HTTP/1.1 200")


def test_an_open_stream_does_not_hold_up_the_end(capfd: pytest.CaptureFixture[str]) -> None:
    """It is ended as one whose reader has gone, so nothing is said of it."""
    with served(app) as port:
        stream = socket.create_connection(("127.0.0.1", port), HANGS)
        stream.sendall(ASK % (b"stream", b""))
        assert stream.recv(100)
    stream.close()
    assert capfd.readouterr() == ("", "")


def test_tls_is_of_version_1_2_or_newer(tmp_path: Path) -> None:
    pair = certificates.make(tmp_path, alternatives=(FREE,))
    with served(app, certificate=str(pair.certificate), key=str(pair.key)) as port:
        context = ssl.create_default_context(cafile=str(pair.certificate))
        assert asked(port, ASK % (b"", b""), context).startswith(b"HTTP/1.1 200")
        with pytest.warns(DeprecationWarning):
            context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
        context.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.raises(OSError):
            asked(port, ASK % (b"", b""), context)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"host": "pacs.example"}, "no address of this machine"),
        ({"host": "192.0.2.1"}, "cannot listen|nothing can listen on 192.0.2.1"),
        ({"port": 70_000}, "up to 65535"),
        ({"certificate": "/nowhere.pem", "key": "/nowhere.key"}, "No such file"),
        ({"certificate": __file__, "key": __file__}, "no pair of a certificate and its key"),
    ],
)
def test_what_cannot_listen_says_why(more: dict[str, Any], said: str) -> None:
    with pytest.raises(Refusal, match=said):
        asyncio.run(a_door().listen(app, **{"host": "127.0.0.1", "port": 0, **more}))


def test_a_port_that_is_taken_is_said() -> None:
    with socket.create_server((FREE, 0)) as held, pytest.raises(Refusal, match="Address already in use"):
        asyncio.run(a_door().listen(app, FREE, held.getsockname()[1]))


def test_what_fails_is_not_written_down_in_full(caplog: pytest.LogCaptureFixture) -> None:
    """Its text could hold anything. web/app.py says where it was."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise ValueError("a value of somebody")

    with served(app) as port:
        asked(port, b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    assert "a value of somebody" not in caplog.text
