"""Chooses the stream for words: documents go to stdout, progress and messages to stderr."""

from __future__ import annotations

import asyncio
import gc
import os
import re
import shlex
import signal
import stat
import sys
from collections.abc import Callable, Collection, Coroutine, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Literal, TextIO, TypeVar, cast

import msgspec
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from filmbadge import interruption
from filmbadge.cli import plain
from filmbadge.loops import new_event_loop
from filmbadge.model import Depth, Refusal, Rung
from filmbadge.texts import lines, printable, where

if sys.platform != "win32":
    import resource

T = TypeVar("T")
DepthChoice = Literal["knock", "ask", "count", "profile", "prove"]
LevelChoice = Literal["public", "authority", "owner"]
GradeChoice = Literal["B", "C", "D", "E", "F"]
RungChoice = Literal["listening", "speaks", "admits", "answers", "discloses", "offers", "delivers"]


MOST_SAID = 2000  # characters of one message: what it quotes may be as long as it likes


class Out(str):
    """A file or folder to write to, as it was typed: a slash at its end says that it is a folder."""

    __slots__ = ()


class _Console(Console):
    """A terminal or a file. No text that it is given steers it: no control character, no markup, no name of an emoji."""

    def __init__(self, file: TextIO | None = None) -> None:
        super().__init__(file=file, highlight=False, markup=False, emoji=False)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(lines(segment.text), segment.style)

    def _render_buffer(self, buffer: Iterable[Segment]) -> str:
        return super()._render_buffer(plain.fitted(buffer, self.encoding, self.width))


class _Out(_Console):
    """Standard output. Raises Refusal if it cannot be written, for example because the disk is full."""

    def print(self, *objects: Any, **how: Any) -> None:
        try:
            super().print(*objects, **how)
        except BrokenPipeError:  # the reader stopped reading
            raise
        except OSError as error:
            raise Refusal(f"standard output cannot be written ({error.strerror})") from None

    def on_broken_pipe(self) -> None:
        """Rich would end the process with code 1, which has another meaning here."""
        raise BrokenPipeError


class _Stderr:
    """Standard error, for progress. A failed write (full disk, closed stream) does not end a survey."""

    def write(self, text: str) -> None:
        with suppress(OSError, AttributeError):
            sys.stderr.write(text)

    def flush(self) -> None:
        with suppress(OSError, AttributeError):
            sys.stderr.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(sys.stderr, name)


out = _Out()
err = _Console(cast("TextIO", _Stderr()))


