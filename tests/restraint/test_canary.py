"""The second rule, proven: values die at the decoder. Archives full of markers are asked in every way, and every byte
that is left behind is searched for the markers."""

from __future__ import annotations

import gzip
import importlib
import json
import os
import pkgutil
import re
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import filmbadge.ask
import filmbadge.identifiers
from filmbadge.ask.decoder import compiled
from support import canary
from support.canary import Markers, Search
from support.canary_world import RECORDS, World
from support.hanging import HANGS

# The archive that pynetdicom makes here leaves its socket to the collector when its caller dies.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

DEPTHS = ("knock", "ask", "count", "profile", "prove")

# Where a crash is injected, and which of the world's archives is asked. A new module that sees data is added here.
STAGES = {
    "filmbadge.ask.personal.read:_raw": "scripted",
    "filmbadge.ask.personal.charsets:text": "scripted",
    "filmbadge.ask.personal.inspector:well_formed": "scripted",
    "filmbadge.ask.personal.inspector:ValueInspector.take": "scripted",
    "filmbadge.ask.personal.inspector:ValueInspector.kinds": "scripted",
    "filmbadge.ask.personal.progress:ProfileProgress.row": "scripted",
    "filmbadge.ask.personal.lottery:Lottery.place": "scripted",
    "filmbadge.ask.decoder.personal:PersonalTally.__call__": "scripted",
    "filmbadge.ask.decoder.pure:Places.find": "scripted",
    "filmbadge.ask.decoder.pure:DistinctSet.add": "scripted",
    "filmbadge.identifiers.checks:valid": "scripted",
    "filmbadge.identifiers.rules:_sum": "scripted",
    "filmbadge.ask.census.count:CensusProgress._walk": "scripted",
    "filmbadge.ask.census.walk:Walk._note": "scripted",
    "filmbadge.ask.dimse.census:DimseSource.below": "scripted",
    "filmbadge.ask.decoder.pure:_number": "scripted",
    "filmbadge.ask.decoder.uids:names": "scripted",
    "filmbadge.ask.decoder.pure:Reader._match": "scripted",
    "filmbadge.ask.dimse.command:Command": "orthanc",
    "filmbadge.ask.dimse.association:Association._read": "scripted",
    "filmbadge.ask.dimse.association:Association._event": "scripted",
    "filmbadge.ask.dimse.association:Association._respond": "orthanc",
    "filmbadge.ask.dimse.pdu:parse_associate": "scripted",
    "filmbadge.ask.wire.dialer:_Line._hand_over": "scripted",
    "filmbadge.ask.dimse.questions:has_uid": "scripted",
    "filmbadge.ask.dimse.identify:DimseFacts": "scripted",
    "filmbadge.ask.dimse.ask_again:Asked": "scripted",
    "filmbadge.ask.dimse.profile:Query": "scripted",
    "filmbadge.ask.dimse.census:Learned": "scripted",
    "filmbadge.ask.dimse.prove:_get": "orthanc",
    "filmbadge.ask.census.lot:Lot.tried": "orthanc",
    "filmbadge.ask.wire.contact:Contact.dial": "scripted",
    "filmbadge.ask.wire.http:HttpSession._events": "web",
    "filmbadge.ask.wire.head:_anew": "web",
    "filmbadge.ask.web:PageFacts": "web",
    "filmbadge.ask.wire.fetch:Fetched": "web",
    "filmbadge.ask.pages.marks:marks": "web",
    "filmbadge.ask.pages.viewers:_take": "web",
    "filmbadge.ask.products.orthanc:by_keyword": "web",
    "filmbadge.ask.products.orthanc:clean": "web",
    "filmbadge.ask.wire.json_body:decoded": "web",
    "filmbadge.ask.wire.json_array:JsonArray.feed": "dicomweb",
    "filmbadge.ask.dicomweb.records:decoded": "dicomweb",
    "filmbadge.ask.dicomweb.census:_Said.rows": "dicomweb",
    "filmbadge.ask.dicomweb.answer:Count.take": "dicomweb",
    "filmbadge.ask.dicomweb.identify:media_type": "dicomweb",
    "filmbadge.ask.dicomweb.manners:one_record": "dicomweb",
    "filmbadge.ask.dicomweb.profile:Listed.rows": "dicomweb",
    "filmbadge.ask.decoder.element:_text": "dicomweb",
    "filmbadge.ask.dicomweb.profile:by_tag": "dicomweb",
    "filmbadge.ask.dicomweb.prove:_First.take": "dicomweb",
    "filmbadge.ask.products.dcm4chee:_titles": "web",
    "filmbadge.survey.examine:ask_further": "scripted",
    "filmbadge.survey.examine:archives.judge": "scripted",
    "filmbadge.judge.personal:looks": "scripted",
    "filmbadge.judge.archives:place": "scripted",
    "filmbadge.keep.parts:pq.write_table": "scripted",
    "filmbadge.tell.summary:document": "scripted",
}
# At depth `prove` a census over DICOMweb makes the profile too, and no list of the product is asked for.
LISTED = ("filmbadge.ask.products.orthanc:by_keyword",)
# What an archive says does not pass through these.
BLIND = {
    "filmbadge.ask.errors",
    "filmbadge.ask.key",  # a secret of ours
    "filmbadge.ask.memory",  # numbers of bytes
    "filmbadge.ask.wire.permission",  # addresses, ports and a clock
    "filmbadge.ask.wire.pacer",  # addresses and a clock
    "filmbadge.ask.wire.lease",  # networks and a clock
    "filmbadge.ask.wire.patience",  # networks, ports and seconds
    "filmbadge.ask.wire.conversation",  # the seam's shape
    "filmbadge.ask.dicomweb.question",  # questions, in our words
    "filmbadge.ask.decoder.limits",
    "filmbadge.ask.wire.throttle",  # seconds and numbers
    "filmbadge.ask.decoder",  # chooses one of the two
    "filmbadge.ask.targets.lists",  # the user's own files
    "filmbadge.ask.targets.held",
    "filmbadge.ask.targets.source",
    "filmbadge.ask.targets.exports.json",
    "filmbadge.ask.targets.exports.json_values",
    "filmbadge.ask.targets.exports.lines",
    "filmbadge.ask.targets.exports.masscan_binary",
    "filmbadge.ask.targets.exports.pieces",
    "filmbadge.ask.targets.exports.recognise",
    "filmbadge.ask.targets.exports.seen",
    "filmbadge.ask.targets.exports.xml",
    "filmbadge.ask.census.budget",  # numbers of questions and bytes
    "filmbadge.ask.census.estimate",  # numbers of rows
    "filmbadge.ask.census.plan",
    "filmbadge.ask.census.source",
    "filmbadge.ask.census.windows",
    "filmbadge.identifiers.schemes",  # a table of ours
    "filmbadge.identifiers.programs",  # the same
    "filmbadge.identifiers.instructions",
}
# Those in which no crash can be injected so, and where they are tested.
ELSEWHERE = {
    "filmbadge.ask.decoder.compiled",  # in C: the default of every run here but those with a crash; fuzz/sanitize
    "filmbadge.ask.decoder.elements",  # generators: a crash in them is one of who reads from them
    "filmbadge.ask.wire.tls",  # a certificate, before any record
    "filmbadge.ask.wire.reference",  # raises nothing on any text: tests/ask/wire/test_reference.py
    "filmbadge.ask.wire.text",  # texts.py, by its name here; tests/restraint/test_peer_text.py
}


