"""The life of a device on a real broker, which may be late, go away, or refuse it."""

import asyncio
import logging

import pytest

from autocore.simulator.connection import Broker
from autocore.simulator.link import Card, DeviceLink
from tests.simulator.bench import Gateway, LocalBroker, eventually

CARD = Card("winch", "relay_board", "Winch board", ("relays",), mac="02:00:00:00:00:09", channels=4)
STATUS = "devices/winch/status"


@pytest.fixture
def link(broker: LocalBroker) -> DeviceLink:
    return DeviceLink(CARD, broker.address)


async def test_a_device_registers_then_says_that_it_is_online(gateway: Gateway, link: DeviceLink, start):
    start(link.run)
    register = await gateway.until("devices/winch/register")
    assert register.json == {
        "type": "relay_board",
        "name": "Winch board",
        "mac": "02:00:00:00:00:09",
        "ip": "127.0.0.1",
        "firmware": "sim-1.0",
        "hardware": "virtual",
        "capabilities": ["relays"],
        "channels": 4,
    }
    status = (await gateway.until(STATUS)).json
    assert set(status) == {"status", "session", "ask", "uptime_s", "rssi_dbm", "free_memory_bytes"}
    assert [one.topic for one in gateway.heard[:2]] == ["autocore/devices/winch/register", f"autocore/{STATUS}"]


async def test_its_status_stays_with_the_broker_for_whoever_comes_later(broker: LocalBroker, link: DeviceLink, start):
    start(link.run)
    await eventually(lambda: link.is_linked)
    late = Gateway(broker.address)
    await late.start()
    assert (await late.until(STATUS)).is_retained
    late.stop()


async def test_it_is_welcomed_and_obeys(gateway: Gateway, link: DeviceLink, start):
    start(link.run)
    await gateway.welcomed(link)
    assert (await gateway.device("winch", "identify"))["status"] == "applied"
    assert link.identified == 1


async def test_a_command_that_it_does_not_know_is_refused_by_name(gateway: Gateway, link: DeviceLink, start):
    start(link.run)
    await gateway.welcomed(link)
    answer = await gateway.device("winch", "fly")
    assert answer["status"] == "refused"
    assert "no command fly" in answer["reason"]


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        pytest.param({"session": "another"}, "refused", id="another session"),
        pytest.param({"epoch": 6}, "refused", id="another start of the gateway"),
        pytest.param({"t_ms": 0}, "expired", id="from long ago"),
    ],
)
async def test_a_command_that_is_not_for_now_is_not_obeyed(
    gateway: Gateway, link: DeviceLink, start, fields: dict[str, object], status: str
):
    start(link.run)
    await gateway.welcomed(link)
    assert (await gateway.device("winch", "identify", **fields))["status"] == status
    assert link.identified == 0


async def test_a_repeated_command_is_obeyed_once_and_answered_once(gateway: Gateway, link: DeviceLink, start):
    start(link.run)
    await gateway.welcomed(link)
    order = gateway.order("winch", command="identify", args={})
    for _ in range(3):
        gateway.publish("devices/winch/command", order, qos=2)
    await gateway.device("winch", "identify")
    assert link.identified == 2
    assert [ack["id"] for ack in gateway.all("devices/winch/ack")].count(order["id"]) == 1


async def test_a_malformed_command_is_refused_when_it_says_who_waits_for_it(gateway: Gateway, link: DeviceLink, start, caplog):
    start(link.run)
    await gateway.welcomed(link)
    for payload in (b"", b"\xff\x00", b"[]", b'{"id": 5}'):
        gateway.publish("devices/winch/command", payload, qos=2)
    answer = await gateway.device("winch", "identify", seq="one")
    assert answer["status"] == "refused"
    assert "seq" in answer["reason"]
    assert len(gateway.all("devices/winch/ack")) == 1
    assert "devices/winch/command is malformed" in caplog.text
    assert (await gateway.device("winch", "identify"))["status"] == "applied"


async def test_a_command_that_the_broker_kept_is_ignored(gateway: Gateway, link: DeviceLink, start, caplog):
    gateway.publish("devices/winch/command", {"id": "old", "command": "identify"}, qos=2, retain=True)
    await gateway.until("devices/winch/command")
    start(link.run)
    await gateway.welcomed(link)
    await gateway.device("winch", "identify")
    assert link.identified == 1
    assert [ack["id"] for ack in gateway.all("devices/winch/ack") if ack["id"] == "old"] == []
    assert "ignored a retained message on autocore/devices/winch/command" in caplog.text


