"""A crash costs at most a second of last states, and a damaged journal costs only its end."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autocore.builtin.journal import FILES, StateJournal, read_journal
from autocore.builtin.keeper import RegistryKeeper
from autocore.core.bus import Bus
from autocore.core.clock import Sequence
from autocore.core.devices import DeviceRegistry
from autocore.core.entities import EntityRegistry
from autocore.core.errors import StorageError
from autocore.core.kinds import Sensor
from autocore.core.model import Position, State
from autocore.core.storage.state import StateStore
from autocore.damage import Damages
from autocore.testing import FakeClock

VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=20), st.just(Position(1.5, -2.25, 3.0))
)


def state(seq: int, value: object = 1.5) -> State:
    return State(value, available=seq % 2 == 0, changed_ns=seq * 900, updated_ns=seq * 1_000, boot=3, seq=seq)  # type: ignore[arg-type]


@settings(max_examples=40)
@given(values=st.lists(st.tuples(st.sampled_from("abcd"), VALUES), max_size=30), cut=st.integers(0, 2_000))
def test_what_was_appended_before_a_cut_is_read(values: list, cut: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("journal")
    journal = StateJournal(folder)
    expected: dict[str, State] = {}
    ends: list[tuple[int, dict[str, State]]] = [(0, {})]
    for seq, (name, value) in enumerate(values, 1):
        journal.append([(f"sensor.{name}", state(seq, value))])
        expected = expected | {f"sensor.{name}": state(seq, value)}
        ends.append((journal.bytes_written, expected))
    file = folder / FILES[0]
    if not values:
        assert read_journal(folder, Damages()) == {}
        return
    file.write_bytes(file.read_bytes()[:cut])
    kept = [told for end, told in ends if end <= cut][-1]
    found = read_journal(folder, Damages())
    assert {name: one.seq for name, one in found.items()} == {name: one.seq for name, one in kept.items()}
    for name, one in found.items():
        assert one == kept[name] or isinstance(kept[name].value, int)  # a number beyond 64 bits becomes a double


def test_a_flipped_byte_ends_the_reading_where_it_is_and_the_file_is_kept(tmp_path: Path) -> None:
    journal = StateJournal(tmp_path)
    for seq in range(1, 5):
        journal.append([("sensor.a", state(seq))])
    data = bytearray((tmp_path / FILES[0]).read_bytes())
    data[journal.bytes_written // 2 + 12] ^= 1
    (tmp_path / FILES[0]).write_bytes(data)
    damages = Damages()
    assert read_journal(tmp_path, damages)["sensor.a"].seq == 2
    assert "states.0.damaged-1" in damages.sentences[0]
    assert (tmp_path / "states.0.damaged-1").read_bytes() == data
    (tmp_path / FILES[1]).write_bytes(b"photograph" * 20)
    assert read_journal(tmp_path, damages) == {}
    assert len(damages.sentences) == 2


def test_zeros_at_the_end_are_what_a_power_cut_leaves(tmp_path: Path) -> None:
    StateJournal(tmp_path).append([("sensor.a", state(1))])
    file = tmp_path / FILES[0]
    file.write_bytes(file.read_bytes() + bytes(4096))
    damages = Damages()
    assert read_journal(tmp_path, damages)["sensor.a"].seq == 1
    assert damages.sentences == []


def test_a_folder_that_is_gone_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be written"):
        StateJournal(tmp_path / "gone").append([("sensor.a", state(1))])


async def test_a_gateway_that_is_killed_knows_the_last_second_but_one(tmp_path: Path) -> None:
    clock, sequence = FakeClock(), Sequence(1, lambda limit: None)
    bus = Bus(clock, sequence)
    store = StateStore(tmp_path)
    await store.open()
    entities = EntityRegistry(clock, sequence, bus, boot=1)
    keeper = RegistryKeeper(store, StateJournal(tmp_path), entities, DeviceRegistry(clock, bus, approves_itself=True), bus, clock)
    keeper.start()
    oil = entities.add("telemetry", Sensor("oil"))
    oil.set(1.0)
    clock.advance(0.3)
    assert keeper._task is not None
    await keeper._task
    for value in (2.0, 3.0):
        oil.set(value)
        clock.advance(1)
        assert keeper._journaling is not None
        await keeper._journaling
    again = EntityRegistry(clock, sequence, bus, boot=2)  # killed here
    await store.restore(again, read_journal(tmp_path, Damages()))
    assert (again.get("sensor.oil").state.value, again.get("sensor.oil").state.available) == (3.0, False)
    for turn in range(35):
        oil.set(float(turn))
        clock.advance(1)
        for task in (keeper._journaling, keeper._task):
            await asyncio.wait_for(task, 5)  # type: ignore[arg-type]  # both ran before
    assert sum((tmp_path / name).exists() for name in FILES) == 1
    await keeper.stop()
    assert not any((tmp_path / name).exists() for name in FILES)
    last = EntityRegistry(clock, sequence, bus, boot=3)
    await store.restore(last)
    assert last.get("sensor.oil").state.value == 34.0
    await store.close()


async def test_most_of_a_registry_is_not_forgotten_at_once(tmp_path: Path) -> None:
    clock, sequence = FakeClock(), Sequence(1, lambda limit: None)
    store = StateStore(tmp_path)
    await store.open()
    entities = EntityRegistry(clock, sequence, Bus(clock, sequence), boot=1)
    known = [entities.add("telemetry", Sensor(f"s{number}")) for number in range(60)]
    await store.save_entities(known)
    with pytest.raises(StorageError, match="40 of 60"):
        await store.save_entities([], [one.id for one in known[:40]])
    await store.save_entities([], [one.id for one in known[:20]])
    again = EntityRegistry(clock, sequence, Bus(clock, sequence), boot=2)
    await store.restore(again)
    assert len(again) == 40
    await store.close()
