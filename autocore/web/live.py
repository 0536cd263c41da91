"""The live socket: the newest state of what a client asked for, calls, and their results. A slow client gets less, never late.

For each client there is one set of entities that changed since its last frame, so memory does not grow with the rate.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Annotated, Any

import msgspec
from litestar import WebSocket
from litestar.exceptions import WebSocketDisconnect

from autocore.auth.accounts import Accounts
from autocore.builtin.eventtypes import EventClass, class_of, without_secrets
from autocore.core.bus import ALL, Bus, Event
from autocore.core.clock import NS, Timeline
from autocore.core.entities import Entity, EntityRegistry
from autocore.core.errors import AutocoreError, InvalidData
from autocore.core.holds import Holds
from autocore.core.model import Caller, Role, State
from autocore.core.mqtt.message import check_depth
from autocore.core.services import ServiceRegistry
from autocore.rates.bucket import Bucket
from autocore.web.errors import problem_of
from autocore.web.holding import BeatWord, Hands, HoldWord
from autocore.web.views import entity_view, iso

FRAME_S = 0.016  # one frame of a screen: more often nobody sees it
CHECK_S = 0.4  # with half a second of trust in a checked token: closed within a second of its revocation
CALLS_AT_ONCE = 16
WORDS_PER_S = 100.0  # of one client; ten fingers that hold something make as many
WORDS_AT_ONCE = 200
INTERESTS = 64  # of one client; a page of the admin has one or two
CLIENTS = 200
EVENTS_WAITING, EVENT_BYTES_WAITING = 200, 262_144  # for each client; newest win, what is left out is counted
UNAUTHORISED = 4401
Names = Annotated[list[Annotated[str, msgspec.Meta(max_length=200)]], msgspec.Meta(max_length=2_000)]

log = logging.getLogger("autocore.web")


class Interest(msgspec.Struct, forbid_unknown_fields=True):
    """What a client wants to hear: entities by id, by kind, by pattern; events by type."""

    entities: Names = []
    kinds: Names = []
    patterns: Names = []
    events: Names = []
    since: int | None = None

    def wants(self, entity: Entity) -> bool:
        """Say whether an entity belongs to it."""
        return (
            entity.id in self.entities or entity.kind in self.kinds or any(fnmatchcase(entity.id, one) for one in self.patterns)
        )


class Call(msgspec.Struct):
    """A service to be called."""

    id: int | str
    service: str
    data: dict[str, Any] = {}


class Word(msgspec.Struct):
    """What a client can say; one of them at a time."""

    subscribe: Interest | None = None
    unsubscribe: Interest | None = None
    call: Call | None = None
    hold: HoldWord | None = None
    beat: BeatWord | None = None
    release: int | str | None = None
    ping: int | str | None = None


_decoder = msgspec.json.Decoder(Word)
_encode = msgspec.json.encode


class Client:
    """One socket: its interests, what changed since its last frame, and its calls."""

    def __init__(self, live: Live, socket: WebSocket[Any, Any, Any], caller: Caller) -> None:
        self.caller = caller
        self.interests: list[Interest] = []
        self.changed: dict[str, Entity] = {}
        self._events: deque[str] = deque()
        self._event_bytes = 0
        self.wake = asyncio.Event()
        self._live = live
        self._socket = socket
        self._calls: set[asyncio.Task[None]] = set()
        self._hands = Hands(live.holds, live.services, caller, self.send)
        self._sending = asyncio.Lock()

    def wants(self, entity: Entity) -> bool:
        """Say whether any interest includes an entity."""
        return any(interest.wants(entity) for interest in self.interests)

    def tell(self, event: str) -> int:
        """Have an event sent with the next frame; give how many older ones went for it."""
        self._events.append(event)
        self._event_bytes += len(event)
        self.wake.set()
        before = len(self._events)
        while len(self._events) > EVENTS_WAITING or (self._event_bytes > EVENT_BYTES_WAITING and len(self._events) > 1):
            self._next_event()
        return before - len(self._events)

    async def send(self, body: Any) -> None:
        """Send one frame."""
        await self._send(_encode(body).decode())

    async def take(self, text: str) -> None:
        """Do what the client says."""
        try:
            check_depth(text.encode(), "")
            word = _decoder.decode(text)
        except (InvalidData, msgspec.ValidationError, msgspec.DecodeError) as error:
            await self.send({"error": {"code": "invalid", "detail": f"this is no message for the live socket: {error}"}})
            return
        if word.beat is not None:
            self._hands.beat(word.beat)
        elif word.release is not None:
            self._hands.release(word.release)
        elif word.hold is not None:
            await self._hands.hold(word.hold)
        elif word.subscribe is not None:
            await self._subscribe(word.subscribe)
        elif word.unsubscribe is not None:
            self._unsubscribe(word.unsubscribe)
        elif word.call is not None:
            await self._call(word.call)
        elif word.ping is not None:
            await self.send({"pong": word.ping, "tick": self._live.holds.tick_ms})
        else:
            known = "subscribe, unsubscribe, call, hold, beat, release or ping"
            await self.send({"error": {"code": "unknown", "detail": f"say one of {known}"}})

    async def frames(self) -> None:
        """Send what changed, at most once a frame, until the socket is gone."""
        while True:
            await self.wake.wait()
            self.wake.clear()
            if self.changed:
                changed, self.changed = self.changed, {}
                states = [self._live.encoded(entity) for entity in changed.values()]
                await self.send({"changes": {"seq": self._live.last_seq, "states": states}})
            for _ in range(len(self._events)):
                if self._events:  # else others came while it waited, and these went for them
                    await self._send(self._next_event())
            await asyncio.sleep(FRAME_S)

    def close(self) -> None:
        """Let go of what is held, and of the calls; what was sent to a board stays sent."""
        self._hands.close()
        for task in self._calls:
            task.cancel()

    async def _send(self, text: str) -> None:
        async with self._sending:
            await self._socket.send_text(text)

    def _next_event(self) -> str:
        event = self._events.popleft()
        self._event_bytes -= len(event)
        return event

    async def _subscribe(self, interest: Interest) -> None:
        lasting = msgspec.structs.replace(interest, since=None)
        if lasting not in self.interests:
            if len(self.interests) >= INTERESTS:
                many = f"a client has at most {INTERESTS} subscriptions; unsubscribe from some, or name more in one"
                await self.send({"error": {"code": "too_many", "detail": many}})
                return
            self.interests.append(lasting)
            self._live.forget_routes()
        entities = self._live.entities
        since = interest.since or 0
        states = [
            entity_view(entity, self._live.timeline)
            for entity in entities
            if interest.wants(entity) and entity.state.seq >= since
        ]
        unknown = [name for name in interest.entities if name not in entities]
        await self.send({"snapshot": {"seq": self._live.last_seq, "states": states, "unknown": unknown}})

    def _unsubscribe(self, gone: Interest) -> None:
        def rest(names: list[str], lost: list[str]) -> list[str]:
            return [name for name in names if name not in lost]

        left = [
            Interest(
                rest(one.entities, gone.entities),
                rest(one.kinds, gone.kinds),
                rest(one.patterns, gone.patterns),
                rest(one.events, gone.events),
            )
            for one in self.interests
        ]
        self.interests = [one for one in left if one != Interest()]
        self._live.forget_routes()

    async def _call(self, call: Call) -> None:
        if len(self._calls) >= CALLS_AT_ONCE:  # said at once: of one that does not take its answers nothing more is read
            await self.send({"result": {"id": call.id, "ok": False, "code": "busy", "detail": "too many calls at once"}})
            return
        task = asyncio.get_running_loop().create_task(self._carry_out(call))
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)

    async def _carry_out(self, call: Call) -> None:
        try:
            outcome = {"ok": True, **await self._live.services.call(call.service, call.data, self.caller)}
        except AutocoreError as error:
            outcome = {"ok": False, **problem_of(error)}
        with contextlib.suppress(OSError):  # ASGI's word for a client that left; the call itself is in the audit
            await self.send({"result": {"id": call.id, **outcome}})


class Live:
    """All clients of the live socket."""

    def __init__(
        self, entities: EntityRegistry, services: ServiceRegistry, holds: Holds, accounts: Accounts, bus: Bus, timeline: Timeline
    ) -> None:
        self.entities = entities
        self.services = services
        self.holds = holds
        self.timeline = timeline
        self.last_seq = 0
        self.left_out = 0
        """Events that clients did not get because they read too slowly."""
        self._accounts = accounts
        self._clients: set[Client] = set()
        self._routes: dict[str, tuple[Client, ...]] = {}
        self._encoded: dict[str, tuple[int, msgspec.Raw]] = {}
        self._undo: list[Callable[[], None]] = [entities.on("", self._on_state), bus.on(ALL, self._on_event)]

    def close(self) -> None:
        """Hear nothing more."""
        for undo in self._undo:
            undo()

    def __len__(self) -> int:
        return len(self._clients)

    async def serve(self, socket: WebSocket[Any, Any, Any], caller: Caller, token: str | None) -> None:
        """Serve one client until it or its right to be here is gone."""
        await socket.accept()
        if len(self._clients) >= CLIENTS:
            await socket.close(code=1013, reason="too many clients")
            return
        client = Client(self, socket, caller)
        self._clients.add(client)
        tasks = [
            asyncio.get_running_loop().create_task(work)
            for work in (self._listen(client, socket), client.frames(), self._watch(socket, caller, token))
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._clients.discard(client)
            self.forget_routes()
            client.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def forget_routes(self) -> None:
        """Find anew who wants what."""
        self._routes.clear()

    def encoded(self, entity: Entity) -> msgspec.Raw:
        """Give an entity's state as JSON, made once for all clients."""
        state = entity.state
        known = self._encoded.get(entity.id)
        if known is None or known[0] != state.seq:
            body = {
                "id": entity.id,
                "value": state.value,
                "available": state.available,
                "changed_at": iso(self.timeline.wall_ns(state.boot, state.changed_ns)),
                "updated_at": iso(self.timeline.wall_ns(state.boot, state.updated_ns)),
                "seq": state.seq,
            }
            known = self._encoded[entity.id] = (state.seq, msgspec.Raw(_encode(body)))
        return known[1]

    def event_view(self, event: Event) -> Mapping[str, Any]:
        """Give an event as clients see it."""
        boot = self.entities.boot
        return {
            "type": event.type,
            "class": class_of(event.type, event.data).value,
            "data": without_secrets(event.data),
            "seq": event.seq,
            "at": iso(self.timeline.wall_ns(boot, event.at_ns)),
        }

    def _on_state(self, entity: Entity, _old: State, new: State) -> None:
        self.last_seq = new.seq
        clients = self._routes.get(entity.id)
        if clients is None:
            clients = self._routes[entity.id] = tuple(one for one in self._clients if one.wants(entity))
        for client in clients:
            client.changed[entity.id] = entity
            client.wake.set()

    def _on_event(self, event: Event) -> None:
        if class_of(event.type, event.data) is EventClass.SECURITY:
            return  # security.md 6: nothing of who may travels on the live stream
        text = ""
        for client in self._clients:
            if any(fnmatchcase(event.type, one) for interest in client.interests for one in interest.events):
                text = text or _encode({"event": self.event_view(event)}).decode()
                self.left_out += client.tell(text)

    async def _listen(self, client: Client, socket: WebSocket[Any, Any, Any]) -> None:
        bucket, loop = Bucket(WORDS_PER_S, WORDS_AT_ONCE), asyncio.get_running_loop()
        try:
            while True:
                text = await socket.receive_text()
                if not bucket.take(round(loop.time() * NS)):  # whoever says too much is read more slowly, and nobody else is
                    await asyncio.sleep(1 / WORDS_PER_S)
                await client.take(text)
        except WebSocketDisconnect:
            return

    async def _watch(self, socket: WebSocket[Any, Any, Any], caller: Caller, token: str | None) -> None:
        while token is not None:
            await asyncio.sleep(CHECK_S)
            try:
                now = await self._accounts.authenticate(token, caller.cause.via, caller.cause.address or "")
            except AutocoreError:
                await socket.close(code=UNAUTHORISED, reason="log in again")
                return
            if now.role < Role.VIEWER or now.role != caller.role:
                await socket.close(code=UNAUTHORISED, reason="the role changed; connect again")
                return
        await asyncio.Event().wait()  # without a token (the control socket) nothing ends but the socket
