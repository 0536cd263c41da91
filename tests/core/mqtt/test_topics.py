"""Which message reaches which subscription."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autocore.core.errors import InvalidData
from autocore.core.mqtt.topics import TopicTrie, check_filter, check_topic, matches

LEVELS = st.sampled_from(["a", "b", "autocore", "", "$SYS"])
TOPICS = st.lists(LEVELS, min_size=1, max_size=5).map("/".join).filter(bool)
FILTERS = (
    st.tuples(st.lists(st.one_of(LEVELS, st.just("+")), min_size=1, max_size=4), st.booleans())
    .map(lambda parts: "/".join([*parts[0], "#"] if parts[1] else parts[0]))
    .filter(bool)
)


@pytest.mark.parametrize(
    ("filter_", "topic", "reaches"),
    [
        ("a/b", "a/b", True),
        ("a/+", "a/b", True),
        ("a/+", "a/b/c", False),
        ("a/#", "a", True),
        ("a/#", "a/b/c", True),
        ("#", "a/b", True),
        ("#", "$SYS/load", False),
        ("+/load", "$SYS/load", False),
        ("$SYS/#", "$SYS/load", True),
        ("a", "A", False),
        ("+", "a/", False),
        ("a/+", "a/", True),
    ],
)
def test_the_rules_of_mqtt(filter_: str, topic: str, reaches: bool) -> None:
    assert matches(filter_, topic) is reaches


@given(filters=st.lists(FILTERS, max_size=12), topics=st.lists(TOPICS, min_size=1, max_size=8), data=st.data())
def test_the_trie_finds_what_the_rules_find_also_after_some_left(
    filters: list[str], topics: list[str], data: st.DataObject
) -> None:
    trie: TopicTrie[int] = TopicTrie()
    removers = [trie.add(one, number) for number, one in enumerate(filters)]
    for topic in topics:
        assert sorted(trie.route(topic)) == [number for number, one in enumerate(filters) if matches(one, topic)]
    gone = set(data.draw(st.lists(st.integers(0, max(0, len(filters) - 1)), max_size=6))) if filters else set()
    for number in gone:
        removers[number]()
        removers[number]()
    for topic in topics:
        wanted = [number for number, one in enumerate(filters) if matches(one, topic) and number not in gone]
        assert sorted(trie.route(topic)) == wanted


@pytest.mark.parametrize("wrong", ["", "a/b#", "a/#/b", "a+/b", "a\0b", "x" * 70_000, "\ud800"], ids=range(7))
def test_what_is_no_filter_is_refused(wrong: str) -> None:
    with pytest.raises(InvalidData):
        check_filter(wrong)


@pytest.mark.parametrize("wrong", ["", "a/+", "#", "a\0"])
def test_what_is_no_topic_is_refused(wrong: str) -> None:
    with pytest.raises(InvalidData):
        check_topic(wrong)
