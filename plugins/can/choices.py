"""Which signals are entities: those of the configuration, and those that somebody chose in the panel, which are kept."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import voluptuous as vol

from autocore.api import Entity, InvalidData, NameTaken, PluginHost, Refused

from .fields import Meaning
from .section import PICK, CanSection, Face, Pick, pick_of
from .shelf import Found, Shelf
from .signals import Choice, Tap, Taps, from_dbc, from_hand

STORED = "chosen"
MOST_CHOSEN = 1_000  # signals; each is an entity with a history
DBC_NAME = vol.All(str, vol.Length(min=1, max=255))
CHOOSE = vol.Schema(
    {
        **PICK,
        vol.Optional("dbc", default=None): vol.Any(DBC_NAME, None),
        vol.Optional("on", default=True): bool,
    }
)
_DEMO = {  # the signals of demo.dbc that the demonstration shows; their ids must not meet those of other demonstrations
    "EngineSpeed": Face(name="CAN engine speed", key="can_engine_speed", precision=0),
    "CoolantTemperature": Face(name="CAN coolant temperature", key="can_coolant_temperature"),
    "VehicleSpeed": Face(name="CAN vehicle speed", key="can_vehicle_speed", precision=0),
    "ThrottlePosition": Face(name="CAN throttle", key="can_throttle", precision=0),
    "Gear": Face(name="CAN gear", key="can_gear", icon="car"),
}


class Choices:
    """The chosen signals, their entities, and their taps.

    Attributes:
        problems: one sentence for each signal that was chosen and cannot be had.
    """

    def __init__(self, host: PluginHost, section: CanSection, shelf: Shelf) -> None:
        self.problems: list[str] = []
        self._host = host
        self._shelf = shelf
        self._fixed = section.picks
        if section.demo and not section.picks:
            self._fixed = tuple(Pick(signal, face=face, origin="demo", dbc="demo.dbc") for signal, face in _DEMO.items())
        self._hand_made = tuple(from_hand(one) for one in section.hand_made)
        self._chosen: list[dict[str, Any]] = []
        self._entities: dict[str, tuple[Entity, type]] = {}
        self._taps: dict[str, Tap] = {}

    def __iter__(self) -> Iterator[Tap]:
        """Give the taps by the id of their entity."""
        return iter(sorted(self._taps.values(), key=lambda tap: tap.entity.id))

    def find(self, unique: str) -> Tap | None:
        """Give the tap of a signal (`Message.Signal`), None when nobody chose it."""
        return self._taps.get(unique)

    def taps_of(self, bus: str) -> Taps:
        """Give the taps that listen to a bus."""
        by_frame: dict[int, tuple[Tap, ...]] = defaultdict(tuple)
        for tap in self._taps.values():
            if tap.choice.bus in (None, bus):
                by_frame[tap.choice.key] += (tap,)
        return dict(by_frame)

    async def restore(self) -> None:
        """Take up what was chosen in the panel before."""
        stored = await self._host.store.get(STORED, [])
        for item in stored if isinstance(stored, list) else []:
            try:
                self._chosen.append(CHOOSE(item))
            except vol.Invalid as error:
                self._host.log.warning("a chosen signal is not used: %s", error)

    def renew(self) -> None:
        """Make entities and taps of what is chosen now, and let go of those that are not any more."""
        self.problems = []
        wanted: dict[str, Choice] = {}
        for choice in (*self._hand_made, *self._picked()):
            if choice.unique in wanted:
                self.problems.append(f"{choice.unique} is chosen twice")
            else:
                wanted[choice.unique] = choice
        for unique in [one for one in self._taps if one not in wanted]:
            self._taps.pop(unique).lose()
        for unique, choice in wanted.items():
            known = self._taps.get(unique)
            if known is None or known.choice != choice:
                self._adopt(unique, choice)

    async def choose(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Switch a signal on or off as an entity, for good; `data` fits `CHOOSE`.

        Raises:
            InvalidData: no file has such a signal, or several messages have.
            Refused: it is the configuration's, or too many are chosen.
        """
        file, message, signal = self._shelf.find(pick_of(data, "panel"))
        unique = f"{message.name}.{signal.name}"
        tap = self._taps.get(unique)
        if tap is not None and tap.choice.origin != "panel":
            raise Refused(f"{unique} stands in the configuration; change it there", code="taken")
        others = [one for one in self._chosen if (one["message"], one["signal"]) != (message.name, signal.name)]
        if data["on"]:
            if len(others) >= MOST_CHOSEN:
                raise Refused(f"{MOST_CHOSEN} signals are chosen already; switch one off", code="full")
            message.meaning(signal)  # raises when no payload has it
            others.append({**data, "message": message.name, "dbc": file.name})
        await self._keep(others)
        self.renew()
        chosen = self._taps.get(unique)
        return {"signal": unique, "on": chosen is not None, "entity": chosen.entity.id if chosen else None}

    async def forget(self, dbc: str) -> None:
        """Switch off what was chosen of a file."""
        await self._keep([one for one in self._chosen if one["dbc"] != dbc])
        self.renew()

    async def _keep(self, chosen: list[dict[str, Any]]) -> None:
        self._chosen = chosen
        await self._host.store.set(STORED, chosen)

    def _picked(self) -> Iterator[Choice]:
        picks = [*self._fixed, *(pick_of(one, "panel") for one in self._chosen)]
        for pick in picks:
            try:
                _file, message, signal = self._shelf.find(pick)
                yield from_dbc(message, signal, pick.face, pick.bus, pick.origin)
            except InvalidData as error:
                self.problems.append(error.message)

    def _adopt(self, unique: str, choice: Choice) -> None:
        description = choice.description()
        known = self._entities.get(unique)
        if known is not None and known[1] is type(description):  # chosen again, or read anew from a newer file
            entity = known[0]
            entity.description = replace(description, key=entity.description.key)
        else:
            try:
                entity = self._host.entities.add(description)
            except NameTaken as error:
                self.problems.append(f"{unique}: {error}; restart the plugin for it")
                return
            self._entities[unique] = (entity, type(description))
        self._taps[unique] = Tap(choice, entity)


def row_of(found: Found, tap: Tap | None) -> dict[str, Any]:
    """Give what REST and the panel tell of one signal of a file."""
    file, message, signal = found
    meaning = _meaning_or_none(found)
    return {
        "name": f"{message.name}.{signal.name}",
        "dbc": file.name,
        "message": message.name,
        "signal": signal.name,
        "id": message.id,
        "ext": message.is_extended,
        "unit": signal.unit,
        "values": list(signal.words.values())[:32],
        "usable": meaning is not None,
        "chosen": tap is not None,
        "origin": tap.choice.origin if tap else None,
        "entity": tap.entity.id if tap else None,
        "value": tap.value if tap else None,
    }


def _meaning_or_none(found: Found) -> Meaning | None:
    try:
        return found[1].meaning(found[2])
    except InvalidData:
        return None
