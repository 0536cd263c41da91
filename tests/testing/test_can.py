"""The CAN bus in memory that plugins' tests get."""

from __future__ import annotations

from autocore.testing import Car, VirtualCan

SECTION = """
can:
  buses: [{{name: main, interface: virtual, channel: {channel}}}]
  signals: [{{name: Gear, frame: 0x321, start_bit: 0, length: 8}}]
"""


async def test_a_frame_of_a_test_becomes_a_value_of_the_vehicle(car: Car, can_bus: VirtualCan) -> None:
    await car.start(SECTION.format(channel=can_bus.channel))

    def shifted() -> bool:
        can_bus.send(0x321, bytes([4]))
        return car.value("sensor.gear") == 4

    await car.until(shifted)
    assert can_bus.heard() == []  # the gateway only listens


def test_two_buses_of_one_session_never_meet(can_bus: VirtualCan) -> None:
    other = VirtualCan()
    other.send(0x100, b"\x01")
    assert can_bus.heard() == []
    assert other.channel != can_bus.channel
    other.close()


async def test_the_name_of_a_signal_in_the_configuration_is_changed_there(car: Car, can_bus: VirtualCan) -> None:
    await car.start(SECTION.format(channel=can_bus.channel))
    await car.until(lambda: "sensor.gear" in car.core.entities)
    web = await car.web()
    refused = await web.patch("/api/v1/entities/sensor.gear", json={"name": "Marcha"})
    assert (refused.status_code, "config.yaml:" in refused.text) == (409, True)
    assert (await web.patch("/api/v1/entities/sensor.gear", json={"icon": "car"})).status_code == 200
