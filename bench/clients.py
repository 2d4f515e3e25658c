"""The Python clients, each run in a process of its own: `clients.py WHAT PORT SIZE`. Says how it went as JSON.

Only the client that is asked for is imported; odil's runs under the system's Python.
"""

from __future__ import annotations

import asyncio
import gc
import json
import resource
import socket
import struct
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hospital
import replay

if TYPE_CHECKING:
    from filmbadge.model import Depth, JournalRow, Profile
    from filmbadge.scope import Scope

Told = dict[str, Any]

FIRST_HOST = int(IPv4Address("127.1.0.1"))
AT_ONCE, MANY_AT_ONCE = 500, 2000
THREADS = 16


def hosts(size: int) -> Iterator[IPv4Address]:
    return (IPv4Address(FIRST_HOST + n) for n in range(size))


# Census: against the replay archive


def discard(port: int, records: int) -> Told:
    """The limit: the same bytes, received and not looked at."""
    stream = records * replay.RECORD + replay.final_size()
    query = _find_request()
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        line.sendall(_associate_request())
        line.recv(65536)
        line.sendall(query)
        room = bytearray(1 << 20)
        left = stream
        while left > 0:
            got = line.recv_into(room)
            if not got:
                raise SystemExit("the stream ended early")
            left -= got
        line.sendall(struct.pack(">BxI4x", 5, 4))
        line.recv(10)
    return {"records": records}


def census(port: int, _records: int) -> Told:
    """What a census reads with: the dialer, an association, the decoder and a tally, for one question."""
    import uvloop

    from filmbadge.ask.decoder import Tally, elements
    from filmbadge.ask.dimse.association import Association, Operations, Query
    from filmbadge.ask.wire.dialer import Dialer
    from filmbadge.catalogue.dicom import STUDY_ROOT_FIND
    from filmbadge.model import Depth, OutcomeKind

    keys = ((elements.QUERY_LEVEL, b"STUDY"), (elements.STUDY_UID, b""))
    keys += ((elements.SERIES_IN_STUDY, b""), (elements.IMAGES_IN_STUDY, b""))
    rows: list[JournalRow] = []
    dialer = Dialer(_scope(Depth.COUNT, port), rows.append)
    tally, answers = Tally(dialer.key), []

    def script(_: Association) -> Operations:
        answers.append((yield Query(STUDY_ROOT_FIND, keys, tally)))

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        talk = Association("ANY-SCP", script)
        row = runner.run(dialer.dial(IPv4Address("127.0.0.1"), port, talk, question="bench"))
    if row.stop.ending is not OutcomeKind.COMPLETED or [answer.status for answer in answers] != [0]:
        raise SystemExit(f"the question was not answered: {row}")
    return {
        "records": tally.rows,
        "queries": len(answers),
        "truth": {"studies": tally.distinct, "series": tally.series, "images": tally.images},
    }


def whole_census(port: int, _studies: int) -> Told:
    """Filmbadge as a user runs it: its census, over its dialer, under a scope that does not hold it back."""
    from filmbadge.ask.dimse import census
    from filmbadge.model import Depth

    found, told = _whole(port, Depth.COUNT, census.count)
    counted = found.census
    truth = {"studies": counted.studies, "series": counted.series, "images": counted.images}
    return told | {"queries": counted.queries, "truth": truth}


def whole_profile(port: int, _studies: int) -> Told:
    """The same for a profile, without a census before it."""
    from filmbadge.ask.dimse import profile
    from filmbadge.model import Depth

    found, told = _whole(port, Depth.PROFILE, profile.profile)
    return _profiled(found.profile) | told


def _whole(port: int, depth: Depth, work: Any) -> tuple[Any, Told]:
    import common

    from filmbadge.ask.dimse import identify
    from filmbadge.ask.wire.contact import Contact
    from filmbadge.ask.wire.dialer import Dialer
    from filmbadge.model import DimseFacts

    rows: list[JournalRow] = []
    dialer = Dialer(_scope(depth, port), rows.append)
    told: Told = {"rss_before_mb": common.rss_mb()}

    async def worked() -> Any:
        there = Contact(dialer, IPv4Address("127.0.0.1"))
        seen = await identify.ask(there, port, depth)
        began = time.perf_counter()
        asked = seen.get(DimseFacts)
        done = (await work(there, seen, asked)).seen.get(DimseFacts) if asked else None
        if done is None or not (done.census or done.profile):
            raise SystemExit(f"nothing was learned: {rows[-1]}")
        told["seconds"] = time.perf_counter() - began
        told["records"] = sum(row.received for row in rows) // replay.RECORD  # of each row that came
        return done

    return _loop(worked()), told


