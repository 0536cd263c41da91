"""Payloads as strangers send them."""

import json
import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autocore.core.errors import InvalidData
from autocore.core.mqtt.message import DEEPEST, MAX_PAYLOAD_BYTES, Message, check_depth
from autocore.core.mqtt.rejections import PER_DEVICE, REMEMBERED, Rejections
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


def nested(levels: int) -> bytes:
    """Give JSON of so many levels, with brackets in a text that are none."""
    return b'{"a":' * (levels - 1) + b'["[[[[\\"{{{{", "' + b"[" * 100 + b'"]' + b"}" * (levels - 1)


def test_what_is_nested_too_deeply_is_refused() -> None:
    for payload in (b"[" * 20_000, b'{"a":' * 10_000 + b"1" + b"}" * 10_000, nested(DEEPEST + 1)):
        with pytest.raises(InvalidData, match="nested deeper than 32"):
            Message("t", payload).json()


def test_what_is_wide_or_as_deep_as_it_may_be_is_read() -> None:
    for payload in (nested(DEEPEST), nested(1), b"[" + b'{"a": [1]},' * 2_000 + b"{}]"):
        assert Message("t", payload).json()


@given(st.recursive(st.none() | st.text('[]{}\\"a', max_size=5), lambda inner: st.lists(inner, max_size=3), max_leaves=40))
def test_depth_is_counted_as_a_decoder_goes_down(value: object) -> None:
    def depth(one: object) -> int:
        return 1 + max(map(depth, one), default=0) if isinstance(one, list) else 0

    document = [value, ["["] * DEEPEST]  # so many brackets that they are looked at
    around = DEEPEST - depth(document)
    text = b"[" * around + json.dumps(document).encode() + b"]" * around
    check_depth(text)
    with pytest.raises(InvalidData):
        check_depth(b"[" + text + b"]")


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


def test_a_stranger_with_ever_new_names_and_fields_fills_neither_the_log_nor_the_memory(caplog: pytest.LogCaptureFixture) -> None:
    clock = FakeClock()
    rejections = Rejections(clock)
    for number in range(2_000):
        rejections.add("autocore/telemetry/mad/data", "mad", f"{number}" + "x" * 60_000, "y" * 60_000)
    assert len(caplog.records) == PER_DEVICE
    rejections.add("autocore/telemetry/engine/data", "engine", "rpm", "not a number")
    assert "engine" in caplog.records[-1].getMessage(), "who is next is named all the same"
    for number in range(2_000):
        rejections.add("t", f"device{number}", "f", "no")
    assert len(caplog.records) == REMEMBERED
    assert sum(len(who) + len(field) for who, field in rejections._said) < 20_000
    assert all(len(one.getMessage()) < 500 for one in caplog.records)
    clock.advance(61)
    rejections.add("t", "another", "f", "no")
    assert len(caplog.records) == REMEMBERED + 1
    assert rejections.total == 4_002


def test_a_warning_is_one_line_whatever_a_stranger_calls_himself(caplog: pytest.LogCaptureFixture) -> None:
    Rejections(FakeClock()).add("a\nb\x1b[2J", "x\u202ey", "\0", "line\r\nline")
    assert caplog.records[-1].getMessage() == "refused a message of xy on a b[2J: line line"
