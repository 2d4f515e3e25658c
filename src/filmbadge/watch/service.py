"""What every request is answered with: one of each, for as long as the dashboard runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from filmbadge.tell.words import Words
from filmbadge.watch.alerts.alerts import Alerts
from filmbadge.watch.door import Door
from filmbadge.watch.people.gate import Gate
from filmbadge.watch.settings import Settings
from filmbadge.watch.store.store import Store
from filmbadge.watch.surveys.control import Surveys


@dataclass(frozen=True)
class Service:
    directory: Path
    settings: Settings
    store: Store
    surveys: Surveys
    alerts: Alerts
    gate: Gate
    door: Door
    words: Words
