"""`/api/v1/entities`: what the vehicle is and was."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import get, patch
from litestar.params import QueryParameter

from autocore.core.clock import Timeline
from autocore.core.entities import OVERRIDES, Entity, EntityRegistry
from autocore.core.kinds import Limits
from autocore.core.model import Caller, Role
from autocore.web.access import needs
from autocore.web.parts import Parts
from autocore.web.views import entity_view

Limit = Annotated[int, QueryParameter(ge=1, le=1_000, description="How many, at most 1000.")]
Word = Annotated[str, msgspec.Meta(min_length=1, max_length=100)] | None | msgspec.UnsetType


class LimitWords(msgspec.Struct, forbid_unknown_fields=True):
    """Limits in the entity's unit."""

    warn_above: float | None = None
    warn_below: float | None = None
    critical_above: float | None = None
    critical_below: float | None = None
    hysteresis: float = 0.0


class EntityWords(msgspec.Struct, forbid_unknown_fields=True):
    """What people say of an entity."""

    name: Word = msgspec.UNSET
    icon: Word = msgspec.UNSET
    area: Word = msgspec.UNSET
    limits: LimitWords | msgspec.UnsetType | None = msgspec.UNSET
    recording: bool | msgspec.UnsetType | None = msgspec.UNSET


@get("/entities", opt=needs(Role.VIEWER, "read:entities"), summary="List entities")
async def list_entities(  # one parameter for each filter
    entities: EntityRegistry,
    timeline: Timeline,
    kind: str | None = None,
    plugin: str | None = None,
    device: str | None = None,
    text: str | None = None,
    cursor: str | None = None,
    limit: Limit = 1_000,
) -> dict[str, Any]:
    """Give entities sorted by id; `cursor` is the `next` of the page before."""

    def is_wanted(entity: Entity) -> bool:
        words = f"{entity.id} {entity.description.name}".lower()
        return (
            kind in (None, entity.kind)
            and plugin in (None, entity.owner)
            and device in (None, entity.description.device)
            and (text is None or text.lower() in words)
            and (cursor is None or entity.id > cursor)
        )

    found = [entity for entity in entities if is_wanted(entity)]
    page = found[:limit]
    return {"items": [entity_view(one, timeline) for one in page], "next": page[-1].id if len(found) > limit else None}


@get("/entities/{entity_id:str}", opt=needs(Role.VIEWER, "read:entities"), summary="One entity")
async def get_entity(entities: EntityRegistry, timeline: Timeline, entity_id: str) -> dict[str, Any]:
    """Give an entity with its state."""
    return entity_view(entities.get(entity_id), timeline)


@patch("/entities/{entity_id:str}", opt=needs(Role.TECHNICIAN, "entities:write"), summary="Say what you call an entity")
async def change_entity(
    entities: EntityRegistry, parts: Parts, caller: Caller, entity_id: str, data: EntityWords
) -> dict[str, Any]:
    """Set name, icon, area, limits and whether its history is kept; null takes a word back.

    What the configuration owns answers 409 with the place where it stands.
    """
    changes = {name: value for name in OVERRIDES if (value := getattr(data, name)) is not msgspec.UNSET}
    if isinstance(changes.get("limits"), LimitWords):
        changes["limits"] = Limits(**msgspec.structs.asdict(changes["limits"]))
    changed = entities.override(entity_id, changes, caller.cause)
    await parts.saved()
    return entity_view(changed, parts.timeline)


ROUTES = [list_entities, get_entity, change_entity]
