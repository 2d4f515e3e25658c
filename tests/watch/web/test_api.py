"""The API: its description fits what it says, and it has all that the pages show."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema
import pytest

from filmbadge.watch.store.store import Store
from filmbadge.watch.web import openapi, table
from filmbadge.watch.web.app import build
from support import watched_pages as watched
from support.asgi import Answer, Browser

API = "/api/v1"
DESCRIBED: dict[str, Any] = json.loads(openapi.document())
_METRIC = re.compile(r'[a-z_]+(?:\{(?:[a-z]+="(?:[^"\\\n]|\\["\\n])*",?)*\})? -?[0-9]+')


class Site(NamedTuple):
    browser: Browser
    directory: Path


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    directory = tmp_path_factory.mktemp("watch") / "dir"
    made = watched.filled(directory)
    with asyncio.Runner() as runner:
        yield Site(Browser(build(made), runner), directory)


def of(path: str) -> str:
    return path.replace("{archive:int}", "1").replace("{run:int}", "2").replace("{name}", watched.SCOPE)


def described(path: str, method: str) -> dict[str, Any]:
    return dict(DESCRIBED["paths"][re.sub(r":\w+", "", path)][method])


def test_every_reference_of_the_description_leads_somewhere() -> None:
    names = set(re.findall(r'"#/components/schemas/(\w+)"', openapi.document().decode()))
    assert names <= set(DESCRIBED["components"]["schemas"])
    assert DESCRIBED["openapi"].startswith("3.1")
    assert len(DESCRIBED["paths"]) >= len(table.PAGES)


@pytest.mark.parametrize("path", [page.path for page in table.PAGES])
def test_what_a_page_shows_is_handed_out_as_described(site: Site, path: str) -> None:
    answer = site.browser.get(API + of(path))
    assert answer.status == 200
    schema = described(path, "get")["responses"]["200"]["content"]["application/json"]["schema"]
    jsonschema.Draft202012Validator({**schema, "components": DESCRIBED["components"]}).validate(answer.said)
    assert site.browser.get(of(path)).status == 200


def test_a_page_and_the_api_count_the_same(site: Site) -> None:
    told, page = site.browser.get(f"{API}/").said, site.browser.get("/").text
    assert told["open_now"] == 3
    assert told["muted"] == 1
    assert told["unseen"] == 1
    assert "1 of the open archives gave records when it was asked last" in page
    assert (told["new"], told["worse"], told["closed"], told["gone"]) == (1, 1, 2, 1)
    figures = re.findall(r'<li(?: class="open")?><b>([0-9,]+)</b><span class="label">(?:<a [^>]+>)?([a-z ]+)', page)
    assert figures == [
        ("3", "open now"),
        ("1", "new since last time"),
        ("1", "worse since last time"),
        ("2", "closed since last time"),
    ]
    open_ones = site.browser.get(f"{API}/archives?state=open&muted=no").said
    assert open_ones["total"] == told["open_now"]


@pytest.mark.parametrize("query", ["page=x", "page=1.5", "page="])
def test_a_query_that_is_none_is_refused_in_one_line(site: Site, query: str) -> None:
    answer = site.browser.get(f"{API}/archives?{query}")
    assert answer.status == 400
    assert "\n" not in answer.said["fault"]


@pytest.mark.parametrize(
    "query", ["page=-1", "page=99999999999999999999", "q=%00%FF", "sort=nonsense", "grade=Q", "nothing=1"]
)
def test_an_odd_query_finds_what_there_is(site: Site, query: str) -> None:
    assert site.browser.get(f"{API}/archives?{query}").status == 200


@pytest.mark.parametrize("path", ["/archives/0", "/archives/99999999999999999999999", "/surveys/77", "/scopes/nowhere", "/scopes/..%2f..%2fetc", "/archives/-1"])  # fmt: skip
def test_what_is_not_there_is_said_so(site: Site, path: str) -> None:
    for answer in (site.browser.get(path), site.browser.get(API + path)):
        assert answer.status == 404


FORMS: dict[str, tuple[dict[str, Any], str]] = {
    "no address": ({"addresses": ""}, "at least one address or network is needed"),
    "a name": ({"addresses": "pacs.example"}, "'pacs.example' is no address or network"),
    "a path": ({"name": "../x"}, "a scope has a name of at most 40 small letters"),
    "a name that is taken": ({"name": watched.SCOPE}, "there is a scope north already"),
    "a day of the past": ({"until": "2020-01-01"}, "the last day lies ahead"),
    "no day": ({"until": "soon"}, "the last day is written as 2026-11-27"),
    "no basis": ({"basis": "curiosity"}, "the basis is owner, mandate or research"),
    "no depth": ({"depth": "deep"}, "the depth is one of knock"),
    "a deep look without a basis": ({"basis": "research", "depth": "profile"}, "profile"),
    "no port": ({"ports": "104,99999"}, "ports are numbers from 1 to 65535"),
    "no AE title": ({"aet": "A" * 17}, "is not an AE title"),
    "two lines": ({"who": "a\nb"}, "who allowed it must be one line"),
    "nothing said": ({"contact": ""}, "the contact"),
}


def form(**changed: Any) -> dict[str, Any]:
    return {"name": "new", "addresses": "198.51.100.7", "who": "w", "reference": "r", "contact": "c", **changed}


@pytest.mark.parametrize("case", FORMS)
def test_a_scope_that_is_none_is_not_written(site: Site, case: str) -> None:
    changed, why = FORMS[case]
    said = asked(site, "/scopes", **form(**changed))
    assert said.status == 422
    assert why in said.said["fault"]
    page = posted(site, "/scopes", **form(**changed))
    assert page.status == 422
    assert 'value="r"' in page.text  # what was filled in is still there
    assert not (site.directory / "scopes" / "new.toml").exists()


def test_a_scope_is_written_as_a_file_that_its_owner_alone_may_read(site: Site) -> None:
    said = asked(site, "/scopes", **form(name="written"))
    assert (said.status, said.said["to"]) == (200, "/scopes/written")
    path = site.directory / "scopes" / "written.toml"
    assert path.stat().st_mode & 0o777 == 0o600
    assert 'networks = [\n  "198.51.100.7/32",\n]' in path.read_text()
    told = site.browser.get(f"{API}/scopes/written").said
    assert told["scope"]["words"][0].startswith("would contact 1 address")
    path.unlink()


def test_the_numbers_for_prometheus_can_be_read(site: Site) -> None:
    lines = site.browser.get("/metrics").text.splitlines()
    assert all(line.startswith("# ") or _METRIC.fullmatch(line) for line in lines)
    assert 'filmbadge_archives{scope="north",state="open"} 4' in lines
    assert 'filmbadge_risks_accepted{scope="north"} 1' in lines
    assert not [line for line in lines if "192.0.2" in line]


def test_a_survey_has_a_public_page_only_if_that_is_set(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    made = (site.directory / "public" / "north.html").read_text()
    assert "192.0.2" not in made
    assert site.browser.get("/public/north").status == 404


def test_who_follows_a_survey_is_told_how_far_it_is_until_it_ended(site: Site) -> None:
    answer = site.browser.get("/surveys/2/live")
    assert answer.header("content-type").startswith("text/event-stream")
    (event,) = answer.text.strip().split("\n\n")
    assert json.loads(event.removeprefix("data: "))["state"] == "ended"


def test_a_proof_is_a_page_of_its_own_that_runs_nothing(site: Site) -> None:
    assert '<a href="/proofs/1">' in site.browser.get(f"/archives/{_verified(site)}").text
    answer = site.browser.get("/proofs/1")
    assert "A proof" in answer.text
    assert answer.header("content-security-policy").startswith("default-src 'none'; style-src 'unsafe-inline'")
    assert site.browser.get("/proofs/2").status == 404


def _verified(site: Site) -> int:
    rows = site.browser.get(f"{API}/archives?muted=yes").said["rows"]
    return int(rows[0]["id"])


@pytest.mark.parametrize("state", ["open", "unknown", "closed", "gone", "shut"])
def test_a_risk_is_offered_where_it_can_be_accepted(site: Site, state: str) -> None:
    """Of an archive that nobody accepted yet."""
    store = Store(site.directory)
    number = site.browser.get(f"{API}/archives?muted=no&state=open").said["rows"][0]["id"]
    with store.change() as change:
        change.execute("UPDATE archives SET state = ? WHERE id = ?", (state, number))
    path = f"/archives/{number}/accept"
    try:
        offered = f'action="{path}"' in site.browser.get(f"/archives/{number}").text
        refused = asked(site, path, reason="a test", until="2020-01-01").said["fault"]
        later = f"{datetime.now(UTC) + timedelta(days=9):%Y-%m-%d}"
        assert (asked(site, path, reason="a test", until=later).status == 200) is offered is (state == "open")
        assert "lies ahead" in refused
    finally:
        with store.change() as change:
            change.execute("UPDATE archives SET state = 'open' WHERE id = ?", (number,))
            change.execute("DELETE FROM risks WHERE reason = 'a test' AND archive = ?", (number,))
        store.close()


def asked(site: Site, path: str, **fields: Any) -> Answer:
    return site.browser.send(API + path, ("x-csrf-token", site.browser.get("/scopes").csrf), **fields)


def posted(site: Site, path: str, **fields: Any) -> Answer:
    return site.browser.post(path, csrf=site.browser.get("/scopes").csrf, **fields)
