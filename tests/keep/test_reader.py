"""What was kept comes back, adds up honestly, and opens nothing else."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import duckdb
import msgspec
import pytest

from filmbadge.judge.archives import judge
from filmbadge.keep import manifest
from filmbadge.keep.reader import Dataset, NotASurvey, read_manifest
from filmbadge.keep.schema import ARCHIVES, ENDPOINTS, JOURNAL, OBSERVATIONS, TABLES, VERSION, Table, markdown
from filmbadge.keep.writer import Writer
from filmbadge.model import (
    Census,
    CountedBy,
    Decoy,
    DimseFacts,
    Doubt,
    DoubtCode,
    Fingerprint,
    FingerprintKind,
    Host,
    Observation,
    OrthancFacts,
    Outcome,
    OutcomeKind,
    PageFacts,
    Provenance,
    Rejection,
    Review,
    TlsFacts,
    Total,
)
from support import factories
from support.factories import (
    ADDRESS,
    AT,
    DISCLOSED,
    EMPTY,
    REPORTED,
    admitted,
    connection,
    dimse,
    host,
    look_up,
    part,
    survey,
    web,
)

COUNTED = Census(True, rows=10, studies=10, series=20, images=100, images_known_for=10, method=CountedBy.COUNT_KEYS)
CUT = Census(False, rows=4, studies=4, doubts=(Doubt(DoubtCode.STATUS, {"status": 0xFE00}),))


def reported(address: str, facts: OrthancFacts = REPORTED) -> Host:
    return host(address, dimse(admitted(DISCLOSED)), web(facts))


def counted(address: str, census: Census | None = COUNTED) -> Host:
    return host(address, dimse(admitted(DISCLOSED, census)))


def kept(directory: Path, *hosts: Host) -> Dataset:
    directory.mkdir(exist_ok=True)
    survey(directory)
    writer = Writer(directory)
    for one in hosts:
        writer.journal(connection(one.address))
        writer.host(one, one.address)
    writer.close()
    return Dataset(directory)


def totals(dataset: Dataset) -> dict[str, Total]:
    return {total.quantity: total for total in dataset.totals()}


def test_a_round_trip(tmp_path: Path) -> None:
    seen = reported(ADDRESS)
    dataset = kept(tmp_path, seen)
    rows = dataset.rows("SELECT * FROM endpoints JOIN observations USING (address, port, protocol) ORDER BY port")
    assert [(row["port"], row["protocol"], row["rung"], row["open"]) for row in rows] == [
        (4242, "dimse", "discloses", True),
        (8042, "http", "discloses", True),
    ]
    assert {row["archive"] for row in rows} == {f"{ADDRESS}:4242"}
    observed = [msgspec.json.decode(str(row["observation"]), type=Observation) for row in rows]
    assert observed == [judged.observation for judged in seen.judged]
    (archive,) = dataset.rows("SELECT * FROM archives")
    assert archive["endpoints"] == [f"dimse://{ADDRESS}:4242", f"http://{ADDRESS}:8042"]
    assert (archive["studies"], archive["studies_how"], archive["product"]) == (35, "reported", "Orthanc")
    assert dataset.connections() == 1
    assert dataset.outcomes() == {"discloses": 2}


def test_look_ups_are_no_connections(tmp_path: Path) -> None:
    survey(tmp_path)
    writer = Writer(tmp_path)
    last = AT + timedelta(minutes=1)
    writer.journal(look_up(last))
    writer.journal(connection())
    writer.close()
    dataset = Dataset(tmp_path)
    assert (dataset.connections(), dataset.lookups(), dataset.last_asked()) == (1, 1, last)
    assert dataset.rows("SELECT sent, received FROM journal WHERE port IS NULL") == [{"sent": None, "received": None}]


def test_times_come_back(tmp_path: Path) -> None:
    dataset = kept(tmp_path, reported(ADDRESS))
    when = AT.replace(tzinfo=None)  # UTC
    assert dataset.rows("SELECT started_at FROM journal") == [{"started_at": when}]
    assert dataset.rows("SELECT DISTINCT asked_at FROM endpoints") == [{"asked_at": when}]


def test_what_could_not_be_found_out_is_an_outcome_of_its_own(tmp_path: Path) -> None:
    failed = host("192.0.2.9", dimse(None, stop=Outcome(OutcomeKind.OWN_ERROR, error="KeyError")))
    closed = host("192.0.2.8", dimse(DimseFacts(called="ANY-SCP"), stop=Outcome(OutcomeKind.REFUSED)))
    dataset = kept(tmp_path, failed, closed)
    assert dataset.outcomes() == {"unknown": 1, "silent": 1}
    assert dataset.rows("SELECT rung, open FROM endpoints WHERE address = ?", "192.0.2.9") == [
        {"rung": None, "open": None}
    ]


def test_a_host_of_which_only_a_fault_is_known_is_unknown_and_asked_again(tmp_path: Path) -> None:
    survey(tmp_path)
    writer = Writer(tmp_path)
    for address, fault in ((ADDRESS, None), ("192.0.2.9", Outcome(OutcomeKind.OWN_ERROR, error="KeyError"))):
        writer.host(judge(address, [dimse(admitted(EMPTY))] if fault is None else [], fault=fault), address)
    writer.close()
    dataset = Dataset(tmp_path)
    assert dataset.outcomes() == {"unknown": 1, "answers": 1}
    assert (set(dataset.done()), dataset.asked()) == ({ADDRESS}, {ADDRESS, "192.0.2.9"})
    (row,) = dataset.rows("SELECT port, protocol, why, stop FROM endpoints WHERE address = '192.0.2.9'")
    assert row == {"port": None, "protocol": None, "why": "own-error", "stop": row["stop"]}
    assert msgspec.json.decode(str(row["stop"]), type=Outcome) == Outcome(OutcomeKind.OWN_ERROR, error="KeyError")


def test_totals_keep_origins_apart(tmp_path: Path) -> None:
    found = totals(kept(tmp_path, reported("192.0.2.1"), reported("198.51.100.2"), counted("203.0.113.3")))
    assert (found["archives"].measured, found["archives_open"].measured) == (3, 3)
    assert found["studies"].measured == 80
    assert found["studies"].how is Provenance.MIXED
    assert found["studies"].parts == {"reported": 70, "counted": 10}


def test_totals_of_one_origin(tmp_path: Path) -> None:
    found = totals(kept(tmp_path, reported("192.0.2.1")))
    assert found["images"] == Total("images", 700, Provenance.REPORTED)


def test_totals_never_add_unknown_as_zero(tmp_path: Path) -> None:
    found = totals(kept(tmp_path, reported("192.0.2.1"), counted("192.0.2.2", CUT), counted("192.0.2.3", None)))
    studies = found["studies"]
    assert (studies.measured, studies.how, studies.unknown_archives) == (None, "unknown", 2)
    assert studies.at_least == 35 + 4
    assert studies.parts == {"reported": 35}
    assert studies.doubts
    assert found["patients"].measured is None


def test_totals_are_of_open_archives(tmp_path: Path) -> None:
    closed = host("192.0.2.2", dimse(DimseFacts(called="ANY-SCP", valid_pdu=True, rejection=Rejection(1, 1, 7))))
    found = totals(kept(tmp_path, reported("192.0.2.1"), closed))
    assert (found["archives"].measured, found["archives_open"].measured, found["studies"].measured) == (2, 1, 35)


def test_an_archive_that_two_targets_lead_to_is_counted_once(tmp_path: Path) -> None:
    survey(tmp_path)
    writer = Writer(tmp_path)
    writer.host(reported("192.0.2.1"), "192.0.2.1")
    writer.host(reported("192.0.2.1"), "pacs.example")
    writer.flush()
    found = totals(Dataset(tmp_path))
    assert (found["archives_open"].measured, found["studies"].measured) == (1, 35)


def reviewed(directory: Path, *reviews: Review) -> Dataset:
    writer = Writer(directory)
    writer.reviews(reviews)
    writer.close()
    return Dataset(directory)


def test_archives_that_are_one_count_once_with_all_their_endpoints(tmp_path: Path) -> None:
    kept(tmp_path, reported("192.0.2.1"), counted("192.0.2.2"), counted("192.0.2.3"))
    dataset = reviewed(tmp_path, Review("192.0.2.2:4242", "192.0.2.1:4242"))
    found = totals(dataset)
    assert (found["archives"].measured, found["archives_open"].measured) == (2, 2)
    assert found["studies"].parts == {"reported": 35, "counted": 10}
    (one,) = dataset.rows("SELECT endpoints FROM archives WHERE id = '192.0.2.1:4242'")
    assert one["endpoints"] == ["dimse://192.0.2.1:4242", "http://192.0.2.1:8042", "dimse://192.0.2.2:4242"]
    assert {row["archive"] for row in dataset.rows("SELECT archive FROM endpoints WHERE address <> '192.0.2.3'")} == {
        "192.0.2.1:4242"
    }
    again = reviewed(tmp_path, Review("192.0.2.2:4242", "192.0.2.3:4242"))  # the last word holds
    assert totals(again)["studies"].parts == {"reported": 35, "counted": 10}
    assert again.rows("SELECT count(*) n FROM archives") == [{"n": 2}]


def test_decoys_have_a_line_of_their_own(tmp_path: Path) -> None:
    bait = host("192.0.2.9", dimse(msgspec.structs.replace(admitted(DISCLOSED, COUNTED), max_pdu=4 << 20)))
    kept(tmp_path, reported("192.0.2.1"), counted("192.0.2.2"), bait)
    dataset = reviewed(tmp_path, Review("192.0.2.2:4242", decoy=(Decoy.CLUSTER,)))
    found = totals(dataset)
    assert (found["archives"].measured, found["archives_open"].measured, found["decoys"].measured) == (1, 1, 2)
    assert found["studies"] == Total("studies", 35, Provenance.REPORTED)
    assert dataset.rows("SELECT id, decoy FROM archives WHERE len(decoy) > 0 ORDER BY id") == [
        {"id": "192.0.2.2:4242", "decoy": ["identical-copies"]},
        {"id": "192.0.2.9:4242", "decoy": ["honeypot-software"]},
    ]


def test_counters_without_measure_do_not_break_the_survey(tmp_path: Path) -> None:
    """1,100 decoys, each with the largest counter that a probe accepts."""
    liar = factories.reported(images=2**53 - 1)
    found = totals(kept(tmp_path, *(reported(f"198.{n // 200}.{n % 200}.1", liar) for n in range(1100))))
    assert found["images"].measured == 1100 * (2**53 - 1)


def test_what_is_not_measured_says_so(tmp_path: Path) -> None:
    found = totals(kept(tmp_path))
    assert (found["images_retrievable"].measured, found["images_retrievable"].how) == (None, "unknown")
    assert found["images_retrievable"].doubts
    assert found["archives"].measured == 0


def test_viewers_are_counted_where_a_stranger_is_shown_a_page_in_plain_http(tmp_path: Path) -> None:
    def page(address: str, login: bool | None = False, *, tls: bool = False) -> Host:
        seen = msgspec.structs.replace(
            web(PageFacts(404, 200, viewer="Oviyam", login=login)),
            signs=(Fingerprint("Oviyam", FingerprintKind.PAGE),),
            tls=TlsFacts("TLSv1.3") if tls else None,
        )
        return host(address, seen)

    shown = (page("192.0.2.1"), page("192.0.2.4", tls=True), reported("192.0.2.5"))
    found = totals(kept(tmp_path / "shown", *shown))
    assert (found["http_viewers"].measured, found["http_viewers"].how) == (1, "counted")
    assert found["archives_open"].measured is None, "nobody knows what is behind the pages"
    login = (page("192.0.2.2", True), page("192.0.2.3", None))
    found = totals(kept(tmp_path / "login", *shown, *login))
    assert (found["http_viewers"].measured, found["http_viewers"].at_least) == (None, 1)
    assert found["http_viewers"].doubts == (Doubt(DoubtCode.HOSTS_UNDECIDED, {"hosts": 2}),), (
        "another page may be shown"
    )
    assert found["archives"].measured == 5


@pytest.mark.parametrize("damage", [b"", b"PAR1 this is not a table PAR1", None])
def test_a_damaged_part_is_not_a_survey(tmp_path: Path, damage: bytes | None) -> None:
    kept(tmp_path, reported(ADDRESS))
    for table in (OBSERVATIONS, ENDPOINTS, JOURNAL):
        path = part(tmp_path, table, 1)
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2] if damage is None else damage)
        with pytest.raises(NotASurvey) as caught:
            Dataset(tmp_path).rows(f"SELECT * FROM {table.name}")
        assert "\n" not in str(caught.value)
        path.write_bytes(whole)


@pytest.mark.parametrize("table", [OBSERVATIONS, ENDPOINTS, ARCHIVES, JOURNAL])
def test_parts_that_were_lost_are_not_told_as_zero(tmp_path: Path, table: Table) -> None:
    dataset = kept(tmp_path, reported(ADDRESS))
    dataset.require_whole()
    ended = msgspec.structs.replace(dataset.manifest, state="done", kept=dataset.counts(judged=False))
    manifest.write(tmp_path, ended)
    Dataset(tmp_path).require_whole()
    part(tmp_path, table, 1).unlink()
    with pytest.raises(NotASurvey, match="missing"):
        Dataset(tmp_path).require_whole()


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"",
        b"\xff\xfe",
        b'{"version": "\xff"}',
        b"[]",
        b"{}",
        b'{"schema": "filmbadge.report/1"}',
        b'{"foreign": ' + b"[" * 100_000,
    ],
    ids=["missing", "empty", "binary", "not UTF-8", "list", "object", "another document", "deep"],
)
def test_a_foreign_folder_is_not_a_survey(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / manifest.NAME).write_bytes(content)
    with pytest.raises(NotASurvey):
        Dataset(tmp_path)


def test_a_manifest_of_another_schema_or_version_is_refused(tmp_path: Path) -> None:
    survey(tmp_path, dataset=VERSION + 1)
    with pytest.raises(NotASurvey, match=f"version {VERSION + 1}"):
        Dataset(tmp_path)
    survey(tmp_path)
    path = tmp_path / manifest.NAME
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema": "filmbadge.survey/9"}))
    with pytest.raises(NotASurvey):
        Dataset(tmp_path)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("")
    with pytest.raises(NotASurvey):
        Dataset(path)


def test_the_manifest_round_trips(tmp_path: Path) -> None:
    assert survey(tmp_path) == msgspec.structs.replace(read_manifest(tmp_path), sha256="")
    assert not list(tmp_path.rglob("*.tmp"))


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('/etc/hostname')",
        "SELECT * FROM read_text('/etc/hostname')",
        "SELECT * FROM '/etc/hostname'",
        "SELECT * FROM read_parquet('{here}/observations/*.parquet')",
        "COPY endpoints TO '{here}/copy.csv'",
        "ATTACH '{here}/other.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "SET lock_configuration = false",
    ],
)
def test_sql_reaches_no_other_file(tmp_path: Path, sql: str) -> None:
    dataset = kept(tmp_path, reported(ADDRESS))
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises((duckdb.Error, NotASurvey)):
        dataset.rows(sql.format(here=tmp_path))
    assert sorted(tmp_path.rglob("*")) == before
    assert dataset.connections() == 1


def test_every_column_is_documented() -> None:
    for table in TABLES:
        assert all(column.doc for column in table.columns)
        assert f"{table.name}/`\n" in markdown()
