"""Result files, written anew in the form of each tool and version. Every address is one for documentation."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from ipaddress import ip_address

from filmbadge.ask.targets.exports.seen import Dropped

Found = tuple[str, int | None]
A, B, C = "192.0.2.10", "192.0.2.77", "2001:db8::10"
NAME = "pacs.example.org"


def _lines(*rows: object) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def _masscan(ip: str, port: int, **how: object) -> dict[str, object]:
    told = {"port": port, "proto": "tcp", "status": "open", "reason": "syn-ack", "ttl": 64, **how}
    return {"ip": ip, "timestamp": "1795600000", "ports": [told]}


def _banner(ip: str, port: int, **more: object) -> dict[str, object]:
    address = {"ip": int(ip_address(ip))} if "." in ip else {"ipv6": ip}
    return {"_shodan": {"module": "dicom"}, "ip_str": ip, **address, "port": port, "transport": "tcp",
            "data": 'a "text" with } and \\ in it', "location": {"country_code": "DE"}, **more}  # fmt: skip


_MASSCAN = [_masscan(A, 104), _masscan(B, 4242), _masscan(A, 161, proto="udp"), _masscan(A, 105, status="closed")]
_OPEN = [(A, 104), (B, 4242)]
_TWO = {Dropped.NOT_TCP: 1, Dropped.CLOSED: 1}

_GREPPABLE = f"""\
# Nmap 7.93 scan initiated Wed Nov 25 09:46:40 2026 as: nmap -oG - -p 104-106 192.0.2.0/24
# Ports scanned: TCP(3;104-106) UDP(0;) SCTP(0;) PROTOCOLS(0;)
Host: {A} ({NAME})\tStatus: Up
Host: {A} ({NAME})\tPorts: 104/open/tcp//dicom//DCMTK 3.6.7, storescp/, 105/closed/tcp/////, 106/filtered/tcp/////
Host: {B} ()\tPorts: 4242/open/tcp//vrml-multi-use///, 161/open|filtered/udp//snmp///\tIgnored State: closed (1)
Host: 192.0.2.99 ()\tStatus: Down
# Nmap done at Wed Nov 25 09:50:00 2026 -- 256 IP addresses (2 hosts up) scanned in 200.00 seconds
"""

_NMAP = f"""\
<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE nmaprun>
<nmaprun scanner="nmap" args="nmap -oX -" version="7.93" xmloutputversion="1.05">
<scaninfo type="syn" protocol="tcp" numservices="2" services="104,4242"/>
<host><status state="up" reason="arp-response"/>
<address addr="00:00:5E:00:53:01" addrtype="mac" vendor="x"/><address addr="{A}" addrtype="ipv4"/>
<hostnames><hostname name="{NAME}" type="PTR"/></hostnames>
<ports><extraports state="filtered" count="2"/>
<port protocol="tcp" portid="104"><state state="open" reason="syn-ack"/><service name="dicom" product="&lt;x&gt;"/>
<script id="dicom-ping" output="&#xa;  ü"><elem key="dicom">x</elem></script></port>
<port protocol="tcp" portid="105"><state state="closed"/></port>
<port protocol="udp" portid="104"><state state="open|filtered"/></port>
</ports></host>
<host><status state="up"/><address addr="{B}" addrtype="ipv4"/><ports><port protocol="tcp" portid="4242"><state state="open"/></port></ports></host>
<host><status state="down"/><address addr="192.0.2.99" addrtype="ipv4"/></host>
<host timedout="true"><status state="up"/><address addr="192.0.2.98" addrtype="ipv4"/></host>
<runstats><finished time="1"/></runstats>
</nmaprun>
"""

_MASSCAN_XML = (
    '<?xml version="1.0"?>\r\n<!-- masscan v1.0 scan -->\r\n'
    '<nmaprun scanner="masscan" start="1" version="1.0-BETA"  xmloutputversion="1.03">\r\n'
    '<scaninfo type="syn" protocol="tcp" />\r\n'
    + "".join(
        f'<host endtime="1"><address addr="{ip}" addrtype="ipv4"/><ports><port protocol="tcp" portid="{port}">'
        '<state state="open" reason="syn-ack" reason_ttl="64"/></port></ports></host>\r\n'
        for ip, port in (*_OPEN, (C, 11112))
    )
    + '<runstats>\r\n<finished time="1" timestr="x" elapsed="1" />\r\n</runstats>\r\n</nmaprun>\r\n'
)


def _head() -> bytes:
    return b"masscan/1.1\ns:1795600000\n".ljust(99, b"\0")


def _record(kind: int, body: bytes) -> bytes:
    size = len(body)
    return bytes([kind]) + (bytes([size]) if size < 128 else bytes([0x80 | size >> 7, size & 127])) + body


def _v4(ip: str, port: int, *, protocol: int = 6) -> bytes:
    return bytes(4) + ip_address(ip).packed + bytes([protocol]) + port.to_bytes(2, "big") + b"\x12\x40"


def _v6(ip: str, port: int) -> bytes:
    return bytes(4) + b"\x06" + port.to_bytes(2, "big") + b"\x12\x40\x06" + ip_address(ip).packed


_BINARY = (
    _head()
    + _record(6, _v4(A, 104))
    + _record(6, _v4(B, 4242))
    + _record(6, _v4(A, 53, protocol=17))
    + _record(7, _v4(A, 105))
    + _record(9, _v4(A, 104) + bytes(200))
    + _record(10, _v6(C, 11112))
    + _record(1, bytes(4) + ip_address(B).packed + (104).to_bytes(2, "big") + b"\x12\x40")
    + _record(ord("m"), bytes(97))
)

_CENSYS_SERVICES = [
    {"port": 104, "service_name": "DICOM", "transport_protocol": "TCP", "truncated": False, "dicom": {"x": [1]}},
    {"port": 161, "service_name": "SNMP", "transport_protocol": "UDP"},
]
_PLATFORM_SERVICES = [
    {"ip": A, "port": 104, "protocol": "DICOM", "transport_protocol": "tcp", "is_truncated": False},
    {"ip": A, "port": 443, "protocol": "HTTP", "transport_protocol": "quic"},
]
_CENSYS = ([(A, 104)], {Dropped.NOT_TCP: 1})
_NUCLEI = {"template-id": "x", "info": {"severity": "info"}, "type": "http", "timestamp": "x", "matcher-status": True}

SAMPLES: dict[str, tuple[bytes, Sequence[Found], Mapping[Dropped, int]]] = {
    "zmap 2.1, csv": (
        b"saddr,sport,classification,success,repeat,timestamp-str\n192.0.2.10,104,synack,1,0,x\n192.0.2.11,104,rst,0,0,x\n"
        b"192.0.2.10,104,synack,1,1,x\n192.0.2.77,4242,synack,1,0,x\n",
        _OPEN, {Dropped.CLOSED: 1, Dropped.REPEATED: 1},
    ),
    "zmap 4, csv, crlf, mark": (
        b"\xef\xbb\xbfsaddr_raw,saddr,sport,success\r\n1,192.0.2.10,104,true\r\n1,192.0.2.77,4242,True\r\n1,192.0.2.9,1,false\r\n",
        _OPEN, {Dropped.CLOSED: 1},
    ),
    "zmap, addresses alone": (b"saddr\n192.0.2.10\n192.0.2.77\n", [(A, None), (B, None)], {}),
    "zmap, udp": (b"saddr,sport,classification,success\n192.0.2.10,161,udp,1\n192.0.2.77,4242,synack,1\n", [(B, 4242)], {Dropped.NOT_TCP: 1}),
    "zmap 4, json": (
        _lines({"saddr": A, "sport": 104, "success": True, "repeat": False}, {"saddr": A, "sport": 1, "success": False},
               {"saddr": B, "sport": 4242, "success": 1, "classification": "synack", "tcpopt_mss": 1460}),
        _OPEN, {Dropped.CLOSED: 1},
    ),
    "masscan, list": (
        f"#masscan\nopen tcp 104 {A} 1795600000\nopen udp 161 {A} 1\nclosed tcp 105 {A} 1\nopen tcp 4242 {B} 1\n"
        f"banner tcp 104 {A} 1 http HTTP/1.1 401\\x0d\n# end\n".encode(),
        _OPEN, {**_TWO, Dropped.BANNER: 1},
    ),
    "masscan, json": (b"[\n" + b",\n".join(_lines(row).strip() for row in _MASSCAN) + b"\n]\n", _OPEN, _TWO),
    "masscan to 2018-07, json": (b"[\n" + b"".join(_lines(row).strip() + b",\n" for row in _MASSCAN) + b"]\n", _OPEN, _TWO),
    "masscan to 2017-03, json": (
        b"".join(_lines(row).strip() + b",\n" for row in _MASSCAN) + b"{finished: 1}\n", _OPEN, _TWO,
    ),
    "masscan, json of many ports on one line": (
        json.dumps([_masscan(A, 104), _masscan(C, 11112)]).encode(), [(A, 104), (C, 11112)], {},
    ),
    "masscan, ndjson": (
        _lines({"ip": A, "timestamp": "1", "port": 104, "proto": "tcp", "rec_type": "status", "data": {"status": "open"}},
               {"ip": A, "timestamp": "1", "port": 104, "proto": "tcp", "rec_type": "banner", "data": {"banner": "x"}},
               {"ip": A, "timestamp": "1", "port": 105, "proto": "tcp", "rec_type": "status", "data": {"status": "closed"}},
               {"ip": B, "timestamp": "1", "port": 4242, "proto": "tcp", "rec_type": "status", "data": {"status": "open"}}),
        _OPEN, {Dropped.BANNER: 1, Dropped.CLOSED: 1},
    ),
    "masscan, xml": (_MASSCAN_XML.encode(), [*_OPEN, (C, 11112)], {}),
    "masscan, binary": (_BINARY, [*_OPEN, (C, 11112), (B, 104)], {**_TWO, Dropped.BANNER: 1}),
    "masscan, greppable": (
        f"# Masscan 1.3.2 scan initiated Wed Nov 25 09:46:40 2026\n# Ports scanned: TCP(2;104,4242) UDP(0;) SCTP(0;) PROTOCOLS(0;)\n"
        f"Timestamp: 1795600000\tHost: {A} ()\tPorts: 104/open/tcp//dicom//\n"
        f"Timestamp: 1795600000\tHost: {B} ()\tPorts: 4242/open/tcp////\n# Masscan done at Wed Nov 25 09:46:41 2026\n".encode(),
        _OPEN, {},
    ),
    "nmap, xml": (_NMAP.encode(), _OPEN, {Dropped.CLOSED: 3, Dropped.NOT_TCP: 1}),
    "nmap, xml in utf-16": (b"\xff\xfe" + _NMAP.encode("utf-16-le"), _OPEN, {Dropped.CLOSED: 3, Dropped.NOT_TCP: 1}),
    "nmap 5, xml": (
        _NMAP.replace("UTF-8", "iso-8859-1").encode("latin-1"), _OPEN, {Dropped.CLOSED: 3, Dropped.NOT_TCP: 1},
    ),
    "nmap -sn, xml": (
        f'<nmaprun scanner="nmap" args="nmap -sn"><host><status state="up"/><address addr="{A}" addrtype="ipv4"/></host></nmaprun>'.encode(),
        [(A, None)], {},
    ),
    "nmap, greppable": (_GREPPABLE.encode(), _OPEN, {Dropped.CLOSED: 3, Dropped.NOT_TCP: 1}),
    "nmap -sn, greppable": (
        f"# Nmap 7.93 scan initiated x as: nmap -sn -oG - 192.0.2.0/24\nHost: {A} ()\tStatus: Up\n# Nmap done at x\n".encode(),
        [(A, None)], {},
    ),
    "naabu 2.6": (
        _lines({"ip": A, "port": 104, "protocol": "tcp", "tls": False}, {"host": NAME, "ip": A, "port": 104, "protocol": "tcp"},
               {"host": NAME, "ip": B, "port": 4242, "protocol": "tcp", "cdn": True}, {"ip": A, "port": 53, "protocol": "udp"}),
        _OPEN, {Dropped.REPEATED: 1, Dropped.NOT_TCP: 1},
    ),
    "naabu 2.1.3": (
        _lines({"ip": A, "port": {"Port": 104, "Protocol": 0, "TLS": False}}, {"ip": B, "port": {"Port": 4242, "Protocol": 0}},
               {"ip": B, "port": {"Port": 53, "Protocol": 1}}),
        _OPEN, {Dropped.NOT_TCP: 1},
    ),
    "naabu 2.0": (_lines({"ip": A, "port": 104}, {"host": NAME, "ip": B, "port": 4242}), _OPEN, {}),
    "naabu, csv": (b"host,ip,port,protocol,tls\npacs.example.org,192.0.2.10,104,tcp,false\n,192.0.2.77,4242,tcp,true\n", _OPEN, {}),
    "httpx 1.8": (
        _lines({"port": "104", "url": f"http://{A}:104", "host": A, "host_ip": A, "status_code": 200, "failed": False},
               {"port": "4242", "url": f"http://{NAME}:4242", "input": NAME, "host": NAME, "host_ip": B, "failed": False},
               {"input": "192.0.2.9", "url": "http://192.0.2.9", "error": "x", "failed": True}),
        _OPEN, {Dropped.CLOSED: 1},
    ),
    "httpx 1.2": (
        _lines({"port": "443", "url": f"https://{NAME}", "host": A, "status-code": 200, "content-length": 1},
               {"url": f"https://u:p@{NAME}/x?y#z", "input": NAME, "status-code": 200},
               {"url": f"http://[{C}]:8042/", "status-code": 200}),
        [(A, 443), (NAME, 443), (C, 8042)], {},
    ),
    "rustscan": (f"{A} -> [104,11112]\n{C} -> [11112]\n".encode(), [(A, 104), (A, 11112), (C, 11112)], {}),
    "shodan, download": (
        _lines(_banner(A, 104), _banner(C, 11112), _banner(A, 161, transport="udp")), [(A, 104), (C, 11112)], {Dropped.NOT_TCP: 1},
    ),
    "shodan, download, gzip in two members": (
        gzip.compress(_lines(_banner(A, 104))) + gzip.compress(_lines(_banner(B, 4242))), _OPEN, {},
    ),
    "shodan, host": (
        json.dumps({"ip_str": A, "ip": 3221225994, "ports": [104, 161, 8042], "hostnames": [NAME],
                    "data": [_banner(A, 104), _banner(A, 161, transport="udp")]}, indent=1).encode(),
        [(A, 104), (A, 8042)], {Dropped.NOT_TCP: 1},
    ),
    "shodan, search": (json.dumps({"matches": [_banner(A, 104), _banner(B, 4242)], "total": 2, "facets": {}}).encode(), _OPEN, {}),
    "shodan, internetdb": (
        json.dumps({"cpes": [], "hostnames": [NAME], "ip": A, "ports": [104, 8042], "tags": [], "vulns": []}).encode(),
        [(A, 104), (A, 8042)], {},
    ),
    "censys 2, view": (
        json.dumps({"code": 200, "status": "OK", "result": {"ip": A, "services": _CENSYS_SERVICES}}, indent=2).encode(), *_CENSYS,
    ),
    "censys 2, search": (
        json.dumps({"code": 200, "result": {"query": "x", "total": 2, "hits": [
            {"ip": A, "services": _CENSYS_SERVICES}, {"ip": B, "services": [{"port": 4242}]}], "links": {}}}).encode(),
        _OPEN, {Dropped.NOT_TCP: 1},
    ),
    "censys 2, hits": (json.dumps([{"ip": A, "services": _CENSYS_SERVICES}], indent=1).encode(), *_CENSYS),
    "censys platform, host": (
        json.dumps({"result": {"resource": {"ip": A, "services": _PLATFORM_SERVICES}, "extensions": {}}}).encode(), *_CENSYS,
    ),
    "censys platform, search": (
        json.dumps({"result": {"hits": [
            {"host_v1": {"resource": {"ip": A, "services": _PLATFORM_SERVICES}, "matched_services": [{"port": 104}], "extensions": {}}},
            {"host_v1": {"resource": {"ip": B}, "matched_services": [{"port": 4242, "transport_protocol": "tcp"}]}},
            {"certificate_v1": {"resource": {"fingerprint_sha256": "x"}}}], "total_hits": 3}}).encode(),
        _OPEN, {Dropped.NOT_TCP: 1, Dropped.NO_HOST: 1},
    ),
    "nuclei 3": (
        _lines({**_NUCLEI, "ip": A, "host": A, "port": "104", "matched-at": f"{A}:104"},
               {**_NUCLEI, "matched-at": f"http://{B}:4242/app"}, {**_NUCLEI, "matched-at": f"https://{NAME}/x"},
               {**_NUCLEI, "matched-at": A, "matcher-status": False}, {**_NUCLEI, "type": "dns", "matched-at": NAME}),
        [*_OPEN, (NAME, 443)], {Dropped.CLOSED: 1, Dropped.NOT_TCP: 1},
    ),
}  # fmt: skip
