"""What a survey under a scope would do, before anybody says yes to it."""

from __future__ import annotations

from collections.abc import Iterator

from filmbadge.model import Depth
from filmbadge.scope import Scope
from filmbadge.tell.language import N_
from filmbadge.tell.words import Words

_TOO_MANY = 1 << 24  # addresses
_SECOND_LOOK = 1.25  # connects to a port of a silent address, with its share of those that are asked once more
_DOES = {
    Depth.KNOCK: N_("associates, or fetches the pages on which a web service says what it is, and leaves"),
    Depth.ASK: N_("asks each archive one small question for UIDs, cancelled at the first match"),
    Depth.COUNT: N_("counts studies, series and images by the archive's own counters, or else by UIDs and counts in windows of dates"),
    Depth.PROFILE: N_("counts, patients too, and looks at personal attributes that it forgets at once"),
    Depth.PROVE: N_("counts, patients too, looks at personal attributes that it forgets at once, and starts image retrievals, one after the other, that it drops after a few KiB"),
}  # fmt: skip
_NEVER = {
    Depth.KNOCK: N_("never asks for a record, personal data or an image"),
    Depth.ASK: N_("never asks for personal data or an image"),
    Depth.COUNT: N_("never asks for personal data or an image"),
    Depth.PROFILE: N_("never asks for an image"),
    Depth.PROVE: N_("never keeps an image"),
}


def explain(scope: Scope, words: Words) -> str:
    """Several lines for a person who must say yes to it."""
    return "\n".join(
        (*_pace(scope, words), *_lists(scope, words), *_questions(scope, words), *_authority(scope, words))
    )


def _pace(scope: Scope, words: Words) -> Iterator[str]:
    v4, v6 = scope.addresses()
    addresses, ports = v4.size + v6.size, len(scope.ports)
    if addresses > _TOO_MANY:
        yield words.say(
            "covers {addresses:,} addresses, too many to sweep: name hosts or smaller networks as targets",
            addresses=addresses,
        )
    else:
        connects = ports * _SECOND_LOOK
        busiest = max((min(high - low + 1, 256) for low, high in v4.ranges), default=min(v6.size, 1 << 24))
        seconds = max(
            addresses * connects / scope.pace.overall,
            busiest * connects / scope.pace.per_network,
            connects / scope.pace.per_host,
            addresses * connects * min(1, scope.caps.connect_seconds) / scope.pace.open_at_once,  # all dark
        )
        yield words.say(
            "would contact {addresses} on {ports} each, at most {pace:g} connections a second, about {duration} "
            "if few answer (each archive found adds its own time)",
            addresses=words.many("{n:,} address", "{n:,} addresses", addresses),
            ports=words.many("{n:,} port", "{n:,} ports", ports),
            pace=scope.pace.overall,
            duration=words.duration(seconds),
        )
    yield words.say(
        "at most {network:g} connections a second into one /24 (IPv6: /48), {host:g} to one host, and one at a time there",
        network=scope.pace.per_network,
        host=scope.pace.per_host,
    )
    yield words.say(
        "questions take at most {share:.0%} of an archive's time, and less when it slows down",
        share=scope.pace.archive_share,
    )


def _lists(scope: Scope, words: Words) -> Iterator[str]:
    if scope.lists:
        yield words.say("reads lists: {lists}", lists=", ".join(name for name, _ in scope.lists))
    if scope.opted_out:
        yield words.many(
            "leaves {n:,} address or network alone that opted out",
            "leaves {n:,} addresses or networks alone that opted out",
            len(scope.opted_out),
        )


def _questions(scope: Scope, words: Words) -> Iterator[str]:
    depth, asks = scope.depth, scope.depth.reaches(Depth.ASK)
    named = scope.qido_record and not depth.reaches(Depth.PROFILE)  # records come with names, below depth profile
    yield words.say("{does} (depth {depth})", does=words.say(_DOES[depth]), depth=words.name(depth))
    yield words.say(
        "{never}; never writes, never tries a password, never guesses an AE title",
        never=words.say(_NEVER[Depth.PROFILE if named else depth]),
    )
    if named and depth is Depth.ASK:
        yield words.say(
            "asks DICOMweb for one record: names, ids and birth dates come with it, are not looked at, and are not kept"
        )
    elif named and asks:
        yield words.say(
            "asks DICOMweb for all records: names, ids and birth dates come with them, are not looked at, and are not kept"
        )
    if depth.reaches(Depth.COUNT):
        budget = scope.census
        bounds = words.say(
            "{questions:,} questions, {duration} or {size:,.0f} MiB, over DICOM and over DICOMweb",
            questions=budget.questions,
            duration=words.duration(60 * budget.minutes),
            size=budget.received_bytes / (1 << 20),
        )
        if depth.reaches(Depth.PROFILE):
            yield words.say(
                "a census of one archive ends after {bounds}, and so does a look at its personal attributes",
                bounds=bounds,
            )
        else:
            yield words.say("a census of one archive ends after {bounds}", bounds=bounds)
        yield words.say(
            "holds at most {size:,.0f} MiB of hashes, of all archives together",
            size=scope.memory.distinct_bytes / (1 << 20),
        )
    if depth.reaches(Depth.PROVE):
        yield words.say(
            "starts {each:,} image retrievals at an archive that does not say which can be had, or {large:,} at a large one",
            each=scope.retrievals.each,
            large=scope.retrievals.large,
        )
    if scope.names:
        yield words.say("looks up names that a page gives, if they are: {names}", names=", ".join(scope.names))
    if scope.reverse_names:
        yield words.say("looks up the names that the DNS has for the addresses of archives (PTR)")
    if scope.look_up == "workers":
        yield words.say("looks up names on the machines of its workers, where several processes share a survey")
    if scope.called_titles:
        yield words.say("tries the AE titles its owner gave: {titles}", titles=", ".join(scope.called_titles))


def _authority(scope: Scope, words: Words) -> Iterator[str]:
    if scope.expires:
        yield words.say(
            "allowed by {authority} ({reference}), basis {basis}, until {time}",
            authority=scope.authority,
            reference=scope.reference,
            basis=scope.basis,
            time=words.time(scope.expires),
        )
        yield words.say("operators reach you at {contact}", contact=scope.contact)
    for sentence in scope.confirmed:
        yield words.say("confirmed by its author: {sentence}", sentence=sentence)