def open_standard_streams() -> None:
    """Opens streams that our caller closed, and makes them take any text.

    Otherwise a connection would get the number of a stream, and the event loop would abort.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free descriptor
    plain.settle_streams()


def settle_standard_streams() -> None:
    """Discards output that could not be written. Else the interpreter would retry, and exit with its own code."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, AttributeError, ValueError):
            # AttributeError, ValueError: the stream is missing or closed.
            with suppress(OSError, AttributeError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def complain(message: str, code: int) -> int:
    """Writes one line to stderr, whatever it quotes. Returns the code."""
    message = printable(message)
    if len(message) > MOST_SAID:
        message = f"{message[:MOST_SAID]}…"
    with suppress(OSError, AttributeError):  # stderr is closed or full; the exit code still reports the error
        sys.stderr.write(f"filmbadge: {message}\n")
    return code


def command(*words: str) -> str:
    """A command of ours as it is typed into a shell."""
    return shlex.join(("filmbadge", *words))


def note(message: str) -> None:
    """Writes one line to stderr, whatever it quotes."""
    err.print(printable(message), soft_wrap=True)


def line_of_input(question: str) -> str:
    """A line that somebody types, with its end; "" at the end of input. Raises UnicodeDecodeError.

    A signal raises KeyboardInterrupt, or what the loop makes of it: ask `interruption.is_behind`.
    """
    # A signal that comes just before a read begins does not end the read. Ctrl-C would then be heard only after the next line.
    # An event loop hears every signal. It is made before the question is shown, so that no Ctrl-C finds it half made.
    if sys.platform != "win32" and sys.stdin.isatty():
        blocking = os.get_blocking(sys.stdin.fileno())
        with closing(new_event_loop()) as loop:
            try:
                loop.add_reader(sys.stdin, loop.stop)
                _put_question(question)
                loop.run_forever()
            finally:
                os.set_blocking(sys.stdin.fileno(), blocking)  # uvloop changes it for all that use this terminal
    else:
        _put_question(question)
    return sys.stdin.readline()


def _put_question(question: str) -> None:
    # Not by `err.print`: a console keeps what a signal broke off, and prints it again.
    sys.stderr.write(f"{question} ")
    sys.stderr.flush()


def show(thing: RenderableType) -> None:
    out.print(thing)


def put_json(document: object) -> None:
    """Writes one JSON document to stdout, and nothing else."""
    put([json_bytes(document)])


def put(data: Iterable[bytes]) -> None:
    """Writes bytes to stdout, and nothing else. Raises Refusal if that fails."""
    try:
        for some in data:
            sys.stdout.buffer.write(some)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader stopped reading
        raise
    except (OSError, AttributeError) as error:  # AttributeError: stdout was closed before we began
        raise Refusal(f"standard output cannot be written ({getattr(error, 'strerror', None) or 'closed'})") from None


def json_bytes(document: object) -> bytes:
    """A document whose texts may be shown as they are, once they are read."""
    made = _printable(msgspec.to_builtins(document))
    return msgspec.json.format(msgspec.json.encode(made), indent=2) + b"\n"


def _printable(made: Any) -> Any:
    if isinstance(made, str):
        return printable(made)
    if isinstance(made, dict):
        return {_printable(name): _printable(value) for name, value in made.items()}
    return [_printable(value) for value in made] if isinstance(made, list | tuple) else made


def require_writable(*paths: Path | None, read: Collection[Path | None] = ()) -> None:
    """Raises Refusal where what is to be written cannot be, would be lost, or would destroy something. Writes nothing.

    `read`: files that the command reads.
    """
    written = [path for path in paths if path is not None]
    if not written:
        return
    from filmbadge.keep.contents import survey_of  # slow to load
    from filmbadge.keep.files import real

    seen: set[Path] = set()
    for path in written:
        with _writing(path):
            where = real(path)
            if where in seen:
                raise Refusal(f"{path} is to hold two documents, and only the last would stay: give each a file")
            seen.add(where)
            if survey_of(where) is not None:
                raise Refusal(f"{path} is part of a survey, and writing there would damage it: choose another file")
            for given in (given for given in read if given is not None and _same_file(path, given)):
                raise Refusal(f"writing {path} would destroy {given}, which is read: choose another file")
            if _stream(path) is None:
                _require_place(path, where)


def write_files(made: Iterable[tuple[Path, bytes, str]]) -> None:
    """Writes each file that can be written, and says so, with a remark. Raises Refusal that names the others."""
    failed = []
    for path, data, remark in made:
        try:
            write_file(path, data)
        except Refusal as error:
            failed.append(str(error))
        else:
            note(f"Wrote {path}{remark}")
    if failed:
        raise Refusal("; ".join(failed))


def write_file(path: Path, data: bytes) -> None:
    """Writes a file that its owner alone may read: it lists open archives. Raises Refusal, and then an older one is still there.

    What is no regular file, such as a pipe, is written straight.
    """
    from filmbadge.keep import files  # slow to load

    interruption.require_none()  # a library may have swallowed it
    require_writable(path)
    with _writing(path):
        where, stream = files.real(path), _stream(path)
        where.parent.mkdir(parents=True, exist_ok=True)
        if stream is not None:
            _pour(os.dup(stream), data)
        elif where.exists() and not where.is_file():
            # A pipe that nobody reads is refused, and does not hold us up.
            _pour(os.open(where, os.O_WRONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)), data)
        else:
            files.write(where, data, alone=False)


def write_new(directory: Path, made: Mapping[str, bytes]) -> None:
    """Writes files below a folder, by their names: all of them or none. Raises Refusal, also where one is there with other bytes."""
    from filmbadge.keep import files  # slow to load

    require_writable(*(directory / name for name in made))
    places = {directory / name: data for name, data in made.items()}
    for path, data in places.items():
        if path.is_symlink() or (path.exists() and not _holds(path, data)):
            raise Refusal(f"{path} exists and is another file, so nothing was written: choose another folder")
    written: list[Path] = []
    try:
        with _writing(directory):
            for path, data in places.items():
                if not path.exists():
                    interruption.require_none()
                    files.make_folder(path.parent)
                    files.write(path, data, alone=False)
                    written.append(path)
    except BaseException:
        for path in written:
            with suppress(OSError):
                path.unlink()
        raise


