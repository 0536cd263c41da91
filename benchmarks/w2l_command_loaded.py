"""W2L: as W2, while 50 devices publish 10 000 readings a second and 20 pages look.

The calls come at fixed times, whether the ones before are done or not, and each is measured from the time at which it was due:
a gateway that stands still for a while is not let off the calls that it kept waiting.
"""

from __future__ import annotations

import asyncio
import json
import time

from websockets.asyncio.client import ClientConnection, connect

from benchmarks.load import load
from benchmarks.measure import gateway, percentile, report
from benchmarks.w2_command import board

CALLS, EVERY_S, WARM_S = 400, 0.05, 3.0


async def measure(http_port: int, mqtt_port: int, token: str) -> list[float]:
    """Give the milliseconds of each call, from when it was due."""
    loop = asyncio.get_running_loop()
    arrived: asyncio.Queue[float] = asyncio.Queue()
    client = board(mqtt_port, arrived, loop)
    headers = {"Authorization": f"Bearer {token}"}
    async with connect(f"ws://127.0.0.1:{http_port}/api/v1/live", additional_headers=headers) as live:
        await asyncio.sleep(WARM_S)
        reading = asyncio.create_task(_read(live))
        began = time.perf_counter()
        due = [began + number * EVERY_S for number in range(CALLS)]
        for number, at in enumerate(due):
            await asyncio.sleep(max(0.0, at - time.perf_counter()))
            verb = "turn_on" if number % 2 else "turn_off"
            data = {"entity": "switch.bench"}
            await live.send(json.dumps({"call": {"id": number, "service": f"switch.{verb}", "data": data}}))
        took = [(await asyncio.wait_for(arrived.get(), 10) - at) * 1000 for at in due]
        reading.cancel()
    client.disconnect()
    client.loop_stop()
    return took


async def _read(live: ClientConnection) -> None:
    async for _word in live:
        pass


def main() -> None:
    """Measure 400 calls, 20 a second."""
    with gateway() as bench:
        token = bench.token()
        with load(bench.http_port, bench.mqtt_port, token, CALLS * EVERY_S + WARM_S + 15):
            took = asyncio.run(measure(bench.http_port, bench.mqtt_port, token))
        p50 = percentile(took, 0.5)
        report(
            "w2l_command_loaded", "ms", [percentile(took, 0.99)], p50=p50, worst=max(took), calls=len(took), rss_mb=bench.rss_mb()
        )


if __name__ == "__main__":
    main()