def test_the_search_finds_a_planted_leak_in_every_form(tmp_path: Path) -> None:
    markers = Markers(seed=11)
    for number in range(len(canary.SCRIPTS)):
        canary.dataset(markers, number)
    search = Search(markers.planted)
    assert len(markers.planted) > 400
    for marker in set(markers.planted):
        for number, form in enumerate(sorted(canary.forms(marker))):
            assert marker in search.find(b"something before" + form + b"and behind"), (marker, number)
    marker = markers.planted[0]
    for name, data in (
        ("a log", f"could not read '{marker}'\n".encode()),
        ("utf-16", f"xx{marker}".encode("utf-16-le")),
        ("hex dump", b"00 01 " + marker.encode().hex(" ").encode()),
        ("percent", b"/studies?PatientName=" + "".join(f"%{ord(sign):02X}" for sign in marker).encode()),
    ):
        (tmp_path / name).write_bytes(data)
    pq.write_table(pa.table({"a": [f"x{marker}y"] * 5000}), tmp_path / "part.parquet", compression="zstd")
    (tmp_path / f"named-{marker}").touch()
    assert {*search.folder(tmp_path)} == {"a log", "utf-16", "hex dump", "percent", "part.parquet", f"named-{marker}"}
    assert not search.find(gzip.compress(b"nothing" * 1000, mtime=0))


def test_the_markers_reach_the_instrument_at_profile_and_none_stays(world: World) -> None:
    """Otherwise the search below would prove nothing."""
    of_all = {"patient_name", "patient_id", "birth_date", "exam_date"}
    for target, expected in (
        (world.target, {*of_all, "address", "other_ids", "purpose"}),
        (world.web, of_all),
        (world.at("dicomweb"), of_all),
    ):
        card = json.loads(world.run("check", target, "--scope", "scope.toml", "--depth", "profile", "--json"))
        for archive in card["archives"]:
            seen = {name: kind["records"] or kind["at_least"] or 0 for name, kind in archive["kinds"].items()}
            full = {name for name, records in seen.items() if records >= RECORDS - 1}
            assert expected <= full
    assert world.markers.planted[0].encode() in bytes(world.scripted.sent)
    world.clean()


