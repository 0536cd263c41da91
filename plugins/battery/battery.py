"""One battery of the vehicle: follows its voltage, carries out what its state machines say, and tells people."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autocore.api import AutocoreError, Entity, Event, PluginHost, Sensor, Severity, State

from . import level as gauges
from . import shedding as sheds
from .level import Gauge, Level
from .section import BatterySection
from .shedding import Load, Shedding

TICK_S = 1.0
NOT_PEOPLE = frozenset({"plugin", "automation", "gateway"})
"""Ways in by which no person asked; whatever else turns a load on, a button on its board too, is a person's will."""
TOGGLE = "toggle"


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done once the state is on disk: turn `entities` on or off, or nothing."""

    entities: tuple[str, ...] = ()
    is_on: bool = False


class Battery:
    """One battery and its loads.

    The state is on disk before an order leaves, so that a restart in the middle of it restores what was turned off.

    Args:
        host: the plugin's host.
        section: what is written of it.
        snapshot: what an earlier start left, None at the first.

    Attributes:
        section: what is written of it.
        gauge: its voltage and level.
        shedding: what is off for it.
        shown: the entity with its level.
        count: the entity with how many loads are off for it.
    """

    def __init__(self, host: PluginHost, section: BatterySection, snapshot: Mapping[str, Any] | None) -> None:
        self.section = section
        self._host = host
        now_ns = host.clock.monotonic_ns()
        self.shedding = Shedding(now_ns) if snapshot is None else sheds.remembered(snapshot, now_ns)
        self.gauge = Gauge(section.rules, now_ns, self.shedding.level)
        self._orders: asyncio.Queue[Order] = asyncio.Queue()
        self._waiting = 0
        self._saved: Mapping[str, Any] | None = snapshot
        self._told: set[str] = set()
        self.shown: Entity = host.entities.add(
            Sensor(f"{section.key}_level", name=f"{section.name}: level", device_class="enum", icon="battery")
        )
        self.count: Entity = host.entities.add(
            Sensor(f"{section.key}_shed", name=f"{section.name}: loads off", icon="bolt", precision=0)
        )
        self.count.set(len(self.shedding.off))

    def start(self) -> None:
        """Follow the source and the loads."""
        self._host.states.on(self.section.source, self._on_source)
        self._host.states.on("switch", self._on_switch)
        self._host.events.on("service.called", self._on_call)
        self._host.schedule.every(TICK_S, self._tick)
        self._host.spawn(self._work())

    @property
    def source(self) -> Entity | None:
        """The entity that measures its voltage, None while there is none."""
        return self._host.states.find(self.section.source)

    def loads(self) -> dict[str, Load]:
        """Give its loads as they are now, without those that are never shed."""
        found = {}
        for entity in self._host.states:
            if entity.kind != "switch":
                continue
            attributes = entity.description.attributes
            priority = self.section.priority_of(entity.id, attributes)
            if priority is not None:
                is_toggle = (attributes or {}).get("type", TOGGLE) == TOGGLE
                found[entity.id] = Load(priority, entity.state.value is True, entity.state.available, is_toggle)
        return found

    def next(self) -> tuple[str, ...]:
        """Give what is turned off next, or on next when the battery recovers."""
        return sheds.next_group(self.shedding, self.loads())

    def _on_source(self, _source: Entity, _old: State, new: State) -> None:
        now_ns = self._host.clock.monotonic_ns()
        if new.available and isinstance(new.value, (int, float)) and not isinstance(new.value, bool):
            self._measure(gauges.Reading(float(new.value), now_ns))
        else:
            self._measure(gauges.Gap(now_ns))

    def _tick(self) -> None:
        self._measure(gauges.Tick(self._host.clock.monotonic_ns()))
        self._look()

    def _measure(self, event: gauges.Event) -> None:
        self.gauge, outputs = gauges.step(self.gauge, event)
        for output in outputs:
            match output:
                case gauges.Changed():
                    self._change(output)
                case gauges.WentStale():
                    self.shown.lose()
                    self._tell(
                        "stale",
                        f"the voltage of {self.section.name} is not measured: {self.section.source} says nothing usable for "
                        f"{self.section.rules.stale_after_s:g} s; nothing is turned off or on for it meanwhile",
                        Severity.ERROR,
                    )
                case gauges.CameBack():
                    self._tell("measured", f"the voltage of {self.section.name} is measured again", Severity.INFO)
        if self.gauge.volts is not None and not self.gauge.is_stale and not self.shown.state.available:
            self.shown.set(self.gauge.level.word)

    def _change(self, change: gauges.Changed) -> None:
        self.shown.set(change.after.word)
        words = {
            Level.NORMAL: "it has recovered",
            Level.WARN: "charge it, or turn something off",
            Level.SHED: "loads are turned off, the least important first",
            Level.PARK: "everything that is not to be kept is turned off",
        }
        severities = {Level.WARN: Severity.WARNING, Level.SHED: Severity.ERROR, Level.PARK: Severity.CRITICAL}
        is_worse = change.after > change.before
        text = f"{self.section.name} is at {change.volts:.1f} V ({change.after.word}): "
        text += words[change.after] if is_worse or change.after is Level.NORMAL else "it recovers"
        severity = severities[change.after] if is_worse else Severity.INFO
        levels = {"level": change.after.word, "before": change.before.word, "voltage": change.volts}
        self._tell("level", text, severity, **levels)
        if change.after < Level.SHED:
            self._told.clear()
        self._step(sheds.LevelIs(change.after))
        self._look()

    def _look(self) -> None:
        if self._waiting or self.shedding.is_idle:
            return
        is_stale = self.gauge.is_stale
        self._step(
            sheds.Look(
                self._host.clock.monotonic_ns(),
                self.gauge.heard_ns,
                self.loads(),
                0.0 if is_stale else self.gauge.under_s(Level.SHED),
                0.0 if is_stale else self.gauge.over_s(Level.SHED),
                self.section.rules.hold_s,
            )
        )

    def _step(self, event: sheds.Event) -> None:
        self.shedding, outputs = sheds.step(self.shedding, event)
        orders: list[Order] = []
        for output in outputs:
            match output:
                case sheds.TurnOff(entities):
                    orders.append(Order(entities))
                case sheds.TurnOn(entities):
                    orders.append(Order(entities, is_on=True))
                case sheds.Waits(entities):
                    self._tell_once(entities, "cannot be turned off: no board answers for it; it is turned off when it is back")
                case sheds.GaveUp(entity):
                    self._tell("failed", f"{self._called(entity)} stays off: it was refused too often", Severity.WARNING)
        if self.count.state.value != len(self.shedding.off):
            self.count.set(len(self.shedding.off))
        if not orders and self.shedding.snapshot() != self._saved:
            orders.append(Order())
        for order in orders:
            self._waiting += bool(order.entities)
            self._orders.put_nowait(order)

    async def _work(self) -> None:
        while True:
            order = await self._orders.get()
            snapshot = self.shedding.snapshot()
            if snapshot != self._saved:
                await self._host.store.set(self.section.key, snapshot)
                self._saved = snapshot
            if order.entities:
                try:
                    await self._carry_out(order)
                finally:
                    self._waiting -= 1

    async def _carry_out(self, order: Order) -> None:
        verb = "turn_on" if order.is_on else "turn_off"
        wanted = [one for one in order.entities if one in self.shedding.off]  # without what a person touched meanwhile
        if not wanted:
            return
        results: Sequence[Mapping[str, Any]]
        try:
            results = (await self._host.services.call(f"switch.{verb}", {"entity": wanted}))["results"]
        except AutocoreError as error:
            results = [{"ok": False, "entity": one, "code": "offline", "detail": str(error)} for one in wanted]
        done = [one["entity"] for one in results if one["ok"]]
        for one in results:
            if one["ok"]:
                self._step(sheds.Done(one["entity"], order.is_on))
            else:
                self._tell_once([one["entity"]], f"could not be turned {'on again' if order.is_on else 'off'}: {one['detail']}")
                is_away = one["code"] == "offline"
                self._step(sheds.Failed(one["entity"], order.is_on, is_away, self._host.clock.monotonic_ns()))
        if done:
            what = "restored" if order.is_on else "shed"
            words = f"turned {'on again' if order.is_on else 'off'} for {self.section.name}: {self._list(done)}"
            self._tell(what, words, Severity.INFO if order.is_on else Severity.WARNING, entities=done)

    def _on_switch(self, entity: Entity, old: State, new: State) -> None:
        if not new.available or new.value is not True or (old.available and old.value is True):
            return
        if not old.available:
            self._step(sheds.CameOn(entity.id, is_back=True))
        elif new.cause is not None and new.cause.via in NOT_PEOPLE:
            if new.cause.who != self._host.name:
                self._step(sheds.CameOn(entity.id, is_back=False))
        else:
            self._touch(entity, is_on=True)

    def _on_call(self, event: Event) -> None:
        """Take what people asked for, also when it changed nothing: a load that is off already, and shall be."""
        kind, _, verb = str(event.data["service"]).partition(".")
        if kind != "switch" or verb not in ("turn_on", "turn_off") or event.cause is None or event.cause.via in NOT_PEOPLE:
            return
        asked = event.data["entity"]
        for one in [asked] if isinstance(asked, str) else asked:
            entity = self._host.states.find(one)
            if entity is not None:
                self._touch(entity, is_on=verb == "turn_on")

    def _touch(self, entity: Entity, *, is_on: bool) -> None:
        is_known = entity.id in self.shedding.off or entity.id in self.shedding.owed or entity.id in self.shedding.wills
        if is_known or self.section.priority_of(entity.id, entity.description.attributes) is not None:
            self._step(sheds.Touched(entity.id, is_on))

    def _tell_once(self, entities: Iterable[str], words: str) -> None:
        new = [one for one in entities if one not in self._told]
        self._told.update(new)
        if new:
            self._tell("failed", f"{self._list(new)} {words}", Severity.WARNING, entities=new)

    def _tell(self, what: str, text: str, severity: Severity, **data: Any) -> None:
        kind = {Severity.INFO: "info", Severity.WARNING: "warning"}.get(severity, "error")
        self._host.events.emit(what, {"battery": self.section.key, **data, "class": kind, "text": text})
        sentence = text[0].upper() + text[1:]
        self._host.notify(sentence, title=self.section.name, severity=severity)

    def _list(self, entities: Iterable[str]) -> str:
        return ", ".join(self._called(one) for one in entities)

    def _called(self, entity_id: str) -> str:
        entity = self._host.states.find(entity_id)
        return entity_id if entity is None or not entity.description.name else entity.description.name
