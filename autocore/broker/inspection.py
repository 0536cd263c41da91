"""What a broker that is not the gateway's own enforces: tried, not assumed, at every connection.

Nothing is changed there. The gateway knocks without a name, looks how it is let in itself, and when a stranger is let in, has
that stranger say a word on a command topic of a device that does not exist, and listens whether it comes.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from autocore.core.config.sections import is_loopback
from autocore.core.mqtt.connection import SESSION_EXPIRY_S
from autocore.core.mqtt.endpoint import Endpoint
from autocore.core.mqtt.hub import MqttHub

LIMIT_S = 5.0
HEARD_WITHIN_S = 2.0

log = logging.getLogger("autocore.broker")


class Check(StrEnum):
    """What is looked at."""

    ENCRYPTED = "encrypted"
    STRANGERS = "strangers_stay_out"
    COMMANDS = "strangers_cannot_command"
    RETAINS = "keeps_retained"
    QOS = "delivers_exactly_once"
    SESSIONS = "keeps_sessions"


@dataclass(frozen=True, slots=True)
class Knock:
    """How the broker answered a client: `is_in`, and what it said that it can do."""

    is_in: bool
    retains: bool = True
    highest_qos: int = 2
    session_expiry_s: int = SESSION_EXPIRY_S


class Inspection:
    """Looks at another's broker.

    Args:
        hub: the gateway's connection to it.
        endpoint: where it is.
    """

    def __init__(self, hub: MqttHub, endpoint: Endpoint) -> None:
        self.found: dict[Check, bool] = {}
        """What was seen at the last look; what could not be found out is not in it."""
        self._hub = hub
        self._endpoint = endpoint
        self._task: asyncio.Task[None] | None = None
        self._undo: list[Callable[[], None]] = []

    def start(self) -> None:
        """Look whenever the gateway is connected."""
        self._undo = [self._hub.on_connection(self._on_connection)]

    async def stop(self) -> None:
        """Look no more."""
        for undo in self._undo:
            undo()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def look(self) -> None:
        """Find out what there is to be found out; what the broker does not answer stays unknown."""
        endpoint = self._endpoint
        found = {Check.ENCRYPTED: endpoint.tls or is_loopback(endpoint.host)}
        own = await asyncio.to_thread(knock, endpoint, endpoint.username, endpoint.password)
        if own is not None and own.is_in:
            found[Check.RETAINS] = own.retains
            found[Check.QOS] = own.highest_qos == 2  # noqa: PLR2004  # MQTT's own number
            found[Check.SESSIONS] = own.session_expiry_s >= SESSION_EXPIRY_S
        stranger = await asyncio.to_thread(knock, endpoint, None, None)
        if stranger is not None:
            found[Check.STRANGERS] = not stranger.is_in
            found[Check.COMMANDS] = not stranger.is_in or not await self._obeys_a_stranger()
        self.found = found
        bad = [check.value for check, is_good in found.items() if not is_good]
        if bad:
            log.warning("the broker at %s does not hold: %s; the page Devices says what that means", endpoint, ", ".join(bad))

    async def _obeys_a_stranger(self) -> bool:
        heard = asyncio.Event()
        topic = f"{self._hub.root}/devices/probe_{secrets.token_hex(6)}/command"
        forget = self._hub.subscribe(topic, lambda _message: heard.set(), qos=1, urgent=True)
        try:
            await asyncio.to_thread(knock, self._endpoint, None, None, says=topic)
            async with asyncio.timeout(HEARD_WITHIN_S):
                return await heard.wait()
        except TimeoutError:
            return False
        finally:
            forget()

    def _on_connection(self, is_connected: bool) -> None:  # noqa: FBT001  # the hub's signal
        if is_connected and (self._task is None or self._task.done()):
            self._task = asyncio.get_running_loop().create_task(self.look())


def knock(endpoint: Endpoint, username: str | None, password: str | None, *, says: str | None = None) -> Knock | None:
    """Connect as a client of its own, publish on `says`, and leave; None when there is no answer. Blocks for up to 5 s."""
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5, reconnect_on_failure=False)
    client.connect_timeout = LIMIT_S
    if username is not None:
        client.username_pw_set(username, password)
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
    except (OSError, ValueError):
        pass  # the answer is that there is none
    return answers[0] if answers else None


def _turn(client: paho.Client, is_done: Callable[[], bool]) -> None:
    """Let paho work until something is done, or nothing comes any more."""
    ends = time.monotonic() + LIMIT_S
    while not is_done() and time.monotonic() < ends:
        if client.loop(0.1) != MQTTErrorCode.MQTT_ERR_SUCCESS:
            return
