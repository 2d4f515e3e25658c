"""Log in with a provider of OpenID Connect that runs here, by the second door. Whatever does not hold lets nobody in."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from filmbadge.model import Refusal
from filmbadge.watch.people import gate
from filmbadge.watch.settings import Oidc, Proxy, Settings, Web
from support.asgi import Answer, Browser
from support.dashboard import PASSWORDS, Dashboard, dashboard
from support.oidc_provider import CLIENT, SECRET, Provider, provider


@pytest.fixture(scope="module")
def running() -> Iterator[Provider]:
    with provider() as made:
        yield made


@pytest.fixture
def idp(running: Provider) -> Provider:
    """As it is when it behaves."""
    key = running.key if running.algorithm == "RS256" else RSAKey.generate_key(2048, {"kid": "first"})
    running.__init__(running.issuer, key)  # type: ignore[misc]
    return running


def settings(idp: Provider, **other: Any) -> Settings:
    said = {"viewer": ("radiology",), "admin": ("pacs-admins",), **other}
    return Settings(oidc=Oidc(idp.issuer, CLIENT, SECRET, **said), web=Web(names=("127.0.0.1:8700",)))


@pytest.fixture
def site(idp: Provider, tmp_path: Path) -> Iterator[Dashboard]:
    with dashboard(tmp_path, settings(idp)) as made:
        made.clock.now = datetime.now(UTC)
        yield made


def through(browser: Browser, idp: Provider, to: str = "/account", **back: str) -> Answer:
    start = browser.get(f"/oidc/start?to={to}")
    assert start.status == 303, start.text
    return browser.get(idp.lets_in(start.to, **back))


def plain(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).decode().rstrip("=")


def refused(answer: Answer, browser: Browser, why: str) -> bool:
    return answer.status == 401 and why in answer.text and browser.get("/account").status == 303


def test_somebody_comes_in_with_the_role_of_their_groups(site: Dashboard, idp: Provider) -> None:
    browser = site.browser()
    assert "/oidc/start?to=/account" in browser.get("/login?to=/account").text
    answer = through(browser, idp)
    assert (answer.status, answer.to) == (303, "/account")
    said = browser.get("/api/v1/account").said
    assert (said["name"], said["role"], said["source"], len(said["sessions"])) == ("Ada", "admin", "oidc", 1)
    assert [name for name in browser.cookies if "oidc" in name] == []
    for groups, role in ((("radiology",), "viewer"), ("radiology", "viewer"), (("x", "pacs-admins"), "admin")):
        idp.groups = groups
        one = site.browser()
        through(one, idp)
        assert one.get("/api/v1/account").said["role"] == role
    csrf = browser.get("/account").csrf
    assert browser.post("/logout", csrf=csrf).to == "/login" and browser.get("/account").status == 303


def test_a_name_of_another_is_not_another(site: Dashboard, idp: Provider) -> None:
    """A provider may let two people choose one name, or that of a user here."""
    anna = site.logged_in("anna")
    anna.post("/settings/tokens/add", csrf=anna.get("/account").csrf, name="x", role="viewer", days=3)
    idp.claims, idp.groups = {"preferred_username": "anna"}, ("radiology",)
    other = site.browser()
    through(other, idp)
    assert other.get("/api/v1/settings/tokens").said["tokens"] == []
    idp.claims = {"preferred_username": "anna", "sub": "77b1"}
    third = site.browser()
    through(third, idp)
    for one in (other, third):
        assert len(one.get("/api/v1/account").said["sessions"]) == 1


def test_groups_in_an_object(idp: Provider, tmp_path: Path) -> None:
    idp.claims = {"groups": None, "realm_access": {"roles": ["pacs-admins"]}, "preferred_username": None}
    with dashboard(tmp_path, settings(idp, roles_claim="realm_access.roles")) as site:
        site.clock.now = datetime.now(UTC)
        browser = site.browser()
        through(browser, idp)
        said = browser.get("/api/v1/account").said
        assert (said["name"], said["role"]) == ("8f3a", "admin")


def test_a_secret_in_the_form_where_the_provider_wants_it_there(site: Dashboard, idp: Provider) -> None:
    idp.metadata = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    assert through(site.browser(), idp).status == 303


NOW = int(time.time())
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "nonce of another": ({"nonce": "x" * 43}, "nonce"),
    "no nonce": ({"nonce": None}, "nonce"),
    "a nonce that is no text": ({"nonce": 7}, "nonce"),
    "for another program": ({"aud": "somebody-else"}, "aud"),
    "for nobody": ({"aud": None}, "aud"),
    "for several, and who asked is not said": ({"aud": [CLIENT, "somebody-else"]}, "azp"),
    "asked for by another": ({"aud": [CLIENT, "somebody-else"], "azp": "somebody-else"}, "azp"),
    "asked for by another alone": ({"azp": "somebody-else"}, "azp"),
    "expired": ({"exp": NOW - 3600}, "expired"),
    "without an end": ({"exp": None}, "exp"),
    "from the future": ({"iat": NOW + 36000}, "in the future"),
    "not yet": ({"nbf": NOW + 36000}, "not yet valid"),
    "of another issuer": ({"iss": "https://evil.example"}, "iss"),
    "of no issuer": ({"iss": None}, "iss"),
    "of nobody": ({"sub": None}, "sub"),
    "a subject that is no text": ({"sub": 7}, "sub"),
    "without a group of ours": ({"groups": ["others"]}, "no role here"),
    "without groups": ({"groups": None}, "no role here"),
    "groups that are none": ({"groups": {"pacs-admins": True}}, "no role here"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_token_that_does_not_hold(what: str, site: Dashboard, idp: Provider) -> None:
    idp.claims, why = WRONG[what]
    browser = site.browser()
    assert refused(through(browser, idp), browser, why)
    assert site.service.store.rows("SELECT * FROM audit WHERE what = 'login.oidc' AND outcome = 'refused'")


def test_a_signature_that_does_not_hold(site: Dashboard, idp: Provider) -> None:
    def forged(header: Any, key: Any, nonce: str) -> str:
        claims = {
            "iss": idp.issuer,
            "aud": CLIENT,
            "sub": "x",
            "iat": NOW,
            "exp": NOW + 900,
            "nonce": nonce,
            "groups": ["pacs-admins"],
        }
        if isinstance(key, bytes):  # by hand: the library makes none of these
            text = ".".join(map(plain, (json.dumps(header).encode(), json.dumps(claims).encode())))
            return f"{text}.{plain(hmac.digest(key, text.encode(), 'sha256')) if key else ''}"
        return jwt.encode(header, claims, key, algorithms=[header["alg"]])

    for name, header, key in (
        ("none", {"alg": "none", "kid": "first"}, b""),
        ("None", {"alg": "None"}, b""),
        ("the public key as a password", {"alg": "HS256", "kid": "first"}, idp.key.as_pem(private=False)),
        ("the client's secret as a password", {"alg": "HS256"}, SECRET.encode()),
        ("another key of that name", {"alg": "RS256", "kid": "first"}, RSAKey.generate_key(2048, {"kid": "first"})),
        ("another key", {"alg": "RS256", "kid": "other"}, RSAKey.generate_key(2048, {"kid": "other"})),
        ("a key in the token", {"alg": "ES256", "jwk": ECKey.generate_key("P-256").as_dict(private=False)}, ECKey.generate_key("P-256")),
    ):  # fmt: skip
        browser = site.browser()
        start = browser.get("/oidc/start")
        back = idp.lets_in(start.to)
        idp.token = forged(header, key, next(iter(idp.codes.values()))["nonce"])
        answer = browser.get(back)
        assert refused(answer, browser, "does not hold"), name
    for rubbish in ("", "a.b.c", "....", "x" * 5000, "\u00e9.\u00e9.\u00e9"):
        idp.token = rubbish or " "
        browser = site.browser()
        assert refused(through(browser, idp), browser, "does not hold")


def test_new_keys_are_fetched_and_not_at_will(site: Dashboard, idp: Provider) -> None:
    assert through(site.browser(), idp).status == 303
    idp.key, idp.algorithm = ECKey.generate_key("P-256", {"kid": "second"}), "ES256"
    browser = site.browser()
    assert refused(through(browser, idp), browser, "does not hold")  # keys were fetched less than a minute ago
    before = idp.asked.count("/keys")
    site.clock.forward(seconds=61)
    assert through(site.browser(), idp).status == 303
    idp.key = ECKey.generate_key("P-256", {"kid": "third"})
    for _ in range(5):
        assert refused(through(browser, idp), browser, "does not hold")
    assert idp.asked.count("/keys") == before + 1


def test_an_answer_counts_once_for_whom_it_was_for_and_not_for_long(site: Dashboard, idp: Provider) -> None:
    victim, attacker = site.browser(), site.browser()
    theirs = idp.lets_in(attacker.get("/oidc/start").to)
    assert refused(victim.get(theirs), victim, "not begun here")  # logged in as somebody else without noticing
    mine = victim.get("/oidc/start")
    state = mine.to.partition("state=")[2].partition("&")[0]
    assert refused(victim.get(theirs), victim, "not begun here")
    victim.get("/oidc/start")
    cookie = dict(victim.cookies)
    assert refused(victim.get(f"/oidc/callback?code=x&state={state}"), victim, "not begun here")  # of an attempt before
    victim.cookies = cookie
    back = idp.lets_in(victim.get("/oidc/start").to)
    kept = dict(victim.cookies)
    for wrong in (back + "&state=x", back.replace("state=", "stat="), back.replace("code=", "kode="), "/oidc/callback"):
        again = site.browser(cookies=dict(kept))
        assert again.get(wrong).status == 401
    fresh = site.browser()
    back = idp.lets_in(fresh.get("/oidc/start").to)
    kept = dict(fresh.cookies)
    assert fresh.get(back).status == 303
    replayed = site.browser(cookies=kept)
    assert refused(replayed.get(back), replayed, "not begun here")
    slow = site.browser()
    back = idp.lets_in(slow.get("/oidc/start").to)
    site.clock.forward(minutes=11)
    assert refused(slow.get(back), slow, "took too long")


def test_an_answer_of_another_provider(site: Dashboard, idp: Provider) -> None:
    for said in ({"iss": "https://evil.example"}, {"iss": ""}):
        browser = site.browser()
        assert refused(through(browser, idp, **said), browser, "another provider")
    assert through(site.browser(), idp, iss=idp.issuer).status == 303
    idp.metadata = {"authorization_response_iss_parameter_supported": True}
    site.clock.forward(hours=2)
    site.clock.now = datetime.now(UTC)
    site.gate.oidc._metadata._found = None  # type: ignore[union-attr]
    browser = site.browser()
    assert refused(through(browser, idp), browser, "another provider")


@pytest.mark.parametrize(
    "metadata",
    [{"issuer": "https://evil.example"}, {"token_endpoint": None}, {"authorization_endpoint": "http://evil.example/x"}, {"authorization_endpoint": "javascript:alert(1)"}],
    ids=["another issuer", "nowhere", "no TLS", "a script"],
)  # fmt: skip
def test_a_description_that_is_not_the_providers(metadata: dict[str, Any], site: Dashboard, idp: Provider) -> None:
    idp.metadata = metadata
    answer = site.browser().get("/oidc/start")
    assert answer.status == 502 and "provider" in answer.text and not answer.to


def test_a_provider_that_is_down_says_so_and_comes_back(site: Dashboard, idp: Provider) -> None:
    idp.status = 500
    answer = site.browser().get("/oidc/start")
    assert answer.status == 502 and "answered with 500" in answer.text
    assert site.logged_in("anna").get("/account").status == 200  # users of ours come in meanwhile
    idp.status = 200
    assert through(site.browser(), idp).status == 303


def test_it_leads_nowhere_else(site: Dashboard, idp: Provider) -> None:
    for to in ("//evil.example", "https://evil.example", "/%5cevil.example", "/login"):
        assert through(site.browser(), idp, to).to == "/"


def test_passwords_can_be_switched_off(idp: Provider, tmp_path: Path) -> None:
    import msgspec

    from filmbadge.watch.settings import Login

    with dashboard(tmp_path) as before:
        cookies = before.logged_in("anna").cookies
    said = msgspec.structs.replace(settings(idp), login=Login(local=False))
    with dashboard(tmp_path, said, users=False) as site:
        site.clock.now = datetime.now(UTC)
        assert site.browser(cookies=cookies).get("/account").status == 303
        page = site.browser().get("/login")
        assert 'type="password"' not in page.text and "/oidc/start" in page.text
        assert site.browser().log_in("anna", PASSWORDS["anna"]).status == 403
        assert through(site.browser(), idp).status == 303


def test_settings_that_would_not_do(idp: Provider, tmp_path: Path) -> None:
    with dashboard(tmp_path) as site:
        for said, why in (
            (Oidc(idp.issuer), "client_id"),
            (Oidc(idp.issuer, CLIENT), "names of groups"),
            (Oidc(idp.issuer, CLIENT, admin=("a",), scopes="email"), "openid"),
        ):
            with pytest.raises(Refusal, match=why):
                gate.startup(Settings(oidc=said), site.service.store, "127.0.0.1")
        with pytest.raises(Refusal, match=r"web\.names"):
            gate.startup(
                Settings(oidc=Oidc(idp.issuer, CLIENT, admin=("a",)), proxy=Proxy(("10.0.0.1",))),
                site.service.store,
                "10.0.0.2",
            )
