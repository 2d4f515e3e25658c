"""`filmbadge remedy`"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from cyclopts import Parameter

from filmbadge import given
from filmbadge.cli.check import permission
from filmbadge.cli.codes import DONE, INCOMPLETE
from filmbadge.cli.console import DepthChoice, complain, note, run_loop, write_new
from filmbadge.model import Depth, Refusal
from filmbadge.scope import narrowed
from filmbadge.survey import examine
from filmbadge.tell import card
from filmbadge.tell.card import CheckDocument
from filmbadge.tell.remedy import kit
from filmbadge.tell.view import ArchiveView, EndpointView, archive_view, endpoint_view
from filmbadge.tell.words import Words

_MOST = 64 << 20  # bytes of a document of `check --json`
_Seen = Iterator[tuple[ArchiveView, list[EndpointView]]]


def remedy(
    target: str | None = None,
    /,
    *,
    out: Path,
    fresh: Literal["orthanc"] | None = None,
    scope: Path | None = None,
    owner: str | None = None,
    depth: DepthChoice | None = None,
    device: Annotated[tuple[str, ...], Parameter(negative="", show_default=False)] = (),
    set: Annotated[tuple[str, ...], Parameter(negative="", show_default=False)] = (),
) -> int:
    """Write the files that close an archive: configuration, certificates, steps and tests.

    Nothing is changed on the archive, and no file that exists is overwritten.

    Parameters
    ----------
    target
        HOST, HOST:PORT,PORT or [IPv6]:PORT, which is checked first; the folder of a survey; or a document of check --json. The last two ask nobody.
    out
        The folder for the files: one folder in it for each open archive.
    fresh
        Instead of a target: the files of a whole archive that starts closed. Asks nobody.
    scope
        The scope file that allows the check. This machine needs none.
    owner
        Whose archive answers on this machine, in words.
    depth
        How far the check climbs, at most as far as the scope allows. Default: ask, which is enough to know what is open.
    device
        One of your own devices, as NAME=AETITLE@ADDRESS. May be given several times. All others are locked out.
    set
        A value that only you know, as NAME=VALUE, such as STORAGE=/var/lib/orthanc/db-v6. May be given several times.
    """
    told = kit.options(device, set)
    if (fresh is None) == (target is None):
        raise Refusal("write a target, or --fresh orthanc: filmbadge remedy TARGET --out DIR")
    if fresh is not None:
        made = kit.fresh(told)
        write_new(out, made)
        note(f"Wrote {len(made)} files into {out}: begin with {out / 'README.md'}")
        return DONE
    assert target is not None
    seen, sure = _seen(target, scope, owner, depth)
    archives = [kit.found(archive, ways) for archive, ways in seen if archive.open]
    if not archives:
        if not sure:
            return complain(
                "nothing open was seen, and we did not see enough to be sure: nothing was written", INCOMPLETE
            )
        note("No archive there is open to strangers: there is nothing to close, and nothing was written.")
        return DONE
    folders = kit.folder(one.id for one in archives)
    kits = {folders[one.id]: kit.kit(one, told, Words()) for one in archives}
    write_new(out, {f"{name}/{file}": data for name, files in kits.items() for file, data in files.items()})
    for name, files in kits.items():
        note(f"Wrote {len(files)} files into {out / name}: begin with {out / name / 'README.md'}")
    return DONE


def _seen(target: str, scope: Path | None, owner: str | None, depth: str | None) -> tuple[_Seen, bool]:
    """The archives that are behind a target, a survey or a document, and whether nothing can have been missed."""
    path = Path(target)
    if path.is_dir():
        return _of_survey(path), True
    if path.exists():  # a pipe too
        document = _document(path)
        return ((one, list(document.endpoints)) for one in document.archives), _sure(document)
    allowed, _, one, _ = permission(scope, owner, Depth(depth) if depth else None, target)
    if depth is None and allowed.depth.reaches(Depth.ASK):
        allowed = narrowed(allowed, Depth.ASK)  # deeper is slower, and closes nothing more
    host, journal, _ = run_loop(examine.checked(allowed, one))
    document = card.document(target, allowed.depth, host, journal, Words())
    return ((one, list(document.endpoints)) for one in document.archives), _sure(document)


def _sure(document: CheckDocument) -> bool:
    return not document.fault and all(one.conclusive for one in document.endpoints)


def _document(path: Path) -> CheckDocument:
    """A document of `check --json`. Raises Refusal."""
    data = given.read(path, _MOST)
    try:
        if len(data) <= _MOST:
            return msgspec.json.decode(data, type=CheckDocument)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    raise Refusal(f"{path} is no document of `filmbadge check --json`, and no folder of a survey")


def _of_survey(directory: Path) -> _Seen:
    from filmbadge.conclude.again import opened
    from filmbadge.keep.reader import telling
    from filmbadge.tell import tables

    words = Words()
    with telling(directory):
        dataset = opened(directory)
        dataset.require_whole()
        for archive, group, _ in tables.each_alone(dataset):
            yield archive_view(archive, group, words), [endpoint_view(one, words) for one in group]
