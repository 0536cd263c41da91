"""Drawing pages: Jinja environments by language, the shell around every page, and what its templates may use."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

import jinja2
from litestar import Request, Response
from markupsafe import Markup

from autocore.core.entities import Entity
from autocore.core.errors import UnknownName
from autocore.core.facets import settle
from autocore.core.model import Caller, Role
from autocore.core.panels import PlacedPanel, Slot
from autocore.web.gate import CALLER
from autocore.web.pages.languages import CODES, LOCALES, SCRIPT_WORDS, choose, title_of, words_in
from autocore.web.pages.static import MANIFEST
from autocore.web.parts import Parts

TEMPLATES = Path(__file__).parent.parent / "templates"
HTML = "text/html; charset=utf-8"


class Pages:
    """Draws templates of the core and of plugins, inside the shell."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._environments: dict[tuple[Path, str], jinja2.Environment] = {}

    async def page(
        self,
        request: Request[Any, Any, Any],
        template: str,
        context: Mapping[str, Any] | None = None,
        *,
        status: int = HTTPStatus.OK,
    ) -> Response[str]:
        """Give a page of the core."""
        language = self.language_of(request)
        text = (
            self._environment(TEMPLATES, language)
            .get_template(template)
            .render(**self._shell(request, language), **(context or {}))
        )
        return Response(text, status_code=status, media_type=HTML, headers={"Cache-Control": "no-store"})

    async def panel_page(self, request: Request[Any, Any, Any], placed: PlacedPanel) -> Response[str]:
        """Give the page of a plugin's panel."""
        language = self.language_of(request)
        title = title_of(placed.panel.title, placed.folder, language)
        body = await self.panel(placed, language)
        return await self.page(request, "panel.html", {"title": title, "icon": placed.panel.icon, "body": body})

    async def panel(self, placed: PlacedPanel, language: str) -> Markup:
        """Give the inside of a panel; what the plugin gets wrong stands in its place, and the page around it stays."""
        context = placed.panel.context
        facts = await settle(context()) if context is not None else {}
        template = self._environment(placed.folder / "templates", language).get_template(placed.panel.template)
        return Markup(template.render(**self._tools(language), **facts))  # noqa: S704  # the template escaped its values

    async def cards(self, request: Request[Any, Any, Any], slot: Slot) -> list[dict[str, Any]]:
        """Give the cards of a slot that the caller may see."""
        language = self.language_of(request)
        caller: Caller | None = request.scope.get(CALLER)  # type: ignore[assignment]  # the gate's own key
        role = caller.role if caller else Role.VIEWER
        return [
            {
                "title": title_of(placed.panel.title, placed.folder, language),
                "icon": placed.panel.icon,
                "wide": placed.panel.wide,
                "plugin": placed.plugin,
                "body": await self.panel(placed, language),
            }
            for placed in self._parts.panels.in_slot(slot, role)
        ]

    def language_of(self, request: Request[Any, Any, Any]) -> str:
        """Give the language of a page."""
        return choose(request.headers.get("accept-language", ""), self._parts.config.core.autocore.language)

    def translate(self, request: Request[Any, Any, Any], text: str) -> str:
        """Give a word of the core in the caller's language."""
        return words_in(LOCALES, self.language_of(request)).gettext(text)

    def _environment(self, folder: Path, language: str) -> jinja2.Environment:
        key = (folder, language)
        if key not in self._environments:
            loaders = [jinja2.FileSystemLoader(folder), jinja2.FileSystemLoader(TEMPLATES)]
            environment = jinja2.Environment(
                loader=jinja2.ChoiceLoader(loaders),
                autoescape=True,
                undefined=jinja2.StrictUndefined,
                extensions=["jinja2.ext.i18n"],
                trim_blocks=True,
                lstrip_blocks=True,
            )
            catalogue = words_in(LOCALES if folder == TEMPLATES else folder.parent / "locales", language)
            environment.install_gettext_translations(catalogue, newstyle=True)  # type: ignore[attr-defined]  # the extension's
            environment.globals.update(self._tools(language))
            self._environments[key] = environment
        return self._environments[key]

    def _tools(self, language: str) -> dict[str, Any]:
        return {
            "asset": asset,
            "entity": self._entity,
            "number": lambda value, precision=None: localised(value, precision, language),
            "shown": lambda one: shown(one, language),
            "language": language,
        }

    def _entity(self, entity_id: str) -> Entity | None:
        try:
            return self._parts.entities.get(entity_id)
        except UnknownName:
            return None

    def _shell(self, request: Request[Any, Any, Any], language: str) -> dict[str, Any]:
        caller: Caller | None = request.scope.get(CALLER)  # type: ignore[assignment]  # the gate's own key
        role = caller.role if caller else Role.VIEWER
        gettext = words_in(LOCALES, language).gettext
        navigation = [
            {"title": title_of(one.panel.title, one.folder, language), "icon": one.panel.icon, "path": one.path}
            for one in self._parts.panels.in_slot(Slot.NAVIGATION, role)
        ]
        return {
            "vehicle": self._parts.config.core.autocore.name,
            "language_tag": CODES[language].replace("_", "-"),
            "who": caller.cause.who if caller else None,
            "path": request.url.path,
            "navigation": navigation,
            "script_words": json.dumps({name: gettext(text) for name, text in SCRIPT_WORDS.items()}),
        }


def asset(name: str) -> str:
    """Give the address of a front-end file, with its hash, so that browsers keep it until it changes."""
    mark = MANIFEST.get(name)
    return f"/static/{name}?v={mark}" if mark else f"/static/{name}"


def shown(one: Entity, language: str) -> str:
    """Give an entity's value as people read it, without its unit; what is not known is a dash."""
    value = one.state.value
    if value is None:
        return "–"  # noqa: RUF001  # a dash, as people write "nothing"
    if isinstance(value, bool):
        word = SCRIPT_WORDS["on" if value else "off"]
        return words_in(LOCALES, language).gettext(word)
    if isinstance(value, (int, float)):
        return localised(value, getattr(one.description, "precision", None), language)
    return str(value)


def localised(value: float, precision: int | None, language: str) -> str:
    """Give a number as people write it: with a decimal comma in Portuguese."""
    text = f"{value:,.{precision}f}" if precision is not None else f"{value:,}"
    return text.translate(str.maketrans(",.", ".,")) if language == "pt-BR" else text
