"""Our own decoder says what cantools says, for every field that a payload can hold."""

from __future__ import annotations

import math
import struct

import pytest
from cantools.database import Message, Signal
from cantools.database.conversion import BaseConversion
from hypothesis import given, settings
from hypothesis import strategies as st

from autocore.api import InvalidData
from autocore_plugins.can.fields import Field, Meaning, Selector, decode

SCALES = (1, 2, 3, -1, 0.1, 0.25, 0.01, 0.001, -0.5, 0.0009765625, 1e-7, 7.63e-06, 1.0)
OFFSETS = (0, -40, 100, 0.5, -273.15, 1.0)


def sawtooth(place: int) -> int:
    """Give the DBC number of the bit that is `place` bits from the left."""
    return place // 8 * 8 + 7 - place % 8


@st.composite
def fields(draw: st.DrawFn) -> tuple[Field, bytes]:
    payload = draw(st.binary(min_size=1, max_size=draw(st.sampled_from((8, 8, 64)))))
    is_float = draw(st.booleans()) and len(payload) >= 2
    widths = [width for width in (16, 32, 64) if width <= 8 * len(payload)]
    length = draw(st.sampled_from(widths)) if is_float else draw(st.integers(1, min(64, 8 * len(payload))))
    is_little = draw(st.booleans())
    place = draw(st.integers(0, 8 * len(payload) - length))
    start = place if is_little else sawtooth(place)
    is_signed = draw(st.booleans()) and not is_float
    return Field(
        start, length, is_little, is_signed, is_float, draw(st.sampled_from(SCALES)), draw(st.sampled_from(OFFSETS))
    ), payload


@settings(max_examples=600)
@given(fields())
def test_a_field_reads_as_cantools_reads_it(case: tuple[Field, bytes]) -> None:
    field, payload = case
    signal = Signal(
        "one",
        field.start,
        field.length,
        "little_endian" if field.is_little else "big_endian",
        field.is_signed,
        conversion=BaseConversion.factory(field.scale, field.offset, is_float=field.is_float),
    )
    theirs = Message(1, "m", len(payload), [signal]).decode(payload)["one"]
    ours = decode(field, payload)
    assert isinstance(theirs, (int, float))
    if not math.isfinite(theirs):
        assert ours is None
    elif isinstance(theirs, int):
        assert (ours, type(ours)) == (theirs, int)
    else:
        assert ours == pytest.approx(theirs, rel=1e-12, abs=1e-9)


@given(fields(), st.integers(0, 64))
def test_a_payload_that_is_too_short_holds_no_value(case: tuple[Field, bytes], length: int) -> None:
    field, payload = case
    short = payload[:length]
    place = field.start if field.is_little else sawtooth(field.start)
    fits = place + field.length <= 8 * len(short)
    assert (field.raw(short) is not None) is fits


@pytest.mark.parametrize(
    ("field", "payload", "value"),
    [
        (Field(7, 16, is_little=False, scale=0.25), "0ce4", 825.0),
        (Field(0, 8, offset=-40), "5a", 50),
        (Field(0, 8, scale=0.1), "03", 0.3),
        (Field(0, 12, is_signed=True), "ffff", -1),
        (Field(0, 64), "ffffffffffffffff", 2**64 - 1),
        (Field(0, 32, is_float=True), "0000803f", 1.0),
        (Field(0, 32, is_float=True), "0000c07f", None),
        (Field(0, 64, scale=1.0, offset=1.0), "ffffffffffffff7f", 2**63),
    ],
    ids=["motorola", "offset", "a clean decimal", "negative", "64 bits", "float", "not a number", "whole numbers stay whole"],
)
def test_known_fields(field: Field, payload: str, value: float | None) -> None:
    assert decode(field, bytes.fromhex(payload)) == value


@pytest.mark.parametrize(
    ("arguments", "place"),
    [
        ({"start": 0, "length": 0}, "length"),
        ({"start": 0, "length": 65}, "length"),
        ({"start": 0, "length": 24, "is_float": True}, "length"),
        ({"start": -1, "length": 8}, "start_bit"),
        ({"start": 505, "length": 8}, "start_bit"),
        ({"start": 0, "length": 8, "scale": 0}, "scale"),
        ({"start": 0, "length": 8, "scale": math.inf}, "scale"),
    ],
)
def test_a_field_that_no_payload_has_is_refused(arguments: dict[str, float], place: str) -> None:
    with pytest.raises(InvalidData) as refused:
        Field(**arguments)  # type: ignore[arg-type]  # what is wrong is the test
    assert refused.value.field == place


def test_a_table_makes_words_and_a_measurement_keeps_its_numbers() -> None:
    gear = Meaning(Field(0, 4), {0: "Neutral", 1: "1"})
    assert (gear.value(0), gear.value(9)) == ("Neutral", "9")
    level = Meaning(Field(0, 8, scale=0.5), {255: "not available"}, "%")
    assert (level.value(100), level.value(255)) == (50.0, None)
    flag = Meaning(Field(3, 1), {})
    assert (flag.value(1), flag.value(0)) == (True, False)


def test_a_multiplexed_field_is_there_only_under_its_number() -> None:
    selector = Selector(Field(0, 8), frozenset({1, 2}))
    meaning = Meaning(Field(8, 8), {}, selectors=(selector,))
    assert [meaning.is_there(bytes([number, 7])) for number in range(4)] == [False, True, True, False]
    assert not meaning.is_there(b"")


def test_half_precision_is_read() -> None:
    assert decode(Field(0, 16, is_float=True), struct.pack("<e", 1.5)) == 1.5
