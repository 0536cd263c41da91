"""What may stand in the section `relays`, and one clear sentence for what may not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import voluptuous as vol

from autocore.api import N_, Role, device_id, duration, entity_id, label, slug, slug_key

from .events import ChannelType, SafeState
from .section import ANSWER_WITHIN_S, LINK_TIMEOUT_S

SIZES = (1, 2, 4, 8, 16, 32)  # the boards that exist
PULSE_S = (0.05, 60.0)  # safety.md: a pulse is on for 50 ms to 60 s
TIMED_S = (1.0, 86_400.0)
MAX_ON_S = (1.0, 86_400.0)
MOST_AMPERES = 500.0  # a winch draws that; a larger number is a typing error
MOST_CONDITIONS = 8
TYPES = [one.value for one in ChannelType]
HELD = ("motor", "winch", "horn", "starter")  # safety.md: on only while a hand is there, unless the owner writes otherwise
ESSENTIAL = ("driving_light", "fuel", "cooling", "brake", "diff_lock")  # safety.md: silence about their safe state is refused
PURPOSES = (*HELD, *ESSENTIAL, "light", "fridge", "pump", "compressor", "fan", "heater", "other")
ROLES = [role.name.lower() for role in Role]


def _link_loss(value: Any) -> str:
    if value is False:  # YAML reads a bare off as false
        value = "off"
    action, _, seconds = value.partition(" ") if isinstance(value, str) else ("", "", "")
    if action in ("off", "keep") and not seconds:
        return str(value)
    if action == "hold" and seconds:
        try:
            hold_s = duration(seconds)
        except vol.Invalid:
            hold_s = 0.0
        if hold_s >= 1 and hold_s == int(hold_s):
            return f"hold {hold_s:.0f}"
    raise vol.Invalid("use off, keep, or hold and some whole seconds, e.g. hold 30s")


def _word(value: Any) -> Any:
    """Give the word that YAML reads as a boolean when it stands bare."""
    return {False: "off", True: "on"}[value] if isinstance(value, bool) else value


def _amperes(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= MOST_AMPERES:
        raise vol.Invalid(f"give amperes, more than 0 and at most {MOST_AMPERES:g}")
    return float(value)


def _is(value: Any) -> bool | str | None:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str) and value:
        return {"on": True, "off": False}.get(value, value)
    raise vol.Invalid("use on, off or a word of the entity")


def _compares(condition: Mapping[str, Any]) -> Mapping[str, Any]:
    if condition["is"] is None and condition["above"] is None and condition["below"] is None:
        raise vol.Invalid("say what it must be: is, above or below", path=["entity"])
    return condition


def _number(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise vol.Invalid("expected a number")
    return float(value)


CONDITION = vol.All(
    {
        vol.Required("entity", description="any entity; its value counts while it is live"): entity_id,
        vol.Optional("is", default=None, description="what it must be: on, off or a word"): _is,
        vol.Optional("above", default=None, description="what its number must be above"): _number,
        vol.Optional("below", default=None, description="what its number must be below"): _number,
    },
    _compares,
)


def _lasts(channel: Mapping[str, Any]) -> Mapping[str, Any]:
    kind, on_s = channel["type"], channel["duration"]
    if kind == "timed" and on_s is None:
        raise vol.Invalid("a timed channel says how long it stays on; add duration, e.g. 15min", path=["type"])
    for word, (least, most), limits in (("pulse", PULSE_S, "50 ms to 60 s"), ("timed", TIMED_S, "1 s to 24 h")):
        if kind == word and on_s is not None and not least <= on_s <= most:
            raise vol.Invalid(f"a {word} channel is on for {limits}", path=["duration"])
    if kind == "toggle" and on_s is not None:
        raise vol.Invalid("a toggle stays as it is set; write type: timed or type: pulse", path=["duration"])
    if kind == "momentary" and on_s is not None:
        raise vol.Invalid("a momentary channel is on while somebody holds it; take duration out", path=["duration"])
    max_on_s = channel["max_on"]
    if max_on_s is not None and not MAX_ON_S[0] <= max_on_s <= MAX_ON_S[1]:
        raise vol.Invalid("a limit is 1 s to 24 h", path=["max_on"])
    if max_on_s is not None and on_s is not None and on_s > max_on_s:
        raise vol.Invalid("it would be off before its duration is over; make max_on longer, or take it out", path=["max_on"])
    duty = channel["duty"]
    if duty is not None and not 1 <= duty["for"] < duty["in"] <= MAX_ON_S[1]:
        raise vol.Invalid(
            "for is 1 s or more and shorter than in, which is at most 24 h; e.g. {for: 1min, in: 10min}", path=["duty"]
        )
    if channel["exclusive"] is not None and channel["interlock"] is not None:
        raise vol.Invalid(
            "it is in one group: interlock refuses a second channel, exclusive turns the first off", path=["interlock"]
        )
    return channel


def _is_safe(channel: Mapping[str, Any]) -> Mapping[str, Any]:
    kind, safe_state = channel["type"], channel["safe_state"]
    if safe_state is None and channel["purpose"] in ESSENTIAL:
        words = f"what is safe for {channel['purpose'].replace('_', ' ')}? Write safe_state: off, keep or on"
        raise vol.Invalid(words, path=["purpose"])
    if safe_state not in (None, "off") and kind != "toggle":
        raise vol.Invalid(
            f"a {kind} channel is safe when it is off; write type: toggle, or take safe_state out", path=["safe_state"]
        )
    if channel["link_loss"] not in (None, "off") and kind == "momentary":
        raise vol.Invalid("nobody holds it when the link is lost; take link_loss out", path=["link_loss"])
    if safe_state == "on" and (channel["max_on"] is not None or channel["duty"] is not None):
        raise vol.Invalid("it cannot be safe when on and be on for a time only; take max_on and duty out", path=["safe_state"])
    if channel["on_return"] == "restore" and kind != "toggle":
        raise vol.Invalid(f"only a toggle comes back on by itself, a {kind} channel does not", path=["on_return"])
    return {**channel, "safe_state": safe_state or "off"}


def _completed(channel: Mapping[str, Any]) -> Mapping[str, Any]:
    """Fill in what follows from the rest."""
    kind = channel["type"] or ("momentary" if channel["purpose"] in HELD else "toggle")
    moves_alone = channel["allow_in_automation"]
    if moves_alone is None:
        moves_alone = kind != "momentary" and channel["protection"] == "none"
    if moves_alone and kind == "momentary":
        raise vol.Invalid(
            "an automation has no hand that could hold it; take allow_in_automation out", path=["allow_in_automation"]
        )
    return {**channel, "type": kind, "allow_in_automation": moves_alone}


def _one_of(words: list[str]) -> vol.In:
    return vol.In(words, msg=f"use one of {', '.join(words)}")


CHANNEL = vol.Schema(
    vol.All(
        {
            vol.Required("name", description="what people read"): label,
            vol.Optional("id", default=None, description="the entity is switch.<id>; made from the name otherwise"): vol.Any(
                slug_key, None
            ),
            vol.Optional(
                "purpose", default=None, description="what it moves or feeds; a motor, winch, horn or starter is held"
            ): vol.Any(_one_of(list(PURPOSES)), None),
            vol.Optional(
                "type", default=None, description="how it behaves: stays, is on while it is held, for a moment, or for a time"
            ): vol.Any(_one_of(TYPES), None),
            vol.Optional(
                "duration", default=None, description="how long a pulse (500ms otherwise) or a timed channel is on"
            ): vol.Any(duration, None),
            vol.Optional("exclusive", default=None, description="of the channels with this word at most one is on"): vol.Any(
                slug_key, None
            ),
            vol.Optional(
                "interlock", default=None, description="of the channels with this word at most one is on: a second one is refused"
            ): vol.Any(slug_key, None),
            vol.Optional("max_on", default=None, description="after so long it is off, whatever anybody wants"): vol.Any(
                duration, None
            ),
            vol.Optional("min_off", default=None, description="how long it rests after it was on"): vol.Any(duration, None),
            vol.Optional(
                "duty", default=None, description="on for at most so long in any stretch of time, as a motor needs"
            ): vol.Any(
                {
                    vol.Required("for", description="how long it may be on"): duration,
                    vol.Required("in", description="in which stretch of time"): duration,
                },
                None,
            ),
            vol.Optional("feeder", default=None, description="the line that feeds it, one of feeders"): vol.Any(slug_key, None),
            vol.Optional("load", default=None, description="what it draws, in amperes"): vol.Any(_amperes, None),
            vol.Optional("fuse", default=None, description="its own fuse, in amperes"): vol.Any(_amperes, None),
            vol.Optional(
                "safe_state",
                default=None,
                description="what it is at power-up, at a new connection and when everything is stopped",
            ): vol.Any(vol.All(_word, _one_of([one.value for one in SafeState])), None),
            vol.Optional(
                "link_loss", default=None, description="what its board does when the link is lost: off, keep, or hold 30s"
            ): vol.Any(_link_loss, None),
            vol.Optional(
                "on_return", default="safe", description="when its board comes back: stay in the safe state, or be on again"
            ): _one_of(["safe", "restore"]),
            vol.Optional("conditions", default=list, description="what must hold for it to be on"): vol.All(
                [CONDITION], vol.Length(max=MOST_CONDITIONS, msg=f"at most {MOST_CONDITIONS} conditions")
            ),
            vol.Optional(
                "on_condition_lost", default="off", description="what happens when one holds no longer: off or keep"
            ): vol.All(_word, _one_of(["off", "keep"])),
            vol.Optional(
                "protection", default="none", description="what people are asked before it moves: confirm or pin"
            ): _one_of(["none", "confirm", "pin"]),
            vol.Optional("role", default=None, description="the least role that may move it"): vol.Any(_one_of(ROLES), None),
            vol.Optional("allow_in_automation", default=None, description="whether anything but a person may move it"): vol.Any(
                bool, None
            ),
            vol.Optional(
                "priority", default=None, description="when the battery runs low: 9 is shed first, 1 last, keep never"
            ): vol.Any(None, "keep", vol.All(int, vol.Range(1, 9)), msg="use 1 to 9, or keep"),
            vol.Optional("dashboard", default=False, description="whether it stands on the dashboard"): bool,
            vol.Optional("icon", default=None, description="a Tabler icon"): vol.Any(str, None),
            vol.Optional("area", default=None, description="where in the vehicle"): vol.Any(label, None),
        },
        _completed,
        _lasts,
        _is_safe,
    )
)


def _channels_exist(board: Mapping[str, Any]) -> Mapping[str, Any]:
    for number in board["channels"]:
        if number > board["size"]:
            raise vol.Invalid(
                f"channel {number} does not exist; the board has {board['size']} (set size for a larger one)",
                path=["channels", number],
            )
    return board


def _channels(section: Mapping[str, Any]) -> Iterator[tuple[list[Any], Mapping[str, Any]]]:
    for index, board in enumerate(section["boards"]):
        for number, channel in board["channels"].items():
            yield ["boards", index, "channels", number], channel


def _keys_differ(section: Mapping[str, Any]) -> Mapping[str, Any]:
    seen: set[str] = set()
    for path, channel in _channels(section):
        key = channel["id"] or slug(channel["name"])
        if not key or key in seen:
            words = f"two channels would be switch.{key}; give this one an id"
            raise vol.Invalid(words if key else "the name has no letter or digit; give an id", path=path)
        seen.add(key)
    return section


def _fuses_hold(section: Mapping[str, Any]) -> Mapping[str, Any]:
    feeders = section["feeders"]
    for path, channel in _channels(section):
        load_a, feeder = channel["load"], channel["feeder"]
        if feeder is not None and feeder not in feeders:
            known = ", ".join(sorted(feeders)) or "none"
            raise vol.Invalid(f"there is no feeder {feeder}; those under feeders are: {known}", path=[*path, "feeder"])
        if feeder is not None and load_a is None:
            raise vol.Invalid("say what it draws from its feeder: load, in amperes", path=[*path, "feeder"])
        for fuse_a, whose in (
            (channel["fuse"], "its fuse"),
            (feeders[feeder]["fuse"] if feeder else None, f"the fuse of {feeder}"),
        ):
            if load_a is not None and fuse_a is not None and load_a > fuse_a:
                raise vol.Invalid(f"it draws {load_a:g} A, and {whose} holds {fuse_a:g} A", path=[*path, "load"])
    return section


def _groups_are_safe(section: Mapping[str, Any]) -> Mapping[str, Any]:
    on = Counter(_group(channel) for _, channel in _channels(section) if channel["safe_state"] == "on")
    for path, channel in _channels(section):
        if channel["safe_state"] == "on" and _group(channel) != ("", "") and on[_group(channel)] > 1:
            raise vol.Invalid(f"two channels of {_group(channel)[1]} would be on when they are safe", path=[*path, "safe_state"])
    return section


def _group(channel: Mapping[str, Any]) -> tuple[str, str]:
    if channel["interlock"]:
        return "interlock", channel["interlock"]
    return ("exclusive", channel["exclusive"]) if channel["exclusive"] else ("", "")


BOARD = vol.Schema(
    vol.All(
        {
            vol.Required("device", description="the board's id on MQTT"): device_id,
            vol.Optional("name", default=None, description="what people read; its id otherwise"): vol.Any(label, None),
            vol.Optional("size", default=16, description="how many channels the board has"): vol.In(
                SIZES, msg=f"a board has {', '.join(map(str, SIZES))} channels"
            ),
            vol.Optional(
                "answer_within", default=ANSWER_WITHIN_S, description="how long it may take to answer a command"
            ): vol.All(duration, vol.Range(0.2, 30, msg="use 200ms to 30s")),
            vol.Optional(
                "link_timeout", default=LINK_TIMEOUT_S, description="how long the link may be gone before the board acts on it"
            ): vol.All(duration, vol.Range(1, 3600, msg="use 1s to 1h")),
            vol.Required("channels", description="its channels by number; others are left alone"): vol.All(
                {vol.All(int, vol.Range(1, 32)): CHANNEL}, vol.Length(min=1)
            ),
        },
        _channels_exist,
    )
)

SCHEMA = vol.Schema(
    vol.All(
        {
            vol.Optional("feeders", default=dict, description=N_("the lines that feed several channels, each with its fuse")): {
                slug_key: {vol.Required("fuse", description="in amperes"): _amperes}
            },
            vol.Optional("boards", default=list, description=N_("the boards that you describe")): [BOARD],
            vol.Optional(
                "discover", default=True, description=N_("whether boards that register by themselves become switches too")
            ): bool,
        },
        _keys_differ,
        _fuses_hold,
        _groups_are_safe,
    )
)
