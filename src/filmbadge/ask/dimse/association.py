"""One association as a requestor: PS3.8 9.2, states Sta5 to Sta7, driven by a script of requests.

A script is a generator: it yields an `Echo`, a `Query` or a `Get` and is sent the `Answer`. It runs in the callback
that receives the bytes, so a step costs no turn of the event loop. It ends with the association, whatever happens: its
author must keep the results outside of it.

With a `Throttle`, the association rests between a script's requests for as long as the throttle says. It reports to the
throttle how long answers took and which signs of distress came. A script need not know this; it may ask for the
`target_matches` to aim at.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Sequence, Set
from enum import Enum, IntEnum
from functools import lru_cache
from typing import ClassVar

import msgspec
from msgspec import Struct

from filmbadge.ask.decoder import Reader, Record, Tally, elements, has_uid
from filmbadge.ask.decoder.limits import MAX_PDU
from filmbadge.ask.decoder.uids import OF_LEVEL
from filmbadge.ask.dimse import command, pdu
from filmbadge.ask.dimse.command import Command
from filmbadge.ask.errors import WireError
from filmbadge.ask.wire.conversation import Connection, Meter
from filmbadge.ask.wire.throttle import Throttle
from filmbadge.catalogue.dicom import (
    CANCELLED,
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLEMENTATION_UID,
    IMPLICIT_LITTLE,
    OUT_OF_RESOURCES,
    PATIENT_ROOT_FIND,
    STUDY_ROOT_FIND,
    VERIFICATION,
)
from filmbadge.model import Abort, Cause, Outcome, OutcomeKind, Rejection
from filmbadge.version import SERIES

CALLING_TITLE = "FILMBADGE"
IMPLEMENTATION_VERSION = f"FILMBADGE_{SERIES.replace('.', '_')}"  # at most 16 characters, PS3.7 D.3.3.2

TRANSIENT = 2  # a rejection that may soon be over, PS3.8 9.3.4
_FAILED = (
    OutcomeKind.ABORTED,
    OutcomeKind.IDLE,
    OutcomeKind.TIME_CAP,
    OutcomeKind.CLOSED,
    OutcomeKind.RESET,
)  # the stop came while a question was open

_HUNG_UP = (OutcomeKind.CLOSED, OutcomeKind.RESET)
COMPLETED = Outcome(OutcomeKind.COMPLETED)
_REJECTS, REJECT_BYTES = bytes([pdu.ASSOCIATE_RJ]), 10

DRAIN_BYTES = 256 * 1024
DRAIN_SECONDS = 5.0
RELEASE_SECONDS = 5.0
FINAL_SECONDS = 5.0  # for the data set that a final response announced

QUERY_CONTEXTS = (
    pdu.Context(1, VERIFICATION, (IMPLICIT_LITTLE, EXPLICIT_LITTLE)),
    pdu.Context(3, STUDY_ROOT_FIND, (EXPLICIT_LITTLE, IMPLICIT_LITTLE)),
    pdu.Context(5, PATIENT_ROOT_FIND, (EXPLICIT_LITTLE, IMPLICIT_LITTLE)),
)


Keys = tuple[tuple[int, bytes], ...]  # pairs of tag and value to match
Form = tuple[tuple[int, bool], ...]  # tags, and which of them have a value: questions of one form cost an archive alike


class Echo(Struct, frozen=True):
    """C-ECHO, PS3.7 9.1.5."""

    FIELD: ClassVar[int] = command.C_ECHO_RQ
    sop_class: str = VERIFICATION
    keys: None = None
    ours: bool = True


ECHO = Echo()


class Query(Struct, frozen=True):
    """C-FIND, PS3.7 9.1.2. With `cancel_after`, a C-CANCEL follows after that many matches."""

    FIELD: ClassVar[int] = command.C_FIND_RQ
    sop_class: str
    keys: Keys
    record: Tally | Record  # receives the identifiers of the matches
    cancel_after: int | None = None
    ours: bool = False  # no key holds an archive's value, so the encoded request may be kept for the next archive

    def __repr__(self) -> str:
        return "<Query>"  # a key may be a UID that the archive gave


class Get(Struct, frozen=True):
    """C-GET, PS3.7 9.1.3, for a proof. After `enough` bytes a C-CANCEL follows. All data is dropped unread."""

    FIELD: ClassVar[int] = command.C_GET_RQ
    ours: ClassVar[bool] = False
    sop_class: str
    keys: Keys
    enough: int

    def __repr__(self) -> str:
        return "<Get>"


class Answer(Struct, frozen=True):
    status: int  # final status of the request
    matches: int = 0
    cancelled: bool = False
    seconds: float = 0.0  # seconds from the question to this answer, without the rest before it; only with a Throttle


Operation = Echo | Query | Get
Operations = Generator[Operation, Answer, None]


_RESPONSE = 0x8000  # PS3.7 E.1: a response's command field is its request's, with this bit set


class _Agreed(Struct, frozen=True):
    """The presentation contexts that an A-ASSOCIATE-AC accepted of the proposed ones."""

    unit: pdu.Associate | None = None
    accepted: dict[str, tuple[int, bool]] = {}  # by SOP class: context id, and whether explicit VR
    syntaxes: dict[int, str] = {}  # transfer syntax by context id


_NOTHING_AGREED = _Agreed()


class State(IntEnum):  # an IntEnum's hash needs no Python call; an Enum's does
    """States Sta5 to Sta13 of PS3.8 Table 9-10, as far as a requestor has them."""

    AWAIT_ACCEPT = 5
    OPEN = 6
    AWAIT_RELEASE = 7
    CLOSED = 13


class Action(Enum):
    """The action on a PDU in a state, by the names of PS3.8 9.2.2, Tables 9-6 to 9-9."""

    AE_3 = "the association is accepted: the script begins"
    AE_4 = "the association is rejected: close"
    DT_2 = "data: the reader takes it"
    AR_2 = "the peer releases: answer, close"
    AR_3 = "our release is confirmed: close"
    AR_6 = "data that was under way when we released: the reader drops it"
    AR_8 = "both release: answer, and wait for our own confirmation"
    AA_3 = "the peer aborts: close"


AWAIT_ACCEPT, OPEN, AWAIT_RELEASE, CLOSED = State  # Python 3.11 takes long to look up a member of an Enum

# PS3.8 Table 9-10, the requestor's part. Pairs that are not listed are AA-8: A-ABORT as the service provider.
TABLE = {
    (AWAIT_ACCEPT, pdu.ASSOCIATE_AC): Action.AE_3,
    (AWAIT_ACCEPT, pdu.ASSOCIATE_RJ): Action.AE_4,
    (AWAIT_ACCEPT, pdu.ABORT): Action.AA_3,
    (OPEN, pdu.P_DATA): Action.DT_2,
    (OPEN, pdu.RELEASE_RQ): Action.AR_2,
    (OPEN, pdu.ABORT): Action.AA_3,
    (AWAIT_RELEASE, pdu.P_DATA): Action.AR_6,
    (AWAIT_RELEASE, pdu.RELEASE_RQ): Action.AR_8,
    (AWAIT_RELEASE, pdu.RELEASE_RP): Action.AR_3,
    (AWAIT_RELEASE, pdu.ABORT): Action.AA_3,
}
_ABANDON = pdu.abort(0)
# Reasons of an A-ABORT, PS3.8 Table 9-26.
UNRECOGNIZED_PDU, UNEXPECTED_PDU, INVALID_PARAMETER = 1, 2, 6


class Association:
    """A `Conversation`. After it ended, read `accepted`, `rejection`, `abort` and the progress of the query."""

    __slots__ = (
        "_agreed", "_answers", "_asked", "_began", "_cancelled", "_clock", "_contexts", "_drained", "_final",
        "_form", "_gentle", "_heard", "_last", "_last_words", "_leaving", "_line", "_make_script", "_message_id", "_meter",
        "_opening", "_reader", "_request", "_script", "_spared", "_stored", "_storing", "abort", "image_class",
        "image_syntax", "rejection", "state", "taken", "unit", "valid_pdu",
    )  # fmt: skip

    def __init__(
        self,
        called: str,
        script: Callable[[Association], Operations],
        contexts: Sequence[pdu.Context] = QUERY_CONTEXTS,
        stored: tuple[str, ...] = (),
        max_pdu: int = MAX_PDU,
        throttle: Throttle | None = None,
        meter: Meter | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.state = AWAIT_ACCEPT
        self.valid_pdu = False
        self.taken = 0  # bytes of input that were taken
        self.unit: pdu.Associate | None = None
        self.rejection: Rejection | None = None
        self.abort: Abort | None = None
        self._contexts = tuple(contexts)
        self._opening, ids = _opening(called, self._contexts, max_pdu, stored)
        self._agreed = _NOTHING_AGREED
        self._make_script = script
        self._script: Operations | None = None
        self._request: Operation | None = None
        self._message_id = 0
        self._reader = Reader(ids)
        self._last = 0  # matches that came with the final response: one at most
        self._cancelled = False
        self._drained = 0  # bytes that came since the C-CANCEL
        self._stored = stored
        self._storing: Command | None = None  # the C-STORE whose data set is arriving
        self._final: Command | None = None  # the final response whose data set is arriving
        self.image_syntax = self.image_class = ""  # transfer syntax and SOP class of the last C-STORE
        self._last_words = _ABANDON
        self._began = b""  # the first bytes of the peer, while no PDU is whole
        self._leaving = False
        self._spared = False  # the archive was spared while something was still to be asked
        self._gentle = throttle
        self._meter = meter
        self._clock = clock
        self._answers = 0  # requests that were answered
        self._form: Form = ()  # of the question
        self._asked = 0.0  # time when the question went out
        self._heard: float | None = None  # time when the first byte of the answer came

    @property
    def matches(self) -> int:
        """Number of matches of the current or last query."""
        return self._reader.matches + self._last

    @property
    def settled(self) -> Answer | None:
        """The answer to the open query, if nothing of it was still to come when the association ended."""
        if not isinstance(self._request, Query):
            return None
        if self._final is not None and self._final.status is not None:
            return Answer(self._final.status, self.matches, self._cancelled)
        return Answer(CANCELLED, self.matches, True) if self._cancelled else None

    @property
    def cancelled(self) -> bool:
        """Whether the request had enough before it was over, so that a C-CANCEL went out."""
        return self._cancelled

    @property
    def image_bytes(self) -> int:
        """Bytes of images that a C-GET brought: received, counted, dropped."""
        return self._reader.dropped if self.image_syntax else 0

    @property
    def accepted(self) -> Set[str]:
        """The SOP classes whose presentation contexts were accepted."""
        return self._agreed.accepted.keys()

    # These methods implement Conversation.

    def opened(self, line: Connection) -> None:
        self._line = line
        line.send(self._opening)

    def received(self, data: memoryview) -> int:
        if not self.valid_pdu and len(data):
            _expect_dicom(data)
        try:
            taken = self._read(data)
        except WireError as error:
            self._last_words = pdu.abort(2, error.abort_reason)  # PS3.8 Table 9-9, AA-8
            raise
        if not self.valid_pdu:
            self._began = bytes(data[:REJECT_BYTES])
        return taken

    def _read(self, data: memoryview) -> int:
        if self._gentle is not None and self._heard is None:
            self._heard = self._clock()
        reader, at, size = self._reader, 0, len(data)
        while at < size and self.state is not CLOSED:
            at += (taken := reader.feed(data[at:] if at else data))
            self.taken += taken
            if self._meter is not None:
                self._meter.received(taken)
            if self._cancelled:
                self._drained += taken
            if (event := reader.event) is None:
                break
            if event[0] == "error":
                cause = Cause(event[1])
                reason = UNRECOGNIZED_PDU if cause is Cause.UNKNOWN_PDU else INVALID_PARAMETER
                raise WireError(cause, *event[2], abort_reason=reason)
            what, number, content = event
            self._event(what, number, content)
        if self._request is not None and not self._cancelled and self._enough() and self.state is OPEN:
            self._cancel()
        if self._drained > DRAIN_BYTES and self.state is OPEN:
            raise WireError(Cause.WENT_ON, ending=OutcomeKind.BYTE_CAP)
        return at

    def leave(self) -> bool:
        """Cancels the current request, then releases the association. Before acceptance only A-ABORT is possible."""
        if self.state is OPEN and not self._leaving:
            self._leaving = True
            if isinstance(self._request, Query | Get) and not self._cancelled:
                self._cancel()
            elif self._request is None:
                self._release()
        return self.state in (OPEN, AWAIT_RELEASE)

    def farewell(self) -> bytes:
        return b"" if self.state is CLOSED else self._last_words

    def ended(self, stop: Outcome) -> Outcome:
        hung_up = stop.ending in _HUNG_UP
        if hung_up and self.state is AWAIT_ACCEPT and self._began.startswith(_REJECTS):
            return self._rejected(self._began[pdu.HEADER.size :])  # it announced more bytes than it sent
        released = self.state is AWAIT_RELEASE and hung_up
        self.state = CLOSED
        if self._request is not None and self._gentle is not None and self._failed(stop):
            self._gentle.broke_off()
        if self._script is not None:
            self._script.close()
        if self._spared and (released or stop.ending is OutcomeKind.COMPLETED):
            return Outcome(OutcomeKind.SPARED, Cause.DISTRESS)
        return Outcome(OutcomeKind.COMPLETED, Cause.NO_RELEASE_RESPONSE) if released else stop

    def _failed(self, stop: Outcome) -> bool:
        """Whether the archive failed at the open question. One that closes after an answer may always do so."""
        between = self._answers > 0 and not self.matches and stop.ending in _HUNG_UP
        return stop.ending in _FAILED and not between

    # This section handles PDUs.

    def _event(self, what: str, number: int, content: bytes) -> None:
        """Handles an event: the reader found something other than an ordinary record."""
        if what == "answer":
            if self._request is not None and self._final is None:  # else the request is over, and it responds once more
                self._answer(number)
        elif what == "command":
            self._respond(number, command.parse(content))
        elif what == "unit":
            act = _ACTS.get((self.state, number))
            if act is None:
                raise WireError(Cause.UNEXPECTED_PDU, number, self.state.value, abort_reason=UNEXPECTED_PDU)
            act(self, content)
        else:  # the event is "data"
            self._dropped(number, content)

    def _ae_3(self, body: bytes) -> None:
        self._agreed = _agreed(body, self._contexts)
        self.unit = self._agreed.unit
        self.valid_pdu = True
        self.state = OPEN
        self._reader.mode = Reader.READ
        self._script = self._make_script(self)
        self._step(None)

    def _ae_4(self, body: bytes) -> None:
        self._close(self._rejected(body))

    def _rejected(self, body: bytes) -> Outcome:
        r = self.rejection = pdu.parse_reject(body)
        self.valid_pdu = True
        if r.result == TRANSIENT and self._gentle is not None:
            self._gentle.distressed()
        return Outcome(OutcomeKind.REJECTED, Cause.REJECTED, msgspec.structs.asdict(r))

    def _aa_3(self, body: bytes) -> None:
        self.abort = pdu.parse_abort(body)
        self.valid_pdu = True
        self._close(Outcome(OutcomeKind.ABORTED, Cause.ABORTED, msgspec.structs.asdict(self.abort)))

    def _ar_2(self, _: bytes) -> None:
        self._line.send(pdu.RELEASE_RESPONSE)
        self._close(Outcome(OutcomeKind.CLOSED, Cause.RELEASED))

    def _ar_3(self, _: bytes) -> None:
        self._close(COMPLETED)

    def _ar_8(self, _: bytes) -> None:
        self._line.send(pdu.RELEASE_RESPONSE)

    def _close(self, stop: Outcome) -> None:
        self.state = CLOSED
        self._line.close(stop)

    # This section handles messages.

    def _respond(self, context: int, response: Command) -> None:
        if isinstance(self._request, Get) and response.field == command.C_STORE_RQ:
            self._storing, self.image_syntax = response, self._agreed.syntaxes.get(context, "")
            self.image_class = response.affected_class if response.affected_class in self._stored else ""
            return
        if response.field & _RESPONSE and self._over(response.message_id):
            return  # some archives respond once more to a request that is over; the reader drops its data set
        if self._request is None or response.field != self._request.FIELD | _RESPONSE:
            raise WireError(Cause.UNEXPECTED_COMMAND, response.field)
        if response.message_id != self._message_id:
            raise WireError(Cause.OTHER_MESSAGE, response.message_id, self._message_id)
        if response.status is None:
            raise WireError(Cause.STATUS_MISSING)
        if self._final is not None:  # it announced a data set, and sent the response again
            return
        if response.pending:
            if isinstance(self._request, Get):
                return
            raise WireError(Cause.IDENTIFIER_MISSING)
        if isinstance(self._request, Query) and self._last_match(response):
            self._final = response
            self._reader.hold()
            self._line.wait(FINAL_SECONDS)
            return
        self._answer(response.status)

    def _enough(self) -> bool:
        """Whether the request has as much as it wanted. Its final response may be here already."""
        request = self._request
        if isinstance(request, Query):
            return 0 < (request.cancel_after or 0) <= self._reader.matches
        return isinstance(request, Get) and self.image_bytes >= request.enough

    def _last_match(self, response: Command) -> bool:
        """Whether a final response brings a match, as some archives' do. The data set of a cancelled query is dropped:

        Orthanc sends one with 0xFE00.
        """
        wanted = not (self._cancelled or self._enough()) and response.status != CANCELLED
        return response.has_data_set and wanted

    def _over(self, message_id: int) -> bool:
        return message_id < self._message_id or (message_id == self._message_id and self._request is None)

    def _answer(self, status: int) -> None:
        gentle, seconds, matches = self._gentle, 0.0, self.matches
        if gentle is not None and isinstance(self._request, Query):
            now = self._clock()
            seconds = now - self._asked
            if status == OUT_OF_RESOURCES:
                gentle.out_of_resources()
            else:
                gentle.answered(self._form, (self._heard or now) - self._asked, seconds, matches)
        self._request = self._final = None
        self._answers += 1
        self._step(Answer(status, matches, self._cancelled, seconds))

    def _dropped(self, context: int, content: bytes) -> None:
        """Ends a data set that was dropped or held.

        An image is refused, PS3.4 B.2.3. Other data sets came with a final status: such a one is a match if it has a
        UID at its level. An empty one, or the last match once more, is none.
        """
        if self._storing is not None:
            refused = Command(command.C_STORE_RSP, self._storing.message_id, self._storing.affected_class, 0xA700)
            self._line.send(pdu.data(context, command.encode(refused), None, self._peer_max()))
            self._storing = None
        elif self._final is not None and self._final.status is not None:
            assert isinstance(self._request, Query)
            _, explicit = self._agreed.accepted[self._request.sop_class]
            level = dict(self._request.keys).get(elements.QUERY_LEVEL, b"")
            if has_uid(content, explicit, OF_LEVEL.get(level, elements.STUDY_UID)):
                before = _held(self._request.record)
                self._request.record(content, explicit)
                self._last = int(before is None or _held(self._request.record) != before)
            self._line.wait(math.inf)
            self._answer(self._final.status)

    def _cancel(self) -> None:
        """Sends C-CANCEL, PS3.7 9.3.2.3 and 9.3.3.3. It drains a bounded amount of data, then sends A-ABORT."""
        assert isinstance(self._request, Query | Get)
        self._cancelled, self._drained = True, 0
        context, _ = self._agreed.accepted[self._request.sop_class]
        cancel = Command(command.C_CANCEL_RQ, self._message_id)
        self._line.send(pdu.data(context, command.encode(cancel), None, self._peer_max()))
        self._line.wait(DRAIN_SECONDS)

    def _step(self, answer: Answer | None) -> None:
        assert self._script is not None
        gentle = self._gentle
        try:
            request = None if self._leaving else self._script.send(answer)  # type: ignore[arg-type]  # None begins it
        except StopIteration:
            request = None
        self._spared = request is not None and gentle is not None and gentle.exhausted
        if request is None or self._spared:
            self._release()
            return
        place = self._agreed.accepted.get(request.sop_class)
        if place is None:
            raise WireError(Cause.UNACCEPTED_CONTEXT)
        if self._cancelled:
            self._line.wait(math.inf)
            self._cancelled = False
        if gentle is not None and (seconds := gentle.rest()):
            self._line.rest(seconds, lambda: self._ask(request, *place))
        else:
            self._ask(request, *place)

    def _ask(self, request: Operation, context: int, explicit: bool) -> None:
        if self.state is not OPEN:  # we were told to leave during the rest
            return
        self._request, self._last = request, 0
        self._message_id = number = self._message_id + 1
        if isinstance(request, Query):
            self._reader.expect(number, explicit, request.record, request.cancel_after or 0)
        elif isinstance(request, Echo):
            self._reader.expect(number, False, None, 0, command.C_ECHO_RSP)
        else:
            self._reader.idle()
        if self._meter is not None:
            self._meter.asked()
        encode = _encode_once if request.ours else _encode
        most = self._peer_max()
        said, self._form = encode(request.FIELD, number, request.sop_class, request.keys, context, explicit, most)
        self._line.send(said)
        if self._gentle is not None:
            self._asked, self._heard = self._clock(), None

    def _release(self) -> None:
        self.state = AWAIT_RELEASE
        self._reader.mode = Reader.DROP  # drop data that is still arriving, PS3.8 Table 9-8, AR-6
        self._line.send(pdu.RELEASE_REQUEST)
        self._line.wait(RELEASE_SECONDS)

    def _peer_max(self) -> int:
        assert self.unit is not None
        return self.unit.max_pdu


def _held(record: Tally | Record) -> tuple[int, int] | None:
    """How many UIDs a tally has, in all and in this window. None if it is no tally."""
    return (record.distinct, record.uids.here) if isinstance(record, Tally) else None


_BY_READER = (Action.DT_2, Action.AR_6)
_ACTS = {
    key: getattr(Association, f"_{action.name.lower()}") for key, action in TABLE.items() if action not in _BY_READER
}


@lru_cache(maxsize=64)
def _opening(
    called: str, contexts: tuple[pdu.Context, ...], max_pdu: int, stored: tuple[str, ...]
) -> tuple[bytes, bytes]:
    """The encoded A-ASSOCIATE-RQ, and the ids of its contexts. We send few different requests, to many archives."""
    unit = pdu.Associate(called, CALLING_TITLE, contexts, max_pdu, IMPLEMENTATION_UID, IMPLEMENTATION_VERSION, stored)
    return pdu.associate(pdu.ASSOCIATE_RQ, unit), bytes(context.id for context in contexts)


def _encode(
    field: int, number: int, sop_class: str, keys: Keys | None, context: int, explicit: bool, max_pdu: int
) -> tuple[bytes, Form]:
    """The encoded request, as PDUs that the peer takes, and the form of its keys."""
    request = Command(field, number, sop_class, None, keys is not None)
    identifier = None if keys is None else elements.encode(keys, explicit=explicit)
    form = tuple((tag, bool(value)) for tag, value in keys or ())
    return pdu.data(context, command.encode(request), identifier, max_pdu), form


_encode_once = lru_cache(maxsize=64)(_encode)


@lru_cache(maxsize=64)
def _agreed(body: bytes, contexts: tuple[pdu.Context, ...]) -> _Agreed:
    """Parse an A-ASSOCIATE-AC body.

    Archives of the same product send identical bytes, so we cache the parsed result. Nothing else an archive says is
    cached: this comes before any question, and is about the archive itself.
    """
    unit = pdu.parse_associate(body)
    proposed = {context.id: context for context in contexts}
    accepted: dict[str, tuple[int, bool]] = {}
    syntaxes: dict[int, str] = {}
    for answer in unit.contexts:
        context = proposed.get(answer.id)
        # One that leaves the syntax out has the default, PS3.5 10. A syntax that was not proposed for a query is an image's,
        # and these are all explicit little endian in a data set, PS3.5 A.4.
        syntax = answer.transfer[0] if answer.transfer else IMPLICIT_LITTLE
        known = context is not None and (
            syntax in context.transfer or (context in QUERY_CONTEXTS and syntax != EXPLICIT_BIG)
        )
        if context is not None and known and answer.result == 0:
            syntaxes[context.id] = syntax
            accepted[context.abstract] = (context.id, syntax != IMPLICIT_LITTLE)
    return _Agreed(unit, accepted, syntaxes)


# These services most often stand on DICOM's ports. Each is known by its first bytes.
_STARTS = {
    b"HTTP/": Cause.SPOKE_HTTP,
    b"SSH-": Cause.SPOKE_SSH,
    b"\x15\x03": Cause.SPOKE_TLS,
    b"\x16\x03": Cause.SPOKE_TLS,
    b"220": Cause.SPOKE_FTP_OR_SMTP,
    b"RFB ": Cause.SPOKE_VNC,
    b"\xff": Cause.SPOKE_TELNET,
    b"\x0b": Cause.SPOKE_HL7,
    b"<": Cause.SPOKE_MARKUP,
}


def _expect_dicom(data: memoryview) -> None:
    """Raises WireError if the first bytes are another service's."""
    if pdu.ASSOCIATE_RQ <= data[0] <= pdu.ABORT:
        return
    first = bytes(data[:8])
    cause = next((cause for start, cause in _STARTS.items() if first.startswith(start)), Cause.SPOKE_OTHER)
    raise WireError(cause, ending=OutcomeKind.OTHER_PROTOCOL)
