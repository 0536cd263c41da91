"""A connection to a broker that is made to see what comes of it, and ended at once."""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from autocore.core.mqtt.connection import SESSION_EXPIRY_S
from autocore.core.mqtt.endpoint import Endpoint

LIMIT_S = 5.0

log = logging.getLogger("autocore.broker")


@dataclass(frozen=True, slots=True)
class Knock:
    """How the broker answered a client: `is_in`, and what it said that it can do."""

    is_in: bool
    retains: bool = True
    highest_qos: int = 2
    session_expiry_s: int = SESSION_EXPIRY_S


def knock(endpoint: Endpoint, *, client_id: str = "", says: str | None = None) -> Knock | None:
    """Connect, publish on `says`, and leave; None when there is no answer. Blocks for some seconds at most.

    Args:
        endpoint: where, and as whom.
        client_id: a name of its own when empty; whoever is connected by this name loses the connection (MQTT 5, 3.1.4).
        says: a topic.
    """
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id, protocol=paho.MQTTv5, reconnect_on_failure=False)
    client.connect_timeout = LIMIT_S
    if endpoint.username is not None:
        client.username_pw_set(endpoint.username, endpoint.password)
    if endpoint.tls:
        client.tls_set_context(ssl.create_default_context())
    answers: list[Knock] = []

    def on_connect(_client: Any, _data: Any, _flags: Any, code: Any, properties: Any) -> None:
        answers.append(
            Knock(
                not code.is_failure,
                bool(getattr(properties, "RetainAvailable", 1)),
                getattr(properties, "MaximumQoS", 2),
                getattr(properties, "SessionExpiryInterval", SESSION_EXPIRY_S),
            )
        )

    client.on_connect = on_connect
    wanted = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho leaves it untyped
    wanted.SessionExpiryInterval = SESSION_EXPIRY_S
    leave = Properties(PacketTypes.DISCONNECT)  # type: ignore[no-untyped-call]  # paho leaves it untyped
    leave.SessionExpiryInterval = 0  # nothing of this client stays there
    try:
        client.connect(endpoint.host, endpoint.port, properties=wanted)
        _turn(client, lambda: bool(answers))
        if answers and answers[0].is_in:
            if says is not None:
                said = client.publish(says, b"{}", qos=1)
                _turn(client, said.is_published)
            client.disconnect(properties=leave)
            _turn(client, lambda: not client.want_write())
    except (OSError, ValueError) as error:
        log.debug("no answer from %s: %s", endpoint, error)
    return answers[0] if answers else None


def _turn(client: paho.Client, is_done: Callable[[], bool]) -> None:
    """Let paho work until something is done, or nothing comes any more."""
    ends = time.monotonic() + LIMIT_S
    while not is_done() and time.monotonic() < ends:
        if client.loop(0.1) != MQTTErrorCode.MQTT_ERR_SUCCESS:
            return
