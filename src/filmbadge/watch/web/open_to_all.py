"""What stands outside the table: numbers for Prometheus, a sign of life, proofs of closure, and pages of scopes at level public."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from filmbadge.keep import files
from filmbadge.version import RELEASE
from filmbadge.watch.people.who import Who
from filmbadge.watch.service import Service
from filmbadge.watch.store.store import StoreError, moment
from filmbadge.watch.surveys import jobs
from filmbadge.watch.surveys.records import PUBLIC
from filmbadge.watch.views import overview, rows
from filmbadge.watch.web import table

_MOST_BYTES = 64 << 20
_TEXT = "text/plain; version=0.0.4; charset=utf-8"
# The page brings its own style sheet, and says by its digest that no other one may be used.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

May = Callable[..., Who | Response]


def routes(may: May, service: Service) -> list[Route]:
    async def metrics(request: Request) -> Response:
        who = await run_in_threadpool(may, request, table.PAGES[0], api=True)
        if isinstance(who, Response):
            return who
        text = await run_in_threadpool(lambda: "".join(f"{line}\n" for line in told(service)))
        return Response(text, media_type=_TEXT)

    async def alive(_: Request) -> Response:
        try:
            await run_in_threadpool(service.store.one, "SELECT 1 FROM settings")
        except StoreError:
            return Response("the store cannot be used\n", 503, media_type="text/plain")
        return Response("ok\n", media_type="text/plain")

    async def public(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in service.settings.web.public:
            return Response("There is no such page.\n", 404, media_type="text/plain")
        folder = service.directory / PUBLIC
        try:
            page = await run_in_threadpool(files.read, folder, folder / f"{name}.html", _MOST_BYTES)
        except FileNotFoundError:
            return Response("No survey has ended yet.\n", 404, media_type="text/plain")
        return Response(page, media_type="text/html", headers={"content-security-policy": _POLICY})

    async def proof(request: Request) -> Response:
        who = await run_in_threadpool(may, request, table.PAGES[0], api=False)
        if isinstance(who, Response):
            return who
        folder = service.directory / "proofs" / str(request.path_params["job"])
        try:
            page = await run_in_threadpool(files.read, service.directory, folder / jobs.PAGE, _MOST_BYTES)
        except (FileNotFoundError, files.Damaged):
            return Response("There is no such proof.\n", 404, media_type="text/plain")
        return Response(page, media_type="text/html", headers={"content-security-policy": _POLICY})

    return [
        Route("/proofs/{job:int}", proof, methods=["GET"], name="proof"),
        Route("/metrics", metrics, methods=["GET"], name="metrics"),
        Route("/healthz", alive, methods=["GET"], name="healthz"),
        Route("/public/{name}", public, methods=["GET"], name="public"),
    ]


def told(service: Service) -> Iterator[str]:
    """The numbers, in Prometheus' text format 0.0.4. No archive is named: labels hold scopes, states and grades."""
    yield from _family("filmbadge_build_info", "The version.", [({"version": RELEASE}, 1)])
    by_state = service.store.rows("SELECT scope, state, count(*) n FROM archives WHERE NOT decoy GROUP BY scope, state")
    yield from _family(
        "filmbadge_archives", "Archives by what is known of them now; decoys are left out.",
        [({"scope": row["scope"], "state": row["state"]}, row["n"]) for row in by_state],
    )  # fmt: skip
    graded = service.store.rows(
        "SELECT scope, coalesce(grade, 'none') grade, count(*) n FROM archives a"
        f" WHERE NOT decoy AND state = 'open' AND NOT {rows.MUTED} GROUP BY 1, 2"
    )
    yield from _family(
        "filmbadge_archives_open", "Open archives by grade; those whose risk is accepted are left out.",
        [({"scope": row["scope"], "grade": row["grade"]}, row["n"]) for row in graded],
    )  # fmt: skip
    muted = service.store.rows(
        f"SELECT scope, count(*) n FROM archives a WHERE NOT decoy AND state = 'open' AND {rows.MUTED} GROUP BY scope"
    )
    yield from _family(
        "filmbadge_risks_accepted",
        "Open archives whose risk is accepted.",
        [({"scope": row["scope"]}, row["n"]) for row in muted],
    )
    last = service.store.rows(
        "SELECT scope, max(started) started FROM runs WHERE outcome = 'done' AND taken_in IS NOT NULL GROUP BY scope"
    )
    yield from _family(
        "filmbadge_last_complete_survey_timestamp_seconds", "When the last complete survey began.",
        [({"scope": row["scope"]}, int(moment(row["started"]).timestamp())) for row in last],
    )  # fmt: skip
    ended = service.store.rows("SELECT scope, coalesce(outcome, state) outcome, count(*) n FROM runs GROUP BY 1, 2")
    yield from _family(
        "filmbadge_surveys", "Surveys by how they ended.",
        [({"scope": row["scope"], "outcome": row["outcome"]}, row["n"]) for row in ended],
    )  # fmt: skip
    ends = [(one.name, one.expires) for one in overview.states(service) if one.expires is not None]
    yield from _family(
        "filmbadge_scope_expires_timestamp_seconds", "When a scope ends.",
        [({"scope": name}, int(expires.timestamp())) for name, expires in ends],
    )  # fmt: skip


def _family(name: str, said: str, samples: list[tuple[dict[str, str], int]]) -> Iterator[str]:
    yield f"# HELP {name} {said}"
    yield f"# TYPE {name} gauge"
    for labels, value in samples:
        inside = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
        yield f"{name}{{{inside}}} {value}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
