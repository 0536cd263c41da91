"""The kinds of entities: what each may hold, which verbs it knows and what a verb needs. Names are Home Assistant's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

import voluptuous as vol

from autocore.core.errors import InvalidData
from autocore.core.model import Position, Role, Value

PERCENT = (0, 100)
LONGEST_TEXT = 255  # Home Assistant's limit for a state
LARGEST = 1e100  # beyond anything that can be measured, and its square and the sum of a history of it are numbers still

Fields = Mapping[Any, Any]
"""What a verb takes beside `entity`, as keys and validators of a voluptuous schema."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Where a value becomes worth a warning or an alarm, in the entity's unit; `hysteresis` keeps it from flickering."""

    warn_above: float | None = None
    warn_below: float | None = None
    critical_above: float | None = None
    critical_below: float | None = None
    hysteresis: float = 0.0


_LIMIT_FIELDS = {
    vol.Optional(name): vol.All(vol.Coerce(float), vol.Range(-1e12, 1e12, msg="expected a number"))
    for name in ("warn_above", "warn_below", "critical_above", "critical_below")
} | {vol.Optional("hysteresis"): vol.All(vol.Coerce(float), vol.Range(0, 1e12, msg="expected 0 or more"))}
_LIMITS = vol.Schema(_LIMIT_FIELDS)


def limits(value: Any) -> Limits:
    """Give the `Limits` of a configuration, e.g. `{warn_above: 95, critical_above: 105, hysteresis: 2}` (voluptuous)."""
    found = Limits(**_LIMITS(value))
    pairs = ((found.warn_above, found.critical_above), (found.critical_below, found.warn_below))
    if any(low is not None and high is not None and low > high for low, high in pairs):
        raise vol.Invalid("a value is critical only beyond where it warns; exchange warn and critical")
    if (found.warn_above, found.warn_below, found.critical_above, found.critical_below) == (None,) * 4:
        raise vol.Invalid("give at least one of warn_above, warn_below, critical_above and critical_below")
    return found


@dataclass(frozen=True, slots=True)
class Description:
    """What every entity has. Names, device classes and state classes are Home Assistant's, so that both sides understand.

    Args:
        key: the entity's own name, unique for its plugin and device; `<kind>.<key>` becomes its id.
        name: what people read.
        unique: what identifies it for ever within the plugin; `key` when empty.
        device: the id of the device it belongs to, None for the gateway itself.
        device_class: e.g. `temperature`, `voltage`, `door`.
        area: where in the vehicle.
        icon: the name of a Tabler icon.
        limits: see `Limits`.
        expires_after_s: silence longer than this makes it unavailable; None never does.
        attributes: further facts that do not change, shown beside the state.
        protection: what is asked of people before it moves: `none`, `confirm` or `pin`.
        role: the least role that may move it; None asks for that of the service.
        allow_in_automation: whether anything but a person may move it.
        is_safe_off: False when turning it off moves something too, as of a fuel pump: then that is protected as well.
        written: which of its facts the configuration owns, and where (`{"name": "config.yaml:12:9"}`): the web leaves them.
    """

    kind: ClassVar[str] = ""
    verbs: ClassVar[Mapping[str, Fields]] = {}
    moving: ClassVar[frozenset[str]] = frozenset()
    """The verbs that may set something of the vehicle in motion: protected, and refused while everything is stopped."""
    is_occurrence: ClassVar[bool] = False
    """True when every report counts as a change, also of the same value."""

    key: str
    _: KW_ONLY
    name: str = ""
    unique: str = ""
    device: str | None = None
    device_class: str | None = None
    area: str | None = None
    icon: str | None = None
    limits: Limits | None = None
    expires_after_s: float | None = None
    attributes: Mapping[str, Any] | None = None
    protection: str = "none"
    role: Role | None = None
    allow_in_automation: bool = True
    is_safe_off: bool = True
    written: Mapping[str, str] | None = None

    @property
    def id(self) -> str:
        """The entity id that is wished for; a collision gets another."""
        return f"{self.kind}.{self.key}"

    def read(self, value: Value) -> Value:
        """Give `value` as this kind keeps it.

        Raises:
            InvalidData: the value is not of this kind.
        """
        return value

    def check(self, verb: str, data: Mapping[str, Any]) -> None:
        """Refuse what a verb cannot do with this very entity, e.g. an option that it does not have.

        Raises:
            InvalidData: with the field.
        """


