"""Who may where: every route of the table, for everybody who may ask, as a page and over the API."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request

from filmbadge.watch.people.who import Role, Who
from filmbadge.watch.settings import Proxy, Settings, Web
from filmbadge.watch.store.store import StoreError
from filmbadge.watch.web import table
from filmbadge.watch.web.routes import Action, Page
from support.asgi import Answer, Browser
from support.dashboard import PASSWORDS, ROLES, Dashboard, dashboard

API = "/api/v1"
ROUTES: tuple[Page | Action, ...] = (*table.PAGES, *table.ACTIONS)
PROXY = Settings(
    proxy=Proxy(("10.1.2.3",), "X-User", "X-Roles", viewer=("readers",), operator=("doers",), admin=("chiefs",)),
    web=Web(names=("watch.example.org",)),
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    with dashboard(tmp_path_factory.mktemp("watch")) as made:
        yield made


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Dashboard]:
    with dashboard(tmp_path) as made:
        yield made


def filled(path: str) -> str:
    """With names of things that are not there."""
    return re.sub(r"\{\w+(:int)?\}", lambda found: "4711" if found[1] else "nowhere", path)


def strangers(site: Dashboard) -> dict[str, Browser]:
    """Everybody who may see nothing."""
    expired, revoked = site.token("vera", days=1), site.token("vera")
    owner, number = site.gate.tokens.listed("local:vera")[0]["owner"], site.gate.tokens.listed("local:vera")[0]["id"]
    site.gate.tokens.revoke(number, owner)
    site.gate.users.add("gone", Role.ADMIN, "a password of somebody")
    left = site.browser()
    left.log_in("gone", "a password of somebody")
    held = site.gate.tokens.make(Who("gone", Role.ADMIN, "local", subject="gone"), "t", Role.ADMIN, 9)
    site.gate.users.disable("gone")
    late = site.logged_in("anna")
    out = site.logged_in("anna")
    cookie = dict(out.cookies)
    assert out.post("/logout", csrf=out.get("/account").csrf).to == "/login"
    out.cookies = cookie
    site.clock.forward(days=1, minutes=1)
    token = site.token("anna")
    return {
        "nobody": site.browser(),
        "a made-up cookie": site.browser(cookies={"filmbadge-session": "x" * 43}),
        "a made-up token": site.browser(always=(("authorization", "Bearer fb_" + "x" * 43),)),
        "an empty token": site.browser(always=(("authorization", "Bearer "),)),
        "two tokens": site.browser(always=(("authorization", f"Bearer {token}"), ("authorization", f"Bearer {token}"))),
        "a token in other letters": site.browser(always=(("authorization", f"Bearer {token.swapcase()}"),)),
        "an expired token": site.browser(always=(("authorization", f"Bearer {expired}"),)),
        "a revoked token": site.browser(always=(("authorization", f"Bearer {revoked}"),)),
        "a token of a disabled user": site.browser(always=(("authorization", f"Bearer {held}"),)),
        "a disabled user": left,
        "a session that ended": late,
        "a session that was left": out,
        "a forged header": site.browser(
            always=(("x-user", "anna"), ("x-roles", "chiefs"), ("x-forwarded-user", "anna"))
        ),
        "a token without TLS": site.browser(peer="192.0.2.9", always=(("authorization", f"Bearer {token}"),)),
        "a token, and a session that holds": site.browser(
            cookies=site.logged_in("anna").cookies, always=(("authorization", "Bearer fb_wrong"),)
        ),
    }


def known(site: Dashboard) -> dict[str, tuple[Role, Browser]]:
    """Everybody who may see something, and as what."""
    by_role = {name: (role, site.logged_in(name)) for name, role in ROLES.items()}
    tokens = {
        f"a token of {role}": (role, site.browser(always=(("authorization", f"bearer {site.token('anna', role)}"),)))
        for role in Role
    }
    site.gate.users.add("fallen", Role.ADMIN, "a password of somebody")
    who = Who("fallen", Role.ADMIN, "local", subject="fallen")
    token = site.gate.tokens.make(who, "made as an admin", Role.ADMIN, 9)
    site.gate.users.give_role("fallen", Role.VIEWER)
    return {
        **by_role,
        **tokens,
        "a token of an admin who became a viewer": (
            Role.VIEWER,
            site.browser(always=(("authorization", f"Bearer {token}"),)),
        ),
    }


def shown(page: Page, browser: Browser) -> tuple[Answer, Answer]:
    return browser.get(filled(page.path)), browser.get(API + filled(page.path))


def done(action: Action, browser: Browser) -> tuple[Answer, Answer]:
    """Without what shows that it was meant, so that nothing is done."""
    return browser.post(filled(action.path)), browser.send(API + filled(action.path))


def test_strangers_see_nothing_and_do_nothing(site: Dashboard) -> None:
    wrong = []
    for name, browser in strangers(site).items():
        for page in table.PAGES:
            html, api = shown(page, browser)
            if page.role is None:
                wrong += [(name, page.path)] if {html.status, api.status} & {303, 401, 403} else []
            elif html.status != 303 or not html.to.startswith("/login?to=%2F") or html.body or api.status != 401:
                wrong.append((name, page.path))
        for action in table.ACTIONS:
            html, api = done(action, browser)
            if (html.status, api.status) != (401, 401):
                wrong.append((name, action.path))
        if browser.get(f"{API}/openapi.json").status != 401 or browser.get("/surveys/4711/live").status not in {
            401,
            404,
        }:
            wrong.append((name, "what is in no table"))
    assert wrong == []


def test_no_route_stands_beside_the_table(site: Dashboard) -> None:
    """Whatever the application answers to, a stranger is let into the table's open pages and these alone."""
    routes = site.app._app.routes
    assert len(routes) > 2 * len(ROUTES)
    open_to_all = {
        route.path
        for route in routes
        for method in sorted(route.methods - {"HEAD"})
        if site.browser().ask(method, filled(route.path)).status != 401
        and not site.browser().ask(method, filled(route.path)).to.startswith("/login?to=%2F")
    }
    asked = {page.path for page in table.PAGES if page.role is None}
    assert open_to_all - asked - {API + path for path in asked} == {
        "/static/{digest}/{name}", "/healthz", "/public/{name}", "/login", "/logout",
    }  # fmt: skip


