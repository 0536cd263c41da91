"""The services of the plugin: turn a board off, and test it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from autocore.api import N_, PluginHost, Role, ServiceCall, device_id, duration

from .boards import Boards

TEST_S, LONGEST_TEST_S = 300.0, 1_800.0
_BOARD = vol.Required("board")


def add_services(host: PluginHost, boards: Boards) -> None:
    """Offer `all_off`, `test` and `end_test`."""

    async def all_off(call: ServiceCall) -> Mapping[str, Any]:
        wanted = call.data["board"]
        chosen = list(boards) if wanted is None else [boards.get(wanted)]
        switches = [line.entity.id for board in chosen for line in board.lines.values()]
        return await host.services.call("switch.turn_off", {"entity": switches}, call.caller) if switches else {"results": []}

    async def test(call: ServiceCall) -> Mapping[str, Any]:
        boards.get(call.data["board"]).begin_test(call.data["for"])
        return {"board": call.data["board"], "for_s": call.data["for"]}

    async def end_test(call: ServiceCall) -> Mapping[str, Any]:
        boards.get(call.data["board"]).end_test()
        return {"board": call.data["board"]}

    host.services.add(
        "all_off",
        all_off,
        schema=vol.Schema({vol.Optional("board", default=None): vol.Any(device_id, None)}),
        description=N_("Turn every channel of one board off, or of all."),
    )
    limit = vol.All(duration, vol.Range(10, LONGEST_TEST_S, msg="a test lasts 10s to 30min"))
    host.services.add(
        "test",
        test,
        schema=vol.Schema({_BOARD: device_id, vol.Optional("for", default=TEST_S): limit}),
        role=Role.TECHNICIAN,
        description=N_("Test a board: for a time each of its channels is on only while it is held."),
    )
    host.services.add(
        "end_test",
        end_test,
        schema=vol.Schema({_BOARD: device_id}),
        role=Role.TECHNICIAN,
        description=N_("End the test of a board: its channels are again what is written."),
    )
