"""One self-contained HTML page. It fetches nothing, and runs no script."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined

from filmbadge.model import Rung
from filmbadge.tell import words
from filmbadge.tell.summary import LABELS, SSN, SSN_LABEL, ReportDocument, looks, total


def render(report: ReportDocument) -> str:
    """The page as text. Everything an archive said of itself is escaped."""
    environment = Environment(
        loader=PackageLoader("filmbadge.tell.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    rows = {row.quantity: row for row in report.rows}
    imaging = [s for s in report.funnel if s.rung in {r.value for r in Rung if r.reaches(Rung.LISTENING)}]
    return environment.get_template("page.html.jinja").render(
        report=report,
        rows=rows,
        labels=LABELS | ({SSN: SSN_LABEL} if report.kinds else {}),
        funnel=report.funnel,
        widest=max((step.endpoints for step in imaging), default=1) or 1,
        most=max((line.total.measured or line.total.at_least or 0 for line in report.kinds), default=0) or 1,
        opened=[a for a in report.archives if a.open and not a.decoy],
        guarded=[a for a in report.archives if not a.open and not a.decoy],
        decoys=[a for a in report.archives if a.decoy],
        no_grade=words.NO_GRADE,
        product=words.product,
        count=words.count,
        named=words.named,
        kind=words.kind,
        identifier=words.identifier,
        looks=looks,
        total=total,
        is_open=lambda rung: rung in {r.value for r in Rung if r.open},
    )
