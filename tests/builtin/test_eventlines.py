"""Every event is one line that a person can read, and a flood of them is a number."""

from __future__ import annotations

import logging

import pytest

from autocore.builtin.eventlines import LINES, EventLines
from autocore.builtin.eventtypes import TYPES, EventClass, class_of, sentence_of
from autocore.core.bus import Bus, Event
from autocore.core.clock import Sequence
from autocore.core.model import GATEWAY, Cause
from autocore.testing import FakeClock


class Voice:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.lines = EventLines(self.clock)
        self.bus = Bus(self.clock, Sequence(1, lambda limit: None))
        self.bus.on("*", lambda event: self.lines.say(event, class_of(event.type, event.data)))


@pytest.fixture
def voice(caplog: pytest.LogCaptureFixture) -> Voice:
    caplog.set_level(logging.INFO, "autocore.events")
    return Voice()


def test_an_event_is_a_line_of_its_part_at_the_level_of_its_class(voice: Voice, caplog: pytest.LogCaptureFixture) -> None:
    voice.bus.emit("device.offline", {"device": "winch"}, Cause("device", "winch"))
    voice.bus.emit("user.added", {"user": "bia", "role": "viewer"}, Cause("rest", "ana", "::1"))
    voice.bus.emit("device.reported", {"device": "winch", "code": "hot", "message": "too hot"})
    assert [(one.name, one.levelname, one.getMessage()) for one in caplog.records] == [
        ("autocore.events.device", "WARNING", "the device winch is offline"),
        ("autocore.events.user", "INFO", "the user bia was made (viewer) (by ana, rest)"),
        ("autocore.events.device", "ERROR", "the device winch reports: too hot (hot)"),
    ]


def test_what_the_plugins_part_says_itself_is_not_said_twice(voice: Voice, caplog: pytest.LogCaptureFixture) -> None:
    voice.bus.emit("plugin.failed", {"plugin": "can", "reason": "no bus"})
    assert caplog.records == []


def test_a_flood_is_counted_and_then_told_once(voice: Voice, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(500):
        voice.bus.emit("device.online", {"device": "loose"})
    voice.bus.emit("device.offline", {"device": "winch"})  # another type still has its line
    assert len(caplog.records) == LINES + 1
    voice.clock.advance(61)
    voice.lines.turn()
    assert caplog.records[-1].getMessage() == "device.online came 500 times in a minute; 480 of them were not written here"
    assert voice.lines.left_out == 480
    voice.bus.emit("device.online", {"device": "loose"})
    assert caplog.records[-1].getMessage() == "the device loose is online"


def test_types_that_somebody_makes_up_do_not_grow_the_memory(voice: Voice) -> None:
    for number in range(3_000):
        voice.bus.emit(f"mad.kind{number}")
    assert len(voice.lines._said) <= 501


def test_what_a_device_says_can_forge_no_line_and_shows_no_secret() -> None:
    data = {"device": "winch", "code": "x", "message": "hot\n2026-01-01T00:00:00Z ERROR autocore: forged \x1b[31m" + "y" * 900}
    sentence = sentence_of("device.reported", data)
    assert sentence.isprintable()
    assert len(sentence) <= 400
    assert sentence_of("mad.event", {"pin": "1234", "near": {"Token": "abc"}, "at": [1, None]}) == (
        "mad.event: pin ***, near Token ***, at 1, nothing"
    )


def test_a_sentence_with_a_field_that_is_missing_is_still_one() -> None:
    for one in TYPES.values():
        assert sentence_of(one.name, {}).isprintable()
        assert one.sentence % dict.fromkeys(one.fields, "x")


@pytest.mark.parametrize(
    ("event_type", "data", "kind"),
    [
        ("entity.limit", {"level": "critical"}, "error"),
        ("entity.limit", {"level": None}, "info"),
        ("notification.sent", {"severity": "warning"}, "warning"),
        ("tank.leak", {"class": "warning"}, "warning"),
        ("tank.leak", {"class": ["warning"]}, "info"),
        ("tank.leak", {}, "info"),
        ("auth.failed", {"class": "info"}, "security"),
    ],
    ids=["an alarm", "an alarm that is over", "a notice", "a plugin's word", "no word", "silence", "no plugin's to say"],
)
def test_the_class_is_that_of_the_type_unless_its_data_say_it(event_type: str, data: dict[str, object], kind: str) -> None:
    assert class_of(event_type, data) is EventClass(kind)


def test_a_plugins_own_sentence_is_its_line() -> None:
    event = Event("tank.leak", {"class": "warning", "text": "the tank loses water"}, GATEWAY, 1, 1)
    assert sentence_of(event.type, event.data) == "the tank loses water"
