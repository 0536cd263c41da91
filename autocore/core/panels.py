"""Panels are data: what a plugin shows in the web, and where. The web draws them; this registry knows no web."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import KW_ONLY, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from autocore.core.errors import NameTaken
from autocore.core.model import Role

PanelContext = Callable[[], Mapping[str, Any] | Awaitable[Mapping[str, Any]]]


class Slot(StrEnum):
    """Where a panel appears."""

    NAVIGATION = "navigation"
    DASHBOARD = "dashboard"
    DEVICE = "device"
    SETTINGS = "settings"


@dataclass(frozen=True, slots=True)
class Panel:
    """A page or a card of a plugin.

    Args:
        title: what people read; marked for translation with `N_`.
        icon: the name of a Tabler icon.
        template: a Jinja template in the plugin's `templates/` folder.
        context: gives the template's variables when the panel is drawn; may be async.
        slot: where it appears; a page in the navigation has the address `/<plugin>`, or `/<plugin>/<key>` with a key.
        role: the least role that sees it.
        order: smaller comes first.
        key: tells several panels of one plugin apart.
        wide: a dashboard card that takes the whole width.
    """

    title: str
    _: KW_ONLY
    template: str
    icon: str = "puzzle"
    context: PanelContext | None = None
    slot: Slot = Slot.NAVIGATION
    role: Role = Role.VIEWER
    order: int = 100
    key: str = ""
    wide: bool = False


@dataclass(frozen=True, slots=True)
class PlacedPanel:
    """A panel with its plugin and the folder in which the plugin's templates and catalogues lie."""

    plugin: str
    folder: Path
    panel: Panel

    @property
    def path(self) -> str:
        """The address of a page in the navigation."""
        return f"/{self.plugin}/{self.panel.key}" if self.panel.key else f"/{self.plugin}"


class PanelRegistry:
    """All panels, in the order in which they are shown."""

    def __init__(self) -> None:
        self._panels: list[PlacedPanel] = []

    def __iter__(self) -> Iterator[PlacedPanel]:
        """Give every panel by order, then title."""
        return iter(sorted(self._panels, key=lambda placed: (placed.panel.order, placed.panel.title)))

    def in_slot(self, slot: Slot, role: Role) -> list[PlacedPanel]:
        """Give the panels of a slot that `role` may see."""
        return [placed for placed in self if placed.panel.slot is slot and placed.panel.role <= role]

    def add(self, placed: PlacedPanel) -> Callable[[], None]:
        """Show a panel; the answer takes it away.

        Raises:
            NameTaken: two pages in the navigation would have one address.
        """
        is_page = placed.panel.slot is Slot.NAVIGATION
        if is_page and any(one.panel.slot is Slot.NAVIGATION and one.path == placed.path for one in self._panels):
            raise NameTaken(f"{placed.plugin} has the page {placed.path} already; give the second one a key")
        self._panels.append(placed)

        def remove() -> None:
            if placed in self._panels:
                self._panels.remove(placed)

        return remove
