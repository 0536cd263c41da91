"""One relay channel as a state machine: events in, outputs out. No clock, no I/O: time comes in with the events.

What the channel shows is what the board reported. A request ends in exactly one of `Settle` and `Fail`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from .events import (
    Alarm,
    Answer,
    Ask,
    Beat,
    ChannelEvent,
    ChannelType,
    Drop,
    Fail,
    Halt,
    Halted,
    Hide,
    LetGo,
    Lost,
    Output,
    Pass,
    Report,
    Resume,
    SafeState,
    Send,
    Settle,
    Show,
    Tick,
    Wake,
)
from .wear import NEW, Duty, Wear

NS = 1_000_000_000
RELEASE_GRACE_S = 0.5  # a board's scan, its report and a slow link; after that the gateway releases the channel itself


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
        safe_state: where it goes when everything is stopped.
        min_off_s: how long it rests after it was on.
        duty: how long it may work.
        wear: how long it did.
        is_stopped: everything is stopped.
        halt_due_ns: when its board must have said that it is in its safe state.
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
    safe_state: SafeState = SafeState.OFF
    min_off_s: float = 0.0
    duty: Duty | None = None
    wear: Wear = NEW
    is_stopped: bool = False
    halt_due_ns: int | None = None

    @property
    def halts_at(self) -> bool | None:
        """What it shall be while everything is stopped, None when it may stay as it is."""
        if self.type is ChannelType.MOMENTARY or self.safe_state is SafeState.OFF:
            return False
        return True if self.safe_state is SafeState.ON else None

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
        case Halt() | Halted() | Resume():
            after = _stop(channel, event)
        case Lost():
            after = _lost(channel)
    return after


def _ask(channel: Channel, event: Ask) -> Step:
    if event.is_on and channel.type is ChannelType.MOMENTARY:
        if event.hold is None:
            return channel, (Fail(event.request, "hold_only", "it is on only while somebody holds it; hold it"),)
        if channel.hold is not None:
            return channel, (Fail(event.request, "held_by", "another hand holds it"),)
    if event.is_on and (refusal := _rests(channel, event)) is not None:
        return channel, (refusal,)
    outputs: list[Output] = []
    if channel.pending is not None:
        outputs.append(Fail(channel.pending.request, "superseded", "a newer command took its place"))
    deadline_ns = event.at_ns + round(channel.answer_within_s * NS)
    on_ms = round(channel.on_s * 1000) if channel.type.ends_itself and event.is_on else None
    outputs += [Send(event.request, event.is_on, on_ms, event.hold), Wake(deadline_ns)]
    if channel.hold is not None:
        outputs.append(Drop(channel.hold, "turned_off"))
    pending = Pending(event.request, event.is_on, deadline_ns)
    after = replace(channel, pending=pending, hold=event.hold, let_go_ns=None, unanswered=channel.left_unanswered)
    return after, tuple(outputs)


def _rests(channel: Channel, event: Ask) -> Fail | None:
    """Say why it cannot be turned on now: everything is stopped, or it has to rest; None when it can."""
    if channel.is_stopped and channel.halts_at is not True:
        return Fail(event.request, "stopped", "everything is stopped")
    if channel.reported:
        return None
    rests_ns = channel.wear.rests_ns(channel.min_off_s, event.at_ns)
    if rests_ns > 0:
        reason = f"it rests for {channel.min_off_s:g} s after it was on; {_seconds(rests_ns)} s are left"
        return Fail(event.request, "min_off", reason)
    if channel.duty is not None:
        cools_ns = channel.wear.ready_ns(channel.duty, event.at_ns) - event.at_ns
        if cools_ns > 0:
            limit = f"{channel.duty.on_s:g} s in {channel.duty.per_s:g} s"
            return Fail(event.request, "duty", f"it works for {limit} at most; it can again in {_seconds(cools_ns)} s")
    return None


def _seconds(left_ns: int) -> int:
    return -(-left_ns // NS)


def _stop(channel: Channel, event: Halt | Halted | Resume) -> Step:
    if isinstance(event, Halt):
        return _halt(channel, event)
    return replace(channel, is_stopped=channel.is_stopped and isinstance(event, Halted), halt_due_ns=None), ()


def _halt(channel: Channel, event: Halt) -> Step:
    """Go to the safe state; what was under way is over. What comes twice is done twice: somebody pressed again."""
    outputs: list[Output] = []
    wanted = channel.halts_at
    if wanted is not None:
        outputs.append(Send(None, wanted, why="stop"))
    if channel.pending is not None:
        outputs.append(Fail(channel.pending.request, "stopped", "everything was stopped"))
    if channel.hold is not None:
        outputs.append(Drop(channel.hold, "stopped"))
    after = replace(channel, is_stopped=True, hold=None, pending=None, unanswered=channel.left_unanswered)
    if wanted is None or (after.reported == wanted and not after.unanswered):  # a board says nothing when nothing changes
        return after, tuple(outputs)
    due_ns = event.at_ns + _answer_ns(channel)
    return replace(after, halt_due_ns=due_ns), (*outputs, Wake(due_ns))


def _answer_ns(channel: Channel) -> int:
    return round((channel.answer_within_s + RELEASE_GRACE_S) * NS)


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
    # It was on for this hand, and the board let go. While the press is on its way the word is of the hold before: a thumb that
    # presses again at once finds the board still on.
    if hold is not None and channel.pending is None and not event.is_on and channel.reported:
        outputs.append(Drop(hold, "board"))
        hold = None
    release_due_ns = channel.release_due_ns if event.is_on else None
    if channel.type.ends_itself and event.is_on and (answers or not channel.reported):
        release_due_ns = _release_due(channel, event.at_ns)
        outputs.append(Wake(release_due_ns))
    wear = channel.wear.came_on(event.at_ns) if event.is_on else channel.wear.went_off(event.at_ns)
    kept_s = 0.0 if channel.duty is None else channel.duty.per_s
    channel = replace(channel, wear=wear.since(event.at_ns - round(kept_s * NS)))
    max_due_ns = channel.max_due_ns if event.is_on else None
    if event.is_on and not channel.reported and (max_due_ns := _limit_ns(channel, event.at_ns)) is not None:
        outputs.append(Wake(max_due_ns))
    if channel.is_stopped and (wanted := channel.halts_at) is not None:
        if event.is_on == wanted:
            channel = replace(channel, halt_due_ns=None)
        elif channel.halt_due_ns is None:  # a button on the board, or one that comes back as it was
            channel = replace(channel, halt_due_ns=event.at_ns + _answer_ns(channel))
            outputs += [Send(None, wanted, why="stop"), Wake(event.at_ns + _answer_ns(channel))]
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
    if channel.halt_due_ns is not None and event.at_ns >= channel.halt_due_ns and channel.halts_at is not None:
        channel = replace(channel, halt_due_ns=event.at_ns + _answer_ns(channel))
        outputs += [Send(None, channel.halts_at is True, why="stop"), Alarm(), Wake(event.at_ns + _answer_ns(channel))]
    channel, late = _late(channel, event.at_ns)
    return channel, (*outputs, *late)


def _late(channel: Channel, now_ns: int) -> Step:
    """Turn off what is on longer than it may be: by its limit, its duty cycle, its own time, or its hand that is gone."""
    next_ns = now_ns + _answer_ns(channel)
    outputs: list[Output] = []
    limit_ns = _limit_ns(channel, now_ns) or now_ns
    if channel.max_due_ns is not None and now_ns >= channel.max_due_ns and limit_ns > now_ns:  # old work fell out of its window
        channel = replace(channel, max_due_ns=limit_ns)
        outputs.append(Wake(limit_ns))
    elif channel.max_due_ns is not None and now_ns >= channel.max_due_ns:
        outputs += [Send(None, is_on=False, why="late"), Wake(next_ns)]
        if channel.hold is not None:
            outputs.append(Drop(channel.hold, "board"))
        channel = replace(channel, max_due_ns=next_ns, hold=None)
    if channel.release_due_ns is not None and now_ns >= channel.release_due_ns:
        if channel.type is ChannelType.MOMENTARY and not channel.reported:
            return replace(channel, release_due_ns=None), tuple(outputs)
        channel = replace(channel, release_due_ns=next_ns)
        outputs += [Send(None, is_on=False, why="late"), Wake(next_ns)]
    return channel, tuple(outputs)


def _limit_ns(channel: Channel, now_ns: int) -> int | None:
    """Give when one that is on must be off by its limits, if it stays on; None when it has none."""
    ends: list[int] = []
    if channel.max_on_s is not None and channel.wear.on_since_ns is not None:
        ends.append(channel.wear.on_since_ns + round((channel.max_on_s + RELEASE_GRACE_S) * NS))
    if channel.duty is not None:
        ends.append(now_ns + channel.wear.left_ns(channel.duty, now_ns))
    return max(now_ns, min(ends)) if ends else None


def _release_due(channel: Channel, now_ns: int) -> int:
    return now_ns + round((channel.on_s + RELEASE_GRACE_S) * NS)


def _lost(channel: Channel) -> Step:
    outputs: list[Output] = []
    if channel.pending is not None:
        outputs.append(Fail(channel.pending.request, "offline", "the board went away before it answered"))
    if channel.hold is not None:
        outputs.append(Drop(channel.hold, "board"))
    outputs.append(Hide())
    channel = replace(channel, wear=channel.wear.forget_rest())
    gone = replace(channel, reported=None, pending=None, release_due_ns=None, hold=None, let_go_ns=None, max_due_ns=None)
    return replace(gone, unanswered=False, halt_due_ns=None), tuple(outputs)
