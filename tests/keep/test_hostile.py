"""A folder from somebody else: it is refused in one line, nothing hangs, no link is followed, and memory is bounded.

The files of these folders have right digests, and pass for those of an older version: who is hostile can do that.
"""

from __future__ import annotations

import hashlib
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from filmbadge.cli import run
from filmbadge.conclude.again import judge_again
from filmbadge.keep import contents, files, manifest, pages
from filmbadge.keep.files import Damaged
from filmbadge.model import Refusal
from support.folders import finished, told, unsealed
from support.hanging import HANGS

MEMORY = 3 << 30  # address space: the libraries alone reserve one


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """It lists no parts."""
    survey = unsealed(finished(tmp_path_factory.mktemp("hostile") / "survey"))
    told(survey)
    return survey


@pytest.fixture
def survey(whole: Path, tmp_path: Path) -> Path:
    return shutil.copytree(whole, tmp_path / "survey")


@contextmanager
def bounded() -> Iterator[None]:
    """What waits for ever is interrupted."""

    def over(*_: object) -> None:
        raise AssertionError("it hangs")

    signal.signal(signal.SIGALRM, over)
    signal.alarm(HANGS)
    try:
        yield
    finally:
        signal.alarm(0)


def refused(survey: Path, name: str, *also: str) -> None:
    for ask in (told, judge_again):
        with bounded(), pytest.raises(Refusal) as caught:
            ask(survey)
        said = str(caught.value)
        assert said.isprintable()
        assert all(words in said for words in (name, *also)), said


def first(survey: Path, table: str) -> Path:
    return sorted((survey / table).glob("part-*"))[0]


