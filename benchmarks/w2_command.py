"""W2: from a call on the WebSocket to the board's command packet, as an MQTT client at the broker sees it."""

from __future__ import annotations

import asyncio
import json
import socket
import time

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from websockets.asyncio.client import connect

from benchmarks.measure import gateway, percentile, report

CALLS = 500


def board(port: int, arrived: asyncio.Queue[float], loop: asyncio.AbstractEventLoop) -> paho.Client:
    """Give a board that notes when a command comes, and reports its state at once."""
    client = paho.Client(CallbackAPIVersion.VERSION2)

    def on_message(_client: object, _data: object, message: paho.MQTTMessage) -> None:
        if not message.topic.endswith("command"):
            return
        at = time.perf_counter()
        body = json.loads(message.payload)
        client.publish("autocore/relays/relay_board_1/state", json.dumps({"channels": {"1": body["state"]}}), qos=1)
        loop.call_soon_threadsafe(arrived.put_nowait, at)

    client.on_message = on_message
    client.connect("127.0.0.1", port)
    wire = client.socket()
    assert wire is not None
    wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.subscribe([("autocore/relays/relay_board_1/command", 2), ("autocore/devices/relay_board_1/welcome", 1)])
    client.publish("autocore/relays/relay_board_1/state", '{"channels": {"1": false}}', qos=1, retain=True)
    client.publish("autocore/devices/relay_board_1/status", '{"status": "online", "session": "bench"}', qos=1, retain=True)
    client.loop_start()
    return client


async def measure(http_port: int, mqtt_port: int, token: str) -> list[float]:
    """Give the milliseconds of each call."""
    loop = asyncio.get_running_loop()
    arrived: asyncio.Queue[float] = asyncio.Queue()
    client = board(mqtt_port, arrived, loop)
    url = f"ws://127.0.0.1:{http_port}/api/v1/live"
    took = []
    async with connect(url, additional_headers={"Authorization": f"Bearer {token}"}) as live:
        await asyncio.sleep(0.5)  # the welcome
        for number in range(CALLS):
            verb = "turn_on" if number % 2 else "turn_off"
            call = {"id": number, "service": f"switch.{verb}", "data": {"entity": "switch.bench"}}
            started = time.perf_counter()
            await live.send(json.dumps({"call": call}))
            took.append((await asyncio.wait_for(arrived.get(), 5) - started) * 1000)
            while "result" not in json.loads(await live.recv()):
                pass
    client.disconnect()
    client.loop_stop()
    return took[20:]


def main() -> None:
    """Measure 500 calls, one after the other."""
    with gateway() as bench:
        took = asyncio.run(measure(bench.http_port, bench.mqtt_port, bench.token()))
        report("w2_command", "ms", [percentile(took, 0.5)], p99=percentile(took, 0.99), calls=len(took), rss_mb=bench.rss_mb())


if __name__ == "__main__":
    main()