@dataclass(frozen=True, slots=True)
class Sensor(Description):
    """A measured number or a reported text.

    Args:
        unit: SI or the convention of the device class, e.g. `°C`, `rpm`, `V`.
        state_class: `measurement`, `total` or `total_increasing`.
        precision: digits after the point worth showing; None shows the value as it is.
    """

    kind: ClassVar[str] = "sensor"

    unit: str | None = None
    state_class: str | None = None
    precision: int | None = None

    def read(self, value: Value) -> Value:
        """Give a finite number or a short text; a boolean, NaN, or a number beyond 1e100 is refused."""
        kind = type(value)
        if kind is float:
            if -LARGEST < value < LARGEST:  # type: ignore[operator]  # the type was just compared; of NaN it is false
                return value
            raise InvalidData(f"{value} is not a finite number that can be measured")
        if (kind is int and abs(value) < 2**64) or (kind is str and len(value) <= LONGEST_TEXT):  # type: ignore[arg-type]  # as above
            return value
        raise InvalidData(f"a sensor takes a number of 64 bits or a text of {LONGEST_TEXT} characters, not {value!r:.80}")


@dataclass(frozen=True, slots=True)
class BinarySensor(Description):
    """Something that is or is not: a door, the ignition, a link."""

    kind: ClassVar[str] = "binary_sensor"

    def read(self, value: Value) -> Value:
        """Give the boolean; everything else is refused."""
        return _boolean(value, "a binary sensor")


@dataclass(frozen=True, slots=True)
class Switch(Description):
    """Something that can be turned on and off, and reports what it is."""

    kind: ClassVar[str] = "switch"
    verbs: ClassVar[Mapping[str, Fields]] = {"turn_on": {}, "turn_off": {}, "toggle": {}}
    moving: ClassVar[frozenset[str]] = frozenset({"turn_on", "toggle", "hold"})

    def read(self, value: Value) -> Value:
        """Give the boolean; everything else is refused."""
        return _boolean(value, "a switch")


@dataclass(frozen=True, slots=True)
class Button(Description):
    """Something that can be pressed; its value is the sequence number of the last press."""

    kind: ClassVar[str] = "button"
    verbs: ClassVar[Mapping[str, Fields]] = {"press": {}}
    moving: ClassVar[frozenset[str]] = frozenset({"press"})


@dataclass(frozen=True, slots=True)
class Number(Description):
    """A number that people may set, within limits."""

    kind: ClassVar[str] = "number"
    verbs: ClassVar[Mapping[str, Fields]] = {"set_value": {vol.Required("value"): vol.Coerce(float)}}

    minimum: float = 0.0
    maximum: float = 100.0
    step: float = 1.0
    unit: str | None = None
    precision: int | None = None

    def read(self, value: Value) -> Value:
        """Give a finite number; what a device reports may lie outside the limits, which hold for people."""
        return _number(value, "a number")

    def check(self, verb: str, data: Mapping[str, Any]) -> None:
        """Refuse a value outside the limits."""
        value = data.get("value")
        if value is not None and not self.minimum <= value <= self.maximum:
            raise InvalidData(f"{self.id} takes {self.minimum:g} to {self.maximum:g}", field="value")


@dataclass(frozen=True, slots=True)
class Select(Description):
    """One of several options."""

    kind: ClassVar[str] = "select"
    verbs: ClassVar[Mapping[str, Fields]] = {"select_option": {vol.Required("option"): str}}

    options: tuple[str, ...] = ()

    def read(self, value: Value) -> Value:
        """Give the option; a text that is none of them is refused."""
        if isinstance(value, str) and value in self.options:
            return value
        raise InvalidData(f"{self.id} is one of {', '.join(self.options)}, not {value!r}")

    def check(self, verb: str, data: Mapping[str, Any]) -> None:
        """Refuse an option that there is not."""
        if data.get("option") not in self.options:
            raise InvalidData(f"{self.id} has the options {', '.join(self.options)}", field="option")


@dataclass(frozen=True, slots=True)
class Text(Description):
    """A text that people may set."""

    kind: ClassVar[str] = "text"
    verbs: ClassVar[Mapping[str, Fields]] = {"set_value": {vol.Required("value"): str}}

    longest: int = LONGEST_TEXT

    def read(self, value: Value) -> Value:
        """Give the text; one that is too long is refused."""
        if isinstance(value, str) and len(value) <= self.longest:
            return value
        raise InvalidData(f"{self.id} takes a text of at most {self.longest} characters")

    def check(self, verb: str, data: Mapping[str, Any]) -> None:
        """Refuse a text that is too long."""
        if len(data.get("value", "")) > self.longest:
            raise InvalidData(f"{self.id} takes at most {self.longest} characters", field="value")


