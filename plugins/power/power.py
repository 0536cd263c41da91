"""The way down: follows the ignition, has the gateway get ready, and takes the power away."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from autocore.api import AutocoreError, Caller, Cause, Entity, PluginHost, Role, Sensor, Severity, State

from .ignition import NS, Begin, Event, Ignition, Leave, Output, Phase, Power, Resume, Stayed, Synced, Tick, leaving, step

SYNCED_WITHIN_S = 2.0  # safety.md, Power
COMMAND_LIMIT_S = 30.0
ARMED, LAST = "armed", "last"


class PowerWatch:
    """Watches the ignition.

    Args:
        host: the plugin's host.
        config: the section.
        is_armed: whether the ignition was on before a restart that was no power-off.
        last: what the last way down was, as `gateway.power_down` told it; None when there was none.

    Attributes:
        config: the section.
        last: the last way down.
        shown: the entity that tells the phase.
    """

    def __init__(self, host: PluginHost, config: Mapping[str, Any], *, is_armed: bool, last: Mapping[str, Any] | None) -> None:
        self.config = config
        self.last = last
        self._host = host
        self._power = Power(round(config["low_for"] * NS), is_armed=is_armed)
        self._caller = Caller(Cause("plugin", host.name), Role.ADMIN)
        self._acts: asyncio.Queue[Output] = asyncio.Queue()
        self.shown: Entity = host.entities.add(Sensor("power_phase", name="Power", device_class="enum", icon="bolt"))
        self.shown.set(self._power.phase.value)

    def start(self) -> None:
        """Follow the ignition."""
        self._host.states.on(self.config["ignition"], self._on_ignition)
        self._host.spawn(self._work())
        known = self.ignition
        if known is not None:
            self._on_ignition(known, known.state, known.state)

    @property
    def ignition(self) -> Entity | None:
        """The sensor, None while there is none."""
        return self._host.states.find(self.config["ignition"])

    def _on_ignition(self, _sensor: Entity, _old: State, new: State) -> None:
        was_armed = self._power.is_armed
        is_on = bool(new.value) if new.available else None
        self._take(Ignition(is_on, self._host.clock.monotonic_ns()))
        if self._power.is_armed and not was_armed:
            self._host.spawn(self._host.store.set(ARMED, True))  # noqa: FBT003  # a value

    def _tick(self) -> None:
        self._take(Tick(self._host.clock.monotonic_ns()))

    def _take(self, event: Event) -> None:
        due_ns = self._power.due_ns
        self._power, outputs = step(self._power, event)
        if self._power.due_ns is not None and self._power.due_ns != due_ns:
            self._host.schedule.after((self._power.due_ns - self._host.clock.monotonic_ns()) / NS, self._tick)
        self._show()
        for output in outputs:
            self._acts.put_nowait(output)

    def _show(self) -> None:
        if self.shown.state.value != self._power.phase.value:
            self.shown.set(self._power.phase.value)

    async def _work(self) -> None:
        while True:
            match await self._acts.get():
                case Begin():
                    await self._go_down()
                case Leave():
                    await self._leave()
                case Resume():
                    await self._resume()

    async def _go_down(self) -> None:
        self._host.log.warning("the ignition is off: everything is brought to the disk")
        try:
            self.last = await self._host.services.call("gateway.power_down", {}, self._caller)
        except AutocoreError as error:  # the power may go all the same
            self.last = {"is_synced": False, "seconds": 0.0, "steps": [{"step": "all", "seconds": 0.0, "problem": str(error)}]}
        seconds = self.last["seconds"]
        wrong = "; ".join(f"{one['step']}: {one['problem']}" for one in self.last["steps"] if one["problem"])
        is_well = self.last["is_synced"] and seconds <= SYNCED_WITHIN_S
        text = f"everything was on the disk {seconds:.2f} s after the ignition counted as off" + (
            f"; not: {wrong}" if wrong else ""
        )
        self._host.events.emit("synced", {"class": "info" if is_well else "error", "text": text, "seconds": seconds})
        if not is_well:
            self._host.notify(text[0].upper() + text[1:], title="Power", severity=Severity.ERROR)
        self._take(Synced())

    def _may_leave(self) -> bool:
        return self._power.phase is Phase.DOWN

    async def _leave(self) -> None:
        then = self.config["then"]
        if then == "nothing" or not self._may_leave():
            return
        await self._host.store.set(LAST, self.last)
        await self._host.store.set(ARMED, None)
        if not self._may_leave():  # the ignition came on while that was written; what follows arms it again
            await self._host.store.set(ARMED, True)  # noqa: FBT003  # a value
            return
        self._power = leaving(self._power)
        self._show()
        if then == "exit":
            await self._host.services.call("gateway.end", {}, self._caller)
            return
        problem = await self._run(self.config["command"])
        if problem is not None:
            self._host.events.emit("failed", {"class": "error", "text": f"the power stays: {problem}"})
            self._host.notify(f"The machine could not be powered off: {problem}", title="Power", severity=Severity.ERROR)
            self._take(Stayed())

    async def _run(self, command: list[str]) -> str | None:
        """Run a program, and give what went wrong; the words go to it as they are, no shell reads them."""
        try:
            program = await asyncio.create_subprocess_exec(
                *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
            )
        except OSError as error:
            return f"{command[0]}: {error.strerror}"
        try:
            async with asyncio.timeout(COMMAND_LIMIT_S):
                said, _ = await program.communicate()
        except TimeoutError:
            program.kill()
            await program.wait()
            return f"{command[0]} did not end within {COMMAND_LIMIT_S:g} s"
        if program.returncode:
            words = said.decode(errors="replace").strip()[:200] or "it said nothing"
            return f"{command[0]} ended with {program.returncode}: {words}"
        return None

    async def _resume(self) -> None:
        self._host.log.warning("the power stays: the gateway goes on")
        await self._host.services.call("gateway.stay_up", {}, self._caller)
        self._host.events.emit("resumed", {"class": "info", "text": "the power stays: the gateway goes on"})
