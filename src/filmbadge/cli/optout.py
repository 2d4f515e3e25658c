"""`filmbadge optout`"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from filmbadge.cli.codes import DONE
from filmbadge.cli.console import note
from filmbadge.model import Refusal
from filmbadge.netlists import OPTED_OUT, network_of_text, opt_out, plain_network
from filmbadge.scope import optout_list, statement_fault


def optout(
    network: str,
    /,
    *,
    by: str = "",
    to: Annotated[Path | None, Parameter(name="--list")] = None,
    scope: Path | None = None,
) -> int:
    """Leave an address or a network alone from now on: adds a line to a list of opt-outs.

    Every command under a scope that reads the list keeps to it, a survey that is resumed too.

    Parameters
    ----------
    network
        The address, or the network, such as 192.0.2.10 or 192.0.2.0/28.
    by
        Who asked for it. It stands in the list, beside the day.
    to
        The list. Default: optout.txt in this folder, which every scope in this folder reads.
    scope
        A scope file: the line goes to the first list of its key exclude, or else to optout.txt beside it.
    """
    if to is not None and scope is not None:
        raise Refusal("name a list or a scope, not both")
    try:
        found = plain_network(network_of_text(network))
    except ValueError as error:
        raise Refusal(f"{network!r} is not an address or a network: {error}") from None
    if by and (fault := statement_fault(by)):
        raise Refusal(f"--by {fault}")
    place = to or (optout_list(scope) if scope is not None else Path(OPTED_OUT))
    if opt_out(place, found, datetime.now(UTC).date(), by.strip()):
        readers = (
            "Every scope in its folder reads it."
            if place.name == OPTED_OUT
            else "Scopes that exclude it by name read it."
        )
        note(f"Added {found} to {place}. {readers}")
    else:
        note(f"{place} covers {found} already; nothing was added.")
    return DONE
