"""Time goes on: what falls silent is not shown as live, on a clock that the test moves."""

from __future__ import annotations

from autocore.testing import Car

CONFIG = """
can:
  signals:
    - {frame: 0x123, start_bit: 0, length: 8, name: Level}
    - {frame: 0x124, start_bit: 0, length: 8, name: Lasting, expires_after: null}
"""
FRAMES = [{"bus": "trailer", "id": 0x123, "data": "07"}, {"bus": "trailer", "id": 0x124, "data": "09"}]


async def test_a_bus_over_mqtt_that_falls_silent_is_gone_and_comes_back(car: Car) -> None:
    await car.start(CONFIG)
    car.publish("autocore/can/data", FRAMES)
    await car.settle()
    assert (car.value("binary_sensor.can_trailer_online"), car.value("sensor.level"), car.value("sensor.lasting")) == (True, 7, 9)
    await car.advance(8)
    assert car.value("binary_sensor.can_trailer_online") is True
    await car.advance(6)
    assert car.value("binary_sensor.can_trailer_online") is False
    for one in ("sensor.level", "sensor.lasting", "sensor.can_trailer_load"):
        assert not car.entity(one).state.available, one
    car.publish("autocore/can/data", FRAMES)
    await car.settle()
    assert (car.value("binary_sensor.can_trailer_online"), car.value("sensor.level"), car.value("sensor.lasting")) == (True, 7, 9)
    assert "no frame for 10 s" not in await car.page("/can")


async def test_a_device_of_that_name_that_leaves_says_nothing_about_the_bus(car: Car) -> None:
    await car.start(CONFIG)
    car.publish("autocore/can/data", FRAMES)
    car.publish("autocore/devices/trailer/status", {"status": "online", "session": "s1"})
    car.publish("autocore/devices/trailer/status", {"status": "offline", "session": "s1"})
    await car.settle()
    assert car.value("binary_sensor.can_trailer_online") is True


async def test_rates_and_load_are_those_of_the_last_seconds(car: Car) -> None:
    await car.start(CONFIG)
    for number in range(40):
        car.publish("autocore/can/data", [{"bus": "trailer", "id": 0x100, "data": f"{number:02x}" * 8}] * 25)
    await car.advance(2)
    assert car.value("sensor.can_trailer_frames") == 1_000
    rate, load = car.value("sensor.can_trailer_frames_per_second"), car.value("sensor.can_trailer_load")
    assert rate == 500.0
    assert load == 13.5  # 500 frames of at most 135 bits in a second, of 500 kbit/s
    await car.advance(2)
    assert car.value("sensor.can_trailer_frames_per_second") == 0.0
