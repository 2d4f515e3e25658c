"""A scope in words: what a survey under it would do, and what it never does."""

from __future__ import annotations

from filmbadge.model import Depth
from filmbadge.scope import Scope
from filmbadge.tell.words import amount, duration

_DOES = {
    Depth.KNOCK: "associates, or fetches the pages on which a web service says what it is, and leaves",
    Depth.ASK: "asks each archive one small question for UIDs, cancelled at the first match",
    Depth.COUNT: "counts studies, series and images by the archive's own counters, or else by UIDs and counts in windows of dates",
    Depth.PROFILE: "counts, patients too, and looks at personal attributes that it forgets at once",
    Depth.PROVE: "counts, patients too, looks at personal attributes that it forgets at once, and starts one image retrieval per archive that it drops after a few KiB",
}
_NEVER = {
    Depth.KNOCK: "never asks for a record, personal data or an image",
    Depth.ASK: "never asks for personal data or an image",
    Depth.COUNT: "never asks for personal data or an image",
    Depth.PROFILE: "never asks for an image",
    Depth.PROVE: "never keeps an image",
}


def explain(scope: Scope) -> str:
    """Several lines for a person who must say yes to it."""
    v4, v6 = scope.addresses()
    addresses = v4.size + v6.size
    ports = len(scope.ports)
    busiest = max((min(high - low + 1, 256) for low, high in v4.ranges), default=min(v6.size, 1 << 24))
    seconds = max(
        addresses * ports / scope.pace.overall,
        busiest * ports / scope.pace.per_network,
        ports / scope.pace.per_host,
        addresses * ports * scope.caps.connect_seconds / scope.pace.open_at_once,  # all dark
    )
    lines = []
    if addresses > 1 << 24:
        lines.append(f"covers {addresses:,} addresses, too many to sweep: name hosts or smaller networks as targets")
    else:
        lines.append(
            f"would contact {addresses:,} {'address' if addresses == 1 else 'addresses'} on {amount(ports, 'port')} each, "
            f"at most {scope.pace.overall:g} connections a second, about {duration(seconds)} "
            "if few answer (each archive found adds its own time)"
        )
    lines += [
        f"at most {scope.pace.per_network:g} connections a second into one /24 (IPv6: /48), "
        f"{scope.pace.per_host:g} to one host, and one at a time there",
        f"questions take at most {scope.pace.archive_share:.0%} of an archive's time, and less when it slows down",
        f"{_DOES[scope.depth]} (depth {scope.depth})",
        f"{_NEVER[scope.depth]}; never writes, never tries a password, never guesses an AE title",
    ]
    if scope.qido_record and not scope.depth.reaches(Depth.PROFILE):
        lines[-1] = f"{_NEVER[Depth.PROFILE]}; never writes, never tries a password, never guesses an AE title"
        which = "one record" if scope.depth is Depth.ASK else "all records"
        if scope.depth.reaches(Depth.ASK):
            lines.append(
                f"asks DICOMweb for {which}: names, ids and birth dates come with it, are not looked at, and are not kept"
            )
    if scope.depth.reaches(Depth.COUNT):
        budget = scope.census
        lines.append(
            f"a census of one archive ends after {budget.questions:,} questions, {duration(60 * budget.minutes)} "
            f"or {budget.received_bytes / (1 << 20):,.0f} MiB"
        )
    if scope.called_titles:
        lines.append(f"tries the AE titles its owner gave: {', '.join(scope.called_titles)}")
    if scope.expires:
        lines.append(
            f"allowed by {scope.authority} ({scope.reference}), basis {scope.basis}, until {scope.expires:%Y-%m-%d %H:%M} UTC"
        )
        lines.append(f"operators reach you at {scope.contact}")
    return "\n".join(lines)
