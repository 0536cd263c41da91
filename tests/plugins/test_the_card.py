"""The five plugins that everybody gets: each brings its own topic, entity, service and page."""

from __future__ import annotations

import pytest

from autocore.core.errors import InvalidData
from autocore.testing import Car

FIVE = """
relays: {boards: [{device: main, channels: {1: {name: Winch light}}}]}
telemetry:
can: {demo: true}
themes:
telegram:
"""


async def test_each_of_the_five_brings_a_topic_an_entity_a_service_and_a_page(car: Car) -> None:
    await car.start(FIVE)
    car.publish("autocore/telemetry/cabin/data", {"temperature": 21})
    web = await car.web()
    await car.until(lambda: car.plugin("can").entities)
    for name in ("relays", "telemetry", "can", "themes", "telegram"):
        plugin = (await web.get(f"/api/v1/plugins/{name}")).json()
        assert plugin["status"] == "running", plugin
        missing = [what for what in ("topics", "entities", "services", "panels") if not plugin[what]]
        assert not missing, f"{name} brings no {missing}"
        assert (await web.get(f"/{name}")).status_code == 200


async def test_a_reading_that_its_device_sends_no_more_is_forgotten(car: Car) -> None:
    await car.start("telemetry:\n")
    car.publish("autocore/telemetry/cabin/data", {"temprature": 21, "humidity": 40})
    await car.call("telemetry.forget", {"entity": "sensor.cabin_temprature"})
    assert [one.id for one in car.core.entities if one.owner == "telemetry"] == ["sensor.cabin_humidity"]
    with pytest.raises(InvalidData, match="no reading"):
        await car.call("telemetry.forget", {"entity": "sensor.cabin_temprature"})
    car.publish("autocore/telemetry/cabin/data", {"temprature": 22})
    assert car.value("sensor.cabin_temprature") == 22
