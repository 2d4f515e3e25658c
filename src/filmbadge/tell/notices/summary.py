"""What `notices` did, for a terminal, and the list of archives that nobody could be told about."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from filmbadge.tell.notices.ledger import Kind
from filmbadge.tell.notices.plan import Plan, address
from filmbadge.tell.spreadsheet import line
from filmbadge.tell.words import Words

WITHOUT = "without-contact.csv"
_COLUMNS = ("address", "archive", "country", "network", "asn", "as_name", "operator", "grade")
_SHOWN = 10


def render(plan: Plan, words: Words) -> RenderableType:
    """Letters by kind, then what no letter was written about, and why."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for kind, label in (
        (Kind.FIRST, words.say("first letters")),
        (Kind.REMINDER, words.say("reminders")),
        (Kind.THANKS, words.say("letters of thanks")),
    ):
        table.add_row(label, words.number(sum(mail.kind is kind for mail in plan.mails)))
    table.add_row(words.say("archives in them"), words.number(sum(len(mail.archives) for mail in plan.mails)))
    table.add_row(words.say("told before, and not due yet"), words.number(plan.told))
    table.add_row(words.say("told before, and not known whether still open"), words.number(plan.not_known))
    table.add_row(words.say("without contact (without-contact.csv)"), words.number(len(plan.without_contact)))
    named = [address(archive) for archive in plan.without_contact]
    shown = [Text(f"  {one}") for one in named[:_SHOWN]]
    if len(named) > _SHOWN:
        shown.append(Text("  " + words.many("and {n:,} more", "and {n:,} more", len(named) - _SHOWN)))
    return Group(table, *shown)


def without_contact(plan: Plan) -> bytes:
    """As CSV, with what is known of where each stands."""
    rows = [line(_COLUMNS)]
    for archive in plan.without_contact:
        place = archive.place
        known = (place.country, place.network, place.asn, place.as_name, place.operator, archive.grade)
        rows.append(line((address(archive), archive.id, *known)))
    return "".join(rows).encode()
