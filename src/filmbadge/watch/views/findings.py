"""What is wrong, over all archives."""

from __future__ import annotations

from filmbadge.watch.views import rows
from filmbadge.watch.views.asked import Asked
from filmbadge.watch.views.records import FindingRow, Findings

_SEVERITIES = ("critical", "high", "medium", "low", "info")


def findings(asked: Asked) -> Findings:
    """The gravest first. An archive counts once in each row."""
    found = asked.service.store.rows(
        f"""
        SELECT f.code, min(f.severity) severity, min(f.title) title, count(DISTINCT a.id) archives,
            count(DISTINCT CASE WHEN a.state = 'open' THEN a.id END) open
        FROM findings f JOIN archives a ON a.id = f.archive WHERE {rows.STANDING} GROUP BY f.code
        """
    )
    listed = [FindingRow(row["code"], row["severity"], row["title"], row["open"], row["archives"]) for row in found]
    listed.sort(key=lambda one: (_place(one.severity), -one.open, -one.archives, one.code))
    said = "Nothing is known to be wrong" if not listed else f"{len(listed)} kinds of things are wrong"
    return Findings(headline=said if len(listed) != 1 else "One kind of thing is wrong", rows=tuple(listed))


def _place(severity: str) -> int:
    return _SEVERITIES.index(severity) if severity in _SEVERITIES else len(_SEVERITIES)
