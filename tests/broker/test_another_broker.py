"""At a broker that is not the gateway's own: what it does not hold is found out and shown, and what it counts is read."""

from __future__ import annotations

import asyncio
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from autocore.broker.figures import TOPICS
from autocore.broker.knock import knock
from autocore.broker.mosquitto import find_mosquitto
from autocore.core.mqtt.endpoint import Endpoint
from tests.conftest import Running, Start, eventually
from tests.ports import free_port

CONFIG = """
mqtt: {{broker: "mqtt://{account}127.0.0.1:{port}"}}
devices: {{approve: manual}}
logging: {{level: warning}}
"""
OPEN = ["allow_anonymous true"]
STRANGERS_READ = ["allow_anonymous true", "password_file {folder}/passwords", "acl_file {folder}/acl"]
CLOSED = ["allow_anonymous false", "password_file {folder}/passwords"]
POOR = ["allow_anonymous true", "retain_available false", "max_qos 1"]
ACCOUNT = "gateway:gateway@"

Broker = Callable[[list[str]], int]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """Start somebody's Mosquitto with these lines in its configuration, and give its port."""
    started: list[subprocess.Popen[bytes]] = []

    def begin(lines: list[str]) -> int:
        folder, port = tmp_path / "somebody", free_port()
        folder.mkdir()
        subprocess.run(["mosquitto_passwd", "-b", "-c", folder / "passwords", "gateway", "gateway"], check=True)
        (folder / "acl").write_text("topic read #\n\nuser gateway\ntopic readwrite #\ntopic readwrite $SYS/#\n")
        text = "\n".join([f"listener {port} 127.0.0.1", "sys_interval 1", "user root", *lines, ""])
        (folder / "mosquitto.conf").write_text(text.format(folder=folder))
        command = [find_mosquitto(), "-c", str(folder / "mosquitto.conf")]
        started.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        return port

    yield begin
    for process in started:
        process.terminate()
        process.wait(timeout=10)


async def listening(port: int) -> None:
    def answers() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    await eventually(answers)


async def told(gateway: Running) -> dict[str, Any]:
    answer: dict[str, Any] = (await gateway.client.get("/api/v1/broker")).json()
    return answer


async def told_who_enforces(gateway: Running) -> dict[str, Any] | None:
    found = await told(gateway)
    return None if found["enforces_accounts"] is None else found


@pytest.mark.parametrize(
    ("lines", "account", "broken"),
    [
        pytest.param(OPEN, "", {"strangers_stay_out", "strangers_cannot_command"}, id="open to everybody"),
        pytest.param(STRANGERS_READ, ACCOUNT, {"strangers_stay_out"}, id="strangers only listen"),
        pytest.param(CLOSED, ACCOUNT, set(), id="accounts"),
    ],
)
async def test_what_somebodys_broker_does_not_hold_is_found_out_and_shown(
    start: Start, broker: Broker, lines: list[str], account: str, broken: set[str]
) -> None:
    port = broker(lines)
    await listening(port)
    gateway = await start(CONFIG.format(account=account, port=port))
    inspection = gateway.gateway.broker_watch.inspection
    assert inspection is not None
    await eventually(lambda: inspection.found)
    found = await eventually(lambda: told_who_enforces(gateway), within_s=20)
    assert {name for name, is_good in found["checks"].items() if not is_good} == broken
    assert (found["is_own"], found["enforces_accounts"]) == (False, False)
    page = (await gateway.client.get("/devices")).text
    assert ("Anybody can command boards" in page) is ("strangers_cannot_command" in broken)
    assert ("Anybody enters the broker" in page) is ("strangers_stay_out" in broken)
    assert "is not enforced from here" in page
    assert (await gateway.client.get("/api/v1/devices")).json()["items"] == []  # whoever knocked left nothing


async def test_a_broker_that_cannot_do_what_the_gateway_relies_on_says_so(broker: Broker) -> None:
    port = broker(POOR)
    await listening(port)
    found = await asyncio.to_thread(knock, Endpoint("127.0.0.1", port))
    assert found is not None
    assert (found.is_in, found.retains, found.highest_qos) == (True, False, 1)


async def test_a_port_without_a_broker_says_nothing() -> None:
    assert await asyncio.to_thread(knock, Endpoint("127.0.0.1", free_port())) is None


async def test_what_the_own_broker_counts_is_shown(vehicle: Running) -> None:
    await eventually(lambda: vehicle.gateway.broker_watch.figures.known.keys() == TOPICS.keys(), within_s=25)
    await eventually(lambda: vehicle.gateway.broker_watch.figures.known["clients"], within_s=25)
    found = await told(vehicle)
    assert (found["is_own"], found["checks"], found["enforces_accounts"]) == (True, {}, True)
    assert "mosquitto" in found["figures"]["version"]
    page = (await vehicle.client.get("/monitoring")).text
    assert "mosquitto version" in page
    assert "autocore_broker_clients" in (await vehicle.client.get("/metrics")).text
