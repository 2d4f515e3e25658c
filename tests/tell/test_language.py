"""Every word that a reader sees comes out of the catalogue of their language."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest
from rich.console import Console, RenderableType

from filmbadge.catalogue.advisories import advisories
from filmbadge.keep import manifest
from filmbadge.keep.reader import Dataset
from filmbadge.keep.writer import Writer
from filmbadge.model import (
    Abort,
    Certificate,
    ClientCertificate,
    Depth,
    DimseFacts,
    Find,
    Host,
    KeyKind,
    Kind,
    KindTally,
    Observation,
    OrthancFacts,
    Profile,
    Rejection,
    SchemeTally,
    TlsFacts,
)
from filmbadge.scope import loopback
from filmbadge.tell import card, scope, summary
from filmbadge.tell import terminal as terminal_view
from filmbadge.tell.evidence import Evidence
from filmbadge.tell.proof import page as proof_page
from filmbadge.tell.proof import terminal as proof_terminal
from filmbadge.tell.report import page, single
from filmbadge.tell.words import Words
from support import factories, proofs, pseudo
from support.factories import ADDRESS, AT, EMPTY, admitted, dimse, reported, web

# Names, and what an archive says of itself: no language has other words for them.
NAMES = (
    "192.0.2", "Orthanc", "Filmbadge", "DICOM", "DCMTK", "HTTP", "TLSv1", "TLS", "AES128-SHA", "UTC", "ANY-SCP", "dimse", "http",
    "OFFIS_DCMTK_362", "CVE-", "PS3.15", "BCP", "US", "SSN", "pacs",
    *advisories(),
)  # fmt: skip
HELD = Certificate("pacs", "", "ca", "", AT - timedelta(90), AT - timedelta(30), True, KeyKind.RSA, 1024, False)
OLD = TlsFacts("TLSv1", "AES128-SHA", ClientCertificate.NO, certificate=HELD)
KINDS = tuple(KindTally(kind, 35, 0 if kind is Kind.RELIGION else 35, looked=35, distinct=20, most=2) for kind in Kind)
SCHEMES = (SchemeTally("us.ssn", Kind.PATIENT_ID, 35, 35, 35, 35, 35, issued=35, issuer=35, leads=30, firsts=9, looked=35, records_shaped=35, records=35, records_dashed=35),)  # fmt: skip
PROFILE = Profile(True, 35, 35, KINDS, SCHEMES, patients=20)


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Words:
    return pseudo.words(tmp_path_factory.mktemp("locale"))


def hosts() -> Iterator[Host]:
    """Archives in every state that a card or a page tells."""
    rejected = DimseFacts(called="ANY-SCP", valid_pdu=True, rejection=Rejection(1, 1, 7))
    aborting = msgspec.structs.replace(admitted((Find(None, 0),)), abort=Abort(2, 6))
    old = msgspec.structs.replace(
        reported(patients=20, studies=35, series=70, images=700), version="1.5.7", profile=PROFILE
    )
    locked = OrthancFacts(status=401, realm="Orthanc")
    for number, seen in enumerate(
        (
            (msgspec.structs.replace(web(old, depth=Depth.PROFILE), tls=OLD),),
            (dimse(admitted(EMPTY)),),
            (dimse(aborting),),
            (dimse(rejected), web(locked)),
            (msgspec.structs.replace(dimse(None, depth=Depth.ASK), tls=TlsFacts(client_certificate=ClientCertificate.YES)),),
        )
    ):  # fmt: skip
        yield factories.host(f"192.0.2.{number + 1}", *seen)


def shown(thing: RenderableType) -> str:
    out = io.StringIO()
    Console(file=out, width=4000, color_system=None).print(thing)
    return out.getvalue()


class _Text(HTMLParser):
    """What a browser shows of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self.hidden = False

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.hidden = tag in ("style", "pre", "code")  # what is typed has no language

    def handle_endtag(self, tag: str) -> None:
        self.hidden = False

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.parts.append(data)


@pytest.mark.parametrize("host", list(hosts()), ids=lambda host: host.address)
@pytest.mark.parametrize("depth", Depth)
def test_a_card_has_no_english_in_another_language(words: Words, host: Host, depth: Depth) -> None:
    document = card.document(host.address, depth, host, [factories.look_up()], words)
    typed = [line for archive in document.archives for step in archive.close_it.steps for line in step.type]
    again = [archive.close_it.check_again for archive in document.archives if archive.close_it.steps]
    assert pseudo.english(shown(card.render(document, words)), host.address, *typed, *again, *NAMES) == []
    text = _Text()
    text.feed(single.render(document, words))
    assert pseudo.english(" ".join(text.parts), host.address, *NAMES) == []