@dataclass(frozen=True, slots=True)
class Light(Description):
    """A light: on or off, or its brightness in percent when it can be dimmed, 0 being off."""

    kind: ClassVar[str] = "light"
    verbs: ClassVar[Mapping[str, Fields]] = {
        "turn_on": {vol.Optional("brightness"): vol.All(vol.Coerce(float), vol.Range(*PERCENT, msg="expected 0 to 100 %"))},
        "turn_off": {},
        "toggle": {},
    }
    moving: ClassVar[frozenset[str]] = frozenset({"turn_on", "toggle"})

    is_dimmable: bool = False

    def read(self, value: Value) -> Value:
        """Give the boolean, or a percentage where it can be dimmed."""
        return _percent(value, self.id) if self.is_dimmable and not isinstance(value, bool) else _boolean(value, "a light")

    def check(self, verb: str, data: Mapping[str, Any]) -> None:
        """Refuse a brightness where there is none."""
        if "brightness" in data and not self.is_dimmable:
            raise InvalidData(f"{self.id} cannot be dimmed", field="brightness")


@dataclass(frozen=True, slots=True)
class Cover(Description):
    """An awning, a step, a roof: `open`, `closed`, `opening`, `closing` or `stopped`."""

    kind: ClassVar[str] = "cover"
    states: ClassVar[tuple[str, ...]] = ("open", "closed", "opening", "closing", "stopped")
    verbs: ClassVar[Mapping[str, Fields]] = {
        "open_cover": {},
        "close_cover": {},
        "stop_cover": {},
        "set_cover_position": {
            vol.Required("position"): vol.All(vol.Coerce(float), vol.Range(*PERCENT, msg="expected 0 to 100 %"))
        },
    }
    moving: ClassVar[frozenset[str]] = frozenset({"open_cover", "close_cover", "set_cover_position"})

    has_position: bool = False

    def read(self, value: Value) -> Value:
        """Give one of the five states."""
        if isinstance(value, str) and value in self.states:
            return value
        raise InvalidData(f"{self.id} is one of {', '.join(self.states)}, not {value!r}")

    def check(self, verb: str, data: Mapping[str, Any]) -> None:
        """Refuse a position where there is none."""
        if verb == "set_cover_position" and not self.has_position:
            raise InvalidData(f"{self.id} only opens, closes and stops", field="position")


@dataclass(frozen=True, slots=True)
class EventEntity(Description):
    """Something that happens, like a press on a remote; its value is what happened last."""

    kind: ClassVar[str] = "event"
    is_occurrence: ClassVar[bool] = True

    event_types: tuple[str, ...] = ()

    def read(self, value: Value) -> Value:
        """Give what happened; what is none of its types is refused."""
        if isinstance(value, str) and value in self.event_types:
            return value
        raise InvalidData(f"{self.id} tells of {', '.join(self.event_types)}, not of {value!r}")


@dataclass(frozen=True, slots=True)
class Tracker(Description):
    """Where something is."""

    kind: ClassVar[str] = "position"

    def read(self, value: Value) -> Value:
        """Give the position; what is off the globe is refused."""
        if not isinstance(value, Position):
            raise InvalidData(f"{self.id} takes a position, not {value!r}")
        if not (abs(value.latitude) <= 90 and abs(value.longitude) <= 180):  # noqa: PLR2004  # degrees of the globe
            raise InvalidData(f"{value} is no place on the earth")
        return value


KINDS: Mapping[str, type[Description]] = {
    kind.kind: kind for kind in (Sensor, BinarySensor, Switch, Button, Number, Select, Text, Light, Cover, EventEntity, Tracker)
}
"""Every kind by its name."""


def _boolean(value: Value, what: str) -> bool:
    if isinstance(value, bool):
        return value
    raise InvalidData(f"{what} takes true or false, not {value!r}")


def _number(value: Value, what: str) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < LARGEST:
        return value
    raise InvalidData(f"{what} takes a finite number, not {value!r}")


def _percent(value: Value, what: str) -> float:
    number = _number(value, what)
    if not PERCENT[0] <= number <= PERCENT[1]:
        raise InvalidData(f"{what} takes 0 to 100 %, not {value!r}")
    return number