def test_a_role_reaches_what_the_table_says(site: Dashboard) -> None:
    wrong: list[tuple[object, ...]] = []
    for name, (role, browser) in known(site).items():
        for route in ROUTES:
            may = route.role is None or role.reaches(route.role)
            token = name.startswith("a token")
            answers = shown(route, browser) if isinstance(route, Page) else done(route, browser)
            for answer in answers:
                refused = answer.status == 403 and f"this needs the role {route.role}" in answer.text.lower()
                asked_again = answer.status == 403 and "out of date" in answer.text
                if (
                    refused == may
                    or answer.status in {303, 401, 500}
                    or (answer.status == 403 and not refused | asked_again)
                ):
                    wrong.append((name, route.path, answer.status))
                if isinstance(route, Action) and may and asked_again == token:
                    wrong.append((name, route.path, "csrf"))
    assert wrong == []


def test_each_sees_and_revokes_their_own_tokens(own: Dashboard) -> None:
    own.token("anna")
    hers = own.token("vera")
    vera, anna = own.logged_in("vera"), own.logged_in("anna")
    assert [row["by"] for row in vera.get(f"{API}/settings/tokens").said["tokens"]] == ["vera"]
    assert {row["by"] for row in anna.get(f"{API}/settings/tokens").said["tokens"]} == {"vera", "anna"}
    numbers = {row["by"]: row["id"] for row in anna.get(f"{API}/settings/tokens").said["tokens"]}
    csrf = vera.get("/settings/tokens").csrf
    assert vera.post(f"/settings/tokens/{numbers['anna']}/revoke", csrf=csrf).status == 404
    assert vera.post(f"/settings/tokens/{numbers['vera']}/revoke", csrf=csrf).status == 303
    assert own.browser(always=(("authorization", f"Bearer {hers}"),)).get(f"{API}/account").status == 401


