"""Keeps the registries on disk: new entities and devices at once, last states every 30 seconds and at the stop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from autocore.core.bus import Bus, Event
from autocore.core.clock import Clock
from autocore.core.devices import DeviceRegistry
from autocore.core.entities import EntityRegistry
from autocore.core.errors import StorageError
from autocore.core.scheduler import Every
from autocore.core.storage.state import StateStore

FOLD_S = 30.0  # decisions.md, Last states
SETTLE_S = 0.2  # many entities come at once; one write for all

log = logging.getLogger("autocore.storage")


class RegistryKeeper:
    """Watches the registries and writes what changed."""

    def __init__(self, store: StateStore, entities: EntityRegistry, devices: DeviceRegistry, bus: Bus, clock: Clock) -> None:
        self._store = store
        self._entities = entities
        self._devices = devices
        self._bus = bus
        self._clock = clock
        self._undo: list[Callable[[], None]] = []
        self._timer: Every | None = None
        self._task: asyncio.Task[None] | None = None
        self._is_due = False
        self._new_entities: set[str] = set()
        self._gone_entities: set[str] = set()
        self._changed_devices: set[str] = set()
        self._folded_seq = 0
        self._is_failing = False

    def start(self) -> None:
        """Watch from now on."""
        on = self._bus.on
        self._undo = [
            on("entity.added", self._on_entity),
            on("entity.changed", self._on_entity),
            on("entity.removed", self._on_entity),
            on("device.found", self._on_device),
            on("device.changed", self._on_device),
        ]
        self._timer = Every(self._clock, FOLD_S, self._ask)

    async def stop(self) -> None:
        """Write everything that changed."""
        for undo in self._undo:
            undo()
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            await self._task
        await self._save()

    async def settle(self) -> None:
        """Write now what waits, last states too."""
        if self._task is not None:
            await asyncio.wait([self._task])
        await self._save()

    def _on_entity(self, event: Event) -> None:
        is_added = event.type != "entity.removed"
        entity_id = event.data["entity"]
        (self._new_entities if is_added else self._gone_entities).add(entity_id)
        (self._gone_entities if is_added else self._new_entities).discard(entity_id)
        self._ask_soon()

    def _on_device(self, event: Event) -> None:
        self._changed_devices.add(event.data["device"])
        self._ask_soon()

    def _ask_soon(self) -> None:
        if not self._is_due:
            self._is_due = True
            self._clock.call_later(SETTLE_S, self._ask)

    def _ask(self) -> None:
        self._is_due = False
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._save())
        else:
            self._ask_soon()

    async def _save(self) -> None:
        added, self._new_entities = self._new_entities, set()
        gone, self._gone_entities = self._gone_entities, set()
        devices, self._changed_devices = self._changed_devices, set()
        states = [(one.id, one.state) for one in self._entities if one.state.seq > self._folded_seq]
        known = [self._entities.get(one) for one in added if one in self._entities]
        changed = [device for one in devices if (device := self._devices.find(one)) is not None]
        try:
            if known or gone:
                await self._store.save_entities(known, gone)
            if changed:
                await self._store.save_devices(changed)
            if states:
                await self._store.save_states(states)
        except StorageError as error:
            self._new_entities |= added
            self._gone_entities |= gone
            self._changed_devices |= devices
            if not self._is_failing:
                log.error("the registry cannot be written and is tried again: %s", error)  # noqa: TRY400  # a sentence
            self._is_failing = True
            return
        self._is_failing = False
        self._folded_seq = max([self._folded_seq, *(state.seq for _, state in states)])
