"""The section `derived` of the configuration: what it may say, and that nothing in it feeds on itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import voluptuous as vol

from autocore.api import N_, InvalidData, Template, duration, entity_id, label, limits, slug, slug_key

from .window import FUNCTIONS

MOST_MEMBERS = 200
WINDOW_S = (1.0, 7 * 86_400.0)
SWITCHED = ("switch", "light")
KINDS_OF_GROUPS = ("switch", "light", "binary_sensor", "sensor")
SUMMARIES = ("mean", "median", "min", "max", "sum")

_FACE: dict[Any, Any] = {
    vol.Required("name", description="what people read"): label,
    vol.Optional("id", default=None, description="the entity is <kind>.<id>; made from the name otherwise"): vol.Any(
        slug_key, None
    ),
    vol.Optional("icon", default=None, description="a Tabler icon"): vol.Any(str, None),
    vol.Optional("area", default=None, description="where in the vehicle"): vol.Any(label, None),
}
_MEASURE: dict[Any, Any] = {
    vol.Optional("unit", default=None, description="instead of the one of what it is made of"): vol.Any(str, None),
    vol.Optional("device_class", default=None, description="Home Assistant's word, e.g. temperature"): vol.Any(str, None),
    vol.Optional("precision", default=None, description="digits after the point worth showing"): vol.Any(
        vol.All(int, vol.Range(0, 6)), None
    ),
    vol.Optional("limits", default=None, description="where a warning and an alarm begin"): vol.Any(limits, None),
}
_SEVERAL = vol.All([entity_id], vol.Length(min=1, max=MOST_MEMBERS, msg=f"name 1 to {MOST_MEMBERS} entities"), vol.Unique())


def _template(value: Any) -> Template:
    if not isinstance(value, str):
        raise vol.Invalid("expected a template in quotes; write e.g. \"{{ states('sensor.engine_rpm') / 60 }}\"")
    try:
        return Template(value)
    except InvalidData as error:
        raise vol.Invalid(error.message) from error


def kind_of_group(members: list[str]) -> str:
    """Give the kind of a group of these entities: the members' own.

    Raises:
        vol.Invalid: they are of several kinds, or of one that cannot be grouped.
    """
    kinds = sorted({member.partition(".")[0] for member in members})
    if len(kinds) > 1:
        raise vol.Invalid(f"a group has members of one kind, not of {' and '.join(kinds)}")
    if kinds[0] not in KINDS_OF_GROUPS:
        raise vol.Invalid(f"a group is of {', '.join(KINDS_OF_GROUPS)}, not of {kinds[0]}")
    return kinds[0]


def _fits(group: Mapping[str, Any]) -> Mapping[str, Any]:
    kind = kind_of_group(group["entities"])
    if kind != "sensor":
        for word in ("function", "unit", "device_class", "precision", "limits"):
            if group[word] is not None and word != "device_class":
                raise vol.Invalid(f"{word} is for a group of sensors, not of {kind}", path=[word])
    elif group["all"]:
        raise vol.Invalid("all is for a group that is on or off; sensors take a function", path=["all"])
    return group


GROUP = vol.Schema(
    vol.All(
        {
            **_FACE,
            **_MEASURE,
            vol.Required("entities", description="its members, all of one kind"): _SEVERAL,
            vol.Optional("all", default=False, description="true: on when all are on; false: when one is"): bool,
            vol.Optional(
                "function", default=None, description="of sensors: what is made of their values, the mean otherwise"
            ): vol.Any(vol.In(SUMMARIES, msg=f"use one of {', '.join(SUMMARIES)}"), None),
        },
        _fits,
    )
)

TEMPLATE = vol.Schema(
    {
        **_FACE,
        **_MEASURE,
        vol.Required("value", description="Jinja over the states of entities"): _template,
        vol.Optional("kind", default="sensor", description="what becomes of the value"): vol.In(
            ("sensor", "binary_sensor"), msg="use sensor or binary_sensor"
        ),
        vol.Optional("every", default=None, description="worked out so often too, not only when something changes"): vol.Any(
            vol.All(duration, vol.Range(0.5, 86_400, msg="use 500ms to 1d")), None
        ),
    }
)

STATISTIC = vol.Schema(
    {
        **_FACE,
        **_MEASURE,
        vol.Required("entity", description="the entity that is looked at"): entity_id,
        vol.Required("function", description="what is worked out of its values"): vol.In(
            sorted(FUNCTIONS), msg=f"use one of {', '.join(sorted(FUNCTIONS))}"
        ),
        vol.Required("window", description="how far back it looks"): vol.All(
            duration, vol.Range(*WINDOW_S, msg="a window is 1s to 7d; write e.g. 10min")
        ),
    }
)

SOURCE = vol.Schema(
    {
        **_FACE,
        **_MEASURE,
        vol.Required("entities", description="the sources, the best first"): _SEVERAL,
        vol.Optional(
            "settle", default=5.0, description="how long a better source must be live before it is taken again"
        ): vol.All(duration, vol.Range(0, 3600, msg="use 0s to 1h")),
    }
)


def entity_of(part: str, item: Mapping[str, Any]) -> str:
    """Give the id that an item of a part (`groups`, `templates`, `statistics`, `sources`) asks for."""
    key = item["id"] or slug(item["name"])
    if part == "groups":
        return f"{kind_of_group(item['entities'])}.{key}"
    return f"{item.get('kind', 'sensor')}.{key}"


def needs_of(part: str, item: Mapping[str, Any]) -> frozenset[str]:
    """Give the entities that an item is made of."""
    if part == "templates":
        return item["value"].entities  # type: ignore[no-any-return]  # a Template's
    return frozenset(item["entities"]) if "entities" in item else frozenset((item["entity"],))


def _items(section: Mapping[str, Any]) -> Iterator[tuple[str, int, Mapping[str, Any]]]:
    for part in ("groups", "templates", "statistics", "sources"):
        for number, item in enumerate(section[part]):
            yield part, number, item


def _stand_alone(section: Mapping[str, Any]) -> Mapping[str, Any]:
    made: dict[str, frozenset[str]] = {}
    for part, number, item in _items(section):
        entity = entity_of(part, item)
        if entity.endswith("."):
            raise vol.Invalid("the name has no letter or digit; give an id", path=[part, number])
        if entity in made:
            raise vol.Invalid(f"two items would be {entity}; give this one an id", path=[part, number])
        made[entity] = needs_of(part, item)
    for part, number, item in _items(section):
        entity = entity_of(part, item)
        if way := _way_back(entity, made):
            raise vol.Invalid(f"{entity} is made of itself: {' → '.join(way)}", path=[part, number])
    return section


def _way_back(start: str, made: Mapping[str, frozenset[str]]) -> list[str]:
    """Give a way from `start` over what it is made of back to `start`, empty when there is none."""
    ways, seen = [[start]], set()
    while ways:
        way = ways.pop()
        for need in sorted(made.get(way[-1], ())):
            if need == start:
                return [*way, start]
            if need not in seen:
                seen.add(need)
                ways.append([*way, need])
    return []


SCHEMA = vol.Schema(
    vol.All(
        {
            vol.Optional("groups", default=list, description=N_("several entities as one")): [GROUP],
            vol.Optional("templates", default=list, description=N_("a value worked out from others")): [TEMPLATE],
            vol.Optional("statistics", default=list, description=N_("a figure over a window of time")): [STATISTIC],
            vol.Optional("sources", default=list, description=N_("the first of several that is live")): [SOURCE],
        },
        _stand_alone,
    )
)
