"""`filmbadge watch`"""

from __future__ import annotations

import asyncio
import getpass
import logging
import sys
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from filmbadge.cli.codes import DONE
from filmbadge.cli.console import note, run_loop
from filmbadge.model import Refusal

_LISTEN = "127.0.0.1:8700"


def watch(
    *,
    dir_: Annotated[Path, Parameter(name="--dir")],
    listen: str = _LISTEN,
    add_user: str | None = None,
    role: Literal["viewer", "operator", "admin"] = "admin",
    backup: Path | None = None,
    without_surveys: Annotated[bool, Parameter(negative="")] = False,
    restore: Path | None = None,
) -> int:
    """Keep looking under your scopes, show what changed in a browser, and tell people. It needs filmbadge[watch].

    Surveys run in processes of their own. Ctrl-C ends the dashboard, and a survey that runs goes on.

    Parameters
    ----------
    dir_
        The folder of the dashboard: what it knows, its scopes, surveys and settings (watch.toml). It is made where there is none.
    listen
        ADDRESS:PORT. Off this machine it needs TLS or a trusted proxy in watch.toml, and somebody who can log in.
    add_user
        Add this user, or set the password anew, and end. The password is asked for, or is the first line of standard input.
    role
        Of --add-user: viewer reads; operator has surveys run, writes scopes, accepts risks; admin does all else too.
    backup
        Write a backup to this new file, and end. The dashboard may run meanwhile.
    without_surveys
        Of --backup: leave the datasets of surveys out. It is small then, and what was told of them stays.
    restore
        Put a backup back into --dir, which must be new or empty, and end.
    """
    _require_system()
    host, port = _place(listen)
    if sum(one is not None for one in (add_user, backup, restore)) > 1:
        raise Refusal("--add-user, --backup and --restore each do one thing and end: give one of them")
    try:
        from filmbadge.watch import main
        from filmbadge.watch.people.who import Role
        from filmbadge.watch.store import backup as backups
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("filmbadge"):
            raise
        raise Refusal(f'the dashboard needs {error.name}: pip install "filmbadge[watch]"') from None
    if restore is not None:
        backups.restore(restore, dir_)
        note(f"Put back into {dir_}.")
        return DONE
    if backup is not None:
        backups.backup(dir_, backup, surveys=not without_surveys)
        note(f"Wrote {backup}. It holds secrets of the dashboard: keep it as you keep passwords.")
        return DONE
    if add_user is not None:
        main.add_user(dir_, add_user, Role(role), _password())
        note(f"{add_user} can log in, as {role}.")
        return DONE
    _log()
    made = main.service(dir_, host)
    scheme = "https" if made.settings.web.certificate else "http"
    shown = f"Open {scheme}://{listen} in a browser. Ctrl-C ends the dashboard; a survey that runs goes on."
    try:
        # Not uvloop: it connects behind the back of the guard of the second door.
        run_loop(main.run(made, host, port, lambda: note(shown)), asyncio.new_event_loop)
    except KeyboardInterrupt:
        note("The dashboard ended.")
    return DONE


def _require_system() -> None:
    """Processes are kept by locks that Windows does not have. Raises Refusal."""
    if sys.platform == "win32":
        raise Refusal("filmbadge watch needs Linux or macOS: on Windows, run it in WSL")


def _place(listen: str) -> tuple[str, int]:
    """Raises Refusal."""
    host, _, port = listen.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    try:
        address = ip_address("127.0.0.1" if bare == "localhost" else bare)
        if not 0 < int(port) < 65536 or (address.version == 6) != host.startswith("["):
            raise ValueError
    except ValueError:
        raise Refusal(f"--listen is ADDRESS:PORT or [IPv6]:PORT, such as {_LISTEN}, and not {listen}") from None
    return str(address), int(port)


def _log() -> None:
    """What the dashboard does, a line each, on stderr. What libraries say of a fault could hold anything, and is left out."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.ERROR)
    logging.getLogger("filmbadge.watch").setLevel(logging.INFO)
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)


def _password() -> str:
    """Asked for twice at a terminal; elsewhere the first line of standard input. Raises Refusal."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    first = getpass.getpass("Password: ")
    if getpass.getpass("The same once more: ") != first:
        raise Refusal("both passwords differ: nothing was changed")
    return first
