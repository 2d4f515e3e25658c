"""Codes and numbers in words. Tables hold the English; `Words` says it in its language."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from filmbadge.catalogue import dicom
from filmbadge.catalogue.advisories import advisories
from filmbadge.catalogue.countries import countries
from filmbadge.catalogue.findings import Severity
from filmbadge.identifiers.schemes import schemes
from filmbadge.judge.findings import OF_TRANSPORT
from filmbadge.model import (
    Appearance,
    ByHand,
    Count,
    Decoy,
    Depth,
    DimseFacts,
    Doubt,
    DoubtCode,
    Finding,
    FindingCode,
    GradeReason,
    Identifier,
    JudgedEndpoint,
    Kind,
    KindFound,
    Protocol,
    Provenance,
    Reason,
    Rung,
    TlsFacts,
    Total,
    Transport,
    Verdict,
)
from filmbadge.tell.causes import Causes
from filmbadge.tell.language import N_, utc

# The values of these are English words, and the catalogue has them as they stand.
NAMES = (Rung, Depth, Provenance, Appearance, Severity)

_RUNGS = {
    Rung.SILENT: N_("nothing answered"),
    Rung.LISTENING: N_("something answered, and no imaging service was seen"),
    Rung.SPEAKS: N_("it is an imaging service"),
    Rung.ADMITS: N_("it lets a stranger in"),
    Rung.ANSWERS: N_("it answers a stranger's query, and gave no records"),
    Rung.DISCLOSES: N_("it gives records to a stranger"),
    Rung.OFFERS: N_("it gives records, and would hand out images"),
    Rung.DELIVERS: N_("it handed out an image"),
}
_GRADE_REASONS = {
    GradeReason.ADMITS: N_("it lets a stranger in, and refuses the query"),
    GradeReason.ANSWERS: N_("it answers a stranger's query; a study that it is given may be open"),
    GradeReason.DISCLOSES: N_("it gives records to a stranger"),
    GradeReason.IMAGES: N_("it gives images to a stranger"),
    GradeReason.NOTHING_PERSONAL: N_("no data of a person was found in them"),
    GradeReason.KINDS_UNKNOWN: N_("whether they are about real people was not looked at, so we assume that they are"),
    GradeReason.PLAIN: N_("a way in is not encrypted (DICOM PS3.15 B.12 asks for TLS 1.2 or newer)"),
    GradeReason.WEAK_TLS: N_("its TLS is weaker than DICOM PS3.15 B.12 (BCP 195) asks for"),
    GradeReason.TITLE_ONLY: N_("its DICOM port rejected the AE titles that we used, and an AE title is a name, not a secret"),
    GradeReason.ADVISORIES: N_("its version has published vulnerabilities"),
    GradeReason.SAME_MACHINE: N_("it was asked from its own machine, and a grade is about the network"),
}  # fmt: skip
# What is no finding. All else that a connection showed is told by one.
_TRANSPORT = {
    Transport.CLIENT_CERTIFICATE: N_("a client certificate is demanded"),
    Transport.NOT_SEEN: N_("the TLS handshake was not completed"),
}
_DECOYS = {
    Decoy.HONEYPOT: N_("it answers as honeypot software does"),
    Decoy.CLUSTER: N_("the same configuration with the same counts stands in five networks or more"),
    Decoy.CALLS_ITSELF: N_("its own name says demonstration, phantom or test bed"),
    Decoy.BY_HAND_DECOY: N_("a person who reviewed it says that it is bait"),
    Decoy.BY_HAND_DEMONSTRATION: N_("a person who reviewed it says that it is a demonstration"),
    Decoy.BY_HAND_PHANTOM: N_("a person who reviewed it says that it holds phantoms only"),
}
_KINDS = {
    Kind.PATIENT_NAME: N_("patient name"),
    Kind.PATIENT_ID: N_("patient id"),
    Kind.OTHER_NAMES: N_("other names"),
    Kind.OTHER_IDS: N_("other ids"),
    Kind.BIRTH_DATE: N_("birth date"),
    Kind.SEX: N_("sex"),
    Kind.ADDRESS: N_("address"),
    Kind.TELEPHONE: N_("telephone"),
    Kind.EXAM_DATE: N_("exam date"),
    Kind.REFERRING_PHYSICIAN: N_("referring physician"),
    Kind.ATTENDING_PHYSICIAN: N_("attending physician"),
    Kind.PERFORMING_PHYSICIAN: N_("performing physician"),
    Kind.READING_PHYSICIAN: N_("reading physician"),
    Kind.OPERATOR: N_("operator"),
    Kind.INSTITUTION: N_("institution"),
    Kind.PURPOSE: N_("purpose"),
    Kind.PATIENT_COMMENTS: N_("patient comments"),
    Kind.ETHNIC_GROUP: N_("ethnic group"),
    Kind.RELIGION: N_("religion"),
    Kind.OCCUPATION: N_("occupation"),
    Kind.INSURANCE: N_("insurance"),
    Kind.MILITARY: N_("military"),
}
# A title and a sentence for each. Where a number decides its form, `Words.finding` has the sentence.
_FINDINGS = {
    FindingCode.DISCLOSES_RECORDS: (N_("Gives records to strangers"), N_("It gives patients' records to anybody who asks.")),
    FindingCode.HANDS_OUT_IMAGES: (N_("Hands out images to strangers"), N_("It hands out images to anybody who asks.")),
    FindingCode.FILE_LISTING: (N_("Lists its files to strangers"), N_("A web server shows a list of DICOM files to anybody who asks.")),
    FindingCode.PATIENT_LISTING: (N_("Lists its patients to strangers"), N_("A web page lists patients to anybody who asks.")),
    FindingCode.PERSONAL_DATA: (N_("Gives away personal data"), N_("Its records carry personal data: {about}.")),
    FindingCode.SSN_RECORDS: (N_("Gives away US social security numbers"), ""),
    FindingCode.NATIONAL_IDENTIFIERS: (N_("Gives away national identifiers"), ""),
    FindingCode.MAY_WRITE: (N_("Lets strangers delete and upload"), N_("As this product comes, anybody may also delete and upload. We did not try it.")),
    FindingCode.OTHER_ADDRESS: (N_("Closed at one address, open at another"), N_("At this address of its name it is open. At another one it refused us, or nothing answered: what guards that address does not guard this one.")),
    FindingCode.ANSWERS_STRANGERS: (N_("Answers strangers"), N_("It answers a stranger's query. It gave us no record; one that it holds, or is given later, may be open.")),
    FindingCode.LETS_STRANGERS_IN: (N_("Lets strangers in"), N_("It lets strangers in. It gave us no record, as far as we asked.")),
    FindingCode.TLS_LETS_IN: (N_("Its TLS lets anybody in"), N_("Its DICOM port speaks TLS and demands no certificate of whoever calls: TLS keeps nobody out.")),
    FindingCode.ADVISORY: (N_("Has a known vulnerability"), N_("Its version has a published vulnerability: {about}.")),
    FindingCode.TITLE_ONLY: (N_("Guarded by an AE title"), N_("It rejected the AE titles that we used. An AE title is a name, not a secret. Whether it checks more than that, such as the address of a device, cannot be told from outside.")),
    FindingCode.PLAIN_TRANSPORT: (N_("Not encrypted"), N_("Nothing is encrypted: whoever can listen on the way can read it.")),
    FindingCode.OLD_TLS: (N_("Old TLS"), N_("It accepts a version of TLS older than 1.2.")),
    FindingCode.ANONYMOUS_CIPHER: (N_("Anonymous cipher"), N_("It accepts a cipher that authenticates nobody.")),
    FindingCode.NO_FORWARD_SECRECY: (N_("No forward secrecy"), N_("It accepts a cipher without forward secrecy: whoever steals its key can read what was recorded before.")),
    FindingCode.NO_AEAD: (N_("No authenticated encryption"), N_("It accepts a cipher without authenticated encryption.")),
    FindingCode.SHORT_KEY: (N_("Short key"), N_("The key of its certificate is too short (RSA under 2048 bits, EC under 224).")),
    FindingCode.EXPIRED: (N_("Expired certificate"), N_("Its certificate has expired.")),
    FindingCode.NOT_YET_VALID: (N_("Certificate not valid yet"), N_("Its certificate is not valid yet.")),
    FindingCode.SELF_SIGNED: (N_("Self-signed certificate"), N_("Its certificate is self-signed.")),
    FindingCode.OTHER_NAME: (N_("Certificate for another name"), N_("Its certificate does not name it as it was asked.")),
    FindingCode.LOGIN_MAY_BE_KNOWN: (N_("Its login may be known to everybody"), N_("It demands a login. This product creates a user whose name and password everybody knows, unless its configuration says otherwise. We did not try it, so we cannot tell whether that user gets in.")),
}  # fmt: skip
QUANTITIES = {
    "patients": N_("patients"),
    "studies": N_("studies"),
    "series": N_("series"),
    "images": N_("images"),
}  # of one archive, in their order
_NOT_TRIED = {
    Depth.KNOCK: N_("At this depth no query was asked, nothing was counted, no personal attribute was looked at and no image was requested."),
    Depth.ASK: N_("At this depth nothing was counted, no personal attribute was looked at and no image was requested."),
    Depth.COUNT: N_("At this depth no personal attribute was looked at and no image was requested."),
    Depth.PROFILE: N_("At this depth no image was requested."),
    Depth.PROVE: "",
}  # fmt: skip
_NEVER_TRIED = N_("At no depth do we try a password, an AE title that the scope does not list or a client certificate, and we write nothing.")  # fmt: skip


class _Clause(NamedTuple):
    """Why an endpoint stands on its rung. `{said}`, `{ended}` and what the codes mean are its values."""

    text: str
    bare: str = ""  # where one of them is missing
    http: str = ""  # over HTTP


_REASONS = {
    Reason.NOTHING_ANSWERED: _Clause(N_("not reachable from here: {ended}"), N_("not reachable from here")),
    Reason.PORT_CLOSED: _Clause(N_("nothing listens there: {ended}"), N_("nothing listens there")),
    Reason.FILTERED: _Clause(N_("filtered: {ended}"), N_("filtered")),
    Reason.OUT_OF_SCOPE: _Clause("{ended}", N_("the scope does not allow it")),
    Reason.NO_ADDRESS: _Clause("{ended}", N_("the name has no address")),
    Reason.OWN_ERROR: _Clause("{ended}", N_("our own error, not the archive's")),
    Reason.NOT_IMAGING: _Clause("{ended}", N_("no imaging service was seen"), http=N_("it answered HTTP {code}, and no imaging service was seen")),
    Reason.CATCH_ALL: _Clause(N_("it answers HTTP 200 even for a path that cannot exist, and no imaging service was seen")),
    Reason.SPARED: _Clause(N_("it was left alone before all was asked: {ended}"), N_("it was left alone before all was asked")),
    Reason.CLIENT_CERTIFICATE: _Clause(
        N_("it speaks TLS, and we have no client certificate: {ended}"),
        N_("it speaks TLS, and a client certificate is demanded; without one nobody can see what is behind it"),
    ),
    Reason.REJECTED: _Clause(N_("the association was {rejection}")),
    Reason.ABORTED: _Clause(N_("the association was {abort}"), N_("the association was not completed")),
    Reason.CONTEXT_REFUSED: _Clause(N_("the association was accepted, but no query model (C-FIND)")),
    Reason.DEPTH: _Clause(
        N_("the association and its query model were accepted; no question was asked at this depth"),
        http=N_("the API answers without a login; no question was asked at this depth"),
    ),
    Reason.NEEDS_PERSONAL_DATA: _Clause(
        N_("without Study Root a question needs a patient id, which is personal data; without one: {status}"),
        http=N_("it answers a stranger's question that can have no answer; any other would put a patient's name on the wire, and was not asked at this depth"),
    ),
    Reason.FIND_ABORTED: _Clause(N_("the query was {abort}")),
    Reason.FIND_FAILED: _Clause(N_("the query was answered by: {status}")),
    Reason.FIND_BROKE_OFF: _Clause(N_("the query had no answer: {ended}"), N_("the query had no answer")),
    Reason.NO_RECORDS: _Clause(N_("its own counters say that it holds no records")),
    Reason.NOTHING_GIVEN: _Clause(N_("nothing was given to these questions, which is no proof that it holds nothing")),
    Reason.ROWS_UNNAMED: _Clause(N_("it answered with rows that name no study, which are no records")),
    Reason.RECORDS: _Clause(
        N_("it gave records to a stranger, asked for studies {young} to {old} days old"),
        N_("it gave records to a stranger"),
        http=N_("it gave records to a stranger, asked at {said}/studies"),
    ),
    Reason.IMAGE: _Clause(
        N_("it handed {code:,} bytes of an image to a stranger, dropped unread (transfer syntax {said})"),
        N_("it handed {code:,} bytes of an image to a stranger, dropped unread"),
    ),
    Reason.IMAGE_WADO_RS: _Clause(
        N_("it handed {code:,} bytes of an image to a stranger over WADO-RS, dropped unread ({said})"),
        N_("it handed {code:,} bytes of an image to a stranger over WADO-RS, dropped unread"),
    ),
    Reason.IMAGE_WADO_URI: _Clause(
        N_("it handed {code:,} bytes of an image to a stranger over WADO-URI, dropped unread ({said})"),
        N_("it handed {code:,} bytes of an image to a stranger over WADO-URI, dropped unread"),
    ),
    Reason.FILE: _Clause(N_("it handed {code:,} bytes of a file of its list to a stranger, dropped unread")),
    Reason.IMAGE_OFFERED: _Clause(
        N_("it offered an image to a stranger, and did not send it: {status}"),
        N_("it offered an image to a stranger, and did not send it"),
    ),
    Reason.IMAGE_NAMED: _Clause(N_("it gave records to a stranger, asked at {said}, and they say where the images are")),
    Reason.LOGIN: _Clause(N_("HTTP {code}, a login is demanded (realm “{said}”)"), N_("HTTP {code}, a login is demanded")),
    Reason.PAGE: _Clause(N_("the page of {said} is shown to a stranger"), N_("the page of a known product is shown to a stranger")),
    Reason.HTTP_STATUS: _Clause(N_("a question was answered by HTTP {code}")),
    Reason.COUNTER: _Clause(N_("its own counters, open to strangers, say that it holds records")),
}  # fmt: skip


# The same without the numbers of one archive, where these would part what is alike.
_IN_COMMON = {
    Reason.RECORDS: N_("it gave records to a stranger"),
    Reason.IMAGE: N_("it handed an image to a stranger, dropped unread"),
    Reason.IMAGE_WADO_RS: N_("it handed an image to a stranger over WADO-RS, dropped unread"),
    Reason.IMAGE_WADO_URI: N_("it handed an image to a stranger over WADO-URI, dropped unread"),
    Reason.FILE: N_("it handed a file of its list to a stranger, dropped unread"),
    Reason.LISTING: N_("a list of files shows DICOM files to a stranger"),
    Reason.PATIENTS: N_("a page lists patients to a stranger"),
}

# Of archives that a page names, in the order of `judge.ways.pages.NOT_CONTACTED`.
_NOT_CONTACTED = (
    N_("{n:,} at an address that no network of the scope allows"),
    N_("{n:,} at a port that the scope does not list"),
    N_("{n:,} by a name that the scope does not list"),
    N_("{n:,} in a way that we do not send"),
)

# Doubts of a total that are about the survey, and not about some of its archives.
OF_SURVEY = (
    DoubtCode.HOSTS_UNASKED,
    DoubtCode.NOTHING_REACHED,
    DoubtCode.HOSTS_UNDECIDED,
    DoubtCode.NOT_COMPARED,
    DoubtCode.OVERLAP,
    DoubtCode.PERHAPS_ONE,
    DoubtCode.PERHAPS_MORE,
)
# By `ask.targets.exports.seen.Dropped`: why what the user named is no target.
_DROPPED = {
    "outside-scope": N_("{n:,} outside the scope"),
    "excluded": N_("{n:,} excluded by the scope"),
    "opted-out": N_("{n:,} opted out"),
    "closed": N_("{n:,} not open"),
    "not-tcp": N_("{n:,} not TCP"),
    "repeated": N_("{n:,} named before"),
    "banner": N_("{n:,} what a service said"),
    "no-host": N_("{n:,} without a host"),
    "many-ports": N_("{n:,} of hosts with a great many open ports"),
}
# With nothing else in doubt, a lower bound is all studies that have a date.
_OF_UNDATED = (DoubtCode.UNDATED_UNASKED, DoubtCode.UNDATED_BEHIND_LIMIT, DoubtCode.UNDATED_UNPARTED)
_OF_CUT = (DoubtCode.STATUS, DoubtCode.MORE_NOT_GIVEN, DoubtCode.SAME_PAGE)  # how an archive cuts its answers off
_BY_STATUS = (Reason.FIND_FAILED, Reason.NEEDS_PERSONAL_DATA, Reason.IMAGE_OFFERED)


def with_a_date(doubts: Sequence[Doubt]) -> bool:
    """Whether a lower bound is all studies that have a date."""
    codes = [doubt.code for doubt in doubts]
    return bool(codes) and codes[0] in _OF_UNDATED and set(codes) <= {*_OF_UNDATED, *_OF_CUT}


_WHAT = {
    "clinic": N_("a clinic's archive"),
    "decoy": N_("bait"),
    "demonstration": N_("a demonstration"),
    "phantom": N_("an archive of phantoms"),
}


def withheld(total: Total) -> bool:
    """Whether the level of a document keeps it from its reader. It may be any number, and none."""
    return any(doubt.code is DoubtCode.WITHHELD for doubt in total.doubts)


class Words(Causes):
    """Everything that a card, a summary and a page say, in one language."""

    @property
    def of_strangers(self) -> Words:
        """The same language, for what is said of strangers wherever it was asked from."""
        return Words(self.code) if self.within else self

    def name(self, value: Rung | Depth | Provenance | Appearance | None) -> str:
        return self.say("unknown" if value is None else str(value))

    def rung(self, rung: Rung | None) -> str:
        """What a rung means."""
        return self.say("we could not find out") if rung is None else self.say(_RUNGS[rung])

    def dropped(self, dropped: Mapping[str, int]) -> str:
        """How much of what the user named is no target, and why. Empty where all of it is one."""
        told = [self.say(clause, n=dropped[why]) for why, clause in _DROPPED.items() if dropped.get(why)]
        return self.say("left out: {reasons}", reasons=", ".join(told)) if told else ""

    def kind(self, kind: Kind) -> str:
        return self.say(_KINDS[kind])

    def country(self, code: str) -> str:
        """Its name, or the code where no country that we know has it."""
        found = countries().get(code)
        return self.say(found.name) if found else code

    def reason(self, verdict: Verdict, protocol: Protocol | None = None) -> str:
        """Why an endpoint stands on its rung, as one clause."""
        code = verdict.codes[0] if verdict.codes else 0
        if verdict.why is Reason.PATIENTS:
            return self.many(
                "a page lists {n:,} patient to a stranger", "a page lists {n:,} patients to a stranger", code
            )
        if verdict.why is Reason.LISTING:
            if not code:
                return self.say("a list of files shows the index of a DICOM medium to a stranger")
            return self.many(
                "a list of files shows {n:,} DICOM file to a stranger",
                "a list of files shows {n:,} DICOM files to a stranger",
                code,
            )
        if verdict.why is Reason.PAGE and verdict.codes:
            shown = self.many(
                "the page of {said} is shown to a stranger; it names {n:,} archive that was not contacted",
                "the page of {said} is shown to a stranger; it names {n:,} archives that were not contacted",
                code,
                said=verdict.said,
            )
            each = zip(_NOT_CONTACTED, verdict.codes[1:], strict=False)
            why = ", ".join(self.say(clause, n=number) for clause, number in each if number)
            return f"{shown}: {why}" if why else shown
        ended = "" if verdict.stop is None else self.outcome(verdict.stop)
        clause, values = _REASONS[verdict.why], {"said": verdict.said, "ended": ended, **self._codes(verdict, ended)}
        text = (
            clause.http if clause.http and protocol is Protocol.HTTP and (verdict.codes or not ended) else clause.text
        )
        lacking = any(f"{{{name}}}" in text and value == "" for name, value in values.items())
        return self.say(clause.bare if lacking and clause.bare else text, **values)

    def common(self, verdict: Verdict, protocol: Protocol | None = None) -> str:
        """The same for all that stopped there alike, whatever the numbers of each."""
        if verdict.why in _IN_COMMON:
            return self.say(_IN_COMMON[verdict.why])
        return self.reason(verdict, protocol)

    def reason_of(self, judged: JudgedEndpoint) -> str:
        """The same, with the AE title that opened the way where the scope's owner gave it."""
        why = self.reason(judged.verdict, judged.observation.endpoint.protocol)
        facts = judged.observation.get(DimseFacts)
        if facts is None or not (facts.called_from_scope and facts.accepted):
            return why
        return self.say(
            "{reason} (when called by the AE title “{title}”, which the scope gave)", reason=why, title=facts.called
        )

    def way(self, judged: JudgedEndpoint, home: str) -> str:
        """One way into an archive, and how far a stranger gets there. `home` is the address of the archive."""
        endpoint, tls = judged.observation.endpoint, judged.observation.tls
        protocol = "DICOM" if endpoint.protocol is Protocol.DIMSE else "HTTP"
        where = self.say("{protocol} on port {port}", protocol=protocol, port=endpoint.port)
        if endpoint.address != home:
            where = self.say(
                "{protocol} at {address}, port {port}",
                protocol=protocol,
                address=endpoint.address,
                port=endpoint.port,
            )
        if tls is not None:
            where = self.say("{way} over {tls}", way=where, tls=self.tls(tls, judged.transport))
        return self.say("{way}: {reason}", way=where, reason=self.reason_of(judged))

    def _codes(self, verdict: Verdict, ended: str) -> dict[str, object]:
        """What the codes of a verdict mean; how it ended, where there are none."""
        codes = verdict.codes
        if verdict.why is Reason.REJECTED:
            return {"rejection": self.rejection(*codes)}
        if verdict.why in (Reason.ABORTED, Reason.FIND_ABORTED):
            unmet = self.say("not completed: {ended}", ended=ended) if ended else ""
            return {"abort": self.abort(*codes) if codes else unmet}
        if verdict.why in _BY_STATUS:
            return {"status": self.status(codes[0]) if codes else ended}
        if verdict.why is Reason.RECORDS:
            return dict(zip(("young", "old"), codes or ("", ""), strict=True))
        return {"code": codes[0] if codes else ""}

    def grade_reasons(self, reasons: Iterable[GradeReason]) -> tuple[str, ...]:
        """Why a grade is not better: a clause for each step."""
        return tuple(self.say(_GRADE_REASONS[reason]) for reason in reasons)

    def grade(self, grade: str | None, why: Iterable[str]) -> Iterator[str]:
        """Why an archive has this grade, or none; nothing where it has the best."""
        reasons = "; ".join(why)
        if grade is None and reasons:
            yield self.say("It has no grade: {reasons}.", reasons=reasons)
        elif grade is None:
            yield self.say("It has no grade: we could not find out enough.")
        elif reasons:
            yield self.say("Why its grade is {grade}: {reasons}.", grade=grade, reasons=reasons)

    def finding_title(self, code: FindingCode) -> str:
        return self.say(_FINDINGS[code][0])

    def finding(self, finding: Finding) -> str:
        """What is wrong, in one sentence."""
        if finding.code is FindingCode.SSN_RECORDS:
            return self.many(
                "{n:,} of its studies exposes a US social security number.",
                "{n:,} of its studies expose a US social security number.",
                finding.numbers["records"],
            )
        if finding.code is FindingCode.NATIONAL_IDENTIFIERS:
            return self.many(
                "{n:,} of its studies exposes a national identifier: {scheme}.",
                "{n:,} of its studies expose a national identifier: {scheme}.",
                finding.numbers["records"],
                scheme=self._about(finding),
            )
        if finding.code is FindingCode.TITLE_ONLY and finding.about:
            return self.say(
                "With the AE title “{about}” it let us in, and another title was rejected. Unless our address is one of its own devices, anybody who knows that title gets in: it is a name, not a secret.",
                about=finding.about,
            )
        return self.say(_FINDINGS[finding.code][1], **finding.numbers, about=self._about(finding))

    def _about(self, finding: Finding) -> str:
        if finding.code is FindingCode.ADVISORY:
            return self.advisory(finding.about)
        if finding.code is FindingCode.PERSONAL_DATA:
            return ", ".join(self.kind(Kind(kind)) for kind in finding.numbers)
        scheme = schemes().get(finding.about)
        return self.say(scheme.name) if scheme else finding.about

    def transport(self, code: str) -> str:
        """What a connection showed, as a title."""
        if code not in set(Transport):
            return code
        shown = Transport(code)
        return self.finding_title(OF_TRANSPORT[shown]) if shown in OF_TRANSPORT else self.say(_TRANSPORT[shown])

    def decoys(self, decoys: Iterable[Decoy]) -> tuple[str, ...]:
        """Why an archive is likely no clinic's."""
        return tuple(self.say(_DECOYS[decoy]) for decoy in decoys)

    def tls(self, facts: TlsFacts | None, transport: Iterable[Transport]) -> str:
        """What protects a way in."""
        if facts is None:
            return self.say("plain")
        held = facts.certificate
        ends = self.say("certificate until {date}", date=self.date(held.not_after)) if held is not None else ""
        shown = [self.say(_TRANSPORT[one]) for one in transport if one in _TRANSPORT]
        return ", ".join(filter(None, (facts.version or "TLS", ends, *shown)))

    def product(self, name: str, version: str, firm: bool) -> str:
        """Such as `Orthanc 1.12.1`, or `likely Orthanc` where one mark alone says so."""
        full = f"{name} {version}".strip()
        return full if firm or not name else self.say("likely {product}", product=full)

    def advisory(self, identity: str) -> str:
        """An advisory in one line; its id alone where this version does not know it."""
        row = advisories().get(identity)
        if row is None:
            return identity
        what = self.say(row.what)
        if not row.fixed:
            return self.say("{id}: {what}", id=identity, what=what)
        return self.say("{id}: {what} (fixed in {version})", id=identity, what=what, version=row.fixed)

    def advised(self, identity: str) -> str:
        """What an advisory is about, without its id."""
        row = advisories()[identity]
        if not row.fixed:
            return self.say(row.what)
        return self.say("{what} (fixed in {version})", what=self.say(row.what), version=row.fixed)

    def count(self, count: Count) -> str:
        """A number with how it was got, or why there is none."""
        if count.value is None:
            return self._unknown(count.at_least, count.doubts)
        how = self.name(count.how)
        if drawn := [doubt for doubt in count.doubts if doubt.code in (DoubtCode.DRAWN, DoubtCode.DRAWS_LOST)]:
            how = self.say("{how}: {why}", how=how, why=self.doubts(drawn))
        if count.low is None or count.high is None:
            return self.say("{value:,} ({how})", value=count.value, how=how)
        return self.say(
            "{value:,} ({how}; 95 %: {low:,} to {high:,})",
            value=count.value,
            how=how,
            low=count.low,
            high=count.high,
        )

    def found(self, found: KindFound) -> str:
        """How many studies carry a kind of personal data."""
        if found.records is None:
            return self._unknown(found.at_least, found.doubts)
        if found.how is not Provenance.ESTIMATED or not found.doubts:
            return self.count(Count(found.records, found.how, low=found.low, high=found.high))
        how = self.say("{how}: {why}", how=self.name(found.how), why=self.doubts(found.doubts))
        if found.low is None or found.high is None:
            return self.say("{value:,} ({how})", value=found.records, how=how)
        return self.say(
            "{value:,} ({how}; 95 %: {low:,} to {high:,})", value=found.records, how=how, low=found.low, high=found.high
        )

    def looks(self, found: KindFound) -> str:
        """What the values of a kind look like, with their shares where they look different."""
        if found.looks is None:
            return self.say("could not be read") if found.records and found.malformed else ""
        shares = {look: getattr(found, look) for look in Appearance if getattr(found, look)}
        if len(shares) < 2:
            return self.name(found.looks)
        first = sorted(shares, key=lambda look: (look is not found.looks, -shares[look]))
        return ", ".join(
            self.say("{share} {look}", share=self.share(shares[look]), look=self.name(look)) for look in first
        )

    def share(self, part: float) -> str:
        """A part of a whole, in per cent. What is rounded is never told as none or all of it."""
        if 0 < part < 0.005:
            return self.say("under 1%")
        return self.say("over 99%") if 0.995 <= part < 1 else self.say("{share:.0%}", share=part)

    def _unknown(self, at_least: int | None, doubts: Sequence[Doubt]) -> str:
        """A bound, where there is one, and why it is no number."""
        why = self.doubts(doubts)
        if at_least:
            bound = self.say("≥ {n:,}", n=at_least)
            if with_a_date(doubts):
                return self.say("{bound} (counted, studies with a date; {why})", bound=bound, why=why)
            return self.say("{bound} (at least: {why})", bound=bound, why=why) if why else bound
        return self.say("unknown: {why}", why=why) if why else self.say("unknown")

    def by_hand(self, found: ByHand) -> str:
        """What a person said of an archive."""
        day = f"{found.day:%Y-%m-%d}"
        if found.operator and not found.what:
            return self.say("Reviewed by {who} on {day}: run by {operator}.", who=found.who, day=day, operator=found.operator)  # fmt: skip
        what = self.say(_WHAT[found.what])
        if found.operator:
            return self.say("Reviewed by {who} on {day}: {what}, run by {operator}.", who=found.who, day=day, what=what, operator=found.operator)  # fmt: skip
        return self.say("Reviewed by {who} on {day}: {what}.", who=found.who, day=day, what=what)

    def amount(self, value: int | None, how: str, at_least: int | None) -> str:
        """The count of one archive as a figure: marked where it is an estimate, and a bound where it is not known."""
        if value is None:
            return self.say("≥ {n:,}", n=at_least) if at_least else self.say("unknown")
        return self.say("about {n:,}", n=value) if how == Provenance.ESTIMATED else self.number(value)

    def figure(self, total: Total) -> str:
        """A total as a figure; a bound where it is not known, and in words where it has none."""
        if total.measured is not None:
            return self.number(total.measured)
        if total.at_most is not None:
            return self.say("{low:,} to {high:,}", low=total.at_least or 0, high=total.at_most)
        if withheld(total):
            return self.say("not told")
        return self.say("≥ {n:,}", n=total.at_least) if total.at_least else self.say("unknown")

    def origin(self, total: Total, *, alone: bool = True) -> str:
        """How a total was got, and why it is no more than a bound. `alone`: also what is in doubt of the whole survey."""
        return "; ".join(filter(None, (self.got(total), self.why(total, alone=alone))))

    def got(self, total: Total) -> str:
        """How a total was got: its parts, and the ends of what was estimated."""
        bounded = total.low is not None and total.high is not None
        parts = {how: n for how, n in total.parts.items() if n or (bounded and how == Provenance.ESTIMATED)}
        figure = total.at_least if total.measured is None else total.measured
        if figure and list(parts.values()) == [figure]:
            said = [self.say(how) for how in parts]
        else:
            said = [self.say("{n:,} {how}", n=n, how=self.say(how)) for how, n in parts.items()]
        how = ", ".join(said) or ("" if total.measured is None else self.name(total.how))
        if total.low is None or total.high is None:
            return how
        return self.say("{how}; 95 %: {low:,} to {high:,}", how=how, low=total.low, high=total.high)

    def why(self, total: Total, *, alone: bool = True) -> str:
        """Why a total is no more than a bound or an estimate; empty where it is neither."""
        if total.measured is not None:
            return "" if total.low is None or total.high is None else self.doubts(total.doubts)
        return "; ".join(filter(None, self._why(total, alone=alone)))

    def _why(self, total: Total, *, alone: bool) -> Iterator[str]:
        """Why a total is not known: by the survey as a whole, then by its archives."""
        if alone:
            yield from (self.doubt(doubt) for doubt in total.doubts if doubt.code in OF_SURVEY)
        why = self.doubts(doubt for doubt in total.doubts if doubt.code not in OF_SURVEY)
        if not total.unknown_archives:
            yield why
            return
        found = list(self._archives(total))
        yield from found[:-1]
        yield self.say("{archives}: {why}", archives=found[-1], why=why)

    def _archives(self, total: Total) -> Iterator[str]:
        """Of how many open archives a total has a lower bound, and of how many it has nothing."""
        unknown, bounded, dated = (
            n or 0 for n in (total.unknown_archives, total.bounded_archives, total.dated_archives)
        )
        if n := dated:
            yield self.many(
                "counted, studies with a date, for {n:,} open archive",
                "counted, studies with a date, for {n:,} open archives",
                n,
            )
        if n := bounded - dated:
            yield self.many("a lower bound for {n:,} open archive", "a lower bound for {n:,} open archives", n)
        if n := unknown - bounded:
            yield self.many("unknown for {n:,} open archive", "unknown for {n:,} open archives", n)

    def total(self, total: Total, *, alone: bool = True) -> str:
        """A total with its origin, or why there is none."""
        figure, why = self.figure(total), self.origin(total, alone=alone)
        if not why:
            return figure
        if total.measured is None and not total.at_least and total.at_most is None:
            return self.say("{figure}: {why}", figure=figure, why=why)
        return self.say("{figure} ({why})", figure=figure, why=why)

    def identifier(self, found: Identifier) -> str:
        scheme = schemes().get(found.scheme)
        return self.say(
            "{scheme} as {kind}, studies: {count}; {share:.0%} of all, confidence {confidence:.0%}",
            scheme=self.say(scheme.name) if scheme else found.scheme,
            kind=self.kind(found.kind),
            count=self.count(Count(found.records, found.how, low=found.low, high=found.high)),
            share=found.share,
            confidence=found.confidence,
        )

    def not_tried(self, depth: Depth) -> tuple[str, ...]:
        """What a check at this depth did not do."""
        return tuple(self.say(text) for text in (_NOT_TRIED[depth], _NEVER_TRIED) if text)

    def span(self, began: datetime, ended: datetime | None) -> str:
        """From when to when; when it began alone, where it has not ended."""
        if ended is None:
            return self.time(began)
        if self.date(began) == self.date(ended):
            return self.say(
                "{date}, {began} to {ended} UTC",
                date=self.date(began),
                began=f"{utc(began):%H:%M}",
                ended=f"{utc(ended):%H:%M}",
            )
        return self.say("{began} to {ended}", began=self.time(began), ended=self.time(ended))

    def duration(self, seconds: float) -> str:
        """Such as `22 minutes`, rounded for a person."""
        if seconds < 90:
            return self.many("{n:,} second", "{n:,} seconds", max(1, round(seconds)))
        if seconds < 5400:
            return self.many("{n:,} minute", "{n:,} minutes", round(seconds / 60))
        if seconds < 48 * 3600:
            return self.say("{hours:.1f} hours", hours=seconds / 3600)
        return self.say("{days:.1f} days", days=seconds / 86400)


def borrowed() -> Iterator[str]:
    """English that stands outside of `tell` and is said here: it belongs into the catalogue too."""
    for names in NAMES:
        yield from map(str, names)
    for table in (dicom.REJECT_RESULT, dicom.REJECT_SOURCE, dicom.ABORT_SOURCE, dicom.ABORT_REASON, dicom.STATUS_WORDS):
        yield from table.values()
    yield from dicom.REJECT_REASON.values()
    yield from (row.what for row in advisories().values())
    yield from (scheme.name for scheme in schemes().values())
    yield from (country.name for country in countries().values())
