"""Who does not read is known, and thrown off; who reads, who is the gateway and who has a session that is kept stays."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from autocore.broker import mosquitto as program
from autocore.broker import slow
from autocore.broker.mosquitto import Mosquitto
from autocore.broker.slow import Crowd, unread
from autocore.core.mqtt.endpoint import Endpoint
from autocore.simulator import packets
from tests.conftest import Ear, eventually
from tests.ports import free_port

HERE = ("127.0.0.1", 40_310)
LINE = "1795748080: New client connected from 127.0.0.1:40310 as {} (p2, c{}, k60{})."
TCP = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:075B 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0
   1: 0100007F:075B 0100007F:9D76 01 00010001:00000000 00:00000000 00000000     0        0 2 1 0
   2: 0100007F:1F90 0100007F:9D77 01 00010001:00000000 00:00000000 00000000     0        0 3 1 0
"""
TCP6 = """  sl  local_address                         remote_address                        st tx_queue rx_queue
   0: 00000000000000000000000001000000:075B 00000000000000000000000001000000:9D78 01 00000007:00000000 00:0 0 0 0 1
"""


@pytest.mark.parametrize(
    ("lines", "late"),
    [
        ([LINE.format("a screen", 1, "")], ["a screen"]),
        ([LINE.format("tablet", 1, ", u'ana'")], ["tablet"]),
        ([LINE.format("odd (p2, c0, k60)", 1, "")], ["odd (p2, c0, k60)"]),
        ([LINE.format("bridge", 0, "")], []),
        ([LINE.format("autocore-gateway-data", 1, ", u'autocore-gateway'")], []),
        ([LINE.format("tablet", 1, ""), LINE.format("bridge", 0, "")], []),
        (["1795748080: Client tablet disconnected."], []),
    ],
)
def test_who_has_no_session_that_is_kept_and_is_not_the_gateway_can_be_late(lines: list[str], late: list[str]) -> None:
    crowd = Crowd()
    for line in lines:
        crowd.hear(line)
    assert crowd.late({HERE: 100_000}, 0.0) == []
    assert crowd.late({HERE: 100_000}, 9.9) == []
    assert crowd.late({HERE: 100_000}, 10.0) == late


def test_much_that_is_unread_is_late_sooner_and_who_reads_a_while_begins_anew() -> None:
    crowd = Crowd()
    crowd.hear(LINE.format("tablet", 1, ""))
    assert crowd.late({HERE: 2_000_000}, 0.0) == []
    assert crowd.late({HERE: 2_000_000}, 3.0) == ["tablet"]
    assert crowd.late({HERE: 900}, 4.0) == []
    assert crowd.late({HERE: 2_000_000}, 5.0) == []
    assert crowd.late({HERE: 2_000_000}, 7.9) == []


def test_who_is_gone_is_forgotten_and_another_on_its_port_is_not_taken_for_it() -> None:
    crowd = Crowd()
    crowd.hear(LINE.format("tablet", 1, ""))
    assert crowd.late({HERE: 100_000}, 0.0) == []
    assert crowd.late({}, 1.0) == []
    assert crowd.late({HERE: 100_000}, 20.0) == []


def test_what_the_kernel_keeps_is_read_for_each_that_is_connected(tmp_path: Path) -> None:
    assert unread({1883}, tmp_path) == {}
    (tmp_path / "tcp").write_text(TCP)
    (tmp_path / "tcp6").write_text(TCP6)
    assert unread({1883}, tmp_path) == {("127.0.0.1", 40_310): 65_537, ("::1", 40_312): 7}


async def test_a_screen_that_stops_reading_is_thrown_off_and_gets_the_newest_when_it_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slow, "LIMITS", ((65_536, 0.1),))
    monkeypatch.setattr(program, "LOOK_S", 0.05)
    broker = Mosquitto(tmp_path / "broker", port=free_port(), allows_anonymous=True)
    endpoint = await broker.start()
    place = Endpoint(endpoint.host, endpoint.port)
    reader, writer = await asyncio.open_connection(place.host, place.port, limit=4_096)
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    writer.write(packets.connect_packet("screen", None, None) + b"\x82\x06\0\1\0\1#\0")
    assert (await reader.readexactly(9))[4] == 0x90
    speaker, other = Ear(place), Ear(place)
    await other.listen("x/#")
    for number in range(400):
        speaker.client.publish(f"x/{number % 4}", b"x" * 10_000 + str(number).encode(), retain=True)
    await eventually(lambda: broker.thrown_off == 1)
    assert [len((await other.next()).payload) > 10_000 for _ in range(400)]
    assert other.heard.empty()
    writer.close()
    back = Ear(place)
    await back.listen("x/#")
    newest = {(await back.next()).payload.lstrip(b"x") for _ in range(4)}
    assert newest == {b"396", b"397", b"398", b"399"}
    for ear in (speaker, other, back):
        ear.close()
    await broker.stop()


async def test_a_broker_that_has_much_to_complain_of_goes_on(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path / "broker", port=free_port(), allows_anonymous=True)
    endpoint = await broker.start()

    def storm() -> bytes:
        answer = b""
        for _ in range(1_200):  # each takes the place of the one before: two lines of the log, with a long name in both
            with socket.create_connection((endpoint.host, endpoint.port), timeout=5) as line:
                line.sendall(packets.connect_packet("x" * 100, None, None))
                answer = line.recv(4)
        return answer

    assert await asyncio.to_thread(storm) == b"\x20\2\0\0"
    await broker.stop()
