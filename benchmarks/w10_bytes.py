"""W10: bytes written to the disk in an hour at 100 readings a second, with the default configuration, in MB.

The gateway's storage is driven on a clock of its own, two hours in half a minute: history, journal of last states, fold,
registry. After every 30 s of that clock its files are synced, as the kernel would have done by then. `--real` runs the gateway
and its broker for `--seconds` instead and counts both; it needs more than an hour to see an hour being packed.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import tempfile
import time
from pathlib import Path

from autocore.builtin.journal import StateJournal
from autocore.builtin.keeper import RegistryKeeper
from autocore.core.bus import Bus
from autocore.core.clock import Sequence, Timeline
from autocore.core.config.sections import HistorySection
from autocore.core.devices import DeviceRegistry
from autocore.core.entities import EntityRegistry
from autocore.core.kinds import Sensor
from autocore.core.storage.state import StateStore
from autocore.history.history import History
from autocore.simulator import LoadSettings, run_load
from autocore.testing import FakeClock
from benchmarks.measure import CONFIG, gateway, report

SENSORS = 1_000
RATE = 100
HOURS = 2
SETTLED_S = 40  # of the clock: registry and first copies are written


def written(pid: int | str = "self") -> int:
    """Give the bytes that a process sent to the disk; what it deleted before it got there does not count."""
    fields = dict(line.split(": ") for line in Path(f"/proc/{pid}/io").read_text().splitlines())
    return int(fields["write_bytes"]) - int(fields["cancelled_write_bytes"])


def sync(folder: Path) -> None:
    """Write what the kernel holds of the files in a folder."""
    for file in folder.iterdir():
        if file.is_file():
            handle = os.open(file, os.O_RDONLY)
            try:
                os.fdatasync(handle)
            finally:
                os.close(handle)


async def drive(folder: Path, hours: float) -> tuple[float, dict[str, float]]:
    """Report 100 readings a second and give the MB written in an hour, in all and by part."""
    clock = FakeClock()
    sequence = Sequence(1, lambda _limit: None)
    bus = Bus(clock, sequence)
    store = StateStore(folder)
    await store.open()
    boot = await store.begin_boot(clock)
    entities = EntityRegistry(clock, sequence, bus, boot.number)
    journal = StateJournal(folder)
    keeper = RegistryKeeper(store, journal, entities, DeviceRegistry(clock, bus, approves_itself=True), bus, clock)
    keeper.start()
    history = History(clock, folder, Timeline(boot.offsets), boot=boot.number, section=HistorySection())
    await history.open()
    history.start()
    entities.on("", history.record)
    noise = random.Random(3)
    sensors = [entities.add("load", Sensor(f"load_{number:03}_key", device=f"load_{number // 10}")) for number in range(SENSORS)]
    values = [noise.uniform(10, 100) for _ in sensors]
    before = at_journal = None
    for second in range(SETTLED_S + round(hours * 3600)):
        if second == SETTLED_S:
            sync(folder)
            before, at_journal = written(), journal.bytes_written
        for turn in range(RATE):
            number = (second * RATE + turn) % SENSORS
            values[number] += noise.gauss(0, 0.3)
            sensors[number].set(round(values[number], 1 + number % 2))
            clock.advance(1 / RATE)
        tasks = [task for task in (keeper._task, keeper._journaling, history._flushing, history._caring) if task is not None]
        await asyncio.gather(*tasks)
        if second % 30 == 29:
            sync(folder)
    assert before is not None
    assert at_journal is not None
    sync(folder)
    total = (written() - before) / hours / 1e6
    parts = {
        "journal_mb_h": (journal.bytes_written - at_journal) / hours / 1e6,
        "spans": history.recorder.span - (boot.number << 20),
    }
    await keeper.stop()
    await history.close()
    await store.close()
    return total, parts


def real(seconds: float) -> None:
    """Run the gateway and count what it and its broker write."""
    with gateway(CONFIG) as bench:
        settings = LoadSettings(devices=100, sensors=10, rate=RATE, seconds=seconds, port=bench.mqtt_port, registers=False)
        warm_up = LoadSettings(devices=100, sensors=10, rate=500, seconds=4, port=bench.mqtt_port, registers=False)
        asyncio.run(run_load(warm_up))
        time.sleep(35)
        broker = (bench.folder / "data/broker/mosquitto.pid").read_text().strip()
        before = {pid: written(pid) for pid in (str(bench.process.pid), broker)}
        started = time.monotonic()
        asyncio.run(run_load(settings))
        time.sleep(35)
        hours = (time.monotonic() - started) / 3600
        mb = {pid: (written(pid) - at) / hours / 1e6 for pid, at in before.items()}
        report("w10_bytes", "MB/h", [sum(mb.values())], gateway=mb[str(bench.process.pid)], broker=mb[broker], seconds=seconds)


def main() -> None:
    """Measure it once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--real", action="store_true")
    parser.add_argument("--seconds", type=float, default=3_700.0)
    parser.add_argument("--hours", type=float, default=HOURS)
    options = parser.parse_args()
    if options.real:
        real(options.seconds)
        return
    # Not in /tmp where that is memory: its writes are counted by nobody.
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        total, parts = asyncio.run(drive(Path(folder), options.hours))
    report("w10_bytes", "MB/h", [total], hours=options.hours, rate=RATE, **parts)


if __name__ == "__main__":
    main()
