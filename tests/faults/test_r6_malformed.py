"""The short form of R6: a part of the named cases, some at random, and one round over lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import r6_malformed
from tests.faults.malformed_air import ear
from tests.faults.record import Findings


def test_a_gateway_that_hears_what_is_malformed_is_what_it_was() -> None:
    found = Findings()
    r6_malformed.in_memory(found, seed_=6, examples=100, every=17)
    assert found.figures["refused"] > 100


def test_malformed_messages_packets_requests_and_frames_harm_nothing() -> None:
    found = Findings()
    r6_malformed.over_lines(found, seed_=6, rounds=1, requests_each=100, messages_each=100)
    assert found.failures == []
    assert found.figures["requests_unanswered"] < 10, "nearly every malformed request is answered"


def test_a_gateway_that_takes_anybody_for_a_device_would_be_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autocore.core.devices.is_device_id", lambda _text: True)
    with ear(tmp_path, Findings()) as one, pytest.raises(AssertionError, match="there is a device 'Engine'"):
        one.hear("autocore/telemetry/Engine/data", b"{}", is_no_json=False)


def test_a_gateway_that_goes_down_as_deep_as_it_is_asked_would_be_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autocore.core.mqtt.message.DEEPEST", 100_000)
    with ear(tmp_path, Findings()) as one, pytest.raises(AssertionError, match="it was not refused"):
        one.hear("autocore/telemetry/engine/data", b"[" * 20_000, is_no_json=True)
