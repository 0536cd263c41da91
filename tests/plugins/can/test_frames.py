"""Frames as JSON: every wrong one is refused by its field, and the others of the message still count."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autocore_plugins.can.frames import EXTENDED, RawFrame, bits_on_wire, id_of, is_extended, key_of, raw_frames, readable


def parse(payload: Any) -> tuple[list[RawFrame], list[str]]:
    refused: list[str] = []
    return list(raw_frames(payload, lambda field, _reason: refused.append(field))), refused


@pytest.mark.parametrize(
    ("payload", "frames"),
    [
        ({"bus": "a", "id": 0x123, "data": "0102"}, [RawFrame("a", 0x123, b"\x01\x02")]),
        ({"bus": "a", "id": "0x7FF", "data": "", "ts": 1.5}, [RawFrame("a", 0x7FF, b"")]),
        ({"bus": "a", "id": 0x123, "data": "01", "ext": True}, [RawFrame("a", 0x123 | EXTENDED, b"\x01")]),
        ({"id": 0x18FEF100, "data": "01"}, [RawFrame("", 0x18FEF100 | EXTENDED, b"\x01")]),
        (
            [{"bus": "a", "id": 1, "data": "01"}, {"bus": "b", "id": 2, "data": "02"}],
            [RawFrame("a", 1, b"\x01"), RawFrame("b", 2, b"\x02")],
        ),
        ({"bus": "a", "signals": {"rpm": {"value": 1}}}, []),
    ],
    ids=["plain", "hexadecimal", "extended", "extended by its size", "a list", "the decoded form"],
)
def test_good_messages(payload: Any, frames: list[RawFrame]) -> None:
    assert parse(payload) == (frames, [])


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ("text", ""),
        (7, ""),
        (None, ""),
        ([7], "0"),
        ({"bus": "a", "data": "01"}, "id"),
        ({"bus": "a", "id": -1, "data": "01"}, "id"),
        ({"bus": "a", "id": True, "data": "01"}, "id"),
        ({"bus": "a", "id": "x", "data": "01"}, "id"),
        ({"bus": "a", "id": 0x20000000, "data": "01"}, "id"),
        ({"bus": "a", "id": 0x800, "data": "01", "ext": False}, "id"),
        ({"bus": "a", "id": 1, "data": "01", "ext": "no"}, "ext"),
        ({"bus": 7, "id": 1, "data": "01"}, "bus"),
        ({"bus": "a", "id": 1}, "data"),
        ({"bus": "a", "id": 1, "data": "0"}, "data"),
        ({"bus": "a", "id": 1, "data": "zz"}, "data"),
        ({"bus": "a", "id": 1, "data": "00" * 65}, "data"),
        ({"bus": "a", "id": 1, "data": [1, 2]}, "data"),
    ],
)
def test_a_wrong_message_is_refused_by_its_field(payload: Any, field: str) -> None:
    assert parse(payload) == ([], [field])


def test_a_wrong_frame_does_not_cost_its_neighbours() -> None:
    frames, refused = parse([{"bus": "a", "id": 1, "data": "01"}, {"id": "?"}, {"bus": "a", "id": 2, "data": "02"}])
    assert ([frame.key for frame in frames], refused) == ([1, 2], ["id"])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["bus", "id", "data", "ext", "ts", "signals"]), inner, max_size=6)
    ),
    max_leaves=12,
)


@given(json_values)
def test_no_json_whatsoever_breaks_it(payload: Any) -> None:
    for frame in parse(payload)[0]:
        assert 0 <= id_of(frame.key) <= 0x1FFFFFFF
        assert len(frame.data) <= 64


@given(st.integers(0, 0x1FFFFFFF), st.booleans())
def test_a_key_holds_the_identifier_and_its_kind(frame_id: int, extended: bool) -> None:
    key = key_of(frame_id, is_extended=extended)
    assert (id_of(key), is_extended(key)) == (frame_id, extended)


def test_bits_and_names() -> None:
    assert bits_on_wire(0x100, 8) == 135
    assert bits_on_wire(key_of(0x100, is_extended=True), 8) == 160
    assert (readable(0x1A0), readable(key_of(0x1A0, is_extended=True))) == ("0x1A0", "0x000001A0")
