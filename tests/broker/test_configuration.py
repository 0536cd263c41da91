"""The text from which Mosquitto takes its ports and limits."""

from __future__ import annotations

from pathlib import Path

import pytest

from autocore.broker.configuration import Encrypted, Outside, configuration
from autocore.core.config.sections import MqttSection, TlsListeners, sections_of
from autocore.doors import outside_of

PEM = Path("/data/ca/server.pem")


def lines_of(outside: Outside, *, allows_anonymous: bool = False) -> list[str]:
    plugin = Path("/usr/lib/security.so")
    text = configuration(Path("/data/broker"), plugin, 1883, outside, allows_anonymous=allows_anonymous, user="autocore")
    return text.splitlines()


def listeners(outside: Outside) -> list[tuple[str, ...]]:
    """Give (port, host, what makes it encrypted …) of each listener."""
    found: list[tuple[str, ...]] = []
    for line in lines_of(outside):
        word, _, rest = line.partition(" ")
        if word == "listener":
            found.append(tuple(rest.split()))
        elif word in ("certfile", "protocol", "cafile", "require_certificate"):
            found[-1] += (f"{word} {rest}",)
    return found


@pytest.mark.parametrize(
    ("outside", "expected"),
    [
        (Outside("127.0.0.1"), [("1883", "127.0.0.1")]),
        (Outside("0.0.0.0", is_plain=True), [("1883", "0.0.0.0")]),
        (Outside("192.168.4.1", is_plain=True), [("1883", "127.0.0.1"), ("1883", "192.168.4.1")]),
        (
            Outside("0.0.0.0", encrypted=Encrypted(8883, None, PEM)),
            [("1883", "127.0.0.1"), ("8883", "0.0.0.0", f"certfile {PEM}")],
        ),
        (
            Outside("0.0.0.0", encrypted=Encrypted(8883, 9001, PEM, Path("/data/ca/ca.crt"))),
            [
                ("1883", "127.0.0.1"),
                ("8883", "0.0.0.0", f"certfile {PEM}", "cafile /data/ca/ca.crt", "require_certificate true"),
                (
                    "9001",
                    "0.0.0.0",
                    "protocol websockets",
                    f"certfile {PEM}",
                    "cafile /data/ca/ca.crt",
                    "require_certificate true",
                ),
            ],
        ),
    ],
    ids=["as installed", "plain everywhere", "plain on one network", "encrypted", "with certificates of clients"],
)
def test_which_ports_are_open_where(outside: Outside, expected: list[tuple[str, ...]]) -> None:
    assert listeners(outside) == expected


def test_nobody_comes_in_without_a_name_where_others_reach_it() -> None:
    for outside in (Outside("0.0.0.0", is_plain=True), Outside("10.0.0.1", encrypted=Encrypted(8883, None, PEM))):
        assert "allow_anonymous false" in lines_of(outside, allows_anonymous=True)
    for outside in (Outside("127.0.0.1"), Outside("127.0.0.1", encrypted=Encrypted(8883, None, PEM))):
        assert "allow_anonymous true" in lines_of(outside, allows_anonymous=True)


def test_every_port_has_limits() -> None:
    lines = lines_of(Outside("0.0.0.0", encrypted=Encrypted(8883, 9001, PEM)))
    for limit in ("max_connections", "max_topic_alias"):
        assert len([line for line in lines if line.startswith(limit)]) == 3
    for once in ("max_packet_size", "max_queued_messages", "persistence_location"):
        assert len([line for line in lines if line.startswith(once)]) == 1


@pytest.mark.parametrize(
    ("mqtt", "tls", "is_plain"),
    [
        ({}, None, False),
        ({"plain_lan": True}, None, False),
        ({"tls": None}, (8883, 9001), False),
        ({"tls": {"port": 8884, "websockets": "never"}}, (8884, None), False),
        ({"host": "0.0.0.0"}, (8883, 9001), False),
        ({"host": "0.0.0.0", "plain_lan": True, "tls": {"websockets": 9002}}, (8883, 9002), True),
    ],
    ids=["as installed", "plain_lan alone opens nothing", "on this machine too", "no WebSockets", "shared", "shared and plain"],
)
def test_what_the_section_opens(mqtt: dict[str, object], tls: tuple[int, int | None] | None, is_plain: bool) -> None:
    sections, faults = sections_of({"mqtt": mqtt})
    assert faults == []
    section = sections.mqtt
    assert section.tls == (None if tls is None else TlsListeners(*tls))
    assert outside_of(section, None) == Outside(section.host, is_plain=is_plain)


@pytest.mark.parametrize(
    ("mqtt", "fault"),
    [
        ({"host": "0.0.0.0", "anonymous": "loopback"}, "mqtt.anonymous: the broker would let everybody in the network in"),
        ({"host": "broker"}, "mqtt.host: expected an address of this machine"),
        ({"tls": {"websockets": "of course"}}, "mqtt.tls.websockets: expected a port"),
        ({"tls": {"prot": 1}}, "did you mean port?"),
    ],
    ids=["everybody", "a name", "no port", "misspelt"],
)
def test_what_it_refuses(mqtt: dict[str, object], fault: str) -> None:
    sections, faults = sections_of({"mqtt": mqtt})
    assert [fault in str(one) for one in faults] == [True]
    assert sections.mqtt == MqttSection()
