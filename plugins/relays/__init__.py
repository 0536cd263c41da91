"""Relay boards: every configured channel is a switch that shows what the board reported, never what was asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from autocore.api import N_, Device, Panel, PluginHost, Slot, hookimpl

from .boards import Boards
from .schema import SCHEMA
from .section import boards_of, feeders_of
from .services import add_services
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

    add_services(host, boards)

    def context() -> Mapping[str, Any]:
        now_ns = host.clock.monotonic_ns()
        return {"boards": list(boards), "feeders": boards.feeders.values(), "now_ns": now_ns, "spell": spell}

    host.panels.add(Panel(N_("Relays"), icon="toggle-right", template="relays.html", context=context, order=20))

    def chosen() -> Mapping[str, Any]:
        return {"lines": [line for board in boards for line in board.lines.values() if line.section.on_dashboard]}

    if chosen()["lines"]:
        host.panels.add(
            Panel(
                N_("Switches"),
                icon="toggle-right",
                template="chosen.html",
                context=chosen,
                slot=Slot.DASHBOARD,
                order=60,
                wide=True,
            )
        )
    host.panels.add(
        Panel(N_("Relays active"), icon="bolt", template="active.html", context=context, slot=Slot.DASHBOARD, order=20)
    )


def spell(seconds: float) -> str:
    """Give a time as people write it: its two largest units."""
    rest, words = round(seconds, 1 if seconds < 60 else None), []  # noqa: PLR2004  # a minute
    for unit, size in (("h", 3_600), ("min", 60)):
        amount, rest = divmod(rest, size)
        if amount:
            words.append(f"{amount:.0f} {unit}")
    if rest or not words:
        words.append(f"{rest:g} s")
    return " ".join(words[:2])


@hookimpl
def device_config(device: Device, host: PluginHost) -> Mapping[str, Any] | None:
    """Give a relay board what its channels are, so that it can hold their limits by itself."""
    board = host.data.find(device.id)
    if board is None:
        return None
    is_small = device.config_bytes is not None and device.config_bytes < NAMES_FROM_BYTES
    told: Mapping[str, Any] = board.described(with_names=not is_small)
    return told


@hookimpl
def routes(host: PluginHost) -> list[Any]:
    """Give the routes by which the page begins and ends a test."""
    from .rest import handlers  # noqa: PLC0415  # Litestar takes a while, and `autocore check` needs no routes

    return handlers(host)
