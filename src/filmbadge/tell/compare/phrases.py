"""The codes of a comparison in words."""

from __future__ import annotations

from filmbadge.compare.records import By, ChangeKind, Difference, Quality
from filmbadge.model import Kind
from filmbadge.tell.language import N_
from filmbadge.tell.words import Words

KINDS = {
    ChangeKind.NEW: N_("newly open"),
    ChangeKind.GONE: N_("gone"),
    ChangeKind.CLOSED: N_("closed"),
    ChangeKind.STILL_OPEN: N_("still open, as before"),
    ChangeKind.WORSE: N_("still open, and gives away more"),
    ChangeKind.BETTER: N_("still open, and gives away less"),
    ChangeKind.MOVED: N_("still open at another address or port (likely)"),
    ChangeKind.NOT_COMPARED: N_("not compared"),
}
SHORT = {
    ChangeKind.NEW: N_("new"),
    ChangeKind.GONE: N_("gone"),
    ChangeKind.CLOSED: N_("closed"),
    ChangeKind.STILL_OPEN: N_("as before"),
    ChangeKind.WORSE: N_("gives more"),
    ChangeKind.BETTER: N_("gives less"),
    ChangeKind.MOVED: N_("moved"),
    ChangeKind.NOT_COMPARED: N_("not compared"),
}
BY = {
    By.LOGIN: N_("behind a login, or access forbidden"),
    By.CLIENT_CERTIFICATE: N_("behind TLS that demands a client certificate"),
    By.REJECTED: N_("association rejected"),
    By.QUERY_REFUSED: N_("query refused"),
    By.CONTEXT_REFUSED: N_("no query offered to a stranger"),
    By.ABORTED: N_("association aborted at the query"),
    By.EMPTIED: N_("empty, as its own counters say"),
    By.OTHER_SERVICE: N_("another service, or a page without records"),
    By.FILTERED: N_("port filtered, while its host answers"),
    By.REFUSED: N_("connection refused"),
    By.NOTHING_ANSWERS: N_("nothing answers: the machine is away, or all of it is filtered"),
    By.ANOTHER_ARCHIVE: N_("another archive at its address (likely)"),
    By.KEY: N_("recognised by its TLS key"),
    By.CONFIGURATION: N_("recognised by its configuration and its numbers"),
    By.ADDRESS: N_("recognised by its address: another way in is open there"),
    By.OTHER_WAY: N_("at its address another way in is open, which may be its own"),
    By.DECOY: N_("likely a decoy in one of both surveys"),
    By.GROUPED_OTHERWISE: N_("its ways in are part of another archive in the other survey"),
    By.OPTED_OUT: N_("opted out before the other survey"),
    By.EXCLUDED: N_("excluded from the other survey"),
    By.INTERRUPTED: N_("the other survey ended before its host was asked"),
    By.HOST_NOT_ASKED: N_("its host was not asked in the other survey"),
    By.PORT_NOT_ASKED: N_("its port was not asked in the other survey"),
    By.OTHER_DEPTH: N_("the other survey did not ask so deep"),
    By.NETWORK_SILENT: N_("nothing of its network answered, which may lie at our own line"),
    By.NOTHING_REACHED: N_("the other survey reached nothing at all"),
    By.INCONCLUSIVE: N_("what we saw in the other survey proves nothing"),
}
QUALITIES = {
    Quality.RUNG: N_("rung"),
    Quality.GRADE: N_("grade"),
    Quality.KINDS: N_("kinds of personal data"),
    Quality.SSN_RECORDS: N_("studies with a US social security number"),
    Quality.IMAGES_RETRIEVABLE: N_("images retrievable"),
    Quality.PATIENTS: N_("patients"),
    Quality.STUDIES: N_("studies"),
    Quality.SERIES: N_("series"),
    Quality.IMAGES: N_("images"),
}


def kind(code: ChangeKind, words: Words) -> str:
    return words.say(KINDS[code])


def short(code: ChangeKind, words: Words) -> str:
    return words.say(SHORT[code])


def by(code: By, words: Words) -> str:
    return words.say(BY[code])


def sentence(kind: ChangeKind, code: By | None, words: Words) -> str:
    """What became of an archive, and how that is known."""
    what = words.say(KINDS[kind])
    if code is None:
        return what
    if kind is ChangeKind.NEW:
        return words.say("{what}; before: {how}", what=what, how=by(code, words))
    return words.say("{what}: {how}", what=what, how=by(code, words))


def difference(one: Difference, words: Words) -> str:
    old, new = (_value(one.quality, text, words) for text in (one.old, one.new))
    return words.say("{what}: {old} → {new}", what=words.say(QUALITIES[one.quality]), old=old, new=new)


def _value(quality: Quality, text: str, words: Words) -> str:
    if quality is Quality.RUNG:
        return words.say(text)
    if quality is Quality.KINDS:
        return ", ".join(words.kind(Kind(one)) for one in text.split()) or words.say("none")
    number = text.removeprefix("≥ ")
    if not number.isdecimal():
        return text
    return words.number(int(number)) if number == text else words.say("≥ {n:,}", n=int(number))
