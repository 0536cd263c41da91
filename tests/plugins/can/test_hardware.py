"""Buses as hardware: asked to listen only, opened again when they die, closed when the plugin stops; and nothing is ever sent."""

from __future__ import annotations

import ast
import asyncio
import os
import pty
from pathlib import Path

import can
import pytest

from autocore_plugins.can.adapters import options_of
from autocore_plugins.can.hardware import MOST_WAITING, Inbox, sentence
from autocore_plugins.can.section import BusSection
from tests.conftest import Running, Start, eventually
from tests.plugins.can.double import NAME, wire_at

PLUGIN = Path(__file__).parents[3] / "plugins/can"
CONFIG = """
logging: {{level: error}}
mqtt: {{anonymous: loopback}}
can:
  buses:
    - {{name: main, interface: {interface}, channel: {channel}}}
  signals:
    - {{frame: 0x123, start_bit: 0, length: 16, scale: 0.25, unit: rpm, name: Engine speed}}
"""


@pytest.mark.parametrize(
    ("interface", "asked"),
    [
        ("slcan", {"listen_only": True, "bitrate": 250_000}),
        ("vector", {"listen_only": True, "bitrate": 250_000}),
        ("cantact", {"monitor": True, "bitrate": 250_000}),
        ("kvaser", {"driver_mode": False, "bitrate": 250_000}),
        ("seeedstudio", {"operation_mode": "silent", "bitrate": 250_000}),
        ("pcan", {"state": "PASSIVE", "bitrate": 250_000}),
        ("systec", {"state": "PASSIVE", "bitrate": 250_000}),
        ("socketcan", {}),
        ("virtual", {}),
    ],
)
def test_every_interface_is_asked_to_listen_only_in_its_own_words(interface: str, asked: dict[str, object]) -> None:
    options = options_of(BusSection("main", interface, "x", 250_000, listen_only=True))
    assert options == {"interface": interface, "channel": "x", **asked}
    not_asked = options_of(BusSection("main", interface, "x", 250_000, listen_only=False))
    assert not set(not_asked) & {"listen_only", "monitor", "driver_mode", "operation_mode", "state"}


async def test_a_serial_adapter_is_opened_in_its_listen_only_mode(start: Start) -> None:
    adapter, line = pty.openpty()
    gateway = await start(CONFIG.format(interface="slcan", channel=os.ttyname(line)))
    said = b""
    async with asyncio.timeout(15):
        while b"L\r" not in said:
            said += await asyncio.to_thread(os.read, adapter, 256)
    assert b"O\r" not in said  # the command that would open it for sending too
    await eventually(lambda: gateway.has("binary_sensor.can_main_online", True))
    os.write(adapter, b"t1232400C\r")
    await eventually(lambda: gateway.has("sensor.engine_speed", 784.0))
    os.close(adapter)
    os.close(line)


