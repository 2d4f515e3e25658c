"""All pages and actions: the one table that the web application, the API, its description and the tests are made from."""

from __future__ import annotations

from filmbadge.watch.people.who import Role
from filmbadge.watch.views import actions, archives, findings, overview, runs, scopes, settings
from filmbadge.watch.web import drawn, people_routes
from filmbadge.watch.web.routes import Action, Nothing, Page

PAGES: tuple[Page, ...] = (
    Page("/", overview.overview, "overview.jinja", "Overview", drawn=drawn.overview),
    Page("/archives", archives.archives, "archives.jinja", "Archives", query=archives.Filter, drawn=drawn.archives),
    Page("/archives/{archive:int}", archives.archive, "archive.jinja", "Archive", drawn=drawn.archive),
    Page("/findings", findings.findings, "findings.jinja", "Findings"),
    Page("/surveys", runs.runs, "surveys.jinja", "Surveys", query=runs.Paged),
    Page("/surveys/{run:int}", runs.run, "survey.jinja", "Survey"),
    Page("/scopes", scopes.scopes, "scopes.jinja", "Scopes"),
    Page("/scopes/{name}", scopes.scope, "scope.jinja", "Scope"),
    Page("/begin", scopes.begin, "begin.jinja", "Check your archive", role=Role.OPERATOR),
    Page("/settings", settings.settings, "settings.jinja", "Settings", role=Role.ADMIN),
    *people_routes.PAGES,
)
ACTIONS: tuple[Action, ...] = (
    Action("/begin", actions.First, actions.begin, "begin", page="/begin"),
    Action("/surveys", actions.Start, actions.start, "survey.start"),
    Action("/surveys/{run:int}/stop", Nothing, actions.stop, "survey.stop"),
    Action("/surveys/{run:int}/resume", Nothing, actions.resume, "survey.resume"),
    Action("/surveys/{run:int}/letters", Nothing, actions.letters, "survey.letters"),
    Action("/archives/{archive:int}/verify", Nothing, actions.verify, "archive.verify"),
    Action(
        "/archives/{archive:int}/accept", actions.Accept, actions.accept, "risk.accept", page="/archives/{archive:int}"
    ),
    Action("/archives/{archive:int}/withdraw", Nothing, actions.withdraw, "risk.withdraw"),
    Action("/scopes", scopes.NewScope, actions.write_scope, "scope.write", page="/scopes"),
    Action("/scopes/{name}/schedule", actions.Schedule, actions.schedule, "scope.schedule", page="/scopes/{name}"),
    Action("/settings/channels", settings.NewChannel, settings.add, "channel.add", role=Role.ADMIN, page="/settings"),
    Action("/settings/channels/remove", settings.ChannelNumber, settings.remove, "channel.remove", role=Role.ADMIN),
    Action("/settings/channels/enable", settings.Enable, settings.enable, "channel.enable", role=Role.ADMIN),
    Action(
        "/settings/channels/test",
        settings.ChannelNumber,
        settings.test,
        "channel.test",
        role=Role.ADMIN,
        page="/settings",
    ),
    *people_routes.ACTIONS,
)
