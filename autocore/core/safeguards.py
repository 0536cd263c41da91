"""What is asked before anything moves: is everything stopped, may this caller move it, did somebody confirm (safety.md).

It stands in the service layer, before the handler of a plugin: no panel, rule or program comes past it. What makes an entity
safer (`turn_off`, `stop_cover`, the end of a hold) is asked nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from autocore.core.entities import Entity
from autocore.core.errors import PermissionDenied, Refused
from autocore.core.model import Caller

PEOPLE = frozenset({"rest", "websocket", "page", "mqtt", "telegram", "cli"})
"""The ways in behind which a person can be; what comes by any other is an automation."""

OFF = frozenset({"turn_off", "toggle"})

CheckPin = Callable[[str, str, str], Awaitable[None]]
"""Called with (user, PIN, address); raises `PermissionDenied` or `Refused`."""


async def no_pins(user: str, _pin: str, _address: str) -> None:
    """Refuse every PIN: a gateway without accounts has none."""
    raise Refused(f"{user} has no PIN; set one under Settings first", code="pin_required")


class Safeguards:
    """Asked before every verb that moves something.

    Args:
        check_pin: lets the right PIN of a user pass.

    Attributes:
        is_stopped: everything was stopped, and nobody reset that yet.
    """

    def __init__(self, check_pin: CheckPin = no_pins) -> None:
        self.is_stopped = False
        self._check_pin = check_pin

    async def check(self, entity: Entity, verb: str, data: Mapping[str, Any], caller: Caller) -> None:
        """Let a command pass.

        Raises:
            Refused: everything is stopped (`stopped`), or it asks for a word or a PIN first (`confirm_required`, `pin_required`).
            PermissionDenied: the caller may not move this one, or the PIN is wrong.
        """
        name, description = entity.description.name or entity.id, entity.description
        if is_moving(entity, verb):
            self._check_stop(name)
        elif description.is_safe_off or verb not in OFF:
            return
        if caller.cause.via == "gateway" or (caller.cause.via == "plugin" and caller.cause.who == entity.owner):
            return
        if caller.cause.via not in PEOPLE:
            if not description.allow_in_automation:
                raise Refused(f"{name} is moved by people only (allow_in_automation)", code="no_automation")
            return
        if description.role is not None and caller.role < description.role:
            raise PermissionDenied(f"{name} needs the role {description.role.name.lower()}; {caller.cause.who} may not move it")
        if description.protection == "confirm" and data.get("confirm") is not True:
            raise Refused(f"{name} asks before it moves; say confirm: true", code="confirm_required")
        if description.protection == "pin":
            await self._ask_for_pin(name, data, caller)
            if is_moving(entity, verb):  # somebody may have stopped while the PIN was looked at
                self._check_stop(name)

    def _check_stop(self, name: str) -> None:
        if self.is_stopped:
            raise Refused(f"{name} stays as it is: everything was stopped; reset that on the web of the vehicle", code="stopped")

    async def _ask_for_pin(self, name: str, data: Mapping[str, Any], caller: Caller) -> None:
        pin = data.get("pin")
        if not pin:
            raise Refused(f"{name} asks for your PIN before it moves", code="pin_required")
        await self._check_pin(caller.cause.who, pin, caller.cause.address or "")


def is_moving(entity: Entity, verb: str) -> bool:
    """Say whether a verb may set something in motion; a toggle of what is on turns it off."""
    if verb == "toggle" and entity.state.available and entity.state.value:
        return False
    return verb in entity.description.moving
