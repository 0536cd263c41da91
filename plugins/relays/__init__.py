"""Relay boards: every configured channel is a switch that shows what the board reported, never what was asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from autocore.api import N_, Device, Panel, PluginHost, Refused, ServiceCall, Slot, device_id, hookimpl

from .boards import Boards
from .schema import SCHEMA
from .section import boards_of, described, feeders_of
from .wire import RelayCommand, RelayHeartbeat

NAMES_FROM_BYTES = 2_048  # a board with less room is told what it works by, and not what people call it


@hookimpl
def config_schema() -> vol.Schema:
    """Give the schema of the section `relays`."""
    return SCHEMA


@hookimpl
def setup(host: PluginHost, config: Mapping[str, Any]) -> None:
    """Add the boards, their switches, the panels and the service that turns a board off."""
    host.mqtt.claim("{root}/relays/+/command", payload=RelayCommand, qos=2)
    host.mqtt.claim("{root}/relays/+/heartbeat", payload=RelayHeartbeat, qos=0)

    def written(board: int, channel: int) -> Mapping[str, str]:
        return host.written("boards", board, "channels", channel)

    boards = Boards(host, boards_of(config, written), feeders_of(config), discovers=config["discover"])
    boards.start()
    host.data = boards

    async def all_off(call: ServiceCall) -> Mapping[str, Any]:
        wanted = call.data["board"]
        chosen = [one for one in boards if wanted in (None, one.section.device)]
        if wanted is not None and not chosen:
            known = ", ".join(one.section.device for one in boards) or "none"
            raise Refused(f"there is no board {wanted}; the boards are {known}", code="unknown")
        switches = [line.entity.id for board in chosen for line in board.lines.values()]
        return await host.services.call("switch.turn_off", {"entity": switches}, call.caller) if switches else {"results": []}

    host.services.add(
        "all_off",
        all_off,
        schema=vol.Schema({vol.Optional("board", default=None): vol.Any(device_id, None)}),
        description=N_("Turn every channel of one board off, or of all."),
    )

    def context() -> Mapping[str, Any]:
        return {"boards": list(boards), "feeders": boards.feeders.values(), "now_ns": host.clock.monotonic_ns()}

    host.panels.add(Panel(N_("Relays"), icon="toggle-right", template="relays.html", context=context, order=20))
    host.panels.add(
        Panel(N_("Relays active"), icon="bolt", template="active.html", context=context, slot=Slot.DASHBOARD, order=20)
    )


@hookimpl
def device_config(device: Device, host: PluginHost) -> Mapping[str, Any] | None:
    """Give a relay board what its channels are, so that it can hold their limits by itself."""
    section = host.data.section_of(device.id)
    if section is None:
        return None
    is_small = device.config_bytes is not None and device.config_bytes < NAMES_FROM_BYTES
    channels = {str(one.number): described(one, with_name=not is_small) for one in section.channels}
    return {"link_timeout_s": section.link_timeout_s, "channels": channels}
