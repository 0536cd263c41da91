"""One relay channel as a state machine: events in, outputs out. No clock, no I/O: time comes in with the events.

What the channel shows is what the board reported. A request ends in exactly one of `Settle` and `Fail`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

NS = 1_000_000_000
RELEASE_GRACE_S = 0.5  # a board's scan, its report and a slow link; after that the gateway releases the channel itself


class ChannelType(StrEnum):
    """How a channel behaves (safety.md)."""

    TOGGLE = "toggle"
    MOMENTARY = "momentary"
    PULSE = "pulse"
    TIMED = "timed"

    @property
    def ends_itself(self) -> bool:
        """Say whether the board turns it off after a duration."""
        return self in (ChannelType.PULSE, ChannelType.TIMED)


@dataclass(frozen=True, slots=True)
class Ask:
    """Somebody wants the channel on or off; `hold` is that of the hand that holds it on."""

    request: int
    is_on: bool
    at_ns: int
    hold: str | None = None


@dataclass(frozen=True, slots=True)
class Beat:
    """The hand is still there: the number of the beat, and the stamp of the holder in ms."""

    hold: str
    number: int
    t_ms: int


@dataclass(frozen=True, slots=True)
class LetGo:
    """The hand is gone."""

    hold: str
    at_ns: int


@dataclass(frozen=True, slots=True)
class Report:
    """The board says what the channel is; `is_fresh` is False for a stored (retained) report."""

    is_on: bool
    is_fresh: bool
    at_ns: int


@dataclass(frozen=True, slots=True)
class Answer:
    """The board says what became of a request: `accepted`, `applied`, `refused` or `expired`."""

    request: int
    status: str
    reason: str | None
    at_ns: int


@dataclass(frozen=True, slots=True)
class Tick:
    """Time went on."""

    at_ns: int


@dataclass(frozen=True, slots=True)
class Lost:
    """The board is gone: nothing it said before is known to hold."""

    at_ns: int


ChannelEvent = Ask | Beat | LetGo | Report | Answer | Tick | Lost


@dataclass(frozen=True, slots=True)
class Send:
    """Send the board a command; `request` is None for one that the gateway itself originates (a late release)."""

    request: int | None
    is_on: bool
    duration_ms: int | None = None
    hold: str | None = None


@dataclass(frozen=True, slots=True)
class Pass:
    """Pass a beat on to the board, with its stamp."""

    hold: str
    number: int
    t_ms: int


@dataclass(frozen=True, slots=True)
class Drop:
    """The hold is over, and its hand does not know yet: the board let go, or somebody turned the channel off (`is_by_board`)."""

    hold: str
    is_by_board: bool


@dataclass(frozen=True, slots=True)
class Settle:
    """The request was carried out; `is_confirmed` says whether the board's reported state shows it."""

    request: int
    is_confirmed: bool


@dataclass(frozen=True, slots=True)
class Fail:
    """The request came to nothing; the codes are those of the errors, such as `refused`, `held_by` or `offline`."""

    request: int
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Show:
    """The channel is on or off; `request` is the one that caused it, None when the board did it of itself."""

    is_on: bool
    request: int | None


@dataclass(frozen=True, slots=True)
class Hide:
    """Nobody knows what the channel is."""


@dataclass(frozen=True, slots=True)
class Wake:
    """Bring a `Tick` at that time."""

    at_ns: int


Output = Send | Pass | Drop | Settle | Fail | Show | Hide | Wake


@dataclass(frozen=True, slots=True)
class Pending:
    """A request on its way."""

    request: int
    is_on: bool
    deadline_ns: int
    is_applied: bool = False


