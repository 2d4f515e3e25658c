"""JSON documents of commands, and the schemas that are committed for them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema

ROOT = Path(__file__).resolve().parents[2]


def only_document(text: str) -> Any:
    """The text as one JSON document: json.loads refuses anything before or after it."""
    return json.loads(text)


def matches(document: Any, name: str, number: int = 1) -> None:
    """Fails where a document is not what the committed schema `filmbadge.NAME-NUMBER.json` says."""
    schema = json.loads((ROOT / f"docs/schemas/filmbadge.{name}-{number}.json").read_text(encoding="utf-8"))
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)
    validator.validate(document)
    assert document["schema"] == f"filmbadge.{name}/{number}"
