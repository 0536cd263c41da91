"""Keeps the registries on disk: new entities and devices at once; last states within a second.

They go to the journal, and are folded into state.db every 30 seconds and at the stop.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial

from autocore.builtin.journal import StateJournal
from autocore.core.bus import Bus, Event
from autocore.core.clock import Clock
from autocore.core.devices import DeviceRegistry
from autocore.core.entities import EntityRegistry
from autocore.core.errors import StorageError
from autocore.core.scheduler import Every
from autocore.core.storage.state import StateStore

FOLD_S = 30.0  # decisions.md, Last states
JOURNAL_S = 1.0  # decisions.md, Last states
RETRY_S = 2.0
SETTLE_S = 0.2  # many entities come at once; one write for all

log = logging.getLogger("autocore.storage")


class RegistryKeeper:
    """Watches the registries and writes what changed.

    Args:
        store: state.db.
        journal: of the last states.
        entities: whose registry and states are kept.
        devices: whose registry is kept.
        bus: tells what changed.
        clock: times the writes.
    """

    def __init__(
        self,
        store: StateStore,
        journal: StateJournal,
        entities: EntityRegistry,
        devices: DeviceRegistry,
        bus: Bus,
        clock: Clock,
    ) -> None:
        self._store = store
        self._journal = journal
        self._disk = asyncio.Lock()  # one thread at a time works on the journal
        self._registry = asyncio.Lock()  # who waits for the registry waits for what another is writing too
        self._entities = entities
        self._devices = devices
        self._bus = bus
        self._clock = clock
        self._undo: list[Callable[[], None]] = []
        self._timer: Every | None = None
        self._task: asyncio.Task[None] | None = None
        self._is_due = self._is_wanted = self._is_over = False
        self._new_entities: set[str] = set()
        self._gone_entities: set[str] = set()
        self._changed_devices: set[str] = set()
        self._folded_seq = 0
        self._journaled_seq = 0
        self._has_old_journal = False
        self._journaling: asyncio.Task[None] | None = None
        self._journal_timer: Every | None = None
        self.is_failing = False
        """Whether the disk did not take the registry or the last states."""
        self._is_journal_failing = False

    def start(self) -> None:
        """Watch from now on."""
        on = self._bus.on
        self._undo = [
            on("entity.added", self._on_entity),
            on("entity.changed", self._on_entity),
            on("entity.removed", self._on_entity),
            on("device.found", self._on_device),
            on("device.changed", self._on_device),
            on("device.forgotten", self._on_device),
        ]
        self._timer = Every(self._clock, FOLD_S, self._ask)
        self._journal_timer = Every(self._clock, JOURNAL_S, self._on_second)

    async def stop(self) -> None:
        """Write everything that changed."""
        self._is_over = True
        for undo in self._undo:
            undo()
        for timer in (self._timer, self._journal_timer):
            if timer is not None:
                timer.cancel()
        for task in (self._task, self._journaling):
            if task is not None:
                await task
        await self._save()
        if not self.is_failing:
            await self._on_disk(self._journal.close)

    async def saved(self) -> None:
        """Return once what is known of entities and devices is on disk, so that it can be promised.

        Raises:
            StorageError: the disk takes nothing; it is tried again by itself.
        """
        await self._save_registry()

    def _on_second(self) -> None:
        if self._journaling is None or self._journaling.done():
            self._journaling = asyncio.get_running_loop().create_task(self._write_journal())

    async def _write_journal(self) -> None:
        states = [(one.id, one.state) for one in self._entities.changed_since(self._journaled_seq)]
        if not states:
            return
        is_written = await self._on_disk(partial(self._journal.append, states))
        self._journaled_seq = max(state.seq for _, state in states) if is_written else self._folded_seq

    async def _on_disk(self, work: Callable[[], None]) -> bool:
        async with self._disk:
            try:
                await asyncio.to_thread(work)
            except StorageError as error:
                if not self._is_journal_failing:
                    log.error("the last states cannot be journaled and are tried again: %s", error)  # noqa: TRY400  # a sentence
                self._is_journal_failing = True
                return False
            self._is_journal_failing = False
            return True

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
        self._is_wanted = True
        if not self._is_over and (self._task is None or self._task.done()):
            self._task = asyncio.get_running_loop().create_task(self._save_what_is_wanted())

    async def _save_what_is_wanted(self) -> None:
        while self._is_wanted:
            self._is_wanted = False
            await self._save()

    async def _save(self) -> None:
        if not self._has_old_journal:  # after a failed fold both files are still needed
            self._has_old_journal = await self._on_disk(self._journal.turn)
        states = [(one.id, one.state) for one in self._entities.changed_since(self._folded_seq)]
        try:
            await self._save_registry()
            if states:
                await self._store.save_states(states)
        except StorageError as error:
            if not self.is_failing:
                log.error("the registry cannot be written and is tried again: %s", error)  # noqa: TRY400  # a sentence
            self.is_failing = True
            self._clock.call_later(RETRY_S, self._ask)
            return
        self.is_failing = False
        self._folded_seq = max([self._folded_seq, *(state.seq for _, state in states)])
        if self._has_old_journal and await self._on_disk(self._journal.folded):
            self._has_old_journal = False

    async def _save_registry(self) -> None:
        async with self._registry:
            added, self._new_entities = self._new_entities, set()
            gone, self._gone_entities = self._gone_entities, set()
            devices, self._changed_devices = self._changed_devices, set()
            known = [self._entities.get(one) for one in added if one in self._entities]
            changed = [device for one in devices if (device := self._devices.find(one)) is not None]
            forgotten = [one for one in devices if self._devices.find(one) is None]
            try:
                if known or gone:
                    await self._store.save_entities(known, gone)
                if devices:
                    await self._store.save_devices(changed, forgotten)
            except StorageError:
                self._new_entities |= added - self._gone_entities
                self._gone_entities |= gone - self._new_entities
                self._changed_devices |= devices
                raise
