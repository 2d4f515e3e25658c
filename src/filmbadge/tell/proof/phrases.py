"""The codes of a proof of closure in words."""

from __future__ import annotations

from filmbadge.compare.closure import Limit, Result, State, Unproven
from filmbadge.tell.language import N_

STATES = {
    State.REFUSED: N_("connection refused"),
    State.FILTERED: N_("filtered"),
    State.REJECTED: N_("association rejected"),
    State.QUERY_ABORTED: N_("aborted at the query"),
    State.QUERY_REFUSED: N_("query refused"),
    State.NO_QUERY: N_("no query offered"),
    State.CLIENT_CERTIFICATE: N_("client certificate demanded"),
    State.CLOSED_AFTER_TLS: N_("hung up after TLS"),
    State.LOGIN: N_("login demanded"),
    State.FORBIDDEN: N_("access forbidden"),
    State.OTHER_SERVICE: N_("another service"),
    State.MOVED: N_("likely moved"),
    State.STILL_OPEN: N_("still open"),
    State.INCONCLUSIVE: N_("inconclusive"),
}
MEANINGS = {
    State.REFUSED: N_("Its host refuses the connection: nothing listens there."),
    State.FILTERED: N_("Something keeps us from this port, while its host answers at another port."),
    State.REJECTED: N_("It rejects the association of a stranger."),
    State.QUERY_ABORTED: N_("It takes the association of a stranger, and aborts it at the query."),
    State.QUERY_REFUSED: N_("It refuses the query of a stranger."),
    State.NO_QUERY: N_("It lets a stranger in, and offers none of the queries that we ask."),
    State.CLIENT_CERTIFICATE: N_("It demands a client certificate, and gives nothing without one."),
    State.CLOSED_AFTER_TLS: N_("It asked for a client certificate, got none, and hung up without an answer."),
    State.LOGIN: N_("It demands a login. Nobody tried a password."),
    State.FORBIDDEN: N_("It forbids access to a stranger."),
    State.OTHER_SERVICE: N_("Another service, or a page without records, answers there now."),
    State.MOVED: N_("It gives nothing there now, and what is likely the same archive is open elsewhere."),
    State.STILL_OPEN: N_("It still gives records to strangers."),
    State.INCONCLUSIVE: N_("What it answered does not prove that it is closed."),
}
UNPROVEN = {
    Unproven.NOT_REACHABLE: N_("Nothing answered at any port of its host: it is not reachable from here, which proves nothing."),
    Unproven.NOT_ASKED: N_("It was not asked, so we cannot tell."),
    Unproven.LESS_DEEP: N_("It was asked less deep than before, so a question was left out that may have an answer."),
    Unproven.OTHER_TITLE: N_("Before, it was called by an AE title that was not used now, and that title may still open it."),
    Unproven.DEPTH: N_("At this depth the question that would tell is not asked."),
    Unproven.EMPTIED: N_("It answers strangers, and holds nothing: what comes in next would be open."),
    Unproven.NO_PROOF: N_("A time-out, a connection that was dropped or an answer that we do not know is no proof."),
    Unproven.OTHER_QUERIES: N_("It still lets strangers in. A query that we do not ask, such as that of a worklist, or images that are asked for by their number, may be open: ask the owner to let in only known devices."),
    Unproven.KNOWN_ACCOUNT: N_("This product may have an account whose password is known to everybody. We never try it: ask the owner whether that account is gone."),
}  # fmt: skip
LIMITS = {
    Limit.LESS_DEEP: N_("Before, it was asked to depth {before}; now only to depth {now}. An answer to a question that was left out is not known."),
    Limit.OTHER_TITLE: N_("Before, the scope named AE titles that were not used now: name them in this scope too."),
    Limit.STANDPOINT: N_("Before, it was asked over a network. Now it was asked from its own machine, which proves nothing for the network."),
    Limit.ADDRESS_NOT_ASKED: N_("Not every address at which it was open before, or that its name has, was asked: verify each of them."),
    Limit.BROKE_OFF: N_("Not everything was asked: {fault}."),
    Limit.ADDRESS_SILENT: N_("Nothing answered at another address of it, which is not reachable from here."),
    Limit.OTHER_UNDECIDED: N_("At another port something is new, and we cannot tell what: the archive may have moved there."),
    Limit.OTHER_OPEN: N_("A way in is open that was not open before. It may be another archive."),
}  # fmt: skip
HEADLINES = {
    Result.CLOSED: N_("{target}: closed. Every way in that was open gives nothing to strangers now."),
    Result.AS_SEEN: N_("{target}: closed, as far as can be seen from outside. Its owner must say the rest."),
    Result.INCONCLUSIVE: N_("{target}: it is not proven that it is closed."),
    Result.OPEN: N_("{target}: not closed. Strangers still get records."),
}
# Asked from its own machine.
HERE = {
    **HEADLINES,
    Result.CLOSED: N_("{target}: closed to programs on this machine. That is no proof for the network."),
    Result.AS_SEEN: N_("{target}: closed to programs on this machine, as far as they can see. Its owner must say the rest."),
    Result.OPEN: N_("{target}: not closed. Programs on this machine still get records."),
}  # fmt: skip
METHOD = (
    N_("Every way in that was open was asked again as a stranger asks: without a password, without a client certificate and without an AE title that the scope does not name. All ports that were asked before, and those of the scope, were asked too."),
    N_("Closed means that the answer itself proves that a stranger gets nothing there. What we gave up on, or do not know, proves nothing. A filtered port counts only where its host answers at another port."),
    N_("This holds at the times and from the addresses that are named here. It does not tell what somebody gets who comes from another address, or who has a password or a certificate."),
)  # fmt: skip