def test_a_token_makes_no_token_and_ends_no_session(own: Dashboard) -> None:
    own.logged_in("anna")
    program = own.browser(always=(("authorization", f"Bearer {own.token('anna')}"),))
    assert program.send(f"{API}/settings/tokens/add", name="another").status == 422
    assert program.send(f"{API}/account/sessions/1/end").status == 422
    assert program.send(f"{API}/account/password", old=PASSWORDS["anna"], password="another password").status == 422
    assert own.gate.sessions.listed("local:anna")


def test_a_token_is_shown_once_and_kept_as_a_digest(own: Dashboard) -> None:
    anna = own.logged_in("anna")
    made = anna.post("/settings/tokens/add", name="x", role="viewer", days=30, csrf=anna.get("/account").csrf)
    found = re.search(r"fb_[\w-]{43}", made.text)
    assert made.status == 200 and found
    with sqlite3.connect(own.service.store.path) as connection:
        assert found[0] not in "\n".join(connection.iterdump())
    connection.close()
    pages = [anna.get(filled(page.path)).text for page in table.PAGES]
    assert not any(found[0] in page for page in pages)
    assert own.browser(always=(("authorization", f"Bearer {found[0]}"),)).get(f"{API}/account").said["role"] == "viewer"
    more = own.logged_in("vera")
    csrf = more.get("/account").csrf
    assert more.post("/settings/tokens/add", name="x", role="admin", days=30, csrf=csrf).status == 422


def test_a_form_of_somebody_else_is_refused(own: Dashboard) -> None:
    anna, otto = own.logged_in("anna"), own.logged_in("otto")
    hers, his = anna.get("/account").csrf, otto.get("/account").csrf
    again = own.logged_in("anna").get("/account").csrf
    assert len({hers, his, again}) == 3
    path = "/account/sessions/4711/end"
    for wrong in ("", his, again, hers[:-1], hers + "x", "\udcff".encode("utf-8", "surrogateescape").decode("latin-1")):
        assert anna.post(path, csrf=wrong).status == 403
    for value in (17, ["a"], None, {"a": hers}):
        assert anna.send(f"{API}{path}", csrf=value).status == 403
    assert anna.post(path, csrf=hers).status == 404  # it was meant, and there is no such session
    assert anna.send(f"{API}{path}", ("x-csrf-token", hers)).status == 404
    for header in (
        ("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site"), ("origin", "https://evil.example"),
        ("origin", "null"), ("origin", "http://127.0.0.1:8701"), ("origin", "https://127.0.0.1:8700"),
    ):  # fmt: skip
        assert anna.post(path, header, csrf=hers).status == 403, header
    for header in (("sec-fetch-site", "same-origin"), ("origin", "http://127.0.0.1:8700")):
        assert anna.post(path, header, csrf=hers).status == 404
    assert anna.post("/logout", csrf=his).status == 403
    assert anna.post("/logout", csrf=hers).status == 303
    assert own.logged_in("anna").post(path, csrf=hers).status == 403  # the session that it belonged to ended


def test_a_log_in_belongs_to_the_browser_that_began_it(own: Dashboard) -> None:
    """Or a page elsewhere could log somebody in as its owner, and read what they do."""
    attacker, victim = own.browser(), own.browser()
    planted = attacker.get("/login").csrf
    fields = {"name": "anna", "password": PASSWORDS["anna"]}
    assert victim.post("/login", csrf=planted, **fields).status == 403
    assert victim.post("/login", csrf=planted, **fields).status == 403  # now it has a cookie of its own
    mine = victim.get("/login").csrf
    assert victim.post("/login", ("sec-fetch-site", "cross-site"), csrf=mine, **fields).status == 403
    assert victim.post("/login", csrf=mine, **fields).status == 303


