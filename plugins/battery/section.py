"""The section `battery` of the configuration: profiles, and that what it says can be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import voluptuous as vol

from autocore.api import N_, duration, entity_id, label, slug, slug_key

from .level import Rules

KEEP = "keep"
PRIORITIES = (1, 9)
MOST_BATTERIES = 8
MOST_LOADS = 200


@dataclass(frozen=True, slots=True)
class Profile:
    """The levels of a kind of battery, in V under the light load of a parked vehicle, and between which they may be set."""

    warn_v: float
    shed_v: float
    park_v: float
    hysteresis_v: float
    lowest_v: float
    highest_v: float


PROFILES: Mapping[str, Profile] = {
    # The project's own specification of the battery: 12.2 / 11.9 / 11.6 V and 0.4 V.
    "lead": Profile(12.2, 11.9, 11.6, 0.4, 9.0, 16.0),
    # Our own choice, for four cells: the voltage of such a cell is nearly flat, a little above 3.2 V, until a fifth is left, and
    # then falls ever faster. 3.2 V a cell warns, 3.1 V sheds, and 3.0 V stays far above the 2.5 V at which most protections cut.
    "lifepo4": Profile(12.8, 12.4, 12.0, 0.4, 9.0, 16.0),
    "lead_24v": Profile(24.4, 23.8, 23.2, 0.8, 18.0, 32.0),  # two of the 12 V ones in series
    "lifepo4_24v": Profile(25.6, 24.8, 24.0, 0.8, 18.0, 32.0),
}
HYSTERESIS_V = (0.05, 4.0)
HOLD_S = (1.0, 3600.0)
STALE_AFTER_S = (5.0, 3600.0)

PRIORITY = vol.Any(vol.All(int, vol.Range(*PRIORITIES)), KEEP, msg="write 1 to 9, of which 9 goes off first, or keep")


@dataclass(frozen=True, slots=True)
class BatterySection:
    """One battery as the owner wrote it.

    Args:
        key: its entities are `sensor.<key>_level` and `sensor.<key>_shed`.
        source: the entity that measures its voltage.
        loads: what is written of loads: 1 to 9, or None for one that is never shed.
        takes_prioritised: whether switches that say a priority themselves are loads of this battery.
        elsewhere: loads that another battery names.
    """

    key: str
    name: str
    source: str
    rules: Rules
    loads: Mapping[str, int | None]
    takes_prioritised: bool
    elsewhere: frozenset[str] = frozenset()

    def priority_of(self, entity: str, attributes: Mapping[str, Any] | None) -> int | None:
        """Give the priority with which a switch is a load of this battery, None when it is none or is never shed.

        What the configuration says comes before what the switch says of itself.
        """
        if entity in self.loads:
            return self.loads[entity]
        if not self.takes_prioritised or entity in self.elsewhere:
            return None
        said = (attributes or {}).get("priority")
        is_priority = isinstance(said, int) and not isinstance(said, bool) and PRIORITIES[0] <= said <= PRIORITIES[1]
        return said if is_priority else None


def _switch(value: Any) -> str:
    found: str = entity_id(value)
    if not found.startswith("switch."):
        raise vol.Invalid("a load is a switch, e.g. switch.fridge")
    return found


def _volts(word: str) -> Any:
    return vol.Any(
        vol.All(vol.Coerce(float), vol.Range(6, 40, msg="write a voltage of 6 to 40 V")),
        None,
        msg=f"write {word} as a voltage in V",
    )


def _fits(battery: Mapping[str, Any]) -> Mapping[str, Any]:
    profile = PROFILES[battery["profile"]]
    rules = rules_of(battery)
    for word, volts in (("warn", rules.warn_v), ("shed", rules.shed_v), ("park", rules.park_v)):
        if not profile.lowest_v <= volts <= profile.highest_v:
            between = f"{profile.lowest_v:g} to {profile.highest_v:g} V"
            raise vol.Invalid(
                f"{word} of a battery of this profile is {between}; or choose another profile", path=["levels", word]
            )
    if not rules.warn_v > rules.shed_v > rules.park_v:
        found = f"{rules.warn_v:g}, {rules.shed_v:g} and {rules.park_v:g} V"
        raise vol.Invalid(f"warn is above shed and shed above park; these are {found}", path=["levels"])
    if len(battery["loads"]) > MOST_LOADS:
        raise vol.Invalid(f"name at most {MOST_LOADS} loads", path=["loads"])
    return battery


BATTERY = vol.Schema(
    vol.All(
        {
            vol.Optional("name", default="Battery", description=N_("what people read")): label,
            vol.Optional("id", default=None, description=N_("sensor.<id>_level; made from the name otherwise")): vol.Any(
                slug_key, None
            ),
            vol.Required("source", description=N_("the entity that measures its voltage; no other counts")): entity_id,
            vol.Optional("profile", default="lead", description=N_("the kind of battery, from which the levels come")): vol.In(
                list(PROFILES), msg=f"use one of {', '.join(PROFILES)}"
            ),
            vol.Optional("levels", default=dict, description=N_("other levels than those of the profile, in V")): {
                vol.Optional("warn", default=None, description=N_("at or under it, people are told")): _volts("warn"),
                vol.Optional("shed", default=None, description=N_("at or under it, loads go off, 9 first")): _volts("shed"),
                vol.Optional("park", default=None, description=N_("at or under it, all loads but those to keep go off")): _volts(
                    "park"
                ),
            },
            vol.Optional(
                "hysteresis",
                default=None,
                description=N_("so many V above its voltage a level ends; the profile's otherwise"),
            ): vol.Any(vol.All(vol.Coerce(float), vol.Range(*HYSTERESIS_V, msg="use 0.05 to 4 V")), None),
            vol.Optional("hold", default=60.0, description=N_("for so long a level is held, and between two groups")): vol.All(
                duration, vol.Range(*HOLD_S, msg="use 1s to 1h")
            ),
            vol.Optional(
                "stale_after", default=120.0, description=N_("after so long a silence of the source people are told")
            ): vol.All(duration, vol.Range(*STALE_AFTER_S, msg="use 5s to 1h")),
            vol.Optional(
                "loads", default=dict, description=N_("switches of it: 1 (the most important) to 9 (off first), or keep")
            ): {_switch: PRIORITY},
            vol.Optional(
                "by_priority",
                default=None,
                description=N_("whether switches that say a priority themselves are its loads; true for an only battery"),
            ): vol.Any(bool, None),
        },
        _fits,
    )
)


def _stand_apart(batteries: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    keys: set[str] = set()
    loads: set[str] = set()
    for number, battery in enumerate(batteries):
        key = battery["id"] or slug(battery["name"])
        if not key:
            raise vol.Invalid("the name has no letter or digit; give an id", path=[number])
        if key in keys:
            raise vol.Invalid(f"two batteries would be sensor.{key}_level; give this one a name or an id", path=[number])
        for load in battery["loads"]:
            if load in loads:
                raise vol.Invalid(f"{load} hangs on another battery already; take it out of one", path=[number, "loads", load])
        keys.add(key)
        loads |= set(battery["loads"])
    taking = [number for number, battery in enumerate(batteries) if battery["by_priority"]]
    if len(taking) > 1:
        raise vol.Invalid("a switch has one battery: by_priority is true for one of them", path=[taking[1], "by_priority"])
    return batteries


SCHEMA = vol.Schema(
    vol.All([BATTERY], vol.Length(max=MOST_BATTERIES, msg=f"describe at most {MOST_BATTERIES} batteries"), _stand_apart)
)


def rules_of(battery: Mapping[str, Any]) -> Rules:
    """Give what decides for a battery: its own words, and the profile's where it says none."""
    profile, levels = PROFILES[battery["profile"]], battery["levels"]

    def or_profile(said: float | None, standard: float) -> float:
        return standard if said is None else said

    return Rules(
        or_profile(levels["warn"], profile.warn_v),
        or_profile(levels["shed"], profile.shed_v),
        or_profile(levels["park"], profile.park_v),
        or_profile(battery["hysteresis"], profile.hysteresis_v),
        battery["hold"],
        battery["stale_after"],
    )


def batteries_of(section: list[Mapping[str, Any]]) -> list[BatterySection]:
    """Give the batteries of a validated section."""
    named = [frozenset(battery["loads"]) for battery in section]
    return [
        BatterySection(
            battery["id"] or slug(battery["name"]),
            battery["name"],
            battery["source"],
            rules_of(battery),
            {entity: None if said == KEEP else said for entity, said in battery["loads"].items()},
            takes_prioritised=len(section) == 1 if battery["by_priority"] is None else battery["by_priority"],
            elsewhere=frozenset().union(*(loads for other, loads in enumerate(named) if other != number)),
        )
        for number, battery in enumerate(section)
    ]
