"""XML of nmap and masscan (-oX), read as a stream."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from xml.parsers import expat

from filmbadge.ask.targets.exports.pieces import begun
from filmbadge.ask.targets.exports.seen import Dropped, End, Fault, Seen, number
from filmbadge.scope import address_of

_ENCODING = re.compile(rb"\s*<\?xml[^>]{0,100}encoding=[\"']([\w-]{1,20})")
_LATIN = (b"iso-8859-1", b"latin1", b"us-ascii")
MOST_DEPTH = 64  # elements in each other; nmap needs 8
MOST_TOKEN = 1 << 20  # bytes of one tag with its attributes: a script's output is one


def nmaprun(chunks: Iterable[bytes], end: End) -> Iterator[Seen]:
    """Ports of hosts. Entities of its own, and anything that lies outside the file, are refused.

    A file that is broken off is read as far as its ports are whole.
    """
    head, chunks = begun(chunks, 200)
    declared = _ENCODING.match(head)
    # UTF-16 was made UTF-8 before, whatever the file declares.
    parser = expat.ParserCreate("iso-8859-1" if declared and declared.group(1).lower() in _LATIN else "utf-8")
    document = _Document(parser)
    fed = 0
    for chunk in chunks:
        document.parse(chunk, last=False)
        fed += len(chunk)
        if fed - max(parser.CurrentByteIndex, 0) > MOST_TOKEN + len(chunk):
            raise Fault(parser.CurrentLineNumber, f"has a tag of more than {MOST_TOKEN >> 20} MiB")
        yield from document.taken()
    if document.closed:
        document.parse(b"", last=True)
    else:
        end.cut = f"line {parser.CurrentLineNumber}"


class _Document:
    def __init__(self, parser: expat.XMLParserType) -> None:
        self._parser = parser
        self._seen: list[Seen] = []
        self._depth = 0
        self._host = ""
        self._up = True
        self._scanned = False  # ports were looked at
        self._listed = False  # this host has its list of them
        self._port: tuple[int, str, str] | None = None
        self.closed = False
        parser.buffer_text = False
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.EntityDeclHandler = self._refuse
        parser.UnparsedEntityDeclHandler = self._refuse
        parser.ExternalEntityRefHandler = self._refuse
        parser.SkippedEntityHandler = self._refuse

    def parse(self, chunk: bytes, *, last: bool) -> None:
        try:
            self._parser.Parse(chunk, last)
        except expat.ExpatError as error:
            raise Fault(error.lineno, f"is not well-formed XML: {expat.ErrorString(error.code)}") from None
        except (ValueError, LookupError):
            raise Fault(self._parser.CurrentLineNumber, "has an encoding that is not known") from None

    def taken(self) -> list[Seen]:
        seen, self._seen = self._seen, []
        return seen

    def _refuse(self, *_: object) -> int:
        raise Fault(self._parser.CurrentLineNumber, "declares or uses an entity: none is read")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        line = self._parser.CurrentLineNumber
        if self._depth == 1 and name != "nmaprun":
            raise Fault(line, "is XML of something else than nmap or masscan")
        if self._depth > MOST_DEPTH:
            raise Fault(line, f"has more than {MOST_DEPTH} elements in each other")
        if name == "scaninfo":
            self._scanned = True
        elif name == "host":
            self._host, self._up, self._listed = "", True, False
        elif name == "status":
            self._up = attributes.get("state") != "down"
        elif name == "address" and not self._host:
            text = attributes.get("addr", "")
            # masscan says ipv4 of any address; nmap lists the MAC address too.
            if attributes.get("addrtype") != "mac" or address_of(text) is not None:
                self._host = text
        elif name == "ports":
            self._listed = True
        elif name == "port":
            self._port = (line, attributes.get("protocol", ""), attributes.get("portid", ""))
        elif name == "state" and self._port is not None:
            self._state(attributes.get("state", ""), *self._port)
            self._port = None

    def _state(self, state: str, line: int, protocol: str, port: str) -> None:
        if not self._host:
            raise Fault(line, "names a port before its host")
        if protocol != "tcp":
            self._seen.append(Seen(line, self._host, None, Dropped.NOT_TCP))
        else:
            why = None if state == "open" else Dropped.CLOSED
            self._seen.append(Seen(line, self._host, number(port, line), why))

    def _end(self, name: str) -> None:
        self._depth -= 1
        self.closed = not self._depth
        if name == "port":
            self._port = None
        elif name == "host" and self._host and not self._listed:
            if not self._up or self._scanned:
                self._seen.append(Seen(self._parser.CurrentLineNumber, self._host, None, Dropped.CLOSED))
            else:  # a sweep that looked at no port
                self._seen.append(Seen(self._parser.CurrentLineNumber, self._host, None))
