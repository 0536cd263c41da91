"""Services: the only way in for intent. Every call goes permission, schema, handler, audit, in this order.

Who calls (a page, REST, the WebSocket, MQTT, an automation) makes no difference here. The verbs of a kind (`switch.turn_on`)
are services too: they find the entity and hand the command to the handler that its plugin gave.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import voluptuous as vol

from autocore.core.clock import NS, Clock
from autocore.core.entities import Command, Entity, EntityRegistry
from autocore.core.errors import AutocoreError, InvalidData, NameTaken, PermissionDenied, Refused, UnknownName
from autocore.core.kinds import Description, Fields
from autocore.core.model import Caller, Role
from autocore.core.names import N_, nearest
from autocore.core.safeguards import Safeguards


class ServiceCall(msgspec.Struct, frozen=True):
    """One call that was allowed and whose data fit the schema."""

    service: str
    data: Mapping[str, Any]
    caller: Caller
    waits: bool = True


ServiceHandler = Callable[[ServiceCall], Awaitable[Mapping[str, Any] | None]]


@dataclass(frozen=True, slots=True)
class Service:
    """Something that can be asked of the gateway.

    Args:
        name: `<plugin>.<verb>` or `<kind>.<verb>`.
        handler: carries it out and gives the outcome, JSON types only; raises `Refused`, `NoAnswer` or `InvalidData`.
        owner: the plugin, or `core`.
        schema: what the data must be; None takes no data.
        role: the least role that may call it.
        description: one sentence for people.
        is_query: it changes nothing, so that only refused calls are remembered.
    """

    name: str
    handler: ServiceHandler
    owner: str
    schema: vol.Schema | None = None
    role: Role = Role.OPERATOR
    description: str = ""
    is_query: bool = False


class Record(msgspec.Struct, frozen=True):
    """What is to be remembered of one call, refused ones included: the audit row."""

    at_ns: int
    service: str
    data: Mapping[str, Any]
    caller: Caller
    outcome: str
    """`done`, or the `code` of the error."""
    detail: str
    latency_s: float


Permit = Callable[[Service, Mapping[str, Any], Caller], None]
"""Raises `PermissionDenied` for a call that may not be; the data are not checked yet."""


def by_role(service: Service, _data: Mapping[str, Any], caller: Caller) -> None:
    """Let whoever has the service's least role pass, and whose token is not limited to something else."""
    if not caller.may(service.role, f"services:{service.name}"):
        raise PermissionDenied(f"{service.name} needs the role {service.role.name.lower()}; {caller.cause.who} may not call it")


class ServiceRegistry:
    """All services by name.

    Args:
        clock: measures the latency in the record.
        remember: takes each `Record`; must return at once.
        permit: says who may call what.
    """

    def __init__(self, clock: Clock, remember: Callable[[Record], None], permit: Permit = by_role) -> None:
        self._clock = clock
        self._permit = permit
        self._remember = remember
        self._services: dict[str, Service] = {}

    def __iter__(self) -> Iterator[Service]:
        """Give the services sorted by name."""
        return iter([self._services[name] for name in sorted(self._services)])

    def get(self, name: str) -> Service:
        """Give the service.

        Raises:
            UnknownName: with the nearest name.
        """
        try:
            return self._services[name]
        except KeyError:
            raise UnknownName("service", name, nearest(name, self._services)) from None

    def add(self, service: Service) -> Callable[[], None]:
        """Offer a service; the answer withdraws it.

        Raises:
            NameTaken: somebody offers that name already.
        """
        if service.name in self._services:
            owner = self._services[service.name].owner
            raise NameTaken(f"the service {service.name} belongs to {owner}; give yours another name")
        self._services[service.name] = service

        def remove() -> None:
            if self._services.get(service.name) is service:
                del self._services[service.name]

        return remove

    def remember(self, record: Record) -> None:
        """Take the record of what was done without a call: somebody's stop that could not wait for one."""
        self._remember(record)

    async def call(self, name: str, data: Mapping[str, Any], caller: Caller, *, waits: bool = True) -> Mapping[str, Any]:
        """Carry out the service and give its outcome; whatever happens is remembered.

        Args:
            name: e.g. `switch.turn_on`.
            data: what the service's schema describes.
            caller: who asks.
            waits: False asks for the answer once the command left, before the device said anything.

        Raises:
            UnknownName: no such service, or no such entity.
            PermissionDenied: the caller's role or scope is not enough.
            InvalidData: the data do not fit the schema.
            Refused: it will not be done now.
            NoAnswer: it was asked of a device that stayed silent.
        """
        service = self.get(name)
        started_ns = self._clock.monotonic_ns()
        outcome, detail = "failed", ""
        try:
            self._permit(service, data, caller)
            call = ServiceCall(name, _checked(service, data), caller, waits)
            answer = await service.handler(call) or {}
            outcome = "done"
        except AutocoreError as error:
            outcome, detail = error.code, str(error)
            raise
        except asyncio.CancelledError:
            outcome = "cancelled"
            raise
        finally:
            if not (service.is_query and outcome == "done"):  # who only looked changed nothing
                latency_s = (self._clock.monotonic_ns() - started_ns) / NS
                self._remember(Record(started_ns, name, dict(data), caller, outcome, detail, latency_s))
        return answer


