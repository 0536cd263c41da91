"""The gate counts everybody apart, and nothing in it grows without a bound."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autocore.core.mqtt.message import Message
from autocore.rates.bucket import NS
from autocore.rates.gate import BACKLOG, BACKLOG_NS, OTHER_TOPICS, UNKNOWN_BURST, Gate, Rates

RATES = Rates(500, 2_000)
KNOWN = {"engine", "bar", "dash"}


@pytest.fixture
def gate() -> Gate:
    return Gate("autocore", RATES, lambda name: name in KNOWN)


def passed(gate: Gate, topic: str, amount: int, at_ns: int = 0, payload: bytes = b"{}", qos: int = 0) -> int:
    return sum(gate.admits(Message(topic, payload, qos, arrived_ns=at_ns)) for _ in range(amount))


def test_the_rest_of_a_flood_is_left_out_counted_and_named(gate: Gate) -> None:
    assert passed(gate, "autocore/telemetry/engine/data", 5_000) == 2_000
    assert (gate.dropped, gate.dropped_of("engine"), gate.by_device()) == (3_000, 3_000, {"engine": 3_000})
    assert [(one.device, one.since()) for one in gate.noted()] == [("engine", 3_000)]
    assert gate.noted() == []


def test_another_device_and_another_topic_of_the_device_are_not_touched(gate: Gate) -> None:
    passed(gate, "autocore/telemetry/engine/data", 5_000)
    assert passed(gate, "autocore/telemetry/bar/data", 2_000) == 2_000
    for topic in ("relays/engine/state", "devices/engine/ack", "devices/engine/status", "devices/engine/error"):
        assert passed(gate, f"autocore/{topic}", 1_000) == 1_000, topic


def test_what_stops_something_always_passes(gate: Gate) -> None:
    assert passed(gate, "autocore/stop_all", 100_000) == 100_000
    assert passed(gate, "autocore/macros/camp/stop", 100_000) == 100_000
    passed(gate, "autocore/display/dash/press", 100_000, payload=b'{"item": "bar", "action": "tap"}')
    assert passed(gate, "autocore/display/dash/press", 100, payload=b'{"item": "bar", "action": "tap"}') == 0
    assert passed(gate, "autocore/display/dash/press", 100, payload=b'{"item": "bar", "action": "release"}') == 100


def test_ever_new_ids_and_topics_share_one_bucket(gate: Gate) -> None:
    admitted = sum(passed(gate, f"autocore/telemetry/x{number}/data", 1) for number in range(5_000))
    assert admitted == UNKNOWN_BURST
    assert gate.dropped == 5_000 - UNKNOWN_BURST
    noted = gate.noted()
    assert [(one.device, one.topic) for one in noted] == [(None, "autocore/telemetry/x4999/data")]
    assert gate.by_device() == {}
    assert passed(gate, "autocore/telemetry/engine/data", 10) == 10


def test_ever_new_topics_of_other_makes_share_one_bucket_and_push_out_none_that_is_used(gate: Gate) -> None:
    def at(second: int) -> tuple[int, int]:
        new = sum(passed(gate, f"tele/x{second}_{number}/SENSOR", 1, second * NS) for number in range(1_000))
        return new, passed(gate, "tele/plug/SENSOR", 500, second * NS)

    assert passed(gate, "tele/plug/SENSOR", 10) == 10
    assert at(0) == (1_000, 500)
    assert at(1) == (1_000, 500)
    assert [at(second) for second in range(2, 60)] == [(pytest.approx(100, abs=100), 500)] * 58
    assert len(gate._others) == len(gate._sources) == OTHER_TOPICS


def test_a_device_that_became_known_has_a_bucket_of_its_own() -> None:
    known: set[str] = set()
    gate = Gate("autocore", RATES, lambda name: name in known)
    assert passed(gate, "autocore/telemetry/new/data", 5_000) == UNKNOWN_BURST
    known.add("new")
    assert passed(gate, "autocore/telemetry/new/data", 5_000) == 2_000
    gate.forget("new")
    known.clear()
    assert gate.dropped_of("new") == 0
    assert passed(gate, "autocore/telemetry/new/data", 1) == 0


def test_what_the_broker_kept_while_the_gateway_was_away_passes(gate: Gate) -> None:
    gate.expect_backlog(0)
    topic = "autocore/telemetry/engine/data"
    assert passed(gate, topic, 20_000, qos=1) == 20_000
    assert passed(gate, topic, 10, qos=0) == 0, "what is not kept by a broker is no backlog"
    assert passed(gate, topic, BACKLOG, qos=1) == BACKLOG - 18_000, "the broker keeps no more"
    gate.expect_backlog(NS)
    after_ns = NS + BACKLOG_NS
    assert passed(gate, topic, 5_000, at_ns=after_ns, qos=1) == 2_000, "it is over after a minute"


@given(st.lists(st.tuples(st.sampled_from(["engine", "bar"]), st.integers(0, 20_000_000)), max_size=300))
def test_a_device_passes_as_if_it_were_alone(steps: list[tuple[str, int]]) -> None:
    rates = Rates(100, 5)
    together, alone = Gate("autocore", rates, KNOWN.__contains__), Gate("autocore", rates, KNOWN.__contains__)
    now = 0
    for device, gap_ns in steps:
        now += gap_ns
        message = Message(f"autocore/telemetry/{device}/data", b"{}", arrived_ns=now)
        admitted = together.admits(message)
        if device == "bar":
            assert alone.admits(message) == admitted
    assert together.dropped_of("bar") == alone.dropped_of("bar")
