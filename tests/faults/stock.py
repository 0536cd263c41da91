"""A data folder full of typical things, as a killed gateway leaves it: made once, copied for every damage."""

from __future__ import annotations

import random
import shutil
import time
from pathlib import Path

import httpx

from tests.faults.gateway import GatewayProcess, until
from tests.faults.promise import Promises
from tests.faults.traffic import People, Stream

CONFIG = """
mqtt: {anonymous: loopback}
devices: {approve: automatic}
history: {flush_s: 1}
logging: {level: warning}
telemetry:
telegram:
"""
ENTITY = "sensor.stream_1_n"
READINGS = 3_000
NAME = "What the owner calls it"


def stock(folder: Path) -> Path:
    """Fill a folder by a real gateway with its own broker, kill that, and give the folder."""
    gateway = GatewayProcess(folder / "first", CONFIG)
    gateway.start()
    try:
        client = gateway.admit()
        _fill(gateway, client)
        gateway.end()  # once in good order, so that the broker has written its state
        gateway.start()
        _report(gateway, client, 200)
        gateway.await_answer("/ready")
    finally:
        broker = gateway.data / "broker" / "mosquitto.pid"
        gateway.kill()
        until(lambda: not _lives(broker), 10, "the broker outlived its gateway")
    made = folder / "stock"
    shutil.copytree(gateway.folder, made, ignore=shutil.ignore_patterns("*.sock"))
    return made


def _fill(gateway: GatewayProcess, client: httpx.Client) -> None:
    _report(gateway, client, READINGS)
    people = People(client, Promises(), random.Random(1))
    people.begin()
    time.sleep(1.0)
    people.stop()
    client.patch(f"/entities/{ENTITY}", json={"name": NAME}).raise_for_status()
    client.put("/config/system", json={"every": "30s"}).raise_for_status()
    client.put("/config/themes", json={}).raise_for_status()
    for number in range(30):
        body = {"text": f"Something that people should know, number {number}", "severity": "warning"}
        client.post("/services/notify/send", json=body).raise_for_status()


def _report(gateway: GatewayProcess, client: httpx.Client, readings: int) -> None:
    stream = Stream(gateway.mqtt_port, 2_000, "stock")
    try:
        stream.resume()
        until(lambda: stream.sent >= readings, 60, "the readings do not go out")
        stream.pause()
    finally:
        stream.close()

    def is_written() -> bool:
        answer = client.get(f"/entities/{ENTITY}/history", params={"format": "csv"})
        return answer.is_success and len(answer.text.splitlines()) > readings // 20

    until(is_written, 20, "the readings are not in the history")
    time.sleep(2.5)  # what is left is flushed


def _lives(pid_file: Path) -> bool:
    try:
        return Path(f"/proc/{int(pid_file.read_text())}").exists()
    except (OSError, ValueError):
        return False
