"""Archives, contacts and surveys for tests of letters."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from msgspec.structs import replace

from filmbadge.keep import manifest
from filmbadge.keep.reader import Dataset
from filmbadge.keep.writer import Writer
from filmbadge.model import Host, Observation
from filmbadge.tell.notices import paper
from filmbadge.tell.notices.contacts import Contact, Contacts
from filmbadge.tell.notices.letter import Sender, Survey, compose
from filmbadge.tell.notices.plan import Mail
from filmbadge.tell.view import ArchiveView, archive_view
from filmbadge.tell.words import Words
from support import factories
from support.factories import DISCLOSED, EMPTY, REPORTED, admitted, dimse, web

BEGAN = datetime(2026, 11, 20, 8, 30, tzinfo=UTC)
SENDER = Sender("CERT Musterland", "cert@cert-musterland.test", "M-17", ("198.51.100.5",))
SURVEY = Survey(BEGAN, None, {})
HEAD = "network,operator,name,email,postal,language,role,source,date\n"
ENGLISH = Words()


def open_host(address: str) -> Host:
    """One archive with two ways in, which gives records to anybody."""
    return factories.host(address, dimse(admitted(DISCLOSED)), web(REPORTED))


def shut_host(address: str) -> Host:
    """One that answers, and has nothing to give."""
    return factories.host(address, dimse(admitted(EMPTY)))


def view(address: str, *seen: Observation, words: Words = ENGLISH) -> ArchiveView:
    host = factories.host(address, *seen) if seen else open_host(address)
    (archive,) = host.archives
    return archive_view(archive, host.judged, words)


def contacts(folder: Path, *rows: str) -> Contacts:
    path = folder / "contacts.csv"
    path.write_text(HEAD + "".join(f"{row}\n" for row in rows), newline="")
    return Contacts(path)


def survey(folder: Path, hosts: Sequence[Host], began: datetime = BEGAN) -> Path:
    """A survey's folder with these hosts."""
    folder.mkdir(parents=True, exist_ok=True)
    made = replace(factories.survey(folder), started=began, ended=began, hosts=len(hosts), hosts_done=len(hosts))
    writer = Writer(folder)
    for host in hosts:
        writer.journal(factories.connection(host.address))
        writer.host(host, host.address)
    writer.close()
    manifest.write(folder, made)
    manifest.write(folder, replace(made, rows=Dataset(folder).totals()))
    return folder


CONTACT = Contact(
    "Klinik Süd", "pacs@klinik.test", ("Am Park 1", "12345 Ort"), source="telephone book", date="2026-11-20"
)


def page(archives: int) -> str:
    """A letter about so many archives, as it stands on paper."""
    mail = Mail(CONTACT, [view(f"192.0.2.{n + 1}") for n in range(archives)])
    return paper.html(compose(mail, SENDER, SURVEY, "FB-2345-ABCD", BEGAN.date(), ENGLISH))
