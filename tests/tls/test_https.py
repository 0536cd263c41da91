"""The web over HTTPS with the gateway's own authority, as a browser that trusts it, or does not, finds it."""

from __future__ import annotations

import json
import re

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin

from autocore.addresses import addresses_of
from autocore.tls.certificates import fingerprint, names_in
from tests.conftest import PASSWORD, eventually
from tests.tls.conftest import Share


async def test_a_browser_that_trusts_the_authority_is_answered_and_another_is_not(share: Share) -> None:
    van = await share()
    async with van.client() as client:
        assert (await client.get("/health")).json()["status"] == "ok"
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        async with httpx.AsyncClient() as stranger:
            await stranger.get(f"https://localhost:{van.ports.https}/health")


async def test_the_port_without_encryption_leads_on_and_shows_the_certificate_and_nothing_else(share: Share) -> None:
    van = await share()
    plain = f"http://localhost:{van.ports.http}"
    async with httpx.AsyncClient(base_url=plain) as client:
        for path in ("/", "/health", "/login?next=/relays", "/api/v1/entities", "/setup"):
            answer = await client.get(path)
            assert (answer.status_code, answer.headers["location"]) == (307, f"https://localhost:{van.ports.https}{path}")
        for path in ("/api/v1/auth/login", "/login", "/tls/renew"):
            refused = await client.post(path, json={"username": "ana", "password": PASSWORD})
            assert (refused.status_code, refused.json()["code"]) == (403, "use_https")
        page = await client.get("/tls")
        assert van.keeper.fingerprint in page.text.replace("<wbr>", "")
        assert "unsafe" not in page.headers["content-security-policy"]
        file = await client.get("/tls/ca.crt")
        assert (file.content, file.headers["content-type"]) == (van.ca.read_bytes(), "application/x-x509-ca-cert")
        assert (await client.get("/tls", headers={"Host": "rebound.example"})).status_code == 421
        assert "set-cookie" not in {name for one in (page, file) for name in one.headers}


async def test_a_log_in_over_https_gives_a_cookie_that_never_travels_without_encryption(share: Share) -> None:
    van = await share()
    async with van.client() as client:
        made = await van.set_up(client)
        cookie = made.headers["set-cookie"]
        assert cookie.startswith("__Host-autocore_session=")
        assert {"Secure", "HttpOnly", "Path=/"} <= {part.strip() for part in cookie.split(";")}
        assert "samesite=strict" in cookie.lower()
        assert "domain" not in cookie.lower()
        assert (await client.get("/api/v1/auth/session")).json()["username"] == "ana"
        assert not [name for name in made.headers if "strict-transport" in name.lower()]
        token = made.json()["token"]
        client.cookies.clear()
        plain = await client.get("/api/v1/auth/session", headers={"Cookie": f"autocore_session={token}"})
        assert plain.status_code == 401  # a page on the port without encryption could have set that one
        form = {"username": "ana", "password": PASSWORD}
        page = await client.post("/login", data=form, headers={"Origin": str(client.base_url)})
        assert page.headers["set-cookie"].startswith("__Host-autocore_session=")
        out = await client.post("/logout", headers={"Origin": str(client.base_url)})
        assert "Secure" in out.headers["set-cookie"]
        assert "Max-Age=0" in out.headers["set-cookie"]


async def test_another_sites_page_cannot_use_the_cookie_over_https_either(share: Share) -> None:
    van = await share()
    here = f"https://localhost:{van.ports.https}"
    async with van.client() as client:
        await van.set_up(client)
        path, body = "/api/v1/auth/tokens", {"name": "script"}
        for origin in (
            "https://evil.example",
            f"http://localhost:{van.ports.https}",
            f"http://localhost:{van.ports.http}",
            "null",
        ):
            answer = await client.post(path, json=body, headers={"Origin": origin})
            assert (answer.status_code, answer.json()["code"]) == (403, "cross_site"), origin
        assert (await client.post(path, json=body, headers={"Origin": here})).status_code == 201


