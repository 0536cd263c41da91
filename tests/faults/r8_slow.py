"""R8: who does not read costs at most 1 MB, disturbs nobody, and gets the newest when it reads again.

A real gateway with its own Mosquitto, a relay board, 600 values a second and events of 1 kB; somebody whose page is open, and
somebody who turns relays over REST, one call after the other. On every way out some stop to read:

- `live`: clients of the live socket, for values and events;
- `export`: downloads of the events;
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from tests.faults.busy import PROBE, Busy, Limits, memory_mb, unsent_mb
from tests.faults.gateway import scratch
from tests.faults.readers import SMALL, Download, LiveReader, Sampler, values_in
from tests.faults.record import Findings, run_as_command

CLIENTS = 20
EVENTS_PER_S, EVENT_BYTES = 300, 1_000
READ_S = 1.0


def live(busy: Busy, seconds: float) -> None:
    """Clients of the live socket stop to read."""
    busy.talk(EVENTS_PER_S, EVENT_BYTES)
    busy.begin()
    before = memory_mb(busy.gateway.pid)
    memory = Sampler(lambda: memory_mb(busy.gateway.pid))
    kernel = Sampler(lambda: unsent_mb(busy.gateway.http_port))
    slow = [busy.live(SMALL) for _ in range(CLIENTS)]
    for one in slow:
        one.say(subscribe={"patterns": ["*"], "events": ["*"]})
    time.sleep(seconds)
    busy.judge_memory(memory.close() - before, CLIENTS)
    busy.judge_memory(kernel.close(), CLIENTS, "kernel")
    busy.talk(0, 0)
    newest = busy.banks.pause()
    began = time.monotonic()
    with ThreadPoolExecutor(CLIENTS) as reading:
        has_it = list(reading.map(lambda one: _sees(one, newest) or _sees_anew(busy, newest), slow))
    busy.judge_newest(f"{has_it.count(False)} of {CLIENTS} have not the newest", began, all(has_it))
    busy.banks.resume()
    busy.found.add("live_closed", sum(one.closed is not None for one in slow))
    for one in slow:
        one.close()


def _sees(reader: LiveReader, number: int) -> bool:
    return any(values_in(word).get(PROBE) == number for word in reader.words(READ_S))


def _sees_anew(busy: Busy, number: int) -> bool:
    reader = busy.live()
    reader.say(subscribe={"entities": [PROBE]})
    seen = _sees(reader, number)
    reader.close()
    return seen


def export(busy: Busy, seconds: float) -> None:
    """Downloads of the events stop in their midst."""
    busy.talk(2 * EVENTS_PER_S, 2 * EVENT_BYTES)
    time.sleep(4)
    busy.talk(0, 0)
    said = busy.value("sensor.chatter_said")
    busy.begin()
    before = memory_mb(busy.gateway.pid)
    memory = Sampler(lambda: memory_mb(busy.gateway.pid))
    slow = [Download(busy.gateway.http_port, busy.token, "/events/export?type=chatter.") for _ in range(CLIENTS)]
    time.sleep(seconds)
    busy.judge_memory(memory.close() - before, CLIENTS)
    began = time.monotonic()
    file = slow[0].take(READ_S)
    head = file.split(b'{"seq"', 1)[1].split(b"\r\n")[0].split(b"\n")[0]
    newest = json.loads(b'{"seq"' + head)["data"]["number"]
    busy.judge_newest(
        f"the file is {'whole' if slow[0].is_whole else 'broken'}, its first is {newest} of {said}", began, slow[0].is_whole
    )
    for one in slow:
        one.close()


Play = Callable[[Busy, float], None]
SCENES: dict[str, Play] = {"live": live, "export": export}


def run(scene: str, seconds: float, limits: Limits) -> Findings:
    """Play one scene."""
    found = Findings()
    found.runs += 1
    with scratch() as folder, ExitStack() as stack:
        try:
            busy = _vehicle(folder, stack, found, scene, limits)
            SCENES[scene](busy, seconds)
            busy.judge_others()
            busy.judge_words()
        except AssertionError as error:
            found.fail(f"{scene}: {error}")
    return found


def _vehicle(folder: Path, stack: ExitStack, found: Findings, scene: str, limits: Limits) -> Busy:
    return Busy(folder, stack, found, scene, limits)


def full(options: argparse.Namespace) -> Findings:
    """Play the scenes by turns, as often as is asked."""
    found = Findings()
    for number in range(options.runs):
        found.take(run(list(SCENES)[number % len(SCENES)], 30.0, Limits()))
    return found


if __name__ == "__main__":
    run_as_command("R8", __doc__, full, runs=len(SCENES))
