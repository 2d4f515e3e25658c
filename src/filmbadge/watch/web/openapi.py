"""The description of the API (OpenAPI 3.1), made from the table of routes."""

from __future__ import annotations

import re
from functools import cache
from typing import Any, get_type_hints

import msgspec

from filmbadge.version import RELEASE
from filmbadge.watch.web import table
from filmbadge.watch.web.routes import Action, Done, Page

_PARAMETER = re.compile(r"\{(\w+)(?::(\w+))?\}")
_REF = "#/components/schemas/{name}"


class Fault(msgspec.Struct, frozen=True):
    """Why it was not done, in one sentence."""

    fault: str


@cache
def document() -> bytes:
    """One JSON document."""
    kinds: list[Any] = [Done, Fault]
    for page in table.PAGES:
        kinds += [returned(page), page.query]
    for action in table.ACTIONS:
        kinds.append(action.form)
    _, components = msgspec.json.schema_components(kinds, ref_template=_REF)
    paths: dict[str, Any] = {}
    for page in table.PAGES:
        paths.setdefault(_path(page.path), {})["get"] = _get(page, components)
    for action in table.ACTIONS:
        paths.setdefault(_path(action.path), {})["post"] = _post(action)
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {"title": "Filmbadge watch", "version": RELEASE},
            "servers": [{"url": "/api/v1"}],
            "security": [{"token": []}],
            "paths": paths,
            "components": {"schemas": components, "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
        }
    )


def returned(page: Page) -> Any:
    """What its view makes."""
    return get_type_hints(page.view)["return"]


def _path(path: str) -> str:
    return _PARAMETER.sub(r"{\1}", path)


def _parameters(path: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "integer" if kind == "int" else "string"}}
        for name, kind in _PARAMETER.findall(path)
    ]


def _get(page: Page, components: dict[str, Any]) -> dict[str, Any]:
    fields = components[page.query.__name__].get("properties", {})
    return {
        "summary": page.title,
        "description": _needs(page.role),
        "parameters": _parameters(page.path)
        + [{"name": name, "in": "query", "schema": schema} for name, schema in fields.items()],
        "responses": {"200": _of(returned(page).__name__)} | _FAULTS,
        **({} if page.role else {"security": []}),
    }


def _post(action: Action) -> dict[str, Any]:
    form = {
        "content": {"application/json": {"schema": {"$ref": _REF.format(name=action.form.__name__)}}},
        "required": True,
    }
    return {
        "summary": action.what,
        "description": _needs(action.role),
        "parameters": _parameters(action.path),
        "requestBody": form,
        "responses": {"200": _of("Done")} | _FAULTS | {"422": _of("Fault", "It was refused")},
    }


def _needs(role: Any) -> str:
    return f"Needs the role {role}." if role else "For anybody."


def _of(name: str, said: str = "Done") -> dict[str, Any]:
    return {"description": said, "content": {"application/json": {"schema": {"$ref": _REF.format(name=name)}}}}


_FAULTS = {
    "401": _of("Fault", "Nobody who is known"),
    "403": _of("Fault", "The role does not reach"),
    "404": _of("Fault", "There is no such thing"),
}