class OneQuestion:
    """In place of a plan in windows: one question for all studies."""

    failed, doubts = False, ()

    def run(self, source: Any) -> Iterator[Any]:
        from filmbadge.ask.census.windows import Window

        yield from source.ask(Window())


def profile(port: int, _records: int) -> Told:
    """What a profile reads with: the dialer, an association and `look_through`, with one question for all studies.

    The questions about single studies that are drawn by lot follow it.
    """
    from filmbadge.ask.dimse.association import Association
    from filmbadge.ask.dimse.profile import look_through
    from filmbadge.ask.personal.progress import ProfileProgress
    from filmbadge.ask.wire.dialer import Dialer
    from filmbadge.catalogue.dicom import STUDY_ROOT_FIND
    from filmbadge.model import Depth, OutcomeKind

    rows: list[JournalRow] = []
    dialer = Dialer(_scope(Depth.PROFILE, port), rows.append)
    notes = ProfileProgress(dialer.key)
    talk = Association("ANY-SCP", lambda _: look_through(STUDY_ROOT_FIND, notes, None, OneQuestion))  # type: ignore[arg-type]
    row = _loop(dialer.dial(IPv4Address("127.0.0.1"), port, talk, question="bench"))
    found = notes.profile()
    if row.stop.ending is not OutcomeKind.COMPLETED or not found.complete:
        raise SystemExit(f"the questions were not answered: {row}, {found.doubts}")
    return _profiled(found)


def _profiled(found: Profile) -> Told:
    """A profile in the words of `hospital.truth`."""
    from filmbadge.catalogue.kinds import KIND, Asked, asked
    from filmbadge.model import Kind

    schemes = {(one.scheme, one.kind): one for one in found.schemes}
    ssn = schemes.get(("us.ssn", Kind.PATIENT_ID))
    truth = {
        "studies": found.records,
        "patients": found.patients,
        "without id": found.without_id,
        "with an SSN": ssn.records if ssn else 0,
        "with an SSN in dashes": ssn.records_dashed if ssn else 0,
    }
    with_all = {KIND[tag] for tag in asked(Asked.WITH_ALL)}
    listed = [kind for kind in found.kinds if kind.kind in with_all]
    truth |= {f"filled {one.kind}": one.filled for one in listed}
    truth |= {f"malformed {one.kind}": one.malformed for one in listed if one.malformed}
    return {"records": found.records, "queries": found.queries, "truth": truth}


def qido_census(port: int, _studies: int) -> Told:
    from filmbadge.model import Depth

    return _qido(port, Depth.COUNT)


def qido_profile(port: int, _studies: int) -> Told:
    from filmbadge.model import Depth

    return _qido(port, Depth.PROFILE)


def _qido(port: int, depth: Depth) -> Told:
    """Filmbadge as a user runs it, over QIDO-RS, under a scope that does not hold it back and lets a census ask."""
    from filmbadge.ask import web
    from filmbadge.ask.dicomweb import profile
    from filmbadge.ask.wire.contact import Contact
    from filmbadge.ask.wire.dialer import Dialer
    from filmbadge.model import DicomWebFacts

    rows: list[JournalRow] = []
    dialer = Dialer(_scope(depth, port), rows.append)

    async def counted() -> Told:
        there = Contact(dialer, IPv4Address("127.0.0.1"))
        seen = await web.visit(there, port, depth)
        began = time.perf_counter()
        asked = seen.get(DicomWebFacts)
        done = (await profile.count(there, seen, asked)).seen.get(DicomWebFacts) if asked else None
        seconds = time.perf_counter() - began
        if done is None or done.census is None or not done.census.complete:
            raise SystemExit(f"no census was made: {rows[-1]}, {done}")
        found = done.census
        truth = {"studies": found.studies, "series": found.series, "images": found.images}
        if done.profile is None:
            return {"records": found.rows, "queries": found.queries, "seconds": seconds, "truth": truth}
        looked = _profiled(done.profile)
        return looked | {"records": found.rows, "seconds": seconds, "truth": truth | looked["truth"]}

    told: Told = _loop(counted())
    return told


# Where the time of a record goes: in this process, without a socket


