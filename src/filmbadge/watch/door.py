"""The second door: it listens, and it sends to the addresses in the settings, never to an address that a scope has surveyed.

Python announces every connection, datagram, look-up, program and opened file of this process to its audit hooks, and what
a hook raises stops it. So the rule stands below all libraries: while something is sent, its thread reaches the addresses
that were looked up for it and nothing else, and once `guard` was called no other thread reaches any. A name is looked up
once, and libraries are handed these addresses. uvloop calls the system behind Python's back, so the dashboard runs on
asyncio's own loop.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from typing import Any, Literal, NamedTuple, NoReturn, cast
from urllib.parse import parse_qsl, urlsplit

import requests
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from filmbadge.model import Refusal
from filmbadge.netlists import plain_network
from filmbadge.scope import Address, Scope, embedded, plain
from filmbadge.texts import printable

Mood = Literal["info", "success", "warning", "failure"]  # as apprise colours a message

_SECONDS = 15.0  # that a connect, or an answer, may take
_WHOLE_SECONDS = 30.0  # the same for all of an answer
_MOST_BYTES = 1 << 20
_WAITING = 1024  # connections that were not taken yet
_CONNECTIONS = 512  # open ones, streams of events among them
_REQUEST_SECONDS = 30.0  # from a connection, or the first byte of a request, to its last one
_HEAD_BYTES = 1 << 15
_ENDING_SECONDS = 0.5  # that an answer is waited for; then streams are ended, which know no end of their own
_ENDED_SECONDS = 5  # that a task may take to notice
_LONGEST_FAULT = 200


class _Way(NamedTuple):
    """A service that messages can go to, over the network and over nothing else."""

    hosts: tuple[str, ...] = ()  # where they go. None: to the host that stands in the URL
    keys: str = ""  # what may stand behind the URL's question mark


_JSON = _Way(keys="method")
_CHAT = _Way(keys="to mode channel botname")
_NTFY = _Way(hosts=("ntfy.sh",), keys="to mode priority token auth")
_WEBEX = _Way(("webexapis.com", "api.ciscospark.com"), "to mode token")
_TALK = _Way(keys="secret silent url_prefix")
_GOTIFY, _SIGNAL, _HOME, _WORKFLOW = _Way(keys="priority"), _Way(keys="from to batch"), _Way(keys="prefix nid"), _Way(keys="id sig ver route routeid pa powerautomate api-version")  # fmt: skip
_MATRIX, _MAIL = _Way(keys="to mode msgtype version token path"), _Way(keys="to from name cc bcc reply smtp mode user pass")  # fmt: skip
# The schemes of apprise that may be used. Others start programs, write files, or reach the desktop of this machine.
_WAYS: Mapping[str, _Way] = {
    "json": _JSON, "jsons": _JSON, "xml": _JSON, "xmls": _JSON, "form": _JSON, "forms": _JSON,
    "mailto": _MAIL, "mailtos": _MAIL,
    "slack": _Way(("hooks.slack.com", "slack.com"), "to token mode footer timestamp"),
    "discord": _Way(("discord.com",), "thread tts"),
    "workflow": _WORKFLOW, "workflows": _WORKFLOW,
    "matrix": _MATRIX, "matrixs": _MATRIX, "mmost": _CHAT, "mmosts": _CHAT, "rocket": _CHAT, "rockets": _CHAT,
    "gotify": _GOTIFY, "gotifys": _GOTIFY, "ntfy": _NTFY, "ntfys": _NTFY,
    "tgram": _Way(("api.telegram.org",), "to topic thread silent preview"),
    "pagerduty": _Way(("events.pagerduty.com", "events.eu.pagerduty.com"), "region group class"),
    "opsgenie": _Way(("api.opsgenie.com", "api.eu.opsgenie.com"), "region to priority tags"),
    "gchat": _Way(("chat.googleapis.com",), "workspace key token thread"),
    "webex": _WEBEX, "wxteams": _WEBEX,
    "nctalk": _TALK, "nctalks": _TALK, "signal": _SIGNAL, "signals": _SIGNAL, "hassio": _HOME, "hassios": _HOME,
    "pover": _Way(("api.pushover.net",), "to priority sound"),
    "splunk": _Way(("alert.victorops.com",)), "victorops": _Way(("alert.victorops.com",)),
}  # fmt: skip


class Response(NamedTuple):
    status: int
    body: bytes


class Door:
    def __init__(self, scopes: Callable[[], Sequence[Scope]]) -> None:
        """`scopes`: those that there are now; nothing is sent to an address that one of them has surveyed."""
        self._scopes = scopes
        _install()

    def guard(self) -> None:
        """From now on nothing in this process reaches anybody but through this door. It cannot be taken back."""
        global _guarded  # noqa: PLW0603
        _guarded = True
        os.environ.update(
            NO_PROXY="*", no_proxy="*", NETRC=os.devnull
        )  # what is sent goes where the settings say, with what they say

    def fault(self, url: str) -> str:
        """What keeps this from being the address of a channel, in one sentence; empty where nothing does. Sends nothing."""
        try:
            self._plugin(url)
        except Refusal as refusal:
            return str(refusal)
        return ""

    def tell(self, url: str, title: str, body: str, mood: Mood = "info") -> None:
        """One message over apprise. Blocking. Raises Refusal, which says why it did not go."""
        plugin, hosts = self._plugin(url)
        with self._errand(hosts) as errand, _heard() as lines:
            try:
                done = plugin.notify(title=title, body=body, notify_type=mood, body_format="text")
            except Exception as error:  # of some library: what it says may hold the channel's secrets
                done = False
                lines.append(type(error).__name__)
        if errand.refused:
            raise Refusal(errand.refused)
        if not done:
            why = printable(lines[-1])[:_LONGEST_FAULT] if lines else "the service did not take it"
            raise Refusal(f"the message was not taken: {why}")

    def fetch(
        self, method: str, url: str, form: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> Response:
        """One request over HTTPS (HTTP on loopback), for OpenID Connect. No redirect is followed. Blocking. Raises Refusal."""
        host, plain_http = _host_of(url)
        shown = printable(host)
        with self._errand((host,)) as errand, requests.Session() as session:
            if plain_http and not all(address.is_loopback for address in errand.addresses()):
                raise Refusal(f"{shown} is not on this machine, so it is asked over HTTPS only: write https://")
            session.trust_env = False  # no proxy and no password of a file: it goes where it says
            try:
                with session.request(
                    method,
                    url,
                    data=form,
                    headers=headers,
                    timeout=_SECONDS,
                    allow_redirects=False,
                    stream=True,
                    verify=_authorities(),
                ) as answer:
                    return Response(answer.status_code, _body(answer, shown))
            except requests.exceptions.SSLError:
                raise Refusal(f"the certificate of {shown} could not be verified") from None
            except requests.exceptions.Timeout:
                raise Refusal(f"{shown} did not answer within {_SECONDS:.0f} seconds") from None
            except (requests.exceptions.RequestException, OSError, ValueError) as error:
                raise Refusal(errand.refused or f"{shown} could not be asked ({type(error).__name__})") from None

    async def listen(
        self,
        app: Any,
        host: str,
        port: int,
        certificate: str = "",
        key: str = "",
        ready: Callable[[str, int], None] = lambda _host, _port: None,
    ) -> None:
        """Serves until it is cancelled. `ready` is told the address and the port when it listens. Raises Refusal."""
        config = uvicorn.Config(
            app,
            loop="asyncio",
            http=_Protocol,
            ws="none",
            log_config=None,
            log_level="critical",  # what it says of a fault has texts that could hold anything: web/app.py says where it was
            access_log=False,  # a query may hold a code of a login
            proxy_headers=False,  # people/gate.py decides whom it believes
            server_header=False,
            limit_concurrency=_CONNECTIONS,
            h11_max_incomplete_event_size=_HEAD_BYTES,
            timeout_graceful_shutdown=_ENDED_SECONDS,
        )
        config.load()
        if certificate or key:
            config.ssl = _context(certificate, key)
        with _listening(host, port) as heard:
            server = _Server(config)
            serving = asyncio.create_task(server.serve(sockets=[heard]))
            ready(*heard.getsockname()[:2])
            try:
                await asyncio.shield(serving)
            except asyncio.CancelledError:
                server.should_exit = True
                asyncio.get_running_loop().call_later(_ENDING_SECONDS, server.hang_up)
                await serving
                raise

    def _plugin(self, url: str) -> tuple[Any, tuple[str, ...]]:
        """What apprise makes of the URL of a channel, and the hosts that it may reach. Raises Refusal."""
        scheme, behind, _ = url.partition("://")
        way = _WAYS.get(scheme.lower())
        if not behind or way is None:
            raise Refusal(
                "this is no address of a channel: it begins with one of "
                + ", ".join(f"{name}://" for name in ("mailtos", "jsons", "slack", "workflows", "matrixs", "discord"))
                + " (docs/watch.md has all)"
            )
        try:
            keys = {name for name, _ in parse_qsl(urlsplit(url).query, keep_blank_values=True)}
        except ValueError as error:  # such as a bracket that is not closed
            raise Refusal(f"this address of a channel cannot be used: {error}") from None
        # With + and - apprise marks headers and parameters that are handed on.
        if unknown := sorted(
            name for name in keys if name not in way.keys.split() and not name.startswith(("+", "-", " "))
        ):
            raise Refusal(f"'{printable(unknown[0])[:40]}' cannot be set in the address of a channel ({scheme}://)")
        import apprise  # half a second, and 20 MB

        asset = apprise.AppriseAsset(
            app_id="Filmbadge", app_desc="Filmbadge", app_url="", image_path_mask=False, image_url_mask="", image_url_logo="",
            http_redirects=False, async_mode=False, interpret_emojis=False, allow_templates=False,
            pgp_autogen=False, pem_autogen=False, storage_mode="memory", language="en", timezone="UTC",
        )  # fmt: skip
        with _heard() as lines, suppress(ValueError):
            plugin = None
            plugin = apprise.Apprise.instantiate(url, asset=asset)
        if plugin is None:
            why = f": {printable(lines[-1])[:_LONGEST_FAULT]}" if lines else ""
            raise Refusal(f"this address of a channel cannot be used{why}")
        named = getattr(plugin, "smtp_host", None) or getattr(plugin, "host", None)
        hosts = way.hosts if way.hosts and not (way is _NTFY and named) else (str(named or ""),)
        if not all(hosts):
            raise Refusal(f"this address of a channel names no host ({scheme}://)")
        return plugin, hosts

    @contextmanager
    def _errand(self, hosts: Sequence[str]) -> Iterator[_Errand]:
        """While something is sent to these hosts, and to nobody else. Raises Refusal where one of them is surveyed."""
        _here.errand = errand = _Errand(tuple(self._scopes()))
        try:
            for host in hosts:
                errand.look_up(host)
            if not errand.addresses():
                raise Refusal(errand.refused or f"the address of {printable(hosts[0])} was not found")
            yield errand
        finally:
            _here.errand = None


class _NotAllowed(socket.gaierror):
    """Libraries take it for a failed connect or look-up."""


class _Errand:
    """What one thread may reach while it sends something."""

    def __init__(self, scopes: Sequence[Scope]) -> None:
        self._scopes = scopes
        self._known: dict[str, tuple[Address, ...]] = {}
        self._asking = ""
        self.refused = ""  # the first thing that was not allowed, in one sentence

    def addresses(self) -> frozenset[Address]:
        return frozenset(address for known in self._known.values() for address in known)

    def look_up(self, host: str) -> None:
        self._asking = host
        try:
            found = _system_getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            return
        finally:
            self._asking = ""
        addresses = dict.fromkeys(ip_address(str(one[4][0]).partition("%")[0]) for one in found)
        for address in addresses:
            if name := _surveyed_by(self._scopes, address):
                raise Refusal(_never(host, address, name))
        self._known[_name(host)] = tuple(addresses)

    def answers(self, host: Any, port: Any, family: int, kind: int, protocol: int) -> list[Any]:
        """What the library is told: the addresses that were found at the beginning."""
        known = self._known.get(_name(host))
        if known is None:
            self._refuse(f"it would go to {printable(str(host))[:100]}, which the settings do not name")
        found: list[Any] = []
        for address in known:
            with suppress(socket.gaierror):
                found += _system_getaddrinfo(str(address), port, family, kind, protocol, socket.AI_NUMERICHOST)
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "no address of this family")
        return found

    def check(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Raises where this thread may not do that now."""
        if event in _LOOK_UPS:
            host = arguments[0]
            if event != "socket.getaddrinfo":
                if host == socket.gethostname():
                    return  # a mail server is told our own name
                raise _NotAllowed(socket.EAI_FAIL, "no other name is looked up")
            if host != self._asking and _address(host) not in self.addresses():
                self._refuse(f"it would look up {printable(str(host))[:100]}, which the settings do not name")
        elif event in _SENDS:
            address = _address(arguments[1][0] if isinstance(arguments[1], tuple) and arguments[1] else "")
            if address is None or address not in self.addresses():
                self._refuse(f"it would go to {printable(str(arguments[1]))[:100]}, which the settings do not name")
            if name := _surveyed_by(self._scopes, address):
                self._refuse(_never(str(address), address, name))
        elif event == "open":
            if _writes(arguments):  # Python itself tries to when it imports, and can do without
                raise PermissionError(f"a message writes no file: {arguments[0]!r}")
        else:
            self._refuse("it would start a program, and a message starts none")

    def _refuse(self, why: str) -> NoReturn:
        self.refused = self.refused or why
        raise _NotAllowed(socket.EAI_FAIL, why)