def _checked(service: Service, data: Mapping[str, Any]) -> Mapping[str, Any]:
    schema = service.schema or vol.Schema({})
    try:
        checked: Mapping[str, Any] = schema(dict(data))
    except vol.Invalid as error:
        first = error.errors[0] if isinstance(error, vol.MultipleInvalid) else error
        raise InvalidData(first.msg, field=".".join(str(part) for part in first.path)) from error
    return checked


VERB_FIELDS: Fields = {
    vol.Required("entity"): vol.Any(str, vol.All([str], vol.Length(min=1))),
    vol.Optional("confirm"): bool,
    vol.Optional("pin"): str,
}


VERB_WORDS: Mapping[str, str] = {
    "turn_on": N_("Turn one or several on."),
    "turn_off": N_("Turn one or several off."),
    "toggle": N_("Turn on what is off, and off what is on."),
    "press": N_("Press one or several."),
    "set_value": N_("Set one or several to a value."),
    "select_option": N_("Choose an option."),
    "open_cover": N_("Open one or several."),
    "close_cover": N_("Close one or several."),
    "stop_cover": N_("Stop one or several where they are."),
    "set_cover_position": N_("Move one or several to a position in percent."),
}
"""What the verbs of the kinds do, in a sentence."""


def add_verbs(
    services: ServiceRegistry, entities: EntityRegistry, kind: type[Description], safeguards: Safeguards | None = None
) -> None:
    """Offer the verbs of a kind: each takes `entity`, one id or a list, and asks every one of them at the same time."""
    guards = safeguards or Safeguards()

    async def handle(call: ServiceCall) -> Mapping[str, Any]:
        wanted = call.data["entity"]
        verb = call.service.partition(".")[2]
        if isinstance(wanted, str):
            return await _command(_target(entities, kind, wanted), verb, call, guards)
        targets = [_target(entities, kind, one) for one in dict.fromkeys(wanted)]  # an id given twice is asked once
        return {"results": await _command_all(targets, verb, call, guards)}

    for verb, fields in kind.verbs.items():
        name = f"{kind.kind}.{verb}"
        services.add(Service(name, handle, "core", vol.Schema({**VERB_FIELDS, **fields}), Role.OPERATOR, VERB_WORDS[verb]))


def _target(entities: EntityRegistry, kind: type[Description], entity_id: str) -> Entity:
    entity = entities.get(entity_id)
    if entity.kind != kind.kind:
        raise InvalidData(f"{entity_id} is no {kind.kind}; name one that is", field="entity")
    return entity


async def _command(entity: Entity, verb: str, call: ServiceCall, safeguards: Safeguards) -> Mapping[str, Any]:
    if entity.handler is None:
        raise Refused(f"{entity.id} has nobody to carry out {verb}; its plugin {entity.owner} is not running", code="offline")
    data = {key: value for key, value in call.data.items() if key != "entity"}
    entity.description.check(verb, data)
    await safeguards.check(entity, verb, data, call.caller)
    answer = await entity.handler(Command(entity.id, verb, data, call.caller, call.waits))
    return {"entity": entity.id, **answer}


async def _command_all(
    targets: Sequence[Entity], verb: str, call: ServiceCall, safeguards: Safeguards
) -> list[Mapping[str, Any]]:
    async def one(entity: Entity) -> Mapping[str, Any]:
        try:
            return {"ok": True, **await _command(entity, verb, call, safeguards)}
        except AutocoreError as error:  # one board that is away must not hide what the others did
            return {"ok": False, "entity": entity.id, "code": error.code, "detail": str(error)}

    return list(await asyncio.gather(*(one(entity) for entity in targets)))
