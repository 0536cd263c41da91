"""What a broker that is not the gateway's own enforces: tried, not assumed, at every connection.

Nothing is changed there. The gateway knocks without a name, looks how it is let in itself, and when a stranger is let in, has
that stranger say a word on a command topic of a device that does not exist, and listens whether it comes.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum

from autocore.broker.knock import knock
from autocore.core.config.sections import is_loopback
from autocore.core.mqtt.connection import SESSION_EXPIRY_S
from autocore.core.mqtt.endpoint import Endpoint
from autocore.core.mqtt.hub import MqttHub

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
        stranger_at = replace(endpoint, username=None, password=None)
        found = {Check.ENCRYPTED: endpoint.tls or is_loopback(endpoint.host)}
        own = await asyncio.to_thread(knock, endpoint)
        if own is not None and own.is_in:
            found[Check.RETAINS] = own.retains
            found[Check.QOS] = own.highest_qos == 2  # noqa: PLR2004  # MQTT's own number
            found[Check.SESSIONS] = own.session_expiry_s >= SESSION_EXPIRY_S
        stranger = await asyncio.to_thread(knock, stranger_at)
        if stranger is not None:
            found[Check.STRANGERS] = not stranger.is_in
            found[Check.COMMANDS] = not stranger.is_in or not await self._obeys(stranger_at)
        self.found = found
        bad = [check.value for check, is_good in found.items() if not is_good]
        if bad:
            log.warning("the broker at %s does not hold: %s; the page Devices says what that means", endpoint, ", ".join(bad))

    async def _obeys(self, stranger_at: Endpoint) -> bool:
        heard = asyncio.Event()
        topic = f"{self._hub.root}/devices/probe_{secrets.token_hex(6)}/command"
        forget = self._hub.subscribe(topic, lambda _message: heard.set(), qos=1, urgent=True)
        try:
            await asyncio.to_thread(knock, stranger_at, says=topic)
            async with asyncio.timeout(HEARD_WITHIN_S):
                return await heard.wait()
        except TimeoutError:
            return False
        finally:
            forget()

    def _on_connection(self, is_connected: bool) -> None:  # noqa: FBT001  # the hub's signal
        if is_connected and (self._task is None or self._task.done()):
            self._task = asyncio.get_running_loop().create_task(self.look())
