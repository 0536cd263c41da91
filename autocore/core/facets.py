"""The facets of a plugin's host: small, scoped doors to the core's parts. What is added through one is undone with the plugin."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, Protocol

import voluptuous as vol

from autocore.core.bus import Bus, Event, Listener
from autocore.core.clock import Clock
from autocore.core.devices import Device, DeviceRegistry
from autocore.core.entities import CommandHandler, Entity, EntityRegistry, StateListener, StopHandler
from autocore.core.errors import InvalidData, PluginError
from autocore.core.guard import Guard
from autocore.core.holds import Ending, Grip, Holds
from autocore.core.kinds import Description
from autocore.core.link import COMMAND_TTL_S, DeviceLink, Expectation
from autocore.core.model import Caller, Cause, Role, State
from autocore.core.mqtt.hub import MqttHub
from autocore.core.mqtt.message import Message
from autocore.core.panels import Look, Panel, PanelRegistry, PlacedPanel
from autocore.core.safeguards import Safeguards
from autocore.core.scheduler import Cron, Every
from autocore.core.services import Service, ServiceHandler, ServiceRegistry
from autocore.core.wire import Ack, Stamp

Undo = Callable[[], None]


class Scope(Protocol):
    """What a facet needs of the plugin it serves."""

    name: str
    guard: Guard

    def undo(self, step: Undo) -> Undo:
        """Do `step` when the plugin stops; the answer does it now, once."""


class Entities:
    """Adds the plugin's entities."""

    def __init__(self, scope: Scope, registry: EntityRegistry, holds: Holds, safeguards: Safeguards) -> None:
        self._scope = scope
        self._registry = registry
        self._holds = holds
        self._safeguards = safeguards
        self.own: list[Entity] = []

    @property
    def are_stopped(self) -> bool:
        """Whether everything was stopped, and nobody reset that yet."""
        return self._safeguards.is_stopped

    def add(
        self,
        description: Description,
        on_command: CommandHandler | None = None,
        on_hold: Grip | None = None,
        on_stop: StopHandler | None = None,
    ) -> Entity:
        """Add an entity, or take up the one of an earlier start.

        Args:
            description: what it is.
            on_command: carries out its kind's verbs.
            on_hold: lets it be held: it is on only while a hand is there (`switch.hold`).
            on_stop: puts it into its safe state at once when everything is stopped (True), and knows of the reset (False); what
                is added while `are_stopped` is begins in its safe state.

        Raises:
            NameTaken: the plugin already has an entity of this device and name.
        """
        handler = self._scope.guard.handler(on_command) if on_command else None  # type: ignore[arg-type]  # async by contract
        entity = self._registry.add(self._scope.name, description, handler)
        self.own.append(entity)
        if on_stop is not None:
            entity.on_stop = self._scope.guard.function(on_stop)

        def release() -> None:
            if entity in self.own:
                self.own.remove(entity)
                self._holds.remove(entity)
                self._registry.release(entity)

        self._scope.undo(release)
        self.hold(entity, on_hold)
        return entity

    def hold(self, entity: Entity, grip: Grip | None) -> None:
        """Let one of the plugin's entities be held from now on, None: no more; the hold that it may be in ends."""
        if entity not in self.own:
            return
        self._holds.remove(entity)
        if grip is not None:
            guard = self._scope.guard
            guarded = Grip(guard.handler(grip.press), guard.function(grip.beat), guard.function(grip.release))
            self._holds.add(entity, guarded)

    def let_go(self, entity: Entity, ending: Ending) -> None:
        """End the hold of one of the plugin's entities, e.g. because its board let go; harmless when nobody holds it."""
        if entity in self.own:
            self._holds.let_go(entity, ending)

    def describe(self, entity: Entity, description: Description) -> None:
        """Say anew what one of the plugin's entities is, e.g. its unit or its options; its id and identity stay.

        Raises:
            InvalidData: it would become another entity.
        """
        self._registry.redescribe(entity, description)

    def remove(self, entity: Entity) -> None:
        """Take one of the plugin's entities away for good; its history stays. Harmless when it is gone."""
        if entity in self.own:
            self._holds.remove(entity)
            self.own.remove(entity)
            self._registry.remove(entity)


class Devices:
    """Sees every device, and stamps commands for those that are online."""

    def __init__(self, registry: DeviceRegistry, link: DeviceLink) -> None:
        self._registry = registry
        self._link = link

    def __iter__(self) -> Iterator[Device]:
        """Give the devices sorted by id."""
        return iter(self._registry)

    def find(self, device_id: str) -> Device | None:
        """Give the device, or None."""
        return self._registry.find(device_id)

    def admit(self, device_id: str) -> bool:
        """Note that a device spoke and say whether it is listened to."""
        return self._registry.admit(device_id)

    def stamp(self, device_id: str, ttl_s: float = COMMAND_TTL_S) -> Stamp:
        """Give the stamp for one command; raises `Refused` (`offline`) when the device cannot take one."""
        return self._link.stamp(device_id, ttl_s)

    def reconfigure(self, device_id: str) -> None:
        """Have the hook `device_config` asked again for a device: it says something else now."""
        self._registry.reconfigure(device_id)

    def expect(self, device_id: str, command_id: str, within_s: float) -> Expectation:
        """Await the ack of a command that is about to leave."""
        return self._link.expect(device_id, command_id, within_s)

    async def command(self, device_id: str, command: str, args: Mapping[str, Any] | None = None) -> Ack:
        """Send a device a command about itself; raises `Refused` or `NoAnswer`."""
        return await self._link.command(device_id, command, args)