def test_nothing_in_the_plugin_can_send_but_the_demonstrations_own_bus() -> None:
    senders: dict[str, list[str]] = {}
    for path in sorted(PLUGIN.rglob("*.py")):
        tree = ast.parse(path.read_text())
        names = [node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
        names += [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
        found = [name for name in names if name in ("send", "send_periodic", "_send_internal", "transmit", "write_raw")]
        if found:
            senders[path.name] = found
    assert senders == {"demo.py": ["send"]}


def test_the_demonstrations_bus_is_always_a_virtual_one() -> None:
    tree = ast.parse((PLUGIN / "demo.py").read_text())
    opened = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("Bus", "ThreadSafeBus")
    ]
    (call,) = opened
    assert {one.arg: one.value.value for one in call.keywords if isinstance(one.value, ast.Constant)}["interface"] == "virtual"


async def test_a_bus_that_dies_is_shown_with_its_reason_and_comes_back(start: Start) -> None:
    with wire_at("dies") as wire:
        gateway = await start(CONFIG.format(interface=NAME, channel="dies"))
        await eventually(lambda: gateway.has("binary_sensor.can_main_online", True))
        wire.bus.arrive(0x123, b"\x40\x0c")
        await eventually(lambda: gateway.has("sensor.engine_speed", 784.0))

        wire.is_there = False
        wire.bus.arriving.put(can.CanOperationError("the adapter was pulled out"))
        await eventually(lambda: gateway.has("binary_sensor.can_main_online", False))
        assert not await gateway.has("sensor.engine_speed", 784.0)  # known, but not live
        await eventually(lambda: _says(gateway, "no adapter at dies"))
        assert "no adapter at dies" in (await gateway.client.get("/can")).text
        assert wire.bus.is_shut

        wire.is_there = True
        await eventually(lambda: gateway.has("binary_sensor.can_main_online", True), within_s=15)
        wire.bus.arrive(0x123, b"\x40\x0c")  # the same payload as before, and yet it counts
        await eventually(lambda: gateway.has("sensor.engine_speed", 784.0))
        assert [len(bus.sent) for bus in wire.opened] == [0, 0]


async def test_one_bus_that_cannot_open_does_not_keep_another_away(start: Start) -> None:
    config = CONFIG.format(interface=NAME, channel="there").replace(
        "  signals:", "    - {name: gone, interface: nonsense, channel: x}\n  signals:"
    )
    with wire_at("there") as wire:
        gateway = await start(config)
        await eventually(lambda: gateway.has("binary_sensor.can_main_online", True))
        await eventually(lambda: _says(gateway, "'nonsense' not supported", "gone"))
        assert await gateway.has("binary_sensor.can_gone_online", False)
        wire.bus.arrive(0x123, b"\x40\x0c")
        await eventually(lambda: gateway.has("sensor.engine_speed", 784.0))


async def test_the_hardware_is_asked_by_its_state_where_that_is_the_way(start: Start) -> None:
    with wire_at("asked") as wire:
        gateway = await start(CONFIG.format(interface=NAME, channel="asked"))
        await eventually(lambda: gateway.has("binary_sensor.can_main_online", True))
        assert wire.bus.states == [can.BusState.PASSIVE]
        assert wire.bus.options == {"bitrate": 500_000}


async def test_error_frames_are_counted_and_a_wrong_bit_rate_is_suspected(start: Start) -> None:
    with wire_at("errors") as wire:
        gateway = await start(CONFIG.format(interface=NAME, channel="errors"))
        await eventually(lambda: gateway.has("binary_sensor.can_main_online", True))
        for _ in range(5):
            wire.bus.arriving.put(can.Message(is_error_frame=True))
        await eventually(lambda: gateway.has("sensor.can_main_errors", 5))
        assert await _says(gateway, "bit rate")
        wire.bus.arrive(0x7DF, b"\x01")
        await eventually(lambda: gateway.has("sensor.can_main_frames", 1))
        assert not await _says(gateway, "bit rate")


async def test_a_reload_lets_go_of_the_adapter_before_it_is_opened_again(start: Start) -> None:
    with wire_at("again") as wire:
        gateway = await start(CONFIG.format(interface=NAME, channel="again"))
        await eventually(lambda: gateway.has("binary_sensor.can_main_online", True))
        assert (await gateway.client.post("/api/v1/plugins/can/reload")).status_code == 200
        await eventually(lambda: len(wire.opened) == 2)
        assert [bus.is_shut for bus in wire.opened] == [True, False]
        await gateway.gateway.stop()
        assert [bus.is_shut for bus in wire.opened] == [True, True]


async def test_remote_frames_and_extended_identifiers_are_told_apart(start: Start) -> None:
    with wire_at("kinds") as wire:
        gateway = await start(CONFIG.format(interface=NAME, channel="kinds"))
        await eventually(lambda: gateway.has("binary_sensor.can_main_online", True))
        wire.bus.arriving.put(can.Message(arbitration_id=0x123, is_remote_frame=True, is_extended_id=False, dlc=2))
        wire.bus.arrive(0x123, b"\x40\x0c", extended=True)
        await eventually(lambda: _rows(gateway, 1))
        (row,) = await _frames(gateway)
        assert (row["id"], row["ext"], row["data"]) == (0x123, True, "400c")
        assert await gateway.entity("sensor.engine_speed") is None or not await gateway.has("sensor.engine_speed", 784.0)


def test_a_loop_that_is_too_slow_loses_the_rest_and_counts_it() -> None:
    woken: list[int] = []
    inbox = Inbox(lambda: woken.append(1))
    for number in range(MOST_WAITING + 7):
        inbox.put(number, b"")
    inbox.put_error()
    frames, errors, dropped, end = inbox.take()
    assert (len(frames), errors, dropped, end, len(woken)) == (MOST_WAITING, 1, 7, None, 1)
    inbox.end("gone")
    assert (inbox.take()[3], len(woken)) == ("gone", 2)


def test_what_a_driver_says_is_one_bounded_line() -> None:
    assert sentence(OSError("two\nlines")) == "two lines"
    assert sentence(ValueError()) == "ValueError"
    assert len(sentence(ValueError("x" * 5_000))) == 200


async def _says(gateway: Running, words: str, bus: str = "main") -> bool:
    answer = await gateway.client.get("/api/v1/can/buses")
    assert answer.status_code == 200, answer.text
    items = answer.json()["items"]
    return any(words in (one["problem"] or "") for one in items if one["name"] == bus)


async def _frames(gateway: Running) -> list[dict[str, object]]:
    items: list[dict[str, object]] = (await gateway.client.get("/api/v1/can/frames")).json()["items"]
    return items


async def _rows(gateway: Running, amount: int) -> bool:
    return len(await _frames(gateway)) == amount
