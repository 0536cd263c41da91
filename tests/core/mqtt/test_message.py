"""Payloads as strangers send them."""

import json
import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autocore.core.errors import InvalidData
from autocore.core.mqtt.message import MAX_PAYLOAD_BYTES, Message
from autocore.core.mqtt.rejections import Rejections
from autocore.testing import FakeClock


class Reading(msgspec.Struct):
    value: float
    unit: str = ""


@given(st.binary(max_size=200))
def test_whatever_arrives_is_read_or_refused(payload: bytes) -> None:
    message = Message("t", payload)
    for read in (message.json, message.text, lambda: message.decode(Reading)):
        try:
            value = read()
        except InvalidData:
            continue
        assert not isinstance(value, float) or math.isfinite(value)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(), lambda inner: st.lists(inner, max_size=4)
    )
)
def test_json_comes_back_as_it_was(value: object) -> None:
    assert Message("t", json.dumps(value).encode()).json() == value


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        (b'{"value": "x"}', "value"),
        (b"{}", ""),
        (b"{", "payload"),
        (b" " * (MAX_PAYLOAD_BYTES + 1), "payload"),
    ],
    ids=["wrong type", "missing", "no JSON", "too large"],
)
def test_what_is_wrong_names_its_field(payload: bytes, field: str) -> None:
    with pytest.raises(InvalidData) as caught:
        Message("t", payload).decode(Reading)
    assert caught.value.field == field


def test_what_is_nested_too_deeply_is_refused() -> None:
    with pytest.raises(InvalidData):
        Message("t", b"[" * 20_000).json()


def test_a_flood_of_wrong_messages_is_one_warning_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    clock = FakeClock()
    rejections = Rejections(clock)
    for _ in range(500):
        rejections.add("autocore/telemetry/engine/data", "engine", "rpm", "not a number")
    assert (rejections.total, len(caplog.records)) == (500, 1)
    assert "engine" in caplog.text
    assert "rpm" in caplog.text
    clock.advance(61)
    rejections.add("autocore/telemetry/engine/data", "engine", "rpm", "not a number")
    assert "499 more" in caplog.records[-1].getMessage()
    for number in range(3_000):
        rejections.add("t", f"device{number}", "f", "no")
    assert rejections.total == 3_501
