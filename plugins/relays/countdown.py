"""The seconds that a timed channel stays on, shown as an entity of its own."""

from __future__ import annotations

from collections.abc import Callable

from autocore.api import PluginHost, Sensor

from .section import ChannelSection

NS = 1_000_000_000
EVERY_S = 1.0


class Countdown:
    """Counts down in whole seconds.

    Attributes:
        entity: what shows it.
    """

    def __init__(self, host: PluginHost, device: str, section: ChannelSection) -> None:
        self._host = host
        self._ends_ns = 0
        self._stop: Callable[[], None] | None = None
        self.entity = host.entities.add(
            Sensor(
                f"{section.key}_remaining",
                name=f"{section.name}: remaining",
                unique=f"{section.number} remaining",
                device=device,
                unit="s",
                device_class="duration",
                icon="clock",
                area=section.area,
            )
        )

    def begin(self, left_ns: int) -> None:
        """Count from here; 0 is the end."""
        self._end()
        self._ends_ns = self._host.clock.monotonic_ns() + left_ns
        self._show()
        if left_ns:
            self._stop = self._host.schedule.every(EVERY_S, self._show)

    def lose(self) -> None:
        """Show nothing: nobody knows."""
        self._end()
        self.entity.lose()

    def _end(self) -> None:
        if self._stop is not None:
            self._stop()
            self._stop = None

    def _show(self) -> None:
        left_ns = self._ends_ns - self._host.clock.monotonic_ns()
        self.entity.set(max(0, round(left_ns / NS)))
