"""Whoever floods is named, and slowed: events, notices, and the broker's help where it gives it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from autocore.core.bus import Bus, Event
from autocore.core.clock import NS, Clock
from autocore.core.devices import DeviceRegistry
from autocore.core.errors import BrokerError
from autocore.core.host import Notify
from autocore.core.mqtt.hub import MqttHub
from autocore.core.notices import Severity
from autocore.core.scheduler import Every
from autocore.rates.course import Act, Course
from autocore.rates.gate import UNKNOWN_PER_S, Gate, Source
from autocore.rates.lanes import Lane

LOOK_EVERY_S = 1.0
SLOWED = (Lane.TELEMETRY, Lane.FRAMES)
"""What may be stopped at the broker; states, acks and requests of a board never are."""

log = logging.getLogger("autocore.devices")


class Broker(Protocol):
    """What the watch asks of whoever knows the broker."""

    def can_withhold(self, topic: str, device_id: str | None) -> bool:
        """Say whether the broker would stop a topic without throwing off a board that has relays."""

    async def withhold(self, topic: str, device_id: str | None) -> None:
        """Let the broker drop what is published on a topic; raises BrokerError."""

    async def give_back(self, topic: str, device_id: str | None) -> None:
        """Let it pass again; raises BrokerError."""


@dataclass(frozen=True, slots=True)
class Flood:
    """How a device stands.

    Args:
        dropped: messages of it that were left out since the start.
        is_flooding: whether it sends too much, or did until a moment ago.
        slowed_s: for how many seconds more the broker drops what it measures; None when it does not.
        per_s: how many messages a second it may send.
        is_slowable: whether the broker would drop it.
    """

    dropped: int
    is_flooding: bool
    slowed_s: int | None
    per_s: float
    is_slowable: bool


class FloodWatch:
    """Looks at the gate once a second while something is too much, and not at all otherwise.

    Args:
        gate: counts.
        hub: asks the gate, and says when the broker is there.
        devices: their names.
        bus: hears of it.
        clock: for the seconds.
        notify: tells people; None tells nobody.
    """

    def __init__(self, gate: Gate, hub: MqttHub, devices: DeviceRegistry, bus: Bus, clock: Clock, notify: Notify | None) -> None:
        self.gate = gate
        self._hub = hub
        self._devices = devices
        self._bus = bus
        self._clock = clock
        self._notify = notify
        self._broker: Broker | None = None
        self._courses: dict[Source, Course] = {}
        self._turns: Every | None = None
        self._tasks: dict[Source, asyncio.Task[None]] = {}
        self._undo: list[Callable[[], None]] = []

    def start(self, broker: Broker) -> None:
        """Watch from now on; `broker` stops what is too much where it comes from."""
        self._broker = broker
        self._hub.admits = self.gate.admits
        self.gate.wake = self._wake
        self._undo = [
            self._hub.on_connection(self._on_connection),
            self._bus.on("device.forgotten", self._on_forgotten),
        ]

    async def stop(self) -> None:
        """Watch no more; the gate goes on counting."""
        self.gate.wake = lambda: None
        for undo in self._undo:
            undo()
        if self._turns is not None:
            self._turns.cancel()
            self._turns = None
        await asyncio.gather(*self._tasks.values())

    def of(self, device_id: str) -> Flood:
        """Give how a device stands."""
        courses = [(source, course) for source, course in self._courses.items() if source.device == device_id]
        until = [course.slowed_until_ns for _, course in courses if course.slowed_until_ns is not None]
        now = self._clock.monotonic_ns()
        flooding = [source for source, course in courses if course.is_flooding]
        return Flood(
            self.gate.dropped_of(device_id),
            bool(flooding),
            max(0, -(-(max(until) - now) // NS)) if until else None,
            self.gate.rates.messages_per_s,
            any(self._is_slowable(source) for source in flooding),
        )

    def _on_connection(self, is_connected: bool) -> None:  # noqa: FBT001  # the hub's signal
        if is_connected:
            self.gate.expect_backlog(self._clock.monotonic_ns())

    def _on_forgotten(self, event: Event) -> None:
        self.gate.forget(event.data["device"])

    def _wake(self) -> None:
        if self._turns is None:
            self._turns = Every(self._clock, LOOK_EVERY_S, self._look)

    def _look(self) -> None:
        for source in self.gate.noted():
            self._courses.setdefault(source, Course())
        now = self._clock.monotonic_ns()
        for source, course in list(self._courses.items()):
            for act in course.second(now, source.since()):
                self._do(act, source, course)
        if not self._courses and self._turns is not None:
            self._turns.cancel()
            self._turns = None

    def _do(self, act: Act, source: Source, course: Course) -> None:
        if act is Act.TELL:
            self._tell(source)
        elif act is Act.END:
            self._tell_end(source, course)
        elif act is Act.FORGET:
            del self._courses[source]
        elif act is Act.LET_GO or self._is_slowable(source):
            self._begin(source, course, act)

    def _is_slowable(self, source: Source) -> bool:
        return (
            self._broker is not None
            and source is not self.gate.unknown
            and source.lane in SLOWED
            and (source.device is not None or source.lane is Lane.TELEMETRY)  # many bridges share `can/data`
            and self._broker.can_withhold(source.topic, source.device)
        )

    def _begin(self, source: Source, course: Course, act: Act) -> None:
        if source not in self._tasks:  # else the broker has not answered the last question
            self._tasks[source] = asyncio.get_running_loop().create_task(self._ask(source, course, act))

    async def _ask(self, source: Source, course: Course, act: Act) -> None:
        """Let the broker stop a topic, or let it pass again; without its answer nothing changes, and it is asked later."""
        broker = self._broker
        try:
            if broker is not None and act is Act.SLOW:
                await broker.withhold(source.topic, source.device)
                seconds = course.pause_s
                course.slowed(self._clock.monotonic_ns())
                self._emit("slowed", source, seconds=seconds)
            elif broker is not None:
                await broker.give_back(source.topic, source.device)
                course.let_go(self._clock.monotonic_ns())
        except BrokerError as error:
            if not course.is_refused:
                log.warning("the broker does not help against what is too much on %s: %s", source.topic, error)
            course.is_refused = True
        else:
            course.is_refused = False
        finally:
            del self._tasks[source]

    def _tell(self, source: Source) -> None:
        rate = self.gate.rates.messages_per_s * source.lane.value
        self._emit("flooding", source, per_s=UNKNOWN_PER_S if source is self.gate.unknown else rate)
        if source.device is not None:
            text = f"{self._name(source)} sends too much on {source.topic}; what is above its rate is left out"
        elif source is self.gate.unknown:
            text = f"Somebody sends under ever new names, the last one on {source.topic}; most of it is left out"
        else:
            text = f"Too much comes on {source.topic}; what is above its rate is left out"
        self._say(text, source, Severity.WARNING)

    def _tell_end(self, source: Source, course: Course) -> None:
        seconds = (self._clock.monotonic_ns() - course.began_ns) // NS
        self._emit("calm", source, dropped=course.dropped, seconds=seconds)
        who = self._name(source) if source.device is not None else source.topic
        self._say(f"{who} floods no more; {course.dropped} messages were left out", source, Severity.INFO)

    def _emit(self, what: str, source: Source, **facts: float) -> None:
        if source.device is None:
            self._bus.emit(f"mqtt.{what}", {"topic": source.topic, **facts})
        else:
            self._bus.emit(f"device.{what}", {"device": source.device, "topic": source.topic, **facts})

    def _say(self, text: str, source: Source, severity: Severity) -> None:
        if self._notify is not None:
            self._notify(text, title=self._name(source), severity=severity, source="devices", key=f"flood {text[:80]}")

    def _name(self, source: Source) -> str:
        device = self._devices.find(source.device) if source.device is not None else None
        return device.label if device is not None else source.device or "MQTT"