@pytest.mark.parametrize("now", [proofs.CLOSED, proofs.MOVED], ids=["closed", "moved"])
@pytest.mark.parametrize("seen_from", ["network", "this-machine"])
def test_a_proof_of_closure_has_no_english_in_another_language(
    words: Words, tmp_path: Path, now: tuple[Observation, ...], seen_from: str
) -> None:
    document = proofs.proof(tmp_path, *now, words=words, seen_from=seen_from)
    names = (
        *NAMES,
        *told(document.evidence),
        *told(document.before.evidence),
        document.before.sha256,
        "filmbadge verify",
    )
    assert pseudo.english(shown(proof_terminal.render(document, words)), *names) == []
    text = _Text()
    text.feed(proof_page.render(document, words, sha256="0" * 64))
    assert pseudo.english(" ".join(text.parts), *names, "0" * 64, "F") == []


def told(evidence: Evidence) -> Iterator[str]:
    """What the scope says in its owner's language, and a digest."""
    yield from (evidence.scope, evidence.authority, evidence.reference, evidence.contact)
    if evidence.journal is not None:
        yield evidence.journal.sha256


def survey(folder: Path) -> Dataset:
    """A survey of these hosts."""
    made = factories.survey(folder)
    writer = Writer(folder)
    for host in hosts():
        writer.journal(factories.connection(host.address))
        writer.journal(factories.look_up())
        writer.host(host, host.address)
    writer.close()
    found = Dataset(folder)
    manifest.write(folder, msgspec.structs.replace(made, state="interrupted", ended=AT, rows=found.totals()))
    return Dataset(folder)


def test_a_summary_and_a_page_have_no_english_in_another_language(words: Words, tmp_path: Path) -> None:
    document = summary.document(survey(tmp_path), words)
    (row,) = document.by_country
    document = msgspec.structs.replace(document, by_country=(msgspec.structs.replace(row, country="US"), row))
    assert pseudo.english(shown(terminal_view.render(document, words)), *NAMES) == []
    text = _Text()
    text.feed(page.render(document, words))
    assert pseudo.english(" ".join(text.parts), *told(document.evidence), *NAMES) == []
    assert len(document.archives) == 4


def test_an_empty_page_has_no_english_either(words: Words, tmp_path: Path) -> None:
    factories.survey(tmp_path)
    document, text = summary.document(Dataset(tmp_path), words), _Text()
    text.feed(page.render(document, words))
    assert pseudo.english(" ".join(text.parts), *told(document.evidence), *NAMES) == []


@pytest.mark.parametrize("depth", Depth)
def test_a_scope_is_explained_without_english(words: Words, depth: Depth) -> None:
    told = scope.explain(
        dataclasses.replace(
            loopback("the test suite"),
            depth=depth,
            qido_record=True,
            reverse_names=True,
            look_up="workers",
            called_titles=("ANY-SCP",),
        ),
        words,
    )
    assert pseudo.english(told, *NAMES) == []


def test_the_made_up_language_would_show_english(words: Words) -> None:
    assert pseudo.english(f"{words.say('OPEN')} not in the catalogue {ADDRESS}", ADDRESS) == [
        "catalogue",
        "in",
        "not",
        "the",
    ]


ENGLISH = Words()


def test_english_needs_no_catalogue_and_another_language_must_have_one(tmp_path: Path) -> None:
    assert ENGLISH.say("OPEN") == "OPEN"
    with pytest.raises(FileNotFoundError):
        Words("tlh", tmp_path)


def test_thousands_are_parted_as_a_language_does_it_where_a_sentence_asks_for_it(words: Words) -> None:
    assert ENGLISH.many("{n:,} port {port}", "{n:,} ports {port}", 4711, port=11112) == "4,711 ports 11112"
    assert ENGLISH.many("{n:,} port", "{n:,} ports", 1) == "1 port"
    assert ENGLISH.say("0x{code:04X}", code=0xA700) == "0xA700"


def test_dates_are_in_utc_and_in_words() -> None:
    east = datetime(2026, 11, 26, 0, 30, tzinfo=timezone(timedelta(hours=2)))
    assert ENGLISH.time(east) == "25 November 2026, 22:30 UTC"
    assert ENGLISH.date(datetime(2026, 1, 2)) == "2 January 2026"
