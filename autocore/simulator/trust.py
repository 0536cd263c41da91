"""Whose commands a device obeys, and what time it is at the gateway. Pure: no I/O, and its clock is the caller's.

Kept so that an error can only make a device more cautious: the gateway's clock is taken as being as late as the welcome
allows, so an age is never judged too small, a stale command is never obeyed and a hold never outlives its last beat.
"""

from __future__ import annotations

from collections import Counter
from enum import Enum

from autocore.simulator.wire import Answer, GatewayStatus, Order, Welcome

LONGEST_ROUND_TRIP_MS = 500  # protocol.md, rule 1: from the device's status to the welcome's arrival
LARGEST_LEAD_MS = 50  # in the 60 s between two welcomes clocks drift by 6 ms at 100 ppm; more means ours is wrong
FIRST_PATIENCE_MS = 3_000  # how long a status may stay unanswered before it is published again
LONGEST_PATIENCE_MS = 30_000
REFRESH_MS = 60_000  # a welcomed device still says how it is, and a welcome in answer corrects its clock
WELCOME_HOLDS_MS = 180_000  # a clock that is 100 ppm wrong is 18 ms off by then; two statuses may stay without an answer
HURRIES = 4  # a slow link is not asked for ever: each hurry costs a status and a welcome


class Verdict(Enum):
    """Whether a command is obeyed; the value is the reason that goes into its answer."""

    OBEY = ""
    NOT_WELCOMED = "the gateway has not welcomed this session"
    FOREIGN = "it is for another session"
    OLD = "its number is not newer than the last one"
    AHEAD = "its time lies ahead of the gateway's clock as known here"
    EXPIRED = "its time to live is over"