class States:
    """Reads the state of any entity; iterated, it gives every entity, sorted by id."""

    def __init__(self, scope: Scope, registry: EntityRegistry) -> None:
        self._scope = scope
        self._registry = registry

    def __iter__(self) -> Iterator[Entity]:
        """Give every entity, sorted by id."""
        return iter(self._registry)

    def get(self, entity_id: str) -> State:
        """Give the present state; raises `UnknownName`."""
        return self._registry.get(entity_id).state

    def find(self, entity_id: str) -> Entity | None:
        """Give an entity, to read what it is and holds; None when there is none of that id."""
        return self._registry.get(entity_id) if entity_id in self._registry else None

    def on(self, name: str, listener: StateListener) -> Undo:
        """Call `listener(entity, old, new)` at every report of an entity, a kind, or all (``)."""
        return self._scope.undo(self._registry.on(name, self._scope.guard.function(listener)))


class Services:
    """Offers the plugin's services and calls anybody's."""

    def __init__(self, scope: Scope, registry: ServiceRegistry) -> None:
        self._scope = scope
        self._registry = registry
        self.own: list[str] = []

    def add(
        self,
        verb: str,
        handler: ServiceHandler,
        *,
        schema: vol.Schema | None = None,
        role: Role = Role.OPERATOR,
        description: str = "",
    ) -> None:
        """Offer the service `<plugin>.<verb>`; raises `NameTaken`, or `InvalidData` for a schema that is none."""
        name = f"{self._scope.name}.{verb}"
        if schema is not None and not isinstance(schema, vol.Schema):
            raise InvalidData(f"the schema of {name} is a {type(schema).__name__}; write vol.Schema({{…}})", field="schema")
        guarded = self._scope.guard.handler(handler)  # type: ignore[arg-type]  # async by contract
        remove = self._registry.add(Service(name, guarded, self._scope.name, schema, role, description))
        self.own.append(name)

        def withdraw() -> None:
            self.own.remove(name)
            remove()

        self._scope.undo(withdraw)

    async def call(self, name: str, data: Mapping[str, Any], caller: Caller | None = None) -> Mapping[str, Any]:
        """Call a service, for `caller` when somebody asked the plugin to, else in the plugin's own name.

        What a token is limited to was checked where the caller came in; what that service does in its turn is part of it.
        The caller's role still counts.
        """
        if caller is None:
            caller = Caller(Cause("plugin", self._scope.name), Role.OPERATOR)
        return await self._registry.call(name, data, Caller(caller.cause, caller.role, None, caller.session))


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as a plugin uses it: `payload` is the type of its messages, None when it said none."""

    address: str
    payload: Any
    is_heard: bool
    qos: int = 0
    is_retained: bool = False


class Mqtt:
    """Subscribes, publishes and claims topics for the plugin."""

    def __init__(self, scope: Scope, hub: MqttHub) -> None:
        self._scope = scope
        self._hub = hub
        self.topics: list[str] = []
        self.documented: list[Topic] = []
        """What the plugin hears and says, with the types it said, for AsyncAPI."""

    @property
    def root(self) -> str:
        """The root of the native topics, `autocore` unless the configuration says otherwise."""
        return self._hub.root

    def subscribe(
        self, topic: str, handler: Callable[..., Any] | None = None, *, payload: Any = None, qos: int = 0, urgent: bool = False
    ) -> Any:
        """Call `handler(message)` for every message on `topic`; without `handler` it is a decorator.

        Args:
            topic: an MQTT filter; `{root}` stands for the root of the native topics.
            handler: a plain function; an async one is allowed and costs a queue.
            payload: a type for msgspec: the payload is decoded and checked, and the call is `handler(message, value)`.
            qos: 0, or 1 to have a message again after a crash.
            urgent: True for what a person waits for (states of boards), False for telemetry.

        Raises:
            InvalidData: the filter is not an MQTT filter.
        """
        if handler is None:
            return lambda wrapped: self.subscribe(topic, wrapped, payload=payload, qos=qos, urgent=urgent) or wrapped
        call = handler if payload is None else _typed(handler, payload)
        guarded = self._scope.guard.function(call, self._invalid)
        remove = self._hub.subscribe(topic, guarded, qos=qos, urgent=urgent)
        self.topics.append(topic.replace("{root}", self._hub.root))
        self.documented.append(Topic(topic, payload, is_heard=True, qos=qos))
        self._scope.undo(remove)
        return None

    def publish(  # the parts of a publication
        self,
        topic: str,
        payload: Any,
        *,
        qos: int = 0,
        retain: bool = False,
        expiry_s: int | None = None,
        at_once: bool = False,
    ) -> None:
        """Publish; raises `Refused` when the topic is somebody else's (`claimed`) or the broker is away (`offline`).

        After `expiry_s` seconds the broker throws it away undelivered. `at_once` is for what stops something: nothing waits
        before it.
        """
        address, owner = topic.replace("{root}", self._hub.root), self._scope.name
        self._hub.publish(address, payload, qos=qos, retain=retain, expiry_s=expiry_s, owner=owner, at_once=at_once)

    def claim(self, topic: str, *, payload: Any = None, qos: int = 0, retain: bool = False) -> None:
        """Become the only publisher on a filter; raises `NameTaken` when another is.

        `payload`, `qos` and `retain` say for AsyncAPI what is published there.
        """
        self.topics.append(topic.replace("{root}", self._hub.root))
        self.documented.append(Topic(topic, payload, is_heard=False, qos=qos, is_retained=retain))
        self._scope.undo(self._hub.claim(topic.replace("{root}", self._hub.root), self._scope.name))

    def reject(self, message: Message, device: str | None, field: str, reason: str) -> None:
        """Count a message that was not as it should be; one warning a minute names device, topic and field."""
        self._hub.reject(message.topic, device, field, reason)

    def _invalid(self, error: InvalidData, message: Message) -> None:
        self._hub.reject(message.topic, None, error.field, error.message)


class Events:
    """Hears every event and tells the plugin's own."""

    def __init__(self, scope: Scope, bus: Bus) -> None:
        self._scope = scope
        self._bus = bus

    def on(self, event_type: str, listener: Listener) -> Undo:
        """Call `listener(event)` with every event of that type (`*` for all)."""
        return self._scope.undo(self._bus.on(event_type, self._scope.guard.function(listener)))

    def emit(self, name: str, data: Mapping[str, Any] | None = None, cause: Cause | None = None) -> Event:
        """Tell the event `<plugin>.<name>`."""
        plugin = self._scope.name
        return self._bus.emit(f"{plugin}.{name}", data, cause or Cause("plugin", plugin))


