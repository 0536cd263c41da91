"""W3: from a device's publish to the change on a WebSocket."""

from __future__ import annotations

import asyncio
import json
import time

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from websockets.asyncio.client import connect

from benchmarks.measure import gateway, percentile, report

EVENTS = 500


async def measure(http_port: int, mqtt_port: int, token: str) -> list[float]:
    """Give the milliseconds of each event."""
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", mqtt_port)
    client.loop_start()
    url = f"ws://127.0.0.1:{http_port}/api/v1/live"
    took = []
    async with connect(url, additional_headers={"Authorization": f"Bearer {token}"}) as socket:
        await socket.send('{"subscribe": {"patterns": ["sensor.bench_*"]}}')
        await socket.recv()
        for number in range(EVENTS):
            started = time.perf_counter()
            client.publish("autocore/telemetry/bench/data", f'{{"n": {number}}}')
            while True:
                body = json.loads(await asyncio.wait_for(socket.recv(), 5))
                if any(one["value"] == number for one in body["changes"]["states"]):
                    break
            took.append((time.perf_counter() - started) * 1000)
            await asyncio.sleep(0.02)  # beyond a frame, so that each event travels alone
    client.disconnect()
    client.loop_stop()
    return took[20:]


def main() -> None:
    """Measure 500 events, one after the other."""
    with gateway() as bench:
        took = asyncio.run(measure(bench.http_port, bench.mqtt_port, bench.token()))
        report("w3_event", "ms", [percentile(took, 0.5)], p99=percentile(took, 0.99), events=len(took), rss_mb=bench.rss_mb())


if __name__ == "__main__":
    main()
