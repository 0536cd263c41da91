"""The simulated board on a real broker; the rules themselves are tested in virtual time."""

import asyncio

import pytest

from autocore.simulator.link import Card, DeviceLink
from autocore.simulator.relay_board import RelayBoard
from autocore.simulator.rules import BoardRules, ChannelRules, SafeState
from tests.simulator.bench import Gateway, LocalBroker, eventually

CARD = Card("relay", "relay_board", "Relay board", ("relays",), channels=16)
STATE = "relays/relay/state"


@pytest.fixture
async def link(broker: LocalBroker) -> DeviceLink:
    return DeviceLink(CARD, broker.address)


@pytest.fixture
async def relay(link: DeviceLink) -> RelayBoard:
    return RelayBoard(link)


def is_on(channel: int):
    return lambda state: state["channels"][str(channel)]


def is_off(channel: int):
    return lambda state: not state["channels"][str(channel)]


async def hold(gateway: Gateway, channel: int, who: str) -> None:
    """Ask until it is not too late: on a busy machine a command may be older than the 300 ms that a hold allows."""
    while (answer := await gateway.relay("relay", channel, True, "momentary", hold=who))["status"] == "expired":
        assert "time to live" in answer["reason"]


async def test_a_board_reports_all_channels_when_it_connects_and_the_broker_keeps_it(
    gateway: Gateway, broker: LocalBroker, relay: RelayBoard, start
):
    start(relay.run)
    state = await gateway.until(STATE)
    assert state.json["channels"] == {str(number): False for number in range(1, 17)}
    late = Gateway(broker.address)
    await late.start()
    assert (await late.until(STATE)).is_retained
    late.stop()


async def test_a_toggle_is_reported_before_it_is_answered(gateway: Gateway, relay: RelayBoard, start):
    start(relay.run)
    await gateway.welcomed(relay.link)
    answer = await gateway.relay("relay", 5, state=True)
    assert answer["status"] == "applied"
    state = await gateway.until(STATE, is_on(5))
    assert state.json["cause"] == "command"
    ack = await gateway.until("devices/relay/ack")
    assert gateway.heard.index(state) < gateway.heard.index(ack)


async def test_a_pulse_ends_by_itself(gateway: Gateway, relay: RelayBoard, start):
    start(relay.run)
    await gateway.welcomed(relay.link)
    before = len(gateway.heard)
    await gateway.relay("relay", 2, True, "pulse", duration_ms=60)
    end = await gateway.until(STATE, lambda state: state.get("cause") == "duration", after=before)
    assert is_off(2)(end.json)


async def test_a_held_channel_falls_when_the_beats_stop(gateway: Gateway, relay: RelayBoard, start):
    start(relay.run)
    await gateway.welcomed(relay.link)
    before = len(gateway.heard)
    await hold(gateway, 3, "thumb")
    for n in range(10):
        gateway.beat("relay", "thumb", 3, n)
    fall = await gateway.until(STATE, lambda state: state.get("cause") == "dead_man", after=before)
    assert is_off(3)(fall.json)
    assert (await gateway.relay("relay", 3, True, "momentary", hold="thumb"))["status"] == "refused"


async def test_a_malformed_beat_or_command_is_not_obeyed(gateway: Gateway, relay: RelayBoard, start):
    start(relay.run)
    await gateway.welcomed(relay.link)
    gateway.publish("relays/relay/heartbeat", b"{", qos=0)
    answer = await gateway.relay("relay", 1, "yes")  # type: ignore[arg-type]
    assert answer["status"] == "refused"
    assert not any(relay.board.channels.values())


async def test_a_relay_command_that_the_broker_kept_is_ignored(gateway: Gateway, relay: RelayBoard, start):
    order = gateway.order("relay", channel=1, state=True, type="toggle")
    gateway.publish("relays/relay/command", order, qos=2, retain=True)
    await gateway.until("relays/relay/command")
    start(relay.run)
    await gateway.welcomed(relay.link)
    await gateway.relay("relay", 2, state=True)
    assert {number for number, on in relay.board.channels.items() if on} == {2}


