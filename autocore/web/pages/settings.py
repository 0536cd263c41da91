"""Settings: what each person chooses for themselves (language, units, light or dark, password), and what plugins add."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body
from litestar.response import Redirect

from autocore.core.errors import InvalidData
from autocore.core.model import Caller, Role
from autocore.core.panels import Slot
from autocore.web.access import needs
from autocore.web.pages.people import session_rows
from autocore.web.pages.preferences import Preference
from autocore.web.pages.progress import next_step
from autocore.web.pages.rendering import Pages
from autocore.web.parts import Parts


class SettingsForm(msgspec.Struct):
    """What a person chose."""

    language: str = ""
    units: str = ""
    colours: str = ""


@get("/settings", opt=needs(Role.VIEWER, "pages:settings"), include_in_schema=False)
async def settings_page(request: Request[Any, Any, Any], pages: Pages, parts: Parts, caller: Caller) -> Response[str]:
    """Show the choices, and what the person can change of themselves."""
    return await pages.page(request, "settings.html", await settings_facts(request, pages, parts, caller))


@post("/settings", opt=needs(Role.VIEWER, "pages:settings"), include_in_schema=False, status_code=303)
async def save_settings(
    pages: Pages, caller: Caller, data: Annotated[SettingsForm, Body(media_type=RequestEncodingType.URL_ENCODED)]
) -> Redirect:
    """Keep the choices, and show the page in them."""
    try:
        chosen = msgspec.convert(msgspec.structs.asdict(data), Preference)
    except msgspec.ValidationError as error:
        raise InvalidData(f"this cannot be chosen: {error}") from error
    await pages.preferences.set(caller.cause.who, chosen)
    return Redirect("/settings", status_code=303)


@get("/menu", opt=needs(Role.VIEWER, "pages:menu"), include_in_schema=False)
async def menu_page(request: Request[Any, Any, Any], pages: Pages) -> Response[str]:
    """Show every page, for small screens."""
    return await pages.page(request, "menu.html")


async def settings_facts(request: Request[Any, Any, Any], pages: Pages, parts: Parts, caller: Caller) -> dict[str, Any]:
    """Give what the settings page shows of whoever asks."""
    who = caller.cause.who
    return {
        "chosen": pages.preferences.of(who),
        "cards": await pages.cards(request, Slot.SETTINGS),
        "has_pin": await parts.accounts.pins.has(who),
        "sessions": session_rows(await parts.accounts.sessions(who), parts.timeline, caller),
        "wizard": await next_step(parts.store, caller.role),
        "form": None,
        "error": None,
        "what": None,
    }


ROUTES = [settings_page, save_settings, menu_page]