async def test_the_live_socket_works_over_https_and_asks_for_the_same(share: Share) -> None:
    van = await share()
    here = f"https://localhost:{van.ports.https}"
    url = f"wss://localhost:{van.ports.https}/api/v1/live"
    async with van.client() as client:
        token = (await van.set_up(client)).json()["token"]
    cookie = {"Cookie": f"__Host-autocore_session={token}"}
    async with connect(url, ssl=van.trusting(), additional_headers=cookie, origin=Origin(here)) as socket:
        await socket.send('{"ping": 7}')
        assert json.loads(await socket.recv())["pong"] == 7
    for headers, origin in ((cookie, "https://evil.example"), ({"Cookie": f"autocore_session={token}"}, here)):
        with pytest.raises((InvalidStatus, ConnectionClosed)):
            async with connect(url, ssl=van.trusting(), additional_headers=headers, origin=Origin(origin)) as socket:
                await socket.recv()
    with pytest.raises((InvalidStatus, ConnectionClosed)):  # the port without encryption has no socket
        async with connect(f"ws://localhost:{van.ports.http}/api/v1/live", additional_headers=cookie) as socket:
            await socket.recv()


async def test_it_answers_to_its_own_names_only_and_each_of_them_stands_in_the_certificate(share: Share) -> None:
    van = await share()
    server = van.keeper.authority.server
    hosts = names_in(server).hosts
    assert {"localhost", "van", "van.local", "van.example.org"} <= set(hosts)
    assert {"127.0.0.1", "::1", *addresses_of("0.0.0.0")} == set(names_in(server).addresses)
    async with van.client() as client:
        for name in (*hosts, *addresses_of("0.0.0.0"), "127.0.0.1"):
            answer = await client.get("/health", headers={"Host": f"{name}:{van.ports.https}"})
            assert answer.status_code == 200, name
        assert (await client.get("/health", headers={"Host": "rebound.example"})).status_code == 421


async def test_renewing_asks_for_the_password_again_and_is_written_down(share: Share) -> None:
    van = await share()
    async with van.client() as client:
        await van.set_up(client)
        before = van.keeper.authority.server
        for body in ({}, {"password": "wrong wrong wrong"}):
            refused = await client.post("/api/v1/tls/renew", json=body)
            assert (refused.status_code, "the password is wrong" in refused.json()["detail"]) == (403, True)
        form = await client.post("/tls/renew", data={"password": "wrong"})
        assert (form.status_code, "the password is wrong" in form.text) == (403, True)
        assert van.keeper.authority.server == before
        renewed = await client.post("/api/v1/tls/renew", json={"password": PASSWORD})
        assert renewed.json()["certificate"]["sha256"] == fingerprint(van.keeper.authority.server) != fingerprint(before)
        assert renewed.json()["authority"]["sha256"] == van.keeper.fingerprint
        assert (await client.post("/tls/renew", data={"password": PASSWORD})).headers["location"] == "/tls"
        rows = (await client.get("/api/v1/audit")).json()["items"]
        outcomes = [row["outcome"] for row in rows if row["service"] == "tls.renew"]
        assert PASSWORD not in json.dumps(rows)
        assert sorted(outcomes) == ["done", "done", "forbidden", "forbidden", "forbidden"]
        events = (await client.get("/api/v1/events")).json()["items"]
        assert len([one for one in events if one["type"] == "tls.renewed"]) == 2
        await client.post(
            "/api/v1/users", json={"username": "bia", "password": PASSWORD, "role": "technician", "own_password": PASSWORD}
        )
        token = (await client.post("/api/v1/auth/login", json={"username": "bia", "password": PASSWORD})).json()["token"]
        client.cookies.clear()
        bearer = {"Authorization": f"Bearer {token}"}
        assert (await client.post("/api/v1/tls/renew", json={"password": PASSWORD}, headers=bearer)).status_code == 403
        page = await client.get("/tls", headers=bearer)
        assert (van.keeper.fingerprint in page.text.replace("<wbr>", ""), 'action="/tls/renew"' in page.text) == (True, False)
        assert (await client.get("/tls/ca.crt", headers=bearer)).content == van.ca.read_bytes()


