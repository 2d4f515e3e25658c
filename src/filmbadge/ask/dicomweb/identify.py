"""DICOMweb: QIDO-RS, WADO-RS and WADO-URI, PS3.18.

| depth     | asked                                                                                      |
|-----------|--------------------------------------------------------------------------------------------|
| `knock`   | nothing                                                                                    |
| `ask`     | studies with a Study Instance UID that cannot exist, under roots where archives have theirs |
| `profile` | one record; then all of them, by pages, and series and attributes of studies drawn by lot  |
| `prove`   | and the UIDs of one instance, and the first KiB of it                                      |

Every record of QIDO-RS carries name, id and birth date of a patient: the standard requires it, and no question avoids it.
So below `profile` none is asked for, unless the scope says so; then one at `ask`, and all at `count`.

Each root is a door of its own: what another path of the server gets says nothing of it. A root that refuses a question is
asked in other forms of the same question before it is left.
"""

from __future__ import annotations

import re
import secrets
import string
from collections import deque
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from filmbadge.ask.dicomweb import manners
from filmbadge.ask.dicomweb.answer import NOT_THERE, SUCCESS, Answer, Kind, alike, media_type
from filmbadge.ask.dicomweb.manners import ANY, NOBODY_KEYS, ask
from filmbadge.ask.dicomweb.question import Form
from filmbadge.ask.wire.http import Request, Response
from filmbadge.model import DicomWebFacts

ROOTS = (
    "/dicom-web", "/dicomweb", "/dicomWeb", "/dcm4chee-arc/aets/DCM4CHEE/rs", "/qido-rs", "/wado-rs", "/wado",
    "/rs", "/pacs/rs", "/api/dicomweb", "/api", "/v2", "/v1", "", "/orthanc/dicom-web", "/qidors",
)  # fmt: skip
BELOW = ("/dicom-web", "/dicomweb")  # roots below a path that the server itself names
WADO_URI = ("/wado",)
# A root with such a name is DICOMweb's; a root with another name may be any API.
_OWN_NAME = re.compile(r"(?i)dicom-?web|qido|wado|dcm4chee")
_PARAMETERS = re.compile(rb"(?i)\b(study|series|object)UID\b")
MOST_NAMED = 8  # roots that somebody names
MOST_FORMS = 24  # further forms of questions on one port
SINGLE = ("application/dicom+json", "application/json", "*/*")


@dataclass
class Doors:
    """The roots of one port that were asked."""

    asked: int = 0
    undecided: int = 0  # gave neither DICOMweb nor a definite no
    best: DicomWebFacts | None = None
    rank: int = 0

    def take(self, facts: DicomWebFacts) -> None:
        """Keep the facts of the root that shows most."""
        rank = 4 if facts.records else 3 if facts.status in (200, 204) else 1 if facts.status in (401, 403, 407) else 2
        more = self.best is not None and self.best.root == facts.root
        if rank > self.rank or (more and rank == self.rank):
            self.best, self.rank = facts, rank

    @property
    def found(self) -> bool:
        """No other root would show more."""
        best = self.best
        return best is not None and (self.rank == 4 or (self.rank == 3 and not best.may_ask))


def identify(
    doors: Doors, may_ask: bool, roots: Sequence[str] = (), below: Sequence[str] = ()
) -> Generator[Request, Response, None]:
    """Asks one root after the other, until one answers as DICOMweb does. The results are in `doors`.

    `roots` are asked before the usual roots, `below` are paths below which roots may be. With `may_ask` one record is
    asked for.
    """
    search = _Search(doors, may_ask, frozenset(roots))
    search.control = yield from ask(f"/{random_name()}", NOBODY_KEYS, Form())
    search.waiting = deque(dict.fromkeys((*roots, *(f"{path}{root}" for path in below for root in BELOW), *ROOTS)))
    while search.waiting and not doors.found:
        if (root := search.waiting.popleft()) not in search.seen:
            yield from search.root(root)
    if doors.best is None:
        for path in WADO_URI:
            reply = yield Request(f"{path}?requestType=WADO")
            if reply.status == 400 and _PARAMETERS.search(reply.body) and not alike(reply, search.control.reply):
                doors.take(DicomWebFacts(path, 400))


def random_name() -> str:
    """A name that stands on no server: 20 letters."""
    return "".join(secrets.choice(string.ascii_lowercase) for _ in range(20))


def _forms(status: int | None) -> tuple[Form, ...]:
    """Other forms of a question that was refused with this status; the likeliest first."""
    tag, unlimited = Form(by_tag=True), Form(limit=0)
    single = tuple(Form(accept=accept) for accept in SINGLE)
    last = Form(by_tag=True, limit=0, accept=SINGLE[0])
    if status in (406, 415):
        return (*single, last)
    return (unlimited, tag, single[0], last) if status == 400 else (tag, unlimited, single[0], last)


def _records(status: int | None) -> list[tuple[Mapping[str, str], Form]]:
    """Other forms of the question for one record, after a question without a key was refused with this status."""
    dated, patient_id, name, month, day = manners.filters()
    usual, tag, unlimited, single = Form(), Form(by_tag=True), Form(limit=0), Form(accept=SINGLE[0])
    last = Form(limit=0, accept=SINGLE[0])
    forms = [Form(accept=accept) for accept in SINGLE] if status in (406, 415) else [unlimited, single]
    asked: list[tuple[Mapping[str, str], Form]] = [
        (ANY, forms[0]),
        (dated, usual),
        *((ANY, form) for form in forms[1:]),
    ]
    asked += [(dated, tag), (ANY, last)]
    asked += [(dated, replace(last, by_tag=True)), (NOBODY_KEYS, usual), (NOBODY_KEYS, tag)]
    return [*asked, (patient_id, usual), (name, usual), (month, usual), (day, usual)]


