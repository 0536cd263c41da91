"""Who may what, as a table: a row for each panel and each service, a column for each role."""

from __future__ import annotations

from typing import Any

from autocore.builtin.permissions import Word, panel_names
from autocore.core.model import Role
from autocore.web.parts import Parts


def panel_rows(parts: Parts) -> dict[str, dict[str, Word]]:
    """Give for each panel, by the name that the configuration calls it, which role sees it."""
    permissions = parts.permissions
    found: dict[str, dict[str, Word]] = {}
    for placed in parts.panels:
        row: dict[str, Word] = {role.name.lower(): permissions.sees(placed, role) for role in Role}
        name = panel_names(placed)[0]
        known = found.setdefault(name, row)
        found[name] = {role: known[role] or sees for role, sees in row.items()}  # cards and pages of a plugin share its name
    return dict(sorted(found.items()))


def service_rows(parts: Parts) -> dict[str, dict[str, Word]]:
    """Give for each service which role may call it, or with which entities."""
    return {one.name: {role.name.lower(): parts.permissions.call_word(one, role) for role in Role} for one in parts.services}


def matrix(parts: Parts) -> dict[str, Any]:
    """Give both."""
    return {"panels": panel_rows(parts), "services": service_rows(parts)}
