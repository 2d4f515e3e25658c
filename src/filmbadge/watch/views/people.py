"""Users, tokens, the audit log, and one's own account."""

from __future__ import annotations

from msgspec import Struct

from filmbadge.model import Refusal
from filmbadge.watch.people.limits import peer_key
from filmbadge.watch.people.tokens import LONGEST_DAYS
from filmbadge.watch.people.who import Role
from filmbadge.watch.views.asked import Asked, Done, Nothing

ON_A_PAGE = 100
_TOKEN_DAYS = 90


class UserRow(Struct, frozen=True):
    name: str
    role: Role
    created: str
    changed: str
    disabled: bool


class UserList(Struct, frozen=True):
    users: tuple[UserRow, ...]
    local: bool  # whether they log in with these passwords; the settings may have switched it off


class TokenRow(Struct, frozen=True):
    """A token. What it is itself nobody can show any more."""

    id: int
    name: str
    role: Role
    by: str
    yours: bool
    created: str
    expires: str
    used: str | None  # to the minute
    revoked: str | None


class TokenList(Struct, frozen=True):
    tokens: tuple[TokenRow, ...]  # yours; for an admin everybody's
    roles: tuple[Role, ...]  # that a token of yours may have
    longest_days: int
    may_make: bool  # a token makes none


class AuditRow(Struct, frozen=True):
    id: int
    at: str
    who: str
    source: str
    peer: str
    what: str
    about: str
    outcome: str


class AuditLog(Struct, frozen=True):
    rows: tuple[AuditRow, ...]  # the newest first
    older: int | None  # `before` of the next page
    kinds: tuple[str, ...]  # what is in the log


class AuditFilter(Struct, frozen=True):
    """Empty: all."""

    who: str = ""  # a part of the name
    what: str = ""
    outcome: str = ""
    before: int = 0  # rows before this one


class SessionRow(Struct, frozen=True):
    id: int
    peer: str
    created: str
    last: str
    expires: str
    this: bool


class Account(Struct, frozen=True):
    name: str
    role: Role
    source: str
    password: bool  # whether there is one of ours to change
    sessions: tuple[SessionRow, ...]


class NewUser(Struct, frozen=True):
    name: str
    role: Role
    password: str


class NewRole(Struct, frozen=True):
    role: Role


class NewPassword(Struct, frozen=True):
    password: str


class OwnPassword(Struct, frozen=True):
    old: str
    password: str


class NewToken(Struct, frozen=True):
    name: str
    role: Role = Role.VIEWER
    days: int = _TOKEN_DAYS


def users(asked: Asked) -> UserList:
    gate = asked.service.gate
    rows = gate.users.listed()
    return UserList(
        tuple(
            UserRow(row["name"], Role(row["role"]), row["created"], row["changed"], bool(row["disabled"]))
            for row in rows
        ),
        gate.local,
    )


def tokens(asked: Asked) -> TokenList:
    """Each their own; an admin everybody's."""
    who = asked.who
    rows = asked.service.gate.tokens.listed(_whose(asked))
    return TokenList(
        tuple(
            TokenRow(
                row["id"],
                row["name"],
                Role(row["role"]),
                row["by"],
                row["owner"] == who.owner,
                row["created"],
                row["expires"],
                row["used"],
                row["revoked"],
            )
            for row in rows
        ),
        tuple(role for role in Role if who.role.reaches(role)),
        LONGEST_DAYS,
        who.source != "token",
    )