async def test_when_it_is_stopped_it_says_so_and_its_last_will_stays_unsaid(gateway: Gateway, link: DeviceLink, start):
    running = start(link.run)
    session = await gateway.welcomed(link)
    await running.stop()
    await gateway.until(STATUS, lambda status: status == {"status": "offline", "session": session})
    gateway.publish("marker", {})
    await gateway.until("marker")
    assert [status["status"] for status in gateway.all(STATUS)].count("offline") == 1


async def test_a_restart_is_accepted_then_the_last_will_speaks_then_a_new_session_begins(
    gateway: Gateway, link: DeviceLink, start
):
    start(link.run)
    session = await gateway.welcomed(link)
    assert (await gateway.device("winch", "restart"))["status"] == "accepted"
    await gateway.until(STATUS, lambda status: status == {"status": "offline", "session": session})
    again = await gateway.until(STATUS, lambda status: status["status"] == "online" and status["session"] != session)
    assert again.json["uptime_s"] == 0
    await eventually(lambda: link.trust.is_welcomed)


async def test_a_gateway_that_starts_again_is_asked_for_a_new_welcome(gateway: Gateway, link: DeviceLink, start):
    gateway.say_status()
    start(link.run)
    session = await gateway.welcomed(link)
    await eventually(lambda: link.trust.is_welcomed)
    gateway.say_status("offline")
    await eventually(lambda: link.trust.is_gateway_away)
    assert (await gateway.device("winch", "identify"))["status"] == "refused"
    gateway.epoch = 8
    before = len(gateway.heard)
    gateway.say_status()
    await gateway.until(STATUS, lambda status: status["session"] == session, after=before)
    await eventually(lambda: link.trust.is_welcomed)
    assert (await gateway.device("winch", "identify"))["status"] == "applied"


async def test_a_gateway_that_starts_later_is_found(gateway: Gateway, link: DeviceLink, start):
    gateway.welcomes = False
    start(link.run)
    await gateway.until(STATUS)
    gateway.welcomes = True
    gateway.say_status()
    await eventually(lambda: link.trust.is_welcomed)


async def test_a_device_waits_for_its_broker_and_complains_once(tmp_path, start, caplog):
    broker = LocalBroker(tmp_path)
    link = DeviceLink(CARD, broker.address)
    start(link.run)
    await eventually(lambda: "does not answer" in caplog.text)
    broker.start()
    await eventually(lambda: link.is_linked)
    assert caplog.text.count("does not answer") == 1
    broker.stop()


async def test_a_device_comes_back_with_a_new_session_when_its_broker_does(broker: LocalBroker, link: DeviceLink, start, caplog):
    start(link.run)
    await eventually(lambda: link.is_linked)
    session = link.trust.session
    broker.stop()
    await eventually(lambda: not link.is_linked)
    link.publish("telemetry/{id}/data", {"lost": 1})  # nobody is there to take it
    broker.start()
    await eventually(lambda: link.is_linked)
    assert link.trust.session not in {None, session}
    assert caplog.text.count("lost the broker") == 1


async def test_a_device_that_the_broker_refuses_keeps_trying_and_can_be_stopped(tmp_path, start, caplog):
    broker = LocalBroker(tmp_path, is_open=False)
    broker.start()
    link = DeviceLink(CARD, Broker("127.0.0.1", broker.port, "winch", "wrong"))
    running = start(link.run)
    await eventually(lambda: "refuses winch" in caplog.text)
    await running.stop()
    broker.stop()


async def test_a_device_can_be_stopped_while_its_broker_keeps_it_waiting(start):
    silent = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    async with silent:
        link = DeviceLink(CARD, Broker("127.0.0.1", silent.sockets[0].getsockname()[1]))
        running = start(link.run)
        await eventually(lambda: link.trust.session)
        await running.stop()
        assert not link.is_linked


async def test_a_device_can_be_stopped_at_any_moment_of_its_connecting(broker: LocalBroker, start):
    """Each run takes some more steps of the loop before it is told to stop."""
    for steps in range(0, 600, 15):
        link = DeviceLink(CARD, broker.address)
        running = start(link.run)
        for _ in range(steps):
            await asyncio.sleep(0)
        await running.stop()
        assert not link.is_linked


async def test_a_device_can_be_stopped_when_its_broker_has_just_died(broker: LocalBroker, link: DeviceLink, start):
    running = start(link.run)
    await eventually(lambda: link.is_linked)
    broker.stop()
    await running.stop()


async def test_an_identification_is_said_to_whoever_reads_the_log(gateway: Gateway, link: DeviceLink, start, caplog):
    caplog.set_level(logging.INFO)
    start(link.run)
    await gateway.welcomed(link)
    await gateway.device("winch", "identify")
    assert "winch: blinking" in caplog.text
