"""What the broker is asked for, so that every message comes once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autocore.core.mqtt.subscriptions import Subscriptions, join, overlaps
from autocore.core.mqtt.topics import matches

LEVEL = st.sampled_from(["a", "b", "c", "$s"])
TOPIC = st.lists(LEVEL, min_size=1, max_size=4).map("/".join)


@st.composite
def filters(draw: st.DrawFn) -> str:
    levels = draw(st.lists(st.sampled_from(["a", "b", "c", "+", "$s"]), min_size=1, max_size=4))
    return "/".join([*levels, "#"] if draw(st.booleans()) else levels)


@pytest.mark.parametrize(
    ("one", "other", "joined"),
    [
        ("relays/+/state", "relays/main/state", "relays/+/state"),
        ("a/+/c", "a/b/+", "a/+/+"),
        ("a/#", "a", "a/#"),
        ("a/#", "a/b/c", "a/#"),
        ("#", "a/b", "#"),
        ("a/b", "a/c", None),
        ("#", "$SYS/broker", None),
        ("a/b", "a/b/c", None),
    ],
)
def test_two_filters_become_one_where_a_message_would_come_twice(one: str, other: str, joined: str | None) -> None:
    assert overlaps(one, other) == overlaps(other, one) == (joined is not None)
    if joined is not None:
        assert join(one, other) == join(other, one) == joined


@given(filters(), filters(), TOPIC)
def test_what_matches_both_is_seen_and_the_join_loses_nothing(one: str, other: str, topic: str) -> None:
    if matches(one, topic) and matches(other, topic):
        assert overlaps(one, other)
    if overlaps(one, other) and (matches(one, topic) or matches(other, topic)):
        assert matches(join(one, other), topic)


@given(st.lists(st.tuples(filters(), st.integers(0, 1)), max_size=12), st.data(), TOPIC)
def test_whatever_is_wanted_comes_once(wanted: list[tuple[str, int]], data: st.DataObject, topic: str) -> None:
    subscriptions = Subscriptions()
    broker: dict[str, int] = {}

    def ask(fresh: dict[str, int], old: list[str]) -> None:
        broker.update(fresh)
        for name in old:
            del broker[name]

    for name, qos in wanted:
        ask(*subscriptions.add(name, qos))
    keep = list(wanted)
    for gone in data.draw(st.lists(st.sampled_from(wanted), unique_by=id, max_size=len(wanted)) if wanted else st.just([])):
        if gone in keep:
            keep.remove(gone)
            ask(*subscriptions.remove(*gone))
    assert set(broker) == set(subscriptions.asked())
    hits = [name for name in broker if matches(name, topic)]
    assert len(hits) <= 1
    if any(matches(name, topic) for name, _ in keep):
        assert len(hits) == 1
    if not keep:
        assert broker == {}


def test_who_comes_later_gets_the_retained_messages_too() -> None:
    subscriptions = Subscriptions()
    subscriptions.add("relays/+/state", 1)
    assert subscriptions.add("relays/main/state", 0) == ({"relays/+/state": 1}, [])
    assert subscriptions.remove("relays/main/state", 0) == ({}, [])
    assert subscriptions.add("relays/#", 0) == ({"relays/#": 1}, ["relays/+/state"])
    assert subscriptions.remove("relays/#", 0) == ({"relays/+/state": 1}, ["relays/#"])
