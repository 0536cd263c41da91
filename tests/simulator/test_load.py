import asyncio
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autocore.core.errors import BrokerError, InvalidData
from autocore.simulator import LoadSettings, packets, run_load
from tests.simulator.bench import Gateway, LocalBroker, eventually


def telemetry(gateway: Gateway) -> list[tuple[str, dict[str, Any]]]:
    return [(one.topic.split("/")[2], one.json) for one in gateway.heard if one.topic.endswith("/data")]


@pytest.mark.parametrize(
    ("devices", "rate", "seconds"),
    [
        pytest.param(3, 2_000, 0.25, id="a round number of turns"),
        pytest.param(7, 1_111, 0.3, id="an odd number of messages"),
        pytest.param(5, 40, 0.1, id="fewer messages than sensors"),
    ],
)
async def test_exactly_the_promised_messages_arrive_in_order(
    broker: LocalBroker, gateway: Gateway, devices: int, rate: float, seconds: float
):
    load = LoadSettings(devices=devices, rate=rate, seconds=seconds, port=broker.port)
    result = await run_load(load)
    assert result.sent == load.messages == round(rate * seconds)
    await eventually(lambda: len(telemetry(gateway)) >= load.messages)
    values: dict[tuple[str, str], list[int]] = {}
    for sender, reading in telemetry(gateway):
        assert set(reading) == {"sensor", "value"}
        values.setdefault((sender, reading["sensor"]), []).append(reading["value"])
    assert sum(map(len, values.values())) == load.messages
    for device in range(devices):
        for sensor in range(load.sensors):
            course = values.get((load.device(device), load.sensor(sensor)), [])
            last = load.last_value(device, sensor)
            assert course == ([] if last is None else list(range(1_000_000, last + 1)))


async def test_each_device_registers_once_and_leaves_nothing_with_the_broker(broker: LocalBroker, gateway: Gateway):
    await run_load(LoadSettings(devices=4, rate=100, seconds=0.1, port=broker.port))
    registers = Counter(one.topic for one in gateway.heard if one.topic.endswith("/register"))
    assert registers == {f"autocore/devices/load_000{number}/register": 1 for number in (1, 2, 3, 4)}
    assert gateway.all("devices/load_0001/register")[0]["type"] == "sensor_node"
    late = Gateway(broker.address)
    await late.start()
    late.publish("marker", {})
    await late.until("marker")
    assert len(late.heard) == 1
    late.stop()


async def test_readings_may_come_as_objects_from_devices_of_another_name(broker: LocalBroker, gateway: Gateway):
    load = LoadSettings(
        devices=2, rate=100, seconds=0.2, port=broker.port, shape="object", prefix="box", registers=False, sensors=2
    )
    await run_load(load)
    await eventually(lambda: len(telemetry(gateway)) == 20)
    assert telemetry(gateway)[-1] == ("box_0002", {"s1": load.last_value(1, 1)})
    assert not any(one.topic.endswith("/register") for one in gateway.heard)


async def test_progress_is_told_up_to_the_last_message(broker: LocalBroker):
    told: list[int] = []
    result = await run_load(LoadSettings(devices=2, rate=500, seconds=0.1, port=broker.port), told.append)
    assert told[-1] == 50
    assert told == sorted(told)
    assert str(result).startswith("50 messages from 2 devices in ")
    assert result.rate > 0


async def test_a_broker_that_is_not_there_is_named(broker: LocalBroker):
    broker.stop()
    with pytest.raises(BrokerError, match=f"127.0.0.1:{broker.port} does not answer"):
        await run_load(LoadSettings(devices=3, port=broker.port))


async def test_a_broker_that_refuses_is_named(tmp_path):
    broker = LocalBroker(tmp_path, is_open=False)
    broker.start()
    with pytest.raises(BrokerError, match="refuses load_0001"):
        await run_load(LoadSettings(devices=1, port=broker.port, username="who", password="what"))
    broker.stop()


async def test_a_broker_that_dies_on_the_way_is_an_error_not_a_smaller_number(broker: LocalBroker):
    load = asyncio.create_task(
        run_load(LoadSettings(devices=2, rate=1_000, seconds=60, port=broker.port), lambda _sent: broker.stop())
    )
    with pytest.raises(BrokerError, match="closed the connection of load_"):
        await load


async def test_a_choked_broker_makes_the_load_late_not_less():
    """A server that reads nothing until it is told to: every message waits, and none is lost."""
    gate = asyncio.Event()
    taken = bytearray()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(len(packets.connect_packet("load_0001", None, None)))
        writer.write(b"\x20\x02\x00\x00")
        await gate.wait()
        while not taken.endswith(packets.PINGREQ_PACKET):
            taken.extend(await reader.read(1 << 16))
        writer.write(b"\xd0\x00")
        writer.close()

    sent: list[int] = []
    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1 << 10)
    async with server:
        port = server.sockets[0].getsockname()[1]
        load = LoadSettings(devices=1, rate=2_000_000, seconds=0.2, port=port, registers=False)
        running = asyncio.create_task(run_load(load, sent.append))
        await eventually(lambda: sent)
        gate.set()
        result = await running
    assert result.sent == 400_000
    assert taken.count(b'"value":') == 400_000
    assert result.bytes_sent == len(taken) - len(packets.PINGREQ_PACKET)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"devices": 0}, "devices"),
        ({"rate": -1.0}, "rate"),
        ({"seconds": 0.0}, "seconds"),
        ({"sensors": 0}, "sensors"),
        ({"devices": 1, "sensors": 1, "rate": 1e6, "seconds": 10.0}, "seconds"),
    ],
)
def test_a_load_that_makes_no_sense_is_refused_by_field(wrong: dict[str, float], field: str):
    with pytest.raises(InvalidData) as caught:
        LoadSettings(**wrong)  # type: ignore[arg-type]
    assert caught.value.field == field


async def test_more_connections_than_the_machine_allows_are_refused():
    with pytest.raises(InvalidData, match="this process may open"):
        await run_load(LoadSettings(devices=1 << 30, port=1))


@given(st.text("abc/", min_size=1, max_size=300), st.binary(max_size=20_000), st.integers(1, 65_535))
def test_a_publish_says_its_own_length(topic: str, payload: bytes, packet_id: int):
    for packet, extra in (
        (packets.publish_head(topic, len(payload)) + payload, 0),
        (packets.acknowledged_publish(topic, payload, packet_id), 2),
    ):
        length, shift, position = 0, 0, 1
        while True:
            length |= (packet[position] & 0x7F) << shift
            shift += 7
            position += 1
            if packet[position - 1] < 0x80:
                break
        assert length == len(packet) - position == 2 + len(topic) + extra + len(payload)
        assert packet.endswith(payload)


@given(st.lists(st.binary(max_size=127), max_size=20), st.integers(1, 50))
def test_packets_are_cut_out_of_a_stream_wherever_it_was_torn(bodies: list[bytes], size: int):
    whole = [bytes((packets.PUBACK, len(body))) + body for body in bodies]
    stream, found = bytearray(), []
    data = b"".join(whole)
    for start in range(0, len(data), size):
        stream += data[start : start + size]
        found += packets.split(stream)
    assert found == whole
    assert not stream
