"""Who may enter the broker, changed while it runs: Mosquitto's dynamic-security plugin, driven over `$CONTROL`.

A password that changes and an account that goes cut their client off at once (tried: 1 ms with Mosquitto 2.0.11). The lines of
a role that change hold from the next message on: in 2.0 its clients stay connected (tried), in 2.1 they are thrown off.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from autocore.broker.accounts import ANONYMOUS, JOINING, acls_of, acls_of_strangers, role_of
from autocore.broker.grants import Right
from autocore.core.errors import BrokerError, InvalidData, Refused
from autocore.core.mqtt.hub import MqttHub
from autocore.core.mqtt.message import Message

CONTROL = "$CONTROL/dynamic-security/v1"
OWNER = "core"
ANSWER_WITHIN_S = 2.0  # it answers in milliseconds; who revokes must not wait longer to hear that it was not done

STAYING = b"mosquitto version 2.0."
"""Of these a client keeps its connection when its role changes."""

_GONE = ("not found",)
_THERE = ("already exists",)


class _Said(msgspec.Struct):
    command: str = ""
    error: str | None = None
    correlationData: str = ""  # noqa: N815  # the plugin's own name
    data: dict[str, Any] = {}


class _Answer(msgspec.Struct):
    responses: list[_Said] = []


class BrokerSecurity:
    """Changes accounts and roles.

    Args:
        hub: the connection of the gateway, whose account may do that.
    """

    def __init__(self, hub: MqttHub) -> None:
        self._hub = hub
        self._numbers = itertools.count(1)
        self._waiting: dict[str, asyncio.Future[_Said]] = {}
        self._undo: list[Callable[[], None]] = []
        self.cuts_off = True
        """Whether a client is thrown off when the lines of its role change; True also while that is not known."""

    def start(self) -> None:
        """Listen to the plugin's answers; nobody else in the gateway may publish to it."""
        self._undo = [
            self._hub.claim("$CONTROL/#", OWNER),
            self._hub.subscribe(f"{CONTROL}/response", self._on_answer, qos=1, urgent=True),
            self._hub.subscribe("$SYS/broker/version", self._on_version, urgent=True),
        ]

    def stop(self) -> None:
        """Listen no more; what is awaited fails."""
        for undo in reversed(self._undo):
            undo()
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(BrokerError("the gateway stops"))

    async def put(self, device_id: str, rights: Iterable[Right], password: str | None = None) -> None:
        """Give a device these rights and no others, and a new password when one is named; whoever used the old one is cut off.

        Raises:
            BrokerError: the broker did not do it.
        """
        role = role_of(device_id)
        await self._put_role(role, rights)
        if password is None:
            return
        made = await self._ask(
            "createClient", _THERE, username=device_id, password=password, clientid=device_id, roles=_named(role)
        )
        if made.error is not None:
            await self._ask("setClientPassword", username=device_id, password=password)
            await self._ask("modifyClient", username=device_id, clientid=device_id, roles=_named(role))

    async def drop(self, device_id: str) -> None:
        """Take a device's account away; it is cut off. Harmless when it has none. Raises BrokerError."""
        await self._ask("deleteClient", _GONE, username=device_id)
        await self._ask("deleteRole", _GONE, rolename=role_of(device_id))

    async def let_join(self, rights: Iterable[Right], code: str) -> None:
        """Open the account for boards that want to join, with a code as its password. Raises BrokerError."""
        await self.refuse_joining()
        await self._put_role("joining", rights)
        await self._ask("createClient", username=JOINING, password=code, roles=_named("joining"))

    async def refuse_joining(self) -> None:
        """Close that account; whoever is in by it is cut off. Raises BrokerError."""
        await self._ask("deleteClient", _GONE, username=JOINING)
        await self._ask("deleteRole", _GONE, rolename="joining")

    async def withhold_from_strangers(self, topics: Iterable[str]) -> None:
        """Let clients without a name publish on all but these topics, where they may publish at all. Raises BrokerError."""
        await self._ask("modifyRole", rolename=ANONYMOUS, acls=acls_of_strangers(topics))

    async def is_obeyed(self) -> bool:
        """Say whether the broker lets the gateway decide who may enter."""
        try:
            await self._ask("getDefaultACLAccess")
        except BrokerError:
            return False
        return True

    async def _put_role(self, role: str, rights: Iterable[Right]) -> None:
        acls = acls_of(rights)
        made = await self._ask("createRole", _THERE, rolename=role, acls=acls)
        if made.error is not None:
            await self._ask("modifyRole", rolename=role, acls=acls)

    async def _ask(self, command: str, tolerated: tuple[str, ...] = (), **words: Any) -> _Said:
        number = f"autocore-{next(self._numbers)}"
        future: asyncio.Future[_Said] = asyncio.get_running_loop().create_future()
        body: Mapping[str, Any] = {"commands": [{"command": command, "correlationData": number, **words}]}
        try:
            self._hub.publish(CONTROL, body, qos=1, owner=OWNER)
        except Refused as error:
            raise BrokerError(str(error)) from error
        self._waiting[number] = future  # no answer can come before the loop turns
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                said = await future
        except TimeoutError:
            raise BrokerError(f"the broker did not answer {command} within {ANSWER_WITHIN_S:g} s") from None
        finally:
            self._waiting.pop(number, None)
        if said.error is not None and not any(words in said.error for words in tolerated):
            raise BrokerError(f"the broker refused {command}: {said.error}")
        return said

    def _on_version(self, message: Message) -> None:
        self.cuts_off = not message.payload.startswith(STAYING)

    def _on_answer(self, message: Message) -> None:
        try:
            answer = message.decode(_Answer)
        except InvalidData as error:
            self._hub.reject(message.topic, None, error.field, error.message)
            return
        for said in answer.responses:
            future = self._waiting.get(said.correlationData)
            if future is not None and not future.done():
                future.set_result(said)


def _named(role: str) -> list[dict[str, str]]:
    return [{"rolename": role}]