async def test_a_board_that_comes_back_is_in_its_safe_state_and_says_so(broker: LocalBroker, link: DeviceLink, start):
    relay = RelayBoard(link, BoardRules(channels={2: ChannelRules(safe_state=SafeState.KEEP)}))
    start(relay.run)
    gateway = Gateway(broker.address)
    await gateway.start()
    await gateway.welcomed(relay.link)
    for channel in (1, 2):
        await gateway.relay("relay", channel, state=True)
    gateway.stop()
    broker.stop()
    await eventually(lambda: not link.is_linked)
    broker.start()
    gateway = Gateway(broker.address)
    await gateway.start()
    state = (await gateway.until(STATE)).json
    assert [number for number, on in state["channels"].items() if on] == ["2"]
    assert state["cause"] == "reconnected"
    gateway.stop()


async def test_channels_fall_when_the_gateway_stays_away(gateway: Gateway, link: DeviceLink, start):
    relay = RelayBoard(link, BoardRules(link_timeout_ms=50))
    gateway.say_status()
    start(relay.run)
    await gateway.welcomed(relay.link)
    await eventually(lambda: link.trust.is_welcomed)
    await gateway.relay("relay", 1, state=True)
    gateway.say_status("offline")
    state = await gateway.until(STATE, lambda state: state.get("cause") == "link_lost")
    assert is_off(1)(state.json)


async def test_a_restarted_board_begins_with_everything_off(gateway: Gateway, relay: RelayBoard, start):
    start(relay.run)
    session = await gateway.welcomed(relay.link)
    await gateway.relay("relay", 1, state=True)
    before = len(gateway.heard)
    await gateway.device("relay", "restart")
    await gateway.until("devices/relay/status", lambda status: status["session"] != session, after=before)
    state = await gateway.until(STATE, is_off(1), after=before)
    assert not any(state.json["channels"].values())


class TestConfiguration:
    async def test_it_is_acknowledged_and_its_limits_hold(self, gateway: Gateway, relay: RelayBoard, start):
        section = {"channels": {"4": {"type": "pulse"}}}
        document = {"version": 12, "hash": "h", "sections": {"relays": section}}
        gateway.publish("devices/relay/config", document, retain=True)
        start(relay.run)
        await gateway.welcomed(relay.link)
        await gateway.until("devices/relay/ack", lambda ack: ack == {"id": "12", "status": "applied"})
        await eventually(lambda: relay.board.rules.of(4).type)
        await gateway.relay("relay", 4, True, "pulse", duration_ms=50)
        assert (await gateway.relay("relay", 4, state=True))["reason"] == "channel 4 is pulse, not toggle"

    async def test_one_that_cannot_be_kept_is_refused_and_nothing_is_energised(self, gateway: Gateway, relay: RelayBoard, start):
        start(relay.run)
        await gateway.welcomed(relay.link)
        document = {"version": "v2", "sections": {"relays": {"channels": {"17": {}}}}}
        gateway.publish("devices/relay/config", document, retain=True)
        refusal = await gateway.until("devices/relay/ack", lambda ack: ack["id"] == "v2")
        assert refusal.json["status"] == "refused"
        assert (await gateway.relay("relay", 1, state=True))["status"] == "refused"
        gateway.publish("devices/relay/config", {"version": "v3"}, retain=True)
        await gateway.until("devices/relay/ack", lambda ack: ack == {"id": "v3", "status": "applied"})
        assert (await gateway.relay("relay", 1, state=True))["status"] == "applied"

    async def test_one_that_was_taken_away_changes_nothing(self, gateway: Gateway, relay: RelayBoard, start):
        start(relay.run)
        await gateway.welcomed(relay.link)
        gateway.publish("devices/relay/config", b"", retain=True)
        assert (await gateway.relay("relay", 1, state=True))["status"] == "applied"


async def test_the_board_keeps_its_timers_when_the_loop_is_busy_with_its_own_end(relay: RelayBoard):
    stop = asyncio.Event()
    stop.set()
    await relay.run(stop)  # it never had a link, and leaves no timer behind
    assert not any(relay.board.channels.values())
