"""The tank on the road, with nothing but what AutoCore gives to authors."""

import pytest

from autocore.api import InvalidData, Role
from autocore.testing import Car


async def test_the_level_comes_from_the_float(car: Car) -> None:
    await car.start("tank: {litres: 80}")
    car.publish("autocore/tank/level", {"percent": 25})
    assert car.value("sensor.tank_level") == 20
    car.publish("autocore/tank/level", {"percent": "full"})
    assert car.value("sensor.tank_level") == 20


async def test_a_refill_is_remembered_over_a_restart(car: Car) -> None:
    await car.start("tank:")
    assert await car.call("tank.refill", {"litres": 40}) == {"refills": 1}
    with pytest.raises(InvalidData):
        await car.call("tank.refill", {"litres": 0})
    await car.stop()
    await car.start("tank:")
    web = await car.web()
    assert (await web.get("/api/v1/tank/refills")).json() == {"items": [40.0]}


async def test_people_are_told_when_the_water_runs_low(car: Car) -> None:
    await car.start("tank:")
    web = await car.web()
    car.publish("autocore/tank/level", {"percent": 5})
    assert car.entity("sensor.tank_level").level == "warn"
    for _ in range(3_000):  # the outbox writes in a thread, and a machine may be busy
        told = (await web.get("/api/v1/tank/secret")).json()["told"]
        if any("below 10" in one for one in told):
            break
    assert any("Water is 5 L, below 10" in one for one in told)


async def test_a_route_without_a_role_is_for_administrators(car: Car) -> None:
    await car.start("tank:")
    web = await car.web()
    person = {"username": "bob", "password": "three random words", "role": "viewer", "own_password": "three random words"}
    await web.post("/api/v1/users", json=person)
    login = await web.post("/api/v1/auth/login", json={"username": "bob", "password": "three random words"})
    bob = {"Authorization": f"Bearer {login.json()['token']}"}
    assert (await web.get("/api/v1/tank/refills", headers=bob)).status_code == 200
    assert (await web.get("/api/v1/tank/secret", headers=bob)).status_code == 403


async def test_the_pages_speak_the_readers_language(car: Car) -> None:
    await car.start("tank:")
    car.publish("autocore/tank/level", {"percent": 50})
    assert "Tank" in await car.page("/tank")
    assert "Água" in await car.page("/tank", language="pt-BR")
    assert 'hx-post="/services/tank.refill"' in await car.page("/tank")


async def test_a_viewer_cannot_refill(car: Car) -> None:
    await car.start("tank:")
    with pytest.raises(Exception, match="needs the role operator"):
        await car.call("tank.refill", {"litres": 1}, role=Role.VIEWER)
