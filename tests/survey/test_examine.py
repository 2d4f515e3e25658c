"""One host: a fault of ours stands beside what was seen, and a step that teaches nothing is not taken for ever."""

from __future__ import annotations

from dataclasses import replace

import pytest

from filmbadge.ask import ways, web
from filmbadge.ask.learned import Learned
from filmbadge.ask.targets.lists import parse
from filmbadge.ask.wire.contact import Contact
from filmbadge.keep.schema import endpoint_rows
from filmbadge.model import Depth, Host, Observation, OrthancFacts, Outcome, OutcomeKind, Rung
from filmbadge.scope import LOOPBACK
from filmbadge.survey.examine import examine
from filmbadge.tell import card
from filmbadge.tell.words import Words
from support.factories import AT
from support.http_site import orthanc, serving
from support.loopback import HERE, caps, dialer, listening, run


def examined(depth: Depth = Depth.COUNT) -> Host:
    """A host with a closed port and an Orthanc's REST."""

    async def work() -> Host:
        async with listening(serving(orthanc)) as port:
            scope = replace(LOOPBACK, dimse_ports=(9,), dimse_tls_ports=(), web_ports=(port,), web_tls_ports=())
            door, _ = dialer(replace(scope, caps=caps(idle_seconds=0.5)))
            return await examine(door, parse(str(HERE)), depth)

    return run(work())


def test_a_fault_of_ours_leaves_what_was_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object, **__: object) -> Observation:
        raise KeyError("a value, perhaps")

    monkeypatch.setattr(web, "identify_either", broken)
    host = examined()
    assert host.fault == Outcome(OutcomeKind.OWN_ERROR, error="KeyError")
    assert [(judged.observation.endpoint.port, judged.verdict.rung) for judged in host.judged] == [(9, Rung.SILENT)]
    assert [(row.get("port"), row.get("rung"), row["why"]) for row in endpoint_rows(host, "t", AT)] == [
        (9, "silent", "port-closed"),
        (None, None, "own-error"),
    ]
    document = card.document("t", Depth.COUNT, host, [], Words())
    assert "KeyError" in document.fault
    assert "could not find out everything" in card._headline(document, Words()).plain


def test_a_step_that_leaves_no_trace_is_a_fault_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[Depth] = []

    async def idle(contact: Contact, seen: Observation, facts: OrthancFacts) -> Learned:
        taken.append(seen.depth)
        return Learned(seen)

    monkeypatch.setitem(ways.FURTHER, (OrthancFacts, Depth.PROFILE), idle)
    host = examined(Depth.PROFILE)
    assert taken == [Depth.PROFILE]
    assert host.fault == Outcome(OutcomeKind.OWN_ERROR, error="RuntimeError")
    assert host.archives[0].counts.studies.value == 3
