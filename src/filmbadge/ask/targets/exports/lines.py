"""Result files that have a line for each answer: masscan -oL, nmap and masscan -oG, RustScan -g, and CSV with a head.

CSV is read from ZMap, naabu, httpx and Shodan. The columns are found by their names.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence

from filmbadge.ask.targets.exports.seen import Dropped, End, Fault, Seen, number

MOST_LINE = 1 << 20  # bytes of one line
_LISTED = re.compile(r"(open|closed|banner) (\w{1,16}) (\d{1,5}) (\S{1,253}) (\d{1,20})( .*)?")
_GREPPABLE = re.compile(r"(?:Timestamp: \d+\t)?Host: (\S{1,253}) \([^\t]*\)(?:\t(.*))?")
_GREPPABLE_PORT = re.compile(r"(\d{1,5})/([\w|-]{1,20})/(\w{1,10})/[^/]*/[^/]*/[^/]*/[^/]*/?[^/,]*(?:, |$)")
_RUSTSCAN = re.compile(r"(\S{1,253}) -> \[([\d, ]*)\]")
_SWEEP_ONLY = re.compile(r" -s[nP] ")


def lines(chunks: Iterable[bytes]) -> Iterator[tuple[int, str, bool]]:
    """Each line with its number, and whether it has its end. Raises Fault for one that is too long or not UTF-8."""
    number_, rest = 0, b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            number_ += 1
            yield number_, _text(line.removesuffix(b"\r"), number_), True
        if len(rest) > MOST_LINE:
            raise Fault(number_ + 1, f"is a line of more than {MOST_LINE >> 20} MiB")
    if rest:
        yield number_ + 1, _text(rest, number_ + 1, last=True), False


def _text(line: bytes, at: int, *, last: bool = False) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        if last and error.end == len(line) and error.reason == "unexpected end of data":
            return line[: error.start].decode()
        raise Fault(at, "is not UTF-8 text") from None


def masscan_list(chunks: Iterable[bytes], end: End) -> Iterator[Seen]:
    """masscan -oL: `open tcp 104 192.0.2.10 1795600000`, and `# end` in the last line."""
    headed = ended = False
    at = 0
    for at, line, whole in lines(chunks):
        if line.startswith("#"):
            headed, ended = headed or line.startswith("#masscan"), ended or line.rstrip() == "# end"
        elif found := _LISTED.fullmatch(line) if whole else None:
            state, protocol, port, host, _, _ = found.groups()
            why = {"open": None, "closed": Dropped.CLOSED, "banner": Dropped.BANNER}[state]
            yield _seen(at, host, port, protocol, why)
        elif not whole:  # what is left of its address could be another address
            ended = False
        elif line.strip():
            raise Fault(at, "is not a line of masscan's list")
    if headed and not ended:
        end.cut = f"line {at}"


def greppable(chunks: Iterable[bytes], end: End) -> Iterator[Seen]:
    """nmap -oG and masscan -oG: `Host: 192.0.2.10 ()<TAB>Ports: 104/open/tcp//dicom///`."""
    begun = ended = sweep = False
    at = 0
    for at, line, whole in lines(chunks):
        if line.startswith("#"):
            begun = begun or " scan initiated " in line
            sweep = sweep or _SWEEP_ONLY.search(line) is not None
            ended = ended or line.startswith(("# Nmap done", "# Masscan done"))
        elif not line.strip():
            continue
        elif not whole:
            ended, begun = False, True
        elif line.startswith("Nmap scan report for "):
            raise Fault(at, "is nmap's normal output: give what -oX or -oG wrote")
        elif (found := _GREPPABLE.fullmatch(line)) is None:
            raise Fault(at, "is not a line of nmap's or masscan's -oG")
        else:
            yield from _of_host(at, found.group(1), (found.group(2) or "").split("\t"), sweep)
    if begun and not ended:
        end.cut = f"line {at}"


def _of_host(at: int, host: str, fields: Sequence[str], sweep: bool) -> Iterator[Seen]:
    for field in fields:
        if field == "Status: Down":
            yield Seen(at, host, None, Dropped.CLOSED)
        elif field == "Status: Up" and sweep:  # no port was looked at
            yield Seen(at, host, None)
        elif field.startswith("Ports: "):
            listed, place = field.removeprefix("Ports: ").rstrip(), 0
            while place < len(listed):
                found = _GREPPABLE_PORT.match(listed, place)
                if found is None:
                    raise Fault(at, "has a port that is not written like 104/open/tcp//dicom///")
                port, state, protocol = found.groups()
                yield _seen(at, host, port, protocol, None if state == "open" else Dropped.CLOSED)
                place = found.end()


def rustscan(chunks: Iterable[bytes], end: End) -> Iterator[Seen]:
    """RustScan -g: `192.0.2.10 -> [104,11112]`."""
    for at, line, whole in lines(chunks):
        found = _RUSTSCAN.fullmatch(line.strip())
        if found is not None:
            ports = [port.strip() for port in found.group(2).split(",")]
            yield from (Seen(at, found.group(1), number(port, at)) for port in ports if port)
        elif not whole:
            end.cut = f"line {at}"
        elif line.strip():
            raise Fault(at, "is not a line of RustScan's -g")


def _seen(at: int, host: str, port: str, protocol: str, why: Dropped | None) -> Seen:
    if protocol != "tcp":
        return Seen(at, host, None, Dropped.NOT_TCP)
    return Seen(at, host, number(port, at), why)


_HOST_COLUMNS = ("saddr", "ip_str", "host_ip", "ip", "host")  # the first that is filled counts
_PORT_COLUMNS = ("sport", "port")
_TRUTHS = ("success", "failed", "repeat")
_MATTER = (*_HOST_COLUMNS, *_PORT_COLUMNS, *_TRUTHS, "transport", "protocol", "classification")
HEADS = (
    frozenset({"saddr"}),
    frozenset({"ip_str", "port"}),
    frozenset({"ip", "port"}),
    frozenset({"host", "port", "url"}),
)


def columns(line: str) -> list[str] | None:
    """The names of the columns, if this line is the head of a CSV file that is known."""
    try:
        return _names(next(csv.reader([line]), []))
    except csv.Error:
        return None


def table(chunks: Iterable[bytes], end: End) -> Iterator[Seen]:
    """CSV with the names of its columns in the first line that is not empty."""
    names: list[str] | None = None
    ends: list[bool] = []
    at, begun = 0, 1

    def fed() -> Iterator[str]:
        nonlocal at
        for at, line, whole in lines(chunks):  # noqa: B007 - read outside
            ends[:] = [whole]
            yield line + "\n"

    rows = csv.reader(fed(), strict=True)
    while True:
        begun = at + 1
        try:
            row = next(rows, None)
        except csv.Error as error:
            if ends == [False] or "unexpected end" in str(error):
                end.cut = f"line {begun}"
                return
            raise Fault(begun, "is not CSV") from None
        if row is None:
            return
        if not row or not any(row):
            continue
        if names is None:
            names = _names(row)
            if names is None:
                raise Fault(begun, "names no column that is known")
            continue
        if ends == [False] and _perhaps_cut(names, row):
            end.cut = f"line {begun}"
            return
        if len(row) != len(names):
            raise Fault(begun, f"has {len(row)} fields, and the first line names {len(names)}")
        yield _of_row(begun, dict(zip(names, row, strict=True)))


def _names(row: Sequence[str]) -> list[str] | None:
    names = [name.strip().replace("-", "_").lower() for name in row]
    return names if any(known <= set(names) for known in HEADS) else None


def _perhaps_cut(names: Sequence[str], row: Sequence[str]) -> bool:
    """Whether a last line without its end may have lost a part that matters: a shorter address is another address."""
    if len(row) < len(names) or names[-1] not in _MATTER:
        return len(row) < len(names)
    return names[-1] not in _TRUTHS or row[-1].lower() not in ("0", "1", "false", "true")


def _of_row(at: int, row: dict[str, str]) -> Seen:
    host = next((row[name].strip() for name in _HOST_COLUMNS if row.get(name, "").strip()), "")
    if not host:
        raise Fault(at, "names no host")
    failed = row.get("success", "1").lower() in ("0", "false") or row.get("failed", "").lower() in ("1", "true")
    protocol = (row.get("transport") or row.get("protocol") or "tcp").lower()
    if protocol not in ("tcp", "http", "https"):
        return Seen(at, host, None, Dropped.NOT_TCP)
    why = zmap_why(row.get("classification", ""), failed, row.get("repeat", "").lower() in ("1", "true"))
    port = None
    if why is not Dropped.NOT_TCP:
        port = number(next((row[name].strip() for name in _PORT_COLUMNS if name in row), None), at)
    return Seen(at, host, port, why)


def zmap_why(classification: str, failed: bool, repeat: bool) -> Dropped | None:
    """Why an answer to ZMap is no target."""
    if failed or classification == "rst":
        return Dropped.CLOSED
    if classification.startswith(("udp", "dns", "ntp", "upnp", "icmp")):
        return Dropped.NOT_TCP
    return Dropped.REPEATED if repeat else None
