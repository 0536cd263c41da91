"""The broker on the network: TLS or nothing, a name and a password or nothing; a real Mosquitto, real clients."""

from __future__ import annotations

import asyncio
import json
import ssl
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import psutil
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from autocore.core.config import load
from autocore.core.errors import ConfigFaults
from tests.conftest import Running, eventually, free_port, running


def config(**ports: int) -> str:
    return f"mqtt: {{host: 0.0.0.0, tls_port: {ports['tls']}, websockets_port: {ports['sockets']}}}\ntelemetry:\n"


class Client:
    """One attempt to enter."""

    def __init__(self, port: int, username: str, password: str, ca: Path | None, *, transport: Any = "tcp") -> None:
        self.outcome = ""
        self.client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=username, transport=transport, reconnect_on_failure=False
        )
        self.client.username_pw_set(username, password)
        if ca is not None:
            self.client.tls_set(str(ca), tls_version=ssl.PROTOCOL_TLS_CLIENT)
        self.client.on_connect = lambda _c, _d, _f, code, _p: setattr(self, "outcome", "refused" if code.is_failure else "in")
        try:
            self.client.connect("127.0.0.1", port)
        except (OSError, ssl.SSLError) as error:
            self.outcome = type(error).__name__
        self.client.loop_start()

    async def became(self) -> str:
        await eventually(lambda: self.outcome)
        return self.outcome

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


async def added(gateway: Running, device_id: str) -> dict[str, Any]:
    answer = await gateway.client.post("/api/v1/devices", json={"id": device_id})
    assert answer.status_code == 201, answer.text
    return dict(json.loads(answer.json()["files"]["autocore.json"]))


async def test_a_board_enters_with_tls_and_what_it_was_given(tmp_path: Path) -> None:
    ports = {"tls": free_port(), "sockets": free_port()}
    async with running(tmp_path, config(**ports)) as gateway:
        given = await added(gateway, "cabin")
        assert (given["tls"], given["port"]) == (True, ports["tls"])
        ca = tmp_path / "given.pem"
        ca.write_text(given["ca"])
        for port, transport in ((ports["tls"], "tcp"), (ports["sockets"], "websockets")):
            board = Client(port, "cabin", given["password"], ca, transport=transport)
            assert await board.became() == "in"
            board.client.publish("autocore/telemetry/cabin/data", json.dumps({transport: 1}), qos=1).wait_for_publish(5)
            await eventually(lambda transport=transport: gateway.has(f"sensor.cabin_{transport}", 1))
            board.close()
        wrong = Client(ports["tls"], "cabin", "wrong", ca)
        assert await wrong.became() == "refused"
        wrong.close()
        stranger = tmp_path / "data/ca/server.pem"  # a certificate that is no CA
        untrusting = Client(ports["tls"], "cabin", given["password"], stranger)
        assert await untrusting.became() == "SSLCertVerificationError"
        untrusting.close()


async def test_beyond_this_machine_nothing_is_open_without_tls(tmp_path: Path) -> None:
    ports = {"tls": free_port(), "sockets": free_port()}
    async with running(tmp_path, config(**ports)) as gateway:
        given = await added(gateway, "cabin")
        plain = Client(ports["tls"], "cabin", given["password"], None)
        await asyncio.to_thread(plain.client.loop_stop)
        assert plain.outcome != "in"
        listening = {(one.laddr.ip, one.laddr.port) for one in psutil.net_connections("inet") if one.status == "LISTEN"}
        assert ("127.0.0.1", gateway.broker.port) in listening
        assert ("0.0.0.0", gateway.broker.port) not in listening
        assert ("0.0.0.0", ports["tls"]) in listening


async def test_a_new_certificate_is_shown_without_a_restart(tmp_path: Path) -> None:
    ports = {"tls": free_port(), "sockets": free_port()}

    def shown() -> str:
        return ssl.get_server_certificate(("127.0.0.1", ports["tls"]))

    async with running(tmp_path, config(**ports)):
        before = await asyncio.to_thread(shown)
        assert before.strip() == (tmp_path / "data/ca/server.pem").read_text().strip()
    (tmp_path / "data/ca/server.pem").unlink()
    async with running(tmp_path, config(**ports)) as gateway:
        first = await asyncio.to_thread(shown)
        assert first != before
        renewal = gateway.gateway.renewal
        assert renewal is not None
        (tmp_path / "data/ca/server.pem").unlink()
        assert await renewal.look()

        async def is_new() -> bool:
            return await asyncio.to_thread(shown) not in (first, before)

        await eventually(is_new)
        async with asyncio.timeout(5):
            assert await gateway.client.get("/ready")


@pytest.mark.parametrize("text", ["mqtt: {host: 0.0.0.0, anonymous: loopback}", "mqtt: {host: everywhere}"])
def test_a_door_that_stands_open_is_a_fault_of_the_configuration(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(ConfigFaults):
        load(tmp_path)