def test_every_depth_and_every_report(world: World, record_property: Callable[[str, object], None]) -> None:
    for depth in DEPTHS:
        world.run("check", world.target, "--scope", "scope.toml", "--depth", depth, "--json")
        world.run("check", world.at("dicomweb"), "--scope", "scope.toml", "--depth", depth, "--json")
    world.run("check", world.target, "--scope", "scope.toml", "--json", core="pure")
    out = "survey"
    world.run("survey", "scope.toml", world.target, "--out", out, "--json")
    world.run("report", out)
    world.run("report", out, "--json", f"{out}.json", "--html", f"{out}.html")
    for form in ("intelmq", "stix"):
        world.run("feed", out, "--format", form, "--contact", "cert@example.org", "--out", f"{out}.{form}")
        assert (world.work / f"{out}.{form}").stat().st_size > 1000
    world.run("survey", "scope.toml", world.target, "--out", out, "--resume")
    world.run("judge", out, "--json")
    assert all(list((world.work / out / "judged" / n / "kinds").glob("*.parquet")) for n in ("1", "2"))
    assert (world.work / f"{out}.html").stat().st_size > 1000
    search = world.clean()
    record_property(
        "markers, forms, bytes, files", (len(world.markers.planted), search.forms, search.bytes, search.files)
    )


def test_what_a_terminal_shows(world: World) -> None:
    import pty  # here, so that the file can be read on Windows

    leader, follower = pty.openpty()
    process = subprocess.Popen(
        world.command("check", world.target, "--scope", "scope.toml", "--depth", "prove"),
        cwd=world.work, env=world.environment() | {"TERM": "xterm-256color"}, stdin=follower, stdout=follower, stderr=follower,
    )  # fmt: skip
    os.close(follower)
    capture = world.work / "terminal"
    with capture.open("wb") as held, suppress(OSError):
        while data := os.read(leader, 65536):
            held.write(data)
    assert process.wait(HANGS) in (0, 3)
    os.close(leader)
    assert b"patient name" in capture.read_bytes()
    world.clean()


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.rpartition(":")[2])
def test_a_crash_in_any_stage_tells_nothing(world: World, stage: str) -> None:
    """The exception's text holds all that the function was handed."""
    number = len(list(world.work.glob("*.stdout")))
    out = f"crash-{number}"
    scope = "scope.toml"
    if stage in LISTED:
        scope = "profile.toml"
        deeper = (world.work / "scope.toml").read_text()
        (world.work / scope).write_text(deeper.replace('depth = "prove"', 'depth = "profile"'))
    world.run("survey", scope, world.at(STAGES[stage]), "--out", out, fail=stage, core="pure")
    kept = [pq.read_table(path).to_pylist() for path in (world.work / out).rglob("*.parquet")]
    said = (world.work / f"{number}.stderr").read_text()
    assert "RuntimeError" in said or "RuntimeError" in str(kept), "the stage was not reached"
    world.clean()


@pytest.mark.parametrize(
    "stage",
    [
        "",
        "filmbadge.ask.personal.inspector:ValueInspector.take",
        "filmbadge.ask.wire.dialer:_Line._hand_over",
        "filmbadge.survey.crew:examine",
    ],
)
def test_workers_that_share_a_survey_tell_nothing(world: World, stage: str) -> None:
    """Each looks inside records in a process of its own, and reports. One that fails says where, and not what it held."""
    out = f"shared-{len(list(world.work.glob('shared-*')))}"
    world.run("survey", "scope.toml", world.target, "--out", out, "--workers", "2", fail=stage, core="pure")
    assert (world.work / out / "leases.sqlite").exists()
    world.clean()


def test_every_module_that_asks_is_crashed_or_said_to_be_blind() -> None:
    rooms = (filmbadge.ask, filmbadge.identifiers)
    modules = [one for room in rooms for one in pkgutil.walk_packages(room.__path__, f"{room.__name__}.")]
    found = {module.name for module in modules}
    packages = {module.name for module in modules if module.ispkg}
    packages -= {"filmbadge.ask.decoder"}  # it holds code of its own
    crashed = set()
    for stage in STAGES:
        module, _, path = stage.partition(":")
        target: Any = importlib.import_module(module)
        for name in path.split("."):
            target = getattr(target, name)
        crashed |= {module, target.__module__} - {compiled.__name__}  # what is compiled is crashed where it is called
    assert (
        found - packages
        == {name for name in crashed if name.startswith(("filmbadge.ask.", "filmbadge.identifiers."))}
        | BLIND
        | ELSEWHERE
    )
    assert not crashed & (BLIND | ELSEWHERE)


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGABRT, signal.SIGTERM])
def test_a_process_that_dies_while_it_looks_leaves_nothing(world: World, ending: signal.Signals) -> None:
    world.reached.clear()
    world.release.clear()
    name = f"killed-{ending}"
    with (world.work / f"{name}.out").open("wb") as out:
        process = subprocess.Popen(
            world.command("survey", "scope.toml", f"127.0.0.1:{world.scripted.port}", "--out", name, "--json"),
            cwd=world.work, env=world.environment(), stdout=out, stderr=out, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert world.reached.wait(HANGS)
        limits = Path(f"/proc/{process.pid}/limits").read_text()
        assert re.search(r"Max core file size +1 ", limits)  # one byte: no file, and no pipe to a program
        process.send_signal(ending)
        if ending is signal.SIGTERM:
            world.release.set()  # it takes its leave, and an archive that does not hear it is waited for
        process.wait(HANGS)
        world.release.set()
    assert not list(world.work.glob("core*"))
    world.clean()
