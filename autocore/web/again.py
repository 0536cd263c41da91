"""The password, asked again before who may come in is changed (security.md 14): a device left open is not enough for it."""

from __future__ import annotations

from typing import Any

from litestar import Request

from autocore.builtin.people import People
from autocore.core.errors import PermissionDenied
from autocore.core.model import INTERNAL, Caller
from autocore.core.names import N_
from autocore.web.proof import prove
from autocore.web.routes.auth import peer_of

WRONG = N_("this is not your own password; it is asked again before users, passwords or PINs change")


async def ask_again(request: Request[Any, Any, Any], accounts: People, caller: Caller, password: str) -> None:
    """Let a caller pass who knows the own password again; whoever can open the control socket is the gateway's own user.

    Raises:
        PermissionDenied: it is wrong, or was not given.
        TooManyAttempts: too many wrong ones.
    """
    if caller is INTERNAL:
        return
    if not password:
        raise PermissionDenied(WRONG)
    await prove(accounts, caller, password, peer_of(request), WRONG)
