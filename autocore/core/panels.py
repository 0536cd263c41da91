"""Panels are data: what a plugin shows in the web, and where. The web draws them; this registry knows no web."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import KW_ONLY, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar

from autocore.core.errors import InvalidData, NameTaken
from autocore.core.model import Role

PanelContext = Callable[[], Mapping[str, Any] | Awaitable[Mapping[str, Any]]]


class Slot(StrEnum):
    """Where a panel appears."""

    NAVIGATION = "navigation"
    DASHBOARD = "dashboard"
    DEVICE = "device"
    MONITORING = "monitoring"
    SETTINGS = "settings"


@dataclass(frozen=True, slots=True)
class Panel:
    """A page or a card of a plugin.

    Args:
        title: what people read; marked for translation with `N_`.
        icon: the name of a Tabler icon.
        template: a Jinja template in the plugin's `templates/` folder; or
        source: the template itself, for a plugin that is one file.
        context: gives the template's variables when the panel is drawn; may be async. Beside them a template has `role`, the
            caller's, and `query`, what the address asks for: a list of words for each name.
        slot: where it appears; a page in the navigation has the address `/<plugin>`, or `/<plugin>/<key>` with a key.
        role: the least role that sees it.
        order: smaller comes first.
        key: tells several panels of one plugin apart.
        wide: a dashboard card that takes the whole width.
    """

    title: str
    _: KW_ONLY
    template: str = ""
    source: str = ""
    icon: str = "puzzle"
    context: PanelContext | None = None
    slot: Slot = Slot.NAVIGATION
    role: Role = Role.VIEWER
    order: int = 100
    key: str = ""
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """What the admin wears instead of its own light or dark: colours as `#rrggbb`, checked when it is made.

    Args:
        name: what people call it.
        is_dark: whether its background is dark.
        border_radius_px: 0 to 32.
        shadow: one of `Look.SHADOWS`.
        font: one of `Look.FONTS`.

    Raises:
        InvalidData: a colour is no colour, or a word is none of those known; nothing of it could be pasted into a style sheet.
    """

    COLOURS: ClassVar[tuple[str, ...]] = (
        "primary",
        "secondary",
        "background",
        "surface",
        "success",
        "warning",
        "error",
        "info",
        "text_primary",
        "text_secondary",
    )
    SHADOWS: ClassVar[tuple[str, ...]] = ("none", "soft", "neumorphic", "strong")
    FONTS: ClassVar[tuple[str, ...]] = ("system", "serif", "monospace", "rounded")
    ROUNDEST_PX: ClassVar[int] = 32

    name: str
    is_dark: bool
    primary: str
    secondary: str
    background: str
    surface: str
    success: str
    warning: str
    error: str
    info: str
    text_primary: str
    text_secondary: str
    border_radius_px: int = 12
    shadow: str = "none"
    font: str = "system"

    def __post_init__(self) -> None:
        """Refuse what is not a colour, a radius, or a word that is known."""
        for name in self.COLOURS:
            value = getattr(self, name)
            if not (isinstance(value, str) and len(value) == len("#rrggbb") and value[0] == "#" and _HEX.issuperset(value[1:])):
                raise InvalidData(f"{value!r} is no colour; write e.g. #1766c2", field=name)
        if not (isinstance(self.border_radius_px, int) and 0 <= self.border_radius_px <= self.ROUNDEST_PX):
            raise InvalidData(f"a radius is 0 to {self.ROUNDEST_PX} px", field="border_radius_px")
        for name, known in (("shadow", self.SHADOWS), ("font", self.FONTS)):
            if getattr(self, name) not in known:
                raise InvalidData(f"the {name} is one of {', '.join(known)}", field=name)


_HEX = frozenset("0123456789abcdefABCDEF")


class Draw(ABC):
    """Draws one of a plugin's templates for whoever asks: a route handler that names `draw: Draw` gets it.

    A piece of a panel (for htmx) is a route of the plugin whose template is the same file that the panel includes.
    """

    @abstractmethod
    async def __call__(
        self,
        template: str,
        context: Mapping[str, Any] | None = None,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Give the answer of the route: `templates/<template>` in the language and units of the caller, as HTML."""


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
    """All panels, in the order in which they are shown; `sees` says which role sees which."""

    def __init__(self, sees: Callable[[PlacedPanel, Role], bool] = lambda placed, role: placed.panel.role <= role) -> None:
        self._sees = sees
        self._panels: list[PlacedPanel] = []
        self._looks: list[Look] = []

    def __iter__(self) -> Iterator[PlacedPanel]:
        """Give every panel by order, then title."""
        return iter(sorted(self._panels, key=lambda placed: (placed.panel.order, placed.panel.title)))

    @property
    def look(self) -> Look | None:
        """What the admin wears; None is its own light and dark."""
        return self._looks[-1] if self._looks else None

    def wear(self, look: Look) -> Callable[[], None]:
        """Dress the admin; the answer takes the look off again, and what was worn before shows."""
        self._looks.append(look)

        def take_off() -> None:
            if look in self._looks:
                self._looks.remove(look)

        return take_off

    def in_slot(self, slot: Slot, role: Role) -> list[PlacedPanel]:
        """Give the panels of a slot that `role` may see."""
        return [placed for placed in self if placed.panel.slot is slot and self._sees(placed, role)]

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
