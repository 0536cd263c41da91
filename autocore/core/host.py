"""What a plugin is handed: one small host, scoped to it. Everything added through it is undone in reverse when it stops."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from autocore.core import facets
from autocore.core.bus import Bus
from autocore.core.cache import Cache, OwnedCache
from autocore.core.clock import Clock
from autocore.core.config.tree import mark_at
from autocore.core.devices import DeviceRegistry
from autocore.core.entities import EntityRegistry
from autocore.core.errors import PluginError
from autocore.core.guard import Guard
from autocore.core.holds import Holds
from autocore.core.link import DeviceLink
from autocore.core.mqtt.hub import MqttHub
from autocore.core.notices import Severity
from autocore.core.panels import PanelRegistry
from autocore.core.safeguards import Safeguards
from autocore.core.services import ServiceRegistry
from autocore.core.storage.database import Database
from autocore.core.storage.state import KeyValue

WRITABLE = ("name", "icon", "area", "limits")
"""What people may say of an entity in the web, unless the configuration says it."""


@dataclass(frozen=True, slots=True)
class Core:
    """The parts of the core that hosts open doors to; made once by the composition root."""

    clock: Clock
    bus: Bus
    entities: EntityRegistry
    devices: DeviceRegistry
    services: ServiceRegistry
    holds: Holds
    safeguards: Safeguards
    hub: MqttHub
    link: DeviceLink
    panels: PanelRegistry
    store: Callable[[str], KeyValue]
    """Gives the key-value store of a plugin by its name."""
    cache: Cache
    notify: Notify
    folders: Folders
    vehicle: str = "AutoCore"
    """What the owner calls the vehicle."""
    is_rehearsal: bool = False
    """True when plugins are only set up, and nothing they spawn is begun."""


class Notify(Protocol):
    """Tells people something."""

    def __call__(self, text: str, *, title: str, severity: Severity, source: str, key: str | None) -> None:
        """Take it; it is on disk soon, and on every channel when there is a way to it."""


@dataclass(frozen=True, slots=True)
class Folders:
    """Where the configuration is read from, and where data are kept."""

    config: Path
    data: Path


class PluginHost:
    """The doors of one plugin into the core.

    Args:
        name: the plugin's name.
        folder: where its code, templates, catalogues and migrations lie.
        core: see `Core`.
        database: the plugin's own database, None when it has no tables.
        section: the plugin's section as it was written, with its places.
    """

    def __init__(self, name: str, folder: Path, core: Core, database: Database | None = None, section: Any = None) -> None:
        self.name = name
        self.folder = folder
        self.clock = core.clock
        self.data: Any = None
        """What `setup` leaves here for the plugin's other hooks."""
        self.vehicle = core.vehicle
        """What the owner calls the vehicle."""
        self.config_folder = core.folders.config
        """The folder of `config.yaml`: read there, never write."""
        self._section = section
        self._folders = core.folders
        self._notify = core.notify
        self._is_rehearsal = core.is_rehearsal
        self.log = logging.getLogger(f"autocore.plugins.{name}")
        self._undo: list[Callable[[], None]] = []
        self._tasks = facets.Tasks()
        self._database = database
        self.guard = Guard(name, self.log, self._tasks.spawn)
        self.entities = facets.Entities(self, core.entities, core.holds, core.safeguards)
        self.devices = facets.Devices(core.devices, core.link)
        self.states = facets.States(self, core.entities)
        self.services = facets.Services(self, core.services)
        self.mqtt = facets.Mqtt(self, core.hub)
        self.events = facets.Events(self, core.bus)
        self.panels = facets.Panels(self, core.panels, folder)
        self.schedule = facets.Schedule(self, core.clock)
        self.store = core.store(name)
        self.cache = OwnedCache(core.cache, name)

    @property
    def data_folder(self) -> Path:
        """A folder of the plugin's own, made for the gateway's user only; it belongs to every backup."""
        folder = self._folders.data / "plugins" / self.name
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return folder

    def place(self, *steps: str | int) -> str | None:
        """Say where something stands in the configuration (`config.yaml:12:9`), None when nobody wrote it.

        Args:
            steps: the way from the plugin's section, e.g. `"boards", 0, "name"`.
        """
        if steps and steps[0] == 0 and isinstance(self._section, Mapping):  # a mapping stands for a one-item list
            steps = steps[1:]
        mark = mark_at(self._section, steps, exactly=True)
        return None if mark is None else str(mark)

    def written(self, *steps: str | int, facts: Iterable[str] = WRITABLE) -> dict[str, str]:
        """Say which of `facts` the configuration gives at a place, and where: what an entity's `written` takes.

        Args:
            steps: the way from the plugin's section to the mapping with the facts.
            facts: the keys to look for.
        """
        places = {fact: self.place(*steps, fact) for fact in facts}
        return {fact: place for fact, place in places.items() if place is not None}

    def notify(self, text: str, *, title: str = "", severity: Severity = Severity.INFO, key: str | None = None) -> None:
        """Tell whoever owns the vehicle, on every channel.

        Args:
            text: plain text, one sentence.
            title: a few words; the plugin's name when empty.
            severity: how much it matters.
            key: what makes two of them the same: within a minute the second only counts; the text when None.
        """
        self._notify(text, title=title, severity=severity, source=self.name, key=key)

    @property
    def db(self) -> Database:
        """The plugin's own database: `await host.db.run(function)`.

        Raises:
            PluginError: the plugin has no `models` hook.
        """
        if self._database is None:
            raise PluginError(self.name, "host.db needs the hook models(db)")
        return self._database

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run `work` in the background until it ends or the plugin stops; what it raises is logged and counted."""
        if self._is_rehearsal:
            work.close()
            return
        task = self._tasks.spawn(self.guard.task(work))
        task.add_done_callback(lambda _task: work.close())  # one that was cancelled before its turn never ran

    def on_stop(self, action: Callable[[], object]) -> None:
        """Call `action` when the plugin stops, before what was added earlier is undone."""
        self._undo.append(self.guard.function(action))

    def undo(self, step: Callable[[], None]) -> Callable[[], None]:
        """Do `step` when the plugin stops; the answer does it now, once. The facets use this."""

        def once() -> None:
            if step in self._undo:
                self._undo.remove(step)
                step()

        self._undo.append(step)
        return once

    async def close(self) -> None:
        """Cancel the background work and undo everything that was added, in reverse."""
        await self._tasks.cancel()
        while self._undo:
            self._undo.pop()()
        self.data = None
        if self._database is not None:
            await self._database.close()
