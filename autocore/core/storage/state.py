"""state.db: what the gateway must know again after any stop. Every method works in the database's own thread."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec
from pony import orm

from autocore.core.clock import BLOCK, Clock
from autocore.core.devices import Device
from autocore.core.entities import Entity, EntityRegistry
from autocore.core.errors import StartError, StorageError
from autocore.core.kinds import KINDS, Description, Limits
from autocore.core.model import Position, Quality, State, Value
from autocore.core.storage import models
from autocore.core.storage.database import Database

MIGRATIONS = Path(__file__).parent / "migrations"
FIRST_SEQ = 1
_KEEP_ENTITY = """
INSERT INTO entity (id, owner, kind, description, overrides) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET
    owner = excluded.owner, kind = excluded.kind, description = excluded.description, overrides = excluded.overrides
"""
FEW = 20  # entities that may go at once whatever the registry's size


@dataclass(frozen=True, slots=True)
class BootInfo:
    """One start of the gateway.

    Args:
        number: 1, 2, 3 …; the `epoch` of the protocol.
        first_seq: the first sequence number that no earlier start can have used.
        offsets: wall time minus monotonic time, by boot, of those whose clock was trusted.
    """

    number: int
    first_seq: int
    offsets: dict[int, int]


class DataFolder:
    """The folder of the databases, held by one gateway at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None
        self.was_clean = True
        """Whether the gateway before this one let go of the folder; False after a crash or a power cut."""

    def make(self) -> Path:
        """Make the folder, for its owner only.

        Raises:
            StartError: it cannot be made or written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise StartError(f"the data folder {self.path} cannot be made: {error.strerror}; name another with --data") from error
        if not os.access(self.path, os.W_OK | os.X_OK):
            raise StartError(f"the data folder {self.path} cannot be written; change its owner or name another with --data")
        return self.path

    def hold(self) -> None:
        """Hold the folder until `let_go` or the end of the process; raises StartError when another gateway does."""
        file = self.make() / "autocore.lock"
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
        left = os.fstat(descriptor).st_size
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            pid = os.read(descriptor, 20).decode(errors="replace").strip()
            os.close(descriptor)
            raise StartError(
                f"a gateway runs on {self.path} already (pid {pid}); stop it, or name another folder with --data"
            ) from error
        self.was_clean = left == 0
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        self._lock = descriptor

    def let_go(self, *, is_clean: bool = True) -> None:
        """Let another gateway have the folder; with `is_clean` False it still sees that somebody did not stop as they should."""
        if self._lock is not None:
            if is_clean:
                os.ftruncate(self._lock, 0)
            os.close(self._lock)
            self._lock = None


class StateStore:
    """The registries, last states, users and settings on disk.

    Args:
        folder: the data folder.
    """

    def __init__(self, folder: Path) -> None:
        self.database = Database("state", folder / "state.db")

    async def open(self) -> None:
        """Open and migrate the file; raises StorageError when it cannot be used."""
        await self.database.open(MIGRATIONS / "state", models.define)

    async def close(self) -> None:
        """Finish what was asked for and close the file."""
        await self.database.close()

    async def begin_boot(self, clock: Clock, floor: tuple[int, int] = (0, 0)) -> BootInfo:
        """Note that the gateway starts, and give the start's number.

        Args:
            clock: says what time it is.
            floor: boot and sequence number that a state.db which was lost may have given out.
        """
        db = self.database.pony
        wall_ns, quality = clock.wall_ns()
        started_ns = clock.monotonic_ns()

        def work() -> BootInfo:
            number = max(orm.max(boot.number for boot in db.Boot) or 0, floor[0]) + 1
            db.Boot(
                number=number,
                machine_boot=_machine_boot(),
                started_ns=started_ns,
                offset_ns=None if wall_ns is None else wall_ns - started_ns,
                quality=quality.value,
            )
            known = orm.select((boot.number, boot.offset_ns) for boot in db.Boot if boot.offset_ns is not None)[:]
            limit = db.Setting.get(owner="core", name="seq_limit")
            first_seq = max(int(limit.value) if limit else FIRST_SEQ, floor[1])
            _put(db, "core", "seq_limit", first_seq + BLOCK)
            return BootInfo(number, first_seq, dict(known))

        return await self.database.run(work)

    async def learn_offset(self, boot: int, offset_ns: int, quality: Quality) -> None:
        """Note how wall time and monotonic time of a boot belong together; this dates all its rows."""
        db = self.database.pony

        def work() -> None:
            db.Boot[boot].set(offset_ns=offset_ns, quality=quality.value)

        await self.database.run(work)

    def reserve(self, limit: int) -> None:
        """Make durable, soon, that sequence numbers below `limit` may be used."""
        self.database.submit(lambda: _put(self.database.pony, "core", "seq_limit", limit))

    async def get(self, owner: str, name: str) -> Any:
        """Give a setting, None when it was never set."""
        db = self.database.pony

        def work() -> Any:
            row = db.Setting.get(owner=owner, name=name)
            return None if row is None else json.loads(row.value)

        return await self.database.run(work)

    async def set(self, owner: str, name: str, value: Any) -> None:
        """Keep a setting, JSON types only; None deletes it."""
        await self.database.run(lambda: _put(self.database.pony, owner, name, value))

    async def restore(self, entities: EntityRegistry, newer: Mapping[str, State] | None = None) -> None:
        """Put every entity that was known back into the registry, unavailable, with its last value.

        Args:
            entities: the registry, empty.
            newer: what a journal knows of the last states; of two the one with the higher sequence number holds.
        """
        db = self.database.pony

        def work() -> list[tuple[str, str, str, str, str, State | None]]:
            states = {row.entity: _state(row) for row in db.LastState.select()}
            return [
                (row.id, row.owner, row.kind, row.description, row.overrides, states.get(row.number))
                for row in db.EntityRow.select()
            ]

        for entity_id, owner, kind, description, overrides, state in await self.database.run(work):
            if kind in KINDS:
                words = _with_limits(json.loads(overrides))
                told = (newer or {}).get(entity_id)
                last = told if told is not None and (state is None or told.seq > state.seq) else state
                entities.restore(entity_id, owner, _described(kind, description), last, words)

    async def save_entities(self, known: Iterable[Entity], gone: Iterable[str] = ()) -> None:
        """Keep these entities, and forget those with the ids `gone`.

        Raises:
            StorageError: the disk does not take it, or most of the registry would be forgotten at once: then nothing was.
        """
        db = self.database.pony
        rows = [(one.id, one.owner, one.kind, _json(asdict(one.own)), _json(dict(one.overrides))) for one in known]
        lost = list(gone)

        def work() -> None:
            connection = db.get_connection()
            (amount,) = connection.execute("SELECT count(*) FROM entity").fetchone()
            if len(lost) > max(FEW, amount // 2):
                raise StorageError(f"{len(lost)} of {amount} entities would be forgotten at once; none was, look why they go")
            connection.executemany(_KEEP_ENTITY, rows)
            which = "(SELECT number FROM entity WHERE id = ?)"
            connection.executemany(f"DELETE FROM last_state WHERE entity = {which}", [(one,) for one in lost])  # noqa: S608  # above
            connection.executemany("DELETE FROM entity WHERE id = ?", [(one,) for one in lost])

        await self.database.run(work)

    async def save_states(self, states: Sequence[tuple[str, State]]) -> None:
        """Keep the last states of entities."""
        db = self.database.pony
        rows = [(_json(one.value), one.changed_ns, one.updated_ns, one.boot, one.seq, entity) for entity, one in states]
        sql = "INSERT OR REPLACE INTO last_state SELECT number, ?, ?, ?, ?, ? FROM entity WHERE id = ?"

        def work() -> None:
            db.get_connection().executemany(sql, rows)

        await self.database.run(work)

    async def devices(self) -> list[Device]:
        """Give the devices that were known."""
        db = self.database.pony
        facts = await self.database.run(lambda: [row.facts for row in db.DeviceRow.select()])
        return [msgspec.json.decode(one, type=Device) for one in facts]

    async def save_devices(self, devices: Sequence[Device], gone: Sequence[str] = ()) -> None:
        """Keep what is known of these devices, and forget those with the ids `gone`."""
        db = self.database.pony
        rows = [(one.id, msgspec.json.encode(one).decode()) for one in devices]

        def work() -> None:
            connection = db.get_connection()
            connection.executemany("INSERT OR REPLACE INTO device VALUES (?, ?)", rows)
            connection.executemany("DELETE FROM device WHERE id = ?", [(one,) for one in gone])

        await self.database.run(work)


class KeyValue:
    """The key-value store of one plugin: JSON values that survive a restart."""

    def __init__(self, store: StateStore, owner: str) -> None:
        self._store = store
        self._owner = owner

    async def get(self, name: str, default: Any = None) -> Any:
        """Give a value, or `default` when it was never set."""
        value = await self._store.get(self._owner, name)
        return default if value is None else value

    async def set(self, name: str, value: Any) -> None:
        """Keep a value of JSON types; it is on disk when this returns. None deletes it."""
        await self._store.set(self._owner, name, value)


def _put(db: Any, owner: str, name: str, value: Any) -> None:
    row = db.Setting.get(owner=owner, name=name)
    if value is None:
        if row is not None:
            row.delete()
    elif row is None:
        db.Setting(owner=owner, name=name, value=json.dumps(value))
    else:
        row.value = json.dumps(value)


def _state(row: Any) -> State:
    return State(
        _value(json.loads(row.value)),
        available=False,
        changed_ns=row.changed_ns,
        updated_ns=row.updated_ns,
        boot=row.boot,
        seq=row.seq,
    )


def _described(kind: str, text: str) -> Description:
    facts = json.loads(text)
    known = {name: value for name, value in facts.items() if name in KINDS[kind].__dataclass_fields__}
    for name, value in known.items():
        if isinstance(value, list):  # JSON has no tuples
            known[name] = tuple(value)
    return KINDS[kind](**_with_limits(known))


def _with_limits(facts: dict[str, Any]) -> dict[str, Any]:
    if facts.get("limits") is not None:
        facts["limits"] = Limits(**facts["limits"])
    return facts


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _value(stored: Any) -> Value:
    return Position(**stored) if isinstance(stored, dict) else stored


def _machine_boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError as error:
        raise StorageError(f"the kernel does not tell its boot id: {error.strerror}") from error
