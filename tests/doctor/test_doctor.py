"""The doctor finds what is wrong with a vehicle's data, says what to do, and leaves every byte as it was."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from autocore.core.clock import NS, SystemClock
from autocore.core.config.sections import MqttSection
from autocore.core.model import Quality
from autocore.doctor import databases, folder, machine
from autocore.doctor.finding import Finding, Level, age, size
from autocore.doctor.visit import visit
from autocore.testing import Car
from tests.conftest import Start
from tests.ports import free_port

ROOT = Path(__file__).parent.parent.parent


def found(car_folder: Path) -> dict[str, Finding]:
    """Give the worst finding of each part."""
    rank = list(Level)
    worst: dict[str, Finding] = {}
    for one in visit(car_folder, car_folder / "data"):
        if one.part not in worst or rank.index(one.level) > rank.index(worst[one.part].level):
            worst[one.part] = one
    return worst


def wrong(car_folder: Path) -> dict[str, str]:
    return {one.part: one.text for one in found(car_folder).values() if one.level is Level.PROBLEM}


def bytes_of(place: Path) -> dict[str, tuple[str, int]]:
    files = [file for file in place.rglob("*") if file.is_file()]
    return {str(one): (hashlib.sha256(one.read_bytes()).hexdigest(), one.stat().st_mtime_ns) for one in files}


@pytest.fixture
async def parked(car: Car) -> Path:
    """A vehicle that was driven and stands still now: its folder."""
    await car.start("telemetry:\ntelegram:\n")
    car.publish("autocore/telemetry/cabin/data", {"temperature": 21})
    await car.advance(60)
    await car.stop()
    car.folder.joinpath("data").chmod(0o700)
    return car.folder


async def test_a_healthy_vehicle_has_no_problem_and_not_a_byte_is_changed(parked: Path) -> None:
    before = bytes_of(parked)
    worst = found(parked)
    assert wrong(parked) == {}
    assert bytes_of(parked) == before
    assert worst["state.db"].text.endswith("sound")
    assert worst["plugins/telegram.db"].level is Level.OK
    assert worst["gateway"].text == "none runs on this folder"
    assert worst["backups"].level is Level.WARNING


async def test_beside_a_running_gateway_it_looks_and_changes_nothing(start: Start) -> None:
    gateway = await start()
    worst = {one.part: one for one in visit(gateway.folder, gateway.folder / "data") if one.part in ("gateway", "state.db")}
    assert worst["gateway"].text == f"it runs (pid {os.getpid()}) but does not answer on control.sock: timed out"  # our own loop
    assert (worst["state.db"].level, "sound" in worst["state.db"].text) == (Level.OK, True)
    command = [sys.executable, "-m", "autocore", "doctor", "--json", "--config", str(gateway.folder)]
    done = await _run(command)
    said = {one["part"]: one for one in json.loads(done)["findings"]}
    assert said["gateway"]["text"] == f"it runs (pid {os.getpid()}) and everything in it is ready"


async def _run(command: list[str]) -> bytes:
    import asyncio  # noqa: PLC0415  # only here

    child = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, cwd=ROOT)
    said, _ = await child.communicate()
    return said


def test_an_empty_folder_is_no_fault_and_a_missing_one_is(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("telemetry:\n")
    assert wrong(tmp_path) == {"data folder": f"{tmp_path / 'data'} is not there"}
    (tmp_path / "data").mkdir(mode=0o700)
    assert wrong(tmp_path) == {}
    assert found(tmp_path)["state.db"].text == "it is not there yet; the gateway makes it at its first start"
    assert list((tmp_path / "data").iterdir()) == []


def _nonsense(file: Path) -> None:
    file.write_bytes(b"no database " * 1_000)


def _hole(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[4096 : 4096 * 3] = bytes(4096 * 2)
    file.write_bytes(content)


def _cut(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


@pytest.mark.parametrize("damage", [_nonsense, _hole, _cut])
async def test_a_damaged_database_is_a_problem_and_stays_as_it_is(parked: Path, damage: Callable[[Path], None]) -> None:
    damage(parked / "data" / "state.db")
    before = bytes_of(parked)
    said = wrong(parked)["state.db"]
    assert "damaged" in said
    assert "\n" not in said
    assert "start the gateway" in found(parked)["state.db"].todo
    assert bytes_of(parked) == before


async def test_a_database_of_a_newer_program_is_a_problem(parked: Path) -> None:
    for name, component in (("state.db", "state"), ("plugins/telegram.db", "telegram")):
        with sqlite3.connect(parked / "data" / name) as connection:
            connection.execute("UPDATE schema_version SET version = 99 WHERE component = ?", (component,))
        assert "its version is 99, this AutoCore knows" in wrong(parked)[name]


async def test_a_database_of_an_older_program_is_none(parked: Path) -> None:
    with sqlite3.connect(parked / "data" / "state.db") as connection:
        connection.execute("UPDATE schema_version SET version = 1")
    assert "the next start makes it version" in found(parked)["state.db"].text
    assert wrong(parked) == {}


async def test_a_log_that_a_killed_gateway_left_is_read_in_a_copy(parked: Path) -> None:
    file = parked / "data" / "state.db"
    writer = sqlite3.connect(file)  # it stays open, so its log stays: as if the gateway had been killed
    writer.execute("PRAGMA journal_mode = WAL")
    writer.execute("UPDATE schema_version SET version = 99")
    writer.commit()
    before = bytes_of(parked)
    assert "its version is 99" in wrong(parked)["state.db"]  # it stands in the log only
    assert bytes_of(parked) == before
    writer.close()


async def test_a_check_that_takes_too_long_ends_and_says_so(parked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(databases, "CHECK_S", -1.0)
    monkeypatch.setattr(databases, "STEPS", 1)
    assert "sound as far as it was read" in found(parked)["state.db"].text


async def test_secrets_that_others_can_read_are_a_problem(parked: Path) -> None:
    data = parked / "data"
    data.chmod(0o755)
    (data / "session.key").chmod(0o644)
    worst = found(parked)
    assert worst["data folder"].todo == f"chmod 700 {data}"
    assert wrong(parked) == {"session.key": "others can read this secret"}
    assert worst["session.key"].todo == f"chmod 600 {data / 'session.key'}"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
async def test_files_of_another_user_are_a_problem(parked: Path) -> None:
    os.chown(parked / "data" / "history.db", 12_345, -1)
    assert wrong(parked)["owner"] == "1 files do not belong to root, e.g. history.db"


async def test_copies_and_what_was_set_aside_are_told_with_their_age(parked: Path) -> None:
    data = parked / "data"
    (data / "state.db.damaged-3").write_bytes(b"x" * 2_000)
    (data / "backups").mkdir()
    backup = data / "backups" / "auto-000001-b1-s1.autocore-backup"
    backup.write_bytes(b"x")
    os.utime(backup, (time.time() - 40 * 86_400,) * 2)
    shutil.rmtree(data / "snapshots", ignore_errors=True)  # the gateway made the first of its own, or was not there long enough
    (data / "snapshots").mkdir()
    (data / "snapshots" / "state-1.db").write_bytes(b"x")
    said = {one.part: one for one in folder.look_at_copies(data, is_clock_right=True)}
    assert said["set aside"].text == "damaged files were set aside: state.db.damaged-3 (2.0 kB)"
    assert (said["backups"].level, said["backups"].text) == (
        Level.WARNING,
        "1, the newest auto-000001-b1-s1.autocore-backup, 40 days old",
    )
    assert said["snapshots"].text == "1, the newest state-1.db, less than a minute old"
    unset = {one.part: one for one in folder.look_at_copies(data, is_clock_right=False)}
    assert (unset["backups"].level, "not known" in unset["backups"].text) == (Level.OK, True)


@pytest.mark.parametrize(
    ("free", "level"), [(50_000_000, "problem"), (300_000_000, "warning"), (900_000_000, "ok")], ids=["full", "tight", "roomy"]
)
def test_the_room_on_the_disk_is_held_against_the_quota(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, level: str
) -> None:
    monkeypatch.setattr(folder.shutil, "disk_usage", lambda place: type("Usage", (), {"free": free}))
    (one,) = folder.look_at_room(tmp_path, 500_000_000)
    assert one.level is Level(level)


@pytest.mark.parametrize(
    ("boots", "words"),
    [
        ([(1, "a", 0, 100 * NS, "ntp"), (2, "a", 9, 101 * NS, "ntp")], []),
        ([(1, "a", 0, 100 * NS, "rtc"), (2, "a", 9, 86_500 * NS, "ntp")], ["1 day forward from start 1 to 2"]),
        ([(4, "a", 0, 90_000 * NS, "ntp"), (5, "b", 0, 0, "rtc")], ["1 day back from start 4 to 5"]),
        ([(4, "a", 0, 0, "ntp"), (5, "b", 0, 90_000 * NS, "rtc")], []),
        ([(4, "a", 0, None, "unset"), (5, "a", 0, 0, "rtc")], []),
    ],
    ids=["drift", "a jump", "back after a stop", "a vehicle that stood", "no time"],
)
def test_a_clock_that_jumped_between_starts_is_told(boots: list[machine.Boot], words: list[str]) -> None:
    said = [one for one in machine.look_at_clock(boots) if "jumped" in one.text]
    assert [one.text for one in said] == [f"it jumped between starts: {'; '.join(words)}"] * bool(words)


@pytest.mark.parametrize(("quality", "level"), [(Quality.UNSET, "warning"), (Quality.RTC, "ok"), (Quality.NTP, "ok")])
def test_how_far_the_clock_can_be_trusted_is_told(monkeypatch: pytest.MonkeyPatch, quality: Quality, level: str) -> None:
    wall = None if quality is Quality.UNSET else 1_790_000_000 * NS
    monkeypatch.setattr(SystemClock, "wall_ns", lambda self: (wall, quality))
    (one,) = machine.look_at_clock([])
    assert one.level is Level(level)


def test_a_broker_that_does_not_answer_or_is_not_installed_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    (away,) = machine.look_at_broker(MqttSection(broker=f"mqtt://user:secret@127.0.0.1:{free_port()}"))
    assert (away.level, "does not answer" in away.text, "secret" in away.text) == (Level.PROBLEM, True, False)
    (here,) = machine.look_at_broker(MqttSection())
    assert here.text.startswith("mosquitto version 2")
    monkeypatch.setattr("shutil.which", lambda *words, **more: None)
    (missing,) = machine.look_at_broker(MqttSection())
    assert (missing.level, missing.todo) == (Level.PROBLEM, "sudo apt-get install mosquitto")


def test_the_command_says_what_to_do_and_its_exit_code_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("telemetrie:\n")
    (tmp_path / "data").mkdir(mode=0o700)
    command = [sys.executable, "-m", "autocore", "doctor", "--config", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=60)
    assert done.returncode == 1
    assert "problem  configuration: config.yaml:1:1 telemetrie: there is no section and no plugin telemetrie" in done.stdout
    assert "         do: correct that place" in done.stdout
    (tmp_path / "config.yaml").write_text("telemetry:\n")
    machine_said = subprocess.run([*command, "--json"], capture_output=True, text=True, check=False, cwd=ROOT, timeout=60)
    said = json.loads(machine_said.stdout)
    assert (machine_said.returncode, said["problems"]) == (0, 0)
    assert {"part", "level", "text", "todo"} == set(said["findings"][0])


def test_amounts_are_said_as_people_read_them() -> None:
    assert [size(one) for one in (12, 1_500, 4_200_000, 84_300_000_000)] == ["12 bytes", "1.5 kB", "4.2 MB", "84.3 GB"]
    assert [age(one) for one in (3, 60, 7_300, 90_000)] == ["less than a minute", "1 minute", "2 hours", "1 day"]


async def test_an_audit_that_somebody_touched_is_a_problem_and_a_named_gap_a_warning(parked: Path) -> None:
    data = parked / "data"
    assert found(parked)["audit"].level is Level.OK
    before = bytes_of(data)
    found(parked)
    assert bytes_of(data) == before
    connection = sqlite3.connect(data / "state.db", isolation_level=None)
    connection.execute("UPDATE audit SET boot = 77 WHERE seq = (SELECT min(seq) FROM audit)")
    assert "is not as it was written" in wrong(parked)["audit"]
    connection.execute("UPDATE audit SET boot = 1 WHERE seq = (SELECT min(seq) FROM audit)")
    assert found(parked)["audit"].level is Level.OK
    connection.close()
    (data / "audit.head").unlink()
    assert "audit.head is missing" in wrong(parked)["audit"]