def _never(host: str, address: Address, name: str) -> str:
    at = "" if str(address) == host else f" is {address}, and"
    return (
        f"{printable(host)[:100]}{at} lies in the networks of the scope {printable(name)}: nothing is sent to what is surveyed "
        "(if it is not to be surveyed, write its address under 'exclude' there)"
    )


def _surveyed_by(scopes: Sequence[Scope], address: Address) -> str:
    """The scope that has this address, by whatever form of it; empty where none has.

    What a scope excludes by its own words is not surveyed. What opted out has asked to be left alone, which includes this.
    """
    forms = {plain(address), *embedded(address)}
    forms |= (
        {ip_address("127.0.0.1"), ip_address("::1")} if address.is_unspecified else set()
    )  # Linux takes it for loopback
    for scope in scopes:
        own = set(scope.exclude) - set(scope.opted_out)
        for form in forms:
            held, left, out = (_held(networks, form) for networks in (scope.networks, own, scope.opted_out))
            if out or (held and not left):
                return scope.name
    return ""


def _held(networks: Any, address: Address) -> bool:
    return any(network.version == address.version and address in network for network in map(plain_network, networks))


def _address(text: Any) -> Address | None:
    with suppress(ValueError):
        return ip_address((text.decode("ascii", "replace") if isinstance(text, bytes) else str(text)).partition("%")[0])
    return None


