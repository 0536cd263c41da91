"""Drawing pages: Jinja environments by language, the shell around every page, and what its templates may use."""

from __future__ import annotations

import json
import logging
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
from autocore.core.services import Service
from autocore.safety.stop import RESET
from autocore.web.gate import CALLER
from autocore.web.pages.forms import Field, fields_of
from autocore.web.pages.languages import CODES, LOCALES, SCRIPT_WORDS, choose, title_of, words_in
from autocore.web.pages.look import mark_of
from autocore.web.pages.navigation import TOOLS
from autocore.web.pages.preferences import Preferences
from autocore.web.pages.static import MANIFEST
from autocore.web.pages.units import conversions, converted
from autocore.web.pages.warnings import warnings_of
from autocore.web.pages.writing import View, localised, moment, shown
from autocore.web.parts import Parts

TEMPLATES = Path(__file__).parent.parent / "templates"
HTML = "text/html; charset=utf-8"

log = logging.getLogger("autocore.web")


class Pages:
    """Draws templates of the core and of plugins, inside the shell."""

    def __init__(self, parts: Parts) -> None:
        self.preferences = Preferences(parts.store)
        self._parts = parts
        self._environments: dict[tuple[Path, str, str], jinja2.Environment] = {}

    async def start(self) -> None:
        """Read what people chose."""
        await self.preferences.start()

    def forget(self, plugin: str) -> None:
        """Read a plugin's templates and catalogues anew: it was reloaded."""
        folder = self._parts.plugins.folders().get(plugin)
        if folder is not None:
            words_in.cache_clear()
            self._environments = {key: one for key, one in self._environments.items() if not key[0].is_relative_to(folder)}

    async def page(
        self,
        request: Request[Any, Any, Any],
        template: str,
        context: Mapping[str, Any] | None = None,
        *,
        status: int = HTTPStatus.OK,
    ) -> Response[str]:
        """Give a page of the core, or a fragment of one."""
        view = self.view_of(request)
        text = self._environment(TEMPLATES, view).get_template(template).render(**self._shell(request, view), **(context or {}))
        return Response(text, status_code=status, media_type=HTML, headers={"Cache-Control": "no-store"})

    async def fragment(
        self,
        request: Request[Any, Any, Any],
        template: str,
        context: Mapping[str, Any],
        *,
        folder: Path | None = None,
        status: int = HTTPStatus.OK,
    ) -> Response[str]:
        """Give a piece of a page, in the words of the plugin that lies in `folder`, or of the core."""
        place = TEMPLATES if folder is None else folder / "templates"
        text = (
            self._environment(place, self.view_of(request)).get_template(template).render(**{**self._about(request), **context})
        )
        return Response(text, status_code=status, media_type=HTML, headers={"Cache-Control": "no-store"})

    async def panel_page(self, request: Request[Any, Any, Any], placed: PlacedPanel) -> Response[str]:
        """Give the page of a plugin's panel."""
        title = title_of(placed.panel.title, placed.folder, self.language_of(request))
        body = await self.panel(request, placed)
        return await self.page(request, "panel.html", {"title": title, "icon": placed.panel.icon, "body": body})

    async def panel(self, request: Request[Any, Any, Any], placed: PlacedPanel) -> Markup:
        """Give the inside of a panel; what the plugin gets wrong stands in its place, and the page around it stays."""
        view = self.view_of(request)
        try:
            context = placed.panel.context
            facts = await settle(context()) if context is not None else {}
            environment = self._environment(placed.folder / "templates", view)
            source = placed.panel.source
            template = environment.from_string(source) if source else environment.get_template(placed.panel.template)
            body = template.render(**{**self._about(request), **facts})
        except Exception as error:  # a border where plugin code runs
            log.exception("the panel %s of %s cannot be drawn", placed.panel.title, placed.plugin)
            facts = {"plugin": placed.plugin, "reason": f"{type(error).__name__}: {error}"}
            body = self._environment(TEMPLATES, view).get_template("broken.html").render(**facts)
        return Markup(body)  # noqa: S704  # the template escaped its values

    async def cards(
        self, request: Request[Any, Any, Any], slot: Slot, about: Mapping[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        """Give the cards of a slot that the caller may see; `about` says for what, e.g. which device."""
        request.state.about = dict(about or {})
        return [
            {
                "title": title_of(placed.panel.title, placed.folder, self.language_of(request)),
                "icon": placed.panel.icon,
                "wide": placed.panel.wide,
                "plugin": placed.plugin,
                "body": await self.panel(request, placed),
            }
            for placed in self._parts.panels.in_slot(slot, role_of(request))
        ]

    def view_of(self, request: Request[Any, Any, Any]) -> View:
        """Give the language and the units of a page."""
        chosen = self.preferences.of(user_of(request))
        configured = self._parts.config.core.autocore
        accepted = request.headers.get("accept-language", "")
        asked = request.query_params.get("language", "") if user_of(request) is None else ""
        language = chosen.language or (asked if asked in CODES else choose(accepted, configured.language))
        return View(language, chosen.units or configured.units)

    def language_of(self, request: Request[Any, Any, Any]) -> str:
        """Give the language of a page."""
        return self.view_of(request).language

    def translate(self, request: Request[Any, Any, Any], text: str) -> str:
        """Give a word of the core in the caller's language."""
        return words_in(LOCALES, self.language_of(request)).gettext(text)

    def _environment(self, folder: Path, view: View) -> jinja2.Environment:
        key = (folder, view.language, view.units)
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
            catalogue = words_in(LOCALES if folder == TEMPLATES else folder.parent / "locales", view.language)
            environment.install_gettext_translations(catalogue, newstyle=True)  # type: ignore[attr-defined]  # the extension's
            environment.globals.update(self._tools(view))
            self._environments[key] = environment
        return self._environments[key]

    def _tools(self, view: View) -> dict[str, Any]:
        return {
            "asset": asset,
            "entity": self._entity,
            "can_hold": self._parts.holds.can_hold,
            "called": lambda one: self._called(one, view.language),
            "names_of": lambda ids: json.dumps({one: self._name_of(one, view.language) for one in ids}, ensure_ascii=False),
            "told": lambda service: self._told(service, view.language),
            "number": lambda value, precision=None: localised(value, precision, view.language),
            "shown": lambda one: shown(one, view),
            "unit_of": lambda one: converted(0.0, getattr(one.description, "unit", None), view.units)[1],
            "moment": lambda at: moment(at, view.language),
            "service_form": self._service_form,
            "language": view.language,
        }

    def _called(self, one: Entity, language: str) -> str:
        """Give what people read for an entity: their own word as it is, its plugin's in their language."""
        name = one.description.name
        if not name:
            return one.id
        is_theirs = "name" in one.overrides or "name" in (one.description.written or {})
        return name if is_theirs else title_of(name, self._home_of(one.owner), language)

    def _name_of(self, entity_id: str, language: str) -> str:
        one = self._entity(entity_id)
        return entity_id if one is None else self._called(one, language)

    def _told(self, service: Service, language: str) -> str:
        return title_of(service.description, self._home_of(service.owner), language) if service.description else ""

    def _home_of(self, owner: str) -> Path:
        """Give the folder in which the words of a plugin, or of the core, lie."""
        return self._parts.plugins.folders().get(owner, TEMPLATES.parent)

    def _entity(self, entity_id: str) -> Entity | None:
        try:
            return self._parts.entities.get(entity_id)
        except UnknownName:
            return None

    def _service_form(self, name: str, values: Mapping[str, Any] | None = None) -> list[Field]:
        """Give the fields of the form that calls a service."""
        return fields_of(self._parts.services.get(name).schema, values or {})

    def _about(self, request: Request[Any, Any, Any]) -> dict[str, Any]:
        asked = request.query_params
        query = {name: asked.getall(name) for name in asked}
        return {"role": role_of(request).name.lower(), "query": query, **getattr(request.state, "about", {})}

    def _may(self, caller: Caller | None, service: str, entity: str) -> bool:
        """Say whether the caller's role may call a service for an entity."""
        return caller is not None and self._parts.permissions.may(self._parts.services.get(service), caller, entity)

    def _stopped(self, view: View) -> str | None:
        """Say who stopped everything, and when; None while nothing is stopped."""
        stopped = self._parts.stop_all.stopped
        if stopped is None:
            return None
        wall_ns = self._parts.timeline.wall_ns(stopped.boot, stopped.at_ns)
        return f"{stopped.who}, {moment(wall_ns, view.language)}."

    def _shell(self, request: Request[Any, Any, Any], view: View) -> dict[str, Any]:
        caller: Caller | None = request.scope.get(CALLER)  # type: ignore[assignment]  # the gate's own key
        gettext = words_in(LOCALES, view.language).gettext
        role = role_of(request)
        navigation = [
            {"title": title_of(one.panel.title, one.folder, view.language), "icon": one.panel.icon, "path": one.path}
            for one in self._parts.panels.in_slot(Slot.NAVIGATION, role)
        ]
        tools = [{"title": gettext(one.title), "icon": one.icon, "path": one.path} for one in TOOLS if role >= one.role]
        look = self._parts.panels.look
        return {
            "vehicle": self._parts.config.core.autocore.name,
            "language_tag": CODES[view.language].replace("_", "-"),
            "who": caller.cause.who if caller else None,
            "role": role.name.lower(),
            "path": request.url.path,
            "navigation": navigation,
            "tools": tools,
            "may": lambda service, entity: self._may(caller, service, entity),
            "warnings": [gettext(one) for one in warnings_of(self._parts.config.core)],
            "stop_entity": self._parts.stop_all.entity.id,
            "stopped": self._stopped(view),
            "may_reset": caller is not None and caller.is_person and self._may(caller, RESET, ""),
            "look": None if look is None else {"mark": mark_of(look), "is_dark": look.is_dark},
            "colours": self.preferences.of(user_of(request)).colours,
            "script_words": json.dumps({name: gettext(text) for name, text in SCRIPT_WORDS.items()}),
            "unit_table": json.dumps(conversions(view.units)),
        }


def user_of(request: Request[Any, Any, Any]) -> str | None:
    """Give the name of who asks, None before a log-in."""
    caller: Caller | None = request.scope.get(CALLER)  # type: ignore[assignment]  # the gate's own key
    return caller.cause.who if caller else None


def role_of(request: Request[Any, Any, Any]) -> Role:
    """Give the role of who asks; the least before a log-in."""
    caller: Caller | None = request.scope.get(CALLER)  # type: ignore[assignment]  # the gate's own key
    return caller.role if caller else Role.VIEWER


def asset(name: str) -> str:
    """Give the address of a front-end file, with its hash, so that browsers keep it until it changes."""
    mark = MANIFEST.get(name)
    return f"/static/{name}?v={mark}" if mark else f"/static/{name}"
