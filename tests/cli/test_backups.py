"""`autocore backup` and `autocore restore`: one command each, beside a gateway and without one."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

from autocore.backup.archive import Work
from autocore.backup.unpacking import Target, stage
from autocore.builtin.journal import read_journal
from autocore.core.bus import Bus
from autocore.core.clock import Sequence
from autocore.core.entities import EntityRegistry
from autocore.core.mqtt.endpoint import Endpoint
from autocore.core.storage.state import StateStore
from autocore.damage import Damages
from autocore.testing import FakeClock
from tests.cli.test_commands import ROOT, autocore
from tests.conftest import CONFIG, Ear, Start, eventually
from tests.ports import free_port

PASSPHRASE = "correct horse battery"


async def test_beside_a_running_gateway_it_is_asked_for_it(start: Start, tmp_path: Path) -> None:
    gateway = await start()
    data = gateway.gateway.settings.data
    ear = Ear(gateway.broker)
    ear.client.publish("autocore/telemetry/cabin/data", '{"temperature": 21.5}', qos=1)
    await eventually(lambda: gateway.has("sensor.cabin_temperature", 21.5))
    ear.close()
    done = await asyncio.to_thread(autocore, "backup", "--data", data, "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert Path(said["file"]).parent == data / "backups"
    target = tmp_path / "van.autocore-backup"
    words = ("backup", "--data", data, "--output", target, "--passphrase-stdin")
    out = await asyncio.to_thread(lambda: autocore(*words, text=f"{PASSPHRASE}\n"))
    assert (out.returncode, "read again and right" in out.stdout) == (0, True), out.stderr
    assert target.stat().st_mode & 0o777 == 0o600
    assert len(list((data / "backups").glob("*.autocore-backup"))) == 1
    again = await asyncio.to_thread(autocore, "backup", "--data", data, "--output", target)
    assert (again.returncode, "exists already; nothing was written" in again.stderr) == (1, True)
    short = await asyncio.to_thread(lambda: autocore("backup", "--data", data, "--passphrase-stdin", text="short\n"))
    assert (short.returncode, "at least 10 characters" in short.stderr) == (1, True)

    running = await asyncio.to_thread(autocore, "restore", said["file"], "--config", gateway.folder)
    assert (running.returncode, "a gateway runs on" in running.stderr) == (2, True)
    blank = tmp_path / "blank"
    words = ("restore", target, "--config", blank, "--passphrase-stdin")
    wrong = await asyncio.to_thread(lambda: autocore(*words, text="something else entirely\n"))
    assert (wrong.returncode, "the passphrase is wrong" in wrong.stderr) == (1, True)
    right = await asyncio.to_thread(lambda: autocore(*words, text=f"{PASSPHRASE}\n"))
    assert right.returncode == 0, right.stderr
    assert (blank / "config.yaml").read_text() == CONFIG
    assert (blank / "data/session.key").read_bytes() == (data / "session.key").read_bytes()


def test_without_a_gateway_the_files_are_taken_and_a_killed_one_is_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG)
    _run_until_ready(tmp_path, signal.SIGKILL)
    assert (tmp_path / "data/control.sock").exists()
    made = autocore("backup", "--config", tmp_path, "--without-history", "--json")
    assert made.returncode == 0, made.stderr
    file = json.loads(made.stdout)["file"]
    assert "-b1-" in file
    again = autocore("restore", file, "--config", tmp_path, "--json")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["aside"] == str(tmp_path / "data/before-restore-1")
    assert not (tmp_path / "data/history.db").exists()
    assert (tmp_path / "data/before-restore-1/data/history.db").exists()
    told = f"people were told: {Path(file).name} was restored; what stood there before is in before-restore-1"
    said = _run_until_ready(tmp_path, signal.SIGTERM)
    assert told in said
    assert "history.db" not in said  # that it is a new one is as it was asked for
    assert told not in _run_until_ready(tmp_path, signal.SIGTERM)  # once


def _run_until_ready(folder: Path, end: signal.Signals) -> str:
    """Run the gateway until it is ready, end it, and give what it said."""
    words = ["run", "--config", str(folder), "--http-port", str(free_port()), "--mqtt-port", str(free_port())]
    with (
        (folder / "said").open("w") as out,
        subprocess.Popen(
            [sys.executable, "-m", "autocore", *words], stdout=subprocess.PIPE, stderr=out, text=True, cwd=ROOT
        ) as run,
    ):
        assert run.stdout is not None
        assert any("Ctrl-C" in line for line in run.stdout)
        run.send_signal(end)
        run.wait(15)
    return (folder / "said").read_text()


def test_an_empty_folder_has_nothing_to_back_up(tmp_path: Path) -> None:
    nothing = autocore("backup", "--data", tmp_path / "no")
    assert (nothing.returncode, "there is no data folder" in nothing.stderr) == (2, True)
    assert not (tmp_path / "no").exists()
    (tmp_path / "data").mkdir()
    empty = autocore("backup", "--data", tmp_path / "data")
    assert (empty.returncode, "there is nothing to back up" in empty.stderr) == (2, True)


def test_what_is_no_backup_is_refused_in_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "x.autocore-backup"
    file.write_bytes(os.urandom(1_000))
    done = autocore("restore", file, "--config", tmp_path / "new")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "no backup of AutoCore" in done.stderr
    assert not (tmp_path / "new/config.yaml").exists()
    missing = autocore("restore", tmp_path / "missing", "--config", tmp_path / "none")
    assert (missing.returncode, "there is no file" in missing.stderr) == (1, True)
    assert not (tmp_path / "none").exists()


def test_a_staged_restore_is_done_at_the_next_start_and_a_gateway_that_cannot_start_takes_it_back(tmp_path: Path) -> None:
    """The configuration of the backup asks for a port that is no port on this machine's data."""
    (tmp_path / "config.yaml").write_text("autocore: {name: Old}\nlogging: {level: warning}\n")
    data = tmp_path / "data"
    assert (
        autocore(
            "user", "add", "ana", "--role", "admin", "--password-stdin", "--config", tmp_path, text=f"{PASSPHRASE}\n"
        ).returncode
        == 0
    )
    (tmp_path / "config.yaml").write_text("autocore: {name: New}\nweb: {port: never}\n")
    made = json.loads(autocore("backup", "--config", tmp_path, "--json").stdout)["file"]
    (tmp_path / "config.yaml").write_text("autocore: {name: Old}\nlogging: {level: warning}\n")
    stage(Path(made), None, Target(tmp_path, data, with_code=False), Work())
    command = [sys.executable, "-m", "autocore", "run", "--config", str(tmp_path)]
    command += ["--http-port", str(free_port()), "--mqtt-port", str(free_port())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert any("Ctrl-C" in line for line in process.stdout)
        process.terminate()
        said = process.stderr.read()
        assert process.wait(15) == 0
    assert "goes on with what it had" in said
    assert "Old" in (tmp_path / "config.yaml").read_text()
    record = json.loads((data / "before-restore-1/restore.json").read_text())
    assert (record["phase"], "web.port" in record["reason"]) == ("back", True)
    assert not (data / "restore").exists()


async def test_the_last_states_of_a_killed_gateway_are_in_its_backup(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG)
    port = free_port()
    words = ["run", "--config", str(tmp_path), "--http-port", str(free_port()), "--mqtt-port", str(port)]
    command = [sys.executable, "-m", "autocore", *words]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, cwd=ROOT)
    assert process.stdout is not None
    while b"Ctrl-C" not in await process.stdout.readline():
        pass
    ear = Ear(Endpoint("127.0.0.1", port))
    data, blank = tmp_path / "data", tmp_path / "blank"
    for celsius in (21.5, 22.5):
        ear.client.publish("autocore/telemetry/cabin/data", json.dumps({"temperature": celsius}), qos=1)
        await eventually(partial(_is_journaled, data, celsius))
    ear.close()
    process.kill()
    await process.wait()
    made = await asyncio.to_thread(autocore, "backup", "--config", tmp_path, "--json")
    assert made.returncode == 0, made.stderr
    done = await asyncio.to_thread(autocore, "restore", json.loads(made.stdout)["file"], "--config", blank)
    assert done.returncode == 0, done.stderr
    assert not list((blank / "data").glob("states.*"))
    entities = registry()
    store = StateStore(blank / "data")
    await store.open()
    await store.restore(entities)
    await store.close()
    assert entities.get("sensor.cabin_temperature").state.value == 22.5


def registry() -> EntityRegistry:
    clock, sequence = FakeClock(), Sequence(1, lambda _limit: None)
    return EntityRegistry(clock, sequence, Bus(clock, sequence), 0)


def _is_journaled(data: Path, value: float) -> bool:
    state = read_journal(data, Damages()).get("sensor.cabin_temperature")
    return state is not None and state.value == value
