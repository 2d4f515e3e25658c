"""A page explains each abbreviation that it holds, once, and no other."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest

from filmbadge.tell.abbreviations import explained
from filmbadge.tell.words import Words
from pages.test_accessibility import KINDS

ENGLISH = Words()
_NO_TEXT = re.compile(r"<(style|svg|code|pre)\b.*?</\1>|<[^>]*>", re.DOTALL)
_CAPITALS = re.compile(r"(?<![\w.:/-])[A-Z]{2}[A-Za-z0-9]*(?:-[A-Z0-9]+)*")
# Names of programs and of standards, and what archives of the tests are called.
_NAMES = re.compile(r"DCMTK|OFFIS|OHIF|PixelMed|OsiriX|ClearCanvas|RadiAnt|ANY-SCP|PS3|CVE-[0-9]+-[0-9]+|[A-Z]{2}")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "letter" not in kind])
def test_every_abbreviation_of_a_page_is_explained_on_it(kind: str, tmp_path: Path) -> None:
    page = KINDS[kind](tmp_path / "survey")
    before, _, rest = page.partition('<section aria-labelledby="abbreviations">')
    key, _, after = rest.partition("</section>")
    terms = re.findall(r"<dt>(.*?)</dt>", key)
    text = html.unescape(_NO_TEXT.sub(" ", before + after))
    assert terms == sorted(set(terms), key=str.lower)
    assert terms == [short for short, _ in explained(text, ENGLISH)]
    held = {word.removesuffix("s") for word in _CAPITALS.findall(text)}
    assert {word for word in held - {*terms} if not _NAMES.fullmatch(word)} == set()


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("It speaks DICOM, and its AE title is known.", ["AE", "DICOM"]),
        ("UIDs of US hosts.", ["DICOM", "UID", "US"]),
        ("SHA-256 and SHA-1; a CAT; archive.US.example; US-1", ["SHA-256"]),
        ("DICOMweb", ["DICOM", "DICOMweb", "HTTP"]),
    ],
)
def test_an_abbreviation_is_a_word_by_itself(text: str, terms: list[str]) -> None:
    assert [short for short, _ in explained(text, ENGLISH)] == terms
