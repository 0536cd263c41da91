"""`/api/v1/themes`: the list and exported documents as JSON; and the pieces of the page that are drawn anew."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.datastructures import UploadFile
from litestar.params import Parameter

from autocore.api import N_, AutocoreError, Caller, Draw, PluginHost, Role, needs, slug

from . import panel
from .dresser import Dresser
from .exchange import LARGEST_BYTES, document_of
from .faults import BadTheme
from .section import key_of
from .theme import LONGEST_NAME

CHANGED = {"HX-Trigger": "themes-changed"}
WORN = {"HX-Refresh": "true"}  # a look is a style sheet of the whole page
SAVES = needs(Role.TECHNICIAN, "services:themes.save")

Name = Annotated[str, Parameter(max_length=200)]
Asked = Request[Any, Any, Any]


def handlers(host: PluginHost, dresser: Dresser) -> list[Any]:
    """Give the handlers."""
    return [*_lists(dresser), *_drawings(dresser), *_choices(host, dresser), *_changes(host, dresser)]


def _lists(dresser: Dresser) -> list[Any]:
    @get("/", opt=needs(Role.VIEWER, "read:themes"))
    async def themes() -> dict[str, Any]:
        """Give every theme, whose it is and whether it is worn."""
        active = dresser.wardrobe.active.name
        items = [
            {
                "name": held.theme.name,
                **held.theme.fields(),
                "is_dark": held.theme.is_dark,
                "is_active": held.theme.name == active,
                "owner": held.owner.value,
                "place": held.place,
            }
            for held in dresser.wardrobe
        ]
        return {"items": items, "next": None}

    @get("/export", opt=needs(Role.VIEWER, "services:themes.export"))
    async def export(name: Name) -> Response[str]:
        """Give the document of a theme as a file."""
        theme = dresser.wardrobe.get(name).theme
        headers = {"Content-Disposition": f'attachment; filename="{slug(theme.name) or "theme"}.json"'}
        return Response(
            json.dumps(document_of(theme), indent=2, ensure_ascii=False), media_type="application/json", headers=headers
        )

    return [themes, export]


def _drawings(dresser: Dresser) -> list[Any]:
    @get("/list", opt=needs(Role.VIEWER, "read:themes"), include_in_schema=False)
    async def themes_list(draw: Draw) -> Any:
        """Draw the list."""
        return await draw("themes_list.html", panel.context(dresser))

    @get("/preview", opt=needs(Role.VIEWER, "read:themes"), include_in_schema=False)
    async def preview(request: Asked, draw: Draw) -> Any:
        """Draw what the typed theme looks like, and what of it is hard to read."""
        return await draw("themes_preview.html", panel.preview(_texts(request.query_params)))

    @get("/editor", opt=SAVES, include_in_schema=False)
    async def editor(request: Asked, draw: Draw) -> Any:
        """Draw the editor: for a theme that was made here, for a copy of any, or with the suggestions for what was typed."""
        asked = _texts(request.query_params)
        if "adopt" in asked:
            return await draw("themes_editor.html", panel.editor(panel.adopted(asked)))
        wardrobe = dresser.wardrobe
        theme = wardrobe.get(asked["of"]).theme if "of" in asked else wardrobe.active
        if "copy" in asked or "of" not in asked:
            typed = panel.typed_of(theme, _free_name(dresser, theme.name) if "copy" in asked else "")
        else:
            typed = panel.typed_of(theme, theme.name, theme.name)
        return await draw("themes_editor.html", panel.editor(typed))

    return [themes_list, preview, editor]


def _choices(host: PluginHost, dresser: Dresser) -> list[Any]:
    async def change(draw: Draw, caller: Caller, service: str, name: str, headers: Mapping[str, str]) -> Any:
        try:
            await host.services.call(service, {"name": name}, caller)
        except AutocoreError as error:
            return await draw("themes_list.html", panel.context(dresser, error))
        return await draw("themes_list.html", panel.context(dresser), headers=headers)

    @post("/apply", opt=needs(Role.OPERATOR, "services:themes.apply"), include_in_schema=False, status_code=200)
    async def apply(request: Asked, caller: Caller, draw: Draw) -> Any:
        """Call `themes.apply` with a form; the page is loaded anew, in the new theme."""
        return await change(draw, caller, "themes.apply", _texts(await request.form()).get("name", ""), WORN)

    @post("/delete", opt=needs(Role.TECHNICIAN, "services:themes.delete"), include_in_schema=False, status_code=200)
    async def delete(request: Asked, caller: Caller, draw: Draw) -> Any:
        """Call `themes.delete` with a form."""
        return await change(draw, caller, "themes.delete", _texts(await request.form()).get("name", ""), {})

    return [apply, delete]


def _changes(host: PluginHost, dresser: Dresser) -> list[Any]:
    @post("/save", opt=SAVES, include_in_schema=False, status_code=200)
    async def save(request: Asked, caller: Caller, draw: Draw) -> Any:
        """Call `themes.save` with the editor's form; a theme that got another name is another theme."""
        typed = _texts(await request.form())
        try:
            theme = panel.theme_typed(typed)
            dresser.wardrobe.check_free(theme.name, is_new=key_of(theme.name) != key_of(typed.get("was", "")))
            data = {"name": theme.name, **theme.fields(), "force": "force" in typed}
            await host.services.call("themes.save", data, caller)
        except AutocoreError as error:
            return await draw("themes_editor.html", panel.editor(typed, error))
        if theme.name == dresser.wardrobe.active.name:
            return await draw("themes_editor.html", panel.editor(typed), headers=WORN)
        shown = panel.editor(panel.typed_of(theme, theme.name, theme.name), news=theme.name)
        return await draw("themes_editor.html", shown, headers=CHANGED)

    @post("/import", opt=needs(Role.TECHNICIAN, "services:themes.import"), include_in_schema=False, status_code=200)
    async def take_in(request: Asked, caller: Caller, draw: Draw) -> Any:
        """Call `themes.import` with a file or a text."""
        form = await request.form()
        typed = _texts(form)
        try:
            data = {"document": await _document(form), "name": typed.get("name") or None, "force": "force" in typed}
            outcome = await host.services.call("themes.import", data, caller)
        except AutocoreError as error:
            return await draw("themes_import.html", panel.importing(typed, error))
        return await draw("themes_import.html", panel.importing(news=outcome["name"]), headers=CHANGED)

    return [save, take_in]


async def _document(form: Mapping[str, Any]) -> str:
    file = form.get("file")
    content = await file.read() if isinstance(file, UploadFile) else b""
    if len(content) > LARGEST_BYTES:
        raise BadTheme(N_("a theme is at most %(most)s bytes"), field="document", most=LARGEST_BYTES)
    try:
        text = content.decode() or _texts(form).get("document", "")
    except UnicodeDecodeError as error:
        raise BadTheme(N_("this is no text; choose the JSON file of an exported theme"), field="document") from error
    if not text.strip():
        raise BadTheme(N_("choose a file, or write its text"), field="document")
    return text


def _free_name(dresser: Dresser, name: str) -> str:
    """Give a name like `name` that no theme has."""
    for number in range(2, len(dresser.wardrobe.names) + 3):
        ending = f" {number}"
        free = name[: LONGEST_NAME - len(ending)] + ending
        if dresser.wardrobe.find(free) is None:
            return free
    return ""


def _texts(form: Mapping[str, Any]) -> dict[str, str]:
    return {key: value for key, value in form.items() if isinstance(value, str)}
