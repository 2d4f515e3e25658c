"""All pages and actions: the one table that the web application, the API, its description and the tests are made from."""

from __future__ import annotations

from filmbadge.watch.web.routes import Action, Page

PAGES: tuple[Page, ...] = ()
ACTIONS: tuple[Action, ...] = ()