class Panels:
    """Shows the plugin's panels."""

    def __init__(self, scope: Scope, registry: PanelRegistry, folder: Path) -> None:
        self._scope = scope
        self._registry = registry
        self._folder = folder
        self._take_off: Undo | None = None
        self.own: list[Panel] = []

    def add(self, panel: Panel) -> None:
        """Show a panel.

        Raises:
            PluginError: it has neither a template in the plugin's `templates/` folder nor a source.
            NameTaken: the slot and key are taken.
        """
        if not panel.source and not (panel.template and (self._folder / "templates" / panel.template).is_file()):
            raise PluginError(self._scope.name, f"the template templates/{panel.template} of the panel {panel.title} is missing")
        remove = self._registry.add(PlacedPanel(self._scope.name, self._folder, panel))
        self.own.append(panel)

        def take_away() -> None:
            self.own.remove(panel)
            remove()

        self._scope.undo(take_away)

    def wear(self, look: Look | None) -> None:
        """Dress the admin in a look; None takes off what this plugin put on."""
        if self._take_off is not None:
            self._take_off()
            self._take_off = None
        if look is not None:
            self._take_off = self._scope.undo(self._registry.wear(look))


class Schedule:
    """Calls the plugin later, on the gateway's clock."""

    def __init__(self, scope: Scope, clock: Clock) -> None:
        self._scope = scope
        self._clock = clock

    def every(self, interval_s: float, action: Callable[[], Any]) -> Undo:
        """Call `action` every `interval_s` seconds; an async one that still runs keeps its next turns waiting in its queue."""
        return self._scope.undo(Every(self._clock, interval_s, self._scope.guard.function(action)).cancel)

    def cron(self, line: str, action: Callable[[], Any]) -> Undo:
        """Call `action` at wall times, e.g. `0 3 * * *`; raises `InvalidData` when `line` is no crontab line."""
        return self._scope.undo(Cron(self._clock, line, self._scope.guard.function(action)).cancel)

    def after(self, delay_s: float, action: Callable[[], Any]) -> Undo:
        """Call `action` once, after `delay_s` seconds; the answer calls it off."""
        guarded = self._scope.guard.function(action)

        def act() -> None:
            call_off()  # nothing is left to undo
            guarded()

        call_off = self._scope.undo(self._clock.call_later(delay_s, act).cancel)
        return call_off


class Tasks:
    """The plugin's background work; what still runs when the plugin stops is cancelled."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Start `work` as a task."""
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def cancel(self) -> None:
        """Cancel everything and wait until it ended."""
        running = list(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def _typed(handler: Callable[..., Any], payload: Any) -> Callable[..., Any]:
    if inspect.iscoroutinefunction(handler):

        @wraps(handler)
        async def decoded_async(message: Message) -> None:
            await handler(message, message.decode(payload))

        return decoded_async

    @wraps(handler)
    def decoded(message: Message) -> None:
        handler(message, message.decode(payload))

    return decoded


async def settle(answer: Awaitable[Any] | Any) -> Any:
    """Give what a plugin's function answered, awaited when it is async."""
    return await answer if inspect.isawaitable(answer) else answer
