"""Opening what is written down: the small databases, after what is damaged among them was replaced, and the history."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from autocore.audit.chain import Reason
from autocore.audit.files import is_copied
from autocore.audit.opening import Checkpoint
from autocore.audit.retention import Keep
from autocore.audit.verdict import Mark, sentence
from autocore.backup.applying import untold
from autocore.backup.desk import Backups, Ground
from autocore.builtin.audit import Audit, Place
from autocore.builtin.journal import read_journal
from autocore.builtin.keeper import RegistryKeeper
from autocore.builtin.notifications import Notifications
from autocore.builtin.parts import Builtin
from autocore.builtin.people import People
from autocore.builtin.timekeeper import BelievableClock
from autocore.core.bus import Bus
from autocore.core.clock import Clock, Sequence, Timeline
from autocore.core.config.sections import AuditSection, Sections
from autocore.core.devices import DeviceRegistry
from autocore.core.entities import EntityRegistry
from autocore.core.host import Core
from autocore.core.mqtt.hub import MqttHub
from autocore.core.notices import Severity
from autocore.core.storage.damage import Finding
from autocore.core.storage.state import BootInfo, StateStore
from autocore.damage import Damages
from autocore.history.history import History, Waiting
from autocore.provisioning.credentials import Credentials
from autocore.rescue.keeper import SnapshotKeeper
from autocore.rescue.rescue import rescue

HISTORY, STATE = "data/history.db", "data/state.db"  # as a backup names them

Tell = Callable[[Finding], None]


@dataclass(frozen=True, slots=True)
class Records:
    """What is written down, and what knows of it."""

    store: StateStore
    keeper: RegistryKeeper
    boot: BootInfo
    sequence: Sequence
    timeline: Timeline
    history: History
    accounts: People
    audit: Audit
    builtin: Builtin


@dataclass(frozen=True, slots=True)
class Registries:
    """What is known of entities and devices, read from state.db, and who of the devices has a password at the broker."""

    store: StateStore
    boot: BootInfo
    findings: tuple[Finding, ...]
    sequence: Sequence
    bus: Bus
    entities: EntityRegistry
    devices: DeviceRegistry
    credentials: Credentials


async def open_registries(
    stack: AsyncExitStack, data: Path, clock: BelievableClock, damages: Damages, *, approves_itself: bool
) -> Registries:
    """Open state.db, begin a start, and read what was known.

    Raises:
        StorageError: it cannot be used.
    """
    store, boot, findings = await open_store(stack, data, clock)
    sequence = Sequence(boot.first_seq, store.reserve)
    bus = Bus(clock, sequence)
    entities = EntityRegistry(clock, sequence, bus, boot.number)
    newer = await asyncio.to_thread(read_journal, data, damages)
    await store.restore(entities, newer)
    devices = DeviceRegistry(clock, bus, approves_itself=approves_itself)
    devices.restore(await store.devices())
    credentials = Credentials(store.database, clock, boot.number)
    await credentials.load()
    return Registries(store, boot, findings, sequence, bus, entities, devices, credentials)


async def open_store(
    stack: AsyncExitStack, data: Path, clock: BelievableClock
) -> tuple[StateStore, BootInfo, tuple[Finding, ...]]:
    """Open state.db and begin a start; damaged files were replaced before, and the findings say by what.

    Raises:
        StorageError: it cannot be used.
    """
    rescued = await asyncio.to_thread(rescue, data)
    store = StateStore(data)
    await store.open()
    stack.push_async_callback(store.close)
    await clock.remember(store.database)
    return store, await store.begin_boot(clock, rescued.floor), rescued.findings


async def open_audit(
    stack: AsyncExitStack, known: Registries, data: Path, clock: Clock, section: AuditSection, damages: Damages
) -> Audit:
    """Go on with the audit: its chain, behind what a restore or a copy of state.db may have taken away."""
    keep = Keep(section.max_rows, section.keep_days)
    place = Place(data, damages, keep, partial(_explained, data))
    audit = Audit(known.store.database, clock, known.sequence, known.boot.number, place)
    await audit.start()
    stack.push_async_callback(audit.close)
    return audit


def _explained(data: Path) -> Reason | None:
    """Say what the gateway did to state.db itself before this start."""
    restored = untold(data)
    if restored is not None and STATE in restored.files:
        return Reason.RESTORED
    return Reason.COPY if is_copied(data) else None


def tell_of_loss(audit: Audit, bus: Bus, notifications: Notifications) -> None:
    """Have people hear when rows of the audit are missing at a start, or cannot be checked any more."""

    def tell(checkpoint: Checkpoint) -> None:
        lost = checkpoint.data.get("lost")
        mark = Mark(checkpoint.kind, 0, 0, 0, checkpoint.data)
        words = f"The audit has a gap: {sentence(mark)}. `autocore audit verify` looks at all of it"
        bus.emit("audit.gap", {"reason": checkpoint.reason.value, "lost": "?" if lost is None else lost})
        severity = Severity.WARNING if checkpoint.is_explained else Severity.ERROR
        notifications.send(words, title="AutoCore", severity=severity, source="audit", key=None)

    audit.on_loss(tell)


def keep_copies(stack: AsyncExitStack, data: Path, bus: Bus, clock: Clock) -> None:
    """Take copies of the small databases from now on, and a last one before they are closed."""
    copies = SnapshotKeeper(data, bus, clock)
    copies.start()
    stack.push_async_callback(copies.stop)


def teller(bus: Bus, notifications: Notifications, findings: Iterable[Finding]) -> Tell:
    """Give what tells people, and the event log, of what became of a damaged file; `findings` are told at once."""

    def tell(finding: Finding) -> None:
        bus.emit(finding.event, finding.data)
        severity = Severity.WARNING if finding.event == "storage.salvaged" else Severity.ERROR
        notifications.send(finding.sentence, title="AutoCore", severity=severity, source="storage", key=None)

    for finding in findings:
        tell(finding)
    return tell


async def open_history(
    stack: AsyncExitStack, hub: MqttHub, entities: EntityRegistry, *, is_suspect: bool, folder: Path, **how: Any
) -> History:
    """Open the history in the data folder and let it listen; `how` are the other arguments of `History`.

    Raises:
        StorageError: it cannot be used.
    """
    history = History(waiting=Waiting(hub.begin_commit, lambda: hub.has_unacknowledged), folder=folder, **how)
    restored = await asyncio.to_thread(untold, folder)
    await history.open(is_suspect=is_suspect, is_new=restored is not None and HISTORY not in restored.files)
    stack.push_async_callback(history.close)
    history.start()
    stack.callback(entities.on("", history.record))
    return history


async def open_backups(
    stack: AsyncExitStack, core: Core, records: Records, sections: Sections, restart: Callable[[], None]
) -> Backups:
    """Begin to make backups when they are due, and to take back what one holds; `restart` is asked for then."""
    ground = Ground(
        core.folders.config,
        core.folders.data,
        core.clock,
        records.boot.number,
        records.sequence,
        sections.autocore.name,
        settle=(records.history.flush, records.audit.flush, records.builtin.events.flush, records.keeper.settle),
        notify=lambda text: core.notify(text, title="AutoCore", severity=Severity.WARNING, source="backup", key="backup"),
        remember=records.audit.remember,
        emit=core.bus.emit,
    )
    backups = Backups(ground, sections.backup, core.store("backup"), restart)
    await backups.start()
    stack.push_async_callback(backups.stop)
    return backups