def test_a_session_is_new_at_each_log_in_and_ends(own: Dashboard) -> None:
    planted = own.browser(cookies={"filmbadge-session": "planted-by-somebody-else"})
    planted.log_in("anna", PASSWORDS["anna"])
    first = planted.cookies["filmbadge-session"]
    assert first != "planted-by-somebody-else"
    other = own.browser(cookies=dict(planted.cookies))
    assert other.get("/login").to == "/"  # whoever is in need not log in
    csrf = own.browser().get("/login").csrf
    form = own.browser()
    csrf = form.get("/login").csrf
    form.cookies["filmbadge-session"] = first
    assert form.post("/login", csrf=csrf, name="anna", password=PASSWORDS["anna"]).status == 303
    assert form.cookies["filmbadge-session"] != first
    assert own.browser(cookies={"filmbadge-session": first}).get("/account").status == 303
    own.clock.forward(minutes=59)
    assert form.get("/account").status == 200
    own.clock.forward(minutes=59)
    assert form.get("/account").status == 200
    own.clock.forward(minutes=61)
    assert form.get("/account").status == 303
    busy = own.logged_in("anna")
    for _ in range(23):
        own.clock.forward(minutes=30)
        assert busy.get("/account").status == 200
    own.clock.forward(minutes=30)
    assert busy.get("/account").status == 303


def test_whoever_is_changed_is_logged_out(own: Dashboard) -> None:
    anna = own.logged_in("anna")
    changes: tuple[tuple[str, dict[str, str]], ...] = (
        ("role", {"role": "operator"}), ("password", {"password": "another long one"}), ("disable", {}), ("enable", {}),
    )  # fmt: skip
    for change, form in changes:
        own.gate.users.give_password("vera", PASSWORDS["vera"])
        vera = own.browser()
        vera.log_in("vera", PASSWORDS["vera"])
        inside = vera.get("/account").status
        assert inside == (303 if change == "enable" else 200)
        assert anna.post(f"/settings/users/vera/{change}", csrf=anna.get("/account").csrf, **form).status == 303
        assert vera.get("/account").status == 303


def test_what_a_user_may_is_what_the_store_says_now(own: Dashboard) -> None:
    """Whoever changed it there: another process, or a backup that was put back."""
    otto = own.logged_in("otto")
    program = own.browser(always=(("authorization", f"Bearer {own.token('otto')}"),))
    for change, role in (("role = 'viewer'", "viewer"), ("role = 'admin'", "admin"), ("disabled = 1", None)):
        with own.service.store.change() as connection:
            connection.execute(f"UPDATE users SET {change} WHERE name = 'otto'")
        answers = otto.get(f"{API}/account"), program.get(f"{API}/account")
        said = [answer.said["role"] if answer.status == 200 else None for answer in answers]
        assert said == [role, "operator" if role == "admin" else role]


def test_one_ends_ones_other_sessions(own: Dashboard) -> None:
    here, there, third, otto = (own.logged_in(name) for name in ("anna", "anna", "anna", "otto"))
    listed = here.get(f"{API}/account").said["sessions"]
    assert len(listed) == 3 and sum(one["this"] for one in listed) == 1
    csrf, his = here.get("/account").csrf, otto.get("/account").csrf
    other = next(one["id"] for one in there.get(f"{API}/account").said["sessions"] if one["this"])
    assert otto.post(f"/account/sessions/{other}/end", csrf=his).status == 404
    assert here.post(f"/account/sessions/{other}/end", csrf=csrf).status == 303
    assert (there.get("/account").status, third.get("/account").status) == (303, 200)
    assert here.post("/account/sessions/others/end", csrf=csrf).status == 303
    assert [one.get("/account").status for one in (here, third, otto)] == [200, 303, 200]


