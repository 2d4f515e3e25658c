"""A made-up language: English in full-width letters. What is left in plain ones did not come through the catalogue."""

from __future__ import annotations

import re
from pathlib import Path

import translations
from babel.messages.catalog import Catalog

from filmbadge.tell.language import DOMAIN
from filmbadge.tell.words import Words

CODE = "eo"  # Babel takes known languages only; this one has two forms, as English has
_WIDE = {ord(letter): ord(letter) + 0xFEE0 for letter in map(chr, range(33, 127)) if letter.isalpha()}


def words(folder: Path, domain: str = DOMAIN) -> Words:
    """The made-up language, from a catalogue that is written into the folder."""
    english, catalogue = translations.DOMAINS[domain](), Catalog(locale=CODE)
    for message in english:
        if message.id:
            forms = message.id if isinstance(message.id, (list, tuple)) else (message.id,)
            said = tuple(map(widened, forms))
            catalogue.add(message.id, said if len(said) > 1 else said[0], context=message.context)
    place = folder / CODE / "LC_MESSAGES"
    place.mkdir(parents=True)
    (place / f"{domain}.mo").write_bytes(translations.compiled(catalogue))
    return Words(CODE, folder)


def widened(text: str) -> str:
    """The sentence in full-width letters; the names of its values stay."""
    parts = re.split(r"(\{[^}]*\})", text)
    return "".join(part if part.startswith("{") else part.translate(_WIDE) for part in parts)


def english(text: str, *names: str) -> list[str]:
    """The words that are left in plain letters, other than these names."""
    for name in sorted(names, key=len, reverse=True):
        text = text.replace(name, " ")
    return sorted(set(re.findall(r"[A-Za-z][A-Za-z'-]+", text)))