def audit(asked: Asked) -> AuditLog:
    wanted, store = asked.query, asked.service.store
    where, values = ["1"], []
    for condition, value in (
        ("instr(lower(who), lower(?))", wanted.who),
        ("what = ?", wanted.what),
        ("outcome = ?", wanted.outcome),
        ("id < ?", wanted.before),
    ):
        if value:
            where.append(condition)
            values.append(value)
    found = store.rows(
        f"SELECT * FROM audit WHERE {' AND '.join(where)} ORDER BY id DESC LIMIT ?", *values, ON_A_PAGE + 1
    )
    shown = tuple(AuditRow(**{name: row[name] for name in AuditRow.__struct_fields__}) for row in found[:ON_A_PAGE])
    kinds = store.rows("SELECT DISTINCT what FROM audit ORDER BY what")
    return AuditLog(shown, shown[-1].id if len(found) > ON_A_PAGE else None, tuple(row["what"] for row in kinds))


def account(asked: Asked) -> Account:
    who, gate = asked.who, asked.service.gate
    rows = gate.sessions.listed(who.owner) if who.session else []
    return Account(
        who.name,
        who.role,
        who.source,
        who.source == "local",
        tuple(
            SessionRow(row["id"], row["peer"], row["created"], row["last"], row["expires"], row["id"] == who.session)
            for row in rows
        ),
    )


def add_user(asked: Asked, form: NewUser) -> Done:
    asked.service.gate.users.add(form.name, form.role, form.password)
    return Done("The user was added", "/settings/users")


def give_role(asked: Asked, form: NewRole) -> Done:
    asked.service.gate.users.give_role(asked.path["name"], form.role)
    return Done(f"The role is now {form.role}, and the user is logged out everywhere", "/settings/users")


def give_password(asked: Asked, form: NewPassword) -> Done:
    asked.service.gate.users.give_password(asked.path["name"], form.password)
    return Done("The password was changed, and the user is logged out everywhere", "/settings/users")


def disable_user(asked: Asked, _: Nothing) -> Done:
    asked.service.gate.users.disable(asked.path["name"])
    return Done("The user is disabled and logged out, and their tokens open nothing", "/settings/users")


def enable_user(asked: Asked, _: Nothing) -> Done:
    asked.service.gate.users.enable(asked.path["name"])
    return Done("The user may log in again", "/settings/users")


def make_token(asked: Asked, form: NewToken) -> Done:
    token = asked.service.gate.tokens.make(asked.who, form.name, form.role, form.days)
    return Done("This is the token", "/settings/tokens", once=token)


def revoke_token(asked: Asked, _: Nothing) -> Done:
    asked.service.gate.tokens.revoke(asked.path["number"], _whose(asked))
    return Done("The token opens nothing any more", "/settings/tokens")


def change_password(asked: Asked, form: OwnPassword) -> Done:
    """The old one is asked for, and no more often than at a login: a screen that was left open is not enough."""
    who, gate = asked.who, asked.service.gate
    if who.source != "local":
        raise Refusal("you have no password here")
    keys = ("own", who.subject), peer_key(asked.peer)
    if gate.limits.begin(*keys) > 0:
        raise Refusal("this failed too often: wait a moment, then try again")
    if gate.users.known_as(who.subject, form.old) is None:
        raise Refusal("the old password is wrong")
    gate.limits.passed(*keys)
    gate.users.give_password(who.subject, form.password)
    return Done("The password was changed: log in with it", "/login")


def end_session(asked: Asked, _: Nothing) -> Done:
    asked.service.gate.sessions.end_one(_session_owner(asked), asked.path["number"])
    return Done("The session was ended", "/account")


def end_other_sessions(asked: Asked, _: Nothing) -> Done:
    ended = asked.service.gate.sessions.end_others(_session_owner(asked), asked.who.session)
    return Done("Another session was ended" if ended == 1 else f"{ended} other sessions were ended", "/account")


def _session_owner(asked: Asked) -> str:
    """Raises Refusal where somebody came without a session: a token ends none."""
    if not asked.who.session:
        raise Refusal("you have no session here")
    return asked.who.owner


def _whose(asked: Asked) -> str | None:
    """Whose tokens they may see and revoke. None: everybody's."""
    return None if asked.who.role is Role.ADMIN else asked.who.owner
