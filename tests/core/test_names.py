"""Names: what people and devices may call things, and what is made of it."""

from __future__ import annotations

import unicodedata

import pytest
import voluptuous as vol
from hypothesis import given
from hypothesis import strategies as st

from autocore.core.config.types import label
from autocore.core.errors import InvalidData
from autocore.core.names import check_readable, readable

HIDING = st.sampled_from(
    "\0\x01\t\n\r\x1b\x7f\x85\xad\u061c\u200b\u200e\u200f\u2028\u2029\u202a\u202e\u2060\u2066\u2069\ufeff\U000e0041"
)
TEXTS = st.text(st.one_of(HIDING, st.characters(exclude_categories=[])), max_size=80)


def hides(text: str) -> bool:
    """Say whether Unicode calls something in a text a control character, a mark of direction, a break or half a character."""
    of_direction = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
    return any(
        unicodedata.category(one) in ("Cc", "Cs", "Zl", "Zp") or unicodedata.bidirectional(one) in of_direction for one in text
    )


@given(TEXTS, st.integers(1, 100))
def test_what_a_device_calls_itself_becomes_one_line_in_which_nothing_is_hidden(text: str, longest: int) -> None:
    name = readable(text, longest)
    assert not hides(name)
    assert len(name) <= longest
    assert name == " ".join(name.split())
    assert readable(name, longest) == name, "what was cleaned is clean"
    check_readable({"name": name})


def is_taken(text: str) -> bool:
    try:
        check_readable({"name": text, "limits": None})
    except InvalidData:
        return False
    return True


@given(TEXTS)
def test_a_person_hides_nothing_and_is_refused_nothing_else(text: str) -> None:
    if is_taken(text):
        assert not hides(text)
    else:
        assert readable(text, len(text)) != text


@pytest.mark.parametrize(
    "name", ["Água quente", "Kühlbox 12 V", "می\u200cروم", "क्\u200dष", "🧑\u200d🔧 Werkstatt", "水", "A·B/C (2)"]
)
def test_names_of_every_language_stay_as_they_are(name: str) -> None:
    assert readable(name, 60) == name
    assert label(name) == name
    check_readable({"name": name})


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("  Relay\t\nboard  ", "Relay board"),
        ("\u202egnp.exe", "gnp.exe"),
        ("a\0b\x1b[31mc", "ab[31mc"),
        ("\u200b\u2066\ufeff", ""),
        ("x" * 70, "x" * 60),
        ("y" * 59 + " z", "y" * 59),
    ],
    ids=["white space", "turned round", "control characters", "nothing but marks", "too long", "a space at the cut"],
)
def test_a_name_is_cleaned(said: str, name: str) -> None:
    assert readable(said, 60) == name


@pytest.mark.parametrize("name", ["\u202eevil", "a\0", "a\nb", "", "x" * 61, 7, None])
def test_a_name_in_the_configuration_has_1_to_60_characters_with_nothing_hidden(name: object) -> None:
    with pytest.raises(vol.Invalid):
        vol.Schema(label)(name)
