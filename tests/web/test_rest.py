"""REST as others rely on it: values out, commands in, errors that say what to do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import pytest
from paho.mqtt import publish, subscribe

from tests.conftest import PASSWORD, Ear, Running, Start, eventually


async def send(gateway: Running, topic: str, payload: str | bytes, *, qos: int = 0, retain: bool = False) -> None:
    await asyncio.to_thread(
        publish.single, topic, payload, qos=qos, retain=retain, hostname=gateway.broker.host, port=gateway.broker.port
    )


async def test_a_reading_is_an_entity_and_a_row_in_the_history(start: Start) -> None:
    gateway = await start()
    await send(gateway, "autocore/telemetry/cabin/data", '{"temperature": 21.5}')
    cabin = await eventually(lambda: gateway.entity("sensor.cabin_temperature"))
    assert (cabin["value"], cabin["unit"], cabin["device"], cabin["available"]) == (21.5, "°C", "cabin", True)
    answer = await gateway.client.get("/api/v1/entities/sensor.cabin_temperature/history")
    ((at, value),) = answer.json()["points"]
    assert (at, value) == (cabin["updated_at"], 21.5)


async def test_a_relay_is_switched_when_its_board_says_so(vehicle: Running) -> None:
    ear = Ear(vehicle.broker)
    await ear.listen("autocore/relays/+/command", qos=2)
    answer = await vehicle.client.post("/api/v1/services/switch/turn_on", json={"entity": "switch.light_bar"})
    assert answer.status_code == 200
    assert answer.json()["outcome"] == "applied"
    assert await vehicle.has("switch.light_bar", True)
    sent = await ear.next()
    ear.close()
    body = json.loads(sent.payload)
    assert {"id", "session", "seq", "ttl_ms", "epoch", "t_ms", "channel", "state", "type"} <= set(body)
    assert (sent.qos, sent.retain, body["channel"], body["state"]) == (2, False, 1, True)
    shown = await vehicle.entity("switch.light_bar")
    assert shown is not None
    assert shown["cause"] == {"via": "rest", "who": "ana"}
    assert (shown["attributes"]["type"], shown["attributes"]["board"], shown["attributes"]["channel"]) == (
        "toggle",
        "relay_board_1",
        1,
    )


async def test_a_pulse_comes_back_by_itself(vehicle: Running) -> None:
    answer = await vehicle.client.post("/api/v1/services/switch/turn_on", json={"entity": "switch.gate"})
    assert answer.status_code == 200
    await eventually(lambda: vehicle.has("switch.gate", False))


async def test_several_relays_answer_each_for_itself(vehicle: Running) -> None:
    both = ["switch.light_bar", "switch.work_lights"]
    answer = await vehicle.client.post("/api/v1/services/switch/turn_on", json={"entity": both})
    assert [(one["entity"], one["ok"]) for one in answer.json()["results"]] == [(name, True) for name in both]
    off = await vehicle.client.post("/api/v1/services/relays/all_off", json={})
    assert all(one["ok"] for one in off.json()["results"])
    assert not await vehicle.has("switch.work_lights", True)


async def test_an_idempotency_key_acts_once(vehicle: Running) -> None:
    headers = {"Idempotency-Key": "press-7"}
    path, body = "/api/v1/services/switch/toggle", {"entity": "switch.light_bar"}
    first = await vehicle.client.post(path, json=body, headers=headers)
    second = await vehicle.client.post(path, json=body, headers=headers)
    assert first.json() == second.json()
    assert await vehicle.has("switch.light_bar", True)


async def test_accepted_answers_before_the_board_does(vehicle: Running) -> None:
    answer = await vehicle.client.post("/api/v1/services/switch/turn_on?wait=accepted", json={"entity": "switch.light_bar"})
    assert answer.json()["outcome"] == "asked"
    await eventually(lambda: vehicle.has("switch.light_bar", True))


async def test_a_board_that_is_away_refuses(start: Start) -> None:
    gateway = await start()
    answer = await gateway.client.post("/api/v1/services/switch/turn_on", json={"entity": "switch.light_bar"})
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown")  # it never showed itself
    await send(gateway, "autocore/devices/relay_board_1/status", '{"status": "offline"}', retain=True)
    answer = await eventually(lambda: _refused(gateway))
    assert answer["code"] == "offline"


async def _refused(gateway: Running) -> dict[str, str] | None:
    answer = await gateway.client.post("/api/v1/services/switch/turn_on", json={"entity": "switch.light_bar"})
    return answer.json() if answer.status_code == 409 else None


async def test_a_board_that_is_silent_is_a_time_out(start: Start) -> None:
    gateway = await start()
    await send(gateway, "autocore/devices/relay_board_1/status", '{"status": "online", "session": "s1"}', retain=True)
    await eventually(lambda: _welcomed(gateway))
    answer = await gateway.client.post("/api/v1/services/switch/turn_on", json={"entity": "switch.light_bar"})
    assert (answer.status_code, answer.json()["code"]) == (504, "no_answer")
    assert not await gateway.has("switch.light_bar", True)


async def _welcomed(gateway: Running) -> bool:
    answer = await gateway.client.get("/api/v1/devices/relay_board_1")
    return answer.status_code == 200 and answer.json()["is_welcomed"]


async def test_a_retained_command_is_deleted(start: Start) -> None:
    first = await start()
    await send(first, "autocore/relays/relay_board_1/command", '{"channel": 1, "state": true}', qos=1, retain=True)
    await first.gateway.stop()

    again = await start()  # it heard the command live before; now it finds it stored

    def stored() -> str:
        topics = ["autocore/relays/relay_board_1/command", "autocore/gateway/status"]
        topic: str = subscribe.simple(topics, hostname=again.broker.host, port=again.broker.port).topic
        return topic

    await eventually(lambda: _is_gone(stored))


async def _is_gone(stored: Callable[[], str]) -> bool:
    return await asyncio.to_thread(stored) == "autocore/gateway/status"


@pytest.mark.parametrize(
    "payload",
    [b"{", b"\xff\xfe", b'{"rpm": 1e400}', b"[" * 5000, b'{"rpm": NaN}', b"", b"null", b'{"rpm": [1]}', b"7"],
    ids=["cut off", "no UTF-8", "too large a number", "deep", "NaN", "empty", "null", "a list", "a bare number"],
)
async def test_a_malformed_reading_changes_nothing_and_the_next_arrives(start: Start, payload: bytes) -> None:
    gateway = await start()
    await send(gateway, "autocore/telemetry/engine/data", '{"rpm": 800}')
    await eventually(lambda: gateway.has("sensor.engine_rpm", 800))
    await send(gateway, "autocore/telemetry/engine/data", payload)
    await send(gateway, "autocore/telemetry/engine/data", '{"speed": 30}')
    await eventually(lambda: gateway.has("sensor.engine_speed", 30))
    assert await gateway.has("sensor.engine_rpm", 800)


async def test_lists_are_filtered_and_paged(vehicle: Running) -> None:
    client = vehicle.client
    await eventually(lambda: vehicle.entity("sensor.engine_rpm"))
    switches = (await client.get("/api/v1/entities", params={"kind": "switch"})).json()
    assert [one["id"] for one in switches["items"]] == ["switch.gate", "switch.light_bar", "switch.work_lights"]
    first = (await client.get("/api/v1/entities", params={"kind": "switch", "limit": 2})).json()
    rest = (await client.get("/api/v1/entities", params={"kind": "switch", "cursor": first["next"]})).json()
    assert [one["id"] for one in rest["items"]] == ["switch.work_lights"]
    assert rest["next"] is None
    engine = (await client.get("/api/v1/entities", params={"device": "engine", "text": "rpm"})).json()
    assert [one["id"] for one in engine["items"]] == ["sensor.engine_rpm"]


@pytest.mark.parametrize(
    ("method", "path", "status", "word"),
    [
        ("GET", "/api/v1/entities/sensor.nothing", 404, "entity"),
        ("GET", "/api/v1/nothing", 404, "nothing here"),
        ("GET", "/api/v1/plugins/relay", 404, "did you mean relays"),
        ("GET", "/api/v1/devices/nobody", 404, "device"),
        ("POST", "/api/v1/services/switch/turn_onn", 404, "did you mean switch.turn_on"),
        ("POST", "/api/v1/services/switch/turn_on", 400, "entity"),
        ("GET", "/api/v1/entities?limit=0", 400, "limit"),
        ("GET", "/api/v1/entities/sensor.system_uptime/history?from=yesterday", 400, "from"),
        ("GET", "/api/v1/entities/sensor.system_uptime/history?from=9&to=3", 400, "from"),
        ("DELETE", "/api/v1/auth/tokens/none", 404, "token"),
        ("DELETE", "/api/v1/users/nobody", 400, "body"),
        ("PUT", "/api/v1/entities", 405, "method"),
    ],
)
async def test_a_wrong_request_gets_one_sentence(start: Start, method: str, path: str, status: int, word: str) -> None:
    gateway = await start()
    answer = await gateway.client.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert word in problem["detail"]
    assert problem["status"] == status


async def test_a_body_of_the_wrong_shape_names_the_field(start: Start) -> None:
    gateway = await start()
    path = "/api/v1/services/switch/turn_on"
    broken = await gateway.client.post(path, content=b"{")
    listed = await gateway.client.post(path, json=["switch.light_bar"])
    login = await gateway.client.post("/api/v1/auth/login", json={"username": 7, "password": "x"})
    assert [one.status_code for one in (broken, listed, login)] == [400, 400, 400]
    assert "username" in login.json()["detail"]


async def test_plugins_services_and_audit_are_listed(vehicle: Running) -> None:
    client = vehicle.client
    await client.post("/api/v1/services/switch/turn_on", json={"entity": "switch.light_bar", "pin": "1234"})
    plugins = {one["name"]: one for one in (await client.get("/api/v1/plugins")).json()["items"]}
    assert {name: one["status"] for name, one in plugins.items()} == dict.fromkeys(("relays", "system", "telemetry"), "running")
    assert plugins["relays"]["entities"] == 3
    services = {one["name"]: one for one in (await client.get("/api/v1/services")).json()["items"]}
    assert services["switch.turn_on"]["schema"]["required"] == ["entity"]
    assert "relays.all_off" in services
    row = (await client.get("/api/v1/audit")).json()["items"][0]
    assert (row["service"], row["who"], row["outcome"], row["data"]["pin"]) == ("switch.turn_on", "ana", "done", "***")


async def test_a_plugin_is_reloaded_and_keeps_its_entities(vehicle: Running) -> None:
    answer = await vehicle.client.post("/api/v1/plugins/relays/reload")
    assert answer.json()["status"] == "running"
    assert answer.json()["entities"] == 3
    await eventually(lambda: vehicle.has("switch.light_bar", False))


async def test_the_document_describes_the_interface_and_nothing_else(start: Start) -> None:
    gateway = await start()
    document = (await gateway.client.get("/schema/openapi.json")).json()
    assert document["paths"]
    assert all(path.startswith("/api/v1/") for path in document["paths"])
    page = await gateway.client.get("/schema")
    assert "swagger-ui-bundle.js" in page.text
    assert "http" not in page.text.replace("https://www.w3.org", "")


async def test_metrics_and_health_tell_how_it_is(start: Start) -> None:
    gateway = await start()
    metrics = (await gateway.client.get("/metrics")).text
    assert "autocore_mqtt_received_total" in metrics
    assert 'autocore_plugin_calls_total{plugin="telemetry"}' in metrics
    assert (await gateway.client.get("/health")).json()["status"] == "ok"
    assert (await gateway.client.get("/ready")).status_code == 200


async def test_a_device_waits_for_its_approval(start: Start) -> None:
    gateway = await start("mqtt: {anonymous: loopback}\nlogging: {level: error}\ntelemetry:\n")
    await send(gateway, "autocore/telemetry/stranger/data", '{"temperature": 1}')
    found = await eventually(lambda: _device(gateway, "stranger"))
    assert found["standing"] == "found"
    assert await gateway.entity("sensor.stranger_temperature") is None
    await gateway.client.post("/api/v1/devices/stranger/approve")
    await send(gateway, "autocore/telemetry/stranger/data", '{"temperature": 2}')
    await eventually(lambda: gateway.has("sensor.stranger_temperature", 2))
    await gateway.client.post("/api/v1/devices/stranger/retire")
    assert (await _device(gateway, "stranger") or {})["standing"] == "retired"


async def _device(gateway: Running, device: str) -> dict[str, str] | None:
    answer = await gateway.client.get(f"/api/v1/devices/{device}")
    return answer.json() if answer.status_code == 200 else None


async def test_after_a_restart_everything_is_known_again(start: Start) -> None:
    first = await start()
    await send(first, "autocore/telemetry/cabin/data", '{"temperature": 21.5, "mode": "night"}')
    await eventually(lambda: first.has("sensor.cabin_temperature", 21.5))
    seq = (await first.entity("sensor.cabin_temperature") or {})["seq"]
    await first.gateway.stop()

    again = await start()
    assert again.gateway.setup_code is None
    cabin = await again.entity("sensor.cabin_temperature")
    assert cabin is not None
    assert (cabin["value"], cabin["available"], cabin["unit"]) == (21.5, False, "°C")
    history = (await again.client.get("/api/v1/entities/sensor.cabin_temperature/history")).json()["points"]
    assert history[0][1] == 21.5
    await send(again, "autocore/telemetry/cabin/data", '{"temperature": 22.0}')
    await eventually(lambda: again.has("sensor.cabin_temperature", 22.0))
    assert (await again.entity("sensor.cabin_temperature") or {})["seq"] > seq


async def test_users_and_tokens_are_managed(start: Start) -> None:
    gateway = await start()
    client = gateway.client
    made = await client.post(
        "/api/v1/users", json={"username": "bia", "password": PASSWORD, "role": "viewer", "own_password": PASSWORD}
    )
    assert made.status_code == 201
    login = await client.post("/api/v1/auth/login", json={"username": "bia", "password": PASSWORD})
    bearer = {"Authorization": f"Bearer {login.json()['token']}"}
    assert (await client.get("/api/v1/auth/session", headers=bearer)).json()["role"] == "viewer"
    assert (await client.get("/api/v1/users", headers=bearer)).status_code == 403
    assert (await client.post("/api/v1/services/relays/all_off", json={}, headers=bearer)).status_code == 403
    token = (await client.post("/api/v1/auth/tokens", json={"name": "ci", "scopes": ["read:*"]})).json()
    limited = {"Authorization": f"Bearer {token['token']}"}
    assert (await client.get("/api/v1/entities", headers=limited)).status_code == 200
    assert (await client.post("/api/v1/services/relays/all_off", json={}, headers=limited)).status_code == 403
    switching = (await client.post("/api/v1/auth/tokens", json={"name": "panel", "scopes": ["services:relays.*"]})).json()
    panel = {"Authorization": f"Bearer {switching['token']}"}
    assert (await client.post("/api/v1/services/relays/all_off", json={}, headers=panel)).status_code == 200
    assert (await client.get("/api/v1/entities", headers=panel)).status_code == 403
    assert (await client.delete(f"/api/v1/auth/tokens/{token['id']}")).status_code == 204
    assert (await client.get("/api/v1/entities", headers=limited)).status_code == 401
    other = {"password": "four other random words", "own_password": PASSWORD}
    assert (await client.post("/api/v1/users/bia/password", json=other)).status_code == 204
    assert (await client.get("/api/v1/auth/session", headers=bearer)).status_code == 401
    gone = await client.request("DELETE", "/api/v1/users/bia", json={"own_password": PASSWORD})
    assert gone.status_code == 204
    sessions = (await client.get("/api/v1/auth/sessions")).json()["items"]
    assert [one["username"] for one in sessions] == ["ana"]
    assert (await client.delete(f"/api/v1/auth/sessions/{sessions[0]['id']}")).status_code == 204
    assert (await client.get("/api/v1/entities")).status_code == 401
