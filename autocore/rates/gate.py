"""The gate before everybody's handlers: every message is counted against its sender's bucket, before its payload is read.

One look into a dictionary and two additions for each message. Nothing here can grow without a bound: devices have a bucket for
each of their few topics, topics that name no device have some thousands together, and all that is new shares one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from autocore.core.mqtt.message import Message
from autocore.rates.bucket import NS, Bucket
from autocore.rates.lanes import Lane, Place, place_of

OTHER_TOPICS = 2_000  # that name no device, each with a bucket of its own; a newer one takes the place of the most silent
UNKNOWN_PER_S, UNKNOWN_BURST = 100, 2_000  # all that is retained comes at once; later a workshop adds some an hour
BACKLOG = 100_000  # what the broker keeps of QoS 1 while the gateway is away (`max_queued_messages`)
BACKLOG_NS = 60 * NS  # it comes at ten thousand a second
RELEASE = b'"release"'


@dataclass(frozen=True, slots=True)
class Rates:
    """What a device may send: so many readings a second, and so many at once."""

    messages_per_s: float
    burst: int

    def bucket(self, lane: Lane) -> Bucket:
        """Give a full bucket for a topic of a lane."""
        return Bucket(self.messages_per_s * lane.value, self.burst * lane.value)


class Source:
    """One topic of a device, or one that names none, with what was left out of it.

    Args:
        device: whose it is; None for a topic that names no device, and for what nobody knows.
        topic: the one that is shown; of what nobody knows, the last one that was left out.
        lane: what it is for.
        bucket: None lets all pass.
    """

    __slots__ = ("bucket", "device", "dropped", "is_noted", "lane", "seen", "topic")

    def __init__(self, device: str | None, topic: str, lane: Lane, bucket: Bucket | None) -> None:
        self.device = device
        self.topic = topic
        self.lane = lane
        self.bucket = bucket
        self.dropped = 0
        self.seen = 0
        self.is_noted = False

    def since(self) -> int:
        """Give how many were left out since this was asked last."""
        amount, self.seen = self.dropped - self.seen, self.dropped
        return amount


class Gate:
    """Says of every message whether it passes.

    Args:
        root: the first level of the native topics.
        rates: of one device.
        is_known: whether there is a device of this id.
    """

    def __init__(self, root: str, rates: Rates, is_known: Callable[[str], object]) -> None:
        self.rates = rates
        self.dropped = 0
        """All that was left out."""
        self._newcomers = Bucket(UNKNOWN_PER_S, UNKNOWN_BURST)
        self.unknown = Source(None, "", Lane.TELEMETRY, self._newcomers)
        """What is said under ids and on topics that nobody knows."""
        self.wake: Callable[[], object] = lambda: None
        """Called when something is noted for the first time since `noted` was asked."""
        self._root = root
        self._is_known = is_known
        self._free = Source(None, "", Lane.FREE, None)
        self._sources: dict[str, Source] = {}
        self._of_device: dict[str, list[Source]] = {}
        self._others: dict[str, Source] = {}
        self._noted: list[Source] = []
        self._backlog, self._backlog_until_ns = 0, 0

    def admits(self, message: Message) -> bool:
        """Say whether a message passes; what does not is counted."""
        source = self._sources.get(message.topic) or self._source_of(message.topic, message.arrived_ns)
        bucket = source.bucket
        return bucket is None or bucket.take(message.arrived_ns) or self._is_excused(source, message)

    def expect_backlog(self, now_ns: int) -> None:
        """Let pass what the broker kept while the gateway was away: it comes all at once, and was promised to be kept."""
        self._backlog, self._backlog_until_ns = BACKLOG, now_ns + BACKLOG_NS

    def noted(self) -> list[Source]:
        """Give the sources of which something was left out since this was asked last."""
        noted, self._noted = self._noted, []
        for source in noted:
            source.is_noted = False
        return noted

    def forget(self, device_id: str) -> None:
        """Forget a device that is gone; should it come back it is a new one."""
        for source in self._of_device.pop(device_id, ()):
            self._sources.pop(source.topic, None)

    def dropped_of(self, device_id: str) -> int:
        """Give how many messages of a device were left out."""
        return sum(one.dropped for one in self._of_device.get(device_id, ()))

    def by_device(self) -> dict[str, int]:
        """Give the devices of which something was left out, with how much."""
        counted = {name: sum(one.dropped for one in sources) for name, sources in self._of_device.items()}
        return {name: amount for name, amount in sorted(counted.items()) if amount}

    def _is_excused(self, source: Source, message: Message) -> bool:
        """Say whether a message that is too much passes nevertheless; count it when it does not."""
        if source.lane is Lane.PRESS and RELEASE in message.payload:
            return True
        if message.qos and self._backlog and message.arrived_ns < self._backlog_until_ns:
            self._backlog -= 1
            return True
        self.dropped += 1
        source.dropped += 1
        if source is self.unknown:
            source.topic = message.topic
        if not source.is_noted:
            source.is_noted = True
            self._noted.append(source)
            self.wake()
        return False

    def _source_of(self, topic: str, now_ns: int) -> Source:
        place = place_of(self._root, topic)
        if place.lane is Lane.FREE:
            return self._free
        if place.device is None:
            return self._other(topic, place, now_ns)
        if not self._is_known(place.device):
            return self.unknown
        source = self._sources[topic] = Source(place.device, topic, place.lane, self.rates.bucket(place.lane))
        self._of_device.setdefault(place.device, []).append(source)
        return source

    def _other(self, topic: str, place: Place, now_ns: int) -> Source:
        """Give a topic that names no device a bucket of its own, unless too many new ones come."""
        if not self._newcomers.take(now_ns):
            return self.unknown
        if len(self._others) >= OTHER_TOPICS:
            silent = min(self._others, key=self._others_used)
            del self._others[silent], self._sources[silent]
        source = self._others[topic] = self._sources[topic] = Source(None, topic, place.lane, self.rates.bucket(place.lane))
        return source

    def _others_used(self, topic: str) -> int:
        bucket = self._others[topic].bucket
        return bucket.full_ns if bucket is not None else 0
