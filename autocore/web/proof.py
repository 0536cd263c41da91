"""The password, asked again before what matters most (security.md 14)."""

from __future__ import annotations

from autocore.auth.accounts import Accounts
from autocore.core.errors import NotAuthenticated, PermissionDenied
from autocore.core.model import INTERNAL, Caller


async def prove(accounts: Accounts, caller: Caller, password: str, peer: str, refusal: str) -> None:
    """Let a caller pass who knows the password again; wrong ones are counted like those of a log-in.

    The gateway's own user, who comes through the control socket, has none: the file is protected instead.

    Args:
        accounts: know the password.
        caller: who asks.
        password: what was typed.
        peer: the address that asks.
        refusal: what to say when it is wrong: one sentence, with the reason for asking.

    Raises:
        PermissionDenied: it is wrong.
        TooManyAttempts: too many wrong ones.
    """
    if caller is INTERNAL:
        return
    try:
        session = await accounts.log_in(caller.cause.who, password, peer)
    except NotAuthenticated as error:
        raise PermissionDenied(refusal) from error
    await accounts.end_session(session.id)