@dataclass(frozen=True, slots=True)
class Channel:
    """What is known of one channel.

    Args:
        type: see `ChannelType`.
        answer_within_s: how long the board may take to answer.
        on_s: how long a pulse or a timed channel stays on; the board times it.
        max_on_s: the longest that it may be on; the board keeps it, the gateway looks.
        reported: what the board said last, None when that is not known to hold.
        pending: the request on its way.
        release_due_ns: when it must have turned itself off.
        hold: of the hand that holds it.
        max_due_ns: when it must be off by `max_on_s`.
        unanswered: an on was sent of which the board did not say what became; what it reported before may not hold.
        let_go_ns: when the last hand let go; what the board reports soon after may be from before.
    """

    type: ChannelType
    answer_within_s: float
    on_s: float = 0.0
    max_on_s: float | None = None
    reported: bool | None = None
    pending: Pending | None = None
    release_due_ns: int | None = None
    hold: str | None = None
    let_go_ns: int | None = None
    max_due_ns: int | None = None
    unanswered: bool = False

    @property
    def is_off(self) -> bool:
        """Whether it is off for sure: the board said so last, and nothing is on its way that would turn it on (safety.md 5)."""
        return self.reported is False and not self.unanswered and not self._is_turning_on

    @property
    def _is_turning_on(self) -> bool:
        return self.pending is not None and self.pending.is_on

    @property
    def left_unanswered(self) -> bool:
        """What `unanswered` is when nobody waits for the pending request any more."""
        return self.unanswered or self._is_turning_on


Step = tuple[Channel, tuple[Output, ...]]


def step(channel: Channel, event: ChannelEvent) -> Step:
    """Give the channel after `event`, and what is to be done about it, in this order."""
    match event:
        case Ask():
            after = _ask(channel, event)
        case Beat():
            after = channel, (Pass(event.hold, event.number, event.t_ms),) if event.hold == channel.hold else ()
        case LetGo():
            after = _let_go(channel, event)
        case Report():
            after = _report(channel, event)
        case Answer():
            after = _answer(channel, event)
        case Tick():
            after = _tick(channel, event)
        case Lost():
            after = _lost(channel)
    return after


def _ask(channel: Channel, event: Ask) -> Step:
    if event.is_on and channel.type is ChannelType.MOMENTARY:
        if event.hold is None:
            return channel, (Fail(event.request, "hold_only", "it is on only while somebody holds it; hold it"),)
        if channel.hold is not None:
            return channel, (Fail(event.request, "held_by", "another hand holds it"),)
    outputs: list[Output] = []
    if channel.pending is not None:
        outputs.append(Fail(channel.pending.request, "superseded", "a newer command took its place"))
    deadline_ns = event.at_ns + round(channel.answer_within_s * NS)
    on_ms = round(channel.on_s * 1000) if channel.type.ends_itself and event.is_on else None
    outputs += [Send(event.request, event.is_on, on_ms, event.hold), Wake(deadline_ns)]
    if channel.hold is not None:
        outputs.append(Drop(channel.hold, is_by_board=False))
    pending = Pending(event.request, event.is_on, deadline_ns)
    after = replace(channel, pending=pending, hold=event.hold, let_go_ns=None, unanswered=channel.left_unanswered)
    return after, tuple(outputs)


def _let_go(channel: Channel, event: LetGo) -> Step:
    if event.hold != channel.hold:
        return channel, ()
    outputs: list[Output] = [Send(None, is_on=False, hold=event.hold)]
    if channel.pending is not None:
        outputs.append(Fail(channel.pending.request, "released", "it was let go before the board answered"))
    due_ns = event.at_ns + round(RELEASE_GRACE_S * NS)
    outputs.append(Wake(due_ns))
    after = replace(channel, hold=None, pending=None, release_due_ns=due_ns, let_go_ns=event.at_ns)
    return replace(after, unanswered=channel.left_unanswered), tuple(outputs)


def _report(channel: Channel, event: Report) -> Step:
    outputs: list[Output] = []
    pending, hold = channel.pending, channel.hold
    answers = pending is not None and event.is_fresh and event.is_on == pending.is_on
    outputs.append(Show(event.is_on, pending.request if pending and answers else None))
    if pending is not None and answers:
        outputs.append(Settle(pending.request, is_confirmed=True))
        pending = None
    if hold is not None and not event.is_on and channel.reported:  # it was on for this hand, and the board let go
        outputs.append(Drop(hold, is_by_board=True))
        hold = None
    release_due_ns = channel.release_due_ns if event.is_on else None
    if channel.type.ends_itself and event.is_on and (answers or not channel.reported):
        release_due_ns = _release_due(channel, event.at_ns)
        outputs.append(Wake(release_due_ns))
    max_due_ns = channel.max_due_ns if event.is_on else None
    if channel.max_on_s is not None and event.is_on and not channel.reported:
        max_due_ns = event.at_ns + round((channel.max_on_s + RELEASE_GRACE_S) * NS)
        outputs.append(Wake(max_due_ns))
    if _comes_late(channel, event):
        release_due_ns = event.at_ns + round(RELEASE_GRACE_S * NS)
        outputs.append(Wake(release_due_ns))
    after = replace(channel, reported=event.is_on, pending=pending, release_due_ns=release_due_ns, hold=hold)
    return replace(after, max_due_ns=max_due_ns, unanswered=False), tuple(outputs)


