"""A page as PDF: tagged, and marked PDF/UA-1 (ISO 14289-1). Whether it keeps to that is checked by our own list only.

WeasyPrint lays it out. It is no part of a plain installation, since it stands on Pango, a library of the system.
"""

from __future__ import annotations

import logging
import re
from typing import Any

from filmbadge.model import Refusal

# What paper does not show: rows of long tables, and the table of archives that have cards. WeasyPrint would style all of it, and hold it.
_HIDDEN = re.compile(
    r'<tbody class="rest">.*?</tbody>|<div class="screen">\s*<div class="wide">.*?</div>\s*</div>', re.DOTALL
)


class NoPdf(Refusal):
    """No PDF can be made here. One line: what is missing, and how it is installed."""


def require() -> None:
    """Raises NoPdf where WeasyPrint or Pango is missing."""
    _weasyprint()


def pdf(html: str) -> bytes:
    """The page on paper, by its rules for print. It fetches nothing. Raises NoPdf where WeasyPrint or Pango is missing."""
    weasyprint = _weasyprint()
    # A page holds all that it shows: whatever it names is refused, by every protocol.
    nothing = weasyprint.urls.URLFetcher(allowed_protocols=())
    page = weasyprint.HTML(string=_HIDDEN.sub("", html), url_fetcher=nothing)
    made: bytes = page.write_pdf(pdf_variant="pdf/ua-1", finisher=_mend)
    return made


def _mend(laid_out: Any, made: Any) -> None:
    """Corrects tags before they are written, ISO 32000-1 14.8.4.3.

    Heads of a table get a scope: WeasyPrint names the heads of each cell instead, by ids that repeat on each page. A
    list has only its items as children.
    """
    laid_out.pages.clear()  # all is drawn: half of the memory, and the file is still to be put together
    for element in made.objects:
        kind = element.get("S") if isinstance(element, dict) else None
        if kind == "/TH":
            element.pop("ID", None)
            group = _parent(_parent(element, made), made)
            element["A"]["Scope"] = "/Column" if group["S"] == "/THead" else "/Row"
        elif kind == "/TD":
            element["A"].pop("Headers", None)
        elif kind == "/Div" and _parent(element, made)["S"] == "/L":
            element["S"] = "/NonStruct"


def _parent(element: Any, made: Any) -> Any:
    return made.objects[int(element["P"].split()[0])]


def _weasyprint() -> Any:
    """Imported here only: it takes half a second."""
    try:
        import weasyprint
    except ImportError:
        raise NoPdf(
            "a PDF needs WeasyPrint, which is not installed: pip install 'filmbadge[pdf]' (a page of HTML needs no such thing)"
        ) from None
    except OSError:
        raise NoPdf(
            "a PDF needs Pango, which was not found: on Debian, apt install libpango-1.0-0 libpangoft2-1.0-0 "
            "(a page of HTML needs no such thing)"
        ) from None
    # It would quote the page on stderr.
    logging.getLogger("weasyprint").setLevel(logging.CRITICAL)
    return weasyprint
