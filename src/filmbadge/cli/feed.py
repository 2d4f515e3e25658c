"""`filmbadge feed`"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from msgspec.structs import replace

from filmbadge.cli.codes import DONE
from filmbadge.cli.console import LevelChoice, note, put, require_writable, write_file
from filmbadge.cli.reviewed import review
from filmbadge.conclude.again import opened
from filmbadge.keep.reader import Dataset, telling
from filmbadge.model import Refusal
from filmbadge.tell.feeds import xarf
from filmbadge.tell.feeds.event import Event
from filmbadge.tell.feeds.feed import Feed, Tlp, of_survey
from filmbadge.tell.feeds.formats import FormatName, IntelmqVersion, chosen
from filmbadge.tell.feeds.survey import of_survey as events_of
from filmbadge.tell.levels import Level, named, require_one_operator
from filmbadge.tell.mailbox import is_public
from filmbadge.tell.words import Words

TlpChoice = Literal["clear", "green", "amber", "amber+strict", "red"]
_TLP = {Level.AUTHORITY: Tlp.AMBER, Level.OWNER: Tlp.AMBER_STRICT}


def feed(
    directory: Path,
    /,
    *,
    format: FormatName,
    for_: Annotated[LevelChoice, Parameter(name="--for")] = "authority",
    out: str | None = None,
    open: Annotated[bool, Parameter(negative="", show_default=False)] = False,
    reviewed: Path | None = None,
    tlp: TlpChoice | None = None,
    contact: Annotated[str, Parameter(show_default=False)] = "",
    organisation: Annotated[str, Parameter(show_default=False)] = "",
    intelmq: IntelmqVersion = "3.5",
) -> int:
    """Write what is wrong, finding by finding, in a format that other tools take.

    Parameters
    ----------
    directory
        The folder that a survey was kept in.
    format
        intelmq and xarf: an event a line, as JSON. stix: a bundle of STIX 2.1. sarif: a log of SARIF 2.1.0. csv: a table.
    for_
        Who receives it. A feed holds addresses, so there is none for public. owner: one operator's archives only.
    out
        Write to this file, or into this folder under a name that says whom it is for. Default: stdout.
    open
        Only findings of archives that give records to strangers.
    reviewed
        A CSV file (archive, what, by, when, operator) of what persons found out: it overrides our tags and the operator.
    tlp
        The marking of TLP 2.0. Default: amber for an authority, amber+strict for an owner.
    contact
        The e-mail address of who sends it. Default: the contact of the survey's scope.
    organisation
        The name of who sends it. Default: the domain of that address.
    intelmq
        The version of IntelMQ that will read it: 3.3 knows fewer keys, and finds the same facts below extra.
    """
    level, words = Level(for_), Words()
    if level is Level.PUBLIC:
        raise Refusal("a feed holds addresses, so there is none for the public: use report --for public")
    if contact and not is_public(contact):
        raise Refusal(f"--contact {contact} is not an e-mail address")
    made = chosen(format, intelmq)
    with telling(directory):
        dataset = opened(directory)
        dataset.require_whole()
        review(dataset, reviewed)
        about = of_survey(dataset.manifest, level, Tlp(tlp or _TLP[level]), contact, organisation)
        about = replace(about, incomplete=tuple(_incomplete(dataset, words)))
        events = [event for event in events_of(dataset) if event.archive.open or not open]
        told = [event for event in events if not event.archive.decoy]
        if level is Level.OWNER:
            require_one_operator((said.value for e in told for said in e.archive.place.operator[:1]), words)
        data = list(made.write(told, about, words))
        if out is not None:
            to = named(out, about.survey, level, made.suffix)
            require_writable(to, read=[reviewed])
            write_file(to, b"".join(data))
        else:
            put(data)
        _note(told, about, words, "" if out is None else str(to))
        for line in _left_out(events, told, about, format, words):
            note(line)
    return DONE


def _note(told: list[Event], about: Feed, words: Words, to: str) -> None:
    findings = words.many("{n:,} finding", "{n:,} findings", len(told))
    archives = words.many("{n:,} archive", "{n:,} archives", len({event.archive.id for event in told}))
    who = f"(level {about.level}, TLP:{about.tlp.upper()})"
    note(f"Wrote {to} {who}: {findings} of {archives}" if to else f"{findings} of {archives} {who}")


def _left_out(events: list[Event], told: list[Event], about: Feed, format: FormatName, words: Words) -> Iterable[str]:
    """Whatever a reader might miss."""
    if about.tlp is Tlp.CLEAR:
        yield words.say("TLP:CLEAR lets anybody publish it, and it holds addresses of archives.")
    decoys = len({event.archive.id for event in events if event.archive.decoy})
    if decoys:
        yield words.many(
            "Left out: {n:,} archive that is likely a decoy or a demonstration.",
            "Left out: {n:,} archives that are likely decoys or demonstrations.",
            decoys,
        )
    if format == "xarf" and (silent := len(told) - xarf.told(told)):
        yield words.many(
            "In no report: {n:,} finding for which XARF has no type, such as a connection that is not encrypted.",
            "In no report: {n:,} findings for which XARF has no type, such as a connection that is not encrypted.",
            silent,
        )
    yield from about.incomplete


def _incomplete(dataset: Dataset, words: Words) -> Iterable[str]:
    if undecided := len(dataset.undecided()):
        yield words.many(
            "Of {n:,} host we could not find out whether it is an archive, or open. No feed says that it is open or closed.",
            "Of {n:,} hosts we could not find out whether they are archives, or open. No feed says that they are open or closed.",
            undecided,
        )
    if dataset.manifest.state == "nothing-reached":
        yield words.say("None of the hosts could be reached, so nothing is known of them.")
    elif dataset.manifest.state != "done":
        yield words.say("The survey did not come to its end, so more may be wrong than is told here.")
