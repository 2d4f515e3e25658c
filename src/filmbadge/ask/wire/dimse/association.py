"""One association as a requestor: PS3.8 9.2, states Sta5 to Sta7, driven by a script of requests.

A script is a generator: it yields an `Echo` or a `Query` and is sent the `Answer`. It runs in the
callback that receives the bytes, so a step costs no turn of the event loop, and it ends with the
association whatever happens: what it learned so far must be where its author keeps it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from enum import Enum

from filmbadge.ask.wire.dimse import command, elements, pdu
from filmbadge.ask.wire.dimse.command import Command
from filmbadge.ask.wire.errors import WireError
from filmbadge.ask.wire.talk import Line
from filmbadge.catalogue.dicom import (
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    PATIENT_ROOT_FIND,
    STUDY_ROOT_FIND,
    VERIFICATION,
    abort_words,
    rejection_words,
)
from filmbadge.model import Abort, Ending, Rejection, Stop

CALLING_TITLE = "FILMBADGE"
IMPLEMENTATION_UID = "2.25.109834610025293613980468098716390977007"
IMPLEMENTATION_VERSION = "FILMBADGE_0_1"

MAX_RECORD = 1024 * 1024
DRAIN_BYTES = 256 * 1024
DRAIN_SECONDS = 5.0
RELEASE_SECONDS = 5.0

QUERY_CONTEXTS = (
    pdu.Context(1, VERIFICATION, (IMPLICIT_LITTLE, EXPLICIT_LITTLE)),
    pdu.Context(3, STUDY_ROOT_FIND, (EXPLICIT_LITTLE, IMPLICIT_LITTLE)),
    pdu.Context(5, PATIENT_ROOT_FIND, (EXPLICIT_LITTLE, IMPLICIT_LITTLE)),
)

Record = Callable[[bytes, bool], None]  # identifier of one pending response, whether it is explicit VR


@dataclass(frozen=True, slots=True)
class Echo:
    """C-ECHO, PS3.7 9.1.5."""


@dataclass(frozen=True, slots=True)
class Query:
    """C-FIND, PS3.7 9.1.2. With `cancel_after`, C-CANCEL follows that many matches."""

    sop_class: str
    keys: tuple[tuple[int, bytes], ...]
    record: Record
    cancel_after: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    status: int  # final status
    matches: int = 0
    cancelled: bool = False


Script = Generator[Echo | Query, Answer, None]


class State(Enum):
    """PS3.8 Table 9-10, the requestor's part."""

    AWAIT_ACCEPT = "Sta5"
    OPEN = "Sta6"
    AWAIT_RELEASE = "Sta7"
    CLOSED = "Sta13"