def _comes_late(channel: Channel, event: Report) -> bool:
    """Say whether a report shows the channel on although its hand let go a moment ago; it is looked at again."""
    if not event.is_on or channel.hold is not None or channel.let_go_ns is None or channel.release_due_ns is not None:
        return False
    return event.at_ns - channel.let_go_ns < round(channel.answer_within_s * NS)


def _answer(channel: Channel, event: Answer) -> Step:
    pending = channel.pending
    if pending is None or pending.request != event.request or event.status == "accepted":
        return channel, ()
    if event.status != "applied":
        reason = event.reason or ("it came too late" if event.status == "expired" else "no reason given")
        return replace(channel, pending=None, hold=None), (Fail(event.request, "refused", reason),)
    # A pulse may be over before its report is looked at; the others are done when the board also reports it.
    if channel.type is ChannelType.PULSE or channel.reported == pending.is_on:
        settled = Settle(event.request, is_confirmed=channel.reported == pending.is_on)
        if not pending.is_on or channel.reported != pending.is_on:
            channel = replace(channel, unanswered=pending.is_on)
        if channel.type.ends_itself and pending.is_on and channel.reported:  # it was on already and begins anew
            due_ns = _release_due(channel, event.at_ns)
            return replace(channel, pending=None, release_due_ns=due_ns), (settled, Wake(due_ns))
        return replace(channel, pending=None), (settled,)
    return replace(channel, pending=replace(pending, is_applied=True)), ()


def _tick(channel: Channel, event: Tick) -> Step:
    outputs: list[Output] = []
    pending = channel.pending
    if pending is not None and event.at_ns >= pending.deadline_ns:
        if pending.is_applied:
            outputs.append(Settle(pending.request, is_confirmed=False))
        else:
            outputs.append(Fail(pending.request, "no_answer", f"no answer within {channel.answer_within_s:g} s"))
        channel = replace(channel, pending=None, unanswered=channel.left_unanswered)
    if channel.max_due_ns is not None and event.at_ns >= channel.max_due_ns:
        next_ns = event.at_ns + round((channel.answer_within_s + RELEASE_GRACE_S) * NS)
        outputs += [Send(None, is_on=False), Wake(next_ns)]
        if channel.hold is not None:
            outputs.append(Drop(channel.hold, is_by_board=True))
        channel = replace(channel, max_due_ns=next_ns, hold=None)
    if channel.release_due_ns is not None and event.at_ns >= channel.release_due_ns:
        if channel.type is ChannelType.MOMENTARY and not channel.reported:
            return replace(channel, release_due_ns=None), tuple(outputs)
        next_ns = event.at_ns + round((channel.answer_within_s + RELEASE_GRACE_S) * NS)
        channel = replace(channel, release_due_ns=next_ns)
        outputs += [Send(None, is_on=False), Wake(next_ns)]
    return channel, tuple(outputs)


def _release_due(channel: Channel, now_ns: int) -> int:
    return now_ns + round((channel.on_s + RELEASE_GRACE_S) * NS)


def _lost(channel: Channel) -> Step:
    outputs: list[Output] = []
    if channel.pending is not None:
        outputs.append(Fail(channel.pending.request, "offline", "the board went away before it answered"))
    if channel.hold is not None:
        outputs.append(Drop(channel.hold, is_by_board=True))
    outputs.append(Hide())
    gone = replace(channel, reported=None, pending=None, release_due_ns=None, hold=None, let_go_ns=None, max_due_ns=None)
    return replace(gone, unanswered=False), tuple(outputs)
