"""`/api/v1/holds`: holding without a live socket, with a lease that lives by its beats."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import delete, get, post

from autocore.core.holds import Holds
from autocore.core.model import Caller, Role
from autocore.core.services import ServiceRegistry
from autocore.web.access import DELEGATED, needs


class NewHold(msgspec.Struct):
    """What is to be held; with a `tick` (from `GET holds`) a press that comes more than 300 ms late is refused."""

    entity: str
    confirm: bool = False
    pin: str | None = None
    tick: int | None = None


class Beat(msgspec.Struct):
    """The newest tick that the holder has seen, in milliseconds of the gateway's clock."""

    tick: int


@get("/holds", opt=needs(Role.VIEWER, "read:holds"), summary="What is held")
async def list_holds(holds: Holds) -> dict[str, Any]:
    """Give what is held now, and by whom."""
    items = [{"entity": one.entity.id, "who": one.caller.cause.who, "beats": one.dead_man.n} for one in holds]
    return {"items": items, "next": None, "tick": holds.tick_ms}


@post("/holds", opt=needs(Role.VIEWER, DELEGATED), status_code=201, summary="Hold something")
async def hold(services: ServiceRegistry, caller: Caller, data: NewHold) -> dict[str, Any]:
    """Turn on what is on only while it is held; it goes off half a second after the tick of the last beat."""
    further = {"pin": data.pin, "tick": data.tick}
    wish = {"entity": data.entity, "confirm": data.confirm, **{name: one for name, one in further.items() if one is not None}}
    return dict(await services.call(f"{data.entity.partition('.')[0]}.hold", wish, caller))


@post("/holds/{lease:str}/beat", opt=needs(Role.VIEWER, DELEGATED), status_code=200, summary="Go on holding")
async def beat(holds: Holds, caller: Caller, lease: str, data: Beat) -> dict[str, Any]:
    """Pass a beat on to the board; one that is stale or came twice is not, and the answer says so. It has the next tick."""
    return {"is_fresh": holds.beat(lease, data.tick, caller), "tick": holds.tick_ms}


@delete("/holds/{lease:str}", opt=needs(Role.VIEWER, DELEGATED), summary="Let go")
async def let_go(holds: Holds, caller: Caller, lease: str) -> None:
    """Turn it off at once."""
    holds.release(lease, caller)


ROUTES = [list_holds, hold, beat, let_go]
