"""Telegram: what the vehicle tells waits on disk and arrives once there is a network; chats ask and switch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from autocore.api import N_, Notification, Panel, PluginHost, Role, hookimpl

from .messenger import PAIR, SEND, UNPAIR, Messenger
from .rows import define
from .section import SCHEMA, section_of


@hookimpl
def config_schema() -> vol.Schema:
    """Give the schema of the section `telegram`."""
    return SCHEMA


@hookimpl
def models(db: Any) -> None:
    """Declare the outbox on the plugin's database."""
    define(db)


@hookimpl
def setup(host: PluginHost, config: Mapping[str, Any]) -> None:
    """Take messages, offer the services and the panel, and with a token talk to Telegram."""
    messenger = host.data = Messenger(host, section_of(config))
    host.services.add("send", messenger.send, schema=SEND, description=N_("Send a text to all chats, or to one."))
    host.services.add(
        "pair",
        messenger.pair,
        schema=PAIR,
        role=Role.ADMIN,
        description=N_("Make a code with which one chat is paired within ten minutes."),
    )
    host.services.add(
        "unpair",
        messenger.unpair,
        schema=UNPAIR,
        role=Role.ADMIN,
        description=N_("Let a paired chat go, with what waits for it."),
    )
    host.panels.add(Panel(N_("Telegram"), icon="brand-telegram", template="telegram.html", context=messenger.context, order=70))
    messenger.start()


@hookimpl
async def deliver(notification: Notification, host: PluginHost) -> bool:
    """Keep what people should know; it is sent when there is a network."""
    messenger: Messenger = host.data
    return await messenger.deliver(notification)


@hookimpl
def diagnostics(host: PluginHost) -> Mapping[str, Any]:
    """Give the state of the connection and of the outbox, without the token and without texts."""
    messenger: Messenger = host.data
    return messenger.facts()
