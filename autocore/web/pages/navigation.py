"""The pages of the core in the navigation, behind those of plugins."""

from __future__ import annotations

from dataclasses import dataclass

from autocore.core.model import Role
from autocore.core.names import N_


@dataclass(frozen=True, slots=True)
class Tool:
    """One page: its address, and the least role that sees it."""

    path: str
    title: str
    icon: str
    role: Role = Role.VIEWER


TOOLS = (
    Tool("/entities", N_("Entities"), "list-details"),
    Tool("/devices", N_("Devices"), "router"),
    Tool("/logs", N_("Logs and events"), "notes"),
    Tool("/audit", N_("Audit"), "shield-lock", Role.ADMIN),
    Tool("/monitoring", N_("Monitoring"), "activity"),
    Tool("/plugins", N_("Plugins"), "puzzle"),
    Tool("/configuration", N_("Configuration"), "file-settings", Role.ADMIN),
    Tool("/backup", N_("Backup"), "archive", Role.ADMIN),
    Tool("/developer", N_("Developer tools"), "code", Role.OPERATOR),
    Tool("/users", N_("Users and tokens"), "users", Role.ADMIN),
    Tool("/settings", N_("Settings"), "settings"),
)
