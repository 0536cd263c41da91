"""The command line as people and scripts use it: answers, exit codes, sentences."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.conftest import AS_AN_AUTHOR, CONFIG, PASSWORD, Ear, Start, eventually
from tests.ports import free_port

ROOT = Path(__file__).parent.parent.parent
SHOWN = ["battery", "can", "derived", "relays", "system", "telegram", "telemetry", "themes"]


def autocore(*words: str | Path, text: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "autocore", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, input=text, timeout=60, check=False, cwd=ROOT)


def test_the_example_is_valid(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text((ROOT / "config.yaml.example").read_text())
    done = autocore("check", "--config", tmp_path)
    assert (done.returncode, done.stdout) == (0, f"valid: {', '.join(SHOWN)} would run\n")
    machine = autocore("check", "--config", tmp_path, "--json")
    assert json.loads(machine.stdout) == {"valid": True, "plugins": SHOWN}


def test_every_fault_is_said_with_its_place_and_nothing_starts(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(
        "web: {prot: 80}\n"
        "relay: {}\n"
        "relays:\n"
        "  boards:\n"
        "    - device: main\n"
        "      size: 16\n"
        "      channels:\n"
        "        17: {name: Winch}\n"
        "telemetry: {sensors: [{topic: a/#/b}]}\n"
    )
    for command in ("check", "run"):
        done = autocore(command, "--config", tmp_path)
        assert (done.returncode, done.stdout) == (1, "")
        lines = done.stderr.splitlines()
        assert lines[0] == "config.yaml:1:7 web.prot: there is no key prot; did you mean port?"
    assert not (tmp_path / "data").exists()
    assert "config.yaml:2:1 relay: there is no section and no plugin relay; did you mean relays?" in lines
    assert any(re.search(r"relays\.boards\[0\].*channel 17 does not exist; the board has 16", line) for line in lines)
    assert any("telemetry.sensors[0].topic" in line and "nothing may follow #" in line for line in lines)
    assert any("telemetry.sensors[0].name" in line and "missing" in line for line in lines)


@pytest.mark.parametrize("words", [["nonsense"], ["run", "--http-port", "0"], ["user", "add", "ana"]])
def test_a_wrong_call_is_exit_code_two(words: list[str]) -> None:
    assert autocore(*words).returncode == 2


def test_users_and_tokens_work_on_the_data_folder(tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert (
        autocore("user", "add", "ana", "--role", "admin", "--password-stdin", "--data", data, text=f"{PASSWORD}\n").returncode
        == 0
    )
    weak = autocore("user", "add", "bia", "--role", "viewer", "--password-stdin", "--data", data, text="short\n")
    assert (weak.returncode, "at least 10" in weak.stderr) == (1, True)
    assert autocore("user", "list", "--data", data).stdout == "ana  admin\n"
    assert autocore("user", "passwd", "ana", "--password-stdin", "--data", data, text="four other random words\n").returncode == 0
    words = ["--user", "ana", "--scope", "read:*", "--expires", "30d", "--data", str(data), "--json"]
    made = json.loads(autocore("token", "create", "ci", *words).stdout)
    listed = json.loads(autocore("token", "list", "--data", data, "--json").stdout)
    assert listed == [{"id": made["id"], "name": "ci", "user": "ana", "scopes": ["read:*"]}]
    assert autocore("token", "create", "x", "--user", "ana", "--expires", "soon", "--data", data).returncode == 1
    assert autocore("token", "revoke", made["id"], "--data", data).returncode == 0
    assert autocore("token", "list", "--data", data).stdout == "no token yet\n"
    assert "did you mean ana?" in autocore("user", "remove", "anna", "--data", data).stderr
    assert "last administrator" in autocore("user", "remove", "ana", "--data", data).stderr
    assert "last administrator" in autocore("user", "role", "ana", "viewer", "--data", data).stderr


def test_without_a_gateway_the_sentence_says_so(tmp_path: Path) -> None:
    done = autocore("plugin", "list", "--data", tmp_path)
    assert (done.returncode, "no gateway runs" in done.stderr) == (2, True)


async def test_a_running_gateway_is_asked_over_its_control_socket(start: Start, tmp_path: Path) -> None:
    gateway = await start()
    data = gateway.folder / "data"
    assert (data / "control.sock").stat().st_mode & 0o777 == 0o600
    listed = await asyncio.to_thread(autocore, "plugin", "list", "--data", data)
    assert [line.split() for line in listed.stdout.splitlines()] == [
        [name, "running"] for name in ("relays", "system", "telemetry")
    ]
    assert "nothing changed" in (await asyncio.to_thread(autocore, "reload", "--data", data)).stdout
    (gateway.folder / "config.yaml").write_text(CONFIG.replace("every: 1s", "every: 2s"))
    assert "reloaded: system" in (await asyncio.to_thread(autocore, "reload", "--data", data)).stdout
    (gateway.folder / "config.yaml").write_text(CONFIG.replace("every: 1s", "every: never"))
    wrong = await asyncio.to_thread(autocore, "reload", "--data", data)
    assert (wrong.returncode, "system.every" in wrong.stderr) == (1, True)
    again = await asyncio.to_thread(autocore, "plugin", "reload", "relays", "--data", data)
    assert again.stdout == "relays is running\n"


async def test_two_gateways_do_not_share_a_folder_or_a_port(start: Start, tmp_path: Path) -> None:
    gateway = await start()
    same = await asyncio.to_thread(autocore, "run", "--config", tmp_path)
    assert (same.returncode, "--data" in same.stderr) == (2, True)
    words = ("run", "--config", tmp_path, "--data", tmp_path / "other", "--http-port", str(gateway.gateway.http_port))
    port = await asyncio.to_thread(autocore, *words)
    assert (port.returncode, "web.port" in port.stderr) == (2, True)


class Demo:
    """`autocore demo` as a person runs it."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.http_port, self.mqtt_port = free_port(), free_port()
        words = ["--data", str(data), "--http-port", str(self.http_port), "--mqtt-port", str(self.mqtt_port)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "autocore", "demo", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )

    def said(self) -> list[str]:
        assert self.process.stdout is not None
        lines = []
        while not lines or not lines[-1].startswith("Ctrl-C"):
            lines.append(self.process.stdout.readline())
            assert lines[-1], self.process.stderr.read() if self.process.stderr else ""
        return lines

    def get(self, path: str, token: str) -> dict[str, object]:
        request = urllib.request.Request(f"http://127.0.0.1:{self.http_port}{path}", headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            body: dict[str, object] = json.load(answer)
        return body

    def end(self) -> int:
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(timeout=10)
        for pipe in (self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()
        return code


async def test_the_demonstration_lives_ends_and_lives_again(tmp_path: Path) -> None:
    data = tmp_path / "demo"
    (data).mkdir()
    (data / "holiday.jpg").write_bytes(b"a photograph")
    demo = Demo(data)
    lines = await asyncio.to_thread(demo.said)
    assert any(re.search(r"Set-up code: [A-Z2-9]{4}-[A-Z2-9]{4}", line) for line in lines)
    autocore("user", "add", "ana", "--role", "admin", "--password-stdin", "--data", data, text=f"{PASSWORD}\n")
    token = autocore("token", "create", "ci", "--user", "ana", "--data", data).stdout.strip()

    def live() -> int:
        items = demo.get("/api/v1/entities", token)["items"]
        assert isinstance(items, list)
        return sum(one["available"] for one in items)

    await eventually(lambda: live() >= 35, within_s=15)
    ids = [one["id"] for one in demo.get("/api/v1/entities", token)["items"]]  # type: ignore[attr-defined]
    assert demo.end() == 0

    again = Demo(data)
    lines = await asyncio.to_thread(again.said)
    assert not any("Set-up code" in line for line in lines)
    assert set(ids) <= {one["id"] for one in again.get("/api/v1/entities", token)["items"]}  # type: ignore[attr-defined]
    assert (data / "holiday.jpg").exists()
    assert again.end() == 0


async def test_nothing_is_left_behind_when_the_gateway_is_killed(tmp_path: Path) -> None:
    demo = Demo(tmp_path / "demo")
    await asyncio.to_thread(demo.said)
    broker = int((tmp_path / "demo/broker/mosquitto.pid").read_text())
    demo.process.kill()
    demo.process.wait()
    await eventually(lambda: not Path(f"/proc/{broker}").exists())
    for pipe in (demo.process.stdout, demo.process.stderr):
        assert pipe is not None
        pipe.close()


async def test_virtual_devices_load_a_broker(start: Start) -> None:
    gateway = await start()
    ear = Ear(gateway.broker)
    await ear.listen("autocore/telemetry/+/data")
    words = ["--devices", "2", "--rate", "50", "--seconds", "1", "--port", str(gateway.broker.port), "--json"]
    done = await asyncio.to_thread(autocore, "simulate", *words)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["sent"] == 50
    await eventually(lambda: ear.heard.qsize() == 50)
    ear.close()
    assert ear.heard.qsize() == 50


def test_a_plugin_whose_setup_fails_is_not_valid(tmp_path: Path) -> None:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "broken.py").write_text(
        "from autocore.api import hookimpl\n\n\n@hookimpl\ndef setup(host):\n    raise ValueError('no such pin')\n"
    )
    (tmp_path / "config.yaml").write_text("broken:\n")
    done = autocore("check", "--config", tmp_path)
    assert done.returncode == 1
    assert "broken: ValueError: no such pin (broken.py:6)" in done.stderr
    assert not (tmp_path / "data").exists()


async def test_a_notice_reaches_a_running_gateway(start: Start) -> None:
    gateway = await start()
    data = gateway.folder / "data"
    done = await asyncio.to_thread(autocore, "notify", "backup", "is", "done", "--severity", "warning", "--data", data)
    assert (done.returncode, done.stdout) == (0, "told\n")

    async def came() -> bool:
        items = (await gateway.client.get("/api/v1/notices")).json()["items"]
        return any((one["text"], one["severity"]) == ("backup is done", "warning") for one in items)

    await eventually(came)


async def test_devices_are_approved_named_and_retired_beside_the_gateway(start: Start) -> None:
    gateway = await start("devices: {approve: manual}\nmqtt: {anonymous: loopback}\ntelemetry:\n")
    data = gateway.gateway.settings.data

    async def ask(*words: str) -> subprocess.CompletedProcess[str]:
        return await asyncio.to_thread(autocore, "device", *words, "--data", data)

    assert (await ask("list")).stdout == "no device was heard yet\n"
    ear = Ear(gateway.broker)
    ear.client.publish("autocore/telemetry/cabin/data", '{"temperature": 20}', qos=1)

    async def was_heard() -> bool:
        return bool((await gateway.client.get("/api/v1/devices")).json()["items"])

    await eventually(was_heard)
    assert "cabin" in (await ask("list")).stdout
    assert (await ask("approve", "cabin")).stdout == "cabin is approved\n"
    assert (await ask("name", "cabin", "Living area")).stdout == "cabin is called Living area\n"
    assert (await ask("retire", "cabin")).stdout == "cabin is retired\n"
    assert (await ask("forget", "cabin")).stdout == "cabin is forgotten\n"
    assert (await ask("list")).stdout == "no device was heard yet\n"
    ear.close()


async def test_boards_are_let_in_and_replaced_beside_the_gateway(start: Start, tmp_path: Path) -> None:
    gateway = await start("telemetry:\n")
    data = gateway.gateway.settings.data

    async def ask(*words: str) -> subprocess.CompletedProcess[str]:
        return await asyncio.to_thread(autocore, "device", *words, "--data", data)

    window = json.loads((await ask("join", "--json")).stdout)
    assert (await gateway.client.get("/api/v1/joining")).json()["password"] == window["password"]
    assert (await ask("join", "--close")).stdout == "join mode is closed\n"
    assert "autocore device approve ID" in (await ask("join")).stdout
    folder = tmp_path / "flash"
    made = await ask("add", "winch", "--grant", "display", "--output", str(folder))
    assert (made.returncode, str(folder) in made.stdout) == (0, True)
    first = json.loads((folder / "autocore.json").read_text())
    assert (first["username"], (folder / "autocore.json").stat().st_mode & 0o777) == ("winch", 0o600)
    again = await ask("replace", "winch", "--json")
    assert json.loads(again.stdout)["credentials"]["password"] != first["password"]
    wrong = await ask("replace", "winsh")
    assert (wrong.returncode, "winch" in wrong.stderr) == (1, True)
    nobody = await ask("replace", "winch", "--by", "winch")
    assert (nobody.returncode, "cannot take its own place" in nobody.stderr) == (1, True)
    odd = await ask("add", "bar", "--grant", "displai")
    assert (odd.returncode, "did you mean display?" in odd.stderr) == (1, True)


async def test_a_notice_waits_while_the_gateway_is_down(start: Start, tmp_path: Path) -> None:
    done = await asyncio.to_thread(autocore, "notify", "--data", tmp_path / "data", text="from a script\n")
    assert (done.returncode, done.stdout) == (0, "the gateway is down; the notice waits for its start\n")
    empty = await asyncio.to_thread(autocore, "notify", "--data", tmp_path / "data", text="")
    assert (empty.returncode, empty.stderr) == (1, "a notice has 1 to 2000 characters; write autocore notify 'The text'\n")
    gateway = await start()
    items = (await gateway.client.get("/api/v1/notices")).json()["items"]
    assert [one["source"] for one in items if one["text"] == "from a script"] == ["cli"]


def test_asyncapi_tells_of_the_core_and_of_the_plugins(tmp_path: Path) -> None:
    bare = json.loads(autocore("asyncapi", "--config", tmp_path).stdout)
    assert bare["asyncapi"] == "3.0.0"
    assert "autocore_devices__id__status" in bare["channels"]
    assert "autocore_relays__level2__command" not in bare["channels"]
    (tmp_path / "config.yaml").write_text("mqtt: {root: van}\nrelays: {boards: [{device: main, channels: {1: {name: A}}}]}\n")
    full = json.loads(autocore("asyncapi", "--config", tmp_path).stdout)
    command = full["channels"]["van_relays__level2__command"]
    assert command["messages"]["message"]["payload"] == {"$ref": "#/components/schemas/RelayCommand"}
    assert "ttl_ms" in full["components"]["schemas"]["RelayCommand"]["required"]
    assert full["operations"]["send_van_relays__level2__command"]["action"] == "send"


@pytest.mark.parametrize("kind", ["--single-file", None], ids=["one file", "a package"])
def test_a_new_plugin_passes_its_own_tests(tmp_path: Path, kind: str | None) -> None:
    made = autocore("plugin", "new", "fridge", "--into", tmp_path, *([kind] if kind else []))
    assert made.returncode == 0, made.stderr
    folder = tmp_path if kind else tmp_path / "autocore-fridge"
    site = tmp_path / "site"
    if not kind:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--target", str(site), "."]
        done = subprocess.run(pip, cwd=folder, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr
    tests = subprocess.run(
        [sys.executable, "-m", "pytest", "-q"],
        cwd=folder,
        env={**os.environ, **AS_AN_AUTHOR, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert tests.returncode == 0, tests.stdout
    assert "2 passed" in tests.stdout
    again = autocore("plugin", "new", "fridge", "--into", tmp_path, *([kind] if kind else []))
    assert again.returncode == 1
    assert "exists already; nothing was written" in again.stderr


@pytest.mark.parametrize("name", ["Fridge", "9lives", "mqtt", "../x", "sensor"])
def test_a_name_that_cannot_be_a_plugins_is_refused(tmp_path: Path, name: str) -> None:
    done = autocore("plugin", "new", name, "--into", tmp_path)
    assert done.returncode == 1
    assert list(tmp_path.iterdir()) == []