def _holds(path: Path, data: bytes) -> bool:
    with suppress(OSError):
        return path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data
    return False


def _pour(handle: int, data: bytes) -> None:
    with os.fdopen(handle, "wb") as file:
        if sys.platform != "win32":
            os.set_blocking(handle, True)
        file.write(data)


def _stream(path: Path) -> int | None:
    """The number of a stream that our caller opened, if the path is a name of one: what stands behind it is not replaced."""
    named = {"/dev/stdout": 1, "/dev/stderr": 2}.get(str(path))
    found = re.fullmatch(r"/(?:dev|proc/self)/fd/([0-9]{1,6})", str(path))
    return int(found.group(1)) if found else named


def _same_file(path: Path, other: Path) -> bool:
    """By any name, also where both are hard links."""
    with suppress(OSError):
        return path.is_file() and path.samefile(other)
    return False


def _require_place(path: Path, where: Path) -> None:
    """Raises OSError, and Refusal, where no file can be written. Folders may be missing. `where`: where the path leads."""
    try:
        found = where.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        above = next(there for there in where.parents if there.exists())
        if not above.is_dir():
            raise Refusal(f"{path} cannot be written: {above} is no folder") from None
        needed = [above]
    else:
        if stat.S_ISDIR(found):
            raise Refusal(f"{path} cannot be written: it is a folder")
        needed = [where, where.parent] if stat.S_ISREG(found) else [where]
    for one in (one for one in needed if not os.access(one, os.W_OK)):
        raise Refusal(f"{path} cannot be written: {one} is read-only here")


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Raises Refusal for what the system says of a path."""
    try:
        yield
    except OSError as error:
        raise Refusal(f"{path} cannot be written: {error.strerror}") from None


def run_loop(work: Coroutine[Any, Any, T], loop: Callable[[], asyncio.AbstractEventLoop] = new_event_loop) -> T:
    """Runs the work to its end.

    Ctrl-C and SIGTERM end it in order: associations are released, gathered results are kept. A second signal breaks off
    everything that is still open.
    """
    _open_files()
    gc.set_threshold(100_000, 20, 100)  # thousands of open connections are no garbage, so collect less often

    async def until_terminated() -> T:
        # The loop's default handler would log the exception's text, and the repr of its data.
        asyncio.get_running_loop().set_exception_handler(lambda _, context: _unforeseen(context.get("exception")))
        task = asyncio.current_task()
        assert task is not None

        def stop() -> None:
            for one in asyncio.all_tasks() if task.cancelling() else (task,):
                one.cancel()

        # Windows' loop takes no signal handlers; asyncio.Runner itself cancels the task at Ctrl-C.
        if sys.platform != "win32":
            for ends in interruption.heard():
                asyncio.get_running_loop().add_signal_handler(ends, stop)
        return await work

    whole = until_terminated()
    try:
        with _left_to_the_loop(), asyncio.Runner(loop_factory=loop) as runner:
            return runner.run(whole)
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    finally:
        # A signal before the loop's first step leaves them unbegun, and Python would complain of that.
        for one in (whole, work):
            one.close()


@contextmanager
def _left_to_the_loop() -> Iterator[None]:
    """Signals are the loop's to hear, and afterwards whose they were: it would leave them to the system."""
    before = {one: signal.getsignal(one) for one in interruption.heard()}
    if signal.SIGINT in before:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # asyncio.Runner takes it over from no other
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _open_files() -> None:
    """Raises the limit on open files to the maximum. Windows has none."""
    if sys.platform != "win32":
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = 65536 if hard == resource.RLIM_INFINITY else min(hard, 65536)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))


def _unforeseen(error: BaseException | None) -> None:
    complain(f"our own error, please report it: {where(error) if error else 'in the event loop'}", 0)


def require_sight(fail_on: RungChoice | None, depth: Depth) -> None:
    """Raises Refusal for a rung that this depth cannot see: exit code 0 would look like a negative answer."""
    highest = {Depth.KNOCK: Rung.ADMITS, Depth.PROVE: Rung.DELIVERS}.get(depth, Rung.DISCLOSES)
    if fail_on is not None and not highest.reaches(Rung(fail_on)):
        raise Refusal(f"--fail-on {fail_on} cannot be seen at depth {depth}; the highest rung there is {highest}")


def reached(found: Rung | None, fail_on: RungChoice | None) -> bool:
    return found is not None and fail_on is not None and found.reaches(Rung(fail_on))
