"""Holds: what is on only while somebody's hand is there (safety.md). Who holds is known here; what is held, its plugin knows.

The gateway originates no beat: each that goes out to a board is one that came in fresh, with its stamp. None is queued, kept or
repeated. A hold whose beats stay away is over, and one that is over never lives again.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import voluptuous as vol

from autocore.core.clock import NS, Clock, Timer
from autocore.core.entities import Command, Entity, EntityRegistry
from autocore.core.errors import InvalidData, PermissionDenied, Refused, UnknownName
from autocore.core.kinds import Description
from autocore.core.model import Caller, Role
from autocore.core.names import N_
from autocore.core.safeguards import Safeguards
from autocore.core.services import Record, Service, ServiceCall, ServiceRegistry

BEAT_EVERY_MS = 100  # decisions.md, Beats: what a holder shall do
STALE_MS = 300  # protocol.md, rule 7: a link that stalled brings its beats in one burst, so their age decides
DEAD_MAN_MS = 500  # safety.md: after the stamp of the last beat, not after its arrival
LAPSED_KEPT = 1_024  # leases are random: of one that lies so many holds back no press is on its way any more
HANDS = frozenset({"rest", "websocket", "mqtt"})
"""The ways in behind which a hand can be; no rule, macro or message holds anything."""
MS = NS // 1_000


class Ending(StrEnum):
    """Why a hold is over."""

    RELEASED = "released"
    NO_BEAT = "no_beat"
    GONE = "gone"
    TURNED_OFF = "turned_off"
    BOARD = "board"
    REFUSED = "refused"
    STOPPED = "stopped"


@dataclass(slots=True)
class DeadMan:
    """The newest beat of one hold. Pure: stamps and time come from the caller, in milliseconds of the gateway's clock."""

    t_ms: int
    n: int = 0

    @property
    def due_ms(self) -> int:
        """When it lets go, unless a fresh beat comes before."""
        return self.t_ms + DEAD_MAN_MS

    def take(self, t_ms: int, now_ms: int) -> bool:
        """Take a beat and say whether it was fresh: newer than the last, not from the future, not stale, and not too late."""
        if not self.t_ms < t_ms <= now_ms or now_ms - t_ms > STALE_MS or now_ms >= self.due_ms:
            return False
        self.t_ms, self.n = t_ms, self.n + 1
        return True


@dataclass(slots=True, eq=False)
class Hold:
    """One hand on one entity.

    Attributes:
        id: what the board knows it by.
        lease: what the holder proves it with, beside being who began it.
        ending: why it is over, None while it lives.
    """

    id: str
    lease: str
    entity: Entity
    grip: Grip
    caller: Caller
    began_ns: int
    dead_man: DeadMan
    ending: Ending | None = None
    timer: Timer | None = None

    @property
    def t_ms(self) -> int:
        """The stamp of the newest beat: what the command that turns it on carries, for it is its own first beat."""
        return self.dead_man.t_ms

    @property
    def is_over(self) -> bool:
        """Whether the hand is gone."""
        return self.ending is not None


@dataclass(frozen=True, slots=True)
class Grip:
    """What a plugin does when one of its entities is held.

    Args:
        press: turns it on for a hold and gives the outcome; raises `Refused` or `NoAnswer`. It may find the hold over at its end.
        beat: passes a fresh beat on, at once: (id of the hold, its number, stamp in ms).
        release: turns it off, at once: (id of the hold, why).
    """

    press: Callable[[Hold, Command], Any]
    beat: Callable[[str, int, int], None]
    release: Callable[[str, Ending], None]


