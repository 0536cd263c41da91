"""Finding, checking, starting and stopping plugins. A plugin that cannot run is a status with a reason, never an exit.

Only plugins named by a section of the configuration are imported. Life-cycle hooks are called one plugin at a time, because
one exception ends a whole pluggy call.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import logging
import sys
import traceback
from collections.abc import Awaitable, Callable, Container, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from importlib.metadata import EntryPoint, version
from pathlib import Path
from typing import Any

import pluggy
import voluptuous as vol

from autocore.core import hookspecs
from autocore.core.bus import Bus
from autocore.core.config import Config, place_of, validate
from autocore.core.discovery import FOLDER, find_plugins
from autocore.core.errors import AutocoreError, ConfigError, ConfigFaults, Mark, PluginError, UnknownName
from autocore.core.facets import Topic, settle
from autocore.core.host import PluginHost
from autocore.core.names import nearest

SETUP_LIMIT_S = 10.0  # an async setup that takes longer waits for something it should do in host.spawn

HOOKS = tuple(name for name, one in vars(hookspecs).items() if hasattr(one, f"{hookspecs.PROJECT}_spec"))

CORE = Path(__file__).parent

log = logging.getLogger("autocore.plugins")

HostFactory = Callable[["Plugin", Callable[[Any], object] | None], Awaitable[PluginHost]]
"""Makes the host of a plugin; the second argument defines its Pony entities, None when it has none."""


class Condition(StrEnum):
    """Whether a plugin runs."""

    RUNNING = "running"
    FAILED = "failed"
    QUARANTINED = "quarantined"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class PluginStatus:
    """What the plugins page and REST show of one plugin."""

    name: str
    condition: Condition
    reason: str | None
    version: str
    topics: tuple[str, ...] = ()
    entities: int = 0
    services: tuple[str, ...] = ()
    panels: tuple[str, ...] = ()
    calls: int = 0
    errors: int = 0
    seconds: float = 0.0
    dropped: int = 0


class Plugin:
    """One plugin that the configuration names: its code, its section and what became of it."""

    def __init__(self, point: EntryPoint, section: Any) -> None:
        self.name = point.name
        self.point = point
        self.section = section
        self.config: Any = None
        self.module: Any = None
        self.condition = Condition.STOPPED
        self.reason: str | None = None
        self.host: PluginHost | None = None

    @property
    def folder(self) -> Path:
        """Where its code, templates, catalogues and migrations lie."""
        return Path(sys.modules[self.point.module].__file__ or "").parent

    @cached_property
    def version(self) -> str:
        """The version of its distribution; a folder in the repository has the gateway's."""
        distribution = self.point.dist
        return distribution.version if distribution else version("autocore")

    def fail(self, reason: str) -> None:
        """Note that it does not run, and why."""
        self.condition = Condition.FAILED
        self.reason = reason

    def status(self) -> PluginStatus:
        """Give what is known of it now."""
        host = self.host
        known = (self.name, self.condition, self.reason, self.version)
        if host is None:
            return PluginStatus(*known)
        cost = host.guard.cost
        return PluginStatus(
            *known,
            topics=tuple(host.mqtt.topics),
            entities=len(host.entities.own),
            services=tuple(host.services.own),
            panels=tuple(panel.title for panel in host.panels.own),
            calls=cost.calls,
            errors=cost.errors,
            seconds=round(cost.seconds, 6),
            dropped=cost.dropped,
        )


