"""What the documents promise is what the code does: each number of the table of caps is a constant of the code."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from filmbadge.ask import web
from filmbadge.ask.dicomweb import census as qido
from filmbadge.ask.dicomweb import prove as web_prove
from filmbadge.ask.dimse import association, identify, prove
from filmbadge.ask.pages import marks, viewers
from filmbadge.ask.products import orthanc
from filmbadge.ask.wire import contact, dialer, fetch, head, http, json_array, tls
from filmbadge.keep.manifest import ScopeAsUsed
from filmbadge.model import Outcome, OutcomeKind
from filmbadge.scope import (
    LARGE_SHARE,
    LARGEST,
    LARGEST_SHARE,
    LONGEST,
    LOOPBACK,
    SLOW_ANSWERS,
    SMALL_SECONDS,
    TIMES,
    Budget,
    ConnectionLimits,
    MemoryLimits,
    RateLimits,
    Retrievals,
)
from filmbadge.tell.card import CheckDocument
from support.loopback import HERE

ROOT = Path(__file__).resolve().parent.parent
RESTRAINT = (ROOT / "docs/restraint.md").read_text(encoding="utf-8")


def size(number: int) -> str:
    """Such as `64 KiB`."""
    for unit, name in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if number >= unit:
            assert number % unit == 0
            return f"{number // unit} {name}"
    return f"{number} bytes"


def seconds(number: float) -> str:
    return f"{number:g} s"


def section(title: str) -> str:
    return RESTRAINT.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def rows(text: str) -> list[tuple[str, ...]]:
    """The rows of the first table of a text, without its head."""
    table = re.search(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert table is not None
    return [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in table.group().splitlines()[2:]]


def further_handshakes() -> int:
    """How often a handshake is made again, at most: a peer that fails each for no reason that it gives."""
    hello: tls.Hello | None = tls.Hello()
    tries = -1
    while hello is not None:
        tries += 1
        hello = hello.after(Outcome(OutcomeKind.TLS_FAILED), tls.Handshake(HERE), HERE)
    return tries


def bounds() -> list[tuple[str, str]]:
    """The table of caps, from the constants that hold."""
    pace, caps, census = RateLimits(), ConnectionLimits(), Budget()
    small, page = caps.small(identify.ASK_BYTES), caps.small(web.BYTES)
    assert prove.BYTES == web_prove.PROOF_BYTES == identify.ASK_BYTES
    assert viewers.PAGE_BYTES == orthanc.PAGE_BYTES
    assert fetch.VISIT_BYTES * page.received_bytes >= viewers.PAGES_IN_ALL * viewers.PAGE_BYTES
    kib = size(small.received_bytes)
    least = f"{SLOW_ANSWERS} times the patience, at least {seconds(SMALL_SECONDS)}"
    return [
        ("connections a second, in all", f"{pace.overall:g}"),
        ("into one IPv4 /24 or IPv6 /48", f"{pace.per_network:g}"),
        ("to one host", f"{pace.per_host:g}"),
        ("hosts worked on at once", f"{pace.open_at_once}"),
        ("connections to one host at a time", "1, always"),
        (
            "share of an archive's time that our questions take",
            f"{pace.archive_share:g} ({LOOPBACK.pace.archive_share:g} on loopback without a scope)",
        ),
        (
            "connect time-out, at most and at least",
            f"{seconds(caps.connect_seconds)}, {seconds(caps.connect_seconds_least)} (`connect_seconds_least`)",
        ),
        (
            "silence of the peer after it took the connection, `knock`, `ask` and `prove`; the TLS handshake too",
            f"{seconds(small.idle_seconds)} (`patience_seconds`)",
        ),
        (
            "the same at a host that took two connections and never said anything: at each of its other ports",
            seconds(contact.SILENT_SECONDS),
        ),
        ("silence of the peer, census", seconds(caps.idle_seconds)),
        ("one connection", f"{seconds(caps.seconds)}, {size(caps.received_bytes)} received"),
        (
            "a census of one archive, and a look at its personal attributes",
            f"{census.questions:,} questions, {census.minutes / 60:g} hours, {size(census.received_bytes)} received",
        ),
        (
            "what tells studies and patients apart, of all archives of a run together",
            f"{size(MemoryLimits().distinct_bytes)} (`distinct_bytes`)",
        ),
        ("the connection of `knock` and `ask`, and each of `prove`", f"{seconds(small.seconds)} ({least}), {kib}"),
        (
            "images that are begun at one archive, one after the other, and what is read of each",
            f"1; {Retrievals().each} where it does not say which studies can be had, {Retrievals().large} at one with over "
            f"{LARGE_SHARE * 100:g} % of all images so far; {size(prove.ENOUGH_BYTES)}",
        ),
        ("one connection of a visit over HTTP", f"{seconds(page.seconds)}, {size(page.received_bytes)}"),
        (
            "one visit over HTTP, over all its connections",
            f"{fetch.CONNECTIONS} connections; none is begun after {fetch.VISIT_SECONDS * page.seconds / 60:g} minutes or "
            f"{size(fetch.VISIT_BYTES * page.received_bytes)} in all",
        ),
        ("one body over HTTP, also decompressed", size(http.Request("/").most_bytes)),
        (
            "a page of a list of files, a viewer's configuration, a page of Orthanc's list of studies",
            size(viewers.PAGE_BYTES),
        ),
        ("PixelMed's list of patients", size(viewers.LIST_BYTES)),
        (
            "a page of a census over QIDO-RS",
            f"{size(qido.PAGE_BYTES)}, and {size(json_array.MAX_ROW)} for one record",
        ),
        ("all heads of one response", size(head.MAX_HEAD)),
        ("what is dropped of a body that is too long, before the connection is closed", size(http.DRAIN)),
        (
            "pages of a list of files, redirects of the front page, archives that one configuration names",
            f"{viewers.PAGES_IN_ALL}, {viewers.HOPS}, {marks.MAX_ROOTS}",
        ),
        ("further handshakes, where one over TLS failed", f"{further_handshakes()}"),
        (
            "what is dropped after our C-CANCEL, before an A-ABORT",
            f"{size(association.DRAIN_BYTES)}, {seconds(association.DRAIN_SECONDS)} of silence",
        ),
        ("wait for the end of a release", seconds(association.RELEASE_SECONDS)),
        (
            "what still comes after our A-ABORT, while it is heard",
            f"{seconds(dialer._FAREWELL_SECONDS)}, {size(dialer._LINGER_BYTES)}",
        ),
    ]


def promises(page: str) -> str:
    """The list that stands between two marks."""
    text = (ROOT / page).read_text(encoding="utf-8")
    found = re.findall(r"<!-- promises -->\n(.*?)<!-- end of promises -->", text, re.DOTALL)
    assert len(found) == 1, page
    return str(found[0])


def test_both_documents_promise_the_same() -> None:
    assert promises("SECURITY.md") == promises("docs/restraint.md")
    assert len(re.findall(r"^- \*\*.+?\.\*\* ", promises("SECURITY.md"), re.MULTILINE)) == 11


def test_a_mandate_is_told_what_it_allows() -> None:
    """Each has a word of its own: the keys and commands that it names exist."""
    told = section("What a mandate must know")
    assert re.findall(r"^- \*\*(.+?)\.\*\*", told, re.MULTILINE) == [
        "Where a page may lead",
        "What is looked up",
        "What is kept of the operators' words",
        "What is kept of your own words",
        "Memory",
        "The end",
        "How long a dataset is kept",
    ]
    kept = {field.name for field in msgspec.structs.fields(ScopeAsUsed)}
    assert {"authority", "reference", "contact", "name"} <= kept
    assert "owner" in {field.name for field in msgspec.structs.fields(CheckDocument)}


def test_a_value_beyond_reason_is_documented() -> None:
    told = section("The scope")
    assert f"{LARGEST[4]:,} IPv4 addresses (a /{32 - (LARGEST[4] - 1).bit_length()})" in told
    assert f"IPv6 addresses than a /{128 - (LARGEST[6] - 1).bit_length()}" in told
    assert f"more than {LONGEST.days} days away" in told
    assert TIMES == 10 and "more than ten times" in told
    assert f"`archive_share` above {LARGEST_SHARE}" in told


def test_the_table_of_caps_says_what_the_code_holds() -> None:
    assert rows(section("Pace and caps")) == bounds()
