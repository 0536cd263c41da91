"""What stops or moves a vehicle is not in one lane with what measures it."""

from __future__ import annotations

import pytest

from autocore.rates.lanes import Lane, Place, place_of


@pytest.mark.parametrize(
    ("topic", "place"),
    [
        ("autocore/telemetry/engine/data", Place(Lane.TELEMETRY, "engine")),
        ("autocore/relays/bar/state", Place(Lane.CONTROL, "bar")),
        ("autocore/devices/bar/ack", Place(Lane.CONTROL, "bar")),
        ("autocore/devices/bar/status", Place(Lane.CONTROL, "bar")),
        ("autocore/display/dash/press", Place(Lane.PRESS, "dash")),
        ("autocore/display/dash/hold", Place(Lane.CONTROL, "dash")),
        ("autocore/api/dash/request", Place(Lane.CONTROL, "dash")),
        ("autocore/can/bridge/data", Place(Lane.FRAMES, "bridge")),
        ("autocore/can/data", Place(Lane.FRAMES, None)),
        ("autocore/stop_all", Place(Lane.FREE, None)),
        ("autocore/macros/camp/stop", Place(Lane.FREE, None)),
        ("autocore/macros/camp/run", Place(Lane.CONTROL, None)),
        ("autocore/config/request", Place(Lane.CONTROL, None)),
        ("autocore/notify", Place(Lane.CONTROL, None)),
        ("$CONTROL/dynamic-security/v1/response", Place(Lane.FREE, None)),
        ("tele/plug/SENSOR", Place(Lane.TELEMETRY, None)),
        ("autocorex/stop_all", Place(Lane.TELEMETRY, None)),
        ("stop_all", Place(Lane.TELEMETRY, None)),
        ("autocore/", Place(Lane.CONTROL, None)),
    ],
)
def test_a_topic_has_its_lane(topic: str, place: Place) -> None:
    assert place_of("autocore", topic) == place


def test_a_root_may_have_several_levels() -> None:
    assert place_of("van/one", "van/one/relays/bar/state") == Place(Lane.CONTROL, "bar")
    assert place_of("van/one", "van/one/stop_all") == Place(Lane.FREE, None)