def test_one_changes_ones_password_with_the_old_one(own: Dashboard) -> None:
    anna = own.logged_in("anna")
    csrf = anna.get("/account").csrf
    refused = anna.post("/account/password", csrf=csrf, old="not the old one", password="another long one")
    assert refused.status == 422 and "old password is wrong" in refused.text and "another long one" not in refused.text
    short = anna.post("/account/password", csrf=csrf, old=PASSWORDS["anna"], password="short")
    assert short.status == 422 and "at least 12" in short.text
    assert anna.post("/account/password", csrf=csrf, old=PASSWORDS["anna"], password="another long one").to == "/login"
    assert anna.get("/account").status == 303
    assert anna.log_in("anna", "another long one").status == 303


def test_the_last_admin_stays(own: Dashboard) -> None:
    anna = own.logged_in("anna")
    csrf = anna.get("/account").csrf
    assert "must be a user with the role admin" in anna.post("/settings/users/anna/disable", csrf=csrf).text
    assert anna.post("/settings/users/anna/role", csrf=csrf, role="viewer").status == 422
    assert anna.get("/account").status == 200  # nothing of it was done


def test_only_our_own_names_are_ours(own: Dashboard, tmp_path: Path) -> None:
    here = own.browser()
    for host in ("127.0.0.1:8700", "localhost:8700", "LOCALHOST:8700"):
        assert here.get("/login", host=host).status == 200, host
    for host in (
        "evil.example", "evil.example:8700", "127.0.0.1", "127.0.0.1:8701", "localhost", "localhost.:8700", "10.0.0.1:8700",
        "127.0.0.1:8700@evil.example", "evil.example/127.0.0.1:8700", "127.0.0.1:8700:8700", "127.0.0.1:0x21fc", "", "[::1]:8700",
        "127.1:8700", "2130706433:8700", "localhost:8700, evil.example",
    ):  # fmt: skip
        answer = here.get("/login", host=host)
        assert (answer.status, answer.cookies) == (421, {}), host
    assert here.get("/login", ("host", "evil.example")).status == 421  # a second one
    forwarded = here.get("/account", ("x-forwarded-host", "evil.example"), ("forwarded", "host=evil.example"))
    assert forwarded.to == "/login?to=%2Faccount" and "evil" not in forwarded.text
    with dashboard(tmp_path / "named", Settings(web=Web(names=("watch.example.org", "other.example:8443")))) as named:
        over = named.browser(peer="192.0.2.1", scheme="https", server=("192.0.2.5", 443))
        for host, status in (
            ("watch.example.org", 200), ("watch.example.org:443", 200), ("Watch.Example.ORG", 200), ("192.0.2.5", 200),
            ("other.example:8443", 200), ("other.example", 421), ("watch.example.org:8443", 421), ("localhost", 421),
            ("x.watch.example.org", 421), ("watch.example.org.", 421),
        ):  # fmt: skip
            assert over.get("/login", host=host).status == status, host


def test_a_log_in_leads_nowhere_else(own: Dashboard) -> None:
    for to in (
        "https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example", "/%09/evil.example\t", "/\t/evil.example",
        "/a\r\nset-cookie: x=1", "javascript:alert(1)", "evil", "", "/login", "/logout", "/oidc/start", "/api/v1/account", "/" + "a" * 2000,
        "/\u2028", "/é", " /account", "/account\\..\\evil",
    ):  # fmt: skip
        answer = own.browser().log_in("anna", PASSWORDS["anna"], to)
        assert answer.status == 303 and answer.to in {"/", "/%09/evil.example"}, to
        assert "x" not in answer.cookies
    assert own.browser().log_in("anna", PASSWORDS["anna"], "/archives?q=a%20b&page=2").to == "/archives?q=a%20b&page=2"
    inside = own.logged_in("anna")
    assert inside.get("/login?to=//evil.example").to == "/"
    asked = own.browser().get("//evil.example/..%2f%0d%0aset-cookie:%20x=1")
    assert asked.status == 404 and "x" not in asked.cookies and not asked.to


