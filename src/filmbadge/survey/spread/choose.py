"""By whom a survey is asked, as the user chose."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from filmbadge.model import Refusal
from filmbadge.survey.askers import Asks, Here, Keeper
from filmbadge.survey.spread import on_ray, processes
from filmbadge.survey.spread.coordinator import Spread
from filmbadge.survey.spread.ledger import NAME


def asks_by(
    workers: int | None,
    on: str | None,
    directory: Path,
    places: Sequence[Path],
    tell: Callable[[str], None],
    *,
    without_token: bool = False,
) -> Asks:
    """This process alone, `workers` processes of this machine, or a cluster of Ray at `on`. Raises Refusal.

    `directory` is that of the survey, `places` are the user's files of them, and `tell` gets lines for the user.
    """
    if workers is not None and not 1 <= workers <= processes.MOST:
        raise Refusal(f"--workers must be 1 to {processes.MOST}")
    if on is None and without_token:
        raise Refusal("--without-token is for --on, which names a cluster")
    if on is None and workers is None:
        return Here
    start = processes.start if on is None else on_ray.start(on, without_token=without_token)

    files = [(path.name, path.read_bytes()) for path in places]  # that were read before: they are what they seem

    def spread(keeper: Keeper, resumed: bool) -> Spread:
        return Spread(keeper, resumed, start, workers, directory / NAME, files, tell)

    return spread
