"""A water tank: its level comes by MQTT, refills are counted in a table, a page and a route show them."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Any

import msgspec
import voluptuous as vol
from litestar import get
from pony.orm import PrimaryKey, Required, count

from autocore.api import (
    N_,
    Limits,
    Message,
    Notification,
    Panel,
    PluginHost,
    Role,
    Sensor,
    ServiceCall,
    Severity,
    Slot,
    hookimpl,
    needs,
)


class Reading(msgspec.Struct):
    """What the float says."""

    percent: float


class Tank:
    """What setup leaves for the other hooks."""

    def __init__(self) -> None:
        self.told: list[str] = []


@hookimpl
def config_schema() -> vol.Schema:
    return vol.Schema({vol.Optional("litres", default=100): vol.All(int, vol.Range(1, 1000))})


@hookimpl
def models(db: Any) -> None:
    class Refill(db.Entity):  # type: ignore[misc]
        _table_ = "refill"
        id = PrimaryKey(int, auto=True)
        litres = Required(float)


@hookimpl
def setup(host: PluginHost, config: Mapping[str, Any]) -> None:
    host.data = Tank()
    level = host.entities.add(
        Sensor("tank_level", name="Water", unit="L", limits=Limits(warn_below=10), precision=0, icon="droplet")
    )

    @host.mqtt.subscribe("{root}/tank/level", payload=Reading)
    def reading(_message: Message, word: Reading) -> None:
        level.set(config["litres"] * word.percent / 100)

    async def refill(call: ServiceCall) -> Mapping[str, Any]:
        litres = call.data["litres"]

        def work() -> int:
            host.db.pony.Refill(litres=litres)
            return count(one for one in host.db.pony.Refill)

        refills = await host.db.run(work)
        level.set(config["litres"])
        host.events.emit("refilled", {"litres": litres})
        host.notify(f"Refilled with {litres:g} L", severity=Severity.INFO)
        return {"refills": refills}

    schema = vol.Schema({vol.Required("litres"): vol.All(vol.Coerce(float), vol.Range(0.1, 1000, msg="0.1 to 1000 L"))})
    host.services.add("refill", refill, schema=schema, description="Note that the tank was filled.")
    host.panels.add(Panel(N_("Tank"), icon="droplet", template="tank.html"))
    host.panels.add(Panel(N_("Water"), icon="droplet", template="card.html", slot=Slot.DASHBOARD))


@hookimpl
def routes(host: PluginHost) -> list[Any]:
    @get("/refills", opt=needs(Role.VIEWER, "tank:read"))
    async def refills() -> dict[str, Any]:
        return {"items": await host.db.read(lambda: [one.litres for one in host.db.pony.Refill.select()])}

    @get("/secret")
    async def secret() -> dict[str, Any]:
        return {"told": host.data.told}

    return [refills, secret]


@hookimpl
def deliver(notification: Notification, host: PluginHost) -> bool | Awaitable[bool]:
    host.data.told += [one.text for one in notification.notices]
    return True


@hookimpl
def diagnostics(host: PluginHost) -> Mapping[str, Any]:
    return {"told": len(host.data.told)}
