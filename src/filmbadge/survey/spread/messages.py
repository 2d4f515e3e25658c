"""What a coordinator and its workers tell each other, as bytes: orders go to a worker, and reports come back.

Beside an order goes the key of the run, and beside a report come sketches. They are small, and no place that may write them to a disk
is to have them, so they travel apart from the rest.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import fields
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any, NamedTuple, get_type_hints

import msgspec
import pyarrow as pa
from msgspec import Struct

from filmbadge.ask.targets.lists import Target
from filmbadge.judge.same_archive import Sketch
from filmbadge.keep import upgrade
from filmbadge.keep.schema import FACTS
from filmbadge.model import Archive, Endpoint, Observation, Outcome, Protocol
from filmbadge.scope import Scope, address_of
from filmbadge.survey.queues import Network

MOST_SECRET = 64 * 1024  # bytes beside a report: less than what Ray sends without its object store
MOST_TARGETS = 1000  # of one lease


class WorkerLost(Exception):
    """A worker is gone, or cannot be reached any more. The text is one line for the user."""


class Version(Struct, frozen=True):
    """What a worker must share with its coordinator, for their rows and their hashes to be of one survey."""

    filmbadge: str
    dataset: int
    facts: int
    catalogue: str
    places: str  # digest of the sources of places
    decoder: str  # the core: each hashes in its own way


class Charge(Struct, frozen=True):
    """What survey this is. It goes to a worker once, before all else."""

    scope: bytes
    version: Version
    places: tuple[tuple[str, bytes], ...] = ()  # files that say where addresses stand: name and content
    memory: int = 0  # bytes that the worker's sets may take


class Given(Struct, frozen=True):
    """One target of a lease."""

    host: str
    ports: tuple[int, ...] = ()
    seen: tuple[str, ...] = ()  # observations: a worker saw them, and went no further
    way: str = ""  # it is to be asked for its studies once more, by facts with this tag: only its sketch is wanted

    @property
    def target(self) -> Target:
        return Target(address_of(self.host) or self.host, self.ports)


class Share(Struct, frozen=True):
    """A lease: networks that nobody else asks, and hosts in them."""

    number: int
    networks: tuple[Network, ...]
    targets: tuple[Given, ...]
    asked_before: tuple[Network, ...] = ()  # of these: by another worker, or another process, maybe a moment ago


class Answer(Struct, frozen=True):
    """What was found for a name, or for the pointer of an address."""

    question: str
    addresses: tuple[str, ...] = ()
    name: str = ""
    stop: Outcome | None = None  # why there is no address
    said: str = ""  # the same, for the user


class Order(Struct, frozen=True, kw_only=True):
    """What a worker may do from now on. All its leases end together, `seconds` after the moment `since` of its own clock."""

    term: int
    charge: Charge | None = None
    since: float = 0.0
    seconds: float = 0.0  # 0: nothing is leased to it
    rate: float = 0.0  # connections a second
    hands: int = 0  # hosts at once
    shares: tuple[Share, ...] = ()  # leases that are new
    no_more: bool = False  # nothing else could be leased to it now
    answers: tuple[Answer, ...] = ()
    look_up: tuple[str, ...] = ()  # names that it is to look up
    images: int = 0  # that the survey has seen so far
    stop: bool = False  # leave in order, and tell what is known


class Back(Struct, frozen=True):
    """A target that was not done: it goes back to the queue."""

    target: str
    networks: tuple[Network, ...] = ()  # that it needs besides its own
    seen: tuple[str, ...] = ()


class Done(Struct, frozen=True):
    """A host that was asked."""

    target: str
    took: float  # seconds
    address: str
    archives: tuple[Archive, ...] = ()


class Report(Struct, frozen=True, kw_only=True):
    """What a worker learned since its last report. `at` is a moment of its own clock, before it was sent."""

    term: int
    at: float
    rate: float  # by which it goes now
    version: Version | None = None  # in the first
    tables: dict[str, bytes] = {}  # rows by table, as Arrow's stream
    done: tuple[Done, ...] = ()
    drawn: tuple[str, ...] = ()  # targets of which the sketch was wanted: there will be no more of them
    back: tuple[Back, ...] = ()
    finished: tuple[int, ...] = ()  # leases: all their targets are done, or back
    lapsed: bool = False  # its leases ended before they were renewed: it holds nothing
    expired: bool = False  # by its clock, the scope has
    wants: int = 0  # how many more targets it could begin soon
    in_hand: tuple[tuple[str, float], ...] = ()  # hosts that are being asked, and for how many seconds
    sources: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()  # names, and pointers of addresses
    answers: tuple[Answer, ...] = ()
    stopped: bool = False


def scope_as_bytes(scope: Scope) -> bytes:
    return msgspec.json.encode(scope, enc_hook=_as_text)


def _as_text(value: object) -> str:
    if isinstance(value, IPv4Network | IPv6Network):
        return str(value)
    raise NotImplementedError(type(value).__name__)


def scope_of(raw: bytes) -> Scope:
    told, types = msgspec.json.decode(raw), get_type_hints(Scope)
    given = {field.name: told[field.name] for field in fields(Scope) if field.init}
    networks = {"networks", "exclude", "opted_out"}
    made: dict[str, Any] = {
        name: tuple(map(ip_network, value)) if name in networks else msgspec.convert(value, types[name])
        for name, value in given.items()
    }
    return Scope(**made)


def observation_text(seen: Observation) -> str:
    return msgspec.json.encode(seen).decode()


def observation_of(text: str) -> Observation:
    return upgrade.observation(FACTS, text)


def table_as_bytes(rows: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as stream:
        stream.write_table(rows)
    return bytes(sink.getvalue())


def tables_of(told: Mapping[str, bytes]) -> dict[str, pa.Table]:
    return {name: pa.ipc.open_stream(raw).read_all() for name, raw in told.items()}


class Drawn(NamedTuple):
    """A sketch beside a report: of the studies at an endpoint, or of the patients of an archive."""

    of: Endpoint | str
    sketch: Sketch


_HEAD = struct.Struct("<?IQ?I")  # of studies; length of what it is of; size, whether whole; how many hashes


def sketch_as_bytes(drawn: Drawn) -> bytes:
    of, sketch = drawn
    name = (of if isinstance(of, str) else f"{of.address} {of.port} {of.protocol}").encode()
    head = _HEAD.pack(not isinstance(of, str), len(name), sketch.size, sketch.whole, len(sketch.smallest))
    return head + name + sketch.smallest.tobytes()


def sketches_of(raw: bytes) -> Iterator[Drawn]:
    at = 0
    while at < len(raw):
        studies, length, size, whole, hashes = _HEAD.unpack_from(raw, at)
        at += _HEAD.size
        name = raw[at : at + length].decode()
        at += length
        smallest = array("Q", raw[at : at + 8 * hashes])
        at += 8 * hashes
        yield Drawn(_endpoint(name) if studies else name, Sketch(size, smallest, whole))


def _endpoint(name: str) -> Endpoint:
    address, port, protocol = name.split(" ")
    return Endpoint(str(ip_address(address)), int(port), Protocol(protocol))
