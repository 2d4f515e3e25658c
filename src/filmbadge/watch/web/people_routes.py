"""The routes of users, tokens, the audit log, and one's own account."""

from __future__ import annotations

from filmbadge.watch.people.who import Role
from filmbadge.watch.views import people
from filmbadge.watch.views.asked import Nothing
from filmbadge.watch.web.routes import Action, Page

_USERS, _TOKENS, _ACCOUNT = "/settings/users", "/settings/tokens", "/account"

PAGES = (
    Page(_USERS, people.users, "users.jinja", "Users", Role.ADMIN),
    Page(_TOKENS, people.tokens, "tokens.jinja", "Tokens of the API"),
    Page("/settings/audit", people.audit, "audit.jinja", "Who did what", Role.ADMIN, people.AuditFilter),
    Page(_ACCOUNT, people.account, "account.jinja", "Your account"),
)
ACTIONS = (
    Action(f"{_USERS}/add", people.NewUser, people.add_user, "user.add", Role.ADMIN, _USERS),
    Action(f"{_USERS}/{{name}}/role", people.NewRole, people.give_role, "user.role", Role.ADMIN, _USERS),
    Action(
        f"{_USERS}/{{name}}/password", people.NewPassword, people.give_password, "user.password", Role.ADMIN, _USERS
    ),
    Action(f"{_USERS}/{{name}}/disable", Nothing, people.disable_user, "user.disable", Role.ADMIN, _USERS),
    Action(f"{_USERS}/{{name}}/enable", Nothing, people.enable_user, "user.enable", Role.ADMIN, _USERS),
    Action(f"{_TOKENS}/add", people.NewToken, people.make_token, "token.add", Role.VIEWER, _TOKENS),
    Action(f"{_TOKENS}/{{number:int}}/revoke", Nothing, people.revoke_token, "token.revoke", Role.VIEWER, _TOKENS),
    Action(
        f"{_ACCOUNT}/password", people.OwnPassword, people.change_password, "password.change", Role.VIEWER, _ACCOUNT
    ),
    Action(f"{_ACCOUNT}/sessions/others/end", Nothing, people.end_other_sessions, "session.end", Role.VIEWER, _ACCOUNT),
    Action(
        f"{_ACCOUNT}/sessions/{{number:int}}/end", Nothing, people.end_session, "session.end", Role.VIEWER, _ACCOUNT
    ),
)
