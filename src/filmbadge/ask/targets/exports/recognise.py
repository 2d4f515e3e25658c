"""Which reader takes a file, by what it begins with."""

from __future__ import annotations

import re

from filmbadge.ask.targets.exports import json, lines, masscan_binary, xml
from filmbadge.ask.targets.exports.seen import Reader

HEAD = 1 << 16  # bytes that are looked at
_JSON = re.compile(rb"\{|\[\s*(?:[\[\]{\"]|$)")
_FIRST = (
    (re.compile(rb"(?:open|closed|banner) \w+ \d+ \S"), lines.masscan_list),
    (re.compile(rb"(?:Timestamp: \d+\t)?Host: \S+ \(|Nmap scan report for "), lines.greppable),
    (re.compile(rb"\S+ -> \["), lines.rustscan),
)
_COMMENTS = (
    (re.compile(rb"(?m)^#masscan"), lines.masscan_list),
    (re.compile(rb"(?m)^# (?:Nmap|Masscan) .*scan initiated"), lines.greppable),
)


def recognise(head: bytes) -> Reader | None:
    """The reader for a file that begins with these bytes, in UTF-8 without a mark. None: a list as a user writes it."""
    if head.startswith(masscan_binary.MAGIC):
        return masscan_binary.binary
    begun = head.lstrip()
    if begun.startswith(b"<"):
        return xml.nmaprun
    if _JSON.match(begun):
        return json.documents
    first = next((line for line in head.splitlines() if line.strip() and not line.startswith(b"#")), b"").strip()
    for beginning, reader in _FIRST:
        if beginning.match(first):
            return reader
    if lines.columns(first[:4096].decode(errors="replace")) is not None:
        return lines.table
    return next((reader for comment, reader in _COMMENTS if comment.search(head)), None)