class Plugins:
    """All plugins that the configuration names.

    Args:
        bus: hears `plugin.running`, `plugin.failed` and `plugin.stopped`.
        make_host: gives a plugin its host; the composition root knows how.
    """

    def __init__(self, bus: Bus, make_host: HostFactory) -> None:
        self._bus = bus
        self._make_host = make_host
        self._plugins: dict[str, Plugin] = {}
        self._marks: Mapping[str, Mark] = {}
        self._hooks = pluggy.PluginManager(hookspecs.PROJECT)
        self._hooks.add_hookspecs(hookspecs)
        self._turn = asyncio.Lock()  # one start, stop or reload at a time

    def __iter__(self) -> Iterator[PluginStatus]:
        """Give the status of every plugin, sorted by name."""
        return iter([self._plugins[name].status() for name in sorted(self._plugins)])

    def get(self, name: str) -> PluginStatus:
        """Give the status of one plugin; raises `UnknownName`."""
        return self._known(name).status()

    def owners(self, hook: str) -> list[str]:
        """Give the plugins that implement a hook, running or not, sorted."""
        return sorted(found.plugin_name for found in getattr(self._hooks.hook, hook).get_hookimpls())

    async def ask(self, name: str, hook: str, **facts: Any) -> Any:
        """Ask a running plugin a question, with its host among the facts; None when it does not run.

        Raises:
            PluginError: it raised; that is logged and counted too.
        """
        host = self._known(name).host
        if host is None or self._plugins[name].condition is not Condition.RUNNING:
            return None

        async def question() -> Any:
            return await settle(self._ask(self._plugins[name], hook, host=host, **facts))

        return await host.guard.handler(question)()

    def available(self, folder: Path) -> list[str]:
        """Give the names of all plugins that a configuration in `folder` could switch on; nothing is imported."""
        return sorted(find_plugins([folder / FOLDER]))

    def section(self, name: str) -> Any:
        """Give a plugin's section as it was written, None when the configuration does not name it."""
        return self._plugins[name].section if name in self._plugins else None

    def place(self, name: str) -> str | None:
        """Say where a plugin's section stands, None when nobody wrote it."""
        at = self._marks.get(name)
        return str(at) if at is not None and name in self._plugins else None

    def schema(self, name: str, folder: Path) -> vol.Schema:
        """Give what a plugin's section must be; a plugin that does not run is imported for it.

        Raises:
            UnknownName: there is no such plugin.
            PluginError: it cannot be imported, or its schema cannot be had.
        """
        if name in self._plugins and self._plugins[name].module is not None:
            return self._schema(self._plugins[name])
        points = find_plugins([folder / FOLDER])
        if name not in points:
            raise UnknownName("plugin", name, nearest(name, points))
        trial = Plugins(self._bus, self._make_host)
        plugin = Plugin(points[name], None)
        trial._import(plugin)
        return trial._schema(plugin)

    def topics(self) -> dict[str, list[Topic]]:
        """Give what each running plugin hears and says over MQTT, by plugin."""
        return {name: list(one.host.mqtt.documented) for name, one in self._plugins.items() if one.host is not None}

    def folders(self) -> dict[str, Path]:
        """Give the folder of every plugin that was imported, for templates and catalogues."""
        return {name: plugin.folder for name, plugin in self._plugins.items() if plugin.module is not None}

    def load(self, config: Config, only: Container[str] | None = None) -> None:
        """Import the plugins that the configuration names (or just those in `only`) and check their sections.

        Nothing starts. A plugin that cannot be imported gets the status `failed`.

        Raises:
            ConfigFaults: a section belongs to no plugin, or does not fit its plugin's schema; all faults at once.
        """
        available = find_plugins([config.folder / FOLDER, *(config.folder / one for one in config.core.plugin_dirs)])
        faults: list[ConfigError] = list(config.faults)
        self._marks = config.marks
        for name, section in config.plugins.items():
            if only is not None and name not in only:
                continue
            if name not in available:
                faults.append(config.unknown_section(name, available))
                continue
            plugin = Plugin(available[name], section)
            self._plugins[name] = plugin
            try:
                self._import(plugin)
                plugin.config = self._validated(plugin, section, config.marks.get(name))
            except ConfigFaults as error:
                faults.extend(error.faults)
            except PluginError as error:
                plugin.fail(error.message)
        if faults:
            raise ConfigFaults(sorted(faults, key=place_of))

    def problems(self) -> list[str]:
        """Give one sentence for each plugin that cannot be imported; `autocore check` treats them as faults."""
        return [f"{one.name}: {one.reason}" for one in self if one.condition is Condition.FAILED]

    async def start(self) -> None:
        """Set up every plugin that could be imported, one after the other in the order of the configuration."""
        async with self._turn:
            for plugin in self._plugins.values():
                if plugin.condition is not Condition.FAILED:
                    await self._start(plugin)

    async def stop(self) -> None:
        """Stop every plugin, the last one started first."""
        async with self._turn:
            for plugin in reversed(self._plugins.values()):
                await self._stop(plugin)

    async def reload(self, name: str) -> PluginStatus:
        """Stop a plugin, import its code again and start it with the section it has; others do not notice.

        Raises:
            UnknownName: no such plugin.
        """
        plugin = self._known(name)
        async with self._turn:
            await self._restart(plugin, plugin.section)
        return plugin.status()

    async def apply(self, config: Config) -> list[str]:
        """Make the plugins what a new configuration says: only those whose section is different are touched.

        Gives the names of those that were started, stopped or restarted, sorted.

        Raises:
            ConfigFaults: the new configuration has faults; then nothing was touched.
        """
        trial = Plugins(self._bus, self._make_host)
        trial.load(config)
        self._marks = config.marks
        async with self._turn:
            gone = [name for name in self._plugins if name not in trial._plugins]
            changed = [
                name
                for name, plugin in trial._plugins.items()
                if name not in self._plugins or self._plugins[name].section != plugin.section
            ]
            for name in gone:
                await self._stop(self._plugins[name])
                self._forget(self._plugins.pop(name))
            for name in changed:
                plugin = self._plugins.setdefault(name, trial._plugins[name])
                await self._restart(plugin, trial._plugins[name].section)
        return sorted(gone + changed)

    def _known(self, name: str) -> Plugin:
        try:
            return self._plugins[name]
        except KeyError:
            raise UnknownName("plugin", name, nearest(name, self._plugins)) from None

    def _import(self, plugin: Plugin) -> None:
        try:
            plugin.module = plugin.point.load()
        except Exception as error:  # a border where plugin code runs
            raise PluginError(plugin.name, f"cannot be imported: {_where(error)}") from error
        hidden = [name for name in HOOKS if inspect.ismodule(getattr(plugin.module, name, None))]
        if hidden:
            plugin.module = None
            raise PluginError(plugin.name, f"its module {hidden[0]}.py hides the hook {hidden[0]}; give the file another name")
        self._hooks.register(plugin.module, plugin.name)
        try:
            self._hooks.check_pending()
        except pluggy.PluginValidationError as error:
            self._forget(plugin)
            raise PluginError(plugin.name, f"has a hook that does not exist: {error}") from error

    def _forget(self, plugin: Plugin) -> None:
        if self._hooks.has_plugin(plugin.name):
            self._hooks.unregister(name=plugin.name)
        plugin.module = None

    def _validated(self, plugin: Plugin, section: Any, at: Mark | None = None) -> Any:
        schema = self._schema(plugin)
        return validate(schema, as_written_for(schema, section), path=plugin.name, at=at)

    def _schema(self, plugin: Plugin) -> vol.Schema:
        try:
            schema = self._ask(plugin, "config_schema")
        except Exception as error:  # a border where plugin code runs
            raise PluginError(plugin.name, f"its config_schema raised {_where(error)}") from error
        return schema if schema is not None else vol.Schema({})

    def _ask(self, plugin: Plugin, hook: str, **facts: Any) -> Any:
        others = [module for name, module in self._hooks.list_name_plugin() if name != plugin.name]
        answers = self._hooks.subset_hook_caller(hook, others)(**facts)
        return answers[0] if answers else None

    async def _start(self, plugin: Plugin) -> None:
        plugin.reason = None
        try:
            host = plugin.host = await self._make_host(plugin, self._definer(plugin))
            async with asyncio.timeout(SETUP_LIMIT_S):
                await settle(self._ask(plugin, "setup", host=host, config=plugin.config))
        except TimeoutError:
            await self._give_up(plugin, f"its setup took longer than {SETUP_LIMIT_S:g} s; put waiting work into host.spawn")
        except Exception as error:  # noqa: BLE001  # a border where plugin code runs
            await self._give_up(plugin, _where(error), error)
        else:
            plugin.condition = Condition.RUNNING
            self._bus.emit("plugin.running", {"plugin": plugin.name})

    def _definer(self, plugin: Plugin) -> Callable[[Any], object] | None:
        owners = {found.plugin_name for found in self._hooks.hook.models.get_hookimpls()}
        return (lambda db: self._ask(plugin, "models", db=db)) if plugin.name in owners else None

    async def _give_up(self, plugin: Plugin, reason: str, error: Exception | None = None) -> None:
        log.error("%s could not start: %s", plugin.name, reason, exc_info=error)
        if plugin.host is not None:
            await plugin.host.close()
        plugin.fail(reason)
        self._bus.emit("plugin.failed", {"plugin": plugin.name, "reason": reason})

    async def _stop(self, plugin: Plugin) -> None:
        if plugin.condition is not Condition.RUNNING or plugin.host is None:
            return
        try:
            async with asyncio.timeout(SETUP_LIMIT_S):
                await settle(self._ask(plugin, "teardown", host=plugin.host))
        except Exception as error:  # noqa: BLE001  # a border where plugin code runs
            plugin.host.guard.failed("teardown", error)
        await plugin.host.close()
        plugin.condition = Condition.STOPPED
        self._bus.emit("plugin.stopped", {"plugin": plugin.name})

    async def _restart(self, plugin: Plugin, section: Any) -> None:
        await self._stop(plugin)
        self._forget(plugin)
        for name in list(sys.modules):  # a copy: other threads import meanwhile
            if name == plugin.point.module or name.startswith(f"{plugin.point.module}."):
                sys.modules.pop(name, None)  # so that changed code is read again
        importlib.invalidate_caches()
        plugin.section = section
        try:
            self._import(plugin)
            plugin.config = self._validated(plugin, section)
        except AutocoreError as error:
            await self._give_up(plugin, str(error))
            return
        await self._start(plugin)


def as_written_for(schema: vol.Schema, section: Any) -> Any:
    """Give a section as its schema wants it: nothing is an empty list or mapping, a mapping stands for a one-item list."""
    wanted = _shape(schema)
    if wanted is list:
        if section is None:
            return []
        return [section] if isinstance(section, Mapping) else section
    return {} if section is None and wanted is dict else section


def _shape(schema: Any) -> type | None:
    """Give `list` or `dict` for what a schema takes, looked for inside `Schema` and `All`; None when it is neither."""
    if isinstance(schema, vol.Schema):
        return _shape(schema.schema)
    if isinstance(schema, vol.All):
        return next((found for part in schema.validators if (found := _shape(part)) is not None), None)
    return list if isinstance(schema, list) else dict if isinstance(schema, Mapping) else None


def _where(error: Exception) -> str:
    """Give what was raised and the line of the plugin that raised it, not that of the core which it called."""
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [one for one in frames if not Path(one.filename).is_relative_to(CORE)] or frames
    place = f" ({Path(theirs[-1].filename).name}:{theirs[-1].lineno})" if theirs else ""
    return f"{type(error).__name__}: {error}{place}"
