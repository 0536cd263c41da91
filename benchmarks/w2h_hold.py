"""W2H: a thumb on a winch: from press, beat and release on the WebSocket to the packet for the board, idle and loaded."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from contextlib import nullcontext

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from websockets.asyncio.client import ClientConnection, connect

from benchmarks.load import load
from benchmarks.measure import CONFIG, gateway, percentile, report

HOLDS, BEATS, WARM_S = 40, 5, 2.0
WINCH = CONFIG.replace("{1: {name: Bench}}", "{1: {name: Bench, type: momentary}}")
Arrived = asyncio.Queue[tuple[str, float]]
Took = dict[str, list[float]]


def board(port: int, arrived: Arrived, loop: asyncio.AbstractEventLoop) -> paho.Client:
    """Give a board that notes when a command or a beat comes, and reports its state at once."""
    client = paho.Client(CallbackAPIVersion.VERSION2)

    def on_message(_client: object, _data: object, message: paho.MQTTMessage) -> None:
        at = time.perf_counter()
        body = json.loads(message.payload)
        if message.topic.endswith("heartbeat"):
            word = "beat"
        elif message.topic.endswith("relays/relay_board_1/command"):
            word = "press" if body["state"] else "release"
            client.publish("autocore/relays/relay_board_1/state", json.dumps({"channels": {"1": body["state"]}}), qos=1)
        else:
            return
        loop.call_soon_threadsafe(arrived.put_nowait, (word, at))

    client.on_message = on_message
    client.connect("127.0.0.1", port)
    wire = client.socket()
    assert wire is not None
    wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.subscribe([("autocore/relays/relay_board_1/#", 2), ("autocore/devices/relay_board_1/welcome", 1)])
    client.publish("autocore/relays/relay_board_1/state", '{"channels": {"1": false}}', qos=1, retain=True)
    client.publish("autocore/devices/relay_board_1/status", '{"status": "online", "session": "bench"}', qos=1, retain=True)
    client.loop_start()
    return client


async def measure(http_port: int, mqtt_port: int, token: str) -> Took:
    """Give the milliseconds of each press, beat and release."""
    arrived: Arrived = asyncio.Queue()
    client = board(mqtt_port, arrived, asyncio.get_running_loop())
    took: Took = {"press": [], "beat": [], "release": []}
    headers = {"Authorization": f"Bearer {token}"}
    async with connect(f"ws://127.0.0.1:{http_port}/api/v1/live", additional_headers=headers) as live:
        await asyncio.sleep(WARM_S)
        for number in range(HOLDS):
            await _hold(live, number, arrived, took)
    client.disconnect()
    client.loop_stop()
    return took


async def _hold(live: ClientConnection, number: int, arrived: Arrived, took: Took) -> None:
    async def say(word: str, body: object) -> None:
        began = time.perf_counter()
        await live.send(json.dumps(body))
        while (heard := await asyncio.wait_for(arrived.get(), 5))[0] != word:
            pass
        took[word].append((heard[1] - began) * 1000)

    await say("press", {"hold": {"id": number, "entity": "switch.bench"}})
    ticks = 0
    while ticks <= BEATS:
        tick = json.loads(await live.recv()).get("tick")
        ticks += tick is not None
        if tick is not None and ticks > 1:  # the first may be of the very millisecond of the press, and says nothing new
            await say("beat", {"beat": {"id": number, "tick": tick}})
    await say("release", {"release": number})
    while "released" not in json.loads(await live.recv()):
        pass


def main() -> None:
    """Measure 40 holds with 5 beats each, idle and loaded."""
    figures: dict[str, float] = {}
    with gateway(WINCH) as bench:
        token = bench.token()
        for name in ("idle", "loaded"):
            seconds = HOLDS * (BEATS + 2) * 0.1 + WARM_S + 20
            around = load(bench.http_port, bench.mqtt_port, token, seconds) if name == "loaded" else nullcontext()
            with around:
                took = asyncio.run(measure(bench.http_port, bench.mqtt_port, token))
            for word, times in took.items():
                figures[f"{name}_{word}_p50"] = percentile(times, 0.5)
                figures[f"{name}_{word}_p99"] = percentile(times, 0.99)
        report("w2h_hold", "ms", [figures["idle_press_p50"]], **figures, rss_mb=bench.rss_mb())


if __name__ == "__main__":
    main()