def parts(_port: int, records: int) -> Told:
    """Microseconds that a record takes, by what rows hold: each variant adds something to the one before."""
    from filmbadge.ask.decoder import Tally
    from filmbadge.ask.key import RunKey

    tally = Tally(RunKey())
    spent = _feed(tally, lambda: tally.distinct, 0, records)
    first = min(INSPECTED, 5 * records)  # of a few records all are inspected
    told = {"the census: it reads the UID and the counts, and keeps a hash of the UID": spent}
    for what, give, size in (
        ("the profile of rows with no attribute of a patient", _nobody, records),
        ("the same rows with record numbers: patients are counted", _numbered, records),
        ("the same rows with social security numbers: ids are tested", _ided, records),
        ("all attributes: what is filled and malformed is noted", _somebody, records),
        ("all attributes, with a letter outside ASCII in each name", _abroad, records // 10),
    ):
        told[what] = _feed(*_looking(), first, size, give)
    told[f"each of the first {first:,} records"] = _feed(*_looking(), 0, first)
    return {"parts": told}


INSPECTED = 5000  # records at the beginning of an archive, of which ours looks at everything


def _looking() -> tuple[Any, Callable[[], int]]:
    """The record of the question for all studies, as `look_through` asks it, and how many studies it has counted."""
    from filmbadge.ask.dimse.profile import look_through
    from filmbadge.ask.key import RunKey
    from filmbadge.ask.personal.progress import ProfileProgress
    from filmbadge.catalogue.dicom import STUDY_ROOT_FIND

    notes = ProfileProgress(RunKey())
    script: Any = look_through(STUDY_ROOT_FIND, notes, None, OneQuestion)  # type: ignore[arg-type]
    return next(script).record, lambda: notes.records


def _somebody(study: int) -> list[hospital.Element]:
    return hospital.elements(study, hospital.SSN)


def _nobody(study: int) -> list[hospital.Element]:
    return [(tag, vr, "" if tag in _PERSONAL else text) for tag, vr, text in _somebody(study)]


_PERSONAL = (
    hospital.STUDY_DATE,
    hospital.REFERRER,
    hospital.NAME,
    hospital.PATIENT_ID,
    hospital.BIRTH_DATE,
    hospital.SEX,
)


def _ided(study: int) -> list[hospital.Element]:
    ids = {tag: text for tag, _, text in _somebody(study) if tag == hospital.PATIENT_ID}
    return [(tag, vr, ids.get(tag, text)) for tag, vr, text in _nobody(study)]


def _numbered(study: int) -> list[hospital.Element]:
    """Eight digits of each id: no social security number has so few."""
    ids = {tag: str(text).replace("-", "")[-8:] for tag, _, text in _ided(study) if tag == hospital.PATIENT_ID}
    return [(tag, vr, ids.get(tag, text)) for tag, vr, text in _nobody(study)]


def _abroad(study: int) -> list[hospital.Element]:
    return [
        (tag, vr, f"\xd6{text[1:]}" if tag == hospital.NAME and text else text) for tag, vr, text in _somebody(study)
    ]


def _feed(record: Any, counted: Callable[[], int], before: int, records: int, give: hospital.Give = _somebody) -> float:
    """Microseconds a record, of so many after the first ones. It means nothing unless each was counted."""
    from filmbadge.ask.decoder import Reader

    reader, spent = Reader([1]), 0.0
    reader.mode = Reader.READ
    reader.expect(1, True, record)
    made = replay.Responses(give, before + records, explicit=True)
    for timed, rows in ((False, range(before)), (True, range(before, before + records))):
        for piece in made.stream(rows, None, 1, replay.STUDY_ROOT_FIND, 1):
            started = time.process_time()  # what else the machine does counts less so
            taken = reader.feed(piece)
            spent += time.process_time() - started if timed else 0.0
            assert taken == len(piece) and reader.event is None
    if counted() != before + records:
        raise SystemExit(f"{counted()} records were counted, of {before + records}")
    return 1e6 * spent / records


def entries(_port: int, size: int) -> Told:
    """Memory that a tally alone takes for each distinct study, when it holds this many."""
    import common

    from filmbadge.ask.decoder import Tally
    from filmbadge.ask.key import RunKey

    tally, before = Tally(RunKey()), common.rss_mb()
    for number in range(size):
        tally.count(b"1.2.840.%012d" % number)
    assert tally.distinct == size
    return {"bytes": (common.rss_mb() - before) * (1 << 20) / size}


def pynetdicom_find(port: int, _records: int) -> Told:
    from pydicom.dataset import Dataset
    from pynetdicom import AE
    from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind as Find

    ae = AE()
    ae.add_requested_context(Find)
    association = ae.associate("127.0.0.1", port)
    if not association.is_established:
        raise SystemExit("no association")
    query = Dataset()
    query.QueryRetrieveLevel = "STUDY"
    query.StudyInstanceUID = query.NumberOfStudyRelatedSeries = query.NumberOfStudyRelatedInstances = ""
    records = sum(status.Status in (0xFF00, 0xFF01) for status, _ in association.send_c_find(query, Find))
    association.release()
    return {"records": records}


def pynetdicom_profile(port: int, _records: int) -> Told:
    """The same questions of each record as a profile's, with libraries: what is filled, whose it is, is the id an SSN."""
    from pydicom.dataset import Dataset
    from pynetdicom import AE
    from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind as Find
    from stdnum.us import ssn

    ae = AE()
    ae.add_requested_context(Find)
    association = ae.associate("127.0.0.1", port)
    if not association.is_established:
        raise SystemExit("no association")
    kinds = {"StudyDate": "exam_date", "ReferringPhysicianName": "referring_physician", "PatientName": "patient_name"}
    kinds |= {"PatientID": "patient_id", "PatientBirthDate": "birth_date", "PatientSex": "sex"}
    query = Dataset()
    query.QueryRetrieveLevel = "STUDY"
    query.StudyInstanceUID = ""
    for keyword in kinds:
        setattr(query, keyword, "")
    studies, patients, found = set[str](), set[str](), Counter[str]()
    for status, held in association.send_c_find(query, Find):
        if status.Status not in (0xFF00, 0xFF01) or held is None or held.StudyInstanceUID in studies:
            continue
        studies.add(held.StudyInstanceUID)
        patients.add(held.PatientID)
        found.update(f"filled {kind}" for keyword, kind in kinds.items() if getattr(held, keyword, ""))
        found["without id"] += not held.PatientID
        found["with an SSN"] += ssn.is_valid(held.PatientID)
    association.release()
    truth = {"studies": len(studies), "patients": len(patients - {""})} | found
    return {"records": len(studies), "queries": 1, "truth": truth}


def odil_find(port: int, _records: int) -> Told:
    import odil

    model = odil.registry.StudyRootQueryRetrieveInformationModelFind
    context = odil.AssociationParameters.PresentationContext
    association = odil.Association()
    association.set_peer_host("127.0.0.1")
    association.set_peer_port(port)
    syntaxes = [odil.registry.ExplicitVRLittleEndian, odil.registry.ImplicitVRLittleEndian]
    parameters = association.update_parameters()
    parameters.set_calling_ae_title("BENCH").set_called_ae_title("ANY-SCP")
    parameters.set_presentation_contexts([context(model, syntaxes, context.Role.SCU)])
    association.associate()
    query = odil.DataSet()
    query.add("QueryRetrieveLevel", ["STUDY"])
    for key in ("StudyInstanceUID", "NumberOfStudyRelatedSeries", "NumberOfStudyRelatedInstances"):
        query.add(key)
    records = 0

    def count(_: object) -> None:
        nonlocal records
        records += 1

    find = odil.FindSCU(association)
    find.set_affected_sop_class(model)
    find.find(query, count)
    association.release()
    return {"records": records}


def _item(kind: int, body: bytes) -> bytes:
    return struct.pack(">BxH", kind, len(body)) + body


def _associate_request() -> bytes:
    names = _item(0x30, replay.STUDY_ROOT_FIND) + _item(0x40, replay.EXPLICIT) + _item(0x40, replay.IMPLICIT)
    context = _item(0x20, bytes([1, 0, 0, 0]) + names)
    user = _item(0x50, _item(0x51, struct.pack(">I", 1 << 17)))
    titles = b"ANY-SCP".ljust(16) + b"BENCH".ljust(16)
    body = struct.pack(">H2x", 1) + titles + bytes(32) + _item(0x10, b"1.2.840.10008.3.1.1.1") + context + user
    return struct.pack(">BxI", 1, len(body)) + body


def _find_request() -> bytes:
    uid = replay.STUDY_ROOT_FIND + b"\0"
    values = [(2, uid), (0x100, b"\x20\0"), (0x110, b"\1\0"), (0x700, b"\2\0"), (0x800, b"\1\0")]
    body = b"".join(struct.pack("<HHI", 0, tag, len(value)) + value for tag, value in values)
    command = struct.pack("<HHII", 0, 0, 4, len(body)) + body
    identifier = struct.pack("<HH2sH6s", 0x0008, 0x0052, b"CS", 6, b"STUDY ")
    return replay.p_data(1, 3, command) + replay.p_data(1, 2, identifier)


# Identify: against `peer serve`


def ask_many(port: int, size: int) -> Told:
    """For the memory that it takes: what is open at once counts, and what is done must not."""
    return ask(port, size, MANY_AT_ONCE)


def ask(port: int, size: int, at_once: int = AT_ONCE) -> Told:
    """The dialer and the probe at depth `ask`."""
    from filmbadge.ask.dimse import identify
    from filmbadge.ask.wire.contact import Contact
    from filmbadge.ask.wire.dialer import Dialer
    from filmbadge.model import Depth, DimseFacts, OutcomeKind

    dialer = Dialer(_scope(Depth.ASK, port), lambda _: None)
    pending = hosts(size)
    matched = 0

    async def work() -> None:
        nonlocal matched
        for address in pending:
            seen = await identify.ask(Contact(dialer, address), port, Depth.ASK)
            facts = seen.get(DimseFacts)
            good = facts is not None and facts.echo == 0 and sum(find.matches for find in facts.finds)
            matched += bool(good and seen.stop.ending is OutcomeKind.COMPLETED)

    async def everything() -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(at_once, size)):
                group.create_task(work())

    return _timed(lambda: _loop(everything()), lambda: matched)


