"""The web over HTTPS with the gateway's own authority, as a browser that trusts it, or does not, finds it."""

from __future__ import annotations

import httpx
import pytest

from tests.conftest import PASSWORD
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
        assert van.keeper.fingerprint in page.text
        assert "unsafe" not in page.headers["content-security-policy"]
        file = await client.get("/tls/ca.crt")
        assert (file.content, file.headers["content-type"]) == (van.ca.read_bytes(), "application/x-x509-ca-cert")
        assert (await client.get("/tls", headers={"Host": "rebound.example"})).status_code == 421
        assert "set-cookie" not in {name for one in (page, file) for name in one.headers}
