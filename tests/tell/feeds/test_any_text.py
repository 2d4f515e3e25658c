"""Whatever others wrote, each receiver takes it: texts of an archive, of the DNS, and of the user's own tables."""

from __future__ import annotations

import csv
import json

import stix2
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from xarf import parse

from filmbadge.model import Place, Product, Said
from filmbadge.tell.feeds import intelmq, stix, table, xarf
from filmbadge.tell.words import Words
from support.events import FEED, Pair, events, open_archive
from support.intelmq import parsed

WORDS = Words()
TEXTS = st.text(max_size=40)


def written(text: str) -> Pair:
    """An archive of which everybody says `text`."""
    archive, group = open_archive()
    said = (Said(text, text),)
    place = Place(network="192.0.2.0/24", as_name=said, operator=said, contact=said, country=(Said("DE", text),))
    seen = [replace(one, observation=replace(one.observation, reverse_name=text)) for one in group]
    return replace(archive, place=place, product=Product(text, text, text)), seen


@given(TEXTS)
@example(" ")
@example("\t=1+1")
@example("\u3000")
@example("a..b.example")
@example("xn--.example")
@example("192.0.2.7")
@example("a@b.example, c@d.example")
@settings(max_examples=30)
def test_every_receiver_takes_it(text: str) -> None:
    some = events(written(text))
    for line in intelmq.made(some, FEED, WORDS):
        parsed(json.dumps(line))
    for report in xarf.reports(some, FEED, WORDS):
        assert not parse(json.dumps(report)).errors
    stix2.parse(b"".join(stix.bundle(some, FEED, WORDS)).decode(), version="2.1")
    for row in csv.reader(table.lines(some, FEED, WORDS)):
        assert not [cell for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
