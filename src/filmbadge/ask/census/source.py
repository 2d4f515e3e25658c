"""What a census needs of a protocol, and what one of its answers tells. A protocol has an adapter: a `Source`."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from enum import Enum, auto
from typing import Any, Protocol, TypeVar

from msgspec import Struct

from filmbadge.ask.census.windows import Axis, Window
from filmbadge.ask.decoder import Tally
from filmbadge.catalogue.dicom import Modality
from filmbadge.model import Doubt

T = TypeVar("T")
Steps = Generator[Any, Any, T]  # yields the protocol's requests, and is sent its responses
HasMore = Callable[[Window, int], Steps[bool | None]]


class Ended(Enum):
    """How an answer ended."""

    WHOLE = auto()  # so it says
    CUT = auto()  # with rows, and a sign that there are more
    REFUSED = auto()  # without rows
    ENOUGH = auto()  # we wanted no more
    FAILED = auto()  # nothing more is to be asked


class WindowAnswer(Struct, frozen=True):
    """What one question brought."""

    rows: int
    distinct: int  # studies in this answer; of a window of days, those that are known to belong to it
    new: int  # studies that no answer had before
    ended: Ended
    doubt: Doubt | None = None  # for an ending that is not WHOLE
    seconds: float = 0.0
    days: dict[int, int] | None = None  # studies by their date, as ordinals; None: the records bring no date
    modalities: dict[Modality, int] = {}  # studies by modality, where the records bring one
    unlabelled: int = 0  # studies whose record brings no modality
    undated: int = 0  # studies whose record brings no date
    astray: int = 0  # studies with a date that the window does not have
    at_once: int | None = None  # studies of its largest page; None: it came at once
    full: bool = False  # there was no room for all that came: it must be asked for again
    forgotten: bool = False  # all that was found so far, with this: it must be asked for again


class Parts(Struct, frozen=True):
    """What several windows brought."""

    distinct: int  # studies in all of them together
    new: int  # studies that no answer had before
    small: bool  # each was answered, in fewer rows than the whole


When = tuple[int, int | None]  # a day, and a minute of it where the archive says one


class Studies(Protocol):
    """The studies of an archive, as a plan asks for them."""

    @property
    def axes(self) -> frozenset[Axis]:
        """What its windows can be bounded by."""

    def ask(self, window: Window) -> Steps[WindowAnswer]:
        """All studies of a window."""

    @property
    def has_more(self) -> HasMore | None:
        """Whether a window has more rows than are known, by one small question; None: the protocol has none.

        It answers None where that cannot be told.
        """

    def parts(self, windows: Sequence[Window], below: int) -> Steps[Parts]:
        """What these windows have together. It ends with the first that is not answered in fewer rows than `below`."""

    def without_date(self, below: int) -> Steps[Parts]:
        """The studies that have no date, by Empty Value Matching.

        They are `small` only if there are fewer than `below`, and the archive showed of some that they exist and have no date.
        """

    def prefix(self) -> tuple[str, str]:
        """What the UIDs of studies that were seen begin with, and one of them. Empty: not known."""

    def when(self) -> Steps[When | None]:
        """The date and time of the first study that was seen. None: it has no date, or it cannot be asked for so."""

    def still_there(self) -> Steps[bool | None]:
        """Whether studies that were seen can be asked for by their UIDs. None: the archive ignores these, or we saw none."""


class Source(Protocol):
    """One archive over one protocol. What is asked for goes into a tally."""

    @property
    def axes(self) -> frozenset[Axis]: ...

    @property
    def counts_come_along(self) -> bool:
        """Whether numbers of series and images come with each study, or only where they are asked for."""

    availability: (
        bool  # whether Instance Availability is asked for with the counts; it comes in any case where it comes along
    )

    @property
    def has_more(self) -> HasMore | None: ...

    def studies(self, window: Window, tally: Tally, counts: bool, /) -> Steps[WindowAnswer]: ...

    def below(self, tally: Tally, study: bytes, series: bytes = b"") -> Steps[WindowAnswer]:
        """The series of a study, or the instances of a series. A series may say how many images it has."""

    def at_once(self, tally: Tally) -> int:
        """Studies in the last answer, or in the largest page of it, also if it broke off."""

    def holds(self, level: int, study: bytes, rows: int) -> Steps[bool]:
        """Whether an answer at the level of this UID can have as many rows: all series, or all instances of a study."""

    def when(self, study: bytes) -> Steps[When | None]: ...
