"""A history with one sensor and one switch, on a clock that a test moves."""

from __future__ import annotations

from pathlib import Path

from autocore.core.bus import Bus
from autocore.core.clock import Sequence, Timeline
from autocore.core.config.sections import HistorySection
from autocore.core.entities import EntityRegistry
from autocore.core.kinds import Sensor, Switch
from autocore.history.history import History, Waiting
from autocore.testing import FakeClock


class Bench:
    """A history with one sensor and one switch, on a clock that a test moves."""

    def __init__(
        self,
        folder: Path,
        clock: FakeClock,
        boot: int = 1,
        offsets: dict[int, int] | None = None,
        seq: int = 1,
        section: HistorySection | None = None,
    ) -> None:
        self.clock = clock
        self.acknowledged = 0
        self.is_awaited = False
        self.timeline = Timeline(offsets or {})
        self.sequence = Sequence(seq, lambda limit: None)
        self.entities = EntityRegistry(clock, self.sequence, Bus(clock, self.sequence), boot)
        self.history = History(
            clock,
            folder,
            self.timeline,
            boot=boot,
            section=section or HistorySection(),
            waiting=Waiting(lambda: self.acknowledge, lambda: self.is_awaited),
        )
        self.entities.on("", self.history.record)
        self.rpm = self.entities.add("telemetry", Sensor("rpm"))
        self.lamp = self.entities.add("relays", Switch("lamp"))

    def acknowledge(self) -> None:
        self.acknowledged += 1
        self.is_awaited = False

    async def values(self, **window: int | None) -> list[object]:
        return [point.value for point in await self.history.query("sensor.rpm", **window)]
