"""In which language a letter is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from filmbadge.tell.language import ENGLISH
from filmbadge.tell.notices.contacts import Contact
from filmbadge.tell.view import ArchiveView

AUTO = "auto"
LANGUAGES = (ENGLISH, "de", "fr", "es", "pt", "tr")
# Countries in which one of these is the language that offices write. A country with several, such as Switzerland, is in none.
_SPOKEN: Mapping[str, str] = {
    "de": "DE AT LI",
    "fr": "FR MC SN CI ML BF NE BJ TG GA CG GN GP MQ GF RE NC PF",
    "es": "ES MX GT HN SV NI CR PA CU DO PR CO VE EC PE BO CL AR UY PY GQ",
    "pt": "PT BR AO MZ CV GW ST",
    "tr": "TR",
}
_OF_COUNTRY: Mapping[str, str] = {
    country: language for language, countries in _SPOKEN.items() for country in countries.split()
}


def language(wanted: str, contact: Contact, archives: Sequence[ArchiveView]) -> str:
    """`wanted`, or with `auto` what the contact says, then what places say of the archives, then what their country speaks."""
    if wanted != AUTO:
        return wanted
    places = [archive.place for archive in archives]
    said = [contact.language, *(place.language or "" for place in places)]
    said += [_OF_COUNTRY.get(place.country or "", "") for place in places]
    return next((code for code in map(str.lower, said) if code in LANGUAGES), ENGLISH)
