"""All of it, made once by the composition root, started after the core's parts and stopped before them."""

from __future__ import annotations

from collections.abc import Iterable

from autocore import __version__
from autocore.builtin import figures, sources
from autocore.builtin.displays import Displays
from autocore.builtin.eventlog import EventLog
from autocore.builtin.limits import LimitWatch
from autocore.builtin.mirror import Mirror
from autocore.builtin.notifications import Notifications
from autocore.builtin.witness import Witness
from autocore.builtin.writes import Pid, WriteMeter, bytes_written
from autocore.core.clock import Timeline
from autocore.core.config import Sections
from autocore.core.host import Core
from autocore.core.notices import Severity
from autocore.core.plugins import Plugins, PluginStatus
from autocore.safety.latch import Latch
from autocore.safety.stop import StopAll


class Builtin:
    """What every gateway has beside the core.

    Args:
        core: the core's parts.
        sections: what the configuration says.
        notifications: already taking notices; the core's parts were given its `send`.
        events: the event log.
        timeline: dates what goes out.
        witness: already told of service calls.
        broker_pid: gives the process id of the broker while the gateway runs one.
    """

    def __init__(
        self,
        core: Core,
        sections: Sections,
        notifications: Notifications,
        events: EventLog,
        timeline: Timeline,
        witness: Witness,
        broker_pid: Pid,
    ) -> None:
        self.notifications = notifications
        self.events = events
        self._says = sections.notifications
        self._mqtt = sections.mqtt
        self._limits = LimitWatch(core.entities, core.bus, core.notify if self._says.limits else None)
        self._sources = sources.Sources(core.hub, core.devices, core.bus, core.clock, core.notify)
        self._mirror = Mirror(core.hub, core.entities, core.bus, core.clock, timeline)
        self.writes = WriteMeter(core.clock, broker_pid, bytes_written)
        self._core = core
        self._witness = witness
        self._plugins: Iterable[PluginStatus] = ()
        self.stop_all = StopAll(core, Latch(core.folders.data))
        self._displays = Displays(core)
        sources.add_service(core.services, core.notify)
        figures.add_service(core, lambda: self._plugins, self.writes)

    def start(self, plugins: Plugins) -> None:
        """Watch, mirror and deliver from now on; before the hub connects."""
        self._plugins = plugins
        self.stop_all.start()
        self._displays.start()
        self._witness.start(self._core.hub, lambda: plugins)
        self._limits.start()
        self.writes.start()
        self._sources.start(broker=self._says.broker, devices=self._says.devices)
        self._mirror.start(self._mqtt.publish, self._mqtt.events)

        async def deliver(channel: str, notification: object) -> bool:
            return bool(await plugins.ask(channel, "deliver", notification=notification))

        self.notifications.start(lambda: plugins.owners("deliver"), deliver)
        self._core.bus.emit("gateway.started", {"version": __version__, "boot": self._core.entities.boot})
        if self._says.gateway:
            self._core.notify("The gateway has started", title="AutoCore", severity=Severity.INFO, source="gateway", key=None)

    async def stop(self) -> None:
        """Watch no more; what is told until now is kept."""
        self._core.bus.emit("gateway.stopping")
        if self._says.gateway:
            self._core.notify("The gateway stops", title="AutoCore", severity=Severity.INFO, source="gateway", key=None)
        await self._displays.stop()
        await self.stop_all.close()
        self._mirror.stop()
        self._sources.stop()
        self.writes.stop()
        self._limits.stop()
        self._witness.stop()
        await self.notifications.stop()
