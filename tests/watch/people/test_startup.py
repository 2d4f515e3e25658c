"""When the dashboard refuses to start, and what it says then. And once as a real server, over TLS."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest

from filmbadge.model import Refusal
from filmbadge.watch import settings
from filmbadge.watch.people.gate import Gate, add_user, startup
from filmbadge.watch.people.proxy import Proxy
from filmbadge.watch.people.who import Role
from filmbadge.watch.settings import Login, Settings, Web
from filmbadge.watch.store.store import Store
from support import certificates
from support.dashboard import Dashboard, dashboard

TLS = Web(certificate="c.pem", key="k.pem")
PROXY = settings.Proxy(("10.0.0.1",))
HEADER = settings.Proxy(("10.0.0.1",), "X-User", "X-Roles", admin=("chiefs",))
OIDC = settings.Oidc("https://login.example", "filmbadge", admin=("chiefs",))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


@pytest.mark.parametrize(
    ("host", "said", "user", "why"),
    [
        ("127.0.0.1", Settings(), False, ""),
        ("::1", Settings(), False, ""),
        ("localhost", Settings(), True, ""),
        ("127.0.0.1", Settings(proxy=PROXY), False, "nobody could log in"),
        ("127.0.0.1", Settings(proxy=PROXY), True, ""),
        ("0.0.0.0", Settings(), True, "unencrypted"),
        ("::", Settings(), True, "unencrypted"),
        ("192.0.2.1", Settings(), True, "unencrypted"),
        ("192.0.2.1", Settings(web=TLS), False, "nobody could log in"),
        ("192.0.2.1", Settings(web=TLS), True, ""),
        ("192.0.2.1", Settings(web=TLS, login=Login(local=False)), True, "nobody could log in"),
        ("192.0.2.1", Settings(web=TLS, oidc=OIDC, login=Login(local=False)), False, ""),
        ("192.0.2.1", Settings(web=Web(certificate="c.pem")), True, "belong together"),
        ("192.0.2.1", Settings(proxy=PROXY), True, ""),
        ("192.0.2.1", Settings(proxy=PROXY), False, "nobody could log in"),
        ("192.0.2.1", Settings(proxy=HEADER), False, ""),
        ("192.0.2.1", Settings(web=TLS, proxy=settings.Proxy(user_header="X-User")), True, r"needs proxy\.addresses"),
        ("192.0.2.1", Settings(proxy=settings.Proxy(("10.0.0.1",), "X-User")), True, r"needs proxy\.roles_header"),
        ("192.0.2.1", Settings(proxy=settings.Proxy(("10.0.0.1/8",))), True, "no address and no network"),
        ("192.0.2.1", Settings(proxy=settings.Proxy(("proxy.example",))), True, "no address and no network"),
        ("192.0.2.1", Settings(proxy=settings.Proxy(("0.0.0.0/0",))), True, "everybody"),
        ("127.0.0.1", Settings(login=Login(hours=0)), False, "at least 1"),
    ],
)
def test_startup(host: str, said: Settings, user: bool, why: str, store: Store) -> None:
    if user:
        add_user(store, "anna", Role.ADMIN, "seven green bottles")
    if not why:
        startup(said, store, host)
        return
    with pytest.raises(Refusal, match=why) as refusal:
        startup(said, store, host)
    assert "\n" not in str(refusal.value)


def test_whoever_owns_the_machine_comes_in_again(store: Store) -> None:
    add_user(store, "Anna", Role.ADMIN, "seven green bottles")
    add_user(store, "otto", Role.ADMIN, "seven green bottles")
    users = Gate(store, Settings(), at_home=False).users
    users.disable("anna")
    assert users.role("anna") is None
    add_user(store, "anna", Role.ADMIN, "another long password")
    assert users.known_as("anna", "another long password") is Role.ADMIN
    with pytest.raises(Refusal, match="at least 12"):
        add_user(store, "vera", Role.VIEWER, "short")


def test_who_called_a_proxy() -> None:
    """Each proxy adds an address at the end: what stands before the first that is none of ours, anybody may have written."""
    proxy = Proxy(settings.Proxy(("10.0.0.0/24", "2001:db8::1")))

    def client(peer: str, *forwarded: str) -> str:
        return proxy.client({"client": (peer, 1), "headers": [(b"x-forwarded-for", one.encode()) for one in forwarded]})

    assert client("192.0.2.1", "198.51.100.1") == "192.0.2.1"
    assert client("10.0.0.1") == "10.0.0.1"
    assert client("10.0.0.1", "198.51.100.1") == "198.51.100.1"
    assert client("10.0.0.1", "1.1.1.1, 198.51.100.1") == "198.51.100.1"
    assert client("10.0.0.1", "1.1.1.1", "198.51.100.1, 10.0.0.2") == "198.51.100.1"
    assert client("10.0.0.1", "198.51.100.1, rubbish") == "10.0.0.1"
    assert client("2001:db8::1", "2001:db8::7") == "2001:db8::7"
    assert client("rubbish", "198.51.100.1") == ""


def test_over_tls_as_a_real_server(tmp_path: Path) -> None:
    """What h11, uvicorn and the door make of requests that no browser sends."""
    pair = certificates.make(tmp_path, alternatives=("localhost",))
    with dashboard(tmp_path / "watch", Settings(web=Web(names=("localhost",)))) as site:
        site.runner.run(_visit(site, pair))


async def _visit(site: Dashboard, pair: certificates.Pair) -> None:
    at: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    context = ssl.create_default_context(cafile=str(pair.certificate))

    async def ask(*lines: str) -> str:
        reader, writer = await asyncio.open_connection("127.0.0.1", await at, ssl=context, server_hostname="localhost")
        writer.write("\r\n".join((*lines, "connection: close", "", "")).encode("latin-1"))
        found = (await reader.read()).decode()
        writer.close()
        await writer.wait_closed()
        return found

    serving = asyncio.create_task(
        site.service.door.listen(
            site.app, "127.0.0.1", 0, str(pair.certificate), str(pair.key), lambda _, port: at.set_result(port)
        )
    )
    host = f"host: localhost:{await at}"
    page = await ask("GET /login HTTP/1.1", host)
    assert page.startswith("HTTP/1.1 200") and "set-cookie: __Host-filmbadge-form=" in page and "; Secure" in page
    assert "strict-transport-security" in page and "server: uvicorn" not in page
    for lines, status in (
        (("GET /login HTTP/1.1", "host: evil.example"), 421),
        (("GET /login HTTP/1.1", host, "host: evil.example"), 400),
        (("GET /login HTTP/1.1",), 400),
        (("GET http://evil.example/login HTTP/1.1", host), 404),
        (("GET /account HTTP/1.1", host, "x-forwarded-user: anna", "x-forwarded-for: 127.0.0.1"), 303),
        (("GET /account?a=\r\nx: y HTTP/1.1", host), 400),
        (("GET /\xff\xfe HTTP/1.1", host), 400),
        (("GET /%ff%fe HTTP/1.1", host), 404),
        (("GET /login?to=%ff HTTP/1.1", host), 200),
        ((f"GET /{'a' * 400_000} HTTP/1.1", host), 400),
        (("POST /login HTTP/1.1", host, "content-length: 5", "transfer-encoding: chunked"), 403),
        (("POST /login HTTP/1.1", host, "content-length: x"), 400),
        (("GET /account HTTP/1.1", host, f"cookie: __Host-filmbadge-session={'a' * 9000}"), 303),
        (("GET /account HTTP/1.1", host, "cookie: \xff=\xfe; __Host-filmbadge-session=\xff"), 303),
        (("GET /api/v1/account HTTP/1.1", host, "authorization: Bearer \xff\xfe"), 401),
    ):
        answer = await ask(*lines)
        assert answer.startswith(f"HTTP/1.1 {status}"), (lines, answer[:200])
        assert "Traceback" not in answer
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
