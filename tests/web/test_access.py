"""Who may come in: nobody without a name, no other site's page, and no route that says nothing about it."""

from __future__ import annotations

import pytest

from tests.conftest import PASSWORD, Start

SETUP = "mqtt: {anonymous: loopback}\nlogging: {level: error}\n"


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/entities",
        "/api/v1/entities/sensor.x",
        "/api/v1/nothing",
        "/metrics",
        "/schema/openapi.json",
        "/api/v1/audit?limit=x",
    ],
)
async def test_without_a_name_nothing_is_told(start: Start, path: str) -> None:
    gateway = await start(SETUP)
    answer = await gateway.client.get(path, headers={"Authorization": ""})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["code"] == "not_authenticated"


async def test_pages_lead_to_the_log_in_and_back(start: Start) -> None:
    gateway = await start()
    answer = await gateway.client.get("/relays", headers={"Authorization": ""})
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=/relays")


async def test_before_the_first_administrator_only_the_set_up_answers(tmp_path, start: Start) -> None:
    gateway = await start(SETUP)
    await gateway.gateway.stop()
    (tmp_path / "data" / "state.db").rename(tmp_path / "data" / "other.db")  # as on the first day
    for file in (tmp_path / "data").glob("state.db-*"):
        file.unlink()
    fresh = await _unset(tmp_path)
    try:
        base = f"http://127.0.0.1:{fresh.http_port}"
        client = gateway.client
        client.headers.pop("Authorization")
        assert (await client.get(f"{base}/")).headers["location"] == "/setup"
        assert (await client.get(f"{base}/setup")).status_code == 200
        assert (await client.get(f"{base}/login")).status_code == 303
        assert (await client.post(f"{base}/api/v1/auth/login", json={"username": "a", "password": "b"})).status_code == 401
        wrong = {"code": "AAAA-AAAA", "username": "ana", "password": PASSWORD}
        assert (await client.post(f"{base}/api/v1/auth/setup", json=wrong)).status_code == 401
        weak = {"code": fresh.setup_code, "username": "ana", "password": "1234567890"}
        assert (await client.post(f"{base}/api/v1/auth/setup", json=weak)).status_code == 400
        right = {"code": fresh.setup_code, "username": "ana", "password": PASSWORD}
        assert (await client.post(f"{base}/api/v1/auth/setup", json=right)).status_code == 201
        assert (await client.post(f"{base}/api/v1/auth/setup", json=right)).status_code == 401
        assert not (tmp_path / "data" / "autocore-setup.txt").exists()
    finally:
        await fresh.stop()


async def _unset(folder):
    from autocore.app import Gateway, Settings  # noqa: PLC0415  # only here
    from autocore.core.config import load  # noqa: PLC0415
    from tests.ports import free_port  # noqa: PLC0415

    gateway = Gateway(Settings(folder, folder / "data", free_port(), free_port()), load(folder))
    await gateway.start()
    return gateway


async def test_another_sites_page_cannot_use_the_cookie(start: Start) -> None:
    gateway = await start()
    cookie = {"Cookie": f"autocore_session={gateway.token}", "Authorization": ""}
    path = "/api/v1/services/relays/all_off"
    for headers in (
        {"Origin": "http://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "null"},
        {"Origin": "http://["},
    ):
        answer = await gateway.client.post(path, json={}, headers=cookie | headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "cross_site")
    ours = await gateway.client.post(path, json={}, headers=cookie | {"Origin": gateway.base})
    assert ours.status_code == 200


async def test_the_gateway_answers_only_to_its_own_names(start: Start) -> None:
    gateway = await start()
    for host in ("rebound.example", "[::", "[x]:80", ""):
        answer = await gateway.client.get("/health", headers={"Host": host})
        assert answer.status_code == 421, host


async def test_every_answer_forbids_what_pages_do_not_need(start: Start) -> None:
    gateway = await start()
    headers = (await gateway.client.get("/")).headers
    policy = headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"


async def test_a_body_has_a_limit(start: Start) -> None:
    gateway = await start()
    answer = await gateway.client.post("/api/v1/auth/login", content=b"x" * 2_000_000)
    assert answer.status_code == 413


async def test_wrong_passwords_must_wait(start: Start) -> None:
    gateway = await start()
    statuses = [
        (await gateway.client.post("/api/v1/auth/login", json={"username": "ana", "password": f"wrong {n}"})).status_code
        for n in range(6)
    ]
    assert statuses == [401] * 5 + [429]
    refused = await gateway.client.post("/api/v1/auth/login", json={"username": "ana", "password": PASSWORD})
    assert int(refused.headers["retry-after"]) >= 1
    assert (await gateway.client.get("/api/v1/entities")).status_code == 200  # who is in stays in


def test_a_log_in_leads_nowhere_else() -> None:
    from autocore.web.pages.account import inside  # noqa: PLC0415  # a pure function among handlers

    assert [inside(one) for one in ("/relays", "//evil.example", "/\\evil", "https://evil.example", "/a\nb", "")] == [
        "/relays",
        *["/"] * 5,
    ]
