"""`stop_all`: every channel to its safe state, first in every queue, latched until a person resets it (safety.md 4).

It is called that because it does not replace a physical cut-off. What was asked before is not carried out afterwards, nothing is
turned on by the reset, and a restart, a power cut or a damaged database does not undo it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import voluptuous as vol

from autocore.core.clock import NS
from autocore.core.errors import InvalidData, PermissionDenied, Refused
from autocore.core.holds import Ending
from autocore.core.host import Core
from autocore.core.kinds import BinarySensor
from autocore.core.model import Caller, Cause, Role
from autocore.core.mqtt.message import Message
from autocore.core.names import N_, readable
from autocore.core.notices import Severity
from autocore.core.services import Record, Service, ServiceCall
from autocore.safety.latch import Latch, Stopped

TOPIC = "{root}/stop_all"
STOP, RESET = "gateway.stop_all", "gateway.reset_stop"
OWN_WEB = frozenset({"rest", "websocket", "page"})
"""The ways of the vehicle's own web: only a person who came by one of them resets."""
LONGEST_WHO = 64
NAME = N_("Everything stopped")

log = logging.getLogger("autocore.safety")


class StopWord(msgspec.Struct):
    """`stop_all`: said by a display or a panel; whatever comes there stops, an empty or unreadable payload too."""

    who: str | None = None


class StopAll:
    """Stops everything, and keeps it stopped.

    Args:
        core: the core's parts.
        latch: where it is written down.
    """

    def __init__(self, core: Core, latch: Latch) -> None:
        self._core = core
        self._latch = latch
        self._writing = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._undo: list[Callable[[], None]] = []
        self.stopped: Stopped | None = latch.read()
        """Who stopped everything, None while nothing is stopped."""
        core.safeguards.is_stopped = self.stopped is not None
        self.entity = core.entities.add("core", BinarySensor("everything_stopped", name=NAME, icon="hand-stop"))
        """What shows it: on while everything is stopped."""
        self.entity.set(core.safeguards.is_stopped)
        words = N_("Put every channel into its safe state, at once, and keep everything there until a person resets it.")
        core.services.add(Service(STOP, self._on_stop, "core", vol.Schema({}), Role.VIEWER, words))
        words = N_("Let things be turned on again after everything was stopped; it turns nothing on.")
        core.services.add(Service(RESET, self._on_reset, "core", vol.Schema({}), Role.OPERATOR, words))

    def start(self) -> None:
        """Hear the stop of displays and panels, on the connection where nothing else is heard."""
        self._undo = [self._core.hub.on_stop(TOPIC, self._on_message)]
        if self.stopped is not None:
            log.warning("everything is stopped since %s did so; a person resets it on the web", self.stopped.who)

    async def close(self) -> None:
        """Hear it no more; what is about to be written is written."""
        for undo in self._undo:
            undo()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def stop(self, cause: Cause) -> None:
        """Stop everything: when this returns, what stops each channel has been handed to the broker."""
        core = self._core
        core.safeguards.is_stopped = True
        # Those that are on, or of which nobody knows, before those that are off already.
        stoppers = [one for one in core.entities if one.on_stop is not None]
        for entity in sorted(stoppers, key=lambda one: one.state.available and not one.state.value):
            if entity.on_stop is not None:
                entity.on_stop(True)  # noqa: FBT003  # the signal itself
        core.holds.let_go_all(Ending.STOPPED)
        is_first = self.stopped is None
        if self.stopped is None:
            boot, at_ns = core.entities.boot, core.clock.monotonic_ns()
            self.stopped = Stopped(cause.via, cause.who, cause.address, boot, at_ns)
        self.entity.set(value=True, cause=cause)
        core.bus.emit("stop_all.stopped", {"who": cause.who, "via": cause.via, "is_first": is_first}, cause)
        core.notify(
            f"{cause.who} stopped everything",
            title="Everything is stopped",
            severity=Severity.CRITICAL,
            source="gateway",
            key="stop_all",
        )

    async def _on_stop(self, call: ServiceCall) -> Mapping[str, Any]:
        self.stop(call.caller.cause)
        return {"is_stopped": True, "is_written": await self._write()}

    async def _on_reset(self, call: ServiceCall) -> Mapping[str, Any]:
        check_resetter(call.caller)
        if self.stopped is None:
            return {"is_stopped": False}
        async with self._writing:
            try:
                await asyncio.to_thread(self._latch.open)
            except OSError as error:
                words = f"the disk does not take the reset ({error.strerror}); everything stays stopped"
                raise Refused(words, code="storage") from error
            self.stopped = None
        core = self._core
        core.safeguards.is_stopped = False
        for entity in core.entities:
            if entity.on_stop is not None:
                entity.on_stop(False)  # noqa: FBT003  # the signal itself
        self.entity.set(value=False, cause=call.caller.cause)
        core.bus.emit("stop_all.reset", {"who": call.caller.cause.who}, call.caller.cause)
        return {"is_stopped": False}

    def _on_message(self, message: Message) -> None:
        """Stop: whatever the payload is, somebody pressed. A retained one is deleted, else it would stop at every start."""
        if message.retain:
            if not message.payload:
                return  # the deletion itself
            log.error("a retained stop stood on %s; it was deleted. Whoever published it must not set retain", message.topic)
            self._core.hub.clear(message.topic)
            self._core.bus.emit("mqtt.retained_command", {"topic": message.topic})
        started_ns = self._core.clock.monotonic_ns()
        cause = Cause("mqtt", _who(message))
        self.stop(cause)
        latency_s = (self._core.clock.monotonic_ns() - started_ns) / NS
        self._core.services.remember(Record(started_ns, STOP, {}, Caller(cause, Role.VIEWER), "done", "", latency_s))
        task = asyncio.get_running_loop().create_task(self._write_alone())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _write_alone(self) -> None:
        await self._write()

    async def _write(self) -> bool:
        """Write down that everything is stopped; a disk that does not take it is told of, the stop holds all the same."""
        async with self._writing:
            stopped = self.stopped
            if stopped is None:  # somebody reset it meanwhile
                return True
            try:
                await asyncio.to_thread(self._latch.close, stopped)
            except OSError as error:
                log.critical("that everything is stopped cannot be written down: %s", error)
                self._core.notify(
                    f"Everything is stopped, but a restart would forget it: {error.strerror}",
                    title="The stop could not be written down",
                    severity=Severity.CRITICAL,
                    source="gateway",
                    key="stop_all.disk",
                )
                return False
            return True


def check_resetter(caller: Caller) -> None:
    """Let whoever may reset a stop pass: a person who is logged in on the vehicle's own web.

    Raises:
        PermissionDenied: it is a token, a message or a rule.
    """
    if not (caller.is_person and caller.cause.via in OWN_WEB):
        raise PermissionDenied(
            f"a person resets the stop on the vehicle's own web; {caller.cause.who} ({caller.cause.via}) may not"
        )


def _who(message: Message) -> str:
    try:
        who = message.decode(StopWord).who
    except InvalidData:
        who = None
    return readable(who or "", LONGEST_WHO) or "a panel on MQTT"
