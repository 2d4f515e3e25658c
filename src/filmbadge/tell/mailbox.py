"""Mailboxes: what is one, and which stands in a text that a person wrote.

RFC 5321 4.1.2, without quoted strings and address literals: what a person's or a desk's mailbox looks like.
"""

from __future__ import annotations

import re

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_MAILBOX = re.compile(rf"(?=.{{3,254}}\Z)(?=[^@]{{1,64}}@){_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)*{_LABEL}")
_REACHED = re.compile(r".*@.*\.[A-Za-z][^.]+")  # its domain is one of the Internet
_BETWEEN = re.compile(r"[\s<>()\[\],;:\"]+")
_BEHIND = re.compile(r"[/?']")  # what may follow a domain


def is_mailbox(text: str) -> bool:
    return _MAILBOX.fullmatch(text) is not None


def is_public(text: str) -> bool:
    """Whether it is one that anybody on the Internet could write to."""
    return is_mailbox(text) and _REACHED.fullmatch(text) is not None


def mailbox_in(text: str) -> str:
    """The first that anybody could write to. Empty: there is none. No piece of a word that is none itself is taken for one."""
    shown = "".join(sign if sign.isprintable() else " " for sign in text)
    for word in _BETWEEN.split(shown):
        local, at, domain = word.lstrip("'").partition("@")
        mailbox = f"{local}{at}{_BEHIND.split(domain)[0].rstrip('.')}"
        if is_public(mailbox):
            return mailbox
    return ""
