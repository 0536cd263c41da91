"""Groups: several switches, lights or contacts as one, and several sensors as one number."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from autocore.api import BinarySensor, Command, Description, Entity, Light, PluginHost, Refused, State, Switch

from .measure import face, key_of, number_of, sensor_of
from .section import SWITCHED, kind_of_group

SUMMARIES: Mapping[str, Callable[[Sequence[float]], float]] = {
    "mean": statistics.fmean,
    "median": statistics.median,
    "min": min,
    "max": max,
    "sum": sum,
}


class Group:
    """One item of `groups`.

    A group that is on or off is on when one of its members is (`all: true`: when all are), as far as they are known; a group of
    sensors is a number worked out over those that are known. With no member known it is unavailable.

    Attributes:
        entity: what it became.
        made_of: the ids of its members.
    """

    def __init__(self, host: PluginHost, item: Mapping[str, Any], written: Mapping[str, str]) -> None:
        self._host = host
        self._item = item
        self._written = written
        self._like: Description | None = None
        self._kind = kind_of_group(item["entities"])
        self.made_of: Sequence[str] = item["entities"]
        self.entity: Entity = host.entities.add(self._describe(None), self._command if self._kind in SWITCHED else None)

    @property
    def how(self) -> str:
        """What is worked out, as a word of the configuration."""
        return str(self._item["function"] or "mean") if self._kind == "sensor" else ("all" if self._item["all"] else "any")

    def start(self) -> None:
        """Follow the members."""
        for member in self.made_of:
            self._host.states.on(member, self._on_member)
        self._work_out()

    def _on_member(self, member: Entity, _old: State, _new: State) -> None:
        if self._kind == "sensor" and member.description is not self._like:
            self._like = member.description
            self._host.entities.describe(self.entity, self._describe(self._like))
        self._work_out()

    def _describe(self, like: Description | None) -> Description:
        item, written = self._item, self._written
        if self._kind == "sensor":
            return sensor_of(item, written, like)
        kinds: dict[str, type[Switch | Light | BinarySensor]] = {"switch": Switch, "light": Light, "binary_sensor": BinarySensor}
        return kinds[self._kind](key_of(item), device_class=item["device_class"], **face(item, written))

    def _work_out(self) -> None:
        members = [self._host.states.find(member) for member in self.made_of]
        states = [member.state for member in members if member is not None and member.state.available]
        if self._kind == "sensor":
            numbers = [number for number in map(number_of, states) if number is not None]
            if numbers:
                self.entity.set(SUMMARIES[self.how](numbers))
            else:
                self.entity.lose()
        elif states:
            are_on = [bool(state.value) for state in states]
            self.entity.set(all(are_on) if self._item["all"] else any(are_on))
        else:
            self.entity.lose()

    async def _command(self, command: Command) -> Mapping[str, Any]:
        verb = command.verb
        if verb == "toggle":  # a group that is half on becomes one
            verb = "turn_off" if self.entity.state.value else "turn_on"
        body = {"entity": list(self.made_of)}
        outcome = await self._host.services.call(f"{self._kind}.{verb}", body, command.caller)
        refused = [one for one in outcome["results"] if not one["ok"]]
        if refused:
            reasons = "; ".join(f"{one['entity']}: {one['detail']}" for one in refused)
            raise Refused(f"{len(refused)} of {len(self.made_of)} did not: {reasons}", code=refused[0]["code"])
        return outcome
