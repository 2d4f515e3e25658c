"""`--reviewed FILE` of every command that tells a survey."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from filmbadge.cli.console import note
from filmbadge.keep import by_hand
from filmbadge.keep.reader import Dataset

_SHOWN = 8  # archives


def review(dataset: Dataset, file: Path | None) -> None:
    """Puts what persons found out into the dataset, and says which archives it has not. Raises Refusal."""
    review_all((dataset,), file)


def review_all(datasets: Sequence[Dataset], file: Path | None) -> None:
    """The same for several surveys, which have an archive or have it not."""
    if file is None:
        return
    found = by_hand.read(file)
    absent = [set(dataset.review(found)) for dataset in datasets]
    unknown = sorted(set.intersection(*absent))
    if unknown:
        more = f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else ""
        note(f"In no survey here, so {file} changes nothing of them: {', '.join(unknown[:_SHOWN])}{more}")
