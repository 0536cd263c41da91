"""The MQTT API gives what REST gives, to whom REST gives it."""

from __future__ import annotations

from typing import Any

import pytest

from autocore.testing import Car

RELAYS = """
mqtt: {anonymous: loopback}
telemetry:
relays: {boards: [{device: main, channels: {1: {name: Light bar}}}]}
"""


class Client:
    """A program on MQTT."""

    def __init__(self, car: Car, name: str = "script") -> None:
        self.car, self.name = car, name

    async def ask(self, **request: Any) -> dict[str, Any]:
        before = len(self.car.heard(f"autocore/api/{self.name}/response"))
        self.car.publish(f"autocore/api/{self.name}/request", {"id": 7, **request})
        await self.car.until(lambda: len(self.car.heard(f"autocore/api/{self.name}/response")) > before)
        answer: dict[str, Any] = self.car.heard(f"autocore/api/{self.name}/response")[-1]
        return answer


async def token_of(car: Car, *scopes: str) -> str:
    web = await car.web()
    made = await web.post("/api/v1/auth/tokens", json={"name": "script", "scopes": list(scopes)})
    return str(made.json()["token"])


async def test_a_viewer_reads_what_rest_gives(car: Car) -> None:
    await car.start(RELAYS)
    car.board("cabin").measure(temperature=21.5)
    web = await car.web()
    answer = await Client(car).ask(get="entities/sensor.cabin_temperature")
    over_http = (await web.get("/api/v1/entities/sensor.cabin_temperature")).json()
    assert (answer["id"], answer["ok"]) == (7, True)
    assert answer["result"] == over_http
    listed = await Client(car).ask(get="/api/v1/entities?kind=sensor&limit=5")
    assert [one["id"] for one in listed["result"]["items"]] == ["sensor.cabin_temperature"]


async def test_a_token_switches_and_its_scope_holds(car: Car) -> None:
    await car.start(RELAYS)
    car.board("main", channels=1)
    client = Client(car)
    refused = await client.ask(service="switch.turn_on", data={"entity": "switch.light_bar"})
    assert (refused["ok"], refused["status"], refused["code"]) == (False, 403, "forbidden")
    limited = await client.ask(service="switch.turn_on", data={"entity": "switch.light_bar"}, token=await token_of(car, "read:*"))
    assert limited["ok"] is False
    done = await client.ask(service="switch.turn_on", data={"entity": "switch.light_bar"}, token=await token_of(car))
    assert done["ok"], done
    assert done["result"]["outcome"] == "applied"
    assert car.value("switch.light_bar") is True


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        ({"get": "entities/sensor.nothing"}, 404, "unknown"),
        ({"get": "../users"}, 404, None),
        ({"get": "users"}, 403, "forbidden"),
        ({"service": "switch.fly"}, 404, "unknown"),
        ({"token": "wrong", "get": "entities"}, 401, None),
        ({}, 400, "invalid"),
    ],
    ids=str,
)
async def test_what_cannot_be_is_said(car: Car, request_: dict[str, Any], status: int, code: str | None) -> None:
    await car.start(RELAYS)
    answer = await Client(car).ask(**request_)
    assert (answer["ok"], answer["status"]) == (False, status), answer
    assert answer["detail"]
    if code:
        assert answer["code"] == code


async def test_without_anonymous_clients_everybody_needs_a_token(car: Car) -> None:
    await car.start("telemetry:")
    answer = await Client(car).ask(get="entities")
    assert (answer["ok"], answer["status"]) == (False, 401)
    assert (await Client(car).ask(get="entities", token=await token_of(car)))["ok"]


async def test_a_malformed_request_is_answered_and_counted(car: Car) -> None:
    await car.start(RELAYS)
    car.publish("autocore/api/script/request", b"{not json")
    await car.until(lambda: car.heard("autocore/api/script/response"))
    assert car.heard("autocore/api/script/response")[0]["code"] == "invalid"
    assert car.core.hub.rejections.total == 1
    car.publish("autocore/api/script/request", {"id": 1, "get": "entities"}, retain=True)


async def test_an_answer_that_is_too_large_says_how_to_ask_for_less(car: Car) -> None:
    await car.start(RELAYS)
    board = car.board("cabin")
    for number in range(300):
        board.measure(**{f"reading_with_a_long_name_{number}": number})
    answer = await Client(car).ask(get="entities")
    assert (answer["code"], answer["status"]) == ("too_large", 413)
    assert (await Client(car).ask(get="entities?limit=10"))["ok"]


async def test_nobody_else_answers_for_the_gateway(car: Car) -> None:
    await car.start(RELAYS)
    from autocore.core.errors import Refused  # noqa: PLC0415  # only here

    with pytest.raises(Refused, match="only core may publish"):
        car.core.hub.publish("autocore/api/script/response", {}, owner="telemetry")


async def test_a_client_with_an_endless_name_is_refused_because_no_topic_could_carry_its_answer(car: Car) -> None:
    await car.start(RELAYS)
    longest = "x" * (65_535 - len("autocore/api//request"))
    car.publish(f"autocore/api/{longest}/request", {"id": 1, "get": "entities"})
    assert (car.core.hub.counters.failed, car.core.hub.rejections.total) == (0, 1)
