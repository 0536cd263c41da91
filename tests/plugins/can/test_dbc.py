"""DBC files are read in a process of their own; what is wrong with one is one sentence."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import psutil
import pytest

from autocore.api import InvalidData
from autocore.core.cache import Cache, OwnedCache
from autocore_plugins.can import dbc as dbc_module
from autocore_plugins.can.dbc import LARGEST_BYTES, Dbc, DbcMessage, known_dbc, read_dbc
from autocore_plugins.can.dbc_child import read
from autocore_plugins.can.fields import decode
from autocore_plugins.can.frames import EXTENDED
from autocore_plugins.can.shelf import upload_name
from tests.conftest import eventually
from tests.plugins.can.samples import VEHICLE, WHEELS_ID, engine


def message(dbc: Dbc, name: str) -> DbcMessage:
    return next(one for one in dbc.messages if one.name == name)


async def test_a_file_says_what_stands_in_it() -> None:
    dbc = await read_dbc(VEHICLE.encode())
    assert {one.name: one.key for one in dbc.messages} == {
        "Engine": 291,
        "Doors": 512,
        "Wheels": WHEELS_ID | EXTENDED,
        "Spare": 768,
    }
    motor = message(dbc, "Engine")
    values = {one.name: decode(motor.meaning(one).field, engine(812.5, gear=3, pressure=3.21)) for one in motor.signals}
    assert values == {"EngineRPM": 812.5, "OilPressure": 3.21, "GearLever": 3, "Clutch": 0, "Fuel": 50.0}
    doors = message(dbc, "Doors")
    there = {one.name: doors.meaning(one).is_there(bytes([1, 9])) for one in doors.signals}
    assert there == {"Page": True, "Front": False, "Rear": True}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no DBC file"),
        (b"hello", "invalid syntax at line 1"),
        (b"\x00\xff\xfe" * 100, "no DBC file"),
        (VEHICLE.encode()[:-200] + b"BO_ x y", "invalid syntax at line"),
        (b'<?xml version="1.0"?><NetworkDefinition/>', "no DBC file"),
        (b'VERSION ""\n', "no message"),
    ],
    ids=["empty", "text", "binary", "cut off", "another format", "nothing in it"],
)
async def test_a_malformed_file_is_one_clear_sentence(content: bytes, words: str) -> None:
    with pytest.raises(InvalidData, match=words) as refused:
        await read_dbc(content)
    assert "\n" not in str(refused.value)
    assert "Traceback" not in str(refused.value)
    assert len(str(refused.value)) < 300


async def test_a_file_that_is_too_large_is_not_even_looked_at() -> None:
    with pytest.raises(InvalidData, match="at most"):
        await read_dbc(b" " * (LARGEST_BYTES + 1))


async def test_a_child_that_takes_too_much_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    greedy = tmp_path / "greedy.py"
    greedy.write_text("import sys\nsys.stdin.read()\nwhile True: sys.stdout.write('x' * 100000)\n")
    monkeypatch.setattr(dbc_module, "CHILD", greedy)
    monkeypatch.setattr(dbc_module, "LARGEST_ANSWER_BYTES", 1_000_000)
    with pytest.raises(InvalidData, match="more memory or time"):
        await read_dbc(b"x")
    idle = tmp_path / "idle.py"
    idle.write_text("import time\ntime.sleep(1000)\n")
    monkeypatch.setattr(dbc_module, "CHILD", idle)
    monkeypatch.setattr(dbc_module, "CHILD_LIMIT_S", 0.2)
    with pytest.raises(InvalidData, match="more memory or time"):
        await read_dbc(b"x")


async def test_the_child_has_limits_of_memory_time_and_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    probe = tmp_path / "probe.py"
    source = dbc_module.CHILD.read_text().replace(
        "    answer = read(",
        "    import resource as r\n"
        "    kinds = (r.RLIMIT_AS, r.RLIMIT_CPU, r.RLIMIT_FSIZE)\n"
        "    limits = [r.getrlimit(kind)[1] for kind in kinds]\n"
        "    answer = {'problem': str(limits)} if limits else read(",
    )
    probe.write_text(source)
    monkeypatch.setattr(dbc_module, "CHILD", probe)
    with pytest.raises(InvalidData, match=r"\[805306368, 30, 0\]"):
        await read_dbc(b"x")


IDLE = """import os, pathlib, sys, time
pathlib.Path(sys.argv[0]).with_suffix('.pid').write_text(str(os.getpid()))
time.sleep(1000)
"""


async def test_whoever_stops_waiting_leaves_no_child_behind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    idle, note = tmp_path / "idle.py", tmp_path / "idle.pid"
    idle.write_text(IDLE)
    monkeypatch.setattr(dbc_module, "CHILD", idle)
    task = asyncio.create_task(read_dbc(b"x"))
    pid = int(await eventually(lambda: note.exists() and note.read_text()))
    assert psutil.pid_exists(pid)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not psutil.pid_exists(pid)


def test_files_of_old_editors_are_read_too() -> None:
    answer = read(VEHICLE.replace('"%"', '"°C"').encode("cp1252"))
    units = {signal["unit"] for one in answer["messages"] for signal in one["signals"]}
    assert "°C" in units


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("vehicle.dbc", "vehicle.dbc"),
        ("My Car (2019).DBC", "my_car_2019.dbc"),
        ("../../etc/passwd.dbc", "passwd.dbc"),
        ("C:\\cars\\Old one.dbc", "old_one.dbc"),
        ("a/../.b.dbc", "b.dbc"),
    ],
)
def test_a_name_becomes_a_harmless_one(given: str, kept: str) -> None:
    assert upload_name(given) == kept


@pytest.mark.parametrize("name", ["", "vehicle", "vehicle.txt", ".dbc", "°.dbc", "..", "x.dbc\x00.txt"])
def test_a_name_of_no_dbc_file_is_refused(name: str) -> None:
    with pytest.raises(InvalidData, match=r"\.dbc"):
        upload_name(name)


async def test_the_same_bytes_are_read_by_a_child_only_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = OwnedCache(Cache(tmp_path / "cache"), "can")
    read_anew = []
    original = dbc_module.read_dbc

    async def counted(content: bytes) -> Dbc:
        read_anew.append(content)
        return await original(content)

    monkeypatch.setattr(dbc_module, "read_dbc", counted)
    first, second = [await known_dbc(VEHICLE.encode(), cache) for _ in range(2)]
    assert (first, len(read_anew)) == (second, 1)
    changed = VEHICLE.replace("EngineRPM", "EngineSpeed").encode()
    assert "EngineSpeed" in str(await known_dbc(changed, cache))
    assert len(read_anew) == 2
    for _ in range(2):
        with pytest.raises(InvalidData):
            await known_dbc(b"hello", cache)
    assert len(read_anew) == 4  # what cannot be read is asked again: it may have been memory or time
    cache.set(dbc_module._key_of(VEHICLE.encode()), '{"messages": 3}')  # what another program wrote
    assert (await known_dbc(VEHICLE.encode(), cache), len(read_anew)) == (first, 5)
    shutil.rmtree(tmp_path / "cache")
    assert (await known_dbc(VEHICLE.encode(), cache), len(read_anew)) == (first, 6)
