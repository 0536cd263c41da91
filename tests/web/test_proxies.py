"""Behind a proxy each is known by the own address; whoever is no proxy of the owner's is believed nothing."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin

from autocore.core.config import load
from tests.conftest import PASSWORD, Running, Start

PROXIED = "mqtt: {anonymous: loopback}\nweb: {proxies: [127.0.0.1], names: [van.example.org]}\nlogging: {level: error}\n"
SOMEWHERE = PROXIED.replace("127.0.0.1", "192.0.2.0/24")
ANA = "203.0.113.7"
BY_HTTPS = {"X-Forwarded-For": ANA, "X-Forwarded-Proto": "https", "Host": "van.example.org", "Authorization": ""}


async def log_in(gateway: Running, password: str = PASSWORD, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return await gateway.client.post(
        "/api/v1/auth/login", json={"username": "ana", "password": password}, headers=BY_HTTPS | named
    )


async def newest_address(gateway: Running) -> str:
    sessions = (await gateway.client.get("/api/v1/auth/sessions")).json()["items"]
    newest: str = max(sessions, key=lambda one: one["started_at"])["address"]
    return newest


async def test_who_comes_by_a_proxy_is_known_by_the_own_address(start: Start) -> None:
    gateway = await start(PROXIED)
    for said, known in {
        ANA: ANA,
        f"{ANA}:50123": ANA,
        "2001:db8::7": "2001:db8::7",
        f"198.51.100.1, {ANA}": ANA,  # the first is what the client wrote itself
        f"{ANA}, 127.0.0.1": ANA,  # two proxies of ours, one behind the other
        "127.0.0.1": "127.0.0.1",
        "<b>nobody</b>": "127.0.0.1",
        "x" * 5_000: "127.0.0.1",
        "": "127.0.0.1",
    }.items():
        assert (await log_in(gateway, X_Forwarded_For=said)).status_code == 200
        assert await newest_address(gateway) == known


async def test_who_guesses_behind_a_proxy_locks_nobody_else_out(start: Start) -> None:
    gateway = await start(PROXIED)
    guesses = [(await log_in(gateway, f"wrong {n}", X_Forwarded_For=f"{n}.1.1.1, 198.51.100.66")).status_code for n in range(6)]
    assert guesses == [401] * 5 + [429]  # another invented address each time is no other client
    assert (await log_in(gateway)).status_code == 200


async def test_who_is_no_proxy_is_not_believed(start: Start) -> None:
    gateway = await start(SOMEWHERE)
    answer = await log_in(gateway)
    assert await newest_address(gateway) == "127.0.0.1"
    assert "__Host-" not in answer.headers["set-cookie"]  # nor that it came by HTTPS


async def test_what_came_to_the_proxy_by_https_has_a_cookie_and_a_live_socket_of_https(start: Start) -> None:
    gateway = await start(PROXIED)
    cookie = (await log_in(gateway)).headers["set-cookie"]
    assert cookie.startswith("__Host-autocore_session=")
    assert "Secure" in cookie
    url = f"ws://127.0.0.1:{gateway.gateway.http_port}/api/v1/live"
    browser = {name: text for name, text in BY_HTTPS.items() if name != "Authorization"} | {"Cookie": cookie.split(";")[0]}
    async with connect(url, additional_headers=browser, origin=Origin("https://van.example.org")):
        pass
    with pytest.raises(InvalidStatus, match="403"):
        async with connect(url, additional_headers=browser, origin=Origin("http://van.example.org")):
            pass


@pytest.mark.parametrize(("config", "status"), [(PROXIED, 200), (PROXIED.replace("[127.0.0.1]", "[]"), 421)])
async def test_the_name_that_is_asked_for_is_known_where_a_proxy_stands_before_this_machine(
    start: Start, config: str, status: int
) -> None:
    gateway = await start(config)
    assert (await gateway.client.get("/health", headers={"Host": "van.example.org"})).status_code == status
    assert (await gateway.client.get("/health", headers={"Host": "rebound.example"})).status_code == 421


@pytest.mark.parametrize("proxies", ["'*'", "['*']", "[0.0.0.0/0]", "['::/0']", "[proxy]", "[192.168.8.2/24]", "[7]", "[null]"])
def test_everybody_and_nobody_are_no_proxies(tmp_path: Path, proxies: str) -> None:
    (tmp_path / "config.yaml").write_text(f"web: {{proxies: {proxies}}}\n")
    with pytest.raises(Exception, match="proxies") as refused:
        load(tmp_path)
    assert "\n" not in str(refused.value).strip()
