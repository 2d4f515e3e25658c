"""Words for what ended a conversation and for what leaves a number in doubt. Records hold codes and numbers only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from filmbadge.catalogue import dicom
from filmbadge.model import Cause, Doubt, DoubtCode, Outcome, OutcomeKind
from filmbadge.tell.language import N_, Language

_ENDINGS = {
    OutcomeKind.COMPLETED: N_("it ended in order"),
    OutcomeKind.REFUSED: N_("the connection was refused"),
    OutcomeKind.UNREACHABLE: N_("the address cannot be reached"),
    OutcomeKind.NO_ADDRESS: N_("the name has no address"),
    OutcomeKind.NO_ANSWER: N_("nothing answered the connect"),
    OutcomeKind.CLOSED: N_("the peer closed the connection"),
    OutcomeKind.RESET: N_("the peer reset the connection"),
    OutcomeKind.IDLE: N_("the peer fell silent"),
    OutcomeKind.TIME_CAP: N_("it took too long, and we ended it"),
    OutcomeKind.BYTE_CAP: N_("too many bytes came, and we ended it"),
    OutcomeKind.OTHER_PROTOCOL: N_("the peer speaks another protocol"),
    OutcomeKind.TLS_FAILED: N_("TLS failed"),
    OutcomeKind.BROKEN: N_("the peer broke the protocol"),
    OutcomeKind.REJECTED: N_("the association was rejected"),
    OutcomeKind.ABORTED: N_("the association was aborted"),
    OutcomeKind.INTERRUPTED: N_("we were told to stop"),
    OutcomeKind.SPARED: N_("the archive was left alone"),
    OutcomeKind.OUT_OF_SCOPE: N_("the address is out of scope"),
    OutcomeKind.OWN_ERROR: N_("our own error, not the archive's"),
}
_CAUSES = {
    Cause.NO_ENDING: N_("the connection has no known ending"),
    Cause.SCOPE_EXPIRED: N_("out of scope: the scope has expired"),
    Cause.LEASE_ENDED: N_("the lease of the process that asked it has ended"),
    Cause.NOT_LEASED: N_("the process that was to ask it has no lease of its network"),
    Cause.NOT_IN_SCOPE: N_("out of scope: no network of the scope allows the address"),
    Cause.PORT_NOT_IN_SCOPE: N_("out of scope: the scope does not list the port, and nobody named it"),
    Cause.NAME_NOT_IN_SCOPE: N_("out of scope: a peer gave a name that the scope does not list"),
    Cause.LOOK_UP_LIMIT: N_("no name server answered for the name within {seconds:g} s"),
    Cause.LOOK_UP_FAILED: N_("no name server answered for the name, or it failed"),
    Cause.NO_SCOPE_FILE: N_("out of scope: no network outside this machine is allowed without a scope file"),
    Cause.NAME_UNKNOWN: N_("the name has no address"),
    Cause.REFERENCE_REFUSED: N_("what the peer wrote is no reference to a page, or none that we send"),
    Cause.CONNECT_LIMIT: N_("the connect had no answer within {seconds:g} s"),
    Cause.DURING_CONNECT: N_("the peer reset the connection during the connect"),
    Cause.TOO_MANY_FILES: N_("this machine has no file descriptors left: lower pace.open_at_once or raise ulimit -n"),
    Cause.NO_ROUTE: N_("this machine has no route to that network"),
    Cause.PROHIBITED: N_("a router on the way prohibited it"),
    Cause.HANDSHAKE_LIMIT: N_("the TLS handshake did not end within {seconds:g} s"),
    Cause.HANDSHAKE_FAILED: N_("our TLS library could not complete the handshake"),
    Cause.TLS_ALERT: N_("the peer refused TLS: {words} ({alert})"),
    Cause.CERTIFICATE_ASKED: N_("{ending}, after it had asked for a client certificate"),
    Cause.IDLE_LIMIT: N_("no byte came for {seconds:g} s"),
    Cause.TIME_LIMIT: N_("it took more than {seconds:g} s, and we ended it"),
    Cause.BYTE_LIMIT: N_("more than {bytes:,} bytes came, and we ended it"),
    Cause.CONNECTION_LIMIT: N_("more than {connections:,} connections were needed, and we ended it"),
    Cause.STOPPED_IN_ORDER: N_("we were told to stop, and closed in order"),
    Cause.STOPPED_AT_ONCE: N_("we were told to stop, and broke off"),
    Cause.DISTRESS: N_("the archive showed distress, and was left alone"),
    Cause.NOT_TLS: N_("the peer answered in bytes that are not TLS"),
    Cause.SPOKE_HTTP: N_("the peer answered in HTTP"),
    Cause.SPOKE_SSH: N_("the peer answered in SSH"),
    Cause.SPOKE_TLS: N_("the peer answered in TLS"),
    Cause.SPOKE_FTP_OR_SMTP: N_("the peer answered in FTP or SMTP"),
    Cause.SPOKE_VNC: N_("the peer answered in VNC"),
    Cause.SPOKE_TELNET: N_("the peer answered in Telnet"),
    Cause.SPOKE_HL7: N_("the peer answered in HL7 (MLLP)"),
    Cause.SPOKE_MARKUP: N_("the peer answered in markup"),
    Cause.SPOKE_OTHER: N_("the peer answered in bytes of another protocol"),
    Cause.HTTP_STATUS: N_("the last answer was HTTP {status}"),
    Cause.PAGES: N_("the number of pages that were answered is {pages:,}"),
    Cause.HTTP_MALFORMED: N_("an HTTP response is malformed"),
    Cause.HTTP_CUT_OFF: N_("an HTTP response breaks off"),
    Cause.BODY_CUT_OFF: N_("a compressed body breaks off"),
    Cause.CONTENT_CODING: N_("a body has a content coding that was not asked for"),
    Cause.REJECTED: N_("the association was {words}"),
    Cause.ABORTED: N_("the association was {words}"),
    Cause.RELEASED: N_("the peer released the association"),
    Cause.NO_RELEASE_RESPONSE: N_("the peer closed the connection without a release response"),
    Cause.WENT_ON: N_("the archive went on after C-CANCEL"),
    Cause.NO_INSTANCE: N_("the archive named no instance to ask for"),
    Cause.UNIT_TOO_LONG: N_("a unit is longer than {limit:,} bytes"),
    Cause.UNKNOWN_PDU: N_("PDU type 0x{type:02X} does not exist"),
    Cause.UNEXPECTED_PDU: N_("PDU type 0x{type:02X} is not expected in state Sta{state}"),
    Cause.PDU_TOO_LONG: N_("a PDU of type 0x{type:02X} announces {length:,} bytes; at most {limit:,} were agreed"),
    Cause.PDU_LENGTH: N_("a PDU of type 0x{type:02X} has {length:,} bytes, which is no valid length"),
    Cause.PROTOCOL_VERSION: N_("an A-ASSOCIATE does not know protocol version 1"),
    Cause.CONTEXT_LENGTH: N_("a presentation context item has {length} bytes, which is too short"),
    Cause.ITEM_CUT_OFF: N_("the item header at offset {offset} is cut off"),
    Cause.ITEM_TOO_LONG: N_("the item at offset {offset} is longer than what it is in"),
    Cause.VALUE_CUT_OFF: N_("the presentation data value at offset {offset} is cut off"),
    Cause.VALUE_LENGTH: N_("the presentation data value at offset {offset} announces {length:,} bytes"),
    Cause.UNPROPOSED_CONTEXT: N_("presentation context {context} was not proposed"),
    Cause.UNACCEPTED_CONTEXT: N_("the presentation context of a question was not accepted"),
    Cause.COMMAND_TOO_LONG: N_("a command set is longer than {limit:,} bytes"),
    Cause.COMMAND_TOO_EARLY: N_("a command came before the data set of the one before it"),
    Cause.COMMAND_ELEMENT: N_("the element at offset {offset} does not belong or fit into its command set"),
    Cause.COMMAND_NUMBER: N_("the command element (0000,{element:04X}) has {length} bytes in place of 2"),
    Cause.COMMAND_FIELD_MISSING: N_("a command set has no command field"),
    Cause.UNEXPECTED_COMMAND: N_("command 0x{field:04X} is not expected"),
    Cause.OTHER_MESSAGE: N_("a response is to message {message}, and message {expected} was asked"),
    Cause.STATUS_MISSING: N_("a response has no status"),
    Cause.IDENTIFIER_MISSING: N_("a pending response has no identifier"),
    Cause.DATA_SET_TOO_LONG: N_("a data set is longer than {limit:,} bytes"),
    Cause.HEADER_CUT_OFF: N_("the element header at offset {offset} is cut off"),
    Cause.VR_INVALID: N_("the element at offset {offset} has no valid VR"),
    Cause.ELEMENT_TOO_LONG: N_("the element at offset {offset} is longer than its data set"),
    Cause.ITEM_MISPLACED: N_("the item tag at offset {offset} is out of place"),
    Cause.SEQUENCE_UNOPENED: N_("the sequence delimiter at offset {offset} ends no sequence"),
    Cause.SEQUENCE_UNENDED: N_("a sequence of undefined length does not end"),
    Cause.NESTED_TOO_DEEP: N_("more than {limit} sequences are nested at offset {offset}"),
}
_ALERTS = {
    10: N_("unexpected message"), 20: N_("bad record MAC"), 22: N_("record overflow"), 40: N_("handshake failure"),
    41: N_("no certificate"), 42: N_("bad certificate"), 43: N_("unsupported certificate"), 46: N_("certificate unknown"),
    47: N_("illegal parameter"), 48: N_("unknown CA"), 49: N_("access denied"), 50: N_("decode error"), 51: N_("decrypt error"),
    70: N_("protocol version"), 71: N_("insufficient security"), 80: N_("internal error"), 86: N_("inappropriate fallback"),
    109: N_("missing extension"), 110: N_("unsupported extension"), 112: N_("unrecognized name"), 116: N_("certificate required"),
    120: N_("no application protocol"),
}  # fmt: skip
_DOUBTS = {
    DoubtCode.CUT_OFF: N_("an answer of {rows:,} rows looks like a limit of the archive, and some studies in it have no date"),
    DoubtCode.UNCHECKED: N_("no smaller question could show that an answer of {rows:,} rows is whole"),
    DoubtCode.ONLY_WITH_KEY: N_("it gives nothing without a matching key, and studies without a value for that may be missing"),
    DoubtCode.NO_LIST: N_("it does not list all studies, so those without a date could not be looked for"),
    DoubtCode.LIST_SHORT: N_("the question for all studies brought {listed:,} of the {studies:,} that are known"),
    DoubtCode.LIST_TOO_LONG: N_("it has more than {rows:,} studies, and the question for all of them was ended by us"),
    DoubtCode.NO_TIME: N_("a day holds more studies than an answer, and those without a time are in no part of it"),
    DoubtCode.WINDOW_FULL: N_("a window holds more studies than an answer, and cannot be parted further"),
    DoubtCode.DATES_IGNORED: N_("it does not look at dates, so its answers cannot be checked by parting them"),
    DoubtCode.UNDATED_UNPARTED: N_("no range of dates brings {undated:,} of the studies, and no other key showed that there are no more of them"),
    DoubtCode.RANGES_NARROW: N_("it answers ranges of {days:,} days at most, so not all dates were asked for"),
    DoubtCode.STUDIES_CHANGE: N_("its answers cannot be added up: {studies:,} studies in all, {largest:,} in the largest, and nothing shows that it still has those that it gave first"),
    DoubtCode.WALK_UNCHECKED: N_("an answer of {rows:,} rows below a study may have been cut off"),
    DoubtCode.COUNTS_CONTRADICTED: N_("some studies hold other numbers of series or images than the archive says"),
    DoubtCode.UNDATED_BEHIND_LIMIT: N_("answers end at {rows:,} rows, so studies without a date could not be looked for"),
    DoubtCode.UNDATED_UNASKED: N_("studies without a date were not looked for: the scope allows an answer of {studies:,} studies at most, by what answers cost this archive"),
    DoubtCode.REFUSALS: N_("it refused {questions:,} questions one after the other"),
    DoubtCode.HTTP_STATUS: N_("a question was answered by HTTP {status}"),
    DoubtCode.ANSWER_BROKEN: N_("an answer breaks off, or holds no records"),
    DoubtCode.ANSWER_TOO_LONG: N_("an answer is longer than {bytes:,} bytes"),
    DoubtCode.MORE_NOT_GIVEN: N_("it said that there is more, and did not give it"),
    DoubtCode.SAME_PAGE: N_("it gives the same page again at another offset"),
    DoubtCode.WITHOUT_UID: N_("{rows:,} of the rows have no usable Study Instance UID"),
    DoubtCode.REPEATED: N_("{rows:,} rows repeat {uids:,} UIDs"),
    DoubtCode.REPEATED_UNEVENLY: N_("{rows:,} rows repeat {uids:,} UIDs, and asking again brought {again:,} rows"),
    DoubtCode.NOT_ENDED: N_("the census did not end"),
    DoubtCode.BUDGET_QUESTIONS: N_("the scope's budget of {questions:,} questions for a census ended"),
    DoubtCode.BUDGET_BYTES: N_("the scope's budget of {bytes:,} bytes for a census ended"),
    DoubtCode.MEMORY: N_("more came than could be told apart in the scope's {bytes:,} bytes of memory"),
    DoubtCode.BUDGET_TIME: N_("the scope's budget of {seconds:,} seconds for a census ended"),
    DoubtCode.STATUS: N_("a question ended with {words}"),
    DoubtCode.MALFORMED: N_("rows that are malformed: {rows:,}"),
    DoubtCode.OTHER_NUMBER: N_("it has {studies:,} studies, and gave {records:,} when asked for their personal attributes"),
    DoubtCode.NEEDS_PROFILE: N_("it rests on personal data, which is looked at from depth profile on"),
    DoubtCode.NEEDS_PROVE: N_("it needs depth prove"),
    DoubtCode.NOT_COUNTED_AT_DEPTH: N_("it is not counted at this depth"),
    DoubtCode.NOT_ASKED_AT_DEPTH: N_("it was not asked at this depth"),
    DoubtCode.NOT_ASKED: N_("it was not asked"),
    DoubtCode.NOT_FOUND_OUT: N_("we could not find out"),
    DoubtCode.GIVES_NOTHING: N_("it gives nothing to strangers"),
    DoubtCode.NOTHING_GIVEN: N_("nothing was given to these questions, which is no proof that it holds nothing"),
    DoubtCode.FILES_UNTOLD: N_("a list of files does not tell studies"),
    DoubtCode.WAYS_UNTOLD: N_("no way in that is open tells it"),
    DoubtCode.PAGE_NOT_ASKED: N_("we did not ask what its page shows to whom"),
    DoubtCode.COUNTER_SILENT: N_("the archive's own counters do not say it"),
    DoubtCode.CENSUS_EMPTY: N_("the census found nothing, though a question before it had found something"),
    DoubtCode.FOLDERS_MISSED: N_("not every folder was looked into"),
    DoubtCode.NOT_KNOWN_FOR_ALL: N_("it is not known for every study"),
    DoubtCode.KNOWN_FOR: N_("known for {known:,} of {studies:,} studies"),
    DoubtCode.INSPECTED: N_("known for {records:,} studies"),
    DoubtCode.NOT_ALL_INSPECTED: N_("not every record was looked at"),
    DoubtCode.WITHOUT_PATIENT_ID: N_("studies that have no patient id: {studies:,}"),
    DoubtCode.CONTRADICTED: N_("its numbers contradict each other: {one:,} and {other:,}"),
    DoubtCode.WAYS_UNPROVEN: N_("nothing shows whether its ways in lead to one archive or to several"),
    DoubtCode.NO_IMAGE_CAME: N_("no image came when one was asked for, which is no proof that none would"),
    DoubtCode.AVAILABILITY_UNSAID: N_("it hands out images, and does not say which of them can be had"),
    DoubtCode.DRAWN: N_("{delivered:,} of {drawn:,} images drawn by lot came"),
    DoubtCode.DRAWS_LOST: N_("images drawn by lot of which nothing is known: {draws:,}"),
    DoubtCode.WIDE_INTERVAL: N_("its interval is wide: the truth may be {percent} % off, to either side"),
    DoubtCode.AVAILABILITY_PARTLY: N_("it does not say of {silent:,} of {studies:,} studies whether they can be had"),
    DoubtCode.NINE_DIGITS: N_("the ids of {records:,} studies have nine digits, which may be a social security number or not"),
    DoubtCode.MAYBE_SSN: N_("its ids have nine digits, and may be social security numbers or not"),
    DoubtCode.NO_COUNTRY_DATA: N_("it was judged by a version that read no country data: filmbadge judge judges it again"),
    DoubtCode.NOT_ATTRIBUTED: N_("open archives that no source attributes to a country: {archives:,}"),
    DoubtCode.SURVEY_NOT_ENDED: N_("it is found out when a survey ends"),
    DoubtCode.BEFORE_RESUME: N_("an archive was asked in a run before --resume, and what that run learned of ids is gone"),
    DoubtCode.IDS_UNREAD: N_("not all patient ids were read"),
    DoubtCode.GROUPED_OTHERWISE: N_("the ids were counted for archives that were grouped otherwise"),
    DoubtCode.HOSTS_UNASKED: N_("hosts not asked: {hosts:,}"),
    DoubtCode.HOSTS_UNDECIDED: N_("hosts undecided: {hosts:,}"),
    DoubtCode.NOTHING_REACHED: N_("nothing could be reached; hosts that gave no answer: {hosts:,}"),
    DoubtCode.NOT_COMPARED: N_("some archives may be one"),
    DoubtCode.OVERLAP: N_("archives that hold some of the same studies: {archives:,}"),
    DoubtCode.PERHAPS_ONE: N_("archives that may be one: {archives:,}"),
    DoubtCode.ALIKE: N_("archives that look alike in one network, and may be one: {archives:,}"),
    DoubtCode.PERHAPS_MORE: N_("ways in that may lead to archives of their own: {archives:,}"),
    DoubtCode.ROUNDED: N_("rounded down"),
    DoubtCode.WITHHELD: N_("it would tell of single archives"),
}  # fmt: skip


class Causes(Language):
    """Endings, doubts, and the standard's codes that are in them, in one language."""

    def outcome(self, stop: Outcome) -> str:
        """A clause for one ending."""
        ending = self.say(_ENDINGS[stop.ending])
        if stop.cause is None:
            said = ending
        else:
            said = self.say(_CAUSES[stop.cause], **stop.numbers, **self._words(stop), ending=ending)
            if stop.ending in (OutcomeKind.BROKEN, OutcomeKind.OWN_ERROR):
                said = self.say("{ending}: {cause}", ending=ending, cause=said)
        return self.say("{ending} ({error})", ending=said, error=stop.error) if stop.error else said

    def _words(self, stop: Outcome) -> dict[str, object]:
        """What a clause says in place of some numbers of an ending."""
        numbers = stop.numbers
        match stop.cause:
            case Cause.TLS_ALERT:
                return {"words": self._word(_ALERTS, numbers["alert"], N_("alert"))}
            case Cause.REJECTED:
                return {"words": self.rejection(**numbers)}
            case Cause.ABORTED:
                return {"words": self.abort(**numbers)}
        return {"seconds": numbers["milliseconds"] / 1000} if "milliseconds" in numbers else {}

    def doubt(self, found: Doubt) -> str:
        """A clause for one doubt."""
        if found.stop is not None:
            return self.outcome(found.stop)
        words = {"words": self.status(found.numbers["status"])} if found.code is DoubtCode.STATUS else {}
        return self.say(_DOUBTS[found.code], **found.numbers, **words)

    def doubts(self, found: Iterable[Doubt]) -> str:
        return "; ".join(map(self.doubt, found))

    def rejection(self, result: int, source: int, reason: int) -> str:
        """A-ASSOCIATE-RJ in words, PS3.8 9.3.4."""
        return self.say(
            "{result} rejected by the {source}: {reason}",
            result=self._word(dicom.REJECT_RESULT, result, N_("with result {code}")),
            source=self._word(dicom.REJECT_SOURCE, source, N_("source {code}")),
            reason=self.say(dicom.REJECT_REASON.get((source, reason), N_("reason {code}")), code=reason),
        )

    def abort(self, source: int, reason: int) -> str:
        """A-ABORT in words, PS3.8 9.3.8. Only a provider's abort has a reason."""
        by = self._word(dicom.ABORT_SOURCE, source, N_("source {code}"))
        if source != 2:
            return self.say("aborted by the {source}", source=by)
        why = self._word(dicom.ABORT_REASON, reason, N_("reason {code}"))
        return self.say("aborted by the {source}: {reason}", source=by, reason=why)

    def status(self, status: int) -> str:
        """A DIMSE status in words, with its code."""
        unnamed = N_("unable to process") if status & 0xF000 == 0xC000 else N_("unknown status")
        return f"{self._word(dicom.STATUS_WORDS, status, unnamed)} (0x{status:04X})"

    def _word(self, table: Mapping[int, str], code: int, unnamed: str) -> str:
        return self.say(table.get(code, unnamed), code=code)
