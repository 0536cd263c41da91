"""What /status and /devices answer."""

from __future__ import annotations

from autocore.api import Device, Entity, PluginHost, Presence, Severity, Standing

from .letters import NS, escaped
from .sights import Sights, name_of
from .words import PRESENCES, SIGNS, Words

MOST_LINES = 40
UPTIME = "sensor.system_uptime"
LEVELS = {"critical": Severity.CRITICAL, "warn": Severity.WARNING}


class Reports:
    """Tells how the vehicle is.

    Args:
        host: to look.
        sights: what there is to look at.
        words: the language.
    """

    def __init__(self, host: PluginHost, sights: Sights, words: Words) -> None:
        self._host = host
        self._sights = sights
        self._words = words
        self._started_ns = host.clock.monotonic_ns()

    def status(self, vehicle: str) -> str:
        """Give the vehicle in a few lines, as HTML: how long it runs, its boards, its alarms and some values."""
        _ = self._words
        devices = self._devices()
        online = sum(one.presence is Presence.ONLINE for one in devices)
        lines = [
            f"<b>{escaped(vehicle)}</b> · " + _("up %(age)s", age=_.age(self._uptime_s())),
            _("Devices online: %(online)s of %(all)s", online=online, all=len(devices)),
        ]
        alarms = self._sights.alarms()
        lines += [self._alarm(one) for one in alarms[:MOST_LINES]] or ["✅ " + _("No value is beyond its limits.")]
        lines += [f"{escaped(name_of(one))}: {self._value(one)}" for one in self._sights.notable() if one not in alarms]
        return "\n".join(lines)

    def devices(self) -> str:
        """Give every approved device with whether it is there, as HTML."""
        _ = self._words
        devices = self._devices()
        if not devices:
            return _("No device is known yet.")
        lines = []
        for one in devices[:MOST_LINES]:
            sign, word = PRESENCES[one.presence]
            lines.append(f"{sign} {escaped(one.name or one.id)}: {_(word)}")
        if len(devices) > MOST_LINES:
            lines.append("…")
        return "\n".join(lines)

    def _devices(self) -> list[Device]:
        return [one for one in self._host.devices if one.standing is Standing.APPROVED]

    def _uptime_s(self) -> float:
        reported = self._host.states.find(UPTIME)
        if reported is not None and reported.state.available and isinstance(reported.state.value, (int, float)):
            return float(reported.state.value)
        return (self._host.clock.monotonic_ns() - self._started_ns) / NS

    def _alarm(self, entity: Entity) -> str:
        sign, word = SIGNS[LEVELS[entity.level or "warn"]]
        return f"{sign} {self._words(word)} · {escaped(name_of(entity))}: {self._value(entity)}"

    def _value(self, entity: Entity) -> str:
        value, description = entity.state.value, entity.description
        unit = getattr(description, "unit", None)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            shown = self._words.number(value, getattr(description, "precision", None))
            return escaped(f"{shown} {unit}" if unit else shown)
        return escaped(str(value))