@dataclass(repr=False)
class _Search:
    """The search for the DICOMweb of one port."""

    doors: Doors
    may_ask: bool
    known: frozenset[str]  # roots that somebody named
    control: Answer = field(default_factory=Answer)  # to the question at a root that cannot exist
    waiting: deque[str] = field(default_factory=deque)
    seen: set[str] = field(default_factory=set)
    forms: int = MOST_FORMS  # that may still be asked in

    def root(self, root: str) -> Generator[Request, Response, None]:
        self.doors.asked += 1
        self.seen.add(root)
        named = root in self.known or bool(_OWN_NAME.search(root))
        keys, form = (ANY if self.may_ask else NOBODY_KEYS), Form()
        answer = yield from ask(root, keys, form)
        if (answer.reply.goes or "").partition("?")[0] == f"{root}/studies/":
            form = Form(slash=True)
            answer = yield from ask(root, keys, form)
        status = answer.reply.status
        self._follow(answer.reply)
        kind = answer.kind(self.control)
        if kind is Kind.REFUSED:
            kind = yield from self._refused(root, answer, named)
        if kind is Kind.REFUSED or (kind is Kind.PAGE and named):
            answer, form, keys = yield from self._otherwise(root, answer, keys, form)
            kind = answer.kind(self.control)
        if kind is Kind.NOTHING:
            kind = yield from self._sure(root, form, named)
        if kind in (Kind.RECORDS, Kind.DICOMWEB):
            yield from self._found(root, answer, form, keys)
        elif kind is Kind.GUARDED and named and not alike(answer.reply, self.control.reply):
            self.doors.take(DicomWebFacts(root, answer.reply.status, realm=answer.reply.realm))
        elif kind in (Kind.REFUSED, Kind.UNREADABLE, Kind.PAGE):
            self.doors.undecided += 1
            if kind is Kind.REFUSED and named and status is not None and status >= 400 and status not in NOT_THERE:
                self.doors.take(DicomWebFacts(root, status))

    def _follow(self, reply: Response) -> None:
        """A redirect from one root to another names a root."""
        target = (reply.goes or "").partition("?")[0]
        root = target.removesuffix("/studies")
        if root != target and root not in self.seen and len(self.known) < MOST_NAMED:
            self.known |= {root}
            self.waiting.appendleft(root)

    def _refused(self, root: str, answer: Answer, named: bool) -> Generator[Request, Response, Kind]:
        """Whether the refusal says more than that an unknown path is refused in this part of the server."""
        reply = answer.reply
        if not named and reply.status in SUCCESS:
            return Kind.NO  # another API
        if named and reply.status not in NOT_THERE:
            return Kind.REFUSED
        beside = yield from ask(f"{root}/{random_name()}", NOBODY_KEYS, Form())
        if beside.reply.status is None:
            return Kind.UNREADABLE
        if not alike(reply, beside.reply):
            return Kind.REFUSED
        return Kind.NO if reply.status in NOT_THERE else Kind.UNREADABLE

    def _otherwise(
        self, root: str, refused: Answer, keys: Mapping[str, str], usual: Form
    ) -> Generator[Request, Response, tuple[Answer, Form, Mapping[str, str]]]:
        """Ask in other forms, until one is answered. Returns the refusal if none is."""
        status = refused.reply.status
        tries = _records(status) if self.may_ask else [(NOBODY_KEYS, form) for form in _forms(status)]
        for other_keys, other in tries:
            form = replace(other, slash=usual.slash)
            if not self.forms:
                break
            self.forms -= 1
            answer = yield from ask(root, other_keys, form)
            kind = answer.kind(self.control)
            if kind in (Kind.RECORDS, Kind.DICOMWEB, Kind.NOTHING, Kind.GUARDED):
                return answer, form, other_keys
            if answer.reply.status is None:
                return answer, form, other_keys
        return refused, usual, keys

    def _sure(self, root: str, form: Form, named: bool) -> Generator[Request, Response, Kind]:
        """Many APIs answer with an empty list or no content. Ask at a sibling path that cannot exist.

        An archive may take any path for a root of its own, so an equal answer there decides nothing.
        """
        beside = yield from ask(f"{root}/{random_name()}", NOBODY_KEYS, form)
        if beside.reply.status is None or beside.nothing:
            return Kind.UNREADABLE
        if named:
            return Kind.DICOMWEB
        path = form.path(f"{root}/instances", NOBODY_KEYS, 1)
        instances = Answer()
        instances.reply = yield Request(path, accept=form.accepts, into=instances.feed)
        return Kind.DICOMWEB if instances.nothing else Kind.UNREADABLE

    def _found(
        self, root: str, answer: Answer, form: Form, keys: Mapping[str, str]
    ) -> Generator[Request, Response, None]:
        """Keep the facts of a root that answered; with `may_ask`, also one record and the form in which to ask for more.

        What is known is kept after each step: the visit may end at the next.
        """
        facts = DicomWebFacts(
            root,
            answer.reply.status,
            media_type(answer.reply),
            may_ask=self.may_ask,
            records=answer.count.records,
            unusable=answer.count.unusable,
            retrieve_url=answer.count.retrieve_url,
            by_tag=form.by_tag,
            limit=form.limit,
            accept=form.accept,
            slash=form.slash,
        )
        self.doors.take(facts)
        if self.may_ask:
            facts = yield from manners.one_record(facts, answer if keys is ANY else None)
            self.doors.take(facts)
            self.doors.take((yield from manners.form(facts, answer if keys is NOBODY_KEYS else None)))