class Trust:
    """What stands between a device and the gateway: session, epoch, numbers, clock offset, when to ask for a welcome.

    Attributes:
        drops: how many orders and beats each verdict turned away.
    """

    def __init__(self) -> None:
        self.session: str | None = None
        self.drops: Counter[Verdict] = Counter()
        self._gateway: GatewayStatus | None = None
        self._epoch: int | None = None
        self._is_welcomed = False
        self._offset_ms = self._welcomed_ms = 0
        self._last_seq: dict[type[Order], int] = {}
        self._floor_seq = 0
        self._asked_ms: dict[int, int] = {}  # number of a status that may still be answered -> when it was published
        self._asks = 0
        self._ask_ms = 0
        self._patience_ms = FIRST_PATIENCE_MS
        self._hurries = HURRIES

    @property
    def is_welcomed(self) -> bool:
        """Whether commands of this session may be obeyed."""
        return self._is_welcomed

    @property
    def is_gateway_away(self) -> bool:
        """Whether the gateway, or its last will, said that it is not there; silence does not count."""
        return self._gateway is not None and not self._gateway.is_present

    @property
    def is_gateway_leaving(self) -> bool:
        """Whether the gateway said that its power goes: nobody needs to wait whether it comes back."""
        return self._gateway is not None and self._gateway.is_leaving

    @property
    def ask_ms(self) -> int:
        """When the status is to be published next, so that the gateway welcomes us."""
        return self._ask_ms

    def connect(self, session: str, now_ms: int) -> None:
        """Begin a connection: until its welcome nobody is obeyed."""
        self.session = session
        self._void()
        self._epoch = self._gateway = None  # within a session are numbers compared: what was said to another one is foreign
        self._asks = 0
        self._ask_anew(now_ms)

    def disconnect(self) -> None:
        """End the connection: nobody is obeyed."""
        self.session = None
        self._void()

    def ask(self, now_ms: int) -> int:
        """Give the number of the status that is published now, which asks for a welcome; none comes twice in a session."""
        self._asks += 1
        recent = {number: at_ms for number, at_ms in self._asked_ms.items() if now_ms - at_ms <= LONGEST_ROUND_TRIP_MS}
        self._asked_ms = {**recent, self._asks: now_ms}
        if now_ms - self._welcomed_ms >= WELCOME_HOLDS_MS:
            self._void()
        if self._is_welcomed:
            self._ask_ms = now_ms + REFRESH_MS
        else:
            self._ask_ms = now_ms + self._patience_ms
            self._patience_ms = min(2 * self._patience_ms, LONGEST_PATIENCE_MS)
        return self._asks

    def gateway_spoke(self, status: GatewayStatus, now_ms: int, *, is_retained: bool) -> None:
        """Take in `gateway/status`: a gateway that went away is obeyed no more, a new one is asked for a welcome.

        Args:
            status: what it said.
            now_ms: the device's clock.
            is_retained: the broker kept it for us, so it is no news when it is the first that we hear.
        """
        if not status.is_present and status.epoch is not None and status.epoch < (self._epoch or 0):
            return  # the last word of an earlier start; the one that welcomed us is still there
        before, self._gateway = self._gateway, status
        if not status.is_present:
            self._void()
            self._asked_ms.clear()
        elif (before is None and not is_retained) or (
            before is not None and (not before.is_present or before.epoch != status.epoch)
        ):
            self._void()
            self._ask_anew(now_ms)

    def welcome(self, welcome: Welcome, now_ms: int) -> bool:
        """Take a welcome; say whether it holds.

        It names the status that it answers, so its round trip is known, and whatever a stalled link or a repeater brings
        late is told from the word of a gateway that is there now. A foreign, repeated or overtaken welcome changes nothing.
        """
        if welcome.session != self.session:
            return False
        asked_ms = self._asked_ms.get(welcome.ask or 0)
        if asked_ms is None or now_ms - asked_ms > LONGEST_ROUND_TRIP_MS:
            self._note_unasked(welcome, now_ms)
            return False
        self._asked_ms = {number: at_ms for number, at_ms in self._asked_ms.items() if number > (welcome.ask or 0)}
        if welcome.epoch != self._epoch:
            self._void()
            self._epoch, self._last_seq, self._floor_seq = welcome.epoch, {}, 0
        if not self._is_welcomed:  # a QoS 2 command may be overtaken by a QoS 1 welcome, so a later one leaves the numbers alone
            self._floor_seq = max(self._floor_seq, welcome.seq)
        self._is_welcomed, self._welcomed_ms, self._offset_ms = True, now_ms, welcome.t_ms - asked_ms
        self._gateway = GatewayStatus(status="online", epoch=welcome.epoch)  # it has just answered, whatever its status says
        self._patience_ms, self._hurries = FIRST_PATIENCE_MS, HURRIES
        self._ask_ms = now_ms + REFRESH_MS
        return True

    def local_ms(self, t_ms: int) -> int:
        """Give the device's time at which the gateway's clock showed `t_ms`, or a little earlier, never later.

        Only a welcomed device knows.
        """
        return t_ms - self._offset_ms

    def judge(self, order: Order, now_ms: int) -> Verdict:
        """Say whether `order` is obeyed, and remember its number; each kind of order is numbered upwards."""
        return self._counted(self._verdict(order, now_ms))

    def judge_stamp(self, t_ms: int, longest_ms: int, now_ms: int) -> Verdict:
        """Say whether something stamped `t_ms` by the gateway's clock is at most `longest_ms` old."""
        return self._counted(self._verdict_of_age(t_ms, longest_ms, now_ms))

    def _verdict(self, order: Order, now_ms: int) -> Verdict:
        if not self._is_welcomed:
            return Verdict.NOT_WELCOMED
        if order.session != self.session or order.epoch != self._epoch:
            return Verdict.FOREIGN
        if order.seq <= max(self._floor_seq, self._last_seq.get(type(order), 0)):
            return Verdict.OLD
        self._last_seq[type(order)] = order.seq
        return self._verdict_of_age(order.t_ms, order.ttl_ms, now_ms)

    def _verdict_of_age(self, t_ms: int, longest_ms: int, now_ms: int) -> Verdict:
        if not self._is_welcomed:
            return Verdict.NOT_WELCOMED
        age_ms = now_ms - self.local_ms(t_ms)
        if age_ms < -LARGEST_LEAD_MS:
            self._void()  # the gateway's clock is later than we took it for, so ages were judged too small
            self._hurry(now_ms)
            return Verdict.AHEAD
        return Verdict.EXPIRED if age_ms > longest_ms else Verdict.OBEY

    def _counted(self, verdict: Verdict) -> Verdict:
        if verdict is not Verdict.OBEY:
            self.drops[verdict] += 1
        return verdict

    def _note_unasked(self, welcome: Welcome, now_ms: int) -> None:
        """Take a welcome that answers no status of now, as from a gateway that connected and found our retained one."""
        if not self._is_welcomed:
            self._hurry(now_ms)
        elif welcome.epoch == self._epoch:
            self._verdict_of_age(welcome.t_ms, 0, now_ms)  # it has no round trip, but a time that may prove our clock wrong

    def _void(self) -> None:
        self._is_welcomed = False

    def _hurry(self, now_ms: int) -> None:
        """Ask at once, for somebody is there; not for ever, for a slow link needs its pauses to be told apart."""
        if not self._is_welcomed and self._hurries > 0:
            self._hurries -= 1
            self._ask_ms = now_ms

    def _ask_anew(self, now_ms: int) -> None:
        self._asked_ms.clear()
        self._patience_ms, self._hurries = FIRST_PATIENCE_MS, HURRIES
        self._ask_ms = now_ms


def answer_to(order: Order, verdict: Verdict) -> Answer | None:
    """Give what is said about an order that is not obeyed; None for an old one, which had its answer already."""
    if verdict is Verdict.OLD:
        return None
    return Answer(order.id, "expired" if verdict is Verdict.EXPIRED else "refused", verdict.value)
