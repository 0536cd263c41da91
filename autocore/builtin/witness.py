"""Turns what happens without an event into one: service calls, the broker that goes and comes, plugins that raise."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from autocore.core.bus import Bus
from autocore.core.clock import Clock
from autocore.core.errors import PermissionDenied
from autocore.core.model import Cause
from autocore.core.mqtt.hub import MqttHub
from autocore.core.plugins import PluginStatus
from autocore.core.scheduler import Every
from autocore.core.services import Record

LOOK_S = 30.0  # a plugin that raises at every message is one event in this time
DONE, FAILED = "done", frozenset({"failed", "error", "plugin", "no_answer", "storage", "cancelled"})


class Witness:
    """Watches what has no voice of its own."""

    def __init__(self, bus: Bus, clock: Clock) -> None:
        self._bus = bus
        self._clock = clock
        self._plugins: Callable[[], Iterable[PluginStatus]] = lambda: ()
        self._errors: dict[str, int] = {}
        self._is_lost = False
        self._undo: list[Callable[[], None]] = []

    def start(self, hub: MqttHub, plugins: Callable[[], Iterable[PluginStatus]]) -> None:
        """Watch from now on."""
        self._plugins = plugins
        self._undo = [
            hub.on_connection(lambda is_connected: self._on_connection(is_connected, hub.problem)),
            Every(self._clock, LOOK_S, self._look).cancel,
        ]

    def stop(self) -> None:
        """Watch no more."""
        for undo in self._undo:
            undo()
        self._undo = []

    def heard(self, record: Record) -> None:
        """Tell of a service call that came to its end."""
        data = {
            "service": record.service,
            "entity": record.data.get("entity", ""),
            "code": record.outcome,
            "detail": record.detail,
        }
        cause = record.caller.cause
        if record.outcome == DONE:
            self._bus.emit("service.called", {"service": record.service, "entity": data["entity"]}, cause)
        elif record.outcome == PermissionDenied.code:
            self._bus.emit("service.denied", data, cause)
        elif record.outcome in FAILED:
            self._bus.emit("service.failed", data, cause)
        else:
            self._bus.emit("service.refused", data, cause)

    def _on_connection(self, is_connected: bool, problem: str | None) -> None:  # noqa: FBT001  # the hub's signal
        if not is_connected and not self._is_lost:
            self._bus.emit("broker.lost", {"reason": problem or "the connection was lost"})
        elif is_connected and self._is_lost:
            self._bus.emit("broker.back")
        self._is_lost = not is_connected

    def _look(self) -> None:
        for one in self._plugins():
            new = one.errors - self._errors.get(one.name, 0)
            self._errors[one.name] = one.errors
            if new > 0:
                self._bus.emit("plugin.errors", {"plugin": one.name, "errors": new}, Cause("plugin", one.name))


def both(*takers: Callable[[Any], None]) -> Callable[[Any], None]:
    """Give one function that hands what it is given to each of `takers`."""

    def take(given: Any) -> None:
        for one in takers:
            one(given)

    return take
