"""Chosen signals: each takes its bits out of every changed payload of its frame and sets one entity."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from autocore.api import BinarySensor, Description, Entity, InvalidData, Sensor, Value, slug

from .dbc import DbcMessage, DbcSignal
from .fields import Meaning
from .section import Face, HandMade

NS = 1_000_000_000
REPORT_EVERY_S = 10.0  # what does not change is reported again so often, so that a chart has points
REPORTS_PER_EXPIRY = 3.0
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_ICONS = {"°C": "temperature", "rpm": "engine", "km/h": "gauge", "V": "battery", "A": "bolt", "km": "road", "%": "gauge"}
_DEVICE_CLASSES = {"°C": "temperature", "km/h": "speed", "V": "voltage", "A": "current", "kPa": "pressure", "bar": "pressure"}
_UNITS = {"degC": "°C", "deg C": "°C", "1/min": "rpm", "RPM": "rpm", "kph": "km/h", "kmh": "km/h"}  # as DBC files write them


@dataclass(frozen=True, slots=True)
class Choice:
    """One signal that somebody wants, found: where it comes from, what it means, how it looks.

    Args:
        unique: what it is for ever: `Message.Signal` of a DBC file, or the id of a hand-made one.
        label: what it is called on MQTT.
        key: the frame it lies in.
        bus: only from this bus; None from any.
        meaning: see `Meaning`.
        face: see `Face`.
        origin: who chose it.
    """

    unique: str
    label: str
    key: int
    bus: str | None
    meaning: Meaning
    face: Face
    origin: str

    def description(self) -> Description:
        """Give the entity it becomes: a word or a number is a sensor, one bit is a binary sensor."""
        face = self.face
        name = face.name or readable(self.label)
        key = face.key or slug(name) or slug(self.unique)
        attributes = {"signal": self.unique, "frame": self.key}
        if self.meaning.is_flag:
            return BinarySensor(
                key,
                name=name,
                unique=self.unique,
                icon=face.icon,
                expires_after_s=face.expires_after_s,
                attributes=attributes,
                written=face.written,
            )
        is_word = self.meaning.is_word
        unit = None if is_word else face.unit or unit_of(self.meaning.unit)
        return Sensor(
            key,
            name=name,
            unique=self.unique,
            unit=unit,
            device_class=_DEVICE_CLASSES.get(unit or ""),
            state_class=None if is_word else "measurement",
            icon=face.icon or _ICONS.get(unit or ""),
            precision=None if is_word else self.meaning.field.digits if face.precision is None else face.precision,
            expires_after_s=face.expires_after_s,
            attributes=attributes,
            written=face.written,
        )


def from_dbc(message: DbcMessage, signal: DbcSignal, face: Face, bus: str | None, origin: str) -> Choice:
    """Give the choice of a signal of a DBC file; raises `InvalidData` when no payload has it."""
    return Choice(f"{message.name}.{signal.name}", signal.name, message.key, bus, message.meaning(signal), face, origin)


def from_hand(one: HandMade) -> Choice:
    """Give the choice of a hand-made signal."""
    unique = one.face.key or slug(one.name)
    return Choice(unique, unique, one.frame, one.bus, one.meaning, one.face, "config")


def readable(name: str) -> str:
    """Give what people read for a name: `EngineSpeed` and `Engine_Speed` are `Engine speed`, `EngineRPM` is `Engine RPM`."""
    words = [word for part in name.split("_") for word in _CAMEL.split(part) if word]
    kept = [word if word.isupper() and len(word) > 1 else word.lower() for word in words]
    text = " ".join(kept)
    return text[:1].upper() + text[1:]


def unit_of(unit: str | None) -> str | None:
    """Give a unit of a DBC file as the rest of the gateway writes it."""
    return _UNITS.get(unit, unit) if unit else None


class Tap:
    """Takes one chosen signal out of payloads and into its entity.

    What did not change is left alone until the entity needs a sign of life: setting it costs more than decoding it.
    """

    __slots__ = ("_due_ns", "_every_ns", "_raw", "choice", "entity", "is_fresh", "source")

    def __init__(self, choice: Choice, entity: Entity) -> None:
        expiry_s = choice.face.expires_after_s
        every_s = REPORT_EVERY_S if expiry_s is None else min(REPORT_EVERY_S, expiry_s / REPORTS_PER_EXPIRY)
        self.choice = choice
        self.entity = entity
        self.is_fresh = False
        """Whether it changed since somebody looked; whoever looks sets it back."""
        self.source: object = None
        """Whatever handed it the newest payload that counted."""
        self._every_ns = round(every_s * NS)
        self._raw: int | None = None
        self._due_ns = 0

    @property
    def every_ns(self) -> int:
        """How often it wants to see a payload that did not change."""
        return self._every_ns

    @property
    def value(self) -> Value:
        """The newest value, None when there is none now."""
        state = self.entity.state
        return state.value if state.available else None

    def take(self, payload: bytes, now_ns: int, source: object) -> None:
        """Decode a payload of its frame, which came through `source`."""
        meaning = self.choice.meaning
        raw = meaning.field.raw(payload)
        if raw is None or (raw == self._raw and now_ns < self._due_ns):
            return
        if meaning.selectors and not meaning.is_there(payload):
            return
        self._raw, self._due_ns, self.is_fresh, self.source = raw, now_ns + self._every_ns, True, source
        value = meaning.value(raw)
        if value is None:
            self.entity.lose()
            return
        try:
            self.entity.set(value)
        except InvalidData:  # the scale makes more of it than a number can hold
            self.entity.lose()

    def lose(self) -> None:
        """Its bus is gone: the last value is not live, and the next payload counts again whatever it says."""
        self._raw = None
        self.entity.lose()


Taps = Mapping[int, tuple[Tap, ...]]
"""The taps of one bus by frame."""
