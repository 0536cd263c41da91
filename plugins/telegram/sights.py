"""What a chat can ask about: the vehicle's switches, and what is worth a line in /status."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from autocore.api import Entity, PluginHost

MOST_NOTABLE = 6
NEAR = 0.6  # of difflib; the core's own suggestions use the same
NOTABLE = ("battery", "voltage", "temperature")
KINDS = ("switch", "sensor")


class Sights:
    """The entities of the vehicle, as a chat sees them.

    Args:
        host: to look.
    """

    def __init__(self, host: PluginHost) -> None:
        self._host = host

    def switches(self) -> list[Entity]:
        """Give the switches, by name."""
        return self._of("switch")

    def alarms(self) -> list[Entity]:
        """Give what is beyond one of its limits, the critical first."""
        beyond = [one for kind in KINDS for one in self._of(kind) if one.level is not None]
        return sorted(beyond, key=lambda one: one.level != "critical")

    def notable(self) -> list[Entity]:
        """Give a few sensors with a value that matter: those with limits first, then batteries and temperatures."""
        live = [one for one in self._of("sensor") if one.state.available]
        matter = [one for one in live if one.description.limits is not None or one.description.device_class in NOTABLE]
        return sorted(matter, key=lambda one: one.description.limits is None)[:MOST_NOTABLE]

    def _of(self, kind: str) -> list[Entity]:
        found = [one for one in self._host.states if one.kind == kind]
        return sorted(found, key=lambda one: (name_of(one).casefold(), one.id))


def name_of(entity: Entity) -> str:
    """Give what people call an entity."""
    return entity.description.name or entity.id


def meant(name: str, switches: Sequence[Entity]) -> list[Entity]:
    """Give the switches that somebody may mean by `name`: one when it is certain, several when it is not, best first.

    A name or id that is exactly that is certain when it is the only one; then names with it in them, then names like it.
    """
    wanted = " ".join(name.casefold().split())
    exact = [one for one in switches if wanted in (name_of(one).casefold(), one.id, one.id.partition(".")[2])]
    if exact:
        return exact
    parts = [one for one in switches if wanted in name_of(one).casefold()]
    if parts:
        return parts
    names = {name_of(one).casefold(): one for one in switches}
    return [names[near] for near in difflib.get_close_matches(wanted, names, n=5, cutoff=NEAR)]
