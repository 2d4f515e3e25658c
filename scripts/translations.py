"""Keeps the catalogues of words: the templates of English, and of every other language its .po and .mo.

There are two templates: `filmbadge.pot` of all that is said, and `letters.pot` of what a letter says. With --check nothing
is written: what is not current is named, and the exit code is 1. A new language begins as a folder,
`locale/de/LC_MESSAGES`, with an empty `letters.po`, or `filmbadge.po`.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from string import Formatter

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from filmbadge.catalogue.advisories import advisories
from filmbadge.catalogue.countries import countries
from filmbadge.tell.language import DOMAIN, LETTERS, LOCALE
from filmbadge.tell.words import borrowed

TELL = LOCALE.parent
METHODS = [("**.py", "python"), ("**.jinja", "jinja2")]
KEYWORDS = {
    "N_": None, "NN_": (1, 2), "say": None, "_say": None, "_": None, "many": (1, 2), "_many": (1, 2), "pgettext": ((1, "c"), 2),
}  # fmt: skip
_DROPPED = (b'"Generated-By', b'"Report-Msgid-Bugs-To', b'"Last-Translator', b'"Language-Team')
# What a letter says: all of these files, and in words.py these tables and functions. What `notices` says of what it did
# is for a terminal.
OF_LETTERS = ("notices/", "remedy/__init__.py", "language.py")
OF_TERMINAL = ("notices/summary.py", "notices/helped.py")
WORDS = "words.py"
WORDS_OF_LETTERS = ("_KINDS", "_FINDINGS", "kind", "finding", "finding_title", "product", "advisory")


def template() -> Catalog:
    """All English that is said."""
    return _template(lambda *_: True, borrowed())


def letters() -> Catalog:
    """All English that a letter says."""
    lines = _lines(TELL / WORDS, WORDS_OF_LETTERS)
    return _template(
        lambda file, line: (
            (file.startswith(OF_LETTERS) and file not in OF_TERMINAL) or (file == WORDS and line in lines)
        ),
        (row.what for row in advisories().values()),
    )


DOMAINS: dict[str, Callable[[], Catalog]] = {DOMAIN: template, LETTERS: letters}


def _template(wanted: Callable[[str, int], bool], others: Iterable[str]) -> Catalog:
    """The English that is marked in the lines of `tell` that are wanted, and others."""
    catalogue = Catalog(
        project="Filmbadge", header_comment="# The words of Filmbadge. Made by scripts/translations.py."
    )
    found = extract_from_dir(TELL, METHODS, keywords=KEYWORDS, strip_comment_tags=True)
    for file, line, text, _, context in sorted(found, key=lambda one: (one[0], one[1])):
        if wanted(file, line):
            catalogue.add(text, locations=[(file, 1)], context=context)
    for text in others:
        catalogue.add(text)
    return catalogue


def _lines(path: Path, names: Sequence[str]) -> frozenset[int]:
    """The lines of these tables and functions of a module. Raises ValueError where one is not there."""
    lines: set[int] = set()
    left = set(names)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        name = node.name if isinstance(node, ast.FunctionDef) else ""
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
        if name in names and isinstance(node, ast.stmt):
            left.discard(name)
            lines.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    if left:
        raise ValueError(f"{path.name} has no {', '.join(sorted(left))}")
    return frozenset(lines)


def update(catalogue: Catalog, english: Catalog) -> list[str]:
    """Bring a language up to date, and name the sentences that its translator got wrong."""
    catalogue.update(english, no_fuzzy_matching=True)
    catalogue.project, catalogue.version, catalogue.header_comment = english.project, "", english.header_comment
    catalogue.fuzzy = False
    _name_countries(catalogue)
    return [f"'{message.id}': its values differ" for message in catalogue if message.string and not _alike(message)]


def _name_countries(catalogue: Catalog) -> None:
    """CLDR, which Babel brings, names countries in all languages. A translator's own name stays."""
    if catalogue.locale is not None:
        for code, country in countries().items():
            message = catalogue.get(country.name)
            if message is not None and not message.string:
                message.string = catalogue.locale.territories.get(code, "")


def _alike(message: Message) -> bool:
    """Whether a sentence names the values of the English one. One that does not would fail when it is said."""
    said, english = _forms(message.string or ""), _forms(message.id)
    return {frozenset(_values(form)) for form in said if form} <= {frozenset(_values(form)) for form in english}


def _forms(said: str | Sequence[str]) -> Sequence[str]:
    """Singular and plural, where there are two."""
    return (said,) if isinstance(said, str) else said


def _values(text: str) -> Iterator[str]:
    yield from (name for _, name, _, _ in Formatter().parse(text) if name is not None)


def text(catalogue: Catalog) -> bytes:
    out = BytesIO()
    write_po(out, catalogue, width=120, include_lineno=False, ignore_obsolete=True)
    # What would differ each time, or with Babel, and what nobody fills in.
    lines = out.getvalue().splitlines(keepends=True)
    return b"".join(line for line in lines if b"-Date: " not in line and not line.startswith(_DROPPED))


def compiled(catalogue: Catalog) -> bytes:
    """The same whenever it is made: the dates of the header are those of no day."""
    out = BytesIO()
    catalogue.creation_date = catalogue.revision_date = datetime(2000, 1, 1, tzinfo=UTC)
    write_mo(out, catalogue)
    return out.getvalue()


def wanted(locale: Path) -> tuple[dict[Path, bytes], list[str]]:
    """Every file and what should stand in it, and what is wrong with a translation."""
    files: dict[Path, bytes] = {}
    wrong: list[str] = []
    for domain, template_of in DOMAINS.items():
        english = template_of()
        files[locale / f"{domain}.pot"] = text(english)
        for path in sorted(locale.glob(f"*/LC_MESSAGES/{domain}.po")):
            with path.open("rb") as file:
                catalogue = read_po(file, locale=path.parent.parent.name, domain=domain)
            wrong += [f"{path}: {fault}" for fault in update(catalogue, english)]
            files |= {path: text(catalogue), path.with_suffix(".mo"): compiled(catalogue)}
    return files, wrong


def main(arguments: list[str], locale: Path = LOCALE) -> int:
    if arguments not in ([], ["--check"]):
        print("usage: translations.py [--check]", file=sys.stderr)
        return 2
    files, wrong = wanted(locale)
    stale = [path for path, content in files.items() if not path.is_file() or path.read_bytes() != content]
    for fault in wrong:
        print(fault, file=sys.stderr)
    for path in stale:
        if arguments:
            print(f"{path} is not current: run scripts/translations.py", file=sys.stderr)
        else:
            path.write_bytes(files[path])
            print(f"wrote {path}")
    return 1 if wrong or (arguments and stale) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