def _name(host: Any) -> str:
    return (host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)).strip("[]").rstrip(".").lower()


_LOOK_UPS = frozenset({"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo"})
_SENDS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
_REACHES = _LOOK_UPS | _SENDS
_PROGRAMS = frozenset(
    {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty", "os.startfile"}
)
_WATCHED = _REACHES | _PROGRAMS | {"open"}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def _writes(arguments: tuple[Any, ...]) -> bool:
    return isinstance(arguments[2], int) and bool(arguments[2] & _WRITING) and arguments[0] != os.devnull


class _Here(threading.local):
    errand: _Errand | None = None


_here = _Here()
_guarded = False
_installed = False
_system_getaddrinfo = socket.getaddrinfo


def _install() -> None:
    global _installed  # noqa: PLW0603
    if not _installed:
        _installed = True
        sys.addaudithook(_audit)
        socket.getaddrinfo = _getaddrinfo


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in _WATCHED:
        return
    if (errand := _here.errand) is not None:
        errand.check(event, arguments)
    elif _guarded and event in _REACHES:
        raise _NotAllowed(socket.EAI_FAIL, "the dashboard reaches nobody but through its door")


def _getaddrinfo(host: Any, port: Any, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0) -> list[Any]:
    if (errand := _here.errand) is not None:
        return errand.answers(host, port, family, type, proto)
    return cast("list[Any]", _system_getaddrinfo(host, port, family, type, proto, flags))


@contextmanager
def _heard() -> Iterator[list[str]]:
    """What apprise says in this thread meanwhile: it returns no reason."""
    lines: list[str] = []
    me = threading.get_ident()

    class _Hears(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.thread == me:
                lines.append(record.getMessage().partition("\n")[0])

    logger, handler = logging.getLogger("apprise"), _Hears(logging.WARNING)
    logger.propagate = False
    logger.addHandler(handler)
    try:
        yield lines
    finally:
        logger.removeHandler(handler)


def _host_of(url: str) -> tuple[str, bool]:
    """The host of a URL, and whether it is asked without TLS. Raises Refusal."""
    try:
        read = urlsplit(url)
        host, _ = read.hostname or "", read.port
    except ValueError:
        host = ""
    if not host or read.scheme not in {"https", "http"} or read.username is not None or not url.isprintable():
        raise Refusal(f"{printable(url)[:100]} is no address of a web server: write https://HOST/")
    return host, read.scheme == "http"


def _authorities() -> str | bool:
    """Who is believed about certificates: a file that the environment names, or those that come with requests."""
    return os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE") or True


def _body(answer: requests.Response, shown: str) -> bytes:
    held, until = bytearray(), time.monotonic() + _WHOLE_SECONDS
    for piece in answer.iter_content(1 << 14):
        held += piece
        if len(held) > _MOST_BYTES:
            raise Refusal(f"the answer of {shown} is larger than {_MOST_BYTES >> 20} MiB")
        if time.monotonic() > until:
            raise Refusal(f"the answer of {shown} took longer than {_WHOLE_SECONDS:.0f} seconds")
    return bytes(held)


def _context(certificate: str, key: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key or None, password=lambda: "")  # none is asked for at a terminal
    except (OSError, ValueError) as error:
        why = (
            error.strerror
            if isinstance(error, FileNotFoundError)
            else "they are no pair of a certificate and its key, in PEM and without a password"
        )
        raise Refusal(f"{printable(certificate)} and {printable(key)} cannot be used for TLS: {why}") from None
    return context


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    address = _address("127.0.0.1" if host == "localhost" else host.strip("[]"))
    if address is None:
        raise Refusal(f"{printable(host)} is no address of this machine: write an IP address, such as 127.0.0.1")
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    # By its protocol asyncio knows that it is TCP, and sends at once: else each answer waits 40 ms for a delayed ACK.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as heard:
        if sys.platform != "win32":  # there it would let two listen
            heard.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if address.version == 6:
            heard.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            heard.bind((str(address), port))
            heard.listen(_WAITING)
        except (OSError, OverflowError) as error:
            why = getattr(error, "strerror", None) or "a port is a number up to 65535"
            raise Refusal(f"nothing can listen on {address} port {port}: {why}") from None
        yield heard


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """None: the command line has them, and cancels."""
        yield

    def hang_up(self) -> None:
        for connection in list(self.server_state.connections):
            connection.transport.abort()


class _Protocol(H11Protocol):
    """Closes a connection whose request does not become whole: uvicorn waits for it without end."""

    _overdue: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._whole()

    def _watch(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete and not self.cycle.more_body:
            self._whole()
        elif self._overdue is None:
            self._overdue = self.loop.call_later(_REQUEST_SECONDS, self.transport.abort)

    def _whole(self) -> None:
        if self._overdue is not None:
            self._overdue.cancel()
            self._overdue = None
