"""`filmbadge verify`"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from msgspec import structs

from filmbadge.ask.targets.lists import Target, parse
from filmbadge.cli.asking import asking
from filmbadge.cli.check import permission
from filmbadge.cli.codes import DONE, FOUND, INCOMPLETE
from filmbadge.cli.console import Out, err, json_bytes, put, require_writable, run_loop, show, write_files
from filmbadge.compare.closure import NETWORK, THIS_MACHINE, Result, closure
from filmbadge.model import Depth, Refusal
from filmbadge.places import PACKAGED
from filmbadge.scope import Scope, narrowed
from filmbadge.survey import examine
from filmbadge.tell import pdf as paper
from filmbadge.tell.evidence import of_check
from filmbadge.tell.levels import Level, named
from filmbadge.tell.proof import before, document, page, signature, terminal
from filmbadge.tell.words import Words
from filmbadge.texts import printable
from filmbadge.version import RELEASE

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_CODES = {Result.CLOSED: DONE, Result.AS_SEEN: INCOMPLETE, Result.INCONCLUSIVE: INCOMPLETE, Result.OPEN: FOUND}


def verify(
    before_: Annotated[Path | None, Parameter(name="BEFORE")] = None,
    target: str | None = None,
    /,
    *,
    scope: Path | None = None,
    owner: str | None = None,
    html: Out | None = None,
    pdf: Out | None = None,
    json: Annotated[bool, Parameter(negative="")] = False,
    sign: Path | None = None,
    signature_: Annotated[Path | None, Parameter(name="--signature")] = None,
    key: Path | None = None,
) -> int:
    """Prove that what was open is closed: ask again every way in that was open, and tell what each answers now.

    Exit codes: 0 closed, and proven; 1 something is still open, or moved; 3 it could not be proven.

    Parameters
    ----------
    before_
        What was known before: a survey's folder, or a file that filmbadge check --json made.
    target
        The host that is verified, as BEFORE names it: HOST, HOST:PORT,PORT or [IPv6]:PORT. Ports are asked besides.
    scope
        The scope file that allows it. This machine needs none, down to depth count.
    owner
        Whose archive answers on this machine, in words. Needed there where BEFORE was asked at depth profile or prove.
    html
        Write one self-contained page to this file, or into this folder under a name that says whom it is for.
    pdf
        Write the page for paper to this file or folder. It needs filmbadge[pdf].
    json
        Print one JSON document on stdout.
    sign
        Sign the JSON document with this key: Ed25519, as openssl genpkey -algorithm ed25519 makes it. Needs --json.
    signature_
        Check the signature of this JSON document instead. Asks nobody. Needs --key.
    key
        The public key to check it with, as openssl pkey -pubout makes it.
    """
    if signature_ is not None or key is not None:
        _require_alone(before_, target, scope, owner, html, pdf, sign, json=json)
        return _checked(signature_, key)
    if before_ is None or target is None:
        raise Refusal("verify needs what was known before, and whom to ask again: filmbadge verify BEFORE TARGET")
    if sign is not None and not json:
        raise Refusal("--sign signs the JSON document, and none is written: add --json, such as --json > PROOF.json")
    return _proven(before_, target, scope, owner, html, pdf, sign, json=json)


def _proven(
    file: Path,
    named_: str,
    scope: Path | None,
    owner: str | None,
    html: Out | None,
    pdf: Out | None,
    sign: Path | None,
    *,
    json: bool,
) -> int:
    pages = {
        suffix: named(to, "verify", Level.OWNER, suffix)
        for to, suffix in ((html, ".html"), (pdf, ".pdf"))
        if to is not None
    }
    if pdf is not None:
        paper.require()  # before anybody is asked: what was found would be lost
    private = None if sign is None else signature.private_key(sign)
    target = parse(named_)
    known = before.read(file, str(target.host))
    if not known.before.open:
        raise Refusal(
            f"{printable(str(file))} shows no way in that was open at {target.host}, so there is nothing to prove closed: "
            f"filmbadge check {target.host} tells what is open now"
        )
    allowed, target, filed = _permission(scope, owner, known.before.depth, named_)
    lists = (Path(name) for name, _ in allowed.lists)
    require_writable(*pages.values(), read=(scope, sign, file if file.is_file() else None, *lists))
    ports = tuple(dict.fromkeys((*known.before.ports(), *target.ports, *allowed.ports)))
    began = datetime.now(UTC)
    with asking(err, allowed, Words()) as told_of:
        host, journal, sources = run_loop(examine.checked(allowed, replace(target, ports=ports), PACKAGED, told_of))
    evidence = of_check(RELEASE, allowed, journal, sources, began, datetime.now(UTC))
    closed = closure(known.before, host, allowed.depth, NETWORK if filed else THIS_MACHINE, allowed.called_titles)
    words = Words(within=not filed)
    told = document.document(named_, known, host, closed, journal, words, evidence=evidence, owner=owner or "")
    _write(told, pages, private, words, json=json)
    return _CODES[closed.result]


def _permission(scope: Path | None, owner: str | None, depth: Depth, target: str) -> tuple[Scope, Target, bool]:
    """What may be done: as deep as before, or as deep as is allowed where that is less. Raises Refusal."""
    allowed, _, one, filed = permission(scope, owner, depth if owner else None, target)
    if allowed.depth.reaches(depth):
        allowed = narrowed(allowed, depth)
    # Silence counts as a proof here: a slow archive gets all the time that the scope has.
    caps = replace(allowed.caps, connect_seconds_least=allowed.caps.connect_seconds)
    return replace(allowed, caps=caps), one, filed


def _write(
    told: document.VerifyDocument,
    pages: dict[str, Path],
    private: Ed25519PrivateKey | None,
    words: Words,
    *,
    json: bool,
) -> None:
    """The document first: the pages carry its digest."""
    raw = json_bytes(told)
    if private is not None:
        raw = signature.signed(raw, private)
        told = structs.replace(told, signature=signature.of(raw))
    drawn = page.render(told, words, sha256=sha256(raw).hexdigest() if json else "") if pages else ""
    made = {suffix: paper.pdf(drawn) if suffix == ".pdf" else drawn.encode() for suffix in pages}
    try:
        write_files((path, made[suffix], f" (level {Level.OWNER})") for suffix, path in pages.items())
    finally:
        if json:
            put([raw])
        else:
            show(terminal.render(told, words))


def _require_alone(*given: object, json: bool) -> None:
    """Raises Refusal where a signature is to be checked, and something else done too."""
    if json or any(one is not None for one in given):
        raise Refusal("--signature checks a proof that is there, and does nothing else: filmbadge verify --signature PROOF.json --key PUB")  # fmt: skip


def _checked(proof: Path | None, key: Path | None) -> int:
    if proof is None or key is None:
        raise Refusal(
            "to check a signature, both are needed: filmbadge verify --signature PROOF.json --key PUB (PUB is the public key of who signed)"
        )
    public = signature.public_key(key)
    found = signature.genuine(signature.read(proof), public)
    show(terminal.signed(found, signature.fingerprint(public), printable(str(proof)), Words()))
    return FOUND if found is None else DONE
