"""Who may what: the least role of each service and panel, and what `auth: {permissions: …}` says instead of it.

A role without a word of its own may what its least role allows, less what the next role above that has a word may not, or more,
what the next role below was given. So viewers never may what was taken from operators. Administrators may everything, nobody is
kept from stopping or releasing something, and what plugins call in their own name is no person's call.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

import voluptuous as vol

from autocore.core.config.sections import PATTERNS
from autocore.core.config.tree import mark_at
from autocore.core.config.validation import validate
from autocore.core.errors import ConfigError, ConfigFaults, PermissionDenied
from autocore.core.model import Caller, Role
from autocore.core.names import nearest
from autocore.core.panels import PlacedPanel
from autocore.core.services import Service

UNLIMITED = frozenset({"stop_all", "all_off", "release", "stop_cover"})
"""Verbs that stop or release: whoever has the service's least role may, whatever the configuration says (security.md 4)."""

LIMITED = (Role.VIEWER, Role.OPERATOR, Role.TECHNICIAN)
PLUGIN = "plugin"
SERVICES, PANELS = "services", "panels"
Word = bool | tuple[str, ...]
"""May, may not, or may with these entities (patterns)."""

_SERVICE = vol.Any(bool, {vol.Required("entities"): PATTERNS}, msg="expected true, false or {entities: [switch.cabin_light]}")
_OF_ROLE = {vol.Optional(SERVICES): {str: _SERVICE}, vol.Optional(PANELS): {str: bool}}
_SCHEMA = vol.Schema({vol.Optional(role.name.lower()): _OF_ROLE for role in LIMITED})


class Permissions:
    """What the configuration says of roles.

    Args:
        section: `auth.permissions` as it was written.

    Raises:
        ConfigFaults: it is not as it should be.
    """

    def __init__(self, section: Mapping[str, Any]) -> None:
        path = "auth.permissions"
        self._written = section
        checked = validate(_SCHEMA, section, path=path)
        self._words: dict[str, dict[Role, dict[str, Word]]] = {SERVICES: {}, PANELS: {}}
        for role in LIMITED:
            for kind, words in checked.get(role.name.lower(), {}).items():
                self._words[kind][role] = {
                    name: word if isinstance(word, bool) else word["entities"] for name, word in words.items()
                }
        stopping = [
            self._fault(role, SERVICES, name, f"{name} stops or releases something; nobody can be kept from it")
            for role, words in self._words[SERVICES].items()
            for name, word in words.items()
            if name.rpartition(".")[2] in UNLIMITED and word is not True
        ]
        if stopping:
            raise ConfigFaults(stopping)

    def permit(self, service: Service, data: Mapping[str, Any], caller: Caller) -> None:
        """Let a call pass: the one place where it is decided.

        Raises:
            PermissionDenied: the role may not, not with these entities, or the token is limited to something else.
        """
        who, name = caller.cause.who, service.name
        word = self.call_word(service, caller.role) if caller.cause.via != PLUGIN else caller.role >= service.role
        if word is False:
            raise PermissionDenied(f"{name} needs the role {self._least(service).name.lower()}; {who} may not call it")
        if not caller.may(caller.role, f"services:{name}"):
            raise PermissionDenied(f"the token of {who} is not for {name}; make one with the scope services:{name}")
        if isinstance(word, tuple):
            beyond = [one for one in _entities_of(data) if not any(fnmatchcase(one, pattern) for pattern in word)]
            if beyond or not _entities_of(data):
                raise PermissionDenied(f"{who} may call {name} for {', '.join(word)} only")

    def may(self, service: Service, caller: Caller, entity: str | None = None) -> bool:
        """Say whether a call would pass; without `entity`, whether it would for any."""
        word = self.call_word(service, caller.role)
        is_for_it = any(entity is None or fnmatchcase(entity, one) for one in word) if isinstance(word, tuple) else word
        return is_for_it and caller.may(caller.role, f"services:{service.name}")

    def call_word(self, service: Service, role: Role) -> Word:
        """Say what a role may with a service."""
        if service.name.rpartition(".")[2] in UNLIMITED and role >= service.role:
            return True
        return self._word(SERVICES, (service.name,), role, service.role)

    def sees(self, placed: PlacedPanel, role: Role) -> bool:
        """Say whether a role sees a panel: the one place where it is decided."""
        return self._word(PANELS, panel_names(placed), role, placed.panel.role) is not False

    def is_hidden(self, plugin: str, role: Role) -> bool:
        """Say whether everything that a plugin shows was taken from a role: its routes are, too."""
        return self._word(PANELS, (plugin,), role, Role.VIEWER) is False

    def unknown(self, services: Iterable[str], panels: Iterable[PlacedPanel]) -> list[ConfigError]:
        """Give a fault for each name that no service and no panel bears."""
        known = {SERVICES: sorted(services), PANELS: sorted({name for one in panels for name in panel_names(one)})}
        faults = []
        for kind, of_roles in self._words.items():
            for role, words in of_roles.items():
                for name in words:
                    if not any(fnmatchcase(one, name) for one in known[kind]):
                        near = nearest(name, known[kind])
                        hint = (
                            f"did you mean {near}?"
                            if near
                            else f"those there are stand on the page Users, or: {_some(known[kind])}"
                        )
                        faults.append(self._fault(role, kind, name, f"there is no {kind[:-1]} {name}; {hint}"))
        return faults

    def _word(self, kind: str, names: tuple[str, ...], role: Role, least: Role) -> Word:
        if role is Role.ADMIN:
            return True
        own = self._own(kind, names, role)
        if own is not None:
            return own
        if role >= least:
            above = (self._own(kind, names, one) for one in LIMITED if one > role)
            return next((word for word in above if word is not None), True)
        below = (self._own(kind, names, one) for one in reversed(LIMITED) if one < role)
        return next((word for word in below if word is not None), False)

    def _own(self, kind: str, names: tuple[str, ...], role: Role) -> Word | None:
        """Give what is said of a role itself; of several patterns the first that matches holds."""
        words = self._words[kind].get(role, {})
        return next((word for pattern, word in words.items() if any(fnmatchcase(name, pattern) for name in names)), None)

    def _least(self, service: Service) -> Role:
        return next((role for role in Role if self.call_word(service, role) is not False), Role.ADMIN)

    def _fault(self, role: Role, kind: str, name: str, message: str) -> ConfigError:
        steps = (role.name.lower(), kind, name)
        return ConfigError(message, path=f"auth.permissions.{'.'.join(steps)}", at=mark_at(self._written, steps))


def panel_names(placed: PlacedPanel) -> tuple[str, ...]:
    """Give the names by which a panel is known: with its key, and its plugin's for all of them."""
    return (f"{placed.plugin}/{placed.panel.key}", placed.plugin) if placed.panel.key else (placed.plugin,)


def faults_in(section: Mapping[str, Any]) -> tuple[ConfigError, ...]:
    """Give everything that is wrong with `auth.permissions` by itself."""
    try:
        Permissions(section)
    except ConfigFaults as error:
        return error.faults
    return ()


def _entities_of(data: Mapping[str, Any]) -> list[str]:
    wanted = data.get("entity")
    return [wanted] if isinstance(wanted, str) else [str(one) for one in wanted] if isinstance(wanted, list) else []


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (" …" if len(names) > 5 else "")  # noqa: PLR2004  # enough to see what is meant
