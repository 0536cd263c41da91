"""The section `can` of the configuration, and what it says, typed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import voluptuous as vol

from autocore.api import N_, InvalidData, duration, label, slug, slug_key

from .fields import Field, Meaning
from .frames import HIGHEST_EXTENDED, HIGHEST_STANDARD, key_of

EXPIRES_AFTER_S = 30.0  # a vehicle repeats nearly every frame within a few seconds, and all of them within ten
BITRATES = (10_000, 1_000_000)  # of classical CAN
DEMO_BUS = "demo"
DEMO_CHANNEL = "autocore-demo"


@dataclass(frozen=True, slots=True)
class BusSection:
    """One bus as the owner wrote it; `bitrate` is in bit/s."""

    name: str
    interface: str
    channel: str | int
    bitrate: int
    listen_only: bool


@dataclass(frozen=True, slots=True)
class Face:
    """How an entity made from a signal looks; what is None comes from the signal itself."""

    name: str | None = None
    key: str | None = None
    unit: str | None = None
    icon: str | None = None
    precision: int | None = None
    expires_after_s: float | None = EXPIRES_AFTER_S
    written: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Pick:
    """A signal of a DBC file that somebody wants as an entity.

    Args:
        signal: its name.
        message: the name of its message; None when only one has such a signal.
        bus: only from this bus; None from any.
        face: how it looks.
        origin: who chose it: `config`, `panel` or `demo`.
        dbc: only from this file; None from any.
    """

    signal: str
    message: str | None = None
    bus: str | None = None
    face: Face = Face()
    origin: str = "config"
    dbc: str | None = None


@dataclass(frozen=True, slots=True)
class HandMade:
    """A signal that the owner described bit by bit."""

    name: str
    frame: int
    meaning: Meaning
    bus: str | None
    face: Face


@dataclass(frozen=True, slots=True)
class CanSection:
    """The whole section; `demo` lets the plugin play a vehicle on a virtual bus."""

    buses: tuple[BusSection, ...]
    dbc: tuple[str, ...]
    picks: tuple[Pick, ...]
    hand_made: tuple[HandMade, ...]
    publish: bool
    demo: bool


number = vol.All(vol.Any(int, float, msg="expected a number"), vol.Range(-1e12, 1e12))
FACE: dict[Any, Any] = {
    vol.Optional("name", default=None, description="what people read; the signal's own name otherwise"): vol.Any(label, None),
    vol.Optional("id", default=None, description="the entity is sensor.<id>; made from the name otherwise"): vol.Any(
        slug_key, None
    ),
    vol.Optional("unit", default=None, description="instead of the one in the file"): vol.Any(
        vol.All(str, vol.Length(max=20)), None
    ),
    vol.Optional("icon", default=None, description="a Tabler icon"): vol.Any(vol.All(str, vol.Match(r"^[a-z0-9-]{1,40}$")), None),
    vol.Optional("precision", default=None, description="digits after the point worth showing"): vol.Any(
        vol.All(int, vol.Range(0, 6)), None
    ),
    vol.Optional(
        "expires_after", default=EXPIRES_AFTER_S, description="silence that makes it unavailable; null never does"
    ): vol.Any(duration, None),
}
PICK: dict[Any, Any] = {
    vol.Required("signal", description="its name in a DBC file"): vol.All(str, vol.Length(min=1, max=128)),
    vol.Optional("message", default=None, description="its message, where several have such a signal"): vol.Any(
        vol.All(str, vol.Length(min=1, max=128)), None
    ),
    **FACE,
}
_PICKED = vol.Schema({**PICK, vol.Optional("bus", default=None, description="only from this bus"): vol.Any(slug_key, None)})
_HAND_MADE = vol.Schema(
    {
        **{key: value for key, value in FACE.items() if key != "name"},  # which it must have
        vol.Required("name", description="what people read"): label,
        vol.Required("frame", description="the identifier, e.g. 0x1A0"): vol.All(
            int, vol.Range(0, HIGHEST_EXTENDED, msg="write e.g. 0x1A0, at most 0x1FFFFFFF")
        ),
        vol.Optional(
            "extended", default=None, description="whether the identifier has 29 bits; told by its size otherwise"
        ): vol.Any(bool, None),
        vol.Required("start_bit", description="its first bit, counted as DBC files do"): vol.All(int, vol.Range(0, 511)),
        vol.Required("length", description="how many bits it has"): vol.All(
            int, vol.Range(1, 64, msg="a signal has 1 to 64 bits")
        ),
        vol.Optional("byte_order", default="little", description="little (Intel) or big (Motorola)"): vol.In(
            ("little", "big"), msg="use little or big"
        ),
        vol.Optional("signed", default=False, description="whether the raw number may be negative"): bool,
        vol.Optional("scale", default=1, description="the value is raw * scale + offset"): number,
        vol.Optional("offset", default=0, description="the value is raw * scale + offset"): number,
        vol.Optional("values", default=dict, description="words by raw number, instead of a number"): {int: label},
        vol.Optional("bus", default=None, description="only from this bus"): vol.Any(slug_key, None),
    }
)
_BUS = vol.Schema(
    {
        vol.Required("name", description="what the bus is called"): slug_key,
        vol.Required("interface", description="python-can's word for the adapter"): vol.All(
            str, vol.Match(r"^[a-z0-9_]{1,40}$", msg="write e.g. socketcan, slcan or virtual")
        ),
        vol.Required("channel", description="which one, as the adapter calls it"): vol.Any(
            int, vol.All(str, vol.Length(min=1, max=200)), msg="write e.g. can0 or /dev/ttyACM0"
        ),
        vol.Optional("bitrate", default=500_000, description="in bit/s; socketcan has it from the system"): vol.All(
            int, vol.Range(*BITRATES, msg="write bit/s, e.g. 250000 or 500000")
        ),
        vol.Optional(
            "listen_only", default=True, description="false lets the adapter acknowledge frames; none is sent anyway"
        ): bool,
    }
)


def _signal(item: Any) -> Any:
    """Check one signal: with a `frame` it is hand-made, otherwise it is one of a DBC file."""
    if isinstance(item, str):
        item = {"signal": item}
    if not isinstance(item, Mapping):
        raise vol.Invalid("expected a signal; write e.g. {signal: EngineSpeed} or {frame: 0x1A0, start_bit: 0, length: 16, …}")
    if "frame" not in item:
        return _PICKED(item)
    checked = _HAND_MADE(item)
    if checked["extended"] is False and checked["frame"] > HIGHEST_STANDARD:
        raise vol.Invalid("an identifier beyond 0x7FF is extended", path=["extended"])
    try:
        field_of(checked)
    except InvalidData as error:
        raise vol.Invalid(error.message, path=[error.field] if error.field in checked else None) from error
    return checked


def _differ(section: Mapping[str, Any]) -> Mapping[str, Any]:
    seen: set[str] = set()
    for index, bus in enumerate(section["buses"]):
        if bus["name"] in seen:
            raise vol.Invalid(f"there are two buses {bus['name']}; rename this one", path=["buses", index, "name"])
        seen.add(bus["name"])
    keys: set[str] = set()
    for index, signal in enumerate(section["signals"]):
        key = signal["id"] or slug(signal["name"] or "") or f"{signal.get('message') or ''}.{signal.get('signal', '')}"
        if "frame" in signal and not (signal["id"] or slug(signal["name"])):
            raise vol.Invalid("the name has no letter or digit; give an id", path=["signals", index])
        if key in keys:
            raise vol.Invalid(f"two signals would be {key}; give this one an id", path=["signals", index])
        keys.add(key)
    if section["demo"] and section["buses"] and not any(bus["interface"] == "virtual" for bus in section["buses"]):
        raise vol.Invalid("the demonstration plays on a virtual bus; add one, or leave buses out", path=["demo"])
    return section


def _written(section: Any) -> Any:
    """Take a section without content for its defaults."""
    return {} if section is None else section


SCHEMA = vol.Schema(
    vol.All(
        _written,
        {
            vol.Optional("buses", default=list, description=N_("the buses of this machine")): [_BUS],
            vol.Optional("dbc", default=list, description=N_("DBC files below the configuration folder")): [
                vol.All(str, vol.Length(min=1, max=200))
            ],
            vol.Optional(
                "signals",
                default=list,
                description=N_("what becomes entities: a signal's name, a choice of one, or one described bit by bit"),
            ): [_signal],
            vol.Optional("publish", default=False, description=N_("whether chosen signals go out on MQTT, can/data")): bool,
            vol.Optional("demo", default=False, description=N_("whether a made-up vehicle plays on a bus in memory")): bool,
        },
        _differ,
    )
)


def section_of(section: Mapping[str, Any], written: Callable[[int], Mapping[str, str] | None] = lambda _: None) -> CanSection:
    """Give what a validated section says; `written` gives which facts of a signal, by its index, it owns and where."""
    buses = tuple(BusSection(**bus) for bus in section["buses"])
    if section["demo"] and not buses:
        buses = (BusSection(DEMO_BUS, "virtual", DEMO_CHANNEL, 500_000, listen_only=True),)
    return CanSection(
        buses,
        tuple(section["dbc"]),
        tuple(pick_of(one, written=written(at)) for at, one in enumerate(section["signals"]) if "frame" not in one),
        tuple(_hand_made(one, written(at)) for at, one in enumerate(section["signals"]) if "frame" in one),
        section["publish"],
        section["demo"],
    )


def pick_of(item: Mapping[str, Any], origin: str = "config", written: Mapping[str, str] | None = None) -> Pick:
    """Give the pick in a validated mapping of `PICK`, with `bus` and `dbc` where they are allowed."""
    return Pick(item["signal"], item["message"], item.get("bus"), _face(item, written), origin, item.get("dbc"))


def field_of(item: Mapping[str, Any]) -> Field:
    """Give the field of a hand-made signal; raises `InvalidData` when no payload has it."""
    return Field(
        item["start_bit"],
        item["length"],
        item["byte_order"] == "little",
        item["signed"],
        scale=item["scale"],
        offset=item["offset"],
    )


def _hand_made(item: Mapping[str, Any], written: Mapping[str, str] | None) -> HandMade:
    extended = item["frame"] > HIGHEST_STANDARD if item["extended"] is None else item["extended"]
    meaning = Meaning(field_of(item), item["values"], item["unit"])
    return HandMade(item["name"], key_of(item["frame"], is_extended=extended), meaning, item["bus"], _face(item, written))


def _face(item: Mapping[str, Any], written: Mapping[str, str] | None) -> Face:
    return Face(item["name"], item["id"], item["unit"], item["icon"], item["precision"], item["expires_after"], written)