def put(survey: Path, name: str, table: pa.Table, **how: object) -> Path:
    """Another part in place of the first, with a digest that is right."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, **{"compression": "zstd", **how})
    data = sink.getvalue().to_pybytes()
    path = first(survey, name)
    path.unlink()
    there = path.with_name(f"part-000001-{hashlib.sha256(data).hexdigest()[:32]}.parquet")
    there.write_bytes(data)
    return there


PLACES = ("survey.json", "judged", "judged/1", "observations", "observations/part", "journal/part")


def place(survey: Path, name: str) -> Path:
    """The file or folder that this stands for; it is taken away."""
    path = first(survey, name.partition("/")[0]) if name.endswith("/part") else survey / name
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    return path


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("made", ["fifo", "link", "loop"])
def test_what_is_no_file_and_no_folder_is_not_opened(survey: Path, tmp_path: Path, name: str, made: str) -> None:
    kept = shutil.copytree(survey, tmp_path / "kept")
    path = place(survey, name)
    if made == "fifo":
        os.mkfifo(path)
    else:
        path.symlink_to(kept / path.relative_to(survey) if made == "link" else path.name)
    if name.startswith("judged") or name == "journal/part":  # facts are judged again without them
        with bounded(), pytest.raises(Refusal, match=r"no regular file|no folder|symbolic link"):
            told(survey)
    else:
        refused(survey, path.name)


def test_the_folder_itself_is_no_link_and_no_fifo(survey: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(survey)
    os.mkfifo(tmp_path / "fifo")
    refused(tmp_path / "link", "link is a symbolic link")
    refused(tmp_path / "fifo", "fifo")


def test_a_folder_with_the_name_of_a_part_is_named(survey: Path) -> None:
    path = place(survey, "observations/part")
    path.mkdir()
    refused(survey, path.name, "no regular file")


@pytest.mark.parametrize("name", ["survey.json", "observations/part", "judged/1/judged.json"])
def test_a_file_of_10_gb_is_not_read(survey: Path, name: str) -> None:
    path = first(survey, "observations") if name.endswith("/part") else survey / name
    os.truncate(path, 10 << 30)
    with bounded(), pytest.raises(Refusal, match=f"{path.name} is larger than"):
        told(survey)


def test_a_name_cannot_break_the_line(survey: Path) -> None:
    path = first(survey, "observations")
    path.rename(path.with_name("part-000001-\n\x1b[31m.parquet"))
    refused(survey, "survey")
    strange = survey.with_name("sur\nvey\x1b[31m")
    survey.rename(strange)
    refused(strange, "sur?vey?[31m")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_named(survey: Path) -> None:
    for name in ("survey.json", "observations"):
        (survey / name).chmod(0)
        refused(survey, name, "Permission denied")
        (survey / name).chmod(0o700)


def test_a_document_that_is_nested_without_end_is_refused(survey: Path) -> None:
    for deep in ("[" * 10_000, "[" * 10_000 + "]" * 10_000, '{"a":' * 10_000):
        (survey / "survey.json").write_text(f'{{"schema":"filmbadge.survey/1","dataset":3,"targets":{deep}')
        refused(survey, "survey.json")


def nulls(survey: Path, rows: int, **columns: pa.Array) -> pa.Table:
    schema = pq.read_schema(first(survey, "observations"))
    made = [columns.get(field.name, pa.nulls(rows, field.type)) for field in schema]
    return pa.table(made, names=schema.names)


def one_long_value(survey: Path) -> pa.Table:
    """Two million rows that hold one value of 100,000 letters: 200 GB."""
    index = pa.array([0] * 2_000_000, pa.int32())
    return nulls(survey, len(index), observation=pa.DictionaryArray.from_arrays(index, ["x" * 100_000]))


def long_pages(survey: Path) -> pa.Table:
    return nulls(survey, 70, observation=pa.array(["x" * 1_000_000] * 70))


def many_rows(survey: Path) -> pa.Table:
    return nulls(survey, 1_000_000)


def long_list(survey: Path) -> pa.Table:
    return nulls(survey, 1, observation=pa.array([[None] * 5_000_000], pa.list_(pa.string())))


@pytest.mark.parametrize("made", [one_long_value, long_pages, many_rows, long_list])
def test_a_part_that_expands_without_measure_is_not_decoded(
    survey: Path, made: Callable[[Path], pa.Table], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "EXPANDED_BYTES", 64 << 20)
    use = {} if made is one_long_value else {"use_dictionary": False}
    path = put(survey, "observations", made(survey), **use)
    assert path.stat().st_size < 2 << 20
    refused(survey, path.name, "memory")


def test_memory_is_bounded_where_a_part_expands(survey: Path) -> None:
    put(survey, "observations", one_long_value(survey))
    done = subprocess.run(
        [Path(sys.executable).with_name("filmbadge"), "report", survey],
        capture_output=True,
        text=True,
        timeout=HANGS,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY)),
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert "memory" in done.stderr


def test_other_columns_and_other_types_are_named(survey: Path) -> None:
    deep = pa.string()
    for _ in range(50):
        deep = pa.list_(deep)
    for table in (
        pa.table({"address": [1, 2]}),
        pa.table({"mine": ["a"]}),
        pa.table({"address": pa.nulls(1, deep)}),
        pa.table([["a"], ["b"]], names=["address", "address"]),
    ):
        refused(survey, put(survey, "observations", table).name, "no part of a survey")


@pytest.mark.parametrize(
    "how", [{"compression": "gzip"}, {"column_encoding": "DELTA_BYTE_ARRAY", "use_dictionary": False}]
)
def test_codecs_and_encodings_that_we_never_write_are_refused(survey: Path, how: dict[str, object]) -> None:
    refused(survey, put(survey, "observations", pa.table({"address": ["a", "b"]}), **how).name, "no part of a survey")


def test_any_byte_in_a_part_is_refused_or_fits() -> None:
    """pyarrow ends the process at a code that it does not know, so that no such footer may reach it."""
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"a": ["x", "y"] * 50, "b": [[1, 2]] * 100}), sink, compression="zstd")
    data = sink.getvalue().to_pybytes()
    for at in range(4, len(data)):
        for value in (0, 1, 0x15, 0x7F, 0xFF):
            with suppress(ValueError, pa.ArrowException, OSError):
                changed = data[:at] + bytes([value]) + data[at + 1 :]
                pages.require(changed)
                pq.ParquetFile(pa.BufferReader(changed), **pages.LIMITS).read()


@pytest.mark.parametrize(
    ("table", "column"), [("judged/1/endpoints", "rung"), ("judged/1/endpoints", "why"), ("judged/1/archives", "rung")]
)
def test_values_that_no_version_wrote_are_refused_in_one_line(
    survey: Path, capsys: pytest.CaptureFixture[str], table: str, column: str
) -> None:
    made = pq.read_table(first(survey, table))
    n = made.schema.get_field_index(column)
    put(survey, table, made.set_column(n, made.schema.field(n), pa.array(["\x1b[31mred"] * made.num_rows)))
    assert run(["report", str(survey)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert "\x1b" not in said.err


def test_what_was_looked_at_is_what_is_read(survey: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A link is put in place of a file after it was looked at."""
    path, stat = survey / manifest.NAME, os.stat
    (tmp_path / "secret").write_text("secret")
    before = path.stat()
    path.unlink()
    path.symlink_to(tmp_path / "secret")

    def looked_at(name: str, *, dir_fd: int | None = None, follow_symlinks: bool = True) -> os.stat_result:
        return before if name == manifest.NAME else stat(name, dir_fd=dir_fd, follow_symlinks=follow_symlinks)

    with monkeypatch.context() as patch:
        patch.setattr(os, "stat", looked_at)
        with pytest.raises(Damaged, match="symbolic link"):
            files.read(survey, path, 1000)


@pytest.mark.parametrize("mask", [0o000, 0o777])
def test_nobody_else_may_read_what_is_written(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        survey = finished(tmp_path / "survey") if mask != 0o777 else finished(made_first(tmp_path))
        judge_again(survey)
        out = tmp_path / "page.html"
        assert run(["report", str(survey), "--html", str(out), "--json", str(tmp_path / "page.json")]) == 0
    finally:
        os.umask(before)
    modes = {path: path.stat().st_mode & 0o777 for path in (survey, *survey.rglob("*"), *tmp_path.glob("page.*"))}
    assert {path for path, mode in modes.items() if mode != (0o700 if path.is_dir() else 0o600)} == set()


def test_what_others_could_read_is_narrowed_and_what_is_not_ours_stays(survey: Path) -> None:
    for path in (survey, *survey.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    ours = 1 + len(list(survey.rglob("*")))
    (survey / "notes").write_text("mine")
    (survey / "notes").chmod(0o644)
    assert contents.narrow(survey) == ours
    assert contents.narrow(survey) == 0
    assert (survey / "notes").stat().st_mode & 0o777 == 0o644
    assert survey.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in survey.rglob("*") if path.name != "notes"} == {0o700, 0o600}
    told(survey)


def made_first(tmp_path: Path) -> Path:
    survey = tmp_path / "survey"
    survey.mkdir()
    survey.chmod(0o700)
    return survey
