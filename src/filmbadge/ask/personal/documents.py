"""Reads the personal attributes of one study from JSON, for a `ValueInspector`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from filmbadge.ask.personal.inspector import Value
from filmbadge.catalogue.kinds import ATTRIBUTES, INSIDE, ISSUER

STUDY_UID = "StudyInstanceUID"
TAG = {attribute.keyword: attribute.tag for attribute in ATTRIBUTES} | {"IssuerOfPatientID": ISSUER}


def by_keyword(tags: Mapping[str, object], wanted: Collection[int]) -> list[Value]:
    """Values from DICOM keywords and strings, as Orthanc's REST lists them."""
    found = [(TAG[name], text) for name, text in tags.items() if name in TAG and TAG[name] in wanted]
    return [(tag, text) for tag, text in sorted(found, key=lambda one: one[0]) if isinstance(text, str) and text]


def by_tag(study: Mapping[str, Any], wanted: Collection[int]) -> list[Value]:
    """Values from the DICOM JSON model, PS3.18 F.2. Anything of another form is skipped."""
    return [value for tag in sorted(wanted) for value in _values(study.get(f"{tag:08X}"), tag, tag)]


def _values(element: object, tag: int, under: int) -> list[Value]:
    held = element.get("Value") if isinstance(element, dict) else None
    made: list[Value] = []
    for one in held if isinstance(held, list) else ():
        if isinstance(one, dict) and tag in INSIDE and tag == under:
            for inner in sorted((*INSIDE[tag], ISSUER)):
                made += _values(one.get(f"{inner:08X}"), inner, ISSUER if inner == ISSUER else under)
        elif isinstance(one, dict):  # a person's name, in up to three representations
            groups = [one.get(group) for group in ("Alphabetic", "Ideographic", "Phonetic")]
            made.append((under, "=".join(g if isinstance(g, str) else "" for g in groups).rstrip("=")))
        elif isinstance(one, str | int | float):
            made.append((under, str(one)))
    return [value for value in made if value[1]]
