"""The hooks that a plugin may implement, one by one. Twelve is the ceiling; each has a plugin that uses it.

A hook marked *life cycle* is called for one plugin at a time, with a time limit where it is async, and its failure becomes the
plugin's status. A hook marked *question* is asked of a plugin that runs; an implementation names only the arguments it wants.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pluggy
import voluptuous as vol

if TYPE_CHECKING:
    from autocore.core.devices import Device
    from autocore.core.host import PluginHost
    from autocore.core.notices import Notification

PROJECT = "autocore"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
"""Marks a function of a plugin as the implementation of the hook of the same name."""


@hookspec
def config_schema() -> vol.Schema:  # type: ignore[empty-body]  # a hook specification has no body
    """Say what my section of the configuration must be (life cycle).

    When: before anything starts, and in `autocore check`. Answer: a voluptuous schema; a schema of a list also takes a
    mapping, as its only item. Without it the section must be empty. When it raises: the plugin has failed.
    """


@hookspec
def setup(host: PluginHost, config: Any) -> Awaitable[None] | None:
    """Add everything I bring to `host` (life cycle, may be async).

    When: once at the start and again after a reload. `config` is the validated section. Answer: nothing. It does no input
    or output of its own except in what it hands to `host.spawn`. When it raises, or an async one takes longer than ten
    seconds: everything added so far is undone in reverse, and the plugin has failed, with the reason and the line.
    """


@hookspec
def teardown(host: PluginHost) -> Awaitable[None] | None:
    """Let go of what `host` does not know of (life cycle, may be async, rarely needed).

    When: at the stop, before the host undoes what was added through it. When it raises: it is logged and the stop goes on.
    """


@hookspec
def models(db: Any) -> None:
    """Define my Pony entities on my own database `db` (life cycle).

    When: before `setup`; the SQL files in my `migrations/` folder have made the tables. Answer: nothing; use the entities
    inside `await host.db.run(function)` only. When it raises: the plugin has failed.
    """


@hookspec
def deliver(notification: Notification, host: PluginHost) -> bool | Awaitable[bool]:  # type: ignore[empty-body]
    """Carry what people should know over my channel (question, may be async).

    When: something was told, or is still waiting for me. Answer: True when my channel took it and keeps it; anything else has
    it wait, and I am asked again after a while, with all that came meanwhile in one notification. When it raises: the same, and
    the error is counted. A plugin with this hook is a channel as long as the configuration names it.
    """


@hookspec
def routes(host: PluginHost) -> Sequence[Any]:  # type: ignore[empty-body]
    """Add to REST (question).

    When: after my `setup`, whenever the web is built anew. Answer: Litestar route handlers; they are mounted under
    `/api/v1/<my name>` and are for administrators unless their `opt` says `needs(role, action)`. A handler that names
    `caller: Caller` gets who asks, one that names `draw: Draw` draws a piece of a panel. When it raises: I run without
    routes, and the error is counted.
    """


@hookspec
def device_config(device: Device, host: PluginHost) -> Mapping[str, Any] | Awaitable[Mapping[str, Any] | None] | None:
    """Give my section of a device's configuration (question, may be async).

    When: a device takes part, or what I or it is changed. Answer: a mapping of JSON types, the same for the same facts; None when
    I have nothing for this device. It is put under my name into the document that the device gets. When it raises: the device
    keeps the section that it has, and the error is counted.
    """


@hookspec
def diagnostics(host: PluginHost) -> Mapping[str, Any]:  # type: ignore[empty-body]
    """Tell what helps to find a fault (question).

    When: an administrator asks for it. Answer: a mapping of JSON types, without secrets. When it raises: the bundle says so.
    """
