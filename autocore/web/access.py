"""What each route asks of its caller. Deny by default: a route that says nothing is open to nobody."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from autocore.builtin.permissions import Permissions
from autocore.core.errors import NotAuthenticated, PermissionDenied
from autocore.core.model import Caller, needs
from autocore.web.gate import CALLER

__all__ = ["DELEGATED", "OPEN", "PANEL", "caller_of", "guard", "guard_by", "needs"]


DELEGATED = "delegated"
"""The action of a route that hands the question of scope on: a service asks for its own role and action."""

OPEN: dict[str, Any] = {"is_open": True}
"""The options of a route that anybody may use: the gate decides when."""


def caller_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Caller:
    """Give who asks; raises NotAuthenticated when the gate let nobody in."""
    caller: Caller | None = connection.scope.get(CALLER)  # type: ignore[assignment]  # the gate's own key
    if caller is None:
        raise NotAuthenticated("log in first")
    return caller


PANEL = "panel"
"""The option that names the plugin to which a route belongs."""


def guard_by(permissions: Permissions) -> Callable[[ASGIConnection[Any, Any, Any, Any], BaseRouteHandler], None]:
    """Give the guard of all routes: `guard`, and nothing of a plugin whose panels were taken from the caller's role."""

    def check(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        guard(connection, handler)
        plugin = handler.opt.get(PANEL)
        if plugin is not None and permissions.is_hidden(plugin, caller_of(connection).role):
            raise PermissionDenied(f"what {plugin} shows was taken from the role {caller_of(connection).role.name.lower()}")

    return check


def guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Let a caller pass who has the route's role and whose token is not limited to something else.

    Raises:
        NotAuthenticated: nobody asks.
        PermissionDenied: the caller may not, or the route says nothing about who may.
    """
    if handler.opt.get("is_open"):
        return
    caller = caller_of(connection)
    role, action = handler.opt.get("role"), handler.opt.get("action")
    if role is None or action is None:
        raise PermissionDenied(f"{handler} says nothing about who may use it, so nobody may")
    if action == DELEGATED and caller.role >= role:
        return
    if not caller.may(role, action):
        raise PermissionDenied(f"{action} needs the role {role.name.lower()}; {caller.cause.who} may not do it")
