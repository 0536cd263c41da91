"""One bus as the gateway shows it: whether it is there and why not, its counters, its newest frames. Nothing is ever sent."""

from __future__ import annotations

from typing import Any

from autocore.api import N_, BinarySensor, Entity, PluginHost, Sensor

from .frames import id_of, is_extended, readable
from .signals import NS, Tap, Taps
from .traffic import Batch, Traffic

STARTING = N_("not opened yet")


class Bus:
    """One bus, whatever its frames come through.

    Args:
        host: where its entities go.
        name: as the owner or the bridge calls it.
        bitrate: in bit/s; the load is reckoned by it.
        source: what the frames come through, for people, e.g. `socketcan can0`.

    Attributes:
        is_online: whether frames can come in now.
        problem: why not, or what is wrong although they can; None when nothing is.
        note: what is worth knowing about how it listens.
        errors: error frames and failures of the adapter since the start.
        dropped: frames that came faster than they could be taken.
        load: percent of the bit rate, as of the last count.
    """

    def __init__(self, host: PluginHost, name: str, bitrate: int, source: str) -> None:
        self.name = name
        self.source = source
        self.traffic = Traffic()
        self.is_online = False
        self.problem: str | None = STARTING
        self.note: str | None = None
        self.errors = 0
        self.dropped = 0
        self.load = 0.0
        self.frames_per_second = 0.0
        self.taps: Taps = {}
        self._host = host
        self._bitrate = bitrate
        self._counted = (0, 0)
        self._counted_ns = host.clock.monotonic_ns()
        self.online = host.entities.add(
            BinarySensor(
                f"can_{name}_online",
                name=f"CAN {name}",
                unique=f"{name}/online",
                device_class="connectivity",
                icon="plug-connected-x",
            )
        )
        self.counters = {
            "frames_per_second": self._counter("frames per second", "frames_per_second", "1/s", "measurement", 0),
            "load": self._counter("load", "load", "%", "measurement", 1),
            "frames": self._counter("frames", "frames", None, "total_increasing", 0),
            "errors": self._counter("errors", "errors", None, "total_increasing", 0),
            "dropped": self._counter("dropped frames", "dropped", None, "total_increasing", 0),
        }
        self.online.set(False)

    def want(self, taps: Taps) -> None:
        """Hand changed payloads to these taps from now on."""
        self.taps = taps
        self.traffic.want(taps)

    def own_taps(self) -> list[Tap]:
        """Give the taps that this bus, and no other, fed last."""
        return [tap for taps in self.taps.values() for tap in taps if tap.source is self.traffic]

    def take(self, batch: Batch) -> None:
        """Take frames that arrived."""
        self.traffic.take(batch, self._host.clock.monotonic_ns())

    def went_online(self, note: str | None = None) -> None:
        """Show it as there."""
        self.note = note
        self.problem = None
        if not self.is_online:
            self.is_online = True
            self.online.set(True)

    def went_offline(self, problem: str) -> None:
        """Show it as gone, and nothing it said as live."""
        self.problem = problem
        if self.is_online:
            self.is_online = False
            self.online.set(False)
            self.traffic.forget_payloads()
            for tap in self.own_taps():
                tap.lose()
            for name in ("frames_per_second", "load"):
                self.counters[name].lose()

    def count(self) -> None:
        """Work out rates and load, and report the counters that changed; called every few seconds."""
        now_ns = self._host.clock.monotonic_ns()
        span_s = (now_ns - self._counted_ns) / NS
        if span_s <= 0:
            return
        frames, bits = self.traffic.frames, self.traffic.bits
        self.frames_per_second = (frames - self._counted[0]) / span_s
        self.load = round(min(100.0, 100.0 * (bits - self._counted[1]) / span_s / self._bitrate), 1)
        self._counted, self._counted_ns = (frames, bits), now_ns
        self.traffic.measure(span_s)
        figures: dict[str, float | int] = {"frames": frames, "errors": self.errors, "dropped": self.dropped}
        if self.is_online:
            figures |= {"frames_per_second": round(self.frames_per_second, 1), "load": self.load}
        for name, figure in figures.items():
            _report(self.counters[name], figure)

    def facts(self) -> dict[str, Any]:
        """Give what REST and the support bundle tell of it."""
        return {
            "name": self.name,
            "source": self.source,
            "online": self.is_online,
            "problem": self.problem,
            "note": self.note,
            "frames": self.traffic.frames,
            "frames_per_second": round(self.frames_per_second, 1),
            "load": self.load,
            "errors": self.errors,
            "dropped": self.dropped,
            "unlisted": self.traffic.unlisted,
        }

    def rows(self, limit: int) -> list[dict[str, Any]]:
        """Give the newest frame of each of the first `limit` identifiers; `age` is in s, `rate` in frames per second."""
        now_ns = self._host.clock.monotonic_ns()
        return [
            {
                "bus": self.name,
                "id": id_of(row.key),
                "ext": is_extended(row.key),
                "name": readable(row.key),
                "count": row.count,
                "rate": round(row.rate, 1),
                "data": (row.data or b"").hex(),
                "age": round((now_ns - row.at_ns) / NS, 1),
            }
            for row, _ in zip(self.traffic, range(limit), strict=False)
        ]

    def _counter(self, words: str, key: str, unit: str | None, state_class: str, precision: int) -> Entity:
        return self._host.entities.add(
            Sensor(
                f"can_{self.name}_{key}",
                name=f"CAN {self.name} {words}",
                unique=f"{self.name}/{key}",
                unit=unit,
                state_class=state_class,
                icon="gauge",
                precision=precision,
            )
        )


def _report(entity: Entity, figure: float) -> None:
    """Report a counter that changed; one that stands still is not written again and again."""
    if not entity.state.available or entity.state.value != figure:
        entity.set(figure)
