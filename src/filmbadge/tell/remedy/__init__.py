"""What closes an archive, in words: three to five lines from evidence, and how to check again.

Each row of `catalogue/remedies.toml` has one sentence here. What is typed stands in the row, for it has no language.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from filmbadge.catalogue.remedies import Measured, RemedyRow, Then
from filmbadge.catalogue.remedies import remedies as rows
from filmbadge.judge.remedies import Remedy, remedies
from filmbadge.model import Archive, JudgedEndpoint
from filmbadge.tell.language import N_
from filmbadge.tell.words import Words

LINES = {
    "orthanc-web-before-1-5-8": N_("This version of Orthanc asks nobody for a password unless its configuration says so. Write into the configuration of Orthanc, with a name and a password of your own, and restart it:"),
    "orthanc-web-from-1-13": N_("Remove the line that sets AuthenticationEnabled to false from the configuration of Orthanc. Write instead, with a name and a password of your own, and restart it:"),
    "orthanc-web-from-1-12-9": N_("Demand a password for the web interface. Write into the configuration of Orthanc, with a name and a password of your own, and restart it. Without RegisteredUsers, Orthanc creates a user whose password is known:"),
    "orthanc-web": N_("Demand a password for the web interface. Write into the configuration of Orthanc, with a name and a password of your own, and restart it. Without RegisteredUsers, or with an empty one, Orthanc creates a user whose password is known:"),
    "orthanc-web-local": N_("If only programs on the same machine use the web interface of Orthanc, close it to all others. Write into its configuration, and restart it:"),
    "orthanc-default-user": N_("The web interface of Orthanc asks for a password. Please check whether the user that Orthanc creates by itself still exists: its name and password are known to everybody. We did not try it. Set a user of your own in the configuration:"),
    "dcm4chee-web": N_("Demand a login for the user interface and for REST alike. Build and deploy dcm4chee in the variant that secures both:"),
    "osirix-web": N_("Set a password in Preferences, Web Server. Switch the web server off if nobody needs it."),
    "ohif-web": N_("Demand a login for the viewer, and also for the DICOMweb address from which it takes its images. A login for the viewer alone leaves the images open:"),
    "listing-nginx": N_("Let the web server show neither the list nor the files. To hide the list alone is not enough. For nginx:"),
    "listing-apache": N_("Let the web server show neither the list nor the files. To hide the list alone is not enough. For Apache:"),
    "front-http": N_("Put a web server with a login in front of the archive, and let the archive itself listen on 127.0.0.1 only. For nginx, in which no “return” may stand at this place:"),
    "front-http-certificate": N_("Let only devices with a certificate of your own through the web server in front of the archive. For nginx:"),
    "front-http-address": N_("Let only the addresses of your own devices through the web server in front of the archive. For nginx, in which no “return” may stand at this place:"),
    "orthanc-dicom-before-1-3": N_("This version of Orthanc cannot refuse strangers who store images. Update it. Until then, write into its configuration, with a line for each device of yours:"),
    "orthanc-dicom-before-1-9": N_("Let only your own devices into the DICOM port. Write into the configuration of Orthanc, with a line for each device of yours, and restart it:"),
    "orthanc-dicom": N_("Let only your own devices into the DICOM port. Write into the configuration of Orthanc, with a line for each device of yours, and restart it:"),
    "orthanc-dicom-off": N_("If nobody uses the DICOM port of Orthanc, switch it off in the configuration, and restart it:"),
    "orthanc-title": N_("An AE title is a name and no secret. Let Orthanc check the address of each device, too. Write into its configuration, and restart it:"),
    "dcm4chee-dicom": N_("Enter the AE titles of your own devices as “Accepted Calling AE Title” at each Network AE of dcm4chee. An empty list lets everybody in:"),
    "conquest-dicom": N_("Enter one line for each of your own devices in dgatesop.lst of Conquest, and restart it. Without such lines it lets everybody in:"),
    "dicoogle-dicom": N_("Enter your own devices in the DICOM services of Dicoogle. The value “any” lets everybody in:"),
    "osirix-dicom": N_("In Preferences, Listener, switch off C-FIND and C-GET for others, and the announcement by Bonjour. On Horos:"),
    "clearcanvas-dicom": N_("In each server partition of ClearCanvas, switch off AcceptAnyDevice and AutoInsertDevice. Then delete from the list of devices whatever is not yours:"),
    "dcmtk-aborts-dicom": N_("Let only your own devices into the DICOM port. The archive behaves as Orthanc does. If it is Orthanc, write into its configuration, with a line for each device of yours, and restart it:"),
    "dcmqrscp-dicom": N_("In the settings of the archive, let only your own devices into the DICOM port. If it is dcmqrscp of DCMTK, name them in dcmqrscp.cfg instead of ANY, and start it again with the option -dhl:"),
    "dcm4che-dicom": N_("In the settings of the archive, let only your own devices into the DICOM port. If it is dcm4chee, enter their AE titles as “Accepted Calling AE Title” at each Network AE:"),
    "pynetdicom-dicom": N_("If this archive is built on pynetdicom, let it demand the AE titles that it knows. Do not let strangers reach its program qrscp, which has a published vulnerability:"),
    "pixelmed-dicom": N_("We know of no setting by which this product refuses strangers. Keep them away from its DICOM port by a firewall or by a TLS gateway."),
    "any-dicom": N_("In the settings of the archive, let only your own devices into the DICOM port, by AE title and by address."),
    "any-title": N_("An AE title is a name and no secret. Let only the addresses of your own devices reach the DICOM port."),
    "firewall-windows": N_("Narrow the firewall rules of Windows that open the archive (TCP {ports}) to the addresses of your own devices. Add no rule that blocks: it would also block your devices. In PowerShell:"),
    "firewall-macos": N_("In the firewall, let only the addresses of your own devices reach the archive (TCP {ports}), and close it for IPv6. On macOS, in /etc/pf.conf:"),
    "firewall-aws": N_("Remove the rules that open the archive (TCP {ports}) to everybody from the security group, for IPv4 and for IPv6. Then look at the rules again:"),
    "firewall-azure": N_("Narrow the rules of the network security group that open the archive (TCP {ports}) to the addresses of your own devices, for IPv4 and for IPv6:"),
    "firewall-gcp": N_("Narrow the firewall rules of the project that open the archive (TCP {ports}) to the addresses of your own devices, for IPv4 and for IPv6:"),
    "firewall-nftables": N_("In the firewall, let only the addresses of your own devices reach the archive (TCP {ports}), and close it for IPv6. On Linux:"),
    "update": N_("Update the product: its version has published vulnerabilities."),
    "front-verify": N_("The DICOM port speaks TLS with everybody. Let it demand a certificate that you gave to your own devices. With stunnel both lines are needed:"),
    "orthanc-dicom-tls": N_("Encrypt the DICOM port, and let in only devices with a certificate of your own. Write into the configuration of Orthanc:"),
    "dcm4chee-tls": N_("Let devices use the connection dicom-tls (port 2762) with new ciphers, and remove the plain connection from each AE of dcm4chee:"),
    "front-stunnel": N_("Put a TLS gateway in front of the DICOM port that lets in only devices with a certificate of your own. The archive itself should listen on 127.0.0.1 only. With stunnel:"),
    "front-nginx-stream": N_("Put a TLS gateway in front of the DICOM port that lets in only devices with a certificate of your own. The archive itself should listen on 127.0.0.1 only. With nginx:"),
    "front-nginx-address": N_("Put a gateway in front of the DICOM port that lets in only the addresses of your own devices. It encrypts nothing. With nginx:"),
    "front-haproxy": N_("Put a TLS gateway in front of the DICOM port that lets in only devices with a certificate of your own. The archive itself should listen on 127.0.0.1 only. With haproxy:"),
    "orthanc-web-tls": N_("Encrypt the web interface. Write into the configuration of Orthanc:"),
    "web-tls": N_("Encrypt the web interface by a web server in front of it. With nginx:"),
    "tls-versions": N_("Allow only TLS 1.2 and 1.3, with ciphers that have forward secrecy and authenticated encryption. With nginx:"),
    "tls-certificate": N_("Install a certificate that is valid, has a key of at least 2048 bits, and names the address by which the archive is called."),
    "likely-product": N_("One mark alone says that the product is {product}. If it is another one, look for its setting that does the same."),
    "any-apart": N_("If nobody outside needs the archive, take it off the internet. Let those who do need it come through a VPN."),
    "any-logs": N_("Keep copies of the logs of the archive and of the firewall. They tell whether somebody took records, and they are soon overwritten."),
    "any-maintainer": N_("Ask whoever maintains the archive to confirm in writing what was changed."),
}  # fmt: skip


UNTRIED = N_("We did not try this on the product itself.")

# These stand for ports where several archives are told together.
PORTS = {"ports": "…", "dicom": "PORT", "web": "PORT"}


class Step(Struct, frozen=True):
    """One thing to do."""

    code: str  # the row of the catalogue
    words: str
    type: tuple[str, ...]  # what is typed, line by line; it has no language
    source: str
    untried: str = (
        ""  # that we did not try it; empty: a test of ours does it on the product, or there is nothing to try
    )

    @property
    def tried(self) -> bool:
        return not self.untried


class CloseItView(Struct, frozen=True):
    """What closes an archive. Without steps there is nothing to close."""

    steps: tuple[Step, ...] = ()
    check_again: str = ""  # a command
    product: str = ""

    @property
    def lines(self) -> tuple[str, ...]:
        """The steps, each in one line with what is typed."""
        return tuple(" ".join(filter(None, (step.words, *step.type, step.untried))) for step in self.steps)

    @property
    def sources(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(step.source for step in self.steps))


def close_it(archive: Archive, group: Sequence[JudgedEndpoint], words: Words) -> CloseItView:
    """What closes an archive, by evidence, and how to check again."""
    product = archive.product
    steps = tuple(_step(remedy, product.product, words) for remedy in remedies(archive, group))
    if not steps:
        return CloseItView()
    return CloseItView(steps, _check(archive), words.product(product.product, product.version, product.firm))


def _step(remedy: Remedy, product: str, words: Words) -> Step:
    ports = {"ports": ", ".join(map(str, remedy.ports)), "dicom": remedy.dicom or "PORT", "web": remedy.web or "PORT"}
    return step(remedy.id, words, product, {name: str(port) for name, port in ports.items()})


def step(code: str, words: Words, product: str, ports: Mapping[str, str] = PORTS) -> Step:
    """A row of the catalogue in words, for archives of one product of which only the ports differ."""
    row = rows()[code]
    said = words.say(LINES[row.id], ports=ports["ports"], product=product)
    return Step(
        row.id,
        said,
        tuple(_typed(line, ports) for line in row.set),
        row.source,
        words.say(UNTRIED) if row.untried else "",
    )


def _typed(line: str, ports: Mapping[str, str]) -> str:
    for name, port in ports.items():
        line = line.replace(f"<{name}>", port)
    return line


def _check(archive: Archive) -> str:
    """The commands that check this archive again, one for each of its addresses: closed at one, it may be open at another."""
    addresses = dict.fromkeys((archive.address, *(endpoint.address for endpoint in sorted(archive.endpoints))))
    return "; ".join(_check_address(archive, address) for address in addresses)


def _check_address(archive: Archive, address: str) -> str:
    host = f"[{address}]" if ":" in address else address
    ports = sorted({e.port for e in archive.endpoints if e.address == address})
    scope = "" if address == "::1" or address.startswith("127.") else " --scope SCOPE.toml"
    return f"filmbadge check {host}:{','.join(map(str, ports))}{scope}"


def markdown() -> str:
    """All remedies, for `docs/remedies.md`: a table of those that were tried, and one section a row."""
    return _proven() + "".join(map(_section, rows().values()))


def _proven() -> str:
    """What was seen on the products: a test sees every line of it again."""
    table = "\n## Tried on the products\n\n| remedy | tried on | before | after | by which a check tells | it proves | an own device then still has |\n|---|---|---|---|---|---|---|\n"
    for row in rows().values():
        if seen := row.measured:
            proves = _proves(row, seen)
            cells = (f"[{row.id}](#{row.id})", row.proven, seen.before, seen.after, seen.shows, proves, seen.allowed)
            table += f"| {' | '.join(cells)} |\n"
    return table


def _proves(row: RemedyRow, seen: Measured) -> str:
    if not row.then:
        return "encrypted, and not closed"
    if row.login:
        return "a login, and not who has one"
    return "closed" if seen.conclusive else "nothing"


def _section(row: RemedyRow) -> str:
    typed = (
        f"\n```\n{chr(10).join(_typed(line, {**PORTS, 'ports': 'PORTS'}) for line in row.set)}\n```\n"
        if row.set
        else ""
    )
    told = {
        "fits": _condition(row),
        "instead of": f"`{row.instead_of}`" if row.instead_of else "",
        "setting": row.setting,
        "goes into": row.into,
        "since": row.since,
        "default": row.default,
        "a stranger then sees": row.stranger,
        "a check then says": ", ".join(_then(one) for one in row.then),
        "verify": row.verify,
        "note": row.note,
        "tried on": row.proven,
        "not tried on the product": row.unproven,
        "source": f"{row.source} ({row.grade})",
    }
    table = "".join(f"| {name} | {said.replace('|', chr(92) + '|')} |\n" for name, said in told.items() if said)
    return (
        f"\n## {row.id}\n\n{LINES[row.id].format(ports='PORTS', product='PRODUCT')}\n{typed}\n| | |\n|---|---|\n{table}"
    )


def _condition(row: RemedyRow) -> str:
    """The conditions of a row, in the words of the catalogue."""
    versions = " ".join(filter(None, (row.at_least and f"from {row.at_least}", row.before and f"before {row.before}")))
    parts = (
        " or ".join(row.product) or (row.toolkit and f"toolkit {row.toolkit}"),
        versions,
        row.ways and f"way in: {' or '.join(row.ways)}",
        row.firm is False and "one mark alone names the product",
        row.login and "a login is demanded",
        row.aborts and "the query is aborted",
        row.findings and f"finding: {' or '.join(row.findings)}",
        row.plain and f"plain {row.plain}",
        row.tls and "TLS",
        row.platform and f"firewall: {row.platform}",
    )
    return "; ".join(map(str, filter(None, parts))) or "any archive"


def _then(then: Then) -> str:
    return " ".join(map(str, (then.why, *then.codes)))