def test_odd_paths_and_headers_break_nothing(own: Dashboard) -> None:
    anna = own.logged_in("anna")
    for path in (
        "/settings/../settings/users", "/settings/%2e%2e/settings/users", "/static/../watch.sqlite3",
        "/static/x/..%2f..%2fwatch.css", "/static/x/%00watch.css", "/settings/users\x00", "/" + "a" * 60000, "/settings/users/", "//settings/users",
        "/SETTINGS/USERS", "/settings/tokens/99999999999999999999/revoke", "/api/v1", "/api/v1/../../login",
    ):  # fmt: skip
        answer = anna.get(path)
        assert answer.status in {404, 405, 307}, path[:80]
    assert own.browser().get("/settings%2fusers").status == 303  # the same page, so the same gate
    for query in (
        "before=x",
        "before=1e400",
        "who=%00%0d%0a<script>",
        "before=99999999999999999999999",
        "who=" + "a" * 5000,
    ):
        assert anna.get(f"/settings/audit?{query}").status in {200, 400, 404}, query
        assert "<script>" not in anna.get(f"/settings/audit?{query}").text
    csrf = anna.get("/account").csrf
    for name in (
        "a\r\nset-cookie: x=1",
        "../../etc/passwd",
        "<script>alert(1)</script>",
        "\x00",
        "a" * 5000,
        "аnna",
        "",
    ):
        answer = anna.post("/settings/users/add", csrf=csrf, name=name, role="viewer", password="a long password")
        assert answer.status == 422 and "x" not in answer.cookies and "<script>a" not in answer.text
    odd = anna.send(f"{API}/settings/users/%2e%2e%2f%00%0d%0a/disable", ("x-csrf-token", csrf))
    assert odd.status == 404
    body = b"csrf=" + b"a" * (1 << 21)
    kind = ("content-type", "application/x-www-form-urlencoded")
    for path in ("/login", "/logout", "/settings/users/add", f"{API}/settings/users/add"):
        assert own.browser().ask("POST", path, kind, body=body).status in {303, 400, 401}
    for path in ("/settings/users/add", f"{API}/settings/users/add"):
        assert anna.ask("POST", path, kind, body=body).status == 400  # chunked: it says no length
    fields = b"&".join(b"f%d=" % number + b"a" * 20_000 for number in range(100))
    assert "too large" in anna.ask("POST", "/settings/users/add", kind, body=fields).text
    many = b"--x\r\n" + b'content-disposition: form-data; name="a"\r\n\r\nb\r\n--x\r\n' * 300 + b"--"
    kind = ("content-type", "multipart/form-data; boundary=x")
    assert anna.ask("POST", "/settings/users/add", kind, body=many).status == 400