class Association:
    """A `Talk`. Read `accepted`, `rejection`, `abort` and the progress of the query after it ended."""

    def __init__(
        self,
        called: str,
        script: Callable[[Association], Script],
        contexts: Sequence[pdu.Context] = QUERY_CONTEXTS,
    ) -> None:
        self.state = State.AWAIT_ACCEPT
        self.valid_pdu = False
        self.unit: pdu.Associate | None = None
        self.rejection: Rejection | None = None
        self.abort: Abort | None = None
        self.matches = 0  # of the query under way or last made
        self.cancelled = False
        self._called = called
        self._proposed = {context.id: context for context in contexts}
        self._accepted: dict[str, tuple[int, bool]] = {}  # SOP class: context, explicit
        self._make_script = script
        self._script: Script | None = None
        self._request: Echo | Query | None = None
        self._message_id = 0
        self._buffer = bytearray()
        self._fragments: dict[int, bytearray] = {pdu.COMMAND: bytearray(), 0: bytearray()}
        self._command: Command | None = None  # a response that waits for its data set
        self._drained = 0

    @property
    def accepted(self) -> frozenset[str]:
        """The SOP classes whose presentation contexts were accepted."""
        return frozenset(self._accepted)

    # Talk

    def opened(self, line: Line) -> None:
        self._line = line
        unit = pdu.Associate(
            self._called,
            CALLING_TITLE,
            tuple(self._proposed.values()),
            pdu.MAX_PDU,
            IMPLEMENTATION_UID,
            IMPLEMENTATION_VERSION,
        )
        line.send(pdu.associate(pdu.ASSOCIATE_RQ, unit))

    def received(self, data: bytes) -> None:
        if not self.valid_pdu and not self._buffer:
            _expect_dicom(data)
        self._buffer += data
        if self.cancelled:
            self._drained += len(data)
        at, end = 0, len(self._buffer)
        while end - at >= pdu.HEADER.size and self.state is not State.CLOSED:
            kind, length = pdu.HEADER.unpack_from(self._buffer, at)
            self._check(kind, length)
            stop = at + pdu.HEADER.size + length
            if stop > end:
                break
            body = bytes(self._buffer[at + pdu.HEADER.size : stop])
            at = stop
            self._unit(kind, body)
        del self._buffer[:at]
        if self._drained > DRAIN_BYTES and self.state is State.OPEN:
            raise WireError("the archive went on after C-CANCEL", Ending.BYTE_CAP)

    def farewell(self) -> bytes:
        return b"" if self.state is State.CLOSED else pdu.abort(0)

    def ended(self, stop: Stop) -> Stop:
        released = self.state is State.AWAIT_RELEASE and stop.ending in (Ending.CLOSED, Ending.RESET)
        self.state = State.CLOSED
        if self._script is not None:
            self._script.close()
        return Stop(Ending.COMPLETED, "closed without a release response") if released else stop

    # PDUs

    def _check(self, kind: int, length: int) -> None:
        if not pdu.ASSOCIATE_RQ <= kind <= pdu.ABORT:
            raise WireError(f"PDU type 0x{kind:02X} does not exist")
        limit = pdu.MAX_PDU if kind == pdu.P_DATA else pdu.MAX_CONTROL_LENGTH
        if length > limit:
            raise WireError(f"PDU type 0x{kind:02X} announces {length} bytes; at most {limit} were agreed")

    def _unit(self, kind: int, body: bytes) -> None:
        if kind == pdu.ABORT:
            self.abort = pdu.parse_abort(body)
            self.valid_pdu = True
            self._close(Stop(Ending.ABORTED, abort_words(self.abort.source, self.abort.reason)))
        elif self.state is State.AWAIT_ACCEPT and kind == pdu.ASSOCIATE_AC:
            self._established(pdu.parse_associate(body))
        elif self.state is State.AWAIT_ACCEPT and kind == pdu.ASSOCIATE_RJ:
            r = self.rejection = pdu.parse_reject(body)
            self.valid_pdu = True
            self._close(Stop(Ending.REJECTED, rejection_words(r.result, r.source, r.reason)))
        elif self.state is State.OPEN and kind == pdu.P_DATA:
            for context, control, fragment in pdu.parse_data(body):
                self._value(context, control, fragment)
                if self._ended():
                    break
        elif self.state is State.OPEN and kind == pdu.RELEASE_RQ:
            self._line.send(pdu.RELEASE_RESPONSE)
            self._close(Stop(Ending.CLOSED, "released by the peer"))
        elif self.state is State.AWAIT_RELEASE and kind == pdu.RELEASE_RP:
            self._close(Stop(Ending.COMPLETED))
        elif self.state is State.AWAIT_RELEASE and kind == pdu.RELEASE_RQ:  # collision, PS3.8 9.2.3 AR-8
            self._line.send(pdu.RELEASE_RESPONSE)
        elif self.state is State.AWAIT_RELEASE and kind == pdu.P_DATA:
            pass  # still under way when we asked for the release, PS3.8 9.2.3 AR-6
        else:
            raise WireError(f"PDU type 0x{kind:02X} is not expected in {self.state.value}")

    def _established(self, unit: pdu.Associate) -> None:
        self.unit = unit
        self.valid_pdu = True
        for context in unit.contexts:
            proposed = self._proposed.get(context.id)
            syntax = context.transfer[0] if context.transfer else ""
            if proposed and context.result == 0 and syntax in proposed.transfer:
                self._accepted[proposed.abstract] = (context.id, syntax == EXPLICIT_LITTLE)
        self.state = State.OPEN
        self._script = self._make_script(self)
        self._step(None)

    def _ended(self) -> bool:
        return self.state is not State.OPEN

    def _close(self, stop: Stop) -> None:
        self.state = State.CLOSED
        self._line.close(stop)

    # Messages

    def _value(self, context: int, control: int, fragment: bytes) -> None:
        if context not in self._proposed:
            raise WireError(f"presentation context {context} was not proposed")
        kind = control & pdu.COMMAND
        message = self._fragments[kind]
        message += fragment
        limit = command.MAX_COMMAND if kind else MAX_RECORD
        if len(message) > limit:
            raise WireError(f"a {'command' if kind else 'data set'} of more than {limit} bytes")
        if not control & pdu.LAST:
            return
        whole = bytes(message)
        message.clear()
        if kind:
            self._respond(command.parse(whole))
        elif self._command is not None:
            waiting, self._command = self._command, None
            self._answer(waiting, whole)
        # A data set that no command announced is dropped: some archives send one after a final status.

    def _respond(self, response: Command) -> None:
        if self._command is not None:
            raise WireError("a command before the data set of the one before")
        expected = command.C_ECHO_RSP if isinstance(self._request, Echo) else command.C_FIND_RSP
        if self._request is None or response.field != expected:
            raise WireError(f"command 0x{response.field:04X} is not expected")
        if response.message_id != self._message_id:
            raise WireError(f"a response to message {response.message_id}, not to {self._message_id}")
        if response.status is None:
            raise WireError("a response without a status")
        if response.has_data_set:
            self._command = response
        else:
            self._answer(response, None)

    def _answer(self, response: Command, data_set: bytes | None) -> None:
        assert response.status is not None
        request = self._request
        if not response.pending:
            self._request = None
            self._step(Answer(response.status, self.matches, self.cancelled))
        elif isinstance(request, Query) and data_set is not None:
            self.matches += 1
            if not self.cancelled:
                request.record(data_set, self._accepted[request.sop_class][1])
            if self.matches == request.cancel_after:
                self._cancel(request)

    def _cancel(self, request: Query) -> None:
        """C-CANCEL, PS3.7 9.3.2.3. Records already under way are drained to a bound, then A-ABORT."""
        self.cancelled = True
        self._drained = 0
        self._send(request.sop_class, Command(command.C_CANCEL_RQ, self._message_id))
        self._line.wait(DRAIN_SECONDS)

    def _step(self, answer: Answer | None) -> None:
        assert self._script is not None
        try:
            request = next(self._script) if answer is None else self._script.send(answer)
        except StopIteration:
            self.state = State.AWAIT_RELEASE
            self._line.send(pdu.RELEASE_REQUEST)
            self._line.wait(RELEASE_SECONDS)
            return
        sop_class = VERIFICATION if isinstance(request, Echo) else request.sop_class
        if sop_class not in self._accepted:
            raise WireError("the presentation context of a question was not accepted")
        if self.cancelled:
            self._line.wait(math.inf)
        self._request = request
        self._message_id += 1
        self.matches, self.cancelled, self._drained = 0, False, 0
        if isinstance(request, Echo):
            self._send(VERIFICATION, Command(command.C_ECHO_RQ, self._message_id, VERIFICATION))
        else:
            explicit = self._accepted[request.sop_class][1]
            identifier = elements.encode(request.keys, explicit=explicit)
            find = Command(command.C_FIND_RQ, self._message_id, request.sop_class, has_data_set=True)
            self._send(request.sop_class, find, identifier)

    def _send(self, sop_class: str, request: Command, data_set: bytes | None = None) -> None:
        assert self.unit is not None
        context = self._accepted[sop_class][0]
        self._line.send(pdu.data(context, command.encode(request), data_set, self.unit.max_pdu))


def _expect_dicom(first: bytes) -> None:
    """Tell a DICOM peer from the services that most often stand on its ports, by their first bytes."""
    if pdu.ASSOCIATE_RQ <= first[0] <= pdu.ABORT:
        return
    for start, name in (
        (b"HTTP/", "HTTP"),
        (b"SSH-", "SSH"),
        (b"\x15\x03", "TLS"),
        (b"\x16\x03", "TLS"),
        (b"220", "FTP or SMTP"),
        (b"RFB ", "VNC"),
        (b"\xff", "Telnet"),
        (b"\x0b", "HL7 (MLLP)"),
        (b"<", "markup"),
    ):
        if first.startswith(start):
            raise WireError(f"answered in {name}, not in DICOM", Ending.OTHER_PROTOCOL)
    raise WireError("answered in bytes that are not DICOM", Ending.OTHER_PROTOCOL)