async def test_on_this_machine_everything_stays_as_it_was(share: Share) -> None:
    van = await share("logging: {{level: warning}}\n")
    async with httpx.AsyncClient(base_url=f"http://localhost:{van.ports.http}") as client:
        made = await van.set_up(client)
        assert made.headers["set-cookie"].startswith("autocore_session=")
        assert "Secure" not in made.headers["set-cookie"]
        page = await client.get("/tls")
        assert "Nothing here is encrypted" in page.text
        assert (await client.get("/tls/ca.crt")).status_code == 404
        assert (await client.get("/api/v1/tls")).json() == {"authority": None, "certificate": None}
        refused = await client.post("/api/v1/tls/renew", json={"password": PASSWORD})
        assert (refused.status_code, refused.json()["code"]) == (409, "not_encrypted")
        assert 'role="note"' not in page.text


@pytest.mark.parametrize(
    ("text", "banners"),
    [
        ("web: {{host: 0.0.0.0, plain_lan: true, mdns: false}}\n", ["web.plain_lan"]),
        ("web: {{host: 0.0.0.0, plain_http: true, mdns: false}}\n", ["web.plain_lan"]),
        ("mqtt: {{host: 0.0.0.0, plain_lan: true, tls: {{port: {tls}, websockets: never}}}}\n", ["mqtt.plain_lan"]),
        ("web: {{plain_lan: true}}\nmqtt: {{plain_lan: true}}\n", []),
    ],
    ids=["plain web", "by its older word", "plain MQTT", "on this machine only"],
)
async def test_what_is_not_encrypted_stands_on_every_page(share: Share, text: str, banners: list[str]) -> None:
    van = await share("logging: {{level: warning}}\n" + text)
    async with httpx.AsyncClient(base_url=f"http://localhost:{van.ports.http}") as client:
        pages = [await client.get("/setup")]
        await van.set_up(client)
        pages += [await client.get(path) for path in ("/", "/settings", "/logs", "/nothing")]
        client.cookies.clear()
        pages.append(await client.get("/login"))
    for page in pages:
        assert re.findall(r'role="note">.*?\((\w+\.plain_lan)\)', page.text, re.DOTALL) == banners, page.url


async def test_a_new_address_of_the_machine_is_in_the_certificate_within_a_minute(
    share: Share, monkeypatch: pytest.MonkeyPatch
) -> None:
    van = await share()
    before = fingerprint(van.keeper.authority.server)
    monkeypatch.setattr("autocore.doors.addresses_of", lambda host: ["10.9.8.7"])
    van.keeper._look()
    await eventually(lambda: fingerprint(van.keeper.authority.server) != before)
    assert "10.9.8.7" in names_in(van.keeper.authority.server).addresses
    async with van.client() as client:
        assert (await client.get("/health")).status_code == 200  # who connects now is shown the new one


async def test_a_damaged_key_of_the_authority_starts_all_the_same_and_people_are_told(share: Share) -> None:
    van = await share()
    before = van.keeper.fingerprint
    async with van.client() as client:
        await van.set_up(client)
    await van.gateway.stop()
    (van.folder / "data/ca/ca.key").write_bytes(b"a dying card")
    again = await share()
    assert again.keeper.fingerprint != before
    async with again.client() as client:
        await client.post("/api/v1/auth/login", json={"username": "ana", "password": PASSWORD})
        told = (await client.get("/api/v1/events")).json()["items"]
    words = [one["data"]["text"] for one in told if one["type"] == "notification.sent"]
    assert any("ca.key.damaged-1" in text and "devices and browsers must trust the new CA" in text for text in words)
