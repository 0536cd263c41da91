"""The services `themes.*`: what each takes, who may call it, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from autocore.api import N_, PluginHost, Role, ServiceCall

from .dresser import Dresser
from .exchange import document_of, theme_in
from .theme import COLOURS, FONTS, RADIUS_PX, SHADOWS, theme_of

NAME = vol.Schema({vol.Required("name"): str})
_FIELDS: dict[Any, Any] = {vol.Required(one): str for one in ("name", *COLOURS)} | {
    vol.Optional("border_radius", default=RADIUS_PX): int,
    vol.Optional("shadow_style", default=SHADOWS[0]): vol.In(SHADOWS),
    vol.Optional("font_family", default=FONTS[0]): vol.In(FONTS),
    vol.Optional("force", default=False): bool,
}
SAVE = vol.Schema(_FIELDS)
IMPORT = vol.Schema(
    {
        vol.Required("document"): vol.Any(dict, str, msg="expected the JSON of an exported theme"),
        vol.Optional("name", default=None): vol.Any(None, str),
        vol.Optional("force", default=False): bool,
    }
)


def offer(host: PluginHost, dresser: Dresser) -> None:
    """Offer the services."""

    async def apply(call: ServiceCall) -> Mapping[str, Any]:
        theme = await dresser.apply(call.data["name"], call.caller.cause)
        return {"name": theme.name, "version": dresser.announcer.version}

    async def save(call: ServiceCall) -> Mapping[str, Any]:
        fields = {key: value for key, value in call.data.items() if key not in ("name", "force")}
        theme = theme_of(call.data["name"], fields)
        await dresser.save(theme, call.caller.cause, is_forced=call.data["force"])
        return {"name": theme.name}

    async def delete(call: ServiceCall) -> Mapping[str, Any]:
        await dresser.delete(call.data["name"], call.caller.cause)
        return {"name": call.data["name"]}

    async def take_in(call: ServiceCall) -> Mapping[str, Any]:
        theme = theme_in(call.data["document"], call.data["name"])
        await dresser.save(theme, call.caller.cause, is_forced=call.data["force"], is_new=True)
        return {"name": theme.name}

    async def give_out(call: ServiceCall) -> Mapping[str, Any]:
        return document_of(dresser.wardrobe.get(call.data["name"]).theme)

    add = host.services.add
    add("apply", apply, schema=NAME, description=N_("Wear a theme, in the admin and on every display."))
    add(
        "save",
        save,
        schema=SAVE,
        role=Role.TECHNICIAN,
        description=N_("Keep a theme, in place of the one of its name made here."),
    )
    add("delete", delete, schema=NAME, role=Role.TECHNICIAN, description=N_("Delete a theme that was made here."))
    add("import", take_in, schema=IMPORT, role=Role.TECHNICIAN, description=N_("Keep the theme of an exported document."))
    add("export", give_out, schema=NAME, role=Role.VIEWER, description=N_("Give the document of a theme, to pass it on."))
