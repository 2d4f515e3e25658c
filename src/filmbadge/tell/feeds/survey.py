"""All events of a survey."""

from __future__ import annotations

from collections.abc import Iterator

from filmbadge.keep.reader import Dataset
from filmbadge.tell import tables
from filmbadge.tell.feeds.event import Event, of_archive


def of_survey(dataset: Dataset) -> Iterator[Event]:
    """Every finding, also of decoys and demonstrations: open archives first, of each archive the worst first.

    An archive that was found at two addresses has its events at both: each is somebody's to close. Raises NotASurvey.
    """
    for archive, group, shown_as in tables.each_alone(dataset):
        yield from of_archive(archive, group, shown_as)