class Holds:
    """Every hold that lives.

    Args:
        clock: whose milliseconds are the ticks.
        entities: what can be held.
        remember: takes the record of each end.
        safeguards: asked before each begins.
    """

    def __init__(
        self,
        clock: Clock,
        entities: EntityRegistry,
        remember: Callable[[Record], None],
        safeguards: Safeguards | None = None,
    ) -> None:
        self._safeguards = safeguards or Safeguards()
        self._clock = clock
        self._entities = entities
        self._remember = remember
        self._by_lease: dict[str, Hold] = {}
        self._by_entity: dict[str, Hold] = {}
        self._grips: dict[str, Grip] = {}
        self._lapsed: dict[str, None] = {}
        self._followers: dict[str, Callable[[Ending], object]] = {}

    def __iter__(self) -> Iterator[Hold]:
        """Give those that live, oldest first."""
        return iter(list(self._by_lease.values()))

    def __len__(self) -> int:
        return len(self._by_lease)

    @property
    def tick_ms(self) -> int:
        """The tick of now: what a holder sends back with its next beat."""
        return self._clock.monotonic_ns() // MS

    def add(self, entity: Entity, grip: Grip) -> None:
        """Let an entity be held."""
        self._grips[entity.id] = grip

    def remove(self, entity: Entity) -> None:
        """Let an entity be held no more, and end the hold that it may be in; harmless when it cannot be held."""
        self.let_go(entity, Ending.STOPPED)
        self._grips.pop(entity.id, None)

    def can_hold(self, entity: Entity) -> bool:
        """Say whether an entity is one that is held."""
        return entity.id in self._grips

    def offer(self, services: ServiceRegistry, kind: type[Description]) -> None:
        """Offer the service `<kind>.hold`."""
        schema = vol.Schema(
            {
                vol.Required("entity"): str,
                vol.Optional("lease"): vol.All(str, vol.Length(min=16, max=64)),
                vol.Optional("tick"): int,
                vol.Optional("confirm"): bool,
                vol.Optional("pin"): str,
            }
        )

        async def hold(call: ServiceCall) -> Mapping[str, Any]:
            if self._entities.get(call.data["entity"]).kind != kind.kind:
                raise InvalidData(f"{call.data['entity']} is no {kind.kind}; name one that is", field="entity")
            return await self._begin(call)

        words = N_("Hold one: it is on while beats come, every 100 ms, and off half a second after the last.")
        services.add(Service(f"{kind.kind}.hold", hold, "core", schema, Role.OPERATOR, words))

    def follow(self, lease: str, on_end: Callable[[Ending], object]) -> None:
        """Call `on_end` once when the hold of a lease, which may be about to begin, is over."""
        self._followers[lease] = on_end

    def forget(self, lease: str) -> None:
        """Follow a lease no more: its hold did not begin."""
        self._followers.pop(lease, None)

    def beat(self, lease: str, t_ms: int, caller: Caller) -> bool:
        """Take a beat; say whether it was fresh, and so went on to the board.

        Args:
            lease: of the hold.
            t_ms: the newest tick that the holder has seen.
            caller: who beats: the one who began.

        Raises:
            UnknownName: there is no such hold, or no longer.
            PermissionDenied: it is another's.
        """
        hold = self._held(lease, caller)
        if not hold.dead_man.take(t_ms, self.tick_ms):
            return False
        hold.grip.beat(hold.id, hold.dead_man.n, t_ms)
        return True

    def release(self, lease: str, caller: Caller, ending: Ending = Ending.RELEASED) -> None:
        """Let go.

        Raises:
            UnknownName: there is no such hold, or no longer.
            PermissionDenied: it is another's.
        """
        self._end(self._held(lease, caller), ending)

    def let_go(self, entity: Entity, ending: Ending) -> None:
        """End the hold of an entity, whoever holds it; harmless when nobody does."""
        hold = self._by_entity.get(entity.id)
        if hold is not None:
            self._end(hold, ending)

    def let_go_all(self, ending: Ending) -> None:
        """End every hold."""
        for hold in self:
            self._end(hold, ending)

    async def _begin(self, call: ServiceCall) -> Mapping[str, Any]:
        entity = self._entities.get(call.data["entity"])
        name = entity.description.name
        if call.caller.cause.via not in HANDS:
            raise Refused(f"{name} is held by a hand, and {call.caller.cause.via} has none", code="no_hand")
        grip = self._grips.get(entity.id)
        if grip is None:
            why = "its plugin is not running" if entity.handler is None else "it is no momentary channel; turn it on instead"
            raise Refused(f"{name} cannot be held: {why}", code="offline" if entity.handler is None else "not_momentary")
        if (other := self._by_entity.get(entity.id)) is not None:
            raise Refused(f"{name} is held by {other.caller.cause.who}", code="held_by")
        self._check_age(call.data.get("tick"))
        lease = call.data.get("lease") or secrets.token_urlsafe(16)
        if lease in self._by_lease or lease in self._lapsed:  # a press that a network doubles is no second press
            raise InvalidData("this lease was used already; leave it out, and one is made", field="lease")
        await self._safeguards.check(entity, "hold", call.data, call.caller)
        if (other := self._by_entity.get(entity.id)) is not None:  # while the PIN was looked at
            raise Refused(f"{name} is held by {other.caller.cause.who}", code="held_by")
        now_ns = self._clock.monotonic_ns()
        dead_man = DeadMan(call.data.get("tick", now_ns // MS))
        hold = Hold(secrets.token_hex(8), lease, entity, grip, call.caller, now_ns, dead_man)
        self._by_lease[lease] = self._by_entity[entity.id] = hold
        self._watch(hold)
        data = {key: value for key, value in call.data.items() if key not in ("entity", "lease", "tick")}
        with ExitStack() as unless_on:
            unless_on.callback(self._end, hold, Ending.REFUSED)
            # Whoever holds hears of the board's refusal, also who would not wait for it: else nobody would end the hold.
            answer = await grip.press(hold, Command(entity.id, "hold", data, call.caller, waits=True))
            unless_on.pop_all()
        beats = {"beat_every_ms": BEAT_EVERY_MS, "lapses_after_ms": DEAD_MAN_MS, "tick": self.tick_ms}
        return {"entity": entity.id, "lease": lease, **beats, **answer}

    def _check_age(self, tick_ms: int | None) -> None:
        """Refuse a press that a network held back: whoever pressed may be gone. One that says no tick is taken as one of now."""
        if tick_ms is not None and not 0 <= self.tick_ms - tick_ms <= STALE_MS:
            raise Refused(f"the press is {self.tick_ms - tick_ms} ms old, at most {STALE_MS}; press again", code="stale")

    def _held(self, lease: str, caller: Caller) -> Hold:
        hold = self._by_lease.get(lease)
        if hold is None:
            raise UnknownName("hold", lease)
        if (hold.caller.cause.who, hold.caller.session) != (caller.cause.who, caller.session):
            raise PermissionDenied(f"{hold.entity.description.name} is held by {hold.caller.cause.who}")
        return hold

    def _watch(self, hold: Hold) -> None:
        left_ms = hold.dead_man.due_ms - self.tick_ms
        if left_ms <= 0:
            self._end(hold, Ending.NO_BEAT)
        elif not hold.is_over:
            hold.timer = self._clock.call_later(left_ms / 1_000, lambda: self._watch(hold))

    def _end(self, hold: Hold, ending: Ending) -> None:
        if hold.is_over:
            return
        hold.ending = ending
        if hold.timer is not None:
            hold.timer.cancel()
        del self._by_lease[hold.lease], self._by_entity[hold.entity.id]
        self._lapsed[hold.lease] = None
        if len(self._lapsed) > LAPSED_KEPT:
            del self._lapsed[next(iter(self._lapsed))]
        hold.grip.release(hold.id, ending)
        if ending is not Ending.REFUSED:  # that is in the record of the call
            now_ns = self._clock.monotonic_ns()
            data = {"entity": hold.entity.id, "hold": hold.id, "beats": hold.dead_man.n}
            service, held_s = f"{hold.entity.kind}.release", (now_ns - hold.began_ns) / NS
            self._remember(Record(now_ns, service, data, hold.caller, "done", f"{ending}: held for {held_s:.1f} s", held_s))
        follower = self._followers.pop(hold.lease, None)
        if follower is not None:
            follower(ending)
