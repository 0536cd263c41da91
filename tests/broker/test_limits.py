"""What a client leaves at a real Mosquitto has a limit in bytes."""

from __future__ import annotations

import re
from pathlib import Path

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from autocore.broker.configuration import QUEUE_BYTES
from autocore.broker.mosquitto import Mosquitto
from tests.conftest import eventually
from tests.ports import free_port

MESSAGES, EACH_BYTES = 100, 1_000_000  # 100 MB, three times what it keeps


async def test_what_waits_for_a_client_that_is_away_has_a_limit(tmp_path: Path) -> None:
    mosquitto = Mosquitto(tmp_path / "broker", port=free_port(), allows_anonymous=True)
    endpoint = await mosquitto.start()
    try:
        away = paho.Client(CallbackAPIVersion.VERSION2, client_id="away", clean_session=False)
        subscribed: list[int] = []
        away.on_subscribe = lambda *_words: subscribed.append(1)
        away.connect(endpoint.host, endpoint.port)
        away.subscribe("autocore/x", 1)
        away.loop_start()
        await eventually(lambda: subscribed)
        away.disconnect()
        away.loop_stop()
        taken: list[int] = []
        sender = paho.Client(CallbackAPIVersion.VERSION2, client_id="sender")
        sender.on_publish = lambda *_words: taken.append(1)
        sender.connect(endpoint.host, endpoint.port)
        sender.loop_start()
        before = _memory_bytes(mosquitto)
        for _ in range(MESSAGES):
            sender.publish("autocore/x", b"x" * EACH_BYTES, qos=1)
        await eventually(lambda: len(taken) == MESSAGES, 30)
        sender.disconnect()
        sender.loop_stop()
        assert EACH_BYTES < _memory_bytes(mosquitto) - before < QUEUE_BYTES * 1.5
    finally:
        await mosquitto.stop()


def _memory_bytes(mosquitto: Mosquitto) -> int:
    text = Path(f"/proc/{mosquitto.pid}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+) kB", text)[0]) * 1024