def survey(port: int, size: int) -> Told:
    """A whole survey of one port: asked, judged, and kept in Parquet tables."""
    return _survey(port, size, (port,))


def survey_in_pairs(port: int, size: int) -> Told:
    """The same of so many endpoints: each host has an archive at one port, and refuses another."""
    return _survey(port, size // 2, (port, port + 1))


def _survey(port: int, size: int, ports: tuple[int, ...]) -> Told:
    from filmbadge.ask.targets.lists import Target, Targets
    from filmbadge.model import Depth, Host
    from filmbadge.survey.engine import Survey

    matched = 0

    class Watcher:
        def host_done(self, host: Host) -> None:
            nonlocal matched
            matched += any(archive.open for archive in host.archives)

    with tempfile.TemporaryDirectory() as folder:
        targets = Targets(tuple(Target(address, ports) for address in hosts(size)))
        plan = Survey(_scope(Depth.ASK, port), targets, ("bench",), Path(folder) / "survey")
        return _timed(lambda: _loop(plan.run(Watcher())), lambda: matched)


def pynetdicom_ask(port: int, size: int) -> Told:
    from pydicom.dataset import Dataset
    from pynetdicom import AE
    from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind as Find
    from pynetdicom.sop_class import Verification

    pending, lock, matched = hosts(size), threading.Lock(), 0
    query = Dataset()
    query.QueryRetrieveLevel, query.StudyInstanceUID = "STUDY", ""

    def work() -> None:
        nonlocal matched
        ae = AE()
        ae.add_requested_context(Verification)
        ae.add_requested_context(Find)
        while True:
            with lock:
                address = next(pending, None)
            if address is None:
                return
            association = ae.associate(str(address), port)
            if association.is_established:
                echoed = association.send_c_echo().get("Status") == 0
                matches = sum(int(status.get("Status") == 0xFF00) for status, _ in association.send_c_find(query, Find))
                association.release()
                with lock:
                    matched += bool(echoed and matches == 1)

    def everything() -> None:
        threads = [threading.Thread(target=work) for _ in range(min(THREADS, size))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    return _timed(everything, lambda: matched)


def _timed(work: Callable[[], object], matched: Callable[[], int]) -> Told:
    """Without the start of Python and its imports."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return {"seconds": time.perf_counter() - wall, "cpu_seconds": time.process_time() - cpu, "hosts": matched()}


def _loop(work: Any) -> Any:
    import uvloop

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    gc.set_threshold(100_000, 20, 100)  # as filmbadge.cli.console.run_loop does
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


def _scope(depth: Any, port: int) -> Scope:
    """All of loopback, at any pace, without a bound on bytes that a census of this size would meet."""
    from filmbadge.scope import Budget, ConnectionLimits, RateLimits, Scope

    fast = 1e9
    return Scope(
        name="bench",
        networks=(IPv4Network("127.0.0.0/8"),),
        depth=depth,
        dimse_ports=(port,),
        authority="the benchmark itself",
        basis="owner",
        qido_record=True,
        web_ports=(),
        web_tls_ports=(),
        pace=RateLimits(fast, fast, fast, AT_ONCE, archive_share=1),
        caps=ConnectionLimits(received_bytes=1 << 40),
        census=Budget(questions=100_000, received_bytes=1 << 40),
    )


CLIENTS = {
    client.__name__: client
    for client in (
        discard,
        census,
        whole_census,
        whole_profile,
        profile,
        qido_census,
        qido_profile,
        pynetdicom_profile,
        parts,
        entries,
        pynetdicom_find,
        odil_find,
        ask,
        ask_many,
        survey,
        survey_in_pairs,
        pynetdicom_ask,
    )
}


if __name__ == "__main__":
    what, port_text, size_text = sys.argv[1:]
    print(json.dumps(CLIENTS[what](int(port_text), int(size_text))))
