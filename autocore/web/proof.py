"""The password, asked again before what matters most (security.md 14): a device left open is not enough for it."""

from __future__ import annotations

from typing import Any

from litestar import Request

from autocore.auth.accounts import Accounts
from autocore.core.errors import NotAuthenticated, PermissionDenied
from autocore.core.model import INTERNAL, Caller
from autocore.core.names import N_
from autocore.web.routes.auth import peer_of

WRONG = N_("this is not your own password; it is asked again before users, passwords or PINs change")


async def prove(request: Request[Any, Any, Any], accounts: Accounts, caller: Caller, password: str, refusal: str = WRONG) -> None:
    """Let a caller pass who knows the own password again; wrong ones are counted like those of a log-in.

    The gateway's own user, who comes through the control socket, has none: the file is protected instead.

    Args:
        request: where it comes from.
        accounts: know the password.
        caller: who asks.
        password: what was typed.
        refusal: what to say when it is wrong or missing: one sentence, with the reason for asking.

    Raises:
        PermissionDenied: it is wrong, or was not given.
        TooManyAttempts: too many wrong ones.
    """
    if caller is INTERNAL:
        return
    if not password:
        raise PermissionDenied(refusal)
    try:
        await accounts.check_password(caller.cause.who, password, peer_of(request))
    except NotAuthenticated as error:
        raise PermissionDenied(refusal) from error
