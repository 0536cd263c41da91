"""The gateway's name in the local network."""

from __future__ import annotations

import asyncio

import pytest
from zeroconf import AddressResolver, IPVersion
from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

from autocore.addresses import addresses_of
from autocore.core.config.sections import WebSection, sections_of
from autocore.testing import FakeClock
from autocore.web.hosts import known_hosts
from autocore.web.mdns import LOOK_EVERY_S, SERVICES, NameInNetwork


async def resolved(name: str, within_ms: int = 3_000) -> list[str]:
    client = AsyncZeroconf(interfaces=["127.0.0.1"], ip_version=IPVersion.V4Only)
    resolver = AddressResolver(f"{name}.local.")
    await resolver.async_request(client.zeroconf, within_ms)
    await client.async_close()
    return resolver.parsed_addresses()


async def until_told(name: NameInNetwork) -> None:
    async with asyncio.timeout(10):
        while not name._told:  # noqa: ASYNC110  # the announcement takes as long as RFC 6762 says
            await asyncio.sleep(0.02)


async def test_a_phone_finds_the_gateway_by_its_name_as_long_as_it_runs() -> None:
    clock = FakeClock()
    here: list[str] = []
    name = NameInNetwork(clock, "autocore-test", "My vehicle", ("https", 8443), lambda: here)
    name.start()
    await asyncio.sleep(0)
    assert await resolved("autocore-test", 300) == []  # the Wi-Fi is not there yet
    here.append("127.0.0.1")
    clock.advance(s=LOOK_EVERY_S)
    await until_told(name)
    assert await resolved("autocore-test") == ["127.0.0.1"]
    client = AsyncZeroconf(interfaces=["127.0.0.1"], ip_version=IPVersion.V4Only)
    info = AsyncServiceInfo(SERVICES["https"], f"My vehicle.{SERVICES['https']}")
    assert await info.async_request(client.zeroconf, 3_000)
    assert (info.port, info.server) == (8443, "autocore-test.local.")
    await client.async_close()
    await name.stop()
    assert await resolved("autocore-test", 300) == []


async def test_a_machine_without_multicast_costs_a_warning_and_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    clock = FakeClock()
    name = NameInNetwork(
        clock, "autocore-test", "My vehicle", ("https", 8443), lambda: ["203.0.113.1"]
    )  # an address of nobody here
    name.start()
    for _ in range(3):
        await asyncio.sleep(0.02)
        clock.advance(s=LOOK_EVERY_S)
    await name.stop()
    assert [record.levelname for record in caplog.records if "not announced" in record.message] == ["WARNING"]


def test_the_addresses_of_all_interfaces_are_never_the_loopback() -> None:
    assert addresses_of("192.168.4.1") == ["192.168.4.1"]
    assert not [one for one in addresses_of("0.0.0.0") if one.startswith("127.")]


@pytest.mark.parametrize(
    ("web", "fault"),
    [
        ({"host": "127.0.0.1"}, ""),
        ({"host": "0.0.0.0", "plain_lan": True}, ""),
        ({"host": "192.168.4.1"}, ""),
        ({"host": "0.0.0.0", "port": 8443}, "one port cannot be both"),
        ({"names": ["my van"]}, "expected a name like van.example.org"),
        ({"host": "autocore"}, "expected an address"),
        ({"hostname": "my van"}, "expected a host name"),
    ],
)
def test_what_the_web_may_be_told(web: dict[str, object], fault: str) -> None:
    _, faults = sections_of({"web": web})
    assert (not faults) if not fault else fault in str(faults[0])


def test_the_gateway_is_known_under_its_own_names_only() -> None:
    alone = known_hosts(WebSection())
    assert all(alone(name) for name in ("localhost", "127.0.0.1"))
    assert not any(alone(name) for name in ("autocore.local", "evil.example", None))
    shared = known_hosts(WebSection(host="0.0.0.0", plain_lan=True, hostname="van"))
    mine = addresses_of("0.0.0.0")
    assert all(shared(name) for name in ("127.0.0.1", "van", "van.local", *mine))
    assert not any(shared(name) for name in ("evil.example", "203.0.113.1", None))
