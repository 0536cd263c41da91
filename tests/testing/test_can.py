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