def test_a_store_that_fails_says_so_at_a_log_in_too(own: Dashboard, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise StoreError("the disk is full: nothing was changed")

    with monkeypatch.context() as patch:
        patch.setattr(own.gate.sessions, "begin", full)
        answer = own.browser().log_in("anna", PASSWORDS["anna"])
        assert answer.status == 503 and "The disk is full" in answer.text and "filmbadge-session" not in answer.cookies
    anna = own.logged_in("anna")
    monkeypatch.setattr(own.gate.sessions, "find", full)
    assert (anna.get("/account").status, anna.get(f"{API}/account").status) == (503, 503)
    assert anna.post("/account/sessions/1/end").status == 503


def test_every_answer_says_what_a_browser_may_do(own: Dashboard) -> None:
    anna = own.logged_in("anna")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(own.gate.tokens, "listed", lambda _owner: 1 / 0)
        broken = anna.get("/settings/tokens")
    assert broken.status == 500 and "ZeroDivisionError" in broken.text
    for answer in (
        broken,
        anna.get("/account"),
        anna.get("/nowhere"),
        own.browser().get("/login"),
        anna.get(f"{API}/account"),
        anna.get("/x", host="evil"),
    ):
        policy = answer.header("content-security-policy")
        assert "script-src 'self'" in policy and "unsafe" not in policy and "form-action 'self'" in policy
        assert answer.header("x-content-type-options") == "nosniff" and answer.header("cache-control") == "no-store"
        assert not answer.header("access-control-allow-origin")


@pytest.mark.parametrize("way", ["loopback", "tls", "proxy"])
def test_cookies(way: str, tmp_path: Path) -> None:
    ways: dict[str, dict[str, Any]] = {
        "loopback": {},
        "tls": {"peer": "192.0.2.1", "scheme": "https", "server": ("192.0.2.5", 443), "host": "watch.example.org"},
        "proxy": {"peer": "10.1.2.3", "host": "watch.example.org", "always": (("x-forwarded-proto", "https"),)},
    }
    how = ways[way]
    with dashboard(tmp_path, PROXY) as site:
        browser = site.browser(**how)
        answer = browser.log_in("anna", PASSWORDS["anna"])
        prefix = "" if way == "loopback" else "__Host-"
        assert set(answer.cookies) == {f"{prefix}filmbadge-{what}" for what in ("session", "form", "known")}
        for cookie in answer.cookies.values():
            kept = {part.strip().lower() for part in cookie.split(";")}
            assert {"httponly", "path=/", "samesite=lax"} <= kept and not any(
                part.startswith("domain") for part in kept
            )
            assert ("secure" in kept) == (way != "loopback")
        assert bool(answer.header("strict-transport-security")) == (way != "loopback")
        assert browser.get("/account").status == 200
        if way != "loopback":  # one without the prefix may be of a host beside us
            bare = site.browser(**how, cookies={"filmbadge-session": browser.cookies["__Host-filmbadge-session"]})
            assert bare.get("/account").status == 303


def test_nobody_logs_in_where_others_read_along(tmp_path: Path) -> None:
    with dashboard(tmp_path, PROXY) as site:
        plain = site.browser(peer="192.0.2.9")
        through = site.browser(peer="10.1.2.3", host="watch.example.org", always=(("x-forwarded-proto", "http"),))
        twice = site.browser(peer="10.1.2.3", host="watch.example.org:80", always=(("x-forwarded-proto", "https"),) * 2)
        forged = site.browser(peer="192.0.2.9", always=(("x-forwarded-proto", "https"),))
        for browser in (plain, through, twice, forged):
            page = browser.get("/login")
            assert page.status == 400 and "without TLS" in page.text and 'type="password"' not in page.text
            assert browser.post("/login", name="anna", password=PASSWORDS["anna"], csrf=page.csrf).status == 400
        assert not site.gate.sessions.listed("local:anna")


def test_a_proxy_logs_in_and_nobody_else_with_its_headers(tmp_path: Path) -> None:
    with dashboard(tmp_path, PROXY) as site:

        def came(peer: str, *headers: tuple[str, str]) -> str | None:
            always = (("x-forwarded-proto", "https"), *headers)
            answer = site.browser(peer=peer, host="watch.example.org", always=always).get(f"{API}/account")
            return answer.said["role"] if answer.status == 200 else None

        user, role = ("X-User", "Pat Proxy"), ("X-Roles", "some, doers")
        assert came("10.1.2.3", user, role) == "operator"
        assert came("::ffff:10.1.2.3", user, role) == "operator"
        assert came("10.1.2.3", user, ("x-roles", "readers,chiefs")) == "admin"
        for headers in (
            (user,), (role,), (user, user, role), (user, role, role), (user, ("x-user", "x"), role), (("x-user", ""), role),
            (user, ("x-roles", "unknown")), (user, ("x-roles", "")), (user, ("x-roles", "admin")), (("x-user", "a\x01b"), role),
            (("x-user", "a" * 200), role),
        ):  # fmt: skip
            assert came("10.1.2.3", *headers) is None, headers
        for peer in ("10.1.2.4", "192.0.2.1", "127.0.0.1", "::1"):
            assert came(peer, user, role) is None
            assert came(peer, user, role, ("x-forwarded-for", "10.1.2.3")) is None
        tls = site.browser(peer="192.0.2.1", scheme="https", host="watch.example.org", always=(user, role))
        assert [tls.get("/account").status for _ in range(30)] == [303] * 30
        noted = [
            tuple(row)
            for row in site.service.store.rows("SELECT peer, what, outcome FROM audit WHERE what = 'login.proxy'")
        ]
        assert ("192.0.2.1", "login.proxy", "ignored") in noted and len(noted) < 20
        pat = site.browser(
            peer="10.1.2.3", host="watch.example.org", always=(("x-forwarded-proto", "https"), user, role)
        )
        page = pat.get("/account")
        assert "/logout" not in page.text and pat.post("/account/sessions/others/end").status == 403
        csrf = pat.get("/settings/tokens").csrf
        made = pat.post("/settings/tokens/add", csrf=csrf, name="pat's", role="operator", days=5)
        assert made.status == 200
        row = site.gate.tokens.listed(None)[0]
        assert row["owner"] == "proxy:Pat Proxy"


def test_this_machine_needs_no_log_in_until_somebody_may(tmp_path: Path) -> None:
    with dashboard(tmp_path, at_home=True, users=False) as site:
        here = site.browser()
        page = here.get("/settings/users")
        assert page.status == 200 and here.get(f"{API}/account").said["source"] == "this-machine"
        for header in ("x-forwarded-for", "forwarded", "via", "x-real-ip", "x-forwarded-proto", "x-forwarded-host"):
            assert here.get("/account", (header, "192.0.2.7")).status == 303  # some proxy stands before it
        assert site.browser(peer="192.0.2.7").get("/account").status == 303
        fields = {"name": "Anna", "password": "seven green bottles"}
        assert here.post("/settings/users/add", role="admin", **fields).status == 403
        assert (
            here.post(
                "/settings/users/add", ("sec-fetch-site", "cross-site"), role="admin", csrf=page.csrf, **fields
            ).status
            == 403
        )
        first = here.post("/settings/users/add", role="viewer", csrf=page.csrf, **fields)
        assert first.status == 422 and "must be a user with the role admin" in first.text
        assert here.post("/settings/users/add", role="admin", csrf=page.csrf, **fields).status == 303
        assert here.get("/account").status == 303
        assert here.log_in(" ANNA ", "seven green bottles").status == 303


def test_the_audit_log_has_who_did_what(own: Dashboard) -> None:
    anna = own.logged_in("anna")
    csrf = anna.get("/account").csrf
    anna.post("/settings/users/add", csrf=csrf, name="new", role="viewer", password="a long password")
    anna.post("/settings/users/anna/disable", csrf=csrf)
    own.browser().log_in("\x1b[31mspoof\r\nanna", "wrong wrong wrong")
    own.browser(always=(("authorization", f"Bearer {own.token('vera')}"),)).send(f"{API}/settings/users/anna/disable")
    rows = anna.get(f"{API}/settings/audit").said["rows"]
    assert [(row["who"], row["what"], row["about"], row["outcome"]) for row in rows] == [
        ("vera (token a test)", "user.disable", "anna", "refused"),
        ("nobody", "login", "?[31mspoof??anna", "refused"),
        ("anna", "user.disable", "anna", "refused"),
        ("anna", "user.add", "new", "done"),
        ("anna", "login", "anna", "done"),
    ]
    assert len(anna.get(f"{API}/settings/audit?who=NOB").said["rows"]) == 1
    assert len(anna.get(f"{API}/settings/audit?what=user.add&outcome=done").said["rows"]) == 1
    for _ in range(120):
        own.gate.note(_request(), own.gate.NOBODY, "test", "", "done")
    first = anna.get(f"{API}/settings/audit?what=test").said
    second = anna.get(f"{API}/settings/audit?what=test&before={first['older']}").said
    assert (len(first["rows"]), len(second["rows"]), second["older"]) == (100, 20, None)
    assert "a long password" not in anna.get("/settings/audit").text


def _request() -> Request:
    return Request({"type": "http", "headers": [], "client": ("127.0.0.1", 1), "method": "GET", "path": "/"})
